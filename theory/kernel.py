"""The kernel estimate of a point set, and what the seed's L2 criterion can say with it.

The seed smooths n points with Gaussian kernels of width ε_n = σ n^{−1/d} (E2, reconstructed): ρ_T from the training
set, ρ_O from points of the true law O = N(m, σ²I).  Norms are in units of ‖O‖² = (4πσ²)^{−d/2}.

Three facts carry this chapter.  Every kernel overlaps with itself, and at this width the self-overlaps alone add up to
exactly 1 at every n: the estimate never converges to O in L2.  Whether G is nearer to T or to O is which side of the
perpendicular bisector of T and O it lies on, a question about one coordinate a; how far it is from O depends on another
coordinate b as well, so a falling E_OG is not contained in the definition of Δ.
"""

from collections.abc import Callable, Iterator
from typing import Any

import mpmath
import numpy as np
import sympy as sp

from theory.formula import Branch, Formula, Variable
from theory.steps import Identity, Limit, Premise, Quadrature, Step

n, d, sigma, width = sp.symbols("n d sigma width", positive=True)

COUNT = Variable(n, "number of points", sp.Interval(1, sp.oo))
DIMENSION = Variable(d, "dimension", sp.Interval(1, sp.oo))
SIGMA = Variable(sigma, "standard deviation of the data", unit="data", default=1)
WIDTH = Variable(width, "standard deviation of a kernel", unit="data", letter=r"\varepsilon")


class log_add(sp.Function):
    """ln(e^a + e^b), where e^a and e^b may leave the range of float64."""

    nargs = 2

    def doit(self, **hints: Any) -> sp.Expr:
        a, b = self.args
        return sp.log(sp.exp(a) + sp.exp(b))

    @staticmethod
    def numpy(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.logaddexp(a, b)

    @staticmethod
    def mpmath(a: mpmath.mpf, b: mpmath.mpf) -> mpmath.mpf:
        return mpmath.log(mpmath.exp(a) + mpmath.exp(b))


def gaussian_product(k: sp.Expr, s: sp.Expr) -> Iterator[Step]:
    """N(y; 0, k) N(y; 0, s) = N(0; 0, k+s) N(y; 0, v) with 1/v = 1/k + 1/s, on the line."""
    y = sp.Symbol("y", real=True)

    def normal(variance: sp.Expr) -> sp.Expr:
        return sp.exp(-(y**2) / (2 * variance)) / sp.sqrt(2 * sp.pi * variance)

    v = k * s / (k + s)
    ratio = normal(k) * normal(s) / (normal(v) / sp.sqrt(2 * sp.pi * (k + s)))
    yield Identity("two centred normals multiply to a third of variance v = ks/(k+s)", sp.simplify(ratio), 1)
    yield Quadrature(
        "so their overlap is N(0; 0, k+s)",
        (normal(k) * normal(s)).subs({k: sp.Symbol("k"), s: sp.Symbol("s")}),
        (y, -sp.oo, sp.oo),
        1 / sp.sqrt(2 * sp.pi * (sp.Symbol("k") + sp.Symbol("s"))),
        ({sp.Symbol("k"): 2, sp.Symbol("s"): sp.Rational(1, 3)}, {sp.Symbol("k"): 5, sp.Symbol("s"): 1}),
    )


# -- the width and the self-overlap -------------------------------------------------------------------------------


def _kernel_width(f: Formula) -> Iterator[Step]:
    yield Identity("n kernels hold together the volume of one of width σ", n * f.expr**d, sigma**d)
    yield Limit("one point: the kernel is as wide as the data", f.expr, n, 1, sigma)


kernel_width = Formula(
    name="kernel_width",
    variables=(COUNT, DIMENSION, SIGMA),
    branches=(Branch(sigma * sp.exp(-sp.log(n) / d)),),
    kind="exact",
    regime="a definition, for every n and d",
    source="halder2024 eq. (10) (E2, reconstructed)",
    derivation=_kernel_width,
)


def _self_overlap(f: Formula) -> Iterator[Step]:
    overlap = (4 * sp.pi * width**2) ** (-d / 2) / n  # (1/n²) Σ_i N(0; 0, 2ε²I): n terms
    yield from gaussian_product(*sp.symbols("k s", positive=True))
    unit = (4 * sp.pi * sigma**2) ** (-d / 2)
    yield Identity("(1/n²) Σ_i N(0; 0, 2ε²I) in units of ‖O‖²", sp.simplify(overlap / unit / f.expr), 1)
    yield Identity(
        "at the seed's width it is 1, whatever n and d", sp.simplify(f.expr.subs(width, kernel_width.expr)), 1
    )


self_overlap = Formula(
    name="self_overlap",
    variables=(COUNT, DIMENSION, WIDTH, SIGMA),
    branches=(Branch(sp.exp(d * sp.log(sigma / width)) / n),),
    kind="exact",
    regime="overlaps of kernels with themselves in ‖ρ_T‖², in units of (4πσ²)^{−d/2}; 1 at ε = σ n^{−1/d}",
    source="derived here",
    derivation=_self_overlap,
)


def _pair_overlap(f: Formula) -> Iterator[Step]:
    # Two points differ by N(0, 2σ²I), each is smoothed by ε²: E N(x_i − x_j; 0, 2ε²I) = N(0; 0, 2(σ²+ε²)I).
    expected = (1 - 1 / n) * (4 * sp.pi * (sigma**2 + width**2)) ** (-d / 2)
    unit = (4 * sp.pi * sigma**2) ** (-d / 2)
    yield from gaussian_product(*sp.symbols("k s", positive=True))
    yield Identity("(1/n²) Σ_{i≠j} E N(x_i − x_j; 0, 2ε²I) in units of ‖O‖²", sp.simplify(expected / unit / f.expr), 1)


pair_overlap = Formula(
    name="pair_overlap",
    variables=(COUNT, DIMENSION, WIDTH, SIGMA),
    branches=(Branch((n - 1) / n * sp.exp(-d * sp.log(1 + width**2 / sigma**2) / 2)),),
    kind="exact",
    regime="mean over point sets of the overlaps of different kernels in ‖ρ_T‖², in units of (4πσ²)^{−d/2}",
    source="derived here",
    derivation=_pair_overlap,
)


# -- one component against all the others ----------------------------------------------------------------------------

_OWN = sp.exp(-d / 2)  # Z_1, the component's own term at a distance ε√d from its centre
_OTHERS = (width**2 / (sigma**2 + width**2)) ** (d / 2) * sp.exp(-d / 2)  # E of one other term at a typical place


def _annealed() -> Iterator[Step]:
    """Z_1 and the mean of one term of Z_{1^c}, at x = x_1 + εz typical of component 1: |z|² = d, |x|² = d(σ²+ε²)."""
    z, v, u = sp.Symbol("z", real=True), sp.Symbol("v", positive=True), sp.Symbol("u", real=True)
    # one direction: E exp(−(u−X)²/2ε²), X ~ N(0, σ²), by completing the square
    integral = sp.sqrt(2 * sp.pi * v) * sp.exp(u**2 * v / (2 * width**4) - u**2 / (2 * width**2))
    posterior = width**2 * sigma**2 / (width**2 + sigma**2)
    factor = integral.subs(v, posterior) / sp.sqrt(2 * sp.pi * sigma**2)
    typical = factor.subs(u, sp.sqrt(sigma**2 + width**2))
    yield Identity("one direction of another component's mean term", sp.simplify(typical**2), _OTHERS.subs(d, 2))
    k = sp.Symbol("k", positive=True)
    square = sp.exp(-(z**2) / (2 * k)) / sp.sqrt(2 * sp.pi * k)
    yield Quadrature("a normal density integrates to 1", square, (z, -sp.oo, sp.oo), k / k, ({k: 2},))


def _collapse_width(f: Formula) -> Iterator[Step]:
    yield from _annealed()
    finite = f.branches[1].value
    balance = sp.log(n) + d * sp.log(width**2 / (sigma**2 + width**2)) / 2
    yield Identity("n mean terms weigh as much as one's own", balance.subs(width, finite), 0)
    # The mean is carried by points of the posterior N(g x, g ε²), g = σ²/(σ²+ε²): KL from the law of the data,
    # d directions at |x|² = d(σ²+ε²).
    g = sigma**2 / (sigma**2 + width**2)
    ratio, shift = g * width**2 / sigma**2, g**2 * (sigma**2 + width**2) / sigma**2
    rate = (ratio - 1 - sp.log(ratio) + shift) / 2
    yield Identity(
        "one point in e^{d·rate} carries it, rate = ½ ln(1+σ²/ε²)", rate, sp.log(1 + sigma**2 / width**2) / 2
    )
    yield Identity(
        "and n = e^{d·rate} is the same balance: annealed = quenched up to here", sp.log(n) - d * rate, balance
    )
    yield Limit("few kernels need no width to be apart: ε_c → ∞ as n → 1", finite.subs(d, 2), n, 1, sp.oo)


collapse_width = Formula(
    name="collapse_width",
    variables=(COUNT, DIMENSION, SIGMA),
    branches=(
        Branch(sp.oo, n <= 1),
        Branch(sigma * sp.exp(-sp.log(n) / d) / sp.sqrt(1 - sp.exp(-2 * sp.log(n) / d))),
    ),
    kind="asymptotic",
    regime="width at which all other kernels together weigh as much as a point's own, d → ∞; narrower: collapsed",
    source="derived here; biroli2024 for the exact score",
    derivation=_collapse_width,
)


def _neighbour_ratio(f: Formula) -> Iterator[Step]:
    yield from _annealed()
    ratio = sp.log(n - 1) + sp.log(_OTHERS / _OWN)
    seed = ratio.subs(width, kernel_width.expr)
    yield Identity(
        "ln Z_{1^c}/Z_1 at ε = σ n^{−1/d}",
        sp.expand_log(sp.log(f.expr), force=True),
        sp.log(n - 1) - sp.log(n) - d * sp.log(1 + sp.exp(-2 * sp.log(n) / d)) / 2,
    )
    for dimension in (2, 4):
        yield Identity(
            f"which is that of the mean terms (d = {dimension})",
            sp.exp(seed).subs(d, dimension),
            f.expr.subs(d, dimension),
        )
    inside = kernel_width.expr**2 / collapse_width.branches[1].value ** 2
    yield Identity(
        "inside the collapsed phase at every n and d: (ε/ε_c)² = 1 − n^{−2/d}", inside, 1 - sp.exp(-2 * sp.log(n) / d)
    )
    alpha = sp.Symbol("alpha", positive=True)
    yield Limit(
        "at fixed α = ln n/d it falls as e^{−d/2·ln(1+e^{−2α})}",
        sp.log(f.expr).subs(n, sp.exp(alpha * d)) / d,
        d,
        sp.oo,
        -sp.log(1 + sp.exp(-2 * alpha)) / 2,
    )


neighbour_ratio = Formula(
    name="neighbour_ratio",
    variables=(COUNT, DIMENSION),
    branches=(Branch((n - 1) / n * sp.exp(-d * sp.log(1 + sp.exp(-2 * sp.log(n) / d)) / 2)),),
    kind="exact",
    regime="mean of Z_{1^c} over the other points, by Z_1, at the seed's width and a typical place of component 1",
    source="derived here; Z_1 and Z_{1^c} of halder2024 eq. (11) (E3, reconstructed)",
    derivation=_neighbour_ratio,
)


# -- mean integrated squared error --------------------------------------------------------------------------------

_e = width**2 / sigma**2
_A, _B = (1 + _e) ** (-d / 2), (1 + _e / 2) ** (-d / 2)
_LOG_A, _LOG_B = -d * sp.log(1 + _e) / 2, -d * sp.log(1 + _e / 2) / 2
# (1/n)((σ/ε)^d − A) and (1 − B)² + (A − B²), each without subtracting what is nearly equal
_VARIANCE = -d * sp.log(_e) / 2 - sp.log(n) + sp.log(1 - sp.exp(-d * sp.log(1 + 1 / _e) / 2))
_BIAS = (1 - sp.exp(_LOG_B)) ** 2 + sp.exp(_LOG_A) * (1 - sp.exp(-d * sp.log(1 + _e**2 / (4 * (1 + _e))) / 2))


def _kde_mise(f: Formula) -> Iterator[Step]:
    yield from gaussian_product(*sp.symbols("k s", positive=True))
    unit = (4 * sp.pi * sigma**2) ** (-d / 2)
    own = (4 * sp.pi * width**2) ** (-d / 2) / n
    pairs = (1 - 1 / n) * (4 * sp.pi * (sigma**2 + width**2)) ** (-d / 2)
    cross = (2 * sp.pi * (2 * sigma**2 + width**2)) ** (-d / 2)
    sum_of_overlaps = (own + pairs - 2 * cross + unit) / unit
    split = ((sigma / width) ** d - _A) / n + _A - 2 * _B + 1
    yield Identity("‖T‖² − 2⟨T, O⟩ + ‖O‖², in units of ‖O‖²", sp.expand(sp.simplify(sum_of_overlaps - split)), 0)
    yield Identity("variance, written without cancellation", sp.exp(_VARIANCE), ((sigma / width) ** d - _A) / n)
    for dimension in (2, 4, 6):
        at = {d: dimension, width: sp.sqrt(sp.Symbol("e", positive=True)) * sigma}
        yield Identity(f"squared bias, likewise (d = {dimension})", _BIAS.subs(at), (_A - 2 * _B + 1).subs(at))
    yield Identity("their sum, in the units of a density", f.expr.doit(), unit * (sp.exp(_VARIANCE) + _BIAS))
    at_width = (sum_of_overlaps.subs(d, 2)).subs(width, kernel_width.expr.subs(d, 2))
    yield Limit("at the seed's width it tends to ‖O‖², not to 0 (d = 2)", sp.simplify(at_width), n, sp.oo, 1)


kde_mise = Formula(
    name="kde_mise",
    variables=(COUNT, DIMENSION, WIDTH, SIGMA),
    branches=(Branch(sp.exp(log_add(_VARIANCE, sp.log(_BIAS)) - d * sp.log(4 * sp.pi * sigma**2) / 2)),),
    kind="exact",
    regime="E‖ρ_T − O‖² over training sets, O = N(m, σ²I), an inverse volume; use .log where d is large",
    source="derived here",
    derivation=_kde_mise,
)


# -- the perpendicular bisector -----------------------------------------------------------------------------------

position, b_squared, separation = sp.symbols("position b_squared separation", real=True)
_POSITION = Variable(
    position, "⟨T−O, G−O⟩/‖T−O‖², the position of G along T − O", sp.Interval(-sp.oo, sp.oo), letter="a"
)
_SEPARATION = Variable(separation, "‖T−O‖²", sp.Interval(0, sp.oo), "1/volume", letter=r"\|T-O\|^2")
_B2 = Variable(
    b_squared, "squared distance of G from the line through O and T", sp.Interval(0, sp.oo), "1/volume", letter="b^2"
)


def _in_the_plane() -> tuple[sp.Expr, sp.Expr, dict]:
    """E_TG and E_OG for O at the origin, T at t, and G at coordinates (g1, g2, g3) of any three directions."""
    t, g = sp.Matrix(sp.symbols("t1:4", real=True)), sp.Matrix(sp.symbols("g1:4", real=True))
    separation_ = t.dot(t)
    a = t.dot(g) / separation_
    at = {separation: separation_, position: a, b_squared: g.dot(g) - a**2 * separation_}
    return (t - g).dot(t - g), g.dot(g), at


def _bisector(f: Formula) -> Iterator[Step]:
    to_train, to_original, at = _in_the_plane()
    yield Identity("E_TG − E_OG = ‖T−O‖²(1 − 2a): b drops out", to_train - to_original, f.expr.subs(at))
    yield Identity("a copy of the training set has a = 1", f.expr.subs(position, 1), -separation)
    yield Identity("on the bisector, a = ½, the two distances are equal", f.expr.subs(position, sp.Rational(1, 2)), 0)


bisector = Formula(
    name="bisector",
    variables=(_POSITION, _SEPARATION),
    branches=(Branch(separation * (1 - 2 * position)),),
    kind="identity",
    regime="Δ = E_TG − E_OG for any three functions T, O, G: linear in G",
    source="derived here; Δ of halder2024 eq. (19) (E6, reconstructed)",
    derivation=_bisector,
)


def _distance_original(f: Formula) -> Iterator[Step]:
    to_train, to_original, at = _in_the_plane()
    yield Identity("E_OG = a²‖T−O‖² + b²", to_original, f.expr.subs(at))
    mirrored = f.expr.subs(position, 1 - position)
    yield Identity("and E_TG is the same seen from T, 1 − a for a", to_train, mirrored.subs(at))
    yield Identity(
        "not circular: at fixed a, hence fixed Δ, E_OG moves one to one with b²", sp.diff(f.expr, b_squared), 1
    )


distance_original = Formula(
    name="distance_original",
    variables=(_POSITION, _SEPARATION, _B2),
    branches=(Branch(position**2 * separation + b_squared),),
    kind="identity",
    regime="E_OG for any three functions T, O, G",
    source="derived here; E_OG of halder2024 eq. (19) (E6, reconstructed)",
    derivation=_distance_original,
)


# -- what one resolution can see: the memorized fraction -----------------------------------------------------------

q = sp.Symbol("q", positive=True)
SHARPNESS = Variable(q, "q = σ²/(σ²+ε²): how sharp the kernel is against the data", sp.Interval.open(0, 1))
# Gain of the overlap of G with a point by that point's being in the training set, × n, relative to the overlap itself.
INFLUENCE = d * q / (1 + q) + d * (d + 2) * q**2 / (2 * (1 + q) ** 2)


def chi2_average(function: Callable[[sp.Symbol], sp.Expr]) -> sp.Expr:
    """E function(x), x ~ χ²_d, by SymPy."""
    x = sp.Symbol("x", positive=True)
    density = x ** (d / 2 - 1) * sp.exp(-x / 2) / (2 ** (d / 2) * sp.gamma(d / 2))
    return sp.gammasimp(sp.integrate(function(x) * density, (x, 0, sp.oo), conds="none"))


def influence() -> Iterator[Step]:
    """n E[N(x_i; x̄, S+ε²) − N(x; x̄, S+ε²)]/E N(x; x̄, S+ε²) → INFLUENCE, G = N(x̄, S), n → ∞ at fixed d.

    Adding a point at y (from the mean) moves x̄ by y/n and S by (yyᵀ − σ²I)/n: the gain is the derivative of
    ln N(y; x̄, S+ε²) along that motion, averaged over y with weight N(y; 0, k) N(y; 0, σ²) ∝ N(y; 0, v).
    """
    r2, k, s = sp.symbols("r2 k s", positive=True)  # |y|², σ²+ε², σ²
    yield from gaussian_product(k, s)
    y, m = sp.symbols("y m", real=True)
    log_f = -((y - m) ** 2) / (2 * k) - sp.log(k) / 2
    yield Identity("∂ ln N along the mean, moved by y: y²/k", y * sp.diff(log_f, m).subs(m, 0), y**2 / k)
    yield Identity(
        "∂ ln N along one variance: ½(y²/k² − 1/k), times the motion y² − s",
        sp.diff(log_f, k).subs(m, 0) * (y**2 - s),
        ((y**2 / k**2 - 1 / k) * (y**2 - s)) / 2,
    )
    # In d dimensions ½[(yᵀVy)/k² − tr V/k], V = yyᵀ − sI:
    total = r2 / k + ((r2**2 - s * r2) / k**2 - (r2 - d * s) / k) / 2
    v = k * s / (k + s)
    moments = chi2_average(lambda x: x), chi2_average(lambda x: x**2)
    yield Identity("E|y|² = d v", moments[0], d)
    yield Identity("E|y|⁴ = d(d+2)v²", moments[1], d * (d + 2))
    zeroth, first, second = (sp.expand(total).coeff(r2, p) for p in range(3))
    averaged = zeroth + first * d * v + second * d * (d + 2) * v**2
    yield Identity("averaged, with q = s/k", averaged.subs(k, s / q), INFLUENCE)


_CONTRAST = d * sp.log(1 + 2 * sigma**2 / width**2) / 2  # ln k(0)/k̄


def _memorized_fraction(f: Formula) -> Iterator[Step]:
    yield from influence()
    yield Premise(
        "second-order terms of the expansion in x̄ − m and S − Σ are O(1/n) relative to the first",
        "argued here",
        "kernel.memorized_fraction",
    )
    # ⟨T−O, G−O⟩: c × INFLUENCE/n with c = N(0; 0, (2σ²+ε²)I); ‖T−O‖² in the same smoothing: (k(0) − k̄)/n.
    c = (2 * sp.pi * (2 * sigma**2 + width**2)) ** (-d / 2)
    norm = (2 * sp.pi * width**2) ** (-d / 2) - (2 * sp.pi * (width**2 + 2 * sigma**2)) ** (-d / 2)
    direct = (c * INFLUENCE / norm).subs(q, sigma**2 / (sigma**2 + width**2))
    for dimension in (1, 2, 3):
        yield Identity(
            f"a = ⟨T−O, G−O⟩/‖T−O‖² at leading order (d = {dimension})",
            sp.simplify((direct / f.expr).subs(d, dimension)),
            1,
        )
    at = f.expr.subs({d: 2, sigma: 1})
    yield Limit("wide kernels see a copy: mean and covariance are those of the training set", at, width, sp.oo, 1)
    yield Limit("narrow kernels see none: no point is copied", at, width, 0, 0)


memorized_fraction = Formula(
    name="memorized_fraction",
    variables=(WIDTH, DIMENSION, SIGMA),
    branches=(
        Branch(INFLUENCE.subs(q, sigma**2 / (sigma**2 + width**2)) * sp.exp(-_CONTRAST) / (1 - sp.exp(-_CONTRAST))),
    ),
    kind="asymptotic",
    regime="E⟨T−O, G−O⟩/E‖T−O‖² where T, O and G are all seen through kernels of variance ε²/2, G = N(x̄, S), n ≫ d²",
    source="derived here",
    derivation=_memorized_fraction,
)
