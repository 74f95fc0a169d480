"""The criteria of chapter 6 that need samples alone, on networks: part of that chapter, whose notebook reads the rows.

Each run trains two small networks on separate sets of n points of N(0, I) and generates from both with the same noise.
"""

from typing import Annotated, ClassVar, NamedTuple

import numpy as np
import pandas as pd
import torch
from pydantic import Field
from scipy.special import logsumexp

from memgen.denoisers.levels import equal_angle
from memgen.denoisers.mlp import MLP
from memgen.denoisers.sampling import ddim
from memgen.denoisers.training import Training
from memgen.devices import Device, resolve_device
from memgen.experiments.criteria import copies
from memgen.laws.schedules import LogUniform
from memgen.measures.copies import Neighbours
from memgen.measures.membership import auc
from memgen.runs.parameters import ChapterParams, Distinct
from memgen.streams import stream

VERSION = 1
_HIDDEN, _DEPTH, _BATCH, _LR = 128, 3, 64, 1e-3
_LOW, _HIGH, _SAMPLING = 0.02, 20.0, 40  # noise, and steps from the largest to the smallest when sampling


class Params(ChapterParams):
    """Parameters of the simulation; the preset sets those that are None."""

    presets: ClassVar = {
        "smoke": {"sizes": (8,), "pairs": 2, "steps": 100, "generated": 100},
        "standard": {"sizes": (8, 64), "pairs": 3, "steps": 300, "generated": 500},
        "paper": {"sizes": (8, 16, 32, 64, 128, 256, 512), "pairs": 4, "steps": 4000, "generated": 1000},
    }

    device: Device = "cpu"
    d: int = Field(16, ge=2)
    sizes: Annotated[tuple[Annotated[int, Field(ge=3)], ...], Distinct] | None = Field(None, min_length=1)
    pairs: int | None = Field(None, ge=2)
    steps: int | None = Field(None, ge=1)
    generated: int | None = Field(None, ge=20)


class Cell(NamedTuple):
    """Pairs of networks, each trained for `steps` steps on n points of its own in d dimensions."""

    d: int
    n: int
    pairs: int
    steps: int
    generated: int
    seed: int
    device: str = "cpu"


def grid(params: Params) -> list[Cell]:
    """One cell for each number of points."""
    p = params.resolved()
    assert p.sizes and p.pairs and p.steps and p.generated
    return [Cell(p.d, n, p.pairs, p.steps, p.generated, p.seed, p.device) for n in p.sizes]


def cell(at: Cell) -> pd.DataFrame:
    """Rows: d, n, replica, measure, value; the measures are those of `criteria` that need samples alone.

    overlap_gap takes the mean over generated points for the density of G.
    """
    keys = [(at.seed, "trained", at.d, at.n, pair, half) for pair in range(at.pairs) for half in (0, 1)]
    train = np.stack([stream(*key, "train").standard_normal((at.n, at.d)) for key in keys])
    device = resolve_device(at.device)
    model = MLP(at.d, len(keys), _HIDDEN, _DEPTH, keys=keys).to(device)
    Training(model, torch.from_numpy(train).float(), keys, LogUniform(_LOW, _HIGH), _BATCH, _LR).run(at.steps)
    noise = np.stack([stream(*key[:-1], "noise").standard_normal((at.generated, at.d)) for key in keys])
    start = _HIGH * torch.from_numpy(noise).float().to(device)
    made = ddim(model, start, equal_angle(_HIGH, _LOW, _SAMPLING)).double().cpu().numpy()
    rows = []
    for pair in range(at.pairs):
        rng = stream(*keys[2 * pair][:-1], "fresh")
        holdout, fresh = (rng.standard_normal((size, at.d)) for size in (at.n, at.generated))
        found = _measured(train[2 * pair], holdout, fresh, *made[2 * pair : 2 * pair + 2])
        rows += [{"replica": pair, "measure": name, "value": float(value)} for name, value in found.items()]
    return pd.DataFrame(rows).assign(d=at.d, n=at.n)


def _measured(
    train: np.ndarray, holdout: np.ndarray, fresh: np.ndarray, generated: np.ndarray, other: np.ndarray
) -> dict[str, float]:
    n, d = train.shape
    near, perfect = Neighbours(generated, train, holdout), Neighbours(fresh, train)
    found = copies(near) | {"authenticity_null": perfect.authenticity() / 100}
    found["nearness"] = auc(perfect.to_train[0][:, 0], near.to_train[0][:, 0])
    records = train[near.to_train[1][:, 0]]
    found["model_similarity"] = (generated * other).sum(1).mean() / d
    found["record_similarity"] = (generated * records).sum(1).mean() / d
    width2 = float(n) ** (-2 / d)
    ours, theirs = (logsumexp(-_squares(generated, x) / (2 * width2)) for x in (train, holdout))
    return found | {"overlap_gap": theirs - ours}


def _squares(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return (x**2).sum(1)[:, None] + (y**2).sum(1) - 2 * x @ y.T
