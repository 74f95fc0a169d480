"""Means over replicas, along an axis or with one scatter; and rows computed again beside the stored ones."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from memgen.figures import plots
from memgen.statistics import Estimate, mean
from theory.checks.report import Report


class Curve(NamedTuple):
    """Values along an axis, each with the ends of its 95% interval; arrays of one length."""

    x: np.ndarray
    middle: np.ndarray
    low: np.ndarray
    high: np.ndarray

    def moved(self, by: float) -> "Curve":
        """The curve shifted by this much along the axis, so that intervals do not hide each other."""
        return self._replace(x=self.x + by)


def curve(x: Iterable[float], estimates: Iterable[Estimate]) -> Curve:
    """A curve of estimates along an axis, with their 95% intervals."""
    found = list(estimates)
    low, high = np.transpose([e.interval() for e in found])
    return Curve(np.array(list(x), float), np.array([e.value for e in found]), low, high)


def of_logs(found: Curve) -> Curve:
    """The curve of the exponentials, from a curve of logarithms."""
    return Curve(found.x, *(np.exp(part) for part in found[1:]))


def means(data: pd.DataFrame, by: str) -> Curve:
    """The curve, along the column `by`, of the means of the column `value` over rows that share a value of `by`."""
    groups = data.groupby(by)["value"]
    return curve(groups.groups, (mean(values) for _, values in groups))


def pooled(found: pd.DataFrame, by: Sequence[str]) -> pd.Series:
    """Means of `value` over shuffles by the columns `by`, as Estimates whose scatter is pooled over all groups.

    Two shuffles tell little of their scatter, those of thirty groups tell enough. ValueError if no group has two.
    """
    groups = found.groupby(list(by)).value.agg(["mean", "var", "count"])
    freedom = int((groups["count"] - 1).sum())
    if not freedom:
        raise ValueError("no scatter: every group has one shuffle")
    scatter = float(np.sqrt((groups["var"].fillna(0) * (groups["count"] - 1)).sum() / freedom))
    return groups.apply(lambda one: Estimate(one["mean"], scatter / np.sqrt(one["count"]), freedom), axis=1)


def together(found: pd.Series) -> Estimate:
    """The mean of independent estimates that share one pooled scatter."""
    error = np.sqrt(sum(one.error**2 for one in found)) / len(found)
    return Estimate(float(np.mean([one.value for one in found])), float(error), found.iloc[0].freedom)


def markers(axes: Axes, found: Curve, k: int, marker: str = "o", filled: bool = False) -> None:
    """Draw a curve as markers with intervals, in the colour k."""
    plots.simulated(axes, *found, k)
    (points, *_) = axes.containers[-1]
    points.set_marker(marker)
    points.set_markerfacecolor(f"C{k}" if filled else "white")


def followed(axes: Axes, found: Curve, k: int, every: int = 1, marker: str = "o") -> None:
    """Draw a curve in the colour k: each `every`-th point as a marker with its interval, all points as a thin line."""
    markers(axes, Curve(*(values[::every] for values in found)), k, marker)
    axes.plot(found.x, found.middle, color=f"C{k}", linewidth=0.8)


class Again(NamedTuple):
    """How many rows computed now are stored as well (`shared`), and their largest relative difference (`drift`)."""

    shared: int
    drift: float

    def __str__(self) -> str:
        if not self.shared:
            return "none of them stored: other parameters"
        if self.drift > 1e-3:
            return f"{self.shared} of them stored as well; the two differ by up to {self.drift:.0e}"
        return f"{self.shared} of them stored as well; the two are the same to a thousandth"

    def state(self, report: Report) -> None:
        """State that they are the same, if there are any."""
        if self.shared:
            report.holds("rows computed here are those stored, to a thousandth", self.drift < 1e-3)


def alike(params: object, stored: Mapping[str, Any], *names: str) -> bool:
    """Whether parameters and those of stored rows agree in what is named."""
    return all(getattr(params, name) == stored[name] for name in names)


def again(rows: pd.DataFrame, stored: pd.DataFrame, keys: list[str], same: bool) -> Again:
    """Compare rows with the stored ones of the same keys; with none unless both are of the `same` parameters.

    A difference is taken over the sum of the stored value's size and the largest stored one of its measure.
    """
    both = rows.merge(stored if same else stored.head(0), on=keys, suffixes=("", "_stored"))
    if both.empty:
        return Again(0, 0.0)
    scale = both.value_stored.abs() + both.groupby("measure").value_stored.transform(lambda v: v.abs().max())
    return Again(len(both), float(((both.value - both.value_stored).abs() / scale).max()))
