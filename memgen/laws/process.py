"""The forward process, simulated: x_t = e^{−t} x_0 + √(λ(1−e^{−2t})) ξ, and u = e^t x_t = x_0 + τξ."""

import numpy as np

from memgen import arrays

_LATEST = 700.0


def noise_variance(t: float, lam: float = 1.0) -> float:
    """τ² = λ(e^{2t} − 1), the noise variance in the frame of the data; ∞ beyond 10³⁰⁸."""
    time, scale = arrays.bare(t), arrays.bare(lam)
    if not (0 <= time < np.inf and 0 < scale < np.inf):
        raise ValueError(f"need t ≥ 0 and lam > 0, got t = {arrays.shown(t)}, lam = {arrays.shown(lam)}")
    with np.errstate(over="ignore"):
        return float(scale * np.expm1(2 * time))


def noised(x: np.ndarray, tau: float, rng: np.random.Generator) -> np.ndarray:
    """u = x + τξ, with one noise for each point: the shape of x. ValueError if τ is negative or not finite."""
    if not 0 <= (width := arrays.bare(tau)) < np.inf:
        raise ValueError(f"tau must be finite and not negative, got {arrays.shown(tau)}")
    x = np.asarray(arrays.finite("x", arrays.array("x", x)))
    with np.errstate(over="ignore"):
        return arrays.finite("x with this noise, tau,", x + width * rng.standard_normal(x.shape))


def brownian_paths(x: np.ndarray, t: float, lam: float, steps: int, rng: np.random.Generator) -> np.ndarray:
    """The ends e^t x_t of paths of dx = −x dt + √(2λ) dW started at x, by the midpoint rule for ∫ √(2λ) e^s dW_s.

    The error of the variance is O((t/steps)²). The result has the shape of x.
    """
    t, lam, steps = arrays.number("t", t, 0), arrays.positive("lam", lam), arrays.count("steps", steps)
    if t > _LATEST:
        raise ValueError(f"t = {t:g} is out of range: e^t leaves double precision")
    h = t / steps
    u = arrays.finite("x", arrays.array("x", x)).astype(float)
    for k in range(steps):
        u = u + np.sqrt(2 * lam * h) * np.exp((k + 0.5) * h) * rng.standard_normal(u.shape)
    return arrays.finite("x under the noise lam", u)
