"""The statistics of an audit, as functions of the labels: a row of values for each labelling.

Under permuted labels each statistic shows what it is for a generator that never saw the training set.
"""

from typing import NamedTuple

import numpy as np

from memgen.audit.neighbours import Lists, Neighbourhoods, closeness

WIDTHS = (0.25, 0.5, 1.0, 2.0)  # widths of the kernel, in median distances of a record to its nearest
_CUTS = 24  # cuts of a scan
_KIN = 5  # neighbours of a record whose labels are compared with its own
_HEAD = 0.02  # share of the closest pairs among which single copies are looked for
_FEW = 20  # at least so many of them, in small sets a quarter
_CHUNK = 2**25  # label look-ups at once


class Drawn(NamedTuple):
    """Generated points: lists (m, K), the cell of each (m,), and each record's distance to the nearest of them (N,)."""

    lists: Lists
    cell: np.ndarray
    to_generated: np.ndarray


class Measured(NamedTuple):
    """A statistic of B labellings, (B, c): one column, or a scan over c cuts or scales, the best of which counts.

    `side` is the sign of a deviation that speaks for memory.
    """

    values: np.ndarray
    choices: tuple[str, ...] = ("",)
    side: int = 1


def measure(drawn: Drawn, around: Neighbourhoods, cell: np.ndarray, members: np.ndarray) -> dict[str, Measured]:
    """Return all statistics by name; members (B, N) says which records count as trained on, cell (N,) is theirs."""
    found = sums(drawn, around, members) | comparisons(drawn, around, cell, members)
    return found | {"overlap": overlap(drawn, around, members)}


def sums(drawn: Drawn, around: Neighbourhoods, members: np.ndarray) -> dict[str, Measured]:
    """Return the statistics that are sums over training records, so that what a record adds is computed only once."""
    from scipy.stats import rankdata  # takes half a second, which `import memgen.audit` spares

    lists, total, m = drawn.lists, len(around.records.pool), len(drawn.cell)
    nearest = lists.indices[:, 0]
    surest = np.argsort(closeness(lists.distances[:, 0], lists.distances[:, 1], lists.dimension()), kind="stable")
    cuts = np.unique(np.geomspace(1, m, _CUTS).round().astype(int))
    shares = np.stack([np.bincount(nearest[surest[:k]], minlength=total) / k for k in (*cuts, m)], 1)
    ranks = np.stack([rankdata(-drawn.to_generated), rankdata(-around.to_law)], 1)

    labels = members.astype(float)
    inside = labels.sum(1)[:, None]
    outside = total - inside
    share = labels @ shares
    auc = (labels @ ranks - inside * (inside + 1) / 2) / (inside * outside)
    return {
        "closest record": Measured(share[:, -1:]),
        "surest first": Measured(share[:, :-1], tuple(f"the {k} surest" for k in cuts)),
        "membership": Measured(auc[:, :1]),
        "membership in the law": Measured(auc[:, 1:]),
    }


def overlap(drawn: Drawn, around: Neighbourhoods, members: np.ndarray) -> Measured:
    """Return â(h): kernel overlap with members minus that with other records; a copy of all members has 1."""
    lists, total = drawn.lists, len(around.records.pool)
    kernels = [np.exp(-((lists.distances / (h * around.scale)) ** 2) / 2) for h in WIDTHS]
    added = np.stack([np.bincount(lists.indices.ravel(), k.ravel(), total) for k in kernels], 1) / len(drawn.cell)
    of_two = [np.exp(-((around.own.distances / (h * around.scale)) ** 2) / 2).sum(1).mean() / total for h in WIDTHS]
    inside, found = members.sum(1)[:, None], members.astype(float) @ added
    gap = found / inside - (added.sum(0) - found) / (total - inside)
    return Measured(inside * gap / (1 - np.array(of_two)), tuple(f"width {h:g}" for h in WIDTHS))


def comparisons(drawn: Drawn, around: Neighbourhoods, cell: np.ndarray, members: np.ndarray) -> dict[str, Measured]:
    """Return the statistics that compare distances within the training set."""
    authentic, copying = [], []
    step = max(1, _CHUNK // (max(len(drawn.cell), len(around.rows)) * drawn.lists.indices.shape[1]))
    for start in range(0, len(members), step):
        some = members[start : start + step]
        own, _, record = drawn.lists.first_two(some)
        others = around.own.first_two(some)[0]
        authentic.append(_authentic(own, record, others, around.place))
        copying.append(_copying(own, others, ~some[:, around.rows], drawn.cell, cell[around.rows]))
    return {
        "AuthPct": Measured(np.concatenate(authentic)[:, None], side=-1),
        "C_T": Measured(np.concatenate(copying)[:, None], side=-1),
    }


def _authentic(own: np.ndarray, record: np.ndarray, others: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Percent of generated points that are farther from their nearest training record than it is from another, (B,)."""
    at = place[record]
    known = at >= 0
    farther = own > np.take_along_axis(others, np.maximum(at, 0), 1)
    return 100 * (farther & known).sum(1) / np.maximum(known.sum(1), 1)


def _copying(own: np.ndarray, others: np.ndarray, fresh: np.ndarray, cell: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """Return C_T (B,), over cells: the Mann–Whitney score of distances to training records, generated to held out."""
    total, weight = np.zeros(len(own)), np.zeros(len(own))
    for c in range(int(cell.max()) + 1):
        ours, theirs = own[:, cell == c], others[:, cells == c]
        held = np.concatenate([np.zeros(ours.shape, bool), fresh[:, cells == c]], 1)
        order = np.argsort(np.concatenate([ours, theirs], 1), axis=1, kind="stable")
        below = np.take_along_axis(held, order, 1).cumsum(1)  # held-out points that are nearer
        m, n = ours.shape[1], held.sum(1)
        u = np.where(order < m, below, 0).sum(1)
        deviation = np.sqrt(m * n * (m + n + 1) / 12)
        total += n * np.divide(u - m * n / 2, deviation, out=np.zeros(len(own)), where=deviation > 0)
        weight += n
    return np.divide(total, weight, out=np.zeros(len(own)), where=weight > 0)


def kinship(around: Neighbourhoods, members: np.ndarray) -> Measured:
    """Return how often a near neighbour of a record has that record's label: more often if the two sets differ in law.

    The test of Schilling (1986) and Henze (1988). Generated points have no part in it.
    """
    near = around.own.indices[:, :_KIN]
    shares = [(labels[near] == labels[around.rows, None]).mean() for labels in members]
    return Measured(np.array(shares)[:, None])


def scatter(around: Neighbourhoods, members: np.ndarray) -> Measured:
    """Return by how much farther from the common centre members lie than others, and by how much nearer.

    In many dimensions a narrower law has no nearer neighbours of its own, and `kinship` does not see it.
    """
    pool = around.records.pool
    square = ((pool - pool.mean(0)) ** 2).sum(1, dtype=float)
    labels, inside = members.astype(float), members.sum(1)
    found = labels @ square
    gap = found / inside - (square.sum() - found) / (members.shape[1] - inside)
    return Measured(np.stack([gap, -gap], 1))


class Scan(NamedTuple):
    """Where generated points exceed their expected share among the closest pairs most; see `near_copies`."""

    value: float  # nats against chance, at the best cut of the better order
    found: int  # generated points before the cut
    cut: int  # points before it
    generated: int  # of all that are compared
    single: int  # of the others, those that do not come in pairs
    total: int

    def chance(self, draws: np.random.Generator, times: int) -> np.ndarray:
        """Return null values (times,): generated points are shuffled among the others, in both orders."""
        cuts, values = _scan_cuts(self.total), []
        for rows in np.array_split(np.arange(times), -(-8 * times * int(cuts[-1]) // _CHUNK)):
            both = [self.shuffled(draws, len(rows), cuts) for _ in range(2)]
            values.append(_surprise(np.array(both), cuts, self.generated / self.total).max((0, 2)))
        return np.concatenate(values)

    def shuffled(self, draws: np.random.Generator, times: int, cuts: np.ndarray) -> np.ndarray:
        """Return how many generated points are before each cut, (times, cuts), if they are shuffled among the others.

        Records that are nearest to each other, as those in the head are, stand in the order twice, side by side. Heads
        are short, so that they are drawn as if with replacement.
        """
        most, pairs = int(cuts[-1]), (self.total - self.generated - self.single) / 2
        kinds = np.array([self.generated, self.single, pairs])
        drawn = draws.choice(3, size=(times, most), p=kinds / kinds.sum()).astype(np.int8)
        places, row = (1 + (drawn == 2)).cumsum(1), np.arange(times)[:, None]
        apart = row * (2 * most + 1)  # so that one search serves all rows
        ends = np.searchsorted((places + apart).ravel(), cuts + apart, "right") - row * most
        counted = np.pad((drawn == 0).cumsum(1), ((0, 0), (1, 0)))
        return np.take_along_axis(counted, ends, 1)


def near_copies(drawn: Drawn, around: Neighbourhoods, members: np.ndarray) -> Scan:
    """Search for generated points that are close to one training record, and to no second one, as nothing else is.

    members (N,) are the labels. Four kinds of pairs stand in one common order: generated points with the training set
    and, for comparison, records with the training set and with the holdout, without themselves, and generated points
    with the holdout. There are two such orders: by d₁/d₂, which finds a few copies where the law has one dimension, and
    by `closeness`, where it has many. The head of either is cut where it surprises most (Berk and Jones 1979).
    Generated points about one record are not independent: the closest counts for all, unless they are closer than any
    other pair is, and than any should be by chance.
    """
    size, own = drawn.lists.dimension(), around.own_dimension
    held = [] if members.all() else [(around.own, own, ~members), (drawn.lists, size, ~members)]
    found = [two_nearest(*three) for three in [(drawn.lists, size, members), (around.own, own, members), *held]]
    ratios, scores, (record, *_) = zip(*found, strict=True)
    m, total = len(drawn.cell), sum(map(len, scores))
    by_score = np.argsort(scores[0], kind="stable")
    once = scores[0] < min(-np.log(total), *map(np.min, scores[1:]))
    once[by_score[np.unique(record[by_score], return_index=True)[1]]] = True
    scans = []
    for ours, *others in (ratios, scores):
        theirs, ours = np.sort(np.concatenate(others)), np.sort(ours[once])
        # ranks of the generated points in the common order, after others of the same score
        places = np.searchsorted(theirs, ours, "right") + np.arange(1, len(ours) + 1)
        cuts = _scan_cuts(total)
        generated = np.searchsorted(places, cuts, "right")
        values = _surprise(generated, cuts, m / total)
        best = int(values.argmax())
        single = m if held else 0  # generated points with the holdout; records with records come in pairs
        scans.append(Scan(float(values[best]), int(generated[best]), int(cuts[best]), m, single, total))
    return max(scans)


def two_nearest(lists: Lists, size: np.ndarray, members: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return d₁/d₂ among members (N,), `closeness`, and which record is the nearest, (q,) each."""
    first, second, record = (a[0] for a in lists.first_two(members[None]))
    ratio = np.divide(first, second, out=np.ones(len(first)), where=second > 0)
    return ratio, closeness(first, second, size), record


def _scan_cuts(total: int) -> np.ndarray:
    """Return cuts in the head of the order: beyond, a generator that prefers some regions differs without copying."""
    most = max(_HEAD * total, min(_FEW, total / 4))
    return np.unique(np.geomspace(1, max(most, 1), 2 * _CUTS).round().astype(int))


def _surprise(found: np.ndarray, cut: np.ndarray, share: float) -> np.ndarray:
    """cut·KL(found/cut ‖ share) where more were found than expected, 0 elsewhere."""
    x = found / cut
    if share >= 1:
        return np.zeros(x.shape)
    with np.errstate(divide="ignore", invalid="ignore"):
        inside = np.where(x > 0, x * np.log(x / share), 0) + np.where(x < 1, (1 - x) * np.log((1 - x) / (1 - share)), 0)
    return np.where(x > share, cut * inside, 0)
