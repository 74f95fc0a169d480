"""Laws to draw training sets from.  Every law knows its own mean and covariance exactly."""

from dataclasses import dataclass
from functools import cache
from typing import Protocol

import numpy as np

from memgen.laws.pictures import pictures


class Law(Protocol):
    """A data law in R^d: `sample(n, rng)` is (n, d); `mean` (d,) and `covariance` (d, d) are its exact moments."""

    @property
    def mean(self) -> np.ndarray: ...

    @property
    def covariance(self) -> np.ndarray: ...

    def sample(self, n: int, rng: np.random.Generator) -> np.ndarray: ...


@dataclass(frozen=True)
class Gaussian:
    """N(center·1, diag(eigenvalues)); diagonal without loss, least squares being equivariant under rotations."""

    eigenvalues: tuple[float, ...]
    center: float = 0.0

    def __post_init__(self) -> None:
        bad = [value for value in self.eigenvalues if not (np.isfinite(value) and value > 0)]
        if not self.eigenvalues or bad:
            raise ValueError(f"eigenvalues must be positive and finite, got {bad[0] if bad else 'none'}")

    @property
    def mean(self) -> np.ndarray:
        return np.full(len(self.eigenvalues), self.center)

    @property
    def covariance(self) -> np.ndarray:
        return np.diag(self.eigenvalues)

    def sample(self, n: int, rng: np.random.Generator) -> np.ndarray:
        return self.center + np.sqrt(self.eigenvalues) * rng.standard_normal((n, len(self.eigenvalues)))


def isotropic(d: int, sigma: float = 1.0, center: float = 0.0) -> Gaussian:
    """N(center·1, σ²I) in d dimensions."""
    if d < 1 or not (np.isfinite(sigma) and sigma > 0):
        raise ValueError(f"need d ≥ 1 and a finite sigma > 0, got d = {d}, sigma = {sigma}")
    return Gaussian((sigma**2,) * d, center)


def power_law(d: int, exponent: float = 1.0) -> Gaussian:
    """Eigenvalues ∝ j^{−exponent}, scaled to mean 1: the spectrum of natural images has exponent near 1."""
    if d < 1:
        raise ValueError(f"need d ≥ 1, got d = {d}")
    raw = np.arange(1, d + 1) ** -float(exponent)
    return Gaussian(tuple(raw / raw.mean()))


@dataclass(frozen=True)
class Digits:
    """Handwritten digits as a law with known moments: one of the 1797 8×8 scans (Alpaydin & Kaynak 1998), uniformly,
    plus uniform noise in each pixel, the dither. Of variance 1/12 it lies on [−½, ½], which undoes the rounding of
    grey levels to 0…16. Three pixels never vary: they have the variance of the dither and no other.

    `copies` independent digits side by side make one point in 64·copies dimensions with the same spectrum.
    """

    copies: int = 1
    dither: float = 1 / 12  # its variance, in grey levels squared

    def __post_init__(self) -> None:
        if not (np.isfinite(self.dither) and self.dither > 0):
            raise ValueError(f"dither must be positive and finite, got {self.dither}")

    @property
    def mean(self) -> np.ndarray:
        return np.tile(_scans().mean(0), self.copies)

    @property
    def covariance(self) -> np.ndarray:
        scans = _scans()
        single = np.cov(scans, rowvar=False, bias=True) + np.eye(scans.shape[1]) * self.dither
        return np.kron(np.eye(self.copies), single)

    def sample(self, n: int, rng: np.random.Generator) -> np.ndarray:
        scans = _scans()
        points = scans[rng.integers(len(scans), size=n * self.copies)]
        half = np.sqrt(3 * self.dither)
        return (points + rng.uniform(-half, half, points.shape)).reshape(n, -1)

    def surrogate(self) -> Gaussian:
        """The Gaussian with the same spectrum."""
        return Gaussian(tuple(np.linalg.eigvalsh(self.covariance)))


@cache
def _scans() -> np.ndarray:
    scans = 16 * pictures("digits").values.astype(float)  # grey levels
    scans.setflags(write=False)
    return scans
