"""Random-feature denoisers in training: losses by width, noises a point and training time, and the rates behind them.

Part `width`: losses against the number of features, at an early and at a late time. Part `time`: losses in the course
of training, all noises seen. Part `spectrum`: the eigenvalues of the features' covariance on the training set, which
are the rates of training. Part `kernel`: eigenvalues of the Gram matrix for infinitely many features, σ = erf, with m
noises a point. Data are white, σ = sin in the other parts, in several dimensions at the same p/d and n/d, so that what
is left of d can be taken away. Networks beside their linearisation are another experiment, `lazy`.
"""

from itertools import pairwise
from typing import Annotated, ClassVar, Literal, NamedTuple

import numpy as np
import pandas as pd
from pydantic import Field

from memgen.denoisers.features import SineFeatures, unit_rows
from memgen.denoisers.kernels import gram, noised_copies
from memgen.measures import nearest_ratio
from memgen.runs.parameters import ChapterParams, Distinct
from memgen.streams import stream

VERSION = 1
ALL = 0  # noises a point: all of them, averaged exactly
EARLY, LATE = 5.0, 1e3  # training times at which widths are compared, the first in units of d/p
TIMES = np.geomspace(1e-3, 1e5, 33)
BINS = np.geomspace(1e-2, 1e2, 33)  # of eigenvalues
SAMPLES = 2.0  # n/d in part width
WIDE = 16.0  # p/d in part time
_SPECTRUM = (8.0, 3.0)  # p/d and n/d in part spectrum
KERNEL = (8.0, 4)  # n/d and m in part kernel, of an infinitely wide network with σ = erf
RATES = np.geomspace(3e-3, 30, 41)  # eigenvalues of its Gram matrix

Part = Literal["width", "time", "spectrum", "kernel"]
Count = Annotated[int, Field(ge=1)]


class Params(ChapterParams):
    """Parameters of the chapter; what is None is set by the preset."""

    presets: ClassVar = {
        "smoke": {"dims": (8, 16, 24), "sets": 3, "widths": 3, "samples": (1.0, 4.0)},
        "standard": {"dims": (12, 24, 48), "sets": 3, "widths": 7, "samples": (1.0, 2.0, 4.0)},
        "paper": {"dims": (16, 32, 64), "sets": 40, "widths": 14, "samples": (0.5, 1.0, 2.0, 4.0, 8.0)},
    }

    dims: Annotated[tuple[Annotated[int, Field(ge=4)], ...], Distinct] | None = Field(None, min_length=1)
    t: float = Field(0.1, gt=0)
    noises: Annotated[tuple[Count, ...], Distinct] = Field((1, 2, 8), min_length=1)
    sets: int | None = Field(None, ge=3)
    widths: int | None = Field(None, ge=2)
    samples: Annotated[tuple[Annotated[float, Field(gt=0)], ...], Distinct] | None = Field(None, min_length=1)


class Cell(NamedTuple):
    """p = features·d features (0: infinitely many) on n = samples·d points, with `noises` noises each (0: all)."""

    part: Part
    features: float
    samples: float
    noises: int
    d: int
    t: float
    sets: int
    seed: int


def grid(params: Params) -> list[Cell]:
    """Cells of all parts; widths are 0.3 to 8 times the points, and the fewer dimensions, the more sets."""
    p = params.resolved()
    assert p.dims and p.sets and p.widths and p.samples
    found, most = [], max(p.dims)
    for d in p.dims:
        rest = (d, p.t, p.sets * most // d, p.seed)
        widths = SAMPLES * np.geomspace(0.3, 8, p.widths)
        found += [Cell("width", float(width), SAMPLES, m, *rest) for m in (*p.noises, ALL) for width in widths]
        found += [Cell("time", WIDE, samples, ALL, *rest) for samples in p.samples]
        found += [Cell("kernel", ALL, *KERNEL, d, p.t, p.sets * most // d, p.seed)]
    return [*found, Cell("spectrum", *_SPECTRUM, ALL, most, p.t, p.sets, p.seed)]


def cell(at: Cell) -> pd.DataFrame:
    """Rows: part, features, samples, noises, d, t, replica, at, measure, value; each replica has weights and points.

    `features` and `samples` are p/d and n/d as asked for; p and n are rounded.

    - `train`, `test` (width, time): losses E|ξ − ξ̂|²/d of gradient flow from 0 at the training time `at`; EARLY is in
      units of d/p.
    - `below` (spectrum, kernel): the share of eigenvalues of U, or of the Gram matrix, below `at`.
    """
    rows = []
    p, n = (max(1, round(ratio * at.d)) for ratio in (at.features, at.samples))
    for replica in range(at.sets):
        rng = stream(at.seed, "features", at.part, p, n, at.noises, at.d, at.t, replica)
        if at.part == "kernel":
            found = {"below": _below(gram("arcsine", noised_copies(rng, n, at.noises, at.d, at.t)), RATES)}
        else:
            weights, points = unit_rows(rng, p, at.d), rng.standard_normal((n, at.d))
            model = SineFeatures(weights, points, at.t, at.noises or None, rng)
            if at.part == "spectrum":
                found = {"below": _below(model.gram, BINS)}
            else:
                named = TIMES if at.part == "time" else np.array([EARLY, LATE])
                times = TIMES if at.part == "time" else np.array([EARLY / at.features, LATE])
                found = {name: (named, values) for name, values in model.flow(times)._asdict().items()}
        rows += [
            pd.DataFrame({"replica": replica, "at": where, "measure": name, "value": values})
            for name, (where, values) in found.items()
        ]
    about = {"part": at.part, "features": at.features, "samples": at.samples, "noises": at.noises, "d": at.d, "t": at.t}
    return pd.concat(rows, ignore_index=True).assign(**about)[[*about, "replica", "at", "measure", "value"]]


def _below(matrix: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The places `at`, and the share of the matrix's eigenvalues below each."""
    return at, (np.linalg.eigvalsh(matrix) < at[:, None]).mean(1)


def sampled_by_regression(d: int, n: int, p: int, count: int = 256) -> tuple[float, float]:
    """The share of copies, and the variance, among points generated by feature regressions at each of forty times.

    The regressions are trained to the end. A copy is less than a third as far from its nearest training point as from
    the next.
    """
    rng = stream("regressions that generate", d, n, p)
    weights, x, made = unit_rows(rng, p, d), rng.standard_normal((n, d)), rng.standard_normal((count, d))
    times = np.geomspace(3, 1e-3, 40)
    for now, then in pairwise(times):
        fitted = SineFeatures(weights, x, now).fitted(1e-10)
        xi = np.sin(made @ weights.T / np.sqrt(d)) @ fitted
        clean = (made - np.sqrt(-np.expm1(-2 * now)) * xi) * np.exp(now)
        made = np.exp(-then) * clean + np.sqrt(-np.expm1(-2 * then)) * xi
    return float((nearest_ratio(made, x) < 1 / 3).mean()), float(made.var())
