"""The width of the collapse: at finite d the information that a sample carries scatters, and t_C is rounded.

A training point x_1, noised to u, carries i = ln p(u|x_1)/p(u) nats about its origin.  i scatters around I(x_0; x_t) by
√V, V = Σ ρ_j, ρ_j = λ_j/(λ_j+τ²): collapse happens over a range of √V in ln n.  The other points weigh
S = Σ_{j>1} p(u|x_j)/p(u|x_1) against the own one; the mean of S over them is (n−1)e^{−i}.  The index of the point and u
have the mutual information ln n − E ln(1+S), so that E ln(1+S) is the excess entropy in nats.

With S at its mean E ln(1+S) is bounded from above (`annealed_excess`, by Jensen).  Near t_C the others' sum lies below
its mean, since the points that the mean comes from may be missing; `rounded_excess` has them drawn.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import sympy as sp

from theory import mixture
from theory.collapse.limit import information
from theory.core.averages import line_integral, normal_average
from theory.core.bounds import Edge
from theory.core.formula import Branch, Formula
from theory.core.mean import Mean, single
from theory.core.special import log_ndtr
from theory.core.steps import Identity, Limit, Premise, Step
from theory.letters import POSITIVE, at_least, d, eigenvalues, n, tau, variable


def _collapse_probability(f: Formula) -> Iterator[Step]:
    g, xi, c = sp.symbols("g xi c", real=True)  # x = √λ g, u = x + τξ, c² = 1 − ρ = τ²/(λ+τ²)
    place = sp.sqrt(1 - c**2) * g + c * xi  # u/√(λ+τ²)
    u = sp.sqrt(eigenvalues) * g + tau * xi
    given = -(xi**2) / 2 - sp.log(tau)
    free = -(u**2) / (2 * (eigenvalues + tau**2)) - sp.log(eigenvalues + tau**2) / 2
    yield Identity(
        "one direction: i = ½ ln(1+λ/τ²) + ½(U²−ξ²), U = u/√(λ+τ²)",
        given - free,
        sp.log(1 + eigenvalues / tau**2) / 2 + ((u**2) / (eigenvalues + tau**2) - xi**2) / 2,
    )
    sides = (place + xi, place - xi)
    yield Identity("U+ξ and U−ξ are uncorrelated", normal_average(sides[0] * sides[1], g, xi), 0)
    spreads = [normal_average(side**2, g, xi) for side in sides]
    rho = eigenvalues / (eigenvalues + tau**2)
    yield Identity(
        "with variances whose product is 4ρ: i = I + √ρ ab, a and b independent standard normal",
        sp.expand(spreads[0] * spreads[1]).subs(c**2, 1 - rho),
        4 * rho,
    )
    b, k, s = sp.Symbol("b", real=True), sp.Symbol("k", positive=True), sp.Symbol("s", positive=True)
    square = sp.exp(-(k**2) * b**2 / 2) / sp.sqrt(2 * sp.pi)  # E over a of e^{s√ρ ab} is e^{s²ρb²/2}; 1 − s²ρ = k²
    yield Identity("E e^{s√ρ ab} = E e^{s²ρb²/2} = (1−s²ρ)^{−1/2}", line_integral(square, b), 1 / k)
    cumulants = -sp.log(1 - s**2 * rho) / 2
    second, third, fourth = (sp.diff(cumulants, s, order).subs(s, 0) for order in (2, 3, 4))
    yield Identity("so i is symmetric around I", third, 0)
    yield Identity("its variance is ρ", second, rho)
    yield Identity("its fourth cumulant 6ρ²", fourth, 6 * rho**2)
    scaled = d * cumulants.subs(s, s / sp.sqrt(d * second))
    yield Limit("d directions: (i−I)/√V becomes normal", scaled, d, sp.oo, s**2 / 2)
    yield Limit("with a correction of 1/d", d * (scaled - s**2 / 2), d, sp.oo, s**4 / 4)
    yield Premise(
        "P(i > ln n) is normal where V is large: the normal approximation",
        "polyanskiy2010",
        "test_finite_size.test_the_information_density_becomes_normal",
    )
    yield Premise(
        "the own weight exceeds ½ where S < 1; of the mean n e^{−i} of S a share Φ((i−I)/√V) is there, that of points "
        "with i_j < i: points nearer to u than the own one would bring the rest, and as a rule there are none",
        "argued here",
        "collapse.collapse_probability",
    )
    variance = d * Mean(second, eigenvalues)
    score = (information.expr - sp.log(n)) / sp.sqrt(variance)
    yield Identity(
        "at i = ln n the share is Φ(−z), z = (I − ln n)/√V: collapsed where i > ln n + ln Φ(−z)",
        f.expr,
        sp.exp(log_ndtr((information.expr - sp.log(n) - log_ndtr(-score)) / sp.sqrt(variance))),
    )


_V = d * Mean(eigenvalues / (eigenvalues + tau**2), eigenvalues)

_Z = (information.expr - sp.log(n)) / sp.sqrt(_V)


def _collapse_probability_bounds(f: Formula) -> Iterator[Step]:
    yield Edge(
        "one point is always the nearest: the first that is not alone", f.variables[0], "lower", n - 1, 1, included=True
    )
    rho = eigenvalues / (eigenvalues + tau**2)
    yield Edge("a direction without data does not add to V, which must not be 0", f.variables[1], "lower", rho, 0)
    yield Edge("without noise x_t tells x_0 exactly", f.variables[2], "lower", single(information.expr), sp.oo)


collapse_probability = Formula(
    name="collapse_probability",
    variables=(variable(n, at_least(2)), variable(eigenvalues, POSITIVE), variable(tau, POSITIVE)),
    branches=(Branch(sp.exp(log_ndtr(_Z - log_ndtr(-_Z) / sp.sqrt(_V)))),),
    kind="asymptotic",
    regime="P(own posterior weight > ½), Gaussian data, V = Σρ_j ≫ 1 at fixed z = (I − ln n)/√V and all ρ_j ≪ 1",
    source="derived here; to first order the normal approximation of polyanskiy2010",
    derivation=_collapse_probability,
    bounds=_collapse_probability_bounds,
    rests_on=(information,),
    count=d,
)


class Scatter(NamedTuple):
    """The scatter of i = ln p(u|x_1)/p(u), in nats: its mean, the variance `common` of E(i|u), and the variance
    `private` that x_1 adds at given u."""

    information: float
    common: float
    private: float


def mixture_scatter(t: float, separation: float, d: float, sigma: float = 1.0) -> Scatter:
    """The `Scatter` of the information for ½N(m, σ²I) + ½N(−m, σ²I), λ = 1, that on the class included.

    Each of d directions has the variance ρ in all, ρ²/2 of it in common. Along m, ln of the class's weight L(b+z) adds
    its variance and ρ Cov(z², L), by quadrature over z; this goes to `private`, since members of both classes compete.
    """
    rho = sigma**2 / (sigma**2 + np.expm1(2 * t))
    b = separation / np.sqrt(sigma**2 + np.expm1(2 * t))
    z = np.linspace(-10, 10, 1 + 80 * int(np.ceil(np.clip(b, 1, 12))))
    weight = np.exp(-(z**2) / 2) / np.exp(-(z**2) / 2).sum()
    label = np.log(2) - np.logaddexp(0, -2 * b * (b + z))
    label = label - weight @ label
    of_class = weight @ label**2 + rho * (weight @ (z**2 * label))
    told = float(mixture.mixture_information(t, separation, d, sigma))
    return Scatter(told, float(d * rho**2 / 2), float(d * rho * (1 - rho / 2) + max(of_class, 0.0)))


def annealed_excess(n: float, information: float, variance: float) -> float:
    """E ln(1+(n−1)e^{−i}), i ~ N(I, V), nats: what E ln(1+S) would be if the others' sum were its mean. An upper bound.

    Raises ValueError on n < 1 and on an information or a variance that is negative or infinite.
    """
    _refuse("annealed_excess", n, information, variance)
    spread = np.sqrt(variance)
    z = np.linspace(-10, 10, 1 + 80 * int(np.ceil(max(1.0, spread))))
    weight = np.exp(-(z**2) / 2) / np.exp(-(z**2) / 2).sum()
    return float(weight @ np.logaddexp(0, np.log(n - 1) - information - spread * z)) if n > 1 else 0.0


def rounded_excess(n: float, information: float, common: float, private: float) -> float:
    """E ln(1+S), nats, with i of all points normal: given u, mean I + √common·g and variance `private`. To 10⁻⁷.

    S = Σ e^{i_j − i_1}, where the i_j of another point has the density of i_1 given u, times e^{−i_j}.  With
    ln(1+S) = ∫ (1−e^{−rS}) e^{−r} dr/r and r = e^{v+i_1}, the point itself and the others enter by factors:

        E ln(1+S) = E_u ∫ dv E(exp(−e^{v+i})|u) [1 − exp(−(n−1) E(e^{−i}(1−exp(−e^{v+i}))|u))].

    (1−p)^{n−1} is taken for e^{−(n−1)p}.  All three sums are trapezoid rules on analytic functions.  The normal law is
    right near t_C; inside the collapsed phase E ln(1+S) comes from the tail of i, where few dimensions are not normal
    (16 dimensions, I − ln n = 1.35√V: a sixth too large).
    """
    _refuse("rounded_excess", n, information, common, private)
    if n == 1 or annealed_excess(n, information, common + private) < 1e-9:
        return 0.0
    spread = np.sqrt(private)
    z = np.linspace(-9, 9, 1 + 72 * int(np.ceil(max(1.0, spread))))
    weight = np.exp(-(z**2) / 2) / np.exp(-(z**2) / 2).sum()
    g = np.linspace(-8, 8, 65)
    weight_g = np.exp(-(g**2) / 2) / np.exp(-(g**2) / 2).sum()
    log_number = np.log(n - 1) - information - np.sqrt(common) * g
    y = np.arange(-36 - max(0.0, log_number.max()), 9 * spread + 5, 0.25)  # v and the mean of i given u
    total = 0.0
    for part in np.array_split(y, 1 + y.size * z.size // 2**20):
        level = np.exp(np.clip(part[:, None] + spread * z, -600, 600))
        own = np.exp(-level) @ weight
        with np.errstate(divide="ignore"):
            log_others = part + np.log((-np.expm1(-level) / level) @ weight)
        number = np.exp(np.minimum(log_number + log_others[:, None], 600))
        total += 0.25 * float(own @ (-np.expm1(-number) @ weight_g))
    return total


def mixture_excess(n: float, t: float, separation: float, d: float, sigma: float = 1.0) -> float:
    """`mixture.excess_entropy` at finite n and d: E ln(1+S)/ln n, by `rounded_excess`."""
    if not n >= 2:
        raise ValueError(f"mixture_excess: n = {n:g} is out of range")
    return rounded_excess(n, *mixture_scatter(t, separation, d, sigma)) / float(np.log(n))


def _refuse(name: str, n: float, information: float, *variances: Any) -> None:
    for what, value, low in (("n", n, 1), ("information", information, 0), *(("variance", v, 0) for v in variances)):
        if not (np.isfinite(value) and value >= low):
            raise ValueError(f"{name}: {what} = {value:g} is out of range")
