"""Augmentation and conditioning, simulated: by how much does either move ln n, for the exact score?

A training set is shown in all places of a group, or only the points of one class are kept.  At which noise it singles
out a training point, or the orbit of one, is measured (`memgen.measures.orbits`); and it is compared, at equal noise,
with plain sets of the same law: how many points of those do the same?  `shift` is the logarithm of their ratio.
"""

from collections.abc import Iterator
from functools import cache
from typing import Annotated, ClassVar, Literal, NamedTuple, get_args

import numpy as np
import pandas as pd
from pydantic import Field
from scipy.interpolate import CubicSpline
from scipy.optimize import brentq
from scipy.special import logsumexp

from memgen.laws.pictures import pictures
from memgen.measures import orbits
from memgen.runs.parameters import ChapterParams, Distinct
from memgen.statistics import Estimate, mean
from memgen.streams import stream

VERSION = 1
RING, SPACE = 64, 32  # sites of a ring; dimensions of N(m, I)
ORDERS = (2, 4, 8, 16, 32, 64)  # of the groups of shifts
SMOOTH = 4.0  # waves around the ring beyond which a smooth field has little variance
_BATCH = 16  # sets at a time
Study = Literal["ring", "sign", "mixture", "digits", "classes"]
SIZES: dict[Study, tuple[int, ...]] = {  # of the plain sets
    "ring": (8, 16, 32, 64, 128, 256, 512, 1024, 2048),
    "sign": (64, 128, 256, 512, 1024),
    "mixture": (64, 128, 256, 512, 1024),
    "digits": (25, 50, 100, 200, 400, 800, 1600),
    "classes": (12, 25, 50, 100, 200, 400, 800, 1600),
}
# Points of a set that is shown in all places of a group, or of which one class is kept.
SHOWN: dict[Study, int] = {"ring": 16, "sign": 128, "mixture": 512, "digits": 50, "classes": 800}

Separation = Annotated[float, Field(ge=0)]


class Params(ChapterParams):
    """Parameters of the experiment; what is None is set by the preset."""

    presets: ClassVar = {  # training sets of each law
        "smoke": {"replicas": 24},
        "standard": {"replicas": 60},
        "paper": {"replicas": 2000},
    }

    separations: Annotated[tuple[Separation, ...], Distinct] = Field((0, 1, 2, 3, 4, 6, 9), min_length=1)
    replicas: int | None = Field(None, ge=10)


class Cell(NamedTuple):
    """One law: a random field on a ring, N(m, I) or ½N(m, I) + ½N(−m, I) with |m| in `at`, or the digits."""

    study: Study
    law: str
    at: float
    replicas: int
    seed: int


def grid(params: Params) -> list[Cell]:
    """All cells of the experiment."""
    p = params.resolved()
    assert p.replicas is not None
    laws: list[tuple[Study, str, float]] = [("ring", "white", 0.0), ("ring", "smooth", 0.0)]
    laws += [("sign", "normal", float(m)) for m in p.separations]
    laws += [("mixture", "normal", float(m)) for m in p.separations]
    laws += [("digits", "scans", 0.0), ("classes", "scans", 0.0)]
    return [Cell(*law, p.replicas, p.seed) for law in laws]


def cell(at: Cell) -> pd.DataFrame:
    """Rows: study, law, at, group, order, n, criterion, replica, and what was found there.

    - group: "none" is a plain set, "class" the points of one class of n.
    - criterion: what has weight ½ at the width ε, the "point" or its "orbit"; log_width: ln ε.
    - hidden: −ln of the probability that u, at that width, gives to the place or the class that it has, by digits that
      are not in the set; NaN where the law is known.
    - place: −ln of the probability of the point within its orbit.
    """
    key, found = (at.seed, "orbits", at.study, at.law, at.at), []
    for start in range(0, at.replicas, _BATCH):
        part = range(start, min(start + _BATCH, at.replicas))
        found += [(about, part, values) for about, values in _widths(at, [stream(*key, r) for r in part])]
    columns = {
        name: np.repeat([about[k] for about, part, _ in found], [len(p) for _, p, _ in found])
        for k, name in enumerate(About._fields)
    }
    for name in ("log_width", "hidden", "place"):
        columns[name] = np.concatenate([v.get(name, np.full(len(p), np.nan)) for _, p, v in found])
    replica = np.concatenate([p for _, p, _ in found])
    return pd.DataFrame({"study": at.study, "law": at.law, "at": at.at, **columns, "replica": replica})


class About(NamedTuple):
    """The kind of set and the criterion to which a width belongs."""

    group: str
    order: int
    n: int
    criterion: orbits.Criterion


def _widths(at: Cell, streams: list[np.random.Generator]) -> Iterator[tuple[About, dict[str, np.ndarray]]]:
    """Yield, for each kind of set and criterion, the widths of a batch of sets, with what `cell` says of each."""
    study, n = at.study, SHOWN[at.study]
    x, z, labels = _drawn(at, streams)
    plain = orbits.paths(x, z, orbits.identity(x.shape[-1]))
    for size in SIZES[study]:
        yield About("none", 1, size, "point"), {"log_width": np.log(orbits.widths(plain.first(size)))}
    if labels is not None:
        same = labels == labels[:, :1]
        width = orbits.widths(plain.first(n), keep=same[:, :n])
        values = {"log_width": np.log(width)}
        if study == "classes":
            values["hidden"] = _class_hidden(plain.log_weights(width)[:, 0, n:], same[:, n:])
        yield About("class", len(np.unique(labels)), n, "point"), values
    for group, maps in _groups(study).items():
        known = study != "digits"
        images = orbits.paths(x[:, :n] if known else x, z, maps)
        seen, pool = images.first(n), orbits.Paths(images.squares[..., n:], images.along[..., n:])
        for criterion in get_args(orbits.Criterion):
            width = orbits.widths(seen, criterion)
            values = {"log_width": np.log(width), "place": orbits.place(seen, width)}
            if not known:
                values["hidden"] = orbits.hidden(pool, width)
            yield About(group, len(maps.signs), n, criterion), values


def _class_hidden(log_weights: np.ndarray, same: np.ndarray) -> np.ndarray:
    """−ln of the share of the own class in the weights of the points: (sets,)."""
    return logsumexp(log_weights, axis=1) - logsumexp(log_weights, axis=1, b=same)


def _groups(study: Study) -> dict[str, orbits.Maps]:
    if study == "ring":
        return {f"{order} shifts": orbits.ring_shifts(RING, order) for order in ORDERS}
    if study == "sign":
        return {"sign": orbits.mirror(SPACE)}
    return orbits.picture_groups(8) if study == "digits" else {}


def _drawn(at: Cell, streams: list[np.random.Generator]) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Sets (sets, n, d), noises (sets, d), and the classes (sets, n) where points have one."""
    n = max(SIZES[at.study])
    if at.study in ("digits", "classes"):
        scans, labels = _scans()
        order = np.stack([rng.permutation(len(scans)) for rng in streams])
        z = np.stack([rng.standard_normal(RING) for rng in streams])
        return scans[order], z, labels[order] if at.study == "classes" else None
    d = RING if at.study == "ring" else SPACE
    x, z = np.empty((len(streams), n, d)), np.empty((len(streams), d))
    for rng, points, noise in zip(streams, x, z, strict=True):
        rng.standard_normal(out=points)
        rng.standard_normal(out=noise)
    if at.study == "ring":
        waves = np.sqrt(spectrum(at.law))[: d // 2 + 1]
        return np.fft.irfft(np.fft.rfft(x) * waves, d), z, None
    sides = np.resize([1.0, -1.0], n) if at.study == "mixture" else np.ones(n)  # classes alternate: equal shares
    x += (sides * at.at / np.sqrt(d))[:, None]
    return x, z, np.tile(sides, (len(x), 1)) if at.study == "mixture" else None


@cache
def _scans() -> tuple[np.ndarray, np.ndarray]:
    """The 1,797 scans (1797, 64), pixels of unit variance on average, and which digit each is."""
    found = pictures("digits")
    assert found.labels is not None
    scans = found.values.astype(float)
    return scans / np.sqrt(scans.var(0).mean()), found.labels


def spectrum(law: str) -> np.ndarray:
    """The variances of the waves around the ring, which are the eigenvalues of its covariance: (RING,), of mean 1."""
    waves = np.abs(np.fft.fftfreq(RING, 1 / RING))
    raw = np.ones(RING) if law == "white" else (1 + (waves / SMOOTH) ** 2) ** -2.0
    return raw / raw.mean()


def shift(plain: pd.DataFrame, shown: pd.DataFrame) -> Estimate:
    """ln of the ratio of numbers of plain points and of points shown that have the same mean ln ε; sets are paired.

    `plain` has the rows of the plain sets of a law, `shown` those of one group and criterion, both of all replicas.
    Between the sizes of plain sets ln ε is a cubic spline of ln n. ValueError if the mean lies beyond them.
    """
    curve, there = _paired(plain, shown)
    log_n = _size(curve, float(there.mean()))
    moved = mean((there - curve(log_n)) / float(np.mean(curve(log_n, 1))))
    return Estimate(log_n - float(np.log(shown.n.iloc[0])), moved.error, moved.freedom)


def expected(plain: pd.DataFrame, shown: pd.DataFrame) -> float:
    """The `shift` to be expected if each point by itself stands among e^hidden times as many points (class: as few).

    For points that are all alike it is the mean of `hidden`. Else those whose width depends little on n weigh less. For
    an orbit, `place` is subtracted from `hidden`.
    """
    curve, _ = _paired(plain, shown)
    moved = -shown.hidden if shown.group.iloc[0] == "class" else shown.hidden
    if shown.criterion.iloc[0] == "orbit":
        moved = moved - shown.place
    log_n = np.clip(np.log(shown.n) + moved, curve.x[0], curve.x[-1])
    piece = np.clip(np.searchsorted(curve.x, log_n, side="right") - 1, 0, len(curve.x) - 2)
    widths = np.polyval(curve.c[:, piece, np.arange(len(piece))], log_n - curve.x[piece])  # each on its own curve
    return _size(curve, float(np.mean(widths))) - float(np.log(shown.n.iloc[0]))


def _paired(plain: pd.DataFrame, shown: pd.DataFrame) -> tuple[CubicSpline, np.ndarray]:
    """ln ε of the plain sets as a spline in ln n, all replicas at a time; and ln ε of the sets that are shown."""
    curves = plain.pivot(index="n", columns="replica", values="log_width")[shown.replica]
    return CubicSpline(np.log(curves.index), curves.to_numpy()), shown.log_width.to_numpy()


def _size(curve: CubicSpline, log_width: float) -> float:
    """The ln of the number of points at which plain sets have this mean ln ε. ValueError if no size has it."""
    low, high = curve.x[[0, -1]]
    if not np.mean(curve(low)) >= log_width >= np.mean(curve(high)):
        raise ValueError(f"no plain set of {np.exp(low):.0f} to {np.exp(high):.0f} points has this mean width")
    return float(brentq(lambda log_n: float(np.mean(curve(log_n))) - log_width, low, high))
