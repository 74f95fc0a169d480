"""Kernel estimates and the L2 criterion, against Monte-Carlo integrals and simulated point sets."""

from functools import cache
from math import pi

import numpy as np
import torch

from memgen.measures import KernelEstimate, Position, kernel_estimate, log_overlaps, position
from memgen.statistics import Estimate, extrapolate, mean
from memgen.streams import stream
from theory import kernel
from theory.checks.check import Check, Observation

_DRAWS = 40_000
_SETS = ((20, 3, 1.0), (60, 2, 1.5))  # n, d, σ


# -- widths and overlaps of point sets -----------------------------------------------------------------------------


def _self_overlaps() -> list[Observation]:
    """∫ of the squared kernels: the mean of (1/n) N(x; x_k, ε²I) at points drawn from the kernels themselves."""
    found = []
    for n, d, sigma in _SETS:
        for factor in (0.7, 1.0):
            width = factor * _width(n, d, sigma)
            z = stream("check", "kernel.self_overlap", n, d, factor).standard_normal((_DRAWS, d))
            density = np.exp(-(z**2).sum(1) / 2) / (2 * pi * width**2) ** (d / 2)
            values = density / n * (4 * pi * sigma**2) ** (d / 2)
            found.append(Observation({"n": n, "d": d, "width": width, "sigma": sigma}, mean(values)))
    return found


def _width(n: int, d: int, sigma: float) -> float:
    """The width that the measures use."""
    points = stream("check", "kernel.width", n, d).standard_normal((n, d))
    return kernel_estimate(points, sigma).variance ** 0.5


def _widths() -> list[Observation]:
    """The width at which the self-overlaps are 1, from the ones measured at the width in use."""
    found = []
    for o in _self_overlaps():
        n, d, width, sigma = o.args.values()
        if np.isclose(width, _width(n, d, sigma)):
            value = width * o.estimate.value ** (1 / d)
            error = value / d * o.estimate.error / o.estimate.value
            found.append(Observation({"n": n, "d": d, "sigma": sigma}, Estimate(value, error, o.estimate.freedom)))
    return found


@cache
def _point_sets(n: int, d: int, sigma: float) -> list[KernelEstimate]:
    rng = stream("check", "kernel.sets", n, d, sigma)
    return [kernel_estimate(sigma * rng.standard_normal((n, d)), sigma) for _ in range(2000)]


def _pair_overlaps() -> list[Observation]:
    found = []
    for n, d, sigma in _SETS:
        values = np.exp([s.log_pair for s in _point_sets(n, d, sigma)])
        found.append(Observation({"n": n, "d": d, "width": _width(n, d, sigma), "sigma": sigma}, mean(values)))
    return found


def _squared_errors() -> list[Observation]:
    found = []
    for n, d, sigma in _SETS:
        truth = np.zeros(d), sigma**2 * np.eye(d)
        values = [position(s, *truth, *truth).separation for s in _point_sets(n, d, sigma)]
        scaled = mean(np.array(values) * (4 * pi * sigma**2) ** (-d / 2))
        found.append(Observation({"n": n, "d": d, "width": _width(n, d, sigma), "sigma": sigma}, scaled))
    return found


# -- one component against all the others --------------------------------------------------------------------------


def _others(n: int, d: int, width: float) -> Estimate:
    """Mean of Z_{1^c}/Z_1 at a place with |x|² = d(1+ε²), |x − x_1|² = dε², over one of n − 1 others at a time."""
    x = stream("check", "kernel.others", n, d, width).standard_normal((_DRAWS, d))
    place = np.full(d, np.sqrt(1 + width**2))
    log_terms = (d - ((x - place) ** 2).sum(1) / width**2) / 2
    return mean((n - 1) * np.exp(log_terms))


def _neighbour_ratios() -> list[Observation]:
    return [Observation({"n": n, "d": d}, _others(n, d, _width(n, d, 1.0))) for n, d in ((6, 3), (60, 2), (500, 4))]


def _collapse_widths() -> list[Observation]:
    """The width at which n (not n − 1) other terms weigh as much as one's own, from their weight close to it."""
    found = []
    for n, d, width in ((8, 3, 0.55), (20, 4, 0.5)):
        weight = _others(n + 1, d, width)
        # ln weight has the slope d/(1+ε²) in ln ε; of the second order in ln weight there is nothing to see
        power = -(1 + width**2) / d
        value = width * weight.value**power
        found.append(Observation({"n": n, "d": d}, Estimate(value, abs(power) * value * weight.error / weight.value)))
    return found


# -- the perpendicular bisector ------------------------------------------------------------------------------------


def _normal(x: np.ndarray, m: np.ndarray, variance: float) -> np.ndarray:
    d = x.shape[1]
    return np.exp(-((x - m) ** 2).sum(1) / (2 * variance)) / (2 * pi * variance) ** (d / 2)


@cache
def _scenes() -> list[tuple[Position, Estimate, Estimate]]:
    """Where G stands by closed forms; Δ and E_OG by Monte-Carlo integration of the densities, d = 2, σ = 1."""
    found, unit = [], 4 * pi
    rng = stream("check", "kernel.bisector")
    points = rng.standard_normal((6, 2))
    estimate = kernel_estimate(points)
    for shift, variance in ((0.0, 1.0), (0.6, 0.5), (-0.9, 2.0)):
        m = np.array([shift, shift / 2])
        centres = [*points, np.zeros(2), m]
        variances = [estimate.variance] * 6 + [1.0, variance]
        weights = np.array([1 / 18] * 6 + [1 / 3, 1 / 3])
        which = rng.choice(8, _DRAWS, p=weights)
        x = np.stack(centres)[which] + np.sqrt(np.array(variances)[which])[:, None] * rng.standard_normal((_DRAWS, 2))
        densities = np.stack([_normal(x, c, v) for c, v in zip(centres, variances, strict=True)])
        sampled = weights @ densities
        train, truth, generated = densities[:6].mean(0), densities[6], densities[7]
        place = position(estimate, m, variance * np.eye(2), np.zeros(2), np.eye(2))
        delta = mean(unit * ((train - generated) ** 2 - (truth - generated) ** 2) / sampled)
        found.append((place, delta, mean(unit * (truth - generated) ** 2 / sampled)))
    return found


def _deltas() -> list[Observation]:
    return [Observation({"position": p.a, "separation": p.separation}, delta) for p, delta, _ in _scenes()]


def _distances() -> list[Observation]:
    return [
        Observation({"position": p.a, "separation": p.separation, "b_squared": p.b_squared}, distance)
        for p, _, distance in _scenes()
        if p.b_squared > 1e-9  # G = O has distance 0, and no error
    ]


# -- memorized fraction --------------------------------------------------------------------------------------------


def _memorized() -> list[Observation]:
    """n[k(G,T) − k(G,H)]/(k(0) − k̄), with the overlaps of the true law as control variate; n → ∞."""
    d, sizes, found = 3, (40, 80, 160), []
    for width in (0.5, 1.0, 3.0):
        estimates = []
        own = (2 / width**2) ** (d / 2) - (2 / (width**2 + 2)) ** (d / 2)  # times the (4π)^{d/2} of log_overlaps
        for n in sizes:
            sets = stream("check", "kernel.memorized", width, n).standard_normal((2, 4000, n, d))
            train, holdout = torch.from_numpy(sets)
            centred = train - train.mean(-2, keepdim=True)
            eye = torch.eye(d, dtype=train.dtype)
            law = train.mean(-2), centred.mT @ centred / (n - 1) + width**2 * eye
            truth = torch.zeros(d, dtype=train.dtype), (1 + width**2) * eye
            gain = [(log_overlaps(x, *law).exp() - log_overlaps(x, *truth).exp()).mean(-1) for x in (train, holdout)]
            values = n * (gain[0] - gain[1]) / own
            estimates.append(mean(values.numpy()))
        limit = extrapolate(np.array(sizes), estimates, powers=(1,))[0]
        found.append(Observation({"width": width, "d": d}, limit))
    return found


CHECKS = [
    Check(
        "kernel.kernel_width",
        kernel.kernel_width,
        _widths,
        {
            "the width that is consistent in L2": lambda n, d, sigma: sigma * n ** (-1 / (d + 4)),
            "variance for width": lambda n, d, sigma: sigma * n ** (-2 / d),
        },
    ),
    Check(
        "kernel.self_overlap",
        kernel.self_overlap,
        _self_overlaps,
        {
            "n² for n": lambda n, **rest: kernel.self_overlap(n=n, **rest) / n,
            "ε² for 2ε²": lambda d, **rest: 2 ** (d / 2) * kernel.self_overlap(d=d, **rest),
        },
    ),
    Check(
        "kernel.pair_overlap",
        kernel.pair_overlap,
        _pair_overlaps,
        {
            "self-pairs counted": lambda **at: kernel.pair_overlap(**at) + kernel.self_overlap(**at),
            "one of two points smoothed": lambda n, d, width, sigma: kernel.pair_overlap(n, d, width / 2**0.5, sigma),
        },
    ),
    Check(
        "kernel.neighbour_ratio",
        kernel.neighbour_ratio,
        _neighbour_ratios,
        {
            "the seed's e^{−d/2}/n": lambda n, d: np.exp(-d / 2) / n,
            "balanced": lambda n, d: 1.0,
            "n for n − 1": lambda n, d: n / (n - 1) * kernel.neighbour_ratio(n, d),
        },
    ),
    Check(
        "kernel.collapse_width",
        kernel.collapse_width,
        _collapse_widths,
        {
            "the seed's width": kernel.kernel_width,
            "1/d for 2/d": lambda n, d: 1 / np.sqrt(n ** (1 / d) - 1),
        },
    ),
    Check(
        "kernel.kde_mise",
        kernel.kde_mise,
        _squared_errors,
        {
            "no self-overlaps, as if it were consistent": lambda n, d, width, sigma: (
                kernel.kde_mise(n, d, width, sigma) - kernel.kde_mise(n, d, width, sigma) / 2
            ),
            "infinitely many points": lambda n, d, width, sigma: kernel.kde_mise(1e12, d, width, sigma),
            "‖O‖² exactly": lambda n, d, width, sigma: (4 * pi * sigma**2) ** (-d / 2),
        },
    ),
    Check(
        "kernel.bisector",
        kernel.bisector,
        _deltas,
        {
            "1 − a": lambda position, separation: separation * (1 - position),
            "T and O exchanged": lambda position, separation: -separation * (1 - 2 * position),
        },
    ),
    Check(
        "kernel.distance_original",
        kernel.distance_original,
        _distances,
        {
            "circular: E_OG from a alone": lambda position, separation, b_squared: position**2 * separation,
            "a for a²": lambda position, separation, b_squared: position * separation + b_squared,
        },
    ),
    Check(
        "kernel.memorized_fraction",
        kernel.memorized_fraction,
        _memorized,
        {
            "mean alone": lambda width, d: (
                kernel.memorized_fraction(width, d)
                * (d / (1 + _sharp(width)))
                / (d / (1 + _sharp(width)) + d * (d + 2) * _sharp(width) / (2 * (1 + _sharp(width)) ** 2))
            ),
            "one dimension, d times": lambda width, d: 1 - (1 - kernel.memorized_fraction(width, 1)) ** d,
        },
    ),
]


def _sharp(width: float) -> float:
    return 1 / (1 + width**2)
