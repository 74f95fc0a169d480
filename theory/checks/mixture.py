"""Speciation and cloning against simulated mixtures of two Gaussians."""

import numpy as np

from memgen.process import noised
from memgen.statistics import Estimate, mean
from memgen.streams import stream
from theory import mixture
from theory.checks.check import Check, Observation

_DRAWS = 60_000


def _diffused(separation: float, sigma: float, t: float, rng: np.random.Generator) -> np.ndarray:
    """e^t x_t along the line through the means."""
    x = np.where(rng.random(_DRAWS) < 0.5, separation, -separation) + sigma * rng.standard_normal(_DRAWS)
    return noised(x, float(np.sqrt(np.expm1(2 * t))), rng)


def _speciation() -> list[Observation]:
    """b² by the fourth cumulant, −2b⁴ in units of the noised spread; the time at which it would be 1."""
    found = []
    for separation in (30.0, 100.0):
        t = np.log(separation)
        u = _diffused(separation, 1.0, t, stream("check", "mixture.speciation", separation))
        spread2 = 1 + np.expm1(2 * t)
        w2 = u**2 / spread2
        fourth = mean(w2**2 - 6 * w2 * w2.mean() + 3 * w2.mean() ** 2)  # its mean is the fourth cumulant
        b2 = np.sqrt(-fourth.value / 2)
        error = fourth.error / (4 * b2)
        time = np.log(b2 * spread2) / 2
        found.append(Observation({"top_eigenvalue": separation**2 + 1}, Estimate(time, error / (2 * b2))))
    return found


def _clones() -> list[Observation]:
    found = []
    for t, separation, sigma in ((0.8, 2.0, 1.0), (2.0, 5.0, 0.5), (3.0, 40.0, 3.0)):
        rng = stream("check", "mixture.cloning", t, separation)
        u = _diffused(separation, sigma, t, rng)
        plus = 1 / (1 + np.exp(-2 * u * separation / (sigma**2 + np.expm1(2 * t))))
        first, second = rng.random((2, _DRAWS)) < plus
        found.append(Observation({"t": t, "separation": separation, "sigma": sigma}, mean(1.0 * (first == second))))
    return found


CHECKS = [
    Check(
        "mixture.speciation_time",
        mixture.speciation_time,
        _speciation,
        {
            "ln Λ": lambda top_eigenvalue: np.log(top_eigenvalue),
            "b = 2": lambda top_eigenvalue: np.log(top_eigenvalue / 4) / 2,
        },
    ),
    Check(
        "mixture.cloning_probability",
        mixture.cloning_probability,
        _clones,
        {
            "probability of keeping the original class": lambda t, separation, sigma: (
                (1 + np.sqrt(2 * mixture.cloning_probability(t, separation, sigma) - 1)) / 2
            ),
            "distance between the means for half of it": lambda t, separation, sigma: mixture.cloning_probability(
                t, 2 * separation, sigma
            ),
        },
    ),
]
