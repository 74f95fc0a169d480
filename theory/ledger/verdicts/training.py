"""What the networks of `results/training/` say of the claim on the number of parameters."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from memgen.experiments.training import milestones
from memgen.runs.store import load
from memgen.statistics import mean
from theory.ledger.ruling import Criterion, Question, Range

_TAU, _SHARE = 0.3, 0.1  # noise in units of σ; the memorized fraction that counts as the onset of memory
_SHOWN = 512  # training points, for the fraction after the same number of steps


class Width(NamedTuple):
    """The narrowest and the widest network (few, many parameters) on the same points."""

    few: int
    many: int
    steps: int
    last_few: float  # memorized fraction after all of them, n = 512
    last_many: float
    points: int  # the most at which all networks pass a = 1/10
    pace: Range  # steps to a = 1/10 there, narrowest over widest: geometric mean
    least: int  # training points where courses are the flattest
    rise_few: Range  # of the fraction there, over the last doubling of steps
    rise_many: Range
    level: Range  # the fraction there at the end, widest less narrowest


def _width() -> Width:
    table, made_by = load("training")
    d, steps = made_by["parameters"]["dims"][0], made_by["parameters"]["steps"]
    rows = table[(table["d"] == d) & (table["tau"] == _TAU) & (table["points"] == "train") & (table["measure"] == "a")]
    return measured(rows[rows["generator"] == "network"], milestones(table[table["d"] == d], _SHARE), steps)


def measured(rows: pd.DataFrame, found: pd.DataFrame, steps: int) -> Width:
    """The evidence in rows of `a` on training points and in the milestones of the same networks."""
    few, many = int(rows["weights"].min()), int(rows["weights"].max())

    def at(weights: int, n: int, step: int) -> pd.Series:
        chosen = (rows["weights"] == weights) & (rows["n"] == n) & (rows["step"] == step)
        return rows[chosen].set_index("replica")["value"]

    onset = found[found["tau"] == _TAU].pivot(index=["n", "replica"], columns="weights", values="memorized")
    there = np.isfinite(onset).all(axis=1).groupby("n").all()
    points, least = int(there.index[there].max()), int(rows["n"].min())
    pace = Range.of(mean(np.log(onset[few] / onset[many]).loc[points].to_numpy()))
    seen = rows["step"].unique()
    half = int(seen[np.argmin(abs(seen - steps / 2))])
    few_end, many_end = at(few, least, steps), at(many, least, steps)
    return Width(
        few,
        many,
        steps,
        float(at(few, _SHOWN, steps).mean()),
        float(at(many, _SHOWN, steps).mean()),
        points,
        Range(*np.exp(pace).tolist()),
        least,
        Range.of(mean((few_end - at(few, least, half)).to_numpy())),
        Range.of(mean((many_end - at(many, least, half)).to_numpy())),
        Range.of(mean((many_end - few_end).to_numpy())),
    )


def _say(found: Width) -> tuple[str, str]:
    return (
        f"{found.pace.value:.1f} times as many steps with {found.few} as {found.many}.",
        f"Perceptrons (d = 16, noise {_TAU} σ) with {found.few} parameters take {found.pace.told(1)} times as many "
        f"steps to a memorized fraction of 1/10 as those with {found.many}, on the same {found.points} points; after "
        f"the same {found.steps} steps on {_SHOWN} points the fraction is {found.last_few:.2f} and "
        f"{found.last_many:.2f}. That is speed. What a network can hold in the end is another question, which needs "
        f"courses that have flattened. Even on {found.least} points, where memory comes first, the fraction rises by "
        f"{found.rise_few.told()} in the last doubling of the steps with {found.few} parameters and by "
        f"{found.rise_many.told()} with {found.many}; they are {found.level.value:.2f} apart by then. The linear model "
        "has d² + d parameters, and a fraction of d/4n at most (isotropic data, noise below the collapse width).",
    )


def _faster(found: Width) -> bool:
    return found.pace.above(1.5) or found.pace.below(1 / 1.5)


def _flat(found: Width) -> bool:
    return found.rise_few.below(0.05) and found.rise_many.below(0.05)


parameters = Question(
    _width,
    (
        Criterion(
            "holds",
            "the number of parameters counts for speed and for capacity: the steps to a = 1/10 clearly differ by more "
            "than a factor 1.5, and where narrowest and widest have both flattened (clearly less than 0.05 in the last "
            "doubling of steps), their levels clearly differ by more than 0.05",
            lambda e: _faster(e) and _flat(e) and (e.level.above(0.05) or e.level.below(-0.05)),
        ),
        Criterion(
            "holds with a correction", "it counts for speed; for capacity it does not, or that is not known", _faster
        ),
        Criterion(
            "fails",
            "the steps are clearly within a factor 1.5, and the levels clearly within 0.05 where both have flattened",
            lambda e: e.pace.within(1 / 1.5, 1.5) and _flat(e) and e.level.within(-0.05, 0.05),
        ),
    ),
    _say,
)
