"""Distances between Gaussian laws, batched, in the log domain.

The same definitions as `theory.gaussians`, written independently for batches on any device; a check compares them.
A covariance counts as singular when a Cholesky pivot is zero to rounding: then KL is ∞ and H² is 1.
"""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from memgen import arrays


class Factor(NamedTuple):
    """Cholesky factor (..., d, d), log-determinant (...), and which members are singular."""

    lower: Tensor
    logdet: Tensor
    singular: Tensor


def factor(covariance: Tensor) -> Factor:
    """Factorise a batch of covariances (..., d, d); singular members get the identity and log-determinant −∞."""
    d = covariance.shape[-1]
    scale = covariance.diagonal(dim1=-1, dim2=-2).amax(-1)
    lower, info = torch.linalg.cholesky_ex(covariance)
    pivots = lower.diagonal(dim1=-1, dim2=-2)
    floor = d * torch.finfo(covariance.dtype).eps * scale
    singular = (info > 0) | (scale <= 0) | (pivots.square().amin(-1) <= floor)
    eye = torch.eye(d, dtype=covariance.dtype, device=covariance.device)
    lower = torch.where(singular[..., None, None], eye, lower)
    logdet = 2 * lower.diagonal(dim1=-1, dim2=-2).log().sum(-1)
    return Factor(lower, torch.where(singular, -torch.inf, logdet), singular)


def _norm2(lower: Tensor, delta: Tensor) -> Tensor:
    return torch.linalg.solve_triangular(lower, delta[..., None], upper=False).square().sum((-1, -2))


def kl(m1: Tensor, c1: Tensor, m2: Tensor, c2: Tensor) -> Tensor:
    """KL(N(m1, C1) ‖ N(m2, C2)) in nats, (...); ∞ where a covariance is singular."""
    f1, f2 = factor(c1), factor(c2)
    trace = torch.linalg.solve_triangular(f2.lower, f1.lower, upper=False).square().sum((-1, -2))
    value = (trace - c1.shape[-1] + _norm2(f2.lower, m1 - m2) + f2.logdet - f1.logdet) / 2
    return torch.where(f1.singular | f2.singular, torch.inf, value)


def log_affinity(m1: Tensor, c1: Tensor, m2: Tensor, c2: Tensor) -> Tensor:
    """ln(1 − H²) = ln ∫√(pq), (...); −∞ where a covariance is singular."""
    f1, f2, f = factor(c1), factor(c2), factor((c1 + c2) / 2)
    value = (f1.logdet + f2.logdet) / 4 - f.logdet / 2 - _norm2(f.lower, m1 - m2) / 8
    return torch.where(f1.singular | f2.singular, -torch.inf, value)


def hellinger2(m1: Tensor, c1: Tensor, m2: Tensor, c2: Tensor) -> Tensor:
    """H² = 1 − ∫√(pq), (...); 1 where a covariance is singular."""
    return -torch.expm1(log_affinity(m1, c1, m2, c2))


def wasserstein2_squared(m1: Tensor, c1: Tensor, m2: Tensor, c2: Tensor) -> Tensor:
    """Squared 2-Wasserstein distance (Bures), (...); finite for singular laws too."""
    cross = torch.linalg.svdvals(_root(c1).mT @ _root(c2)).sum(-1)  # tr (C1^½ C2 C1^½)^½
    trace = (c1 + c2).diagonal(dim1=-1, dim2=-2).sum(-1)
    return (trace - 2 * cross).clamp(min=0) + (m1 - m2).square().sum(-1)


def _root(covariance: Tensor) -> Tensor:
    """R with RRᵀ = C, (..., d, d); eigenvalues that are zero to rounding are zero, or their roots would be 10⁻⁸."""
    values, vectors = torch.linalg.eigh(covariance)
    floor = values.shape[-1] * torch.finfo(values.dtype).eps * values.amax(-1, keepdim=True)
    return vectors * torch.where(values > floor, values, 0).sqrt()[..., None, :]


def log_overlap(m1: Tensor, c1: Tensor, m2: Tensor, c2: Tensor) -> Tensor:
    """ln ∫ p q = ln N(m1 − m2; 0, C1 + C2), (...); ∞ where C1 + C2 is singular and the means agree."""
    f = factor(c1 + c2)
    dimension = c1.shape[-1]
    log_volume = dimension * torch.log(torch.tensor(2 * torch.pi, dtype=c1.dtype)) + f.logdet
    return -(log_volume + _norm2(f.lower, m1 - m2)) / 2


def l2_squared(m1: Tensor, c1: Tensor, m2: Tensor, c2: Tensor) -> Tensor:
    """∫(p − q)², (...), an inverse volume; ∞ where a covariance is singular."""
    terms = [log_overlap(m1, c1, m1, c1), log_overlap(m2, c2, m2, c2), log_overlap(m1, c1, m2, c2)]
    value = terms[0].exp() + terms[1].exp() - 2 * terms[2].exp()
    return torch.where(factor(c1).singular | factor(c2).singular, torch.inf, value)


def gaussian_law(
    mean: np.ndarray | Tensor, covariance: np.ndarray | Tensor, like: Tensor, which: str = ""
) -> tuple[Tensor, Tensor]:
    """Mean and covariance of a Gaussian law as tensors of the type, device and dimension of the points `like` (n, d).

    Raises ValueError, naming `which` of the two it is, on other shapes, on values that are not finite, and on a
    covariance that is not symmetric or has an eigenvalue which is negative beyond rounding.
    """
    d = like.shape[1]
    mu, cov = (torch.as_tensor(a, dtype=like.dtype, device=like.device) for a in (mean, covariance))
    if mu.shape != (d,) or cov.shape != (d, d):
        given = f"{tuple(mu.shape)} and {tuple(cov.shape)}"
        raise ValueError(f"{which}mean must be ({d},) and {which}covariance ({d}, {d}) to match train, got {given}")
    for name, a in (("mean", mu), ("covariance", cov)):
        arrays.finite(f"{which}{name}", a)
    scale = float(cov.abs().max())
    if float((cov - cov.T).abs().max()) > 1e-10 * scale:
        raise ValueError(f"{which}covariance is not symmetric")
    rounding = d**2 * torch.finfo(cov.dtype).eps * scale
    # A Cholesky factor is proof enough, at a third of the time of the eigenvalues.
    if int(torch.linalg.cholesky_ex(cov + rounding * torch.eye(d, dtype=cov.dtype, device=cov.device)).info):
        lowest = float(torch.linalg.eigvalsh(cov)[0])
        if lowest < -rounding:
            raise ValueError(f"{which}covariance has the negative eigenvalue {lowest:.3g}")
    return mu, cov
