"""Least squares on several noises of each point, extrapolated to infinite size in powers of 1/d."""

import numpy as np
import torch

from memgen.denoisers.linear import fit
from memgen.statistics import Estimate, extrapolate, mean
from memgen.streams import stream
from theory.checks.check import Check, Observation
from theory.linear.isotropic import generated_trace
from theory.linear.noises import noises_trace

_SIZES = (24, 48, 96)
_CASES = ((0.5, 0.5, 2), (0.25, 0.2, 4), (1.5, 0.4, 4), (3.0, 0.5, 2), (4.0, 0.6, 2))  # γ, ρ, m


def _trace(d: int, gamma: float, rho: float, noises: int) -> Estimate:
    """The mean of (1/d) tr BBᵀ/ρ over sets of n = d/γ + 1 points."""
    n = round(d / gamma) + 1
    rng = stream("linear.noises", d, n, rho, noises)
    sets = min(2000, 1_200_000 // (d * n * noises))
    x = rng.standard_normal((sets, 1, n, d))
    u = x + np.sqrt((1 - rho) / rho) * rng.standard_normal((sets, noises, n, d))
    flat = [torch.from_numpy(np.broadcast_to(a, u.shape).reshape(sets, noises * n, d).copy()) for a in (x, u)]
    _, slope = fit(*flat)
    return mean((slope**2).sum((-1, -2)).numpy() / (d * rho))


def _traces() -> list[Observation]:
    return [
        Observation(
            {"gamma": gamma, "rho": rho, "noises": noises},
            extrapolate(np.array(_SIZES), [_trace(d, gamma, rho, noises) for d in _SIZES], powers=(1, 2))[0],
        )
        for gamma, rho, noises in _CASES
    ]


def _one(gamma: float, rho: float, noises: float) -> float:
    """A wrong value: as if one noise were drawn for each of n points."""
    return float(generated_trace(1e9, gamma * 1e9, rho))


def _more_points(gamma: float, rho: float, noises: float) -> float:
    """A wrong value: as if the noised points were n·m independent ones."""
    return float(generated_trace(noises * 1e9, gamma * 1e9, rho))


def _ridge(gamma: float, rho: float, noises: float) -> float:
    """A wrong value: as if the noise were averaged over, m = ∞."""
    return float(noises_trace(gamma, rho, 1e9))


CHECKS = [
    Check(
        "linear.noises_trace",
        noises_trace,
        len(_CASES),
        _traces,
        {"one noise": _one, "n·m independent points": _more_points, "the noise averaged": _ridge},
    ),
]
