"""Which rank does a kernel need to copy?  Part of chapter 10.

Regressions on the tangent kernel of an infinitely wide network, of digits on noised copies of each, are cut to their
leading eigenvectors and make digits.  Digits are of 8×8 pixels, or of 4×4, each a mean of four.
"""

from typing import Annotated, ClassVar, Literal, NamedTuple

import numpy as np
import pandas as pd
import torch
from pydantic import Field

from memgen.denoisers.kernels import Regressions
from memgen.denoisers.levels import karras
from memgen.denoisers.sampling import heun
from memgen.laws.pictures import pictures
from memgen.measures.copies import nearest_ratio
from memgen.runs.parameters import ChapterParams, Distinct
from memgen.streams import stream

VERSION = 1
MADE = 512  # digits made at each rank
WIDTHS = karras(10.0, 0.05, 18)  # of the sampler; nothing is asked at the last, 0
SHARES = (0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0, 1.1, 1.25, 1.5, 1.75)  # rank, by n(d+1)
_SHOWN = 300

Size = Annotated[int, Field(ge=3)]


class Params(ChapterParams):
    """Parameters of the experiment; what is None is set by the preset.

    `pixels` are the d; `noises` is m/d, the copies of a digit over its pixels; n is each of `rows` over m, left out
    below 3.
    """

    presets: ClassVar = {
        "smoke": {"pixels": (16,), "rows": (160,), "replicas": 1},
        "standard": {"pixels": (16,), "rows": (640,), "replicas": 2},
        "paper": {"pixels": (16, 64), "rows": (640, 1280, 2560), "replicas": 3},
    }

    pixels: Annotated[tuple[Literal[16, 64], ...], Distinct] | None = Field(None, min_length=1)
    rows: Annotated[tuple[Size, ...], Distinct] | None = Field(None, min_length=1)
    noises: int = Field(2, ge=2)
    replicas: int | None = Field(None, ge=1)


class Cell(NamedTuple):
    """Regressions on n digits of d pixels, `noises` times d copies of each."""

    d: int
    n: int
    noises: int
    replica: int
    seed: int


def grid(params: Params) -> list[Cell]:
    """All cells."""
    p = params.resolved()
    assert p.pixels and p.rows and p.replicas
    sizes = [(d, rows // (p.noises * d)) for d in p.pixels for rows in p.rows]
    return [Cell(d, n, p.noises, replica, p.seed) for d, n in sizes if n > 2 for replica in range(p.replicas)]


def ranks(n: int, d: int) -> list[int]:
    """The ranks at which digits are made."""
    return sorted({max(1, round(share * n * (d + 1))) for share in SHARES})


def digits(d: int) -> np.ndarray:
    """All digits at d pixels, less the mean of all pixels and over their standard deviation, (1797, d)."""
    values = pictures("digits").values.astype(float)
    if d == 16:
        values = values.reshape(-1, 4, 2, 4, 2).mean((2, 4)).reshape(-1, 16)
    return (values - values.mean()) / values.std()


def cell(at: Cell) -> pd.DataFrame:
    """Rows: d, n, noises, replica, rank, measure, value.

    The measure flagged is the share, of MADE digits, that is less than a third as far from the nearest training digit
    as from the next; eigenvalue is the `rank`-th one of the Gram matrix at the least noise, at _SHOWN ranks.
    """
    rng = stream(at.seed, "truncated", at.d, at.n, at.noises, at.replica)
    x = rng.permutation(digits(at.d))[: at.n]
    noises = rng.standard_normal((len(WIDTHS) - 1, at.n * at.noises * at.d, at.d))
    start = torch.from_numpy(WIDTHS[0] * rng.standard_normal((MADE, at.d)))
    about, fitted, rows = at[:4], Regressions("tangent", x, WIDTHS[:-1], noises), []
    for rank in ranks(at.n, at.d):
        made = heun(fitted.denoiser(rank), start, WIDTHS).numpy()
        rows.append((*about, rank, "flagged", float(np.mean(nearest_ratio(made, x) < 1 / 3))))
    values = fitted.eigenvalues(WIDTHS[-2])
    shown = np.unique(np.geomspace(1, len(values), _SHOWN).round().astype(int))
    rows += [(*about, int(rank), "eigenvalue", float(values[rank - 1])) for rank in shown]
    return pd.DataFrame(rows, columns=["d", "n", "noises", "replica", "rank", "measure", "value"])
