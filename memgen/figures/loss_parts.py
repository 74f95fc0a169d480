"""What the loss of random-feature denoisers is made of: rows of `memgen.experiments.loss_parts` beside the formulas."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy.integrate import quad

from memgen.denoisers.exact import EmpiricalBayes
from memgen.experiments.loss_parts import ALL
from memgen.figures import plots
from memgen.figures.curves import Curve, curve, markers
from memgen.figures.features import limit
from memgen.statistics import mean
from memgen.streams import stream
from theory.checks.report import Report
from theory.features import (
    ALL_NOISES,
    features_bias,
    features_noise_variance,
    features_point_variance,
    features_test_loss,
    features_weight_variance,
    sine_setting,
)
from theory.spectra import mp_density

PARTS = {
    "bias": features_bias,
    "weights": features_weight_variance,
    "points": features_point_variance,
    "noises": features_noise_variance,
}
_LEAST = 3e-3  # of a part that is drawn


def setting(stored: pd.DataFrame, m: int, ratios: np.ndarray) -> dict[str, Any]:
    """Arguments of the formulas at ratios p/n and m noises a point (0: all), with the stored n/d, ridge and t."""
    samples, ridge, t = (float(stored[name].iloc[0]) for name in ("samples", "ridge", "t"))
    return {**sine_setting(ratios * samples, samples, m or ALL_NOISES, t)._asdict(), "ridge": ridge}


def _bayes(stored: pd.DataFrame) -> float:
    """The least possible loss, e^{−2t}."""
    return float(np.exp(-2 * stored.t.iloc[0]))


def seen(stored: pd.DataFrame, part: str) -> Curve:
    """The curve of a part of the loss along p/n, extrapolated to infinite d."""
    of = stored[stored.part == part]
    return curve(*zip(*((p / rows.samples.iloc[0], limit(rows)) for p, rows in of.groupby("features")), strict=True))


def parts(stored: pd.DataFrame) -> Figure:
    """Draw the four parts of the loss against features over points: some noises a point (left), all (right)."""
    fig, panels = plots.figure(2, height=3.5)
    few = int(stored.noises.max())
    dense = np.geomspace(0.1, 40, 300)
    for axes, m in zip(panels, (few, ALL), strict=True):
        rows, at = stored[stored.noises == m], setting(stored, m, dense)
        for k, (part, formula) in enumerate(PARTS.items()):
            if m == ALL and part == "noises":
                continue
            plots.theory(axes, dense, formula(**at), k)
            found = seen(rows, part)
            shown = found.middle > _LEAST
            markers(axes, Curve(*(values[shown] for values in found)), k, plots.MARKERS[k])
            label = part if part == "bias" else f"variance over {part}"
            plots.entry(axes, k, label)
        axes.axhline(_bayes(stored), color="0.4", linewidth=0.9, linestyle=":")
        axes.set(xscale="log", yscale="log", ylim=(_LEAST, 20), xlabel="features over points, p/n")
        axes.set_title(f"m = {m} noises a point" if m else "all noises")
        axes.set_xticks([0.1, 1, 10], ["0.1", "1", "10"])
    panels[0].set(ylabel="part of the loss on fresh points")
    panels[0].legend(loc="upper left", fontsize=8)
    plots.label_line(panels[1], 0.1, _bayes(stored), "Bayes error", color="0.4")
    return fig


def table(stored: pd.DataFrame) -> str:
    """Markdown, by p/n: what is added to the Bayes error with all noises, its parts, and what is left at n → ∞."""
    ratios = np.array([0.25, 0.5, 1, 4, 16, 1e4])
    at, many = setting(stored, ALL, ratios), 1e6  # points to a dimension
    lines = {name: formula(**at) for name, formula in PARTS.items()}
    added = features_test_loss(**at) - _bayes(stored)
    learnt = setting(stored.assign(samples=many), ALL, ratios * float(stored.samples.iloc[0]) / many)
    unlearnt = features_bias(**learnt) + features_weight_variance(**learnt)
    head = "| $p/n$ | added to the Bayes error | bias | weights | points | with $n\\to\\infty$ |"
    rows = [
        f"| {ratio:g} | {added[k]:.3f} | {lines['bias'][k]:.3f} | {lines['weights'][k]:.3f} "
        f"| {lines['points'][k]:.3f} | {unlearnt[k]:.3f} |"
        for k, ratio in enumerate(ratios)
    ]
    return "\n".join([head, "|--:|--:|--:|--:|--:|--:|", *rows])


def linear(stored: pd.DataFrame) -> float:
    """The error that a linear denoiser with the points' second moments adds to Bayes'; all noises, n and d → ∞."""
    gamma, known = 1 / float(stored.samples.iloc[0]), -np.expm1(-2 * float(stored.t.iloc[0]))

    def missed(s: float) -> float:
        """The error added in a direction of sample variance s, (√Δ/((1−Δ)s+Δ) − √Δ)², times the density of s."""
        return float(known * (1 / ((1 - known) * s + known) - 1) ** 2 * mp_density(s, gamma))

    return float(quad(missed, (1 - gamma**0.5) ** 2, (1 + gamma**0.5) ** 2)[0])


def exact(t: float, dims: tuple[int, ...] = (16, 128, 1024), count: int = 2000) -> str:
    """Text: the loss at fresh points of the posterior mean over n = 2d points, in units of (1−Δ)/Δ, at each d.

    The unit is the loss of a regression that knows its points. A fresh point's posterior holds a training point, the
    wrong one; as d → ∞ that is twice as bad.
    """
    known = -np.expm1(-2 * t)
    scale, found = np.exp(t), []  # u = e^t x_t has noise √Δ e^t
    for d in dims:
        rng = stream("loss_parts", "exact", t, d)
        points, fresh, xi = (rng.standard_normal((many, d)) for many in (2 * d, count, count))
        u = fresh + np.sqrt(known) * scale * xi
        held = EmpiricalBayes(points).denoise(u, float(np.sqrt(known) * scale)).numpy()
        loss = mean((((u - held) / (np.sqrt(known) * scale) - xi) ** 2).mean(1))
        found.append(f"{loss.value * known / (1 - known):.2f}")
    return f"{', '.join(found)} times (1−Δ)/Δ at d = {', '.join(map(str, dims))}"


def scores(stored: pd.DataFrame, part: str) -> list[float]:
    """Standard scores of a part against its formula, at every width and number of noises.

    The part `noises` has scores only where noises are drawn.
    """
    found = []
    for m, of in stored[stored.part == part].groupby("noises"):
        if part != "noises" or m != ALL:
            limits = {p / rows.samples.iloc[0]: limit(rows) for p, rows in of.groupby("features")}
            predicted = PARTS[part](**setting(stored, int(m), np.array(list(limits))))
            found += [one.z(float(value)) for one, value in zip(limits.values(), predicted, strict=True)]
    return found


def state(report: Report, stored: pd.DataFrame) -> None:
    """State in `report` what the chapter claims of the parts."""
    for part in PARTS:
        report.meets(f"{part} in the loss, stored", scores(stored, part))
