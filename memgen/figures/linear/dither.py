"""The threshold of the digits against the variance of the uniform noise that is added to their pixels, the dither.

Three of the 64 pixels never vary. In Σ⁻¹ each of them counts 1/dither: n* = d + τ² tr Σ⁻¹ diverges as the dither goes
to 0, for the digits as for all data that do not fill their space.
"""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from memgen.experiments.linear import simulate
from memgen.figures import plots
from memgen.laws.data import Digits
from memgen.statistics import Estimate, mean
from theory import linear
from theory.checks.linear import reductions

DITHERS = (1 / 24, 1 / 12, 1 / 3, 1.0)  # variances, in grey levels squared
COPIES, SETS = 2, 24  # digits side by side in a point, hence d = 128; training sets at each sample size
BEYOND = (1.45, 1.8, 2.6, 4.8)  # sample sizes, in units of the predicted threshold


def predicted(dither: float, noise: float = 1.0) -> float:
    """n*/d of the digits with a dither of this variance; it is the same for every number of copies."""
    return float(linear.likelihood_threshold(np.linalg.eigvalsh(Digits(1, dither).covariance), noise)) / 64


def measured(dither: float, seed: int = 0, noise: float = 1.0, sets: int = SETS) -> Estimate:
    """n*/d at d = 64·COPIES, from where a line through d⟨1/ρ⟩/tr(ΣΣ_G⁻¹) in γ/(1−γ) reaches zero."""
    law, d, ratio = Digits(COPIES, dither), 64 * COPIES, predicted(dither, noise)
    sizes = [round(d * ratio * factor) for factor in BEYOND]
    estimates = []
    for n in sizes:
        found = simulate(law, n, noise, sets, (seed, "linear", "dither", dither, n))
        estimates.append(mean(ratio / found["inverse_trace"]))
    return reductions.threshold(d / (np.array(sizes) - 1 - d), estimates)


def draw(found: Sequence[Estimate], noise: float = 1.0) -> Figure:
    """Draw the predicted threshold along the dither, and what was measured at each of DITHERS."""
    fig, (axes,) = plots.figure(1)
    x = np.geomspace(1 / 100, 4, 100)
    plots.theory(axes, x, [predicted(v, noise) for v in x], 0, r"$1 + \tau^2\,\mathrm{tr}\,\Sigma^{-1}/d$")
    low, high = np.array([e.interval() for e in found]).T
    plots.simulated(axes, DITHERS, [e.value for e in found], low, high, 0, f"measured, $d = {64 * COPIES}$")
    axes.set(
        xscale="log", yscale="log", xlabel="variance of the dither [grey levels²]", ylabel=r"threshold $n^\star/d$"
    )
    top = max(20, 1.5 * high.max())
    ticks = [tick for tick in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000) if tick <= top]
    axes.set(ylim=(1, top), yticks=ticks, yticklabels=[str(tick) for tick in ticks])
    axes.minorticks_off()
    axes.legend(loc="upper right")
    return fig
