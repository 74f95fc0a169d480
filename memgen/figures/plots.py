"""Figures in one look: theory is a line, simulation is a marker with its 95% interval."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

LINES = ("-", "--", "-.", ":")
MARKERS = ("o", "s", "^", "D", "v", "P", "p", "X", "h")


def figure(panels: int = 1, height: float = 2.9, columns: int = 2) -> tuple[Figure, Sequence[Axes]]:
    """A figure in the style of the suite with so many panels, at most `columns` a row; and the panels.

    It is as wide as a page (7.2 in, 720 pixels), or 4.6 in wide with one panel a row.
    """
    plt.style.use(Path(__file__).with_name("memgen.mplstyle"))
    if "inline" in plt.get_backend():
        from matplotlib_inline.backend_inline import set_matplotlib_formats

        # Twice the pixels at the same width. The layout leaves no margin to cut off; to look for one draws twice.
        set_matplotlib_formats("retina", bbox_inches=None)
    columns = min(columns, panels)
    rows = -(-panels // columns)
    width = 7.2 if columns > 1 else 4.6
    fig, axes = plt.subplots(rows, columns, figsize=(width, height * rows), squeeze=False)
    for spare in axes.flat[panels:]:
        spare.remove()
    return fig, list(axes.flat[:panels])


def label_line(axes: Axes, x: float, y: float, text: str, k: int = 0, **where: Any) -> None:
    """Name the k-th curve or series beside it, in its colour; `where` goes to `annotate` (ha, va, xytext …)."""
    style: dict[str, Any] = {
        "color": f"C{k}",
        "fontsize": 9,
        "xytext": (4, 3),
        "textcoords": "offset points",
        "zorder": 4,
    } | where
    axes.annotate(text, (x, y), **style)


def theory(axes: Axes, x: Any, y: Any, k: int = 0, label: str | None = None) -> None:
    """Draw the k-th theory curve in its own colour and its own dashes."""
    axes.plot(x, y, LINES[k % len(LINES)], color=f"C{k}", label=label, zorder=2)


def entry(axes: Axes, k: int, label: str) -> None:
    """Name the k-th theory curve and the k-th series in the legend, as one."""
    line, marker = LINES[k % len(LINES)], MARKERS[k % len(MARKERS)]
    axes.plot([], [], line, marker=marker, color=f"C{k}", mfc="white", label=label)


def simulated(axes: Axes, x: Any, middle: Any, low: Any, high: Any, k: int = 0, label: str | None = None) -> None:
    """Draw the k-th simulated series in its own colour and marker, with intervals; values not finite are left out."""
    x, middle, low, high = (np.asarray(a, float) for a in (x, middle, low, high))
    shown = np.isfinite(middle)
    x, middle, low, high = (a[shown] for a in (x, middle, low, high))
    high = np.where(np.isfinite(high), high, 1e3 * np.abs(middle))  # an interval without end leaves the picture
    axes.errorbar(
        x,
        middle,
        np.clip([middle - low, high - middle], 0, None),
        linestyle="none",
        marker=MARKERS[k % len(MARKERS)],
        color=f"C{k}",
        markerfacecolor="white",
        label=label,
        zorder=3,
    )


def plain_ticks(axes: Axes, values: Sequence[float]) -> None:
    """Put those of these numbers that fit, and no others, along a logarithmic vertical axis."""
    low, high = axes.get_ylim()
    axes.set_yticks([value for value in values if low <= value <= high])
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter(NullFormatter())


def infinite(axes: Axes, x: Any, k: int = 0) -> None:
    """Draw arrows near the upper edge at those x where the simulated value is infinite."""
    height = np.full(np.shape(x), 0.96 - 0.06 * k)
    place = axes.get_xaxis_transform()
    axes.plot(x, height, linestyle="none", marker=r"$\uparrow$", markersize=9, color=f"C{k}", transform=place)


def threshold(axes: Axes, x: float, label: str) -> None:
    """Draw a predicted transition: a thin vertical line above the grid, with its name beside its lower end."""
    axes.axvline(x, color="0.2", linewidth=1.1, zorder=1.8)
    axes.annotate(
        label,
        (x, 0),
        (3, 3),
        xycoords=axes.get_xaxis_transform(),
        textcoords="offset points",
        color="0.2",
        fontsize=9,
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 1},
        zorder=2.5,
    )
