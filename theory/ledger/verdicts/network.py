"""What the paper's Fig. 4 shows, decided by the networks of `results/network/`."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import ttest_ind

from memgen.denoisers.training import steps_of
from memgen.experiments.network import SPREAD, TRAINED, Run, difference, longer_runs
from memgen.runs.store import load
from memgen.statistics import mean, proportion
from theory.ledger.ruling import Criterion, Question, Range


@cache
def _table() -> pd.DataFrame:
    return load("network")[0]


def script_runs(table: pd.DataFrame, epochs: int = 10) -> list[Run]:
    """The script's trainings, by n."""
    return [Run(n, steps_of(epochs, int(TRAINED * n)), rows) for n, rows in table.groupby("n")]


def _of(table: pd.DataFrame, measure: str, points: str = "", generator: str = "network") -> pd.DataFrame:
    return table[(table["measure"] == measure) & (table["points"] == points) & (table["generator"] == generator)]


def _by_size(table: pd.DataFrame, measure: str, points: str = "") -> dict[int, Range]:
    """Means over networks with their 95% intervals, by n."""
    return {n: _ranged(rows["value"]) for n, rows in _of(table, measure, points).groupby("n")}


def _ranged(values: Sequence[float] | pd.Series) -> Range:
    return Range.of(mean(np.asarray(values)))


def _welch(one: pd.Series, other: pd.Series) -> Range:
    """The difference of two means with Welch's interval."""
    low, high = ttest_ind(one, other, equal_var=False).confidence_interval()
    return Range(float(one.mean() - other.mean()), float(low), float(high))


# -- C6 ---------------------------------------------------------------------------------------------------------------


class Effort(NamedTuple):
    """The smallest and the largest set of those that were trained for equal steps a training point, or equal epochs."""

    few: int  # n
    many: int
    steps_few: int
    steps_many: int
    per_point: float  # gradient steps per training point, at the smallest
    epochs_few: float  # passes over the training points, at the smallest
    at_few: Range  # memorized fraction at the second-lowest noise
    at_many: Range
    gap: Range  # largest less smallest
    copies_few: float  # share of what is generated
    copies_many: float
    variance_few: Range  # of what is generated, in units of the data's
    variance_many: Range

    def passes(self) -> bool:
        """Whether memory is there at the smallest n and gone at the largest, where the law is generated."""
        gone = self.at_many.within(-0.1, 0.1) and self.gap.below(0)
        return self.at_few.above(0.1) and gone and 0.8 < self.variance_many.value < 1.25

    def stays(self) -> bool:
        """Whether memory is there at the smallest n, and clearly more than half as much at the largest."""
        return self.at_few.above(0.1) and self.at_many.above(self.at_few.value / 2)


class Fig4(NamedTuple):
    """What networks have memorized, at the script's budget and beyond."""

    noise: float  # the second-lowest at which they are compared with their limits, in σ
    script: Effort  # 10 epochs: 10 to 80 steps, 0.08 to 0.22 a training point
    margin: float  # the end farthest from 0 of the intervals of the memorized fraction, over n
    least_variance: float  # of what is generated, over n
    longer: tuple[Effort, ...]  # longer trainings of equal steps a training point, the fewest first
    epochs: tuple[Effort, ...]  # of equal epochs, likewise: batches of small sets are smaller
    unequal: tuple[Effort, ...]  # and of equal steps, hence of unequal steps a training point


def effort(few: Run, many: Run) -> Effort:
    """Compare the networks of two sizes."""
    level = sorted(few.rows["tau"].dropna().unique())[1]

    def memorized(run: Run) -> pd.Series:
        return _of(run.rows[run.rows["tau"] == level], "a", "train")["value"]

    def copies(run: Run) -> float:
        return float(_of(run.rows, "flagged")["value"].mean())

    def variance(run: Run) -> Range:
        return _ranged(_of(run.rows, "variance")["value"])

    return Effort(
        few.n,
        many.n,
        few.steps,
        many.steps,
        few.per_point,
        few.epochs,
        _ranged(memorized(few)),
        _ranged(memorized(many)),
        _welch(memorized(many), memorized(few)),
        copies(few),
        copies(many),
        variance(few),
        variance(many),
    )


def equal_efforts(runs: Sequence[Run], effort_of: Callable[[Run], float]) -> list[Effort]:
    """The extremes of each group of sizes whose effort, steps a training point or epochs, agrees to a tenth."""
    groups: list[list[Run]] = []
    for run in sorted(runs, key=effort_of):
        if groups and effort_of(run) < 1.1 * effort_of(groups[-1][0]):
            groups[-1].append(run)
        else:
            groups.append([run])
    ordered = (sorted(group, key=lambda run: run.n) for group in groups)
    return [effort(group[0], group[-1]) for group in ordered if group[0].n < group[-1].n]


def fig4(table: pd.DataFrame, longer: Sequence[Run]) -> Fig4:
    """The evidence in the script's trainings and in longer ones."""
    runs = script_runs(table)
    level = sorted(table["tau"].dropna().unique())[1]
    seen = _by_size(table[table["tau"] == level], "a", "train")
    steps = sorted({run.steps for run in longer})
    same = [sorted((run for run in longer if run.steps == size), key=lambda run: run.n) for size in steps]
    return Fig4(
        level / SPREAD,
        effort(runs[0], runs[-1]),
        max(max(abs(x.low), abs(x.high)) for x in seen.values()),
        min(x.value for x in _by_size(table, "variance").values()),
        tuple(equal_efforts(longer, lambda run: run.per_point)),
        tuple(equal_efforts(longer, lambda run: run.epochs)),
        tuple(effort(group[0], group[-1]) for group in same if group[0].n < group[-1].n),
    )


def _compared(found: Effort) -> str:
    return (
        f"{found.at_few.told()} at n = {found.few} ({found.steps_few} steps) and {found.at_many.told()} at n = "
        f"{found.many} ({found.steps_many} steps), and {found.copies_few:.0%} and {found.copies_many:.0%} of what is "
        "generated are copies"
    )


def _say_fig4(found: Fig4) -> tuple[str, str]:
    script = found.script
    longer = "".join(
        f" After longer trainings, of about {x.per_point:.0f} steps a training point, it is {_compared(x)}."
        for x in found.longer
    )
    epochs = "".join(f" After equal epochs, {x.epochs_few:.0f}, it is {_compared(x)}." for x in found.epochs)
    unequal = "".join(
        f" After equal steps, {x.steps_few}, it is {_compared(x)}; but these are {x.many / x.few:.0f} times as many a "
        "training point for the smaller set."
        for x in found.unequal
    )
    return (
        f"Memorized within ±{found.margin:.2f}; variance {found.least_variance:.1f} times the data's.",
        f"P(Δ>0) does rise along Fig. 4 (R5.4), and the number of gradient steps with it, from {script.steps_few} to "
        f"{script.steps_many}. At that budget, {script.per_point:.2f} steps a training point at n = {script.few}, the "
        f"memorized fraction (noise {found.noise:.2g} σ) is within ±{found.margin:.3f} of 0 at every n, and what is "
        f"generated has {script.variance_few.value:.1f} times the variance of the data at n = {script.few} and "
        f"{script.variance_many.value:.1f} at n = {script.many}, {found.least_variance:.1f} at least.{longer}"
        f"{epochs}{unequal} So the row is about time as much as about n.",
    )


transition = Question(
    lambda: fig4(_table(), longer_runs()),
    (
        Criterion(
            "holds",
            "at the script's budget the memorized fraction falls from clearly above 0.1 at the smallest n to clearly "
            "within ±0.1 at the largest, where the generated variance is 0.8 to 1.25 of the data's",
            lambda e: e.script.passes(),
        ),
        Criterion(
            "holds with a correction",
            "not there, but it does in longer trainings of equal gradient steps a training point, or of equal epochs",
            lambda e: any(x.passes() for x in e.longer + e.epochs),
        ),
        Criterion(
            "fails",
            "at the script's budget nothing is learnt at any n, neither the set (within ±0.1) nor the law (variance "
            "above 1.5); or there, or in all longer trainings of equal steps a point and of equal epochs, the fraction "
            "at the largest n is clearly more than half of that at the smallest",
            lambda e: (
                (e.margin < 0.1 and e.least_variance > 1.5)
                or e.script.stays()
                or (bool(e.longer and e.epochs) and all(x.stays() for x in e.longer + e.epochs))
            ),
        ),
    ),
    _say_fig4,
)


# -- R2.2 -------------------------------------------------------------------------------------------------------------


class Distances(NamedTuple):
    """How E_TG and E_OG of Fig. 4 go with n, on the script's scales, and their difference."""

    train: Range  # the part of E_TG by which it falls from the smallest n to the largest
    truth: Range  # the same of E_OG
    train_later: Range  # from the second n to the largest
    truth_later: Range
    gap_first: Range  # E_TG − E_OG at the smallest n
    gap_most: float
    sizes: int  # numbers n
    positive: int  # at which the difference is clearly positive
    negative: int  # and clearly negative
    ideal: float  # the difference for an ideal sampler, and for a copier of training points
    copier: float


def distances_in(table: pd.DataFrame) -> Distances:
    """The evidence in the script's trainings."""
    by_size = {p: dict(list(_of(table, "published", p).groupby("n")["value"])) for p in ("train", "truth")}
    sizes = sorted(by_size["train"])

    def fall(points: str, start: int) -> Range:
        first, last = by_size[points][sizes[start]], by_size[points][sizes[-1]]
        return _welch(first, last).over(float(first.mean()))

    gaps = {n: _ranged(values) for n, values in difference(table, "published", "truth").groupby("n")}
    return Distances(
        fall("train", 0),
        fall("truth", 0),
        fall("train", 1),
        fall("truth", 1),
        gaps[sizes[0]],
        max(gap.value for gap in gaps.values()),
        len(sizes),
        sum(bool(gap.above(0)) for gap in gaps.values()),
        sum(bool(gap.below(0)) for gap in gaps.values()),
        float(difference(table, "published", "truth", "ideal").mean()),
        float(difference(table, "published", "truth", "copier").mean()),
    )


def _say_distances(found: Distances) -> tuple[str, str]:
    return (
        f"Falls of {found.train.value:.0%} and {found.truth.value:.0%}; Δ negative at {found.negative} sizes.",
        f"On the script's three pixel scales E_TG falls by {found.train.told()} of its value and E_OG by "
        f"{found.truth.told()} from the smallest n to the largest; from the second n on, by {found.train_later.told()} "
        f"and {found.truth_later.told()}. Their difference is {found.gap_first.told(1)} at the smallest n and "
        f"{found.gap_most:.1f} at most; it is clearly positive at {found.positive} of {found.sizes} sizes and clearly "
        f"negative at {found.negative}. It is a matter of scales: an ideal sampler has {found.ideal:.2f} and a copier "
        f"of training points {found.copier:.2f}.",
    )


def _fall_together(found: Distances) -> bool:
    return all(x.above(0) and x.value > 0.1 for x in (found.train, found.truth))


distances = Question(
    lambda: distances_in(_table()),
    (
        Criterion(
            "holds",
            "from the smallest n to the largest both clearly fall, by more than a tenth, and clearly from the second n "
            "on; and their difference is nowhere clearly negative",
            lambda e: not e.negative and _fall_together(e) and e.train_later.above(0) and e.truth_later.above(0),
        ),
        Criterion(
            "holds with a correction",
            "they do, but not both from the second n on",
            lambda e: not e.negative and _fall_together(e),
        ),
        Criterion(
            "fails",
            "their difference is clearly negative at some n and clearly positive at others, or one of them clearly "
            "rises, by more than a tenth, while the other falls",
            lambda e: (
                (e.negative > 0 and e.positive > 0)
                or any(
                    rises.below(0) and rises.value < -0.1 and falls.above(0)
                    for rises, falls in ((e.train, e.truth), (e.truth, e.train))
                )
            ),
        ),
    ),
    _say_distances,
)


# -- R5.4 -------------------------------------------------------------------------------------------------------------


class Published(NamedTuple):
    """P(Δ > 0) on the script's scales."""

    first: Range  # at the smallest n
    last: Range
    least: float  # over n
    lowest: float  # the lowest upper end of an interval, over n
    ideal: float  # of an ideal sampler, and of a copier of training points, over all n
    copier: float
    networks: int  # of each size


def published_in(table: pd.DataFrame) -> Published:
    """The evidence in the script's trainings."""
    network = _published(table, "network")
    ideal, copier = (float(np.mean([p.value for p in _published(table, name)])) for name in ("ideal", "copier"))
    return Published(
        network[0],
        network[-1],
        min(p.value for p in network),
        min(p.high for p in network),
        ideal,
        copier,
        int(table["replica"].nunique()),
    )


def _published(table: pd.DataFrame, generator: str) -> list[Range]:
    positive = (difference(table, "published", "truth", generator) > 0).groupby("n")
    return [Range(*proportion(int(hits.sum()), len(hits))) for _, hits in positive]


probability = Question(
    lambda: published_in(_table()),
    (
        Criterion("holds", "P(Δ>0) is 0.8 or more at every n", lambda e: e.least >= 0.8),
        Criterion(
            "holds with a correction",
            "it is less somewhere, but tells nothing of memory: a mere copier and an ideal sampler have more than 0.8",
            lambda e: min(e.ideal, e.copier) > 0.8,
        ),
        Criterion(
            "fails",
            "it is clearly below 0.8 somewhere, where a copier has less than ½ and an ideal sampler more",
            lambda e: e.lowest < 0.8 and e.copier < 0.5 < e.ideal,
        ),
    ),
    lambda e: (
        f"It goes from {e.first.value:.1f} to {e.last.value:.1f}; a copier has {e.copier:.2f}.",
        f"With {e.networks} networks a size it is {e.first.told()} at the smallest n and {e.last.told()} at the "
        f"largest, {e.least:.1f} at least; the upper ends of the intervals are {e.lowest:.2f} or more. But on the "
        f"script's scales an ideal sampler has {e.ideal:.2f} and a copier {e.copier:.2f}: where these are equal, "
        "neither the level nor a rise says anything about memorization.",
    ),
)


# -- R5.6 -------------------------------------------------------------------------------------------------------------


class Quality(NamedTuple):
    """Variance of what is generated, in units of the data's, at the sizes where Fig. 4 has P(Δ > 0) ≥ 0.8."""

    sizes: int
    off: int  # of these, those where the variance is clearly above 1.25 or clearly below 0.8
    right: int  # and those where it is clearly between
    least: float
    most: float
    ideal: float  # of an ideal sampler


def quality_in(table: pd.DataFrame) -> Quality:
    """The evidence in the script's trainings."""
    sizes = sorted(table["n"].unique())
    content = [n for n, p in zip(sizes, _published(table, "network"), strict=True) if p.value >= 0.8]
    variance = [_by_size(table, "variance")[n] for n in content]
    values = [x.value for x in variance]
    return Quality(
        len(content),
        sum(bool(x.above(1.25) or x.below(0.8)) for x in variance),
        sum(bool(x.within(0.8, 1.25)) for x in variance),
        min(values, default=np.nan),
        max(values, default=np.nan),
        float(_of(table, "variance", generator="ideal")["value"].mean()),
    )


quality = Question(
    lambda: quality_in(_table()),
    (
        Criterion(
            "holds",
            "quality is another matter than the criterion: wherever P(Δ>0) of Fig. 4 is 0.8 or more, the generated "
            "variance is clearly above 1.25 or below 0.8 of the data's",
            lambda e: e.sizes > 0 and e.off == e.sizes,
        ),
        Criterion("holds with a correction", "it is so at some of these n", lambda e: e.off > 0),
        Criterion(
            "fails", "at each of them it is clearly between the two", lambda e: e.sizes > 0 and e.right == e.sizes
        ),
    ),
    lambda e: (
        f"Generated variance {e.least:.1f} to {e.most:.1f} of the data's.",
        f"The authors leave it to future work. At the {e.sizes} sizes at which P(Δ>0) of Fig. 4 is 0.8 or more, which "
        f"reads as generalization, the generated pixels have {e.least:.1f} to {e.most:.1f} times the variance of the "
        f"data (an ideal sampler: {e.ideal:.2f}); clearly off by more than a quarter at {e.off} of them.",
    ),
)
