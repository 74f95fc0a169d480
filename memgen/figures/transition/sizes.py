"""Chapter 4: how large Δ and its terms are, in exact arithmetic and in single precision."""

import numpy as np
import pandas as pd
from IPython.display import Markdown
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from memgen.experiments.transition import Choice, Params
from memgen.figures import plots
from memgen.figures.transition.style import CROSS, INK, PAIRS, by_rank, colour, label, series
from memgen.figures.transition.tables import (
    EQUAL,
    EXACT,
    MANY,
    PUBLIC,
    SINGLE,
    TRANSPOSED,
    between,
    present,
    table,
    terms,
)
from memgen.measures import single_precision
from memgen.statistics import median
from theory import kernel, transition

_LOWEST = -1e3  # of a logarithm in a figure: far below its lower edge


def exact_choice(rows: pd.DataFrame) -> Choice | None:
    """The first choice in the rows that is computed in exact arithmetic from a fitted law."""
    fitted = {c for c in present(rows) if c[:2] == EXACT[:2] and c.generator != "ideal"}
    return next((choice for choice in (EXACT, EQUAL, MANY, *fitted) if choice in fitted), None)


def medians(rows: pd.DataFrame, choice: Choice, d: int, measure: str) -> tuple[np.ndarray, np.ndarray]:
    """The numbers n, and log10 of a measure stored as a logarithm: median, low and high over training sets, (3, n)."""
    by_n = terms(rows, choice, d)[measure].groupby("n")
    found = {n: median(values.to_numpy()) for n, values in by_n}
    return np.array(list(found)), np.maximum(np.array(list(found.values())).T / np.log(10), _LOWEST)


def rounding(n: np.ndarray, d: int, original: int) -> np.ndarray:
    """By how much the self-overlaps of T and O differ in float32; the exact difference is zero at every n."""
    other = single_precision.self_term(original, d)
    return np.array([abs(single_precision.self_term(int(size), d) - other) for size in n])


def draw_sizes(rows: pd.DataFrame, params: Params, d: int) -> Figure:
    """Left, |Δ| in both precisions beside the rounding of the self-overlaps; right, the terms of the exact Δ."""
    fig, (left, right) = plots.figure(2, height=3.9)
    choice = exact_choice(rows)
    if choice is None or params.tau is None or params.original is None:
        return fig
    n, _ = medians(rows, choice, d, "log_abs")
    _sizes(left, rows, d, choice, rounding(n, d, params.original))
    _terms(right, rows, d, choice, 1 / (1 + params.tau**2))
    return fig


def _sizes(axes: Axes, rows: pd.DataFrame, d: int, exact: Choice, differ: np.ndarray) -> None:
    there = present(rows)
    named = {
        exact: ("exact, $BB^\\top$", 0, (6, 6)),
        TRANSPOSED: ("exact, $B^\\top B$", 4, (-14, -16)),
        PUBLIC: ("public code (float32)", 5, (0, 30)),
        SINGLE: ("float32, $BB^\\top$", 5, (0, 12)),
    }
    for choice, (text, at, offset) in named.items():
        if choice not in there:
            continue
        n, found = medians(rows, choice, d, "log_abs")
        x = by_rank(axes, n, d) if choice == exact else np.arange(len(n))
        single = choice.precision == "float32"
        marker = {PUBLIC: "s", SINGLE: "x"}.get(choice, "o")
        series(axes, x, found, colour(choice), marker, markersize=7 if choice == PUBLIC else 4)
        if not single:
            axes.plot(x, found[0], "-", color=colour(choice), linewidth=0.9)
        _none(axes, x[found[0] == _LOWEST], colour(choice))
        at = min(at, len(x) - 1)
        label(axes, x[at], max(found[0][at], -14), text, colour(choice), offset)
    x = np.arange(len(differ))
    some = differ > 0
    axes.plot(x[some], np.log10(differ[some]), "_", color=INK, markersize=9, markeredgewidth=2, zorder=4)
    _none(axes, x[~some], INK)
    if some.any():
        label(axes, x[some][-1], np.log10(differ[some][-1]), "rounding", INK, (-40, -16))
    axes.set(ylabel=r"$\log_{10}|\Delta|$, in units of $\|O\|^2$", ylim=(-17, 9))


def _none(axes: Axes, x: np.ndarray, color: str) -> None:
    """Draw arrows at the lower edge where a logarithm is −∞."""
    place = axes.get_xaxis_transform()
    axes.plot(x, np.full(np.shape(x), 0.04), linestyle="none", marker=r"$\downarrow$", color=color, transform=place)


def _terms(axes: Axes, rows: pd.DataFrame, d: int, exact: Choice, rho: float) -> None:
    choice = EQUAL if EQUAL in present(rows) else exact
    for of, marker, aside, filled in (("train", "o", -0.15, True), ("original", "D", 0.15, False)):
        for term, color in (("cross", CROSS), ("pair", PAIRS)):
            n, found = medians(rows, choice, d, f"log_{term}_{of}")
            face = color if filled else "white"
            series(axes, np.arange(len(n)) + aside, found, color, marker, markersize=4, markerfacecolor=face)
    x, widths = by_rank(axes, n, d), kernel.kernel_width(n, d)
    pairs = kernel.pair_overlap.log(n, d, widths) / np.log(10)
    axes.plot(x, pairs, "-.", color=PAIRS, zorder=2)
    at = min(10, len(x) - 1)
    label(axes, x[at], pairs[at], "pairs;\ntheory: mean", PAIRS, (8, -40))
    beyond = n > d + 1
    if beyond.any():
        cross = d * transition.cross_overlap(widths[beyond], d / (n[beyond] - 1), rho) + np.log(2)
        axes.plot(x[beyond], cross / np.log(10), "--", color=CROSS, zorder=2)
        label(axes, x[-1], cross[-1] / np.log(10), "cross terms;\ntheory: many points", CROSS, (-104, 22))
    axes.set(ylabel=r"$\log_{10}$ of a term of $\Delta$, in units of $\|O\|^2$", ylim=(-21, 9))
    axes.annotate(
        "filled: training set $T$; open: holdout $H$", (0.02, 0.96), xycoords="axes fraction", fontsize=9, va="top"
    )


def original_distance(rows: pd.DataFrame, choice: Choice, d: int) -> pd.DataFrame:
    """The median of ln E_OG over training sets with its interval, by n: columns median, low, high."""
    wide = terms(rows, choice, d)
    pair, cross, own = (np.exp(wide[f"log_{name}"]) for name in ("pair_original", "cross_original", "generated"))
    found = {n: median(values.to_numpy()) for n, values in np.log(1 + pair - cross + own).groupby("n")}
    return pd.DataFrame.from_dict(found, orient="index", columns=["median", "low", "high"])


def disagreement(rows: pd.DataFrame, choice: Choice, d: int) -> np.ndarray:
    """The ratios n/d at which Δ and the overlap gap have different signs in some training set."""
    wide = terms(rows, choice, d)
    differs = (wide["log_cross_original"] > wide["log_cross_train"]) != (wide["sign"] > 0)
    return np.sort(differs[differs].index.get_level_values("n").unique()) / d


def rounding_facts(rows: pd.DataFrame, params: Params, d: int) -> Markdown:
    """A table: how far the exact |Δ| falls towards n = d, and how rounding changes the self-overlaps in float32."""
    choice = exact_choice(rows)
    if choice is None or params.original is None:
        return Markdown("No choice here is computed in exact arithmetic from a fitted law.")
    n, (middle, *_) = medians(rows, choice, d, "log_abs")
    differ, at_d = rounding(n, d, params.original), middle[abs(n - d).argmin()]
    some, equal = differ[differ > 0], n[differ == 0]
    found = [
        (f"decades by which the exact |Δ| falls from n = {n[0]} to n = d", f"{middle[0] - at_d:.0f}"),
        ("difference of the self-overlaps in float32", f"{some.min():.0e} to {some.max():.0e}"),
        ("n/d at which they happen to be equal", ", ".join(f"{size / d:g}" for size in equal) or "none"),
    ]
    if PUBLIC in present(rows) and len(equal):
        zero = terms(rows, PUBLIC, d).loc[equal, "sign"] == 0
        found.append(("training sets for which the public code then finds Δ = 0", f"{zero.mean():.0%}"))
    return table((f"d = {d}", ""), found)


def not_circular(delta: pd.DataFrame, rows: pd.DataFrame, d: int) -> Markdown:
    """A table: P(Δ > 0) and E_OG of one step against an equal holdout, at n = 7 d and at n = 16 d."""
    lines = []
    for ratio in (7, 16):
        middle, low, high = original_distance(rows, EQUAL, d).loc[ratio * d]
        p = between(delta, EQUAL, d, ratio, ratio)[0]
        lines.append((f"{ratio} d", f"{p:.2f}", f"{middle:.2f} ({low:.2f} to {high:.2f})"))
    return table(("n", "P(Δ > 0)", "ln E_OG, median"), lines)


def fall_of_distance(rows: pd.DataFrame, choice: Choice, d: int) -> float:
    """By how much the median of ln E_OG falls from n = 2 d to n = 16 d."""
    median_log = original_distance(rows, choice, d)["median"]
    return float(median_log[2 * d] - median_log[16 * d])
