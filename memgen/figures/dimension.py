"""What chapter 12 draws, tabulates and compares."""

from functools import cache

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy.optimize import brentq

from memgen.experiments.dimension import ALL, CIRCLES, EXACT, PICTURES, SEPARATIONS, spectrum
from memgen.figures import plots
from memgen.figures.curves import curve, markers, means
from memgen.laws.pictures import pictures
from memgen.measures.dimension import FeltDimension, felt_dimension
from memgen.statistics import Estimate, fit, mean
from theory.checks.report import Report
from theory.dimension import denoiser_error, effective_dimension, kl_subspace, torus_information
from theory.relaxation import mixture_negentropy
from theory.sampling import kl_multistep, kl_multistep_reverse

_TICKS = (16, 64, 256, 1024, 4096)


# -- denoisers by the number of noises -----------------------------------------------------------------------------


@cache
def eigenvalues(name: str, d: int, held: int) -> np.ndarray:
    """Eigenvalues (d,) of a set of pictures' covariance over their mean; without a name, `held` ones and then zeros."""
    return spectrum(name) if name else np.r_[np.ones(held), np.zeros(d - held)]


def best(name: str, d: int, held: int, tau: float) -> float:
    """The error per dimension of the best linear denoiser at noise τ."""
    s = eigenvalues(name, d, held)
    return float(np.mean(s * tau**2 / (s + tau**2)))


def error(name: str, n: np.ndarray, noises: int, d: int, held: int, tau: float) -> np.ndarray:
    """The error of least squares over that of the best linear denoiser, in the limit at d/(n − 1), for each n (m,)."""
    s = eigenvalues(name, d, held)
    return denoiser_error(d / (n - 1), noises, tau**2, s) / best(name, d, held, tau)


def by_spectrum(name: str, noises: float, d: int, held: int, tau: float) -> float:
    """The dimension that counts for a Gaussian of this spectrum: n times the relative excess error at large n."""
    return float(effective_dimension(noises, tau**2, eigenvalues(name, d, held)))


@cache
def by_moments(name: str, tau: float) -> FeltDimension:
    """The dimension that counts for a set of pictures, from its second and fourth moments."""
    values = pictures(name).values.astype(float)
    return felt_dimension(values, tau * float(values.var(0).mean()) ** 0.5)


def part(rows: pd.DataFrame, name: str, at: str = "", noises: int | None = None) -> pd.DataFrame:
    """The rows of a part of the experiment, with one value of `at` and of `noises` if it is given."""
    chosen = (rows["part"] == name) & (rows["at"] == at)
    return rows[chosen if noises is None else chosen & (rows["noises"] == noises)]


def noises(rows: pd.DataFrame, tau: float) -> Figure:
    """Left: the error against the number of points, by the number of noises m. Right: the dimension that counts / d."""
    fig, (left, right) = plots.figure(2, height=3.3)
    found = part(rows, "noises")
    d, held = (int(found[name].iloc[0]) for name in ("d", "D"))
    counts = sorted(found["noises"].unique())
    for k, m in enumerate(counts):
        peak = d / m
        for side in (np.geomspace(2.5, 0.96 * peak, 60), np.geomspace(1.04 * peak, 32 * d, 120)):
            if side[0] < side[-1]:
                plots.theory(left, side, error("", side + 1, int(m), d, held, tau), k)
        markers(left, means(found[found["noises"] == m], "n"), k, plots.MARKERS[k])
        plots.entry(left, k, _times(int(m)))
    left.set(xscale="log", yscale="log", ylim=(0.98, 12), xlabel="training points n", ylabel="error / best error")
    left.set_xticks([4, *_TICKS[:-1]], [str(tick) for tick in (4, *_TICKS[:-1])])
    left.set_yticks([1, 1.5, 2, 3, 5, 10], ["1", "1.5", "2", "3", "5", "10"])
    left.minorticks_off()
    left.legend()
    dense = np.geomspace(1, ALL, 60)
    for k, name in enumerate(("", *PICTURES)):
        whole = rows[(rows["part"] == ("pictures" if name else "noises")) & (rows["at"] == name)]
        size = int(whole["d"].iloc[0])
        line = [by_moments(name, tau).at(m) if name else by_spectrum("", m, d, held, tau) for m in dense]
        plots.theory(right, dense, np.array(line) / size, k)
        markers(right, curve(*_dimensions(whole)), k, plots.MARKERS[k])
        label = name or f"{held} of {d} dimensions"
        plots.entry(right, k, label)
    right.set(xscale="log", yscale="log", xlabel="noises a point m", ylabel="n (error/best − 1) / d")
    right.set_xticks([1, 10, 100, 1000], ["1", "10", "100", "1000"])
    right.set_yticks([0.03, 0.1, 0.3, 1], ["0.03", "0.1", "0.3", "1"])
    right.minorticks_off()
    right.legend()
    return fig


def _times(m: int) -> str:
    return "all noises" if m == ALL else f"m = {m}"


def felt(found: pd.DataFrame) -> dict[int, Estimate]:
    """The dimension that counts, by the number of noises: N(error/best − 1) at the largest n, with N = n − 1."""
    most = found[found["n"] == found.groupby("noises")["n"].transform("max")]
    return {int(m): mean((of["value"] - 1) * (of["n"] - 1)) for m, of in most.groupby("noises")}


def _dimensions(found: pd.DataFrame) -> tuple[list[int], list[Estimate]]:
    """The numbers of noises, and for each of them the dimension that counts (`felt`) over d."""
    d = int(found["d"].iloc[0])
    measured = felt(found)
    return list(measured), [e._replace(value=e.value / d, error=e.error / d) for e in measured.values()]


def dimensions(rows: pd.DataFrame, tau: float) -> str:
    """Markdown: for each set of pictures, the dimension that counts with all noises seen: predicted and measured."""
    lines = ["| data | d | spectrum | fourth moments | measured | 95% |", "|---|---:|---:|---:|---:|---|"]
    for name in PICTURES:
        found = rows[(rows["part"] == "pictures") & (rows["at"] == name)]
        d = int(found["d"].iloc[0])
        seen = felt(found)[ALL]
        low, high = seen.interval()
        known = by_spectrum(name, ALL, d, d, tau), by_moments(name, tau).at(ALL)
        lines.append(f"| {name} | {d} | {known[0]:.1f} | {known[1]:.1f} | {seen.value:.1f} | {low:.1f} to {high:.1f} |")
    return "\n".join(lines)


def real(rows: pd.DataFrame, tau: float) -> Figure:
    """Draw the error on pictures against the number of points, by the number of noises.

    Lines are computed from the spectrum alone; the grey dotted ends use the fourth moments as well.
    """
    fig, panels = plots.figure(len(PICTURES), height=2.9, columns=3)
    for axes, name in zip(panels, PICTURES, strict=True):
        for k, m in enumerate((1, 4, ALL)):
            found = part(rows, "pictures", name, m)
            d = int(found["d"].iloc[0])
            dense = np.geomspace(found["n"].min(), found["n"].max(), 40)
            plots.theory(axes, dense, error(name, dense, m, d, d, tau) - 1, k)
            late = dense[dense > 3 * d / m**0.25]
            axes.plot(late, by_moments(name, tau).at(m) / (late - 1), linestyle=":", color="0.3", linewidth=1.2)
            markers(axes, means(found.assign(value=found["value"] - 1), "n"), k, plots.MARKERS[k])
            plots.entry(axes, k, _times(m))
        axes.set(xscale="log", yscale="log", xlabel="training points n", title=f"{name}, d = {d}")
        ticks = [tick for tick in (128, 512, 2048) if found["n"].min() < tick < found["n"].max()]
        axes.set_xticks(ticks, [str(tick) for tick in ticks])
        axes.minorticks_off()
    panels[0].set_ylabel("error / best error − 1")
    panels[0].legend()
    return fig


# -- generated laws ------------------------------------------------------------------------------------------------


def generated(rows: pd.DataFrame, tau: float) -> Figure:
    """Left: KL along the subspace, generated in one step and in many. Right: KL(O‖G), G one Gaussian, O two or one."""
    fig, (left, right) = plots.figure(2, height=3.2)
    found = part(rows, "subspace", "one step")
    d, held = (int(found[name].iloc[0]) for name in ("d", "D"))
    rho = 1 / (1 + tau**2)
    above = np.geomspace(max(1.03 * d, d + 1.5), found["n"].max(), 80)  # infinite from n − 1 = d down
    plots.theory(left, above, [float(kl_subspace(d / (n - 1), held / d, rho)) for n in above], 0)
    many = np.geomspace(1.4 * held, found["n"].max(), 60)
    plots.theory(left, many, [float(kl_multistep(n, held)) / held for n in many], 1)
    for k, way in enumerate(("one step", "many steps")):
        seen = part(rows, "subspace", way)
        markers(left, means(seen[np.isfinite(seen["value"])], "n"), k, plots.MARKERS[k])
        plots.entry(left, k, way)
    plots.threshold(left, d, "n = d")
    left.set(xscale="log", yscale="log", xlabel="training points n", ylabel="KL(G‖O)/D on the subspace (nats)")
    left.set_xticks(_TICKS[:4], [str(tick) for tick in _TICKS[:4]])
    left.legend()
    for k, m in enumerate(SEPARATIONS):
        seen = part(rows, "mixture", f"{m:g}")
        size = int(seen["d"].iloc[0])
        dense = np.geomspace(seen["n"].min(), seen["n"].max(), 60)
        plots.theory(right, dense, [mixed(n, size, m) for n in dense], k)
        markers(right, means(seen, "n"), k, plots.MARKERS[k])
        label = "one Gaussian" if m == 0 else f"two, at ±{m:g} σ"
        plots.entry(right, k, label)
    right.set(xscale="log", yscale="log", xlabel="training points n", ylabel="KL(O‖G) (nats)")
    right.set_xticks([32, 128, 512], ["32", "128", "512"])
    for axes in (left, right):
        axes.minorticks_off()
    right.legend()
    return fig


def mixed(n: float, d: int, m: float) -> float:
    """KL(O‖G) in nats of O = ½N(m, 1) + ½N(−m, 1) in d dimensions from G = N(x̄, S), n points.

    It is the sum of what any Gaussian misses of O and of what learning one from n points costs.
    """
    return float(mixture_negentropy(m**2)) + float(kl_multistep_reverse(n, d))


# -- a curved manifold ---------------------------------------------------------------------------------------------


def curved(rows: pd.DataFrame, tau: float) -> Figure:
    """Left: the excess error of each denoiser, two circles in many dimensions. Right: the noise that keeps a point."""
    fig, (left, right) = plots.figure(2, height=3.3)
    ways = rows[rows["part"] == "torus"]
    d = int(ways["d"].iloc[0])
    for k, way in enumerate((*sorted((w for w in ways["at"].unique() if w != EXACT), key=int), EXACT)):
        found = means(part(rows, "torus", way), "n")
        markers(left, found, k, plots.MARKERS[k])
        left.plot(found.x, found.middle, plots.LINES[k % 4], color=f"C{k}", linewidth=1.0)
        label = EXACT if way == EXACT else f"linear, m = {way}"
        plots.entry(left, k, label)
    left.set(xscale="log", yscale="log", xlabel="training points n", ylabel=f"excess error / best, 2 circles, d = {d}")
    for k, circles in enumerate(CIRCLES):
        seen = part(rows, "held", str(circles))
        dense = np.geomspace(seen["n"].min(), seen["n"].max(), 40)
        plots.theory(right, dense, [keeps(n, circles) for n in dense], k)
        markers(right, means(seen, "n"), k, plots.MARKERS[k])
        label = "1 circle" if circles == 1 else f"{circles} circles"
        plots.entry(right, k, label)
    right.set(xscale="log", yscale="log", xlabel="training points n", ylabel="noise τ that keeps a point (σ)")
    for axes in (left, right):
        axes.set_xticks([64, 256, 1024, 4096], ["64", "256", "1024", "4096"])
        axes.minorticks_off()
        axes.legend()
    left.set_ylim(5e-4)
    return fig


def keeps(n: float, circles: int) -> float:
    """The noise τ at which a noised point of so many circles carries ln n nats of information about its place."""
    return float(np.exp(brentq(lambda log: torus_information(circles, np.exp(2 * log)) - np.log(n), -30, 10)))


def falls_as(rows: pd.DataFrame, circles: int) -> Estimate:
    """The exponent with which the noise that keeps a point falls with n, from the two largest numbers of points."""
    seen = part(rows, "held", str(circles))
    sizes = sorted(seen["n"].unique())[-2:]
    logs = [mean(np.log(seen[seen["n"] == n]["value"])) for n in sizes]
    (_, slope), covariance = fit(np.stack([np.ones(2), np.log(sizes)], axis=1), logs)
    return Estimate(float(-slope), float(covariance[1, 1] ** 0.5))


# -- statements ----------------------------------------------------------------------------------------------------


def excess_over(rows: pd.DataFrame, noises: int) -> list[float]:
    """z of the errors with one noise a point against (n−2)/(n−d/noises−2), for each n above 1.2 d and d + 4."""
    found = part(rows, "noises", "", 1)
    d = int(found["d"].iloc[0])
    sizes = ((n, mean(of["value"])) for n, of in found.groupby("n") if n > max(1.2 * d, d + 4))
    return [error.z((n - 2) / (n - d / noises - 2)) for n, error in sizes]


def state(report: Report, rows: pd.DataFrame, tau: float) -> None:
    """State in `report` what the chapter claims."""
    report.meets("one noise: (n−2)/(n−d−2) of the best error", excess_over(rows, 1))
    report.rejects("one noise: half the ambient dimension", excess_over(rows, 2), 1)
    most = {name: rows[(rows["part"] == "pictures") & (rows["at"] == name)] for name in PICTURES}
    for name, found in most.items():
        d = int(found["d"].iloc[0])
        seen = felt(found)
        if tau >= 0.5:  # at less noise differing contrasts can make half of d, and more, count
            report.rejects(f"{name}, all noises: half of d", [seen[ALL].z(d / 2)], -1)
        report.rejects(f"{name}, one noise: half of d", [seen[1].z(d / 2)], 1)
    d = int(most["patches8"]["d"].iloc[0])
    report.rejects(
        "patches8: the spectrum alone", [felt(most["patches8"])[ALL].z(by_spectrum("patches8", ALL, d, d, tau))], 1
    )
    along = part(rows, "subspace", "many steps")
    held = int(along["D"].iloc[0])
    report.meets(
        "many steps: kl_multistep(n, D)",
        [mean(of["value"]).z(float(kl_multistep(n, held)) / held) for n, of in along.groupby("n") if n > held + 2],
    )
    for m in SEPARATIONS:
        found = part(rows, "mixture", f"{m:g}")
        size, last = int(found["d"].iloc[0]), found[found["n"] == found["n"].max()]
        n = int(last["n"].iloc[0])
        z = mean(last["value"]).z(mixed(n, size, m))
        report.meets("Gaussian: kl_multistep_reverse" if m == 0 else f"means at ±{m:g} σ: and the negentropy", [z])
        if m:
            report.rejects(f"±{m:g} σ: no floor", [mean(last["value"]).z(float(kl_multistep_reverse(n, size)))], 1)
    for circles in CIRCLES[:2]:
        report.rejects(
            f"{circles} in a span of {2 * circles}: exponent 1/{2 * circles}",
            [falls_as(rows, circles).z(0.5 / circles)],
            1,
        )
