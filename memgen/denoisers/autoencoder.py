"""A two-layer autoencoder with a skip connection, b x + w sign(w·x), fitted by alternating steps, and its flow."""

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from memgen import arrays

_ROUNDS = 20


class Autoencoder(NamedTuple):
    """A fitted autoencoder: b, w (d,), and the signs (N,) that sign(w·x) gives the noised points it was fitted to."""

    skip: float
    weights: np.ndarray
    signs: np.ndarray

    def denoise(self, points: np.ndarray) -> np.ndarray:
        """b x + w sign(w·x) of points (k, d)."""
        return self.skip * points + _signs(points @ self.weights)[:, None] * self.weights


def _signs(values: np.ndarray) -> np.ndarray:
    return np.where(values < 0, -1.0, 1.0)


def fitted(clean: np.ndarray, noised: np.ndarray, signs: np.ndarray, decay: float) -> Autoencoder:
    """Fit b and w to a local minimum of Σ|clean − denoised|² + decay·|w|², starting from given signs (N,).

    Ridge regression of clean points (N, d) on (x, sign) alternates with the signs that its w gives, until these stay;
    at early times, where noise decides, they may not, and the fit ends after `_ROUNDS`.
    """
    inner, squares, rows = np.vdot(clean, noised), np.vdot(noised, noised), len(clean) + decay
    for _ in range(_ROUNDS):
        of_clean, of_noised = signs @ clean, signs @ noised
        skip = (inner - of_clean @ of_noised / rows) / (squares - of_noised @ of_noised / rows)
        weights = (of_clean - skip * of_noised) / rows
        before, signs = signs, _signs(noised @ weights)
        if (signs == before).all():
            break
    return Autoencoder(float(skip), weights, signs)


def generated(
    clean: arrays.Numbers,
    noise: arrays.Numbers,
    labels: arrays.Numbers,
    decay: float,
    start: arrays.Numbers,
    steps: int,
) -> np.ndarray:
    """Return where the flow dX/dt = (denoised − X)/(1−t) takes white `start` (k, d), an autoencoder fitted at each
    time.

    It is fitted to x_t = (1−t)·noise + t·clean, (N, d) each; signs begin as the labels (N,), ±1. Midpoint steps that
    are exact where the denoiser stands still. Raises ValueError on shapes that do not fit, labels that are not ±1,
    decay ≤ 0 and steps < 1.
    """
    clean, noise, x = (
        arrays.points(name, arrays.array(name, given).astype(float))
        for name, given in (("clean", clean), ("noise", noise), ("start", start))
    )
    signs = arrays.vector("labels", labels)
    if clean.shape != noise.shape or len(signs) != len(clean) or x.shape[1] != clean.shape[1]:
        given = f"{clean.shape}, {noise.shape}, {signs.shape} and {x.shape}"
        raise ValueError(f"clean and noise must be (N, d), labels (N,) and start (k, d), got {given}")
    if not (np.abs(signs) == 1).all():
        raise ValueError(f"labels must be 1 or -1, got {signs[np.abs(signs) != 1][0]:g}")
    decay = arrays.positive("decay", decay)
    times = np.linspace(0, 1, arrays.count("steps", steps) + 1)
    for now, then in pairwise(times):
        middle = (now + then) / 2
        guess = fitted(clean, (1 - now) * noise + now * clean, signs, decay).denoise(x)
        between = guess + (1 - middle) / (1 - now) * (x - guess)
        target = fitted(clean, (1 - middle) * noise + middle * clean, signs, decay).denoise(between)
        x = target + (1 - then) / (1 - now) * (x - target)
    return x
