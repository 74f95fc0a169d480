"""Samplers in few and in many steps beyond the linear model: trained networks, and the exact score of a training set.

Law, training sets and networks are those of `experiments.training`. All samplers are DDIM over the same range of
noise, with different levels in between.
"""

from typing import Annotated, ClassVar, NamedTuple

import numpy as np
import pandas as pd
import torch
from pydantic import Field
from torch import Tensor

from memgen.denoisers.exact import EmpiricalBayes
from memgen.denoisers.mlp import MLP
from memgen.denoisers.sampling import Noise, ddim
from memgen.denoisers.training import Training
from memgen.devices import Device, resolve_device
from memgen.experiments.sampling import ANGLES, BEST, widths
from memgen.experiments.training import BATCH, DEPTH, LEVELS, LR, of_points, point_sets
from memgen.laws.data import power_law
from memgen.runs.parameters import ChapterParams, Distinct
from memgen.streams import stream

VERSION = 1
GENERATED = 256  # points made by each network, of each number of steps and each row of levels
ROWS = ("straight line", "Karras", "geometric", ANGLES, BEST)

Count = Annotated[int, Field(ge=1)]


class Params(ChapterParams):
    """Parameters of the runs; what is None is set by the preset."""

    presets: ClassVar = {
        "smoke": {"sizes": (32,), "steps": (1, 4), "hidden": 32, "training": 100, "replicas": 2},
        "standard": {"sizes": (64,), "steps": (1, 4, 16), "hidden": 64, "training": 1000, "replicas": 2},
        "paper": {
            "sizes": (32, 512),
            "steps": (1, 2, 4, 8, 16, 32, 64),
            "hidden": 256,
            "training": 20_000,
            "replicas": 10,
        },
    }

    device: Device = "cpu"
    d: int = Field(16, ge=2)
    sizes: Annotated[tuple[Annotated[int, Field(ge=2)], ...], Distinct] | None = Field(None, min_length=1)
    steps: Annotated[tuple[Count, ...], Distinct] | None = Field(None, min_length=1)
    hidden: int | None = Field(None, ge=1)
    training: int | None = Field(None, ge=1)
    replicas: int | None = Field(None, ge=1)


class Cell(NamedTuple):
    """Networks trained on sets of one size, and all samplers run on them."""

    d: int
    n: int
    hidden: int
    training: int
    steps: tuple[int, ...]
    replicas: int
    seed: int
    device: str


def grid(params: Params) -> list[Cell]:
    """One cell for each size of the training set."""
    p = params.resolved()
    assert p.sizes and p.steps and p.hidden and p.training and p.replicas
    return [Cell(p.d, n, p.hidden, p.training, p.steps, p.replicas, p.seed, p.device) for n in p.sizes]


def levels(row: str, eigenvalues: tuple[float, ...], steps: int) -> np.ndarray:
    """The widths (steps + 1,) of a sampler: from the widest level of the training down to its narrowest, and then 0."""
    if steps == 1:
        return np.array([LEVELS.high, 0.0])
    return np.append(widths(row, LEVELS.high, LEVELS.low, steps - 1, eigenvalues), 0.0)


def cell(at: Cell) -> pd.DataFrame:
    """Rows: n, generator, levels, steps, replica, points, measure, value.

    Generators `network` and `empirical`, the exact denoiser of the training set, make GENERATED points each; `ideal`
    is as many of the true law (steps 0). Measures are those of `experiments.training.cell`, and `variance`, the mean
    over the eigenvectors of the generated variance over the true one.
    """
    device, law = resolve_device(at.device), power_law(at.d)
    keys, sets = point_sets(at.d, at.n, at.replicas, at.seed)
    model = MLP(at.d, at.replicas, at.hidden, DEPTH, keys=keys).to(device)
    train = torch.from_numpy(np.stack([known["train"] for known in sets]))
    Training(model, train.float(), keys, LEVELS, BATCH, LR).run(at.training)
    empirical = [EmpiricalBayes(points) for points in train]

    def exact(u: Tensor, tau: float) -> Tensor:
        return torch.stack([known.denoise(part, tau) for known, part in zip(empirical, u, strict=True)])

    spectrum = np.array(law.eigenvalues)
    ideal = np.stack([law.sample(GENERATED, stream(*key, "ideal")) for key in keys])
    rows = [_measured(ideal, sets, spectrum).assign(generator="ideal", levels="", steps=0)]
    start = _start(at, torch.from_numpy(spectrum))
    for steps in at.steps:
        for row in ROWS if steps > 1 else ROWS[:1]:
            walked = levels(row, law.eigenvalues, steps)
            made = {
                "network": ddim(model, start.float().to(device), walked).cpu().double().numpy(),
                "empirical": ddim(exact, start, walked).numpy(),
            }
            rows += [
                _measured(points, sets, spectrum).assign(generator=name, levels=row if steps > 1 else "", steps=steps)
                for name, points in made.items()
            ]
    table = pd.concat(rows, ignore_index=True).assign(n=at.n)
    return table[["n", "generator", "levels", "steps", "replica", "points", "measure", "value"]]


def _start(at: Cell, spectrum: Tensor) -> Tensor:
    """Points (replicas, GENERATED, d) of the true noised law at the widest level, from which every sampler starts."""
    names = np.arange(at.replicas * GENERATED).reshape(at.replicas, GENERATED)
    noise = Noise(names, at.seed, "few steps", at.d, at.n)
    blank = torch.zeros(*names.shape, at.d, dtype=torch.float64)
    return torch.sqrt(spectrum + LEVELS.high**2) * noise(LEVELS.high, blank)


def _measured(points: np.ndarray, sets: list[dict[str, np.ndarray]], spectrum: np.ndarray) -> pd.DataFrame:
    shares = (points.var(1, ddof=1) / spectrum).mean(-1)
    variance = pd.DataFrame({"replica": range(len(sets)), "points": "", "measure": "variance", "value": shares})
    return pd.concat([of_points(points, sets).drop(columns="tau"), variance], ignore_index=True)
