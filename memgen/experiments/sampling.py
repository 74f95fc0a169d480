"""Samplers in few and in many steps where the outcome is known: linear denoisers, and a mixture of two Gaussians.

Part `laws`: trajectories of each sampler with the denoiser of a known spectrum, ∝ 1/j with mean 1, from its exact
noised law. Part `numbers`: training sets of white data; DDIM with the denoiser that has learnt the sample covariance
generates a Gaussian, whose divergence from the truth is exact for each set. Part `mixture`: DDIM with the denoiser of
½N(m, 1) + ½N(−m, 1), which is a map of the line: the density that it makes is known as well.
"""

from collections.abc import Sequence
from itertools import pairwise, product
from typing import Annotated, ClassVar, Literal, NamedTuple, Self

import numpy as np
import pandas as pd
import torch
from pydantic import Field, field_validator, model_validator

from memgen.denoisers.exact import mixture
from memgen.denoisers.levels import best_levels, equal_angle, spaced
from memgen.denoisers.sampling import Denoiser, Noise, ddim, euler_maruyama, heun
from memgen.laws.data import power_law, sample_spectra
from memgen.runs.parameters import ChapterParams, Distinct
from memgen.streams import stream

VERSION = 1
SAMPLERS = ("DDIM", "DDPM", "Heun", "Euler–Maruyama")
SEPARATIONS = (1.0, 3.0)  # of the mixtures, m/σ
HIGH, LOW = 20.0, 0.05  # noise at the ends of parts laws and mixture


class Row(NamedTuple):
    """Levels whose steps grow as τ^exponent, and their ends in part numbers, beyond which hardly anything counts."""

    exponent: float
    high: float
    low: float


INVERSE, ANGLES, BEST = "equal in 1/τ", "equal angles", "best"
ROWS = {
    "straight line": Row(0.0, 40.0, 0.005),
    "Karras": Row(6 / 7, 80.0, 0.005),
    "geometric": Row(1.0, 100.0, 0.005),
    INVERSE: Row(2.0, 1000.0, 0.05),
}
_BATCHES = 16  # of trajectories, each with its own mean square
_LINE = 12.0, 6001  # how far the line of part mixture reaches, in standard deviations of the noised law; its points
_NEAR = 1e-3  # where the line is densest: starts that will be decided late for a class, in the same units

Count = Annotated[int, Field(ge=2)]
Ratio = Annotated[float, Field(gt=0)]


class Params(ChapterParams):
    """Parameters of the chapter; what is None is set by the preset."""

    presets: ClassVar = {
        "smoke": {"steps": (2, 8), "ratios": (2.0, 0.1), "trajectories": 400, "sets": 300},
        "standard": {"steps": (2, 4, 8, 16, 32), "ratios": (2.0, 0.1, 0.025), "trajectories": 3200, "sets": 400},
        "paper": {
            "steps": (2, 4, 8, 16, 32, 64),
            "ratios": (4.0, 2.0, 0.1, 0.05, 0.025),
            "trajectories": 16_000,
            "sets": 2000,
        },
    }

    d: int = Field(16, ge=2)
    steps: Annotated[tuple[Count, ...], Distinct] | None = Field(None, min_length=2)
    ratios: Annotated[tuple[Ratio, ...], Distinct] | None = Field(None, min_length=1)
    trajectories: int | None = Field(None, ge=2 * _BATCHES)
    sets: int | None = Field(None, ge=2)

    @field_validator("ratios")
    @classmethod
    def _both(cls, ratios: tuple[float, ...] | None) -> tuple[float, ...] | None:
        if ratios and not min(ratios) < 1 < max(ratios):
            raise ValueError("must hold a value below 1 and one above: more points than dimensions, and fewer")
        return ratios

    @model_validator(mode="after")
    def _points(self) -> Self:
        if self.ratios and not round(self.d / max(self.ratios)):
            raise ValueError(
                f"d/n = {max(self.ratios):g} leaves no point in {self.d} dimensions: take less than {2 * self.d}"
            )
        return self


class Cell(NamedTuple):
    """One sampler, on one row of levels, in so many steps; `ratio` is d/n of part numbers, m/σ of part mixture."""

    part: Literal["laws", "numbers", "mixture"]
    sampler: str
    levels: str
    steps: int
    ratio: float
    d: int
    size: int  # number of trajectories, or of training sets
    seed: int


def grid(params: Params) -> list[Cell]:
    """Cells of all samplers at all numbers of steps; of DDIM at all levels, ratios, numbers of steps; the mixture."""
    p = params.resolved()
    assert p.steps and p.ratios and p.trajectories and p.sets
    laws = [Cell("laws", s, "Karras", k, 0.0, p.d, p.trajectories, p.seed) for s, k in product(SAMPLERS, p.steps)]
    sets = [
        Cell("numbers", "DDIM", row, k, ratio, p.d, p.sets, p.seed)
        for row, ratio in product(ROWS, p.ratios)
        for k in numbers(row, ratio)
    ]
    shown = [row for row in (*ROWS, ANGLES) if row != INVERSE]
    return (
        laws
        + sets
        + [Cell("mixture", "DDIM", row, 2 * k, m, 1, 1, p.seed) for m, row, k in product(SEPARATIONS, shown, p.steps)]
    )


def numbers(row: str, ratio: float) -> list[int]:
    """The numbers of steps of part numbers: eight, up to far more than help; none if they would only repeat others."""
    if row == INVERSE:
        least, most = (10 / ratio, 300 / ratio) if ratio < 1 else (0, 0)
    else:
        least, most = (7, 200) if ratio < 1 else (2, 64)
    return np.unique(np.geomspace(least, most, 8).round().astype(int)).tolist() if most else []


def cell(at: Cell) -> pd.DataFrame:
    """Rows: part, sampler, levels, steps, ratio, index, replica, measure, value.

    `variance` (laws): mean square along eigenvector `index` of a batch of trajectories over the exact variance at LOW.
    `kl` (numbers): KL(G‖O)/d of a training set, both laws with the noise of the last level; `kl_limit` the same in the
    limit of many steps. `kl` (mixture): KL(G‖O) along the line through the means, both laws with noise LOW.
    """
    found = {"laws": _laws, "numbers": _numbers, "mixture": _mixture}[at.part](at)
    rows = [
        {"index": k, "replica": r, "measure": measure, "value": float(value)}
        for measure, values in found.items()
        for (r, k), value in np.ndenumerate(values)
    ]
    named = {"part": at.part, "sampler": at.sampler, "levels": at.levels, "steps": at.steps, "ratio": at.ratio}
    table = pd.DataFrame(rows).assign(**named)
    return table[[*named, "index", "replica", "measure", "value"]]


def linear(spectrum: torch.Tensor) -> Denoiser:
    """The denoiser that has learnt these variances, for states (..., d)."""
    return lambda u, tau: spectrum / (spectrum + tau**2) * u


def widths(row: str, high: float, low: float, steps: int, eigenvalues: Sequence[float] = (1.0,)) -> np.ndarray:
    """The levels of a row between these ends, in so many steps.

    The best levels are made for these eigenvalues, the equal angles for the σ of their geometric mean.
    """
    if row == BEST:
        return best_levels(eigenvalues, high, low, steps)
    if row == ANGLES:
        return equal_angle(high, low, steps, float(np.exp(np.log(eigenvalues).mean() / 2)))
    return spaced(high, low, steps, ROWS[row].exponent)


def _laws(at: Cell) -> dict[str, np.ndarray]:
    spectrum = torch.tensor(power_law(at.d).eigenvalues, dtype=torch.float64)
    noise = Noise(range(at.size), at.seed, "sampling", at.sampler, at.steps, at.d)
    start = torch.sqrt(spectrum + HIGH**2) * noise(HIGH, torch.zeros(at.size, at.d, dtype=torch.float64))
    # Noise is drawn by all digits of its level, and the last one of an exponential depends on the processor.
    levels = np.round(widths(at.levels, HIGH, LOW, at.steps), 12)
    if at.sampler == "Euler–Maruyama":
        times = np.round(np.log1p(levels**2) / 2, 12)
        out = euler_maruyama(linear(spectrum), start * np.exp(-times[0]), times, noise) * np.exp(times[-1])
    else:
        run = heun if at.sampler == "Heun" else ddim
        out = run(linear(spectrum), start, levels, float(at.sampler == "DDPM"), noise)
    shares = (out**2 / (spectrum + LOW**2)).numpy()
    return {"variance": np.stack([batch.mean(0) for batch in np.array_split(shares, _BATCHES)])}


def _numbers(at: Cell) -> dict[str, np.ndarray]:
    spectrum = torch.from_numpy(_spectra(at))
    _, high, low = ROWS[at.levels]
    gain = ddim(linear(spectrum), torch.ones_like(spectrum), widths(at.levels, high, low, at.steps))
    exact, truth = spectrum + low**2, 1 + low**2
    found = {"kl": gain.square() * (spectrum + high**2), "kl_limit": exact}
    return {
        name: ((v / truth - 1 - torch.log(v / truth)) / 2).mean(-1, keepdim=True).numpy() for name, v in found.items()
    }


def _spectra(at: Cell) -> np.ndarray:
    """Eigenvalues (sets, d) of sample covariances, the same sets for all numbers of steps.

    N is d/ratio, or (d+1)/ratio where N > d, which leaves less of what the limit of large d leaves out.
    """
    degrees = round((at.d + (at.ratio < 1)) / at.ratio)
    return sample_spectra(at.size, at.d, degrees, stream(at.seed, "sampling sets", at.d, degrees))


def _mixture(at: Cell) -> dict[str, np.ndarray]:
    m, (reach, points) = at.ratio, _LINE
    scale = reach * np.hypot(1, HIGH)
    place = np.linspace(-1, 1, points) * np.arcsinh((m + scale) / _NEAR)
    start = _NEAR * np.sinh(place)
    levels = widths(at.levels, HIGH, LOW, at.steps)
    stretch = np.zeros(points)
    ratios = dict(pairwise(levels.tolist()))

    def denoise(u: torch.Tensor, tau: float) -> torch.Tensor:
        """D; it adds to `stretch` ln of what the step does to distances: κ + (1−κ)D', D' = Var(x_0|u)/τ²."""
        noise = 1 + tau**2
        slope = (1 + tau**2 * m**2 / noise / np.cosh(np.clip(m * u.numpy()[:, 0] / noise, -300, 300)) ** 2) / noise
        keep = ratios[tau] / tau
        stretch[:] += np.log(keep + (1 - keep) * slope)
        return mixture(u, tau, np.array([[m], [-m]]), 1.0)

    out = ddim(denoise, torch.from_numpy(start[:, None]), levels).numpy()[:, 0]
    log_density = _log_mixture(start, m, HIGH)
    gap = log_density - stretch - _log_mixture(out, m, LOW)
    # In `place` the integrand is smooth and vanishes at the ends: there the rule of trapezoids has all its digits.
    return {"kl": np.array([[np.trapezoid(np.exp(log_density) * gap * _NEAR * np.cosh(place), place)]])}


def _log_mixture(u: np.ndarray, m: float, tau: float) -> np.ndarray:
    """ln of the density of ½N(m, 1+τ²) + ½N(−m, 1+τ²)."""
    spread = 1 + tau**2
    places = [-((u - middle) ** 2) / (2 * spread) for middle in (m, -m)]
    return np.logaddexp(*places) - np.log(2) - np.log(2 * np.pi * spread) / 2
