"""Noise levels: the law of τ that a denoiser is trained on, and the levels that a sampler then walks down.

All in the frame u = x₀ + τξ. The process that keeps the variance, x_t = √ᾱ x₀ + √(1−ᾱ) ξ (DDPM, Ho et al. 2020), is the
same with τ² = (1−ᾱ)/ᾱ and u = x_t/√ᾱ. A law is given by its quantile function: one uniform number, one level.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from scipy.special import ndtri


class Levels(Protocol):
    """A law of τ: `quantile` maps uniform numbers in [0, 1) to widths τ > 0, of any shape, in double precision."""

    def quantile(self, uniform: np.ndarray) -> np.ndarray: ...


@dataclass(frozen=True)
class Schedule:
    """Times t = 1 … K, each as likely as the others, with ᾱ_t = `abar[t − 1]` falling. Trained and sampled times agree.

    Raises ValueError on ᾱ that do not fall within (0, 1).
    """

    abar: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.abar or not all(b < a for a, b in zip((1.0, *self.abar), (*self.abar, 0.0), strict=True)):
            raise ValueError(f"abar must fall from below 1 to above 0, got {len(self.abar)} values that do not")

    @cached_property
    def _tau(self) -> np.ndarray:
        """τ_t, rising, (K,)."""
        a = np.array(self.abar)
        return np.sqrt((1 - a) / a)

    @property
    def widths(self) -> np.ndarray:
        """τ_K > … > τ_1, then 0: what a sampler takes, (K + 1,)."""
        return np.append(self._tau[::-1], 0.0)

    def quantile(self, uniform: np.ndarray) -> np.ndarray:
        return self._tau[(np.asarray(uniform) * len(self._tau)).astype(int)]

    def time(self, tau: float | np.ndarray) -> np.ndarray:
        """t of a width: 1 … K at the levels, linear in ln τ between them. ValueError outside [τ_1, τ_K]."""
        wanted, low, high = np.asarray(tau, float), self._tau[0], self._tau[-1]
        # A level that went through single precision is still that level.
        if not np.all((wanted >= low * (1 - 1e-6)) & (wanted <= high * (1 + 1e-6))):
            raise ValueError(f"tau must be in [{low:.4g}, {high:.4g}], the trained levels, got {wanted}")
        return np.interp(np.log(wanted), np.log(self._tau), np.arange(1.0, len(self._tau) + 1))


def linear(steps: int = 200, first: float = 1e-4, last: float = 0.02) -> Schedule:
    """β_j = first + (last − first) j/steps for j < steps: the paper's, which ends at ᾱ = 0.134.

    A sampler that starts it from N(0, I) starts from the wrong law: √ᾱ x₀ is missing, and so is its variance.
    """
    beta = first + (last - first) * np.arange(steps) / steps
    return Schedule(tuple(np.cumprod(1 - beta).tolist()))


def cosine(steps: int = 200, offset: float = 0.008, least: float = 5e-5) -> Schedule:
    """ᾱ_t ∝ cos² of an angle that rises evenly, Nichol & Dhariwal 2021, eq. (17), to where ᾱ = `least`.

    They let it fall to 0 and clip β instead. At the end x_t is N(0, I) but for √ᾱ x₀, 0.7% of the data.
    """
    start = math.pi / 2 * offset / (1 + offset)
    end = math.acos(math.sqrt(least) * math.cos(start))
    angles = np.linspace(start, end, steps + 1)[1:]
    return Schedule(tuple(np.square(np.cos(angles) / math.cos(start)).tolist()))


@dataclass(frozen=True)
class LogNormal:
    """ln τ ~ N(mean, std²). The defaults are those of Karras et al. 2022, Table 1, for data of standard deviation ½."""

    mean: float = -1.2
    std: float = 1.2

    def quantile(self, uniform: np.ndarray) -> np.ndarray:
        return np.exp(self.mean + self.std * ndtri(np.maximum(uniform, 2.0**-54)))  # at 0 it would be 0


@dataclass(frozen=True)
class LogUniform:
    """ln τ uniform between two widths: every scale as often as the others. ValueError unless 0 < low < high < ∞."""

    low: float
    high: float

    def __post_init__(self) -> None:
        if not 0 < self.low < self.high < math.inf:
            raise ValueError(f"need 0 < low < high < inf, got low = {self.low}, high = {self.high}")

    def quantile(self, uniform: np.ndarray) -> np.ndarray:
        return self.low * (self.high / self.low) ** np.asarray(uniform, float)
