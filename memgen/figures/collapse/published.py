"""Cloning probabilities and excess entropies: closed forms beside the published experiment of Biroli et al. (2024)."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from memgen.figures import plots
from memgen.places import RESULTS
from memgen.statistics import proportion
from theory import collapse, mixture


def read(name: str) -> pd.DataFrame:
    """Read the published table of this name, cloning or excess_entropy."""
    return pd.read_csv(RESULTS / "published" / f"biroli2024_{name}.csv")


def proportions(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of the studies that count hits, with columns p (their share), low and high (its 95% interval) added."""
    rows = table[table.study.isin(("cloning", "nearest"))].copy()
    rows["p"], rows["low"], rows["high"] = zip(*map(proportion, rows.hits, rows.replicas), strict=True)
    return rows


def proportion_scores(p: pd.Series, exact: np.ndarray, trials: pd.Series) -> np.ndarray:
    """Standard scores of proportions against exact ones, with the binomial error that the exact probability implies."""
    return np.asarray((p - exact) / np.sqrt(np.maximum(exact * (1 - exact), 1e-4) / trials))


def cloning_scores(theirs: pd.DataFrame, separation: float = 1.0) -> np.ndarray:
    """Standard scores of the published proportions; `separation` multiplies the classes' distance (1 is right)."""
    size = np.sqrt(theirs.dimension.to_numpy(float))
    exact = mixture.cloning_probability(theirs.branch_time.to_numpy(float), separation * size)
    return proportion_scores(theirs.phi, exact, theirs.trials)


def without_class(n: np.ndarray | float, t: np.ndarray, d: np.ndarray) -> np.ndarray:
    """The formula of the published curve of the excess entropy, which leaves out the information about the class."""
    return np.maximum(0, 1 - d * np.log1p(1 / np.expm1(2 * t)) / (2 * np.log(n)))


def entropy_scores() -> pd.DataFrame:
    """The published excess entropies, with t_C (`collapse`), the curve at finite size (`finite`) and standard scores.

    `score` is taken against `finite`, `with_class` and `without` against the limits d → ∞ with the class and without,
    `annealed` against the bound in which the other points stand at their mean. `beyond` says whether the time is later
    than t_C + 0.4.
    """
    rows = read("excess_entropy")
    n, t, d = (rows[name].to_numpy(float) for name in ("samples", "time", "dimension"))
    value, error = rows.excess_entropy_over_alpha, rows.standard_error
    rows["with_class"] = (value - mixture.excess_entropy(n, t, np.sqrt(d), d)) / error
    rows["without"] = (value - without_class(n, t, d)) / error
    rows["collapse"] = [float(collapse.collapse_time(m, np.ones(int(size)))) for m, size in zip(n, d, strict=True)]
    rows["finite"] = [collapse.mixture_excess(*at) for at in zip(n, t, np.sqrt(d), d, strict=True)]
    rows["score"] = (value - rows.finite) / error
    scatter = [collapse.mixture_scatter(*at) for at in zip(t, np.sqrt(d), d, strict=True)]
    bound = [
        collapse.annealed_excess(m, s.information, s.common + s.private) / np.log(m)
        for m, s in zip(n, scatter, strict=True)
    ]
    rows["annealed"] = (value - bound) / error
    rows["beyond"] = rows.time > rows.collapse + 0.4
    return rows


def clones(rows: pd.DataFrame, theirs: pd.DataFrame, dims: tuple[int, ...]) -> Figure:
    """Left: the probability φ that clones agree by time. Right: φ by separation of the classes in noised spreads."""
    fig, (left, right) = plots.figure(2, height=3.3)
    times = np.linspace(0.8, 9, 300)
    for k, d in enumerate(dims):
        own = rows[(rows.study == "cloning") & (rows.d == d)]
        other = theirs[theirs.dimension == d]
        left.plot(times, mixture.cloning_probability(times, np.sqrt(d)), plots.LINES[k], color=f"C{k}")
        for axes, place in ((left, lambda t, d=d: t), (right, lambda t, d=d: np.sqrt(d) / np.exp(t))):
            plots.simulated(axes, place(own["at"]), own.p, own.low, own.high, k)
            axes.plot(place(other.branch_time), other.phi, "x+"[k % 2], color=f"C{k}", markersize=6)
        there = float(mixture.speciation_time(d + 1))
        plots.threshold(left, there, "$t_S$")
        side = {"ha": "right", "xytext": (-9, -14)} if k == 0 else {"xytext": (9, 6)}
        plots.label_line(left, there, float(mixture.cloning_probability(there, np.sqrt(d))), f"d = {d}", k, **side)
    b = np.geomspace(2e-3, 40, 300)
    right.plot(b, mixture.cloning_probability(np.log(100) + 0 * b, 100 * b), "-", color="black", zorder=2)
    plots.label_line(right, 0.6, 0.62, "closed form", 6, xytext=(-6, 10), ha="right")
    left.set(xlabel="cloning time t", ylabel="probability that clones agree")
    right.set(
        xscale="log", xlabel="separation b of the classes [noised spread]", ylabel="probability that clones agree"
    )
    for axes in (left, right):
        axes.set_ylim(0, 1.04)
    named = "○ □ simulated here" + ("\n× + published" if theirs.dimension.isin(dims).any() else "")
    right.text(0.03, 0.06, named, transform=right.transAxes, fontsize=9)
    return fig


def entropy(rows: pd.DataFrame) -> Figure:
    """Left: excess entropy against time. Right: scores at finite size, and of later points without the class."""
    fig, (left, right) = plots.figure(2, height=3.3)
    times = np.linspace(0.3, 8, 400)
    for k, (d, group) in enumerate(rows.groupby("dimension")):
        n, reach = float(group.samples.iloc[0]), 1.96 * group.standard_error
        value = group.excess_entropy_over_alpha
        plots.simulated(left, group.time, value, value - reach, value + reach, k)
        rounded = [collapse.mixture_excess(n, t, np.sqrt(d), d) for t in times[::5]]
        left.plot(times[::5], rounded, "-", color=f"C{k}")
        left.plot(times, mixture.excess_entropy(n, times, np.sqrt(d), d), ":", color=f"C{k}", linewidth=0.9)
        left.plot(times, without_class(n, times, d), "--", color=f"C{k}", linewidth=0.9)
        plots.threshold(left, float(group.collapse.iloc[0]), "$t_C$")
        side = {"ha": "right", "xytext": (-4, 0)} if k == 0 else {"xytext": (20, 0)}
        name = f"d =\n{d}" if k == 0 else f"d = {d}"  # there is less room on the left
        plots.label_line(left, float(group.collapse.iloc[0]), 0.4, name, k, **side)
        later = group[group.beyond]
        style: dict[str, Any] = {"color": f"C{k}", "linestyle": "none"}
        right.plot(group.time - group.collapse, group.score, plots.MARKERS[k], markerfacecolor="white", **style)
        right.plot(later.time - later.collapse, later.without, marker="x+"[k % 2], **style)
    right.axhspan(-4, 4, color="0.93", zorder=0)
    left.text(
        0.98,
        0.02,
        "solid: n and d finite\ndotted: d → ∞\ndashed: without the class",
        transform=left.transAxes,
        ha="right",
        fontsize=9,
    )
    right.text(
        0.98,
        0.05,
        "○ □ n and d finite, all points\n× + d → ∞, without the class",
        transform=right.transAxes,
        ha="right",
        fontsize=9,
    )
    left.set(xlabel="time t", ylabel="excess entropy / (ln n/d)", ylim=(-0.15, 1.05))
    right.set(xlabel="$t - t_C$", ylabel="distance [standard errors]", ylim=(-200, 8))
    right.set_yscale("symlog", linthresh=1)
    right.set_yticks([-100, -10, -4, -1, 0, 1, 4], ["−100", "−10", "−4", "−1", "0", "1", "4"])
    return fig


def answers(rows: pd.DataFrame, entropies: pd.DataFrame, theirs: pd.DataFrame) -> str:
    """What the comparison with the published numbers finds, a column for each dimension, as a Markdown table."""
    found = {}
    for d, group in entropies.groupby("dimension"):
        there = float(mixture.speciation_time(d + 1))
        later = group[group.beyond]
        z = np.abs(cloning_scores(theirs[theirs.dimension == d]))
        without, limit = later.without.abs().max(), group.with_class.abs().max()
        found[d] = {
            "speciation time $t_S$": f"{there:.2f}",
            "two clones taken at $t_S$ agree with probability": f"{mixture.cloning_probability(there, np.sqrt(d)):.2f}",
            f"collapse time $t_C$ of {group.samples.iloc[0]:,} points, the class left out": (
                f"{group.collapse.iloc[0]:.2f}"
            ),
            "published cloning probabilities: how many, farthest from the closed form": f"{z.size}, {z.max():.1f} s.e.",
            "published excess entropies: how many, farthest from the finite-size curve": (
                f"{len(group)}, {group.score.abs().max():.1f} s.e."
            ),
            "the same, from the limit $d\\to\\infty$": f"{limit:.0f} s.e.",
            "beyond $t_C+0.4$ only, the class left out as in the published curve": f"{without:.0f} s.e.",
        }
    head = f"| | {' | '.join(f'd = {d}' for d in found)} |\n|---|{'--:|' * len(found)}\n"
    names = next(iter(found.values()))
    body = [f"| {name} | {' | '.join(column[name] for column in found.values())} |" for name in names]
    return head + "\n".join(body) + "\n\ns.e.: standard errors"


def near_collapse(entropies: pd.DataFrame) -> str:
    """The published excess entropies from t_C − 0.4 to t_C + 0.45 beside three curves, as a Markdown table."""
    lines = [
        "| d | $t-t_C$ | published | $d\\to\\infty$ | others at their mean | finite size | standard errors apart |",
        "|--:|--:|--:|--:|--:|--:|--:|",
    ]
    near = entropies[(entropies.time - entropies.collapse).between(-0.4, 0.45)].sort_values(["dimension", "time"])
    for row in near.itertuples():
        value = row.excess_entropy_over_alpha
        limit, bound = (value - score * row.standard_error for score in (row.with_class, row.annealed))
        start = f"| {row.dimension} | {row.time - row.collapse:+.2f} | {value:.3f} | {limit:.3f} "
        lines.append(f"{start}| {bound:.3f} | {row.finite:.3f} | {row.score:+.1f} |")
    return "\n".join(lines)
