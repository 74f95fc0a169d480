"""Relaxation, simulated: three laws of the same variance under diffusion, and how far they are from forgotten.

A Gaussian, two Gaussians at ±m, and two unequal ones, all of mean 0 and variance |m|² + 1, on the line, λ = 1. Further
directions of variance 1 would only add to the divergence: independent ones add theirs.
"""

from typing import ClassVar, Literal, NamedTuple, get_args

import numpy as np
import pandas as pd
from pydantic import Field
from scipy.special import logsumexp

from memgen.laws.process import noise_variance, noised
from memgen.runs.parameters import ChapterParams
from memgen.streams import stream

VERSION = 1
Law = Literal["gaussian", "mixture", "skewed"]
LAWS: tuple[Law, ...] = get_args(Law)


class Params(ChapterParams):
    """Parameters of the chapter; what is None is set by the preset."""

    presets: ClassVar = {
        "smoke": {"replicas": 16, "draws": 3000, "times": 5},
        "standard": {"replicas": 12, "draws": 20_000, "times": 9},
        "paper": {"replicas": 40, "draws": 200_000, "times": 17},
    }

    separation: float = Field(4.0, ge=2, le=1e6)
    replicas: int | None = Field(None, ge=3)
    draws: int | None = Field(None, ge=1000)
    times: int | None = Field(None, ge=3)


class Cell(NamedTuple):
    """One law at one time."""

    law: Law
    separation: float
    t: float
    replicas: int
    draws: int
    seed: int


def parts(law: Law, separation: float) -> tuple[np.ndarray, np.ndarray, float]:
    """Weights and means of the Gaussians that the law consists of, and the variance of each."""
    if law == "gaussian":
        return np.ones(1), np.zeros(1), 1 + separation**2
    odds = 1.0 if law == "mixture" else 4.0  # of the two weights
    means = separation * np.array([-(odds**-0.5), odds**0.5])
    return np.array([odds, 1.0]) / (1 + odds), means, 1.0


def grid(params: Params) -> list[Cell]:
    """All cells of the chapter: times about that at which the top eigenvalue has decayed to 1."""
    p = params.resolved()
    assert p.replicas is not None and p.draws is not None and p.times is not None
    middle = np.log(p.separation)
    times = np.linspace(middle - 0.6, middle + 1.4, p.times).round(6).tolist()
    return [Cell(law, p.separation, t, p.replicas, p.draws, p.seed) for law in LAWS for t in times if t > 0]


def cell(point: Cell) -> pd.DataFrame:
    """Rows: law, t, replica, measure, value.

    `share`: a Var(π_t), from data weighted by exp(−a y²/2), a = 1/τ². `kl`: KL(law of x_t ‖ N(0, Δ_t)), nats.
    `least_squares` and `taylor`: Γ E|∇ ln p_t − linear|², Γ the noised variance of one Gaussian, for the regression of
    the score on x and for its Taylor expansion at 0, which is that of the paper.
    """
    weights, means, variance = parts(point.law, point.separation)
    tau2 = noise_variance(point.t)
    spread2 = variance + tau2

    def log_parts(u: np.ndarray) -> np.ndarray:
        return np.log(weights) - (u[:, None] - means) ** 2 / (2 * spread2) - np.log(2 * np.pi * spread2) / 2

    at_zero = np.exp(log_parts(np.zeros(1))[0])
    at_zero /= at_zero.sum()
    centre = at_zero @ means
    intercept, slope = centre / spread2, (at_zero @ (means - centre) ** 2 / spread2 - 1) / spread2
    rows = []
    for replica in range(point.replicas):
        rng = stream(point.seed, "relaxation", point.law, point.separation, point.t, replica)
        x = means[rng.choice(len(weights), point.draws, p=weights)] + variance**0.5 * rng.standard_normal(point.draws)
        u = noised(x, tau2**0.5, rng)
        tilt = np.exp(-(x**2) / (2 * tau2))
        tilt /= tilt.sum()
        logs = log_parts(u)
        log_density = logsumexp(logs, axis=1)
        score = (np.exp(logs - log_density[:, None]) @ means - u) / spread2
        design = np.stack([np.ones_like(u), u], axis=1)
        residual = score - design @ np.linalg.lstsq(design, score, rcond=None)[0]
        log_ratio = log_density + u**2 / (2 * tau2) + np.log(2 * np.pi * tau2) / 2
        values = {
            "share": (tilt @ x**2 - (tilt @ x) ** 2) / tau2,
            "kl": log_ratio.mean(),
            "least_squares": spread2 * np.mean(residual**2),
            "taylor": spread2 * np.mean((score - intercept - slope * u) ** 2),
        }
        rows += [{"replica": replica, "measure": name, "value": float(value)} for name, value in values.items()]
    return pd.DataFrame(rows).assign(law=point.law, t=point.t)
