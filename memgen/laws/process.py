"""The forward process, simulated: x_t = e^{−t} x_0 + √(λ(1−e^{−2t})) ξ, and u = e^t x_t = x_0 + τξ."""

import numpy as np


def noise_variance(t: float, lam: float = 1.0) -> float:
    """τ² = λ(e^{2t} − 1), the noise variance in the frame of the data."""
    if not (t >= 0 and lam > 0):
        raise ValueError(f"need t ≥ 0 and lam > 0, got t = {t}, lam = {lam}")
    return lam * float(np.expm1(2 * t))


def noised(x: np.ndarray, tau: float, rng: np.random.Generator) -> np.ndarray:
    """u = x + τξ, one noise per point. Shape of x; raises on a negative or non-finite τ."""
    if not (np.isfinite(tau) and tau >= 0):
        raise ValueError(f"tau must be finite and not negative, got {tau}")
    return x + tau * rng.standard_normal(x.shape)


def brownian_paths(x: np.ndarray, t: float, lam: float, steps: int, rng: np.random.Generator) -> np.ndarray:
    """e^t x_t for paths of dx = −x dt + √(2λ) dW started at x, by the midpoint rule for ∫ √(2λ) e^s dW_s.

    Error of the variance O((t/steps)²). Shape of x.
    """
    h = t / steps
    u = x.astype(float)
    for k in range(steps):
        u = u + np.sqrt(2 * lam * h) * np.exp((k + 0.5) * h) * rng.standard_normal(x.shape)
    return u
