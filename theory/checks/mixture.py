"""Speciation and cloning against simulated mixtures of two Gaussians."""

import numpy as np
from scipy.optimize import brentq

from memgen.laws.process import noised
from memgen.statistics import Estimate, mean
from memgen.streams import stream
from theory import mixture
from theory.checks.check import Check, Observation

_DRAWS = 60_000


def _diffused(separation: float, sigma: float, t: float, rng: np.random.Generator) -> np.ndarray:
    """Draws of e^t x_t along the line through the means, (draws,)."""
    x = np.where(rng.random(_DRAWS) < 0.5, separation, -separation) + sigma * rng.standard_normal(_DRAWS)
    return noised(x, float(np.sqrt(np.expm1(2 * t))), rng)


def _speciation() -> list[Observation]:
    """The time at which b² is 1, from b² at one time: in units of the noised spread the fourth cumulant of u is
    −2b⁴."""
    found = []
    for separation in (30.0, 100.0):
        t = np.log(separation)
        u = _diffused(separation, 1.0, t, stream("check", "mixture.speciation", separation))
        spread2 = 1 + np.expm1(2 * t)
        w2 = u**2 / spread2
        fourth = mean(w2**2 - 6 * w2 * w2.mean() + 3 * w2.mean() ** 2)  # its mean is the fourth cumulant
        b2 = np.sqrt(-fourth.value / 2)
        error = fourth.error / (4 * b2)
        time = np.log(b2 * spread2) / 2
        found.append(Observation({"top_eigenvalue": separation**2 + 1}, Estimate(time, error / (2 * b2))))
    return found


def _clones() -> list[Observation]:
    found = []
    for t, separation, sigma in ((0.8, 2.0, 1.0), (2.0, 5.0, 0.5), (3.0, 40.0, 3.0)):
        rng = stream("check", "mixture.cloning", t, separation)
        u = _diffused(separation, sigma, t, rng)
        plus = 1 / (1 + np.exp(-2 * u * separation / (sigma**2 + np.expm1(2 * t))))
        first, second = rng.random((2, _DRAWS)) < plus
        found.append(Observation({"t": t, "separation": separation, "sigma": sigma}, mean(1.0 * (first == second))))
    return found


def _relaxations() -> list[Observation]:
    """The time at which the covariance of the tilted mixture is half the noise variance, from reweighted samples."""
    found = []
    for separation, sigma in ((1.0, 1.0), (4.0, 0.5)):
        rng = stream("check", "mixture.relaxation", separation)
        x = np.where(rng.random(_DRAWS) < 0.5, separation, -separation) + sigma * rng.standard_normal(_DRAWS)

        def share(t: float, x: np.ndarray = x) -> float:
            a = 1 / np.expm1(2 * t)
            weight = np.exp(-a * x**2 / 2)
            return float((weight * x**2).sum() / weight.sum() * a)

        middle = np.log1p(separation**2 + np.hypot(separation**2, sigma**2)) / 2
        t = brentq(lambda t: share(t) - 0.5, middle - 0.5, middle + 0.5)
        slope = (share(t + 1e-4) - share(t - 1e-4)) / 2e-4
        a = 1 / np.expm1(2 * t)
        weight = np.exp(-a * x**2 / 2)
        error = mean(weight * (a * x**2 - 0.5) / weight.mean()).error / abs(slope)
        found.append(Observation({"separation": separation, "sigma": sigma}, Estimate(t, error)))
    return found


def _score_errors() -> list[Observation]:
    """The mean squared residual of a linear regression of the simulated score on w."""
    found = []
    for squared in (0.5, 2.0, 6.0):
        b = float(np.sqrt(squared))
        rng = stream("check", "mixture.linear_score_error", squared)
        w = np.where(rng.random(_DRAWS) < 0.5, b, -b) + rng.standard_normal(_DRAWS)
        score = -w + b * np.tanh(b * w)
        residual = score - w * (score @ w) / (w @ w)
        found.append(Observation({"contrast": squared}, mean(residual**2)))
    return found


def _information(t: float, separation: float, d: int, sigma: float) -> Estimate:
    """Mean of ln p(u | x_0)/p(u) at simulated pairs, the means at ±separation on the first axis."""
    rng = stream("check", "mixture.information", t, separation, d)
    x = sigma * rng.standard_normal((_DRAWS, d))
    x[:, 0] += np.where(rng.random(_DRAWS) < 0.5, separation, -separation)
    tau2 = float(np.expm1(2 * t))
    u = noised(x, tau2**0.5, rng)
    spread2 = sigma**2 + tau2
    mixed = np.logaddexp(*(-((u[:, 0] - m) ** 2) / (2 * spread2) for m in (separation, -separation))) - np.log(2)
    log_ratio = -((u - x) ** 2).sum(1) / (2 * tau2) + (u[:, 1:] ** 2).sum(1) / (2 * spread2) - mixed
    return mean(log_ratio + d * np.log(spread2 / tau2) / 2)


_POINTS = ((0.5, 2.0, 2, 1.0), (1.0, 3.0, 4, 0.5), (0.2, 0.3, 1, 1.0))  # t, separation, d, σ


def _informations() -> list[Observation]:
    names = ("t", "separation", "d", "sigma")
    return [Observation(dict(zip(names, at, strict=True)), _information(*at)) for at in _POINTS]


def _excesses() -> list[Observation]:
    found = []
    for o, n in zip(_informations(), (30, 100, 20), strict=True):
        e = o.estimate
        found.append(
            Observation({"n": n, **o.args}, e._replace(value=1 - e.value / np.log(n), error=e.error / np.log(n)))
        )
    return found


def _within(t: float, d: int, sigma: float) -> float:
    return d * np.log1p(sigma**2 / np.expm1(2 * t)) / 2


CHECKS = [
    Check(
        "mixture.speciation_time",
        mixture.speciation_time,
        2,
        _speciation,
        {
            "ln Λ": lambda top_eigenvalue: np.log(top_eigenvalue),
            "b = 2": lambda top_eigenvalue: np.log(top_eigenvalue / 4) / 2,
        },
    ),
    Check(
        "mixture.cloning_probability",
        mixture.cloning_probability,
        3,
        _clones,
        {
            "probability of keeping the original class": lambda t, separation, sigma: (
                (1 + np.sqrt(2 * mixture.cloning_probability(t, separation, sigma) - 1)) / 2
            ),
            "distance between the means for half of it": lambda t, separation, sigma: mixture.cloning_probability(
                t, 2 * separation, sigma
            ),
        },
    ),
    Check(
        "mixture.mixture_information",
        mixture.mixture_information,
        3,
        _informations,
        {
            "without the class": lambda t, separation, d, sigma: _within(t, d, sigma),
            "the class always known": lambda t, separation, d, sigma: _within(t, d, sigma) + np.log(2),
        },
    ),
    Check(
        "mixture.excess_entropy",
        mixture.excess_entropy,
        3,
        _excesses,
        {
            "without the class term": lambda n, t, separation, d, sigma: 1 - _within(t, d, sigma) / np.log(n),
            "base 2": lambda n, t, separation, d, sigma: (
                1 - mixture.mixture_information(t, separation, d, sigma) / np.log2(n)
            ),
        },
    ),
    Check(
        "mixture.linear_score_error",
        mixture.linear_score_error,
        3,
        _score_errors,
        {
            "the linear score of unit slope": lambda contrast: (
                contrast * (1 - np.exp(-contrast / 2) * mixture.mean_sech.numpy(np.array(contrast)))
            ),
            "its late form": lambda contrast: 2 / 3 * contrast**4,
        },
    ),
    Check(
        "mixture.relaxation_time",
        mixture.mixture_relaxation_time,
        2,
        _relaxations,
        {
            "a Gaussian of the same top eigenvalue": lambda separation, sigma: np.log1p(separation**2 + sigma**2) / 2,
            "speciation": lambda separation, sigma: mixture.speciation_time(separation**2 + sigma**2),
        },
    ),
]
