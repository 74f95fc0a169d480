"""Kernels of infinitely wide networks on noised points."""

from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
import torch
from scipy.linalg import eigh
from torch import Tensor

from memgen import arrays
from memgen.denoisers.sampling import Denoiser

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
    """Kernel matrix (N, M) of points (N, d) with others (M, d), or with themselves; first weights w ~ N(0, 1), inputs
    u/√d.

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
    """Return the losses E|ξ − ξ̂|²/d of kernel ridge regression for the noise ξ: on its training copies, and on fresh
    ones.

    It is trained on m noised copies of each of n white points at diffusion time t, with `ridge` added to the diagonal
    of the kernel matrix. The n·m fresh points have one noise each.
    """
    point, noise = _scales(t)
    xi, fresh = (rng.standard_normal((n * m, d)) for _ in range(2))
    u = point * np.repeat(rng.standard_normal((n, d)), m, axis=0) + noise * xi
    solved = np.linalg.solve(gram(name, u) + ridge * np.eye(n * m), xi)
    said = gram(name, point * rng.standard_normal((n * m, d)) + noise * fresh, u) @ solved
    return float(ridge**2 * (solved**2).mean()), float(((said - fresh) ** 2).mean())


class _Fit(NamedTuple):
    """A regression at one noise: inputs (N, d), eigenvalues of their Gram matrix (N,), largest first, its eigenvectors
    (N, N), and the targets along each eigenvector over its eigenvalue, (N, d)."""

    inputs: np.ndarray
    values: np.ndarray
    vectors: np.ndarray
    targets: np.ndarray


class Regressions:
    """Ridgeless kernel regressions from m noised copies u = x + τξ to the points x (n, d), one for each noise τ in
    `levels`.

    The kernel takes u/√(1+τ²), and targets are x less the mean of the points. `noises` (levels, nm, d) holds ξ; the m
    copies of a point are consecutive rows. Raises ValueError on other shapes and τ ≤ 0, and as `gram`.
    """

    def __init__(self, name: Name, x: arrays.Numbers, levels: arrays.Numbers, noises: np.ndarray) -> None:
        points = arrays.points("x", arrays.array("x", x).astype(float))
        self._name, self._mean = name, points.mean(0)
        self._levels = arrays.vector("levels", levels)
        rows = noises.shape[1] if noises.ndim == 3 else 0
        if noises.shape != (len(self._levels), rows, points.shape[1]) or not rows or rows % len(points):
            raise ValueError(f"noises must be (levels, nm, d) for points {points.shape}, got {noises.shape}")
        if not (self._levels > 0).all():
            raise ValueError(f"levels must be positive, got {self._levels.min():g}")
        clean = np.repeat(points, rows // len(points), axis=0)
        self._fits = [self._fit(clean, float(tau), xi) for tau, xi in zip(self._levels, noises, strict=True)]

    def _fit(self, clean: np.ndarray, tau: float, xi: np.ndarray) -> _Fit:
        inputs = (clean + tau * xi) / np.sqrt(1 + tau**2)
        values, vectors = eigh(gram(self._name, inputs))
        values, vectors = values[::-1], vectors[:, ::-1]
        # what is 0 but for rounding has no direction of its own
        inverse = np.where(values > len(values) * np.finfo(float).eps * values[0], 1 / values, 0.0)
        return _Fit(inputs, values, vectors, inverse[:, None] * (vectors.T @ (clean - self._mean)))

    def eigenvalues(self, tau: float) -> np.ndarray:
        """Eigenvalues (nm,) of the Gram matrix at noise `tau`, largest first. ValueError if tau is not one of the
        levels."""
        return self._fits[self._place(tau)].values

    def denoiser(self, rank: int) -> Denoiser:
        """The denoiser D(u, τ), u (k, d), of the leading `rank` eigenvectors. It raises ValueError if τ is not a
        level."""
        rank = arrays.count("rank", rank, 0, len(self._fits[0].vectors))
        weights = [fit.vectors[:, :rank] @ fit.targets[:rank] for fit in self._fits]

        def denoise(u: Tensor, tau: float) -> Tensor:
            place = self._place(tau)
            seen = gram(self._name, u.double().numpy() / np.sqrt(1 + tau**2), self._fits[place].inputs)
            return torch.from_numpy(self._mean + seen @ weights[place]).to(u.dtype)

        return denoise

    def _place(self, tau: float) -> int:
        place = int(np.argmin(np.abs(self._levels - tau)))
        if not np.isclose(self._levels[place], tau, rtol=1e-9, atol=0):
            raise ValueError(f"nothing was fitted at noise {tau:g}")
        return place
