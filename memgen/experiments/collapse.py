"""Speciation and collapse, simulated: which class and which training point a noised sample is denoised to.

The mixture is ½N(m, I) + ½N(−m, I) with m = (1, …, 1); single Gaussians are N(0, I).
"""

from itertools import pairwise
from math import ceil
from typing import Annotated, ClassVar, Literal, NamedTuple, Self

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from memgen.devices import batches
from memgen.laws.neighbours import log_rest, nearest_squares
from memgen.runs.parameters import ChapterParams, Distinct
from memgen.streams import stream

VERSION = 3
TIMES = (1.0, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0, 6.0, 8.0)  # at which trajectories are cloned
WIDTHS = (0.6, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5)  # in units of σ/√(n^{2/d} − 1)
_NEAREST = ((10, 100), (20, 400), (40, 2000))  # d, n
RADII = (0.25, 0.5, 0.75, 1.0, 1.3, 1.7, 2.2)  # |x_1|²/d
_LOCAL = ((50, 400), (100, 3000))  # d, n
ALPHA, CONDENSED_WIDTHS = 0.3, (0.4, 0.55, 0.7, 0.85, 1.0, 1.15, 1.4)  # ln n/d, and ε
_CONDENSED = (150, 1200)  # d
_MANY = 5000  # nearest points that are drawn there
MAP = 16  # the dimension of the map
_SETS = {4: (10, 100, 1000, 10_000), MAP: (10, 100, 1000, 10_000, 100_000), 64: (10, 100, 1000, 10_000)}  # d: n
_NOISED = 10  # points of a set that are noised and denoised
_BATCH = 50

Study = Literal["cloning", "nearest", "local", "condensed", "returns"]
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

    @model_validator(mode="after")
    def _fine(self) -> Self:
        """What a step is off by falls as 1/steps, what is seen of it as 1/√pairs."""
        p = self.resolved()
        assert p.pairs and p.steps
        if p.steps < (least := ceil(2 * p.pairs**0.5)):
            raise ValueError(f"{p.pairs} pairs show what {p.steps} steps are off by: take at least {least}")
        return self


class Cell(NamedTuple):
    """One point of the grid.

    `at` is a time for clones, a width in units of the collapse width for the nearest point, |x_1|²/d for the local
    width, a width for condensed weights, where ln n = ALPHA·d, and 0 for returns, which choose their noise themselves.
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
    returns = [
        Cell("returns", d, n, 0.0, max(12, min(p.draws // 10, 300 * p.draws // n)), 0, p.seed)
        for d, sizes in _SETS.items()
        for n in sizes
    ]
    return clones + nearest + local + condensed + returns


def cell(at: Cell) -> pd.DataFrame:
    """Rows: value, study, d, n, at, hits, replicas; where there are hits the value is missing.

    - cloning, nearest: one row; hits are pairs in one class, or sets in which the nearest point is the own one.
    - local, condensed: a row for each replica; the value is the width at which the own point weighs as much as all
      others together, or the sum of the squared weights.
    - returns: a row for each noise τ (in `at`) and training set; the study becomes "own point", "own class" or
      "own detail", and the value is the mean share of it that denoising gives back (see `returns`).
    """
    study, d, n, level, replicas, steps, seed = at
    key = (seed, "collapse", study, d, n, level)
    about = {"study": study, "d": d, "n": n, "at": level, "hits": 0, "replicas": replicas}
    batched = [range(start, min(start + _BATCH, replicas)) for start in range(0, replicas, _BATCH)]
    if study == "local":
        values = np.concatenate([_local_widths(n, d, level, part, key) for part in batched])
        return pd.DataFrame({"value": values, **about})
    if study == "condensed":
        values = np.concatenate([_participations(d, level, part, key) for part in batched])
        return pd.DataFrame({"value": values, **about})
    if study == "returns":
        shares = [returns(n, d, stream(*key, replica)) for replica in range(replicas)]
        found = pd.concat(shares, ignore_index=True)
        return pd.DataFrame({"value": found["value"], **about, "study": found["study"], "at": found["at"]})
    if study == "cloning":
        hits = clones(level, d**0.5, replicas, steps, stream(*key))
    else:
        hits = nearest(n, d, level / np.sqrt(n ** (2 / d) - 1), replicas, key)
    return pd.DataFrame([{"value": np.nan, **about, "hits": hits}])


def clones(t: float, separation: float, pairs: int, steps: int, rng: np.random.Generator) -> int:
    """The number of pairs that end in one class; a pair is two reverse diffusions from one x_t by the exact score.

    The law is ½N(m, I) + ½N(−m, I). They run along m, the only direction in which the score is not that of a single
    normal law; λ = 1, so e^{t}x_t = u has the noise variance v = e^{2t} − 1. In v the reverse process is
    du = (D(u) − u) dv/v + dW, D the posterior mean, run in equal steps of ln v by its exact solution for a fixed D.
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
    """The number, out of `draws`, of sets of n points of N(0, I) in which the point nearest to x_1 + width·z is x_1."""
    hits = 0
    for many in batches(draws, n * d):
        sets = np.stack([stream(*key, r).standard_normal((n + 1, d)) for r in many])
        away = sets[:, :n]
        away -= sets[:, :1] + width * sets[:, n:]
        hits += int((np.einsum("rnd,rnd->rn", away, away).argmin(1) == 0).sum())
    return hits


def returns(n: int, d: int, rng: np.random.Generator) -> pd.DataFrame:
    """What the exact score of one training set of the mixture gives back of its points, by noise: study, at, value.

    The reverse diffusion from u = x_1 + τz with the exact score of the set ends at x_i with its posterior weight w_i.
    The value is the probability that this end is the own point, w_1; the probability that it has the own class; or the
    mean of e_1·e_i/d, e the place within the class, which is 1 for the own point and 0 for one that shares only the
    class. Values are means over the first `_NOISED` points of the set.
    """
    label = np.where(rng.random(n) < 0.5, 1.0, -1.0)
    detail = rng.standard_normal((n, d))
    points, few = detail + label[:, None], min(n, _NOISED)
    own, z = points[:few], rng.standard_normal((few, d))
    norms = (points**2).sum(1)
    squares = norms[:few, None] + norms - 2 * own @ points.T  # |u − x_i|² − |u − x_1|², as in `_local_widths`
    along = (own * z).sum(1)[:, None] - z @ points.T
    shared = {"own point": np.eye(few, n)}
    if d == MAP and 100 <= n <= 10_000:
        shared["own class"] = label[:few, None] == label
    if d == MAP and n >= 1000:
        shared["own detail"] = detail[:few] @ detail.T / d
    rows = []
    for study, share in shared.items():
        for tau in _noises(study, n, d):
            weights = squares / (-2 * tau**2) - along / tau
            weights -= weights.max(axis=1, keepdims=True)
            np.exp(weights, out=weights)
            shares = np.einsum("ij,ij->i", weights, share) / weights.sum(1)
            rows.append((study, tau, shares.mean()))
    return pd.DataFrame(rows, columns=["study", "at", "value"])


def _noises(study: str, n: int, d: int) -> np.ndarray:
    """Noise levels τ around the one at which half is expected to be lost."""
    if study == "own point":
        return np.geomspace(0.8, 2.0, 6) / np.sqrt(n ** (2 / d) - 1)
    return np.geomspace(0.65, 1.6, 6) * (np.sqrt(d) if study == "own class" else 1.0)


def _local_widths(n: int, d: int, radius2: float, replicas: range, key: tuple) -> np.ndarray:
    """For each replica, the ε at which Σ_{i≠1} exp(−(|u − x_i|² − |u − x_1|²)/2ε²) = 1, u = x_1 + εz; by bisection."""
    widths = []
    for replica in replicas:
        rng = stream(*key, replica)
        x, (own, z) = rng.standard_normal((n - 1, d)), rng.standard_normal((2, d))
        own *= np.sqrt(radius2 * d) / np.linalg.norm(own)
        away = own - x  # |u − x_i|² − |u − x_1|² = |own − x_i|² + 2ε z·(own − x_i)
        squares, along = (away**2).sum(1), away @ z
        low, high = 0.05, 20.0
        for _ in range(40):
            middle = np.sqrt(low * high)
            exponents = -squares / (2 * middle**2) - along / middle
            heavy = exponents.max() > 0 or np.exp(exponents).sum() > 1
            low, high = (low, middle) if heavy else (middle, high)
        widths.append(low)
    return np.array(widths)


def _participations(d: int, width: float, replicas: range, key: tuple) -> np.ndarray:
    """Σ w_i² of the posterior weights of e^{ALPHA·d} points at a fresh typical u, for each replica.

    The nearest are drawn; what all others add to the sum of the weights is taken at its mean.
    """
    place2 = d * (1 + width**2)
    squares = nearest_squares(d, ALPHA * d, place2, _MANY, len(replicas), stream(*key, replicas.start))
    weights = np.exp((squares[:, :1] - squares) / (2 * width**2))
    rest = log_rest(d, ALPHA * d, place2, width, squares[:, -1]) + squares[:, 0] / (2 * width**2)
    return (weights**2).sum(1) / (weights.sum(1) + np.exp(rest)) ** 2
