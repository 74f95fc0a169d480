"""Standard scores and sentences of chapter 6."""

from collections.abc import Iterable, Mapping

import pandas as pd

from memgen.figures.criteria.crossings import CRITERIA, crossing
from memgen.statistics import mean
from theory import criteria


def scores(
    rows: pd.DataFrame, predictions: Mapping[int, Mapping[str, float]], name: str, least: int = 16
) -> list[float]:
    """z of the simulated threshold of a criterion against the predicted one: one score for each d from `least` on."""
    found = []
    for d, part in rows.groupby("d"):
        estimate = crossing(part, name)
        if estimate and int(d) >= least:
            found.append(estimate.z(predictions[int(d)][name]))
    return found


def flag_scores(rows: pd.DataFrame, sizes: Iterable[int], least: int = 100, more: int = 0) -> list[float]:
    """z of the flagged fraction at n against its limit at n + `more` points: for each n, and each d from `least` on."""
    flagged = rows[(rows["measure"] == "flagged") & (rows["d"] >= least)]
    found = []
    for n in sizes:
        for _, part in flagged[flagged["n"] == n].groupby("d"):
            found.append(mean(part["value"]).z(criteria.linear_flag_rate(n + more)))
    return found


def compared(linear: pd.DataFrame, trained: pd.DataFrame) -> str:
    """A line of text for each criterion that both reach: the networks' n where it turns over the linear generator's."""
    lines = []
    for name, at in CRITERIA.items():
        own, other = crossing(linear, name), crossing(trained, name)
        if own and other:
            ratio = other.value / own.value
            error = ratio * (own.error**2 / own.value**2 + other.error**2 / other.value**2) ** 0.5
            lines.append(f"{at.label}: networks turn at {ratio:.1f} ± {error:.1f} times the n")
    return "\n".join(lines)
