"""Samples that fall onto training points in the plane, as a moving picture and as one that stands still.

Rows are those of `memgen.experiments.plane`. Open circles are training points, dots are samples, the grey band is the
true law: its spiral, and twice the width of its noise to either side.
"""

from collections.abc import Iterator, Sequence
from io import BytesIO
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from PIL import Image

from memgen.experiments.plane import WIDTH, collapse_noise, copies, radius_and_angle
from memgen.figures import plots
from memgen.statistics import proportion

_HEIGHT = 7.6  # inches, of both pictures: one file holds the two
_TEXT = 13  # points: a phone shows the pictures at half their size
_REACH = 2.0  # half the side of a panel, in units of the plane
_DOTS, _COLOURS = 100, 8  # of the moving picture: pixels an inch, and colours
_FIRST, _FRAME, _LAST = 1000, 120, 2500  # milliseconds
_ZERO = 0.006  # where the noise 0 stands on a logarithmic axis

Kind = tuple[str, int]  # generator and step


def still(rows: pd.DataFrame) -> Figure:
    """Draw the samples at four levels of noise, falling from left to right; a row of panels for each denoiser."""
    kinds, places, collapse = _kinds(rows), _places(rows), _collapse(rows)
    seen = _levels(rows)
    between = [min(seen, key=lambda tau: abs(tau - wanted)) for wanted in (collapse**0.5, collapse)]
    levels = [seen[0], *between, seen[-1]]
    fig, panels = plots.figure(len(kinds) * len(levels), _HEIGHT / len(kinds), len(levels))
    for k, axes in enumerate(panels):
        row, column = divmod(k, len(levels))
        _panel(axes, places, 0.7).set_data(*places[(*kinds[row], levels[column])].T)
        if row == 0:
            axes.set_title(f"noise {levels[column]:.2g}", fontsize=_TEXT)
        if column == 0:
            axes.set_ylabel(_name(kinds[row]).replace(" ", "\n", 1), fontsize=_TEXT)
    _key(fig, len(places["train", 0, 0.0]), 0.08)
    return fig


def moving(rows: pd.DataFrame) -> bytes:
    """An animated PNG of the samples while the noise falls, a panel for each denoiser, in an endless loop.

    Its default image, which is shown where nothing moves, as in print, is `still`. The same rows make the same bytes.
    """
    kinds, places, shares = _kinds(rows), _places(rows), copies(rows)
    fig, panels = plots.figure(len(kinds), _HEIGHT / -(-len(kinds) // 2))
    for axes, kind in zip(panels, kinds, strict=True):
        axes.set_title(f"{_name(kind)}:\n{shares[kind]:.0%} end as copies", fontsize=_TEXT + 1)
    dots = [_panel(axes, places) for axes in panels]
    clock = _clock(fig, _collapse(rows))
    _key(fig, len(places["train", 0, 0.0]), 0.16)
    states = [[*(places[(*kind, tau)].T for kind in kinds), ([max(tau, _ZERO)], [0.5])] for tau in _levels(rows)]
    images = [*frames(fig, [*dots, clock], states)]
    resting = still(rows)
    (first,) = frames(resting, [], [[]])
    for drawn in (fig, resting):
        plt.close(drawn)
    palette = images[0].quantize(_COLOURS)
    first, *images = (image.quantize(palette=palette, dither=Image.Dither.NONE) for image in (first, *images))
    times = [_FIRST, *[_FRAME] * (len(images) - 2), _LAST]
    file = BytesIO()
    first.save(
        file, "PNG", save_all=True, append_images=images, default_image=True, duration=times, loop=0, compress_level=9
    )
    return file.getvalue()


def table(rows: pd.DataFrame) -> str:
    """Markdown: the share of copies among the results of each denoiser, and among new points of the law."""
    count = int((rows.generator == "law").sum())
    lines = ["| samples of | copies | 95% interval |", "|---|--:|--:|"]
    for kind, share in copies(rows).items():
        _, low, high = proportion(round(share * count), count)
        lines.append(f"| {_name(kind)} | {share:.0%} | {low:.0%} to {high:.0%} |")
    return "\n".join(lines)


def _kinds(rows: pd.DataFrame) -> list[Kind]:
    """The denoisers, as (generator, step)."""
    return [kind for kind in copies(rows).index if kind[0] != "law"]


def _name(kind: Kind) -> str:
    generator, step = kind
    return {"law": "the law itself", "exact": "exact score"}.get(generator, f"network, {step:,} steps")


def _places(rows: pd.DataFrame) -> dict[tuple[str, int, float], np.ndarray]:
    """Where the samples are, (samples, 2), by (generator, step, noise)."""
    return {name: part[["x", "y"]].to_numpy() for name, part in rows.groupby(["generator", "step", "tau"])}


def _collapse(rows: pd.DataFrame) -> float:
    return collapse_noise(rows.loc[rows.generator == "train", ["x", "y"]].to_numpy(float, copy=True))


def _levels(rows: pd.DataFrame) -> list[float]:
    """The levels of noise, falling."""
    return sorted(rows.loc[rows.generator == "exact", "tau"].unique().tolist(), reverse=True)


def _panel(axes: Axes, places: dict[tuple[str, int, float], np.ndarray], size: float = 1.0) -> Line2D:
    """Draw the law and the training points; return the line of the samples, which is still empty."""
    radius, angle = radius_and_angle(np.linspace(0, 1, 300))
    edge = np.concatenate([radius + 2 * WIDTH, radius[::-1] - 2 * WIDTH])
    round_ = np.concatenate([angle, angle[::-1]])
    axes.fill(edge * np.cos(round_), edge * np.sin(round_), color="0.85", linewidth=0, zorder=1)
    points = places["train", 0, 0.0].T
    axes.plot(*points, "o", color="black", markerfacecolor="none", markersize=8 * size, markeredgewidth=0.9, zorder=3)
    axes.set(xlim=(-_REACH, _REACH), ylim=(-_REACH, _REACH), xticks=[-1, 0, 1], yticks=[-1, 0, 1], aspect="equal")
    axes.tick_params(length=0, labelbottom=False, labelleft=False)
    (dots,) = axes.plot([], [], "o", color="C0", markersize=3.4 * size, markeredgewidth=0, snap=size == 1.0, zorder=2)
    return dots


def _key(fig: Figure, count: int, bottom: float) -> None:
    """Explain the signs in a legend below the panels, which leave it the share `bottom` of the height."""
    signs = [
        Line2D(
            [],
            [],
            linestyle="none",
            marker="o",
            color="black",
            markerfacecolor="none",
            label=f"{count} training points",
        ),
        Line2D([], [], linestyle="none", marker="o", color="C0", markersize=4, label="samples"),
        Patch(color="0.85", label="true law (grid: 1 apart)"),
    ]
    fig.set_layout_engine("constrained", rect=(0, bottom, 1, 1 - bottom))
    fig.legend(handles=signs, loc="lower center", ncols=3, fontsize=_TEXT, handletextpad=0.3, columnspacing=1.2)


def _clock(fig: Figure, collapse: float) -> Line2D:
    """Draw an axis of the noise below the panels, with the collapse noise; return the marker on it, still empty."""
    axes = fig.add_axes((0.13, 0.115, 0.8, 0.02))
    axes.set(xscale="log", xlim=(1.1, _ZERO / 1.1), ylim=(0, 1), yticks=[])
    axes.set_xticks([1, 0.1, 0.01, _ZERO], ["noise τ = 1", "0.1", "0.01", "0"], fontsize=_TEXT - 1)
    axes.minorticks_off()
    axes.axvline(collapse, color="black")
    axes.annotate(
        f"{collapse:.2g}: half of the weight on one point",
        (collapse, 1),
        (0, 3),
        textcoords="offset points",
        ha="center",
        fontsize=_TEXT - 1,
    )
    (marker,) = axes.plot([], [], "v", color="black", markersize=11, clip_on=False)
    return marker


def frames(fig: Figure, lines: list[Line2D], states: Sequence[Sequence[Any]]) -> Iterator[Image.Image]:
    """Yield a picture for each state, which holds the data of each line; the rest of the figure is drawn once."""
    fig.set_dpi(_DOTS)
    canvas = FigureCanvasAgg(fig)
    for line in lines:
        line.set_animated(True)
    canvas.draw()
    rest = canvas.copy_from_bbox(fig.bbox)
    for state in states:
        canvas.restore_region(rest)
        for line, data in zip(lines, state, strict=True):
            line.set_data(*data)
            fig.draw_artist(line)
        yield Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3].copy())
