"""Limits of many points in many dimensions, for data of two variances in equal parts."""

import numpy as np

from memgen.experiments.linear import simulate
from memgen.laws.data import Gaussian
from memgen.statistics import extrapolate, median_estimate
from theory import linear
from theory.checks.check import Check, Observation
from theory.checks.linear.reductions import threshold
from theory.checks.linear.simulated import LEVELS, TAU, limits, typical


def _thresholds() -> list[Observation]:
    """n*/d at three dimensions, four sample sizes each, extrapolated to infinite d in powers of 1/d."""
    estimates = []
    sizes = (32, 64, 128)
    for d in sizes:
        law = Gaussian(tuple(np.resize(LEVELS, d)))
        x, inverses = [], []
        for ratio in (4, 5, 7, 12):
            values = simulate(law, ratio * d + 1, TAU, 60 * 128 // d, ("check", "linear.threshold", d, ratio))
            x.append(1 / (ratio - 1))
            inverses.append(median_estimate(1 / values["inverse_trace"]))
        estimates.append(threshold(np.array(x), inverses))
    at_infinity = extrapolate(np.array(sizes), estimates, powers=(1, 2))[0]
    return [Observation({"eigenvalues": np.array(LEVELS), "tau": TAU}, at_infinity)]


CHECKS = [
    Check(
        "linear.threshold",
        linear.likelihood_threshold,
        1,
        _thresholds,
        {
            "n* = d": lambda eigenvalues, tau: 1.0,
            "mean eigenvalue for its inverse": lambda eigenvalues, tau: 1 + tau**2 / np.mean(eigenvalues),
        },
        predict=lambda eigenvalues, tau: linear.likelihood_threshold(eigenvalues, tau) / len(eigenvalues),
    ),
    Check(
        "linear.spectrum",
        linear.generated_logdet_spectrum,
        2,
        lambda: limits("logdet", spectrum=True),
        {
            "plateau everywhere": lambda gamma, fractions: np.mean(np.log(fractions)),
            "isotropic at the mean fraction": lambda gamma, fractions: linear.generated_logdet(
                gamma, np.mean(fractions)
            ),
        },
    ),
    Check(
        "linear.kl_generated_true_spectrum",
        linear.kl_generated_true_spectrum,
        2,
        lambda: limits("kl_generated_true", spectrum=True),
        {
            "isotropic at the mean fraction": lambda gamma, fractions: linear.kl_generated_true(
                gamma, np.mean(fractions)
            ),
        },
    ),
    Check(
        "linear.kl_true_generated_spectrum",
        linear.kl_true_generated_spectrum,
        1,
        lambda: typical(spectrum=True),
        {
            "isotropic at the mean fraction": lambda gamma, fractions: linear.kl_true_generated(
                gamma, np.mean(fractions)
            ),
            "the other direction": linear.kl_generated_true_spectrum,
        },
    ),
]
