"""Collapse: when does the exact score of n training points take diffused samples to one of them?

The exact score of a training set is the posterior mean over its points.  It singles out one of them once the diffused
sample carries more information about its origin than it takes to tell n points apart, I(x_0; x_t) = ln n.  That holds
for any data law; for a Gaussian one it is an equation for the noise variance τ² = e^{2t} − 1, noise scale λ = 1.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import sympy as sp
from scipy import stats

from theory.core.bounds import Bracket, Condition, Edge
from theory.core.formula import Branch, Formula
from theory.core.mean import Mean, single
from theory.core.special import ratio_divergence
from theory.core.steps import Identity, Limit, Premise, Step
from theory.letters import POSITIVE, d, eigenvalues, n, tau, tau2, unknown, variable


def _information(f: Formula) -> Iterator[Step]:
    # x_0 ~ N(0, λ) given u = x_0 + τξ is N(gu, gτ²), g = λ/(λ+τ²); its KL divergence from N(0, λ), averaged over u.
    g = eigenvalues / (eigenvalues + tau**2)
    ratio, shift = g * tau**2 / eigenvalues, g**2 * (eigenvalues + tau**2) / eigenvalues
    divergence = (ratio_divergence(ratio).doit() + shift) / 2
    yield Identity("I = E KL(posterior ‖ prior) in one direction", divergence, sp.log(1 + eigenvalues / tau**2) / 2)
    yield Identity("summed over directions", f.expr, d * Mean(sp.log(1 + eigenvalues / tau**2), eigenvalues) / 2)
    yield Limit("no noise: everything", single(f.expr), tau, 0, sp.oo)


def _information_bounds(f: Formula) -> Iterator[Step]:
    yield Edge("without noise x_t tells x_0 exactly", f.variables[0], "lower", single(f.expr), sp.oo)


information = Formula(
    name="information",
    variables=(variable(tau, POSITIVE), variable(eigenvalues)),
    branches=(Branch(d * Mean(sp.log(1 + eigenvalues / tau**2), eigenvalues) / 2),),
    kind="exact",
    regime="mutual information I(x_0; x_0 + τξ) of a Gaussian law, nats",
    source="derived here",
    derivation=_information,
    bounds=_information_bounds,
    count=d,
)


def _collapse_time(f: Formula) -> Iterator[Step]:
    yield from _information(information)
    yield Premise(
        "the posterior weights condense where I(x_0; x_t) = ln n: the random-energy transition",
        "biroli2024 eq. (12)",
        "collapse.collapse_time",
    )
    yield Identity("τ² solves I = ln n", f.equation, information.expr.subs(tau, sp.sqrt(tau2)) - sp.log(n))
    yield Identity("τ² = e^{2t} − 1", sp.exp(2 * f.branches[1].value) - 1, tau2)
    s = sp.Symbol("s", positive=True)
    equal = single(f.equation).subs(eigenvalues, s)
    yield Identity("equal eigenvalues: τ² = σ²/(n^{2/d} − 1)", equal.subs(tau2, s / (n ** (2 / d) - 1)), 0)


def between_logarithm_and_mean(f: Formula, count: sp.Expr, points: tuple[dict[sp.Symbol, Any], ...]) -> Bracket:
    """The step that bounds a formula's unknown, the τ² at which a Gaussian law tells ln `count`."""
    assert f.unknown
    return Bracket(
        "ln(1+x) is between ln x and x; with room of a factor 2",
        f.unknown,
        (d * (Mean(sp.log(eigenvalues), eigenvalues) - sp.log(tau2)) / 2, sp.log(count) + d * sp.log(2) / 2),
        (d * Mean(eigenvalues, eigenvalues) / (2 * tau2), sp.log(count) / 2),
        points,
    )


def _collapse_time_bounds(f: Formula) -> Iterator[Step]:
    yield Condition("there is nothing to tell apart", f.branches[0].condition, n - 1 <= 0)
    equal = (1 + 1 / (n ** (2 / d) - 1)).subs(d, 2)  # 1 + τ² of equal eigenvalues
    yield Limit("and two points are told apart late", sp.log(equal) / 2, n, 1, f.branches[0].value)
    yield between_logarithm_and_mean(f, n, tuple({n: x, eigenvalues: (0.3, 1, 4), d: 3} for x in (2, 100, 1e9)))
    yield Edge("a direction without data leaves no lower edge", f.variables[1], "lower", sp.log(eigenvalues), -sp.oo)


collapse_time = Formula(
    name="collapse_time",
    variables=(variable(n), variable(eigenvalues, POSITIVE)),
    branches=(Branch(sp.oo, n <= 1), Branch(sp.log(1 + tau2) / 2)),
    kind="asymptotic",
    regime="t_C at which diffused training points forget their origin, d → ∞ at fixed ln n/d, λ = 1; ∞ for one point",
    source="biroli2024 eq. (13); for any spectrum derived here",
    derivation=_collapse_time,
    bounds=_collapse_time_bounds,
    rests_on=(information,),
    count=d,
    unknown=unknown(
        tau2,
        d * Mean(sp.log(1 + eigenvalues / tau2), eigenvalues) / 2 - sp.log(n),
        sp.exp(Mean(sp.log(eigenvalues), eigenvalues) - 2 * sp.log(n) / d) / 2,
        d * Mean(eigenvalues, eigenvalues) / sp.log(n),
    ),
)


def nearest_is_self(n: Any, d: Any, width: Any, sigma: float = 1.0, nodes: int = 100) -> Any:
    """Exact P(the training point nearest to x_1 + εz is x_1), isotropic Gaussian data. Broadcasts; to about 10⁻⁸.

    |x_1 − y|² = ε²|z|² with |z|² ~ χ²_d, and |y|²/σ² is non-central χ²_d given z; any other point is nearer with the
    non-central χ² distribution function F, independently of the rest: E (1 − F)^{n−1}, by quadrature over both.
    Raises ValueError on n < 1, d < 1 or a width that is not positive and finite.
    """
    n, d, width = np.broadcast_arrays(*(np.asarray(a, float) for a in (n, d, width)))
    for name, values, low in (("n", n, 1), ("d", d, 1), ("width", width, 0), ("sigma", np.asarray(sigma), 0)):
        if not np.all(np.isfinite(values) & (values >= low) & (values > 0)):
            raise ValueError(f"nearest_is_self: {name} = {float(np.min(values)):g} is out of range")
    found = [_nearest(*point, nodes) for point in zip(n.flat, d.flat, (width / sigma).flat, strict=True)]
    return np.reshape(found, n.shape)[()]


def _nearest(n: float, d: float, ratio: float, nodes: int) -> float:
    """`nearest_is_self` at one point, at σ = 1: by Gauss–Legendre over |z| and |y|, whose densities are smooth and
    within 9 of their middles, √(mean²)."""
    score, weight = np.polynomial.legendre.leggauss(nodes)

    def radii(square: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Nodes and weights for a length whose square has this mean and a spread of order 1."""
        middle = np.sqrt(square)
        low, high = np.maximum(middle - 9, 0), middle + 9
        half = (high - low) / 2
        return low + half * (1 + score), half * weight

    z, z_weight = radii(np.full(1, d))
    shift = (ratio * z[:, None]) ** 2
    y, y_weight = radii(d + shift)
    nearer = stats.ncx2.cdf(shift, d, y**2)
    with np.errstate(divide="ignore"):
        log_farther = np.where(nearer < 0.5, np.log1p(-nearer), np.log(stats.ncx2.sf(shift, d, y**2)))
    alone = np.exp((n - 1) * log_farther) if n > 1 else 1.0
    inner = np.sum(y_weight * 2 * y * stats.ncx2.pdf(y**2, d, shift) * alone, -1)
    return float(min(1.0, np.sum(z_weight * 2 * z * stats.chi2.pdf(z**2, d) * inner)))
