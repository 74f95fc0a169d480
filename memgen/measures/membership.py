"""Attacks that tell whether a point was in the training set, and how well they do."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from memgen import arrays
from memgen.arrays import Numbers
from memgen.measures.gaussians import gaussian_law

Denoiser = Callable[[Tensor, float], Tensor]


def auc(inside: Numbers, outside: Numbers) -> float:
    """P(the score of a training point exceeds that of a fresh one), ties counting half, over all pairs of them.

    Scores are one-dimensional and may be infinite. ValueError if there are none on a side, or if one is not a number.
    """
    above, below = _scores("inside", inside), np.sort(_scores("outside", outside))
    wins = np.searchsorted(below, above, "left") + np.searchsorted(below, above, "right")
    return float(wins.mean() / (2 * below.size))


def _scores(name: str, values: Numbers) -> np.ndarray:
    scores = np.ravel(arrays.array(name, values))
    if not scores.size or np.isnan(scores).any():
        raise ValueError(f"{name} must be numbers, one or more of them, got {scores.size} scores")
    return scores


def placements(inside: Numbers, outside: Numbers) -> tuple[np.ndarray, np.ndarray]:
    """For each score of a side, the share of the other side's scores against which it ranks correctly, ties counting
    half.

    The mean of either, (m,) or (h,), is the AUC. Their variances, each over its number of scores, add up to that of the
    AUC to leading order (DeLong et al. 1988).
    """
    own: np.ndarray = _scores("inside", inside)
    others: np.ndarray = _scores("outside", outside)
    below, above = np.sort(others), np.sort(own)
    wins = np.searchsorted(below, own, "left") + np.searchsorted(below, own, "right")
    losses = np.searchsorted(above, others, "left") + np.searchsorted(above, others, "right")
    return wins / (2 * below.size), 1 - losses / (2 * above.size)


def distances(x: Numbers, mean: Numbers, covariance: Numbers) -> np.ndarray:
    """Squared Mahalanobis distances of points (m, d) in N(mean, covariance), (m,): in the subspace that it spans.

    Eigenvalues of the covariance below 10⁻¹⁰ of the largest count as rounding. ValueError if it is 0, and on shapes
    that do not match, values that are not finite and a covariance that has negative eigenvalues.
    """
    points = arrays.points("x", arrays.array("x", x).astype(float))
    mu, cov = (t.cpu().numpy() for t in gaussian_law(mean, covariance, torch.empty(0, points.shape[1]).double()))
    values, vectors = np.linalg.eigh(cov)
    kept = values > 1e-10 * values[-1]
    if not kept.any():
        raise ValueError("the covariance is 0: no distance is defined in it")
    with np.errstate(over="ignore", invalid="ignore"):
        found = (((points - mu) @ (vectors[:, kept] / np.sqrt(values[kept]))) ** 2).sum(1)
    if not np.isfinite(found).all():
        raise ValueError("x lies so far from the mean, in units of the covariance, that squares leave double precision")
    return found


def losses(denoise: Denoiser, points: Numbers, noise: Numbers, tau: float) -> Tensor:
    """|x − D(x + τξ)|²/d, (m,), averaged over noises: points (m, d), noise (k, m, d); its negative is an attack's
    score."""
    x, xi = (
        arrays.points("points", arrays.tensor("points", points)),
        arrays.finite("noise", arrays.tensor("noise", noise)),
    )
    arrays.squares("points", x), arrays.squares("noise", xi)
    if xi.ndim != 3 or xi.shape[1:] != x.shape or not len(xi):
        raise ValueError(f"noise must be (k, m, d) beside points (m, d), got {tuple(xi.shape)} and {tuple(x.shape)}")
    width = arrays.scale("tau", tau)
    found = (denoise(x + width * xi, width) - x).double().square().mean((0, -1))
    return arrays.finite("what denoise returned for these points", found)
