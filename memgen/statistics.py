"""Estimates with their errors, intervals with their method, and the threshold that a family of tests must keep."""

from typing import Literal, NamedTuple

import numpy as np
from scipy import stats


class Estimate(NamedTuple):
    """A value, its standard error and the degrees of freedom behind the error (∞ if it is known)."""

    value: float
    error: float
    freedom: float = np.inf

    def z(self, expected: float) -> float:
        """The deviation from `expected` as a standard normal score (Student's t at finite freedom)."""
        t = (self.value - expected) / self.error
        if np.isinf(self.freedom):
            return float(t)
        return float(np.sign(t) * -stats.norm.ppf(np.exp(stats.t.logsf(abs(t), self.freedom))))

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """The two-sided t interval."""
        half = self.error * stats.t.ppf((1 + level) / 2, self.freedom)
        return self.value - half, self.value + half


def mean(values: np.ndarray) -> Estimate:
    """Mean of independent replicas. Raises on fewer than two or on values that are not finite."""
    values = np.asarray(values, float)
    if values.size < 2 or not np.isfinite(values).all():
        raise ValueError(
            f"a mean needs two or more finite replicas, got {values.size}, {np.isfinite(values).sum()} finite"
        )
    return Estimate(float(values.mean()), float(values.std(ddof=1) / np.sqrt(values.size)), values.size - 1)


def ratio(values: np.ndarray, over: np.ndarray) -> Estimate:
    """Ratio of two means over the same replicas, with the error by the delta method. Raises as `mean`, or if over 0."""
    bottom = mean(over).value
    if bottom == 0:
        raise ValueError("a ratio of means over a mean of 0")
    top = mean(values).value
    return Estimate(
        top / bottom, mean(np.asarray(values) - top / bottom * np.asarray(over)).error / abs(bottom), len(over) - 1
    )


def cumulant(values: np.ndarray, order: Literal[2, 3]) -> Estimate:
    """Variance or third cumulant of independent replicas, unbiased. Raises on fewer than three, or on infinite ones."""
    values = np.asarray(values, float)
    size = values.size
    if size < 3 or not np.isfinite(values).all():
        finite = np.isfinite(values).sum()
        raise ValueError(f"a cumulant needs three or more finite replicas, got {size}, {finite} finite")
    centred = values - values.mean()
    second, third = np.mean(centred**2), np.mean(centred**3)
    if order == 2:
        value, influence = second * size / (size - 1), centred**2
    else:
        value, influence = third * size**2 / ((size - 1) * (size - 2)), centred**3 - 3 * second * centred
    return Estimate(float(value), float(influence.std(ddof=1) / np.sqrt(size)), size - 1)


def median(values: np.ndarray, level: float = 0.95) -> tuple[float, float, float]:
    """Median with its exact order-statistic interval; infinite replicas count as large. Returns (median, low, high)."""
    ordered = np.sort(np.asarray(values, float))
    size = ordered.size
    rank = int(stats.binom.ppf((1 - level) / 2, size, 0.5))
    if rank < 1:
        raise ValueError(f"{size} replicas are too few for a {level:.0%} interval of the median")
    return float(np.median(ordered)), float(ordered[rank - 1]), float(ordered[size - rank])


def median_estimate(values: np.ndarray) -> Estimate:
    """Median with a standard error from the width of its 68.3% order-statistic interval."""
    middle, low, high = median(values, float(stats.norm.cdf(1) - stats.norm.cdf(-1)))
    return Estimate(middle, (high - low) / 2, np.asarray(values).size - 1)


def quantile(values: np.ndarray, p: float, level: float = 0.95) -> tuple[float, float, float]:
    """Quantile p with its exact order-statistic interval; infinite replicas count as large: (value, low, high)."""
    ordered = np.sort(np.asarray(values, float))
    low, high = stats.binom.ppf([(1 - level) / 2, (1 + level) / 2], ordered.size, p).astype(int)
    if low < 1 or high >= ordered.size:
        raise ValueError(f"{ordered.size} replicas are too few for a {level:.0%} interval of the quantile {p:g}")
    middle = ordered[int(np.ceil(p * ordered.size)) - 1]
    return float(middle), float(ordered[low - 1]), float(ordered[high])


def quantile_estimate(values: np.ndarray, p: float) -> Estimate:
    """Quantile p with a standard error from the width of its 68.3% order-statistic interval."""
    middle, low, high = quantile(values, p, float(stats.norm.cdf(1) - stats.norm.cdf(-1)))
    return Estimate(middle, (high - low) / 2, np.asarray(values).size - 1)


def proportion(successes: int, trials: int, level: float = 0.95) -> tuple[float, float, float]:
    """Proportion with its Wilson interval. Returns (proportion, low, high)."""
    interval = stats.binomtest(successes, trials).proportion_ci(level, method="wilson")
    return successes / trials, float(interval.low), float(interval.high)


def threshold(tests: int, level: float = 0.01) -> float:
    """The |z| that any of `tests` true standard normal scores exceeds with probability `level` (Šidák)."""
    if tests < 1:
        raise ValueError("a family of zero tests decides nothing")
    return float(stats.norm.isf(-np.expm1(np.log1p(-level) / tests) / 2))


def fit(design: np.ndarray, estimates: list[Estimate]) -> tuple[np.ndarray, np.ndarray]:
    """Weighted least squares of the estimates on the design (cells, terms): coefficients and their covariance."""
    values = np.array([e.value for e in estimates])
    weights = np.array([e.error for e in estimates]) ** -2.0
    covariance = np.linalg.inv(design.T @ (design * weights[:, None]))
    return covariance @ design.T @ (values * weights), covariance


def extrapolate(sizes: np.ndarray, estimates: list[Estimate], powers: tuple[float, ...] = (1,)) -> list[Estimate]:
    """The limit of infinite size, and the coefficients of size^{−power} that lead to it."""
    sizes = np.asarray(sizes, float)
    design = np.stack([np.ones_like(sizes), *(sizes**-p for p in powers)], axis=1)
    coefficients, covariance = fit(design, estimates)
    return [Estimate(float(c), float(e)) for c, e in zip(coefficients, np.sqrt(np.diag(covariance)), strict=True)]


def zero_of_line(x: np.ndarray, estimates: list[Estimate]) -> Estimate:
    """Where the weighted straight line through the estimates is zero, with the error by the delta method."""
    (a, b), covariance = fit(np.stack([np.ones_like(x), x], axis=1), estimates)
    gradient = np.array([-1 / b, a / b**2])
    return Estimate(float(-a / b), float(np.sqrt(gradient @ covariance @ gradient)))


def first_crossing(x: np.ndarray, y: np.ndarray, level: float) -> float:
    """The x at which y first is at a level or beyond, straight lines between the points; ∞ if it never is."""
    above = np.flatnonzero(np.asarray(y) >= level)
    if not above.size:
        return np.inf
    k = int(above[0])
    if k == 0:
        return float(x[0])
    return float(np.interp(level, y[k - 1 : k + 1], x[k - 1 : k + 1]))


def level_crossing(x: np.ndarray, curves: np.ndarray, level: float) -> Estimate:
    """Where the mean of replicated curves (replicas, x) falls through a level, with the error by the delta method.

    Straight lines between the points; of several crossings the last. ValueError if the mean does not cross the level.
    """
    middle = curves.mean(axis=0)
    falls = np.flatnonzero((middle[:-1] >= level) & (middle[1:] < level))
    if not falls.size:
        raise ValueError(f"the mean runs from {middle[0]:.3g} to {middle[-1]:.3g} and never falls through {level:g}")
    k = int(falls[-1])
    share = (middle[k] - level) / (middle[k] - middle[k + 1])
    slope = (middle[k + 1] - middle[k]) / (x[k + 1] - x[k])
    there = mean((1 - share) * curves[:, k] + share * curves[:, k + 1])
    return Estimate(float(x[k] + share * (x[k + 1] - x[k])), float(there.error / abs(slope)), there.freedom)
