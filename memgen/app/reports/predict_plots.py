"""The plots of a prediction."""

from __future__ import annotations

import numpy as np

from memgen.app.reports.page import Plot, number, plot
from memgen.predict import Prediction


def plots(prediction: Prediction) -> list[Plot]:
    """Two plots: information against noise, and the spectrum."""
    return [_information(prediction), _spectrum(prediction)]


def _information(prediction: Prediction) -> Plot:
    from memgen.figures import plots

    fig, (axes,) = plots.figure(height=3.3)
    sigma = np.array([level.sigma for level in prediction.levels])
    for k, (name, label) in enumerate(
        (("gaussian", "Gaussian law, closed form"), ("denoised", "error at held-out rows"))
    ):
        ends = (f"{name}_low", name, f"{name}_high")
        low, middle, high = (np.array([getattr(level, end) for level in prediction.levels], float) for end in ends)
        plots.theory(axes, sigma, middle, k, label)
        axes.fill_between(sigma, low, high, color=f"C{k}", alpha=0.2, linewidth=0)
    log_n = float(np.log(prediction.n) + np.log(prediction.augmentation))
    height = "ln n" if prediction.augmentation == 1 else f"ln n|G|, |G| = {prediction.augmentation}"
    axes.axhline(log_n, color="0.2", linewidth=1.1, label=f"{height} = {number(log_n)}")
    where = prediction.collapse.gaussian.sigma if prediction.collapse else None
    if where is not None:
        plots.threshold(axes, where, f"collapse, σ = {number(where)}")
    axes.set(
        xscale="log",
        yscale="log",
        xlabel="noise σ, in units of the data",
        ylabel=r"information $I(x_0; x_\sigma)$, nats",
    )
    axes.legend(loc="upper right", frameon=True, framealpha=1, edgecolor="none")
    return plot(
        fig,
        f"Information against noise, by two estimates; the line of ln n is met at σ = {number(where)}.",
        "What a noised point tells of its origin. Where that is more than ln n, the exact score of n points knows "
        "which of them it was, and takes samples there: left of the vertical line.",
    )


def _spectrum(prediction: Prediction) -> Plot:
    from memgen.figures import plots

    fig, (axes,) = plots.figure(height=3.3)
    values = np.asarray(prediction.spectrum.eigenvalues)
    marker = "o" if len(values) < 30 else ""
    axes.plot(np.arange(1, len(values) + 1), values, f"{marker}-", color="C0")
    noise = prediction.collapse.gaussian.sigma if prediction.collapse else None
    if noise is not None:
        axes.axhline(noise**2, color="0.2", linewidth=1.1, label="σ² of the collapse")
        axes.legend(loc="lower left")
    axes.set(xscale="linear" if marker else "log", yscale="log", xlabel="direction", ylabel="variance along it")
    return plot(
        fig,
        f"{len(values)} eigenvalues of the covariance, falling from {number(values[0])} to {number(values[-1])}.",
        "Variance of the data along its principal directions. Those above the line are larger than the noise at which "
        "the exact score collapses.",
    )
