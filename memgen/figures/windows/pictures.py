"""Denoisers that see a window of a picture: which is best, which is nearest to a network, and what they make."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from memgen.experiments.windows import LEVELS, largest
from memgen.figures import plots
from memgen.figures.curves import pooled, together
from memgen.figures.images.exposure import NAMES
from memgen.figures.images.networks import distances, last, measured, of, stored_pictures, tiled
from memgen.laws.pictures import pictures
from memgen.statistics import Estimate
from theory.checks.report import Report

SHARES = (0.5, 1.5)  # of ln n, beside 1
NETWORKS = {"perceptron": "perceptron", "unet": "U-Net"}
QUIET = 1.0  # noise up to which losses are compared in checks


# -- which window ----------------------------------------------------------------------------------------------------


def law_of(stored: pd.DataFrame, name: str) -> pd.DataFrame:
    """The columns level, reach, information, wiener of a set's Gaussian law."""
    part = stored[(stored.study == "law") & (stored.pictures == name)]
    table = part.pivot_table(index=["level", "reach"], columns="measure", values="value").reset_index()
    return pd.DataFrame(table[["level", "reach", "information", "wiener"]])


def losses(stored: pd.DataFrame, name: str, n: int) -> pd.DataFrame:
    """The loss of the posterior mean over windows on held-out pictures: levels by reaches, a mean over shuffles."""
    part = stored[(stored.study == "loss") & (stored.pictures == name) & (stored.n == n)]
    return part.pivot_table(index="level", columns="reach", values="value")


def sizes_of(stored: pd.DataFrame, name: str, study: str = "loss", network: str = "") -> list[int]:
    """The numbers of pictures that a study has for a set, of one network if the study has any; rising."""
    part = stored[(stored.study == study) & (stored.pictures == name) & (stored.network == network)]
    return sorted(int(n) for n in part.n.unique())


def sets_of(stored: pd.DataFrame, study: str = "loss") -> list[str]:
    """The sets of pictures that a study has, in the order of NAMES."""
    return [name for name in NAMES if name in set(stored[stored.study == study].pictures)]


def rule(law: pd.DataFrame, n: float | np.ndarray, share: float = 1.0) -> pd.Series:
    """By noise, the reach of the largest window that tells less than `share` times ln n, by a set's `law_of`.

    n may be one for each reach.
    """
    return pd.Series({level: largest(law, n**share, level) for level in LEVELS})


def tolerated(law: pd.DataFrame, tolerance: float) -> pd.Series:
    """By noise, the reach of the smallest window whose Wiener filter loses at most this part more than the whole."""
    wiener = _wiener(law)
    near = wiener.le((1 + tolerance) * wiener[wiener.columns.max()], axis=0)
    return near.idxmax(axis=1)


def _wiener(law: pd.DataFrame) -> pd.DataFrame:
    """The errors that Wiener's filters leave: levels by reaches."""
    return law.pivot(index="level", columns="reach", values="wiener")


def _whole(name: str) -> int:
    """The reach of a window that has the whole picture about every pixel."""
    return max(pictures(name).shape) - 1


def fitted_tolerance(stored: pd.DataFrame, name: str = "digits") -> float:
    """The tolerance at which Wiener's rule costs least on a set, a mean over its sizes, noises in each."""
    law, tables = law_of(stored, name), [losses(stored, name, n) for n in sizes_of(stored, name)]
    tried = np.geomspace(0.005, 0.5, 40)
    found = [np.mean([cost(table, reach) for table in tables]) for reach in (tolerated(law, at) for at in tried)]
    return float(tried[int(np.argmin(found))])


def over_best(table: pd.DataFrame, reach: pd.Series | int) -> np.ndarray:
    """The loss of these windows, one for each noise or one for all, over the loss of the best window; by noise."""
    reaches = pd.Series(reach, table.index) if isinstance(reach, int) else reach
    return np.array([table.loc[level, reaches[level]] for level in table.index]) / table.min(axis=1).to_numpy()


def cost(table: pd.DataFrame, reach: pd.Series | int) -> float:
    """By how much more these windows lose than the best: the geometric mean over noises of the ratio, less 1."""
    return above(over_best(table, reach))


def above(ratios: np.ndarray | pd.Series) -> float:
    """The geometric mean of ratios, less 1."""
    return float(np.exp(np.log(ratios).mean()) - 1)


def costs(stored: pd.DataFrame) -> pd.DataFrame:
    """By set and n, by how much more each rule's windows lose on held-out pictures than the best (see `cost`).

    Rules: the largest window that tells less than ln n, or than a share of it (`worst` is the largest ratio of the
    first at any noise); Wiener's, of the tolerance that is best on digits; the whole picture, the exact score.
    """
    fitted, rows = fitted_tolerance(stored), {}
    for name in sets_of(stored):
        law = law_of(stored, name)
        wiener = tolerated(law, fitted)
        for n in sizes_of(stored, name):
            table, ruled = losses(stored, name, n), rule(law, n)
            rows[name, n] = {
                "ln n": cost(table, ruled),
                "worst": float(over_best(table, ruled).max()),
                **{f"{share:g} ln n": cost(table, rule(law, n, share)) for share in SHARES},
                "Wiener": cost(table, wiener),
                "the picture": cost(table, _whole(name)),
            }
    return pd.DataFrame(rows).T


def costs_table(found: pd.DataFrame) -> str:
    """Markdown: `costs` in percent, the worst as a factor."""
    names = [name if name in ("worst", "Wiener", "the picture") else f"I < {name}" for name in found.columns]
    lines = [f"| set | n | {' | '.join(names)} |", "|---|--:|" + "--:|" * len(names)]
    for (name, n), row in found.iterrows():
        shown = [f"{value:.1f}×" if key == "worst" else f"{value:.0%}" for key, value in row.items()]
        lines.append(f"| {NAMES[name]} | {n} | {' | '.join(shown)} |")
    return "\n".join(lines)


def _of_network(stored: pd.DataFrame, name: str, network: str, n: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Mean squares of what a network says less posterior means over windows, levels by reaches; and of two more.

    These, by level, are of what it says less its mean over pictures (spread), and less the clean pictures (loss).
    """
    part = stored[(stored.study == "network") & (stored.pictures == name) & (stored.network == network)]
    part = part[part.n == n]
    apart, alone = part[part.measure == "apart"], part[part.measure != "apart"]
    return (
        apart.pivot(index="level", columns="reach", values="value"),
        alone.pivot(index="level", columns="measure", values="value"),
    )


def nearest_window(stored: pd.DataFrame, name: str, network: str, n: int) -> pd.Series:
    """By noise, the reach of the window whose posterior mean is nearest to what a network says."""
    return _of_network(stored, name, network, n)[0].idxmin(axis=1)


def explained(stored: pd.DataFrame, name: str, network: str, n: int) -> pd.DataFrame:
    """By noise, the part of the variance of what a network says that each of three predictors explains.

    They are the nearest posterior mean over windows (window), the exact score (exact) and the clean picture, which no
    denoiser knows (clean). The part is 1 less the mean square of the difference over the variance.
    """
    apart, alone = _of_network(stored, name, network, n)
    left = {"window": apart.min(axis=1), "exact": apart[_whole(name)], "clean": alone.loss}
    return pd.DataFrame({of: 1 - square / alone.spread for of, square in left.items()})


def explained_table(stored: pd.DataFrame) -> str:
    """Markdown: for each network, the mean over noises up to 1 of what `explained` finds."""
    lines = ["| set | network | n | nearest window | clean picture | exact score |", "|---|---|--:|--:|--:|--:|"]
    for name in sets_of(stored, "network"):
        for network, word in NETWORKS.items():
            for n in sizes_of(stored, name, "network", network):
                found = explained(stored, name, network, n).loc[:QUIET].mean()
                shown = " | ".join(f"{found[key]:.0%}" for key in ("window", "clean", "exact"))
                lines.append(f"| {NAMES[name]} | {word} | {n} | {shown} |")
    return "\n".join(lines)


def _by_noise(axes: Axes, name: str) -> None:
    whole = _whole(name)
    axes.set(xscale="log", xlabel="noise (s.d. of the set)", title=NAMES[name], ylim=(-0.3, whole * 1.08))
    axes.axhline(whole, color="0.6", lw=0.8)
    axes.annotate(
        "the picture", (LEVELS[0], whole), (0, -3), textcoords="offset points", va="top", fontsize=8, color="0.4"
    )


def best(stored: pd.DataFrame) -> Figure:
    """Draw, by n, the reach of the best window on held-out pictures, and of the largest that tells less than ln n."""
    sets = sets_of(stored)
    fig, panels = plots.figure(len(sets), height=3.0)
    for axes, name in zip(panels, sets, strict=True):
        _by_noise(axes, name)
        law, sizes = law_of(stored, name), sizes_of(stored, name)
        for k, n in enumerate((sizes[0], sizes[1], sizes[-1])):
            shift = (0.95, 1.0, 1.05)[k]
            least = losses(stored, name, n).idxmin(axis=1)
            axes.plot(LEVELS, rule(law, n), plots.LINES[k], color=f"C{k}", drawstyle="steps-mid", lw=1)
            axes.plot(least.index * shift, least, plots.MARKERS[k], color=f"C{k}", mfc="white", label=f"n = {n}")
        axes.legend(loc="center left", fontsize=8)
    for axes in panels[::2]:
        axes.set_ylabel("reach of the window (pixels)")
    return fig


def compared(stored: pd.DataFrame) -> Figure:
    """Draw losses of the exact score, of the largest window below ln n, and of networks, on the most pictures.

    They are losses on held-out pictures, over that of Wiener's filter of the whole picture on the set's law.
    """
    fig, panels = plots.figure(2, height=3.4)
    for axes, name in zip(panels, sets_of(stored, "network"), strict=True):
        n, law = sizes_of(stored, name)[-1], law_of(stored, name)
        table, ruled = losses(stored, name, n), rule(law, n)
        unit = _wiener(law)[_whole(name)]
        chosen = pd.Series({level: table.loc[level, ruled[level]] for level in table.index})
        axes.plot(table.index, table[_whole(name)] / unit, "--", color="C3", label="exact score")
        axes.plot(table.index, chosen / unit, "-", color="C0", label="largest window below ln n")
        for k, (network, word) in enumerate(NETWORKS.items()):
            values = _of_network(stored, name, network, n)[1].loss / unit
            axes.plot(values.index, values, plots.MARKERS[k], color=f"C{1 + k}", mfc="white", label=word)
        axes.axhline(1, color="0.6", lw=0.8)
        axes.set(xscale="log", yscale="log", xlabel="noise (s.d. of the set)", title=f"{NAMES[name]}, n = {n}")
        axes.legend(fontsize=8)
    panels[0].set_ylabel("loss on held-out pictures\nover the linear denoiser's")
    return fig


def nearest_to_networks(stored: pd.DataFrame) -> Figure:
    """Draw the reach of the window whose posterior mean is nearest to a network, and that of two rules, by noise."""
    fig, panels = plots.figure(2, height=3.4)
    fitted = fitted_tolerance(stored)
    for axes, name in zip(panels, sets_of(stored, "network"), strict=True):
        _by_noise(axes, name)
        n, law = sizes_of(stored, name, "network", "unet")[-1], law_of(stored, name)
        axes.plot(LEVELS, rule(law, n), "-", color="C0", drawstyle="steps-mid", label="below ln n")
        axes.plot(LEVELS, tolerated(law, fitted), ":", color="0.3", drawstyle="steps-mid", label="Wiener")
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
    """Draw what windows, the exact score and a network make of one noise, above the nearest training pictures."""
    made = stored[(stored.study == "made") & (stored.pictures == name) & (stored.n == n) & (stored.replica == 0)]
    made, part = made.assign(guidance=0.0), last(of(trained, name))
    shown = {
        "largest window\nbelow ln n": made[made.reach == -1],
        "exact score": made[made.reach == _whole(name)],
        "perceptron": part[part.n == n],
    }
    tiles = [stored_pictures(rows, kind) for rows in shown.values() for kind in ("generated", "nearest")]
    return tiled(tiles, [name for word in shown for name in (word, "nearest")])


def table(stored: pd.DataFrame, trained: pd.DataFrame) -> str:
    """Markdown, by n: copies among what windows, the exact score, perceptrons make; and distance from the holdout."""
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
            for rows in (made[made.reach == -1], made[made.reach == _whole(name)]):
                cells += [rows[rows.measure == m].value.mean() for m in ("flagged", "frechet")]
            cells += [measured(part, "flagged").value.mean(), distances(part).value.mean()]
            shown = " | ".join(f"{value:.1%}" if k % 2 == 0 else f"{value:.3f}" for k, value in enumerate(cells))
            lines.append(f"| {NAMES[name]} | {n} | {shown} |")
    return "\n".join(lines)


def copies_by_window(stored: pd.DataFrame, name: str = "digits") -> Figure:
    """Draw copies and distance from the holdout against a window that is one for all noises; lines are the rule's."""
    fig, panels = plots.figure(2, height=3.2)
    made = stored[(stored.study == "made") & (stored.pictures == name)]
    for k, n in enumerate(sizes_of(stored, name, "made")):
        for axes, measure in zip(panels, ("flagged", "frechet"), strict=True):
            found = made[(made.n == n) & (made.measure == measure)].groupby("reach").value.mean()
            fixed = found[found.index >= 0]
            style = plots.LINES[k] + plots.MARKERS[k]
            axes.plot(fixed.index, fixed, style, color=f"C{k}", mfc="white", label=f"n = {n}")
            axes.axhline(found[-1], color=f"C{k}", ls=plots.LINES[k], lw=0.8)
    panels[0].set(xlabel="reach of the window (pixels)", ylabel="copies among 256 made", ylim=(-0.02, 1.02))
    panels[1].set(xlabel="reach of the window (pixels)", ylabel="Fréchet distance² to the holdout", yscale="log")
    panels[0].legend(fontsize=8)
    return fig


def advantage(stored: pd.DataFrame) -> Estimate:
    """ln of the loss of the exact score over that of the largest window below ln n, a mean over noises to 1, n, sets.

    The error is by the scatter over shuffles.
    """
    rows = []
    for name in sets_of(stored):
        law = law_of(stored, name)
        ruled = {n: rule(law, n) for n in sizes_of(stored, name)}
        for replica, shuffle in stored[stored.study == "loss"].groupby("replica"):
            tables = {n: losses(shuffle, name, n).loc[:QUIET] for n in ruled}
            ratios = [np.log(over_best(t, _whole(name)) / over_best(t, ruled[n])).mean() for n, t in tables.items()]
            rows.append((name, replica, np.mean(ratios)))
    sets = pooled(pd.DataFrame(rows, columns=["pictures", "replica", "value"]), ["pictures"])
    return together(sets)


def copied(stored: pd.DataFrame) -> tuple[float, float]:
    """The largest share of copies that windows below ln n make, and the smallest that the exact score makes.

    Over sets, sizes and shuffles.
    """
    made = stored[(stored.study == "made") & (stored.measure == "flagged")]
    whole = made.reach == made.groupby("pictures").reach.transform("max")
    return float(made[made.reach == -1].value.max()), float(made[whole].value.min())


def state(report: Report, stored: pd.DataFrame, cost: pd.DataFrame) -> None:
    """State in `report` what stored pictures and their `costs` have to show."""
    report.rejects("pictures: the exact score loses no more than a window", advantage(stored).z(0), 1)
    ruled, exact = copied(stored)
    report.holds(
        "under 1% of what windows below ln n make are copies, over 99% of the exact score's",
        ruled < 0.01 < 0.99 < exact,
    )
    report.holds("the largest window below ln n loses at most a tenth more than the best", cost["ln n"].max() < 0.1)
    report.holds("and less than Wiener's rule, fitted on digits, everywhere", (cost["ln n"] < cost["Wiener"]).all())
    photographs = cost.loc[["patches8", "patches16"]]
    better = [(photographs["ln n"] < photographs[f"{share:g} ln n"]).mean() for share in SHARES]
    report.holds("on photographs less than that below half of ln n, or above", min(better) > 0.5)
