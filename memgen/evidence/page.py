"""The page of the book on how far the suite can be trusted, from the rows in results/."""

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from memgen.errors import BadInput
from memgen.evidence.speed import BENCHMARKS, ratios
from memgen.evidence.stated import STATED
from memgen.places import RESULTS
from memgen.runs.store import read
from memgen.statistics import proportion, threshold

BAR = r"\|"  # in a cell of a table
_HEAD = """# Evidence

How many digits does a formula have, how often does a true check fail, what comes of a chapter under other parameters,
what is left of a sweep that is killed, what does the suite make of nonsense, and how fast is it? Each is measured by a
command that anyone can run again.
"""


def page(results: Path = RESULTS) -> str:
    """The page in Markdown: six sections with their tables and commands. BadInput if results are missing."""
    parts = [section(results) for section in (precision, alarms, variations, faults, inputs, speed)]
    return "\n".join([_HEAD, *parts])


def _joined(folder: Path) -> tuple[pd.DataFrame, list[str]]:
    """The rows of all files of a folder, and the commands that made them."""
    found = [read(path) for path in sorted(folder.glob("*.parquet"))]
    if not found:
        raise BadInput(f"{folder}: no results here")
    commands = sorted({command for _, made in found for command in _list(made["command"])})
    return pd.concat([rows for rows, _ in found], ignore_index=True), commands


def _list(value: object) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else [str(value)]


def _table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """A table in Markdown, words on the left of their columns and numbers on the right; None. if there are no rows."""
    lines = [[_powers(str(cell)).replace("|", BAR) for cell in row] for row in rows]
    if not lines:
        return "None."
    numbers = [all(re.match(r"[-+\d]|$", cell) for cell in column) for column in zip(*lines, strict=True)]
    marks = ["---:" if right else "---" for right in numbers]
    return "\n".join(f"| {' | '.join(line)} |" for line in [list(head), marks, *lines])


def _powers(text: str) -> str:
    """The text with numbers such as 2e-07 written as 2·10⁻⁷."""
    raised = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")

    def written(found: re.Match) -> str:
        front = "" if found[1] == "1" else f"{found[1]}·"
        return f"{front}10{str(int(found[2])).translate(raised)}"

    return re.sub(r"\b(\d(?:\.\d+)?)e([-+]?\d+)", written, text)


# -- precision -----------------------------------------------------------------------------------------------------


def precision(results: Path) -> str:
    """The section on digits: each formula whose error is ever above 10⁻¹², and all others together."""
    rows, commands = _joined(results / "precision")
    compared = rows[rows["outcome"] == "compared"]
    usual = compared["allowed"] <= 1e-12
    worst = compared[~usual].groupby("formula")["error"].max().sort_values(ascending=False)
    wrong = compared[compared["error"] > compared["allowed"]]
    others = rows[(rows["outcome"] != "compared") & ~rows["outcome"].str.startswith("refused")]
    slow = rows[rows["seconds"] > 2].groupby("formula")["seconds"].max()
    lines = [
        (f"`{name}`", STATED[name].words, _share(compared[compared.formula == name], 1e-12), _size(error))
        for name, error in worst.items()
        if error > 1e-12
    ]
    return f"""## Digits

The value and the logarithm of {rows["formula"].nunique()} formulas in float64, at {len(rows) // 2:,} points of their
whole domains: n to 10¹², d to 10⁶, t to 700, of random features p/d and n/d between 10⁻⁶ and 10⁶ and parts of a square
between 10⁻⁹ and 1; both sides of every phase boundary. {len(compared):,} of them are compared
with high precision. Where twelve digits are stated the worst error is {_size(compared.loc[usual, "error"].max())}.
Differences state fewer digits near where they vanish, and none where they are 0 to rounding; they are below.
{len(wrong)} of the values have fewer digits than stated. {_counted(others)}

{_table(("formula", "states", "within 10⁻¹²", "worst relative error"), lines)}

A reference value takes more than two seconds for {_named(slow)}.

{_made(commands)}
"""


def _share(rows: pd.DataFrame, bound: float) -> str:
    return f"{(rows['error'] <= bound).mean():.1%}"


def _size(error: float) -> str:
    return _powers(f"{error:.0e}") if error < 0.1 else "no digits"


def _counted(others: pd.DataFrame) -> str:
    if others.empty:
        return "Every point was compared or refused by name."
    kinds = others["outcome"].str.partition(":")[0].value_counts()
    return f"Not compared: {', '.join(f'{count} ({kind})' for kind, count in kinds.items())}."


def _named(seconds: pd.Series) -> str:
    return ", ".join(f"`{name}` ({most:.1f} s)" for name, most in seconds.items()) or "none"


# -- false alarms --------------------------------------------------------------------------------------------------


def alarms(results: Path) -> str:
    """The section on false alarms: comparisons at some levels, what shifts scores, wrong variants that are missed."""
    rows, commands = _joined(results / "alarms")
    family = rows[rows["variant"] == ""].groupby(["check", "comparison"]).ngroups
    limit = threshold(family)
    met = rows[(rows["variant"] == "") & _reseeded(rows)]
    levels = [
        (f"beyond {z:.2f}", f"{2 * stats.norm.sf(z):.2g}", _rate(met["z"].abs() > z)) for z in (1.96, 2.58, 3.29, limit)
    ]
    variants = rows[rows["variant"] != ""].groupby(["check", "variant"])["z"]
    power = variants.agg(lambda z: float((z.abs() > limit).mean()))
    weak = power[power < 0.99].sort_values()
    missed = [(check, variant, f"{share:.0%}") for (check, variant), share in weak.items()]
    but = " but these" if missed else ""
    moved = shifted(met)
    seeds = met.groupby("check")["seed"].nunique()
    return f"""## False alarms, and the power to reject

Every check of a formula against a simulation, under other seeds: {seeds.max()} for the cheap ones, {seeds.min()} for
the dearest. {len(seeds)} checks make {family} comparisons, whose scores the suite holds below {limit:.2f}.

{_table(("scores", "stated", "found (95% interval)"), levels)}

Scores whose mean is not 0, or whose standard deviation is above 1: what a formula leaves out, or a skewed estimate,
moves them. The largest is without its sign.

{_table(("check", "no.", "mean", "deviation", "largest"), moved)}

{len(power)} wrong variants stand beside the formulas. Each{but} is rejected under at least 99% of the seeds.

{_table(("check", "wrong variant", "rejected"), missed) if missed else ""}

{_chapters(results)}

{_made(commands)}
"""


def _reseeded(rows: pd.DataFrame) -> pd.Series:
    """Whether the score of a comparison depends on the seed: that of stored runs does not, but for rounding."""
    scores = rows.groupby(["check", "comparison", "variant"])["z"]
    return scores.transform("max") - scores.transform("min") > 1e-6


def _rate(beyond: pd.Series) -> str:
    share, low, high = proportion(int(beyond.sum()), len(beyond))
    return f"{share:.2%} ({low:.2%} to {high:.2%}) of {len(beyond):,}"


def shifted(met: pd.DataFrame, level: float = 0.01) -> list[tuple[str, int, str, str, str]]:
    """Rows for comparisons whose scores are off centre or scatter more than normal ones, at this level for them all."""
    groups = met.groupby(["check", "comparison"])["z"]
    limit = threshold(2 * groups.ngroups, level)
    found = []
    for (check, comparison), z in groups:
        size = len(z)
        mean, scatter = float(z.mean()), float(z.std(ddof=1))
        wide = stats.norm.isf(stats.chi2.sf((size - 1) * scatter**2, size - 1))
        if abs(mean) * np.sqrt(size) > limit or wide > limit:
            row = (f"`{check}`", int(comparison), f"{mean:+.2f}", f"{scatter:.2f}", f"{z.abs().max():.1f}")
            found.append(row)
    return found


def _chapters(results: Path) -> str:
    rows, commands = _joined(results / "chapters")
    groups = rows.groupby(["notebook", "preset"])
    lines = []
    for (notebook, preset), of in groups:
        runs = of.groupby("seed")["passed"].all()
        share, low, high = proportion(int((~runs).sum()), len(runs))
        failed = ", ".join(of.loc[~of["passed"], "statement"].unique()) or "none"
        scores = of.groupby("statement")["z"]
        drawn = f"{(scores.max() - scores.min() > 0.01).sum()} of {scores.ngroups}"
        rate = f"{share:.0%} ({low:.0%} to {high:.0%})"
        lines.append((f"`{notebook}`, {preset}", len(runs), drawn, rate, failed))
    head = (
        "chapter and preset",
        "seeds",
        "scores that they move",
        "fail, where 1% is stated",
        "statements that failed",
    )
    return f"""Whole chapters, all of their statements together. Scores that no seed moves are those of stored rows,
of checks, which are measured above, and of values that are within what is stated under every seed.

{_table(head, lines)}

{_made(commands)}"""


# -- other parameters ----------------------------------------------------------------------------------------------


def variations(results: Path) -> str:
    """The section on chapters under parameters that a reader may try."""
    rows, commands = _joined(results / "variations")
    outcomes = ("passed", "open", "refused", "failed")
    counts = pd.crosstab(rows["notebook"], rows["outcome"]).reindex(columns=list(outcomes), fill_value=0)
    lines = [(f"`{row.Index}`", sum(row[1:]), *row[1:]) for row in counts.itertuples()]
    left = rows[rows["outcome"].isin(("open", "failed"))]
    said = [(row.notebook[:2], f"`{row.given[1:-1]}`", row.outcome, row.said) for row in left.itertuples()]
    return f"""## Chapters under other parameters

Each chapter at the smallest preset, with values that are small, large, odd or of another kind. A run is open if its
data do not rule out a wrong formula that the defaults rule out, and refused if one line names the culprit before
anything is computed.

{_table(("chapter", "runs", *outcomes), lines)}

What is open or failed:

{_table(("chapter", "given", "outcome", "statements"), said)}

{_made(commands)}
"""


# -- faults and bad input ------------------------------------------------------------------------------------------


def faults(results: Path) -> str:
    """The section on what is left of sweeps that are killed, doubled, damaged or out of disk."""
    rows, commands = _joined(results / "faults")
    bad = ["lost", "doubled", "changed", "tracebacks"]
    found = rows.groupby("kind", sort=False)
    lines = [
        (kind, len(of), of["interruptions"].sum(), of["refused"].sum(), *(of[name].sum() for name in bad))
        for kind, of in found
    ]
    return f"""## Sweeps under faults

{len(rows):,} sweeps were interrupted {rows["interruptions"].sum():,} times, doubled, damaged or denied disk. Each was
started again until it was finished, and its rows compared bit for bit with those of an undisturbed one.

{_table(("what happened", "sweeps", "stops", "refused", "lost", "doubled", "changed", "tracebacks"), lines)}

Not covered: a disk that is really full (a limit on file sizes stands for it), loss of power, and network disks.

{_made(commands)}
"""


def inputs(results: Path) -> str:
    """The section on what public functions and the command line make of spoilt arguments and files."""
    rows, commands = _joined(results / "inputs")
    failed = rows["failure"] != ""
    groups: dict[str, Callable[[pd.DataFrame], object]] = {
        "cases": len,
        "functions or commands": lambda of: of["target"].nunique(),
        "failures": lambda of: int((of["failure"] != "").sum()),
    }
    lines = [(name, *(count(of) for count in groups.values())) for name, of in rows.groupby("group", sort=False)]
    distinct = rows[failed].drop_duplicates(["target", "failure"])
    left = [(f"`{row.target}`", row.failure) for row in distinct.itertuples()]
    rest = f"\n\nWhat failed:\n\n{_table(('target', 'failure'), left)}" if left else ""
    return f"""## Bad input

{len(rows):,} cases of spoilt arguments, files and command lines. Each must end in a sound value, or in one line that
names the culprit; anything else is a failure, a silent NaN above all.

{_table(("group", *groups), lines)}{rest}

{_made(commands)}
"""


# -- speed ---------------------------------------------------------------------------------------------------------


def speed(results: Path) -> str:
    """The section on speed: ratios to public code and to ceilings of the machine, and benchmarks that were not run."""
    rows, commands = _joined(results / "speed")
    found = ratios(rows)
    head = ("ours", "speed", "in units of", "quartiles", "turns", "goal")
    tables = {kind: _table(head, map(_ratio, of.itertuples())) for kind, of in found.groupby("kind")}
    code, ceiling = (tables.get(kind, "None.") for kind in ("code", "ceiling"))
    threads = " or ".join(f"{k} thread{'s' if k > 1 else ''}" for k in sorted(rows["threads"].unique()))
    return f"""## Speed

Ours and what it is compared with are timed in turn, in one run, so that a busy machine slows both: the speed of ours
in units of the other's, by the median of the turns, on {threads}. Below 1 ours is slower. A goal is met or missed
if both quartiles say so, and else undecided. What several processes or a GPU add is not measured.

Against the code of others:

{code}

Against what the machine has to do in any case, such as the matrix product in a sum over pairs:

{ceiling}

Not measured: {", ".join(f"`{name}`" for name in BENCHMARKS if name not in set(rows["benchmark"])) or "none"}.

{_made(commands)}
"""


def _ratio(row: Any) -> tuple[object, ...]:
    goal = "" if pd.isna(row.goal) else f"≥ {row.goal:,g}: {row.reached}"
    quartiles = f"{_short(row.low)}–{_short(row.high)}" if row.turns > 1 else ""
    return row.case, _short(row.median), row.other, quartiles, row.turns, goal


def _short(ratio: float) -> str:
    """The ratio with two digits, or with all digits before the point."""
    return f"{ratio:,.0f}" if ratio >= 10 else f"{ratio:#.2g}"


def _made(commands: list[str]) -> str:
    listed = "\n".join(commands)
    return f"<details><summary>Commands</summary>\n\n```text\n{listed}\n```\n\n</details>"
