"""Squared distances from a place to the nearest of n normal points, for n far beyond what can be drawn.

Of n = e^{αd} points the nearest few are a Poisson process: the k-th squared distance is where the expected number of
points within, n P(|X − u|² < q), reaches the k-th arrival of a process of rate 1.  |X − u|² is non-central χ².
"""

import numpy as np
from scipy.special import ive

_GRID = 20_000


def nearest_squares(
    d: int, log_n: float, place2: float, many: int, replicas: int, rng: np.random.Generator
) -> np.ndarray:
    """The `many` smallest |x_i − u|² of e^log_n points of N(0, I_d), |u|² = place2, increasing: (replicas, many).

    Exact for n ≫ many; d up to about 3000.  Raises ValueError beyond, and on fewer points than are asked for.
    """
    if not np.log(many) < log_n - 1:
        raise ValueError(f"{many} nearest of e^{log_n:.3g} points: n must be several times as many")
    q, log_density = _log_density(d, place2)
    # log of the number within q, the density taken as exponential between nodes
    steps = np.logaddexp(log_density[1:], log_density[:-1]) + np.log(np.diff(q) / 2)
    log_number = log_n + np.logaddexp.accumulate(steps)
    arrivals = np.log(np.cumsum(rng.standard_exponential((replicas, many)), axis=1))
    if log_number[0] > -30 or log_number[-1] < arrivals.max():
        raise ValueError(f"d = {d}, ln n = {log_n:.4g}: the grid of distances does not cover the nearest points")
    return np.interp(arrivals, log_number, q[1:])


def _log_density(d: int, place2: float) -> tuple[np.ndarray, np.ndarray]:
    """A grid of squared distances up to the mean, and ln of their density there."""
    mean = d + place2
    q = mean * np.linspace(1 / _GRID, 1, _GRID)
    order, z = d / 2 - 1, np.sqrt(place2 * q)
    with np.errstate(divide="ignore"):
        log_bessel = np.log(ive(order, z)) + z
    inside = np.isfinite(log_bessel)
    if not inside[_GRID // 2 :].all():
        raise ValueError(f"d = {d}: the density of distances underflows")
    q, log_bessel = q[inside], log_bessel[inside]
    return q, -(q + place2) / 2 + (d / 4 - 0.5) * np.log(q / place2) + log_bessel - np.log(2)
