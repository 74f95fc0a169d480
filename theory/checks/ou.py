"""The noise conventions against simulated paths."""

import numpy as np

from memgen.process import brownian_paths, noised
from memgen.statistics import Estimate, mean
from memgen.streams import stream
from theory import ou
from theory.checks.check import Check, Observation

_PATHS = 20_000


def _variance(values: np.ndarray) -> Estimate:
    return mean((values - values.mean()) ** 2 * len(values) / (len(values) - 1))


def _paths() -> list[Observation]:
    found = []
    for t, lam in ((0.1, 1.0), (0.7, 0.3), (1.5, 2.0)):
        u = brownian_paths(np.zeros(_PATHS), t, lam, 200, stream("check", "ou.paths", t, lam))
        found.append(Observation({"t": t, "lam": lam}, _variance(u)))
    return found


def _times() -> list[Observation]:
    found = []
    for tau, lam in ((0.5, 1.0), (2.0, 0.4)):
        t = float(ou.diffusion_time(tau, lam))
        u = brownian_paths(np.zeros(_PATHS), t, lam, 200, stream("check", "ou.times", tau, lam))
        spread = _variance(u)
        root = Estimate(np.sqrt(spread.value), spread.error / (2 * np.sqrt(spread.value)), spread.freedom)
        found.append(Observation({"tau": root.value, "lam": lam, "t": t}, Estimate(t, _slope(tau, lam) * root.error)))
    return found


def _slope(tau: float, lam: float) -> float:
    return tau / (lam + tau**2)


def _flow() -> list[Observation]:
    found = []
    for tau in (0.3, 2.0):
        rng = stream("check", "ou.flow", tau)
        s = float(ou.flow_time(tau))
        x = np.where(rng.random(_PATHS) < 0.5, -1.0, 1.0)  # data ±1: x_s/s = x + τξ has variance τ² around them
        residual = ((1 - s) * rng.standard_normal(_PATHS) + s * x) / s - x
        spread = _variance(residual)
        found.append(Observation({"tau": tau}, spread))
    return found


def _fraction() -> list[Observation]:
    found = []
    for tau, sigma in ((0.5, 1.0), (2.0, 1.5)):
        rng = stream("check", "ou.fraction", tau, sigma)
        x = sigma * rng.standard_normal(_PATHS)
        u = noised(x, tau, rng)
        gain = float(u @ x / (u @ u))
        error = float(np.sqrt(np.mean((x - gain * u) ** 2 * u**2) / _PATHS) / np.mean(u**2))
        found.append(Observation({"tau": tau, "sigma": sigma}, Estimate(gain, error, _PATHS - 1)))
    return found


CHECKS = [
    Check(
        "ou.noise_variance",
        ou.noise_variance,
        _paths,
        {
            "variance of x_t, not of e^t x_t": lambda t, lam: lam * -np.expm1(-2 * t),
            "√λ dW for √(2λ) dW": lambda t, lam: lam * np.expm1(2 * t) / 2,
        },
    ),
    Check(
        "ou.diffusion_time",
        ou.diffusion_time,
        _times,
        {
            "factor 2": lambda tau, lam, t: np.log1p(tau**2 / lam),
            "τ for τ²": lambda tau, lam, t: np.log1p(tau / lam) / 2,
        },
        predict=lambda tau, lam, t: ou.diffusion_time(tau, lam),
    ),
    Check(
        "ou.flow_time",
        ou.flow_time,
        _flow,
        {
            "clock reversed": lambda tau: (ou.flow_time(tau) / (1 - ou.flow_time(tau))) ** 2,
            "variance for deviation": lambda tau: (1 - ou.flow_time(tau)) / ou.flow_time(tau),
        },
        predict=lambda tau: ((1 - ou.flow_time(tau)) / ou.flow_time(tau)) ** 2,
    ),
    Check(
        "ou.signal_fraction",
        ou.signal_fraction,
        _fraction,
        {
            "standard deviations for variances": lambda tau, sigma: sigma / (sigma + tau),
            "noise fraction": lambda tau, sigma: tau**2 / (sigma**2 + tau**2),
        },
    ),
]
