"""Windows of chains: what noised ones tell, what a regression on them leaves, and how many of them are told apart."""

from collections.abc import Callable

import numpy as np

from memgen.experiments.windows import chains
from memgen.laws.process import noised
from memgen.statistics import Estimate, extrapolate, mean
from memgen.streams import drawn_once, stream
from theory import windows
from theory.checks.check import Check, Observation
from theory.collapse import information

_DRAWS = 40_000
_CHAINS = ((1, 1.0, 0.5), (5, 0.5, 0.9), (15, 2.0, 0.8), (9, 0.3, 0.95))  # pixels, noise, correlation of neighbours


def _chain(name: str, pixels: int, tau: float, correlation: float) -> tuple[np.ndarray, np.ndarray]:
    """Windows of a Gaussian chain, clean and noised, (draws, pixels)."""
    rng = stream("check", "windows", name, pixels, tau)
    x = chains(rng, _DRAWS, pixels, correlation)
    return x, noised(x, tau, rng)


def _told(name: str, pixels: int, tau: float, correlation: float) -> Estimate:
    """The information of a noised window on its clean one, as the mean of ln p(u|x)/p(u)."""
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
    """The mean square that a regression of the middle pixel on the noised window leaves."""
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
    """Window sizes: a window of this many pixels tells n = e^I of its like apart."""
    found = []
    for pixels, tau, c in _CHAINS:
        told = _told("window size", pixels, tau, c)
        slope = np.diff(windows.window_information(pixels + np.array([-0.01, 0.01]), tau, c))[0] / 0.02
        args = {"n": np.exp(told.value), "tau": tau, "correlation": c}
        found.append(Observation(args, Estimate(pixels, told.error / slope)))
    return found


_LAW = (0.25, 0.2, 0.2, 0.15, 0.2)  # variances of directions at noise 1
_POINTS, _SETS, _NOISED = 400, 1200, 20  # training points, or four times as many; sets of them; noised points for each


@drawn_once
def _counted(n: int) -> np.ndarray:
    """Two numbers for each of _SETS sets of n points, (2, sets): the mean square of their posterior mean about that of
    the law, over the least loss, a mean over directions; and the mean of ln (Σw)²/Σw²."""
    rng, variances = stream("check", "windows", "counted", n), np.array(_LAW)
    x, clean = (rng.standard_normal((_SETS, count, len(_LAW))) * np.sqrt(variances) for count in (n, _NOISED))
    u = noised(clean, 1.0, rng)
    weights = np.exp(u @ x.mT - (x**2).sum(2)[:, None] / 2)
    total = weights.sum(2, keepdims=True)
    apart = weights @ x / total - u * variances / (variances + 1)
    size = total[..., 0] ** 2 / np.einsum("ijk,ijk->ij", weights, weights)
    return np.stack([(apart**2 / (variances / (variances + 1))).mean((1, 2)), np.log(size).mean(1)])


def _many(values: Callable[[int], np.ndarray]) -> Estimate:
    """The limit n → ∞ of the mean of a number of each set, its part in 1/n taken off."""
    sizes = np.array([_POINTS, 4 * _POINTS])
    return extrapolate(sizes, [mean(values(int(n))) for n in sizes])[0]


_AT = {"n": 1, "tau": 1.0, "eigenvalues": _LAW}


def _excesses() -> list[Observation]:
    """n times the excess loss, for n → ∞."""
    return [Observation(_AT, _many(lambda n: n * _counted(n)[0]))]


def _sizes() -> list[Observation]:
    """ln of the share of points that count, for n → ∞."""
    return [Observation(_AT, _many(lambda n: _counted(n)[1] - np.log(n)))]


CHECKS = [
    Check(
        "windows.sampling_excess",
        windows.sampling_excess,
        1,
        _excesses,
        {
            "e^I": lambda n, tau, eigenvalues: np.exp(information(tau, eigenvalues)) / n,
            "of a typical point": lambda n, tau, eigenvalues: 1 / windows.effective_sample_size(n, tau, eigenvalues),
            "χ² for 1 + χ²": lambda n, tau, eigenvalues: windows.sampling_excess(n, tau, eigenvalues) - 1 / n,
        },
    ),
    Check(
        "windows.effective_sample_size",
        windows.effective_sample_size,
        1,
        _sizes,
        {
            "e^{−I}": lambda n, tau, eigenvalues: np.log(n) - information(tau, eigenvalues),
            "E of the inverse": lambda n, tau, eigenvalues: -np.log(windows.sampling_excess(n, tau, eigenvalues)),
            "u without noise": lambda n, tau, eigenvalues: (
                np.log(n)
                + sum(
                    np.log1p(2 * s) / 2 - np.log1p(s) - s * s / ((1 + s) * (1 + 2 * s))
                    for s in np.array(eigenvalues) / tau**2
                )
            ),
        },
        lambda n, tau, eigenvalues: np.log(windows.effective_sample_size(n, tau, eigenvalues)),
    ),
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
