"""Simulate how the log-determinant of the generated covariance fluctuates from training set to training set.

Equal variances, n > d: ln det(Σ_G/σ²) is ln det AAᵀ, A = √ρ I + √(1−ρ) Z W^{−1/2}, Z normal, W ~ Wishart_d(n − 1).
Any S with SᵀS = W does for W^½, and rotations make √ρ S + √(1−ρ) Z one above its diagonal (`logdets`, derived here),
so that a determinant costs 4d numbers. Chapter 3 reads the stored rows; that least squares on data has the same law is
a check of its own.
"""

from typing import Annotated, ClassVar, NamedTuple

import numpy as np
import pandas as pd
from pydantic import Field

from memgen.runs.parameters import ChapterParams, Distinct
from memgen.streams import stream

VERSION = 2
# γ = d/(n−1) and ρ: two places on either side of γ = ρ; d/γ is whole at every d divisible by 4.
PLACES = ((0.25, 0.5), (0.5, 0.8), (0.8, 0.5), (0.8, 0.25))
_SIZES = {"smoke": (16, 32), "standard": (16, 32, 64), "paper": (16, 32, 64, 128, 256, 512)}
_BLOCK = 100  # replicas that share a stream: fewer replicas are the first ones

Size = Annotated[int, Field(ge=4, multiple_of=4)]


class Params(ChapterParams):
    """Parameters of the simulation; the preset sets those that are None."""

    presets: ClassVar = {
        "smoke": {"sizes": _SIZES["smoke"], "replicas": 200},
        "standard": {"sizes": _SIZES["standard"], "replicas": 500},
        "paper": {"sizes": _SIZES["paper"], "replicas": 3000},
    }

    sizes: Annotated[tuple[Size, ...], Distinct] | None = Field(None, min_length=1)
    replicas: int | None = Field(None, ge=12)


class Cell(NamedTuple):
    """One place: `replicas` determinants in d dimensions with `freedom` = n − 1 degrees of freedom, at signal ρ."""

    d: int
    freedom: int
    rho: float
    replicas: int
    seed: int


def grid(params: Params) -> list[Cell]:
    """One cell for each place and dimension."""
    p = params.resolved()
    assert p.sizes is not None and p.replicas is not None
    return [Cell(d, round(d / gamma), rho, p.replicas, p.seed) for gamma, rho in PLACES for d in p.sizes]


def cell(at: Cell) -> pd.DataFrame:
    """Rows: d, freedom, rho, replica, value: ln det(Σ_G/σ²) in nats, not per dimension."""
    key = (at.seed, "fluctuations", at.d, at.freedom, at.rho)
    blocks = [logdets(at.d, at.freedom, at.rho, _BLOCK, (*key, b)) for b in range(-(-at.replicas // _BLOCK))]
    value = np.concatenate(blocks)[: at.replicas]
    return pd.DataFrame(
        {"d": at.d, "freedom": at.freedom, "rho": at.rho, "replica": np.arange(at.replicas), "value": value}
    )


def logdets(d: int, freedom: int, rho: float, replicas: int, key: tuple) -> np.ndarray:
    """ln det AAᵀ of independent training sets, (replicas,), freedom ≥ d; O(d) operations each.

    Rotations from both sides, independent of what they turn, leave a Hessenberg matrix of independent entries: N(0, 1)
    above the diagonal; on it √ρ s_k + √(1−ρ) N(0, 1), where S is triangular with χ of freedom, freedom − d + 1, …,
    freedom − 1 degrees of freedom as diagonal; below it √(1−ρ) χ of d − 1, …, 1. One more rotation a row, from the last
    to the first, makes it triangular, and turns normal numbers above into normal numbers.
    """
    if freedom < d:
        raise ValueError(f"a determinant other than 0 needs freedom ≥ d, got {freedom} and d = {d}")
    rng = stream(*key)
    signal = np.sqrt(rng.chisquare(np.r_[freedom, freedom - np.arange(d - 1, 0, -1)], (replicas, d)))
    below = np.sqrt((1 - rho) * rng.chisquare(np.arange(d - 1, 0, -1), (replicas, d - 1)))
    diagonal = np.sqrt(rho) * signal + np.sqrt(1 - rho) * rng.standard_normal((replicas, d))
    above = rng.standard_normal((replicas, d - 1))  # the entry of each row that its rotation mixes in
    found, last = -np.log(signal).sum(1), diagonal[:, -1]
    for k in range(d - 2, -1, -1):
        length = np.hypot(below[:, k], last)
        found += np.log(length)
        last = (last * diagonal[:, k] - below[:, k] * above[:, k]) / length
    return 2 * (found + np.log(np.abs(last)))
