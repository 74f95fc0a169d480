"""The seed's cheaper distance (E8, reconstructed): kernel estimates of each coordinate by itself, averaged over them.

N points have kernels of width σ/N on the line. It sees marginals alone: points that resample each coordinate of the
training set independently are as near to it as copies are.
"""

import numpy as np

_REACH = 9.0  # beyond so many widths a kernel is below 10⁻¹⁷ of its middle


def marginal_distance(x: np.ndarray, y: np.ndarray, sigma: float | np.ndarray = 1.0) -> float:
    """Mean over coordinates of √(2π) ‖ρ_x − ρ_y‖², points (n, d) and (m, d), σ a number or (d,): units of 1/σ.

    With the factor √(2π) these are the numbers of the public code. Raises ValueError on other shapes, on values that
    are not finite, and on σ that is not positive.
    """
    x, y, sigma = (np.asarray(a, float) for a in (x, y, sigma))
    for name, a in (("x", x), ("y", y)):
        if a.ndim != 2 or 0 in a.shape or a.shape[1] != x.shape[1]:
            raise ValueError(f"{name} must be (n, {x.shape[1] if x.ndim == 2 else 'd'}), got shape {a.shape}")
        if not np.isfinite(a).all():
            raise ValueError(f"{name} holds a value that is not finite")
    if not (np.isfinite(sigma).all() and (sigma > 0).all()):
        raise ValueError(f"sigma must be positive and finite, got {sigma}")
    widths = [np.broadcast_to(sigma, x.shape[1]) / len(a) for a in (x, y)]
    total = 0.0
    for j, (p, q) in enumerate(zip(x.T, y.T, strict=True)):
        v, w = widths[0][j] ** 2, widths[1][j] ** 2
        total += _overlap(p, p, 2 * v) + _overlap(q, q, 2 * w) - 2 * _overlap(p, q, v + w)
    return total / x.shape[1]


def _overlap(p: np.ndarray, q: np.ndarray, variance: float) -> float:
    """√(2π) times the mean of N(p_i − q_j; 0, variance), from the pairs within reach: neighbours when sorted."""
    p, q, reach = np.sort(p), np.sort(q), _REACH * np.sqrt(variance)
    first, stop = np.searchsorted(q, p - reach), np.searchsorted(q, p + reach)
    total, offset = 0.0, 0
    while (near := first + offset < stop).any():
        total += float(np.exp(-((p[near] - q[first[near] + offset]) ** 2) / (2 * variance)).sum())
        offset += 1
    return total / (np.sqrt(variance) * len(p) * len(q))
