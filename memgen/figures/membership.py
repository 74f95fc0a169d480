"""What chapter 7 draws, tabulates and compares."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy.special import ndtr, ndtri

from memgen.figures import plots
from memgen.figures.curves import curve, markers, means
from memgen.statistics import Estimate, first_crossing, mean
from theory import collapse, membership, training

KEYS = ["study", "d", "n", "replica", "step", "measure", "at"]
LEVEL = 0.3  # noise at which networks are attacked, in units of the data's standard deviation
GAUSSIAN = ("isotropic", "power law", "low rank")


def estimates(rows: pd.DataFrame, study: str, measure: str) -> dict[tuple[int, int, float], Estimate]:
    """Means of a measure over training sets, by (d, n, `at`)."""
    chosen = rows[(rows.study == study) & (rows.measure == measure)]
    return {(int(d), int(n), float(at)): mean(part) for (d, n, at), part in chosen.groupby(["d", "n", "at"])["value"]}


def _by_size(rows: pd.DataFrame, measure: str) -> Iterator[tuple[int, pd.DataFrame]]:
    chosen = rows[(rows.study == "isotropic") & (rows.measure == measure)]
    yield from ((int(d), part) for d, part in chosen.groupby("d"))


def attacks(rows: pd.DataFrame) -> Figure:
    """Left: the AUC of −Q, Q the Mahalanobis distance² in G. Right: that of an attacker who knows the true law too."""
    fig, (left, right) = plots.figure(2, height=3.2)
    ratio = np.geomspace(0.09, 40, 200)
    left.plot(ratio, membership.membership_auc_limit(ratio * 1e9, 1e6), "-", color="0.6", label=r"$d\to\infty$")
    for k, (d, part) in enumerate(_by_size(rows, "distance")):
        n = ratio[ratio * d**1.5 > d + 2] * d**1.5
        plots.theory(left, n / d**1.5, membership.membership_auc(n, d), k)
        found = means(part, "n")
        markers(left, found._replace(x=found.x / d**1.5), k, plots.MARKERS[k])
        plots.entry(left, k, f"$d = {d}$")
    wide = np.geomspace(0.007, 8, 200)
    right.plot(wide, membership.membership_auc_known(wide * 1e12, 1e6), "-", color="0.6", label=r"$d\to\infty$")
    for k, (d, part) in enumerate(_by_size(rows, "ratio")):
        found = means(part, "n")
        markers(right, found._replace(x=found.x / d**2), k, plots.MARKERS[k])
        right.plot([], [], linestyle="none", marker=plots.MARKERS[k], color=f"C{k}", mfc="white", label=f"$d = {d}$")
    left.set(xlabel=r"$n/d^{3/2}$", ylabel="AUC, the generated law is known")
    right.set(xlabel=r"$n/d^2$", ylabel="AUC, the true law is known too")
    for axes in (left, right):
        axes.set(xscale="log", ylim=(0.48, 1.02))
        axes.legend()
    return fig


def levels(dims: tuple[int, ...] = (16, 64, 256, 1024, 4096)) -> str:
    """Markdown: the n at which the AUC is ¾ and 0.55, exactly and in the limit, and with the true law known."""
    lines = [
        "| d | exact, A = 0.75 | limit | exact, A = 0.55 | limit | true law known, A = 0.55 |",
        "|---|---|---|---|---|---|",
    ]
    for d in dims:
        cells = [f"{d}"]
        for level in (0.75, 0.55):
            cells += [f"{samples(level, d):,.0f}", f"{membership.membership_samples(level, d):,.0f}"]
        cells.append(f"{(d / (2 * ndtri(0.55))) ** 2:,.0f}")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def above_the_limit(rows: pd.DataFrame) -> str:
    """Text: what the likelihood ratio gains on |x|² − Q, and by how much it exceeds its limit, by dimension."""
    ratio, simple = (estimates(rows, "isotropic", measure) for measure in ("ratio", "known"))
    gain = max(found.value - simple[at].value for at, found in ratio.items())
    lines = [f"the AUC of the likelihood ratio is that of |x|² − Q, and at most {gain:.3f} more"]
    for d in sorted({d for d, _, _ in ratio}):
        own = [e.value - membership.membership_auc_known(n, d) for (size, n, _), e in ratio.items() if size == d]
        lines.append(f"d = {d}: above the limit by at most {max(own):.3f}")
    return "\n".join(lines)


def samples(level: float, d: int) -> float:
    """The n at which the exact AUC falls through a level, by bisection in ln n."""
    low, high = np.log(d + 1.5), np.log(d + 1.5) + 40
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if membership.membership_auc(np.exp(middle), d) > level else (low, middle)
    return float(np.exp(low))


def weakened(n: float, d: float, m: float) -> float:
    """AUC of an attacker who has m points drawn from G: the exact one with z multiplied by √(1 − d/(m−1))."""
    return float(ndtr(ndtri(membership.membership_auc(n, d)) * np.sqrt(1 - d / (m - 1))))


def sampled(rows: pd.DataFrame, d: int) -> Figure:
    """Draw the AUC against the number of generated points over the dimension, for three numbers of training points."""
    fig, (axes,) = plots.figure(1, height=2.8)
    found = estimates(rows, "isotropic", "sampled")
    sizes = sorted({n for at, n, _ in found if at == d})[1:4]
    share = 1 + np.geomspace(0.1, 9, 100)
    for k, n in enumerate(sizes):
        line = np.array([weakened(n, d, s * d) for s in share])
        plots.theory(axes, share, line, k)
        axes.axhline(membership.membership_auc(n, d), color=f"C{k}", linewidth=0.7, linestyle=":")
        places = [at for size, points, at in found if (size, points) == (d, n)]
        markers(axes, curve(places, [found[d, n, at] for at in places]), k, plots.MARKERS[k])
        plots.label_line(axes, share[-1], line[-1], f"$n = {n}$", k, ha="right", va="top", xytext=(0, -5))
    axes.set(xlabel="generated points over dimensions, $n_G/d$", ylabel="AUC", xscale="log")
    axes.set_xticks([1.25, 2, 4, 10], ["1.25", "2", "4", "10"])
    axes.minorticks_off()
    return fig


def pictures(rows: pd.DataFrame) -> str:
    """Markdown: AUC of −Q on pictures, beside Gaussian data of as many dimensions."""
    lines = ["| training pictures | digits (95%) | photographs (95%) | Gaussian |", "|---|---|---|---|"]
    found = {study: estimates(rows, study, "distance") for study in ("digits", "patches")}
    for n in sorted({n for part in found.values() for _, n, _ in part}):
        cells = [f"{n}"]
        for part in found.values():
            seen = part.get((64, n, 0.0))
            cells.append(
                "–" if seen is None else f"{seen.value:.3f} ({seen.interval()[0]:.3f}–{seen.interval()[1]:.3f})"
            )
        lines.append(f"| {' | '.join(cells)} | {membership.membership_auc(n, 64):.3f} |")
    return "\n".join(lines)


def exact(rows: pd.DataFrame) -> Figure:
    """Draw the AUC of the exact score's loss against noise, and ½(1 + p), where p is the share of collapsed points."""
    fig, panels = plots.figure(2, height=3.0)
    auc, own = (estimates(rows, "exact", measure) for measure in ("auc", "own"))
    for axes, n in zip(panels, sorted({n for _, n, _ in auc}), strict=True):
        d = next(d for d, size, _ in auc if size == n)
        at = [tau for _, size, tau in auc if size == n]
        unit = 1 / np.sqrt(n ** (2 / d) - 1)
        tau = np.geomspace(min(at), max(at), 80)
        floor = (1 + np.array([collapse.collapse_probability(n, np.ones(d), t) for t in tau])) / 2
        plots.theory(axes, tau / unit, floor, 1, r"$\frac{1}{2}(1+p)$, theory")
        for k, (name, values) in enumerate((("attack", auc), (r"$\frac{1}{2}(1+p)$, simulated", own))):
            seen = curve([t / unit for t in at], [values[d, n, t] for t in at])
            if name != "attack":
                seen = seen._replace(middle=(1 + seen.middle) / 2, low=(1 + seen.low) / 2, high=(1 + seen.high) / 2)
            markers(axes, seen, k, plots.MARKERS[k])
            axes.plot([], [], linestyle="none", marker=plots.MARKERS[k], color=f"C{k}", mfc="white", label=name)
        axes.set(xlabel=r"noise $\tau$, in collapse widths", ylabel=f"AUC, $n = {n}$", xscale="log", ylim=(0.48, 1.02))
        axes.set_xticks([0.5, 1, 2], ["0.5", "1", "2"])
        axes.minorticks_off()
    panels[0].legend(loc="upper right")
    return fig


def network(rows: pd.DataFrame) -> pd.DataFrame:
    """A row for each network, step and noise τ (`at`): its measures, and the loss gap and z that a and b² predict.

    `gap_by_a` = ‖D_emp−D_pop‖²(2a − a² − b²) + the error at fresh points; `z` is it over the spread of two losses.
    """
    chosen = rows[rows.study == "network"]
    wide = chosen.pivot(index=["n", "replica", "step", "at"], columns="measure", values="value").reset_index()
    gain = training.training_gain(wide.a.to_numpy(), wide.b_squared.to_numpy(), wide.separation.to_numpy())
    wide["gap_by_a"] = gain + wide.error
    wide["z"] = wide.gap_by_a / np.sqrt(2 * wide.spread)
    return wide


def gap_scores(seen: pd.DataFrame) -> np.ndarray:
    """z of the loss gap against the one predicted by a and b², by n and noise, from each network's mean over steps."""
    apart = seen.assign(apart=(seen.gap - seen.gap_by_a) / seen.separation)
    each = apart.groupby(["n", "at", "replica"])["apart"].mean()
    return np.array([mean(part).z(0) for _, part in each.groupby(["n", "at"])])


def networks(rows: pd.DataFrame) -> Figure:
    """AUC against the memorized fraction at one noise, and against the z that a and b² predict at every noise."""
    fig, (left, right) = plots.figure(2, height=3.2)
    seen = network(rows)
    for k, (n, part) in enumerate(seen.groupby("n")):
        style: dict[str, Any] = {
            "linestyle": "none",
            "marker": plots.MARKERS[k],
            "color": f"C{k}",
            "mfc": "white",
            "markersize": 4,
        }
        own = part[part["at"] == LEVEL]
        left.plot(own.a, own.auc, label=f"$n = {n}$", **style)
        right.plot(part.z, part.auc, **style)
    z = np.linspace(-0.1, 2.6, 200)
    right.plot(z, ndtr(z), "-", color="0.3", label=r"$\Phi(z)$", zorder=1)
    left.plot([0, 1], [0.5, 1], "-", color="0.6", linewidth=0.8, label=r"$\frac{1}{2}(1+a)$")
    left.set(xlabel=rf"memorized fraction $a$ at $\tau = {LEVEL}\,\sigma$", ylabel="AUC of the denoising loss")
    right.set(xlabel="$z$: loss gap by $a$ and $b^2$, over its spread", ylabel="AUC of the denoising loss")
    left.set(xlim=(-0.02, 1.0), ylim=(0.45, 1.02))
    right.set(xlim=(-0.15, 2.6), ylim=(0.45, 1.02))
    for axes in (left, right):
        axes.legend(loc="lower right")
    return fig


def revealed(rows: pd.DataFrame, level: float = 0.75) -> str:
    """Markdown: the memorized fraction at which the AUC passes a level, by noise and n; from means over networks."""
    seen = network(rows)
    sizes = sorted(seen.n.unique())
    lines = [f"| noise | {' | '.join(f'n = {n}' for n in sizes)} |", "|---" * (1 + len(sizes)) + "|"]
    for tau, part in seen.groupby("at"):
        courses = (part[part.n == n].groupby("step")[["a", "auc"]].mean() for n in sizes)
        passed = [first_crossing(course.a.to_numpy(), course.auc.to_numpy(), level) for course in courses]
        cells = [f"{a:.2f}" if np.isfinite(a) else "not reached" for a in passed]
        lines.append(f"| {tau:g} σ | {' | '.join(cells)} |")
    return "\n".join(lines)


def scores(
    rows: pd.DataFrame, study: str, measure: str, predict: Callable[..., float], most: float = 0.999
) -> np.ndarray:
    """z of each mean AUC against predict(n, d, at), where the exact AUC of −Q is below `most`.

    Close to 1 most sets have an AUC of 1, and means over sets are not normal.
    """
    found = estimates(rows, study, measure)
    usable = [(at, e) for at, e in found.items() if membership.membership_auc(at[1], at[0]) < most]
    return np.array([e.z(predict(n, d, at)) for (d, n, at), e in usable])
