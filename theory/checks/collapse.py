"""Collapse against the information that diffused samples carry about their origin."""

import numpy as np

from memgen.laws.process import noised
from memgen.statistics import Estimate, mean
from memgen.streams import stream
from theory import collapse
from theory.checks.check import Check, Observation

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
    """At noise τ the samples tell e^I points apart: t = ½ ln(1+τ²) is the collapse time of that many."""
    found = []
    for tau in (0.2, 0.6):
        information = _information(tau)
        t = np.log1p(tau**2) / 2
        # dt/dI: I falls by Σ λ/(λ+τ²) per unit of ln τ, and t rises by τ²/(1+τ²)
        slope = tau**2 / (1 + tau**2) / np.sum(_SPECTRUM / (_SPECTRUM + tau**2))
        args = {"n": np.exp(information.value), "eigenvalues": _SPECTRUM}
        found.append(Observation(args, Estimate(t, slope * information.error)))
    return found


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
]
