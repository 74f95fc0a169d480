"""Δ in single precision with the steps of the public code (LDM.py), to show what they print. Not for use.

What matters and is kept: float32 data, least squares in float32, ε, its powers and every accumulator in float32;
exponents of the cross terms in float64; BᵀB where the generated covariance is B Bᵀ.  What is left out changes nothing:
constant factors common to both distances, and one matrix inverse per data point.  Distances of pairs come from a matrix
product of centred data, which moves the pair terms by some 10⁻⁵ of themselves, more in one dimension.

For n ≤ d the fit in float32 keeps a direction that is zero but for rounding, as far as LAPACK's rank cutoff lets it:
that moves ln|Δ| at n = d/4 by half a nat, as it does in the public code.
"""

import math
from functools import lru_cache
from typing import Literal, NamedTuple

import numpy as np
import torch
from sklearn.linear_model import LinearRegression

CHUNK = 25  # the code's chunk of points: it fixes the order of additions
TIME = 2.0  # the code's T
Order = Literal["BtB", "BBt"]


class Reference(NamedTuple):
    """A point set in float32 with its pair sum, self-pairs included, accumulated in float32."""

    points: np.ndarray
    pairs: np.float32


def reference(points: np.ndarray) -> Reference:
    """Points (n, d) as the code holds them, and their pair sum."""
    x = points.astype(np.float32)
    n, d = x.shape
    centred = torch.from_numpy(x - x.mean(0))
    half = centred.square().sum(1) / 2
    spread = float(2 * _width(n, d) ** 2)
    total = np.float32(0)
    for i in range(0, n, CHUNK):
        rows = slice(i, i + CHUNK)
        near = centred[rows] @ centred.T - half[rows, None] - half
        near[torch.arange(len(near)), torch.arange(i, i + len(near))] = 0
        kernels = near.clamp_(max=0).div_(spread).exp_()
        chunks = torch.nn.functional.pad(kernels, (0, -n % CHUNK)).view(len(near), -1, CHUNK).sum((0, 2)).numpy()
        total = np.add.accumulate(np.append(total, chunks), dtype=np.float32)[-1]
    return Reference(x, total)


def _width(n: int, d: int) -> np.float32:
    return np.float32((1 / n) ** (1 / d))


@lru_cache
def self_term(n: int, d: int) -> float:
    """The self-overlap of a kernel estimate in float32, in units of (4πσ²)^{−d/2}: its exact value is 1 at every n."""
    return float(_prefactor(n, d) * np.float32(n)) * _unit(d)


def _prefactor(n: int, d: int) -> np.float32:
    width = torch.tensor(_width(n, d))
    volume = torch.sqrt(torch.tensor(2 * torch.pi)) * (2 * width**2) ** (d / 2) * n**2
    return np.float32((1 / volume).numpy())


def _unit(d: int) -> float:
    """The factor from the code's units to those of (4πσ²)^{−d/2}."""
    return math.sqrt(2 * math.pi) * 2 ** (d / 2)


def generator(train: np.ndarray, noise: np.ndarray, tau: float) -> tuple[np.ndarray, np.ndarray]:
    """Mean (d,) and factor s·B (d, d) of the generated law: least squares in float32 in the frame of x_T."""
    decay = np.float32(math.exp(-TIME))
    lam = np.float32(tau**2 / math.expm1(2 * TIME))
    late_noise = np.sqrt(lam * (1 - decay**2))
    x = train.astype(np.float32)
    fitted = LinearRegression().fit(decay * x + late_noise * noise.astype(np.float32), x)
    mean = fitted.intercept_.astype(float) + fitted.coef_ @ (decay * x.mean(0))
    spread = np.sqrt(decay**2 * x.var(0, ddof=1).mean() + late_noise**2)
    return mean, fitted.coef_.astype(float) * float(spread)


def distance(mean: np.ndarray, factor: np.ndarray, to: Reference, order: Order) -> float:
    """‖ρ_X − G‖² without ‖G‖², in units of (4πσ²)^{−d/2}."""
    n, d = to.points.shape
    gram = factor.T @ factor if order == "BtB" else factor @ factor.T
    smoothed = gram + float(_width(n, d) ** 2) * np.eye(d)
    apart = mean - to.points
    exponents = -np.einsum("nd,nd->n", apart @ np.linalg.inv(smoothed), apart) / 2
    single = np.add.accumulate(np.append(0, np.exp(exponents)).astype(np.float32), dtype=np.float32)[-1]
    pairs = float(_prefactor(n, d) * to.pairs)
    cross = 2 / (n * math.sqrt(2 * math.pi) * math.exp(np.linalg.slogdet(smoothed)[1] / 2)) * float(single)
    return (pairs - cross) * _unit(d)
