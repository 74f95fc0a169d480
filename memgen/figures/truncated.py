"""The rank that a kernel regression needs to copy digits: rows of `memgen.experiments.truncated`."""

from itertools import pairwise

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from memgen.denoisers.kernels import Regressions
from memgen.figures import plots
from memgen.figures.curves import pooled
from memgen.statistics import Estimate, mean
from memgen.streams import stream
from theory.checks.report import Report

_FIRST = 0.25  # share of n(d+1) from which growth is shown


def _by_rank(stored: pd.DataFrame, measure: str) -> pd.DataFrame:
    """The rows of a measure with two more columns: `points`, rank over n; `share`, rank over n(d+1), to two digits."""
    part = stored[stored.measure == measure]
    points = part["rank"] / part.n
    return part.assign(points=points, share=(points / (part.d + 1)).round(2))


def powers(n: int = 4, d: int = 5) -> str:
    """Markdown: the power of small noise with which eigenvalues of the Gram matrix of 2d copies of n points fall."""
    rng, levels = stream("truncated", "powers"), (0.01, 0.005)
    noises = np.repeat(rng.standard_normal((1, 2 * n * d, d)), 2, axis=0)
    fitted = Regressions("tangent", rng.standard_normal((n, d)), levels, noises)
    wide, narrow = (fitted.eigenvalues(tau) for tau in levels)
    found = np.log2(wide / narrow)
    ends = {"the first $n$": (0, n), "the next $nd$": (n, n * (d + 1)), "the one after": (n * (d + 1), n * (d + 1) + 1)}
    lines = [f"| eigenvalues, n = {n}, d = {d} | power of τ |", "|---|--:|"]
    for name, (start, stop) in ends.items():
        low, high = found[start:stop].min(), found[start:stop].max()
        lines.append(f"| {name} | {low:z.2f} |" if stop - start == 1 else f"| {name} | {low:z.2f} to {high:z.2f} |")
    return "\n".join(lines)


def copies(stored: pd.DataFrame) -> Figure:
    """Left: eigenvalues at the least noise against the rank over n. Right: copies against the rank over n(d+1)."""
    fig, (left, right) = plots.figure(2, height=3.4)
    stored = stored[stored.noises == stored.noises.min()]
    values, flagged = _by_rank(stored, "eigenvalue"), _by_rank(stored, "flagged")
    for k, (d, of) in enumerate(flagged.groupby("d")):
        own = values[(values.d == d) & (values.n == of.n.max())].groupby("points").value.mean()
        left.plot(own.index, own / own.iloc[0], plots.LINES[k], color=f"C{k}")
        left.axvline(d + 1, color=f"C{k}", ls=plots.LINES[k], lw=0.8)
        plots.label_line(left, d + 1, 1.0, f"d + 1 = {d + 1}", k, rotation=90, ha="right", va="top", xytext=(-3, 0))
        found = pd.concat({share: pooled(at, ["n"]) for share, at in of.groupby("share")}).unstack()
        for j, n in enumerate(found.columns):
            middle, ends = (np.array([f(one) for one in found[n]]) for f in (lambda e: e.value, Estimate.interval))
            error = np.abs(ends.clip(0, 1).T - middle)
            style = plots.MARKERS[j] + plots.LINES[k]
            label, fill = f"d = {d}, n = {n}", "white" if k else None
            right.errorbar(found.index, middle, error, fmt=style, color=f"C{k}", mfc=fill, lw=0.8, label=label)
    left.axvline(1, color="0.6", lw=0.8)
    left.set(xscale="log", yscale="log", xlabel="rank over n", ylabel="eigenvalue over the largest")
    right.axvline(1, color="0.6", lw=0.8)
    right.set(xlabel="rank over n(d + 1)", ylabel="copies among 512 made", ylim=(-0.02, 1.02))
    right.legend(fontsize=8, loc="upper left")
    return fig


def growth(stored: pd.DataFrame) -> pd.DataFrame:
    """How much the share of copies grows between ranks, for a tenth of n(d+1); rows by d, n, noises and replica."""
    flagged = _by_rank(stored, "flagged")
    wide = flagged.pivot(index=["d", "n", "noises", "replica"], columns="share", values="value")
    steps = wide.diff(axis=1).div(np.diff(wide.columns, prepend=np.nan) / 0.1)
    found = steps[[share for share in wide.columns if share > _FIRST]]
    shares = [share for share in wide.columns if share >= _FIRST]
    return found.set_axis([f"{low:g} to {high:g}" for low, high in pairwise(shares)], axis=1)


def growth_table(stored: pd.DataFrame) -> str:
    """Markdown: `growth` in percent, means over digits."""
    found = growth(stored).groupby(level=(0, 1, 2)).mean()
    lines = [f"| d | n | m | {' | '.join(found.columns)} |", "|--:|--:|--:|" + "--:|" * len(found.columns)]
    for (d, n, noises), row in found.iterrows():
        lines.append(f"| {d} | {n} | {noises * d} | {' | '.join(f'{value:z.0%}' for value in row)} |")
    return "\n".join(lines)


def edge(stored: pd.DataFrame) -> pd.Series:
    """How much more copies grow in the tenth of n(d+1) below that rank than in that above; by d, n, noises, replica."""
    found = growth(stored)
    return found["0.9 to 1"] - found["1 to 1.1"]


def state(report: Report, stored: pd.DataFrame) -> None:
    """State in `report` what the ranks have to show."""
    found = edge(stored)
    report.rejects("copies grow as fast above a rank of n(d+1) as below", mean(found.to_numpy()).z(0), 1)
    many = found[found.index.get_level_values("noises") > stored.noises.min()]
    report.holds(f"with more noises they grow faster below in all {len(many)} sets of digits", (many > 0).all())
