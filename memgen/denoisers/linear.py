"""The linear denoiser x̂ = b₀ + B u by least squares, and the Gaussian law that one step of it generates.

Batched over leading axes, float64.  With centred data matrices U, X of rank N = n − 1 the slope is Bᵀ = U⁺X:
for N ≥ d from the d×d Gram matrix, for N < d (minimum norm) from the n×n one.
"""

from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from memgen import arrays
from memgen.laws.process import noised

Late = Literal["isotropic", "sample"] | Tensor
# Cholesky of a Gram matrix is trusted down to this ratio of its pivots: what is zero comes out as 10⁻⁸, and a first
# solution wrong by (ratio)⁻² roundings, here 10⁻⁶, is right to the square of that after one refinement.
_PIVOT = 1e-5
_RANK = 1e-12  # singular values below this fraction of the largest are zero to rounding
_SPREAD = 1e-14  # so is a spread below this fraction of the values themselves


class Law(NamedTuple):
    """A batch of Gaussians: mean (..., d), covariance (..., d, d)."""

    mean: Tensor
    covariance: Tensor


def _norm(matrix: Tensor) -> Tensor:
    """Frobenius norm, (...)."""
    return torch.linalg.vector_norm(matrix, dim=(-2, -1))


def fit(x: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
    """Least squares of x on u with intercept. x, u (..., n, d) → b₀ (..., d), B (..., d, d); minimum norm for n ≤ d.

    Cholesky with one step of iterative refinement; members of the batch that are rank-deficient, or nearly so, go to
    LAPACK's gelsd.
    """
    n, d = u.shape[-2:]
    x_mean, u_mean = x.mean(-2, keepdim=True), u.mean(-2, keepdim=True)
    x_c, u_c = x - x_mean, u - u_mean
    u_t = u_c.mT
    if n > d:
        factor, failed = torch.linalg.cholesky_ex(u_t @ u_c)
        slope = torch.cholesky_solve(u_t @ x_c, factor)
        slope -= torch.cholesky_solve(u_t @ (u_c @ slope).sub_(x_c), factor)
    else:
        # The constant vector spans the kernel of the centred Gram matrix and is orthogonal to x_c and u_c:
        # adding it makes the matrix invertible and leaves the solution alone.
        kernel = u_c.square().sum((-1, -2), keepdim=True) / n**2
        factor, failed = torch.linalg.cholesky_ex(u_c @ u_t + kernel)
        slope = u_t @ torch.cholesky_solve(x_c, factor)
        slope -= u_t @ torch.cholesky_solve((u_c @ slope).sub_(x_c), factor)
    pivots = factor.diagonal(dim1=-2, dim2=-1)
    bad = (failed > 0) | ~(pivots.amin(-1) > _PIVOT * pivots.amax(-1))
    if bad.any():
        varies = _norm(u_c) > _SPREAD * _norm(u)  # what centring leaves of equal points is not data
        u_bad, x_bad = (u_c * varies[..., None, None])[bad].cpu(), x_c[bad].cpu()
        slope[bad] = torch.linalg.lstsq(u_bad, x_bad, rcond=_RANK, driver="gelsd").solution.to(slope)
    return (x_mean - u_mean @ slope).squeeze(-2), slope.mT


def generated(x: Tensor, u: Tensor, tau: float, late: Late = "isotropic") -> Law:
    """The law of b₀ + B u_T when u_T ~ N(x̄, C) starts from the noised law. x, u (..., n, d).

    C is (σ̂²+τ²)I with σ̂² the mean coordinate variance (ddof 1; the paper's choice), S + τ²I with the sample
    covariance (`late="sample"`), or a given (d, d) matrix, e.g. the true noised covariance Σ + τ²I.
    """
    b0, slope = fit(x, u)
    x_mean = x.mean(-2)
    mean = b0 + (slope @ x_mean[..., None]).squeeze(-1)
    if isinstance(late, Tensor):
        return Law(mean, slope @ late @ slope.mT)
    n, d = x.shape[-2:]
    x_c = x - x_mean[..., None, :]
    if late == "isotropic":
        variance = _norm(x_c) ** 2 / ((n - 1) * d) + tau**2
        return Law(mean, variance[..., None, None] * (slope @ slope.mT))
    noised_covariance = x_c.mT @ x_c / (n - 1) + tau**2 * torch.eye(d, dtype=x.dtype, device=x.device)
    return Law(mean, slope @ noised_covariance @ slope.mT)


def one_step(
    x: np.ndarray,
    tau: float,
    generator: np.random.Generator | None = None,
    late: Literal["isotropic", "sample"] = "isotropic",
) -> tuple[np.ndarray, np.ndarray]:
    """(mean, covariance) of the law generated in one step by the denoiser fitted on x (n, d), one noise per point.

    Minimum norm for n ≤ d, where the law is singular. Raises ValueError on n < 2, NaN or infinite data, negative τ.
    """
    x = arrays.points("x", np.asarray(x, float), least=2)
    if not (np.isfinite(tau) and tau >= 0):
        raise ValueError(f"tau must be finite and not negative, got {tau}")
    u = noised(x, tau, np.random.default_rng() if generator is None else generator)
    law = generated(torch.from_numpy(x), torch.from_numpy(u), tau, late)
    return law.mean.numpy(), law.covariance.numpy()


def representation(n: int, d: int, rho: float, replicas: int, rng: np.random.Generator) -> Tensor:
    """B drawn from its exact law ρI + √(ρ(1−ρ)) Z W^{−1/2}, isotropic data, n > d. Returns (replicas, d, d).

    W ~ Wishart_d(n−1) by its Cholesky factor (Bartlett): normals below the diagonal, χ on it.
    """
    if not n > d:
        raise ValueError(f"the representation needs n > d, got n = {n}, d = {d}")
    factor = np.tril(rng.standard_normal((replicas, d, d)), -1)
    factor[:, np.arange(d), np.arange(d)] = np.sqrt(rng.chisquare(n - 1 - np.arange(d), (replicas, d)))
    z = torch.from_numpy(rng.standard_normal((replicas, d, d)))
    spread = torch.linalg.solve_triangular(torch.from_numpy(factor), z, upper=False, left=False)
    return rho * torch.eye(d, dtype=z.dtype) + np.sqrt(rho * (1 - rho)) * spread
