"""Two-layer autoencoders fitted at every time of a flow, taken to infinite d in powers of d^{−1/2}."""

from collections.abc import Callable
from functools import partial

import numpy as np

from memgen.experiments.autoencoder import measured
from memgen.statistics import Estimate, extrapolate, mean
from memgen.streams import drawn_once, stream
from theory import features
from theory.checks.check import Check, Observation

_SIZES = (144, 400, 1024)
_SETS = 32  # in the largest dimension
_CASES = ((2, 1, 0.1, 1.0), (6, 1, 0.1, 1.0), (4, 2, 1.0, 0.7), (2, 4, 0.1, 1.0))  # n, m, λ_w, σ


@drawn_once
def _made(n: int, m: int, decay: float, sigma: float) -> dict[str, Estimate]:
    """|μ̂−μ|²/d, without bias from two halves of the new data, and the variance of these, for infinite d."""
    found: dict[str, list[Estimate]] = {"error": [], "variance": []}
    for d in _SIZES:
        values = []
        for replica in range(_SETS * round((_SIZES[-1] / d) ** 0.5)):
            rng = stream("autoencoder", n, m, decay, sigma, d, replica)
            values.append(tuple(measured(rng, n, m, d, decay, sigma).values()))
        for name, column in zip(found, np.transpose(values), strict=True):
            found[name].append(mean(column))
    return {name: extrapolate(np.array(_SIZES), of, powers=(0.5, 1))[0] for name, of in found.items()}


def _observed(name: str) -> list[Observation]:
    return [
        Observation({"n": n, "noises": m, "weight_decay": decay, "sigma": sigma}, _made(n, m, decay, sigma)[name])
        for n, m, decay, sigma in _CASES
    ]


def _copies(formula: Callable[..., float], n: float, noises: float, **rest: float) -> float:
    """A wrong value: as if every noised copy were a point of its own."""
    return formula(n=n * noises, noises=1, **rest)


def _all_noises(formula: Callable[..., float], noises: float, **rest: float) -> float:
    """A wrong value: as if the generated law did not remember the mean of the training noises."""
    return formula(noises=1e9, **rest)


CHECKS = [
    Check(
        "features.autoencoder_error",
        features.autoencoder_error,
        len(_CASES),
        partial(_observed, "error"),
        {
            "noises of training are forgotten": partial(_all_noises, features.autoencoder_error),
            "copies as points": partial(_copies, features.autoencoder_error),
        },
    ),
    Check(
        "features.autoencoder_variance",
        features.autoencoder_variance,
        len(_CASES),
        partial(_observed, "variance"),
        {
            "that of the law": lambda sigma, **rest: sigma**2,
            "noises of training are forgotten": partial(_all_noises, features.autoencoder_variance),
        },
    ),
]
