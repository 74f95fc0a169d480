"""Sample covariance spectra against simulated Wishart matrices, extrapolated to infinite size in powers of 1/d."""

from collections.abc import Callable
from functools import partial

import numpy as np

from memgen.statistics import Estimate, extrapolate, mean
from memgen.streams import stream
from theory import spectra
from theory.checks.check import Check, Observation

_SIZES = (16, 32, 64)
_GAMMAS = (0.25, 0.8)


def _eigenvalues(name: str, d: int, n: int, population: np.ndarray, replicas: int) -> np.ndarray:
    """Eigenvalues (replicas, d) of XᵀX/n, X (n, d) with the given population spectrum."""
    rng = stream("check", name, d, n)
    x = rng.standard_normal((replicas, n, d)) * np.sqrt(population)
    return np.linalg.eigvalsh(np.swapaxes(x, -1, -2) @ x / n)


def _limit(
    name: str, gamma: float, statistic: Callable[[np.ndarray], np.ndarray], levels: tuple[float, ...] = (1.0,)
) -> Estimate:
    """The limit d → ∞ at n = d/γ of the average of `statistic` over the spectrum."""
    means = []
    for d in _SIZES:
        population = np.resize(levels, d)
        means.append(mean(statistic(_eigenvalues(name, d, round(d / gamma), population, 64 * 128 // d)).mean(-1)))
    return extrapolate(np.array(_SIZES), means, powers=(1, 2))[0]


def _power(a: float, s: np.ndarray) -> np.ndarray:
    return s**a


def _inverse(lam: float, s: np.ndarray) -> np.ndarray:
    return 1 / (s + lam)


def _shrunk(lam: float, s: np.ndarray) -> np.ndarray:
    return lam / (s + lam)


def _density() -> list[Observation]:
    # The mass below x, from the density by quadrature, against the fraction of eigenvalues there.
    cuts = ((0.25, 0.8), (0.25, 1.2), (0.8, 0.5))
    return [
        Observation({"gamma": g, "sample_eigenvalue": x}, _limit("spectra.density", g, partial(np.greater, x)))
        for g, x in cuts
    ]


def mass_below(x: float, gamma: float, power: float = 0.0) -> float:
    """∫_{s<x} s^power dMP, by the substitution that removes the square-root edges."""
    theta, weight = np.polynomial.legendre.leggauss(400)
    s_edge = np.clip((1 + gamma - x) / (2 * np.sqrt(gamma)), -1, 1)
    top = np.arccos(s_edge)
    theta, weight = (theta + 1) * top / 2, weight * top / 2
    s = 1 + gamma - 2 * np.sqrt(gamma) * np.cos(theta)
    return float(np.sum(weight * spectra.mp_density(s, gamma) * s**power * 2 * np.sqrt(gamma) * np.sin(theta)))


def _resolvent() -> list[Observation]:
    return [
        Observation({"tau2": lam, "gamma": g}, _limit("spectra.resolvent", g, partial(_inverse, lam)))
        for g, lam in ((0.25, 0.3), (0.8, 0.3), (0.8, 2.0))
    ]


def _moment() -> list[Observation]:
    return [
        Observation({"a": a, "gamma": g}, _limit("spectra.moment", g, partial(_power, a)))
        for g, a in ((0.25, 0.5), (0.8, 0.5), (0.25, -1.0), (0.8, 3.0))
    ]


def _log_moment() -> list[Observation]:
    return [Observation({"gamma": g}, _limit("spectra.log", g, np.log)) for g in _GAMMAS]


_LEVELS = (0.2, 1.8)


def _renormalised() -> list[Observation]:
    # λ tr(S+λ)⁻¹/d of the sample is κ tr(Σ+κ)⁻¹/d of the population: d = γn, below and above one sample a dimension.
    return [
        Observation(
            {"tau2": lam, "gamma": g},
            _limit("spectra.kappa", g, partial(_shrunk, lam), _LEVELS),
        )
        for g, lam in ((0.5, 0.3), (2.0, 0.3), (1.0, 0.05))
    ]


def population_resolvent(kappa: float) -> float:
    """κ tr(Σ+κ)⁻¹/d for the two-level population of the check."""
    return float(np.mean([kappa / (level + kappa) for level in _LEVELS]))


CHECKS = [
    Check(
        "spectra.density",
        spectra.mp_density,
        3,
        _density,
        {
            "γ inverted": lambda gamma, sample_eigenvalue: 1 - mass_below(sample_eigenvalue, gamma),
            "missing 1/s": lambda gamma, sample_eigenvalue: mass_below(sample_eigenvalue, gamma, 1.0),
        },
        predict=lambda gamma, sample_eigenvalue: mass_below(sample_eigenvalue, gamma),
    ),
    Check(
        "spectra.resolvent",
        spectra.mp_resolvent,
        3,
        _resolvent,
        {
            "no fluctuations": lambda tau2, gamma: 1 / (1 + tau2),
            "γ for √γ": lambda tau2, gamma: spectra.mp_resolvent(tau2, gamma**2),
        },
    ),
    Check(
        "spectra.moment",
        spectra.mp_moment,
        4,
        _moment,
        {
            "no fluctuations": lambda a, gamma: 1.0,
            "leading order in γ": lambda a, gamma: 1 + a * (a - 1) * gamma / 2,
        },
    ),
    Check(
        "spectra.log_moment",
        spectra.mp_log_moment,
        2,
        _log_moment,
        {
            "logarithm of the mean": lambda gamma: 0.0,
            "leading order in γ": lambda gamma: -gamma / 2,
            "sign of γ ln": lambda gamma: -1 + (1 - gamma) / gamma * np.log(1 - gamma),
        },
    ),
    Check(
        "spectra.renormalised_noise",
        spectra.renormalised_noise_formula,
        3,
        _renormalised,
        {
            "not renormalised": lambda tau2, gamma: population_resolvent(tau2),
            "γ inverted": lambda tau2, gamma: population_resolvent(
                float(spectra.renormalised_noise(tau2, np.array(_LEVELS), 1.3 / gamma))
            ),
        },
        predict=lambda tau2, gamma: population_resolvent(
            float(spectra.renormalised_noise(tau2, np.array(_LEVELS), gamma))
        ),
    ),
]
