"""At which noise is a point of a training set held: where has it half of the posterior weight at its own noised copy?

At u = x_i + τξ the exact score gives x_i the weight 1/(1 + e^L), L = ln Σ_j exp(−(|u − x_j|² − |u − x_i|²)/2τ²).
"""

import numpy as np

_LOWEST, _HIGHEST, _HALVINGS = 1e-6, 10.0, 34  # of the search, in units of the set's √(Σ variances); the last: to 10⁻⁹
_ROUNDING = 1e-13


def held_widths(x: np.ndarray, own: np.ndarray, xi: np.ndarray) -> np.ndarray:
    """The largest τ at which x[own] is held, (m,), for points x (n, d), n ≥ 2, and one noise ξ a point, (m, d).

    0 for a point that is there twice, which has at most half of the weight at any noise. In double precision; points
    count as the same whose squared distance is below 10⁻¹³ of the largest distance² from the mean.
    """
    z = np.asarray(x, float) - np.mean(x, axis=0, dtype=float)
    if len(z) < 2:
        raise ValueError(f"x must have two points or more, got {len(z)}: a single one is held at every noise")
    squares, scale = (z**2).sum(1), float(np.sqrt(z.var(0).sum()))
    apart = squares[own, None] + squares - 2 * z[own] @ z.T
    apart[apart < _ROUNDING * squares.max()] = 0
    along = (z[own] * xi).sum(1)[:, None] - xi @ z.T
    apart[np.arange(len(own)), own] = np.inf
    low, high = np.full(len(own), _LOWEST * scale), np.full(len(own), _HIGHEST * scale)
    for _ in range(_HALVINGS):
        middle = np.sqrt(low * high)
        exponents = -apart / (2 * middle**2)[:, None] - along / middle[:, None]
        top = exponents.max(1)
        others = top + np.log(np.exp(exponents - top[:, None]).sum(1)) > 0
        low, high = np.where(others, low, middle), np.where(others, middle, high)
    return np.where(apart.min(1) > 0, np.sqrt(low * high), 0.0)
