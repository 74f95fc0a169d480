"""Windows in all places of the pictures beside windows in the same place: their losses, and what they count."""

import numpy as np
import pandas as pd

from memgen.figures.images.exposure import NAMES
from memgen.figures.windows.beside import QUIETER, over_noises
from memgen.figures.windows.pictures import cost, law_of, losses, over_best, rule, sets_of, sizes_of
from memgen.laws.pictures import pictures
from theory.checks.report import Report

COUNTED = (1, 2)  # reaches of windows that are counted
_FLAT = 0.1  # a fall of ln loss up to which no number is read off


def places(shape: tuple[int, int], reach: int) -> float:
    """The number of places of a picture that a window of this reach has, a mean over pixels: cut-off ones have more."""
    counts = []
    for row, column in np.ndindex(*shape):
        sides = [min(size, at + reach + 1) - max(0, at - reach) for size, at in zip(shape, (row, column), strict=True)]
        counts.append(np.prod([size - side + 1 for size, side in zip(shape, sides, strict=True)]))
    return float(np.mean(counts))


def worth(stored: pd.DataFrame, name: str, n: int, reach: int) -> pd.Series:
    """By noise, the factor of n that windows in one place need to lose what windows in all places of n pictures lose.

    By straight lines in ln n and ln loss; NaN where more are needed than are stored, none are enough, or the loss in
    one place does not fall with n, or by less than a tenth.
    """
    sizes = sizes_of(stored, name)
    same = pd.DataFrame({m: losses(stored, name, m)[reach] for m in sizes})
    part = stored[
        (stored.study == "everywhere") & (stored.pictures == name) & (stored.n == n) & (stored.reach == reach)
    ]
    found = {}
    for level, value in part.groupby("level").value.mean().items():
        line = np.log(same.loc[level].to_numpy())[::-1]  # falls with n
        falls = (np.diff(line) > 0).all() and np.ptp(line) > _FLAT
        at = np.interp(np.log(value), line, np.log(sizes)[::-1], left=np.nan, right=np.nan)
        found[level] = float(np.exp(at) / n) if falls else np.nan
    return pd.Series(found)


def worth_table(stored: pd.DataFrame, n: int) -> str:
    """Markdown: `worth` for n pictures, at noises up to 1, beside the number of places."""
    head = "| set | window | L | " + " | ".join(f"τ = {level:g}" for level in QUIETER) + " |"
    lines = [head, "|---|--:|--:|" + "--:|" * len(QUIETER)]
    for name in sets_of(stored, "everywhere"):
        for reach in COUNTED:
            found = worth(stored, name, n, reach)
            shown = [f"{found[level]:.1f}" if np.isfinite(found[level]) else "–" for level in QUIETER]
            size = 2 * reach + 1
            told = f"{places(pictures(name).shape, reach):.0f} | {' | '.join(shown)}"
            lines.append(f"| {NAMES[name]} | {size} × {size} | {told} |")
    return "\n".join(lines)


def rules(stored: pd.DataFrame) -> pd.DataFrame:
    """By set and n, by how much more windows in all places lose by three rules than the best ones do (see `cost`).

    The rules: the largest windows that tell less than ln n, than 1.5 times that, and than ln nL, L their number of
    places; `worst` is the largest ratio of the last at any noise.
    """
    part, rows = stored[stored.study == "everywhere"], {}
    for (name, n), of in part.groupby(["pictures", "n"]):
        table = of.pivot_table(index="level", columns="reach", values="value")
        law = law_of(stored, name)
        many = np.array([places(pictures(name).shape, reach) for reach in table.columns])
        chosen = {"ln n": rule(law, n), "1.5 ln n": rule(law, n, 1.5), "ln nL": rule(law, n * many)}
        rows[name, n] = {word: cost(table, reach) for word, reach in chosen.items()}
        rows[name, n]["worst"] = float(over_best(table, chosen["ln nL"]).max())
    return pd.DataFrame(rows).T


def rules_table(stored: pd.DataFrame) -> str:
    """Markdown: `rules` in percent, the worst as a factor."""
    lines = ["| set | n | I < ln n | I < 1.5 ln n | I < ln nL | worst |", "|---|--:|--:|--:|--:|--:|"]
    for (name, n), row in rules(stored).iterrows():
        shown = " | ".join(f"{row[word]:.1%}" for word in ("ln n", "1.5 ln n", "ln nL"))
        lines.append(f"| {NAMES[name]} | {n} | {shown} | {row['worst']:.2f}× |")
    return "\n".join(lines)


def state(report: Report, stored: pd.DataFrame) -> None:
    """State in `report` what windows in all places have to show."""
    same = over_noises(stored, "everywhere", "patches8")
    report.rejects("in photographs they lose as much as windows in one place", same.z(0), -1)
    report.rejects("or more than 0.9 times as much", same.z(np.log(0.9)), -1)
    cost_of = rules(stored)
    report.holds("windows below ln nL lose at most 7% more than the best", (cost_of["ln nL"] < 0.07).all())
    report.holds("and less than windows below ln n", (cost_of["ln nL"] < cost_of["ln n"]).all())
