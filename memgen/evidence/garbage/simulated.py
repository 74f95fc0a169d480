"""Targets that draw and denoise, and what is built on these: memgen.laws, .denoisers, .audit and .predict."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch

from memgen.audit import audit
from memgen.denoisers import exact, levels, linear, sampling
from memgen.denoisers.mlp import MLP
from memgen.evidence.garbage.target import (
    COVARIANCE,
    MEAN,
    POINTS,
    RNG,
    SIGMA,
    STATE,
    Argument,
    D,
    Target,
    array,
    between,
    count,
    fixed,
)
from memgen.laws import data, neighbours, process, schedules
from memgen.predict import predict


def of_laws() -> Iterable[Target]:
    def drawn(law: data.Law) -> tuple:
        return law.mean, law.covariance, law.sample(3, np.random.default_rng(0))

    yield Target(
        "Gaussian",
        lambda eigenvalues, center: drawn(data.Gaussian(eigenvalues, center)),
        {"eigenvalues": between(0.5, 2, 3), "center": SIGMA},
    )
    yield Target("isotropic", lambda **a: drawn(data.isotropic(**a)), {"d": count(3), "sigma": SIGMA, "center": SIGMA})
    yield Target("power_law", lambda **a: drawn(data.power_law(**a)), {"d": count(3), "exponent": SIGMA})
    yield Target("Digits", lambda **a: drawn(data.Digits(**a)), {"copies": count(1), "dither": SIGMA})
    far = {"d": count(20), "log_n": between(30, 40), "place2": between(10, 30)}
    yield Target(
        "nearest_squares", neighbours.nearest_squares, far | {"many": count(3), "replicas": count(2), "rng": RNG}
    )
    yield Target("log_rest", neighbours.log_rest, far | {"width": SIGMA, "beyond": between(1, 5, 3)}, True)
    yield Target("noise_variance", process.noise_variance, {"t": SIGMA, "lam": SIGMA}, True)
    yield Target("noised", process.noised, {"x": POINTS, "tau": SIGMA, "rng": RNG})
    yield Target(
        "brownian_paths",
        process.brownian_paths,
        {"x": POINTS, "t": SIGMA, "lam": SIGMA, "steps": count(4), "rng": RNG},
    )
    falling = Argument("array", lambda r: np.sort(r.uniform(0.1, 0.9, 5))[::-1].copy())
    yield Target("Schedule.widths", lambda abar: schedules.Schedule(abar).widths, {"abar": falling})
    yield Target("Schedule.time", lambda tau: schedules.linear().time(tau), {"tau": between(0.1, 1)})
    yield Target(
        "Schedule.quantile", lambda uniform: schedules.linear().quantile(uniform), {"uniform": between(0, 1, 4)}
    )
    yield Target(
        "linear",
        lambda **a: schedules.linear(**a).widths,
        {"steps": count(9), "first": between(1e-4, 1e-3), "last": between(0.01, 0.1)},
    )
    yield Target(
        "cosine",
        lambda **a: schedules.cosine(**a).widths,
        {"steps": count(9), "offset": between(0.01, 0.1), "least": between(1e-5, 1e-4)},
    )
    yield Target(
        "LogNormal",
        lambda uniform, **a: schedules.LogNormal(**a).quantile(uniform),
        {"mean": SIGMA, "std": SIGMA, "uniform": between(0, 1, 4)},
    )
    yield Target(
        "LogUniform",
        lambda uniform, **a: schedules.LogUniform(**a).quantile(uniform),
        {"low": between(0.1, 0.5), "high": SIGMA, "uniform": between(0, 1, 4)},
    )


def _half(u: torch.Tensor, tau: float) -> torch.Tensor:
    return 0.5 * u


def of_denoisers() -> Iterable[Target]:
    known = {"points": POINTS, "weights": between(0.5, 1, 7), "u": array(4, D), "tau": SIGMA}
    for name in ("denoise", "score", "log_density"):

        def bayes(points: Any, u: Any, tau: Any, weights: Any = None, name: str = name) -> Any:
            return getattr(exact.EmpiricalBayes(points, weights), name)(u, tau)

        yield Target(f"EmpiricalBayes.{name}", bayes, known, name == "log_density")
    noised = {"u": array(4, D), "tau": SIGMA}
    yield Target("gaussian", exact.gaussian, noised | {"mean": MEAN, "covariance": COVARIANCE})
    yield Target(
        "mixture", exact.mixture, noised | {"means": array(2, D), "variance": SIGMA, "weights": between(0.5, 1, 2)}
    )
    both = {"x": array(9, D), "u": array(9, D)}
    yield Target("fit", linear.fit, both)
    yield Target("generated", linear.generated, both | {"tau": SIGMA})
    yield Target("one_step", linear.one_step, {"x": POINTS, "tau": SIGMA, "generator": RNG})
    shape = {"n": count(9), "d": count(3), "rho": between(0.1, 0.9), "replicas": count(2), "rng": RNG}
    yield Target("representation", linear.representation, shape)
    widths = Argument("array", lambda r: np.sort(r.uniform(0.1, 2, 5))[::-1].copy())
    noise = fixed(lambda r: sampling.Noise(range(4), "garbage"))
    denoise = {"denoise": fixed(lambda r: _half)}
    step = denoise | {"u": array(4, D), "widths": widths, "eta": between(0, 1), "noise": noise}
    yield Target("ddim", sampling.ddim, step, also=STATE)
    yield Target("heun", sampling.heun, step, also=STATE)
    yield Target(
        "euler_maruyama",
        sampling.euler_maruyama,
        denoise | {"x": array(4, D), "times": widths, "noise": noise, "lam": SIGMA},
        also=STATE,
    )
    known = {"high": between(2, 3), "low": between(0.1, 1), "steps": count(4)}
    yield Target("karras", levels.karras, known)
    yield Target("spaced", levels.spaced, known | {"exponent": SIGMA})
    yield Target("best_levels", levels.best_levels, known | {"eigenvalues": between(0.1, 2, 4)})
    yield Target("equal_angle", levels.equal_angle, known | {"scale": SIGMA})
    yield Target("MLP", lambda u, tau: MLP(D, hidden=8, depth=1)(u, tau), noised)
    yield Target(
        "MLP()",
        lambda **a: MLP(**a)(torch.ones(2, 2), 1.0),
        {"d": count(2), "hidden": count(4), "depth": count(1), "centre": SIGMA, "scale": SIGMA},
    )


def of_tools() -> Iterable[Target]:
    sets = {"train": array(8, 2), "generated": array(8, 2), "holdout": array(8, 2)}  # too few to be tested: quick
    yield Target("audit", audit, sets | {"copies": between(0.01, 0.4), "seed": count(0)}, True, True)
    wide = {"train": array(12, 2), "generated": array(11, 2)}
    yield Target("audit of more", audit, wide | {"copies": between(0.05, 0.4)}, True, True)
    asked = {
        "n": count(40),
        "sigma": between(0.5, 1, 2),
        "batch": count(4),
        "steps": count(100),
        "parameters": count(100),
    }
    yield Target(
        "predict", predict, {"x": array(12, 2)} | asked | {"augmentation": count(2), "seed": count(0)}, True, True
    )
