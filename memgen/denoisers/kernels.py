"""Kernels of infinitely wide networks on noised points."""

from collections.abc import Callable
from typing import Literal

import numpy as np

from memgen import arrays

Name = Literal["sine", "arcsine", "tangent"]


def _sine(overlaps: np.ndarray, norms: np.ndarray) -> np.ndarray:
    return np.exp(-(norms[:, None] + norms) / 2) * np.sinh(overlaps)


def _arcsine(overlaps: np.ndarray, norms: np.ndarray) -> np.ndarray:
    wide = np.sqrt(1 + 2 * norms)
    return 2 / np.pi * np.arcsin(np.clip(2 * overlaps / np.outer(wide, wide), -1, 1))


def _tangent(overlaps: np.ndarray, norms: np.ndarray) -> np.ndarray:
    # (1+2q)(1+2q') − 4c², where qq' − c² is not negative
    apart = np.maximum(np.outer(norms, norms) - overlaps**2, 0)
    slopes = 4 / np.pi / np.sqrt(1 + 2 * np.add.outer(norms, norms) + 4 * apart)
    return _arcsine(overlaps, norms) + overlaps * slopes


KERNELS: dict[Name, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "sine": _sine,
    "arcsine": _arcsine,
    "tangent": _tangent,
}


def gram(name: Name, points: arrays.Numbers) -> np.ndarray:
    """K (N, N) of points (N, d) under weights w ~ N(0, 1) of the first layer, inputs u/√d.

    `sine` and `arcsine` are E σ(w·u/√d)σ(w·u'/√d) for σ = sin and σ = erf, an infinitely wide network of which only the
    last layer learns; `tangent` is the neural tangent kernel for σ = erf, both layers learning. Raises ValueError on
    another name, on points that are not (N, d) and finite, and, for `sine`, on points longer than √(600 d).
    """
    if name not in KERNELS:
        raise ValueError(f"name of a kernel must be one of {', '.join(KERNELS)}, got {name!r}")
    u = arrays.points("points", arrays.array("points", points).astype(float))
    overlaps = u @ u.T / u.shape[1]
    norms = np.diag(overlaps).copy()
    if name == "sine" and not norms.max() < 600:
        raise ValueError(f"points must be shorter than √(600 d), got |u|² = {norms.max():g} d")
    return KERNELS[name](overlaps, norms)


def noised_copies(rng: np.random.Generator, n: int, m: int, d: int, t: float) -> np.ndarray:
    """m copies of each of n white points at diffusion time t, those of a point in a row: (nm, d)."""
    point, noise = np.exp(-t), np.sqrt(-np.expm1(-2 * t))
    return (point * rng.standard_normal((n, 1, d)) + noise * rng.standard_normal((n, m, d))).reshape(n * m, d)
