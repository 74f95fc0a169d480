"""Relaxation against diffused Gaussian samples."""

import numpy as np

from memgen.process import noised
from memgen.statistics import Estimate, mean
from memgen.streams import stream
from theory import relaxation
from theory.checks.check import Check, Observation

_DRAWS = 40_000
_SPECTRUM = np.array([0.5, 2.0, 6.0])


def _shares() -> list[Observation]:
    """a Var(x_0 | x_t) of the widest direction by regression, and from it the time at which it is ½."""
    found = []
    for top in (3.0, 40.0):
        t = 0.5 * np.log(1 + 1.2 * top)
        rng = stream("check", "relaxation.time", top)
        tau = float(np.sqrt(np.expm1(2 * t)))
        x = np.sqrt(top) * rng.standard_normal(_DRAWS)
        u = noised(x, tau, rng)
        residual = x - u * (u @ x) / (u @ u)
        share = mean(residual**2 / tau**2)
        # share = λ/(λ+τ²): τ² at which it would be ½ is λ = τ² share/(1−share)
        found_tau2 = tau**2 * share.value / (1 - share.value)
        error = tau**2 / (1 - share.value) ** 2 * share.error
        found.append(
            Observation({"top_eigenvalue": top}, Estimate(np.log1p(found_tau2) / 2, error / (2 * (1 + found_tau2))))
        )
    return found


def _divergences() -> list[Observation]:
    """Mean log-ratio of the law of x_t and its stationary one, at simulated x_t."""
    found = []
    for t, lam in ((0.3, 1.0), (1.0, 0.4)):
        rng = stream("check", "relaxation.kl", t, lam)
        x = np.sqrt(_SPECTRUM) * rng.standard_normal((_DRAWS, 3))
        stationary = lam * -np.expm1(-2 * t)
        late = np.exp(-t) * x + np.sqrt(stationary) * rng.standard_normal(x.shape)
        variance = _SPECTRUM * np.exp(-2 * t) + stationary
        ratio = (late**2 / stationary - late**2 / variance + np.log(stationary / variance)) / 2
        found.append(Observation({"t": t, "eigenvalues": _SPECTRUM, "lam": lam}, mean(ratio.sum(1))))
    return found


CHECKS = [
    Check(
        "relaxation.spectral_relaxation_time",
        relaxation.spectral_relaxation_time,
        _shares,
        {
            "speciation": lambda top_eigenvalue: np.log(top_eigenvalue) / 2,
            "factor 2": lambda top_eigenvalue: np.log1p(top_eigenvalue),
        },
    ),
    Check(
        "relaxation.relaxation_kl",
        relaxation.relaxation_kl,
        _divergences,
        {
            "λ = 1": lambda t, eigenvalues, lam: relaxation.relaxation_kl(t, eigenvalues, 1.5 * lam),
            "the other direction": lambda t, eigenvalues, lam: (
                np.sum(
                    np.log1p(eigenvalues / (lam * np.expm1(2 * t)))
                    - eigenvalues / (eigenvalues + lam * np.expm1(2 * t))
                )
                / 2
            ),
            "late form r²/4": lambda t, eigenvalues, lam: np.sum((eigenvalues / (lam * np.expm1(2 * t))) ** 2) / 4,
        },
    ),
]
