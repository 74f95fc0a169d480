"""The tables of chapter 6."""

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from memgen.figures.criteria.crossings import CRITERIA, Table, crossing, detected
from theory import criteria

KEYS = ["spectrum", "d", "n", "replica", "measure"]


def thresholds(found: pd.DataFrame, d: int) -> str:
    """Markdown: each criterion with its null and where it turns at this d, predicted and simulated."""
    rows = found[found["d"] == d].set_index("criterion").sort_values("simulated")
    lines = [
        f"| criterion | turns when | perfect generator | grows as | predicted $n$, $d = {d}$ | simulated (95%) |",
        "|---|---|---|---|---|---|",
    ]
    for name, row in rows.iterrows():
        at = CRITERIA[str(name)]
        predicted = "—" if np.isnan(row["predicted"]) else _three(row["predicted"])
        lines.append(f"| {at.label} | {at.turns} | {at.null} | {at.scale} | {predicted} | {_interval(row)} |")
    return "\n".join(lines)


def _interval(row: "pd.Series[float]") -> str:
    if np.isnan(row["simulated"]):
        return "not reached"
    if row["low"] == row["high"]:
        return f"{_three(row['simulated'])}, in every run"
    return f"{_three(row['simulated'])} ({_three(row['low'])}–{_three(row['high'])})"


def _three(value: float) -> str:
    """The value with three significant digits; without an exponent below a million."""
    return f"{float(f'{value:.3g}'):g}"


def answers(found: pd.DataFrame, d: int) -> str:
    """Markdown for the README: the criteria that are predicted, in words, with their predicted n at this d."""
    rows = found[found["d"] == d].set_index("criterion").sort_values("predicted")
    lines = [f"| it stops memorizing when … | samples in {d} dimensions |", "|---|---|"]
    for name, row in rows[rows["predicted"].notna()].iterrows():
        lines.append(f"| {CRITERIA[str(name)].turns} | {row['predicted']:.0f} |")
    return "\n".join(lines) + "\n"


def spectra(rows: pd.DataFrame, sizes: Iterable[int]) -> str:
    """Markdown: where each criterion turns on isotropic data and on a power law, simulated."""
    sizes = list(sizes)
    head = " | ".join(f"isotropic, $d = {d}$ | power law" for d in sizes)
    lines = [f"| criterion | {head} |", "|---|" + "---|" * (2 * len(sizes))]
    for name, at in CRITERIA.items():
        cells = []
        for d in sizes:
            for spectrum in ("isotropic", "power law"):
                part = rows[(rows["d"] == d) & (rows["spectrum"] == spectrum)]
                estimate = crossing(part, name)
                cells.append(_three(estimate.value) if estimate else "—")
        lines.append(f"| {at.label} | {' | '.join(cells)} |")
    return "\n".join(lines)


def flags(rows: pd.DataFrame, sizes: Iterable[int]) -> str:
    """Markdown: the flagged fraction at a few n, in the limit of many dimensions and simulated."""
    dims = sorted(rows["d"].unique())
    lines = ["| n | limit | " + " | ".join(f"$d = {d}$" for d in dims) + " |", "|---|---|" + "---|" * len(dims)]
    flagged = rows[rows["measure"] == "flagged"].groupby(["n", "d"])["value"].mean()
    for n in sizes:
        cells = " | ".join(f"{flagged[n, d]:.4f}" for d in dims)
        lines.append(f"| {n} | {criteria.linear_flag_rate(n):.4f} | {cells} |")
    return "\n".join(lines)


# What a test on samples alone counts, and whether memory makes it large (1) or small (−1).
_TESTS: Mapping[str, tuple[str, int]] = {
    "⅓ rule": ("flagged", 1),
    "AuthPct": ("authenticity", -1),
    "closest record": ("closest_record", 1),
}


def power(rows: pd.DataFrame, sizes: Iterable[int], level: float = 0.05) -> str:
    """Markdown, by d and n: how often a test that errs in `level` of the perfect generators detects the linear one.

    The threshold is the quantile of the perfect generators in the same runs; so it is known to about 1/(runs × level).
    """
    sizes = list(sizes)
    lines = ["| test | d | " + " | ".join(f"$n = {n}$" for n in sizes) + " |", "|---|---|" + "---|" * len(sizes)]
    for label, (name, side) in _TESTS.items():
        for d, part in rows.groupby("d"):
            found = Table(part)
            powers = detected(found, name, side, level).mean()
            cells = [f"{powers[n]:.2f}" if n in powers else "" for n in sizes]
            lines.append(f"| {label} | {d} | {' | '.join(cells)} |")
    return "\n".join(lines)
