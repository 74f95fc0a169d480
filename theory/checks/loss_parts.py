"""The bias and the three variances of random-feature denoisers with σ = sin, extrapolated to infinite size."""

from collections.abc import Callable
from functools import partial

import numpy as np

from memgen.denoisers.features import Parts, loss_parts
from memgen.statistics import Estimate, extrapolate, mean
from memgen.streams import drawn_once, stream
from theory import features
from theory.checks.check import Check, Observation

_SIZES = (16, 32, 64)
# p/d, n/d, m, ridge, t
_CASES = ((2.0, 1.5, 2, 0.01, 0.1), (3.0, 1.0, 4, 0.02, 0.05), (1.0, 4.0, 1, 0.003, 0.2), (2.0, 2.0, 8, 0.003, 0.1))


@drawn_once
def _drawn(p: float, n: float, m: int, ridge: float, t: float) -> dict[str, Estimate]:
    found = []
    for d in _SIZES:
        rng = stream("loss_parts", d, p, n, m, ridge, t)
        draws = [loss_parts(rng, round(p * d), round(n * d), m, d, t, ridge) for _ in range(30 * 64 // d)]
        found.append([mean(np.array(values)) for values in zip(*draws, strict=True)])
    limits = (extrapolate(np.array(_SIZES), list(values), powers=(1, 2))[0] for values in zip(*found, strict=True))
    return dict(zip(Parts._fields, limits, strict=True))


def _observed(name: str) -> list[Observation]:
    return [
        Observation({**features.sine_setting(p, n, m, t)._asdict(), "ridge": ridge}, _drawn(p, n, m, ridge, t)[name])
        for p, n, m, ridge, t in _CASES
    ]


def _with(formula: Callable[..., float], other: Callable[..., float], **setting: float) -> float:
    """A wrong value: as if the other part belonged to this one."""
    return formula(**setting) + other(**setting)


def without_fingerprint(formula: Callable[..., float], common: float, fresh: float, **rest: float) -> float:
    """A wrong value: as if copies of a point shared nothing beyond what is linear."""
    return formula(common=1e-12, fresh=fresh + common, **rest)


def with_many_points(formula: Callable[..., float], samples: float, **rest: float) -> float:
    """A wrong value: as if the training set were the law, and nothing were learnt by heart."""
    return formula(samples=1e9, **rest)


_BIAS, _WEIGHTS = features.features_bias, features.features_weight_variance
_POINTS, _NOISES = features.features_point_variance, features.features_noise_variance

CHECKS = [
    Check(
        "features.bias",
        features.features_bias,
        len(_CASES),
        partial(_observed, "bias"),
        {
            "with the variance over weights": partial(_with, _BIAS, _WEIGHTS),
            "no shared noise of features": partial(without_fingerprint, _BIAS),
            "infinitely many points": partial(with_many_points, _BIAS),
        },
    ),
    Check(
        "features.weight_variance",
        features.features_weight_variance,
        len(_CASES),
        partial(_observed, "weights"),
        {
            "with the variance over points": partial(_with, _WEIGHTS, _POINTS),
            "infinitely many points": partial(with_many_points, _WEIGHTS),
        },
    ),
    Check(
        "features.point_variance",
        features.features_point_variance,
        len(_CASES),
        partial(_observed, "points"),
        {
            "with the variance over noises": partial(_with, _POINTS, _NOISES),
            "no shared noise of features": partial(without_fingerprint, _POINTS),
        },
    ),
    Check(
        "features.noise_variance",
        features.features_noise_variance,
        len(_CASES),
        partial(_observed, "noises"),
        {
            "with the variance over points": partial(_with, _NOISES, _POINTS),
            "no shared noise of features": partial(without_fingerprint, _NOISES),
        },
    ),
]
