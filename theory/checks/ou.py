"""The noise conventions against simulated paths."""

import numpy as np

from memgen.denoisers import exact
from memgen.laws.process import brownian_paths, noised
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


_POINTS, _WEIGHTS = np.array([[-1.0], [1.5]]), np.array([0.7, 0.3])


def _windowed(values: np.ndarray, u: np.ndarray, at: float) -> np.ndarray:
    """Values times a smooth window around u = at; the window has the mean 1.

    Score, noise and velocity are linear in D and u: the windowed mean of each is its value at the windowed means of D
    and u.
    """
    window = np.exp(-(((u - at) / 0.4) ** 2) / 2)
    return values * window / window.mean()


def _conditional(target: np.ndarray, denoised: np.ndarray, u: np.ndarray, at: float) -> tuple[dict, Estimate]:
    """Windowed means of D and u, and of the target; its error is that of what a regression on D and u leaves of it."""
    design = np.stack([denoised, u], axis=1)
    rest = target - design @ np.linalg.lstsq(design, target, rcond=None)[0]
    return _observed(target, rest, denoised, u, at)


def _observed(
    target: np.ndarray, rest: np.ndarray, denoised: np.ndarray, u: np.ndarray, at: float
) -> tuple[dict, Estimate]:
    means = {name: float(_windowed(x, u, at).mean()) for name, x in (("denoised", denoised), ("noised", u))}
    value = float(_windowed(target, u, at).mean())
    return means, mean(_windowed(rest, u, at))._replace(value=value)


def _scores() -> list[Observation]:
    """The windowed mean of the score, by parts: E g ∂ ln p = −E ∂g for a window g, so that no density is needed."""
    found = []
    for t, lam, at in ((0.6, 1.0, 0.3), (1.0, 0.4, -1.0)):
        rng = stream("check", "ou.scores", t, lam)
        tau, n = float(np.sqrt(lam * np.expm1(2 * t))), 10 * _PATHS
        u = noised(rng.choice(_POINTS[:, 0], n, p=_WEIGHTS), tau, rng)
        law = exact.EmpiricalBayes(_POINTS, _WEIGHTS)
        denoised, score = (f(u[:, None], tau).numpy()[:, 0] for f in (law.denoise, law.score))
        slope = np.exp(-t) * (u - at) / (0.4 * np.exp(-t)) ** 2  # of the window, −∂ ln g/∂x
        means, estimate = _observed(slope, slope - np.exp(t) * score, denoised, u, at)
        found.append(Observation({**means, "t": t, "lam": lam}, estimate))
    return found


def _noises() -> list[Observation]:
    found = []
    for tau, at in ((0.8, 0.5), (2.0, -1.0)):
        rng = stream("check", "ou.noises", tau)
        x = rng.choice(_POINTS[:, 0], _PATHS, p=_WEIGHTS)
        xi = rng.standard_normal(_PATHS)
        u = x + tau * xi
        denoised = exact.EmpiricalBayes(_POINTS, _WEIGHTS).denoise(u[:, None], tau).numpy()[:, 0]
        means, estimate = _conditional(xi, denoised, u, at)
        found.append(Observation({**means, "tau": tau}, estimate))
    return found


def _velocities() -> list[Observation]:
    """The mean of x_0 − ξ near a point of the flow: for two points, and for Gaussian data, which have another
    denoiser."""
    found = []
    for s, at, law in ((0.6, 0.4, "points"), (0.3, -1.0, "points"), (0.5, 1.0, "gaussian")):
        rng = stream("check", "ou.velocities", s, law)
        xi, tau = rng.standard_normal(_PATHS), (1 - s) / s
        if law == "points":
            x = rng.choice(_POINTS[:, 0], _PATHS, p=_WEIGHTS)
        else:
            x = 0.5 + 1.3 * rng.standard_normal(_PATHS)
        u = ((1 - s) * xi + s * x) / s
        if law == "points":
            denoised = exact.EmpiricalBayes(_POINTS, _WEIGHTS).denoise(u[:, None], tau).numpy()[:, 0]
        else:
            denoised = exact.gaussian(u[:, None], tau, np.array([0.5]), np.array([[1.69]])).numpy()[:, 0]
        means, estimate = _conditional(x - xi, denoised, u, at)
        found.append(Observation({**means, "tau": tau}, estimate))
    return found


CHECKS = [
    Check(
        "ou.noise_variance",
        ou.noise_variance,
        3,
        _paths,
        {
            "variance of x_t, not of e^t x_t": lambda t, lam: lam * -np.expm1(-2 * t),
            "√λ dW for √(2λ) dW": lambda t, lam: lam * np.expm1(2 * t) / 2,
        },
    ),
    Check(
        "ou.diffusion_time",
        ou.diffusion_time,
        2,
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
        2,
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
        2,
        _fraction,
        {
            "standard deviations for variances": lambda tau, sigma: sigma / (sigma + tau),
            "noise fraction": lambda tau, sigma: tau**2 / (sigma**2 + tau**2),
        },
    ),
    Check(
        "ou.ou_score",
        ou.ou_score,
        2,
        _scores,
        {
            "of u, not of x_t": lambda denoised, noised, t, lam: (denoised - noised) / (lam * np.expm1(2 * t)),
            "noise of x_t for that of u": lambda denoised, noised, t, lam: (
                np.exp(t) * (denoised - noised) / (-lam * np.expm1(-2 * t))
            ),
            "x_t for u": lambda denoised, noised, t, lam: ou.ou_score(denoised, np.exp(-t) * noised, t, lam),
        },
    ),
    Check(
        "ou.noise_prediction",
        ou.noise_prediction,
        2,
        _noises,
        {
            "sign": lambda denoised, noised, tau: (denoised - noised) / tau,
            "the score": lambda denoised, noised, tau: (noised - denoised) / tau**2,
        },
    ),
    Check(
        "ou.flow_velocity",
        ou.flow_velocity,
        3,
        _velocities,
        {
            "noise minus data": lambda denoised, noised, tau: (noised - denoised) / tau - denoised,
            "D − u": lambda denoised, noised, tau: denoised - noised,
            "x_s for u": lambda denoised, noised, tau: ou.flow_velocity(denoised, noised / (1 + tau), tau),
        },
    ),
]
