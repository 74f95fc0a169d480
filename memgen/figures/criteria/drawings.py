"""What chapter 6 draws."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from memgen.figures import plots
from memgen.figures.criteria.crossings import CRITERIA, Table, crossing
from memgen.figures.curves import curve
from memgen.statistics import Estimate, mean

# Criteria that are drawn against d, each with its own dashes and markers, and where their names go.
_DRAWN = {
    "nearest_ratio": (0, (4, -3)),
    "wasserstein2": (1, (4, -8)),
    "two_models": (2, (4, -2)),
    "kl_generated_true": (3, (4, -9)),
    "closest_record": (4, (4, 3)),
    "best_kernel": (5, (4, -9)),
    "membership": (6, (4, -9)),
    "overlap": (7, (4, 0)),
    "membership_known": (8, (4, 0)),
}


def draw_crossings(found: pd.DataFrame, curves: Mapping[int, Mapping[str, float]]) -> Figure:
    """Draw the n at which each criterion turns against d: predicted lines and simulated markers, from `crossings`."""
    fig, (axes,) = plots.figure(height=4.8)
    fig.set_size_inches(7.2, 4.8)
    for name, (k, offset) in _DRAWN.items():
        rows = found[found["criterion"] == name]
        d = np.array(sorted(curves), float)
        plots.theory(axes, d, [curves[int(x)][name] for x in d], k)
        plots.simulated(axes, rows["d"], rows["simulated"], rows["low"], rows["high"], k)
        scale = CRITERIA[name].scale
        text = f"{CRITERIA[name].label}: {scale}" if scale != "—" else CRITERIA[name].label
        plots.label_line(axes, d[-1], curves[int(d[-1])][name], text, k, xytext=offset)
    axes.set(xscale="log", yscale="log", xlabel="dimension $d$", ylabel="$n$ at which the criterion turns")
    axes.set_xlim(found["d"].min() * 0.9, found["d"].max() * 4.2)
    ticks = sorted(found["d"].unique())
    axes.set_xticks(ticks, [f"{x:g}" for x in ticks])
    axes.minorticks_off()
    return fig


def draw_ladder(rows: pd.DataFrame, trained: pd.DataFrame, predictions: Mapping[str, float]) -> Figure:
    """Draw the n at which each criterion turns in one dimension, in their order: linear generator and trained networks.

    `rows` and `trained` are those of the experiments `criteria` and `trained`, of one dimension each.
    """
    linear = {name: crossing(rows, name) for name in CRITERIA}
    networks = {name: crossing(trained, name) for name in CRITERIA}
    order = [name for _, name in sorted((e.value, name) for name, e in linear.items() if e)]
    fig, (axes,) = plots.figure(height=4.2)
    fig.set_size_inches(7.2, 4.2)
    for height, name in enumerate(order):
        axes.axhline(height, color="0.9", linewidth=0.8, zorder=0)
        if name in predictions:
            axes.plot(predictions[name], height, "|", color="C0", markersize=15, markeredgewidth=1.8, zorder=2)
        _marked(axes, linear[name], height, 0)
        _marked(axes, networks[name], height - 0.22, 1)
    axes.set(xscale="log", xlabel="number of training points $n$", ylim=(-0.7, len(order) - 0.3))
    axes.set_yticks(range(len(order)), [CRITERIA[name].label for name in order])
    first, last = linear[order[0]], linear[order[-1]]
    assert first and last
    names = (("linear generator", last.value, len(order) - 1, 0, (-8, 6)), ("networks", None, 0, 1, (8, -4)))
    for text, x, y, k, offset in names:
        if x is None:
            shown = [(e.value, order.index(name)) for name, e in networks.items() if e and name in order]
            if not shown:
                continue
            x, y = shown[0]
        plots.label_line(axes, x, y, text, k, xytext=offset, ha="right" if k == 0 else "left")
    return fig


def _marked(axes: Axes, estimate: Estimate | None, height: float, k: int) -> None:
    if estimate:
        low, high = estimate.interval()
        reach = np.array([[estimate.value - low], [high - estimate.value]])
        axes.errorbar(
            [estimate.value],
            [height],
            xerr=reach,
            marker=plots.MARKERS[2 * k],
            color=f"C{k}",
            markerfacecolor="white",
            linestyle="none",
            zorder=3,
        )


def draw_signals(rows: pd.DataFrame, d: int) -> Figure:
    """Draw how much memory each criterion sees at one d, from 1 (all) to 0 (as a perfect generator), against n."""
    fig, (left, right) = plots.figure(2, height=3.4)
    found = Table(rows)
    shown = {
        left: {
            "⅓ rule": found["flagged"] - found["flagged_null"],
            "AuthPct": 1 - found["authenticity"] / found["authenticity_null"].mean(),
            "$C_T$": 2 * found["nearness"] - 1,
            "closest record": 2 * found["closest_record"] - 1,
        },
        right: {
            "membership": 2 * found["membership"] - 1,
            "overlap": 1 - 2.0 * found["overlap_gap"].gt(0),
            "membership, O known": 2 * found["membership_known"] - 1,
        },
    }
    for axes, series in shown.items():
        for k, (label, values) in enumerate(series.items()):
            one = values.dropna(axis=1)
            x, middle, low, high = curve(one.columns, [mean(column) for column in one.to_numpy().T])
            plots.simulated(axes, x, middle, low, high, k, label)
            axes.plot(x, middle, plots.LINES[k], color=f"C{k}", linewidth=0.9)
        axes.axhline(0, color="0.6", linewidth=0.8)
        axes.set(xscale="log", xlabel=f"number of training points $n$, $d = {d}$", ylim=(-0.1, 1.05))
        axes.set_xlim(3.5, rows["n"].max() * 1.2)
        axes.legend()
    left.set_ylabel("memory seen (0: as a perfect generator)")
    return fig
