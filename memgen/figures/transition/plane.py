"""Chapter 4: the plane of a and b_⊥², along and across the line from the true law O to the training set T."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from IPython.display import Markdown
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from memgen.experiments.transition import PLANE_D, PLANE_UNTRAINED
from memgen.figures import plots
from memgen.figures.transition.style import INK, MANY_STEPS, ONE_STEP, PERFECT, label, series
from memgen.figures.transition.tables import table
from theory import kernel


class Place(NamedTuple):
    """A place in the plane: a, and the squared distance b_⊥²‖T−O‖² from the line (`off`), in units of ‖O‖²."""

    a: np.ndarray
    off: np.ndarray


def _overlap(variance: Any) -> Any:
    """The overlap of two centred normal laws whose variances add up to `variance`, in units of ‖O‖²."""
    return (2 / variance) ** (PLANE_D / 2)


def distance_to_truth(factor: np.ndarray) -> np.ndarray:
    """‖G − O‖²/‖O‖², where G is the true law O with this factor of its variance."""
    return _overlap(2 * factor) - 2 * _overlap(1 + factor) + 1


def untrained(factor: np.ndarray) -> Place:
    """The exact place of the true law with this factor of its variance, from means over training sets."""
    width = kernel.kernel_width(PLANE_UNTRAINED, PLANE_D)
    separation = kernel.kde_mise(PLANE_UNTRAINED, PLANE_D, width) * (4 * np.pi) ** (PLANE_D / 2)
    near, far = 1 + width**2 + factor, 2 + width**2
    a = (_overlap(near) - _overlap(1 + factor) - _overlap(far) + _overlap(2.0)) / separation
    return Place(a, distance_to_truth(factor) - a**2 * separation)


def groups(places: pd.DataFrame) -> list[tuple[str, str, str, pd.DataFrame]]:
    """Label, colour, marker and rows of each kind of law in the table."""
    found = []
    for (law, tau), rows in places.groupby(["law", "tau"], dropna=False, sort=False):
        if law == "one step":
            first = tau == places["tau"].iloc[0]
            found.append((f"one step,\n$\\tau = {tau:.2f}$", ONE_STEP, "o" if first else "s", rows))
        elif law == "many steps":
            found.append(("many steps", MANY_STEPS, "^", rows))
        else:
            found.append(("never trained: the true law,\nvariance × 0.3 … 3 (line: exact)", PERFECT, "D", rows))
    return found


def draw_plane(places: pd.DataFrame) -> Figure:
    """Draw the mean place of every generated law of `memgen.experiments.transition.plane`."""
    fig, (axes,) = plots.figure(1, height=4.4)
    for text, color, marker, rows in groups(places):
        low = np.maximum(rows["off_low"], 1e-4)
        series(axes, rows["a"], (rows["off"], low, rows["off_high"]), color, marker)
        aside = (rows["a"] - rows["a_low"], rows["a_high"] - rows["a"])
        axes.errorbar(rows["a"], rows["off"], xerr=aside, linestyle="none", color=color, zorder=2)
        if color == PERFECT:
            label(axes, 0.0, rows["off"].max(), text, color, (-18, 32))
            continue
        axes.plot(rows["a"], rows["off"], "-", color=color, linewidth=0.8, alpha=0.6)
        start = rows.iloc[0]
        label(axes, start["a_high"], start["off"], f"{text}, $n = {start['n']}$".replace("\n", " "), color, (5, -4))
    for factors in (np.geomspace(0.3, 0.98, 40), np.geomspace(1.02, 3, 40)):
        axes.plot(*untrained(factors), "-.", color=PERFECT, zorder=2)
    _equal_distance(axes)
    plots.threshold(axes, 0.5, r"$\Delta < 0$ beyond")
    axes.set(yscale="log", xlim=(-0.06, 0.69), ylim=(5e-3, 20), xlabel="position $a$ along $T - O$")
    axes.set_ylabel(r"$b_\perp^2L^2$, squared distance from that line [$\|O\|^2$]")
    return fig


def _equal_distance(axes: Axes) -> None:
    """Draw lines of equal E_OG, for ‖T−O‖² = ‖O‖²."""
    along = np.linspace(0, 0.6, 200)
    for level in (0.03, 0.1, 0.3, 1.0, 3.0):
        off = np.where(level > along**2, level - along**2, np.nan)
        axes.plot(along, off, ":", color="0.6", linewidth=0.9, zorder=1)
    label(axes, 0.34, 1.0 - 0.12, "equal $E_{OG}$", INK, (0, 3))


def inside(places: pd.DataFrame) -> tuple[int, int]:
    """How many laws that never saw the training set have their exact a within its interval, and how many there are."""
    rows = places[places["law"] == "true law"]
    exact = untrained(rows["factor"].to_numpy()).a
    return int(((rows["a_low"] <= exact) & (exact <= rows["a_high"])).sum()), len(rows)


def floors(places: pd.DataFrame) -> list[tuple[str, float, float, float]]:
    """For each trained law: its label, a and b_⊥²‖T−O‖² at the largest n, and the limit of the latter as n → ∞."""
    found = []
    for text, color, _, rows in groups(places):
        if color == PERFECT:
            continue
        last = rows.iloc[-1]
        # one step narrows the law by the signal fraction 1/(1 + τ²); many steps recover the true law
        limit = 0.0 if color == MANY_STEPS else float(distance_to_truth(1 / (1 + last["tau"] ** 2)))
        found.append((text.replace("\n", " "), float(last["a"]), float(last["off"]), limit))
    return found


def _signed(value: float) -> str:
    return f"{value:.3f}".replace("-", "−")


def where_they_stand(places: pd.DataFrame) -> Markdown:
    """A table of a and b_⊥²‖T−O‖²: trained laws at the largest n, and the range of both for laws never trained."""
    count = places.loc[places["law"] == "many steps", "n"].max()
    rows = []
    for text, a, off, limit in floors(places):
        plain = text.replace("$\\tau", "τ").replace("$", "")
        rows.append((plain, f"{a:.3f}", f"{off:.3f}", f"{limit:.3f}"))
    fixed = places[places["law"] == "true law"]
    exact = untrained(fixed["factor"].to_numpy()).a
    low, high = fixed["a"].min(), fixed["a"].max()
    rows.append(
        (
            "never trained",
            f"{_signed(low)} to {_signed(high)}",
            f"{fixed['off'].min():.3f} to {fixed['off'].max():.1f}",
            "the same",
        )
    )
    rows.append(("never trained, exactly", f"{_signed(exact.min())} to {_signed(exact.max())}", "", ""))
    return table(("law", f"a at n = {count}", r"$b_\perp^2L^2$", "its limit as n → ∞"), rows)
