"""Networks trained on pictures: what they make, how much they remember, and how good it is."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy import stats
from scipy.interpolate import PchipInterpolator

from memgen.experiments.images import CLASS, SHOWN
from memgen.figures import plots
from memgen.figures.curves import curve, followed, pooled
from memgen.figures.images.exposure import NAMES
from memgen.laws.pictures import PLACES, pictures
from memgen.statistics import Estimate, first_crossing, mean
from theory.checks.report import Report

LEVEL = 1.0  # of the noise at which memory is told, in standard deviations of the set's pixels
_DIVERGED = 10.0  # variances of the set
KEYS = ["pictures", "network", "shown", "n", "replica", "step", "guidance", "level", "measure"]
_NETWORK = KEYS[:5]


def measured(rows: pd.DataFrame, measure: str, level: float = np.nan, guidance: float = 0.0) -> pd.DataFrame:
    """The rows of one measure at one noise level (NaN: at none) and guidance, without step 0."""
    at = rows.level.isna() if np.isnan(level) else rows.level == level
    return rows[at & (rows.measure == measure) & (rows.guidance == guidance) & (rows.step > 0)]


def distances(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of the squared Fréchet distance without diverged samplers, a single sample of which can dominate it.

    They are few, of the largest pictures; the others lie below 1, and those that are left out beyond 100.
    """
    found = measured(rows, "frechet")
    return found[found.value < _DIVERGED]


def last(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of each network's last step."""
    return rows[rows.step == rows.groupby(_NETWORK).step.transform("max")]


def shares(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of each network's share of a copy's loss gap at its last step: 0 without memory, 1 for a copy."""
    return last(measured(rows, "share", LEVEL))


def stored_pictures(rows: pd.DataFrame, kind: str) -> np.ndarray:
    """Pictures (SHOWN, rows, columns), white 1, of one network at one step; kind is `generated` or `nearest`.

    Raises ValueError unless the rows have just SHOWN of them.
    """
    part = rows[(rows.measure == kind) & (rows.guidance == rows.guidance.min())]
    if len(part) != SHOWN:
        raise ValueError(f"{len(part)} pictures of kind {kind} where one network at one step has {SHOWN}")
    shape = pictures(part.pictures.iloc[0]).shape
    return np.stack([np.frombuffer(picture, np.uint8).reshape(shape) for picture in part.picture]) / 255


def of(
    rows: pd.DataFrame, name: str, network: str = "perceptron", shown: str = "once", replica: int = 0
) -> pd.DataFrame:
    """The rows of one shuffle of a set, one kind of network and one way to show pictures."""
    kept = (rows.pictures == name) & (rows.network == network) & (rows.shown == shown) & (rows.replica == replica)
    return rows[kept]


def gallery(rows: pd.DataFrame, name: str, sizes: Sequence[int], network: str = "perceptron") -> Figure:
    """Draw pictures made at the last step for some training set sizes, each above its nearest training picture."""
    part = last(of(rows, name, network))
    tiles = [stored_pictures(part[part.n == n], kind) for n in sizes for kind in ("generated", "nearest")]
    names = [text for n in sizes for text in (f"{n} pictures:\nmade", f"nearest\nof the {n}")]
    return tiled(tiles, names)


def over_steps(rows: pd.DataFrame, name: str, n: int, network: str = "perceptron") -> Figure:
    """Draw pictures made of one noise after more and more steps; below, the training pictures nearest to the last."""
    part = of(rows, name, network)
    part = part[(part.n == n) & (part.step > 0)]
    steps = sorted(part.step.unique())
    tiles = [stored_pictures(part[part.step == step], "generated") for step in steps]
    tiles.append(stored_pictures(part[part.step == steps[-1]], "nearest"))
    return tiled(tiles, [*(f"{step} steps" for step in steps), "nearest"])


def tiled(tiles: Sequence[np.ndarray], names: Sequence[str]) -> Figure:
    """Draw rows of pictures (count, rows, columns), each row with its name to its left."""
    height, width = (side + 1 for side in tiles[0].shape[1:])
    wall = np.ones((len(tiles) * height, len(tiles[0]) * width))
    for row, pictured in enumerate(tiles):
        for column, picture in enumerate(pictured):
            at = row * height, column * width
            wall[at[0] : at[0] + height - 1, at[1] : at[1] + width - 1] = picture
    room = 4.6 - 0.25 - 0.062 * max(len(line) for name in names for line in name.splitlines())  # in beside the names
    fig, (axes, *_) = plots.figure(1, height=0.1 + room * len(tiles) * height / (len(tiles[0]) * width))
    axes.imshow(wall[:-1, :-1], cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    axes.set_anchor("E")
    axes.set_yticks((np.arange(len(tiles)) + 0.5) * height - 0.5, names, fontsize=8)
    axes.set_xticks([])
    axes.tick_params(length=0)
    axes.grid(False)
    axes.spines[:].set_visible(False)
    return fig


def of_perceptrons(rows: pd.DataFrame, name: str) -> pd.Series:
    """By n: memory of a set's perceptrons at the last step. The scatter is the set's own: sets differ in theirs."""
    own = rows[(rows.network == "perceptron") & (rows.shown == "once") & (rows.pictures == name)]
    return pooled(shares(own), ["n"])


def courses(rows: pd.DataFrame, name: str) -> Figure:
    """Draw memory and quality of a set's perceptrons over the steps, by n: means over shuffles with 95% intervals."""
    fig, (left, right) = plots.figure(2, height=3.4)
    part = rows[(rows.pictures == name) & (rows.network == "perceptron") & (rows.shown == "once")]
    memory = pooled(measured(part, "share", LEVEL), ["n", "step"])
    distance = pooled(distances(part), ["n", "step"])
    for k, n in enumerate(sorted(part.n.unique())):
        for axes, found in ((left, memory[n]), (right, distance[n])):
            followed(axes, curve(found.index, found), k, 1, plots.MARKERS[k])
        own = part[(part.n == n) & (part.step == 0) & (part.measure == "frechet")]
        copies = own.value.mean()
        right.axhline(copies, color=f"C{k}", linestyle=":", linewidth=0.9)
        left.plot([], [], plots.MARKERS[k] + "-", color=f"C{k}", mfc="white", linewidth=0.8, label=f"n = {n}")
    right.plot([], [], ":", color="0.3", label="draws from the training set")
    left.set(xlabel="gradient steps", xscale="log", ylabel="share of a copy's loss gap")
    right.set(xlabel="gradient steps", xscale="log", ylim=(0, None), ylabel="Fréchet distance² to holdout (variance)")
    left.legend()
    right.legend()
    return fig


def against_n(rows: pd.DataFrame) -> Figure:
    """Memory at the last step against n (left) and n/d (right): perceptrons of every set."""
    fig, panels = plots.figure(2, height=3.5)
    for k, name in enumerate(NAMES):
        if name in set(rows.pictures):
            found, d = of_perceptrons(rows, name), pictures(name).values.shape[1]
            own = curve(found.index, found)
            for axes, unit in zip(panels, (1, d), strict=True):
                followed(axes, own._replace(x=own.x / unit), k, 1, plots.MARKERS[k])
            panels[1].plot([], [], plots.MARKERS[k] + "-", color=f"C{k}", mfc="white", linewidth=0.8, label=NAMES[name])
    panels[0].set(xscale="log", xlabel="training pictures n", ylabel="share of a copy's loss gap", ylim=(-0.06, 1.05))
    panels[1].set(xscale="log", xlabel="n/d", ylim=(-0.06, 1.05))
    panels[1].legend()
    return fig


def quality(rows: pd.DataFrame) -> Figure:
    """Quality against memory, by set: with more pictures (left), and with fewer steps on 50 pictures (right)."""
    fig, panels = plots.figure(2, height=3.6)
    part = rows[(rows.network == "perceptron") & (rows.shown == "once")]
    ways: tuple[tuple[Axes, pd.DataFrame, str], ...] = (
        (panels[0], last(part), "n"),
        (panels[1], part[part.n == part.n.min()], "step"),
    )
    for axes, some, by in ways:
        for k, name in enumerate(name for name in NAMES if name in set(some.pictures)):
            own = some[some.pictures == name]
            memory = measured(own, "share", LEVEL).groupby(by).value.mean()
            distance = distances(own).groupby(by).value.mean().reindex(memory.index)
            axes.plot(memory, distance, plots.MARKERS[k] + "-", color=f"C{k}", mfc="white", lw=0.8, label=NAMES[name])
            axes.plot(memory.iloc[-1], distance.iloc[-1], plots.MARKERS[k], color=f"C{k}", markersize=6)
        axes.set(yscale="log")
    panels[0].set(ylabel="Fréchet distance² to holdout (variance)", xlabel="share of a copy's gap, by n")
    panels[1].set(xlabel="share of a copy's gap, by steps at n = 50")
    panels[0].legend()
    return fig


WAYS = {
    ("digits", "mirrored"): "mirrored, 2 places",
    ("digits", "shifted"): "shifted, 9 places",
    ("digits", CLASS): "told the class, 10 classes",
    ("mnist16", CLASS): "told the class, 10 classes",
    ("patches16", "turned"): "turned and mirrored, 8 places",
}


def ways(rows: pd.DataFrame) -> Figure:
    """Memory at the last step against n: pictures shown once, in several places, or with their class."""
    fig, panels = plots.figure(2, height=3.5)
    for axes, name in zip(panels, ("digits", "patches16"), strict=True):
        some = pooled(shares(rows[(rows.network == "perceptron") & (rows.pictures == name)]), ["shown", "n"])
        for k, shown in enumerate(("once", *(way for other, way in WAYS if other == name))):
            label = WAYS.get((name, shown), "shown once")
            followed(axes, curve(some[shown].index, some[shown]), k, 1, plots.MARKERS[k])
            axes.plot([], [], plots.MARKERS[k] + "-", color=f"C{k}", mfc="white", linewidth=0.8, label=label)
        axes.set(xscale="log", xlabel=f"{NAMES[name]}: training pictures n", ylim=(-0.05, None))
        axes.legend()
    panels[0].set(ylabel="share of a copy's loss gap")
    return fig


class Shift(NamedTuple):
    """By how much a way to show pictures moves ln n at equal memory.

    `moved` is the mean over networks whose memory is on the curve of pictures shown once, None for fewer than two of
    them. `above` counts networks that remember more than all of that curve, `beyond` those that remember less; `least`
    is the largest lower bound on the shifts of these. `most` is ln of the places, or −ln of the classes: what the exact
    score would be moved by at most.
    """

    pictures: str
    shown: str
    moved: Estimate | None
    above: int
    beyond: int
    least: float
    most: float


def shift(rows: pd.DataFrame) -> list[Shift]:
    """The `Shift` of each of WAYS that the rows have, over shuffles and sizes."""
    found = shares(rows[rows.network == "perceptron"])
    told = []
    for name, shown in WAYS:
        some = found[found.pictures == name].pivot(index="replica", columns=["shown", "n"], values="value")
        if shown in some.columns.get_level_values(0):
            gaps = [gap for _, one in some.iterrows() for gap in _moved(one["once"], one[shown])]
            on = np.array([gap for gap, below in gaps if not below])
            below = [gap for gap, below in gaps if below]
            places = PLACES[shown].count if shown in PLACES else 0
            most = np.log(places) if places else -np.log(pictures(name).classes)
            moved = mean(on) if len(on) > 1 else None
            above = int(some[shown].notna().to_numpy().sum()) - len(gaps)
            told.append(Shift(name, shown, moved, above, len(below), max(below, default=-np.inf), float(most)))
    return told


def _moved(plain: pd.Series, other: pd.Series) -> Iterator[tuple[float, bool]]:
    """For each network, ln n of the plain curve where it has the same memory, less its own ln n; and False.

    Where a network remembers less than the curve does anywhere, a lower bound on that, and True. Networks that remember
    more than the curve are left out.
    """
    falling = plain.sort_index()
    least = np.minimum.accumulate(falling.to_numpy())
    kept = np.append(True, np.diff(least) < 0)  # where the curve rises again it tells nothing
    memory, log_n = least[kept][::-1], np.log(falling.index[kept].to_numpy(float))[::-1]
    at = PchipInterpolator(memory, log_n, extrapolate=False)
    for n, value in other.items():
        if value < memory[0]:
            yield float(log_n[0] - np.log(float(n))), True
        elif value <= memory[-1]:
            yield float(at(value) - np.log(float(n))), False


def shifts(rows: pd.DataFrame) -> str:
    """Markdown: the shift of ln n by each way to show pictures."""
    lines = [
        "| set | shown | shift of ln n | at most, exact score | networks above the curve | below |",
        "|---|---|---|---|---|---|",
    ]
    for one in shift(rows):
        told = "–"
        if one.moved is not None:
            low, high = one.moved.interval()
            told = f"{one.moved.value:.2f} ({low:.2f} to {high:.2f})"
        below = f"{one.beyond}" + (f", one by {one.least:.2f} or more" if one.least > 0 else "")
        way = WAYS[one.pictures, one.shown]
        lines.append(f"| {NAMES[one.pictures]} | {way} | {told} | {one.most:.2f} | {one.above} | {below} |")
    return "\n".join(lines)


def onsets(rows: pd.DataFrame, share: float = 0.2) -> pd.Series:
    """Gradient steps a picture until a network has gone `share` of the way to a copy, by set, kind of network and n.

    A mean over shuffles, ∞ if one of them does not get there.
    """
    found = measured(rows[rows.shown == "once"], "share", LEVEL)
    told = {}
    for key, part in found.groupby(["pictures", "network", "n"]):
        courses = (one.sort_values("step") for _, one in part.groupby("replica"))
        reached = [first_crossing(np.log(one.step.to_numpy()), one.value.to_numpy(), share) for one in courses]
        told[key] = float(np.mean(np.exp(reached)) / key[2])
    return pd.Series(told).rename_axis(["pictures", "network", "n"])


def audits(rows: pd.DataFrame, level: float = 0.05) -> str:
    """Markdown: by set and n, in how many shuffles perceptrons' audit at the last step finds copies | anything."""
    found = last(rows[(rows.network == "perceptron") & (rows.shown == "once") & rows.measure.str.startswith("p/")])
    sizes = sorted(found.n.unique())
    lines = [f"| set | {' | '.join(f'n = {n}' for n in sizes)} |", "|---" * (len(sizes) + 1) + "|"]
    for name in NAMES:
        entries = []
        for n in sizes:
            p = found[(found.pictures == name) & (found.n == n)].pivot(
                index="replica", columns="measure", values="value"
            )
            near, least = (p["p/near copies"] <= level, p.min(axis=1) <= level) if len(p) else ((), ())
            entries.append(f"{sum(near)} \\| {sum(least)} of {len(p)}" if len(p) else "–")
        if set(entries) != {"–"}:
            lines.append(f"| {NAMES[name]} | {' | '.join(entries)} |")
    return "\n".join(lines)


class Route(NamedTuple):
    """A way in which memory fades: by how much, and the changes of ln(Fréchet distance²) and of ln(loss), over sets."""

    name: str
    fades: Estimate
    frechet: Estimate
    loss: Estimate

    @property
    def changes(self) -> tuple[Estimate, ...]:
        """The changes of the share, of ln(distance²) and of ln(loss)."""
        return self.fades._replace(value=-self.fades.value), self.frechet, self.loss


def routes(rows: pd.DataFrame) -> list[Route]:
    """Three ways in which memory fades from that of networks at the end of their training on the fewest pictures.

    These are the most pictures; on the fewest, a stop where another shuffle's loss on held-out ones is least; and on
    them, several places.
    """
    part = rows[rows.network == "perceptron"]
    once, fewest = part[part.shown == "once"], int(part.n.min())
    few = once[once.n == fewest]
    most = once[once.n == once.groupby("pictures").n.transform("max")]
    moved = part[(part.n == fewest) & part.shown.isin(PLACES)]
    largest = moved.groupby("pictures").shown.transform(lambda shown: max(shown, key=lambda one: PLACES[one].count))
    in_places = moved[(moved.shown == largest) & (moved.shown != "once")]
    pairs: tuple[tuple[str, pd.DataFrame, Callable[[pd.DataFrame], pd.DataFrame]], ...] = (
        ("more pictures", most, last),
        ("an earlier stop", few, _stopped),
        ("several places", in_places, last),
    )
    told = []
    for name, other, when in pairs:
        end, then = _state_of(last(few)), _state_of(when(other))
        shared = end.index.intersection(then.index)
        change = then.loc[shared] - end.loc[shared]
        told.append(Route(name, mean(-change.share), mean(change.frechet.dropna()), mean(change.loss)))
    return told


def _stopped(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of each network at the step of the least loss on held-out pictures in the next shuffle.

    At the least of its own loss, that loss could not but fall.
    """
    loss = measured(rows, "loss_holdout", LEVEL)
    best = loss.loc[loss.groupby(_NETWORK).value.idxmin(), [*_NETWORK, "step"]]
    replicas = sorted(rows.replica.unique())
    best = best.assign(replica=best.replica.map(dict(zip(replicas[1:] + replicas[:1], replicas, strict=True))))
    return rows.merge(best, on=[*_NETWORK, "step"])


def _state_of(rows: pd.DataFrame) -> pd.DataFrame:
    """By set and shuffle: share (of a copy's gap), frechet (ln of the distance²), loss (ln, on held-out pictures)."""
    found = {
        "share": measured(rows, "share", LEVEL),
        "frechet": distances(rows),
        "loss": measured(rows, "loss_holdout", LEVEL),
    }
    table = pd.DataFrame({name: part.set_index(["pictures", "replica"]).value for name, part in found.items()})
    return table.assign(frechet=np.log(table.frechet), loss=np.log(table.loss))


def differences(rows: pd.DataFrame, shown: Iterable[str]) -> np.ndarray:
    """Memory at the last step of perceptrons that see pictures in these ways, less that of those that see them once.

    One value for each way, set, n and shuffle.
    """
    found = shares(rows[rows.network == "perceptron"])
    wide = found.pivot(index=["pictures", "n", "replica"], columns="shown", values="value")
    return np.concatenate([(wide[way] - wide["once"]).dropna() for way in shown])


def state(report: Report, rows: pd.DataFrame) -> None:
    """State in `report` that memory fades with pictures and an earlier stop, and that places and classes move it."""
    more, stop, _ = routes(rows)
    for route in (more, stop):
        report.rejects(f"{route.name}: memory does not fade", route.fades.z(0), 1)
    report.rejects("more pictures: the loss on fresh ones does not fall", more.loss.z(0), -1)
    moved = differences(rows, (way for way, places in PLACES.items() if places.count > 1))
    report.holds("in several places every network remembers less", (moved < 0).all() and len(moved) > 10)
    told = differences(rows, (CLASS,))
    sign = stats.binomtest(int((told > 0).sum()), len(told), alternative="greater")
    report.holds(
        f"told the class, {(told > 0).sum()} of {len(told)} networks remember more (p < 0.01)", sign.pvalue < 0.01
    )
