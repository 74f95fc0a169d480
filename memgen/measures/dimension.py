"""Which dimension a linear denoiser feels: the limit of n times the relative excess of its error over the best one."""

from typing import NamedTuple

import numpy as np

from memgen import arrays


class FeltDimension(NamedTuple):
    """The dimension that a linear denoiser feels: if each training point is noised once, and if all noises are
    averaged."""

    one_noise: float
    all_noises: float

    def at(self, noises: float) -> float:
        """The felt dimension with `noises` noises a point: all_noises + (one_noise − all_noises)/noises."""
        return self.all_noises + (self.one_noise - self.all_noises) / noises


def felt_dimension(points: arrays.Numbers, tau: float) -> FeltDimension:
    """lim n(error/best error − 1) as n → ∞ of least squares at noise τ, for the law of equally likely points (N, d).

    Exact for any law: the best linear denoiser leaves r = x − Bu of each point, and the fit is wrong by the mean of r
    uᵀ(Σ+τ²)⁻¹ over the training set; its square needs the second and fourth moments of the law. Its mean counts as
    known. Raises ValueError on fewer than two points, on points that are all the same, and unless τ is positive and
    finite.
    """
    x = arrays.squares("points", arrays.points("points", arrays.array("points", points).astype(float), least=2))
    tau2 = arrays.positive("tau", tau) ** 2
    x = x - x.mean(0)
    variances, directions = np.linalg.eigh(x.T @ x / len(x))
    if not variances[-1] > 0:
        raise ValueError("points are all the same: there is nothing to denoise")
    variances = variances.clip(0)
    squares = (x @ directions) ** 2
    noised = variances + tau2
    kept = variances / noised  # ρ, the weights of the best denoiser
    missed, place = squares @ (1 - kept) ** 2, squares @ (1 / noised)  # |(1−B)x|² and x·(Σ+τ²)⁻¹x
    common = (missed * place).mean() - tau2**2 * (kept**2 / noised).sum()
    noise, whole = tau2 * (kept**2).sum(), tau2 * (1 / noised).sum()
    single = ((missed + noise) * (place + whole)).mean()
    # a direction of ξ occurs in both factors
    single += 2 * tau2**2 * (kept**2 / noised).sum() - 4 * tau2 * (variances * (1 - kept) * kept / noised).sum()
    best = tau2 * kept.sum()
    return FeltDimension(float(single / best), float(common / best))
