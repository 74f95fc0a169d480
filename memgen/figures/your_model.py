"""What chapter 14 draws, tabulates and compares."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from memgen.audit import Audit
from memgen.audit.power import POWER
from memgen.audit.result import LEVEL
from memgen.experiments.your_model import RECIPES, SIDE, Cell
from memgen.figures import plots
from memgen.figures.curves import followed, means
from memgen.statistics import first_crossing, mean
from memgen.watch import Watch
from theory.checks.report import Report

KEYS = ["recipe", "replica", "step", "level", "measure"]
FIXES = tuple(RECIPES)[1:]
NAMES = {name: name if name.endswith("digits") else f"60 digits, {name}" for name in RECIPES}
NOISE = 0.2  # at which recipes are compared


def pictures(rows: Mapping[str, np.ndarray], columns: int = 12) -> Figure:
    """Draw the first digits (…, 64) of each row as pictures, with the name of the row."""
    return _tiles([digits[:columns] for digits in rows.values()], columns, list(rows))


def pairs(found: Audit, generated: np.ndarray, train: np.ndarray, columns: int = 12) -> Figure:
    """Draw the generated digits that are closest to one training digit alone, and that training digit below each."""
    chosen = found.pairs[:columns]
    rows = [generated[[pair.generated for pair in chosen]], train[[pair.train for pair in chosen]]]
    return _tiles(rows, columns, ("generated", "training"))


def _tiles(rows: Sequence[np.ndarray], columns: int, names: Sequence[str]) -> Figure:
    fig, axes = plots.figure(len(rows) * columns, height=7.2 / columns, columns=columns)
    for k, place in enumerate(axes):
        place.set(xticks=[], yticks=[])
        place.grid(False)
        place.spines[:].set_visible(False)
        row, column = divmod(k, columns)
        if column < len(rows[row]):
            place.imshow(rows[row][column].reshape(SIDE, SIDE), cmap="gray_r", vmin=0, vmax=1)
        if column == 0:
            place.set_ylabel(names[row], fontsize=8)
    return fig


def course(watch: Watch) -> Figure:
    """Draw what a Watch measured: the share of a copy's loss gap at each level, with 95% intervals, and both losses."""
    fig, (left, right) = plots.figure(2, height=3.1)
    rows = watch.compute()
    for k, (level, part) in enumerate(rows[rows.level.notna()].groupby("level")):
        share = part[part.measure == "share"]
        reach = 1.96 * share.error
        plots.simulated(left, share.step, share.value, share.value - reach, share.value + reach, k, f"σ = {level:g}")
        left.plot(share.step, share.value, color=f"C{k}", linewidth=0.8)
    at = rows[rows.level == NOISE]
    for k, (side, name) in enumerate((("holdout", "fresh digits"), ("train", "training digits")), 3):
        loss = at[at.measure == f"loss_{side}"]
        style = plots.MARKERS[k] + plots.LINES[k - 3]
        right.plot(loss.step, loss.value, style, color=f"C{k}", mfc="white", linewidth=0.8, label=name)
    left.set(xlabel="gradient steps", ylabel="share of a copy's loss gap", xscale="log")
    right.set(xlabel="gradient steps", ylabel=f"denoising loss at σ = {NOISE:g}", xscale="log")
    right.set_ylim(0, 1.1 * at[at.measure.str.startswith("loss_")].value.max())
    for axes in (left, right):
        axes.legend()
    return fig


def together(watches: Mapping[Cell, Watch]) -> pd.DataFrame:
    """The rows of several Watches, with the columns recipe and replica added, as the sweep has them."""
    tables = [watch.compute().assign(recipe=at.recipe, replica=at.replica) for at, watch in watches.items()]
    return pd.concat(tables, ignore_index=True)


def recipes(rows: pd.DataFrame) -> Figure:
    """Draw, for every recipe, the share of a copy's gap and the loss on fresh digits: means with 95% intervals."""
    fig, panels = plots.figure(2, height=3.6)
    at = rows[rows.level == NOISE]
    for axes, measure in zip(panels, ("share", "loss_holdout"), strict=True):
        for k, recipe in enumerate(RECIPES):
            part = at[(at.measure == measure) & (at.recipe == recipe)]
            if part.replica.nunique() > 1:
                followed(axes, means(part, "step"), k, 2, plots.MARKERS[k])
        axes.set(xlabel="gradient steps", xscale="log")
    for k, recipe in enumerate(RECIPES):
        panels[0].plot([], [], plots.MARKERS[k] + "-", color=f"C{k}", mfc="white", linewidth=0.8, label=NAMES[recipe])
    panels[0].set(ylabel=f"share of a copy's loss gap, σ = {NOISE:g}")
    panels[1].set(ylabel=f"loss on fresh digits, σ = {NOISE:g}", yscale="log")
    panels[0].legend()
    return fig


def _audits(rows: pd.DataFrame) -> pd.DataFrame:
    """By recipe, step and replica: columns least, near, power, moved and flagged.

    `least` is the least p-value of all tests, `near` that of near copies, `moved` the least one of the test in all
    places; `power` is the least power.
    """
    kept = rows[rows.level.isna()].pivot(index=["recipe", "step", "replica"], columns="measure", values="value")
    tests = [name for name in kept if name.startswith("p/")]
    power = kept[[name for name in kept if name.startswith("power/")]].min(axis=1)
    moved = kept[[name for name in kept if name.startswith("shifted/")]].min(axis=1)
    seen = {"least": kept[tests].min(axis=1), "near": kept["p/near copies"], "power": power, "moved": moved}
    return pd.DataFrame(seen | {"flagged": kept.flagged})


def verdicts(rows: pd.DataFrame) -> str:
    """Markdown: in how many shuffles audits say memorized, and find copies, by step; at the end, the ⅓ rule's share."""
    found = _audits(rows)
    steps = sorted(found.index.unique("step"))
    lines = [f"| recipe | {' | '.join(f'{step} steps' for step in steps)} | d₁/d₂ < ⅓ at the end |"]
    lines.append("|---" * (len(steps) + 2) + "|")
    for recipe in RECIPES:
        parts = [found.loc[recipe, step] for step in steps]
        entries = [
            f"{(part.least <= LEVEL).sum()} of {len(part)}, copies {(part.near <= LEVEL).sum()}" for part in parts
        ]
        lines.append(f"| {NAMES[recipe]} | {' | '.join(entries)} | {parts[-1].flagged.mean():.1%} |")
    return "\n".join(lines)


def in_other_places(rows: pd.DataFrame) -> str:
    """Text: how often audits call the recipe shifted memorized at the end, as digits are and in all nine places."""
    found = _audits(rows).loc["shifted"]
    last = found.loc[found.index.unique("step").max()]
    one, all_places = (f"{(p <= LEVEL).sum()} of {len(last)}" for p in (last.least, last.moved))
    return f"shifted, called memorized: {one} where the digits are, {all_places} in all nine places"


def best(rows: pd.DataFrame) -> pd.DataFrame:
    """By recipe and shuffle: the step of the least loss on fresh digits, that loss, the share then and at the end.

    Columns step, loss, share, last_share and last_loss, the loss at the end.
    """
    at = rows[rows.level == NOISE]
    wide = at.pivot(index=["recipe", "replica", "step"], columns="measure", values="value")
    found = []
    for (recipe, replica), part in wide.groupby(level=["recipe", "replica"]):
        least = part.loss_holdout.idxmin()
        then, end = part.loc[least], part.iloc[-1]
        found.append((recipe, replica, least[2], then.loss_holdout, then.share, end.share, end.loss_holdout))
    columns = ["recipe", "replica", "step", "loss", "share", "last_share", "last_loss"]
    return pd.DataFrame(found, columns=columns).set_index(["recipe", "replica"])


def _tenth(part: pd.DataFrame) -> float:
    """The median over shuffles of the steps until the share is a tenth; ∞ where not all get there."""
    found = []
    for _, one in part.groupby("replica"):
        at = np.log(one.step.to_numpy())
        found.append(np.exp(first_crossing(at, one.value.to_numpy(), 0.1)))
    return float(np.median(found)) if np.isfinite(found).all() else np.inf


def stops(rows: pd.DataFrame) -> str:
    """Markdown: steps per digit to a tenth of a copy's gap; the least loss on fresh digits, its step, and shares."""
    found, shares = best(rows), rows[(rows.level == NOISE) & (rows.measure == "share")]
    heads = (
        "recipe",
        "steps per digit to a tenth",
        "least loss, 10⁻³",
        "after steps",
        "share there",
        "share at the end",
    )
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for recipe, (n, *_) in RECIPES.items():
        part, tenth = found.loc[recipe], _tenth(shares[shares.recipe == recipe]) / n
        pace = f"{tenth:.1f}" if np.isfinite(tenth) else "not reached"
        least = f"{1e3 * part.loss.mean():.1f} | {part.step.median():.0f}"
        lines.append(f"| {NAMES[recipe]} | {pace} | {least} | {part.share.mean():.2f} | {part.last_share.mean():.2f} |")
    return "\n".join(lines)


def planted(fresh: np.ndarray, train: np.ndarray, count: int, draws: np.random.Generator) -> np.ndarray:
    """Fresh digits, the first `count` replaced by training digits with normal noise of deviation 0.05 a pixel."""
    copies = train[draws.permutation(len(train))[:count]]
    return np.concatenate([copies + 0.05 * draws.standard_normal(copies.shape), fresh[count:]]).astype(np.float32)


def state(report: Report, rows: pd.DataFrame) -> None:
    """State in `report` that the recipes change what they are said to change."""
    found = best(rows)
    worst = found.loc["60 digits"]
    report.rejects("60 digits to the end: no gap", mean(worst.last_share.to_numpy()).z(0), 1)
    stopped = mean((worst.last_share - worst.share).to_numpy())
    report.rejects("60 digits stopped at the least loss have as large a share", stopped.z(0), 1)
    for recipe in FIXES:
        less = mean((worst.last_share - found.loc[recipe].last_share).to_numpy())
        report.rejects(f"{recipe} have as large a share", less.z(0), 1)
    better = {recipe: mean((worst.loss - found.loc[recipe].loss).to_numpy()).z(0) for recipe in FIXES}
    report.rejects("1197 digits denoise fresh digits no better", better["1197 digits"], 1)
    report.rejects("16 units denoise fresh digits as well", better["16 units"], -1)
    audits = _audits(rows)
    last = audits.index.unique("step").max()
    report.holds(
        "60 digits to the end: single copies in every shuffle", (audits.loc["60 digits", last].near <= LEVEL).all()
    )
    ends = [audits.loc["60 digits", 316], *(audits.loc[recipe, last] for recipe in FIXES)]
    report.holds("no recipe else leaves single copies that are found", all((end.near > LEVEL).all() for end in ends))
    report.holds("all of these audits would have found 5% of copies", (audits.power >= POWER).all())
