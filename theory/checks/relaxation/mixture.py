"""The relaxation of two Gaussians against diffused samples of them."""

import numpy as np

from memgen.laws.process import noised
from memgen.statistics import Estimate, mean, zero_of_line
from memgen.streams import stream
from theory import mixture, relaxation
from theory.checks.check import Check, Observation

_DRAWS = 80_000


def _classes(separation: float, rng: np.random.Generator) -> np.ndarray:
    return np.where(rng.random(_DRAWS) < 0.5, separation, -separation)


def _log_density(w: np.ndarray, separation: float, spread: float) -> np.ndarray:
    """ln of the density of ½N(separation, spread²) + ½N(−separation, spread²)."""
    sides = (-(((w - m) / spread) ** 2) / 2 for m in (separation, -separation))
    return np.logaddexp(*sides) - np.log(2 * spread * np.sqrt(2 * np.pi))


def _negentropies() -> list[Observation]:
    found = []
    for squared in (1.0, 4.0, 16.0):
        rng, b = stream("check", "mixture_relaxation.negentropy", squared), squared**0.5
        w = _classes(b, rng) + rng.standard_normal(_DRAWS)
        gaussian = -(w**2) / (2 * (1 + squared)) - np.log(2 * np.pi * (1 + squared)) / 2
        found.append(Observation({"contrast": squared}, mean(_log_density(w, b, 1.0) - gaussian)))
    return found


def _divergence(t: float, separation: float, d: int, sigma: float, rng: np.random.Generator) -> Estimate:
    """KL of the law of u = e^t x_t from its noise, as a mean log-ratio; the class means are on the first axis."""
    x = sigma * rng.standard_normal((_DRAWS, d))
    x[:, 0] += _classes(separation, rng)
    tau2 = float(np.expm1(2 * t))
    u, spread2 = noised(x, tau2**0.5, rng), sigma**2 + tau2
    across = (u[:, 1:] ** 2).sum(1) / 2
    log_law = _log_density(u[:, 0], separation, spread2**0.5) - across / spread2 - (d - 1) * np.log(spread2) / 2
    log_noise = -(u[:, 0] ** 2) / (2 * tau2) - np.log(2 * np.pi) / 2 - across / tau2 - d * np.log(tau2) / 2
    return mean(log_law - log_noise)


def _divergences() -> list[Observation]:
    found = []
    for t, separation, d, sigma in ((1.0, 4.0, 1, 0.5), (0.8, 3.0, 5, 1.0), (2.0, 6.0, 3, 1.0)):
        rng = stream("check", "mixture_relaxation.kl", t, separation, d)
        args = {"t": t, "separation": separation, "d": d, "sigma": sigma}
        found.append(Observation(args, _divergence(t, separation, d, sigma, rng)))
    return found


def _information_times() -> list[Observation]:
    """The time at which the logarithm of the simulated divergence passes ln δ."""
    found = []
    for delta, separation, d, sigma in ((1.0, 6.0, 1, 0.5), (0.2, 2.0, 30, 1.0)):
        args = {"delta": delta, "separation": separation, "d": d, "sigma": sigma}
        middle, levels = float(relaxation.mixture_information_time(**args)), []
        times = middle + np.array([-0.03, 0.02])
        for t in times:
            rng = stream("check", "mixture_relaxation.information_time", delta, str(t < middle))
            e = _divergence(t, separation, d, sigma, rng)
            levels.append(e._replace(value=np.log(e.value / delta), error=e.error / e.value))
        found.append(Observation(args, zero_of_line(times, levels)))
    return found


def _score_times() -> list[Observation]:
    """The time at which the logarithm of the regressed score's simulated error passes ln δ."""
    found = []
    for delta, separation, sigma in ((0.05, 4.0, 0.5), (0.002, 10.0, 2.0)):
        middle, levels = float(relaxation.linear_score_time(delta, separation, sigma)), []
        times = middle + np.array([-0.03, 0.02])
        for t in times:
            rng = stream("check", "mixture_relaxation.linear_score_time", delta, str(t < middle))
            spread = float(np.sqrt(sigma**2 + np.expm1(2 * t)))
            x = _classes(separation, rng) + sigma * rng.standard_normal(_DRAWS)
            w, b = noised(x, float(np.sqrt(np.expm1(2 * t))), rng) / spread, separation / spread
            score = -w + b * np.tanh(b * w)
            e = mean((score - w * (score @ w) / (w @ w)) ** 2)
            levels.append(e._replace(value=np.log(e.value / delta), error=e.error / e.value))
        args = {"delta": delta, "separation": separation, "sigma": sigma}
        found.append(Observation(args, zero_of_line(times, levels)))
    return found


def _taylor_errors() -> list[Observation]:
    """The mean squared difference of the score of w from its tangent at 0, whose slope is found by differences."""
    found = []
    for squared in (0.3, 1.0, 4.0):
        rng, b = stream("check", "mixture_relaxation.taylor", squared), squared**0.5
        w = _classes(b, rng) + rng.standard_normal(_DRAWS)
        slope = (_log_density(np.array([1e-3, 0.0, -1e-3]), b, 1.0) @ [1, -2, 1]) / 1e-6  # of the score, at 0
        found.append(Observation({"contrast": squared}, mean((-w + b * np.tanh(b * w) - slope * w) ** 2)))
    return found


def _gaussian(separation: float, d: int, sigma: float) -> np.ndarray:
    return np.array([separation**2 + sigma**2] + [sigma**2] * (int(d) - 1))


CHECKS = [
    Check(
        "mixture_relaxation.mixture_negentropy",
        relaxation.mixture_negentropy,
        3,
        _negentropies,
        {
            "late form b⁸/12": lambda contrast: contrast**4 / 12,
            "the class always known": lambda contrast: np.log1p(contrast) / 2 - np.log(2),
            "late form, but saturating": lambda contrast: contrast**4 / (12 * (1 + contrast) ** 4),
        },
    ),
    Check(
        "mixture_relaxation.mixture_relaxation_kl",
        relaxation.mixture_relaxation_kl,
        3,
        _divergences,
        {
            "Gaussian part minus J": lambda t, separation, d, sigma: (
                relaxation.mixture_relaxation_kl(t, separation, d, sigma)
                - 2 * relaxation.mixture_negentropy(separation**2 / (sigma**2 + np.expm1(2 * t)))
            ),
            "Gaussian part alone": lambda t, separation, d, sigma: relaxation.relaxation_kl(
                t, _gaussian(separation, d, sigma)
            ),
            "distance between the means for half of it": lambda t, separation, d, sigma: (
                relaxation.mixture_relaxation_kl(t, 2 * separation, d, sigma)
            ),
        },
    ),
    Check(
        "mixture_relaxation.mixture_information_time",
        relaxation.mixture_information_time,
        2,
        _information_times,
        {
            "a Gaussian of the same moments": lambda delta, separation, d, sigma: relaxation.information_time(
                delta, _gaussian(separation, d, sigma)
            ),
            "spectral": lambda delta, separation, d, sigma: mixture.mixture_relaxation_time(separation, sigma),
        },
    ),
    Check(
        "mixture_relaxation.linear_score_time",
        relaxation.linear_score_time,
        2,
        _score_times,
        {
            "b = 1: speciation": lambda delta, separation, sigma: np.log(1 + separation**2 - sigma**2) / 2,
            "late form ⅔b⁸ = δ": lambda delta, separation, sigma: (
                np.log(1 + separation**2 / (1.5 * delta) ** 0.25 - sigma**2) / 2
            ),
            "the data taken as points": lambda delta, separation, sigma: relaxation.linear_score_time(
                delta, separation, 1e-6
            ),
        },
    ),
    Check(
        "mixture_relaxation.mixture_taylor_error",
        relaxation.mixture_taylor_error,
        3,
        _taylor_errors,
        {
            "the best linear score's": lambda contrast: mixture.linear_score_error(contrast),
            "2.5 times the best": lambda contrast: 2.5 * mixture.linear_score_error(contrast),
            "late form": lambda contrast: 5 / 3 * contrast**4,
        },
    ),
]
