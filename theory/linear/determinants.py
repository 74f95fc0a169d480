"""Log-determinants of the generated covariance: by free probability, and by exact averages and a saddle point.

A = R^½ + (1−R)^½ Z W^{−1/2} with R = diag(ρ_j), Z a d×d matrix of standard normals, W ~ Wishart_d(N, I), d/N → γ.
Σ_G = Σ^½ A Aᵀ Σ^½, so (1/d) ln det(Σ⁻¹Σ_G) = (1/d) ln det AAᵀ.  Two phases: where the fluctuating part of A is too
weak to fill its smallest directions the determinant stays on a plateau, Π ρ_j; beyond it grows.

Equal fractions have a proof that rests on cited theorems only (theory/linear/ring.py). The average of the determinant
itself, by Laplace's method, has the same limit; unequal fractions and shifts have no other route here than that.
"""

from collections.abc import Iterator
from functools import cache

import sympy as sp

from theory.core.averages import normal_average
from theory.core.bounds import Bracket, Condition, Edge
from theory.core.formula import Branch, Formula
from theory.core.special import positive_root
from theory.core.steps import Identity, Limit, Premise, Quadrature, Step
from theory.letters import INSIDE, d, gamma, rho, share, shift, unknown, variable
from theory.linear.ring import BOUNDED, odds_gamma, ring
from theory.spectra import mp_log_moment

# Dummies: the resolvent m, and what else is stationary at a saddle point.
m, r, v, e = sp.symbols("m r v e", positive=True)
u = sp.Symbol("saddle_u", positive=True)


@cache
def square_average(size: int) -> Identity:
    """E det(A + cZ)² = ∫₀^∞ e^{−x} det(AAᵀ + c²x) dx; A diagonal suffices, Z is invariant under rotations."""
    c, x = sp.symbols("c x", positive=True)
    diagonal = sp.symbols(f"a0:{size}", real=True)
    z = sp.Matrix(size, size, sp.symbols(f"z0:{size * size}", real=True))
    expected = normal_average((sp.diag(*diagonal) + c * z).det(method="berkowitz") ** 2, *z)
    polynomial = sp.Poly(sp.prod([entry**2 + c**2 * x for entry in diagonal]), x)
    integral = sum(coefficient * sp.factorial(k) for (k,), coefficient in polynomial.terms())
    return Identity(f"E det(A + cZ)² = ∫ e^(−x) det(AAᵀ + c²x) dx in dimension {size}", expected, integral)


@cache
def shifted_average(size: int) -> Identity:
    """E_Z det(K + MᵀM), M = P + cTZ, is the average of det(K + cw + Pᵀ(1 + cw̄T²)⁻¹P) det(1 + cw̄T²) over one complex
    normal w (E w^i w̄^j = i! δ_ij); K, T diagonal, P any matrix."""
    c, w, conjugate = sp.symbols("c w wbar", positive=True)
    k, t = sp.symbols(f"k0:{size}", positive=True), sp.symbols(f"t0:{size}", positive=True)
    P = sp.Matrix(size, size, sp.symbols(f"p0:{size * size}", real=True))
    Z = sp.Matrix(size, size, sp.symbols(f"z0:{size * size}", real=True))
    M = P + c * sp.diag(*t) * Z
    expected = normal_average((sp.diag(*k) + M.T * M).det(method="berkowitz"), *Z)
    rows = sp.diag(*[1 + c * conjugate * entry**2 for entry in t])
    block = (sp.diag(*[entry + c * w for entry in k]) + P.T * rows.inv() * P).det(method="berkowitz") * rows.det()
    terms = sp.Poly(sp.expand(sp.cancel(block)), w, conjugate).terms()
    average = sum(coefficient * sp.factorial(i) for (i, j), coefficient in terms if i == j)
    return Identity(
        f"E det(K + (P+cTZ)ᵀ(P+cTZ)) as an average over one complex normal, dimension {size}",
        expected,
        average,
    )


# F(a) = ∫ ln(s+a) dMP_γ as a function of the resolvent m, and a(m): theory/spectra.py.
A_OF_M = 1 / m - 1 / (1 + gamma * m)

POTENTIAL = m * A_OF_M - sp.log(m) + sp.log(1 + gamma * m) / gamma - 1


MAXIMUM = (gamma - rho) / gamma  # the u* at which the exponent of the determinant is stationary


def _generated_logdet(f: Formula) -> Iterator[Step]:
    plateau, fluctuating = f.branches[0].value, f.branches[1].value
    yield from ring(f)
    # The same from the mean determinant: a typical one is as large, per dimension.
    for size in (1, 2, 3):
        yield square_average(size)
    # Given W, det AAᵀ = det(√ρ W^½ + √(1−ρ) Z)²/det W.  With W = N S and x = d u the exponent per dimension is
    #   −u + ∫ ln(ρs + (1−ρ)γu) dMP − ∫ ln s dMP,  to be maximised over u ≥ 0 (Laplace).
    place = rho / ((1 - rho) * gamma) * A_OF_M  # the u at which the resolvent is m
    exponent = -place + sp.log(rho) + POTENTIAL - mp_log_moment.expr.doit()
    stationary = rho / ((1 - rho) * gamma)
    slope = sp.diff(exponent, m) / sp.diff(place, m)
    yield Identity("the exponent has slope m/m* − 1 in u, with m* = ρ/((1−ρ)γ)", slope, m / stationary - 1)
    yield Identity(
        "it vanishes at u* = (γ−ρ)/γ: inside the range of u iff γ > ρ",
        place.subs(m, stationary),
        MAXIMUM,
    )
    yield Identity("γ > ρ: the exponent at u*", exponent.subs(m, stationary), fluctuating, BOUNDED)
    yield Identity(
        "γ ≤ ρ: the supremum sits at u = 0, where m = 1/(1−γ)",
        exponent.subs(m, 1 / (1 - gamma)),
        plateau,
        BOUNDED,
    )
    jump = fluctuating - plateau
    yield Identity("continuous at γ = ρ", jump.subs(gamma, rho), 0)
    yield Identity("with a continuous slope", sp.diff(jump, gamma).subs(gamma, rho), 0)
    second = sp.diff(jump, gamma, 2).subs(gamma, rho)
    yield Identity(
        "the second derivative jumps by 1/(ρ²(1−ρ)): a second-order transition",
        second,
        1 / (rho**2 * (1 - rho)),
    )
    yield Limit("γ → 1: the value there", fluctuating.subs(gamma, 1 - e), e, 0, f.branches[2].value)


def _generated_logdet_bounds(f: Formula) -> Iterator[Step]:
    plateau, below, at = (b.condition for b in f.branches[:3])
    spare = d / gamma - d  # N − d
    yield Condition(
        "the maximum sits at u = 0, the end of its range, and W has a row to spare",
        plateau,
        sp.And(MAXIMUM <= 0, spare > 0),
    )
    yield Condition("W, of N = d/γ rows, has one to spare", below, spare > 0)
    yield Condition("or as many rows as columns", at, sp.Eq(spare, 0))
    yield Limit("with fewer A is singular, and its determinant 0", sp.log(u), u, 0, f.branches[3].value)


generated_logdet = Formula(
    name="generated_logdet",
    variables=(variable(gamma), variable(rho)),
    branches=(
        Branch(sp.log(rho), sp.And(gamma <= rho, gamma < 1)),
        # Two logarithms, each exact near 1: their quotient's would lose 1/γ of its digits.
        Branch(sp.log(gamma) + (1 - gamma) / gamma * (sp.log(1 - gamma) - sp.log(1 - rho)), gamma < 1),
        Branch(sp.S.Zero, sp.Eq(gamma, 1)),
        Branch(-sp.oo),
    ),
    kind="asymptotic",
    regime="lim (1/d) ln det(Σ_G/σ²) at d/(n−1) → γ; −∞ (rank-deficient) for γ > 1; see logdet_correction",
    source="derived here, from the single ring theorem (guionnet2011)",
    derivation=_generated_logdet,
    bounds=_generated_logdet_bounds,
    rests_on=(mp_log_moment,),
)

SADDLE_POINT = Premise("saddle point in u, v, e, and annealed = quenched", "argued here", "linear.spectrum")

SAMPLE_LOGDET = Premise(
    "(1/d) ln det(u + H^½SH^½) is ⟨ln(u+H/(1+γe))⟩ + ln(1+γe)/γ − e/(1+γe) at its stationary e",
    "marchenko1967",
    "linear.spectrum",
)

# shifted_logdet. At the saddle, with r = v(1−ρ), D = y(1+r) + ρ and c² = (1−ρ)γ, the resolvent is m = rD/(c²(1+r)).
_C2 = (1 - rho) * gamma

_D = shift * (1 + r) + rho

RESOLVENT = r * _D / (_C2 * (1 + r))

SADDLE = (1 - (1 - gamma) * m) * _D * (shift * (1 + r) ** 2 + rho) - _C2 * shift * (1 + r) ** 2 * m * (1 + gamma * m)

_VALUE = sp.log(_D) - sp.log(m) + sp.log(1 + gamma * m) / gamma + (1 - gamma) / gamma * sp.log(1 - gamma)

# Solved for w = (1−γ)m in (0, 1) rather than for r: the bracket then has no rounding of its own.
IN_SHARE = {r: positive_root(shift, shift + rho - _C2 * m, _C2 * m), m: share / (1 - gamma)}


def _in_share(expr: sp.Expr) -> sp.Expr:
    return expr.subs(r, IN_SHARE[r]).subs(m, IN_SHARE[m])


def saddle_ends(f: Formula) -> Iterator[Step]:
    """Why γ and ρ, the last two variables, end at 1 in every formula of this saddle."""
    at_gamma, at_rho = f.variables[-2:]
    yield Edge(
        "at γ = 1 the mean of 1/s, the largest resolvent, is infinite", at_gamma, "upper", 1 / (1 - gamma), sp.oo
    )
    yield Edge("at ρ = 1 nothing is random: the saddle's c² = (1−ρ)γ is 0", at_rho, "upper", _C2, 0)


def _shifted_logdet(f: Formula) -> Iterator[Step]:
    for size in (1, 2):
        yield shifted_average(size)
    yield SAMPLE_LOGDET
    # Equal fractions: H is one number h = D/Q, Q = 1 + r; by scaling ⟨ln(u + hS)⟩ = ln h + F(u/h).
    Q = sp.Symbol("Q", positive=True)
    h = (shift * Q + rho) / Q
    G = -u * (Q - 1) / _C2 + sp.log(Q) + sp.log(h) + u / h * m - sp.log(m) + sp.log(1 + gamma * m) / gamma - 1
    saddle_m, saddle_u = (Q - 1) * h / _C2, h * A_OF_M
    yield Identity("∂G/∂u = 0: m = (Q−1)h/c², c² = (1−ρ)γ", sp.diff(G, u).subs(m, saddle_m), 0)
    yield Identity("∂G/∂m = 0: u = h(1/m − 1/(1+γm))", sp.diff(G, m).subs(u, saddle_u), 0)
    third = sp.diff(G, Q).subs(u, saddle_u) * -_C2 * Q**3 * h * m * (1 + gamma * m)
    in_r = SADDLE.subs(m, RESOLVENT)
    yield Identity("∂G/∂Q = 0 in r = Q − 1", third.subs(m, saddle_m).subs(Q, 1 + r), in_r)
    yield Identity("r as a function of m", RESOLVENT.subs(r, IN_SHARE[r]), m)
    yield Identity("the stated equation is that one in w = (1−γ)m", f.equation, _in_share(SADDLE))
    value = (G - mp_log_moment.expr.doit()).subs(u, saddle_u).subs(Q, 1 + r)
    cancelling = (u / h * m - u * (Q - 1) / _C2).subs(u, saddle_u).subs(m, saddle_m)
    yield Identity("at the saddle the two terms in u cancel", cancelling, 0)
    rest = value - (u / h * m - u * (Q - 1) / _C2).subs(u, saddle_u).subs(Q, 1 + r)
    yield Identity("and G there is the stated value", sp.exp(gamma * (rest - _VALUE)), 1)
    yield Identity("in w", f.expr, _in_share(_VALUE))
    at_zero = {shift: 0, r: _C2 / (rho - gamma)}
    yield Identity("y → 0, γ < ρ: r = (1−ρ)γ/(ρ−γ)", in_r.subs(at_zero), 0)
    limit = sp.simplify(_VALUE.subs(m, RESOLVENT).subs(at_zero))
    yield Identity("where the value is the plateau ln ρ", limit, sp.log(rho), {gamma: odds_gamma / (1 + odds_gamma)})
    yield SADDLE_POINT


def _shifted_logdet_bounds(f: Formula) -> Iterator[Step]:
    assert f.unknown
    at_one = (-_C2 * shift * (1 + r) ** 2 * m * (1 + gamma * m)).subs(r, IN_SHARE[r]).subs(m, IN_SHARE[m])
    yield Bracket(
        "no resolvent, w = 0, leaves (y+ρ)²; the largest, w = 1 or m = 1/(1−γ), a negative rest",
        f.unknown,
        (f.equation, (shift + rho) ** 2),
        (f.equation, at_one.subs(share, 1)),
        tuple(
            {shift: y, gamma: g, rho: p}
            for y, g, p in ((1, 0.5, 0.5), (1e-3, 0.9, 0.2), (30, 0.1, 0.9), (0.1, 0.99, 0.01))
        ),
    )
    yield from saddle_ends(f)


shifted_logdet = Formula(
    name="shifted_logdet",
    variables=(
        variable(shift),
        variable(gamma, INSIDE),
        variable(rho, INSIDE),
    ),
    branches=(Branch(_in_share(_VALUE)),),
    kind="asymptotic",
    regime="lim (1/d) ln det(y + Σ_G/σ²) at d/(n−1) → γ < 1, y > 0",
    source="derived here",
    derivation=_shifted_logdet,
    bounds=_shifted_logdet_bounds,
    rests_on=(mp_log_moment,),
    unknown=unknown(share, _in_share(SADDLE), sp.S.Zero, sp.S.One),
)


def _logdet_correction(f: Formula) -> Iterator[Step]:
    # A square Gaussian matrix has ln det² = Σ ln χ²_k, k = 1…d: the pure case of the fluctuating phase, ρ → 0.
    v, k = sp.symbols("v k", positive=True)
    density = v ** (k / 2 - 1) * sp.exp(-v / 2) / (2 ** (k / 2) * sp.gamma(k / 2))
    mean = sp.digamma(k / 2) + sp.log(2)
    points = ({k: 3}, {k: 8})
    yield Quadrature("E ln χ²_k = ψ(k/2) + ln 2", density * sp.log(v), (v, 0, 1, 10, 100, sp.oo), mean, points)
    expansion = sp.series(sp.digamma(1 / e), e, 0, 2).removeO().subs(e, 2 / k)
    deficit = sp.expand_log(expansion, force=True) + sp.log(2) - sp.log(k)
    yield Limit(
        "which falls short of ln k by 1/k, in sum by ln d: quenched against annealed", k * deficit, k, sp.oo, -1
    )
    stirling = sp.log(d) / 2  # ln d! = d ln d − d + ½ ln d + O(1)
    remainder = sp.gamma(d + 1) / (d**d * sp.exp(-d) * sp.exp(stirling))
    yield Limit(
        "Σ ln k = ln d! exceeds d ln d − d by ½ ln d: the prefactor of Laplace's method",
        remainder,
        d,
        sp.oo,
        sp.sqrt(2 * sp.pi),
    )
    yield Identity("together ½ ln d − ln d, per dimension", f.branches[1].value, (stirling - sp.log(d)) / d)
    endpoint = d * sp.integrate(sp.exp(-d * e * v), (v, 0, sp.oo))  # γ < ρ: the maximum is at u = 0, with slope −e
    yield Identity(
        "γ < ρ: the prefactor at an end point has no power of d", sp.diff(sp.log(endpoint), d), f.branches[0].value
    )
    yield Premise(
        "A has the hard edge at 0 of a square Gaussian matrix iff γ > ρ; no edge there, no logarithm, for γ < ρ",
        "argued here",
        "linear.logdet_correction",
    )


def _logdet_correction_bounds(f: Formula) -> Iterator[Step]:
    slope = gamma * (1 - rho) / ((1 - gamma) * rho) - 1  # m/m* − 1 of the exponent at u = 0, where m = 1/(1−γ)
    yield Condition("the exponent falls from u = 0 on: an end point", f.branches[0].condition, slope < 0, BOUNDED)
    yield Edge("at γ = 1, W has the hard edge of Z, and the logarithms cancel", f.variables[1], "upper", 1 - gamma, 0)


logdet_correction = Formula(
    name="logdet_correction",
    variables=(variable(d), variable(gamma, INSIDE), variable(rho)),
    branches=(Branch(sp.S.Zero, gamma < rho), Branch(-sp.log(d) / (2 * d))),
    kind="heuristic",
    regime="what (1/d) E ln det(Σ_G/σ²) adds to its limit at finite d, up to O(1/d), γ < 1 and N − d of the order of d",
    source="derived here",
    derivation=_logdet_correction,
    bounds=_logdet_correction_bounds,
    rests_on=(generated_logdet,),
)
