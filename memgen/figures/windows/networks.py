"""Which pixels networks look at, and what windows say of what networks make, from rows of `sensitivity`."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from memgen.figures import plots
from memgen.figures.curves import pooled, together
from memgen.figures.images.exposure import NAMES
from memgen.figures.images.networks import tiled
from memgen.figures.windows.pictures import NETWORKS as TRAINED
from memgen.figures.windows.pictures import QUIET
from memgen.laws.pictures import pictures
from memgen.measures.sensitivity import by_distance, reach
from theory.checks.report import Report

NETWORKS = TRAINED | {"convolutions": "U-Net without attention"}
_KEYS = ["pictures", "network", "shown", "replica", "level", "measure"]
CONTRAST = 1.1  # of distances: where all pixels alike are nearer to the linear denoiser, a place says nothing
_FARTHER = (("perceptron", "once"), ("convolutions", "scrambled"))
# What predicts the pictures of a network, from the same noise: the network of its rows ("own": the same), and measure.
PREDICTORS = {
    "windows": ("own", "window"),
    "windows below ln n": ("", "window"),
    "linear": ("", "made"),
    "exact score": ("", "exact"),
}
MEAN = "mean picture"
_COLOURS = ("C1", "C2", "C4")  # of networks, those of the chapter's other figures


# -- which pixels ----------------------------------------------------------------------------------------------------


def reached(stored: pd.DataFrame) -> pd.DataFrame:
    """How far the other pixels that a denoiser looks at are: the root mean square distance by squared derivatives.

    Columns pictures, network ("" is the linear denoiser), shown, replica, level, measure (looked: in pictures; grid: as
    shown), value.
    """
    part = stored[stored.measure.isin(("looked", "grid")) & (stored["index"] > 0)]
    shares = part.pivot_table(index=_KEYS, columns="index", values="value").reindex(
        columns=range(part["index"].max() + 1)
    )
    others = shares.div(shares.sum(axis=1), axis=0).fillna(0)  # smaller pictures have no pixels at some distances
    return pd.Series(reach(others.to_numpy()), shares.index, name="value").reset_index()


def anywhere(name: str) -> float:
    """The root mean square distance (`reached`) for a denoiser to which all pixels of a picture are alike."""
    shape = pictures(name).shape
    shares = by_distance(1 - np.eye(shape[0] * shape[1]), shape)
    return float(reach(shares))


def over_linear(stored: pd.DataFrame) -> pd.DataFrame:
    """`reached` of networks beside the linear denoiser at the same noise: columns ratio, place, better, kept added.

    `ratio` is of the distances; `place` is where ln distance lies from the linear denoiser's, 0, to that of all pixels
    alike, 1. `better`: the network loses less on held-out pictures, in the mean over shuffles. `kept`: and the linear
    denoiser is clearly local, at a distance below all alike by CONTRAST.
    """
    found, losses = reached(stored), _losses(stored)
    linear = found[found.network == ""].set_index(["pictures", "replica", "level"]).value
    trained = found[found.network != ""]

    def beside(table: pd.Series, keys: list[str]) -> np.ndarray:
        return table.loc[pd.MultiIndex.from_frame(trained[keys])].to_numpy()

    lost, theirs = losses.xs(("", "once"), level=(1, 2)), beside(losses, [*_KEYS[:3], "level"])
    better = theirs < beside(lost, ["pictures", "level"])
    near = beside(linear, ["pictures", "replica", "level"])
    far = trained.pictures.map({name: anywhere(name) for name in trained.pictures.unique()}).to_numpy()
    ratio, room = trained.value.to_numpy() / near, np.log(far / near)
    kept = better & (room > np.log(CONTRAST))
    place = np.divide(np.log(ratio), room, out=np.full(len(room), np.nan), where=kept)
    return trained.assign(ratio=ratio, place=place, better=better, kept=kept)


def _losses(stored: pd.DataFrame) -> pd.Series:
    """The loss on held-out pictures, a mean over shuffles, by pictures, network, shown and level."""
    return stored[stored.measure == "loss"].groupby([*_KEYS[:3], "level"]).value.mean()


def places(stored: pd.DataFrame, measure: str = "looked") -> pd.Series:
    """By pictures, network and shown, the mean `place` of `over_linear` over the noises that are kept.

    An Estimate over shuffles, whose scatter is pooled.
    """
    found = over_linear(stored)
    found = found[found.kept & (found.measure == measure)]
    rows = found.groupby([*_KEYS[:3], "replica"]).place.mean().rename("value").reset_index()
    return pooled(rows, _KEYS[:3])


def looked_at(stored: pd.DataFrame) -> Figure:
    """Draw how far off the pixels are that networks look at against noise, with the linear denoiser and all alike."""
    found = reached(stored).groupby(["pictures", "network", "shown", "measure", "level"]).value.mean()
    sets = [name for name in NAMES if name in found.index.levels[0]]
    fig, panels = plots.figure(len(sets), height=4.0)
    for axes, name in zip(panels, sets, strict=True):
        line = found[name, "", "once", "looked"]
        axes.plot(line.index, line, "-", color="0.2", label="linear denoiser")
        axes.axhline(anywhere(name), color="0.6", lw=0.8, label="all pixels alike")
        for k, (network, word) in enumerate(NETWORKS.items()):
            kinds = (("once", "looked", "", "white"), ("scrambled", "looked", ", scrambled", _COLOURS[k]))
            for shown, measure, more, fill in kinds:
                if (name, network, shown, measure) in found.index.droplevel("level"):
                    values = found[name, network, shown, measure]
                    at = values.index * (0.94, 1.0, 1.06)[k]
                    axes.plot(at, values, plots.MARKERS[k], color=_COLOURS[k], mfc=fill, label=word + more)
        if (name, "convolutions", "scrambled", "grid") in found.index.droplevel("level"):
            seen = found[name, "convolutions", "scrambled", "grid"]
            axes.plot(seen.index, seen, "x", color=_COLOURS[-1], label="the same, where it sees them")
        axes.set(xscale="log", xlabel="noise (s.d. of the set)", title=NAMES[name], ylim=(0, None))
    panels[0].set_ylabel("distance of the pixels looked at\n(pixels, root mean square)")
    panels[0].legend(fontsize=8)
    return fig


def lost(stored: pd.DataFrame) -> pd.DataFrame:
    """By pictures, network and shown, the loss over the linear denoiser's: geometric means over noises.

    Columns quiet, for noises up to 1, and loud, for those beyond.
    """
    logs = np.log(_losses(stored)).unstack()
    over = logs - logs.xs(("", "once"), level=(1, 2)).loc[logs.index.get_level_values(0)].to_numpy()
    quiet = over.columns <= QUIET
    return pd.DataFrame(
        {"quiet": np.exp(over.loc[:, quiet].mean(axis=1)), "loud": np.exp(over.loc[:, ~quiet].mean(axis=1))}
    )


def looked_table(stored: pd.DataFrame) -> str:
    """Markdown, by set and network: the place between the linear denoiser and all pixels alike, likeness, and losses.

    The place is a mean over the noises that are kept, the likeness of derivatives over all; losses are over the linear
    denoiser's, up to noise 1 and beyond.
    """
    place, losses = places(stored), lost(stored)
    alike = stored[stored.measure == "alike"].groupby(_KEYS[:3]).value.mean()
    lines = [
        "| set | network | pixels | place | likeness | loss to noise 1 | beyond |",
        "|---|---|---|--:|--:|--:|--:|",
    ]
    for name in (name for name in NAMES if name in alike.index.levels[0]):
        for network, word in NETWORKS.items():
            for shown in (shown for shown in ("once", "scrambled") if (name, network, shown) in alike.index):
                at = name, network, shown
                stands = f"{place[at].value:.2f}" if at in place.index else "–"
                pixels = "in place" if shown == "once" else shown
                told = f"{stands} | {alike[at]:.2f} | {losses.quiet[at]:.2f} | {losses.loud[at]:.2f}"
                lines.append(f"| {NAMES[name]} | {word} | {pixels} | {told} |")
    return "\n".join(lines)


# -- what they make ----------------------------------------------------------------------------------------------------


def made_by(stored: pd.DataFrame, name: str, replica: int, network: str, measure: str = "made") -> np.ndarray:
    """Pictures (count, d), 0 to 255, that a network, or with "" a denoiser without training, makes from one noise."""
    part = stored[(stored.pictures == name) & (stored.replica == replica) & (stored.shown == "once")]
    part = part[(part.network == network) & (part.measure == measure)].sort_values("index")
    return np.stack([np.frombuffer(picture, np.uint8) for picture in part.picture]).astype(float)


def agreement(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The squared correlation of the pixels of a and b, picture by picture: (count,)."""
    a, b = (x - x.mean(1, keepdims=True) for x in (a, b))
    found: np.ndarray = (a * b).sum(1) ** 2 / ((a**2).sum(1) * (b**2).sum(1))
    return found


def mean_picture(stored: pd.DataFrame, name: str, replica: int) -> np.ndarray:
    """The mean, (1, d), of what the exact score makes, which are training pictures."""
    return made_by(stored, name, replica, "", "exact").mean(0, keepdims=True)


def predicted(stored: pd.DataFrame) -> pd.DataFrame:
    """How well PREDICTORS and MEAN agree with what networks make: a column each, a row for each picture made.

    The other columns are pictures, network, replica and index.
    """
    cells = stored[(stored.measure == "made") & (stored.network != "")]
    tables = []
    for (name, network, replica), _ in cells.groupby(["pictures", "network", "replica"]):
        made = made_by(stored, name, replica, network)
        names = {"pictures": name, "network": network, "replica": replica, "index": range(len(made))}
        found = {
            word: agreement(made, made_by(stored, name, replica, network if of == "own" else of, measure))
            for word, (of, measure) in PREDICTORS.items()
        }
        found[MEAN] = agreement(made, mean_picture(stored, name, replica))
        tables.append(pd.DataFrame({**names, **found}))
    return pd.concat(tables, ignore_index=True)


def medians(found: pd.DataFrame, less: str | None = None) -> pd.DataFrame:
    """By pictures and network, the median over pictures of each predictor's agreement, as Estimates over shuffles.

    If `less` names a predictor, its agreement is subtracted picture by picture. The scatter over shuffles is pooled.
    """
    names = [*PREDICTORS, MEAN]
    table = found.set_index(["pictures", "network", "replica"])[names]
    if less is not None:
        table = table.sub(table[less], axis=0)
    each = table.groupby(level=(0, 1, 2)).median()
    return pd.DataFrame(
        {name: pooled(each[name].rename("value").reset_index(), ["pictures", "network"]) for name in names}
    )


def predicted_table(found: pd.DataFrame) -> str:
    """Markdown: the `medians` of each predictor, with 95% intervals over shuffles."""
    of = medians(found)
    lines = [f"| set | network | {' | '.join(of.columns)} |", "|---|---|" + "--:|" * len(of.columns)]
    for name in (name for name in NAMES if name in of.index.levels[0]):
        for network, word in NETWORKS.items():
            if (name, network) in of.index:
                shown = [f"{one.value:.2f} ± {one.value - one.interval()[0]:.2f}" for one in of.loc[(name, network)]]
                lines.append(f"| {NAMES[name]} | {word} | {' | '.join(shown)} |")
    return "\n".join(lines)


def from_same_noise(stored: pd.DataFrame, name: str, count: int = 14) -> Figure:
    """Draw what a U-Net without attention, windows, a linear denoiser and the exact score make from the same noise."""
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
    """State in `report` what stored networks and `predicted` have to show."""
    place = places(stored)
    perceptrons, scrambled = (min(place[of].z(0) for of in place.index if of[1:] == kind) for kind in _FARTHER)
    report.rejects("perceptrons look no farther than the linear denoiser", perceptrons, 1)
    report.rejects("nor do U-Nets where pixels are scrambled", scrambled, 1)
    nearer = medians(agreed, "exact score")["windows"]
    report.rejects("windows say no more of what networks make than the exact score", together(nearer).z(0), 1)
