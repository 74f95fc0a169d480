"""Chapter 4: how large Δ and its terms are, in exact arithmetic and in single precision."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from memgen.experiments.transition import Choice, Params
from memgen.figures import plots
from memgen.figures.transition.style import CROSS, INK, PAIRS, by_rank, colour, label, series
from memgen.figures.transition.tables import EQUAL, EXACT, MANY, PUBLIC, SINGLE, TRANSPOSED, present, terms
from memgen.measures import single_precision
from memgen.statistics import median
from theory import kernel, transition

_LOWEST = -1e3  # of a logarithm in a figure: far below its lower edge


def exact_choice(rows: pd.DataFrame) -> Choice | None:
    """The first choice in the rows that is computed in exact arithmetic from a fitted law."""
    there = present(rows)
    return next((choice for choice in (EXACT, EQUAL, MANY) if choice in there), None)


def medians(rows: pd.DataFrame, choice: Choice, d: int, measure: str) -> tuple[np.ndarray, np.ndarray]:
    """log10 of a measure that is stored as a logarithm: n, and median, low and high over training sets, (3, n)."""
    by_n = terms(rows, choice, d)[measure].groupby("n")
    found = {n: median(values.to_numpy()) for n, values in by_n}
    return np.array(list(found)), np.maximum(np.array(list(found.values())).T / np.log(10), _LOWEST)


def rounding(n: np.ndarray, d: int, original: int) -> np.ndarray:
    """By how much the self-overlaps of T and O differ in float32; the exact difference is zero at every n."""
    other = single_precision.self_term(original, d)
    return np.array([abs(single_precision.self_term(int(size), d) - other) for size in n])


def size_and_terms(rows: pd.DataFrame, params: Params, d: int) -> Figure:
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
        exact: ("exact", 0, (6, 6)),
        TRANSPOSED: ("with $B^\\top B$", 4, (-10, -16)),
        PUBLIC: ("public code", 9, (8, 10)),
        SINGLE: ("float32, $BB^\\top$", 6, (-2, 20)),
    }
    for choice, (text, at, offset) in named.items():
        if choice not in there:
            continue
        n, found = medians(rows, choice, d, "log_abs")
        x = by_rank(axes, n, d) if choice == exact else np.arange(len(n))
        single = choice.precision == "float32"
        series(axes, x, found, colour(choice), "s" if single else "o", markersize=6 if single else 4)
        if not single:
            axes.plot(x, found[0], "-", color=colour(choice), linewidth=0.9)
        _none(axes, x[found[0] == _LOWEST], colour(choice))
        at = min(at, len(x) - 1)
        label(axes, x[at], found[0][at], text, colour(choice), offset)
    x = np.arange(len(differ))
    some = differ > 0
    axes.plot(x[some], np.log10(differ[some]), "_", color=INK, markersize=9, markeredgewidth=2, zorder=4)
    _none(axes, x[~some], INK)
    if some.any():
        label(axes, x[some][-1], np.log10(differ[some][-1]), "rounding", INK, (-20, 6))
    axes.set(ylabel=r"$\log_{10}|\Delta|$, in units of $\|O\|^2$", ylim=(-17, 9))


def _none(axes: Axes, x: np.ndarray, color: str) -> None:
    """Arrows at the lower edge, where a logarithm is −∞."""
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
    label(axes, x[0], pairs[0], "pairs: theory (mean)", PAIRS, (4, 6))
    beyond = n > d + 1
    if beyond.any():
        cross = d * transition.cross_overlap(widths[beyond], d / (n[beyond] - 1), rho) + np.log(2)
        axes.plot(x[beyond], cross / np.log(10), "--", color=CROSS, zorder=2)
        label(axes, x[-1], cross[-1] / np.log(10), "cross terms: theory,\nmany points", CROSS, (-92, 10))
    axes.set(ylabel=r"$\log_{10}$ of a term of $\Delta$, in units of $\|O\|^2$", ylim=(-21, 9))
    axes.annotate("filled: training set, open: holdout", (0.02, 0.96), xycoords="axes fraction", fontsize=9, va="top")


def original_distance(rows: pd.DataFrame, choice: Choice, d: int) -> pd.DataFrame:
    """ln E_OG by n: its median over training sets, and the interval of that: columns median, low, high."""
    wide = terms(rows, choice, d)
    pair, cross, own = (np.exp(wide[f"log_{name}"]) for name in ("pair_original", "cross_original", "generated"))
    found = {n: median(values.to_numpy()) for n, values in np.log(1 + pair - cross + own).groupby("n")}
    return pd.DataFrame.from_dict(found, orient="index", columns=["median", "low", "high"])


def share_of_zeros(rows: pd.DataFrame, choice: Choice, d: int, n: int) -> float:
    """The fraction of training sets for which Δ is exactly 0."""
    return float((terms(rows, choice, d).loc[n, "sign"] == 0).mean())


def disagreement(rows: pd.DataFrame, choice: Choice, d: int) -> np.ndarray:
    """The n/d at which Δ and the overlap gap have different signs in some training set."""
    wide = terms(rows, choice, d)
    differs = (wide["log_cross_original"] > wide["log_cross_train"]) != (wide["sign"] > 0)
    return np.sort(differs[differs].index.get_level_values("n").unique()) / d
