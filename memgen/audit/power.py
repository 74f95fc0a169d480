"""The power of an audit: how often it finds copies that are planted among the generated points, under permuted labels.

If a test is significant, records stand in for the generated points, as a perfect generator would draw them.
"""

from functools import cache, cached_property
from typing import NamedTuple

import numpy as np

from memgen.audit.decide import Decision, Null, labellings
from memgen.audit.neighbours import Lists
from memgen.audit.statistics import Drawn, comparisons, near_copies, overlap, sums
from memgen.streams import stream

POWER = 0.8  # the least power at which an audit that finds nothing says "no evidence"
# How far a copy lies from its original, in median distances of a record to its nearest
KINDS = {"near": 0.25, "loose": 0.8}
_COPIES = 2000  # copies made of each kind, at most
PLANTINGS = 40  # random plantings for each number of copies


class Copies(NamedTuple):
    """Copies of records: their neighbour lists, and the index in the pool of the record that each one copies."""

    lists: Lists
    source: np.ndarray


class Power:
    """How often an audit with these lists, cells and thresholds finds planted copies."""

    def __init__(self, decision: Decision, seed: int = 0) -> None:
        self._made, self._seed = decision, seed
        memorized = any(test.significant for test in decision.tests)
        self._drawn = self._perfect() if memorized else decision.drawn
        self._bars = {name: null.bar(decision.level(name)) for name, null in decision.nulls.items()}
        least = min(decision.level(test.name) for test in decision.tests)
        times = int(np.ceil(1 / least)) + 40  # just enough for a p-value below that level
        self._labels = labellings(decision.around.records, times, stream(seed, "audit", "power"))
        rank = int(decision.level("near copies") * (1 + len(decision.chance)))
        self._scan_bar = np.sort(decision.chance)[::-1][rank - 1]
        self.of = cache(self._of)

    def _of(self, kind: str, count: int) -> dict[str, float]:
        """Return the share of plantings of `count` copies that each test finds; under "any", that some test finds."""
        around, found = self._made.around, []
        for k in range(PLANTINGS):
            draws = stream(self._seed, "audit", "planting", kind, count, k)
            members = labellings(around.records, 1, draws)
            planted = self._plant(kind, count, members[0], draws)
            hit = {"near copies": near_copies(planted, around, members[0]).value > self._scan_bar + 1e-9}
            if self._made.nulls:
                hit |= self._found(planted, members)
            found.append(hit | {"any": any(hit.values())})
        return {name: float(np.mean([hit[name] for hit in found])) for name in found[0]}

    def _found(self, planted: Drawn, members: np.ndarray) -> dict[str, bool]:
        """Say which tests find the planted copies. The overlap gets a new null, for a few copies change its spread."""
        around, values = self._made.around, overlap(planted, self._made.around, np.concatenate([members, self._labels]))
        hit = {"overlap": Null.of(values.values, 1).p(values.values[:1]) <= self._made.level("overlap")}
        found = sums(planted, around, members) | comparisons(planted, around, self._made.cell, members)
        for name, measured in found.items():
            hit[name] = bool(self._made.nulls[name].scores(measured.values).max() > self._bars[name] + 1e-9)
        return hit

    def curve(self, kind: str, stated: int) -> list[tuple[int, float]]:
        """Return (number of copies, power of the audit) at the stated number, and around where this is `POWER`."""
        low, high, most = 0, stated, max(len(self._made.drawn.cell) // 2, stated)
        counts = {stated}
        while self.of(kind, high)["any"] < POWER and high < most:
            low, high = high, min(4 * high, most)
            counts.add(high)
        if self.of(kind, high)["any"] >= POWER:
            while high - low > max(1, high // 6):
                middle = min(max(round(np.sqrt(max(low, 1) * high)), low + 1), high - 1)
                counts.add(middle)
                low, high = (low, middle) if self.of(kind, middle)["any"] >= POWER else (middle, high)
        return [(count, self.of(kind, count)["any"]) for count in sorted(counts)]

    def _perfect(self) -> Drawn:
        """Draw as many records as there are generated points, each with its lists of the other records."""
        around, drawn = self._made.around, self._made.drawn
        chosen = stream(self._seed, "audit", "perfect").integers(len(around.rows), size=len(drawn.cell))
        lists = Lists(*(a[chosen, : drawn.lists.indices.shape[1]] for a in around.own))
        return Drawn(lists, self._made.cell[around.rows[chosen]], drawn.to_generated)

    @cached_property
    def _copies(self) -> dict[str, Copies]:
        """For each kind copies of the same random records, blurred by isotropic noise."""
        around = self._made.around
        pool, draws = around.records.pool, stream(self._seed, "audit", "copies")
        source = draws.permutation(len(pool))[:_COPIES]
        noise = draws.standard_normal((len(source), pool.shape[1]), dtype=np.float32)
        noise *= around.scale / np.linalg.norm(noise, axis=1, keepdims=True)
        blurred = {kind: (pool[source] + blur * noise).astype(pool.dtype) for kind, blur in KINDS.items()}
        return {kind: Copies(around.of(points), source) for kind, points in blurred.items()}

    def _plant(self, kind: str, count: int, members: np.ndarray, draws: np.random.Generator) -> Drawn:
        """Replace `count` generated points by copies of members, or fewer if there are not as many copies."""
        copies, drawn = self._copies[kind], self._drawn
        chosen = draws.permutation(np.flatnonzero(members[copies.source]))[:count]
        kept = np.sort(draws.permutation(len(drawn.cell))[len(chosen) :])
        lists = Lists(*(a[chosen] for a in copies.lists))
        to_generated = drawn.to_generated.copy()
        np.minimum.at(to_generated, lists.indices, lists.distances)
        return Drawn(
            Lists(*(np.concatenate([a[kept], b]) for a, b in zip(drawn.lists, lists, strict=True))),
            np.concatenate([drawn.cell[kept], self._made.cell[copies.source[chosen]]]),
            to_generated,
        )
