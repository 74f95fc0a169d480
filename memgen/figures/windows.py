"""Denoisers that see a window: what it loses and holds, which one is best, which one networks use, what they make."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from memgen.experiments.windows import LEVELS, largest, on_chains
from memgen.figures import plots
from memgen.figures.images.exposure import NAMES, plain_ticks
from memgen.figures.images.networks import distances, last, measured, of, stored_pictures, tiled
from memgen.laws.pictures import pictures
from memgen.statistics import Estimate, fit, mean, zero_of_line
from memgen.streams import stream
from theory.checks.report import Report
from theory.windows import window_error, window_size

TAU, CORRELATION = 0.5, 0.9  # of the chains
SHARES = (0.5, 1.5)  # of ln n, beside 1
NETWORKS = {"perceptron": "perceptron", "unet": "U-Net"}
_REPLICAS = 20  # of chains
_QUIET = 1.0  # noise up to which losses are compared in checks


# -- chains ------------------------------------------------------------------------------------------------------------


def on_chain(seed: int, sizes: Sequence[tuple[int, int]], widest: int) -> pd.DataFrame:
    """Rows: n, places, pixels, replica, error, held: of chains at noise TAU and correlation CORRELATION."""
    rows = []
    for n, places in sizes:
        for pixels in range(1, widest + 1, 2):
            rng = stream(seed, "windows", "chain", n, places, pixels)
            for replica in range(_REPLICAS):
                rows.append((n, places, pixels, replica, *on_chains(rng, n, places, pixels, TAU, CORRELATION)))
    return pd.DataFrame(rows, columns=["n", "places", "pixels", "replica", "error", "held"])


def chain(rows: pd.DataFrame) -> Figure:
    """Against the window: the error on fresh windows, and the share of training windows that are held."""
    fig, panels = plots.figure(2, height=3.3)
    pixels = np.linspace(1, rows.pixels.max(), 200)
    panels[0].plot(pixels, window_error(pixels, TAU, CORRELATION), color="0.3")
    panels[0].annotate("all windows of the law", (pixels[-1], 0.1), ha="right", va="top", fontsize=8, color="0.3")
    for k, ((n, places), part) in enumerate(rows.groupby(["n", "places"], sort=False)):
        label = f"{n} × {places} place{'s' * (places > 1)}"
        for axes, name in zip(panels, ("error", "held"), strict=True):
            found = {size: mean(values[name].to_numpy()) for size, values in part.groupby("pixels")}
            sizes = np.array(list(found))
            ends = np.transpose([e.interval() if e.error > 0 else (e.value, e.value) for e in found.values()])
            plots.simulated(axes, sizes, [e.value for e in found.values()], ends[0], ends[1], k, label)
            if places == 1:
                held = float(window_size(n, TAU, CORRELATION))
                axes.axvline(held, color=f"C{k}", lw=1, ls=":")
    panels[0].set(xlabel="pixels that the denoiser sees", ylabel="E(x − D)² of the middle pixel", yscale="log")
    panels[0].set_ylim(0.08, 0.9)
    plain_ticks(panels[0], (0.1, 0.2, 0.4, 0.8))
    panels[1].set(xlabel="pixels that the denoiser sees", ylabel="share of training windows held", ylim=(0, 1.02))
    panels[1].legend(fontsize=8, loc="lower right")
    return fig


def half_held(rows: pd.DataFrame) -> dict[tuple[int, int], Estimate]:
    """By n and places, the pixels at which half of the training windows are held: where a line near it is ½."""
    found = {}
    for key, part in rows.groupby(["n", "places"], sort=False):
        held = {size: mean(values.held.to_numpy()) for size, values in part.groupby("pixels")}
        near = [size for size, e in held.items() if abs(e.value - 0.5) < 0.3]
        found[key] = zero_of_line(near, [held[size]._replace(value=held[size].value - 0.5) for size in near])
    return found


def growth(halves: dict[tuple[int, int], Estimate]) -> Estimate:
    """By how many pixels the window at which half are held grows with ln of the number of windows."""
    logs = np.log([n * places for n, places in halves])
    value, covariance = fit(np.stack([np.ones(len(logs)), logs], 1), list(halves.values()))
    return Estimate(float(value[1]), float(np.sqrt(covariance[1, 1])))


# -- pictures ----------------------------------------------------------------------------------------------------------


def law_of(stored: pd.DataFrame, name: str) -> pd.DataFrame:
    """Rows level, reach, information, wiener of a set."""
    part = stored[(stored.study == "law") & (stored.pictures == name)]
    table = part.pivot_table(index=["level", "reach"], columns="measure", values="value").reset_index()
    return pd.DataFrame(table[["level", "reach", "information", "wiener"]])


def losses(stored: pd.DataFrame, name: str, n: int) -> pd.DataFrame:
    """The loss of the posterior mean on held-out pictures: levels by reaches, a mean over shuffles."""
    part = stored[(stored.study == "loss") & (stored.pictures == name) & (stored.n == n)]
    return part.pivot_table(index="level", columns="reach", values="value")


def sizes_of(stored: pd.DataFrame, name: str, study: str = "loss", network: str = "") -> list[int]:
    """The numbers of pictures that a study has, of a network if it has any."""
    part = stored[(stored.study == study) & (stored.pictures == name) & (stored.network == network)]
    return sorted(int(n) for n in part.n.unique())


def sets_of(stored: pd.DataFrame, study: str = "loss") -> list[str]:
    """The sets of pictures that a study has, in the order of NAMES."""
    return [name for name in NAMES if name in set(stored[stored.study == study].pictures)]


def rule(stored: pd.DataFrame, name: str, n: int, share: float = 1.0) -> pd.Series:
    """By noise, the reach of the largest window that tells less than ln n, or this share of it."""
    found = law_of(stored, name)
    return pd.Series({level: largest(found, n**share, level) for level in LEVELS})


def tolerated(stored: pd.DataFrame, name: str, tolerance: float) -> pd.Series:
    """By noise, the reach of the smallest window whose Wiener filter loses at most this part more than a whole one."""
    table = law_of(stored, name).pivot(index="level", columns="reach", values="wiener")
    near = table.le((1 + tolerance) * table[table.columns.max()], axis=0)
    return near.idxmax(axis=1)


def fitted_tolerance(stored: pd.DataFrame, name: str = "digits") -> float:
    """That at which Wiener's rule costs least on a set, over its sizes and the noises."""
    tried, sizes = np.geomspace(0.005, 0.5, 40), sizes_of(stored, name)
    cost = [np.mean([_cost(stored, name, n, tolerated(stored, name, at)) for n in sizes]) for at in tried]
    return float(tried[int(np.argmin(cost))])


def _over_best(table: pd.DataFrame, reach: pd.Series) -> np.ndarray:
    """By noise, the loss of these windows over that of the best."""
    return np.array([table.loc[level, reach[level]] for level in table.index]) / table.min(axis=1).to_numpy()


def _cost(stored: pd.DataFrame, name: str, n: int, reach: pd.Series) -> float:
    return float(np.exp(np.log(_over_best(losses(stored, name, n), reach)).mean()) - 1)


def costs(stored: pd.DataFrame) -> pd.DataFrame:
    """By set and n, by how much more a rule's windows lose on held-out pictures than the best: a geometric mean over
    noises, less 1; `worst` is the largest ratio of the first. Rules: the largest window that tells less than ln n, or
    than a share of it; Wiener's, of the tolerance that is best on digits; the whole picture, the exact score."""
    fitted, rows = fitted_tolerance(stored), {}
    for name in sets_of(stored):
        for n in sizes_of(stored, name):
            whole = pd.Series(max(pictures(name).shape) - 1, list(LEVELS))
            ruled = rule(stored, name, n)
            rows[name, n] = {
                "ln n": _cost(stored, name, n, ruled),
                "worst": float(_over_best(losses(stored, name, n), ruled).max()),
                **{f"{share:g} ln n": _cost(stored, name, n, rule(stored, name, n, share)) for share in SHARES},
                "Wiener": _cost(stored, name, n, tolerated(stored, name, fitted)),
                "the picture": _cost(stored, name, n, whole),
            }
    return pd.DataFrame(rows).T


def costs_table(stored: pd.DataFrame) -> str:
    """The same as Markdown, in percent."""
    found = costs(stored)
    names = [name if name in ("worst", "Wiener", "the picture") else f"I < {name}" for name in found.columns]
    lines = [f"| set | n | {' | '.join(names)} |", "|---|--:|" + "--:|" * len(names)]
    for (name, n), row in found.iterrows():
        shown = [f"{value:.1f}×" if key == "worst" else f"{value:.0%}" for key, value in row.items()]
        lines.append(f"| {NAMES[name]} | {n} | {' | '.join(shown)} |")
    return "\n".join(lines)


def nearest_window(stored: pd.DataFrame, name: str, network: str, n: int) -> pd.Series:
    """By noise, the reach of the posterior mean that is nearest to what a network says."""
    part = stored[(stored.study == "network") & (stored.pictures == name) & (stored.network == network)]
    part = part[(part.n == n) & (part.measure == "apart")]
    return part.pivot_table(index="level", columns="reach", values="value").idxmin(axis=1)


def explained(stored: pd.DataFrame, name: str, network: str, n: int) -> pd.DataFrame:
    """By noise, which part of the variance of what a network says is that of the nearest posterior mean over windows
    (window), of the exact score (exact) and of the clean picture, which no denoiser knows (clean): 1 less the mean
    square of the difference over the variance."""
    part = stored[(stored.study == "network") & (stored.pictures == name) & (stored.network == network)]
    part = part[part.n == n]
    apart = part[part.measure == "apart"].pivot_table(index="level", columns="reach", values="value")
    spread, loss = (part[part.measure == measure].set_index("level").value for measure in ("spread", "loss"))
    whole = apart.columns.max()
    return pd.DataFrame(
        {"window": 1 - apart.min(axis=1) / spread, "exact": 1 - apart[whole] / spread, "clean": 1 - loss / spread}
    )


def explained_table(stored: pd.DataFrame) -> str:
    """For each network, means over noises up to 1 of what explains it, as Markdown."""
    lines = ["| set | network | n | nearest window | clean picture | exact score |", "|---|---|--:|--:|--:|--:|"]
    for name in sets_of(stored, "network"):
        for network, word in NETWORKS.items():
            for n in sizes_of(stored, name, "network", network):
                found = explained(stored, name, network, n).loc[:_QUIET].mean()
                shown = " | ".join(f"{found[key]:.0%}" for key in ("window", "clean", "exact"))
                lines.append(f"| {NAMES[name]} | {word} | {n} | {shown} |")
    return "\n".join(lines)


def _by_noise(axes: Axes, name: str) -> None:
    whole = max(pictures(name).shape) - 1
    axes.set(xscale="log", xlabel="noise (s.d. of the set)", title=NAMES[name], ylim=(-0.3, whole * 1.08))
    axes.axhline(whole, color="0.6", lw=0.8)
    axes.annotate(
        "the picture", (LEVELS[0], whole), (0, -3), textcoords="offset points", va="top", fontsize=8, color="0.4"
    )


def best(stored: pd.DataFrame) -> Figure:
    """Which window is best on held-out pictures, by n, and the largest that tells less than ln n."""
    sets = sets_of(stored)
    fig, panels = plots.figure(len(sets), height=3.0)
    for axes, name in zip(panels, sets, strict=True):
        _by_noise(axes, name)
        sizes = sizes_of(stored, name)
        for k, n in enumerate((sizes[0], sizes[1], sizes[-1])):
            shift = (0.95, 1.0, 1.05)[k]
            least = losses(stored, name, n).idxmin(axis=1)
            axes.plot(LEVELS, rule(stored, name, n), plots.LINES[k], color=f"C{k}", drawstyle="steps-mid", lw=1)
            axes.plot(least.index * shift, least, plots.MARKERS[k], color=f"C{k}", mfc="white", label=f"n = {n}")
        axes.legend(loc="center left", fontsize=8)
    for axes in panels[::2]:
        axes.set_ylabel("reach of the window (pixels)")
    return fig


class Denoised(NamedTuple):
    """By noise, losses on held-out pictures over that of Wiener's filter of the whole picture, on the set's law."""

    exact: pd.Series
    best: pd.Series
    ruled: pd.Series
    networks: dict[str, pd.Series]


def denoised(stored: pd.DataFrame, name: str, n: int) -> Denoised:
    """Those of denoisers of the same n pictures."""
    table = losses(stored, name, n)
    whole = int(table.columns.max())
    unit = law_of(stored, name).pivot(index="level", columns="reach", values="wiener")[whole]
    ruled = rule(stored, name, n)
    of_networks = stored[(stored.study == "network") & (stored.pictures == name) & (stored.n == n)]
    own = of_networks[of_networks.measure == "loss"]
    networks = {str(key): part.set_index("level").value / unit for key, part in own.groupby("network")}
    chosen = pd.Series({level: table.loc[level, ruled[level]] for level in table.index})
    return Denoised(table[whole] / unit, table.min(axis=1) / unit, chosen / unit, networks)


def compared(stored: pd.DataFrame) -> Figure:
    """Losses of the exact score, of the window that the rule says, and of networks, on the most pictures."""
    fig, panels = plots.figure(2, height=3.4)
    for axes, name in zip(panels, sets_of(stored, "network"), strict=True):
        n = sizes_of(stored, name)[-1]
        found = denoised(stored, name, n)
        axes.plot(found.exact.index, found.exact, "--", color="C3", label="exact score")
        axes.plot(found.ruled.index, found.ruled, "-", color="C0", label="largest window below ln n")
        for k, (network, values) in enumerate(found.networks.items()):
            marker = plots.MARKERS[k]
            axes.plot(values.index, values, marker, color=f"C{1 + k}", mfc="white", label=NETWORKS[network])
        axes.axhline(1, color="0.6", lw=0.8)
        axes.set(xscale="log", yscale="log", xlabel="noise (s.d. of the set)", title=f"{NAMES[name]}, n = {n}")
        axes.legend(fontsize=8)
    panels[0].set_ylabel("loss on held-out pictures\nover the linear denoiser's")
    return fig


def nearest_to_networks(stored: pd.DataFrame) -> Figure:
    """The window whose posterior mean is nearest to a network, and two rules for windows."""
    fig, panels = plots.figure(2, height=3.4)
    fitted = fitted_tolerance(stored)
    for axes, name in zip(panels, sets_of(stored, "network"), strict=True):
        _by_noise(axes, name)
        n = sizes_of(stored, name, "network", "unet")[-1]
        axes.plot(LEVELS, rule(stored, name, n), "-", color="C0", drawstyle="steps-mid", label="below ln n")
        wiener = tolerated(stored, name, fitted)
        axes.plot(LEVELS, wiener, ":", color="0.3", drawstyle="steps-mid", label="Wiener")
        for k, (network, word) in enumerate(NETWORKS.items()):
            reach = nearest_window(stored, name, network, n)
            at = np.asarray(reach.index) * (0.96, 1.04)[k]
            axes.plot(at, reach, plots.MARKERS[k], color=f"C{1 + k}", mfc="white", label=word)
        axes.set_title(f"{NAMES[name]}, n = {n}")
        axes.legend(fontsize=8, loc="center left")
    panels[0].set_ylabel("reach of the window (pixels)")
    return fig


# -- what they make ----------------------------------------------------------------------------------------------------


def gallery(stored: pd.DataFrame, trained: pd.DataFrame, name: str, n: int) -> Figure:
    """From the same noise: what windows, the exact score and a network make, above the nearest training pictures."""
    made = stored[(stored.study == "made") & (stored.pictures == name) & (stored.n == n) & (stored.replica == 0)]
    part = last(of(trained, name))
    shown = {
        "largest window\nbelow ln n": made[made.reach == -1],
        "exact score": made[made.reach == made.reach.max()],
        "perceptron": part[part.n == n],
    }
    tiles, names = [], []
    for word, rows in shown.items():
        found = rows.assign(guidance=0.0) if "guidance" not in rows else rows
        tiles += [stored_pictures(found, kind) for kind in ("generated", "nearest")]
        names += [word, "nearest"]
    return tiled(tiles, names)


def table(stored: pd.DataFrame, trained: pd.DataFrame) -> str:
    """Copies among what is made and its distance from the holdout, by n: windows, exact score, perceptron; Markdown."""
    head = (
        "| set | n | windows: copies | distance² | exact score: copies | distance² | perceptron: copies | distance² |"
    )
    lines = [head, "|---|--:|--:|--:|--:|--:|--:|--:|"]
    for name in sets_of(stored, "made"):
        for n in sizes_of(stored, name, "made"):
            made = stored[(stored.study == "made") & (stored.pictures == name) & (stored.n == n)]
            part = last(
                trained[(trained.pictures == name) & (trained.network == "perceptron") & (trained.shown == "once")]
            )
            part, cells = part[part.n == n], []
            for rows in (made[made.reach == -1], made[made.reach == made.reach.max()]):
                cells += [rows[rows.measure == m].value.mean() for m in ("flagged", "frechet")]
            cells += [measured(part, "flagged").value.mean(), distances(part).value.mean()]
            shown = " | ".join(f"{value:.1%}" if k % 2 == 0 else f"{value:.3f}" for k, value in enumerate(cells))
            lines.append(f"| {NAMES[name]} | {n} | {shown} |")
    return "\n".join(lines)


def copies_by_window(stored: pd.DataFrame, name: str = "digits") -> Figure:
    """Copies and distance from the holdout against the window, the same at all noises; apart, the rule's."""
    fig, panels = plots.figure(2, height=3.2)
    made = stored[(stored.study == "made") & (stored.pictures == name)]
    for k, n in enumerate(sizes_of(stored, name, "made")):
        for axes, measure in zip(panels, ("flagged", "frechet"), strict=True):
            found = made[(made.n == n) & (made.measure == measure)].groupby("reach").value.mean()
            fixed = found[found.index >= 0]
            axes.plot(
                fixed.index,
                fixed,
                plots.LINES[k] + plots.MARKERS[k],
                color=f"C{k}",
                mfc="white",
                label=f"n = {n}",
            )
            axes.axhline(found[-1], color=f"C{k}", ls=plots.LINES[k], lw=0.8)
    panels[0].set(xlabel="reach of the window (pixels)", ylabel="copies among 256 made", ylim=(-0.02, 1.02))
    panels[1].set(xlabel="reach of the window (pixels)", ylabel="Fréchet distance² to the holdout", yscale="log")
    panels[0].legend(fontsize=8)
    return fig


def advantage(stored: pd.DataFrame) -> Estimate:
    """ln of the loss of the exact score over that of the largest window below ln n: means over noises to 1, sizes and
    sets; the error is by the scatter over shuffles."""
    found = []
    for name in sets_of(stored):
        whole, of_shuffles = pd.Series(max(pictures(name).shape) - 1, list(LEVELS)), []
        for _, shuffle in stored[(stored.study == "loss") & (stored.pictures == name)].groupby("replica"):
            ratios = []
            for n in sizes_of(shuffle, name):
                table, ruled = losses(shuffle, name, n).loc[:_QUIET], rule(stored, name, n)
                ratios.append(np.log(_over_best(table, whole) / _over_best(table, ruled)).mean())
            of_shuffles.append(np.mean(ratios))
        found.append(of_shuffles)
    values = np.array(found)
    sets, shuffles = values.shape
    error = np.sqrt(values.var(axis=1, ddof=1).mean() / values.size)
    return Estimate(float(values.mean()), float(error), float(sets * (shuffles - 1)))


def copied(stored: pd.DataFrame) -> tuple[float, float]:
    """The largest share of copies in what windows below ln n make, over sets, sizes and shuffles, and the smallest in
    what the exact score makes."""
    made = stored[(stored.study == "made") & (stored.measure == "flagged")]
    whole = made.reach == made.groupby("pictures").reach.transform("max")
    return float(made[made.reach == -1].value.max()), float(made[whole].value.min())


def state(report: Report, on_chains: pd.DataFrame, stored: pd.DataFrame) -> None:
    """What chains and stored pictures have to show."""
    halves = half_held(on_chains)
    grown, sizes = growth(halves), np.array([float(n * places) for n, places in halves])
    ends = [float(window_size(size, TAU, CORRELATION)) for size in (sizes.min(), sizes.max())]
    predicted = (ends[1] - ends[0]) / np.log(sizes.max() / sizes.min())
    report.meets("chains: the window that is held grows with ln n", grown.z(predicted))
    report.rejects("chains: it grows as if pixels were independent", grown.z(2 / np.log1p(TAU**-2)), 1)
    alike = [halves[key].value for key in halves if key[0] * key[1] == max(sizes)]
    report.holds("chains: places of one count as so many chains, within a pixel", np.ptp(alike) < 1)
    report.rejects("pictures: the exact score loses no more than a window", advantage(stored).z(0), 1)
    ruled, exact = copied(stored)
    report.holds(
        "under 1% of what windows below ln n make are copies, over 99% of the exact score's",
        ruled < 0.01 < 0.99 < exact,
    )
    cost = costs(stored)
    report.holds("the largest window below ln n loses at most a tenth more than the best", cost["ln n"].max() < 0.1)
    report.holds("and less than Wiener's rule, fitted on digits, everywhere", (cost["ln n"] < cost["Wiener"]).all())
    photographs = cost.loc[["patches8", "patches16"]]
    better = [(photographs["ln n"] < photographs[f"{share:g} ln n"]).mean() for share in SHARES]
    report.holds("on photographs less than that below half of ln n, or above", min(better) > 0.5)
