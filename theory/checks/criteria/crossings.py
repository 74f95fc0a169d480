"""Where the criteria turn: closed forms against the stored runs of the experiment `criteria`.

The formulas hold in many dimensions; the stored runs with the most are taken, and where the approach is slow the
limit is reached by extrapolation.
"""

from functools import cache, partial

import numpy as np
import pandas as pd

from memgen.figures.criteria.crossings import crossing
from memgen.laws.neighbours import nearest_squares
from memgen.measures import nearest_ratio
from memgen.runs.store import load
from memgen.statistics import Estimate, fit, mean
from memgen.streams import stream
from theory import criteria
from theory.checks.check import Check, Observation
from theory.criteria.distances import normal_max

# d, n: on both sides of the first two crossings
_SIZES = ((100, 16), (100, 32), (256, 23), (256, 45), (400, 32), (400, 64))
_WIDE = (100, 256, 400)


@cache
def isotropic() -> pd.DataFrame:
    """The stored runs on isotropic data."""
    rows, _ = load("criteria")
    return rows[rows["spectrum"] == "isotropic"]


def _means(measure: str, least: int = 100) -> list[Observation]:
    rows = isotropic()
    rows = rows[rows["measure"] == measure]
    return [
        Observation({"n": n, "d": d}, mean(rows.loc[(rows["d"] == d) & (rows["n"] == n), "value"]))
        for d, n in _SIZES
        if d >= least
    ]


def _crossings(name: str) -> list[Observation]:
    rows, found = isotropic(), []
    for d in _WIDE:
        estimate = crossing(rows[rows["d"] == d], name)
        assert estimate
        found.append(Observation({"d": d}, estimate))
    return found


def _pairs() -> list[Observation]:
    """The share of generated points that are flagged, given two training points in five dimensions."""
    found = []
    for ratio in (1 / 3, 0.7):
        rng, shares = stream("check", "criteria.pairs", ratio), []
        for _ in range(300):
            x = rng.standard_normal((2, 5))
            made = x.mean(0) + rng.standard_normal((100, 1)) * (x[0] - x[1]) / np.sqrt(2)
            shares.append(np.mean(nearest_ratio(made, x) < ratio))
        found.append(Observation({"ratio": ratio}, mean(np.array(shares))))
    return found


def _limit(x: np.ndarray, terms: list[np.ndarray], estimates: list[Estimate]) -> Estimate:
    """The constant of a weighted fit of the estimates by a constant and these terms, which vanish in the limit."""
    coefficients, covariance = fit(np.stack([np.ones_like(x), *terms], axis=1), estimates)
    return Estimate(float(coefficients[0]), float(np.sqrt(covariance[0, 0])))


def _kernels() -> list[Observation]:
    """KL(O‖T_ε)/d at the best ε, by −ln T_ε at fresh points, from the nearest 400 of e^{αd} training points."""
    found, sizes = [], np.array([100.0, 150.0, 225.0, 350.0, 500.0])
    for alpha in (0.3, 0.6):
        estimates = []
        for d in sizes.astype(int).tolist():
            squares = nearest_squares(d, alpha * d, float(d), 400, 450, stream("check", "criteria.kernels", alpha, d))
            widths = np.linspace(0.8, 1.2, 21)[:, None, None] * squares[:, 0].mean() / d
            terms = np.logaddexp.reduce(-squares / (2 * widths), axis=2)
            lost = alpha + np.log(widths[:, :, 0]) / 2 - terms / d - 0.5
            estimates.append(mean(lost[lost.mean(1).argmin()]))
        found.append(Observation({"alpha": alpha}, _limit(sizes, [np.log(sizes) / sizes, 1 / sizes], estimates)))
    return found


def _kernel_samples() -> list[Observation]:
    """The limit for ln n ≪ d of (n/d − 2)/√(ln n/d) at the crossing."""
    rows, estimates, small = isotropic(), [], []
    for d in (36, 64, 100, 256, 400):
        found = crossing(rows[rows["d"] == d], "best_kernel")
        assert found
        root = np.sqrt(np.log(found.value) / d)
        small.append(root)
        estimates.append(Estimate((found.value / d - 2) / root, found.error / d / root))
    x = np.array(small)
    return [Observation({"d": 1e12}, _limit(x, [x, x**2], estimates))]


def _slope(d: float, times: float = 1.0) -> float:
    n = criteria.best_kernel_samples(d)
    return float(times * (n / d - 2) / np.sqrt(np.log(n) / d))


CHECKS = [
    Check(
        "criteria.pair_flag_rate",
        criteria.pair_flag_rate,
        2,
        _pairs,
        {
            "of the squares": lambda ratio: criteria.pair_flag_rate(ratio**2),
            "one of the two points": lambda ratio: criteria.pair_flag_rate(ratio) / 2,
            "a fresh point on the line": lambda ratio: ratio,
        },
    ),
    Check(
        "criteria.wasserstein_training",
        criteria.wasserstein_training,
        6,
        partial(_means, "wasserstein_training"),
        {
            "a simplex: v = 1/N": lambda n, d: 2 - 1 / n - 2 * normal_max.numpy(n) / np.sqrt(n - 1),
            "no correlations": lambda n, d: 2 - 1 / n - 2 * normal_max.numpy(n) * np.sqrt(1 / (n - 1) + 1 / d),
        },
    ),
    Check(
        "criteria.wasserstein_truth",
        criteria.wasserstein_truth,
        6,
        partial(_means, "wasserstein_truth"),
        {
            "the mean left out": lambda n, d: criteria.wasserstein_truth(n, d) - 1 / n,
            "all eigenvalues differ from 0": lambda n, d: 1 / n + d / (4 * n),
        },
    ),
    Check(
        "criteria.model_similarity",
        criteria.model_similarity,
        6,
        partial(_means, "model_similarity"),
        {
            "one model with itself": lambda n, d: 1,
            "not squared": lambda n, d: np.sqrt(criteria.model_similarity(n, d)),
        },
    ),
    Check(
        "criteria.record_similarity",
        criteria.record_similarity,
        4,
        partial(_means, "record_similarity", 256),  # in 100 dimensions it is 1% too high
        {
            "the mean left out": lambda n, d: criteria.record_similarity(n, d) - 1 / n,
            "one model with itself": lambda n, d: 1,
        },
    ),
    Check(
        "criteria.wasserstein_samples",
        criteria.wasserstein_samples,
        3,
        partial(_crossings, "wasserstein2"),
        {
            "√(2d ln n)": lambda d: np.sqrt(2 * d * np.log(criteria.wasserstein_samples(d))),
            "twice the dimension": lambda d: criteria.wasserstein_samples(2 * d),
        },
    ),
    Check(
        "criteria.consistency_samples",
        criteria.consistency_samples,
        3,
        partial(_crossings, "two_models"),
        {
            "(2d² ln n)^⅓": lambda d: np.cbrt(2 * d**2 * np.log(criteria.consistency_samples(d))),
            "twice the dimension": lambda d: criteria.consistency_samples(2 * d),
        },
    ),
    Check(
        "criteria.best_kernel_divergence",
        criteria.best_kernel_divergence,
        2,
        _kernels,
        {
            "ε² = 2σ²": lambda alpha: np.log(2) / 2,
            "at α/2": lambda alpha: criteria.best_kernel_divergence(alpha / 2),
            "a tenth more": lambda alpha: 1.1 * criteria.best_kernel_divergence(alpha),
        },
    ),
    Check(
        "criteria.best_kernel_samples",
        criteria.best_kernel_samples,
        1,
        _kernel_samples,
        {"no approach": lambda d: 0, "half of the slope": partial(_slope, times=0.5)},
        predict=_slope,
    ),
]
