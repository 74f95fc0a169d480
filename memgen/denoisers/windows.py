"""Denoisers of pictures that see a window: each pixel is restored from the noised pixels around it, and no others.

A window of reach k about a pixel is what a picture has of the (2k+1) × (2k+1) pixels around it.  Of all functions of
the noised window, two are best at restoring its middle:

    over training pictures    their mean, weighted by how well each fits in the window (Kamb and Ganguli 2025, who call
                              it the local score machine)
    of a Gaussian law         Wiener's filter of the window's covariance
"""

import numpy as np
import torch
from torch import Tensor

from memgen import arrays
from memgen.arrays import Numbers

_PART = 2**22  # squared differences at once


class Windows:
    """The posterior mean over pictures (n, d) of `shape`, each pixel by its window of some reach; a denoiser D(u, τ).

    Where the window is the picture it is `exact.EmpiricalBayes`. In double precision, returned in that of u. Raises
    ValueError on no pictures, values that are not finite, another d than `shape` has, a reach below 0, τ ≤ 0.
    """

    def __init__(self, points: Numbers, shape: tuple[int, int], reach: int) -> None:
        x = arrays.squares("points", arrays.points("points", arrays.tensor("points", points).double()))
        if x.shape[1] != shape[0] * shape[1]:
            raise ValueError(f"points must be (n, {shape[0] * shape[1]}) for pictures of {shape}, got {tuple(x.shape)}")
        reach, self._x = arrays.count("reach", reach, 0), x.reshape(-1, *shape)
        at = [torch.arange(size, device=x.device) for size in shape]
        self._near = [((i[:, None] - i).abs() <= reach).double() for i in at]  # by row, by column

    def __call__(self, u: Tensor, tau: float) -> Tensor:
        tau, shape = arrays.positive("tau", tau), self._x.shape[1:]
        if u.ndim < 1 or u.shape[-1] != shape.numel():
            raise ValueError(f"u must be (..., {shape.numel()}) to match the pictures, got shape {tuple(u.shape)}")
        z = arrays.finite("u", u.detach().double()).reshape(-1, *shape)
        step = max(1, _PART // self._x.numel())
        found = [self._mean(part, tau) for part in z.split(step)]
        return torch.cat(found).reshape(u.shape).to(u.dtype)

    def _mean(self, u: Tensor, tau: float) -> Tensor:
        rows, columns = self._near
        apart = rows @ (u[:, None] - self._x).square_() @ columns  # summed over each window
        apart -= apart.amin(1, keepdim=True)  # first: then small τ cannot overflow
        return torch.softmax(apart.div_(tau).div_(-2 * tau), 1).mul_(self._x).sum(1)


def window(shape: tuple[int, int], row: int, column: int, reach: int) -> np.ndarray:
    """Indices of the pixels that a window about this pixel has, in a picture as a row of numbers."""
    index = np.arange(shape[0] * shape[1]).reshape(shape)
    part: np.ndarray = index[max(0, row - reach) : row + reach + 1, max(0, column - reach) : column + reach + 1]
    return part.ravel()


def window_law(covariance: np.ndarray, shape: tuple[int, int], reach: int, taus: np.ndarray) -> np.ndarray:
    """Of a Gaussian law of pictures, at each τ, (2, τ): the information I(x; u) of a window, nats, and the error of
    Wiener's filter, the least E(x − D)² of its middle by a denoiser that sees it.

    Both are means over pixels. Of I each counts by its variance: a pixel that is always black tells about nothing, and
    there is nothing to lose in it.
    """
    found, weights = np.zeros((2, len(taus))), np.diag(covariance) / np.trace(covariance)
    for row, column in np.ndindex(*shape):
        seen = window(shape, row, column, reach)
        own = row * shape[1] + column
        values, vectors = np.linalg.eigh(covariance[np.ix_(seen, seen)])
        values, along = values.clip(0), (vectors.T @ covariance[seen, own]) ** 2
        found[0] += weights[own] * np.log1p(values[:, None] / taus**2).sum(0) / 2
        found[1] += covariance[own, own] - (along[:, None] / (values[:, None] + taus**2)).sum(0)
    return np.stack([found[0], found[1] / len(weights)])
