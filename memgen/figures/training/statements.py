"""What chapter 11 compares: exact statements on circles, losses and ideal samplers, and what the data must reject."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from memgen.figures.curves import Again
from memgen.figures.training.numbers import SHOWN, Slope, Stored, slope, slopes
from memgen.statistics import mean
from theory.checks.report import Report


def losses(stored: Stored, tau: float) -> pd.DataFrame:
    """By network: by how much the training loss fell, and what a and b² (`whole`), or a alone (`part`), say of it.

    In units of the squared distance of the two limits at the first step.
    """
    rows = stored.network
    ends = rows[(rows.points == "train") & rows.step.isin([0, stored.parameters["steps"]])]
    ends = ends[(ends.hidden == stored.units) & (ends.tau == tau)]
    end = ends.pivot(index=["d", "n", "replica", "step"], columns="measure", values="value")
    end["whole"] = end.separation * ((1 - end.a) ** 2 + end.b_squared)
    end["part"] = end.separation * (1 - end.a) ** 2
    first, final = (end.xs(step, level="step") for step in (0, stored.parameters["steps"]))
    return (first - final).div(first.separation, axis=0)


def state(
    report: Report, stored: Stored, linear: Mapping[int, np.ndarray], reads: Mapping[int, pd.DataFrame], shared: Again
) -> None:
    """State in `report` what the chapter claims; `shared` are the rows computed again."""
    for n in SHOWN:
        a, b_squared = linear[n].T
        report.meets(f"linear denoiser, n = {n}: on the circle", mean(b_squared - a * (1 - a)).z(0))
    fell = {tau: losses(stored, tau) for tau in (0.3, 1.0)}
    for tau, found in fell.items():
        name = f"networks, τ = {tau} σ: the training loss falls by what a and b² say"
        report.meets(name, mean((found.loss - found.whole).to_numpy()).z(0))
    rows = stored.table
    ideal = rows[(rows.generator == "ideal") & (rows.measure == "wasserstein") & (rows.hidden == stored.units)]
    ideal = ideal.pivot(index=["d", "n", "replica"], columns="points", values="value")
    nearer = mean((ideal.train - ideal.holdout).to_numpy()).z(0)
    report.meets("ideal sampler: no nearer to the training set than to a holdout", nearer)
    shared.state(report)

    found_slopes = slopes(stored)
    wide, narrow = found_slopes[stored.d, stored.units], found_slopes[stored.d, 128]
    _slopes(report, stored, wide, narrow)
    early = reads[32].MMD.xs(100, level="step").to_numpy()
    report.rejects("MMD does not tell 100 steps at n = 32 from an ideal sampler", mean(early).z(0), 1)
    overlap = reads[512]["overlap gap"].unstack()
    risen = mean((overlap[20_000] - overlap[100]).to_numpy()).z(0)
    report.rejects("the overlap gap does not rise from 100 to 20 000 steps at n = 512", risen, 1)
    few = linear[32]
    report.rejects("the linear denoiser has b² = (1−a)²", mean(few[:, 1] - (1 - few[:, 0]) ** 2).z(0))
    report.rejects("the loss falls by (1−a)² alone", mean((fell[0.3].loss - fell[0.3].part).to_numpy()).z(0))


def _slopes(report: Report, stored: Stored, wide: Slope, narrow: Slope) -> None:
    if wide.sizes != narrow.sizes:
        raise AssertionError(f"exponents of different sizes, {wide.sizes} and {narrow.sizes}")
    learnt = slope(stored.general, "generalized").found
    sizes = f"n = {wide.sizes[0]} to {wide.sizes[-1]}"
    report.rejects(f"the steps to memorization do not depend on n ({stored.units} units)", mean(wide.found).z(0), 1)
    report.rejects("they are proportional to n", mean(wide.found).z(1), 1)
    apart = mean(narrow.found - wide.found).z(0)
    report.rejects(f"their exponent is no larger for 128 units ({sizes})", apart, 1)
    report.rejects("half the error takes as long: its exponent is no smaller", mean(wide.found - learnt).z(0), 1)
