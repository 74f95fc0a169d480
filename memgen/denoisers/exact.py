"""Exact denoisers E(x₀ | u) of u = x₀ + τξ: of training points (empirical Bayes), a Gaussian, a mixture of Gaussians.

For points x_i of weights p_i (1/n unless given) the noised law is Σ p_i N(x_i, τ²I), and

    D(u) = Σ w_i x_i,   w = softmax_i(ln p_i − |u − x_i|²/2τ²),   score(u) = ∇ ln Σ p_i N(u; x_i, τ²I) = (D(u) − u)/τ².

It is attention: tiles of exponents that stay in cache, and sums relative to the largest exponent so far. An exponent is
a product, u·x − |x|²/2, while its rounding ε(R/τ)² allows, R being the largest distance of a point from their mean:

    τ ≥ 0.035 R    in single precision, if the points are: exponents, hence weights, good to about 10⁻⁴
    τ ≥ 1.5e-4 R   in double: to about 10⁻⁸
    below          in double, from differences u − x: to the rounding of x and u.  Beyond 2R products are as good as
                   that, and |u − x|² is not.

Below 0.035 R this is done only for those u at which many points have weight. For all others, by far the most, one
product in single precision finds the few points that have weight (`memgen.denoisers.nearby`), and D is good to the
rounding of x and u.
"""

import math
from functools import cached_property

import torch
from torch import Tensor

from memgen import arrays
from memgen.denoisers.nearby import Nearby

Points = arrays.Numbers
_FAR = 1e300
# Rows (queries) and columns (points) of a tile: on a CPU it stays in cache, elsewhere it has to fill the device.
_CPU_TILE, _OTHER_TILE = (1024, 512), (4096, 4096)
_LARGEST = {torch.float32: 29.0, torch.float64: 6700.0}  # R/τ at which ε(R/τ)² is 10⁻⁴ and 10⁻⁸


def _single_or_double(name: str, values: Points) -> Tensor:
    """Values as a tensor, in single precision if they are, else in double. Nothing is differentiated through."""
    a = arrays.tensor(name, values).detach()
    return a if a.dtype == torch.float32 else a.double()


def _queries(u: Points, d: int) -> Tensor:
    a = arrays.finite("u", _single_or_double("u", u))
    if a.ndim < 1 or a.shape[-1] != d:
        raise ValueError(f"u must be (..., {d}) to match the points, got shape {tuple(a.shape)}")
    return a.double()


class EmpiricalBayes:
    """The exact denoiser of points (n, d), of equal weight or of weights (n,), which are divided by their sum.

    Computes on the points' device and returns their precision; not differentiable (the score is the gradient).  Points
    may coincide, and n = 1 is a law too.  Raises ValueError on no points, values that are not finite, wrong shapes and
    weights that are not positive; its methods on u of another dimension or not finite, and on τ ≤ 0 or infinite.
    """

    def __init__(self, points: Points, weights: Points | None = None) -> None:
        x = arrays.points("points", _single_or_double("points", points))
        n, self._dtype = x.shape[0], x.dtype
        p = torch.ones(n) if weights is None else arrays.finite("weights", _single_or_double("weights", weights))
        if p.shape != (n,) or not bool((p > 0).all()):
            least = f", least {float(p.min()):g}" if p.numel() else ""
            raise ValueError(f"weights must be ({n},) and positive, got shape {tuple(p.shape)}{least}")
        self._log_p = p.to(x.device, torch.float64).log()
        self._log_p -= self._log_p.logsumexp(0)
        self._centre = arrays.squares("points", x.double()).mean(0)
        z = x.double() - self._centre
        radius = float(torch.linalg.vector_norm(z, dim=1).max())
        self._unit = 2.0 ** math.frexp(radius)[1] if radius > 0 else 1.0  # a power of two: dividing does not round
        self._radius = radius / self._unit
        self._tile = _CPU_TILE if x.device.type == "cpu" else _OTHER_TILE
        self._x = {torch.float64: z / self._unit}
        self._half_norm = self._x[torch.float64].square().sum(1, keepdim=True) / 2
        self._x[self._dtype] = self._x[torch.float64].to(self._dtype)

    def denoise(self, u: Points, tau: float) -> Tensor:
        """D(u): (..., d) → (..., d), the weighted mean of the points; the nearest one for τ → 0."""
        _, mean, _ = self._posterior(u, tau, self._dtype)
        return (mean * self._unit + self._centre).to(self._dtype)

    def score(self, u: Points, tau: float) -> Tensor:
        """∇ ln p(u) of the noised law: (..., d) → (..., d), per unit of length."""
        tau = arrays.positive("tau", tau)
        z, mean, _ = self._posterior(u, tau, self._dtype)
        found = ((mean - z) * (self._unit / tau) / tau).to(self._dtype)
        if not bool(found.isfinite().all()):
            raise ValueError(f"tau = {tau:g} is so small that the score at u leaves {str(self._dtype)[6:]}")
        return found

    def log_density(self, u: Points, tau: float) -> Tensor:
        """ln Σ p_i N(u; x_i, τ²I): (..., d) → (...), always in double; −∞ only where it is below −10³⁰⁸."""
        tau = arrays.positive("tau", tau)
        _, _, log_sum = self._posterior(u, tau, torch.float64)
        return log_sum - len(self._centre) * (math.log(tau) + math.log(2 * math.pi) / 2)

    @cached_property
    def _nearby(self) -> Nearby:
        x = self._x[torch.float64]
        return Nearby(x, self._x.setdefault(torch.float32, x.float()), self._log_p, self._tile)

    @torch.no_grad()
    def _posterior(self, u: Points, tau: float, dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
        """u and D, centred, in the units of the points kept here, and ln Σ p_i exp(−|u − x_i|²/2τ²); all in double."""
        tau = arrays.positive("tau", tau) / self._unit
        centred = (_queries(u, len(self._centre)).to(self._centre.device) - self._centre) / self._unit
        z = centred.reshape(-1, len(self._centre))
        mean, log_sum = torch.empty_like(z), z.new_empty(len(z))
        if not (0 < tau < 1e150 and bool(torch.isfinite(z).all())):
            raise ValueError(f"u or tau is out of the range of double precision in units of the points' {self._unit:g}")
        left = torch.ones_like(log_sum, dtype=torch.bool)
        # Single precision rounds too much, or its squares overflow.
        if self._radius > _LARGEST[torch.float32] * tau:
            left, dtype = ~self._nearby.fill(mean, log_sum, z, tau), torch.float64
        elif tau > 1e15 or bool((z.abs() > 1e15).any()):
            dtype = torch.float64
        near = torch.linalg.vector_norm(z, dim=1) <= 2 * self._radius
        by_difference = near & (self._radius > _LARGEST[torch.float64] * tau)
        x, bias = self._x[dtype], (self._log_p * tau**2)[:, None]
        for differences in (False, True):
            chosen = torch.where(left & (by_difference == differences))[0]
            if not len(chosen):
                continue
            keys = None if differences else torch.cat([x, (bias - self._half_norm).to(dtype)], 1)
            for rows in chosen.split(self._tile[0]):
                mean[rows], log_sum[rows] = self._sums(z[rows], tau, x, bias, keys)
        return centred, mean.view(centred.shape), log_sum.view(centred.shape[:-1])

    def _sums(self, z: Tensor, tau: float, x: Tensor, bias: Tensor, keys: Tensor | None) -> tuple[Tensor, Tensor]:
        """D and log sum of some rows, from products with keys, or without these from differences."""
        # Divided by τ² after the largest is off: small τ cannot overflow. exp2, since torch takes longer for exp.
        step, bits = self._tile[1], min(1 / tau / tau / math.log(2), torch.finfo(x.dtype).max)
        rows = z if keys is None else torch.cat([z, torch.ones_like(z[:, :1])], 1).to(x.dtype)
        largest, total = rows.new_full((len(z), 1), -math.inf), rows.new_zeros(len(z), 1)
        weighted, buffer = torch.zeros_like(z, dtype=x.dtype), rows.new_empty(len(z) * min(step, len(x)))
        for j in range(0, len(x), step):
            part = x[j : j + step]
            tile = buffer[: len(z) * len(part)].view(len(z), len(part))
            if keys is not None:
                torch.mm(rows, keys[j : j + step].T, out=tile)
            else:
                tile.copy_(torch.cdist(rows, part, compute_mode="donot_use_mm_for_euclid_dist"))
                tile.square_().div_(-2).add_(bias[j : j + step].T)
            before, largest = largest, torch.maximum(largest, tile.amax(1, keepdim=True))
            shrink = (before - largest).mul_(bits).exp2_()
            tile.sub_(largest).mul_(bits).exp2_()
            total.mul_(shrink).add_(tile.sum(1, keepdim=True))
            weighted.mul_(shrink).addmm_(tile, part)
        top = largest.double() - (z.square().sum(1, keepdim=True) / 2 if keys is not None else 0)
        return (weighted / total).double(), (top / tau / tau + total.double().log()).squeeze(1)


def gaussian(u: Points, tau: float, mean: Points, covariance: Points) -> Tensor:
    """Return D(u) of N(mean, covariance), Wiener's: mean + Σ(Σ + τ²I)⁻¹(u − mean), (..., d) → (..., d), in double.

    Σ may be singular. Raises ValueError on τ ≤ 0 or infinite, on shapes that do not match, values that are not finite,
    and a covariance that is not symmetric and positive semi-definite.
    """
    tau = arrays.positive("tau", tau)
    mu, cov = arrays.double("mean", mean).detach(), arrays.double("covariance", covariance).detach()
    if mu.ndim != 1 or cov.shape != (len(mu), len(mu)):
        raise ValueError(f"covariance must be (d, d) beside a mean (d,), got {tuple(cov.shape)} and {tuple(mu.shape)}")
    arrays.symmetric("covariance", cov)
    values, vectors = torch.linalg.eigh(cov)
    if not float(values[0]) >= -1e-10 * abs(float(values[-1])):
        raise ValueError(f"covariance is not symmetric and positive semi-definite (eigenvalue {float(values[0]):.3g})")
    kept = (values.clamp(min=0) / tau).clamp(max=_FAR)  # beyond, the noise is nothing
    found = mu + ((_queries(u, len(mu)) - mu) @ vectors * (kept / (kept + tau))) @ vectors.T
    return arrays.finite("u, beside the mean,", found)


def mixture(u: Points, tau: float, means: Points, variance: float, weights: Points | None = None) -> Tensor:
    """Return D(u) of Σ p_k N(means_k, variance·I), means (k, d), weights (k,): (..., d) → (..., d), in double.

    Its noised law is that of its means under noise √(v + τ²): `EmpiricalBayes(means, weights)` has the density. Raises
    ValueError as `EmpiricalBayes` does, and on a negative variance.
    """
    tau = arrays.positive("tau", tau)
    if not 0 <= (spread := arrays.bare(variance)) < math.inf:
        raise ValueError(f"variance must be finite and not negative, got {arrays.shown(variance)}")
    variance = spread
    m = arrays.squares("means", arrays.points("means", arrays.double("means", means).detach()))
    z = _queries(u, m.shape[-1] if m.ndim else 0)
    noise = math.hypot(math.sqrt(variance), tau)
    rho = (math.sqrt(variance) / noise) ** 2
    return rho * z + (tau / noise) ** 2 * EmpiricalBayes(m, weights).denoise(z, noise)


def torus(u: Points, tau: float, circles: int) -> Tensor:
    """D(u), (..., d) → (..., d), of the uniform law on a product of circles of radius √2 in the first coordinates.

    Along each circle x̂ = √2 I₁(κ)/I₀(κ) · u/|u|, κ = √2|u|/τ², with the two coordinates u in its plane; 0 elsewhere.
    """
    tau = arrays.positive("tau", tau)
    u = arrays.finite("u", arrays.double("u", u))
    if u.ndim < 1 or not 1 <= circles <= u.shape[-1] // 2:
        raise ValueError(f"u must have two coordinates for each of {circles} circles, got shape {tuple(u.shape)}")
    plane = u[..., : 2 * circles].reshape(*u.shape[:-1], circles, 2)
    radius = torch.linalg.vector_norm(plane, dim=-1, keepdim=True)
    sharpness = math.sqrt(2) * radius / tau / tau
    # I₁(κ)/(κ I₀(κ)) is ½ at κ = 0, where u has no direction.
    gain = torch.special.i1e(sharpness) / torch.special.i0e(sharpness) / sharpness.clamp(min=1e-300)
    gain = torch.where(sharpness > 1e-100, gain, 0.5)
    found = torch.zeros_like(u)
    found[..., : 2 * circles] = (2 / tau / tau * gain * plane).reshape(*u.shape[:-1], 2 * circles)
    return found
