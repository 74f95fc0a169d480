"""Which pixels a denoiser uses: its derivatives by them, which Lukoianov et al. (2025) call its sensitivity."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from memgen.denoisers.sampling import Denoiser


class Sensitivity(NamedTuple):
    """The derivatives ∂D_i/∂u_j over states u: their mean and their mean square, (d, d), in double precision."""

    mean: np.ndarray
    square: np.ndarray


def sensitivity(denoise: Denoiser, u: Tensor, tau: float) -> Sensitivity:
    """Return the derivatives of a denoiser, which treats states one by one, at states u (n, d), by d backward passes.

    Raises ValueError if the denoiser changes the shape, or if derivatives are not finite.
    """
    u = u.detach().requires_grad_()
    with torch.enable_grad():
        said = denoise(u, tau)
    if said.shape != u.shape or u.ndim != 2:
        raise ValueError(f"need states (n, d) and as many of what is said, got {tuple(u.shape)}, {tuple(said.shape)}")
    d = u.shape[1]
    mean, square = np.empty((d, d)), np.empty((d, d))
    for i in range(d):
        (found,) = torch.autograd.grad(said[:, i].sum(), u, retain_graph=True)
        mean[i], square[i] = found.double().mean(0), found.double().square().mean(0)
    if not np.isfinite(square).all():
        raise ValueError(f"the derivatives of the denoiser at noise {tau:g} are not finite")
    return Sensitivity(mean, square)


def by_distance(square: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """The share of the squares (d, d) at each distance between pixels, from 0 to max(rows, columns) − 1.

    The distance of j from i is the reach of the smallest window about i that has j: the larger of those in rows and in
    columns.
    """
    places = np.stack(np.divmod(np.arange(shape[0] * shape[1]), shape[1]), 1)
    apart = np.abs(places[:, None] - places).max(2)
    found = np.bincount(apart.ravel(), square.ravel(), max(shape))
    return found / found.sum()


def reach(shares: np.ndarray) -> np.ndarray:
    """The root mean square distance, (...), of the pixels that a denoiser uses, from shares (..., distances)."""
    return np.sqrt(shares @ np.arange(shares.shape[-1]) ** 2.0)


def likeness(a: np.ndarray, b: np.ndarray) -> float:
    """The cosine of two matrices (d, d) without their diagonals: 1 if pixels use each other alike, up to a factor."""
    a, b = (m - np.diag(np.diag(m)) for m in (a, b))
    return float((a * b).sum() / np.sqrt((a**2).sum() * (b**2).sum()))
