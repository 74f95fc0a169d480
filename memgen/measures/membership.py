"""Attacks that ask of a point whether it was in the training set, and how well they do."""

from collections.abc import Callable

import numpy as np
from torch import Tensor

from memgen.arrays import finite

Denoiser = Callable[[Tensor, float], Tensor]


def auc(inside: np.ndarray, outside: np.ndarray) -> float:
    """P(the score of a training point exceeds that of a fresh one), ties counting half, over all pairs of them.

    Scores are one-dimensional. ValueError if there are none on a side, or if one is not a number.
    """
    above, below = np.ravel(inside), np.sort(np.ravel(outside))
    if not (above.size and below.size) or np.isnan(above).any() or np.isnan(below).any():
        raise ValueError(f"an AUC needs numbers on both sides, got {above.size} and {below.size} scores")
    wins = np.searchsorted(below, above, "left") + np.searchsorted(below, above, "right")
    return float(wins.mean() / (2 * below.size))


def placements(inside: np.ndarray, outside: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each score of a side the share of the other side's that it is on the right side of, ties counting half.

    The mean of either is the AUC. Their variances, each over its number of scores, add up to that of the AUC to leading
    order (DeLong et al. 1988).
    """
    below, above = np.sort(np.ravel(outside)), np.sort(np.ravel(inside))
    wins = np.searchsorted(below, inside, "left") + np.searchsorted(below, inside, "right")
    losses = np.searchsorted(above, outside, "left") + np.searchsorted(above, outside, "right")
    return wins / (2 * below.size), 1 - losses / (2 * above.size)


def distances(x: np.ndarray, mean: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """Squared Mahalanobis distances of points (m, d) in N(mean, covariance), (m,): in the subspace that it spans.

    What the covariance has below 10⁻¹⁰ of its largest eigenvalue counts as rounding. ValueError if that is all of it.
    """
    values, vectors = np.linalg.eigh(covariance)
    kept = values > 1e-10 * values[-1]
    if not kept.any():
        raise ValueError("the covariance is 0: no distance is defined in it")
    return (((x - mean) @ (vectors[:, kept] / np.sqrt(values[kept]))) ** 2).sum(1)


def losses(denoise: Denoiser, points: Tensor, noise: Tensor, tau: float) -> Tensor:
    """|x − D(x + τξ)|²/d, the mean over ξ: points (m, d) and noise (k, m, d) to (m,); its negative is the score."""
    finite("points", points)
    return (denoise(points + tau * noise, tau) - points).double().square().mean((0, -1))
