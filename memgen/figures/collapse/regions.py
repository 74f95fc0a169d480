"""The map: what the exact score of a training set decides, by noise and by number of samples.

Noise τ is that of u = x + τξ in units of the spread of one class, time is t = ½ ln(1+τ²), and the two classes lie at
±(1, …, 1). To which point a noised sample is denoised is simulated by `memgen.experiments.collapse.returns`.
"""

from itertools import pairwise

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.optimize import brentq

from memgen import statistics
from memgen.experiments.collapse import MAP
from memgen.figures import plots
from theory import mixture, relaxation

# study: the share that is half-way between its value without noise and that of a guess
HALF_WAY = {"own point": 0.5, "own class": 0.75, "own detail": 0.5}
_SIGNS = {"own class": "s", "own detail": "^", "own point": "o"}
_MEANINGS = {
    "own class": "3 of 4 end in their own class (by chance, 2 of 4 would)",
    "own detail": "half of their deviation from the mean of the class comes back",
    "own point": "2 of 4 end at the training point that they were",
}
_NOISES, _SAMPLES = (30.0, 0.07), (0.08, 3.2)  # the edges of the map: τ from left to right, ln n/d
_TINTS = {"noise": "#E9E9E9", "class": "#F1DCEB", "new sample": "#DDEFE8", "copy": "#FBE6CC"}
_PLACES = {  # where each region is named, and what is decided there
    "noise": (11, 1.1, "nothing is\ndecided"),
    "class": (2.15, 1.1, "one of two\nclasses is\ndecided"),
    "new sample": (0.5, 2.0, "decided in detail,\nand not a copy"),
    "copy": (0.3, 0.2, "the result is\na training point"),
}


def time(tau: np.ndarray | float) -> np.ndarray:
    """The time t at which the noise is τ."""
    return np.log1p(np.square(tau)) / 2


def noise(t: float) -> float:
    """The noise τ at time t."""
    return float(np.sqrt(np.expm1(2 * t)))


def speciation_noise(d: int) -> float:
    """The noise τ at the speciation time t_S, where the largest eigenvalue of the covariance is 1 + d."""
    return noise(float(mixture.speciation_time(1 + d)))


def detail_noise() -> float:
    """The noise τ at the relaxation time of one class alone, when half of what distinguishes its members is lost."""
    return noise(float(relaxation.relaxation_time(np.ones(1))))


def information(tau: np.ndarray | float, d: int) -> np.ndarray:
    """The information I(x_0; x_t) in nats at noise τ in d dimensions; it includes that about the class."""
    return mixture.mixture_information(time(tau), np.sqrt(d), d)


def collapse_noise(n: float, d: int) -> float:
    """The noise τ at the collapse time t_C, where I(x_0; x_t) = ln n."""

    def missing(log_tau: float) -> float:
        return float(information(np.exp(log_tau), d)) - np.log(n)

    return float(np.exp(brentq(missing, -12, 12)))


def predicted(study: str, n: float, d: int) -> float:
    """The noise τ of the theoretical boundary beyond which the share of a study is lost."""
    if study == "own point":
        return collapse_noise(n, d)
    return speciation_noise(d) if study == "own class" else detail_noise()


def class_noise(d: int) -> float:
    """The noise τ at which a share `HALF_WAY` of noised points is denoised into its own class, at every d exactly."""

    def missing(log_tau: float) -> float:
        share = mixture.cloning_probability(time(np.exp(log_tau)), np.sqrt(d))
        return float(share) - HALF_WAY["own class"]

    return float(np.exp(brentq(missing, -12, 12)))


def class_scores(halves: pd.DataFrame) -> np.ndarray:
    """Standard scores of the noises at which points lose their class, against `class_noise`."""
    found = halves[halves.study == "own class"]
    return np.array([crossing.z(np.log(class_noise(d))) for d, crossing in zip(found.d, found.crossing, strict=True)])


def half_way(table: pd.DataFrame) -> pd.DataFrame:
    """The noise at which each study's share is half-way, its 95% interval, and the boundary predicted at large d and n.

    Columns study, d, n, tau, low, high, predicted, and crossing, the estimate of ln τ.
    """
    rows = []
    for (study, d, n), group in table[table.study.isin(list(HALF_WAY))].groupby(["study", "d", "n"]):
        taus, curves = zip(*((tau, part.value.to_numpy()) for tau, part in group.groupby("at")), strict=True)
        crossing = statistics.level_crossing(np.log(taus), np.transpose(curves), HALF_WAY[study])
        low, high = np.exp(crossing.interval())
        rows.append((study, d, n, np.exp(crossing.value), low, high, predicted(study, n, d), crossing))
    return pd.DataFrame(rows, columns=["study", "d", "n", "tau", "low", "high", "predicted", "crossing"])


def beyond(halves: pd.DataFrame, factor: float = 1.25) -> np.ndarray:
    """Standard scores of how much further than `factor` the half-way noises are from their boundaries; 0 if within.

    The boundaries hold for many points: held are 100 and more, and of details, which need more, 10,000 and more.
    """
    many = halves[halves.n >= np.where(halves.study == "own detail", 10_000, 100)]
    ends = np.log(many.predicted / factor), np.log(many.predicted * factor)
    return np.array([crossing.outside(*between) for crossing, *between in zip(many.crossing, *ends, strict=True)])


def figure(halves: pd.DataFrame) -> Figure:
    """Draw the map in the dimension `MAP`: theory as lines, simulation as markers."""
    fig, (axes,) = plots.figure(1)
    fig.set_size_inches(7.2, 5.3)
    axes.set(xscale="log", yscale="log", xlim=_NOISES, ylim=_SAMPLES)
    _regions(axes)
    for study, group in halves[halves.d == MAP].groupby("study", sort=False):
        ratio = np.log(group.n) / MAP
        span = np.abs([group.tau - group.low, group.high - group.tau])
        axes.errorbar(group.tau, ratio, xerr=span, fmt=_SIGNS[study], color="black", markerfacecolor="white", zorder=4)
    _axes(axes)
    keys = [
        axes.plot([], [], m, color="black", markerfacecolor="white", label=_MEANINGS[s])[0] for s, m in _SIGNS.items()
    ]
    fig.legend(
        handles=keys,
        loc="outside lower center",
        title="Lines: theory. Markers: simulation, 95% intervals. If training points get this noise and are denoised,",
        title_fontsize=9,
        fontsize=9,
    )
    return fig


def sizes(halves: pd.DataFrame) -> Figure:
    """Draw, against n and by d, the noise at which half of the points return to themselves, over theory's at t_C."""
    fig, (axes,) = plots.figure(1)
    for k, (d, group) in enumerate(halves[halves.study == "own point"].groupby("d")):
        n = group.n * 1.15 ** (k - 1)  # side by side
        middle, low, high = (group[name] / group.predicted for name in ("tau", "low", "high"))
        plots.simulated(axes, n, middle, low, high, k)
        plots.label_line(axes, n.iloc[-1], middle.iloc[-1], f"d = {d}", k, xytext=(6, 4))
    axes.axhline(1, color="black", linewidth=1.4, zorder=1)
    plots.label_line(axes, 11, 1, "$t_C$ by theory", 6, xytext=(0, 4))
    axes.set(
        xscale="log",
        xlabel="training samples n",
        ylabel="half-way noise / noise at $t_C$",
        xlim=(6, 5e5),
        ylim=(0.9, 1.3),
    )
    return fig


def table(halves: pd.DataFrame) -> str:
    """The boundaries of the map beside what was simulated, as a Markdown table."""
    lines = [
        "| if training points get the noise τ and are denoised, | n | at τ | 95% interval | boundary |",
        "|---|--:|--:|--:|--:|",
    ]
    said = ""
    for row in halves[halves.d == MAP].itertuples():
        what = "" if row.study == said else _MEANINGS[row.study]
        start = f"| {what} | {row.n:,} | {row.tau:.2f} "
        lines.append(f"{start}| {row.low:.2f} to {row.high:.2f} | {row.predicted:.2f} |")
        said = row.study
    return "\n".join(lines)


def _regions(axes: Axes) -> None:
    """Tint and name the four regions, and draw and name their three boundaries."""
    species, details = speciation_noise(MAP), detail_noise()
    tau = np.geomspace(*_NOISES, 400)
    copies = information(tau, MAP) / MAP
    edges = (_NOISES[0], species, details, _NOISES[1])
    for region, (high, low) in zip(("noise", "class", "new sample"), pairwise(edges), strict=True):
        span = np.geomspace(high, low, 200)
        axes.fill_between(span, information(span, MAP) / MAP, _SAMPLES[1], color=_TINTS[region], linewidth=0, zorder=0)
    axes.fill_between(tau, _SAMPLES[0], copies, color=_TINTS["copy"], linewidth=0, zorder=0.5)
    axes.plot(tau, copies, "-", color="black", zorder=2)
    for edge, dashes in ((species, "-"), (details, "--")):
        bottom = float(information(edge, MAP)) / MAP
        axes.plot([edge, edge], [bottom, _SAMPLES[1]], dashes, color="black", zorder=2)
    below = float(information(0.145, MAP)) / MAP
    for x, y, name, rotation, offset in (
        (species, 0.093, "speciation $t_S$", 90, (-4, 0)),
        (details, 0.98, "half of the details", 90, (-4, 0)),
        (0.145, below, "collapse $t_C$", 0, (48, -14)),
    ):
        axes.annotate(
            name, (x, y), offset, textcoords="offset points", rotation=rotation, ha="right", va="bottom", fontsize=9.5
        )
    for region, (x, y, what) in _PLACES.items():
        axes.annotate(region, (x, y), ha="center", va="bottom", fontsize=13, fontweight="bold")
        axes.annotate(what, (x, y), (0, -3), textcoords="offset points", ha="center", va="top", fontsize=9.5)


def _axes(axes: Axes) -> None:
    axes.grid(False)
    axes.set_xticks([10, 1, 0.1], ["10", "1", "0.1"])
    axes.set_yticks([0.1, 0.3, 1, 3], ["0.1", "0.3", "1", "3"])
    axes.minorticks_off()
    axes.set_xlabel("noise τ left in the sample [spread σ of a class]")
    axes.set_ylabel("ln n / d   (n training samples, d dimensions)")
    samples = axes.secondary_yaxis("right", functions=(lambda a: a, lambda a: a))
    powers = np.array([1, 3, 6, 12, 18])
    samples.set_yticks(powers * np.log(10) / MAP, [f"$10^{{{p}}}$" for p in powers])
    samples.minorticks_off()
    samples.set_ylabel(f"training samples n where d = {MAP}")
    axes.annotate(
        "",
        (1, 1.04),
        (0, 1.04),
        xycoords="axes fraction",
        arrowprops={"arrowstyle": "-|>", "color": "black", "linewidth": 1.2},
    )
    axes.annotate(
        "the sampler goes this way: from noise to data",
        (0.5, 1.04),
        xycoords="axes fraction",
        ha="center",
        va="center",
        fontsize=10,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 3},
    )
