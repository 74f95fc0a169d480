"""Relaxation against diffused Gaussian samples."""

import numpy as np

from memgen.laws.process import noised
from memgen.statistics import Estimate, mean, zero_of_line
from memgen.streams import stream
from theory import relaxation
from theory.checks.check import Check, Observation

_DRAWS = 40_000
_SPECTRUM = np.array([0.5, 2.0, 6.0])


def _shares() -> list[Observation]:
    """The time at which Var(x_0 | x_t)/τ² is ½ in the widest direction, from that share by regression at one time."""
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


def _log_ratios(t: float, lam: float, spectrum: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """ln of the density of x_t over its stationary one, at simulated x_t, (draws,)."""
    x = np.sqrt(spectrum) * rng.standard_normal((_DRAWS, len(spectrum)))
    stationary = lam * -np.expm1(-2 * t)
    late = np.exp(-t) * x + np.sqrt(stationary) * rng.standard_normal(x.shape)
    variance = spectrum * np.exp(-2 * t) + stationary
    return ((late**2 / stationary - late**2 / variance + np.log(stationary / variance)) / 2).sum(1)


def _divergences() -> list[Observation]:
    """The divergence from the stationary law, as the mean of `_log_ratios`."""
    found = []
    for t, lam in ((0.3, 1.0), (1.0, 0.4)):
        ratio = _log_ratios(t, lam, _SPECTRUM, stream("check", "relaxation.kl", t, lam))
        found.append(Observation({"t": t, "eigenvalues": _SPECTRUM, "lam": lam}, mean(ratio)))
    return found


def _information_times() -> list[Observation]:
    """The time at which the logarithm of the simulated divergence passes ln δ."""
    found = []
    for delta, lam in ((0.3, 1.0), (0.03, 0.5)):
        middle, levels = float(relaxation.information_time(delta, _SPECTRUM, lam)), []
        times = middle + np.array([-0.03, 0.02])
        for t in times:
            e = mean(
                _log_ratios(t, lam, _SPECTRUM, stream("check", "relaxation.information_time", delta, str(t < middle)))
            )
            levels.append(e._replace(value=np.log(e.value / delta), error=e.error / e.value))
        found.append(Observation({"delta": delta, "eigenvalues": _SPECTRUM, "lam": lam}, zero_of_line(times, levels)))
    return found


CHECKS = [
    Check(
        "relaxation.spectral_relaxation_time",
        relaxation.spectral_relaxation_time,
        2,
        _shares,
        {
            "speciation": lambda top_eigenvalue: np.log(top_eigenvalue) / 2,
            "factor 2": lambda top_eigenvalue: np.log1p(top_eigenvalue),
        },
    ),
    Check(
        "relaxation.relaxation_kl",
        relaxation.relaxation_kl,
        2,
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
    Check(
        "relaxation.information_time",
        relaxation.information_time,
        2,
        _information_times,
        {
            "late form ½ ln(1+‖Σ‖/2λ√δ)": lambda delta, eigenvalues, lam: (
                np.log1p(np.linalg.norm(eigenvalues) / (2 * lam * np.sqrt(delta))) / 2
            ),
            "the widest direction alone": lambda delta, eigenvalues, lam: relaxation.information_time(
                delta, eigenvalues[-1:], lam
            ),
            "spectral": lambda delta, eigenvalues, lam: relaxation.relaxation_time(eigenvalues / lam),
        },
    ),
]
