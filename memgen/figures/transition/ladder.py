"""Chapter 4: Fig. 3 of the paper, with the choices of its public code changed one after another."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from memgen.experiments.transition import Choice
from memgen.figures import plots
from memgen.figures.transition.style import by_rank, colour, label, series
from memgen.figures.transition.tables import (
    EQUAL,
    EXACT,
    MANY,
    NULL_EQUAL,
    NULL_UNEQUAL,
    PUBLIC,
    SINGLE,
    TRANSPOSED,
    curve,
    shown,
)

STEPS = (
    ("float32", (PUBLIC, SINGLE)),
    ("float64", (TRANSPOSED, EXACT, NULL_UNEQUAL)),
    ("float64, equal holdout", (EQUAL, MANY, NULL_EQUAL)),
)
MARKERS = {"one-step": "o", "multi-step": "^", "ideal": "."}
# The text beside a curve, the n/d near which it stands, and its offset from there in points.
_LABELS = {
    PUBLIC: ("public code,\n$B^\\top B$", 3, (6, 4)),
    SINGLE: ("$BB^\\top$", 3, (6, -14)),
    TRANSPOSED: ("$B^\\top B$", 0.95, (0, 62)),
    EXACT: ("$BB^\\top$", 3, (8, -12)),
    NULL_UNEQUAL: ("perfect generator", 0.25, (0, -14)),
    EQUAL: ("one step", 1.25, (2, 44)),
    MANY: ("many steps", 1.25, (2, 28)),
    NULL_EQUAL: ("perfect generator", 0.25, (0, 10)),
}


def draw_ladder(delta: pd.DataFrame) -> Figure:
    """P(Δ > 0) by n/d: a row for each step from the public code to an equal holdout, a column for each dimension."""
    sizes = sorted(delta["d"].unique(), reverse=True)
    there = set(shown(delta))
    others = tuple(choice for choice in shown(delta) if choice not in _LABELS)
    steps = [(said, tuple(c for c in group if c in there)) for said, group in (*STEPS, ("other choices", others))]
    steps = [(said, group) for said, group in steps if group]
    fig, panels = plots.figure(len(sizes) * len(steps), height=2.5, columns=len(sizes))
    for k, axes in enumerate(panels):
        (said, group), d = steps[k // len(sizes)], int(sizes[k % len(sizes)])
        counts = np.sort(delta.loc[delta["d"] == d, "n"].unique())
        places = by_rank(axes, counts, d)
        axes.axhline(0.5, color="0.75", linewidth=0.8, zorder=0)
        for choice in group:
            _draw(axes, delta, choice, d, dict(zip(counts, places, strict=True)), named=k % len(sizes) == 0)
        axes.set(ylim=(0, 1.03))
        axes.annotate(f"{said}, $d = {d}$", (0, 1.03), xycoords="axes fraction", fontsize=9, va="bottom")
        if k // len(sizes) < len(steps) - 1:
            axes.set_xlabel("")
        if k % len(sizes) == 0:
            axes.set_ylabel(r"$P(\Delta > 0)$")
    return fig


def _draw(axes: Axes, delta: pd.DataFrame, choice: Choice, d: int, places: dict[int, int], named: bool) -> None:
    n, p, low, high, _ = curve(delta, choice, d)
    x = np.array([places[count] for count in n])
    color = colour(choice)
    series(axes, x, (p, low, high), color, MARKERS[choice.generator], clip_on=False)
    axes.plot(x, p, ":" if choice.generator == "ideal" else "-", color=color, linewidth=0.9)
    if named:
        text, ratio, offset = _LABELS.get(choice, (str(choice), 1, (0, 8)))
        k = int(np.argmin(abs(n - ratio * d)))
        label(axes, x[k], p[k], text, color, offset)
