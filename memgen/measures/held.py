"""At which noise is a point of a training set held: where has it half of the posterior weight at its own noised copy?

At u = x_i + τξ the exact score gives x_i the weight 1/(1 + e^L), L = ln Σ_j exp(−(|u − x_j|² − |u − x_i|²)/2τ²).
"""

from collections.abc import Callable, Sequence

import numpy as np

from memgen import arrays

_LOWEST, _HIGHEST, _ACCURACY = 1e-12, 10.0, 1e-9  # of the search; the first two in units of the set's √(Σ variances)
_NEAR, _SAME = 1e-6, 1e-24  # distances², over the largest from the mean: below, by differences; below, none


def held_widths(x: arrays.Numbers, own: arrays.Numbers, xi: arrays.Numbers) -> np.ndarray:
    """The largest τ at which x[own] is held, (m,): points x (n, d), n ≥ 2, indices own (m,), a noise ξ for each, xi (m,
    d).

    0 for a point that is there twice, which has at most half of the weight at any noise. In double precision; points
    count as the same whose distance is below 10⁻¹² of the largest distance from the mean. Raises ValueError on other
    shapes, on values that are not finite or whose squares are not, and on indices of no point.
    """
    z = arrays.points("x", arrays.array("x", x).astype(float))
    if len(z) < 2:
        raise ValueError(f"x must have two points or more, got {len(z)}: a single one is held at every noise")
    z = arrays.squares("x", z - z.mean(axis=0))
    xi = arrays.squares("xi", arrays.points("xi", arrays.array("xi", xi).astype(float)))
    own = arrays.array("own", own)
    if own.dtype.kind not in "iu" or xi.shape != (len(own), z.shape[1]) or not (0 <= own.min() and own.max() < len(z)):
        raise ValueError(
            f"own must be indices of points of x, (m,), and xi (m, {z.shape[1]}), got {own.shape} and {xi.shape}"
        )
    squares, scale = (z**2).sum(1), float(np.sqrt(z.var(0).sum()))
    if scale == 0:
        return np.zeros(len(own))
    apart = squares[own, None] + squares - 2 * z[own] @ z.T
    near = apart < _NEAR * squares.max()
    for row in np.flatnonzero(near.sum(1) > 1):  # near to others than itself
        apart[row, near[row]] = ((z[near[row]] - z[own[row]]) ** 2).sum(1)
    apart[apart < _SAME * squares.max()] = 0
    along = (z[own] * xi).sum(1)[:, None] - xi @ z.T
    apart[np.arange(len(own)), own] = np.inf
    low, high = np.full(len(own), _LOWEST * scale), np.full(len(own), _HIGHEST * scale)
    widths = half(lambda tau: log_others(apart, [-along], tau), low, high, _ACCURACY)
    return np.where(apart.min(1) > 0, widths, 0.0)


def log_others(apart: np.ndarray, along: Sequence[np.ndarray | float] | np.ndarray, tau: np.ndarray) -> np.ndarray:
    """The mean of L over draws of the noise, (m,), for m points at noises `tau` (m,).

    `apart` are |x_i − x_j|² (m, n), ∞ from the point itself; `along` are ξ·(x_j − x_i) for each draw, (m, n), or ξ·x_j
    (n,), where ξ·x_i is 0 on average; 0.0 stands for no noise.
    """
    scaled, total = -apart / (2 * tau**2)[:, None], np.zeros(len(apart), apart.dtype)
    for draw in along:
        exponents = scaled + draw / tau[:, None]
        top = exponents.max(1)
        total += top + np.log(np.exp(exponents - top[:, None]).sum(1))
    return total / len(along)


def half(others: Callable[[np.ndarray], np.ndarray], low: np.ndarray, high: np.ndarray, accuracy: float) -> np.ndarray:
    """The noise between `low` and `high` at which `others` rises through 0, to a relative accuracy: by bisection of ln
    τ."""
    for _ in range(int(np.log2(np.log(high / low).max() / accuracy)) + 1):
        middle = np.sqrt(low * high)
        above = others(middle) > 0
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    return np.sqrt(low * high)
