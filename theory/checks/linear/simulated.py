"""The simulations that several checks share, and their extrapolation to infinite dimension."""

from typing import Any

import numpy as np

from memgen.experiments.linear import simulate
from memgen.laws.data import Gaussian, isotropic
from memgen.statistics import mean, median_estimate
from memgen.streams import drawn_once
from theory.checks.check import Observation
from theory.checks.linear.reductions import SHARE_OF_LOGDET, limit

RHO = 0.5
LEVELS = (2.0, 0.4)  # the two eigenvalues, in equal parts, of the anisotropic data
TAU = 0.8  # its noise
FRACTIONS = np.array([level / (level + TAU**2) for level in LEVELS])
GAMMAS = (0.25, 0.75)  # on the plateau of the log-determinant, and beyond it
SIZES = (18, 36, 72, 144)  # d/γ is whole: n rounded moves γ, and limits in γ by several standard errors


@drawn_once
def _large(spectrum: bool) -> dict[tuple[float, int], dict[str, np.ndarray]]:
    """Measures at the same γ for four sizes, ρ = ½ or the two-level spectrum, by (γ, d); replicas fall as 1/d, as
    fluctuations do."""
    found = {}
    for gamma in GAMMAS:
        for d in SIZES:
            law = Gaussian(tuple(np.resize(LEVELS, d))) if spectrum else isotropic(d)
            key = ("check", "linear.large", spectrum, gamma, d)
            found[gamma, d] = simulate(law, 1 + int(d / gamma), TAU if spectrum else 1.0, 100 * 144 // d, key)
    return found


def _where(gamma: float, spectrum: bool) -> dict[str, Any]:
    return {"gamma": gamma, "fractions": FRACTIONS} if spectrum else {"gamma": gamma, "rho": RHO}


def limits(measure: str, spectrum: bool = False) -> list[Observation]:
    """The mean of a measure for d → ∞, at each γ."""
    found = []
    for gamma in GAMMAS:
        estimates = [mean(_large(spectrum)[gamma, d][measure]) for d in SIZES]
        at_infinity = limit(SIZES, estimates, gamma, RHO, SHARE_OF_LOGDET[measure])
        found.append(Observation(_where(gamma, spectrum), at_infinity))
    return found


def typical(spectrum: bool = False) -> list[Observation]:
    """The median of KL(O‖G)/d for d → ∞ on the plateau. Beyond it the limit is infinite; the mean is so at any d."""
    estimates = [median_estimate(_large(spectrum)[0.25, d]["kl_true_generated"]) for d in SIZES]
    return [Observation(_where(0.25, spectrum), limit(SIZES, estimates, 0.25, RHO, 0.0))]
