"""Random features with σ = sin, the noise averaged exactly, extrapolated to infinite size in powers of 1/d."""

import math
from collections.abc import Callable
from functools import partial

import numpy as np

from memgen.denoisers.features import sine_losses
from memgen.statistics import Estimate, extrapolate, mean
from memgen.streams import drawn_once, stream
from theory import features
from theory.checks.check import Check, Observation

_SIZES = (16, 32, 64)
# p/d, n/d, ridge, t
_CASES = (
    (2.0, 1.5, 0.01, 0.1),
    (4.0, 2.0, 0.01, 0.5),
    (0.5, 2.0, 0.01, 0.1),
    (3.0, 1.0, 0.05, 0.05),
    (1.0, 4.0, 0.003, 0.2),
)


def coefficients(t: float) -> dict[str, float]:
    """μ_x², μ_ξ², v² and s² of σ = sin."""
    point, noise, shared = np.exp(-2 * t - 1), -np.expm1(-2 * t) / math.e, float(features.sine_common(t))
    rest = -np.expm1(-2) / 2 - point - noise - shared
    return {"of_point": point, "of_noise": noise, "common": shared, "fresh": rest}


@drawn_once
def _losses(p: float, n: float, ridge: float, t: float) -> dict[str, Estimate]:
    found: dict[str, list[Estimate]] = {"train": [], "test": []}
    for d in _SIZES:
        rng = stream("features", d, p, n, ridge, t)
        values = []
        for _ in range(40 * 64 // d):
            weights = rng.standard_normal((round(p * d), d))
            weights *= np.sqrt(d) / np.linalg.norm(weights, axis=1, keepdims=True)
            values.append(sine_losses(weights, rng.standard_normal((round(n * d), d)), ridge, t))
        for name in found:
            found[name].append(mean([getattr(one, name) for one in values]))
    return {name: extrapolate(np.array(_SIZES), estimates, powers=(1, 2))[0] for name, estimates in found.items()}


def _observed(name: str) -> list[Observation]:
    return [
        Observation({"features": p, "samples": n, "ridge": ridge, **coefficients(t)}, _losses(p, n, ridge, t)[name])
        for p, n, ridge, t in _CASES
    ]


def _exchanged(formula: Callable[..., float], features: float, samples: float, **rest: float) -> float:
    """ψ_p for ψ_n and ψ_n for ψ_p."""
    return formula(features=samples, samples=features, **rest)


def _linear(formula: Callable[..., float], common: float, fresh: float, **rest: float) -> float:
    """As if copies of a point shared nothing beyond what is linear."""
    return formula(common=1e-12, fresh=fresh + common, **rest)


def _many(formula: Callable[..., float], samples: float, **rest: float) -> float:
    """As if nothing were learnt by heart."""
    return formula(samples=1e9, **rest)


_TIMES = (0.05, 0.3)


def _shared() -> list[Observation]:
    """What two noised copies of a point share in sin, less what is linear in the point."""
    found = []
    for t in _TIMES:
        point, *noises = stream("features.common", t).standard_normal((3, 2_000_000))
        copies = [np.sin(np.exp(-t) * point + np.sqrt(-np.expm1(-2 * t)) * xi) for xi in noises]
        linear = np.exp(-t - 0.5) * point  # as a control variate: its mean square is known
        share = mean(copies[0] * copies[1] - linear * linear)
        found.append(Observation({"t": t}, share))
    return found


def _wrong(formula: Callable[..., float]) -> dict[str, Callable[..., float]]:
    return {
        "points and features exchanged": partial(_exchanged, formula),
        "no shared noise of features": partial(_linear, formula),
        "infinitely many points": partial(_many, formula),
    }


_TRAIN, _TEST = features.features_train_loss, features.features_test_loss

CHECKS = [
    Check(
        "features.train_loss", features.features_train_loss, len(_CASES), partial(_observed, "train"), _wrong(_TRAIN)
    ),
    Check("features.test_loss", features.features_test_loss, len(_CASES), partial(_observed, "test"), _wrong(_TEST)),
    Check(
        "features.sine_common",
        features.sine_common,
        len(_TIMES),
        _shared,
        {
            "all that is not linear": lambda t: (1 - np.exp(-2)) / 2 - 1 / math.e,
            "at twice the time": lambda t: np.exp(-12 * t - 1) / 6,
        },
    ),
]
