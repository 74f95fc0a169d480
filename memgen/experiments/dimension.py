"""Ambient or intrinsic dimension: denoisers of data that fill a part of their space, by the number of noises a point.

Part `noises`: linear denoisers of white data on a subspace. Part `pictures`: linear denoisers of real pictures, drawn
with replacement, so that their covariance is known. Part `subspace`: the law generated in one step, or in many, along
the subspace. Part `mixture`: the law of many steps where the data are two Gaussians. Part `torus`: a curved manifold,
with linear denoisers and the exact score of the training set. Part `held`: the noise at which that score keeps its
points.
"""

from itertools import product
from typing import Annotated, ClassVar, Literal, NamedTuple, Self

import numpy as np
import pandas as pd
import torch
from pydantic import Field, field_validator, model_validator

from memgen.denoisers.exact import EmpiricalBayes, torus
from memgen.denoisers.linear import noised_slopes, slope_error
from memgen.laws.data import Torus
from memgen.laws.pictures import pictures
from memgen.measures.held import held_widths
from memgen.runs.parameters import ChapterParams, Distinct
from memgen.streams import stream

VERSION = 1
PICTURES = ("digits", "patches8", "mnist16")
ALL = 1000  # noises a point, as good as all of them
CIRCLES = (1, 2, 4)
TAU = 0.7  # the usual noise
SEPARATIONS = (0.0, 2.0, 4.0)  # half the distance of the means, in standard deviations of a class
EXACT = "exact score"
_PEAK = (0.25, 0.5, 0.75, 1.25, 1.5, 2.0, 3.0, 4.0, 8.0, 16.0, 32.0)  # noised points to a dimension, n·m/d
_FRESH = 1000  # points on which a law or a denoiser without a closed form is tried
_NOISED = 32  # training points that are noised in part held

Part = Literal["noises", "pictures", "subspace", "mixture", "torus", "held"]
Count = Annotated[int, Field(ge=1)]


class Params(ChapterParams):
    """Parameters of the chapter; what is None is set by the preset."""

    presets: ClassVar = {
        "smoke": {"sets": 6, "sizes": 3},
        "standard": {"sets": 24, "sizes": 4},
        "paper": {"sets": 200, "sizes": 9},
    }

    d: int = Field(64, ge=8)
    D: int = Field(8, ge=2)
    tau: float = Field(TAU, gt=0)
    noises: Annotated[tuple[Count, ...], Distinct] = Field((1, 2, 4, 16), min_length=1)
    sets: int | None = Field(None, ge=3)
    sizes: int | None = Field(None, ge=2)

    @field_validator("noises")
    @classmethod
    def _once(cls, noises: tuple[int, ...]) -> tuple[int, ...]:
        if 1 not in noises:
            raise ValueError("must hold 1: the others are held against one noise a point")
        return noises

    @model_validator(mode="after")
    def _room(self) -> Self:
        if self.D >= self.d:
            raise ValueError(f"D = {self.D} must be smaller than d = {self.d}: data fill a part of their space")
        return self


class Cell(NamedTuple):
    """One part at n training points, each noised `noises` times; `at` is a set of pictures, or what a part needs."""

    part: Part
    at: str
    n: int
    noises: int
    d: int
    D: int
    tau: float
    sets: int
    seed: int


def grid(params: Params) -> list[Cell]:
    """Cells of all parts, at numbers of points around the peaks that the denoisers' errors have."""
    p = params.resolved()
    assert p.sets and p.sizes

    def cells(part: Part, at: str, sizes: list[int], noises: int, d: int, sets: int, D: int = p.D) -> list[Cell]:
        return [Cell(part, at, n, noises, d, D, p.tau, sets, p.seed) for n in sizes]

    found = []
    for m in p.noises:
        sizes = sorted({round(ratio * p.d / m) for ratio in _PEAK if ratio * p.d / m >= 3})
        found += cells("noises", "", sizes, m, p.d, p.sets)
    few = max(8, p.sets // 4)
    for name, m in product(PICTURES, (1, 4, ALL)):
        d = pictures(name).values.shape[1]
        found += cells("pictures", name, _between(1.5 * d, 12 * d, p.sizes), m, d, few, d)
    near = [round(share * p.d) for share in (0.25, 0.5, 0.75)]
    along = near + _between(1.25 * p.d, 8 * p.d, p.sizes)
    found += cells("subspace", "one step", along, 1, p.d, p.sets)
    found += cells("subspace", "many steps", along, 1, p.d, p.sets)
    for separation in SEPARATIONS:
        found += cells("mixture", f"{separation:g}", _between(3 * p.D, 64 * p.D, p.sizes), 1, p.D, p.sets)
    for way in (*map(str, p.noises), EXACT):
        m = 1 if way == EXACT else int(way)
        found += cells("torus", way, _between(max(96, 1.5 * p.d / m), 4096, p.sizes), m, p.d, few, 2)
    for circles in CIRCLES:
        found += cells("held", str(circles), _between(64, 4096, p.sizes), 1, p.d, few, circles)
    return found


def _between(low: float, high: float, count: int) -> list[int]:
    return np.unique(np.geomspace(low, high, count).round().astype(int)).tolist()


def cell(at: Cell) -> pd.DataFrame:
    """Rows: part, at, n, noises, d, D, replica, measure, value; a replica is a training set.

    - `error` (noises, pictures): that of the denoiser at fresh points, their mean known, over the best linear one's.
    - `kl` (subspace): KL(G‖O)/D along the subspace; in one step G has the mean of the data.
    - `kl_reverse` (mixture): KL(O‖G) in nats, over fresh points.
    - `excess` (torus): E|D − D*|² at fresh points over E|D* − x|², D* the posterior mean.
    - `held` (held): the noise at which a training point has half of the posterior weight, a geometric mean.
    """
    work = {
        "noises": _noises,
        "pictures": _pictures,
        "subspace": _subspace,
        "mixture": _mixture,
        "torus": _torus,
        "held": _held,
    }
    measure, values = work[at.part](at)
    named = at._asdict()
    about = {name: named[name] for name in ("part", "at", "n", "noises", "d", "D")}
    return pd.DataFrame({**about, "replica": range(len(values)), "measure": measure, "value": values})


def spectrum(name: str) -> np.ndarray:
    """Eigenvalues of the covariance of a set of pictures, over their mean; those that are 0 up to rounding are 0."""
    values = np.linalg.eigvalsh(_covariance(name))
    return np.where(values > 1e-12 * values.max(), values, 0.0) / values.mean()


def _covariance(name: str) -> np.ndarray:
    return np.cov(pictures(name).values.astype(float), rowvar=False, bias=True)


def _stream(at: Cell, *more: object) -> np.random.Generator:
    return stream(at.seed, "dimension", at.part, at.at, at.n, at.noises, at.d, at.D, *more)


def _best(eigenvalues: np.ndarray, tau: float) -> float:
    """The error of the best linear denoiser, summed over dimensions."""
    return float((eigenvalues * tau**2 / (eigenvalues + tau**2)).sum())


def _noises(at: Cell) -> tuple[str, np.ndarray]:
    filled = np.arange(at.d) < at.D
    rng = _stream(at)
    x = torch.from_numpy(rng.standard_normal((at.sets, at.n, at.d)) * filled)
    slope = noised_slopes(x, at.tau, at.noises, rng)
    error = slope_error(slope, torch.diag(torch.from_numpy(filled.astype(float))), at.tau)
    return "error", error.numpy() / _best(filled.astype(float), at.tau)


def _pictures(at: Cell) -> tuple[str, np.ndarray]:
    values = pictures(at.at).values.astype(float)
    covariance = _covariance(at.at)
    eigenvalues = np.linalg.eigvalsh(covariance).clip(0)
    tau = at.tau * eigenvalues.mean() ** 0.5
    found = []
    for replica in range(at.sets):
        rng = _stream(at, replica)
        x = torch.from_numpy(values[rng.integers(len(values), size=at.n)])
        slope = noised_slopes(x, tau, at.noises, rng)
        found.append(float(slope_error(slope, torch.from_numpy(covariance), tau)))
    return "error", np.array(found) / _best(eigenvalues, tau)


def _subspace(at: Cell) -> tuple[str, np.ndarray]:
    rng = _stream(at)
    held = rng.standard_normal((at.sets, at.n, at.D))
    if at.at == "many steps":
        if at.n <= at.D:
            return "kl", np.full(at.sets, np.inf)
        mean = held.mean(1, keepdims=True)
        generated = (held - mean).transpose(0, 2, 1) @ (held - mean) / (at.n - 1)
        away = (mean**2).sum((1, 2))
    else:
        x = np.pad(held, ((0, 0), (0, 0), (0, at.d - at.D)))
        slope = noised_slopes(torch.from_numpy(x), at.tau, 1, rng).numpy()[:, : at.D]
        late = at.tau**2 + (np.arange(at.d) < at.D)
        generated, away = slope * late @ slope.transpose(0, 2, 1), 0.0
    trace = np.trace(generated, axis1=1, axis2=2)
    return "kl", (trace + away - at.D - np.linalg.slogdet(generated)[1]) / (2 * at.D)


def _mixture(at: Cell) -> tuple[str, np.ndarray]:
    middle = np.zeros(at.d)
    middle[0] = float(at.at)
    found = []
    for replica in range(at.sets):
        rng = _stream(at, replica)
        sign = np.where(rng.random(at.n + _FRESH) < 0.5, 1.0, -1.0)
        points = rng.standard_normal((at.n + _FRESH, at.d)) + sign[:, None] * middle
        x, fresh = points[: at.n], points[at.n :]
        # Across the classes both laws are Gaussians, and ln O − ln G is a quadratic form less ln cosh.
        mean, sample = x.mean(0), np.cov(x, rowvar=False)
        away = fresh - mean
        log_g = -((np.linalg.solve(sample, away.T).T * away).sum(1) + np.linalg.slogdet(sample)[1]) / 2
        along = fresh @ middle
        log_o = -((fresh**2).sum(1) + middle @ middle) / 2 + np.logaddexp(along, -along) - np.log(2)
        found.append(float((log_o - log_g).mean()))
    return "kl_reverse", np.array(found)


def _torus(at: Cell) -> tuple[str, np.ndarray]:
    law = Torus(at.D, at.d)
    found = []
    for replica in range(at.sets):
        rng = _stream(at, replica)
        x, fresh = law.sample(at.n, rng), law.sample(_FRESH, rng)
        u = torch.from_numpy(fresh + at.tau * rng.standard_normal(fresh.shape))
        best = torus(u, at.tau, at.D)
        if at.at == EXACT:
            found_there = EmpiricalBayes(x).denoise(u, at.tau)
        else:
            found_there = u @ noised_slopes(x, at.tau, at.noises, rng).mT
        excess = (found_there - best).square().sum() / (best - torch.from_numpy(fresh)).square().sum()
        found.append(float(excess))
    return "excess", np.array(found)


def _held(at: Cell) -> tuple[str, np.ndarray]:
    law = Torus(at.D, at.d)
    found = []
    for replica in range(at.sets):
        rng = _stream(at, replica)
        x = law.sample(at.n, rng)
        xi = rng.standard_normal((_NOISED, at.d))
        found.append(float(np.exp(np.log(held_widths(x, np.arange(_NOISED), xi)).mean())))
    return "held", np.array(found)
