"""The linear one-step model against least squares on fresh data.

Exact formulas are met at small sizes; limits are met by extrapolation in 1/d, with the logarithmic correction of the
fluctuating phase (`logdet_correction`) taken off first and itself checked by its slope in ln d.
"""

from functools import cache
from math import ceil, e

import numpy as np
import torch
from scipy.special import digamma

from memgen.denoisers.linear import representation
from memgen.experiments.linear import simulate
from memgen.laws.data import Gaussian, isotropic
from memgen.statistics import Estimate, extrapolate, fit, mean, median_estimate, zero_of_line
from memgen.streams import stream
from theory import linear
from theory.checks.check import Check, Observation

RHO = 0.5
_D = 24
_GAMMAS = (0.25, 0.75)  # on the plateau of the log-determinant, and beyond it
_SIZES = (18, 36, 72, 144)  # d/γ is whole: n rounded moves γ, and limits in γ by several standard errors
_LEVELS = (2.0, 0.4)  # the two eigenvalues, in equal parts, of the anisotropic data
_TAU = 0.8
_FRACTIONS = np.array([level / (level + _TAU**2) for level in _LEVELS])


# -- exact, at every n --------------------------------------------------------------------------------------------


@cache
def _small() -> dict[tuple[int, float], dict[str, np.ndarray]]:
    """n on both sides of d = 24, and two signal fractions; 600 training sets each."""
    cells = [(n, rho) for n in (4, 12, 18, 32, 40, 96) for rho in (0.3, 0.8)]
    return {
        (n, rho): simulate(isotropic(_D), n, float(np.sqrt(1 / rho - 1)), 600, ("check", "linear.small", n, rho))
        for n, rho in cells
    }


def _exact(measure: str) -> list[Observation]:
    return [Observation({"n": n, "d": _D, "rho": rho}, mean(values[measure])) for (n, rho), values in _small().items()]


def _representation() -> list[Observation]:
    """ln det BBᵀ of least squares against its exact law: means of two independent simulations, the difference 0."""
    found = []
    for (n, rho), values in _small().items():
        if n > _D:
            slope = representation(n, _D, rho, 600, stream("check", "linear.representation", n, rho))
            drawn = mean(2 * np.linalg.slogdet(slope.numpy())[1] / _D - np.log(rho))
            fitted = mean(values["logdet"])
            gap = Estimate(fitted.value - drawn.value, float(np.hypot(fitted.error, drawn.error)))
            found.append(Observation({"n": n, "rho": rho}, gap))
    return found


# -- limits -------------------------------------------------------------------------------------------------------


@cache
def _large(spectrum: bool) -> dict[tuple[float, int], dict[str, np.ndarray]]:
    """The same γ at four sizes, ρ = ½ or the two-level spectrum; fluctuations fall as 1/d, so replicas do too."""
    found = {}
    for gamma in _GAMMAS:
        for d in _SIZES:
            law = Gaussian(tuple(np.resize(_LEVELS, d))) if spectrum else isotropic(d)
            key = ("check", "linear.large", spectrum, gamma, d)
            found[gamma, d] = simulate(law, 1 + int(d / gamma), _TAU if spectrum else 1.0, 100 * 144 // d, key)
    return found


def _limit(measure: str, gamma: float, spectrum: bool = False, share: float = 0.0, typical: bool = False) -> Estimate:
    """d → ∞ of a measure; `share` is how much of the logarithmic correction of ln det it carries."""
    estimates = []
    for d in _SIZES:
        values = _large(spectrum)[gamma, d][measure]
        estimate = median_estimate(values) if typical else mean(values)
        correction = share * float(linear.logdet_correction(d, gamma, RHO))
        estimates.append(estimate._replace(value=estimate.value - correction))
    return extrapolate(np.array(_SIZES), estimates, powers=(1, 2))[0]


def _limits(measure: str, share: float) -> list[Observation]:
    return [Observation({"gamma": g, "rho": RHO}, _limit(measure, g, share=share)) for g in _GAMMAS]


def _spectrum_limits(measure: str, share: float) -> list[Observation]:
    return [
        Observation({"gamma": g, "fractions": _FRACTIONS}, _limit(measure, g, spectrum=True, share=share))
        for g in _GAMMAS
    ]


def _typical(spectrum: bool) -> list[Observation]:
    where = {"fractions": _FRACTIONS} if spectrum else {"rho": RHO}
    return [Observation({"gamma": 0.25, **where}, _limit("kl_true_generated", 0.25, spectrum, typical=True))]


def _affinity_root() -> list[Observation]:
    found = []
    for o in _limits("log_affinity", 0.25):
        value = np.exp(o.estimate.value)
        found.append(Observation(o.args, Estimate(value, value * o.estimate.error)))
    return found


def _correction() -> list[Observation]:
    """The coefficient of ln d in E ln det AAᵀ − d·limit, fitted with a constant and a 1/d term.

    B is drawn from its exact law (met by `linear.representation`), which affords thousands of replicas.
    """
    found = []
    for gamma, most in ((0.25, 1000), (0.75, 14000)):
        gaps = []
        for d in _SIZES:
            n, rng = 1 + int(d / gamma), stream("check", "linear.logdet_correction", gamma, d)
            replicas, batch = most * min(1, 64 / d), max(1, 200_000 // d**2)
            slopes = (representation(n, d, RHO, batch, rng) for _ in range(ceil(replicas / batch)))
            logdets = np.concatenate([2 * torch.linalg.slogdet(slope)[1].numpy() for slope in slopes])
            estimate = mean(logdets - d * np.log(RHO))
            limit = d * float(linear.generated_logdet(gamma, RHO))
            gaps.append(estimate._replace(value=estimate.value - limit))
        sizes = np.array(_SIZES, float)
        coefficients, covariance = fit(np.stack([np.log(sizes), np.ones_like(sizes), 1 / sizes], 1), gaps)
        slope = Estimate(float(coefficients[0]), float(covariance[0, 0] ** 0.5))
        found.append(Observation({"gamma": gamma, "rho": RHO}, slope))
    return found


def _thresholds() -> list[Observation]:
    """d/tr(ΣΣ_G⁻¹) is linear in γ/(1−γ) and vanishes at the threshold: the zero_of_line, extrapolated in 1/d."""
    estimates = []
    sizes = (32, 64, 128)
    for d in sizes:
        law = Gaussian(tuple(np.resize(_LEVELS, d)))
        x, inverses = [], []
        for ratio in (4, 5, 7, 12):
            values = simulate(law, ratio * d + 1, _TAU, 60 * 128 // d, ("check", "linear.threshold", d, ratio))
            x.append(1 / (ratio - 1))
            inverses.append(median_estimate(1 / values["inverse_trace"]))
        zero = zero_of_line(np.array(x), inverses)  # γ/(1−γ) at the crossing: n* = d (1 + 1/x)
        estimates.append(Estimate(1 + 1 / zero.value, zero.error / zero.value**2))
    limit = extrapolate(np.array(sizes), estimates, powers=(1,))[0]
    return [Observation({"eigenvalues": np.array(_LEVELS), "tau": _TAU}, limit)]


def _trace_spectrum() -> list[Observation]:
    found = []
    for n in (32, 64):
        law = Gaussian(tuple(np.resize(_LEVELS, _D)))
        values = simulate(law, n, _TAU, 600, ("check", "linear.trace_spectrum", n))
        found.append(Observation({"n": n, "fractions": np.resize(_FRACTIONS, _D)}, mean(values["trace"])))
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
        "linear.logdet",
        linear.generated_logdet,
        2,
        lambda: _limits("logdet", 1.0),
        {
            "plateau everywhere": lambda gamma, rho: np.log(rho),
            "ρ and 1−ρ exchanged, no plateau": lambda gamma, rho: (
                np.log(gamma) + (1 - gamma) / gamma * np.log((1 - gamma) / rho) * (gamma > rho)
            ),
            "logarithm of the trace": lambda gamma, rho: np.log(rho + (1 - rho) * gamma / (1 - gamma)),
        },
    ),
    Check(
        "linear.logdet_correction",
        linear.logdet_correction,
        2,
        _correction,
        {
            "none: annealed = quenched to all orders": lambda gamma, rho: 0.0,
            "in both phases": lambda gamma, rho: -0.5,
            "without Laplace's prefactor": lambda gamma, rho: -1.0 * (gamma > rho),
        },
        predict=lambda gamma, rho: linear.logdet_correction(e, gamma, rho) * e,
    ),
    Check(
        "linear.kl_generated_true",
        linear.kl_generated_true,
        2,
        lambda: _limits("kl_generated_true", -0.5),
        {
            "factor 2": lambda gamma, rho: 2 * linear.kl_generated_true(gamma, rho),
            "infinite-sample floor": lambda gamma, rho: (rho - 1 - np.log(rho)) / 2,
            "trace term missing": lambda gamma, rho: (rho - 1 - linear.generated_logdet(gamma, rho)) / 2,
        },
    ),
    Check(
        "linear.kl_true_generated",
        linear.kl_true_generated,
        1,
        lambda: _typical(False),
        {
            "the other direction": linear.kl_generated_true,
            "threshold at n = d": lambda gamma, rho: ((1 - gamma) / (1 - gamma) / rho - 1 + np.log(rho)) / 2,
        },
    ),
    Check(
        "linear.affinity",
        linear.log_affinity,
        2,
        lambda: _limits("log_affinity", 0.25),
        {
            "infinite samples": lambda gamma, rho: np.log(rho) / 4 - np.log((1 + rho) / 2) / 2,
            "factor 2": lambda gamma, rho: 2 * linear.log_affinity(gamma, rho),
        },
    ),
    Check(
        "linear.shifted_logdet",
        linear.shifted_logdet,
        2,
        lambda: [
            Observation(
                {"gamma": o.args["gamma"], "rho": RHO, "shift": 1.0},
                Estimate(
                    float(linear.generated_logdet(o.args["gamma"], RHO)) / 2 - 2 * o.estimate.value + np.log(2),
                    2 * o.estimate.error,
                ),
            )
            for o in _limits("log_affinity", 0.25)
        ],
        {
            "Jensen: ln(1 + trace)": lambda shift, gamma, rho: np.log(shift + rho + (1 - rho) * gamma / (1 - gamma)),
            "population denoiser": lambda shift, gamma, rho: np.log(shift + rho),
        },
    ),
    Check(
        "linear.hellinger2",
        linear.hellinger2,
        2,
        _affinity_root,
        {
            "H² itself": lambda gamma, rho: linear.hellinger2(1, gamma, rho),
            "infinite samples": lambda gamma, rho: rho**0.25 / np.sqrt((1 + rho) / 2),
        },
        predict=lambda gamma, rho: 1 - linear.hellinger2(1, gamma, rho),
    ),
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
        "linear.trace_spectrum",
        linear.generated_trace_spectrum,
        2,
        _trace_spectrum,
        {
            "isotropic at the mean eigenvalue": lambda n, fractions: linear.generated_trace(
                n, len(fractions), np.mean(_LEVELS) / (np.mean(_LEVELS) + _TAU**2)
            ),
            "n for n − 1": lambda n, fractions: linear.generated_trace_spectrum(n + 1, fractions),
        },
    ),
    Check(
        "linear.spectrum",
        linear.generated_logdet_spectrum,
        2,
        lambda: _spectrum_limits("logdet", 1.0),
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
        lambda: _spectrum_limits("kl_generated_true", -0.5),
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
        lambda: _typical(True),
        {
            "isotropic at the mean fraction": lambda gamma, fractions: linear.kl_true_generated(
                gamma, np.mean(fractions)
            ),
            "the other direction": linear.kl_generated_true_spectrum,
        },
    ),
]
