"""The figures of chapter 5. Each generator keeps its colour, and so does each noise level."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from memgen.experiments.network import difference
from memgen.figures import plots
from memgen.figures.curves import Curve, curve, markers, means
from memgen.figures.network import numbers
from memgen.figures.network.numbers import CALLED, ONE_SCALE, PUBLISHED, Run
from memgen.statistics import mean, proportion

_NOISE = 3  # the colour of the lowest noise level; 4 and 5 are those of the next
_SIZE, _MEMORY = "size of the set $n$", "memorized fraction $a$"


def deltas(table: pd.DataFrame) -> Figure:
    """Draw Δ of the network, an ideal sampler and a copier along n: on the script's scales, and on one scale."""
    fig, (published, one_scale) = plots.figure(2)
    for axes, scales in ((published, PUBLISHED), (one_scale, ONE_SCALE)):
        for k, generator in enumerate(CALLED):
            markers(axes, means(numbers.deltas(table, generator, scales), "n"), k, plots.MARKERS[k])
        axes.axhline(0, color="0.6", linewidth=0.8)
        axes.set_xlabel(_SIZE)
    published.set_ylabel(r"$\Delta$ as published [1/pixel value]")
    published.set_ylim(-0.6, 4)
    one_scale.set_ylabel(r"$\Delta$ on one scale [1/pixel value]")
    _name(published, 500, 3.2, "ideal sampler", 1)
    _name(published, 500, 3.55, "copier", 2)
    _name(published, 500, 1.1, "network", 0)
    return _named_beside(fig, one_scale, table)


def _named_beside(fig: Figure, axes: Axes, table: pd.DataFrame) -> Figure:
    """Name the series in the panel on one scale, where the copier is far below the two others; return the figure."""
    at = 500.0
    copier = means(numbers.deltas(table, "copier", ONE_SCALE), "n")
    _name(axes, at, float(np.interp(at, copier.x, copier.middle)) - 0.45, "copier", 2)
    axes.set_ylim(min(copier.low) - 0.3, 1.3)
    _name(axes, at, 0.85, "ideal sampler", 1)
    _name(axes, at, 0.45, "network", 0)
    return fig


def probability(table: pd.DataFrame) -> Figure:
    """P(Δ > 0) of the network along n on both scales, and the variance of what it generates."""
    fig, (share, variance) = plots.figure(2)
    for scales, filled in ((PUBLISHED, True), (ONE_SCALE, False)):
        counts = numbers.positive(table, scales)
        found = [proportion(int(hits), int(size)) for hits, size in counts.to_numpy()]
        along = Curve(counts.index.to_numpy(float), *np.transpose(found)).moved(-9 if filled else 9)
        markers(share, along, 0, "os"[not filled], filled)
    share.axhline(0.5, color="0.6", linewidth=0.8)
    _name(share, 50, 1.16, "filled circles: as published", 0)
    _name(share, 50, 1.06, "open squares: one scale, against a holdout", 0)
    share.set(xlabel=_SIZE, ylabel=r"$P(\Delta > 0)$ of the network", ylim=(0, 1.25), yticks=[0, 0.25, 0.5, 0.75, 1])
    for k, generator in enumerate(("network", "ideal")):
        spread = means(numbers.generated_variance(table, generator), "n")
        markers(variance, spread, k, plots.MARKERS[k])
        _name(variance, spread.x[5], spread.middle[5] * 1.25, CALLED[generator], k)
    variance.set(xlabel=_SIZE, ylabel=r"generated variance$\,/\,\sigma^2$", yscale="log", ylim=(0.7, 30))
    variance.set(yticks=[1, 3, 10, 30], yticklabels=["1", "3", "10", "30"])
    return fig


def learnt(table: pd.DataFrame, sizes: Sequence[int]) -> Figure:
    """Left: memorized fraction along n at three noises. Right: how far a network is off the line through its limits.

    The right panel is for the highest noise, and also shows how far the limits are apart.
    """
    fig, (memory, length) = plots.figure(2)
    fine = np.geomspace(min(sizes), max(sizes), 200)
    for k, tau in enumerate(numbers.low_levels(table), _NOISE):
        rows = numbers.of_network(table, "a")
        found = means(rows[rows.tau == tau], "n")
        markers(memory, found.moved(10 * (k - _NOISE - 1)), k, plots.MARKERS[k - _NOISE])
        noise = numbers.in_sigmas(tau)
        _name(memory, max(sizes), 0.5 - 0.1 * (k - _NOISE), f"network, {noise:.2g} σ", k, ha="right")
        if noise < numbers.COLLAPSE:  # above, the formula does not hold
            memory.plot(fine, numbers.linear_limit(fine, noise), "--", color=f"C{k}", zorder=2)
    _name(memory, max(sizes), 0.6, "dashed: linear, trained to the end", color="0.3", ha="right")
    memory.axhline(1, color="0.6", linestyle=":", linewidth=1)
    _name(memory, max(sizes), 0.93, "memorizer", color="0.3", ha="right")
    memory.axhline(0, color="0.6", linewidth=0.8)
    memory.set(xlabel=_SIZE, ylabel=_MEMORY, ylim=(-0.1, 1.08))
    both = numbers.lengths(table, numbers.levels(table)[-1])
    for name, k, filled, label in (
        ("network", 0, False, "network, off the line"),
        ("limits", 6, True, "distance between the limits"),
    ):
        found = means(both[name], "n")
        markers(length, found, k, filled=filled)
        length.plot(found.x, found.middle, color=f"C{k}", linewidth=0.8)
        _name(length, found.x[2], found.middle[2] * 1.3, label, k)
    length.set(xlabel=_SIZE, ylabel=r"length per pixel [$\sigma$]", yscale="log")
    return fig


_SIZES = (("o", False), ("^", False), ("s", True))  # markers, filled or not, of the sizes of the longer trainings


def trained_longer(found: Mapping[tuple[int, int], Run], table: pd.DataFrame) -> Figure:
    """Draw the memorized fraction along steps per training point, and Δ along steps at the smallest n, 50."""
    fig, (memory, delta) = plots.figure(2, height=3.2)
    sizes = sorted({n for n, _ in found})
    first = sizes[0]
    for k, tau in enumerate(numbers.low_levels(table), _NOISE):
        noise = numbers.in_sigmas(tau)
        for n, (marker, filled), aside in zip(sizes, _SIZES, (0.86, 1, 1.16), strict=True):
            some = [run for run in found.values() if run.n == n]
            values = [mean(numbers.by_level(run.rows, "a")[tau]) for run in some]
            x = [run.per_point * 1.05 ** (k - _NOISE - 1) * aside for run in some]
            markers(memory, curve(x, values), k, marker, filled=filled)
        last = max((run for run in found.values() if run.n == first), key=lambda run: run.steps)
        end = float(numbers.by_level(last.rows, "a")[tau].mean())
        below = -3 if k == _NOISE else 0  # of the dashed lines
        _name(memory, last.per_point * 1.15, end, f"{noise:.2g} σ", k, va="center", xytext=(0, below))
        if noise < numbers.COLLAPSE:
            limit = float(numbers.linear_limit(first, noise))
            memory.plot([60, 250], [limit, limit], "--", color=f"C{k}", zorder=2)
    memory.axhline(0, color="0.6", linewidth=0.8)
    for k, (n, name) in enumerate(zip(sizes, ("open circles", "open triangles", "filled squares"), strict=True)):
        _name(memory, 0.16, 1.1 - 0.1 * k, f"{name}: n = {n}", color="0.3")
    _name(memory, 0.16, 0.8, f"dashed: linear, to the end, n = {first}", color="0.3")
    memory.set(xlabel="gradient steps per training point", ylabel=_MEMORY, xscale="log")
    memory.set(xticks=[0.1, 1, 10, 100], xticklabels=["0.1", "1", "10", "100"])
    memory.set(xlim=(0.12, 400), ylim=(-0.12, 1.2))
    _delta_along_steps(delta, [run for run in found.values() if run.n == first], table[table.n == first])
    return fig


def _delta_along_steps(axes: Axes, found: Sequence[Run], table: pd.DataFrame) -> None:
    """Draw Δ of the network on both scales along steps, and lines where a copier of the same training sets is."""
    steps = [run.steps for run in found]
    for scales, filled, name in ((PUBLISHED, True, "as published"), (ONE_SCALE, False, "one scale")):
        along = curve(steps, (mean(difference(run.rows, *scales)) for run in found))
        markers(axes, along, 0, "os"[not filled], filled)
        place = along.middle[1]
        _name(axes, steps[1], place + (-0.9 if filled else 0.7), f"network, {name}", 0, ha="center")
        copier = float(difference(table, *scales, "copier").mean())
        axes.axhline(copier, color="C2", linestyle="-" if filled else "--", linewidth=1)
        _name(axes, steps[0], copier + 0.1, f"copier, {name}", 2)
    axes.axhline(0, color="0.6", linewidth=0.8)
    axes.set(xlabel=f"gradient steps, $n = {found[0].n}$", ylabel=r"$\Delta$ [1/pixel value]", xscale="log")
    axes.set(xlim=(6, 7000), ylim=(-4.6, 4.2), xticks=steps, xticklabels=[str(s) for s in steps])
    axes.minorticks_off()


def _name(axes: Axes, x: float, y: float, text: str, k: int = 0, **where: object) -> None:
    """Write a name at a place, in the colour k or in the one given in `where`."""
    plots.label_line(axes, x, y, text, k, **{"xytext": (0, 0), **where})
