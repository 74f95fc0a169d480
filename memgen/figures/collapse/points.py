"""The collapse of single points: which point is nearest at finite size, widths of points far out, and the mean Σ w²."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy.stats import chi2

from memgen import statistics
from memgen.experiments.collapse import ALPHA
from memgen.figures import plots
from memgen.figures.collapse.published import proportion_scores
from theory import collapse, kernel

NOISE = np.linspace(0.4, 2.0, 25)  # in collapse widths
_D, _N = 100, 3000  # the larger of the sets in which the collapse width of single points is measured


def _sets(rows: pd.DataFrame) -> list[tuple[int, int, float, pd.DataFrame]]:
    """(d, n, collapse width, rows) for each size at which the nearest point was asked for."""
    near = rows[rows.study == "nearest"]
    return [(d, n, float(kernel.collapse_width(n, d)), group) for (d, n), group in near.groupby(["d", "n"])]


def exact_curves(rows: pd.DataFrame) -> dict[int, np.ndarray]:
    """By dimension, the exact probability at the noises `NOISE` that the nearest training point is the noised one."""
    return {d: collapse.nearest_is_self(n, d, NOISE * width) for d, n, width, _ in _sets(rows)}


def nearest(rows: pd.DataFrame, exact: dict[int, np.ndarray]) -> Figure:
    """Draw the probability that the nearest training point is the noised one, against noise in collapse widths."""
    fig, (axes,) = plots.figure(1, height=3.3)
    for k, (d, n, width, group) in enumerate(_sets(rows)):
        plots.theory(axes, NOISE, exact[d], k)
        plots.simulated(axes, group["at"], group.p, group.low, group.high, k, f"d = {d}, n = {n}")
        papers = float(kernel.kernel_width(n, d)) / width
        axes.plot([papers, papers], [0, 0.07], "-", color=f"C{k}", marker=plots.MARKERS[k], markevery=[1])
    plots.threshold(axes, 1, r"$\varepsilon_c$")
    axes.annotate("pins: the paper's width", (0.42, 0.11), fontsize=9)
    axes.legend(loc="upper right", title="line: exact\nmarker: simulated", title_fontsize=9)
    axes.set(
        xlabel=r"noise $\varepsilon$ [collapse width $\varepsilon_c$]", ylabel="P(the nearest point is the own one)"
    )
    axes.set(xlim=(0.4, 1.65), ylim=(0, 1.03))
    return fig


def nearest_scores(rows: pd.DataFrame) -> dict[tuple[int, int], np.ndarray]:
    """Standard scores of the simulated probabilities against the exact ones, by (d, n)."""
    return {
        (d, n): proportion_scores(
            group.p, collapse.nearest_is_self(n, d, group["at"].to_numpy() * width), group.replicas
        )
        for d, n, width, group in _sets(rows)
    }


def crossovers(exact: dict[int, np.ndarray]) -> dict[int, float]:
    """By dimension, how many collapse widths of noise lie between the probabilities ¾ and ¼."""
    return {d: float(np.interp(-0.25, -p, NOISE) - np.interp(-0.75, -p, NOISE)) for d, p in exact.items()}


def occurring() -> np.ndarray:
    """The interval (low, high) of r = |x|²/d about the middle outside which two of the `_N` points are expected."""
    return chi2.isf([1 - 1 / _N, 1 / _N], _D) / _D


def local(table: pd.DataFrame) -> Figure:
    """Left: the collapse width of a point against its r = |x|²/d. Right: E Σ w² at a fresh sample against the noise."""
    fig, (left, right) = plots.figure(2, height=3.3)
    radii = np.linspace(0, 2.4, 100)
    for k, ((d, n), group) in enumerate(table[table.study == "local"].groupby(["d", "n"])):
        middle, low, high = np.transpose([statistics.median(part.value) for _, part in group.groupby("at")])
        limit = kernel.local_collapse_width(np.log(n) / d, radii)
        plots.theory(left, radii, limit, k)
        plots.simulated(left, sorted(group["at"].unique()), middle, low, high, k)
        spot = (2.4, 2.0) if k == 0 else (1.2, 3.2)
        left.annotate(f"d = {d}, n = {n}", spot, ha="right", color=f"C{k}", fontsize=9)
    left.axvspan(*occurring(), color="0.93", zorder=0)
    left.annotate(f"points that occur,\nd = {_D}, n = {_N}", (np.mean(occurring()), 0.1), ha="center", fontsize=9)
    left.set(
        xlabel=r"squared distance r from the middle [$d\sigma^2$]", ylabel=r"collapse width of the point [$\sigma$]"
    )
    left.set_ylim(0, None)
    widths = np.linspace(0.3, 1.5, 200)
    right.plot(widths, kernel.participation(ALPHA, widths), "-", color="black", zorder=2)
    right.annotate(r"limit $d\to\infty$", (0.62, 0.38), ha="right", fontsize=9)
    for k, (d, group) in enumerate(table[table.study == "condensed"].groupby("d")):
        estimates = [statistics.mean(part.value) for _, part in group.groupby("at")]
        low, high = np.transpose([estimate.interval() for estimate in estimates])
        plots.simulated(right, sorted(group["at"].unique()), [e.value for e in estimates], low, high, k, f"d = {d}")
    edge = float(1 / np.sqrt(np.expm1(2 * ALPHA)))
    right.axvline(edge, color="0.2", linewidth=1.1, zorder=1.8)
    right.annotate(r"$\varepsilon_c$", (edge, 0.4), (3, 0), textcoords="offset points", color="0.2", fontsize=9)
    right.legend(loc="upper right")
    right.set(xlabel=r"noise $\varepsilon$ [$\sigma$]", ylabel=r"$E\sum w_i^2$ at a fresh sample", ylim=(0, 1))
    return fig


def spread_of_widths() -> float:
    """The collapse width of the outermost point that occurs over that of the innermost one, both in the limit d → ∞."""
    innermost, outermost = kernel.local_collapse_width(np.log(_N) / _D, occurring())
    return float(outermost / innermost)


def inner_excess(table: pd.DataFrame) -> dict[tuple[int, int], float]:
    """By (d, n), the mean relative excess of the measured median widths over the limit, for points at r ≤ 0.75."""
    inner = table[(table.study == "local") & (table["at"] <= 0.75)]
    return {
        (d, n): float(
            np.mean(
                [
                    np.median(part.value) / float(kernel.local_collapse_width(np.log(n) / d, r)) - 1
                    for r, part in group.groupby("at")
                ]
            )
        )
        for (d, n), group in inner.groupby(["d", "n"])
    }


def typical_score(table: pd.DataFrame, r: float) -> float:
    """Standard score of the mean ln width of points at r in the larger set against the limit's width at r = 1."""
    typical = np.log(float(kernel.local_collapse_width(np.log(_N) / _D, 1.0)))
    widths = table[(table.study == "local") & (table.d == _D) & (table["at"] == r)].value
    return statistics.mean(np.log(widths)).z(typical)
