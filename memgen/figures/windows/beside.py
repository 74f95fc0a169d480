"""The least loss by other kinds of windows, beside that by squares in the same place of the pictures."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from memgen.experiments.windows import LEVELS, Study
from memgen.figures import plots
from memgen.figures.curves import curve, of_logs, pooled, together
from memgen.figures.images.exposure import NAMES
from memgen.figures.windows.pictures import QUIET, sets_of
from memgen.statistics import Estimate

QUIETER = tuple(level for level in LEVELS if level <= QUIET)
_SAME = 1e-6  # |ln| of a ratio of losses up to which both are by one window, the picture


def least(stored: pd.DataFrame, study: Study) -> pd.DataFrame:
    """ln of the least loss by the windows of a study over that by squares in the same place.

    Columns pictures, n, level, replica, value. The reach of each is chosen by the mean over shuffles. `stored` has the
    rows of the study and those of the study loss.
    """
    keys, part = ["pictures", "n", "level"], stored[stored.study.isin(("loss", study)) & (stored.measure == "loss")]
    means = part.groupby(["study", *keys, "reach"]).value.mean()
    best = means.groupby(["study", *keys]).idxmin().map(lambda at: at[-1]).rename("best").reset_index()
    chosen = part.merge(best, on=["study", *keys])
    chosen = chosen[chosen.reach == chosen.best].pivot_table(index=[*keys, "replica"], columns="study", values="value")
    chosen = chosen.dropna()
    return np.log(chosen[study] / chosen["loss"]).rename("value").reset_index()


def gain(stored: pd.DataFrame, study: Study, words: str, ticks: tuple[float, ...]) -> Figure:
    """Draw the least loss by the windows of a study over that by squares, against noise, by set and n.

    `words` is the label of the ratio, `ticks` are its ticks, of which the first and the last are its limits.
    """
    found = least(stored, study)
    sets = sets_of(stored, study)
    fig, panels = plots.figure(len(sets), height=3.2)
    for axes, name in zip(panels, sets, strict=True):
        part = found[found.pictures == name]
        differs = part.groupby(["n", "level"]).value.transform(lambda one: one.abs().max()) > _SAME
        over = pooled(part[differs], ["n", "level"])
        for k, n in enumerate(over.index.levels[0]):
            one = over[n]
            ratio = of_logs(curve(one.index * (0.96, 1, 1.04, 1.08)[k], one))
            plots.simulated(axes, *ratio, k, f"n = {n}")
            axes.plot(ratio.x, ratio.middle, plots.LINES[k], color=f"C{k}", lw=0.8)
        axes.axhline(1, color="0.4", lw=0.8)
        limits = (ticks[0], ticks[-1])
        axes.set(xscale="log", yscale="log", xlabel="noise (s.d. of the set)", title=NAMES[name], ylim=limits)
        axes.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.minorticks_off()
    for axes in panels[::2]:
        axes.set_ylabel(words)
    panels[-1].legend(fontsize=8)
    return fig


def over_noises(stored: pd.DataFrame, study: Study, name: str) -> Estimate:
    """The mean of `least` for one set over noises up to 1 and all n, with the scatter over shuffles."""
    found = least(stored, study)
    found = found[found.level.isin(QUIETER)].groupby(["pictures", "n", "replica"]).value.mean().reset_index()
    return together(pooled(found, ["pictures", "n"])[name])
