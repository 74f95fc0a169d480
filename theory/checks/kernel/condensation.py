"""Condensation against point sets: real ones, and the nearest of e^{αd} points where those are too many to draw."""

import numpy as np
from scipy.special import logsumexp

from memgen.laws.neighbours import log_rest, nearest_squares
from memgen.laws.process import noised
from memgen.statistics import Estimate, extrapolate, fit, mean
from memgen.streams import drawn_once, stream
from theory import kernel
from theory.checks.check import Check, Observation

_DRAWS = 40_000
_SPECTRUM = np.array([0.3, 1.0, 4.0])
_CONDENSED = ((0.3, 0.8), (0.15, 0.6))  # α, ε; β_c = 0.64 and 0.38
_DIMS = np.array([150, 300, 600, 1200])
_NEAREST = 1000


# -- the information density -------------------------------------------------------------------------------------------


def _dispersions() -> list[Observation]:
    found = []
    for tau in (0.3, 1.0, 3.0):
        rng = stream("check", "condensation.dispersion", tau)
        x = np.sqrt(_SPECTRUM) * rng.standard_normal((_DRAWS, 3))
        u = noised(x, tau, rng)
        density = (u**2 / (_SPECTRUM + tau**2) - (u - x) ** 2 / tau**2).sum(1) / 2
        found.append(Observation({"tau": tau, "eigenvalues": _SPECTRUM}, mean((density - density.mean()) ** 2)))
    return found


def _local_informations() -> list[Observation]:
    found = []
    for width, d, radius2 in ((0.5, 4, 0.2), (1.0, 3, 1.0), (2.0, 6, 3.0)):
        rng = stream("check", "condensation.local_information", width, d)
        x = rng.standard_normal((_DRAWS, d))
        x *= np.sqrt(radius2 * d) / np.linalg.norm(x, axis=1, keepdims=True)
        u = noised(x, width, rng)
        density = d * np.log1p(width**-2) + (u**2).sum(1) / (1 + width**2) - ((u - x) ** 2).sum(1) / width**2
        found.append(Observation({"width": width, "d": d, "radius2": radius2}, mean(density / 2)))
    return found


# -- the condensed sum -------------------------------------------------------------------------------------------------


@drawn_once
def _levels(alpha: float, width: float, d: int, replicas: int = 800) -> np.ndarray:
    """Exponents of e^{αd} points at a place with |u|² = d(1+ε²)."""
    return _exponents(alpha, width, d, d * (1 + width**2), replicas, stream("check", "condensation", alpha, width, d))


def _exponents(
    alpha: float, width: float, d: int, place2: float, replicas: int, rng: np.random.Generator
) -> np.ndarray:
    """Exponents −|u − x_i|²/2ε² of the nearest of e^{αd} points; the last column is ln of the mean sum over all the
    rest."""
    squares = nearest_squares(d, alpha * d, place2, _NEAREST, replicas, rng)
    rest = log_rest(d, alpha * d, place2, width, squares[:, -1])
    return np.concatenate([-squares / (2 * width**2), rest[:, None]], axis=1)


def _log_sum(alpha: float, width: float, d: int) -> np.ndarray:
    return logsumexp(_levels(alpha, width, d), axis=1)


def _weights(levels: np.ndarray) -> np.ndarray:
    """Posterior weights of the nearest points; the last column is the weight of the rest."""
    return np.exp(levels - logsumexp(levels, axis=1, keepdims=True))


def _limit(estimates: list[Estimate]) -> Estimate:
    """The limit d → ∞: the edge of the levels moves by ln d, and all else by a constant, over d."""
    design = np.stack([np.ones(len(_DIMS)), np.log(_DIMS) / _DIMS, 1 / _DIMS], axis=1)
    value, covariance = fit(design, estimates)
    return Estimate(float(value[0]), float(np.sqrt(covariance[0, 0])))


def _quenched_ratios() -> list[Observation]:
    found = []
    for alpha, width in _CONDENSED:
        estimates = [mean((_log_sum(alpha, width, int(d)) + d / 2) / d) for d in _DIMS]
        found.append(Observation({"alpha": alpha, "width": width}, _limit(estimates)))
    return found


def _participations() -> list[Observation]:
    found = []
    for alpha, width in _CONDENSED:
        estimates = [mean((_weights(_levels(alpha, width, int(d)))[:, :-1] ** 2).sum(1)) for d in _DIMS]
        found.append(Observation({"alpha": alpha, "width": width}, extrapolate(_DIMS, estimates)[0]))
    return found


def _temperatures() -> list[Observation]:
    """β_c from how much faster than n the sum grows: 1/β_c is the slope of ln Z_{1^c}/d in α."""
    found, step = [], 0.02
    for alpha, width in _CONDENSED:
        slopes = []
        for d in _DIMS:
            above, below = (mean(_log_sum(alpha + s, width, int(d)) / (2 * step * d)) for s in (step, -step))
            slopes.append(Estimate(above.value - below.value, float(np.hypot(above.error, below.error))))
        slope = _limit(slopes)
        estimate = Estimate(1 / slope.value, slope.error / slope.value**2)
        found.append(Observation({"alpha": alpha, "width": width}, estimate))
    return found


def _gains() -> list[Observation]:
    """Posterior variance over ε² along one more direction, of variance λ: points get their coordinate there as a random
    mark."""
    found = []
    for (alpha, width), eigenvalue in ((at, lam) for at in _CONDENSED for lam in (0.4, 2.0)):
        estimates, total = [], eigenvalue + width**2
        for d in _DIMS:
            rng = stream("check", "condensation.gain", alpha, eigenvalue, int(d))
            levels = _levels(alpha, width, int(d))
            marks = np.sqrt(eigenvalue) * rng.standard_normal((len(levels), _NEAREST))
            place = np.sqrt(total) * rng.standard_normal((len(levels), 1))
            # the marks of the rest are averaged in closed form: their weight, mean and mean square
            far = -(place**2) / (2 * total) - np.log(total / width**2) / 2
            weights = _weights(levels + np.hstack([-((place - marks) ** 2) / (2 * width**2), far]))
            middle = eigenvalue / total * place
            centre = (weights * np.hstack([marks, middle])).sum(1)
            square = (weights * np.hstack([marks**2, middle**2 + eigenvalue * width**2 / total])).sum(1)
            estimates.append(mean((square - centre**2) / width**2))
        args = {"alpha": alpha, "width": width, "eigenvalue": eigenvalue}
        found.append(Observation(args, extrapolate(_DIMS, estimates)[0]))
    return found


# -- inliers and outliers ----------------------------------------------------------------------------------------------


def _inliers() -> list[Observation]:
    """The width at which the condensed others weigh as much as the own term, in the limit of large d."""
    found = []
    for alpha, radius2 in ((0.3, 0.3), (0.1, 0.0), (0.5, 0.8)):
        predicted = float(kernel.inlier_collapse_width(alpha, radius2))
        estimates = []
        for d in _DIMS:
            widths = predicted * np.array([0.98, 1.0, 1.02])
            surplus = []
            for width in widths:
                rng = stream("check", "condensation.inlier", alpha, radius2, int(d))  # the same arrivals at each width
                levels = _exponents(alpha, width, int(d), d * (radius2 + width**2), 200, rng)
                surplus.append((logsumexp(levels, axis=1) + d / 2) / d)
            # each replica has its own crossing, by the parabola through three points
            estimates.append(mean(np.array([_root(widths, s) for s in np.transpose(surplus)])))
        found.append(Observation({"alpha": alpha, "radius2": radius2}, _limit(estimates)))
    return found


def _root(x: np.ndarray, y: np.ndarray) -> float:
    """Where the parabola of x in y through three points has y = 0."""
    return float(np.polyval(np.polyfit(y, x, 2), 0.0))


def _outliers() -> list[Observation]:
    """The width at which e^{αd} mean terms weigh as much as the own one, by a straight line from widths close to it."""
    found = []
    for alpha, d, radius2 in ((0.8, 3, 1.5), (1.0, 3, 3.0), (0.9, 2, 1.0)):
        width = 0.97 * float(kernel.outlier_collapse_width(alpha, radius2))
        x = stream("check", "condensation.outlier", alpha, radius2).standard_normal((_DRAWS, d))
        estimates = []
        for w in width * np.array([1.0, 1.05]):
            place = np.sqrt(radius2 + w**2)  # every coordinate
            terms = np.exp(d / 2 - ((x - place) ** 2).sum(1) / (2 * w**2))
            estimates.append(mean(terms))
        logs = [alpha * d + np.log(e.value) for e in estimates]
        slope = (logs[1] - logs[0]) / np.log(1.05)
        value = width * np.exp(-logs[0] / slope)
        error = value * estimates[0].error / estimates[0].value / abs(slope)
        found.append(Observation({"alpha": alpha, "radius2": radius2}, Estimate(float(value), float(error))))
    return found


def _typical(alpha: float, radius2: float) -> float:
    return float(1 / np.sqrt(np.expm1(2 * alpha)))


CHECKS = [
    Check(
        "condensation.dispersion",
        kernel.dispersion,
        3,
        _dispersions,
        {
            "d/2, of high-dimensional noise": lambda tau, eigenvalues: len(eigenvalues) / 2,
            "information for its variance": lambda tau, eigenvalues: np.log1p(eigenvalues / tau**2).sum() / 2,
            "x and ξ as if independent of u": lambda tau, eigenvalues: float(len(eigenvalues)),
        },
    ),
    Check(
        "condensation.local_information",
        kernel.local_information,
        3,
        _local_informations,
        {
            "the same for every point": lambda width, d, radius2: d * np.log1p(width**-2) / 2,
            "KL of the posterior": lambda width, d, radius2: (
                d * (np.log1p(width**-2) + (radius2 - 1) / (1 + width**2) ** 2) / 2
            ),
        },
    ),
    Check(
        "condensation.condensation",
        kernel.condensation,
        2,
        _temperatures,
        {
            "never condensed": lambda alpha, width: 1.0,
            "levels as if normal, √(ln n/I)": lambda alpha, width: np.sqrt(2 * alpha / np.log1p(width**-2)),
        },
    ),
    Check(
        "condensation.quenched_ratio",
        kernel.quenched_ratio,
        2,
        _quenched_ratios,
        {
            "annealed": lambda alpha, width: alpha - np.log1p(width**-2) / 2,
            "the mean by β_c": lambda alpha, width: (
                (alpha - np.log1p(width**-2) / 2 + 0.5) / kernel.condensation(alpha, width) - 0.5
            ),
        },
    ),
    Check(
        "condensation.participation",
        kernel.participation,
        2,
        _participations,
        {
            "spread over many points": lambda alpha, width: 0.0,
            "β_c for 1 − β_c": kernel.condensation,
        },
    ),
    Check(
        "condensation.condensed_gain",
        kernel.condensed_gain,
        4,
        _gains,
        {
            "Wiener's": lambda alpha, width, eigenvalue: eigenvalue / (eigenvalue + width**2),
            "reduced by β_c alone": lambda alpha, width, eigenvalue: (
                kernel.condensation(alpha, width) * eigenvalue / (eigenvalue + width**2)
            ),
            "the spread of the level, all of it": lambda alpha, width, eigenvalue: (
                eigenvalue / (kernel.condensation(alpha, width) * eigenvalue + width**2)
            ),
        },
    ),
    Check(
        "condensation.inlier_collapse_width",
        kernel.inlier_collapse_width,
        3,
        _inliers,
        {
            "annealed: i(x) = ln n": lambda alpha, radius2: float(_annealed(alpha, radius2)),
            "the same for every point": _typical,
        },
    ),
    Check(
        "condensation.outlier_collapse_width",
        kernel.outlier_collapse_width,
        3,
        _outliers,
        {
            "the same for every point": _typical,
            "e^{α} for e^{2α}": lambda alpha, radius2: kernel.outlier_collapse_width(alpha / 2, radius2),
        },
    ),
]


def _annealed(alpha: float, radius2: float) -> float:
    """The width at which i(x) = ln n, by bisection: right for outliers only."""
    low, high = 1e-3, 10.0
    for _ in range(60):
        middle = np.sqrt(low * high)
        carried = kernel.local_information(middle, 1, radius2)
        low, high = (middle, high) if carried > alpha else (low, middle)
    return float(low)
