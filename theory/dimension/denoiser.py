"""The linear denoiser of n points, each noised m times: which ridge it is, how far from the best, how much it varies.

Least squares of x on u = x + τξ over all n·m noised points. Only the mean ū of the m copies of a point knows x; their
scatter is noise alone, a ridge that is random. What comes out is on average the best denoiser Σ(Σ+κ)⁻¹ at a higher
noise κ, the renormalised noise; and it scatters, one training set from the next, the more the fewer noised points
there are to a dimension. With n·m = d it scatters without end.

The data have the eigenvalues λ_j, some of which may be 0: D of d are not. v = τ²/m is the noise variance of ū.
"""

from collections.abc import Iterator

import sympy as sp

from theory.core.bounds import Bracket, Condition, Edge
from theory.core.formula import Branch, Formula
from theory.core.mean import Mean, single
from theory.core.special import remainder, smaller
from theory.core.steps import Identity, Limit, Premise, Step, shared
from theory.letters import (
    POSITIVE,
    contrast4,
    d,
    eigenvalue,
    eigenvalues,
    gamma,
    kappa,
    noises,
    other_eigenvalue,
    rho,
    tau2,
    unknown,
    variable,
)
from theory.linear.noises import noised_regression, noises_trace
from theory.spectra import renormalised_noise_formula

V = tau2 / noises  # noise variance of the mean of the copies
_NONE, _ONE, _TWO = (Mean(eigenvalues**k / (eigenvalues + kappa) ** 2, eigenvalues) for k in range(3))
_INVERSE = Mean(1 / (eigenvalues + kappa), eigenvalues)
_SEEN = Mean(eigenvalues / (eigenvalues + kappa), eigenvalues)


class _Response:
    """How ζ and w, which stand for the two sample covariances, answer to a ridge z(Σ+τ²): dζ/dz and dw/dz at z = 0.

    none, one, two: the averages ⟨λ^k/(λ+κ)²⟩; c: γ(w/ζ)²/(m−1).
    """

    def __init__(self, none: sp.Expr, one: sp.Expr, two: sp.Expr, c: sp.Expr, v: sp.Expr = V) -> None:
        self.spread = none * two - one**2  # ≥ 0, and 0 for white data
        self.first = two + (v + tau2) * one + v * tau2 * none  # ⟨(λ+v)(λ+τ²)/(λ+κ)²⟩
        self.zeroth = one + tau2 * none  # ⟨(λ+τ²)/(λ+κ)²⟩
        self.less = (kappa - v) * (2 * one + (kappa + v) * none)  # 1 − ⟨(λ+v)²/(λ+κ)²⟩
        own = two + 2 * v * one + v**2 * none
        self.determinant = remainder(gamma, own, self.less) - c * none + gamma * c * self.spread
        self.zeta = gamma * (self.first - c * self.spread) / self.determinant
        self.w = c * (self.zeroth - gamma * (tau2 - v) * self.spread) / self.determinant


def _plain(expr: sp.Expr) -> sp.Expr:
    """The expression with `remainder` written out as 1 − x·share."""
    return expr.replace(lambda e: isinstance(e, remainder), lambda e: e.doit())


def _error(none: sp.Expr, one: sp.Expr, two: sp.Expr, c: sp.Expr) -> sp.Expr:
    """The error: that of the mean denoiser, at the wrong noise κ, and what the scatter around it adds."""
    found = _Response(none, one, two, c)
    wrong = kappa**2 * one
    return wrong + tau2 * two + found.w * two + found.zeta * (wrong + V * two)


# Symbols of the proof: one eigenvalue s, ζ and w with their slopes in z, averages, and c.
_s, _zeta, _w, _z, _dz, _dw = sp.symbols("s zeta w z zeta_z w_z", positive=True)
_a0, _a1, _a2, _h, _c, _v, _m, _k = sp.symbols("a0 a1 a2 h c v_bar m k", positive=True)
_NAMED = {_NONE: _a0, _ONE: _a1, _TWO: _a2, _INVERSE: _h, _SEEN: 1 - kappa * _h}
_BACK = {_a0: 1 / (_s + kappa) ** 2, _a1: _s / (_s + kappa) ** 2, _a2: (_s / (_s + kappa)) ** 2}


@shared
def _equivalents() -> Iterator[Step]:
    """A = ŪᵀŪ/n and the scatter R under a ridge zM, M = Σ+τ²: (A+R+zM)⁻¹ and, from its slope in z, squares of it."""
    yield Premise(
        "(A+R+zM)⁻¹ is on average (ζ(Σ+v)+w+zM)⁻¹ = 1/Δ; leave a row of A out: 1/ζ = 1+γ⟨(λ+v)/Δ⟩, "
        "a row of R: w = v(m−1)/(1+γv⟨1/Δ⟩)",
        "marchenko1967 for one of both; argued here for their sum",
        "dimension.denoiser_error",
    )
    total = (_s + _v) / (_s + kappa)
    yield Identity(
        "at z = 0, with w = (κ−v)ζ: Δ = ζ(λ+κ)", _zeta * (_s + _v) + (kappa - _v) * _zeta, _zeta * (_s + kappa)
    )
    yield Identity("ζ = 1−γ⟨(λ+v)/(λ+κ)⟩", (1 / _zeta - 1 - gamma * total / _zeta).subs(_zeta, 1 - gamma * total), 0)
    yield Identity("h = ⟨1/(λ+κ)⟩: ⟨(λ+v)/(λ+κ)⟩ = 1−(κ−v)h", total, 1 - (kappa - _v) / (_s + kappa))
    # slopes in z
    slope = _dz * (_s + _v) + _dw + _s + tau2  # dΔ/dz
    square = slope / (_s + kappa) ** 2  # Δ⁻² dΔ/dz, times ζ²
    response = _Response(_a0, _a1, _a2, _c, _v)
    names = {_a0: _BACK[_a0], _a1: _BACK[_a1], _a2: _BACK[_a2]}
    in_zeta = gamma * (_dz * (1 - response.less) + _dw * (_a1 + _v * _a0) + response.first)
    in_w = _c * (_dz * (_a1 + _v * _a0) + _dw * _a0 + response.zeroth)
    yield Identity("dζ/dz = γ⟨(λ+v)(dΔ/dz)/(λ+κ)²⟩", in_zeta.subs(names), gamma * (_s + _v) * square)
    yield Identity("dw/dz = c⟨(dΔ/dz)/(λ+κ)²⟩, c = γ(w/ζ)²/(m−1)", in_w.subs(names), _c * square)
    found = {_dz: response.zeta, _dw: response.w}
    yield Identity("λ² = (λ+κ)² − 2κλ − κ²", 1 - 2 * kappa * _BACK[_a1] - kappa**2 * _BACK[_a0], _BACK[_a2])
    square_of = {_a2: 1 - 2 * kappa * _a1 - kappa**2 * _a0}
    yield Identity("two linear equations: dζ/dz", in_zeta.subs(found).subs(square_of), response.zeta.subs(square_of))
    yield Identity("and dw/dz", in_w.subs(found).subs(square_of), response.w.subs(square_of))


@shared
def _rows() -> Iterator[Step]:
    """A coordinate t of x put beside ū: its resolvent knows both what least squares predicts and how much of it."""
    own, side, block = sp.symbols("own side block", positive=True)
    corner = sp.Matrix([[own, side], [side, block]]).inv()[0, 0]
    yield Identity("inverse of a block: 1/Q_tt = t·t − t·Ū(ŪᵀŪ+…)⁻¹Ūᵀt", 1 / corner, own - side**2 / block)
    falls = -sp.diff(1 / (own + _z * side), _z)
    yield Identity("(ŪᵀŪ+zM)⁻¹ falls with z as its square around M", falls, side / (own + _z * side) ** 2)
    bottom = _zeta * (_s + kappa)
    yield Identity(
        "t·Ū(…)⁻¹ is, by the same inverse, on average ζλ/Δ: the denoiser is λ/(λ+κ)",
        _zeta * _s / bottom,
        _s / (_s + kappa),
    )
    # d/dz of ζλ − ζ²λ²/Δ
    slope = _dz * (_s + _v) + _dw + _s + tau2
    moved = _dz * _s - 2 * _zeta * _dz * _s**2 / bottom + _zeta**2 * _s**2 * slope / bottom**2
    row = _s**2 * (_s + tau2 + _dw) / (_s + kappa) ** 2 + _dz * _s * (kappa**2 + _s * _v) / (_s + kappa) ** 2
    yield Identity("so (BMBᵀ)_jj = [λ²(λ+τ²+dw/dz) + (dζ/dz)λ(κ²+λv)]/(λ+κ)²", moved, row)
    error = _s - 2 * _s**2 / (_s + kappa) + row
    split = kappa**2 * _a1 + tau2 * _a2 + _dw * _a2 + _dz * (kappa**2 * _a1 + _v * _a2)
    yield Identity("error: λ − 2B_jjλ + (BMBᵀ)_jj", error, split.subs(_BACK))


def _equations(f: Formula) -> tuple[sp.Expr, sp.Expr]:
    """Two expressions: the first is 0 where w has its value, the second where ζ is 0."""
    of_w, of_zeta = map(_plain, f.equation.args)
    return of_w, of_zeta


def _denoiser_error(f: Formula) -> Iterator[Step]:
    yield from noised_regression()
    yield from _equivalents()
    yield from _rows()
    many, few = (_plain(f.branches[k].value).subs(_NAMED) for k in (1, 2))
    response = _Response(_a0, _a1, _a2, _c)
    error = kappa**2 * _a1 + tau2 * _a2 + response.w * _a2 + response.zeta * (kappa**2 * _a1 + V * _a2)
    # n·m > d
    sum_ = 1 - gamma * (1 - kappa * _h)  # ζ+γvh
    yield Identity("ζ+γvh = 1−γ⟨λ/(λ+κ)⟩", 1 - gamma * (1 - (kappa - _v) * _h) + gamma * _v * _h, sum_)
    of_w, of_zeta = _equations(f)
    own = of_w.subs(_NAMED)
    yield Identity("n·m > d: w(1+γvh/ζ) = v(m−1) for κ", own, (kappa - V) * sum_ - V * (noises - 1))
    ridge = gamma * (kappa - V) ** 2 / (noises - 1)
    yield Identity("c = γ(κ−v)²/(m−1), as w = (κ−v)ζ: the error for n·m > d", many, error.subs(_c, ridge))
    # n·m < d
    yield Identity("n·m < d: ζ → 0 with the ridge", of_zeta.subs(_NAMED), 1 - gamma * (1 - (kappa - V) * _h))
    share = _v * (_m - 1) / (_zeta + gamma * _v * _h)  # w/ζ
    yield Limit("w/ζ = (m−1)/(γh)", share, _zeta, 0, (_m - 1) / (gamma * _h))
    thin = gamma * ((noises - 1) / (gamma * _h)) ** 2 / (noises - 1)
    yield Identity("the error for n·m < d", few, error.subs(_c, thin))
    yield from _special_cases(f)


def _special_cases(f: Formula) -> Iterator[Step]:
    response = _Response(_a0, _a1, _a2, sp.S.Zero)  # c = 0, as w is
    lone = kappa**2 * _a1 + tau2 * _a2 + response.zeta * (kappa**2 * _a1 + V * _a2)
    lone = single(lone.subs(_BACK)).subs({noises: 1, kappa: tau2, _s: eigenvalues})
    yield Identity("one noise: κ = τ², R = 0, and the best error over 1−γ", single(f.branches[0].value), lone)
    of_w, of_zeta = _equations(f)
    averaged = sp.limit(of_w.subs(_NAMED).subs(_h, (1 - _k) / kappa), noises, sp.oo)
    yield Identity(
        "m = ∞: the equation of renormalised_noise, ⟨λ/(λ+κ)⟩ = k", averaged, kappa * (1 - gamma * _k) - tau2
    )
    # σ = 1: κ solves a quadratic, and the trace of Σ_G is the error less λ − 2B_jjλ
    for ratio, part, number in ((sp.Rational(1, 2), sp.Rational(1, 3), 3), (sp.Integer(3), sp.Rational(1, 2), 2)):
        at = {gamma: ratio, tau2: (1 - part) / part, noises: number}
        branch, equation = (0, of_w) if ratio < number else (1, of_zeta)
        root = max(sp.solve(single(equation).subs(eigenvalues, 1).subs(at), kappa))
        value = single(_plain(f.branches[branch + 1].value)).subs(eigenvalues, 1).subs(at).subs(kappa, root)
        known = noises_trace.branches[branch].value.subs({gamma: ratio, rho: part, noises: number}).doit()
        yield Identity(f"white data: noises_trace (γ = {ratio}, m = {number})", value, 1 - 2 / (1 + root) + known)


def _denoiser_error_bounds(f: Formula) -> Iterator[Step]:
    one, enough, few = (b.condition for b in f.branches[:3])
    of_w, of_zeta = _equations(f)
    seen = sp.Symbol("seen", positive=True)  # ⟨λ/(λ+τ²)⟩
    yield Condition(
        "one noise: κ = τ² solves the equation, and where n > d nothing else does",
        one,
        sp.And(sp.Eq(of_w.subs(_NAMED).subs(_h, (1 - seen) / kappa).subs(kappa, tau2), 0), 1 - gamma > 0),
        {tau2: _v},
    )
    vanishing = {_h: (1 - 1 / gamma) / (kappa - V)}  # where ζ = 0
    yield Identity("ζ = 0 where (κ−v)h = 1−1/γ", of_zeta.subs(_NAMED).subs(vanishing), 0)
    left = of_w.subs(_NAMED).subs(vanishing)
    yield Condition(
        "n·m > d: the equation is still below 0 where ζ = 0, and its root beyond", enough, left < 0, {tau2: _v}
    )
    yield Condition("n·m < d: it is above 0 there, and ζ vanishes with the ridge", few, left > 0, {tau2: _v})
    # n·m = d: (1, κ−v) solves the two linear equations without a right-hand side, at w = (κ−v)ζ, c = γ(κ−v)²/(m−1)
    response = _Response(_a0, _a1, _a2, _c)
    edge = {gamma: noises, _c: noises * (kappa - V) ** 2 / (noises - 1)}
    inverse = {_a2: 1 - 2 * kappa * _h + kappa**2 * _a0, _a1: _h - kappa * _a0, _h: (1 - 1 / noises) / (kappa - V)}
    averages = single(inverse[_a2] - _TWO), single(inverse[_a1] - _ONE)
    back = {_h: 1 / (eigenvalues + kappa), _a0: 1 / (eigenvalues + kappa) ** 2}
    yield Identity("λ² = (λ+κ)² − 2κ(λ+κ) + κ²", averages[0].subs(back), 0)
    yield Identity("λ = (λ+κ) − κ", averages[1].subs(back), 0)
    at_edge = _plain(response.determinant)
    for given in ({_a2: inverse[_a2], _a1: inverse[_a1]}, {_h: inverse[_h]}, edge):
        at_edge = at_edge.subs(given)
    yield Identity("where the two meet, n·m = d, the determinant of the linear equations is 0", at_edge, 0)
    yield Limit("and the error, over it, has no bound", 1 / _k, _k, 0, f.branches[3].value)
    assert f.unknown
    yield Bracket(
        "at κ = τ²/2 the smaller of the two is below 0; κ ≤ τ²+γ⟨λ⟩ where n·m > d, ≤ γ(v+⟨λ⟩) where n·m < d; with room "
        "of a factor 2",
        f.unknown,
        (2 * kappa - tau2, 0),
        (kappa / 2 - tau2 - gamma * (V + Mean(eigenvalues, eigenvalues)), 0),
        tuple(
            {gamma: ratio, noises: number, tau2: level, eigenvalues: (0.0, 1, 4)}
            for ratio, number, level in (
                (0.5, 1, 0.5),
                (0.5, 4, 0.01),
                (3, 4, 2),
                (3, 2, 2),
                (20, 1, 0.1),
                (1e-6, 3, 1),
            )
        ),
    )
    yield _needs_noise(f)


def _needs_noise(f: Formula) -> Edge:
    level = next(v for v in f.variables if v.symbol == tau2)
    return Edge("without noise there is nothing to learn, and all copies are one", level, "lower", 1 / tau2, sp.oo)


_RIDGE = gamma * (kappa - V) ** 2 / (noises - 1)
_THIN = (noises - 1) / (gamma * _INVERSE**2)

denoiser_error = Formula(
    name="denoiser_error",
    variables=(variable(gamma), variable(noises), variable(tau2, POSITIVE), variable(eigenvalues)),
    branches=(
        Branch(
            Mean(eigenvalues * tau2 / (eigenvalues + tau2), eigenvalues) / (1 - gamma),
            sp.And(sp.Eq(noises, 1), gamma < 1),
        ),
        Branch(_error(_NONE, _ONE, _TWO, _RIDGE), gamma < noises),
        Branch(_error(_NONE, _ONE, _TWO, _THIN), gamma > noises),
        Branch(sp.oo),
    ),
    kind="asymptotic",
    regime="lim E|D(x+τξ)−x|²/d of fresh points as n, d → ∞ at d/n = γ, D by least squares on m noises of each of n "
    "points, minimum norm for n·m < d",
    source="derived here",
    derivation=_denoiser_error,
    bounds=_denoiser_error_bounds,
    rests_on=(renormalised_noise_formula, noises_trace),
    unknown=unknown(
        kappa,
        smaller(
            (kappa - V) * remainder(gamma, _SEEN, kappa * _INVERSE) - V * (noises - 1),
            remainder(gamma, _SEEN + V * _INVERSE, (kappa - V) * _INVERSE),
        ),
        tau2 / 2,
        2 * (tau2 + gamma * (V + Mean(eigenvalues, eigenvalues))),
    ),
)


def _effective_dimension(f: Formula) -> Iterator[Step]:
    # From denoiser_error, c = 1: the first order in γ.
    wrong = single(kappa**2 * _ONE + tau2 * _TWO)
    yield Identity("the error at a wrong noise κ is least at the right one", sp.diff(wrong, kappa).subs(kappa, tau2), 0)
    many = _plain(denoiser_error.branches[1].value)
    scatter = (many - kappa**2 * _ONE - tau2 * _TWO).subs(_NAMED).subs(kappa, tau2) / gamma
    first = sp.limit(scatter, gamma, 0)
    p1, p2 = sp.symbols("p1 p2", positive=True)
    shares = {_a0: (1 - 2 * p1 + p2) / tau2**2, _a1: (p1 - p2) / tau2, _a2: p2}
    for k, name in enumerate((_a0, _a1, _a2)):
        own = single((_NONE, _ONE, _TWO)[k]).subs(kappa, tau2)
        given = {p1: _RHO, p2: _RHO**2}
        yield Identity(f"⟨λ^{k}/(λ+τ²)²⟩ in p₁ = ⟨ρ⟩ and p₂ = ⟨ρ²⟩", shares[name].subs(given), own)
    yield Identity("the best error is τ²p₁", single(wrong).subs(kappa, tau2), tau2 * _RHO)
    yield Identity("⟨λτ²/(λ+τ²)²⟩ is p₁ − p₂", single(_PARTLY), _RHO - _RHO**2)
    value = f.expr.subs(_PARTLY, p1 - p2)
    alike = value.subs(contrast4, 1)
    yield Identity("one contrast: d/n times the scatter over it", d * first.subs(shares) / (tau2 * p1), alike)
    yield Identity("one contrast, one noise: d", alike.subs(noises, 1), d)
    # From n ≫ d, any contrast: the fit is wrong by the mean of one term a point, r = x − D(u).
    yield Premise(
        "n times the excess is E‖m⁻¹Σ_a r_a u_aᵀ(Σ+τ²)^{−1/2}‖², a the noises of a point: one part that all of them "
        "share, and 1/m of the rest",
        "argued here: least squares at n ≫ d",
        "dimension.effective_dimension",
    )
    c2 = sp.Symbol("c2", positive=True)
    residual = tau2 * (c2 * _RHO * (1 - _RHO) + _RHO**2)  # E r_j² at contrast c
    own = (tau2 / (eigenvalues + tau2)) ** 2 * c2 * eigenvalues + _RHO**2 * tau2
    yield Identity("E r_j² = τ²[c²ρ(1−ρ)+ρ²]", residual, own)
    yield Identity("E u_j²/(λ+τ²) = c²ρ+1−ρ", (c2 * eigenvalues + tau2) / (eigenvalues + tau2), c2 * _RHO + 1 - _RHO)
    square = tau2 * d**2 * (c2 * (p1 - p2) + p2) * (c2 * p1 + 1 - p1)
    whole = sp.Poly(sp.expand(square), c2).all_coeffs()
    averaged = whole[0] * contrast4 + whole[1] + whole[2]  # E c² = 1
    common = tau2 * d**2 * contrast4 * (p1 - p2) * p1  # |(1−D)x|² x·(Σ+τ²)⁻¹x, where the noise is averaged first
    total = common + (averaged - common) / noises
    yield Identity("|r|²u·(Σ+τ²)⁻¹u over both, and over the best error", total / (tau2 * d * p1), value)


_RHO = eigenvalues / (eigenvalues + tau2)
_PARTLY = Mean(eigenvalues * tau2 / (eigenvalues + tau2) ** 2, eigenvalues)  # ⟨ρ(1−ρ)⟩, without cancellation

effective_dimension = Formula(
    name="effective_dimension",
    variables=(variable(noises), variable(tau2, POSITIVE), variable(eigenvalues), variable(contrast4)),
    branches=(Branch(d / noises + (contrast4 - 1 / noises) * d * _PARTLY),),
    kind="asymptotic",
    regime="lim n(error of the denoiser/best error − 1) as n/d → ∞, then many filled dimensions; x = c z, z Gaussian, "
    "c a number, E c² = 1: d/m + (E c⁴ − 1/m)Σρ_j(1−ρ_j), ρ = λ/(λ+τ²)",
    source="derived here",
    derivation=_effective_dimension,
    bounds=lambda f: [_needs_noise(f)],
    rests_on=(denoiser_error,),
    count=d,
)


def _denoiser_scatter(f: Formula) -> Iterator[Step]:
    yield from _equivalents()
    # all noises: A alone under the ridge τ² + zM, M = e_k e_kᵀ; ζ answers to it as above, at v = 0 and w = τ²
    other = other_eigenvalue / (other_eigenvalue + kappa) ** 2
    beta, two, points = sp.symbols("beta two points", positive=True)
    slope = sp.symbols("slope", positive=True)
    response = gamma * slope * two + other / points
    found = sp.solve(sp.Eq(slope, response), slope)[0]
    yield Identity("dζ/dz = γ⟨λ²/(λ+κ)²⟩dζ/dz + λ_k/(n(λ_k+κ)²)", found, other / (points * (1 - gamma * two)))
    bottom = tau2 / kappa + gamma * kappa * (_h - kappa * _a0)
    given = {tau2: kappa * (1 - gamma * (1 - kappa * _h)), two: 1 - 2 * kappa * _h + kappa**2 * _a0}
    yield Identity(
        "1 − γ⟨λ²/(λ+κ)²⟩ = τ²/κ + γκ⟨λ/(λ+κ)²⟩, without cancellation",
        bottom.subs(given),
        (1 - gamma * two).subs(given),
    )
    square = found * eigenvalue / (_zeta**2 * (eigenvalue + kappa) ** 2)
    ridge = kappa * _zeta
    yield Identity(
        "n times (τ²)²[(S+τ²)⁻¹M(S+τ²)⁻¹]_ii, i ≠ k, τ² = κζ",
        points * ridge**2 * square,
        f.expr.subs(_ONE, (1 - gamma * two - tau2 / kappa) / (gamma * kappa)),
    )
    # Everything that varies, and the error at κ, is denoiser_error.
    bottom = 1 - gamma * two
    scatter = gamma * kappa**2 * beta * (two + tau2 * beta) / bottom
    at = {noises: sp.oo, _h: (1 - two) / kappa - beta, _a0: (1 - two) / kappa**2 - 2 * beta / kappa}
    averages = sp.limit(_plain(denoiser_error.branches[1].value).subs(_NAMED), noises, sp.oo)
    averages = averages.subs({_a1: beta, _a2: two}).subs({k: v for k, v in at.items() if k != noises})
    by_root = {tau2: kappa * (1 - gamma * (two + kappa * beta))}
    whole = kappa**2 * beta + tau2 * two + scatter
    yield Identity(
        "summed over i and k with the weight λ_k+τ², and the error at κ: denoiser_error",
        whole.subs(by_root),
        averages.subs(by_root),
    )
    same = _plain(f.equation).subs(_NAMED), renormalised_noise_formula.equation.subs(_NAMED)
    yield Identity("with the κ of renormalised_noise", *same)


def _denoiser_scatter_bounds(f: Formula) -> Iterator[Step]:
    assert f.unknown
    yield Bracket(
        "κ ≥ τ² and κ ≤ τ²+γ⟨λ⟩, as for renormalised_noise; with room of a factor 2",
        f.unknown,
        (2 * kappa - tau2, 0),
        (kappa / 2 - tau2, gamma * Mean(eigenvalues, eigenvalues)),
        tuple({gamma: ratio, tau2: 0.5, eigenvalues: (0.0, 1, 4)} for ratio in (1e-6, 0.5, 1, 20)),
    )
    yield _needs_noise(f)


denoiser_scatter = Formula(
    name="denoiser_scatter",
    variables=(
        variable(gamma),
        variable(tau2, POSITIVE),
        variable(eigenvalues),
        variable(eigenvalue, unit="data²"),
        variable(other_eigenvalue),
    ),
    branches=(
        Branch(
            kappa**2
            * eigenvalue
            * other_eigenvalue
            / ((eigenvalue + kappa) ** 2 * (other_eigenvalue + kappa) ** 2 * (tau2 / kappa + gamma * kappa * _ONE))
        ),
    ),
    kind="asymptotic",
    regime="lim n Var(D_ik) of the denoiser D = S(S+τ²)⁻¹, all noises seen, between two eigenvectors i ≠ k of Σ; "
    "n, d → ∞ at d/n = γ",
    source="derived here",
    derivation=_denoiser_scatter,
    bounds=_denoiser_scatter_bounds,
    rests_on=(renormalised_noise_formula, denoiser_error),
    unknown=unknown(
        kappa,
        kappa * remainder(gamma, _SEEN, kappa * _INVERSE) - tau2,
        tau2 / 2,
        2 * (tau2 + gamma * Mean(eigenvalues, eigenvalues)),
    ),
)
