"""Estimates with their errors, intervals with their method, and the threshold that a family of tests must keep.

Raises ValueError, naming the argument, on what is not a number or a row of numbers, and on numbers out of range.
"""

from typing import Any, Literal, NamedTuple

import numpy as np
from scipy import stats

from memgen import arrays
from memgen.arrays import Numbers


class Estimate(NamedTuple):
    """A value, its standard error and the degrees of freedom behind the error (∞ if it is known)."""

    value: float
    error: float
    freedom: float = np.inf

    def z(self, expected: float) -> float:
        """The deviation from `expected` as a standard normal score (Student's t at finite freedom).

        ∞ if an infinite value is expected. ValueError if the error is 0.
        """
        value, error, freedom = self._checked()
        expected = _level("expected", expected, -np.inf, np.inf)
        if error == 0:
            raise ValueError("error is 0: the deviation has no score")
        with np.errstate(over="ignore", invalid="ignore"):  # a score beyond 10³⁰⁸ is ∞
            t = np.float64(value - expected) / error
        if np.isnan(t):  # both are infinite
            raise ValueError(f"expected is {expected:g} and error {error:g}: the deviation has no score")
        if np.isinf(freedom):
            return float(t)
        return float(np.sign(t) * -stats.norm.ppf(np.exp(stats.t.logsf(abs(t), freedom)))) + 0.0  # 0 for −0

    def outside(self, low: float, high: float) -> float:
        """The standard score of how far the value lies outside the range from low to high; 0 inside."""
        return self.z(min(max(self.value, low), high))

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """The two-sided t interval of the value, (low, high)."""
        value, error, freedom = self._checked()
        level = _level("level", level)
        half = np.float64(error) * stats.t.ppf((1 + level) / 2, freedom) if error and level else 0.0
        return float(value - half), float(value + half)

    def _checked(self) -> tuple[float, float, float]:
        value = arrays.number("value", self.value)
        return value, _level("error", self.error, 0, np.inf), _positive("freedom", self.freedom)


def _level(name: str, value: Any, least: float = 0, most: float = 1) -> float:
    """Return a number from `least` to `most`. ValueError on anything else."""
    found = arrays.scalar(name, value)
    if not least <= found <= most:
        raise ValueError(f"{name} must be from {least:g} to {most:g}, got {found:g}")
    return found


def _positive(name: str, value: Any) -> float:
    """Return a number above 0, which may be ∞. ValueError on anything else."""
    found = arrays.scalar(name, value)
    if not found > 0:
        raise ValueError(f"{name} must be positive, got {found:g}")
    return found


def _replicas(name: str, values: Numbers, least: int, words: str) -> tuple[np.ndarray, float]:
    """At least `least` finite numbers, divided by a power of two so that powers of them are finite; and that
    divisor."""
    found = arrays.array(name, values).astype(float)
    fine = int(np.isfinite(found).sum())
    if found.size < least or fine < found.size:
        raise ValueError(f"{name} must be {words} or more finite replicas, got {found.size}, {fine} finite")
    unit = arrays.unit(found)
    return found / unit, unit


def _estimate(name: str, value: float, error: float, unit: float, power: int, freedom: float) -> Estimate:
    """The estimate of a quantity that scales as unit^power, converted back from values that were divided by unit."""
    with np.errstate(over="ignore", under="ignore"):
        scale = np.float64(unit) ** power
        found = Estimate(float(value * scale), float(error * scale), freedom)
    if not (np.isfinite(found.value) and np.isfinite(found.error)) or (error > 0 and not found.error > 0):
        raise ValueError(f"{name} are on a scale at which the estimate leaves double precision")
    return found


def mean(values: Numbers) -> Estimate:
    """Mean of independent replicas. Raises on fewer than two or on values that are not finite."""
    x, unit = _replicas("values", values, 2, "two")
    return _estimate("values", x.mean(), x.std(ddof=1) / np.sqrt(x.size), unit, 1, x.size - 1)


def ratio(values: Numbers, over: Numbers) -> Estimate:
    """Ratio of two means over the same replicas, with the error by the delta method. Raises as `mean`, or if over 0."""
    (x, unit), (y, other) = _replicas("values", values, 2, "two"), _replicas("over", over, 2, "two")
    if x.shape != y.shape:
        raise ValueError(f"values and over must be of the same replicas, got {x.shape} and {y.shape}")
    top, bottom = float(x.mean()), float(y.mean())
    if bottom == 0:
        raise ValueError("over: a ratio of means over a mean of 0")
    error = (x - top / bottom * y).std(ddof=1) / np.sqrt(x.size) / abs(bottom)
    return _estimate("values and over", top / bottom, error, unit / other, 1, len(y) - 1)


def cumulant(values: Numbers, order: Literal[2, 3]) -> Estimate:
    """Variance or third cumulant of independent replicas, unbiased. Raises on fewer than three, or on infinite ones."""
    values, unit = _replicas("values", values, 3, "three")
    if arrays.count("order", order) not in (2, 3):
        raise ValueError(f"order must be 2 or 3, got {order}")
    size = values.size
    centred = values - values.mean()
    second, third = np.mean(centred**2), np.mean(centred**3)
    if order == 2:
        value, influence = second * size / (size - 1), centred**2
    else:
        value, influence = third * size**2 / ((size - 1) * (size - 2)), centred**3 - 3 * second * centred
    return _estimate("values", value, influence.std(ddof=1) / np.sqrt(size), unit, order, size - 1)


def _ordered(values: Numbers) -> np.ndarray:
    """Replicas (n,) in rising order; they may be infinite."""
    found = arrays.array("values", values).astype(float)
    if found.ndim != 1 or not found.size or np.isnan(found).any():
        raise ValueError(f"values must be replicas in a row, each a number or infinite, got shape {found.shape}")
    return np.sort(found)


def median(values: Numbers, level: float = 0.95) -> tuple[float, float, float]:
    """Median with its exact order-statistic interval; infinite replicas count as large. Returns (median, low, high)."""
    ordered, level = _ordered(values), _level("level", level)
    size = ordered.size
    rank = int(stats.binom.ppf((1 - level) / 2, size, 0.5))
    if rank < 1:
        raise ValueError(f"values: {size} replicas are too few for a {level:.0%} interval of the median")
    lower, upper = ordered[(size - 1) // 2], ordered[size // 2]  # their mean is not a number for −∞ and ∞
    if lower == -np.inf and upper == np.inf:
        raise ValueError("values: half of them are −∞ and half ∞, so that there is no median")
    return float(lower / 2 + upper / 2), float(ordered[rank - 1]), float(ordered[size - rank])


def median_estimate(values: Numbers) -> Estimate:
    """Median with a standard error from the width of its 68.3% order-statistic interval; ∞ if that is infinite."""
    middle, low, high = median(values, float(stats.norm.cdf(1) - stats.norm.cdf(-1)))
    return _from_interval(middle, low, high, values)


def _from_interval(middle: float, low: float, high: float, values: Numbers) -> Estimate:
    error = np.inf if np.isinf(low) or np.isinf(high) else high / 2 - low / 2
    return Estimate(middle, error, len(values) - 1)


def quantile(values: Numbers, p: float, level: float = 0.95) -> tuple[float, float, float]:
    """Quantile p with its exact order-statistic interval; infinite replicas count as large: (value, low, high)."""
    ordered, p, level = _ordered(values), _level("p", p), _level("level", level)
    low, high = stats.binom.ppf([(1 - level) / 2, (1 + level) / 2], ordered.size, p).astype(int)
    if low < 1 or high >= ordered.size:
        raise ValueError(
            f"values: {ordered.size} replicas are too few for a {level:.0%} interval of the quantile {p:g}"
        )
    middle = ordered[int(np.ceil(p * ordered.size)) - 1]
    return float(middle), float(ordered[low - 1]), float(ordered[high])


def quantile_estimate(values: Numbers, p: float) -> Estimate:
    """Quantile p with a standard error from the width of its 68.3% order-statistic interval."""
    middle, low, high = quantile(values, p, float(stats.norm.cdf(1) - stats.norm.cdf(-1)))
    return _from_interval(middle, low, high, values)


def proportion(successes: int, trials: int, level: float = 0.95) -> tuple[float, float, float]:
    """Proportion with its Wilson interval. Returns (proportion, low, high)."""
    trials = arrays.count("trials", trials)
    successes = arrays.count("successes", successes, 0, trials)
    level = _level("level", level)
    if level == 1:
        raise ValueError("level must be below 1, got 1")
    interval = stats.binomtest(successes, trials).proportion_ci(level, method="wilson")
    return successes / trials, float(interval.low), float(interval.high)


def threshold(tests: int, level: float = 0.01) -> float:
    """The |z| that any of `tests` true standard normal scores exceeds with probability `level` (Šidák)."""
    if arrays.count("tests", tests, 0) < 1:
        raise ValueError("a family of zero tests decides nothing")
    level = _level("level", level)
    if level in (0, 1):
        raise ValueError(f"level must be between 0 and 1, got {level:g}")
    return float(stats.norm.isf(-np.expm1(np.log1p(-level) / tests) / 2))


def fit(design: Numbers, estimates: list[Estimate]) -> tuple[np.ndarray, np.ndarray]:
    """Weighted least squares of the estimates on the design (cells, terms): coefficients and their covariance.

    Raises ValueError on a design whose terms cannot be told apart.
    """
    values = arrays.vector("values", [arrays.number("values", e.value) for e in estimates])
    errors = arrays.vector("errors", [arrays.positive("errors", e.error) for e in estimates])
    x = arrays.points("design", arrays.array("design", design).astype(float))
    if len(x) != len(values):
        raise ValueError(f"design must have a row for each of the {len(values)} values, got {len(x)}")
    with np.errstate(all="ignore"):
        weights = errors**-2.0
        try:
            covariance = np.linalg.inv(x.T @ (x * weights[:, None]))
        except np.linalg.LinAlgError:
            covariance = np.full((x.shape[1],) * 2, np.nan)
        coefficients = covariance @ x.T @ (values * weights)
    if not (np.isfinite(covariance).all() and np.isfinite(coefficients).all() and (np.diag(covariance) > 0).all()):
        raise ValueError("design has terms that the values, with these errors, do not tell apart in double precision")
    return coefficients, covariance


def extrapolate(sizes: Numbers, estimates: list[Estimate], powers: tuple[float, ...] = (1,)) -> list[Estimate]:
    """[limit, one coefficient for each power] by weighted least squares of the estimates on 1 and size^{−power}.

    There is an estimate for each of the `sizes`; the limit is that of infinite size. Raises ValueError on sizes ≤ 0,
    and on fewer sizes than terms.
    """
    sizes = arrays.vector("sizes", sizes)
    if not (sizes > 0).all():
        raise ValueError(f"sizes must be positive, got {sizes.min():g}")
    with np.errstate(over="ignore"):
        design = arrays.finite(
            "sizes, to these powers,", np.stack([np.ones_like(sizes), *(sizes**-p for p in powers)], axis=1)
        )
    coefficients, covariance = fit(design, estimates)
    return [Estimate(float(c), float(e)) for c, e in zip(coefficients, np.sqrt(np.diag(covariance)), strict=True)]


def zero_of_line(x: Numbers, estimates: list[Estimate]) -> Estimate:
    """The x at which the weighted straight line through the estimates is zero, with the error by the delta method."""
    x = arrays.vector("x", x)
    (a, b), covariance = fit(np.stack([np.ones_like(x), x], axis=1), estimates)
    with np.errstate(all="ignore"):
        gradient = np.array([-1 / b, a / b**2])
        found = Estimate(float(-a / b), float(np.sqrt(gradient @ covariance @ gradient)))
    if not (np.isfinite(found.value) and np.isfinite(found.error)):
        raise ValueError("values lie on a line that is flat: it is nowhere zero")
    return found


def first_crossing(x: Numbers, y: Numbers, level: float) -> float:
    """The x at which y is first at or above the level, straight lines between the points; ∞ if it never is."""
    x, y, level = arrays.vector("x", x), arrays.vector("y", y), arrays.number("level", level)
    if len(x) != len(y):
        raise ValueError(f"x and y must be as many, got {len(x)} and {len(y)}")
    above = np.flatnonzero(y >= level)
    if not above.size:
        return np.inf
    k = int(above[0])
    if k == 0:
        return float(x[0])
    return float(np.interp(level, y[k - 1 : k + 1], x[k - 1 : k + 1]))


def level_crossing(x: Numbers, curves: Numbers, level: float) -> Estimate:
    """The x at which the mean of replicated curves (replicas, x) falls through a level, with the error by the delta
    method.

    Lines between the points are straight; of several crossings the last counts. ValueError if the mean does not cross.
    """
    x, level = arrays.vector("x", x), arrays.number("level", level)
    curves = arrays.squares("curves", arrays.points("curves", arrays.array("curves", curves).astype(float), least=2))
    if curves.shape[1] != len(x):
        raise ValueError(f"curves must be (replicas, {len(x)}) beside x, got shape {curves.shape}")
    middle = curves.mean(axis=0)
    falls = np.flatnonzero((middle[:-1] >= level) & (middle[1:] < level))
    if not falls.size:
        raise ValueError(
            f"curves: the mean runs from {middle[0]:.3g} to {middle[-1]:.3g} and never falls through {level:g}"
        )
    k = int(falls[-1])
    share = (middle[k] - level) / (middle[k] - middle[k + 1])
    slope = (middle[k + 1] - middle[k]) / (x[k + 1] - x[k])
    there = mean((1 - share) * curves[:, k] + share * curves[:, k + 1])
    return Estimate(float(x[k] + share * (x[k + 1] - x[k])), float(there.error / abs(slope)), there.freedom)
