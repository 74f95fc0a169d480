"""One step, and several, of the samplers of memgen with a linear denoiser, along one eigenvector."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from memgen.denoisers.levels import equal_angle
from memgen.denoisers.sampling import Denoiser, Normals, ddim, euler_maruyama, heun
from memgen.experiments.sampling import linear
from memgen.statistics import Estimate, mean
from memgen.streams import stream
from theory.checks.check import Check, Observation
from theory.sampling import steps
from theory.sampling.levels import least_loss

_DRAWS = 200_000


def _start(name: str, *key: float) -> tuple[np.random.Generator, Tensor]:
    rng = stream("check", name, *key)
    return rng, torch.from_numpy(rng.standard_normal((_DRAWS, 1)))


def _constant(weight: float) -> Denoiser:
    return lambda u, _: weight * u


def _noise(rng: np.random.Generator) -> Normals:
    return lambda _, u: torch.from_numpy(rng.standard_normal(u.shape))


def _square(u: Tensor) -> Estimate:
    return mean(np.square(u.numpy()[:, 0]))


def _linear(weights: dict[float, float]) -> Denoiser:
    return lambda u, tau: weights[tau] * u


# v, φ, φ', τ, τ', η
_STEPS = ((3.0, 0.7, 0.9, 1.5, 0.6, 0.0), (0.5, 0.2, 0.6, 1.0, 0.7, 1.0), (2.0, 0.4, 0.5, 2.0, 1.0, 0.5))


def _one(second: bool) -> Callable[[], list[Observation]]:
    def simulate() -> list[Observation]:
        found = []
        for v, here, there, high, low, eta in _STEPS:
            rng, normals = _start("sampling.step", second, v, eta)
            sampler = heun if second else ddim
            out = sampler(
                _linear({high: here, low: there}),
                np.sqrt(v) * normals,
                (high, low),
                eta,
                _noise(rng),
            )
            args: dict[str, Any] = {"state": v, "kept": here, "tau": high, "tau_next": low, "eta": eta}
            found.append(Observation(args | ({"kept_next": there} if second else {}), _square(out)))
        return found

    return simulate


def _euler_maruyama() -> list[Observation]:
    found = []
    for v, kept, t, end, lam in ((2.0, 0.6, 1.0, 0.7, 1.0), (0.7, 0.3, 0.5, 0.3, 0.4), (1.5, 0.9, 0.4, 0.35, 2.0)):
        rng, normals = _start("sampling.euler_maruyama", v, lam)
        out = euler_maruyama(
            _constant(kept),
            np.sqrt(v) * normals,
            (t, end),
            _noise(rng),
            lam,
        )
        args = {"state": v, "kept": kept, "t": t, "t_next": end, "lam": lam}
        found.append(Observation(args, _square(out)))
    return found


def _best(learnt: float) -> Denoiser:
    """The best denoiser for data of variance `learnt`."""
    return linear(torch.tensor([learnt], dtype=torch.float64))


def _loss(out: Tensor, exact: float) -> Estimate:
    """−ln of the variance of `out` over the exact one."""
    square = _square(out)
    return square._replace(value=-np.log(square.value / exact), error=square.error / square.value)


def _losses(levels: Callable[[float, float, float, int], np.ndarray], cases: tuple, several: bool) -> list[Observation]:
    found = []
    for learnt, high, low, count in cases:
        _, normals = _start("sampling.loss", learnt, high, count)
        out = ddim(
            _best(learnt),
            np.sqrt(learnt + high**2) * normals,
            levels(learnt, high, low, count),
        )
        args = {"learnt": learnt, "tau": high, "tau_next": low} | ({"steps": count} if several else {})
        found.append(Observation(args, _loss(out, learnt + low**2)))
    return found


def _one_loss() -> list[Observation]:
    cases = ((1.0, 2.0, 0.5, 1), (0.3, 1.0, 0.0, 1), (4.0, 3.0, 1.0, 1))
    return _losses(lambda s, high, low, _: np.array([high, low]), cases, several=False)


def _least_loss() -> list[Observation]:
    cases = ((1.0, 5.0, 0.1, 3), (0.3, 1.0, 0.0, 2), (4.0, 30.0, 0.0, 8))
    return _losses(lambda s, high, low, count: equal_angle(high, low, count, np.sqrt(s)), cases, several=True)


def _deficit() -> list[Observation]:
    found = []
    for learnt, high, low in ((1.0, 2.0, 0.5), (3.0, 1.0, 0.0), (0.5, 1.0, 0.3)):
        rng, normals = _start("sampling.deficit", learnt, high)
        out = ddim(
            _best(learnt),
            np.sqrt(learnt + high**2) * normals,
            (high, low),
            1.0,
            _noise(rng),
        )
        square = _square(out)
        deficit = square._replace(value=learnt + low**2 - square.value)
        found.append(Observation({"learnt": learnt, "tau": high, "tau_next": low}, deficit))
    return found


def _unscaled(state: float, kept: float, tau: float, tau_next: float, eta: float) -> float:
    """A wrong value: the step with κ = τ'/τ whatever η is, as if its own noise were not taken off κ."""
    gain = kept + tau_next / tau * (1 - kept)
    return gain**2 * state + eta**2 * tau_next**2 * (1 - (tau_next / tau) ** 2)


CHECKS = [
    Check(
        "sampling.reverse_step",
        steps.reverse_step,
        len(_STEPS),
        _one(second=False),
        {
            "κ is τ'/τ with noise too": _unscaled,
            "noise not scaled, η²(τ²−τ'²)": lambda state, kept, tau, tau_next, eta: (
                steps.reverse_step(state, kept, tau, tau_next, eta)
                + eta**2 * (tau**2 - tau_next**2) * (1 - (tau_next / tau) ** 2)
            ),
            "one level off": lambda state, kept, tau, tau_next, eta: steps.reverse_step(
                state, kept, tau + tau - tau_next, tau, eta
            ),
        },
    ),
    Check(
        "sampling.heun_step",
        steps.heun_step,
        len(_STEPS),
        _one(second=True),
        {
            "Euler's step": lambda kept_next, **given: steps.reverse_step(**given),
            "the same weight at both ends": lambda kept_next, kept, **given: steps.heun_step(
                kept=kept, kept_next=kept, **given
            ),
            "η left out": lambda eta, **given: steps.heun_step(eta=0, **given),
        },
    ),
    Check(
        "sampling.euler_maruyama_step",
        steps.euler_maruyama_step,
        3,
        _euler_maruyama,
        {
            "the noise is √(λh)": lambda t, t_next, lam, **given: (
                steps.euler_maruyama_step(t=t, t_next=t_next, lam=lam, **given) - lam * (t - t_next)
            ),
            "the drift of the forward process": lambda state, kept, t, t_next, lam: (
                (1 - (t - t_next) - 2 * (t - t_next) * (1 - kept) / -np.expm1(-2 * t)) ** 2 * state
                + 2 * lam * (t - t_next)
            ),
            "the score of λ = 1": lambda state, kept, t, t_next, lam: (
                (1 + (t - t_next) - 2 * lam * (t - t_next) * (1 - kept) / -np.expm1(-2 * t)) ** 2 * state
                + 2 * lam * (t - t_next)
            ),
        },
    ),
    Check(
        "sampling.ddim_loss",
        steps.ddim_loss,
        3,
        _one_loss,
        {
            "cos, not cos²": lambda **given: steps.ddim_loss(**given) / 2,
            "the angle squared": lambda learnt, tau, tau_next: (
                (np.arctan(tau / np.sqrt(learnt)) - np.arctan(tau_next / np.sqrt(learnt))) ** 2
            ),
            "of the whole variance λ̂ + τ²": lambda learnt, tau, tau_next: (
                steps.ddim_loss(learnt, tau, tau_next) + np.log((learnt + tau**2) / (learnt + tau_next**2))
            ),
        },
    ),
    Check(
        "sampling.ddpm_deficit",
        steps.ddpm_deficit,
        3,
        _deficit,
        {
            "(1 − τ'/τ)²": lambda learnt, tau, tau_next: (
                (1 - tau_next / tau) ** 2 * learnt * tau**2 / (learnt + tau**2)
            ),
            "the whole of Var(x_0|u)": lambda learnt, tau, tau_next: learnt * tau**2 / (learnt + tau**2) + 0 * tau_next,
            "that of DDIM": lambda learnt, tau, tau_next: (
                (learnt + tau_next**2) * -np.expm1(-steps.ddim_loss(learnt, tau, tau_next))
            ),
        },
    ),
    Check(
        "sampling.least_loss",
        least_loss,
        3,
        _least_loss,
        {
            "one level more": lambda steps, **given: least_loss(steps=steps + 1, **given),
            "Θ²/K": lambda learnt, tau, tau_next, steps: (
                (np.arctan(tau / np.sqrt(learnt)) - np.arctan(tau_next / np.sqrt(learnt))) ** 2 / steps
            ),
            "angles of σ = 1": lambda learnt, **given: least_loss(learnt=1, **given),
        },
    ),
]
