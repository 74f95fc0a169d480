"""Where the determinant changes phase, and how it fluctuates: numbers, figures and tables for chapter 3."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from memgen.denoisers.linear import representation
from memgen.experiments.fluctuations import PLACES, Cell, cell
from memgen.figures import plots
from memgen.figures.linear import numbers
from memgen.figures.linear.tables import table
from memgen.statistics import Estimate, cumulant, mean
from memgen.streams import stream
from theory import linear
from theory.checks.linear.reductions import coefficient_of_log

RHO = 0.5  # of the ring: −c is −1
RINGS = (0.25, 0.8)  # its γ, on either side of ρ
EIGENVALUES = "eigenvalues of $R$"


class Place(NamedTuple):
    """Moments of ln det along d at one γ and ρ: means less d times the limit, variances and third cumulants."""

    gamma: float
    rho: float
    dims: np.ndarray
    means: list[Estimate]
    variances: list[Estimate]
    thirds: list[Estimate]

    def scores(self, share: float = 1.0, least: int = 128) -> tuple[list[float], list[float]]:
        """z of the variances against `share` times their formula, and of the means, from d = `least` on."""
        large = [(d, v, m) for d, v, m in zip(self.dims, self.variances, self.means, strict=True) if d >= least]
        at = (self.gamma, self.rho)
        return (
            [v.z(share * float(linear.logdet_variance(d, *at))) for d, v, _ in large],
            [m.z(float(linear.logdet_offset(d, *at))) for d, _, m in large],
        )


def place(rows: pd.DataFrame, gamma: float, rho: float) -> Place:
    """The moments in the rows of the sweep `fluctuations` at one γ and ρ. ValueError if there are none."""
    chosen = rows[np.isclose(rows.d / rows.freedom, gamma) & (rows.rho == rho)]
    if chosen.empty:
        raise ValueError(f"no rows at gamma = {gamma:g}, rho = {rho:g}")
    groups = [(int(d), part.value.to_numpy()) for d, part in chosen.groupby("d")]
    limit = float(linear.generated_logdet(gamma, rho))
    return Place(
        gamma,
        rho,
        np.array([d for d, _ in groups]),
        [mean(values - d * limit) for d, values in groups],
        [cumulant(values, 2) for _, values in groups],
        [cumulant(values, 3) for _, values in groups],
    )


def places(rows: pd.DataFrame) -> list[Place]:
    """The moments at all places of the sweep: on the plateau, γ < ρ, first."""
    return [place(rows, *at) for at in PLACES]


def least_squares(rows: pd.DataFrame, share: float = 1.0, least: int = 64) -> list[float]:
    """z of the variance of ln det by least squares on data against `share` times its formula, from d = `least` on.

    The rows are those of the linear sweep.
    """
    found = []
    for gamma in (numbers.ON_PLATEAU, numbers.BEYOND):
        for (d, n), values in numbers.sizes(rows, "logdet", gamma):
            if d >= least:
                expected = float(linear.logdet_variance(d, d / (n - 1), numbers.RHO_OF_SIZES))
                found.append(cumulant(d * values.to_numpy(), 2).z(share * expected))
    return found


def again(stored: pd.DataFrame, seed: int, replicas: int, largest: int) -> tuple[int, float]:
    """Draw anew the first replicas of stored cells with d up to `largest`: how many, and their largest difference."""
    here = stored[stored.d <= largest].groupby(["d", "freedom", "rho"]).size()
    cells = [
        Cell(int(d), int(freedom), float(rho), min(replicas, size), seed) for (d, freedom, rho), size in here.items()
    ]
    both = pd.concat(map(cell, cells)).merge(stored, on=["d", "freedom", "rho", "replica"])
    return len(both), float((both.value_x - both.value_y).abs().max())


def eigenvalues(gamma: float, d: int, seed: int) -> np.ndarray:
    """The eigenvalues, complex, (d,), of the noise R = (B − ρ)/√(ρ(1−ρ)) of one fit to d/γ + 1 points."""
    slope = representation(round(d / gamma) + 1, d, RHO, 1, stream(seed, "ring", gamma, d))[0].numpy()
    return np.linalg.eigvals((slope - RHO * np.eye(d)) / np.sqrt(RHO * (1 - RHO)))


def ring(d: int, seed: int) -> Figure:
    """Draw the eigenvalues of the noise at two γ, the disc that they fill, and −c, outside it or inside."""
    fig, panels = plots.figure(2, height=3.3)
    angle = np.linspace(0, 2 * np.pi, 400)
    for axes, gamma in zip(panels, RINGS, strict=True):
        found = eigenvalues(gamma, d, seed)
        radius = np.sqrt(gamma / (1 - gamma))
        k = 1  # ρ = ½ has this colour in the chapter
        axes.plot(found.real, found.imag, "o", color=f"C{k}", markersize=3, markerfacecolor="white", label=EIGENVALUES)
        axes.plot(radius * np.cos(angle), radius * np.sin(angle), color="0.2", label="edge of the disc, theory")
        axes.plot(-np.sqrt(RHO / (1 - RHO)), 0, "*", color="0.2", markersize=12, label="$-c$", zorder=4)
        axes.set(
            xlabel=rf"real part ($\gamma = {gamma:g}$)", ylabel="imaginary part", xlim=(-2.5, 2.5), ylim=(-2.5, 3.4)
        )
        axes.set_aspect("equal")
        axes.legend(loc="upper center", ncols=2, columnspacing=1, handletextpad=0.4, handlelength=1.2)
    return fig


def growth(rows: pd.DataFrame, rhos: Sequence[float]) -> Figure:
    """Variance and mean of ln det along d, two places on either side of γ = ρ; each ρ has its colour of the chapter."""
    fig, (left, right) = plots.figure(2, height=3.2)
    shown = [*rhos, *sorted({rho for _, rho in PLACES} - set(rhos))]
    for at in places(rows):
        gamma, rho = at.gamma, at.rho
        k = shown.index(rho)
        name = rf"$\gamma = {gamma:g}$, $\rho = {rho:g}$"
        d = np.geomspace(at.dims[0] / 1.3, at.dims[-1] * 1.3, 50)
        for axes, formula, found in (
            (left, linear.logdet_variance, at.variances),
            (right, linear.logdet_offset, at.means),
        ):
            plots.theory(axes, d, formula(d, gamma, rho), k)
            aside = 1.07 if gamma > rho and rho != RHO else 1.0  # two series that a panel shows at one height
            plots.simulated(axes, *numbers.curve(aside * at.dims, found), k, name)
            if gamma < rho:
                axes.containers[-1][0].set_markerfacecolor(f"C{k}")
    left.set(ylabel=r"variance of $\ln\det\Sigma_G$", ylim=(0, 29))
    right.set(ylabel=r"mean of $\ln\det\Sigma_G$ $-$ $d\,\times$ limit [nats]", ylim=(-2.9, 0))
    left.legend(loc="upper left", ncols=2, columnspacing=0.8, handletextpad=0.2)
    for axes in (left, right):
        _along_dimensions(axes, at.dims)
    return fig


def _along_dimensions(axes: Axes, dims: np.ndarray) -> None:
    axes.set(xscale="log", xlabel="dimension $d$")
    axes.set_xticks(dims, [f"{d:g}" for d in dims])
    axes.minorticks_off()


def slopes(rows: pd.DataFrame, beyond: bool) -> list[Estimate]:
    """The coefficient of ln d in the variance at each place, beyond the plateau or on it; there with a term in 1/d."""
    found = [at for at in places(rows) if (at.gamma > at.rho) == beyond]
    return [coefficient_of_log(list(at.dims), at.variances, powers=() if beyond else (1,)) for at in found]


def moments(rows: pd.DataFrame) -> str:
    """Markdown: at the largest dimension, the deviation of ln det, predicted and found, and how skewed it is."""
    lines = []
    for at in places(rows):
        d, variance, third = at.dims[-1], at.variances[-1], at.thirds[-1]
        predicted = float(linear.logdet_variance(d, at.gamma, at.rho))
        half = (variance.interval()[1] - variance.value) / (2 * variance.value**0.5)
        skew = third.value / variance.value**1.5
        lines.append(
            (
                f"{at.gamma:g}",
                f"{at.rho:g}",
                f"{predicted**0.5:.2f}",
                f"{variance.value**0.5:.2f} ± {half:.2f}",
                f"{skew:+.2f}",
            )
        )
    head = ("$\\gamma$", "$\\rho$", f"deviation at $d = {d}$, predicted", "simulated", "skewness")
    return table(head, lines)
