"""Tables and figures of the tools that look for copies: how often each is right, and how often it is wrong."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from memgen.figures import plots
from memgen.measures.tools import SIDES
from memgen.statistics import proportion
from theory.checks.report import Report

LEVEL = 0.05
RULES = {
    "⅓ rule": "a point with d₁/d₂ < ⅓",
    "AuthPct": "below 50",
    "C_T": "below −3",
    "C_T, its deviation": "below −1.64 of its own deviations",
    "DCR share": "above ½, binomial test at 5%",
    "sdmetrics": "score below 1",
    "MiFID penalty": "mean cosine distance below 0.1",
    "audit": "a test below 5%, adjusted",
}
_MARKERS = (*plots.MARKERS, "X", "*")
COLUMNS = ["tool", "share", "noise", "power", "low", "high"]


def cuts(rows: pd.DataFrame, level: float = LEVEL) -> pd.Series:
    """For each tool, the value of its statistic beyond which lie at most `level` of the replicas without copies."""
    fresh = rows[rows.share == 0]
    return pd.Series({tool: _cut(fresh[fresh.tool == tool].statistic, _side(tool), level) for tool in RULES})


def _side(tool: str) -> int:
    return SIDES.get(tool, -1)  # the audit's statistic is a p-value


def _cut(null: pd.Series, side: int, level: float) -> float:
    ordered = np.sort(side * null.to_numpy())[::-1]
    return side * ordered[int(level * len(ordered))]


def power(rows: pd.DataFrame, calibrated: bool) -> pd.DataFrame:
    """How often each tool raises an alarm, with a 95% Wilson interval: columns tool, share, noise, power, low, high.

    An alarm follows the tool's own rule or, if `calibrated`, the threshold beyond which lie at most 5% of the replicas
    without copies (see `cuts`). The audit always keeps its own rule, which is of that level.
    """
    at, found = cuts(rows) if calibrated else {}, []
    for (tool, share, noise), part in rows[rows.tool.isin(RULES)].groupby(["tool", "share", "noise"], sort=False):
        alarm = part.alarm
        if calibrated and tool != "audit":
            alarm = _side(tool) * part.statistic > _side(tool) * at[tool]
        found.append((tool, share, noise, *proportion(int(alarm.sum()), len(part))))
    return pd.DataFrame(found, columns=COLUMNS)


def false_alarms(rows: pd.DataFrame) -> str:
    """Markdown: how often each tool accuses a perfect generator, and the threshold at which it would do so in 5%."""
    found, at = power(rows[rows.share == 0], False).set_index("tool"), cuts(rows)
    lines = [
        "| tool | its rule | false alarms (95%) | without copies: mean (95% of replicas) | 5% threshold |",
        "|---|---|---|---|---|",
    ]
    for tool, rule in RULES.items():
        null = rows[(rows.tool == tool) & (rows.share == 0)].statistic
        low, high = np.quantile(null, [0.025, 0.975])
        alarms = _share(found.loc[tool])
        lines.append(f"| {tool} | {rule} | {alarms} | {null.mean():.4g} ({low:.4g} to {high:.4g}) | {at[tool]:.4g} |")
    return "\n".join(lines)


def _share(row: pd.Series) -> str:
    return f"{row.power:.3f} ({row.low:.3f}–{row.high:.3f})"


def table(rows: pd.DataFrame, shares: Sequence[float] = (0.005, 0.05), noises: Sequence[float] = (0.05, 0.2)) -> str:
    """Markdown: the power of each tool by its own rule, and calibrated, at some shares of copies and noises."""
    own, right = (power(rows, how).set_index(["tool", "share", "noise"]) for how in (False, True))
    places = [(share, noise) for share in shares for noise in noises]
    heads = [f"{share:.1%} copies, noise {noise:g}: own rule | calibrated" for share, noise in places]
    lines = [f"| tool | {' | '.join(heads)} |", "|---" * (1 + 2 * len(places)) + "|"]
    for tool in RULES:
        cells = [_share(made.loc[tool, share, noise]) for share, noise in places for made in (own, right)]
        lines.append(f"| {tool} | {' | '.join(cells)} |")
    return "\n".join(lines)


def state(report: Report, rows: pd.DataFrame) -> None:
    """State in `report` what the audit promises, on replicas of a perfect generator and of one that copies."""
    own, right = (power(rows, how).set_index(["tool", "share", "noise"]).sort_index() for how in (False, True))
    alarms = own.loc["audit", 0.0, 0.0]
    report.holds("the audit accuses a perfect generator in 5% of cases at most", alarms.power <= LEVEL)
    few = [found.loc[tool, 0.005, 0.05] for found, tool in ((own, "audit"), (right, "⅓ rule"))]
    report.holds("0.5% of copies, noise 0.05: it finds what the ⅓ rule finds at 5%", few[0].high >= few[1].low)
    loose = [found.loc[tool, 0.05, 0.2] for found, tool in ((own, "audit"), (right, "C_T"))]
    report.holds("5% of copies, noise 0.2: it finds more than C_T at 5%", loose[0].low > loose[1].high)
    blind = own.loc[("C_T", 0.05)]
    report.holds("C_T below −3 misses 5% of copies at every noise", (blind.high < 0.05).all())


def curves(rows: pd.DataFrame, calibrated: bool) -> Figure:
    """Power against the share of copies, a panel for each noise, with 95% intervals."""
    found = power(rows, calibrated)
    found = found[found.share > 0]
    noises = sorted(found.noise.unique())
    tools = [tool for tool in RULES if not (calibrated and tool == "C_T, its deviation")]  # calibrated, C_T is the same
    fig, panels = plots.figure(len(noises), height=2.3)
    for axes, noise in zip(panels, noises, strict=True):
        for tool in tools:
            _line(axes, found[(found.tool == tool) & (found.noise == noise)].sort_values("share"), tool)
        axes.axhline(LEVEL, color="0.5", linewidth=0.8, linestyle=":")
        axes.set(xscale="log", ylim=(-0.03, 1.03), title=f"noise {noise:g} a coordinate")
        axes.title.set_fontsize(9)
        axes.set_xticks([0.002, 0.005, 0.01, 0.02, 0.05, 0.1], ["0.2", "0.5", "1", "2", "5", "10"])
        axes.minorticks_off()
    for axes in panels[-2:]:
        axes.set_xlabel("copies among the generated points, %")
    for axes in panels[::2]:
        axes.set_ylabel("power, at 5%" if calibrated else "alarms, own rule")
    handles, labels = panels[0].get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside upper center", ncols=4)
    return fig


def _line(axes: Axes, part: pd.DataFrame, tool: str) -> None:
    """Draw one tool in its own colour and marker, a little to the side so that intervals do not hide each other."""
    k, whole = list(RULES).index(tool), tool == "audit"
    axes.errorbar(
        part.share * 1.03 ** (k - 3),
        part.power,
        np.clip([part.power - part.low, part.high - part.power], 0, None),
        color="black" if whole else f"C{k}",
        linestyle="-" if whole else plots.LINES[1 + k % 3],
        marker=_MARKERS[k],
        markerfacecolor="black" if whole else "white",
        linewidth=1.8 if whole else 1,
        elinewidth=0.7,
        label=tool,
    )
