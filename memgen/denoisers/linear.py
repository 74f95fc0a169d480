"""The linear denoiser x̂ = b₀ + B u by least squares, and the Gaussian law that one step of it generates.

Batched over leading axes, float64.  With centred data matrices U, X of rank N = n − 1 the slope is Bᵀ = U⁺X:
for N ≥ d from the d×d Gram matrix, for N < d (minimum norm) from the n×n one.
"""

from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from memgen import arrays
from memgen.arrays import Numbers
from memgen.laws.data import bartlett
from memgen.laws.process import noised

Late = Literal["isotropic", "sample"] | Tensor
# Cholesky of a Gram matrix is trusted down to this ratio of its pivots: what is zero comes out as 10⁻⁸, and a first
# solution wrong by (ratio)⁻² roundings, here 10⁻⁶, is right to the square of that after one refinement.
_PIVOT = 1e-5
_RANK = 1e-12  # singular values below this fraction of the largest are zero to rounding
_SPREAD = 1e-14  # a spread below this fraction of the values is zero to rounding


class Law(NamedTuple):
    """A batch of Gaussians: mean (..., d), covariance (..., d, d)."""

    mean: Tensor
    covariance: Tensor


def _norm(matrix: Tensor) -> Tensor:
    """Frobenius norm, (...)."""
    return torch.linalg.vector_norm(matrix, dim=(-2, -1))


def fit(x: Numbers, u: Numbers) -> tuple[Tensor, Tensor]:
    """Least squares of x on u with intercept. x, u (..., n, d) → b₀ (..., d), B (..., d, d); minimum norm for n ≤ d.

    Cholesky with one step of iterative refinement; members of the batch that are rank-deficient, or nearly so, go to
    LAPACK's gelsd. Raises ValueError on shapes that differ, on values that are not finite or whose squares are not.
    """
    return _fit(*_pair(x, u))


def _pair(x: Numbers, u: Numbers) -> tuple[Tensor, Tensor]:
    """Return x and u as tensors in double precision. Raises ValueError unless they are (..., n, d), of one shape."""
    a, b = (arrays.squares(name, arrays.double(name, given).detach()) for name, given in (("x", x), ("u", u)))
    if a.shape != b.shape or a.ndim < 2 or 0 in a.shape:
        raise ValueError(f"x and u must be (..., n, d) and of one shape, got {tuple(a.shape)} and {tuple(b.shape)}")
    return a, b


def _fit(x: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
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
    return arrays.finite("x and u lead to what", (x_mean - u_mean @ slope).squeeze(-2)), slope.mT


def generated(x: Numbers, u: Numbers, tau: float, late: Late = "isotropic") -> Law:
    """The law of b₀ + B u_T when u_T ~ N(x̄, C), an approximation of the noised law; b₀, B fitted on x, u (..., n, d).

    C is (σ̂²+τ²)I with σ̂² the mean coordinate variance (ddof 1; the paper's choice), S + τ²I with the sample
    covariance (`late="sample"`), or a given (d, d) matrix, e.g. the true noised covariance Σ + τ²I. Raises ValueError
    as `fit`, and on fewer than two points.
    """
    x, u = _pair(x, u)
    if x.shape[-2] < 2:
        raise ValueError(f"x must have two points or more, got shape {tuple(x.shape)}")
    tau = arrays.number("tau", tau, 0)
    if tau > arrays.LARGEST:
        raise ValueError(f"tau = {tau:g} is out of range: its square leaves double precision")
    b0, slope = _fit(x, u)
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
    x: Numbers,
    tau: float,
    generator: np.random.Generator | None = None,
    late: Literal["isotropic", "sample"] = "isotropic",
) -> tuple[np.ndarray, np.ndarray]:
    """(mean, covariance) of the law generated in one step by the denoiser fitted on x (n, d), one noise per point.

    Minimum norm for n ≤ d, where the law is singular. Raises ValueError on n < 2, NaN or infinite data, negative τ.
    """
    x = arrays.points("x", arrays.array("x", x).astype(float), least=2)
    if not 0 <= (width := arrays.bare(tau)) < np.inf:
        raise ValueError(f"tau must be finite and not negative, got {arrays.shown(tau)}")
    if (tau := width) > arrays.LARGEST / 100:
        raise ValueError(f"tau = {tau:g} is out of range: its square leaves double precision")
    u = noised(x, tau, np.random.default_rng() if generator is None else generator)
    law = generated(torch.from_numpy(x), torch.from_numpy(u), tau, late)
    return law.mean.numpy(), law.covariance.numpy()


def representation(n: int, d: int, rho: float, replicas: int, rng: np.random.Generator) -> Tensor:
    """B drawn from its exact law ρI + √(ρ(1−ρ)) Z W^{−1/2}, isotropic data, n > d. Returns (replicas, d, d).

    W ~ Wishart_d(n−1) by its Cholesky factor.
    """
    n, d, replicas = (arrays.count(*given) for given in (("n", n), ("d", d), ("replicas", replicas)))
    if not n > d:
        raise ValueError(f"the representation needs n > d, got n = {n}, d = {d}")
    if (rho := arrays.number("rho", rho, 0)) > 1:
        raise ValueError(f"rho must be at most 1, got {rho:g}")
    factor = bartlett(replicas, d, n - 1, rng)
    z = torch.from_numpy(rng.standard_normal((replicas, d, d)))
    spread = torch.linalg.solve_triangular(torch.from_numpy(factor), z, upper=False, left=False)
    return rho * torch.eye(d, dtype=z.dtype) + np.sqrt(rho * (1 - rho)) * spread


def noised_slopes(x: Numbers, tau: float, noises: int, rng: np.random.Generator) -> Tensor:
    """B (..., d, d) of x (..., n, d) on `noises` noised copies of each point, minimum norm for n·m ≤ d.

    Drawn from its exact law: only the means of the copies and their scatter, τ² × Wishart_d(n(m−1)), enter. The
    intercept is fitted. Raises ValueError as `fit`, on less than one noise and on negative τ.
    """
    x = arrays.squares("x", arrays.double("x", x))
    (n, d), m = x.shape[-2:], arrays.count("noises", noises)
    tau = arrays.number("tau", tau, 0)
    sets = x.reshape(-1, n, d)
    if n * m <= d:
        copies = sets[:, None] + tau * torch.from_numpy(rng.standard_normal((len(sets), m, n, d)))
        flat = copies.reshape(len(sets), m * n, d)
        return _fit(sets.repeat(1, m, 1), flat)[1].reshape(*x.shape[:-2], d, d)
    means = sets + tau / m**0.5 * torch.from_numpy(rng.standard_normal(sets.shape))
    x_c, u_c = (a - a.mean(-2, keepdim=True) for a in (sets, means))
    gram = u_c.mT @ u_c
    if degrees := n * (m - 1):
        scatter = bartlett(len(sets), d, degrees, rng) if degrees >= d else rng.standard_normal((len(sets), d, degrees))
        rows = torch.from_numpy(scatter)
        gram += tau**2 / m * (rows @ rows.mT)
    factor, failed = torch.linalg.cholesky_ex(gram)
    if failed.any():
        raise ValueError(f"x and its noise, tau = {tau:g}, do not span their {d} dimensions")
    return torch.cholesky_solve(u_c.mT @ x_c, factor).mT.reshape(*x.shape[:-2], d, d)


def slope_error(slope: Tensor, covariance: Tensor, tau: float) -> Tensor:
    """E|m + B(u−m) − x|², (...), of slopes B (..., d, d): x is fresh, of mean m and this covariance, and u = x + τξ."""
    rest = torch.eye(slope.shape[-1], dtype=slope.dtype, device=slope.device) - slope
    return (rest @ covariance * rest).sum((-1, -2)) + tau**2 * slope.square().sum((-1, -2))
