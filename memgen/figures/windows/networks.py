"""Which pixels networks look at, and what windows say of what they make, from rows of `sensitivity`."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from memgen.figures import plots
from memgen.figures.images.exposure import NAMES
from memgen.figures.images.networks import pooled, tiled
from memgen.laws.pictures import pictures
from memgen.measures.sensitivity import by_distance, reach
from memgen.statistics import Estimate, median, median_estimate
from theory.checks.report import Report

NETWORKS = {"perceptron": "perceptron", "unet": "U-Net", "convolutions": "U-Net without attention"}
_KEYS = ["pictures", "network", "shown", "replica", "level", "measure"]
# What is held against the pictures of a network, from the same noise: the network that made it, and its measure there.
PREDICTORS = {
    "windows": ("own", "window"),
    "windows below ln n": ("", "window"),
    "linear": ("", "made"),
    "exact score": ("", "exact"),
}


# -- which pixels ----------------------------------------------------------------------------------------------------


def reached(stored: pd.DataFrame) -> pd.DataFrame:
    """How far the other pixels are that a denoiser looks at, root mean square by squared derivatives: columns pictures,
    network ("" is the linear denoiser), shown, replica, level, measure (looked: in pictures; grid: as shown), value."""
    part = stored[stored.measure.isin(("looked", "grid")) & (stored["index"] > 0)]
    shares = part.pivot_table(index=_KEYS, columns="index", values="value")
    rows = [(*key, far) for key, far in zip(shares.index, _far(shares), strict=True)]
    return pd.DataFrame(rows, columns=[*_KEYS, "value"])


def _far(shares: pd.DataFrame) -> np.ndarray:
    """By row, the distance at which other pixels are; sets of different sizes have columns that others lack."""
    found = np.insert(shares.fillna(0).to_numpy(), 0, 0, axis=1)
    return np.asarray(reach(found / found.sum(1, keepdims=True)))


def anywhere(name: str) -> float:
    """The same of a denoiser to which all pixels of a picture are alike."""
    shape = pictures(name).shape
    shares = by_distance(1 - np.eye(shape[0] * shape[1]), shape)
    return float(reach(shares))


def over_linear(stored: pd.DataFrame) -> pd.DataFrame:
    """`reached` of networks with their logarithmic ratio to the linear denoiser's at the same noise, `ratio`; and
    `better`, whether the network loses less there on held-out pictures, in the mean over shuffles."""
    found, losses = reached(stored), _losses(stored)
    linear = found[found.network == ""].set_index(["pictures", "replica", "level"]).value
    trained = found[found.network != ""]

    def beside(table: pd.Series, keys: list[str]) -> np.ndarray:
        return table.loc[pd.MultiIndex.from_frame(trained[keys])].to_numpy()

    better = beside(losses, [*_KEYS[:3], "level"]) < beside(
        losses.xs(("", "once"), level=(1, 2)), ["pictures", "level"]
    )
    ratio = np.log(trained.value.to_numpy() / beside(linear, ["pictures", "replica", "level"]))
    return trained.assign(ratio=ratio, better=better)


def _losses(stored: pd.DataFrame) -> pd.Series:
    """By pictures, network, shown and level, the loss on held-out pictures, a mean over shuffles."""
    return stored[stored.measure == "loss"].groupby([*_KEYS[:3], "level"]).value.mean()


def ratios(stored: pd.DataFrame) -> pd.Series:
    """By pictures, network, shown and measure, the logarithmic ratio, as an Estimate over shuffles, whose scatter is
    pooled: a mean over noises at which the network is better than the linear denoiser."""
    found = over_linear(stored)
    by = ["pictures", "network", "shown", "measure"]
    rows = found[found.better].groupby([*by, "replica"]).ratio.mean().rename("value").reset_index()
    return pooled(rows, by)


def together(by_set: pd.Series) -> Estimate:
    """The mean of independent estimates of one scatter, one for each set."""
    error = np.sqrt(sum(one.error**2 for one in by_set)) / len(by_set)
    return Estimate(float(np.mean([one.value for one in by_set])), float(error), by_set.iloc[0].freedom)


def looked_at(stored: pd.DataFrame) -> Figure:
    """How far the pixels are that networks look at, against noise, with the linear denoiser's and that of no places."""
    found = reached(stored).groupby(["pictures", "network", "shown", "measure", "level"]).value.mean()
    sets = [name for name in NAMES if name in found.index.levels[0]]
    fig, panels = plots.figure(len(sets), height=3.6)
    for axes, name in zip(panels, sets, strict=True):
        line = found[name, "", "once", "looked"]
        axes.plot(line.index, line, "-", color="0.2", label="linear denoiser")
        axes.axhline(anywhere(name), color="0.6", lw=0.8)
        axes.annotate(
            "all pixels alike",
            (line.index[0], anywhere(name)),
            (0, 3),
            textcoords="offset points",
            fontsize=8,
            color="0.4",
        )
        for k, (network, word) in enumerate(NETWORKS.items()):
            kinds = (("once", "looked", "", "white"), ("scrambled", "looked", ", scrambled", f"C{k}"))
            for shown, measure, more, fill in kinds:
                if (name, network, shown, measure) in found.index.droplevel("level"):
                    values = found[name, network, shown, measure]
                    at = values.index * (0.94, 1.0, 1.06)[k]
                    axes.plot(at, values, plots.MARKERS[k], color=f"C{k}", mfc=fill, label=word + more)
        if (name, "convolutions", "scrambled", "grid") in found.index.droplevel("level"):
            seen = found[name, "convolutions", "scrambled", "grid"]
            axes.plot(seen.index, seen, "x", color="C2", label="the same, where it sees them")
        axes.set(xscale="log", xlabel="noise (s.d. of the set)", title=NAMES[name], ylim=(0, None))
    panels[0].set_ylabel("distance of the pixels looked at\n(pixels, root mean square)")
    panels[0].legend(fontsize=7)
    return fig


def looked_table(stored: pd.DataFrame) -> str:
    """By set and network, against the linear denoiser, as Markdown: how far the pixels are that it looks at, and its
    loss, geometric means over noises; and the likeness of derivatives, a mean; over shuffles."""
    far = over_linear(stored)
    far = far[far.measure == "looked"].groupby(_KEYS[:3]).ratio.mean()
    losses = np.log(_losses(stored))
    alike = stored[stored.measure == "alike"].groupby(_KEYS[:3]).value.mean()
    lines = ["| set | network | pixels | distance | likeness | loss |", "|---|---|---|--:|--:|--:|"]
    for name in (name for name in NAMES if name in far.index.levels[0]):
        linear = losses[name, "", "once"]
        for network, word in NETWORKS.items():
            for shown in (shown for shown in ("once", "scrambled") if (name, network, shown) in far.index):
                at = name, network, shown
                lost = np.exp((losses[at] - linear).mean())
                places = "in place" if shown == "once" else shown
                told = f"{np.exp(far[at]):.2f} | {alike[at]:.2f} | {lost:.2f}"
                lines.append(f"| {NAMES[name]} | {word} | {places} | {told} |")
    return "\n".join(lines)


# -- what they make ----------------------------------------------------------------------------------------------------


def made_by(stored: pd.DataFrame, name: str, replica: int, network: str, measure: str = "made") -> np.ndarray:
    """Pictures (count, d) of a network or of none, all from the same noise, 0 to 255."""
    part = stored[(stored.pictures == name) & (stored.replica == replica) & (stored.shown == "once")]
    part = part[(part.network == network) & (part.measure == measure)].sort_values("index")
    return np.stack([np.frombuffer(picture, np.uint8) for picture in part.picture]).astype(float)


def agreement(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The squared correlation of pixels, picture by picture, (count,)."""
    a, b = (x - x.mean(1, keepdims=True) for x in (a, b))
    found: np.ndarray = (a * b).sum(1) ** 2 / ((a**2).sum(1) * (b**2).sum(1))
    return found


def predicted(stored: pd.DataFrame) -> pd.DataFrame:
    """Columns pictures, network, replica, index, and for each of PREDICTORS how well it agrees with what is made."""
    cells = stored[(stored.measure == "made") & (stored.network != "")]
    tables = []
    for (name, network, replica), _ in cells.groupby(["pictures", "network", "replica"]):
        made = made_by(stored, name, replica, network)
        names = {"pictures": name, "network": network, "replica": replica, "index": range(len(made))}
        found = {
            word: agreement(made, made_by(stored, name, replica, network if of == "own" else of, measure))
            for word, (of, measure) in PREDICTORS.items()
        }
        tables.append(pd.DataFrame({**names, **found}))
    return pd.concat(tables, ignore_index=True)


def predicted_table(found: pd.DataFrame) -> str:
    """Medians over pictures with their 95% intervals, as Markdown."""
    lines = [f"| set | network | {' | '.join(PREDICTORS)} |", "|---|---|" + "--:|" * len(PREDICTORS)]
    for name in (name for name in NAMES if name in set(found.pictures)):
        for network, word in NETWORKS.items():
            part = found[(found.pictures == name) & (found.network == network)]
            if len(part):
                shown = ["{:.2f} ({:.2f} to {:.2f})".format(*median(part[key])) for key in PREDICTORS]
                lines.append(f"| {NAMES[name]} | {word} | {' | '.join(shown)} |")
    return "\n".join(lines)


def from_same_noise(stored: pd.DataFrame, name: str, count: int = 14) -> Figure:
    """What a U-Net without attention makes, what windows and a linear denoiser do, and the exact score."""
    shape = pictures(name).shape
    rows = {
        "U-Net without\nattention": ("convolutions", "made"),
        "windows": ("convolutions", "window"),
        "linear": ("", "made"),
        "exact score": ("", "exact"),
    }
    tiles = [made_by(stored, name, 0, *of)[:count].reshape(-1, *shape) / 255 for of in rows.values()]
    return tiled(tiles, list(rows))


# -- statements ------------------------------------------------------------------------------------------------------


def state(report: Report, stored: pd.DataFrame, agreed: pd.DataFrame) -> None:
    """What stored networks and `predicted` have to show."""
    far = ratios(stored)

    def looks(network: str, shown: str) -> Estimate:
        return together(far.xs((network, shown, "looked"), level=(1, 2, 3)))

    report.rejects("perceptrons look no farther than the linear denoiser", looks("perceptron", "once").z(0), 1)
    placed, scrambled = (looks("convolutions", shown) for shown in ("once", "scrambled"))
    apart = Estimate(scrambled.value - placed.value, float(np.hypot(placed.error, scrambled.error)), placed.freedom)
    report.rejects("U-Nets look as near where pixels are scrambled", apart.z(0), 1)
    nearer = (agreed["windows"] - agreed["exact score"]).groupby([agreed.pictures, agreed.network])
    least = min(median_estimate(one).z(0) for _, one in nearer)
    report.rejects("windows say no more of what networks make than the exact score", least, 1)
