"""Several noises for each training point: one-step least squares between memory of its noise and the mean over it.

Each of n points x_i is noised m times, and x_i is regressed on all n·m noised ones. Only the mean ū_i of the m copies
knows x_i; the scatter around it is noise alone, and acts as a ridge that is random. With m = ∞ it is the ridge τ², with
m = 1 there is none. The peak of the variance is where the noised points are as many as the dimensions, n·m = d.

σ = 1 throughout, τ² = (1−ρ)/ρ, and v = τ²/m is the noise variance of ū.
"""

from collections.abc import Iterator

import sympy as sp

from theory.core.bounds import Condition, Edge
from theory.core.formula import Branch, Formula
from theory.core.special import positive_root
from theory.core.steps import Identity, Limit, Premise, Step, shared
from theory.letters import INSIDE, gamma, noises, rho, tau2, variable
from theory.spectra import mp_resolvent

V = (1 - rho) / (rho * noises)
_SPREAD = 1 + V  # variance of a coordinate of ū
_A = gamma * _SPREAD * V * (noises - gamma)
_B = 1 - gamma + (1 - rho) / rho * (1 - 2 * gamma / noises)
_G = positive_root(_A, _B, 1)  # resolvent of the sum of both scatters at 0
_P = _SPREAD * _G / (1 + gamma * _SPREAD * _G)
# 1 + γ(1+v) − 2γp, without cancellation
_BRACKET = (1 + gamma - gamma * (1 - gamma) * _SPREAD * _G) / (1 + gamma * _SPREAD * _G) + gamma * V

# Symbols of the proof: resolvent g, shift w, spread c of ū and noise v in it, m noises, ridge x to be sent to 0.
_g, _w, _c, _v, _m, _x = sp.symbols("g w c v_bar m x", positive=True)


@shared
def noised_regression() -> Iterator[Step]:
    """Steps on what the m copies of a point contribute to the regression."""
    u = sp.symbols("u1:4", real=True)
    middle = sum(u) / 3
    scatter = sum((value - middle) ** 2 for value in u)
    yield Identity("Σ_a u_a² = mū² + Σ_a (u_a−ū)², here m = 3", sum(value**2 for value in u), 3 * middle**2 + scatter)
    yield Premise(
        "ū and the scatter are independent, and the scatter of n points is τ² × Wishart_d(n(m−1))",
        "muirhead1982 Thm 3.1.2",
        "linear.noises_trace",
    )
    yield Identity("x given ū has the mean ū/c, c = 1+v, and the variance v/c", 1 - 1 / _c, ((_c - 1) / _c))
    yield Identity("Cov(x − ū/c, ū) = 0", 1 - _c / _c, 0)


@shared
def _resolvents() -> Iterator[Step]:
    """A = ŪᵀŪ/n and the scatter R, with d/n = γ: (A+R+x)⁻¹ is on average (A+w)⁻¹."""
    p = _c * _g / (1 + gamma * _c * _g)
    level = 1 / _g - _c / (1 + gamma * _c * _g)
    yield Premise(
        "leave one row of R out: w = x + v(m−1)/(1+γvg), g = (1/d) tr (A+w)⁻¹, and w = 1/g − c/(1+γcg)",
        "marchenko1967",
        "linear.noises_trace",
    )
    yield Identity("(1/d) tr A(A+w)⁻¹ = 1 − wg is p = cg/(1+γcg)", 1 - level * _g, p)
    h = _g**2 / (1 - gamma * p**2)  # (1/d) tr (A+w)⁻²
    yield Identity("(1/d) tr (A+w)⁻² = −dg/dw", -1 / sp.diff(level, _g), h)
    s = sp.Symbol("s", positive=True)
    rest = _w / (s + _w)
    yield Identity("s²/(s+w)² = 1 − 2w/(s+w) + w²/(s+w)²", (s / (s + _w)) ** 2, 1 - 2 * rest + rest**2)
    square = p**2 * (1 + gamma - 2 * gamma * p) / (1 - gamma * p**2)
    yield Identity("(1/d) tr A²(A+w)⁻²", 1 - 2 * level * _g + level**2 * h, square)
    yield Identity("(1/d) tr A(A+w)⁻²", _g - level * h, _g * p * (1 - gamma * p) / (1 - gamma * p**2))
    # The equation of g at x = 0, and how fast w grows with x there.
    rise = _v * (_m - 1) / (1 + gamma * _v * _g)
    denominators = _g * (1 + gamma * _c * _g) * (1 + gamma * _v * _g)
    given = {_c: 1 + _v}
    quadratic = gamma * _c * _v * (_m - gamma) * _g**2 + (1 + _m * _v - gamma * (1 + 2 * _v)) * _g - 1
    yield Identity("x = 0: a quadratic in g", (rise - level) * denominators, quadratic, given)
    slope = (1 + gamma * _c * _g) * (1 + gamma * _v * _g) * (1 - gamma * p**2) / _g
    yield Identity(
        "dw/dx = (1+γcg)(1+γvg)(1−γp²)/(gS), S the slope of the quadratic at its root",
        slope * (1 - sp.diff(rise, _g) / sp.diff(level, _g)),
        sp.diff(quadratic, _g) - quadratic * sp.diff(sp.log(denominators), _g),
        given,
    )


def _noises_trace(f: Formula) -> Iterator[Step]:
    yield from noised_regression()
    yield from _resolvents()
    few, many = f.branches[1].value, f.branches[0].value
    p = _c * _g / (1 + gamma * _c * _g)
    # B = (1/c) A(A+R)⁻¹ + EŪ(A+R)⁻¹/n, E independent of variance v/c: −d/dx turns the resolvent into its square.
    bracket = (p**2 * (1 + gamma - 2 * gamma * p) / _c**2 + _v / _c * gamma * _g * p * (1 - gamma * p)) / (
        1 - gamma * p**2
    )
    slope = (1 + gamma * _c * _g) * (1 + gamma * _v * _g) * (1 - gamma * p**2) / _g
    stated = (1 + gamma * _v * _g) * p * (1 + gamma * (1 + _v) - 2 * gamma * p) / _c
    yield Identity("(1/d) tr BBᵀ times S", slope * bracket, stated, {_c: 1 + _v})
    root = sp.sqrt(_B**2 + 4 * _A)
    own = many.subs(_G, _g) * rho * root
    yield Identity("which is times (1+τ²)/σ² = 1/ρ", own, stated.subs({_c: _SPREAD, _v: V}))
    slope2 = (2 * _A * _g + _B) ** 2 - 4 * _A * (_A * _g**2 + _B * _g - 1)
    yield Identity("S² = B² + 4A: the square of 2Ag + B where Ag² + Bg = 1", slope2, root**2)
    for ratio, part in ((sp.Rational(1, 3), sp.Rational(1, 2)), (sp.Rational(3, 4), sp.Rational(1, 5))):
        at = {gamma: ratio, rho: part, noises: 1}
        known = part + (1 - part) * ratio / (1 - ratio)
        yield Identity(f"one noise is generated_trace (γ = {ratio}, ρ = {part})", many.subs(at).doit(), known)
    # Fewer noised points than dimensions: w vanishes with x.
    grown = _x * (gamma - 1) / (gamma - _m)
    rest = 1 - 1 / gamma  # wg where w → 0: the share of zero eigenvalues of A
    yield Identity("n·m < d: w = x(γ−1)/(γ−m)", grown - grown * (_m - 1) * _v / (gamma * _v * rest), _x)
    inverse = 1 / (_c * gamma * (gamma - 1))  # (1/d) tr A⁺, n eigenvalues that are those of a d/n ↔ n/d sample
    mean = mp_resolvent.expr.subs({tau2: 0, gamma: 1 / gamma}, simultaneous=True) / (_c * gamma)
    more = {gamma: 1 + 1 / sp.Symbol("p", positive=True)}
    exchanged = "(1/d) tr A⁺: the n eigenvalues of ŪŪᵀ/n are cγ times those of d points in n dimensions"
    yield Identity(exchanged, mean / gamma, inverse, more)
    total = (gamma - 1) / (gamma - _m) * (1 / (gamma * _c**2) + _v / _c * gamma * inverse)
    yield Identity("rank n/d and minimum norm", total.subs({_c: _SPREAD, _v: V, _m: noises}) / rho, few)


def _noises_trace_bounds(f: Formula) -> Iterator[Step]:
    yield Condition("the noised points span: A + R has no zero eigenvalue", f.branches[0].condition, noises - gamma > 0)
    yield Condition("they do not", f.branches[1].condition, gamma - noises > 0)
    k = sp.Symbol("k", positive=True)
    yield Limit("where they just do, the least eigenvalue is 0", 1 / k, k, 0, f.branches[2].value)
    yield Edge("without noise all copies are one", f.variables[1], "upper", (1 - rho) / rho, 0)


noises_trace = Formula(
    name="noises_trace",
    variables=(variable(gamma), variable(rho, INSIDE), variable(noises)),
    branches=(
        Branch(
            (1 + gamma * V * _G) * _P * _BRACKET / (rho * _SPREAD * sp.sqrt(_B**2 + 4 * _A)),
            gamma < noises,
        ),
        Branch(((gamma - 1) / gamma + V) / (rho * _SPREAD**2 * (gamma - noises)), gamma > noises),
        Branch(sp.oo),
    ),
    kind="asymptotic",
    regime="(1/d) E tr Σ_G/σ² of white data as n, d → ∞ at d/n = γ, m noises for each point; minimum norm for n·m < d",
    source="derived here",
    derivation=_noises_trace,
    bounds=_noises_trace_bounds,
    rests_on=(mp_resolvent,),
)
