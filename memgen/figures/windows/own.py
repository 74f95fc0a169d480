"""Windows that each pixel has for itself beside squares of one size: their losses, their sizes, and what they make."""

import pandas as pd

from memgen.figures.images.exposure import NAMES
from memgen.figures.windows.pictures import above, cost, law_of, losses, rule, sets_of, sizes_of
from theory.checks.report import Report

_SHOWN = (0.1, 1.0)  # noises at which sizes are shown


def costs(stored: pd.DataFrame) -> pd.DataFrame:
    """By set and n, by how much more windows of each pixel, and squares below ln n, lose than the best square.

    As in `pictures.costs`. A pixel's window has first the pixels that Wiener's filter weighs most (`own`; `worst` is
    its largest ratio at any noise), or those that are nearest (`near`).
    """
    rows = {}
    for name in sets_of(stored, "own"):
        law = law_of(stored, name)
        for n in sizes_of(stored, name, "own"):
            squares, found = losses(stored, name, n), _own(stored, name, n)
            over = found[["loss", "near"]].div(squares.min(axis=1), axis=0)
            rows[name, n] = {
                "own": above(over["loss"]),
                "worst": over["loss"].max(),
                "near": above(over["near"]),
                "ln n": cost(squares, rule(law, n)),
            }
    return pd.DataFrame(rows).T


def _own(stored: pd.DataFrame, name: str, n: int) -> pd.DataFrame:
    """Means over shuffles of loss, near and pixels, by noise."""
    part = stored[(stored.study == "own") & (stored.pictures == name) & (stored.n == n)]
    return part.pivot_table(index="level", columns="measure", values="value")


def costs_table(stored: pd.DataFrame) -> str:
    """Markdown: `costs` in percent, the worst as a factor, and how many pixels a pixel sees at some noises."""
    sizes = " | ".join(f"pixels, τ = {level:g}" for level in _SHOWN)
    ruler = "|---|" + "--:|" * (5 + len(_SHOWN))
    lines = [f"| set | n | own | worst | near ones | squares, I < ln n | {sizes} |", ruler]
    for (name, n), row in costs(stored).iterrows():
        own, near, squares = (f"{row[word]:+.1%}".replace("-", "−") for word in ("own", "near", "ln n"))
        seen = " | ".join(f"{size:.1f}" for size in _own(stored, name, n).pixels[list(_SHOWN)])
        lines.append(f"| {NAMES[name]} | {n} | {own} | {row.worst:.2f}× | {near} | {squares} | {seen} |")
    return "\n".join(lines)


def made_table(stored: pd.DataFrame) -> str:
    """Markdown: copies and distance from the holdout of what pixels' own windows make, and squares below ln n."""
    head = "| set | n | own: copies | distance² | squares, I < ln n: copies | distance² |"
    lines = [head, "|---|--:|--:|--:|--:|--:|"]
    part = stored[stored.study.isin(("own-made", "made")) & (stored.reach == -1)]
    means = part.groupby(["pictures", "n", "study", "measure"]).value.mean()
    for name in sets_of(stored, "own-made"):
        for n in sizes_of(stored, name, "own-made"):
            shown = [
                form.format(means[name, n, study, measure])
                for study in ("own-made", "made")
                for measure, form in (("flagged", "{:.1%}"), ("frechet", "{:.3f}"))
            ]
            lines.append(f"| {NAMES[name]} | {n} | {' | '.join(shown)} |")
    return "\n".join(lines)


def state(report: Report, stored: pd.DataFrame) -> None:
    """State in `report` what windows that each pixel has for itself have to show."""
    found = costs(stored)
    report.holds(
        "windows of each pixel: within 5% below and 6% above the best square", found.own.between(-0.05, 0.06).all()
    )
    nearer = found.near - found.own
    report.holds("near pixels lose more than those by Wiener's weights, by up to 3%", nearer.between(0, 0.03).all())
    less, photographs = found.own < found["ln n"], ("patches8", "patches16")
    report.holds(
        "they lose less than squares below ln n on photographs, elsewhere with 50 pictures alone",
        all(better == (name in photographs or n == 50) for (name, n), better in less.items()),
    )
    made = stored[(stored.study == "own-made") & (stored.measure == "flagged")]
    report.holds("under 1% of what they make are copies", len(made) > 0 and made.value.max() < 0.01)
