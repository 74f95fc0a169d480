"""Chapter 4: what its figures draw in common, and its colours, each of which means one thing.

Blue is one step, red one step with BᵀB for BBᵀ, green many steps, grey a generator that never saw the training set.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from memgen.experiments.transition import Choice

ONE_STEP, TRANSPOSED, MANY_STEPS, PERFECT = "C0", "C1", "C2", "0.45"
CROSS, PAIRS = "C3", "C4"  # terms of Δ
INK = "0.2"


def colour(choice: Choice) -> str:
    """The colour of a choice, by its generator and by the order of B that it uses."""
    if choice.generator == "ideal":
        return PERFECT
    if choice.generator == "multi-step":
        return MANY_STEPS
    return TRANSPOSED if choice.covariance == "BtB" else ONE_STEP


def series(axes: Axes, x: Any, found: Iterable[Any], color: str, marker: str = "o", **given: Any) -> None:
    """Draw simulated values with their intervals: middle, low, high at each x."""
    middle, low, high = (np.asarray(values, float) for values in found)
    errors = np.clip([middle - low, high - middle], 0, None)
    style: dict[str, Any] = {"linestyle": "none", "markerfacecolor": "white", "zorder": 3} | given
    axes.errorbar(x, middle, errors, color=color, marker=marker, **style)


def label(axes: Axes, x: float, y: float, text: str, color: str, offset: tuple[float, float] = (4, 3)) -> None:
    """Write the name of a curve beside it, in its colour; `offset` is in points."""
    axes.annotate(
        text,
        (x, y),
        offset,
        textcoords="offset points",
        color=color,
        fontsize=9,
        zorder=4,
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.5},
    )


def by_rank(axes: Axes, counts: np.ndarray, d: int) -> np.ndarray:
    """Equally spaced places for the numbers of points, as those close to d would lie on top of each other on any scale.

    Also sets the ticks, and shades the counts within about 10% of d.
    """
    places = np.arange(len(counts))
    ticks = [k for k, n in enumerate(counts) if k % 3 == 0 or n == d]
    ticks = [k for k in ticks if counts[k] == d or abs(k - int(np.argmin(abs(counts - d)))) > 1]
    axes.set_xticks(ticks, [f"{counts[k] / d:.2g}" for k in ticks])
    axes.set_xlabel("$n/d$ (not to scale)")
    axes.axvspan(*(np.interp(d * f, counts, places) for f in (0.89, 1.11)), color="0.93", zorder=0)
    return places
