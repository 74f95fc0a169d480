"""Noise levels: the law of τ that a denoiser is trained on, and the levels that a sampler then walks down.

All levels are in the frame u = x₀ + τξ. The process that keeps the variance, x_t = √ᾱ x₀ + √(1−ᾱ) ξ (DDPM, Ho et al.
2020), is the same with τ² = (1−ᾱ)/ᾱ and u = x_t/√ᾱ. A law is given by its quantile function: one uniform number, one
level.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from scipy.special import ndtri

from memgen import arrays


class Levels(Protocol):
    """A law of τ: `quantile` maps uniform numbers in [0, 1) to widths τ > 0, of any shape, in double precision."""

    def quantile(self, uniform: np.ndarray) -> np.ndarray: ...


def _uniform(values: arrays.Numbers) -> np.ndarray:
    """These numbers as an array. ValueError if one is not in [0, 1)."""
    found = arrays.array("uniform", values).astype(float)
    if not ((found >= 0) & (found < 1)).all():
        raise ValueError("uniform must be numbers in [0, 1)")
    return found


@dataclass(frozen=True)
class Schedule:
    """Times t = 1 … K, each as likely as the others, with ᾱ_t = `abar[t − 1]` falling, for training and for sampling.

    Raises ValueError on ᾱ that do not fall within (0, 1).
    """

    abar: tuple[float, ...]

    def __post_init__(self) -> None:
        known = arrays.array("abar", self.abar).astype(float)
        object.__setattr__(self, "abar", tuple(known.ravel().tolist()))
        if (
            not self.abar
            or known.ndim != 1
            or not all(b < a for a, b in zip((1.0, *self.abar), (*self.abar, 0.0), strict=True))
        ):
            raise ValueError(f"abar must fall from below 1 to above 0, got {len(self.abar)} values that do not")

    @cached_property
    def _tau(self) -> np.ndarray:
        """The levels τ_t, rising, (K,)."""
        a = np.array(self.abar)
        return np.sqrt((1 - a) / a)

    @property
    def widths(self) -> np.ndarray:
        """The levels that a sampler takes: τ_K > … > τ_1, then 0, (K + 1,)."""
        return np.append(self._tau[::-1], 0.0)

    def quantile(self, uniform: np.ndarray) -> np.ndarray:
        return self._tau[(_uniform(uniform) * len(self._tau)).astype(int)]

    def time(self, tau: float | np.ndarray) -> np.ndarray:
        """The time t of a width: 1 … K at the levels, linear in ln τ between them. ValueError outside [τ_1, τ_K]."""
        wanted, low, high = arrays.array("tau", tau).astype(float), self._tau[0], self._tau[-1]
        # A level that went through single precision is still that level.
        if not np.all((wanted >= low * (1 - 1e-6)) & (wanted <= high * (1 + 1e-6))):
            shown = wanted if wanted.size == 1 else f"{np.min(wanted):.4g} … {np.max(wanted):.4g}"
            raise ValueError(f"tau must be in [{low:.4g}, {high:.4g}], the trained levels, got {shown}")
        return np.interp(np.log(wanted), np.log(self._tau), np.arange(1.0, len(self._tau) + 1))


def linear(steps: int = 200, first: float = 1e-4, last: float = 0.02) -> Schedule:
    """The schedule β_j = first + (last − first) j/steps for j < steps; by default the paper's, which ends at ᾱ = 0.134.

    A sampler that starts it from N(0, I) starts from the wrong law: √ᾱ x₀ is missing, and so is its variance.
    """
    steps = arrays.count("steps", steps)
    first, last = (arrays.positive(*given) for given in (("first", first), ("last", last)))
    if max(first, last) >= 1:
        raise ValueError(f"first and last must be below 1, got {first:g} and {last:g}")
    beta = first + (last - first) * np.arange(steps) / steps
    return Schedule(tuple(np.cumprod(1 - beta).tolist()))


def cosine(steps: int = 200, offset: float = 0.008, least: float = 5e-5) -> Schedule:
    """The schedule ᾱ_t ∝ cos² of an angle that rises evenly, to where ᾱ = `least` (Nichol & Dhariwal 2021, eq. (17)).

    They let it fall to 0 and clip β instead. At the end x_t is N(0, I) but for √ᾱ x₀, 0.7% of the data.
    """
    steps, offset, least = (
        arrays.count("steps", steps),
        arrays.positive("offset", offset),
        arrays.positive("least", least),
    )
    start = math.pi / 2 * offset / (1 + offset)
    if not least < 1 or math.cos(start) < 1e-3:
        raise ValueError(f"least must be below 1 and offset a small part of it, got {least:g} and {offset:g}")
    end = math.acos(math.sqrt(least) * math.cos(start))
    angles = np.linspace(start, end, steps + 1)[1:]
    return Schedule(tuple(np.square(np.cos(angles) / math.cos(start)).tolist()))


@dataclass(frozen=True)
class LogNormal:
    """The law ln τ ~ N(mean, std²); defaults of Karras et al. 2022, Table 1, for data of standard deviation ½."""

    mean: float = -1.2
    std: float = 1.2

    def __post_init__(self) -> None:
        object.__setattr__(self, "mean", arrays.number("mean", self.mean))
        object.__setattr__(self, "std", arrays.number("std", self.std, 0))
        if abs(self.mean) + 10 * self.std > 700:
            raise ValueError(
                f"mean = {self.mean:g} and std = {self.std:g} are out of range: exp leaves double precision"
            )

    def quantile(self, uniform: np.ndarray) -> np.ndarray:
        return np.exp(self.mean + self.std * ndtri(np.maximum(_uniform(uniform), 2.0**-54)))  # at 0, τ would be 0


@dataclass(frozen=True)
class LogUniform:
    """The law with ln τ uniform between two widths: all scales equally often. ValueError unless 0 < low < high < ∞."""

    low: float
    high: float

    def __post_init__(self) -> None:
        for name in ("low", "high"):
            object.__setattr__(self, name, arrays.positive(name, getattr(self, name)))
        if not (self.low < self.high and self.high / self.low < math.inf):
            raise ValueError(f"need 0 < low < high < inf, got low = {self.low:g}, high = {self.high:g}")

    def quantile(self, uniform: np.ndarray) -> np.ndarray:
        return self.low * (self.high / self.low) ** _uniform(uniform)
