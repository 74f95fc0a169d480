"""Samples in the plane: where the exact score of n points takes them, and where a network takes them as it trains.

The law is a spiral: r² uniform between the squares of two radii, the angle linear in r, and normal noise of width
`WIDTH` in both coordinates. All samples start at the same places, drawn from the true noised law at the widest level,
so that what goes wrong is the denoiser's doing.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import Annotated, ClassVar, NamedTuple

import numpy as np
import pandas as pd
import torch
from pydantic import Field
from scipy.optimize import brentq
from torch import Tensor

from memgen.denoisers.exact import EmpiricalBayes
from memgen.denoisers.mlp import MLP
from memgen.denoisers.sampling import heun
from memgen.denoisers.training import Training
from memgen.laws.schedules import LogUniform
from memgen.measures import nearest_ratio
from memgen.runs.parameters import ChapterParams, Distinct
from memgen.streams import stream

VERSION = 1
INNER, OUTER, TURNS, WIDTH = 0.5, 1.6, 1.25, 0.03  # of the spiral: two radii, its turns, the width of its noise
LEVELS = np.append(np.geomspace(1.0, 0.01, 33), 0.0)  # of the noise, at which the samples are seen
_BATCH, _LR, _DEPTH, _AVERAGE = 64, 1e-3, 3, 0.999  # the network sampled is the moving average of its weights

Steps = Annotated[int, Field(ge=1)]


class Params(ChapterParams):
    """Parameters of the sweep; what is None is set by the preset. `steps` are those at which the network is sampled."""

    presets: ClassVar = {
        "smoke": {"n": 12, "samples": 60, "hidden": 32, "steps": (10, 100)},
        "standard": {"n": 32, "samples": 250, "hidden": 128, "steps": (300, 3000)},
        "paper": {"n": 32, "samples": 250, "hidden": 128, "steps": (1000, 5000, 40_000)},
    }

    n: int | None = Field(None, ge=2)
    samples: int | None = Field(None, ge=1)
    hidden: int | None = Field(None, ge=1)
    steps: Annotated[tuple[Steps, ...], Distinct] | None = Field(None, min_length=1)


class Cell(NamedTuple):
    """One training set, and one network sampled at some steps."""

    n: int
    samples: int
    hidden: int
    steps: tuple[int, ...]
    seed: int


def grid(params: Params) -> list[Cell]:
    """The list of the one cell."""
    p = params.resolved()
    assert p.n and p.samples and p.hidden and p.steps
    return [Cell(p.n, p.samples, p.hidden, tuple(sorted(p.steps)), p.seed)]


def cell(at: Cell) -> pd.DataFrame:
    """Rows: generator, step, tau, sample, x, y, the places rounded to 10⁻³.

    Generators `train` (the n points) and `law` (as many new points as there are samples), both with τ = 0; `exact` and
    `network`, at each of `LEVELS`: u = x₀ + τξ on its way, and at τ = 0 the result. `step` is 0 but for the network.
    """
    key = (at.seed, "plane", at.n)
    points = spiral(at.n, stream(*key, "train"))
    rng = stream(*key, "start")
    start = torch.from_numpy(spiral(at.samples, rng) + LEVELS[0] * rng.standard_normal((at.samples, 2)))
    still = {"train": points, "law": spiral(at.samples, stream(*key, "law"))}
    rows = [_rows(name, 0, {0.0: places}) for name, places in still.items()]
    rows.append(_rows("exact", 0, _paths(EmpiricalBayes(points).denoise, start)))
    training = Training(
        MLP(2, 1, at.hidden, _DEPTH, keys=[key]),
        torch.from_numpy(points).float(),
        [key],
        LogUniform(float(LEVELS[-2]), float(LEVELS[0])),
        _BATCH,
        _LR,
        _AVERAGE,
    )
    assert isinstance(training.averaged, MLP)
    for step in at.steps:
        training.run(step - training.step)
        rows.append(_rows("network", step, _paths(training.averaged, start.float())))
    return pd.concat(rows, ignore_index=True)


def radius_and_angle(share: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The radius and the angle of the spiral without noise, at the place within which this share of its law lies."""
    radius = np.sqrt(INNER**2 + (OUTER**2 - INNER**2) * share)
    return radius, 2 * np.pi * TURNS * (radius - INNER) / (OUTER - INNER)


def spiral(size: int, rng: np.random.Generator) -> np.ndarray:
    """Points of the law, (size, 2)."""
    radius, angle = radius_and_angle(rng.random(size))
    curve = np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1)
    return curve + WIDTH * rng.standard_normal((size, 2))


def _paths(denoise: Callable[[Tensor, float], Tensor], start: Tensor) -> dict[float, np.ndarray]:
    """Where the samples are, by τ, on the probability flow."""
    found, u = {float(LEVELS[0]): start.numpy()}, start
    for step in pairwise(LEVELS.tolist()):
        u = heun(denoise, u, step)
        found[step[1]] = u.numpy()
    return found


def _rows(generator: str, step: int, places: dict[float, np.ndarray]) -> pd.DataFrame:
    parts = [
        pd.DataFrame({"generator": generator, "step": step, "tau": tau, "sample": np.arange(len(at)), **_xy(at)})
        for tau, at in places.items()
    ]
    return pd.concat(parts, ignore_index=True)


def _xy(places: np.ndarray) -> dict[str, np.ndarray]:
    return dict(zip("xy", places.astype(np.float32).round(3).T, strict=True))


def copies(rows: pd.DataFrame) -> pd.Series:
    """The share of copies among the results, by (generator, step); that of the law is what new points come to.

    A copy is less than a third as far from the nearest training point as from the next.
    """
    done = rows[rows.tau == 0].groupby(["generator", "step"], sort=False)[["x", "y"]]
    places = {name: part.to_numpy(copy=True) for name, part in done}
    train = places.pop(("train", 0))
    return pd.Series({name: float((nearest_ratio(at, train) < 1 / 3).mean()) for name, at in places.items()})


def own_weight(points: np.ndarray, tau: float) -> float:
    """The mean posterior weight, over points x_i (n, 2) and noise, of x_i given x_i + τξ; Gauss–Hermite quadrature."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(24)
    noise = np.stack(np.meshgrid(nodes, nodes), -1).reshape(-1, 2)
    u = points[:, None] + tau * noise
    own = -(noise**2).sum(1) / 2 - np.log(2 * np.pi * tau**2 * len(points))
    share = torch.exp(torch.from_numpy(own) - EmpiricalBayes(points).log_density(u, tau)).mean(0).numpy()
    return float(share @ np.outer(weights, weights).ravel() / (2 * np.pi))


def collapse_noise(points: np.ndarray) -> float:
    """The noise at which a noised training point's own weight is one half on average; the points must be distinct."""
    return float(np.exp(brentq(lambda log_tau: own_weight(points, np.exp(log_tau)) - 0.5, np.log(1e-4), np.log(10))))
