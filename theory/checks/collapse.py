"""Collapse against the information that diffused samples carry about their origin."""

import numpy as np
from scipy.special import log_ndtr, ndtr

from memgen.laws.process import noised
from memgen.statistics import Estimate, extrapolate, mean
from memgen.streams import stream
from theory import collapse
from theory.checks.check import Check, Observation
from theory.spectra import renormalised_noise

_DRAWS = 40_000
_SPECTRUM = np.array([0.3, 1.0, 4.0])


def _information(tau: float) -> Estimate:
    """Mean of ln p(u | x)/p(u) at simulated pairs: the information density."""
    rng = stream("check", "collapse.information", tau)
    x = np.sqrt(_SPECTRUM) * rng.standard_normal((_DRAWS, 3))
    u = noised(x, tau, rng)
    total = _SPECTRUM + tau**2
    density = (np.log(total / tau**2) + u**2 / total - (u - x) ** 2 / tau**2) / 2
    return mean(density.sum(1))


def _informations() -> list[Observation]:
    return [Observation({"tau": tau, "eigenvalues": _SPECTRUM}, _information(tau)) for tau in (0.2, 0.6, 2.0)]


def _times() -> list[Observation]:
    """Collapse times: at noise τ the samples tell e^I points apart, so that ½ ln(1+τ²) is that of e^I points."""
    found = []
    for tau in (0.2, 0.6):
        information = _information(tau)
        t = np.log1p(tau**2) / 2
        # dt/dI: I falls by Σ λ/(λ+τ²) per unit of ln τ, and t rises by τ²/(1+τ²)
        slope = tau**2 / (1 + tau**2) / np.sum(_SPECTRUM / (_SPECTRUM + tau**2))
        args = {"n": np.exp(information.value), "eigenvalues": _SPECTRUM}
        found.append(Observation(args, Estimate(t, slope * information.error)))
    return found


_POINTS, _DIMENSION, _SETS, _NOISED = 4000, 200, 40, 150


def _weights() -> list[Observation]:
    """How often a point outweighs all others at its noised copy, one mean for each point set drawn."""
    found = []
    for tau in (2.5, 3.2, 4.5):
        rng, shares = stream("check", "collapse.probability", tau), []
        for _ in range(_SETS):
            x = rng.standard_normal((_POINTS, _DIMENSION))
            own = np.arange(_NOISED)
            u = noised(x[own], tau, rng)
            exponent = (u @ x.T - (x**2).sum(1) / 2) / tau**2
            weight = np.exp(exponent - exponent[own, own][:, None])  # over that of the point itself
            shares.append(np.mean(weight.sum(1) < 2))
        found.append(
            Observation({"n": _POINTS, "eigenvalues": np.ones(_DIMENSION), "tau": tau}, mean(np.array(shares)))
        )
    return found


def _normal(n: float, eigenvalues: np.ndarray, tau: float, spread: float, sign: int = 1, shift: int = 1) -> float:
    """A variant of the formula: V times `spread`, z times `sign`, and the shift of its threshold times `shift`."""
    variance = spread * np.sum(eigenvalues / (eigenvalues + tau**2))
    z = sign * (collapse.information(tau, eigenvalues) - np.log(n)) / np.sqrt(variance)
    return float(ndtr(z - shift * log_ndtr(-z) / np.sqrt(variance)))


_LEVELS = np.array([0.2, 1.8])  # of the population, half of the directions each
_SIZES = (16, 32, 64)


def _estimates() -> list[Observation]:
    """The information estimate per dimension from simulated data at d/N = γ, extrapolated to d → ∞."""
    found = []
    for gamma, tau2 in ((0.5, 0.3), (2.0, 0.3), (0.8, 2.0)):
        means = []
        for d in _SIZES:
            n, rng = round(d / gamma), stream("check", "collapse.estimate", d, gamma, tau2)
            x = rng.standard_normal((64 * 128 // d, n, d)) * np.sqrt(np.resize(_LEVELS, d))
            sample = np.linalg.eigvalsh(np.swapaxes(x, -1, -2) @ x / n).clip(0)
            means.append(mean(collapse.information_estimate(tau2, sample, gamma) / d))
        found.append(
            Observation({"tau2": tau2, "gamma": gamma}, extrapolate(np.array(_SIZES), means, powers=(1, 2))[0])
        )
    return found


def _per_dimension(tau2: float, gamma: float, correction: float = 1.0, at: float | None = None) -> float:
    """The population's information per dimension at κ, plus the part 1 − `correction` of the bias of the sample's
    eigenvalues."""
    kappa = float(renormalised_noise(tau2, _LEVELS, gamma))
    share = float(np.mean(_LEVELS / (_LEVELS + kappa)))
    bias = -(share + np.log1p(-gamma * share) / gamma) / 2
    return float(collapse.information(np.sqrt(at or kappa), _LEVELS)) / 2 + (1 - correction) * bias


CHECKS = [
    Check(
        "collapse.information",
        collapse.information,
        3,
        _informations,
        {
            "bits": lambda tau, eigenvalues: collapse.information(tau, eigenvalues) / np.log(2),
            "τ for τ²": lambda tau, eigenvalues: collapse.information(np.sqrt(tau), eigenvalues),
            "equal eigenvalues": lambda tau, eigenvalues: collapse.information(tau, np.full(3, np.mean(eigenvalues))),
        },
    ),
    Check(
        "collapse.collapse_time",
        collapse.collapse_time,
        2,
        _times,
        {
            "equal eigenvalues": lambda n, eigenvalues: collapse.collapse_time(n, np.full(3, np.mean(eigenvalues))),
            "n² points": lambda n, eigenvalues: collapse.collapse_time(n**2, eigenvalues),
        },
    ),
    Check(
        "collapse.collapse_probability",
        collapse.collapse_probability,
        3,
        _weights,
        {
            "V/2": lambda n, eigenvalues, tau: _normal(n, eigenvalues, tau, 0.5),
            "2V": lambda n, eigenvalues, tau: _normal(n, eigenvalues, tau, 2),
            "ln n − I for I − ln n": lambda n, eigenvalues, tau: _normal(n, eigenvalues, tau, 1, sign=-1),
            "the others at their mean, Φ(z)": lambda n, eigenvalues, tau: _normal(n, eigenvalues, tau, 1, shift=0),
        },
    ),
    Check(
        "collapse.information_estimate",
        collapse.information_estimate,
        3,
        _estimates,
        {
            "the sample's eigenvalues are the true ones": lambda tau2, gamma: _per_dimension(tau2, gamma, 0),
            "half of the bias": lambda tau2, gamma: _per_dimension(tau2, gamma, 0.5),
            "noise not renormalised": lambda tau2, gamma: _per_dimension(tau2, gamma, at=tau2),
        },
        predict=_per_dimension,
    ),
]
