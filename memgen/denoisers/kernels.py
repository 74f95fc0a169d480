"""Kernels of infinitely wide networks on noised points."""

from collections.abc import Callable
from typing import Literal

import numpy as np

from memgen import arrays

Name = Literal["sine", "arcsine", "tangent"]


def _sine(overlaps: np.ndarray, norms: np.ndarray, others: np.ndarray) -> np.ndarray:
    return np.exp(-np.add.outer(norms, others) / 2) * np.sinh(overlaps)


def _arcsine(overlaps: np.ndarray, norms: np.ndarray, others: np.ndarray) -> np.ndarray:
    wide = np.outer(np.sqrt(1 + 2 * norms), np.sqrt(1 + 2 * others))
    return 2 / np.pi * np.arcsin(np.clip(2 * overlaps / wide, -1, 1))


def _tangent(overlaps: np.ndarray, norms: np.ndarray, others: np.ndarray) -> np.ndarray:
    # (1+2q)(1+2q') − 4c², where qq' − c² is not negative
    apart = np.maximum(np.outer(norms, others) - overlaps**2, 0)
    slopes = 4 / np.pi / np.sqrt(1 + 2 * np.add.outer(norms, others) + 4 * apart)
    return _arcsine(overlaps, norms, others) + overlaps * slopes


KERNELS: dict[Name, Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]] = {
    "sine": _sine,
    "arcsine": _arcsine,
    "tangent": _tangent,
}


def gram(name: Name, points: arrays.Numbers, others: arrays.Numbers | None = None) -> np.ndarray:
    """K (N, M) of points (N, d) with others (M, d), or with themselves; first weights w ~ N(0, 1), inputs u/√d.

    `sine` and `arcsine` are E σ(w·u/√d)σ(w·u'/√d) for σ = sin and σ = erf, an infinitely wide network of which only the
    last layer learns; `tangent` is the neural tangent kernel for σ = erf, both layers learning. Raises ValueError on
    another name, on points that are not (N, d) and finite, on others of another d, and, for `sine`, on points longer
    than √(600 d).
    """
    if name not in KERNELS:
        raise ValueError(f"name of a kernel must be one of {', '.join(KERNELS)}, got {name!r}")
    u = arrays.points("points", arrays.array("points", points).astype(float))
    v = u if others is None else arrays.points("others", arrays.array("others", others).astype(float))
    if v.shape[1] != u.shape[1]:
        raise ValueError(f"points and others must have as many columns, got {u.shape[1]} and {v.shape[1]}")
    norms, across = ((x**2).sum(1) / u.shape[1] for x in (u, v))
    longest = max(norms.max(), across.max())
    if name == "sine" and not longest < 600:
        raise ValueError(f"points must be shorter than √(600 d), got |u|² = {longest:g} d")
    return KERNELS[name](u @ v.T / u.shape[1], norms, across)


def _scales(t: float) -> tuple[float, float]:
    """e^{−t} and √(1−e^{−2t}): what point and noise weigh at diffusion time t."""
    return float(np.exp(-t)), float(np.sqrt(-np.expm1(-2 * t)))


def noised_copies(rng: np.random.Generator, n: int, m: int, d: int, t: float) -> np.ndarray:
    """m copies of each of n white points at diffusion time t, those of a point in a row: (nm, d)."""
    point, noise = _scales(t)
    return (point * rng.standard_normal((n, 1, d)) + noise * rng.standard_normal((n, m, d))).reshape(n * m, d)


def regression_losses(
    rng: np.random.Generator, name: Name, n: int, m: int, d: int, t: float, ridge: float
) -> tuple[float, float]:
    """E|ξ − ξ̂|²/d of kernel ridge regression of the noise of m copies of each of n white points: of these, and fresh.

    (K + ridge) is solved for; fresh points are as many as copies, and have one noise each.
    """
    point, noise = _scales(t)
    xi, fresh = (rng.standard_normal((n * m, d)) for _ in range(2))
    u = point * np.repeat(rng.standard_normal((n, d)), m, axis=0) + noise * xi
    solved = np.linalg.solve(gram(name, u) + ridge * np.eye(n * m), xi)
    said = gram(name, point * rng.standard_normal((n * m, d)) + noise * fresh, u) @ solved
    return float(ridge**2 * (solved**2).mean()), float(((said - fresh) ** 2).mean())
