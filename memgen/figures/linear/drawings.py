"""The figures of chapter 3. Each signal fraction ρ keeps its colour, and so does each law with unequal variances."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from memgen.experiments.linear import Params
from memgen.figures import plots
from memgen.figures.linear import numbers
from memgen.figures.linear.numbers import Curve
from theory import linear
from theory.core.formula import Formula

DIVERGENCES = (linear.kl_generated_true, linear.kl_true_generated)
NAMES = (r"$\mathrm{KL}(G\Vert O)/d$", r"$\mathrm{KL}(O\Vert G)/d$")
_SAMPLES, _ASPECT = "samples per dimension $n/d$", r"aspect ratio $\gamma = d/(n-1)$"


def divergences(rows: pd.DataFrame, stored: pd.DataFrame, params: Params) -> Figure:
    """Generated variance and both divergences along n/d at each ρ; and how KL(O‖G) grows with d."""
    assert params.d is not None
    fig, (variance, forward, backward, grown) = plots.figure(4)
    ratio = np.geomspace(max(0.1, 2 / params.d), 25, 6000)
    gamma = params.d / (ratio * params.d - 1)  # d/(n−1), as at the markers
    ends: list[list[float]] = [[], [], []]
    for k, rho in enumerate(params.rhos):
        trace = numbers.means(numbers.values(rows, "ratio", "trace", tau=numbers.tau(rho)))
        _markers(variance, trace.along(trace.x / params.d), k)
        exact = linear.generated_trace(np.maximum(2, ratio * params.d), params.d, rho)
        plots.theory(variance, ratio, np.where(exact < 200, exact, np.nan), k)
        ends[0].append(exact[-1])
        for axes, end, formula in zip((forward, backward), ends[1:], DIVERGENCES, strict=True):
            found = numbers.medians(numbers.values(rows, "ratio", formula.name, tau=numbers.tau(rho)))
            x = found.x / params.d
            _markers(axes, found.along(x), k)
            plots.infinite(axes, x[~np.isfinite(found.middle)], k)
            limit = formula(gamma, rho)
            plots.theory(axes, ratio, limit, k)
            end.append(limit[-1])
        plots.threshold(backward, 1 / rho, r"$n = d/\rho$" if rho == max(params.rhos) else "")
    for axes in (variance, forward):
        plots.threshold(axes, 1, "$n = d$")
    for axes, end, name, low, high in (
        (variance, ends[0], r"variance $\mathrm{tr}\,\Sigma_G/(d\sigma^2)$", 0.05, 50),
        (forward, ends[1], f"{NAMES[0]} [nats]", 0.008, 20),
        (backward, ends[2], f"{NAMES[1]} [nats]", 0.005, 2000),
    ):
        axes.set(yscale="log", ylabel=name, ylim=(low, high))
        _along_samples(axes, params.rhos, end)
    _growth(grown, stored, _colour_of_sizes(params))
    return fig


def _growth(axes: Axes, stored: pd.DataFrame, k: int) -> None:
    """KL(O‖G) at ρ = ½ along d, at one γ on each side of ρ."""
    for gamma, filled in ((numbers.ON_PLATEAU, True), (numbers.BEYOND, False)):
        found = numbers.growth(stored, gamma)
        _markers(axes, found, k, filled)
        limit = float(linear.kl_true_generated(gamma, numbers.RHO_OF_SIZES))
        if np.isfinite(limit):
            axes.axhline(limit, color=f"C{k}", zorder=2)
        side = "limit finite" if np.isfinite(limit) else "limit infinite"
        _beside(axes, found.x[1], found.middle[1], rf"$\gamma = {gamma:g}$: {side}", k, up=np.isfinite(limit))
    axes.set(xscale="log", yscale="log", xlabel=r"dimension $d$ ($\rho = ½$)", ylabel=f"{NAMES[1]} [nats]")
    axes.set_ylim(0.1, 1000)
    _whole(axes, found.x)


def hellinger(rows: pd.DataFrame, params: Params) -> Figure:
    """Hellinger's distance along n/d at each ρ, and the d-th root of the affinity 1 − H²."""
    assert params.d is not None
    fig, (distance, root) = plots.figure(2)
    ratio = np.geomspace(1 + 1.01 / params.d, 25, 100)
    gamma = params.d / (ratio * params.d - 1)
    ends: list[list[float]] = [[], []]
    for k, rho in enumerate(params.rhos):
        found = numbers.medians(numbers.values(rows, "ratio", "log_affinity", tau=numbers.tau(rho)))
        x = found.x / params.d
        low, middle, high = (-np.expm1(params.d * v) for v in (found.high, found.middle, found.low))
        _markers(distance, Curve(x, middle, low, high), k)
        _markers(root, Curve(x, *(np.exp(v) for v in found[1:])), k)
        limits = linear.hellinger2(params.d, gamma, rho), np.exp(linear.log_affinity(gamma, rho))
        for axes, end, limit in zip((distance, root), ends, limits, strict=True):
            plots.theory(axes, ratio, limit, k)
            end.append(limit[-1])
    distance.set_ylabel(rf"$H^2(G, O)$ at $d = {params.d}$")
    root.set_ylabel("$(1-H^2)^{1/d}$")
    for axes, end in zip((distance, root), ends, strict=True):
        axes.set_ylim(0, 1.08)
        _along_samples(axes, params.rhos, end)
        plots.threshold(axes, 1, "$n = d$")
    return fig


def curvature(rhos: Sequence[float]) -> Figure:
    """The second derivative of the limit of ln(1−H²)/d in γ, which jumps at γ = ρ."""
    fig, (axes,) = plots.figure(1)
    for k, rho in enumerate(rhos):
        for low, high in ((0.02, rho - 1e-4), (rho + 1e-4, 0.93)):
            gamma = np.linspace(low, high, 60)
            plots.theory(axes, gamma, numbers.curvature(gamma, rho), k)
        before, after = (float(numbers.curvature(rho + side, rho)) for side in (-4e-5, 4e-5))
        axes.plot([rho, rho], [before, after], color=f"C{k}", linewidth=0.7)
        plots.label_line(axes, rho, after, rf"$\gamma = \rho = {rho:g}$", k)
    axes.set(xlabel=_ASPECT, ylabel=r"$\partial_\gamma^2\,\lim\,\ln(1-H^2)/d$", xlim=(0, 1), ylim=(-3.6, 6.4))
    return fig


def logdet(rows: pd.DataFrame, stored: pd.DataFrame, params: Params) -> Figure:
    """The log-determinant along γ at each ρ; and its distance from the limit along d, at ρ = ½."""
    assert params.d is not None
    fig, (left, right) = plots.figure(2)
    g = np.linspace(0.02, 0.999, 500)
    for k, rho in enumerate(params.rhos):
        of_full_rank = rows[rows.n > params.d + 1]
        found = numbers.means(numbers.values(of_full_rank, "ratio", "logdet", tau=numbers.tau(rho)))
        _markers(left, found.along(params.d / (found.x - 1)), k)
        plots.theory(left, g, linear.generated_logdet(g, rho), k)
        left.plot(rho, np.log(rho), "|", color="0.2", markersize=14)
        plots.label_line(left, 0.03, np.log(rho), rf"$\rho = {rho:g}$", k, xytext=(-2, 6))
    left.set(xlabel=_ASPECT, ylabel=r"$\ln\det(\Sigma_G/\sigma^2)/d$")
    k = _colour_of_sizes(params)
    for gamma, filled in ((numbers.ON_PLATEAU, True), (numbers.BEYOND, False)):
        slope = numbers.slope(stored, gamma)
        _markers(right, numbers.curve(slope.dims, slope.gaps), k, filled)
        plots.theory(right, slope.dims, slope.line, k)
        plots.label_line(right, slope.dims[1], slope.line[1], rf"$\gamma = {gamma:g}$", k, xytext=(12, 7))
    right.set(ylim=(-2.8, 0))
    right.set(xscale="log", xlabel=r"dimension $d$ ($\rho = ½$)", ylabel=r"$d\,\times$ (simulated $-$ limit) [nats]")
    _whole(right, slope.dims)
    return fig


def spectrum(rows: pd.DataFrame, params: Params) -> Figure:
    """Both divergences for a power-law spectrum."""
    assert params.d is not None
    fig, (axes,) = plots.figure(1)
    k = _colour_of_law("power law", params)
    eigenvalues, fractions = numbers.power_law_fractions(params)
    ratio = np.geomspace(1 + 1.5 / params.d, 25, 200)
    limits: tuple[Formula, ...] = (linear.kl_generated_true_spectrum, linear.kl_true_generated_spectrum)
    for formula, limit, name, filled in zip(DIVERGENCES, limits, NAMES, (True, False), strict=True):
        found = numbers.medians(numbers.values(rows, "spectrum", formula.name))
        _markers(axes, found.along(found.x / params.d), k, filled)
        plots.theory(axes, ratio, limit(params.d / (ratio * params.d - 1), fractions), k)
        _beside(axes, found.x[-2] / params.d, found.middle[-2], name, k, up=not filled)
    threshold = float(linear.likelihood_threshold(eigenvalues, params.tau_spectrum)) / params.d
    plots.threshold(axes, threshold, r"$n^\star$ predicted")
    axes.set(xscale="log", yscale="log", xlabel=_SAMPLES, ylabel="divergence per dimension [nats]")
    axes.set(xlim=(1, 25), ylim=(0.02, 100))
    return fig


def digits(rows: pd.DataFrame, stored: pd.DataFrame, params: Params) -> Figure:
    """Left: the line whose zero is the threshold of the digits. Right: how the threshold moves with dimension."""
    fig, (left, right) = plots.figure(2)
    digit, gaussian = (_colour_of_law(law, params) for law in ("digits", "Gaussian"))
    expected = numbers.noise_to_signal(params.tau_digits)
    for study, name, k in (("digits", "digits", digit), ("surrogate", "Gaussian, same spectrum", gaussian)):
        found = numbers.threshold(rows, study, 64, params.tau_digits)
        plots.simulated(left, *numbers.curve(found.x, found.estimates), k, name)
    x = np.linspace(0, 1 / expected, 50)
    left.plot(x, 1 - expected * x, color="0.2", zorder=2)
    plots.label_line(left, x[25], 1 - expected * x[25], "predicted", color="0.2")
    noise = f"noise {params.tau_digits:g}"
    left.set(xlabel=rf"$\gamma/(1-\gamma) = d/(n-1-d)$, $d = 64$, {noise}", xlim=(0, 1.05 / expected), ylim=(0, 1))
    left.legend(loc="lower left")
    left.set_ylabel(r"$d\,\langle 1/\rho\rangle\,/\,\mathrm{tr}(\Sigma\Sigma_G^{-1})$")
    _extrapolation(right, numbers.digit_thresholds(stored), digit, gaussian)
    return fig


def _extrapolation(axes: Axes, found: numbers.DigitThresholds, digit: int, gaussian: int) -> None:
    """Measured thresholds along 1/d, their fit, and the prediction at 1/d = 0."""
    inverse = 1 / found.dims
    _markers(axes, numbers.curve(inverse, [at.value for at in found.digits]), digit)
    _markers(axes, numbers.curve(np.array([1 / 64]), [found.surrogate.value]), gaussian)
    x = np.linspace(0, 1 / 60, 100)
    first, second = found.coefficients
    axes.plot(x, found.limit.value + first * x + second * x**2, "--", color=f"C{digit}", zorder=2)
    axes.plot(0, found.predicted, "*", color="0.2", markersize=11, zorder=4, clip_on=False)
    plots.label_line(axes, 0, found.predicted, "predicted from the spectrum", color="0.2", va="center", xytext=(9, 0))
    plots.label_line(
        axes, 1 / 128, found.digits[1].value.interval()[1], "digits side by side", digit, ha="right", xytext=(-9, 2)
    )
    low = found.surrogate.value.interval()[0]
    _beside(axes, 1 / 64, low, "Gaussian, same spectrum", gaussian, up=False, ha="right")
    axes.set(
        xlabel="1/dimension, noise 1",
        ylabel=r"measured threshold $n^\star/d$",
        xlim=(-0.0006, 0.0172),
        ylim=(3.25, 3.85),
    )
    axes.set(xticks=[0, 1 / 256, 1 / 128, 1 / 64], xticklabels=["0", "1/256", "1/128", "1/64"])


# -- pieces -----------------------------------------------------------------------------------------------------------


def _colour_of_sizes(params: Params) -> int:
    """The colour of the study of sizes, which is at ρ = ½: that of ρ = ½, or one of its own if ½ is not drawn."""
    return params.rhos.index(0.5) if 0.5 in params.rhos else len(params.rhos)


def _colour_of_law(law: str, params: Params) -> int:
    return len(params.rhos) + ("power law", "digits", "Gaussian").index(law)


def _markers(axes: Axes, found: Curve, k: int, filled: bool = False) -> None:
    """Draw simulated values; filled markers are for two series that share a colour."""
    plots.simulated(axes, *found, k)
    if filled:
        axes.containers[-1][0].set_markerfacecolor(f"C{k}")


def _along_samples(axes: Axes, rhos: Sequence[float], ends: Sequence[float]) -> None:
    """Set the axis n/d, and name each curve to the right of its end at n/d = 25, the names a line of text apart."""
    axes.set(xscale="log", xlabel=_SAMPLES, xlim=(0.1, 110), xticks=[0.1, 1, 10], xticklabels=["0.1", "1", "10"])
    place = axes.transData.transform([(25, end) for end in ends])[:, 1] * 72 / axes.figure.dpi  # in points
    free = -np.inf
    for k in np.argsort(place):
        free = max(place[k], free + 11)
        offset = {"xytext": (4, free - place[k]), "va": "center"}
        plots.label_line(axes, 25, ends[k], rf"$\rho = {rhos[k]:g}$", k, **offset)


def _beside(axes: Axes, x: float, y: float, text: str, k: int, up: bool, ha: str = "left") -> None:
    """Write a name above or below a point, in the colour of its series."""
    where = {"va": "bottom", "xytext": (0, 7)} if up else {"va": "top", "xytext": (0, -7)}
    plots.label_line(axes, x, y, text, k, ha=ha, **where)


def _whole(axes: Axes, sizes: Sequence[float] | np.ndarray) -> None:
    """Put ticks at these dimensions and nowhere else."""
    axes.set_xticks(sizes, [f"{d:g}" for d in sizes])
    axes.minorticks_off()
