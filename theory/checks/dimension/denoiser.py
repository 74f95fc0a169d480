"""Denoisers fitted to several noises of each point, extrapolated to infinite size in powers of 1/d."""

import numpy as np
import torch

from memgen.denoisers.linear import noised_slopes, slope_error
from memgen.statistics import Estimate, extrapolate, fit, mean
from memgen.streams import drawn_once, stream
from theory import dimension
from theory.checks.check import Check, Observation
from theory.spectra import renormalised_noise

_SIZES = (32, 64, 128)
_LARGE_SIZES = (48, 96, 192)  # where there are far fewer points than dimensions
_TAU2 = 0.5
_HALF, _WIDE = (0.0, 0.0, 0.0, 1.5), (0.05, 0.2, 0.75, 3.0)  # the spectra: a subspace, and four variances
# γ, m and the spectrum; of each spectrum on both sides of the peak
_CASES = (
    (0.5, 1, _WIDE),
    (2.0, 1, _HALF),
    (0.8, 2, _HALF),
    (3.2, 2, _HALF),
    (1.6, 4, _WIDE),
    (8.0, 4, _WIDE),
    (4.0, 8, _HALF),
    (12.0, 8, _WIDE),
)


def _slopes(
    d: int, gamma: float, noises: int, levels: tuple[float, ...], sets: int, contrasts: tuple[float, ...] = (1.0,)
) -> tuple[torch.Tensor, torch.Tensor]:
    """Slopes fitted to sets of d/γ points, one more where γ < 1, (sets, d, d), and the covariance of the data.

    Each point has one of the contrasts², at random.
    """
    n = round(d / gamma) + (gamma < 1)  # of n·m noised points one degree of freedom goes to the mean
    rng = stream("dimension.denoiser", d, n, noises, *levels, *contrasts)
    spectrum = np.repeat(levels, d // len(levels))
    x = rng.standard_normal((sets, n, d)) * np.sqrt(spectrum) * np.sqrt(rng.choice(contrasts, (sets, n, 1)))
    return noised_slopes(torch.from_numpy(x), _TAU2**0.5, noises, rng), torch.diag(torch.from_numpy(spectrum))


@drawn_once
def _errors() -> list[Observation]:
    found = []
    for gamma, noises, levels in _CASES:
        estimates = []
        sizes = _LARGE_SIZES if gamma > 5 else _SIZES
        for d in sizes:
            slope, covariance = _slopes(d, gamma, noises, levels, 80 * 128**2 // d**2)
            estimates.append(mean(slope_error(slope, covariance, _TAU2**0.5).numpy() / d))
        args = {"gamma": gamma, "noises": noises, "tau2": _TAU2, "eigenvalues": np.array(levels)}
        found.append(Observation(args, extrapolate(np.array(sizes), estimates, powers=(1, 2))[0]))
    return found


def _without_scatter(gamma: float, noises: int, tau2: float, eigenvalues: np.ndarray) -> float:
    """A wrong value: the error of the mean denoiser alone, all noises seen."""
    kappa = float(renormalised_noise(tau2, eigenvalues + 1e-12, gamma))
    weight = eigenvalues / (eigenvalues + kappa)
    return float(np.mean((1 - weight) ** 2 * eigenvalues + tau2 * weight**2))


_LARGE = 1e9  # noises: all of them

# The excess at n/d large enough for what follows to be linear in d/n, and the spectrum there.
_RATIOS, _DIMS = (1 / 32, 1 / 64), (16, 32)
_ALIKE, _UNLIKE = (1.0,), (0.2, 1.8)  # squares of contrasts
_EXCESS = ((1, _WIDE, _ALIKE), (4, _WIDE, _ALIKE), (16, _HALF, _ALIKE), (16, _WIDE, _UNLIKE))


@drawn_once
def _excesses() -> list[Observation]:
    """n(error/best − 1)/d at γ → 0 and d → ∞, from one fit in both."""
    found = []
    for noises, levels, contrasts in _EXCESS:
        design, estimates = [], []
        best = np.mean([s * _TAU2 / (s + _TAU2) for s in levels])
        for d in _DIMS:
            for gamma in _RATIOS:
                slope, covariance = _slopes(d, gamma, noises, levels, 1600 // d, contrasts)
                error = slope_error(slope, covariance, _TAU2**0.5).numpy() / (d * best)
                estimates.append(mean((error - 1) / gamma))
                design.append((1.0, 1 / d, gamma))
        (value, *_), covariances = fit(np.array(design), estimates)
        args = {
            "noises": noises,
            "tau2": _TAU2,
            "eigenvalues": np.array(levels),
            "contrast4": float(np.mean(np.square(contrasts))),
        }
        found.append(Observation(args, Estimate(float(value), float(covariances[0, 0] ** 0.5))))
    return found


def _excess(noises: float, tau2: float, eigenvalues: np.ndarray, contrast4: float = 1.0) -> float:
    return float(dimension.effective_dimension(noises, tau2, eigenvalues, contrast4)) / len(eigenvalues)


def _filled(noises: float, tau2: float, eigenvalues: np.ndarray, contrast4: float) -> float:
    """A wrong value: the share of directions that hold data, whatever m is."""
    return float(np.mean(eigenvalues > 0))


_PAIRS = ((0, 1), (1, 3))  # of the four variances
_SCATTER = 0.5  # γ


@drawn_once
def _scatters() -> list[Observation]:
    """n Var(D_ik) of the denoiser that has seen all noises, over all pairs of directions with two of the variances."""
    values: dict[tuple[int, int], list[Estimate]] = {pair: [] for pair in _PAIRS}
    for d in _SIZES:
        n, each = round(d / _SCATTER), d // len(_WIDE)
        rng = stream("dimension.scatter", d)
        x = torch.from_numpy(rng.standard_normal((80 * 128 // d, n, d)) * np.sqrt(np.repeat(_WIDE, each)))
        sample = x.mT @ x / n
        learnt = torch.linalg.solve(sample + _TAU2 * torch.eye(d, dtype=x.dtype), sample)
        for a, b in _PAIRS:
            block = learnt[:, a * each : (a + 1) * each, b * each : (b + 1) * each]
            values[a, b].append(mean(n * block.square().mean((-1, -2)).numpy()))
    wide = np.array(_WIDE)
    return [
        Observation(
            {"gamma": _SCATTER, "tau2": _TAU2, "eigenvalues": wide, "eigenvalue": wide[a], "other_eigenvalue": wide[b]},
            extrapolate(np.array(_SIZES), values[a, b], powers=(1, 2))[0],
        )
        for a, b in _PAIRS
    ]


def _one_sample(
    gamma: float, tau2: float, eigenvalues: np.ndarray, eigenvalue: float, other_eigenvalue: float
) -> float:
    """A wrong value: the scatter as it is for d ≪ n."""
    return float(dimension.denoiser_scatter(1e-9, tau2, eigenvalues, eigenvalue, other_eigenvalue))


CHECKS = [
    Check(
        "dimension.denoiser_error",
        dimension.denoiser_error,
        len(_CASES),
        _errors,
        {
            "all noises seen": lambda noises, **rest: dimension.denoiser_error(noises=_LARGE, **rest),
            "n·m independent points": lambda gamma, noises, **rest: dimension.denoiser_error(
                gamma=gamma / noises * (1 - 1e-9), noises=1, **rest
            ),
            "no scatter": _without_scatter,
        },
    ),
    Check(
        "dimension.effective_dimension",
        dimension.effective_dimension,
        len(_EXCESS),
        _excesses,
        {
            "ambient": lambda **rest: 1.0,
            "intrinsic": _filled,
            "all noises seen": lambda noises, **rest: _excess(_LARGE, **rest),
            "d/m alone": lambda noises, **rest: 1 / noises,
            "all points of one contrast": lambda contrast4, **rest: _excess(**rest),
        },
        predict=_excess,
    ),
    Check(
        "dimension.denoiser_scatter",
        dimension.denoiser_scatter,
        len(_PAIRS),
        _scatters,
        {"many points a dimension": _one_sample},
    ),
]
