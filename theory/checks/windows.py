"""What noised windows of chains tell, what a regression on them leaves, and as many windows as they tell apart."""

import numpy as np

from memgen.experiments.windows import chains
from memgen.laws.process import noised
from memgen.statistics import Estimate, mean
from memgen.streams import stream
from theory import windows
from theory.checks.check import Check, Observation

_DRAWS = 40_000
_CHAINS = ((1, 1.0, 0.5), (5, 0.5, 0.9), (15, 2.0, 0.8), (9, 0.3, 0.95))  # pixels, noise, correlation of neighbours


def _chain(name: str, pixels: int, tau: float, correlation: float) -> tuple[np.ndarray, np.ndarray]:
    """Windows of a Gaussian chain, clean and noised, (draws, pixels)."""
    rng = stream("check", "windows", name, pixels, tau)
    x = chains(rng, _DRAWS, pixels, correlation)
    return x, noised(x, tau, rng)


def _told(name: str, pixels: int, tau: float, correlation: float) -> Estimate:
    """What a noised window tells of its clean one: the mean of ln p(u|x)/p(u)."""
    x, u = _chain(name, pixels, tau, correlation)
    apart = np.abs(np.subtract.outer(np.arange(pixels), np.arange(pixels)))
    noisy = correlation ** apart.astype(float) + tau**2 * np.eye(pixels)
    alone = (u * np.linalg.solve(noisy, u.T).T).sum(1) + np.linalg.slogdet(noisy)[1]
    return mean((alone - ((u - x) ** 2).sum(1) / tau**2 - pixels * np.log(tau**2)) / 2)


def _windows() -> list[Observation]:
    return [
        Observation({"pixels": pixels, "tau": tau, "correlation": c}, _told("window", pixels, tau, c))
        for pixels, tau, c in _CHAINS
    ]


def _window_errors() -> list[Observation]:
    """What a regression of the middle pixel on the noised window leaves."""
    found = []
    for pixels, tau, c in _CHAINS:
        x, u = _chain("regression", pixels, tau, c)
        middle = x[:, pixels // 2]
        left = middle - u @ np.linalg.lstsq(u, middle, rcond=None)[0]
        freedom = _DRAWS - pixels  # squares of a Gaussian: σ²χ²
        value = (left**2).sum() / freedom
        args = {"pixels": pixels, "tau": tau, "correlation": c}
        found.append(Observation(args, Estimate(value, value * np.sqrt(2 / freedom))))
    return found


def _window_sizes() -> list[Observation]:
    """As many windows as one of so many pixels tells apart: e^I."""
    found = []
    for pixels, tau, c in _CHAINS:
        told = _told("window size", pixels, tau, c)
        slope = np.diff(windows.window_information(pixels + np.array([-0.01, 0.01]), tau, c))[0] / 0.02
        args = {"n": np.exp(told.value), "tau": tau, "correlation": c}
        found.append(Observation(args, Estimate(pixels, told.error / slope)))
    return found


CHECKS = [
    Check(
        "windows.window_information",
        windows.window_information,
        4,
        _windows,
        {
            "pixels as if independent": lambda pixels, tau, correlation: pixels * np.log1p(tau**-2.0) / 2,
            "all that came before is known": lambda pixels, tau, correlation: (
                pixels * (windows.window_information(2e3, tau, correlation) / 2e3)
            ),
        },
    ),
    Check(
        "windows.window_error",
        windows.window_error,
        4,
        _window_errors,
        {
            "the whole chain": lambda pixels, tau, correlation: windows.window_error(1e6, tau, correlation),
            "the pixel alone": lambda pixels, tau, correlation: windows.window_error(1, tau, correlation),
            "the prior counted twice": lambda pixels, tau, correlation: (
                1 / (1 / windows.window_error(pixels, tau, correlation) + 1)
            ),
        },
    ),
    Check(
        "windows.window_size",
        windows.window_size,
        4,
        _window_sizes,
        {
            "pixels as if independent": lambda n, tau, correlation: 2 * np.log(n) / np.log1p(tau**-2.0),
            "ln n for 2 ln n": lambda n, tau, correlation: windows.window_size(np.sqrt(n), tau, correlation),
        },
    ),
]
