"""Between n = d and n = d/ρ: quantiles of tr (AAᵀ)⁻¹/d² over training sets, and the law behind them.

A is drawn from its exact law (met by `linear.representation`); quantiles at three dimensions are carried to d → ∞.
"""

import numpy as np
import torch
from scipy import stats

from memgen.denoisers.linear import representation
from memgen.statistics import Estimate, extrapolate, quantile_estimate
from memgen.streams import drawn_once, stream
from theory import linear
from theory.checks.check import Check, Observation
from theory.linear import edge_law

PLACES = ((0.75, 0.4), (0.6, 0.3))
SIZES = {12: 12000, 24: 5000, 48: 2500}  # dimension: training sets; d/γ is whole
LEVELS = (0.25, 0.5, 0.75)


@drawn_once
def _singular_values(gamma: float, rho: float) -> dict[int, np.ndarray]:
    """d → singular values of A, (replicas, d)."""
    found = {}
    for d, replicas in SIZES.items():
        slope = representation(
            1 + round(d / gamma), d, rho, replicas, stream("check", "linear.hard_edge", gamma, rho, d)
        )
        found[d] = torch.linalg.svdvals(slope).numpy() / np.sqrt(rho)
    return found


def _limits(levels: tuple[float, ...], least: bool) -> list[Observation]:
    """The quantiles of d·(least singular value), or of ½ tr (AAᵀ)⁻¹/d², for d → ∞."""
    found = []
    for gamma, rho in PLACES:
        drawn = _singular_values(gamma, rho)
        values = {d: d * s[:, -1] if least else (s**-2.0).sum(-1) / (2 * d**2) for d, s in drawn.items()}
        for level in levels:
            estimates = [quantile_estimate(values[d], level) for d in SIZES]
            at_infinity = extrapolate(np.array(list(SIZES)), estimates)[0]
            found.append(Observation({"gamma": gamma, "rho": rho, "probability": level}, at_infinity))
    return found


def traces(d: int, replicas: int, rng: np.random.Generator) -> np.ndarray:
    """tr (ZZᵀ)⁻¹/d of square matrices of standard normals, by the recursion of `inverse_trace_tail`."""
    column = 1 / rng.chisquare(d, replicas)
    total = column.copy()
    for k in range(d - 1, 0, -1):
        column = (1 + rng.chisquare(k, replicas) * column) / rng.chisquare(k, replicas)
        total += column
    return total / d


@drawn_once
def _square() -> dict[int, np.ndarray]:
    return {d: traces(d, 40_000, stream("check", "linear.inverse_trace", d)) for d in (60, 240)}


def _fractions(places: tuple[float, ...], above: bool) -> list[Observation]:
    """The share of the draws of Y beyond each place, or up to it, for d → ∞."""
    found = []
    for y in places:
        shares = []
        for values in _square().values():
            share = float(np.mean(values > y if above else values <= y))
            shares.append(Estimate(share, float(np.sqrt(share * (1 - share) / values.size))))
        found.append(Observation({"inverse_trace": y}, extrapolate(np.array(list(_square())), shares)[0]))
    return found


def least_quantile(p: float) -> float:
    """The x up to which d λ_min of a square Gaussian matrix lies with probability p: 1 − e^{−x/2−√x} = p."""
    return float((np.sqrt(1 - 2 * np.log1p(-p)) - 1) ** 2)


def _least(density: float, probability: float) -> float:
    """Quantile of d·(least singular value) where singular values have this density at zero."""
    return 2 / (np.pi * density) * np.sqrt(least_quantile(probability))


def _law(inverse_trace: float) -> float:
    return edge_law.probability(inverse_trace)


CHECKS = [
    Check(
        "linear.singular_density",
        linear.singular_density,
        6,
        lambda: _limits(LEVELS, least=True),
        {
            "ρ and 1−ρ exchanged": lambda gamma, rho, probability: _least(
                2 * np.sqrt(abs(gamma - 1 + rho)) / (np.pi * gamma), probability
            ),
            "that of the noise of the fit alone": lambda gamma, rho, probability: _least(
                2 / (np.pi * np.sqrt((1 - rho) * gamma)), probability
            ),
            "linear in γ − ρ": lambda gamma, rho, probability: _least(2 * (gamma - rho) / (np.pi * gamma), probability),
            "the least of complex matrices": lambda gamma, rho, probability: (
                np.sqrt(-np.log1p(-probability)) * gamma / np.sqrt(gamma - rho)
            ),
        },
        predict=lambda gamma, rho, probability: _least(float(linear.singular_density(gamma, rho)), probability),
    ),
    Check(
        "linear.kl_true_generated_scale",
        linear.kl_true_generated_scale,
        6,
        lambda: _limits(LEVELS, least=False),
        {
            "ρ and 1−ρ exchanged": lambda gamma, rho, probability: (
                abs(gamma - 1 + rho) / (2 * gamma**2) * edge_law.quantile(probability)
            ),
            "W as if it were its mean": lambda gamma, rho, probability: (
                ((1 - rho) * gamma - rho) / (2 * ((1 - rho) * gamma) ** 2) * edge_law.quantile(probability)
            ),
            "the least singular value alone": lambda gamma, rho, probability: (
                linear.kl_true_generated_scale(gamma, rho) / least_quantile(1 - probability)
            ),
            "KL ∝ d^{3/2}, as at γ = ρ": lambda gamma, rho, probability: 0.0,
        },
        predict=lambda gamma, rho, probability: (
            linear.kl_true_generated_scale(gamma, rho) * edge_law.quantile(probability)
        ),
    ),
    Check(
        "linear.inverse_trace_law",
        linear.inverse_trace_tail,
        7,
        lambda: _fractions((0.6, 1.0, 1.6, 4.0, 10.0, 30.0, 100.0), above=False),
        {
            "the tail everywhere": lambda inverse_trace: 1 - min(1.0, inverse_trace**-0.5),
            "the least eigenvalue alone": lambda inverse_trace: np.exp(-1 / (2 * inverse_trace) - inverse_trace**-0.5),
            "inverse of χ² of one degree": lambda inverse_trace: 1 - stats.chi2.cdf(np.pi / 2 / inverse_trace, 1),
        },
        predict=_law,
    ),
    Check(
        "linear.inverse_trace_tail",
        linear.inverse_trace_tail,
        2,
        lambda: _fractions((200.0, 1000.0), above=True),
        {
            "complex matrices": lambda inverse_trace: 1 / inverse_trace,
            "twice the level": lambda inverse_trace: 2 * inverse_trace**-0.5,
            "half a power less": lambda inverse_trace: inverse_trace**-0.25,
        },
    ),
]
