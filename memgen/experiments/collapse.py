"""Speciation and collapse, simulated: cloned trajectories of a mixture, and the points nearest to a noised one."""

from itertools import pairwise
from typing import Annotated, ClassVar, Literal, NamedTuple

import numpy as np
import pandas as pd
from pydantic import Field
from scipy.special import logsumexp

from memgen.devices import batches
from memgen.laws.neighbours import log_rest, nearest_squares
from memgen.runs.parameters import ChapterParams, Distinct
from memgen.streams import stream

VERSION = 1
TIMES = (1.0, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0, 6.0, 8.0)  # at which trajectories are cloned
WIDTHS = (0.6, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5)  # in units of σ/√(n^{2/d} − 1)
_NEAREST = ((10, 100), (20, 400), (40, 2000))  # d, n
RADII = (0.25, 0.5, 0.75, 1.0, 1.3, 1.7, 2.2)  # |x_1|²/d
_LOCAL = ((50, 400), (100, 3000))  # d, n
ALPHA, CONDENSED_WIDTHS = 0.3, (0.4, 0.55, 0.7, 0.85, 1.0, 1.15, 1.4)  # ln n/d, and ε
_CONDENSED = (150, 1200)  # d
_MANY = 5000  # nearest points that are drawn there
_BATCH = 50

Study = Literal["cloning", "nearest", "local", "condensed"]
Dimension = Annotated[int, Field(ge=1)]


class Params(ChapterParams):
    """Parameters of the chapter; what is None is set by the preset."""

    presets: ClassVar = {  # pairs of clones, steps of a trajectory, draws of a point set
        "smoke": {"pairs": 500, "steps": 400, "draws": 200},
        "standard": {"pairs": 4000, "steps": 800, "draws": 1000},
        "paper": {"pairs": 100_000, "steps": 4000, "draws": 20_000},
    }

    dims: Annotated[tuple[Dimension, ...], Distinct] = Field((256, 4096), min_length=1)
    pairs: int | None = Field(None, ge=100)
    steps: int | None = Field(None, ge=10)
    draws: int | None = Field(None, ge=100)


class Cell(NamedTuple):
    """One point of the grid.

    `at` is a time for clones, a width in units of the collapse width for the nearest point, |x_1|²/d for the local
    width, and a width for condensed weights, where ln n = ALPHA·d.
    """

    study: Study
    d: int
    n: int
    at: float
    replicas: int
    steps: int
    seed: int


def grid(params: Params) -> list[Cell]:
    """All cells of the chapter."""
    p = params.resolved()
    assert p.pairs is not None and p.steps is not None and p.draws is not None
    clones = [Cell("cloning", d, 0, t, p.pairs, p.steps, p.seed) for d in p.dims for t in TIMES]
    nearest = [Cell("nearest", d, n, width, p.draws, 0, p.seed) for d, n in _NEAREST for width in WIDTHS]
    local = [Cell("local", d, n, radius2, max(60, p.draws // 17), 0, p.seed) for d, n in _LOCAL for radius2 in RADII]
    condensed = [
        Cell("condensed", d, 0, width, max(60, p.draws // 2), 0, p.seed)
        for d in _CONDENSED
        for width in CONDENSED_WIDTHS
    ]
    return clones + nearest + local + condensed


def cell(point: Cell) -> pd.DataFrame:
    """Rows: study, d, n, at, replicas, and hits or value.

    Of clones and of nearest points there is one row: hits are pairs in one class, or sets whose nearest point is the
    own. Of the others there is one for each replica: the width at which the own point weighs as much as all others
    together, and the sum of the squared weights.
    """
    key = (point.seed, "collapse", point.study, point.d, point.n, point.at)
    if point.study in ("local", "condensed"):
        measure = _local_width if point.study == "local" else _participation
        values = np.concatenate([measure(point, start, key) for start in range(0, point.replicas, _BATCH)])
        about = {"study": point.study, "d": point.d, "n": point.n, "at": point.at, "hits": 0}
        return pd.DataFrame({"value": values}).assign(**about, replicas=point.replicas)
    if point.study == "cloning":
        hits = clones(point.at, point.d**0.5, point.replicas, point.steps, stream(*key))
    else:
        hits = nearest(point.n, point.d, point.at / np.sqrt(point.n ** (2 / point.d) - 1), point.replicas, key)
    row = {"value": np.nan, "study": point.study, "d": point.d, "n": point.n, "at": point.at, "hits": hits}
    return pd.DataFrame([{**row, "replicas": point.replicas}])


def clones(t: float, separation: float, pairs: int, steps: int, rng: np.random.Generator) -> int:
    """Pairs that end in one class: two reverse diffusions from one x_t by the exact score of ½N(m, I) + ½N(−m, I).

    Along m, where alone the score is not that of a single normal; λ = 1, so e^{t}x_t = u has the noise variance
    v = e^{2t} − 1. In v the reverse process is du = (D(u) − u) dv/v + dW, D the posterior mean, run in equal steps of
    ln v by its exact solution for a fixed D.
    """
    v = np.expm1(2 * t)
    levels = v * np.geomspace(1, 1e-4 / max(v, 1), steps + 1)
    start = np.where(rng.random(pairs) < 0.5, separation, -separation) + np.sqrt(1 + v) * rng.standard_normal(pairs)
    u = np.stack([start, start])
    for high, low in pairwise(levels):
        mean = separation * np.tanh(separation * u / (1 + high))
        denoised = mean + (u - mean) / (1 + high)
        keep = low / high
        u = denoised + keep * (u - denoised) + np.sqrt(low * (1 - keep)) * rng.standard_normal(u.shape)
    return int((np.sign(u[0]) == np.sign(u[1])).sum())


def nearest(n: int, d: int, width: float, draws: int, key: tuple) -> int:
    """Sets of n points of N(0, I) in which the point nearest to x_1 + width·z is x_1."""
    hits = 0
    for many in batches(draws, n * d):
        sets = np.stack([stream(*key, r).standard_normal((n + 1, d)) for r in many])
        noisy = sets[:, :1] + width * sets[:, n:]
        hits += int((((sets[:, :n] - noisy) ** 2).sum(-1).argmin(1) == 0).sum())
    return hits


def _local_width(point: Cell, start: int, key: tuple) -> np.ndarray:
    """Where Σ_i exp(−(|u − x_i|² − |u − x_1|²)/2ε²) = 1, u = x_1 + εz, by bisection; a replica each."""
    widths = []
    for replica in range(start, min(start + _BATCH, point.replicas)):
        rng = stream(*key, replica)
        x, (own, z) = rng.standard_normal((point.n - 1, point.d)), rng.standard_normal((2, point.d))
        own *= np.sqrt(point.at * point.d) / np.linalg.norm(own)
        away = own - x  # |u − x_i|² − |u − x_1|² = |own − x_i|² + 2ε z·(own − x_i)
        squares, along = (away**2).sum(1), away @ z
        low, high = 0.05, 20.0
        for _ in range(40):
            middle = np.sqrt(low * high)
            heavy = logsumexp(-squares / (2 * middle**2) - along / middle) > 0
            low, high = (low, middle) if heavy else (middle, high)
        widths.append(low)
    return np.array(widths)


def _participation(point: Cell, start: int, key: tuple) -> np.ndarray:
    """Σ w_i² of the posterior weights of e^{ALPHA·d} points at a fresh typical u; a replica each.

    The nearest are drawn; what all others add to the sum of the weights is taken at its mean.
    """
    replicas, place2 = min(_BATCH, point.replicas - start), point.d * (1 + point.at**2)
    squares = nearest_squares(point.d, ALPHA * point.d, place2, _MANY, replicas, stream(*key, start))
    weights = np.exp((squares[:, :1] - squares) / (2 * point.at**2))
    rest = log_rest(point.d, ALPHA * point.d, place2, point.at, squares[:, -1]) + squares[:, 0] / (2 * point.at**2)
    return (weights**2).sum(1) / (weights.sum(1) + np.exp(rest)) ** 2
