"""Nearest neighbours of generated points and of records, before it is known which records were trained on.

Everything that an audit measures is a function of these lists and of the labels "training" and "held out". A generator
that never saw the training set leaves the labels exchangeable, however good or bad it is; so permuted labels give each
statistic its null.
"""

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import NamedTuple

import numpy as np

from memgen.audit.records import Records
from memgen.streams import stream

LISTED = 32  # neighbours kept of each point, at most: a given label is missing once in 2³² for equally large sets
ROWS = 20_000  # records at most whose own neighbours are searched: the time grows as this number times the pool

_PROJECTED = 512  # dimensions at most in which a covariance is taken
_ROUNDING = 1e-6  # of the largest eigenvalue: what is below is rounding in single precision
_REPEATS = 8  # nearest generated points of each that are tested for repetition

Progress = Callable[[Iterable], Iterable]
Search = Callable[..., tuple[np.ndarray, np.ndarray]]  # `memgen.measures.nearest`, or a stand-in


class Lists(NamedTuple):
    """Distances (q, K) of q points to their K nearest records, the nearest first, and which records these are."""

    distances: np.ndarray
    indices: np.ndarray

    def dimension(self) -> np.ndarray:
        """Return the local dimension (q,) by all neighbours but the nearest: maximum likelihood, Levina and Bickel
        2004.

        For locally uniform points (d₁/d₂)^D is uniform on [0, 1] (`theory.criteria.null_flag_rate`). ∞ where all of
        these neighbours are at one distance.
        """
        further = self.distances[:, 1:]
        logs = np.log(further[:, -1:]) - np.log(np.maximum(further, 1e-300))
        spread = logs[:, :-1].sum(1)
        return np.divide(max(further.shape[1] - 2, 1), spread, out=np.full(len(spread), np.inf), where=spread > 0)

    def first_two(self, members: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return distances to the nearest and second nearest member, and the index of the nearest, (B, q) each.

        members (B, N) says for each of B labellings which records are members. If a list ends before a member is found,
        its last entry stands in.
        """
        k = self.indices.shape[1]
        labels = np.ascontiguousarray(members.T).view(np.uint8)  # whole rows are gathered, in a quarter of the time
        code = np.zeros((len(self.indices), len(members)), np.uint32)  # bit j: is the j-th neighbour a member?
        for start in range(0, k, 8):
            byte = np.zeros(code.shape, np.uint8)
            for j in range(start, min(start + 8, k)):
                byte |= labels[self.indices[:, j]] << np.uint8(j - start)
            code |= byte.astype(np.uint32) << np.uint32(start)
        code = np.ascontiguousarray(code.T)
        first, second = _lowest(code, k), _lowest(code & (code - np.uint32(1)), k)
        points = np.arange(len(self.distances))
        return self.distances[points, first], self.distances[points, second], self.indices[points, first]


def _lowest(code: np.ndarray, size: int) -> np.ndarray:
    """The place of the lowest bit that is set; the last of `size` places if none is."""
    return np.minimum(np.bitwise_count(~code & (code - np.uint32(1))), size - 1)


def closeness(first: np.ndarray, second: np.ndarray, dimension: np.ndarray) -> np.ndarray:
    """D ln(d₁/d₂): nearly the logarithm of a uniform number for a fresh point, far below 0 for a copy.

    −∞ if the nearest is at distance 0; 0 if the second is as well, for then neither is singled out.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.where(second > 0, np.log(first) - np.log(second), 0.0)
        return np.where(logs < 0, dimension * logs, 0.0)


class Neighbourhoods:
    """Neighbour lists of generated points and of records among the pool, and distances from records to these points.

    `kept` are the generated points that count and `generated` their lists; `rows` are the records (all, or a sample)
    with the lists `own`. Each record has `to_generated`, its distance to the nearest generated point, and `to_law`, its
    squared Mahalanobis distance in their mean and covariance, (N,) each. `notes` says how many points were dropped.
    """

    def __init__(self, records: Records, seed: int, progress: Progress, search: Search | None = None) -> None:
        from memgen.measures.nearest import nearest  # takes PyTorch along, seconds that `import memgen.audit` spares

        nearest = search or nearest
        self.records, self._nearest = records, nearest
        pool, listed = records.pool, min(LISTED, len(records.pool) - 1)
        searches = iter(progress(range(3)))  # advanced by hand: a step of progress a search
        next(searches)
        lists = Lists(*nearest(records.generated, pool, listed))
        self.kept = self._alone(lists.distances[:, 0])  # which generated points count
        self.generated = Lists(*(a[self.kept] for a in lists))
        dropped = len(records.generated) - len(self.kept)
        repeated = f"generated: {dropped} of {len(records.generated)} repeat others, or nearly so, and count once"
        self.notes = (repeated,) if dropped else ()
        next(searches)
        self.rows = self._rows(seed)
        self.own = self._without_kin(*nearest(pool[self.rows], pool, listed + 1))
        next(searches)
        self.to_generated = nearest(pool, records.generated, 1)[0][:, 0]
        self.to_law = _mahalanobis(pool, records.generated[self.kept], stream(seed, "audit", "projection"))
        next(searches, None)

    def _alone(self, to_record: np.ndarray) -> np.ndarray:
        """Return indices of the generated points that count: one for each cluster of points that nearly repeat.

        Two points are in one cluster if one is nearer to the other than a third of its distance to the nearest record,
        or if a chain of such pairs joins them. Repeated points are not independent: what they share is one piece of
        evidence.
        """
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        points = self.records.generated
        if len(points) < 2:
            return np.arange(len(points))
        k = min(_REPEATS, len(points) - 1)
        distances, indices = self._nearest(points, points, k, exclude_self=True)
        at, to = np.nonzero(distances < to_record[:, None] / 3)
        links = coo_array((np.ones(len(at)), (at, indices[at, to])), shape=(len(points), len(points)))
        return np.unique(connected_components(links, directed=False)[1], return_index=True)[1]

    def of(self, points: np.ndarray) -> Lists:
        """The lists of other points."""
        return Lists(*self._nearest(points, self.records.pool, self.generated.distances.shape[1]))

    @cached_property
    def place(self) -> np.ndarray:
        """The position of each record in `rows`, (N,); −1 if it is not there."""
        place = np.full(len(self.records.pool), -1)
        place[self.rows] = np.arange(len(self.rows))
        return place

    @cached_property
    def own_dimension(self) -> np.ndarray:
        """The local dimension at each of `rows`."""
        return self.own.dimension()

    @cached_property
    def scale(self) -> float:
        """The median distance of a record to its nearest."""
        return float(np.median(self.own.distances[:, 0]))

    def _rows(self, seed: int) -> np.ndarray:
        """Return the records whose own neighbours are searched for: all, or a random sample, in order."""
        return np.sort(stream(seed, "audit", "rows").permutation(len(self.records.pool))[:ROWS])

    def _without_kin(self, distances: np.ndarray, indices: np.ndarray) -> Lists:
        """Return the lists of `rows`; a record itself and its group move to the end and get the last distance."""
        kin = self.records.group[indices] == self.records.group[self.rows][:, None]
        order = np.argsort(kin, axis=1, kind="stable")[:, :-1]
        distances = np.where(kin, distances[:, -1:], distances)
        return Lists(np.take_along_axis(distances, order, 1), np.take_along_axis(indices, order, 1))


def _mahalanobis(pool: np.ndarray, generated: np.ndarray, draws: np.random.Generator) -> np.ndarray:
    """Return each record's squared Mahalanobis distance in mean and covariance of the generated points, (N,).

    Distances are taken in a random projection where the generated points are too few, or the dimensions too many, for a
    covariance.
    """
    d = pool.shape[1]
    width = max(1, min(d, _PROJECTED, len(generated) // 4))
    axes = np.eye(d) if width == d else np.linalg.qr(draws.standard_normal((d, width)))[0]
    points = generated @ axes.astype(pool.dtype)
    spread = np.cov(points, rowvar=False) if len(points) > 1 else np.zeros(())  # of one point: nothing is kept
    values, vectors = np.linalg.eigh(spread.reshape(width, width).astype(float))
    kept = values > _ROUNDING * values[-1]
    root = axes @ (vectors[:, kept] / np.sqrt(values[kept]))
    centred = pool @ root.astype(pool.dtype)
    return ((centred.astype(float) - generated.mean(0, dtype=float) @ root) ** 2).sum(1)
