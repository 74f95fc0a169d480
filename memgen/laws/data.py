"""Laws to draw training sets from.  Every law knows its own mean and covariance exactly."""

from dataclasses import dataclass
from functools import cache
from typing import Protocol

import numpy as np

from memgen import arrays
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
    """The law N(center·1, diag(eigenvalues)); ValueError unless eigenvalues are positive and finite.

    A diagonal covariance loses nothing, least squares being equivariant under rotations.
    """

    eigenvalues: tuple[float, ...]
    center: float = 0.0

    def __post_init__(self) -> None:
        values = arrays.array("eigenvalues", self.eigenvalues).astype(float)
        if values.ndim != 1 or not values.size or not ((values > 0) & (values < np.inf)).all():
            found = f"{values.min():g}" if values.size else "none"
            raise ValueError(f"eigenvalues must be positive and finite, got {found}")
        object.__setattr__(self, "eigenvalues", tuple(values.tolist()))
        object.__setattr__(self, "center", arrays.number("center", self.center))

    @property
    def mean(self) -> np.ndarray:
        return np.full(len(self.eigenvalues), self.center)

    @property
    def covariance(self) -> np.ndarray:
        return np.diag(self.eigenvalues)

    def sample(self, n: int, rng: np.random.Generator) -> np.ndarray:
        return self.center + np.sqrt(self.eigenvalues) * rng.standard_normal((n, len(self.eigenvalues)))


def isotropic(d: int, sigma: float = 1.0, center: float = 0.0) -> Gaussian:
    """The law N(center·1, σ²I) in d dimensions."""
    return Gaussian((arrays.scale("sigma", sigma) ** 2,) * arrays.count("d", d), center)


def power_law(d: int, exponent: float = 1.0) -> Gaussian:
    """The Gaussian law with eigenvalues ∝ j^{−exponent} of mean 1: natural images have an exponent near 1."""
    with np.errstate(over="ignore", under="ignore"):
        raw = np.arange(1, arrays.count("d", d) + 1) ** -arrays.number("exponent", exponent)
    if not (np.isfinite(raw.sum()) and (raw > 0).all()):
        raise ValueError(f"exponent = {float(exponent):g} is out of range: eigenvalues leave double precision")
    return Gaussian(tuple(raw / raw.mean()))


@dataclass(frozen=True)
class Torus:
    """The uniform law on a product of circles, of variance 1 in each of 2·circles coordinates; the others of d are 0.

    It is a curved manifold of as many dimensions as circles, which spans twice as many.
    """

    circles: int
    d: int

    def __post_init__(self) -> None:
        for name in ("circles", "d"):
            object.__setattr__(self, name, arrays.count(name, getattr(self, name)))
        if self.d < 2 * self.circles:
            raise ValueError(f"d = {self.d} has no room for circles = {self.circles}: each takes two dimensions")

    @property
    def mean(self) -> np.ndarray:
        return np.zeros(self.d)

    @property
    def covariance(self) -> np.ndarray:
        return np.diag((np.arange(self.d) < 2 * self.circles).astype(float))

    def sample(self, n: int, rng: np.random.Generator) -> np.ndarray:
        angle = rng.uniform(0, 2 * np.pi, (n, self.circles))
        plane = np.sqrt(2) * np.stack([np.cos(angle), np.sin(angle)], -1).reshape(n, -1)
        return np.pad(plane, ((0, 0), (0, self.d - plane.shape[1])))


def bartlett(size: int, d: int, degrees: float, rng: np.random.Generator) -> np.ndarray:
    """Lower triangles L (size, d, d), LLᵀ ~ Wishart_d(degrees, I), degrees ≥ d: normals below the diagonal, χ on it."""
    factor = np.tril(rng.standard_normal((size, d, d)), -1)
    factor[:, np.arange(d), np.arange(d)] = np.sqrt(rng.chisquare(degrees - np.arange(d), (size, d)))
    return factor


def sample_spectra(size: int, d: int, degrees: int, rng: np.random.Generator) -> np.ndarray:
    """Eigenvalues (size, d) of W/degrees, W ~ Wishart_d(degrees, I); d − degrees of them are 0 if that is positive."""
    if degrees >= d:
        factor = bartlett(size, d, degrees, rng)
        return np.linalg.eigvalsh(factor @ factor.transpose(0, 2, 1)) / degrees
    x = rng.standard_normal((size, degrees, d))
    found = np.linalg.eigvalsh(x @ x.transpose(0, 2, 1)) / degrees
    return np.concatenate([np.zeros((size, d - degrees)), found], axis=1)


@dataclass(frozen=True)
class Digits:
    """Handwritten digits as a law with known moments: one of 1797 scans, 8×8 (Alpaydin & Kaynak 1998), and a dither.

    A scan is drawn uniformly, and uniform noise is added in each pixel, the dither. With variance 1/12 it lies on [−½,
    ½], which undoes the rounding of grey levels to 0…16. Three pixels never vary: they have the variance of the dither
    and no other.

    `copies` independent digits side by side make one point in 64·copies dimensions with the same spectrum.
    """

    copies: int = 1
    dither: float = 1 / 12  # its variance, in grey levels squared

    def __post_init__(self) -> None:
        object.__setattr__(self, "copies", arrays.count("copies", self.copies))
        object.__setattr__(self, "dither", arrays.positive("dither", self.dither))

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
        """The Gaussian law of mean 0 with the same spectrum."""
        return Gaussian(tuple(np.linalg.eigvalsh(self.covariance)))


@cache
def _scans() -> np.ndarray:
    scans = 16 * pictures("digits").values.astype(float)  # grey levels
    scans.setflags(write=False)
    return scans
