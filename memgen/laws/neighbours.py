"""Squared distances from a place to the nearest of n normal points, for n far beyond what can be drawn.

The nearest few of n = e^{αd} points are a Poisson process: the k-th squared distance is where the expected number of
points within, n P(|X − u|² < q), reaches the k-th arrival of a process of rate 1.  |X − u|² is non-central χ².
"""

from functools import lru_cache

import numpy as np
from scipy.special import ive

from memgen import arrays

_GRID = 20_000


def nearest_squares(
    d: int, log_n: float, place2: float, many: int, replicas: int, rng: np.random.Generator
) -> np.ndarray:
    """The `many` smallest |x_i − u|² of e^log_n points of N(0, I_d), |u|² = place2, increasing: (replicas, many).

    Exact for n ≫ many.  Sums over all points have a rest beyond these, see `log_rest`.  Raises ValueError on fewer than
    e·many points, and where the density of distances leaves double precision: d ≤ 5, or thousands, more the smaller
    place2.
    """
    d, many, replicas = (arrays.count(*given) for given in (("d", d), ("many", many), ("replicas", replicas)))
    log_n, place2 = arrays.number("log_n", log_n), arrays.positive("place2", place2)
    if not np.log(many) < log_n - 1:
        raise ValueError(f"log_n = {log_n:.3g}: for the {many} nearest, n must be several times as many")
    q, log_density = _log_density(d, place2)
    log_number = log_n + np.logaddexp.accumulate(_log_steps(q, log_density))
    arrivals = np.log(np.cumsum(rng.standard_exponential((replicas, many)), axis=1))
    if log_number[0] > -30 or log_number[-1] < arrivals.max():
        raise ValueError(f"d = {d}, log_n = {log_n:.4g}: the grid of distances does not cover the nearest points")
    return np.interp(arrivals, log_number, q[1:])


def log_rest(d: int, log_n: float, place2: float, width: float, beyond: np.ndarray) -> np.ndarray:
    """ln of the mean of Σ exp(−|x_i − u|²/2ε²) over points farther than `beyond` (squared): the shape of that."""
    log_n, width = arrays.number("log_n", log_n), arrays.scale("width", width)
    beyond = arrays.finite("beyond", arrays.array("beyond", beyond).astype(float))
    q, log_density = _log_density(arrays.count("d", d), arrays.positive("place2", place2))
    steps = _log_steps(q, log_density - q / (2 * width**2))
    farther = np.append(np.logaddexp.accumulate(steps[::-1])[::-1], -np.inf)
    return log_n + np.interp(beyond, q, np.maximum(farther, farther[-2]))


def _log_steps(q: np.ndarray, log_density: np.ndarray) -> np.ndarray:
    return np.logaddexp(log_density[1:], log_density[:-1]) + np.log(np.diff(q) / 2)


@lru_cache(maxsize=4)  # the nearest and the rest beyond them ask for the same one in turn
def _log_density(d: int, place2: float) -> tuple[np.ndarray, np.ndarray]:
    """A grid of squared distances up to the mean, and ln of their density there."""
    mean = d + place2
    q = mean * np.linspace(1 / _GRID, 1, _GRID)
    order, z = d / 2 - 1, np.sqrt(place2 * q)
    with np.errstate(divide="ignore"):
        log_bessel = np.log(ive(order, z)) + z
    inside = np.isfinite(log_bessel)
    if not inside[_GRID // 2 :].all():
        raise ValueError(f"d = {d}, place2 = {place2:.4g}: the density of distances underflows")
    q, log_bessel = q[inside], log_bessel[inside]
    return q, -(q + place2) / 2 + (d / 4 - 0.5) * np.log(q / place2) + log_bessel - np.log(2)
