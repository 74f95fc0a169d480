"""Chapter 1, drawn: the neighbours' weight, the squared error of the estimate, and three ways for memory to fade."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from memgen.experiments.kernel import BLUR, SCENARIOS, SHARES, SHARP, Cell, Params, cell
from memgen.figures import plots
from memgen.statistics import mean, median, proportion
from theory import kernel
from theory.checks.report import Report

WIDTHS = {"seed_width": kernel.kernel_width, "best_width": kernel.best_width}  # by the name of the measure
NAMED = {"seed_width": "the paper's width", "best_width": "the best width"}
DISTANCES = {"train": "$E_{TG}$", "original": "$E_{OG}$"}


# -- the neighbours' weight --------------------------------------------------------------------------------------------


def draw_neighbours(near: pd.DataFrame, params: Params) -> Figure:
    """Draw the weight of all other kernels over the own one: full dimension (left), few dimensions in many (right)."""
    fig, (left, right) = plots.figure(2, height=3.5)
    fine = _fine(params)
    for k, d in enumerate(params.dims):
        own = near[(near.d == d) & (near.intrinsic == d)]
        alpha = np.log(fine) / d
        line = kernel.quenched_ratio(alpha, np.exp(-alpha))
        plots.theory(left, fine, line, k)
        left.plot(fine, kernel.neighbour_ratio.log(fine, d) / d, ":", color=f"C{k}")
        _medians(left, own.assign(value=own.value / d), k)
        plots.label_line(left, fine[0], line[0], f"d = {d}", k, xytext=(6, -14))
    for k, ((d, intrinsic), group) in enumerate(near[near.intrinsic < near.d].groupby(["d", "intrinsic"])):
        line = kernel.intrinsic_ratio.log(fine, d, intrinsic)
        plots.theory(right, fine, line, k)
        _medians(right, group, k)
        plots.label_line(right, fine[-1], line[-1], f"D = {intrinsic}", k, ha="right", xytext=(0, 6))
        plots.threshold(right, float(kernel.isolated_samples(d, intrinsic)), "balance")
    for axes, per in ((left, r"\,/\,d$"), (right, "$")):
        axes.axhline(0, color="0.6", linewidth=0.8)
        axes.set(xscale="log", xlabel="number of points $n$", ylabel=rf"$\ln(Z_{{1^c}}/Z_1){per} [nats]")
    return fig


def table_of_neighbours(near: pd.DataFrame, params: Params) -> str:
    """Markdown by dimension: medians below the condensed line, their scatter, how often neighbours outweigh the own."""
    rows = []
    for d in params.dims:
        own = near[(near.d == d) & (near.intrinsic == d)]
        counts = np.array(sorted(own.n.unique()))
        alpha = np.log(counts) / d
        below = kernel.quenched_ratio(alpha, np.exp(-alpha)) - own.groupby("n").value.median().to_numpy() / d
        scatter = own.groupby("n").value.std() / kernel.neighbour_spread(counts, d)
        part = own[own.n == min(counts, key=lambda n: abs(n - 512))]
        share, low, high = proportion(int((part.value > 0).sum()), len(part))
        rows.append(
            (
                f"{d}",
                f"{below[0]:.2f}, {below[-1]:.2f}",
                f"{np.log(d) / d:.2f}",
                f"{scatter.min():.1f} to {scatter.max():.1f}",
                f"{share:.2f} ({low:.2f} to {high:.2f})",
            )
        )
    head = ("d", "medians below the line, first and last n [nats per d]", "ln d/d", "scatter over that by place")
    return _table((*head, "share of places where neighbours outweigh, n near 512"), rows)


def table_of_balance(near: pd.DataFrame) -> str:
    """Markdown: from how many points on the ratio of means exceeds 1, by intrinsic dimension."""
    rows, every = [], np.arange(2, 10_000)
    for d, intrinsic in near[near.intrinsic < near.d].groupby(["d", "intrinsic"]).groups:
        passed = every[np.argmax(kernel.intrinsic_ratio.log(every, d, intrinsic) > 0)]
        counted = float(kernel.isolated_samples(d, intrinsic))
        rows.append((f"{intrinsic}", f"{passed}", f"{counted:.0f}", f"{2 ** (intrinsic / 2):.0f}"))
    return _table(("D", "exact", "counting n neighbours", "limit d → ∞"), rows)


def typical_weight(seed: int) -> tuple[float, tuple[float, float, float]]:
    """For n = d = 100, the neighbours' weight over the own: ratio of means, and log10 of the median of 400 point sets.

    The median comes with its interval: (median, low, high).
    """
    sets = cell(Cell("neighbours", "", 100, 100, 100, 400, seed)).value.to_numpy() / np.log(10)
    return float(kernel.neighbour_ratio(100, 100)), median(sets)


# -- the squared error -------------------------------------------------------------------------------------------------


def draw_errors(errors: pd.DataFrame, params: Params) -> Figure:
    """Draw E‖ρ_T − O‖² in units of ‖O‖² against n, a panel for each of the first two dimensions."""
    fig, panels = plots.figure(len(params.dims[:2]), height=3.3)
    fine = _fine(params)
    for axes, d in zip(panels, params.dims, strict=False):
        for k, (name, width) in enumerate(WIDTHS.items()):
            line = squared_error(fine, d, width(fine, d))
            plots.theory(axes, fine, line, k)
            group = errors[(errors.d == d) & (errors.measure == name)]
            found = [mean(part.value.to_numpy()) for _, part in group.groupby("n")]
            low, high = np.transpose([e.interval() for e in found])
            plots.simulated(axes, sorted(group.n.unique()), [e.value for e in found], low, high, k)
            if k == 0 and line[0] > 1.5:  # the lines cross, at the right
                plots.label_line(axes, fine[0], line[0], NAMED[name], k, xytext=(8, -14))
            elif k == 0:
                plots.label_line(axes, fine[-1], line[-1], NAMED[name], k, ha="right", xytext=(0, 6))
            else:
                plots.label_line(axes, fine[0], line[0], NAMED[name], k, xytext=(8, 6))
        axes.plot(fine, least_error(fine, d), ":", color="0.3")
        axes.set(xscale="log", yscale="log", ylim=(0.03, 6), xlabel=f"number of points $n$, $d = {d}$")
        axes.set_ylabel(r"$E\|\rho_T-O\|^2/\|O\|^2$")
    return fig


def squared_error(n: Any, d: int, width: Any) -> Any:
    """The mean squared error E‖ρ_T − O‖² of the kernel estimate ρ_T of n points, in units of ‖O‖²."""
    return np.exp(kernel.kde_mise.log(n, d, width) + d / 2 * np.log(4 * np.pi))


def least_error(n: np.ndarray, d: int) -> np.ndarray:
    """For each n, the least `squared_error` of any kernel width between 0.1 and 10."""
    return squared_error(n[:, None], d, np.geomspace(0.1, 10, 400)).min(1)


# -- three ways for memory to fade -------------------------------------------------------------------------------------


class Path(NamedTuple):
    """Generators that copy with probability 1 − s and else sample a second law, and their mean squared distances."""

    scenario: str
    d: int
    n: int

    def distance(self, reference: str, share: float) -> float:
        """Mean squared distance to the reference of the generator with this share of its second law."""
        weights, ends = np.array([1 - share, share]), self.scenario.split(" to ")
        inner = np.array([[self._overlap(a, b) for b in ends] for a in ends])
        across = weights @ [self._overlap(reference, end) for end in ends]
        return float(weights @ inner @ weights - 2 * across + self._overlap(reference, reference))

    @property
    def crossing(self) -> float:
        """The share at which E_TG = E_OG; Δ is linear in it."""
        start, end = (self.distance("train", s) - self.distance("original", s) for s in (0, 1))
        return start / (start - end)

    def _overlap(self, a: str, b: str) -> float:
        """Mean overlap of two laws, in units of that of the true law with itself."""
        width = float(kernel.kernel_width(self.n, self.d))
        laws = {  # the set that it is made of, if any, with its kernel width; or its variance
            "train": ("T", width), "holdout": ("H", width), "original": (None, 1.0), "copier": ("T", width),
            "sharp copier": ("T", SHARP * width), "ideal": (None, 1.0), "blurred": (None, 1 + BLUR**2),
        }  # fmt: skip
        (first, v), (second, w) = laws[a], laws[b]
        if first is not None and first == second:
            both = np.sqrt((v**2 + w**2) / 2)
            return float(kernel.self_overlap(self.n, self.d, both) + kernel.pair_overlap(self.n, self.d, both))
        total = sum(1 + x**2 if points else x for points, x in (laws[a], laws[b]))
        return float((2 / total) ** (self.d / 2))


def paths(params: Params) -> list[Path]:
    """The three scenarios in the first of the dimensions."""
    return [Path(scenario, params.dims[0], params.path_size) for scenario in SCENARIOS]


def draw_scenarios(rows: pd.DataFrame, params: Params) -> Figure:
    """Draw both distances against the share of the second law, a panel a scenario; and P(Δ > 0) for the three."""
    fig, panels = plots.figure(4, height=3.0)
    shares, last = np.linspace(0, 1, 101), panels[-1]
    for j, (axes, path) in enumerate(zip(panels, paths(params), strict=False)):
        own = rows[rows.scenario == path.scenario]
        for k, (reference, name) in enumerate(DISTANCES.items()):
            line = [path.distance(reference, s) for s in shares]
            plots.theory(axes, shares, line, k)
            groups = own[own.measure == reference].groupby("share").value
            found = [mean(values.to_numpy()) for _, values in groups]
            low, high = np.transpose([e.interval() for e in found])
            plots.simulated(axes, list(groups.groups), [e.value for e in found], low, high, k)
            plots.label_line(axes, 0, line[0], name, k, xytext=(6, (8, -16)[k] if line[0] < 0.5 else 6))
        axes.set(xlabel=f"share $s$, {path.scenario}", ylabel=r"squared distance$\,/\,\|O\|^2$")
        last.axvline(path.crossing, 0, 1.05 / 1.65, color=f"C{j + 2}", linestyle=plots.LINES[j], linewidth=1)
        for reference, fill, size in (("original", "white", 6), ("holdout", f"C{j + 2}", 3)):
            found_p = nearer(own, reference)
            last.errorbar(
                np.array(SHARES) + 0.03 * (j - 1), found_p[:, 0], np.abs(found_p[:, 1:] - found_p[:, :1]).T,
                linestyle="none", marker=plots.MARKERS[j], color=f"C{j + 2}", markerfacecolor=fill, markersize=size,
                label=path.scenario if reference == "original" else None,
            )  # fmt: skip
    last.set(xlabel="share $s$ of the second law", ylabel=r"$P(\Delta>0)$", ylim=(0, 1.65), yticks=np.linspace(0, 1, 6))
    last.legend(fontsize=8, loc="upper left", title="open: true law, filled: holdout", title_fontsize=8)
    return fig


def nearer(own: pd.DataFrame, reference: str) -> np.ndarray:
    """P(nearer to the reference than to the training set) at each share: rows of p, low, high (Wilson, 95%)."""
    wide = own.pivot(index=["share", "replica"], columns="measure", values="value")
    above = (wide["train"] > wide[reference]).groupby("share")
    return np.array([proportion(int(part.sum()), len(part)) for _, part in above])


def table_of_scenarios(rows: pd.DataFrame, params: Params) -> str:
    """Markdown: where the distances are equal, E_OG along the way, and P against a holdout near the end."""
    lines = []
    for path in paths(params):
        found = nearer(rows[rows.scenario == path.scenario], "holdout")[-2:]
        null = "; ".join(f"{p:.2f} ({low:.2f} to {high:.2f})" for p, low, high in found)
        along = ", ".join(f"{path.distance('original', s):.2f}" for s in (0, path.crossing, 1))
        lines.append((path.scenario, f"{path.crossing:.2f}", along, null))
    late = " and ".join(f"{s:g}" for s in SHARES[-2:])
    return _table(("scenario", "equal at s", "$E_{OG}$ at 0, there, 1", f"P against a holdout, s = {late}"), lines)


# -- what is compared --------------------------------------------------------------------------------------------------


def state(report: Report, rows: pd.DataFrame, params: Params) -> None:
    """State in `report` the chapter's comparisons: errors and distances at every n and share, and what is rejected."""
    errors, near, path_rows = (rows[rows.study == study] for study in ("error", "neighbours", "path"))
    for d in params.dims[:2]:
        for name, width in WIDTHS.items():
            group = errors[(errors.d == d) & (errors.measure == name)]
            exact = {n: float(squared_error(n, d, width(n, d))) for n in group.n.unique()}
            z = [mean(part.value.to_numpy()).z(exact[n]) for n, part in group.groupby("n")]
            report.meets(f"squared error, {NAMED[name]}, d = {d}", z)
    for path in paths(params):
        own = path_rows[(path_rows.scenario == path.scenario) & (path_rows.share < 1)]
        parts = {key: part.value.to_numpy() for key, part in own.groupby(["measure", "share"])}
        scattered = {key: values for key, values in parts.items() if values.std() > 1e-12}  # the copier's own is 0
        report.meets(f"distances, {path.scenario}", [mean(v).z(path.distance(*key)) for key, v in scattered.items()])
    far = errors[(errors.d == params.dims[0]) & (errors.measure == "seed_width") & (errors.n == max(errors.n))]
    half_left = mean(far.value.to_numpy()).z(0.5)
    report.rejects("the paper's estimate converges (half of ‖O‖² left)", half_left)
    ideal = path_rows[(path_rows.scenario == "copier to ideal") & (path_rows.measure == "train")]
    straight = 0.55 * paths(params)[SCENARIOS.index("copier to ideal")].distance("train", 1.0)
    report.rejects("E_TG linear in the share", mean(ideal[ideal.share == 0.55].value.to_numpy()).z(straight))
    full = near[(near.intrinsic == near.d) & (near.d >= 16)].groupby(["d", "n"]).value.median()
    below = [value < float(kernel.neighbour_ratio.log(n, d)) for (d, n), value in full.items()]
    if below:
        report.holds(f"{sum(below)} of {len(below)} medians of Z_1c/Z_1 below the mean, d ≥ 16", all(below))


def _fine(params: Params) -> np.ndarray:
    assert params.sizes
    return np.geomspace(min(params.sizes), max(params.sizes), 200)


def _medians(axes: Axes, group: pd.DataFrame, k: int) -> None:
    middle, low, high = np.transpose([median(part.value.to_numpy()) for _, part in group.groupby("n")])
    plots.simulated(axes, sorted(group.n.unique()), middle, low, high, k)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
