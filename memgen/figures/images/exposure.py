"""At which noise the exact score holds pictures, against what their spectrum, dimension and contrast predict.

A picture is held at a noise if it has more than half of the posterior weight at its own noised copy.
"""

from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from memgen.experiments.exposure import Described, law
from memgen.figures import plots
from memgen.laws.pictures import pictures
from memgen.statistics import Estimate, mean
from memgen.streams import stream
from theory.checks.report import Report
from theory.collapse import collapse_time
from theory.kernel import collapse_width

NAMES = {
    "digits": "digits 8×8",
    "mnist16": "MNIST 16×16",
    "mnist": "MNIST 28×28",
    "patches8": "patches 8×8",
    "patches16": "patches 16×16",
    "patches32": "patches 32×32",
}
RULES = ("ambient dimension", "intrinsic dimension", "spectrum", "contrast and spectrum")
_ROWS, _NEIGHBOURS = 1000, 20  # by which the intrinsic dimension is estimated


def medians(rows: pd.DataFrame) -> dict[tuple[str, str, int], Estimate]:
    """By (set, law, n): the noise at which half of a training set's pictures are held, a mean over training sets."""
    half = rows.groupby(["pictures", "law", "n", "replica"]).width.median()
    return {key: mean(part.to_numpy(float)) for key, part in half.groupby(level=["pictures", "law", "n"])}


def gaussian_width(n: Iterable[float] | float, eigenvalues: np.ndarray) -> np.ndarray:
    """The noise τ at which n points of a Gaussian law collapse, by `theory.collapse.collapse_time`."""
    sizes = np.asarray(n, float)
    return np.sqrt(np.expm1(2 * np.asarray(collapse_time(sizes, eigenvalues))))


def scale(found: Described) -> float:
    """The standard deviation of a pixel of a set about its own mean, √(tr Σ/d): the unit of noise here."""
    return float(np.sqrt(found.eigenvalues.sum() / found.values.shape[1]))


def widths(rows: pd.DataFrame) -> Figure:
    """Draw the noise at which half of n pictures are held: Gaussian laws, lines; pictures, scale mixtures, markers."""
    fig, panels = plots.figure(2, height=3.5)
    found, sets = medians(rows), [name for name in NAMES if name in set(rows.pictures)]
    for axes, group in zip(panels, (sets[:3], sets[3:]), strict=True):
        for k, name in enumerate(group):
            unit = scale(law(name))
            sizes = np.array(sorted({n for s, _, n in found if s == name}))
            curve = np.geomspace(sizes[0], sizes[-1], 40)
            plots.theory(axes, curve, gaussian_width(curve, law(name).eigenvalues) / unit, k)
            for kind, marker in (("pictures", plots.MARKERS[k]), ("scale mixture", "x")):
                ends = [found[name, kind, int(n)] for n in sizes]
                middle = np.array([e.value for e in ends]) / unit
                low, high = np.transpose([e.interval() for e in ends]) / unit
                plots.simulated(axes, sizes * (1 if kind == "pictures" else 1.08), middle, low, high, k)
                axes.containers[-1][0].set_marker(marker)
            axes.plot([], [], plots.LINES[k] + plots.MARKERS[k], color=f"C{k}", mfc="white", label=NAMES[name])
        axes.plot([], [], "x", color="0.3", label="scale mixture")
        axes.set(xscale="log", yscale="log", xlabel="number of training pictures n")
        low, high = axes.get_ylim()
        axes.set_ylim(low / 1.6, high)  # room for the legend
        plots.plain_ticks(axes, (0.2, 0.5, 1, 2, 5, 10))
        axes.legend(loc="lower left", fontsize=8, ncols=2)
    panels[0].set(ylabel="noise at which half are held (s.d. of a pixel)")
    return fig


class Held(NamedTuple):
    """The noise that each rule predicts for n pictures over the measured one; `intrinsic` is the set's dimension."""

    pictures: str
    n: int
    d: int
    intrinsic: float
    ratios: dict[str, Estimate]


@cache
def intrinsic_dimension(name: str) -> float:
    """The intrinsic dimension by the likelihood of 20 neighbours (Levina and Bickel 2004), of at most 1000 pictures."""
    import skdim

    values = pictures(name).values
    chosen = values[stream(0, "images", "dimension", name).permutation(len(values))[:_ROWS]]
    return float(skdim.id.MLE().fit(chosen, n_neighbors=_NEIGHBOURS).dimension_)


def rules(rows: pd.DataFrame, n: int = 1200) -> list[Held]:
    """For each set, the ratio of predicted to measured noise by each of RULES, at the largest stored number up to n.

    Ambient: equal variances in d dimensions, of the same sum; intrinsic: in D dimensions; spectrum: the Gaussian law of
    the set's covariance; contrast and spectrum: the scale mixture, simulated.
    """
    found, told = medians(rows), []
    for name in (name for name in NAMES if name in set(rows.pictures)):
        size = max(m for s, _, m in found if s == name and m <= n)
        own, (d, dim) = law(name), (law(name).values.shape[1], intrinsic_dimension(name))
        total, seen = own.eigenvalues.sum(), found[name, "pictures", size]
        mixture = found[name, "scale mixture", size]
        predicted = {
            "ambient dimension": float(collapse_width(size, d, np.sqrt(total / d))),
            "intrinsic dimension": float(collapse_width(size, dim, np.sqrt(total / dim))),
            "spectrum": float(gaussian_width(size, own.eigenvalues)),
        }
        ratios = {rule: _over(Estimate(value, 0.0), seen) for rule, value in predicted.items()}
        told.append(Held(name, size, d, dim, {**ratios, "contrast and spectrum": _over(mixture, seen)}))
    return told


def _over(top: Estimate, bottom: Estimate) -> Estimate:
    """The ratio of two independent estimates, its error to first order."""
    value = top.value / bottom.value
    return Estimate(value, value * float(np.hypot(top.error / top.value, bottom.error / bottom.value)), bottom.freedom)


def table(found: list[Held]) -> str:
    """Markdown: predicted over measured, by set and rule."""
    heads = ["set", "n", "d", "D", *RULES]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for one in found:
        ratios = " | ".join(f"{one.ratios[rule].value:.2f} ± {1.96 * one.ratios[rule].error:.2f}" for rule in RULES)
        lines.append(f"| {NAMES[one.pictures]} | {one.n} | {one.d} | {one.intrinsic:.1f} | {ratios} |")
    return "\n".join(lines)


def by_contrast(rows: pd.DataFrame, found: list[Held], n: int = 1200) -> Figure:
    """Left: the noise at which patches are held by contrast. Right: predicted over measured noise by set and rule."""
    fig, (left, right) = plots.figure(2, height=3.6)
    name = "patches16"
    part = rows[(rows.pictures == name) & (rows.law == "pictures") & (rows.n == n)]
    left.plot(part.contrast, part.width.clip(lower=3e-4), ".", color="C0", markersize=2, alpha=0.5)
    ends = np.array([part.contrast.quantile(0.005), part.contrast.max()])
    plots.theory(left, ends, ends * gaussian_width(n, law(name).equal_eigenvalues), 1)
    plots.label_line(left, ends[0], float(gaussian_width(n, law(name).eigenvalues)), "Gaussian law", 2)
    plots.theory(left, ends, np.full(2, gaussian_width(n, law(name).eigenvalues)), 2)
    told = "contrast × Gaussian\nof equal contrast"
    plots.label_line(left, ends[1], 0.012, told, 1, xytext=(0, 0), va="top", ha="right")
    left.set(xscale="log", yscale="log", xlabel="contrast of the patch (pixel values)")
    left.set(ylabel="noise at which it is held (pixel values)")
    place = np.arange(len(found), dtype=float)
    for k, rule in enumerate(RULES):
        ratio = [one.ratios[rule] for one in found]
        low, high = np.transpose([e.interval() for e in ratio])
        plots.simulated(right, place + 0.12 * (k - 1.5), [e.value for e in ratio], low, high, k, rule.split(" and ")[0])
    right.axhline(1, color="0.4", linewidth=0.8)
    right.set_xticks(place, [NAMES[one.pictures].replace(" ", "\n") for one in found], fontsize=7.5)
    right.set(yscale="log", ylabel="predicted over measured noise", ylim=(0.5, 14))
    plots.plain_ticks(right, (0.5, 1, 2, 4))
    right.legend(fontsize=8, ncols=2, loc="upper left")
    return fig


def slope(rows: pd.DataFrame, name: str, n: int) -> Estimate:
    """d ln(noise)/d ln(contrast) over a training set's pictures, a mean over sets; pictures never held are left out."""
    part = rows[(rows.pictures == name) & (rows.law == "pictures") & (rows.n == n) & (rows.width > 0)]
    part = part[part.contrast > 0]
    return mean(
        np.array([np.polyfit(np.log(one.contrast), np.log(one.width), 1)[0] for _, one in part.groupby("replica")])
    )


def state(report: Report, rows: pd.DataFrame, found: list[Held]) -> None:
    """State in `report` what the stored widths, and what `rules` found of them, have to show."""
    for one in found:
        patches = one.pictures.startswith("patches")
        off = one.ratios["spectrum"]
        if patches:
            report.rejects(f"{NAMES[one.pictures]}: the spectrum alone predicts the noise", off.z(1), 1)
            steep = slope(rows, one.pictures, one.n)
            report.rejects(f"{NAMES[one.pictures]}: the noise does not rise with the contrast", steep.z(0), 1)
        else:
            report.holds(
                f"{NAMES[one.pictures]}: the spectrum predicts the noise within 15%", abs(off.value - 1) < 0.15
            )
        mixed = one.ratios["contrast and spectrum"]
        report.holds(f"{NAMES[one.pictures]}: spectrum and contrast within 20%", abs(mixed.value - 1) < 0.2)
