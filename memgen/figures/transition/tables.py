"""Chapter 4: numbers that are read off the sweep, and the tables of the chapter."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import pandas as pd
from IPython.display import Markdown

from memgen.experiments.transition import LADDER, Choice
from memgen.statistics import first_crossing

PUBLIC, SINGLE, TRANSPOSED, EXACT, EQUAL, MANY, NULL_UNEQUAL, NULL_EQUAL = LADDER
NAMES = {
    PUBLIC: r"the public code, $B^\top B$",
    SINGLE: r"float32, $BB^\top$",
    TRANSPOSED: r"float64, $B^\top B$",
    EXACT: r"exact: float64, $BB^\top$",
    EQUAL: "exact, equal holdout",
    MANY: "exact, equal holdout, many steps",
    NULL_UNEQUAL: "perfect generator, unequal sizes",
    NULL_EQUAL: "perfect generator, equal sizes",
}


class Curve(NamedTuple):
    """P(Δ > 0) by the number of training points, with its 95% interval and the number of training sets."""

    n: np.ndarray
    p: np.ndarray
    low: np.ndarray
    high: np.ndarray
    replicas: np.ndarray


def curve(table: pd.DataFrame, choice: Choice, d: int) -> Curve:
    """The curve of one choice in one dimension, from a table of `memgen.experiments.transition.probabilities`."""
    chosen = table[(table["choice"] == str(choice)) & (table["d"] == d)].sort_values("n")
    return Curve(*chosen[list(Curve._fields)].to_numpy(float).T)


def shown(table: pd.DataFrame) -> list[Choice]:
    """The choices in the table: those of the ladder in its order, then others."""
    found = set(table["choice"])
    others = sorted(found - set(map(str, LADDER)))
    return [choice for choice in LADDER if str(choice) in found] + [Choice._make(name.split()) for name in others]


def present(rows: pd.DataFrame) -> set[Choice]:
    """The choices in the rows of a sweep."""
    switches = rows.loc[rows["study"] == "figure3", list(Choice._fields)].drop_duplicates()
    return {Choice._make(row) for row in switches.itertuples(index=False)}


def name(choice: Choice) -> str:
    """The name of a choice in tables."""
    return NAMES.get(choice, str(choice))


def between(table: pd.DataFrame, choice: Choice, d: int, low: float, high: float) -> np.ndarray:
    """P at the numbers of training points from low × d to high × d."""
    found = curve(table, choice, d)
    return found.p[(found.n >= low * d) & (found.n <= high * d)]


def crossing(table: pd.DataFrame, choice: Choice, d: int, level: float = 0.5) -> float:
    """n/d at which P first reaches the level, on straight lines in ln n; ∞ if it never does."""
    found = curve(table, choice, d)
    return float(np.exp(first_crossing(np.log(found.n), found.p, level))) / d


def terms(rows: pd.DataFrame, choice: Choice, d: int) -> pd.DataFrame:
    """Δ and its terms of every training set of one choice in one dimension: indexed by n and replica."""
    chosen = rows[(rows["study"] == "figure3") & (rows["d"] == d)]
    for switch, value in choice._asdict().items():
        chosen = chosen[chosen[switch] == value]
    return chosen.pivot(index=["n", "replica"], columns="measure", values="value")


def table(columns: Iterable[str], rows: Iterable[Iterable[object]]) -> Markdown:
    """A Markdown table; numbers are formatted by the caller."""
    head = list(columns)
    lines = [[str(cell).replace("|", r"\|") for cell in line] for line in (head, ["---"] * len(head), *rows)]
    return Markdown("\n".join(f"| {' | '.join(line)} |" for line in lines))


def _multiple(value: float) -> str:
    return f"{value:.2g}" if np.isfinite(value) else "not reached"


def where_it_rises(delta: pd.DataFrame) -> Markdown:
    """n/d at which P(Δ > 0) reaches ½, and P at n = d and at the largest n, for every choice and dimension."""
    rows = []
    for choice in shown(delta):
        for d in sorted(delta["d"].unique()):
            n, p, low, high, _ = curve(delta, choice, d)
            at = [f"{p[k]:.2f} ({low[k]:.2f}–{high[k]:.2f})" for k in (int(np.argmin(abs(n - d))), len(n) - 1)]
            where = "–" if choice.generator == "ideal" else _multiple(crossing(delta, choice, d))
            rows.append((name(choice), d, where, *at))
    return table(("computed how", "d", "n/d at ½", "P at n = d", "P at n = 16 d"), rows)


RATIOS = (0.25, 0.5, 0.75, 0.9, 0.95, 1.05, 2, 4)


def close_to_d(delta: pd.DataFrame, d: int) -> Markdown:
    """P(Δ > 0) at some multiples of d, for the two precisions and the two orders of B."""
    rows = []
    for choice in (PUBLIC, SINGLE, TRANSPOSED, EXACT):
        found = curve(delta, choice, d)
        at = [found.p[np.isclose(found.n, ratio * d, rtol=0, atol=0.5)] for ratio in RATIOS]
        rows.append((name(choice), *(f"{p[0]:.2f}" if p.size else "–" for p in at)))
    return table(("n/d", *(f"{ratio:g}" for ratio in RATIOS)), rows)


def rise(delta: pd.DataFrame, choice: Choice, d: int) -> float:
    """The factor by which n grows between P = ¼ and P = ½."""
    return crossing(delta, choice, d) / crossing(delta, choice, d, 0.25)


def answers(delta: pd.DataFrame, quarters: dict[int, float]) -> Markdown:
    """A table of what the chapter finds, a column a dimension; `quarters` has the n where the overlap gap's P is ¼."""
    sizes = sorted(delta["d"].unique())
    there = shown(delta)

    def span(values: np.ndarray) -> str:
        low, high = f"{values.min():.2f}", f"{values.max():.2f}"
        return low if low == high else f"{low} to {high}"

    rows = []
    for choice, said in ((PUBLIC, "as the public code computes it"), (EXACT, "in exact arithmetic")):
        if choice in there:
            where = (_multiple(crossing(delta, choice, d)) for d in sizes)
            rows.append((f"n/d at which P(Δ > 0) reaches ½, {said}", *where))
    if EXACT in there:
        gradual = (_multiple(rise(delta, EXACT, d)) for d in sizes)
        rows.append(("by what factor n grows from P = ¼ to ½, in exact arithmetic", *gradual))
    if NULL_UNEQUAL in there:
        nulls = (span(between(delta, NULL_UNEQUAL, d, 0, 16)) for d in sizes)
        rows.append(("P(Δ > 0) of a perfect generator against many original points", *nulls))
    if MANY in there:
        last = (f"{curve(delta, MANY, d).p[-1]:.2f}" for d in sizes)
        rows.append(("P(Δ > 0) in many steps against an equal holdout, at n = 16 d", *last))
    known = (f"{quarters[d] / d:.0f}" if d in quarters else "–" for d in sizes)
    rows.append(("n/d at which the overlap alone favours the holdout in a quarter of the draws", *known))
    return table(("in the linear model", *(f"d = {d}" for d in sizes)), rows)
