"""The kernel estimate of a point set, simulated: its neighbours, its squared error, and generators between T and O."""

from typing import Annotated, ClassVar, Literal, NamedTuple

import numpy as np
import pandas as pd
from pydantic import Field, field_validator
from scipy.spatial.distance import cdist
from scipy.special import logsumexp

from memgen.runs.parameters import ChapterParams, Distinct
from memgen.streams import stream

VERSION = 1
SHARES = (0.0, 0.15, 0.3, 0.45, 0.55, 0.7, 0.85, 1.0)  # of the last generator in the mixture with the first
BLUR = 2.0  # σ of the noise that a blurred sampler adds
SHARP = 0.6  # width of a sharp copier's kernels, by the width of the estimate
_SUBSPACES = ((64, 8), (64, 16))  # d, D

Study = Literal["neighbours", "error", "path"]
Scenario = Literal["copier to ideal", "copier to blurred", "sharp copier to ideal"]
SCENARIOS: tuple[Scenario, ...] = ("copier to ideal", "copier to blurred", "sharp copier to ideal")
Row = dict[str, float | str]
Dimension = Annotated[int, Field(ge=1)]
Size = Annotated[int, Field(ge=2)]


class Params(ChapterParams):
    """Parameters of the chapter; what is None is set by the preset.

    Errors are simulated in the first two dimensions, paths in the first at path_size, the neighbours' weight in all.
    """

    presets: ClassVar = {
        "smoke": {"replicas": 40, "sizes": (8, 64)},
        "standard": {"replicas": 200, "sizes": (8, 32, 128, 512, 2048)},
        "paper": {"replicas": 2000, "sizes": (8, 32, 128, 512, 2048)},
    }

    dims: Annotated[tuple[Dimension, ...], Distinct] = Field((4, 16, 64), min_length=1)
    sizes: Annotated[tuple[Size, ...], Distinct] | None = Field(None, min_length=2)
    path_size: Size = 64
    replicas: int | None = Field(None, ge=20)

    @field_validator("dims")
    @classmethod
    def _sampled(cls, dims: tuple[int, ...]) -> tuple[int, ...]:
        if max(dims[:2]) > 16:
            raise ValueError("the first two may be 16 at most: above, pairs too rare to be drawn dominate a mean error")
        return dims


class Cell(NamedTuple):
    """One point of the grid: n points of N(0, I) in D of d dimensions."""

    study: Study
    scenario: str
    d: int
    intrinsic: int
    n: int
    replicas: int
    seed: int


def grid(params: Params) -> list[Cell]:
    """All cells of the chapter."""
    p = params.resolved()
    assert p.replicas is not None and p.sizes is not None
    rest = (p.replicas, p.seed)
    near = [
        Cell("neighbours", "", d, D, n, *rest) for d, D in [*((d, d) for d in p.dims), *_SUBSPACES] for n in p.sizes
    ]
    errors = [Cell("error", "", d, d, n, max(20, p.replicas // 4), p.seed) for d in p.dims[:2] for n in p.sizes]
    paths = [Cell("path", name, p.dims[0], p.dims[0], p.path_size, *rest) for name in SCENARIOS]
    return near + errors + paths


def cell(point: Cell) -> pd.DataFrame:
    """Rows: study, scenario, d, intrinsic, n, replica, share, measure, value.

    `neighbours`: log_ratio, ln Z_{1^c}/Z_1 at x_1 + εz. `error`: seed_width and best_width, ‖ρ_T − O‖² at these widths.
    `path`: train, holdout and original, squared distances of a generator to both sets' estimates and to the true law.
    All are in units of ‖O‖² = (4π)^{−d/2}.
    """
    rows = []
    for replica in range(point.replicas):
        rng = stream(point.seed, "kernel", point.study, point.d, point.intrinsic, point.n, replica)
        rows += [row | {"replica": replica} for row in _MEASURE[point.study](point, rng)]
    about = {"study": point.study, "scenario": point.scenario, "d": point.d, "intrinsic": point.intrinsic, "n": point.n}
    return pd.DataFrame(rows).assign(**about)


def _neighbours(point: Cell, rng: np.random.Generator) -> list[Row]:
    """The log_ratio of `cell`, simulated in the subspace of the data: off it all terms have the same factor."""
    width = point.n ** (-1 / point.d)
    x, z = rng.standard_normal((point.n, point.intrinsic)), rng.standard_normal(point.intrinsic)
    others = ((x[1:] - (x[0] + width * z)) ** 2).sum(1)
    return _rows(log_ratio=logsumexp(-others / (2 * width**2)) + z @ z / 2)


def _error(point: Cell, rng: np.random.Generator) -> list[Row]:
    n, d = point.n, point.d
    x = rng.standard_normal((n, d))
    best = (4 / (n * (d + 2))) ** (1 / (d + 4))
    pairs2, centre2 = cdist(x, x, "sqeuclidean"), (x**2).sum(1)

    def error(width: float) -> float:
        return float(_overlap(pairs2, 2 * width**2, d) - 2 * _overlap(centre2, 1 + width**2, d) + 1)

    return _rows(seed_width=error(n ** (-1 / d)), best_width=error(best))


def _path(point: Cell, rng: np.random.Generator) -> list[Row]:
    """Squared distances of G = (1 − s)·first + s·last to three laws: quadratic in s, hence from overlaps alone."""
    n, d = point.n, point.d
    train, holdout = rng.standard_normal((2, n, d))
    width2 = n ** (-2 / d)
    place = np.zeros((1, d))
    laws = {  # centres of equal weight and the variance about each
        "train": (train, width2),
        "holdout": (holdout, width2),
        "original": (place, 1.0),
        "copier": (train, width2),
        "sharp copier": (train, SHARP**2 * width2),
        "ideal": (place, 1.0),
        "blurred": (place, 1 + BLUR**2),
    }
    first, last = point.scenario.split(" to ")

    def overlap(a: str, b: str) -> float:
        (x, v), (y, w) = laws[a], laws[b]
        return float(_overlap(cdist(x, y, "sqeuclidean"), v + w, d))

    ends = (first, last)
    inner = np.array([[overlap(a, b) for b in ends] for a in ends])
    rows: list[Row] = []
    for measure in ("train", "holdout", "original"):
        cross, own = np.array([overlap(measure, a) for a in ends]), overlap(measure, measure)
        for share in SHARES:
            weights = np.array([1 - share, share])
            value = weights @ inner @ weights - 2 * weights @ cross + own
            rows.append({"share": share, "measure": measure, "value": value})
    return rows


def _overlap(squares: np.ndarray, variance: float, d: int) -> float:
    """The mean of N(r; 0, variance·I) over these squared distances |r|², in units of (4π)^{−d/2}."""
    return float(np.mean(np.exp(-squares / (2 * variance))) * (2 / variance) ** (d / 2))


def _rows(**values: float) -> list[Row]:
    return [{"share": np.nan, "measure": name, "value": value} for name, value in values.items()]


_MEASURE = {"neighbours": _neighbours, "error": _error, "path": _path}
