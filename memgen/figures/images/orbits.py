"""Augmentation and conditioning: by how much they move ln n, measured and predicted."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from memgen.experiments.orbits import expected, shift
from memgen.figures import plots
from theory.images import hidden_sign


def moves(rows: pd.DataFrame) -> pd.DataFrame:
    """By how much each way to show points moves ln n: a row for each study, law, at, group, order and criterion.

    - value, low, high: measured, with its 95% interval; `estimate` has both. ∞ if no plain set is as large.
    - predicted: ln|G| for the points of a ring, `recognised` for its orbits; the mean of ±H(±|u) for two signs and two
      classes; for digits what those outside the set say of place and class.
    - contrast: b² at the measured width, for two signs and two classes.
    """
    found = []
    for (study, law, at), cell in rows.groupby(["study", "law", "at"], sort=False):
        plain, shown = cell[cell.group == "none"], cell[cell.group != "none"]
        for (group, order, criterion), part in shown.groupby(["group", "order", "criterion"], sort=False):
            contrast = at**2 / (1 + np.exp(2 * part.log_width.mean()))
            if study == "ring" and criterion == "point":
                predicted = float(np.log(order))
            elif study == "ring":
                predicted = recognised(part.n.iloc[0], order, part.place.mean() if criterion == "orbit" else 0.0)
            elif study in ("sign", "mixture"):
                hidden = hidden_sign(at**2 / (1 + np.exp(2 * part.log_width.to_numpy()))).mean()
                predicted = float(hidden if study == "sign" else -hidden)
            else:
                predicted = expected(plain, part)
            try:
                estimate = shift(plain, part)
                reach = (estimate.value, *estimate.interval())
            except ValueError:  # narrower than in any plain set
                estimate, reach = None, (np.inf, np.inf, np.inf)
            found.append((study, law, at, group, order, criterion, *reach, predicted, contrast, estimate))
    names = "study law at group order criterion value low high predicted contrast estimate"
    return pd.DataFrame(found, columns=names.split())


def recognised(n: int, order: int, place: float) -> float:
    """The shift of ln n if (n−1)|G| points of the other orbits stand against e^place points of the own orbit."""
    return float(np.log1p((n - 1) * order * np.exp(-place)) - np.log(n))


def groups(table: pd.DataFrame) -> Figure:
    """Left: the shift of ln n by shifts of a random field of invariant law. Right: by two signs, and two classes.

    Arrows stand where no plain set is as large.
    """
    fig, (left, right) = plots.figure(2, height=3.4)
    ring = table[table.study == "ring"]
    orders = np.geomspace(2, ring.order.max(), 50)
    plots.theory(left, orders, np.log(orders), 0, "ln |G|")
    series = [("white", "point"), ("smooth", "point"), ("smooth", "orbit")]
    for k, (law, criterion) in enumerate(series):
        part = ring[(ring.law == law) & (ring.criterion == criterion)]
        x = part.order * 1.06 ** (k - 1)  # side by side
        plots.simulated(left, x, part.value, part.low, part.high, k, f"{law}: the {criterion}")
        plots.infinite(left, x[np.isinf(part.value)], k)
        if criterion == "orbit":
            plots.theory(left, part.order, part.predicted, k, "the same, less H(g|u, y)")
    left.set_xscale("log", base=2)
    left.set_xticks(sorted(set(ring.order)), [str(k) for k in sorted(set(ring.order))])
    left.set(xlabel="number of places |G|", ylabel="shift of ln n at equal noise [nats]", ylim=(0, 5.6))
    left.legend(fontsize=8, loc="upper left")
    signs = table[table.study.isin(["sign", "mixture"]) & (table.criterion == "point")]
    b = np.linspace(0, 1.05 * np.sqrt(signs.contrast.max()), 100)
    for k, (study, side, name) in enumerate(
        (("sign", 1, "each point as −y too"), ("mixture", -1, "one of two classes"))
    ):
        part = signs[signs.study == study]
        plots.theory(right, b, side * hidden_sign(b**2), k)
        plots.simulated(right, np.sqrt(part.contrast), part.value, part.low, part.high, k, name)
    right.axhline(0, color="0.6", linewidth=0.8, zorder=1)
    right.set_yticks([-np.log(2), 0, np.log(2)], ["−ln 2", "0", "ln 2"])
    right.set(xlabel=r"$b = |m|/\sqrt{\sigma^2+\tau^2}$", ylabel="shift of ln n [nats]")
    right.legend(fontsize=8, title="lines: ±H(±|u)", title_fontsize=8)
    return fig


def digits(table: pd.DataFrame) -> Figure:
    """Draw the shift of ln n by places and classes of digits: measured, predicted, and as if u hid them wholly."""
    fig, (axes,) = plots.figure(1, height=2.9)
    part = table[table.study.isin(["digits", "classes"]) & (table.criterion == "point")].reset_index(drop=True)
    y = -np.arange(len(part))
    full = np.where(part.group == "class", -1, 1) * np.log(part.order)
    span = np.abs([part.value - part.low, part.high - part.value])
    axes.errorbar(
        part.value, y, xerr=span, fmt="o", color="C0", markerfacecolor="white", label="measured, 95%", zorder=3
    )
    axes.plot(part.predicted, y, "|", color="C1", markersize=16, markeredgewidth=2, label="predicted", zorder=2)
    axes.plot(full, y, "x", color="0.35", label="if u hid all")
    axes.axvline(0, color="0.6", linewidth=0.8, zorder=1)
    names = [
        f"{group} ({order})" if group != "class" else f"one class ({order})"
        for group, order in zip(part.group, part.order, strict=True)
    ]
    axes.set_yticks(y, names)
    axes.set(xlabel="shift of ln n at equal noise [nats]", ylim=(-len(part) + 0.4, 0.6))
    fig.legend(fontsize=8, loc="outside upper center", ncols=3)
    return fig


def answers(table: pd.DataFrame) -> str:
    """Markdown: for the digits, the factor by which each group, or the class, multiplies n."""
    lines = ["| the set | n counts times | 95% interval | predicted | if u hid all |", "|---|--:|--:|--:|--:|"]
    for row in table[table.study.isin(["digits", "classes"]) & (table.criterion == "point")].itertuples():
        name, sign = ("one of 10 classes", -1) if row.group == "class" else (f"{row.group}, {row.order} places", 1)
        value, low, high, predicted = np.exp([row.value, row.low, row.high, row.predicted])
        full = float(row.order) ** sign
        lines.append(f"| {name} | {value:.2f} | {low:.2f} to {high:.2f} | {predicted:.2f} | {full:g} |")
    return "\n".join(lines)
