"""What a noised point of a torus tells of its place: by the exact score of points so dense that none of them is singled
out."""

import math
from itertools import product

import numpy as np

from memgen.denoisers.exact import EmpiricalBayes
from memgen.laws.data import Torus
from memgen.statistics import mean
from memgen.streams import stream
from theory import dimension
from theory.checks.check import Check, Observation

_CASES = ((1, 0.1), (1, 1.0), (2, 0.3))  # circles, τ²
_ACROSS = 1  # dimensions beyond the span
_POINTS, _DRAWS = 4096, 3000


def _information() -> list[Observation]:
    """The information as the mean of ln p(u|x)/p(u)."""
    found = []
    for circles, tau2 in _CASES:
        d, tau = 2 * circles + _ACROSS, tau2**0.5
        each = np.arange(round(_POINTS ** (1 / circles))) / round(_POINTS ** (1 / circles)) * 2 * np.pi
        angles = np.array(list(product(each, repeat=circles)))
        dense = np.sqrt(2) * np.stack([np.cos(angles), np.sin(angles)], -1).reshape(len(angles), -1)
        rng = stream("dimension.torus", circles, tau2)
        x, xi = Torus(circles, d).sample(_DRAWS, rng), rng.standard_normal((_DRAWS, d))
        everywhere = EmpiricalBayes(np.pad(dense, ((0, 0), (0, _ACROSS)))).log_density(x + tau * xi, tau).numpy()
        own = -(xi**2).sum(1) / 2 - d / 2 * np.log(2 * np.pi * tau2)
        found.append(Observation({"D": circles, "tau2": tau2}, mean(own - everywhere)))
    return found


CHECKS = [
    Check(
        "dimension.torus_information",
        dimension.torus_information,
        len(_CASES),
        _information,
        {
            "Gaussian on the span": lambda D, tau2: D * np.log1p(1 / tau2),
            "Gaussian of D dimensions": lambda D, tau2: D / 2 * np.log1p(1 / tau2),
            "flat": lambda D, tau2: D / 2 * np.log(4 * np.pi / math.e / tau2),
        },
    ),
]
