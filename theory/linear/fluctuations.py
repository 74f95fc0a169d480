"""How ln det AAᵀ fluctuates from training set to training set: a second transition, at the same n = d/ρ.

While −c lies outside the disc of the noise's eigenvalues (theory/linear/ring.py) the logarithm is smooth on the disc:
ln det AAᵀ = d ln ρ + 2 Σ_k (−1)^{k+1} tr R^k/(k c^k) is normal with a variance of order 1.  Inside, the eigenvalues
nearest −c matter: the logarithm is a log-correlated field, cut off at the distance between eigenvalues.

Two exact averages carry the mean and the variance outside: E det A = ρ^{d/2}, and E det AAᵀ, whose sum over minors is
a binomial distribution function: P(Bin(N−2, ρ) ≤ d), with a prefactor.  So in the mean the transition is that of N
tosses which give more heads than d, or fewer.  Inside, all is exact for ρ → 0, where both determinants are products of
χ² variables and the logarithm is normal in the end (nguyen2014); how ρ changes that is argued, and met by simulation.
"""

from collections.abc import Iterator
from functools import cache

import sympy as sp

from theory.core.averages import normal_average
from theory.core.bounds import Condition, Edge
from theory.core.formula import Branch, Formula
from theory.core.steps import Identity, Limit, Premise, Quadrature, Step, shared
from theory.letters import INSIDE, d, gamma, rho, variable
from theory.linear.determinants import generated_logdet, logdet_correction, square_average
from theory.linear.ring import BOUNDED, C2, DENSITY, EDGE2, r2

X = gamma * (1 - rho) / (rho * (1 - gamma))  # r₊²/c²: below 1 while −c is outside the disc

_LIFT = gamma * (1 - rho) / (rho - gamma)  # X/(1−X): 1 − X = (ρ−γ)/(ρ(1−γ)) would lose its digits near the edge

# Dummies: half of d, the spare degrees of freedom N−d−1, an argument, a shape, an order, r₊²/c² where it is free.
m, M, x, shape, s, k, odds = sp.symbols("m M x shape s k odds", positive=True)
HALF = sp.Rational(1, 2)

PURE = 2 + 2 * sp.EulerGamma + sp.pi**2 / 4  # Σ_{k≤d} ψ′(k/2) − 2 ln d
THIRD = -4 * sp.pi**2 / 3 - 7 * sp.zeta(3)  # Σ ψ″(k/2): the third cumulant of ln det for γ > ρ

# What sums a polygamma function: S(x+1) − S(x) is ψ, ψ′, ψ″.
SUMS = (
    (x - 1) * sp.digamma(x) - x,
    (x - 1) * sp.polygamma(1, x) + sp.digamma(x),
    (x - 1) * sp.polygamma(2, x) + 2 * sp.polygamma(1, x),
)
FAR = ((x - 1) * sp.log(x) - x - HALF, sp.log(x) + 1, sp.S.Zero)  # of each, up to what vanishes for x → ∞


def _square(order: int) -> sp.Expr:
    """Σ_{k≤d} ψ^{(order)}(k/2), d = 2m → ∞: the cumulants of ln det ZZᵀ, but for d ln 2 in the mean."""
    ends = sum(FAR[order].subs(x, start + m) for start in (HALF, sp.S.One))
    return ends - sum(SUMS[order].subs(x, start) for start in (HALF, sp.S.One))


def _wishart(order: int) -> sp.Expr:
    """Σ_{i≤d} ψ^{(order)}((N−i+1)/2), d = 2m → ∞, N = d/γ: the cumulants of ln det W, but for d ln 2 in the mean."""
    first = m / gamma - m + HALF  # (N−d+1)/2
    return sum(FAR[order].subs(x, start + m) - FAR[order].subs(x, start) for start in (first, first + HALF))


# What these sums come to, in d and γ.
_N = d / gamma
SQUARE = (
    d * sp.log(d / 2) - d - sp.log(d) / 2 + (1 - sp.log(2) - sp.EulerGamma) / 2,
    2 * sp.log(d) + PURE,
    THIRD,
)
WISHART = (
    _N * sp.log(_N / 2) - (_N - d) * sp.log((_N - d) / 2) - d + sp.log(1 - gamma) / 2,
    -2 * sp.log(1 - gamma),
    sp.S.Zero,
)


@cache
def _plain_average(size: int) -> Identity:
    """E det(A + cZ) = det A; A diagonal suffices."""
    c = sp.Symbol("c", positive=True)
    diagonal = sp.symbols(f"a0:{size}", real=True)
    z = sp.Matrix(size, size, sp.symbols(f"z0:{size * size}", real=True))
    expected = normal_average((sp.diag(*diagonal) + c * z).det(method="berkowitz"), *z)
    return Identity(f"E det(A + cZ) = det A in dimension {size}", expected, sp.prod(diagonal))


@cache
def _binomial(size: int) -> Identity:
    """Σ_k C(d,k) k! ρ^{d−k} (1−ρ)^k/(M)_k is d! Γ(M)/Γ(M+d) (1−ρ)^{1−M} P(Bin(M+d−1, ρ) ≤ d), with M = N − d − 1."""
    tosses = M + size - 1
    minors = sum(
        sp.ff(size, j) * rho ** (size - j) * (1 - rho) ** j / sp.expand_func(sp.rf(M, j)) for j in range(size + 1)
    )
    heads = sum(
        sp.expand_func(sp.ff(tosses, j)) / sp.factorial(j) * rho**j * (1 - rho) ** (size - j) for j in range(size + 1)
    )
    prefactor = sp.factorial(size) / sp.expand_func(sp.rf(M, size))
    return Identity(f"E det AAᵀ sums to a binomial distribution function, dimension {size}", minors, prefactor * heads)


@shared
def annealed() -> Iterator[Step]:
    """E det AAᵀ, exact: an integral given W, whose minors are inverse determinants of smaller Wishart matrices."""
    for size in (1, 2, 3):
        yield square_average(size)  # with A = √ρ W^½: Σ_k ρ^{d−k} (1−ρ)^k k! e_k(W⁻¹), over det W
    density = x ** (shape / 2 - 1) * sp.exp(-x / 2) / (2 ** (shape / 2) * sp.gamma(shape / 2))
    points = ({shape: 4}, {shape: 9})
    yield Quadrature("E 1/χ²_ν = 1/(ν−2)", density / x, (x, 0, 1, 10, 100, sp.oo), 1 / (shape - 2), points)
    yield Premise(
        "a k×k minor of W⁻¹ is 1/det of a Wishart matrix with N−d+k degrees of freedom, of mean 1/(N−d−1)…(N−d+k−2)",
        "muirhead1982",
        "test_fluctuations.test_the_mean_determinant_is_a_binomial_distribution_function",
    )
    for size in (1, 2, 3, 4):
        yield _binomial(size)


@shared
def anchor() -> Iterator[Step]:
    """ρ → 0, at any N ≥ d: ln det AAᵀ = Σ ln χ²_k − Σ ln χ²_{N−i+1}, independent terms, k, i = 1…d (muirhead1982)."""
    density = x ** (shape / 2 - 1) * sp.exp(-x / 2) / (2 ** (shape / 2) * sp.gamma(shape / 2))
    moment = 2**s * sp.gamma(shape / 2 + s) / sp.gamma(shape / 2)
    points = ({shape: 3, s: HALF}, {shape: 8, s: 2})
    yield Quadrature("E (χ²_ν)^s = 2^s Γ(ν/2+s)/Γ(ν/2)", density * x**s, (x, 0, 1, 10, 100, sp.oo), moment, points)
    for order, name in enumerate(("ψ(ν/2) + ln 2", "ψ′(ν/2)", "ψ″(ν/2)")):
        cumulant = sp.diff(s * sp.log(2) + sp.loggamma(shape / 2 + s), s, order + 1).subs(s, 0)
        expected = sp.polygamma(order, shape / 2) + (sp.log(2) if order == 0 else 0)
        yield Identity(f"so a cumulant of ln χ²_ν is {name}", cumulant, expected)
        total, far = SUMS[order], FAR[order]
        gap = sp.expand_func(total.subs(x, x + 1) - total)
        yield Identity(f"a sum of such: a difference that is ψ^({order})", gap, sp.polygamma(order, x))
        yield Limit("and what it is far from 0", total - far, x, sp.oo, 0)
        square, wishart = (value.subs(d, 2 * m) for value in (SQUARE[order], WISHART[order]))
        yield Limit(f"Σψ^({order})(k/2), k = 1…d", _square(order) - square, m, sp.oo, 0)
        yield Limit(f"Σψ^({order})((N−i+1)/2), i = 1…d", _wishart(order) - wishart, m, sp.oo, 0)


def _bounds(f: Formula) -> Iterator[Step]:
    yield Condition("−c is outside the disc: r₊²/c² is below 1", f.branches[0].condition, X < 1, BOUNDED)
    yield Edge("at γ = 1 the disc is the whole plane", f.variables[1], "upper", EDGE2, sp.oo)


# -- the variance ------------------------------------------------------------------------------------------------------


def _logdet_variance(f: Formula) -> Iterator[Step]:
    outside, inside = f.branches
    yield Limit("up to the edge, where the variance has no limit", outside.value, gamma, rho, sp.oo, "-")
    # Outside.
    for size in (1, 2, 3):
        yield _plain_average(size)
    yield from annealed()
    step = (d - k) / (M + k) * (1 - rho) / rho
    yield Limit(
        "each term over the one before: x = r₊²/c², at M = N−d−1",
        step.subs(M, d / gamma - d - 1),
        d,
        sp.oo,
        X,
    )
    geometric = 1 / (1 - X)
    yield Identity("so E det AAᵀ/ρ^d → g = 1 + xg, if x < 1", geometric, 1 + X * geometric)
    yield Premise(
        "for γ < ρ det A > 0 and ln det is normal in the limit, as its exponential moments are: so are traces of R^k",
        "argued here, after rider2006",
        "test_fluctuations.test_third_cumulants_are_those_of_a_normal_law_or_of_a_square_matrix",
    )
    # E e^{L/2} = 1 and E e^L = g for a normal L of mean μ and variance v: μ = −v/4 and v/4 = ln g.
    yield Identity(
        "mean −v/4, from E det A = ρ^{d/2}: E det AAᵀ/ρ^d = e^{v/4}", sp.exp(outside.value / 4), geometric, BOUNDED
    )
    yield from _traces(outside.value)
    # Inside.
    yield from anchor()
    pure = inside.value.subs(rho, 0)
    yield Identity("ρ → 0: Σψ′(k/2) + Σψ′((N−i+1)/2)", pure, SQUARE[1] + WISHART[1])
    density = DENSITY.subs(r2, C2)
    yield Identity("the eigenvalues have density (1−ρ)²/(πγ) at −c", density, (1 - rho) ** 2 / (sp.pi * gamma))
    yield Premise(
        "a log-correlated field, cut off at the distance between eigenvalues: its variance has 2 ln(their density)",
        "argued here",
        "linear.logdet_variance",
    )
    yield Identity(
        "from 0 to ρ it changes by that of the density", inside.value - pure, 2 * sp.log((1 - rho) ** 2), BOUNDED
    )


def _traces(outside: sp.Expr) -> Iterator[Step]:
    """Steps for the variance outside by traces: E (tr R^k)² → k r₊^{2k}, E tr R^k → r₊^k for even k, as
    tr RRᵀ/d → r₊²."""
    for size in (2, 3):
        t = sp.symbols(f"t0:{size}", positive=True)
        z = sp.Matrix(size, size, sp.symbols(f"z0:{size * size}", real=True))
        R, power = z * sp.diag(*t), sum(v**2 for v in t)
        yield Identity(f"E (tr R)² = tr T², R = ZT, {size} dimensions", normal_average(R.trace() ** 2, *z), power)
        yield Identity(f"E tr R² = tr T², {size} dimensions", normal_average((R**2).trace(), *z), power)
    in_odds = outside.subs(gamma, odds * rho / (1 - rho + odds * rho))
    slope = sp.simplify(sp.diff(in_odds, odds))
    yield Identity("4 Σ x^k/k has slope 4 Σ x^{k−1}", slope, 4 / (1 - odds))
    yield Identity("and is 0 at x = 0", in_odds.subs(odds, 0), 0)


logdet_variance = Formula(
    name="logdet_variance",
    variables=(variable(d), variable(gamma, INSIDE), variable(rho)),
    branches=(
        Branch(4 * sp.log(1 + _LIFT), gamma < rho),
        Branch(2 * sp.log(d) + PURE - 2 * sp.log(1 - gamma) + 4 * sp.log(1 - rho)),
    ),
    kind="heuristic",
    regime=(
        "Var ln det(Σ_G/σ²) over training sets, up to what vanishes with d; γ > ρ: exact for ρ → 0, argued else, and "
        "N − d ≫ 1; γ < ρ: by many √(γρ(1−ρ)/d), for by five of them it is a seventh too small at d = 96; "
        "γ_E is Euler's constant"
    ),
    source="derived here",
    derivation=_logdet_variance,
    bounds=_bounds,
)


# -- the mean ----------------------------------------------------------------------------------------------------------


def _logdet_offset(f: Formula) -> Iterator[Step]:
    outside, inside = f.branches
    yield Limit("up to the edge, where the mean has no limit", outside.value, gamma, rho, -sp.oo, "-")
    # Outside: E e^{L/2} = 1 for a normal L, see logdet_variance.
    yield Identity("γ < ρ: −v/4", outside.value, -logdet_variance.branches[0].value / 4)
    # Inside.
    yield from anchor()
    yield from annealed()
    # With P(Bin ≤ d) → 1 the logarithm of E det AAᵀ differs from that at ρ → 0 by (1−M) ln(1−ρ), M = N−d−1.
    limit = generated_logdet.branches[1].value
    lifted = (1 - M).subs(M, d / gamma - d - 1) * sp.log(1 - rho) - d * (limit - limit.subs(rho, 0))
    yield Identity("γ > ρ, where P(Bin ≤ d) → 1: ln E det AAᵀ − d·limit gains 2 ln(1−ρ)", lifted, 2 * sp.log(1 - rho))
    yield Premise(
        "cumulants beyond the second are those at ρ → 0: near −c the eigenvalues are those of any such matrix",
        "argued here",
        "test_fluctuations.test_third_cumulants_are_those_of_a_normal_law_or_of_a_square_matrix",
    )
    variance = logdet_variance.branches[1].value
    left = 2 * sp.log(1 - rho) - (variance - variance.subs(rho, 0)) / 2
    gain = inside.value - inside.value.subs(rho, 0)
    yield Identity("of it the mean has what half the variance leaves: nothing", gain, left, BOUNDED)
    pure = d * limit.subs(rho, 0) + inside.value.subs(rho, 0)
    yield Identity("ρ → 0: Σψ(k/2) − Σψ((N−i+1)/2)", pure, SQUARE[0] - WISHART[0], BOUNDED)
    whole = d * logdet_correction.branches[1].value
    yield Limit("whose leading term is logdet_correction", inside.value / whole, d, sp.oo, 1)


logdet_offset = Formula(
    name="logdet_offset",
    variables=(variable(d), variable(gamma, INSIDE), variable(rho)),
    branches=(
        Branch(-sp.log(1 + _LIFT), gamma < rho),
        Branch((1 - sp.EulerGamma - sp.log(2 * d) - sp.log(1 - gamma)) / 2),
    ),
    kind="heuristic",
    regime=(
        "E ln det(Σ_G/σ²) − d·generated_logdet, up to what vanishes with d; what grows in it is d·logdet_correction; "
        "beyond the plateau the same at every ρ; where logdet_variance holds; γ_E is Euler's constant"
    ),
    source="derived here",
    derivation=_logdet_offset,
    bounds=_bounds,
    rests_on=(generated_logdet, logdet_correction, logdet_variance),
)
