"""The plots of an audit."""

from __future__ import annotations

import numpy as np

from memgen.app.reports.page import Plot, number, percent, plot
from memgen.audit import Audit
from memgen.audit.power import KINDS, POWER

_EDGE = 6.0  # half-ranges of the null beyond which a statistic is drawn at the edge


def plots(audit: Audit) -> list[Plot]:
    """The plots for which the audit has numbers."""
    made = []
    if audit.tests:
        made.append(_statistics(audit))
    if audit.ratios:
        made.append(_ratios(audit))
    if audit.curves:
        made.append(_power(audit))
    return made


def _statistics(audit: Audit) -> Plot:
    from memgen.figures import plots

    fig, (axes,) = plots.figure(height=0.9 + 0.32 * len(audit.tests))
    for k, test in enumerate(reversed(audit.tests)):
        unit = (test.high - test.low) / 2 or 1.0
        low, high, at = ((value - test.null) / unit for value in (test.low, test.high, test.statistic))
        axes.barh(k, high - low, 0.5, low, color="0.85", zorder=2)
        shown = float(np.clip(at, -_EDGE, _EDGE))
        marker = "o" if shown == at else ">" if at > 0 else "<"
        axes.plot([shown], [k], marker, color="C1" if test.significant else "C0", markersize=7, zorder=3, clip_on=False)
    axes.set_yticks(range(len(audit.tests)), [test.name for test in reversed(audit.tests)])
    axes.set(xlim=(-_EDGE - 0.3, _EDGE + 0.3), xlabel="from the null's mean, in half-ranges")
    axes.grid(axis="y", visible=False)
    speaking = [test.name for test in audit.tests if test.significant]
    return plot(
        fig,
        "Each statistic against its null. "
        + (f"Outside: {', '.join(speaking)}." if speaking else "None speaks for memory."),
        "Each statistic (dot) against 95% of what it is for a generator that never saw the training set (bar). "
        "Orange: speaks for memory, all tests counted.",
    )


def _ratios(audit: Audit) -> Plot:
    from memgen.figures import plots

    fig, (axes,) = plots.figure()
    bins, names = np.linspace(0, 1, 41), {"generated": "generated points", "fresh": "records, among the others"}
    for k, (name, label) in enumerate(names.items()):
        values = np.array(audit.ratios[name])
        share = np.histogram(values, bins)[0] / max(len(values), 1)
        axes.stairs(share, bins, color=f"C{1 - k}", linewidth=1.6, linestyle="-" if k == 0 else "--", label=label)
    axes.set(xlabel="d₁/d₂: nearest training record to second nearest", ylabel="share of points", xlim=(0, 1))
    axes.set_ylim(bottom=0)
    axes.legend(loc="upper left")
    low = {name: percent(float(np.mean(np.array(audit.ratios[name]) < 1 / 3))) for name in names}
    return plot(
        fig,
        f"Histograms of the ratio d₁/d₂. Below one third lie {low['generated']} of the generated points and "
        f"{low['fresh']} of the records.",
        "A copy is near one training record and far from the second: a small ratio. Excess at the left is memory.",
    )


def _power(audit: Audit) -> Plot:
    from memgen.figures import plots

    fig, (axes,) = plots.figure()
    for k, (kind, curve) in enumerate(audit.curves.items()):
        share, power = np.array(curve).T
        axes.plot(share, power, f"{plots.MARKERS[k]}{plots.LINES[k]}", color=f"C{k}", label=f"{kind} copies")
    axes.axhline(POWER, color="0.2", linewidth=1.1)
    axes.axvline(audit.copies, color="0.2", linewidth=1.1, linestyle=":")
    axes.set(
        xscale="log",
        ylim=(-0.03, 1.03),
        xlabel="share of copies among the generated points",
        ylabel="chance to find them",
    )
    low, high = axes.get_xlim()
    marks = [10.0**-k * step for k in range(6, 0, -1) for step in (1, 2, 5)]
    axes.set_xticks([mark for mark in marks if low <= mark <= high], minor=False)
    axes.set_xticks([], minor=True)
    axes.xaxis.set_major_formatter(lambda share, _: percent(share))
    axes.legend(loc="lower right")
    found = ", ".join(f"{kind} copies from {number(share)} on" for kind, share in audit.detectable.items())
    return plot(
        fig,
        f"Power of the audit against the share of copies: {found}.",
        f"What this audit would have found at these sizes. Near copies lie at {number(KINDS['near'])}, loose ones at "
        f"{number(KINDS['loose'])} of the usual distance between records. Full line: four cases of five; dotted: the "
        "stated share.",
    )
