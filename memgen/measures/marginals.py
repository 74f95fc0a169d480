"""The paper's cheaper distance (eqs. (23), (24), reconstructed): kernel estimates coordinate by coordinate, averaged.

On each coordinate N points have kernels of width σ/N. The distance sees marginals alone: points that resample each
coordinate of the training set independently are as near to it as copies are.
"""

from typing import NamedTuple

import numpy as np

from memgen import arrays

_REACH = 9.0  # beyond so many widths a kernel is below 10⁻¹⁷ of its middle


class MarginalEstimate(NamedTuple):
    """Coordinates in rising order (d, n), the width of their kernels, and each coordinate's overlap with itself
    (d,)."""

    ordered: np.ndarray
    width: float
    own: np.ndarray


def marginal_estimate(points: arrays.Numbers, sigma: float = 1.0) -> MarginalEstimate:
    """Kernel estimates of the coordinates of points (n, d): keep it if the set is used again.

    Raises ValueError on other shapes, on values that are not finite or whose squares are not, and on σ that is not
    positive.
    """
    x = arrays.squares("points", arrays.points("points", arrays.array("points", points).astype(float)))
    ordered, width = np.sort(x.T, axis=1), arrays.scale("sigma", sigma) / len(x)
    n, variance = len(x), 2 * width**2
    own = np.full(len(ordered), float(n))
    for offset in range(1, n):  # pairs that many places apart, while any of them is within reach
        apart = ordered[:, offset:] - ordered[:, :-offset]
        if apart.min() > _REACH * np.sqrt(variance):
            break
        with np.errstate(over="ignore", under="ignore"):  # far beyond reach
            own += 2 * np.exp(-(apart**2) / (2 * variance)).sum(1)
    return MarginalEstimate(ordered, width, own / (np.sqrt(variance) * n * n))


def marginal_distance(x: MarginalEstimate, y: MarginalEstimate) -> float:
    """Mean over coordinates of √(2π) ‖ρ_x − ρ_y‖², as the public code has it: an inverse length.

    Raises ValueError on sets of different dimension.
    """
    if len(x.ordered) != len(y.ordered):
        raise ValueError(f"the sets have {len(x.ordered)} and {len(y.ordered)} dimensions")
    few, many = (x, y) if x.ordered.shape[1] <= y.ordered.shape[1] else (y, x)
    variance = x.width**2 + y.width**2
    cross = [_overlap(p, q, variance) for p, q in zip(few.ordered, many.ordered, strict=True)]
    return float(np.mean(x.own + y.own - 2 * np.array(cross)))


def _overlap(p: np.ndarray, q: np.ndarray, variance: float) -> float:
    """√(2π) times the mean of N(p_i − q_j; 0, variance), from the pairs within reach: neighbours in order."""
    reach = _REACH * np.sqrt(variance)
    first, stop = np.searchsorted(q, p - reach), np.searchsorted(q, p + reach)
    total = sum(
        np.exp(-((value - q[i:j]) ** 2) / (2 * variance)).sum() for value, i, j in zip(p, first, stop, strict=True)
    )
    return float(total / (np.sqrt(variance) * len(p) * len(q)))
