"""Random features with σ = sin and kernels of infinitely wide networks, extrapolated to infinite size in powers of 1/d.

The noise is averaged exactly where all of it is seen.
"""

import math
from collections.abc import Callable
from functools import partial

import numpy as np

from memgen.denoisers import kernels
from memgen.denoisers.features import SineFeatures, unit_rows
from memgen.statistics import Estimate, extrapolate, mean
from memgen.streams import drawn_once, stream
from theory import features
from theory.checks import autoencoder, loss_parts
from theory.checks.check import Check, Observation
from theory.checks.loss_parts import with_many_points, without_fingerprint
from theory.features import ALL_NOISES

_SIZES = (16, 32, 64)
# p/d, n/d, m, ridge, t
_CASES = (
    (2.0, 1.5, ALL_NOISES, 0.01, 0.1),
    (4.0, 2.0, ALL_NOISES, 0.01, 0.5),
    (0.5, 2.0, ALL_NOISES, 0.01, 0.1),
    (3.0, 1.0, ALL_NOISES, 0.05, 0.05),
    (1.0, 4.0, ALL_NOISES, 0.003, 0.2),
    (2.0, 1.5, 1, 0.01, 0.1),
    (4.0, 1.0, 2, 0.02, 0.05),
    (1.0, 2.0, 4, 0.003, 0.2),
)


def _setting(p: float, n: float, m: float, t: float) -> dict[str, float]:
    return features.sine_setting(p, n, m, t)._asdict()


@drawn_once
def _losses(p: float, n: float, m: float, ridge: float, t: float) -> dict[str, Estimate]:
    found: dict[str, list[Estimate]] = {"train": [], "test": []}
    for d in _SIZES:
        rng = stream("features", d, p, n, m, ridge, t)
        values = []
        for _ in range(40 * 64 // d):
            weights, x = unit_rows(rng, round(p * d), d), rng.standard_normal((round(n * d), d))
            values.append(SineFeatures(weights, x, t, None if m == ALL_NOISES else int(m), rng).ridge(ridge))
        for name in found:
            found[name].append(mean([getattr(one, name) for one in values]))
    return {name: extrapolate(np.array(_SIZES), estimates, powers=(1, 2))[0] for name, estimates in found.items()}


def _observed(name: str) -> list[Observation]:
    return [
        Observation({**_setting(p, n, m, t), "ridge": ridge}, _losses(p, n, m, ridge, t)[name])
        for p, n, m, ridge, t in _CASES
    ]


def _exchanged(formula: Callable[..., float], features: float, samples: float, **rest: float) -> float:
    """A wrong value: ψ_n in the place of ψ_p and ψ_p in that of ψ_n."""
    return formula(features=samples, samples=features, **rest)


def _copies(formula: Callable[..., float], samples: float, noises: float, **rest: float) -> float:
    """A wrong value: as if every noised copy were a point of its own."""
    return formula(samples=samples * min(noises, 8), noises=1, **rest)


# p/d, n/d, m, t, training time
_COURSES = (
    (4.0, 1.5, ALL_NOISES, 0.1, 1.0),
    (4.0, 1.5, ALL_NOISES, 0.1, 30.0),
    (2.0, 1.5, 2, 0.05, 20.0),
    (0.5, 2.0, 4, 0.2, 10.0),
)
_PLACES = ((4.0, 1.5, ALL_NOISES, 0.1, 0.2), (4.0, 1.5, 2, 0.05, 0.1), (1.0, 2.0, 2, 0.2, 0.3))  # and an eigenvalue
_BLUR = 0.05


@drawn_once
def _regressions(d: int, p: float, n: float, m: float, t: float) -> list[SineFeatures]:
    rng = stream("features in training", d, p, n, m, t)
    many = None if m == ALL_NOISES else int(m)
    return [
        SineFeatures(unit_rows(rng, round(p * d), d), rng.standard_normal((round(n * d), d)), t, many, rng)
        for _ in range(20 * 64 // d)
    ]


def _limit(of: Callable[[SineFeatures], float], case: tuple[float, float, float, float]) -> Estimate:
    """The mean of a quantity over training sets, extrapolated to infinite size."""
    found = [mean([of(one) for one in _regressions(d, *case)]) for d in _SIZES]
    return extrapolate(np.array(_SIZES), found, powers=(1, 2))[0]


def _left(which: int, time: float, one: SineFeatures) -> float:
    return float(one.flow([time])[which][0])


def _trained(which: int) -> list[Observation]:
    return [
        Observation(
            {**_setting(p, n, m, t), "time": time},
            _limit(partial(_left, which, time), (p, n, m, t)),
        )
        for p, n, m, t, time in _COURSES
    ]


def _blurred(at: float, one: SineFeatures) -> float:
    values = np.linalg.eigvalsh(one.gram)
    return float((_BLUR / ((values - at) ** 2 + _BLUR**2)).mean() / np.pi)


def _eigenvalues() -> list[Observation]:
    return [
        Observation(
            {**_setting(p, n, m, t), "at": at},
            _limit(partial(_blurred, at), (p, n, m, t)),
        )
        for p, n, m, t, at in _PLACES
    ]


def _flow(which: int, time: float, **setting: float) -> float:
    return float(features.flow_losses(features.Setting(**setting), [time])[which][0])


def _as_ridge(formula: Callable[..., float], time: float, **rest: float) -> float:
    """A wrong value: as if gradient flow for a time τ were ridge regression with 1/τ."""
    return formula(ridge=1 / time, **rest)


def _density(at: float, **setting: float) -> float:
    return float(features.spectral_density(features.Setting(**setting), np.array([at]), _BLUR)[0])


_TIMES = (0.05, 0.3)


def _shared() -> list[Observation]:
    """The mean product of two noised copies of a point under sin, less what is linear in the point."""
    found = []
    for t in _TIMES:
        point, *noises = stream("features.common", t).standard_normal((3, 2_000_000))
        copies = [np.sin(np.exp(-t) * point + np.sqrt(-np.expm1(-2 * t)) * xi) for xi in noises]
        linear = np.exp(-t - 0.5) * point  # as a control variate: its mean square is known
        share = mean(copies[0] * copies[1] - linear * linear)
        found.append(Observation({"t": t}, share))
    return found


# Kernel, n/d, m, t, ridge
_GRAMS: tuple[tuple[kernels.Name, float, int, float, float], ...] = (
    ("arcsine", 2, 4, 0.1, 0.03),
    ("arcsine", 0.5, 3, 0.3, 0.003),
    ("sine", 2, 2, 0.1, 0.01),
    ("sine", 3, 1, 0.5, 0.05),
    ("tangent", 1, 3, 0.3, 0.02),
)
_KERNELS = {"sine": features.SINE, "arcsine": features.ARCSINE, "tangent": features.TANGENT}


def _inverses() -> list[Observation]:
    """(1/N) tr (K+λ)⁻¹ of simulated Gram matrices, extrapolated to infinite size."""
    found = []
    for name, samples, m, t, ridge in _GRAMS:
        traces = []
        for d in _SIZES:
            rng = stream("features.gram", name, samples, m, t, ridge, d)
            n = round(samples * d)
            grams = (kernels.gram(name, kernels.noised_copies(rng, n, m, d, t)) for _ in range(20 * 64 // d))
            traces.append(mean([float((1 / (np.linalg.eigvalsh(gram) + ridge)).mean()) for gram in grams]))
        args = {"samples": samples, "noises": m, "ridge": ridge, **_KERNELS[name].parts(t)}
        found.append(Observation(args, extrapolate(np.array(_SIZES), traces, powers=(1, 2))[0]))
    return found


_WIDE = 1e6  # features to a dimension, in place of infinitely many
# Kernel, n/d, m, t, ridge
_REGRESSIONS: tuple[tuple[kernels.Name, float, int, float, float], ...] = (
    ("sine", 2, 4, 0.05, 0.05),
    ("sine", 3, 1, 0.3, 0.3),
    ("arcsine", 2, 3, 0.1, 0.3),
    ("arcsine", 1, 6, 0.1, 0.05),
)


@drawn_once
def _regressed(name: kernels.Name, samples: float, m: int, t: float, ridge: float) -> tuple[Estimate, Estimate]:
    """Losses of kernel regression, seen and unseen, at infinite size."""
    found = []
    for d in _SIZES:
        rng = stream("features.regression", name, samples, m, t, ridge, d)
        n = round(samples * d)
        losses = [kernels.regression_losses(rng, name, n, m, d, t, ridge) for _ in range(30 * 64 // d)]
        found.append([mean(np.array(values)) for values in zip(*losses, strict=True)])
    train, test = (extrapolate(np.array(_SIZES), list(values), powers=(1, 2))[0] for values in zip(*found, strict=True))
    return train, test


def _regression(which: int) -> list[Observation]:
    """Losses of kernel regression as those of very many features: a kernel is infinitely many, with the ridge λ_A = λ
    p/(nm)."""
    return [
        Observation(
            {
                "features": _WIDE,
                "samples": samples,
                "noises": m,
                "ridge": ridge * _WIDE / (samples * m),
                **_KERNELS[name].parts(t),
            },
            _regressed(name, samples, m, t, ridge)[which],
        )
        for name, samples, m, t, ridge in _REGRESSIONS
    ]


def _wrong_regression(formula: Callable[..., float]) -> dict[str, Callable[..., float]]:
    return {
        "no shared noise of features": partial(without_fingerprint, formula),
        "copies as points": partial(_copies, formula),
        "half the ridge": lambda ridge, **rest: formula(ridge=ridge / 2, **rest),
    }


def _wrong(formula: Callable[..., float]) -> dict[str, Callable[..., float]]:
    return {
        "points and features exchanged": partial(_exchanged, formula),
        "no shared noise of features": partial(without_fingerprint, formula),
        "infinitely many points": partial(with_many_points, formula),
        "copies as points": partial(_copies, formula),
    }


def _faster(which: int, time: float, **setting: float) -> float:
    return _flow(which, time / 2, **setting)


def _wrong_in_training(formula: Callable[..., float], which: int) -> dict[str, Callable[..., float]]:
    return {
        "ridge regression with 1/τ": partial(_as_ridge, formula),
        "in half the time": partial(_faster, which),
        "no shared noise of features": partial(without_fingerprint, partial(_flow, which)),
    }


_TRAIN, _TEST = features.features_train_loss, features.features_test_loss

CHECKS = [
    Check(
        "features.train_loss", features.features_train_loss, len(_CASES), partial(_observed, "train"), _wrong(_TRAIN)
    ),
    Check("features.test_loss", features.features_test_loss, len(_CASES), partial(_observed, "test"), _wrong(_TEST)),
    Check(
        "features.train_in_training",
        features.features_train_loss,
        len(_COURSES),
        partial(_trained, 0),
        _wrong_in_training(_TRAIN, 0),
        partial(_flow, 0),
    ),
    Check(
        "features.test_in_training",
        features.features_test_loss,
        len(_COURSES),
        partial(_trained, 1),
        _wrong_in_training(_TEST, 1),
        partial(_flow, 1),
    ),
    Check(
        "features.spectrum",
        features.features_train_loss,
        len(_PLACES),
        _eigenvalues,
        {
            "points and features exchanged": partial(_exchanged, _density),
            "infinitely many points": partial(with_many_points, _density),
            "copies as points": partial(_copies, _density),
        },
        _density,
    ),
    Check(
        "features.kernel_train_loss",
        features.features_train_loss,
        len(_REGRESSIONS),
        partial(_regression, 0),
        _wrong_regression(_TRAIN),
    ),
    Check(
        "features.kernel_test_loss",
        features.features_test_loss,
        len(_REGRESSIONS),
        partial(_regression, 1),
        _wrong_regression(_TEST),
    ),
    Check(
        "features.gram_trace",
        features.gram_trace,
        len(_GRAMS),
        _inverses,
        {
            "no shared noise of features": partial(without_fingerprint, features.gram_trace),
            "copies as points": partial(_copies, features.gram_trace),
            "half the ridge": lambda ridge, **rest: features.gram_trace(ridge=ridge / 2, **rest),
        },
    ),
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
    *autoencoder.CHECKS,
    *loss_parts.CHECKS,
]
