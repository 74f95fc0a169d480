"""The tests of an audit, from neighbour lists and labels.  Nothing here knows the theory; `audit` adds it."""

from collections.abc import Collection
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from memgen.audit.neighbours import Neighbourhoods, Progress, Search
from memgen.audit.records import Equals, Records
from memgen.audit.result import LEVEL, Test
from memgen.audit.statistics import Drawn, Measured, Scan, kinship, measure, near_copies, scatter, two_nearest
from memgen.streams import stream

LABELLINGS = 499
SHUFFLES = 1999
STRANGE = 1 / (1 + LABELLINGS)  # the p-value at which a holdout is not of the training set's law: the least there is
_CELLS = 10
_FITTED = 5000  # records, at most, that the cells are fitted to

EXCHANGED = "training and held-out records are draws of one law, whatever the generator is"
DRAWN = "fresh rows, and those of a generator that never saw the training set, are draws of one law"
ALIKE = "where they are not copies, generated points are as seldom this close to one record as other points are"
QUESTIONS = {
    "near copies": "Do generated points lie at one training record and at no second, as nothing else does?",
    "verbatim": "Are generated rows training rows, number for number, more often than fresh rows are?",
    "surest first": "Are the records that generated points single out more often training records than held-out ones?",
    "closest record": "Is the record closest to a generated point more often a training record than a held-out one?",
    "AuthPct": "Are generated points nearer to their training record than that is to the others?",
    "C_T": "Are generated points nearer to the training set than held-out points are?",
    "overlap": "Do kernels at generated points overlap more with training records than with held-out ones?",
    "membership": "Does the distance to the nearest generated point tell training records from held-out ones?",
    "membership in the law": "Does the Mahalanobis distance in mean and covariance of the generated points do so?",
}


SINGLE = {"near copies", "verbatim"}  # the tests whose evidence is single points


class Null(NamedTuple):
    """A statistic under its null: values (times, c) for permuted labels, and which deviation speaks for memory.

    `middle` and `spread` (c,) are mean and standard deviation, `side` is the sign of that deviation; c counts the cuts
    or scales of a scan.
    """

    values: np.ndarray
    middle: np.ndarray
    spread: np.ndarray
    side: int

    @staticmethod
    def of(values: np.ndarray, side: int) -> "Null":
        """Make the null from values (1 + times, c): row 0 was observed, and is exchangeable with the others."""
        return Null(values[1:], values.mean(0), values.std(0), side)

    def scores(self, values: np.ndarray) -> np.ndarray:
        """Return by how many standard deviations of the null values (..., c) deviate towards memory; 0 where it has
        none."""
        away = self.side * (values - self.middle)
        return np.divide(away, self.spread, out=np.zeros_like(away), where=self.spread > 1e-12)

    def p(self, values: np.ndarray) -> float:
        """Return the exact p-value of values (1, c): the chance that the largest of c scores is as large."""
        reached = self.scores(self.values).max(1) >= self.scores(values).max() - 1e-9
        return float((1 + reached.sum()) / (1 + len(self.values)))

    def bar(self, level: float) -> float:
        """Return the score that must be exceeded for p to be at most `level`; ∞ if there are too few values."""
        ordered = np.sort(self.scores(self.values).max(1))[::-1]
        rank = int(level * (1 + len(ordered)))  # as many scores, the observed one included, may reach it
        return float(ordered[rank - 1]) if rank >= 1 else np.inf


class Decision(NamedTuple):
    """The tests of an audit, and all that they were made from."""

    tests: tuple[Test, ...]
    around: Neighbourhoods
    drawn: Drawn
    cell: np.ndarray  # of each record
    scan: Scan
    chance: np.ndarray  # values of the scan under its null
    nulls: dict[str, Null]  # of the other tests
    strange: bool  # whether the holdout is of another law than the training set, so that there are no other tests

    def level(self, name: str) -> float:
        """The level of a single test, with all other tests counted."""
        shares = weights([test.name for test in self.tests])
        return LEVEL * shares[name] / sum(shares.values())

    def ratios(self) -> dict[str, np.ndarray]:
        """Return d₁/d₂, distances to the two nearest training records, of generated points and of ("fresh") records."""
        around, generated = self.around, self.around.generated
        ours = two_nearest(generated, generated.dimension(), around.records.in_train)
        return {"generated": ours[0], "fresh": self._records()[0]}

    def fresh_closeness(self) -> np.ndarray:
        """`closeness` of records to the training set, without themselves."""
        return self._records()[1]

    def _records(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return two_nearest(self.around.own, self.around.own_dimension, self.around.records.in_train)


def cells(records: Records, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The cell of each record of the pool and of each generated point, by k-means of a sample of the pool."""
    count = min(_CELLS, len(records.pool) // 50)
    if count < 2 or records.in_train.all():
        return np.zeros(len(records.pool), int), np.zeros(len(records.generated), int)
    from sklearn.cluster import KMeans

    chosen = stream(seed, "audit", "cells").permutation(len(records.pool))[:_FITTED]
    found = KMeans(count, n_init=1, random_state=0).fit(records.pool[chosen])
    return found.predict(records.pool), found.predict(records.generated)


def labellings(records: Records, times: int, draws: np.random.Generator) -> np.ndarray:
    """Return labels (times, N), True for training: as many groups as there are in training, drawn at random."""
    groups = int(records.group.max()) + 1
    inside = np.zeros(groups, bool)
    inside[np.unique(records.group[records.in_train])] = True
    shuffled = draws.permuted(np.broadcast_to(inside, (times, groups)), axis=1)
    return shuffled[:, records.group]


def decide(records: Records, seed: int = 0, progress: Progress = iter, search: Search | None = None) -> Decision:
    """Make every test of records that are not crowded, each with its null.

    `search` stands in for `memgen.measures.nearest`.
    """
    around = Neighbourhoods(records, seed, progress, search)
    members = np.empty((0, len(records.pool)), bool)
    if records.fresh:
        others = labellings(records, LABELLINGS, stream(seed, "audit", "labels"))
        members = np.concatenate([records.in_train[None], others])
        if _strange(around, members):
            return decide(records.without_holdout(), seed, progress, search)._replace(strange=True)
    cell, drawn_cell = cells(records, seed)
    drawn = Drawn(around.generated, drawn_cell[around.kept], around.to_generated)
    scan = near_copies(drawn, around, records.in_train)
    chance = scan.chance(stream(seed, "audit", "shuffles"), SHUFFLES)
    measured = measure(drawn, around, cell, members) if len(members) else {}
    nulls = {name: Null.of(m.values, m.side) for name, m in measured.items()}
    usual = scan.shuffled(stream(seed, "audit", "usual"), SHUFFLES, np.array([scan.cut]))
    tests = [_near(scan, usual, float((1 + (chance >= scan.value - 1e-9).sum()) / (1 + SHUFFLES)))]
    if records.equals:
        tests.append(verbatim(records.equals))
    tests += [_test(name, m, nulls[name]) for name, m in measured.items()]
    p = {test.name: test.p for test in tests}
    adjusted = holm(p, weights(p))
    tests = [replace(test, adjusted=adjusted[test.name]) for test in tests]
    return Decision(tuple(tests), around, drawn, cell, scan, chance, nulls, False)


def _strange(around: Neighbourhoods, members: np.ndarray) -> bool:
    """Whether the holdout is of another law: records have their own for neighbours too often, or scatter otherwise."""
    for found in (kinship(around, members), scatter(around, members)):
        if Null.of(found.values, found.side).p(found.values[:1]) <= STRANGE:
            return True
    return False


def weights(names: Collection[str]) -> dict[str, float]:
    """Weigh tests by name: those of single copies, the plainest sign, have as much of the level as all others have."""
    others = float(len(set(names) - SINGLE))
    return {name: max(others, 1.0) if name in SINGLE else 1.0 for name in names}


def holm(p: dict[str, float], weight: dict[str, float]) -> dict[str, float]:
    """The p-values adjusted for their number (Holm 1979), each with the weight of its test."""
    adjusted, largest, left = {}, 0.0, sum(weight.values())
    for name in sorted(p, key=lambda name: p[name] / weight[name]):
        largest = max(largest, min(1.0, left * p[name] / weight[name]))
        adjusted[name], left = largest, left - weight[name]
    return adjusted


def _near(scan: Scan, usual: np.ndarray, p: float) -> Test:
    how = (
        f"generated points shuffled {SHUFFLES} times among all {scan.total}, the others two by two; "
        f"the {scan.cut} closest pairs"
    )
    return _alone("near copies", scan.found, usual.mean(), np.quantile(usual, [0.025, 0.975]), how, ALIKE, p)


def verbatim(equals: Equals) -> Test:
    """Compare by Fisher's exact test how many generated and fresh rows are training rows, number for number."""
    from scipy import stats

    rows = equals.of_generated + equals.of_fresh
    law = stats.hypergeom(rows, equals.generated + equals.fresh, equals.of_generated)
    how = (
        f"Fisher's exact test: {equals.generated} of {equals.of_generated} generated rows are training rows, "
        f"{equals.fresh} of {equals.of_fresh} fresh ones"
    )
    with np.errstate(divide="ignore", invalid="ignore"):  # where all rows are equal to training rows, it has one value
        ends, middle, p = law.ppf([0.025, 0.975]), law.mean(), float(law.sf(equals.generated - 1))
    return _alone("verbatim", equals.generated, middle, ends, how, DRAWN, p)


def _test(name: str, measured: Measured, null: Null) -> Test:
    best = int(null.scores(measured.values[0]).argmax())
    choice = f"; the best of {len(measured.choices)}: {measured.choices[best]}" if len(measured.choices) > 1 else ""
    how, ends = f"labels permuted {len(null.values)} times{choice}", np.quantile(null.values[:, best], [0.025, 0.975])
    return _alone(name, measured.values[0, best], null.middle[best], ends, how, EXCHANGED, null.p(measured.values[:1]))


def _alone(name: str, statistic: float, middle: float, ends: np.ndarray, method: str, assumes: str, p: float) -> Test:
    """A test by itself: not yet adjusted for the others, its power not yet known."""
    low, high = map(float, ends)
    return Test(
        name, QUESTIONS[name], float(statistic), float(middle), low, high, method, assumes, p, adjusted=p, power={}
    )
