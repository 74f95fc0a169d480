"""A linear denoiser and its sampler as one spectral filter, which acts on each eigenvalue of the sample covariance.

The covariance that is generated has the eigenvectors of S, and V(s) in the place of its eigenvalue s. One step, many
steps, noise on the way, ridge and early stopping differ in V alone.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from theory.core.formula import DomainError
from theory.core.special import log_excess
from theory.sampling.steps import ddim_loss, euler_maruyama_step, heun_step, reverse_step

_FALL = 36  # e^{−36} is below the rounding of float64


@dataclass(frozen=True)
class SpectralFilter:
    """A sampler and its denoiser: levels `widths`, τ_0 > … > τ_K ≥ 0, the sampler that walks them, and how D was
    fitted.

    `eta` is DDIM's: 0 without noise, 1 for DDPM; it counts for "ddim" and "heun". `ridge` (data²) is added to the
    covariance of u in the least squares, and gradient flow on ½E|x−D|² from D = 0 stops at `time` (1/data²). The
    sampler starts from the exact law s + τ_0². Euler–Maruyama takes t = ½ ln(1+τ²), which is λ = 1. DomainError on
    values out of range.
    """

    widths: tuple[float, ...]
    sampler: Literal["ddim", "heun", "euler-maruyama"] = "ddim"
    eta: float = 0.0
    ridge: float = 0.0
    time: float = np.inf

    def __post_init__(self) -> None:
        object.__setattr__(self, "widths", tuple(_levels(self.widths).tolist()))
        if self.sampler not in ("ddim", "heun", "euler-maruyama"):
            raise DomainError(f"sampler = {self.sampler!r} is none of ddim, heun, euler-maruyama")
        if self.sampler == "euler-maruyama" and self.eta:
            raise DomainError(f"eta = {self.eta:g}: Euler–Maruyama has its own noise, eta is of ddim and heun")
        if not 0 <= self.eta <= 1:
            raise DomainError(f"eta = {self.eta:g} is outside [0, 1] (noise of the sampler)")
        for name, value in (("ridge", self.ridge), ("time", self.time)):
            if not value >= 0:
                raise DomainError(f"{name} = {value:g} is outside [0, oo)")

    def weight(self, s: Any, tau: Any) -> np.ndarray:
        """φ(s, τ), the share of a noised point that D keeps along an eigenvector of eigenvalue s."""
        s, noise = np.asarray(s, float), np.square(np.asarray(tau, float)) + self.ridge
        total = s + noise
        share = np.divide(s, total, out=np.zeros(np.broadcast(s, noise).shape), where=total > 0)
        return share if np.isinf(self.time) else share * -np.expm1(-self.time * total)

    def __call__(self, s: Any) -> np.ndarray:
        """V(s): the variance generated in the place of each eigenvalue s ≥ 0 (data²). Shape of s."""
        s = _eigenvalues(s)
        if (self.sampler, self.eta, self.ridge, self.time) == ("ddim", 0, 0, np.inf):
            return ddim_variance(s, self.widths)
        levels = np.array(self.widths)
        high, low, over = levels[:-1], levels[1:], s[..., None]
        start = over + high**2
        step = self._step(self.weight(over, high), self.weight(over, low), high, low)
        noise = step(np.zeros_like(start))
        gain = np.divide(step(start) - noise, start)
        v = s + levels[0] ** 2
        for k in range(len(high)):
            v = gain[..., k] * v + noise[..., k]
        return v

    def _step(
        self, here: np.ndarray, there: np.ndarray, high: np.ndarray, low: np.ndarray
    ) -> Callable[[np.ndarray], np.ndarray]:
        """A function that gives, for a variance of u, what each step by itself makes of it; all steps at once."""
        if self.sampler == "heun":
            return lambda v: heun_step(v, here, there, high, low, self.eta)
        if self.sampler == "ddim":
            return lambda v: reverse_step(v, here, high, low, self.eta)
        time, end = (np.log1p(level**2) / 2 for level in (high, low))
        return lambda v: euler_maruyama_step(v * np.exp(-2 * time), here, time, end, 1.0) * np.exp(2 * end)


def ddim_variance(s: Any, widths: Any) -> np.ndarray:
    """V_K(s) = (s + τ_K²) Π cos²(θ_k − θ_{k+1}), θ = arctan(τ/√s): DDIM from the exact law at τ_0 along the levels.

    s ≥ 0 (data²) of any shape, widths a row of two levels or more, falling to ≥ 0. DomainError on others.
    """
    s, levels = _eigenvalues(s), _levels(widths)
    return (s + levels[-1] ** 2) * np.exp(-_losses(s, levels))


def steps_kl(s: Any, widths: Any) -> np.ndarray:
    """The cost of the steps of DDIM alone along an eigenvector: KL(V_K ‖ s + τ_K²) of two Gaussians, in nats.

    ½(e^{−loss} − 1 + loss), to all digits where the loss is small. Arguments as of `ddim_variance`; shape of s.
    """
    loss = _losses(_eigenvalues(s), _levels(widths))
    return log_excess.numpy(np.expm1(-np.atleast_1d(loss))).reshape(loss.shape) / 2


def _losses(s: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """The loss of all steps together, in nats; 0 where s = 0, along which there is nothing but noise."""
    positive = s > 0
    lost = ddim_loss(np.where(positive, s, 1.0)[..., None], levels[:-1], levels[1:]).sum(-1)
    return np.where(positive, lost, 0.0)


def filtered_kl(gamma: float, variance: Callable[[np.ndarray], np.ndarray], reverse: bool = False) -> float:
    """lim KL(G‖O)/d, or KL(O‖G)/d if reversed, as n, d → ∞ at d/N = γ: white data, V(s) for each eigenvalue of S.

    ½∫[V − 1 − ln V]dMP_γ(s) in nats, or with 1/V for V; ∞ where some V is 0. About 12 digits unless γ is near 1.
    DomainError unless γ > 0 is not 1.
    """
    s, weights = marchenko_pastur(gamma)
    v = variance(s)
    if not np.all(v > 0):
        return np.inf
    r = 1 / v if reverse else v
    return float(np.sum(weights * (r - 1 - np.log(r))) / 2)


def excess_kl(run: SpectralFilter, gamma: float, sigma: float = 1.0) -> float:
    """KL(G‖O)/d of a filter over its value after infinitely many steps, less 1; data N(m, σ²I), d → ∞ at d/N = γ.

    Both laws have the noise of the last level.
    """
    last = run.widths[-1] ** 2
    truth = sigma**2 + last
    whole = filtered_kl(gamma, lambda s: (s * sigma**2 + last) / truth)
    return filtered_kl(gamma, lambda s: run(s * sigma**2) / truth) / whole - 1


def marchenko_pastur(gamma: float) -> tuple[np.ndarray, np.ndarray]:
    """Nodes s and weights of ∫ · dMP_γ by Gauss–Chebyshev quadrature; for γ > 1 one node is the share 1 − 1/γ at 0.

    The weight of the law is sin²θ dθ in s = 1 + γ − 2√γ cos θ. The error falls as γ^m (γ < 1) for what is smooth.
    """
    if not (0 < gamma < np.inf and gamma != 1):
        raise DomainError(f"gamma = {gamma:g} is 1 or outside (0, oo) (aspect ratio d/N)")
    if gamma > 1:  # the other eigenvalues are those of d points in N dimensions, times γ
        s, weights = marchenko_pastur(1 / gamma)
        return np.append(s * gamma, 0.0), np.append(weights / gamma, 1 - 1 / gamma)
    m = int(np.ceil(_FALL / -np.log(gamma))) + 64
    angle = np.pi * np.arange(1, m + 1) / (m + 1)
    s = (1 - np.sqrt(gamma)) ** 2 + 4 * np.sqrt(gamma) * np.sin(angle / 2) ** 2
    return s, 2 * np.sin(angle) ** 2 / ((m + 1) * s)


def _eigenvalues(s: Any) -> np.ndarray:
    s = np.asarray(s, float)
    if not np.all((s >= 0) & np.isfinite(s)):
        raise DomainError(f"s = {s[~((s >= 0) & np.isfinite(s))].flat[0]:g} is outside [0, oo) (eigenvalue)")
    return s


def _levels(widths: Any) -> np.ndarray:
    """The levels of a sampler, (K + 1,). DomainError unless they are two or more, finite, and fall to ≥ 0."""
    levels = np.asarray(widths, float)
    if levels.ndim != 1 or levels.size < 2:
        raise DomainError(f"widths must be a row of two levels or more, got shape {levels.shape}")
    if not np.all(np.isfinite(levels)) or levels[-1] < 0 or np.any(np.diff(levels) >= 0):
        raise DomainError("widths must be finite and fall, each below the one before, to 0 or more")
    return levels
