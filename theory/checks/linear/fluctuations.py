"""Mean and variance of ln det Σ_G over training sets, two places on either side of γ = ρ."""

import numpy as np

from memgen.experiments.fluctuations import logdets
from memgen.statistics import Estimate, cumulant, extrapolate, mean
from memgen.streams import drawn_once
from theory import linear
from theory.checks.check import Check, Observation

_PLACES = ((0.25, 0.5), (0.5, 0.8), (0.8, 0.5), (0.5, 0.25))  # γ, ρ; d/γ is whole
_REPLICAS = {16: 6000, 32: 8000, 64: 5000}
_LAST = 64


@drawn_once
def _drawn(gamma: float, rho: float, d: int) -> np.ndarray:
    return logdets(d, round(d / gamma), rho, _REPLICAS[d], ("check", "linear.fluctuations", gamma, rho, d))


def _at_last(gamma: float, rho: float, estimates: list[Estimate], slope: float) -> Observation:
    """One observation at d = 64 from estimates at all sizes, corrections taken off: the logarithm for γ > ρ, and powers
    of 1/d.

    The second power counts for γ < ρ, where the corrections are powers of 1/(d(ρ−γ)²).
    """
    sizes, beyond = np.array(list(_REPLICAS)), gamma > rho
    grown = slope * np.log(sizes / _LAST) * beyond
    level = [e._replace(value=e.value - by) for e, by in zip(estimates, grown, strict=True)]
    found = extrapolate(sizes, level, powers=(1,) if beyond else (1, 2))[0]
    return Observation({"d": _LAST, "gamma": gamma, "rho": rho}, found)


def _variances() -> list[Observation]:
    return [_at_last(*at, [cumulant(_drawn(*at, d), 2) for d in _REPLICAS], 2.0) for at in _PLACES]


def _offsets() -> list[Observation]:
    """The mean log-determinant less d times its limit per dimension."""
    return [
        _at_last(*at, [mean(_drawn(*at, d) - d * linear.generated_logdet(*at)) for d in _REPLICAS], -0.5)
        for at in _PLACES
    ]


CHECKS = [
    Check(
        "linear.logdet_variance",
        linear.logdet_variance,
        4,
        _variances,
        {
            "of complex matrices: half": lambda d, gamma, rho: linear.logdet_variance(d, gamma, rho) / 2,
            "one ln d for two": lambda d, gamma, rho: linear.logdet_variance(d, gamma, rho) - np.log(d) * (gamma > rho),
            "without the density at −c": lambda d, gamma, rho: (
                linear.logdet_variance(d, gamma, rho) - 4 * np.log(1 - rho) * (gamma > rho)
            ),
            "of Z alone": lambda d, gamma, rho: (
                linear.logdet_variance(d, gamma, rho) + 2 * np.log(1 - gamma) * (gamma > rho)
            ),
        },
    ),
    Check(
        "linear.logdet_offset",
        linear.logdet_offset,
        4,
        _offsets,
        {
            "logdet_correction alone": lambda d, gamma, rho: d * linear.logdet_correction(d, gamma, rho),
            "annealed: half the variance more": lambda d, gamma, rho: (
                linear.logdet_offset(d, gamma, rho) + linear.logdet_variance(d, gamma, rho) / 2
            ),
            "as the density at −c": lambda d, gamma, rho: (
                linear.logdet_offset(d, gamma, rho) + 2 * np.log(1 - rho) * (gamma > rho)
            ),
            "the other sign": lambda d, gamma, rho: linear.logdet_offset(d, gamma, rho) * (-1 if gamma < rho else 1),
        },
    ),
]
