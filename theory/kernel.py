"""The kernel estimate of a point set, and what the seed's L2 criterion can say with it.

The seed smooths n points with Gaussian kernels of width ε_n = σ n^{−1/d} (E2, reconstructed): ρ_T from the training
set, ρ_O from points of the true law O = N(m, σ²I).  Norms are in units of ‖O‖² = (4πσ²)^{−d/2}.

Every kernel overlaps with itself, and at this width the self-overlaps alone add up to exactly 1 at every n: the
estimate never converges to O in L2.  Near a training point its own kernel is heavier than the mean of all others
together, at every n and d, by e^{O(d)} where d ≫ ln n: there the estimate still consists of n separate points.
"""

from collections.abc import Iterator
from typing import Any

import mpmath
import numpy as np
import sympy as sp

from theory.formula import Branch, Formula, Unknown, Variable
from theory.gaussians import normal_average
from theory.steps import Identity, Limit, Quadrature, Step

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
    at_rate = sp.expand_log(sp.log(f.expr.subs(n, sp.exp(alpha * d))), force=True)
    rate = sp.log(1 + sp.exp(-2 * alpha)) / 2
    yield Identity(
        "at fixed α = ln n/d it falls as e^{−d/2·ln(1+e^{−2α})}; all that is left is ln(1−1/n), no series in 1/d",
        at_rate + d * rate,
        sp.log(sp.exp(alpha * d) - 1) - alpha * d,
    )
    golden = sp.log((1 + sp.sqrt(5)) / 2) / 2
    yield Identity(
        "Z_{1^c}/Z_1 ~ e^{−d·rate} and 1/n = e^{−dα} are equal at α = ½ ln((1+√5)/2), n^{2/d} the golden ratio",
        sp.exp(2 * rate.subs(alpha, golden)),
        (1 + sp.sqrt(5)) / 2,
    )
    z, place = sp.symbols("z place", real=True)
    normal = sp.exp(-(z**2) / 2)
    ratio_here = sp.exp(-((z - place) ** 2) / 2) / normal  # one other point, at place·ε from x_1
    yield Identity(
        "not to be taken for the mean of the ratio: over z that is 1 for each point, n − 1, at every width",
        ratio_here * normal,
        normal.subs(z, z - place),
    )
    few = sp.log(f.expr * n / (n - 1)) + d * sp.log(2) / 2 - sp.log(n) / 2
    yield Limit(
        "at fixed n it is 2^{−d/2} √n (1−1/n), and the correction to the logarithm is −(ln n)²/4d",
        few.subs(n, sp.exp(alpha)) * d,
        d,
        sp.oo,
        -(alpha**2) / 4,
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


def _neighbour_spread(f: Formula) -> Iterator[Step]:
    # ln Z_{1^c}/Z_1 at x = x_1 + εz: const − |x|²/2(σ²+ε²) + |z|²/2, the x_i averaged. One direction, X = x/√(σ²+ε²):
    z, w, c = sp.symbols("z w c", real=True)
    place = c * z + sp.sqrt(1 - c**2) * w  # X, of correlation c with z

    log_ratio = (z**2 - place**2) / 2
    yield Identity("its mean is the value at the typical place, at every n and d", normal_average(log_ratio, z, w), 0)
    variance = normal_average(log_ratio**2, z, w)
    yield Identity("its variance in one direction is 1 − c²", variance, 1 - c**2)
    share = 1 - width**2 / (sigma**2 + width**2)
    at_seed = share.subs(width, kernel_width.expr)
    yield Identity("c² = ε²/(σ²+ε²), at the seed's width", sp.simplify(d * at_seed), sp.simplify(f.expr**2))
    yield Limit("few points: √(d/2)", f.expr, n, 1, sp.sqrt(d / 2))


neighbour_spread = Formula(
    name="neighbour_spread",
    variables=(COUNT, DIMENSION),
    branches=(Branch(sp.sqrt(d / (1 + sp.exp(-2 * sp.log(n) / d)))),),
    kind="exact",
    regime="standard deviation of ln(Z_{1^c}/Z_1) over places x_1 + εz, the other points averaged, at the seed's width",
    source="derived here",
    derivation=_neighbour_spread,
)


# -- data of low dimension in a space of many ------------------------------------------------------------------------

D = sp.Symbol("D", positive=True)
INTRINSIC = Variable(D, "intrinsic dimension: of the subspace that holds the data", sp.Interval(1, sp.oo))


def _intrinsic_ratio(f: Formula) -> Iterator[Step]:
    yield from _annealed()
    snr = sp.exp(2 * sp.log(n) / d)
    yield Identity("at the width of d dimensions σ²/ε² = n^{2/d}", (sigma / kernel_width.expr) ** 2, snr)
    spread = sp.Symbol("spread", positive=True)
    one = sp.log((_OTHERS / _OWN).subs(d, 1)).subs(width, sigma / sp.sqrt(spread))
    yield Identity("each of D directions: −½ ln(1+σ²/ε²)", sp.expand_log(one, force=True), -sp.log(1 + spread) / 2)
    value, condition = f.branches[0]
    logarithm = sp.expand_log(sp.log(value.doit()), force=True)
    exact = sp.log(n - 1) - D * sp.log(1 + snr) / 2
    yield Identity("noise off the subspace is the same for all terms", logarithm, exact)
    yield Identity("at most all directions hold data", condition.rhs - condition.lhs, d - D)
    for dimension in (2, 3, 8):
        alone = sp.expand_log(sp.log(neighbour_ratio.expr), force=True).subs(d, dimension)
        whole = logarithm.subs({D: dimension, d: dimension})
        yield Identity(f"D = d is the neighbour ratio (d = {dimension})", sp.exp(whole - alone), 1)
    yield Limit("many points are not apart (D = 2, d = 4)", value.doit().subs({D: 2, d: 4}), n, sp.oo, sp.oo)


intrinsic_ratio = Formula(
    name="intrinsic_ratio",
    variables=(COUNT, DIMENSION, INTRINSIC),
    branches=(Branch((n - 1) * sp.exp(-D * log_add(0, 2 * sp.log(n) / d) / 2), D <= d),),
    kind="exact",
    regime="neighbour_ratio for Gaussian data in D of d dimensions, at the seed's width of d dimensions; D ≤ d",
    source="derived here",
    derivation=_intrinsic_ratio,
)

log_n = sp.Symbol("log_n", positive=True)


def _isolated_samples(f: Formula) -> Iterator[Step]:
    ratio = sp.log(intrinsic_ratio.branches[0].value.doit())
    many = sp.expand_log(ratio - sp.log(n - 1) + sp.log(n), force=True)
    yield Identity(
        "n terms, as heavy as one's own",
        f.equation.doit(),
        many.subs(n, sp.exp(log_n)).subs(sp.log(sp.exp(log_n)), log_n),
    )
    fewer, all_of_them = (b.condition for b in f.branches)
    yield Identity("fewer directions with data than there are", fewer.rhs - fewer.lhs, d - D)
    yield Identity("or as many: never, for then the ratio is below 1", all_of_them.rhs - all_of_them.lhs, d - D)
    assert f.branches[1].value == sp.oo
    yield Identity("n from its logarithm", sp.log(f.branches[0].value), log_n)
    yield Limit("d → ∞: n = 2^{D/2}, whatever d", f.equation.doit(), d, sp.oo, log_n - D * sp.log(2) / 2)


isolated_samples = Formula(
    name="isolated_samples",
    variables=(DIMENSION, INTRINSIC),
    branches=(Branch(sp.exp(log_n), D < d), Branch(sp.oo, D <= d)),
    kind="asymptotic",
    regime="n up to which the seed's width keeps points of D dimensions in a space of d apart, D ≫ 1; ∞ for D = d",
    source="derived here",
    derivation=_isolated_samples,
    unknown=Unknown(
        log_n,
        log_n - D * log_add(0, 2 * log_n / d) / 2,
        D * sp.log(2) / 4,
        D * sp.log(2) / 2 / (1 - D / d),
    ),
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


def _best_width(f: Formula) -> Iterator[Step]:
    h = sp.Symbol("h", positive=True)  # ε² in units of σ²
    variance, bias = sp.exp(_VARIANCE + sp.log(n) + d * sp.log(_e) / 2), _BIAS
    for dimension in (1, 2, 3):
        at = {d: dimension, sigma: 1, width: sp.sqrt(h)}
        yield Limit(f"narrow kernels: variance (σ/ε)^d/n (d = {dimension})", variance.subs(at), h, 0, 1)
        curvature = sp.Rational(dimension * (dimension + 2), 16)
        yield Limit(
            f"squared bias (ε⁴/4)‖∇²O‖²: d(d+2)/16 (ε/σ)⁴ (d = {dimension})", bias.subs(at) / h**2, h, 0, curvature
        )
    error = (sigma / width) ** d / n + d * (d + 2) * (width / sigma) ** 4 / 16
    falls, rises = d * (sigma / width) ** d / n, d * (d + 2) * (width / sigma) ** 4 / 4
    yield Identity("the slope of their sum in ln ε", width * sp.diff(error, width), rises - falls)
    balance = sp.expand_log(sp.log(rises) - sp.log(falls), force=True)
    best = sp.expand_log(sp.log(f.expr), force=True)
    yield Identity("is zero at the best width", balance.subs(sp.log(width), best), 0)


best_width = Formula(
    name="best_width",
    variables=(COUNT, DIMENSION, SIGMA),
    branches=(Branch(sigma * sp.exp(sp.log(4 / (n * (d + 2))) / (d + 4))),),
    kind="asymptotic",
    regime="width of least E‖ρ_T − O‖², n → ∞ at fixed d; narrower than the seed's below n = ((d+2)/4)^{d/4}",
    source="derived here; silverman1986 eq. (4.14)",
    derivation=_best_width,
)
