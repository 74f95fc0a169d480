"""At which noise does the exact score of n pictures hold each of them?  Part of chapter 13.

A picture is held if it has more than half of the posterior weight at its own noised copy. Each set has four laws: its
pictures; the Gaussian law of the same mean and covariance; pictures of equal contrast, less their own mean and over
their own standard deviation, the contrast; and the Gaussian law of those, whose draws are given the contrast and the
mean of some picture: a scale mixture.
"""

from functools import cache
from typing import Annotated, ClassVar, Literal, NamedTuple, Self, get_args

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from memgen.errors import BadInput
from memgen.laws.pictures import SETS, pictures
from memgen.measures.held import held_widths
from memgen.runs.parameters import ChapterParams, Distinct
from memgen.streams import stream

VERSION = 1
FLAT = 0.02  # contrast below which a picture is left out of those of equal contrast: grey levels are 1/255 apart
PROBES = 100  # pictures of a training set that are noised and denoised

Law = Literal["pictures", "gaussian", "equal contrast", "scale mixture"]
Size = Annotated[int, Field(ge=2)]


class Params(ChapterParams):
    """Parameters of the experiment; what is None is set by the preset, and so are sizes that a set does not have."""

    presets: ClassVar = {
        "smoke": {"sets": ("digits",), "sizes": (50,), "replicas": 2},
        "standard": {"sets": ("digits",), "sizes": (50, 450), "replicas": 5},
        "paper": {"sets": SETS, "sizes": (50, 150, 450, 1200, 3600), "replicas": 10},
    }

    sets: Annotated[tuple[str, ...], Distinct] | None = Field(None, min_length=1)
    sizes: Annotated[tuple[Size, ...], Distinct] | None = Field(None, min_length=1)
    replicas: int | None = Field(None, ge=2)

    @model_validator(mode="after")
    def _there(self) -> Self:
        """Check before anything runs that the sets can be read and have these sizes."""
        if self.sets or self.sizes:
            grid(self)
        return self


class Cell(NamedTuple):
    """Training sets of n pictures of one law."""

    pictures: str
    law: Law
    n: int
    replicas: int
    seed: int


def grid(params: Params) -> list[Cell]:
    """All cells. BadInput names a set that cannot be used, and a size that is too large for it."""
    p = params.resolved()
    assert p.sets and p.sizes and p.replicas
    cells = []
    for name in p.sets:
        count = int((contrasts(name) > FLAT).sum())
        sizes = [n for n in p.sizes if n <= count]
        if not sizes or (params.sizes is not None and len(sizes) < len(p.sizes)):
            raise BadInput(f"{name}: n = {max(p.sizes)} is more than its {count} pictures that are not flat")
        cells += [Cell(name, law, n, p.replicas, p.seed) for law in get_args(Law) for n in sizes]
    return cells


def cell(at: Cell) -> pd.DataFrame:
    """Rows: pictures, law, n, replica, contrast, width; one for each of PROBES points of each training set.

    `width` is the noise below which the point is held, `contrast` that of the picture, in pixel values; NaN where the
    law has none (gaussian).
    """
    rows = []
    for replica in range(at.replicas):
        rng = stream(at.seed, "exposure", at.pictures, at.law, at.n, replica)
        x, contrast = _drawn(at, rng)
        own = np.arange(min(at.n, PROBES))
        widths = held_widths(x, own, rng.standard_normal((len(own), x.shape[1])))
        seen = pd.DataFrame({"contrast": contrast[own], "width": widths}, dtype=np.float32)
        rows.append(seen.assign(replica=replica))
    table = pd.concat(rows, ignore_index=True)
    return table.assign(pictures=at.pictures, law=at.law, n=at.n)[
        ["pictures", "law", "n", "replica", "contrast", "width"]
    ]


def _drawn(at: Cell, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A training set (n, d) and the contrast of each point."""
    found = law(at.pictures)
    if at.law == "gaussian":
        return found.mean + rng.standard_normal((at.n, len(found.root))) @ found.root, np.full(at.n, np.nan)
    chosen = rng.permutation(len(found.equal) if at.law == "equal contrast" else len(found.values))[: at.n]
    if at.law == "equal contrast":
        return found.equal[chosen], np.ones(at.n)
    if at.law == "pictures":
        return found.values[chosen], found.contrast[chosen]
    drawn = found.equal_mean + rng.standard_normal((at.n, len(found.root))) @ found.equal_root
    contrast = found.contrast[chosen]
    return found.level[chosen, None] + contrast[:, None] * drawn, contrast


class Described(NamedTuple):
    """A set of pictures `values` (N, d), and what its laws are made of.

    `level` and `contrast` are the mean and the standard deviation of each picture's pixels; `equal` has the pictures
    that are not flat, at equal contrast. `mean`, `root` (R with RᵀR the covariance) and `eigenvalues`, those that are 0
    left out, are of all pictures; those named equal_ are of `equal`.
    """

    values: np.ndarray
    level: np.ndarray
    contrast: np.ndarray
    equal: np.ndarray
    mean: np.ndarray
    root: np.ndarray
    equal_mean: np.ndarray
    equal_root: np.ndarray
    eigenvalues: np.ndarray
    equal_eigenvalues: np.ndarray


def contrasts(name: str) -> np.ndarray:
    """The standard deviation of each picture's pixels, (N,)."""
    found: np.ndarray = pictures(name).values.std(1, dtype=float)
    return found


@cache
def law(name: str) -> Described:
    """The set of that name, with what its laws are made of."""
    values, contrast = pictures(name).values.astype(float), contrasts(name)
    level, kept = values.mean(1), contrast > FLAT
    equal = (values[kept] - level[kept, None]) / contrast[kept, None]
    (root, eigenvalues), (equal_root, equal_eigenvalues) = (_root(x) for x in (values, equal))
    means = values.mean(0), equal.mean(0)
    return Described(
        values, level, contrast, equal, means[0], root, means[1], equal_root, eigenvalues, equal_eigenvalues
    )


def _root(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    values, vectors = np.linalg.eigh(np.cov(x, rowvar=False))
    kept = values > values[-1] * len(values) * np.finfo(float).eps
    return np.sqrt(values.clip(0))[:, None] * vectors.T, values[kept][::-1]
