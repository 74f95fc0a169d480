"""Random-feature denoisers with σ = sin, whose averages over the noise are known: the noise ξ from A sin(Wx_t/√d)."""

from typing import NamedTuple

import numpy as np

from memgen import arrays


class Losses(NamedTuple):
    """E|ξ − ξ̂|²/d over all noises: on the training points, and on fresh ones."""

    train: float
    test: float


def sine_losses(weights: arrays.Numbers, x: arrays.Numbers, ridge: float, t: float) -> Losses:
    """Ridge regression of ξ on p features of training points x (n, d) at diffusion time t, weights (p, d).

    x_t = e^{−t}x + √(1−e^{−2t}) ξ; the noise is averaged exactly, over each training point and over N(0, I) for fresh
    ones. Takes n p² numbers. Raises ValueError on shapes that do not fit, a negative ridge, and t ≤ 0.
    """
    w = arrays.points("weights", arrays.array("weights", weights).astype(float))
    x = arrays.points("x", arrays.array("x", x).astype(float))
    if w.shape[1] != x.shape[1]:
        raise ValueError(f"weights and x must have as many columns, got {w.shape[1]} and {x.shape[1]}")
    ridge, t = arrays.number("ridge", ridge, 0), arrays.positive("t", t)
    d, noise = x.shape[1], -np.expm1(-2 * t)
    angles = np.exp(-t) * x @ w.T / np.sqrt(d)
    overlap = w @ w.T / d
    size = np.diag(overlap)
    apart, together = (size[:, None] + size + sign * 2 * overlap for sign in (-1, 1))  # |w ∓ w'|²/d
    sines, cosines = np.sin(angles), np.cos(angles)
    both = [part.T @ part / len(x) for part in (cosines, sines)]
    # sin a sin b = ½[cos(a−b) − cos(a+b)], and noise of variance δ leaves e^{−δ/2} of a cosine
    seen = (np.exp(-noise * apart / 2) * (both[0] + both[1]) - np.exp(-noise * together / 2) * (both[0] - both[1])) / 2
    true = (np.exp(-apart / 2) - np.exp(-together / 2)) / 2
    scaled = np.sqrt(noise / d) * w
    with_noise = (np.exp(-noise * size / 2) * cosines.mean(0))[:, None] * scaled
    fresh = np.exp(-size / 2)[:, None] * scaled
    fitted = np.linalg.solve(seen + ridge * np.eye(len(w)), with_noise)
    train, test = (
        1 - 2 * (cross * fitted).sum() / d + ((gram @ fitted) * fitted).sum() / d
        for cross, gram in ((with_noise, seen), (fresh, true))
    )
    return Losses(float(train), float(test))
