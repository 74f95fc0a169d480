"""Where G stands between T and O, against Monte-Carlo integrals and simulated training sets."""

from math import pi

import numpy as np
import torch

from memgen.measures import Position, kernel_estimate, log_overlaps, position
from memgen.statistics import Estimate, extrapolate, mean
from memgen.streams import drawn_once, stream
from theory import transition
from theory.checks.check import Check, Observation

_DRAWS = 40_000


def _normal(x: np.ndarray, m: np.ndarray, variance: float) -> np.ndarray:
    d = x.shape[1]
    return np.exp(-((x - m) ** 2).sum(1) / (2 * variance)) / (2 * pi * variance) ** (d / 2)


@drawn_once
def _scenes() -> list[tuple[Position, Estimate, Estimate]]:
    """The position of G by closed forms, and Δ and E_OG by Monte-Carlo integrals of the densities; d = 2, σ = 1."""
    found, unit = [], 4 * pi
    rng = stream("check", "bisector.bisector")
    points = np.array([[0.6, -1.1], [-0.4, 0.3], [1.5, 0.8], [-1.2, -0.5], [0.1, 1.3], [-0.8, -1.4]])
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
    return [Observation({"memorized": p.a, "span": p.separation}, delta) for p, delta, _ in _scenes()]


def _distances() -> list[Observation]:
    return [
        Observation({"memorized": p.a, "span": p.separation, "orthogonal": p.b_squared}, distance)
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
        "bisector.bisector",
        transition.bisector,
        3,
        _deltas,
        {
            "1 − a": lambda memorized, span: span * (1 - memorized),
            "T and O exchanged": lambda memorized, span: -span * (1 - 2 * memorized),
        },
    ),
    Check(
        "bisector.distance_original",
        transition.distance_original,
        2,
        _distances,
        {
            "circular: E_OG from a alone": lambda memorized, span, orthogonal: memorized**2 * span,
            "a for a²": lambda memorized, span, orthogonal: span * (memorized + orthogonal),
        },
    ),
    Check(
        "bisector.memorized_fraction",
        transition.memorized_fraction,
        3,
        _memorized,
        {
            "mean alone": lambda width, d: (
                transition.memorized_fraction(width, d)
                * (d / (1 + _sharp(width)))
                / (d / (1 + _sharp(width)) + d * (d + 2) * _sharp(width) / (2 * (1 + _sharp(width)) ** 2))
            ),
            "one dimension, d times": lambda width, d: 1 - (1 - transition.memorized_fraction(width, 1)) ** d,
        },
    ),
]


def _sharp(width: float) -> float:
    return 1 / (1 + width**2)
