"""Closer to the training set than to the holdout: how often are points that a linear model generates in many steps?

They have the law N(x̄, S) of the training set (n, d).  Such a point is a weighted sum of training points,

    g = Σ a_i x_i,   a_i = 1/n + (w_i − w̄)/√(n−1),   w_i independent and standard normal,

so that given the weights g and x_i are jointly normal if the data are, with covariance a_i σ² a coordinate.  A fresh
point has covariance 0 with g.  That is all that tells them apart: there is no copy, and yet a training point with a
large weight is likely to be close.
"""

from collections.abc import Iterator
from typing import Any

import mpmath
import numpy as np
import sympy as sp
from scipy import special, stats

from theory.core.averages import normal_average
from theory.core.bounds import Edge
from theory.core.formula import Branch, Formula
from theory.core.parts import DomainError
from theory.core.steps import Identity, Limit, Premise, Step, shared
from theory.letters import at_least, d, n, sigma, variable


@shared
def weighted_sum() -> Iterator[Step]:
    """The weights of the training points in a generated one, and the law of a training point given both."""
    x, w = sp.symbols("x1:4", real=True), sp.symbols("w1:4", real=True)
    size = len(x)
    middle, mean = sum(w) / size, sum(x) / size
    spread = sum((wi - middle) * xi for wi, xi in zip(w, x, strict=True)) ** 2 / (size - 1)
    covariance = sum((xi - mean) ** 2 for xi in x) / (size - 1)
    yield Identity("given the training set Σ a_i x_i has variance S (n = 3)", normal_average(spread, *w), covariance)
    yield Identity(
        "Var a_i = 1/n, E a_i = 1/n (n = 3)",
        normal_average((w[0] - middle) ** 2, *w) / (size - 1),
        sp.Rational(1, size),
    )
    # one coordinate, σ = 1: Var x = 1, Var g = Σa² = A, Cov = a
    weight, total = sp.symbols("weight total", positive=True)
    point, own = sp.symbols("g y", real=True)
    joint = sp.Matrix([[1, weight], [weight, total]])
    exponent = (sp.Matrix([[own, point]]) * joint.inv() * sp.Matrix([own, point]))[0]
    variance = 1 - weight**2 / total
    yield Identity(
        "given g and the weights x_i is normal: mean a_i g/A, variance 1 − a_i²/A",
        exponent,
        (own - weight * point / total) ** 2 / variance + point**2 / total,
    )
    square = variance + (1 - weight / total) ** 2 * total  # |g|² is A on average, a coordinate
    yield Identity("so E(g − x_i)² = 1 + A − 2a_i", square, 1 + total - 2 * weight)


def _training_distance(f: Formula) -> Iterator[Step]:
    yield from weighted_sum()
    total = n * (1 / n + 1 / n**2)  # E Σa²
    yield Identity("E A = 1 + 1/n, E a_i = 1/n, d coordinates", sigma**2 * d * (1 + total - 2 / n), f.expr)
    from_mean, own = (1 - 1 / n), sp.S.One
    yield Identity("any law: |x_i − x̄|² and tr S, which are independent of z", sigma**2 * d * (from_mean + own), f.expr)
    fresh = sigma**2 * d * (1 + total)
    yield Identity("a fresh point is farther by 2σ²d/n", fresh - f.expr, 2 * sigma**2 * d / n)


def _training_distance_bounds(f: Formula) -> Iterator[Step]:
    yield Edge("a variance takes two points", f.variables[0], "lower", 1 / (n - 1), 1, included=True)


training_distance = Formula(
    name="training_distance",
    variables=(variable(n, at_least(2)), variable(d), variable(sigma)),
    branches=(Branch(sigma**2 * d * (2 - 1 / n)),),
    kind="exact",
    regime="E|g − x_i|² of a point of N(x̄, S) and a training point, data of any law with variance σ² a coordinate",
    source="derived here",
    derivation=_training_distance,
    bounds=_training_distance_bounds,
)

# -- many points -----------------------------------------------------------------------------------------------------


class far_quantile(sp.Function):
    """far_quantile(n): z with Φ(−z) = 1/n, up to sign about the least of n standard normal variables."""

    nargs = 1

    def doit(self, **hints: Any) -> sp.Expr:
        return sp.sqrt(2) * sp.erfinv(1 - 2 / self.args[0])

    def _latex(self, printer: Any, exp: str = "") -> str:
        return rf"z_{{{printer._print(self.args[0])}}}" + (f"^{{{exp}}}" if exp else "")

    @staticmethod
    def numpy(n: np.ndarray) -> np.ndarray:
        return -special.ndtri(1 / np.asarray(n))

    @staticmethod
    def mpmath(n: mpmath.mpf) -> mpmath.mpf:
        with mpmath.workdps(mpmath.mp.dps + int(mpmath.log10(n)) + 2):  # 1 − 2/n
            return mpmath.sqrt(2) * mpmath.erfinv(1 - 2 / n)


def _closest_record_limit(f: Formula) -> Iterator[Step]:
    yield from weighted_sum()
    z, weight = sp.symbols("z weight", positive=True)
    x, g = sp.symbols("x g", real=True)
    # distances from g, one coordinate, A = 1; then d of them with |g|² = d
    mean = (1 - weight) ** 2 * g**2 + 1 - weight**2
    yield Identity("Σ over d coordinates: E|g − x_i|² = 2d(1 − a_i)", mean.subs(g, 1), 2 * (1 - weight))
    fresh = normal_average((g - x) ** 4, x) - normal_average((g - x) ** 2, x) ** 2
    yield Identity("a fresh point's has the variance 2d + 4|g|² = 6d", fresh.subs(g, 1), 6)
    shift2 = (2 * weight * d) ** 2 / (6 * d)
    yield Identity("so a training point is a_i √(2d/3) deviations nearer", shift2, weight**2 * 2 * d / 3)
    tail = sp.erfc(z / sp.sqrt(2)) / 2
    curvature = sp.diff(tail, z, 2)
    normal = sp.exp(-(z**2) / 2) / sp.sqrt(2 * sp.pi)
    yield Identity("d²Φ(−z)/dz² = zφ(z)", curvature, z * normal)
    gain = n * (shift2.subs(weight, 1) / n) * curvature / 2  # Φ(−z) = 1/n, E a² = 1/n
    yield Identity("by E a² = 1/n its tail is heavier by n(d/3n) zφ(z)", gain, d * z * normal / 3)
    drift = sp.sqrt(shift2.subs(weight, 1)) / n * normal * n
    yield Limit("to which E a = 1/n adds nothing in many dimensions", drift / gain, d, sp.oo, 0)
    k, tally = sp.symbols(
        "k tally", positive=True
    )  # tails that are k times as heavy; the expected number of fresh points
    closest = sp.integrate(k * sp.exp(-(1 + k) * tally), (tally, 0, sp.oo))
    yield Identity("of two Poisson processes, one k times as dense: k/(1+k)", closest, k / (1 + k))
    # κ, the logarithm of k, to the first order
    yield Identity("with k = e^gain", f.expr.subs(far_quantile(n), z), 1 / (1 + sp.exp(-gain)))
    mills = normal / z
    slopes = sp.simplify(sp.diff(mills, z) / sp.diff(tail, z))
    yield Limit("Φ(−z) falls as φ(z)/z, by their derivatives", slopes, z, sp.oo, 1)
    yield Limit("so z² grows as 2 ln n", sp.expand_log(sp.log(mills), force=True) / z**2, z, sp.oo, -sp.Rational(1, 2))
    yield Identity("and nzφ(z) as z²: the gain is (2/3) d ln n/n in the end", z * normal / mills, z**2)
    yield Premise(
        "for d ≫ (ln n)³ distances are normal out to their quantile 1/n, and close points independent",
        "argued here",
        "criteria.closest_record_limit",
    )


def _closest_record_limit_bounds(f: Formula) -> Iterator[Step]:
    claim = "of two points one is beyond the median: there is a tail from three on"
    yield Edge(claim, f.variables[0], "lower", far_quantile(n).doit(), 0, included=True)


closest_record_limit = Formula(
    name="closest_record_limit",
    variables=(variable(n, at_least(2)), variable(d)),
    branches=(
        Branch(1 / (1 + sp.exp(-d * far_quantile(n) * sp.exp(-(far_quantile(n) ** 2) / 2) / (3 * sp.sqrt(2 * sp.pi))))),
    ),
    kind="asymptotic",
    regime="P(a point of N(x̄, S) is closer to the training set than to a holdout as large), Gaussian data, n ≫ d ln n, "
    "d ≫ (ln n)³; errors of a relative order 1/ln n in its excess over ½",
    source="derived here",
    derivation=_closest_record_limit,
    bounds=_closest_record_limit_bounds,
)

# -- any number ------------------------------------------------------------------------------------------------------
_WEIGHTS, _LENGTHS, _RADII = 20, 12, 400  # nodes


def closest_record_share(n: float, d: float) -> float:
    """P(a point of N(x̄, S) is closer to the n points of the training set than to a holdout as large); Gaussian data.

    By quadrature over |g|², the weights and the distance:

        P = E_g ∫ (1 − F_out(r))ⁿ d[1 − (1 − E_a F(r; a))ⁿ],

    with |g − x|²/(1 − a²/A) non-central χ²_d for a training point and a = 0 for a fresh one (see `training_distance`);
    A = Σa² at its mean 1 + 1/n, |g|² = A χ²_d.  Heuristic: the training points count as independent given g, which
    they are but for covariances −a_i a_j/A.  Those keep close points from crowding, so that in truth P is higher: by
    .0045 at (n, d) = (200, 64), .002 at (400, 64), .009 at (50, 16); at (1000, 64) the two agree to ± .001.

    For n ≫ d ln n it tends to `closest_record_limit`.  Raises DomainError on n < 4 or d < 1.
    """
    if not (n >= 4 and d >= 1 and np.isfinite([n, d]).all()):
        raise DomainError(f"closest_record_share: n = {n:g}, d = {d:g}; it takes n ≥ 4 and d ≥ 1")
    total = 1 + 1 / n
    nodes, chance = _normal_nodes(_WEIGHTS)
    # a − 1/n is a coordinate of a point on the sphere of radius √(A − 1/n) in the n − 1 dimensions of Σ(a − 1/n) = 0
    student = stats.t.ppf(special.ndtr(-np.abs(nodes)), n - 2) * -np.sign(nodes)
    a = 1 / n + np.sqrt((total - 1 / n) * (n - 1) / n) * student / np.sqrt(n - 2 + student**2)
    narrow, toward = 1 - a**2 / total, (1 - a / total) ** 2
    share = 0.0
    for node, weight in zip(*_normal_nodes(_LENGTHS), strict=True):
        g2 = total * stats.chi2.isf(special.ndtr(-node), d)
        low, high = stats.ncx2.ppf([1e-9 / n, min(0.99, 60 / n)], d, g2)
        r = np.linspace(low, high, _RADII)[:, None]
        inside = special.chndtr(r / narrow, d, toward * g2 / narrow) @ chance
        outside = special.chndtr(r[:, 0], d, g2)
        none_in, none_out = (np.exp(n * np.log1p(-f)) for f in (inside, outside))
        nearer = 1 - none_in[0]  # than any fresh point comes: where n is far below d, nearly all
        share += weight * (nearer + float(((none_out[1:] + none_out[:-1]) / 2) @ (none_in[:-1] - none_in[1:])))
    return share


def _normal_nodes(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Gauss–Hermite nodes and weights for a standard normal variable."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(count)
    return nodes, weights / weights.sum()
