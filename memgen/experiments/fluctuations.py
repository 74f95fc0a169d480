"""Simulate how the log-determinant of the generated covariance fluctuates from training set to training set.

Equal variances, n > d: ln det(Σ_G/σ²) is ln det AAᵀ, A = √ρ I + √(1−ρ) Z W^{−1/2}, Z normal, W ~ Wishart_d(n − 1).
Z absorbs rotations, so any L with LLᵀ = W does for W^½: det A is det(√ρ L + √(1−ρ) Z)/det L, one LU factorization.
Chapter 3 reads the stored rows; that least squares on data has the same law is a check of its own.
"""

from typing import Annotated, ClassVar, NamedTuple

import numpy as np
import pandas as pd
from pydantic import Field

from memgen.runs.parameters import ChapterParams, Distinct
from memgen.streams import stream

VERSION = 1
# γ = d/(n−1) and ρ: two places on either side of γ = ρ; d/γ is whole at every d divisible by 4.
PLACES = ((0.25, 0.5), (0.5, 0.8), (0.8, 0.5), (0.8, 0.25))
_SIZES = {"smoke": (16, 32), "standard": (16, 32, 64), "paper": (16, 32, 64, 128, 256, 512)}
_BLOCK = 100  # replicas that share a stream: fewer replicas are the first ones
_WHOLE = 256  # beyond this dimension the replicas are fewer, as 1/d
_NUMBERS = 2_000_000  # that a batch of matrices may hold

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
    return [
        Cell(d, round(d / gamma), rho, max(12, min(p.replicas, p.replicas * _WHOLE // d)), p.seed)
        for gamma, rho in PLACES
        for d in p.sizes
    ]


def cell(at: Cell) -> pd.DataFrame:
    """Rows: d, freedom, rho, replica, value: ln det(Σ_G/σ²) in nats, not per dimension."""
    key = (at.seed, "fluctuations", at.d, at.freedom, at.rho)
    blocks = [logdets(at.d, at.freedom, at.rho, _BLOCK, (*key, b)) for b in range(-(-at.replicas // _BLOCK))]
    value = np.concatenate(blocks)[: at.replicas]
    return pd.DataFrame(
        {"d": at.d, "freedom": at.freedom, "rho": at.rho, "replica": np.arange(at.replicas), "value": value}
    )


def logdets(d: int, freedom: int, rho: float, replicas: int, key: tuple) -> np.ndarray:
    """ln det AAᵀ of independent training sets, (replicas,); W by its Cholesky factor (Bartlett), freedom ≥ d."""
    if freedom < d:
        raise ValueError(f"a determinant other than 0 needs freedom ≥ d, got {freedom} and d = {d}")
    rng = stream(*key)
    found = []
    while replicas > 0:
        many = min(replicas, max(1, _NUMBERS // d**2))
        replicas -= many
        factor = np.tril(rng.standard_normal((many, d, d)), -1)
        diagonal = np.sqrt(rng.chisquare(freedom - np.arange(d), (many, d)))
        factor[:, np.arange(d), np.arange(d)] = diagonal
        mixed = np.sqrt(rho) * factor + np.sqrt(1 - rho) * rng.standard_normal((many, d, d))
        found.append(2 * (np.linalg.slogdet(mixed)[1] - np.log(diagonal).sum(1)))
    return np.concatenate(found)
