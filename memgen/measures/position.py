"""Where a generated law G stands between the true law O and the kernel estimate T of its training set.

Δ = ‖T−G‖² − ‖O−G‖² depends on one coordinate of G alone, a, along the line from O to T; the distance ‖O−G‖² from the
true law depends on the distance of G from that line as well.
"""

import math
from typing import NamedTuple

from memgen.measures.gaussians import gaussian_law, log_overlap
from memgen.measures.kernel import KernelEstimate, Points, log_cross


class Position(NamedTuple):
    """Where G stands: its coordinate a along T − O, and its squared distance b² from that line.

    a = ⟨T−O, G−O⟩/‖T−O‖² and b² = ‖G−O‖²/‖T−O‖² − a², both without unit; `separation` is ‖T−O‖² in units of
    (4πσ²)^{−d/2}. So ‖G−O‖² = (a² + b²)‖T−O‖², and Δ = (1 − 2a)‖T−O‖².
    """

    a: float
    b_squared: float
    separation: float


def position(
    train: KernelEstimate, mean: Points, covariance: Points, true_mean: Points, true_covariance: Points
) -> Position:
    """Position of G = N(mean, covariance) between the true law O and the kernel estimate of the training set T.

    It does not work with logarithms: use it in few dimensions, where these norms are comparable. b² is ∞ for a
    singular G. Raises ValueError if one of the two is no Gaussian law of that dimension.
    """
    mu, cov = gaussian_law(mean, covariance, train.points)
    m, c = gaussian_law(true_mean, true_covariance, train.points, "true_")
    unit = (4 * math.pi * train.sigma**2) ** (train.points.shape[1] / 2)
    to_generated, to_true = (
        float(log_cross(train.points, *law, train.variance, train.sigma).exp()) / 2 for law in ((mu, cov), (m, c))
    )
    true_norm, true_generated = (unit * float(log_overlap(m, c, *law).exp()) for law in ((m, c), (mu, cov)))
    own_norm = unit * float(log_overlap(mu, cov, mu, cov).exp())
    separation = 1 + math.exp(train.log_pair) - 2 * to_true + true_norm
    a = (to_generated - true_generated - to_true + true_norm) / separation
    found = Position(a, (own_norm - 2 * true_generated + true_norm) / separation - a**2, separation)
    if math.isnan(found.a) or math.isnan(found.b_squared) or not math.isfinite(separation):
        raise ValueError(
            "train, covariance and true_covariance are on scales so far apart that norms leave double precision"
        )
    return found
