"""What rank a kernel regression needs to copy digits: rows of `memgen.experiments.truncated`."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from memgen.denoisers.kernels import Regressions
from memgen.figures import plots
from memgen.figures.images.networks import pooled
from memgen.statistics import Estimate, mean
from memgen.streams import stream
from theory.checks.report import Report


def _by_rank(stored: pd.DataFrame, measure: str) -> pd.DataFrame:
    """Rows of a measure with `points`, the rank over n, and `share`, over n(d+1)."""
    part = stored[stored.measure == measure]
    points = part["rank"] / part.n
    return part.assign(points=points, share=points / (part.d + 1))


def powers(n: int = 4, d: int = 5) -> str:
    """How the eigenvalues of the Gram matrix of 2d copies of each of n points fall with small noise, as Markdown."""
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
    """Eigenvalues at the least noise by the rank over n (left), and copies by the rank over n(d+1) (right)."""
    fig, (left, right) = plots.figure(2, height=3.4)
    values, flagged = _by_rank(stored, "eigenvalue"), _by_rank(stored, "flagged")
    for k, (d, of) in enumerate(flagged.groupby("d")):
        largest = of.n.max()
        own = values[(values.d == d) & (values.n == largest)].groupby("points").value.mean()
        left.plot(own.index, own / own.iloc[0], plots.LINES[k], color=f"C{k}")
        left.axvline(d + 1, color=f"C{k}", ls=plots.LINES[k], lw=0.8)
        plots.label_line(left, d + 1, 1.0, f"d + 1 = {d + 1}", k, rotation=90, ha="right", va="top", xytext=(-3, 0))
        for j, (n, rows) in enumerate(of.groupby("n")):
            found = pooled(rows, ["share"])
            low, high = np.transpose([one.interval() for one in found]).clip(0, 1)  # of shares
            middle = np.array([one.value for one in found])
            error = [middle - low, high - middle]
            style = plots.MARKERS[j] + plots.LINES[k]
            right.errorbar(
                found.index, middle, error, fmt=style, color=f"C{k}", mfc="white" if k else None, lw=0.8,
                label=f"d = {d}, n = {n}",
            )  # fmt: skip
    left.axvline(1, color="0.6", lw=0.8)
    left.set(xscale="log", yscale="log", xlabel="rank over n", ylabel="eigenvalue over the largest")
    right.axvline(1, color="0.6", lw=0.8)
    right.set(xlabel="rank over n(d + 1)", ylabel="copies among 128 made", ylim=(-0.02, 1.02))
    right.legend(fontsize=8, loc="upper left")
    return fig


def bend(stored: pd.DataFrame) -> Estimate:
    """By how much more copies grow from a rank of ¾ n(d+1) to n(d+1) than from 1¼ to 1½: a mean over cells, a share."""
    flagged = _by_rank(stored, "flagged")
    wide = flagged.assign(share=flagged.share.round(2)).pivot(
        index=["d", "n", "replica"], columns="share", values="value"
    )
    return mean(((wide[1.0] - wide[0.75]) - (wide[1.5] - wide[1.25])).to_numpy())


def state(report: Report, stored: pd.DataFrame) -> None:
    """What ranks have to show."""
    report.rejects("copies grow on beyond a rank of n(d+1)", bend(stored).z(0), 1)
