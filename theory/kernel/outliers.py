"""How much the information in a noised sample differs from point to point, and which points are copied first.

Lengths are in units of σ, the standard deviation of the data; |x_1|² = r d is the squared distance of a training point
from the middle of the data.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import sympy as sp

from theory.core.averages import normal_average
from theory.core.bounds import Bracket, Edge
from theory.core.formula import Branch, Formula
from theory.core.mean import Mean, single
from theory.core.special import narrowing
from theory.core.steps import Identity, Limit, Step, shared
from theory.kernel.random_energies import FROZEN, e, entropy, level, random_energies
from theory.letters import (
    POSITIVE,
    alpha,
    at_least,
    d,
    eigenvalues,
    radius2,
    snr,
    tau,
    unknown,
    variable,
    width,
    width2,
)


# -- how much the information differs from point to point ----------------------------------------------------------
@shared
def _information_density() -> Iterator[Step]:
    """i = ln p(u|x)/p(u) in one direction, u = x + τξ, as a function of u and ξ."""
    u, xi = sp.symbols("u xi", real=True)
    noise, total = tau**2, eigenvalues + tau**2
    given = -(xi**2) / 2 - sp.log(2 * sp.pi * noise) / 2
    free = -(u**2) / (2 * total) - sp.log(2 * sp.pi * total) / 2
    density = (sp.log(1 + eigenvalues / noise) + u**2 / total - xi**2) / 2
    yield Identity("i = ½[ln(1+λ/τ²) + u²/(λ+τ²) − ξ²]", sp.expand_log(given - free - density, force=True), 0)


def _dispersion(f: Formula) -> Iterator[Step]:
    yield from _information_density()
    g, xi, c = sp.symbols("g xi c", real=True)  # x = √λ g; c² = τ²/(λ+τ²)
    fluctuating = ((sp.sqrt(1 - c**2) * g + c * xi) ** 2 - xi**2) / 2
    yield Identity("u²/(λ+τ²) and ξ² have the same mean", normal_average(fluctuating, g, xi), 0)
    variance = normal_average(fluctuating**2, g, xi)
    share = sp.simplify(variance.subs(c, tau / sp.sqrt(eigenvalues + tau**2)))
    yield Identity("variance of i in one direction", share, single(f.expr).subs(f.count, 1))
    yield Limit("without noise every direction counts 1", single(f.expr), tau, 0, f.count)


def _dispersion_bounds(f: Formula) -> Iterator[Step]:
    yield Edge(
        "without noise the density of i has no bound", f.variables[0], "lower", sp.log(1 + eigenvalues / tau**2), sp.oo
    )


dispersion = Formula(
    name="dispersion",
    variables=(variable(tau, POSITIVE), variable(eigenvalues)),
    branches=(Branch(d * Mean(eigenvalues / (eigenvalues + tau**2), eigenvalues)),),
    kind="exact",
    regime="variance of the information density ln p(u|x_0)/p(u) of Gaussian data, nats²: collapse is √V wide in ln n",
    source="derived here",
    derivation=_dispersion,
    bounds=_dispersion_bounds,
    count=d,
)


def _local_information(f: Formula) -> Iterator[Step]:
    yield from _information_density()
    noised = (radius2 + e) / (1 + e)  # |u|²/d(1+ε²), averaged over the noise
    yield Identity("at |x|² = r d, averaged over ξ", f.expr.doit(), d * (sp.log(1 + 1 / e) + noised - 1) / 2)
    yield Identity(
        "a typical point carries ½ ln(1+1/ε²) a direction", f.expr.doit().subs(radius2, 1), d * sp.log(1 + 1 / e) / 2
    )


local_information = Formula(
    name="local_information",
    variables=(variable(width, unit="σ"), variable(d), variable(radius2)),
    branches=(Branch(d * (narrowing(1 / e) + radius2 / (1 + e)) / 2),),
    kind="exact",
    regime="mean over the noise of ln p(u|x)/p(u) at a point of N(0, I) with |x|² = r d, nats: outliers carry more",
    source="derived here",
    derivation=_local_information,
)

# -- where collapse comes first: outliers ----------------------------------------------------------------------------
_INSIDE = (1 + snr + radius2) / (snr * (snr + 2))  # e at which the condensed level equals the own term


SURPLUS = (radius2 - 1) * e / (2 * (1 + e) ** 2)  # i/d less the rarity of the others' points: below 0, condensed


def _inlier_collapse_width(f: Formula) -> Iterator[Step]:
    place2 = sp.Symbol("p", positive=True)
    yield from random_energies(place2)
    yield FROZEN
    # The own term −½ against the condensed level, |u|² = d(r + e):
    balance = (level(radius2 + e) + sp.Rational(1, 2)).subs(width, sp.sqrt(_INSIDE))
    yield Identity("the nearest others are as near as the own point", sp.simplify(balance), 0)
    yield Identity("levels that hold e^{αd}", f.equation, alpha - entropy(radius2 + _INSIDE))
    yield Identity("ε", f.expr**2, _INSIDE)
    typical = (alpha - f.equation).subs({radius2: 1}).doit()
    yield Identity("r = 1: χ = 1/ε², the collapse width", f.expr.subs(radius2, 1) ** 2, 1 / snr)
    yield Identity("and α = ½ ln(1+1/ε²)", typical, sp.log(1 + snr) / 2)


def _inlier_collapse_width_bounds(f: Formula) -> Iterator[Step]:
    assert f.unknown
    yield Edge(
        "outliers begin where the others are condensed no more", f.variables[1], "upper", SURPLUS, 0, included=True
    )
    yield Bracket(
        "the entropy is at most (1+r)χ, and at least ½(ln χ − 1)",
        f.unknown,
        ((1 + radius2) * snr, alpha),
        ((sp.log(snr) - 1) / 2, alpha),
        tuple({alpha: a, radius2: r_} for a, r_ in ((0.1, 0.5), (1e-3, 0), (2, 1), (0.5, 0.9))),
    )


# entropy(r + e) with χ(r + e) in one piece: χ² alone can underflow
_ENTROPY = (narrowing(snr) + snr * (snr * radius2 + (1 + snr + radius2) / (snr + 2)) / (1 + snr) ** 2) / 2

inlier_collapse_width = Formula(
    name="inlier_collapse_width",
    variables=(variable(alpha), variable(radius2, sp.Interval(0, 1))),
    branches=(Branch(sp.sqrt((1 + snr + radius2) / (snr * (snr + 2)))),),
    kind="asymptotic",
    regime="width below which a point with |x_1|² = r d, r ≤ 1, outweighs all others, d → ∞; those are condensed there",
    source="derived here",
    derivation=_inlier_collapse_width,
    bounds=_inlier_collapse_width_bounds,
    unknown=unknown(snr, alpha - _ENTROPY, alpha / (1 + radius2), sp.exp(2 * alpha + 1)),
)


def _outlier_collapse_width(f: Formula) -> Iterator[Step]:
    yield from random_energies(radius2 + e)
    per_dimension = (local_information.expr / d).subs(width, sp.sqrt(width2))
    yield Identity("i(x) = ln n: the own term is as heavy as the mean of the others", f.equation, per_dimension - alpha)
    yield Identity("ε", f.expr**2, width2)
    # The mean is right: more points than e^{d·KL}, KL at |u|² = d(r + e) and temperature 1.
    rarity = entropy(radius2 + e).doit().subs(snr, 1 / e)
    yield Identity(
        "i/d − KL = (r−1)ε²/2(1+ε²)²: outliers' neighbours are not condensed",
        (local_information.expr / d) - rarity,
        SURPLUS,
    )


def _outlier_collapse_width_bounds(f: Formula) -> Iterator[Step]:
    assert f.unknown
    yield Edge("they end where the others begin to be condensed", f.variables[1], "lower", SURPLUS, 0, included=True)
    yield Bracket(
        "ln(1+x) is between ln x and x; with room of a factor 2 above",
        f.unknown,
        (-sp.log(width2) / 2, alpha),
        (radius2 / (2 * width2), alpha / 2),
        tuple({alpha: a, radius2: r_} for a, r_ in ((0.1, 1), (1e-3, 2), (2, 5), (0.5, 1.1))),
    )


outlier_collapse_width = Formula(
    name="outlier_collapse_width",
    variables=(variable(alpha), variable(radius2, at_least(1))),
    branches=(Branch(sp.sqrt(width2)),),
    kind="asymptotic",
    regime="width below which a point with |x_1|² = r d, r ≥ 1, outweighs all others, d → ∞",
    source="derived here",
    derivation=_outlier_collapse_width,
    bounds=_outlier_collapse_width_bounds,
    rests_on=(local_information,),
    unknown=unknown(
        width2,
        (sp.log(1 + 1 / width2) + (radius2 - 1) / (1 + width2)) / 2 - alpha,
        sp.exp(-2 * alpha),
        radius2 / alpha,
    ),
)


def local_collapse_width(alpha: Any, radius2: Any) -> Any:
    """Width, in units of σ, below which the exact score collapses near a point with |x|² = radius2·d. Broadcasts."""
    alpha, radius2 = np.broadcast_arrays(np.asarray(alpha, float), np.asarray(radius2, float))
    width = np.empty(alpha.shape)
    for formula, where in ((inlier_collapse_width, radius2 <= 1), (outlier_collapse_width, ~(radius2 <= 1))):
        if where.any():
            width[where] = formula(alpha[where], radius2[where])
    return width[()]
