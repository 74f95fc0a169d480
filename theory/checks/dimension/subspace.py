"""Data on a subspace, denoised in one step: the generated law along it, extrapolated to infinite size."""

import numpy as np

from memgen.laws.data import bartlett
from memgen.statistics import Estimate, extrapolate, mean
from memgen.streams import drawn_once, stream
from theory import dimension
from theory.checks.check import Check, Observation
from theory.linear import generated_logdet, kl_generated_true

_SIZES = (24, 48, 96)
_CASES = ((0.5, 0.25, 0.5), (0.75, 0.5, 0.25), (0.8, 0.75, 0.8))  # γ, D/d, ρ


@drawn_once
def _laws() -> dict[str, list[list[Estimate]]]:
    """ln det/D and KL/D for each case and size, from AAᵀ with A = √ρ(I 0) + √(1−ρ) Z W^{−1/2}."""
    found: dict[str, list[list[Estimate]]] = {"logdet": [], "kl": []}
    for gamma, filled, rho in _CASES:
        logdets, divergences = [], []
        for d in _SIZES:
            held, degrees = round(filled * d), round(d / gamma)
            rng = stream("dimension.subspace", d, held, degrees, rho)
            sets = 200 * 96 // d
            lower = bartlett(sets, d, degrees, rng)
            noise = rng.standard_normal((sets, held, d))
            rows = np.sqrt(rho) * np.eye(held, d) + np.sqrt(1 - rho) * np.linalg.solve(lower.mT, noise.mT).mT
            product = rows @ rows.mT
            logdet = np.linalg.slogdet(product)[1] / held
            logdets.append(mean(logdet))
            divergences.append(mean((np.trace(product, axis1=-2, axis2=-1) / held - 1 - logdet) / 2))
        found["logdet"].append(logdets)
        found["kl"].append(divergences)
    return found


def _limits(measure: str) -> list[Observation]:
    return [
        Observation(
            {"gamma": gamma, "filled": filled, "rho": rho},
            extrapolate(np.array(_SIZES), estimates, powers=(1, 2))[0],
        )
        for (gamma, filled, rho), estimates in zip(_CASES, _laws()[measure], strict=True)
    ]


CHECKS = [
    Check(
        "dimension.subspace_logdet",
        dimension.subspace_logdet,
        len(_CASES),
        lambda: _limits("logdet"),
        {
            "D = d": lambda gamma, filled, rho: generated_logdet(gamma, rho),
            "d/n of the subspace": lambda gamma, filled, rho: dimension.subspace_logdet(gamma * filled, filled, rho),
            "plateau everywhere": lambda gamma, filled, rho: np.log(rho),
        },
    ),
    Check(
        "dimension.kl_subspace",
        dimension.kl_subspace,
        len(_CASES),
        lambda: _limits("kl"),
        {
            "D = d": lambda gamma, filled, rho: kl_generated_true(gamma, rho),
            "intrinsic dimension alone": lambda gamma, filled, rho: kl_generated_true(gamma * filled, rho),
        },
    ),
]
