"""Samplers: from noise to data by any denoiser D(u, τ) = E(x₀ | u = x₀ + τξ), the noise falling along given levels.

In the frame of the data the levels are widths τ₀ > … > τ_K ≥ 0 and the start is u ~ p(x₀ + τ₀ξ).  One step to τ' is

    u' = D + κ(u − D) + cξ,    c² = η²τ'²(1 − τ'²/τ²),    κ² = (τ'² − c²)/τ²,

    η = 0    Euler's rule for the probability flow u̇ = (u − D)/τ: DDIM
    η = 1    the law of u' given u, were x₀ known to be D: DDPM, the reverse diffusion

States are (..., d): samples, or models × samples for an ensemble's denoiser.  They keep single precision, and anything
else becomes double.  Nothing is differentiated through.
"""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from memgen import arrays
from memgen.arrays import Numbers
from memgen.laws.process import noise_variance
from memgen.streams import stream

Denoiser = Callable[[Tensor, float], Tensor]  # u (..., d), τ → (..., d)
Normals = Callable[[float, Tensor], Tensor]  # the level a step leads to, the state → ξ, of the state's shape
Widths = Sequence[float] | np.ndarray | Tensor
# Trajectories that share a stream: one takes as long to make as 2000 normals, but a lone trajectory draws for all.
_BLOCK = 256
_LATEST = 350.0


class Noise:
    """Standard normals that belong to (key, trajectory, level, d), whatever else is in the batch.

    Trajectories are integers ≥ 0 of a shape that broadcasts to the state's leading axes: arange(m * n).reshape(m, n)
    makes m models independent, arange(n) gives them the same noise.  Because the level counts and not the step, a
    trajectory may be cut into several calls of a sampler, and the start can be drawn too: τ₀ · noise(τ₀, zeros).  In
    single precision the numbers are those of double precision, rounded.  A level counts to its last digit, and that of
    an exponential or a power depends on the processor: round levels whose noise must not.  Raises ValueError on other
    trajectories, and when called for a state of other axes.
    """

    def __init__(self, trajectories: Sequence[int] | np.ndarray | range, *key: object) -> None:
        index = np.asarray(trajectories)
        if index.size == 0 or index.dtype.kind not in "iu" or index.min() < 0:
            raise ValueError(f"trajectories must be integers ≥ 0, and some, got {index.dtype} of shape {index.shape}")
        blocks, position = np.unique(index // _BLOCK, return_inverse=True)
        self._key, self._blocks = key, blocks.tolist()
        self._rows = torch.as_tensor(position.reshape(index.shape) * _BLOCK + index % _BLOCK)

    def __call__(self, level: float, u: Tensor) -> Tensor:
        """ξ for a state u (..., d), on its device and in its precision; (trajectories' axes, d)."""
        *axes, d = u.shape
        if np.broadcast_shapes(self._rows.shape, axes) != tuple(axes):
            raise ValueError(
                f"trajectories of shape {tuple(self._rows.shape)} are more than a state {tuple(u.shape)} has"
            )
        drawn = np.empty((len(self._blocks), _BLOCK, d))
        for block, out in zip(self._blocks, drawn, strict=True):
            stream(*self._key, float(level), block).standard_normal(out=out)
        return torch.from_numpy(drawn).view(-1, d)[self._rows].to(u)


def ddim(denoise: Denoiser, u: Tensor, widths: Widths, eta: float = 0.0, noise: Normals | None = None) -> Tensor:
    """Take states u (..., d) from widths[0] to widths[-1]: DDIM for η = 0, DDPM for η = 1, and between. Same shape.

    First order in the step. Song, Meng & Ermon 2021, eq. (12) and (16), in this frame. Raises ValueError on widths that
    do not decrease to ≥ 0 or are fewer than two, on η outside [0, 1], on η > 0 without noise, on a denoiser that
    changes the shape, and when the state is not finite, with the step and its level.
    """
    return _reverse(denoise, u, widths, eta, noise, corrected=False)


def heun(denoise: Denoiser, u: Tensor, widths: Widths, eta: float = 0.0, noise: Normals | None = None) -> Tensor:
    """`ddim` at second order: after each step, unless τ' = 0, it adds (1−κ)/2κ (D' − D), D' being the denoiser there.

    For η = 0 that is Heun's rule: Karras et al. 2022, Algorithm 1. For η > 0 one ξ serves both halves of a step, and
    the error of the law is of second order too, as with any additive noise; κ much below ½ overshoots. Raises as
    `ddim`.
    """
    return _reverse(denoise, u, widths, eta, noise, corrected=True)


@torch.no_grad()
def _reverse(
    denoise: Denoiser, u: Tensor, widths: Widths, eta: float, noise: Normals | None, corrected: bool
) -> Tensor:
    levels = _checked(widths, "widths")
    if not 0 <= (share := arrays.bare(eta)) <= 1 or (share > 0 and noise is None):
        raise ValueError(f"eta must lie in [0, 1], and above 0 it needs noise, got {arrays.shown(eta)}")
    eta, u = share, _state("u", u, "width", levels[0])
    for step, (high, low) in enumerate(pairwise(levels), 1):
        ratio = low / high
        keep = ratio * math.sqrt((1 - eta**2) + (eta * ratio) ** 2)
        clean = _denoised(denoise, u, high)
        u = (u - clean).mul_(keep).add_(clean)
        if noise is not None and eta * low > 0:
            u += eta * low * math.sqrt((1 - ratio) * (1 + ratio)) * noise(low, u)
        if corrected and low > 0:
            u += (_denoised(denoise, u, low) - clean).mul_((1 - keep) / (2 * keep))
        _finite(u, step, "width", low)
    return u


@torch.no_grad()
def euler_maruyama(denoise: Denoiser, x: Tensor, times: Widths, noise: Normals, lam: float = 1.0) -> Tensor:
    """The reverse diffusion in the frame x_t = e^{−t}x₀ + √(λ(1−e^{−2t}))ξ, from x at times[0] to times[-1], (..., d).

    x' = x + h(x + 2λ∇ln p_t(x)) + √(2λh)ξ, the score from D at τ² = λ(e^{2t} − 1). First order; the last step leaves
    its noise √(2λh) on the sample; stable for h below 1 − e^{−2t}. Song et al. 2021, eq. (6). Raises ValueError on
    times that do not decrease to ≥ 0 or are fewer than two, on λ ≤ 0, on a denoiser that changes the shape, and when
    the state is not finite.
    """
    levels, scale = _checked(times, "times"), arrays.bare(lam)
    if not scale > 0:
        raise ValueError(f"need lam > 0, got {arrays.shown(lam)}")
    lam = scale
    if levels[0] > _LATEST or lam > arrays.LARGEST:
        raise ValueError(f"times from {levels[0]:g} and lam = {lam:g} are out of range: e^t leaves double precision")
    x = _state("x", x, "time", levels[0])
    for step, (t, end) in enumerate(pairwise(levels), 1):
        h, decay = t - end, math.exp(-t)
        clean = _denoised(denoise, x / decay, math.sqrt(noise_variance(t, lam)))
        # 2λ∇ln p_t = 2λ(e^{−t}D − x)/(λ(1−e^{−2t})): λ is in D and in the noise alone.
        pull = (clean * decay).sub_(x).mul_(-2 * h / math.expm1(-2 * t))
        x = (x * (1 + h)).add_(pull).add_(math.sqrt(2 * lam * h) * noise(end, x))
        _finite(x, step, "time", end)
    return x


def _checked(values: Widths, name: str) -> list[float]:
    """Levels as numbers; ValueError naming the first that is wrong."""
    known = arrays.array(name, values).astype(float)
    if known.ndim != 1:
        raise ValueError(f"{name} must be numbers in a row, got shape {known.shape}")
    levels = known.tolist()
    if len(levels) < 2:
        raise ValueError(f"{name} must be two or more, got {len(levels)}")
    for k, level in enumerate(levels):
        if not (math.isfinite(level) and level >= 0):
            raise ValueError(f"{name}[{k}] = {level} is not a finite number ≥ 0")
        if k and not level < levels[k - 1]:
            raise ValueError(f"{name} must decrease, but {name}[{k}] = {level} follows {levels[k - 1]}")
    return levels


def _state(name: str, given: Numbers, level: str, at: float) -> Tensor:
    """A state (..., d) to start from, in single precision if it is, else in double."""
    u = arrays.tensor(name, given)
    if u.ndim < 1 or 0 in u.shape:
        raise ValueError(f"{name} must be (..., d), got shape {tuple(u.shape)}")
    return _finite(u if u.dtype == torch.float32 else u.double(), 0, level, at)


def _denoised(denoise: Denoiser, u: Tensor, tau: float) -> Tensor:
    """Return D in the precision of u. ValueError if it has another shape."""
    clean = denoise(u, tau)
    if clean.shape != u.shape:
        raise ValueError(f"the denoiser made {tuple(clean.shape)} of a state {tuple(u.shape)}")
    return clean.to(u)


def _finite(u: Tensor, step: int, name: str, level: float) -> Tensor:
    # The sum takes a thirtieth of the time of isfinite, and is finite only if every term is.
    if not math.isfinite(float(u.sum())):
        raise ValueError(f"the state is not finite after step {step}, at {name} {level:g}")
    return u
