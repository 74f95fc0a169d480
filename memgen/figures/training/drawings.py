"""The figures of chapter 11. Each size keeps its colour and marker; where widths are compared, each width does."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from memgen.figures import plots
from memgen.figures.curves import curve, followed, means
from memgen.figures.training.numbers import LEVEL, SHOWN, Stored, reached
from memgen.statistics import mean
from theory.training import projection_error

_MEMORY = rf"memorized fraction $a$ at $\tau = {LEVEL}\,\sigma$"


def courses(stored: Stored) -> Figure:
    """The memorized fraction against steps, and against steps per training point, for four sizes."""
    fig, panels = plots.figure(2, height=3.3)
    memory = stored.at(LEVEL, "train", "a")
    for k, n in enumerate(SHOWN):
        own = memory[(memory.n == n) & (memory.step > 0)]
        for axes, scale in zip(panels, (1, n), strict=True):
            found = means(own.assign(step=own.step / scale), "step")
            followed(axes, found, k, 2, plots.MARKERS[k])
        plots.label_line(panels[0], found.x[-1] * n, found.middle[-1], f"n = {n}", k, xytext=(5, (2, -9, -3, -3)[k]))
    panels[0].set(xlabel="gradient steps", ylabel=_MEMORY, xscale="log", ylim=(-0.05, 1.1))
    panels[1].set(xlabel="gradient steps per training point", ylabel=_MEMORY, xscale="log", ylim=(-0.05, 1.1))
    panels[0].set_xlim(8, 1.5e5)
    panels[1].set_xlim(0.1, 1e3)
    return fig


def times(stored: Stored) -> Figure:
    """Left: the steps to a = 1/10 against n for three widths. Right: those to the least and to half the error."""
    fig, (memory, error) = plots.figure(2, height=3.3)
    onset = stored.onset[stored.onset.d == stored.d]
    for k, units in enumerate((512, 256, 128)):
        found = means(reached(onset[onset.hidden == units], "memorized"), "n")
        followed(memory, found, k, marker=plots.MARKERS[k])
        plots.label_line(memory, found.x[-1], found.middle[-1], f"{units} units", k, xytext=(6, (-8, 1, 1)[k]))
    for k, (column, name) in enumerate((("best", "least error"), ("generalized", "half the error")), 3):
        found = means(reached(stored.general, column), "n")
        followed(error, found, k, marker=plots.MARKERS[k])
        plots.label_line(error, found.x[-1], found.middle[-1], name, k, ha="right", xytext=(0, 10))
    sizes = np.array([32, 1024])
    anchor = onset[(onset.hidden == stored.units) & (onset.n == 128)].memorized.mean()
    for axes, what in ((memory, "to $a = 1/10$"), (error, "of the error at σ")):
        axes.plot(sizes, anchor * sizes / 128, "-", color="0.5", linewidth=0.9)
        end = sizes[1], anchor * sizes[1] / 128
        axes.annotate("∝ n", end, xytext=(4, -9), textcoords="offset points", fontsize=9)
        axes.set(xlabel="size of the training set $n$", ylabel=f"gradient steps {what}")
        axes.set(xscale="log", yscale="log", ylim=(8, 6e4), xlim=(25, 6000))
    return fig


def plane(stored: Stored, linear: Mapping[int, np.ndarray]) -> Figure:
    """Left: the courses of networks in the plane of a and b². Right: the squared distance from the law's denoiser."""
    fig, (left, right) = plots.figure(2, height=3.4)
    angles = np.linspace(0, 1, 200)
    left.plot(angles, projection_error(angles), "-", color="0.4")
    left.annotate("$b^2 = a(1-a)$", (0.5, 0.25), xytext=(0, -32), textcoords="offset points", ha="center", fontsize=9)
    place = stored.places(LEVEL)
    for k, n in enumerate(SHOWN):
        course = place.loc[n]
        left.plot(course.a, course.b_squared, plots.LINES[k], color=f"C{k}", linewidth=0.9)
        if course.a.iloc[-1] > 0.2:
            end = course.iloc[-1]
            plots.label_line(left, end.a, end.b_squared, f"n = {n}", k, xytext=(6, -3))
        spaced = course.iloc[::4]
        left.plot(spaced.a, spaced.b_squared, plots.MARKERS[k], color=f"C{k}", markerfacecolor="white")
        left.plot(*linear[n].mean(0), plots.MARKERS[k], color=f"C{k}", zorder=5)
        error = stored.distance(n)
        found = means(error[error.step > 0], "step")
        followed(right, found, k, 2, plots.MARKERS[k])
        plots.label_line(right, found.x[-1], found.middle[-1], f"n = {n}", k, xytext=(6, -3))
    left.annotate("filled: linear,\ntrained to the end", (0.03, 0.38), fontsize=9, color="0.3")
    left.set(xlabel="memorized fraction $a$", ylabel="error that is not memory $b^2$")
    left.set(xlim=(-0.03, 1.2), ylim=(0, 0.45))
    right.set(xlabel="gradient steps", ylabel=r"squared distance from $D_{\rm pop}$ (first: 1)", xlim=(8, 1.5e5))
    right.set(xscale="log", yscale="log")
    return fig


def widths(stored: Stored) -> Figure:
    """The memorized fraction after the same number of steps against the number of parameters."""
    fig, (axes,) = plots.figure(1, height=3.2)
    last = stored.last()
    for k, n in enumerate((64, 256, 1024, 4096)):
        found = means(last[last.n == n], "weights")
        followed(axes, found, k, marker=plots.MARKERS[k])
        plots.label_line(axes, found.x[-1], found.middle[-1], f"n = {n}", k)
    axes.set(xlabel="parameters of the network", ylabel=f"$a$ after {stored.parameters['steps']} steps")
    axes.set(xscale="log", ylim=(-0.05, 1.05), xlim=(3500, 7e5))
    return fig


def criteria(found: Mapping[int, pd.DataFrame]) -> Figure:
    """Draw each criterion against the memorized fraction, a panel for each size; the grey diagonal is a itself."""
    fig, panels = plots.figure(len(found) + 1, height=3.1)
    for axes, (n, share) in zip(panels, found.items(), strict=False):
        places = share.a.groupby("step").mean()
        for k, name in enumerate(share.columns.drop("a")):
            read = curve(places, (mean(part) for _, part in share[name].groupby("step")))
            followed(axes, read, k, marker=plots.MARKERS[k])
        axes.plot([0, 1], [0, 1], "-", color="0.6", linewidth=0.8)
        axes.set(xlabel=f"{_MEMORY}, $n = {n}$", ylabel="criterion (0: ideal, 1: copier)")
        axes.set(xlim=(-0.03, 1.03), ylim=(-0.15, 1.6))
    _key(panels[-1], list(next(iter(found.values())).columns.drop("a")))
    return fig


def _key(axes: Axes, names: list[str]) -> None:
    """Draw the markers with their names, in a panel of their own."""
    axes.axis("off")
    for k, name in enumerate(names):
        axes.plot([], [], plots.MARKERS[k], color=f"C{k}", markerfacecolor="white", label=name)
    axes.plot([], [], "-", color="0.6", label="$a$ itself")
    axes.legend(loc="center", fontsize=10)
