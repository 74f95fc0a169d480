"""What chapter 9 draws, tabulates and compares."""

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter
from scipy.optimize import brentq

from memgen.experiments.sampling import ANGLES, BEST, HIGH, INVERSE, LOW, ROWS, SAMPLERS, SEPARATIONS, widths
from memgen.figures import plots
from memgen.figures.curves import Curve, curve, markers, means
from memgen.laws.data import power_law
from memgen.statistics import Estimate, mean
from theory.checks.report import Report
from theory.sampling import SpectralFilter, best_steps, excess_kl, steps_kl
from theory.spectra import mp_moment

KEYS = ["part", "sampler", "levels", "steps", "ratio", "index", "replica", "measure"]
USUAL = ("straight line", "geometric", "Karras", ANGLES)


# -- what each sampler generates -----------------------------------------------------------------------------------


FILTERS: dict[str, Callable[[tuple[float, ...]], SpectralFilter]] = {
    "DDIM": SpectralFilter,
    "DDPM": partial(SpectralFilter, eta=1.0),
    "Heun": partial(SpectralFilter, sampler="heun"),
    "Euler–Maruyama": partial(SpectralFilter, sampler="euler-maruyama"),
}


def share(sampler: str, steps: int, eigenvalue: float) -> float:
    """The variance generated along an eigenvector over the exact one, both with the noise of the last level added."""
    run = FILTERS[sampler](tuple(widths("Karras", HIGH, LOW, steps)))
    return float(run(eigenvalue) / (eigenvalue + LOW**2))


def laws(rows: pd.DataFrame) -> Figure:
    """The variance along the first and the last eigenvector over the exact one, against the number of steps."""
    fig, panels = plots.figure(2, height=3.1)
    found = rows[rows["part"] == "laws"]
    spectrum = power_law(int(found["index"].max()) + 1).eigenvalues
    dense = np.unique(np.geomspace(2, found["steps"].max(), 40).round().astype(int))
    for axes, index in zip(panels, (0, len(spectrum) - 1), strict=True):
        for k, sampler in enumerate(SAMPLERS):
            plots.theory(axes, dense, [share(sampler, int(steps), spectrum[index]) for steps in dense], k)
            seen = found[(found["index"] == index) & (found["sampler"] == sampler)]
            markers(axes, means(seen, "steps"), k, plots.MARKERS[k])
            plots.entry(axes, k, sampler)
        axes.axhline(1, color="0.6", linewidth=0.8)
        axes.set(xscale="log", yscale="log", xlabel="steps K", ylim=(0.07, 9))
        axes.set(ylabel=f"generated over true, λ = {spectrum[index]:.2f}")
        axes.set_xticks([2, 4, 8, 16, 32], ["2", "4", "8", "16", "32"])
        axes.set_yticks([0.1, 0.3, 1, 3], ["0.1", "0.3", "1", "3"])
        axes.minorticks_off()
    panels[0].legend()
    return fig


def scores(rows: pd.DataFrame, sampler: str, like: str | None = None, fewer: int = 0) -> list[float]:
    """z of the simulated variances of a sampler against theory's, or theory's for another sampler or fewer steps.

    `like` names the other sampler, `fewer` is the number of steps less.
    """
    found = rows[(rows["part"] == "laws") & (rows["sampler"] == sampler)]
    spectrum = power_law(int(found["index"].max()) + 1).eigenvalues
    shown = found[found["index"].isin([0, len(spectrum) // 2, len(spectrum) - 1]) & (found["steps"] > fewer)]
    return [
        mean(part["value"]).z(share(like or sampler, int(steps) - fewer, spectrum[index]))
        for (steps, index), part in shown.groupby(["steps", "index"])
    ]


# -- which levels --------------------------------------------------------------------------------------------------


@cache
def row(name: str, steps: int, d: int = 16) -> np.ndarray:
    """The levels of this name from HIGH to LOW; the best ones and the angles are made for the spectrum ∝ 1/j."""
    return widths(name, HIGH, LOW, steps, power_law(d).eigenvalues)


def missed(name: str, steps: int, d: int = 16) -> float:
    """KL(G‖O)/d of DDIM on these levels, with the denoiser of the true law: what the steps alone cost."""
    return float(steps_kl(power_law(d).eigenvalues, row(name, steps, d)).mean())


def levels() -> Figure:
    """Left: what each row of levels costs against the number of steps. Right: where the levels of twelve steps lie."""
    fig, (left, right) = plots.figure(2, height=3.2)
    steps = np.unique(np.geomspace(2, 64, 30).round().astype(int))
    names = (*USUAL, BEST)
    for k, name in enumerate(names):
        style = (0, (5, 1, 1, 1, 1, 1)) if k == 4 else plots.LINES[k]
        left.plot(steps, [missed(name, int(count)) for count in steps], linestyle=style, color=f"C{k}", label=name)
        right.plot(row(name, 12), np.full(13, -k), linestyle="none", marker=plots.MARKERS[k], color=f"C{k}", ms=4)
    spectrum = np.sqrt(power_law(16).eigenvalues)
    right.axvspan(spectrum[-1], spectrum[0], color="0.9", zorder=0)
    right.set(xscale="log", xlabel="level τ (σ); shaded: √λ of the data", ylim=(-4.6, 0.6))
    right.set_yticks([-k for k in range(5)], names)
    right.grid(axis="y", visible=False)
    left.set(xscale="log", yscale="log", xlabel="steps K", ylabel="KL(G‖O)/d from the steps (nats)")
    left.set_xticks([2, 4, 8, 16, 32, 64], ["2", "4", "8", "16", "32", "64"])
    left.minorticks_off()
    left.set_ylim(1e-4)
    left.legend(loc="lower left")
    return fig


def ranking(steps: tuple[int, ...] = (4, 8, 16, 32)) -> str:
    """Markdown: what each row of levels costs over what the best costs."""
    lines = [f"| levels | {' | '.join(f'K = {k}' for k in steps)} |", "|---|" + "---:|" * len(steps)]
    for name in USUAL:
        cells = [f"{missed(name, k) / missed(BEST, k):.3g}" for k in steps]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    lines.append(f"| {BEST}, nats | {' | '.join(f'{missed(BEST, k):.2g}' for k in steps)} |")
    return "\n".join(lines)


# -- how many ------------------------------------------------------------------------------------------------------


def limit(name: str, steps: int, ratio: float) -> float:
    """KL(G‖O)/d after so many steps over that after infinitely many, less 1, in the limit d → ∞ at d/N = ratio."""
    _, high, low = ROWS[name]
    return excess_kl(SpectralFilter(tuple(widths(name, high, low, steps))), ratio)


def excess(part: pd.DataFrame) -> Estimate:
    """KL(G‖O) over that of infinitely many steps, less 1, of simulated training sets: rows of one number of steps."""
    wide = part.pivot(index="replica", columns="measure", values="value")
    typical = wide["kl_limit"].mean()
    return mean((wide["kl"] - wide["kl_limit"]) / typical)


def best_number(name: str, ratio: float) -> float:
    """The number of steps that is best in theory; ∞ where more steps are always better."""
    exponent, high, low = ROWS[name]
    return float(best_steps(exponent, ratio, high, low))


def turning(name: str) -> float:
    """The least d/N ≥ 1 beyond which a finite number of steps on these levels is best, white data; steps hτ^ζ.

    It is 1 from ζ = 1 on. Along the directions with data the slope at h = 0 is E f(s)(1−s)/2, with f ∝ s^ν,
    ν = (ζ−1)/2, and s d/N times an eigenvalue at N/d.
    """
    nu = (ROWS[name].exponent - 1) / 2
    if nu >= 0:
        return 1.0
    return float(brentq(lambda ratio: ratio * mp_moment(nu + 1, 1 / ratio) - mp_moment(nu, 1 / ratio), 1 + 1e-9, 10))


def number_of_steps(rows: pd.DataFrame) -> Figure:
    """Draw KL(G‖O) over that of infinitely many steps, less 1, against the number of steps.

    Four panels: the usual levels, levels equal in 1/τ, levels too narrow for the data, and few points.
    """
    fig, (usual, inverse, narrow, few) = plots.figure(4, height=2.9)
    found = rows[rows["part"] == "numbers"]
    ratios = sorted((ratio for ratio in found["ratio"].unique() if ratio < 1), reverse=True)
    least = min(ratio for ratio in found["ratio"].unique() if ratio > 1)
    for k, name in enumerate([name for name in ROWS if name != INVERSE]):
        _excesses(usual, found, name, ratios[0], k, name)
        _excesses(few, found, name, least, k, name)
    for k, ratio in enumerate(ratios):
        _excesses(inverse, found, INVERSE, ratio, k, f"n = {1 / ratio:.0f} d")
        inverse.axvline(best_number(INVERSE, ratio), color=f"C{k}", linewidth=0.9, linestyle=":")
    usual.set(ylabel=f"excess of KL(G‖O), n = {1 / ratios[0]:.0f} d", yscale="log")
    inverse.set_ylabel("excess, levels equal in 1/τ")
    few.set_ylabel(f"excess, n = d/{least:.3g}")
    steps = np.unique(np.geomspace(12, 600, 25).round().astype(int))
    for k, scale in enumerate((1.0, 2.0, 4.0)):
        line = [excess_of_angles(int(count), scale, ratios[0]) for count in steps]
        plots.theory(narrow, steps, line, k, "made for these data" if scale == 1 else f"data {scale:.0f} times wider")
    narrow.set_ylabel(f"excess, equal angles, n = {1 / ratios[0]:.0f} d")
    for axes in (usual, inverse, narrow, few):
        axes.set(xscale="log", xlabel="steps K")
        axes.legend()
    for axes, low, high in ((inverse, -0.03, 0.05), (narrow, -0.02, 0.06), (few, -0.05, 0.1)):
        lowest = min(np.min(line.get_ydata(), initial=0) for line in axes.lines)
        axes.set_ylim(min(low, 1.1 * lowest), high)
        axes.axhline(0, color="0.6", linewidth=0.8)
        axes.xaxis.set_minor_formatter(NullFormatter())
    few.set_xticks([2, 4, 8, 16, 32, 64], ["2", "4", "8", "16", "32", "64"])
    few.minorticks_off()
    return fig


def excess_of_angles(steps: int, scale: float, ratio: float) -> float:
    """`limit` for levels of equal angles for data of σ = 1 (cosine schedule), and white data of another σ (`scale`)."""
    _, high, low = ROWS["Karras"]
    return excess_kl(SpectralFilter(tuple(widths(ANGLES, high, low, steps))), ratio, scale)


def _excesses(axes: Axes, found: pd.DataFrame, name: str, ratio: float, k: int, label: str) -> None:
    chosen = found[(found["levels"] == name) & (found["ratio"] == ratio)]
    groups = chosen.groupby("steps")
    steps = np.array(sorted(groups.groups))
    dense = np.unique(np.geomspace(steps[0], steps[-1], 60).round().astype(int))
    plots.theory(axes, dense, [limit(name, int(count), ratio) for count in dense], k)
    markers(axes, curve(steps, [excess(part) for _, part in groups]), k, plots.MARKERS[k])
    plots.entry(axes, k, label)


# -- beyond linear denoisers ---------------------------------------------------------------------------------------


def gaussian_cost(name: str, steps: int, eigenvalue: float) -> float:
    """The KL in nats that the steps alone cost for one Gaussian coordinate of this variance."""
    return float(steps_kl(eigenvalue, widths(name, HIGH, LOW, steps)))


def mixture(rows: pd.DataFrame) -> Figure:
    """KL(G‖O) of mixtures against the number of steps, beside a Gaussian coordinate of the same variance."""
    fig, panels = plots.figure(2, height=3.2)
    found = rows[rows["part"] == "mixture"]
    ticks = sorted(found["steps"].unique())
    for axes, m in zip(panels, SEPARATIONS, strict=True):
        for k, name in enumerate(USUAL):
            part = found[(found["levels"] == name) & (found["ratio"] == m)].sort_values("steps")
            plots.theory(axes, part["steps"], [gaussian_cost(name, int(count), 1 + m**2) for count in part["steps"]], k)
            style: dict[str, Any] = {"marker": plots.MARKERS[k], "color": f"C{k}", "mfc": "white"}
            axes.plot(part["steps"], part["value"], linestyle="none", **style)
            axes.plot([], [], plots.LINES[k], label=name, **style)
        axes.set(xscale="log", yscale="log", xlabel="steps K", ylabel=f"KL(G‖O), means at ±{m:.0f} σ (nats)")
        axes.set_xticks(ticks, [str(tick) for tick in ticks])
        axes.minorticks_off()
    panels[0].legend(title="markers: mixture\nlines: Gaussian", alignment="left", loc="lower left")
    panels[0].set_ylim(bottom=panels[0].get_ylim()[0] / 2.5)  # room for the legend
    return fig


def falls_as(rows: pd.DataFrame, name: str, m: float) -> float:
    """The exponent with which the mixture's divergence falls with the steps, from the two largest numbers of these."""
    found = rows[(rows["part"] == "mixture") & (rows["levels"] == name) & (rows["ratio"] == m)].sort_values("steps")
    last = found.tail(2)
    return float(-np.diff(np.log(last["value"]))[0] / np.diff(np.log(last["steps"]))[0])


# -- networks ------------------------------------------------------------------------------------------------------

GENERATORS = (("network", 32), ("network", 512), ("empirical", 32))
_CALLED = {"network": "network", "empirical": "exact score"}


def found_by(stored: pd.DataFrame, measure: str, points: str, generator: str, n: int, row: str) -> pd.DataFrame:
    """Rows of one measure at all numbers of steps on one row of levels; one step, the same on all, is included."""
    chosen = (stored["measure"] == measure) & (stored["points"] == points) & (stored["generator"] == generator)
    return stored[chosen & (stored["n"] == n) & stored["levels"].isin([row, ""])]


def networks(stored: pd.DataFrame) -> Figure:
    """Draw copies and distances to a holdout against the number of steps: networks, and an exact score of 32 points."""
    fig, panels = plots.figure(4, height=2.9)
    shown = (
        ("flagged", "", "copies"),
        ("mmd2", "holdout", "MMD² to a holdout"),
        ("wasserstein", "holdout", r"$W_2$ to a holdout"),
    )
    for axes, (measure, points, label) in zip(panels, shown, strict=False):
        for k, (generator, n) in enumerate(GENERATORS):
            part = found_by(stored, measure, points, generator, n, "Karras")
            found = means(part, "steps")
            _joined(axes, found, k, f"{_CALLED[generator]}, n = {n}")
            ideal = found_by(stored, measure, points, "ideal", n, "")["value"].mean()
            if generator == "network":
                axes.axhline(ideal, color=f"C{k}", linewidth=0.9, linestyle=":")
        axes.set(ylabel=label)
    for k, row_ in enumerate((*USUAL, BEST)):
        found = means(found_by(stored, "mmd2", "holdout", "network", 512, row_), "steps")
        _joined(panels[3], found, k, row_)
    panels[3].set(ylabel="MMD² to a holdout, n = 512")
    for axes in panels:
        axes.set(xscale="log", xlabel="steps K")
        axes.set_xticks([1, 4, 16, 64], ["1", "4", "16", "64"])
        axes.minorticks_off()
    for axes in (panels[1], panels[3]):
        axes.set_yscale("log")
    panels[0].legend(loc="lower right", bbox_to_anchor=(1, 0.1))
    panels[3].legend()
    return fig


def _joined(axes: Axes, found: Curve, k: int, label: str) -> None:
    """Draw markers with intervals, joined by a thin line."""
    markers(axes, found, k, plots.MARKERS[k])
    line = plots.LINES[k % len(plots.LINES)]
    axes.plot(found.x, found.middle, line, color=f"C{k}", linewidth=1.0)
    axes.plot([], [], line, color=f"C{k}", linewidth=1.0, marker=plots.MARKERS[k], mfc="white", label=label)


# -- statements ----------------------------------------------------------------------------------------------------


def paired(stored: pd.DataFrame, measure: str, points: str, few: int, many: int) -> Estimate:
    """A measure after many steps minus after few: networks of 32 points, on the levels of Karras et al."""
    part = found_by(stored, measure, points, "network", 32, "Karras")
    wide = part.pivot(index="replica", columns="steps", values="value")
    return mean(wide[many] - wide[few])


def state(report: Report, rows: pd.DataFrame, stored: pd.DataFrame) -> None:
    """State in `report` what the chapter claims."""
    for sampler in SAMPLERS:
        report.meets(f"variance of {sampler}", scores(rows, sampler))
    report.rejects("DDIM: one step more than there is", scores(rows, "DDIM", fewer=1))
    report.rejects("DDPM is DDIM", scores(rows, "DDPM", like="DDIM"))
    report.rejects("Heun's last correction is left out", scores(rows, "Heun", like="DDIM"))
    numbers = rows[rows["part"] == "numbers"]
    many, few = (max(r for r in numbers["ratio"].unique() if (r < 1) == below) for below in (True, False))
    for name in ROWS:
        part = numbers[(numbers["levels"] == name) & (numbers["ratio"] == many)]
        if name == INVERSE:
            best = min(part["steps"].unique(), key=lambda k: abs(np.log(k / best_number(name, many))))
            report.rejects("1/τ: infinitely many are better than K*", [excess(part[part["steps"] == best]).z(0.0)], -1)
        else:
            last = part[part["steps"] == part["steps"].max()]
            report.rejects(f"n > d, {name}: too many steps", [excess(last).z(0.0)], 1)
    if few > turning("Karras"):  # nearer to n = d more steps are better
        part = numbers[(numbers["levels"] == "Karras") & (numbers["ratio"] == few)]
        z = [excess(of).z(0.0) for _, of in part.groupby("steps")]
        report.rejects("n < d, Karras: the more steps the better", [min(z)], -1)
    report.holds("equal angles cost little more than half of Karras", missed(ANGLES, 32) < 0.6 * missed("Karras", 32))
    report.rejects("copies do not depend on steps", [paired(stored, "flagged", "", 4, 64).z(0.0)], 1)
    report.rejects("nor does MMD²", [paired(stored, "mmd2", "holdout", 4, 64).z(0.0)], -1)
    report.rejects("nor W₂", [paired(stored, "wasserstein", "holdout", 4, 64).z(0.0)], 1)
