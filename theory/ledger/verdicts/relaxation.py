"""What the theory of late times says of the claim that a linear score is enough."""

import numpy as np

from theory import mixture, relaxation
from theory.ledger.ruling import Ruling


def gaussian_after_relaxation() -> Ruling:
    def errors(late: float) -> tuple[float, float]:
        """Of the best linear score and of the paper's for ±m, |m| = 100 σ, a time `late` after the spectral t_R."""
        t = float(mixture.mixture_relaxation_time(100.0)) + late
        b2 = 100.0**2 / (1 + np.expm1(2 * t))
        return float(mixture.linear_score_error(b2)), float(relaxation.mixture_taylor_error(b2))

    (at, tangent_at), (later, tangent_later) = errors(0.0), errors(0.5)
    return Ruling(
        "holds with a correction" if 1e-3 < at < 0.1 and later < at / 10 else "undecided",
        f"{at:.3f} of the squared score is missed at t_R.",
        "For Gaussian data the score is linear at all times. For two Gaussians at ±100 σ the best linear score leaves "
        f"{at:.3f} at t_R (the time at which the quadratic form is halved) of a squared score of order 1, and "
        f"{later:.1e} half a unit of time later: it falls as e^(−8t), and t_R is where it begins to. The expansion's "
        f"own linear score is the tangent at the centre and leaves {tangent_at:.3f} and {tangent_later:.1e}.",
        {
            "error_at_relaxation": at,
            "error_later": later,
            "tangent_at_relaxation": tangent_at,
            "tangent_later": tangent_later,
        },
    )
