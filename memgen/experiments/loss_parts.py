"""What the loss of random-feature denoisers is made of, by width: a bias, and variances of weights, points and noises.

White data, σ = sin, ridge regression, several dimensions at the same p/d and n/d, so that what is left of d can be
taken away. Chapter 10 reads the stored rows beside `theory.features.features_bias` and its like.
"""

from typing import Annotated, ClassVar, NamedTuple

import numpy as np
import pandas as pd
from pydantic import Field

from memgen.denoisers.features import loss_parts
from memgen.runs.parameters import ChapterParams, Distinct
from memgen.streams import stream

VERSION = 1
ALL = 0  # noises a point: all of them, averaged exactly
_WIDTHS = 0.125, 8.0  # least and most features over points: seven widths, each twice the last, need no rounding


class Params(ChapterParams):
    """Parameters of the experiment; what is None is set by the preset."""

    presets: ClassVar = {
        "smoke": {"dims": (8, 16), "sets": 4, "widths": 3},
        "standard": {"dims": (16, 32, 64), "sets": 6, "widths": 7},
        "paper": {"dims": (32, 64, 128), "sets": 20, "widths": 7},
    }

    dims: Annotated[tuple[Annotated[int, Field(ge=4)], ...], Distinct] | None = Field(None, min_length=1)
    sets: int | None = Field(None, ge=3)
    widths: int | None = Field(None, ge=2)
    noises: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Distinct] = Field((4,), min_length=1)
    samples: float = Field(2.0, gt=0)
    ridge: float = Field(1e-3, gt=0)
    t: float = Field(0.1, gt=0)


class Cell(NamedTuple):
    """p = features·d features on n = samples·d points, with `noises` noises each (0: all of them)."""

    features: float
    samples: float
    noises: int
    ridge: float
    d: int
    t: float
    sets: int
    seed: int


def grid(params: Params) -> list[Cell]:
    """One cell for each number of noises, all of them last, dimension and width; fewer dimensions have more sets."""
    p = params.resolved()
    assert p.dims and p.sets and p.widths
    widths = p.samples * np.geomspace(*_WIDTHS, p.widths)
    return [
        Cell(float(width), p.samples, m, p.ridge, d, p.t, p.sets * max(p.dims) // d, p.seed)
        for m in (*p.noises, ALL)
        for d in p.dims
        for width in widths
    ]


def cell(at: Cell) -> pd.DataFrame:
    """Rows: features, samples, noises, ridge, d, t, replica, part, value.

    A value is without bias, so it may have either sign. `features` and `samples` are p/d and n/d as asked for; p and n
    are rounded.
    """
    p, n = (max(1, round(ratio * at.d)) for ratio in (at.features, at.samples))
    rows = []
    for replica in range(at.sets):
        rng = stream(at.seed, "loss_parts", p, n, at.noises, at.ridge, at.d, at.t, replica)
        found = loss_parts(rng, p, n, at.noises or None, at.d, at.t, at.ridge)
        rows += [(replica, part, value) for part, value in found._asdict().items()]
    about = {k: v for k, v in at._asdict().items() if k not in ("sets", "seed")}
    return pd.DataFrame(rows, columns=["replica", "part", "value"]).assign(**about)[
        [*about, "replica", "part", "value"]
    ]
