"""Formulas of training against denoisers that are really fitted, beside the posterior mean over their training set."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from memgen.denoisers.exact import EmpiricalBayes, mixture
from memgen.measures import Fractions, fractions
from memgen.statistics import Estimate, extrapolate, mean
from memgen.streams import drawn_once, stream
from theory import training
from theory.checks.check import Check, Observation


def _noised(x: Tensor, tau: float, copies: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Clean points (copies·n, d), each repeated `copies` times, and the same points noised."""
    clean = x.repeat(copies, 1)
    return clean, clean + tau * torch.from_numpy(rng.standard_normal(tuple(clean.shape)))


def _linear(x: Tensor, tau: float) -> Tensor:
    """The linear map (..., d, d) without intercept that has the least training loss, noise averaged; x (..., n, d)."""
    second = x.mT @ x / x.shape[-2]
    eye = torch.eye(x.shape[-1], dtype=x.dtype)
    return torch.linalg.solve(second + tau**2 * eye, second).mT


def _paired(predict: float, differences: list[float]) -> Estimate:
    """`predict` plus the mean of observed less predicted values, where both come from the same points."""
    found = mean(np.array(differences))
    return Estimate(predict + found.value, found.error, found.freedom)


# -- any linear class ----------------------------------------------------------------------------------------------


def _in_linear_maps(n: int, tau: float, rng: np.random.Generator) -> Fractions:
    eigenvalues = torch.tensor([4.0, 2.0, 1.0, 0.5, 0.25, 0.125], dtype=torch.float64)
    x = torch.from_numpy(rng.standard_normal((n, 6))) * eigenvalues.sqrt()
    _, u = _noised(x, tau, 6000 // n, rng)
    population = u * (eigenvalues / (eigenvalues + tau**2))
    return fractions(u @ _linear(x, tau).T, population, EmpiricalBayes(x).denoise(u, tau))


def _in_waves(n: int, tau: float, rng: np.random.Generator) -> Fractions:
    """a and b² on the line, for a law of two Gaussians and a class of D_pop and six waves; loss by Gauss–Hermite
    nodes."""
    centres = torch.tensor([[-1.0], [1.0]], dtype=torch.float64)
    x = torch.from_numpy(rng.choice([-1.0, 1.0], (n, 1)) + 0.4 * rng.standard_normal((n, 1)))

    def features(u: Tensor) -> Tensor:
        angles = u * torch.tensor([0.7, 1.4, 2.1], dtype=u.dtype)
        return torch.cat([mixture(u, tau, centres, 0.16), angles.sin(), angles.cos()], 1)

    nodes, weights = (torch.from_numpy(a) for a in np.polynomial.hermite_e.hermegauss(60))
    u = (x + tau * nodes).reshape(-1, 1)
    root = weights.repeat(n).sqrt()[:, None]
    target = x.expand(-1, len(nodes)).reshape(-1, 1)
    solution = torch.linalg.lstsq(root * features(u), root * target).solution
    _, fresh = _noised(x, tau, 6000 // n, rng)
    return fractions(
        features(fresh) @ solution, mixture(fresh, tau, centres, 0.16), EmpiricalBayes(x).denoise(fresh, tau)
    )


def _projections() -> list[Observation]:
    found = []
    for name, fitted, settings in (
        ("linear maps", _in_linear_maps, ((12, 0.5), (40, 1.0), (200, 1.0))),
        ("waves", _in_waves, ((8, 0.2), (30, 0.5))),
    ):
        for n, tau in settings:
            made = [fitted(n, tau, stream("training.projection_error", name, n, tau, r)) for r in range(100)]
            a, b_squared = (np.array([float(getattr(f, key)) for f in made]) for key in ("a", "b_squared"))
            at = float(a.mean())
            found.append(Observation({"memorized": at}, _paired(at * (1 - at), list(b_squared - a * (1 - a)))))
    return found


def _gains() -> list[Observation]:
    """Training gains of functions that nobody trained, one of them a step towards D_emp."""
    found = []
    for n, tau, step in ((10, 0.4, 0.0), (50, 0.8, 0.0), (50, 0.8, 0.7)):
        made, gains = [], []
        for r in range(100):
            rng = stream("training.training_gain", n, tau, step, r)
            x = torch.from_numpy(rng.standard_normal((n, 4)))
            clean, u = _noised(x, tau, 4000 // n, rng)
            population, empirical = u / (1 + tau**2), EmpiricalBayes(x).denoise(u, tau)
            guess = 0.8 * torch.tanh(u) + 0.1 + step * (empirical - population)
            made.append(fractions(guess, population, empirical))
            gains.append(float(((clean - population).square() - (clean - guess).square()).mean()))
        names = ("memorized", "orthogonal", "span")
        args = {name: np.array([float(f[k]) for f in made]) for k, name in enumerate(names)}
        predicted = training.training_gain(**args)
        at = {name: float(values.mean()) for name, values in args.items()}
        found.append(Observation(at, _paired(float(training.training_gain(**at)), list(np.array(gains) - predicted))))
    return found


# -- the linear denoiser -------------------------------------------------------------------------------------------


def _isotropic(d: int, ratio: float, tau: float, key: str, sets: int) -> np.ndarray:
    """The memorized fraction of the linear denoiser for each of `sets` training sets, all at once."""
    points, noisy = [], []
    for r in range(sets):
        rng = stream(key, d, ratio, tau, r)
        points.append(torch.from_numpy(rng.standard_normal((round(d / ratio), d))))
        noisy.append(_noised(points[-1], tau, 4, rng)[1])
    x, u = torch.stack(points), torch.stack(noisy)
    posterior = (torch.cdist(u, x).square() / (-2 * tau**2)).softmax(-1) @ x
    return fractions(u @ _linear(x, tau).mT, u / (1 + tau**2), posterior).a.numpy()


def _extrapolated(ratio: float, tau: float, key: str) -> Estimate:
    sizes = {32: 300, 64: 100, 128: 30}
    estimates = [mean(_isotropic(d, ratio, tau, key, sets)) for d, sets in sizes.items()]
    return extrapolate(np.array(list(sizes)), estimates)[0]


def _fractions() -> list[Observation]:
    settings = ((0.5, 0.5), (1.0, 0.4), (2.0, 0.5), (4.0, 0.7))
    key = "training.linear_memorized_fraction"
    return [
        Observation({"gamma": ratio, "rho": 1 / (1 + tau**2)}, _extrapolated(ratio, tau, key))
        for ratio, tau in settings
    ]


def _peaks() -> list[Observation]:
    widths = {0.8: 0.6**0.5, 1.6: 0.2**0.5, 3.2: 0.01, 4.0: 0.01}  # d/γ is whole
    return [
        Observation({"gamma": ratio}, _extrapolated(ratio, tau, "training.linear_memorized_peak"))
        for ratio, tau in widths.items()
    ]


@drawn_once
def _stops() -> list[tuple[dict[str, Any], list[Fractions]]]:
    """Fractions at noised training points of a linear flow, stopped at given times; the midpoint rule from W = 0."""
    found = []
    for n, tau, time in ((24, 0.3, 1.0), (24, 0.3, 8.0), (12, 0.5, 2.0)):
        rng = stream("training.early_stopped", n, tau, time)
        x = torch.from_numpy(rng.standard_normal((n, 16)))
        second = x.T @ x / n
        noisy, w, steps = second + tau**2 * torch.eye(16, dtype=x.dtype), torch.zeros_like(second), int(2000 * time)
        for _ in range(steps):
            middle = w + time / steps / 2 * (second - w @ noisy)
            w = w + time / steps * (second - middle @ noisy)
        made = []
        for _ in range(40):
            _, u = _noised(x, tau, 200, rng)
            made.append(fractions(u @ w.T, u / (1 + tau**2), EmpiricalBayes(x).denoise(u, tau)))
        spectrum = torch.linalg.eigvalsh(second).clamp(min=0).numpy()
        found.append(({"sample": spectrum, "rho": 1 / (1 + tau**2), "time": time}, made))
    return found


def _stopped(measure: str) -> list[Observation]:
    return [Observation(args, mean(np.array([float(getattr(f, measure)) for f in made]))) for args, made in _stops()]


def _ratios() -> list[Observation]:
    found = []
    for ratio, tau in ((0.25, 0.5), (0.5, 1.0)):
        sizes, estimates = (50, 100, 200, 400), []
        for d in sizes:
            rng, values = stream("training.linear_time_ratio", ratio, tau, d), []
            for _ in range(4000 // d):
                x = rng.standard_normal((round(d / ratio), d))
                s = np.linalg.eigvalsh(x.T @ x / len(x))
                values.append((s[-1] + tau**2) / (s[0] + tau**2))
            estimates.append(mean(np.array(values)))
        limit = extrapolate(np.array(sizes), estimates, powers=(2 / 3,))[0]
        found.append(Observation({"gamma": ratio, "rho": 1 / (1 + tau**2)}, limit))
    return found


CHECKS = [
    Check(
        "training.projection_error",
        training.projection_error,
        5,
        _projections,
        {
            "on the chord: b² = 1 − a": lambda memorized: 1 - memorized,
            "b² = (1 − a)²": lambda memorized: (1 - memorized) ** 2,
            "as wide as high": lambda memorized: memorized * (1 - memorized**2),
        },
    ),
    Check(
        "training.training_gain",
        training.training_gain,
        3,
        _gains,
        {
            "without the error": lambda memorized, orthogonal, span: span * memorized * (2 - memorized),
            "all of a": lambda memorized, orthogonal, span: span * (memorized - orthogonal),
        },
    ),
    Check(
        "training.early_stopped_fraction",
        training.early_stopped_fraction,
        3,
        lambda: _stopped("a"),
        {
            "twice as fast": lambda sample, rho, time: training.early_stopped_fraction(sample, rho, 2 * time),
            "one rate, for the mean of s": lambda sample, rho, time: training.early_stopped_fraction(
                sample, rho, time * np.mean(sample) / (np.mean(sample) + (1 - rho) / rho)
            ),
            "trained to the end": lambda sample, rho, time: training.early_stopped_fraction(sample, rho, 1e6),
        },
    ),
    Check(
        "training.early_stopped_error",
        training.early_stopped_error,
        3,
        lambda: _stopped("b_squared"),
        {
            "on the circle": lambda sample, rho, time: training.projection_error(
                training.early_stopped_fraction(sample, rho, time)
            ),
            "a² left in": lambda sample, rho, time: (
                training.early_stopped_error(sample, rho, time)
                + training.early_stopped_fraction(sample, rho, time) ** 2
            ),
        },
    ),
    Check(
        "training.linear_memorized_fraction",
        training.linear_memorized_fraction,
        4,
        _fractions,
        {
            "n ≫ d": lambda gamma, rho: gamma * rho * (1 - rho),
            "κ = τ² + γ": lambda gamma, rho: gamma * ((1 - rho) / rho + gamma) / (1 + (1 - rho) / rho + gamma) ** 2,
            "no more than n < d": lambda gamma, rho: max(0.0, 1 - 1 / gamma),
        },
    ),
    Check(
        "training.linear_memorized_peak",
        training.linear_memorized_peak,
        4,
        _peaks,
        {
            "1 − n/d or 0": lambda gamma: max(0.0, 1 - 1 / gamma),
            "γ/(1+γ)²": lambda gamma: gamma / (1 + gamma) ** 2,
        },
    ),
    Check(
        "training.linear_time_ratio",
        training.linear_time_ratio,
        2,
        _ratios,
        {
            "without noise": lambda gamma, rho: ((1 + gamma**0.5) / (1 - gamma**0.5)) ** 2,
            "proportional to n": lambda gamma, rho: 1 / gamma,
            "1 ± γ": lambda gamma, rho: ((1 + gamma) ** 2 + (1 - rho) / rho) / ((1 - gamma) ** 2 + (1 - rho) / rho),
        },
    ),
]
