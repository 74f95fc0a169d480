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

_FIRST = 0.25


def _by_rank(stored: pd.DataFrame, measure: str) -> pd.DataFrame:
    """Rows of a measure with `points`, the rank over n, and `share`, over n(d+1), to two digits."""
    part = stored[stored.measure == measure]
    points = part["rank"] / part.n
    return part.assign(points=points, share=(points / (part.d + 1)).round(2))


def powers(n: int = 4, d: int = 5) -> str:
    """How eigenvalues of the Gram matrix of 2d copies of each of n points fall with small noise, as Markdown."""
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


def bends(stored: pd.DataFrame) -> pd.Series:
    """By d, n and noises, where copies bend, a rank over n(d+1): two straight lines that meet there fit best, from a
    quarter on; Estimates over digits, whose scatter is pooled."""
    keys, flagged = ["d", "n", "noises", "replica"], _by_rank(stored, "flagged")
    part = flagged[flagged.share >= _FIRST].groupby(keys)
    rows = [(*key, _bend(one.share.to_numpy(), one.value.to_numpy())) for key, one in part]
    return pooled(pd.DataFrame(rows, columns=[*keys, "value"]), keys[:3])


def _bend(x: np.ndarray, y: np.ndarray) -> float:
    """Where two straight lines that meet bend downwards, if they fit best there."""
    tried = np.linspace(x[1], x[-2], 200)
    return float(tried[np.argmin([_left(x, y, at) for at in tried])])


def _left(x: np.ndarray, y: np.ndarray, at: float) -> float:
    design = np.stack([np.ones_like(x), x, np.maximum(x - at, 0)], 1)
    return float(((y - design @ np.linalg.lstsq(design, y)[0]) ** 2).sum())


def bends_table(stored: pd.DataFrame) -> str:
    """`bends` with 95% intervals, and where half of the eigenvectors are, as Markdown."""
    lines = ["| d | n | m | r/n(d+1) at the bend | r/n | half of the rank |", "|--:|--:|--:|--:|--:|--:|"]
    for (d, n, noises), one in bends(stored).items():
        low, high = one.interval()
        half = noises * d / 2 / (d + 1)
        bend = f"{one.value:.2f} ({low:.2f} to {high:.2f}) | {one.value * (d + 1):.0f}"
        lines.append(f"| {d} | {n} | {noises * d} | {bend} | {half:.2f} |")
    return "\n".join(lines)


def slows(stored: pd.DataFrame) -> Estimate:
    """By how much more copies grow from a rank of ¾ n(d+1) to n(d+1) than from 1¼ to 1½, a mean over cells."""
    flagged = _by_rank(stored, "flagged")
    wide = flagged.pivot(index=["d", "n", "noises", "replica"], columns="share", values="value")
    return mean(((wide[1.0] - wide[0.75]) - (wide[1.5] - wide[1.25])).to_numpy())


def state(report: Report, stored: pd.DataFrame) -> None:
    """What ranks have to show."""
    report.rejects("copies grow as fast beyond 1¼ n(d+1) as up to n(d+1)", slows(stored).z(0), 1)
    many = [(of, one) for of, one in bends(stored).items() if of[2] > stored.noises.min()]
    half = max(one.z(noises * d / 2 / (d + 1)) for (d, _, noises), one in many)
    report.rejects("copies bend at half of the rank", half, -1)
