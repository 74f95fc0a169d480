"""Formulas that are exact at every n and d, met by 600 training sets at each of twelve pairs (n, ρ)."""

import numpy as np
from scipy.special import digamma

from memgen.denoisers.linear import representation
from memgen.experiments.linear import simulate
from memgen.laws.data import Gaussian, isotropic
from memgen.statistics import Estimate, mean
from memgen.streams import drawn_once, stream
from theory import linear
from theory.checks.check import Check, Observation
from theory.checks.linear.simulated import FRACTIONS, LEVELS, TAU

_D = 24


@drawn_once
def _small() -> dict[tuple[int, float], dict[str, np.ndarray]]:
    """Measures of 600 training sets for n on both sides of d = 24 and two signal fractions, by (n, ρ)."""
    cells = [(n, rho) for n in (4, 12, 18, 32, 40, 96) for rho in (0.3, 0.8)]
    return {
        (n, rho): simulate(isotropic(_D), n, float(np.sqrt(1 / rho - 1)), 600, ("check", "linear.small", n, rho))
        for n, rho in cells
    }


def _exact(measure: str) -> list[Observation]:
    return [Observation({"n": n, "d": _D, "rho": rho}, mean(values[measure])) for (n, rho), values in _small().items()]


def _representation() -> list[Observation]:
    """ln det BBᵀ by least squares less that drawn from its exact law: the difference of two means should be 0."""
    found = []
    for (n, rho), values in _small().items():
        if n > _D:
            slope = representation(n, _D, rho, 600, stream("check", "linear.representation", n, rho))
            drawn = mean(2 * np.linalg.slogdet(slope.numpy())[1] / _D - np.log(rho))
            fitted = mean(values["logdet"])
            gap = Estimate(fitted.value - drawn.value, float(np.hypot(fitted.error, drawn.error)))
            found.append(Observation({"n": n, "rho": rho}, gap))
    return found


def _trace_spectrum() -> list[Observation]:
    found = []
    for n in (32, 64):
        law = Gaussian(tuple(np.resize(LEVELS, _D)))
        values = simulate(law, n, TAU, 600, ("check", "linear.trace_spectrum", n))
        found.append(Observation({"n": n, "fractions": np.resize(FRACTIONS, _D)}, mean(values["trace"])))
    return found


CHECKS = [
    Check(
        "linear.trace",
        linear.generated_trace,
        12,
        lambda: _exact("trace"),
        {
            "n for n − 1": lambda n, d, rho: linear.generated_trace(n + 1, d, rho),
            "ρ² for ρ": lambda n, d, rho: linear.generated_trace(n, d, rho) - rho + rho**2,
            "limit formula": lambda n, d, rho: rho + (1 - rho) * d / abs(n - d),
        },
    ),
    Check(
        "linear.mean_error",
        linear.generated_mean_error,
        12,
        lambda: _exact("mean_error"),
        {
            "mean of the training set": lambda n, d, rho: 1 / n,
            "τ² for (1−ρ)": lambda n, d, rho: (1 + (1 / rho - 1) * linear.generated_trace(n, d, rho)) / n,
        },
    ),
    Check(
        "linear.representation",
        linear.generated_trace,
        6,
        _representation,
        {
            "population denoiser, ln ρ": lambda n, rho: mean(_small()[n, rho]["logdet"]).value - np.log(rho),
            "one degree of freedom more": lambda n, rho: (digamma((n - _D) / 2) - digamma((n - 1) / 2)) / _D,
        },
        predict=lambda n, rho: 0.0,
    ),
    Check(
        "linear.trace_spectrum",
        linear.generated_trace_spectrum,
        2,
        _trace_spectrum,
        {
            "isotropic at the mean eigenvalue": lambda n, fractions: linear.generated_trace(
                n, len(fractions), np.mean(LEVELS) / (np.mean(LEVELS) + TAU**2)
            ),
            "n for n − 1": lambda n, fractions: linear.generated_trace_spectrum(n + 1, fractions),
        },
    ),
]
