"""More steps or fewer: the divergence of what DDIM generates from training sets, against the length of the steps."""

from collections.abc import Callable
from functools import partial

import numpy as np
import torch

from memgen.denoisers.levels import spaced
from memgen.denoisers.sampling import ddim
from memgen.experiments.sampling import Row, linear
from memgen.laws.data import sample_spectra
from memgen.statistics import Estimate, extrapolate, mean, ratio
from memgen.streams import drawn_once, stream
from theory.checks.check import Check, Observation
from theory.sampling import levels
from theory.spectra import mp_moment

# Levels so far out that what lies beyond does not count (σ = 1).
_RANGES = (Row(0.0, 60.0, 5e-4), Row(1.5, 1e3, 3e-3), Row(2.0, 3e3, 2e-2))


def _length(row: Row) -> float:
    """The number of steps times their length h."""
    p = 1 - row.exponent
    return float((row.high**p - row.low**p) / p)


@drawn_once
def _spectra(d: int, degrees: int, draws: int) -> np.ndarray:
    """Eigenvalues (draws, d) of sample covariances of white data."""
    return sample_spectra(draws, d, degrees, stream("check", "sampling.levels", d, degrees))


def _made(s: np.ndarray, row: Row, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Variances after `count` steps of DDIM, and the exact ones, both with the noise of the last level."""
    spectrum = torch.from_numpy(s)
    gain = ddim(linear(spectrum), torch.ones_like(spectrum), spaced(row.high, row.low, count, row.exponent)).numpy()
    return gain**2 * (s + row.high**2), s + row.low**2


def _excess(s: np.ndarray, row: Row, count: int) -> np.ndarray:
    """KL(G‖O)/d of each set after `count` steps of DDIM, less that of the exact law; both laws at the last noise."""
    made, exact = _made(s, row, count)
    return (((made - exact) / (1 + row.low**2) - np.log(made / exact)) / 2).mean(-1)


def _loss(s: np.ndarray, row: Row, count: int) -> np.ndarray:
    """The loss of DDIM, averaged over the spectrum of each set."""
    made, exact = _made(s, row, count)
    return -np.log(made / exact).mean(-1)


def _controlled(values: np.ndarray, s: np.ndarray, degrees: int) -> np.ndarray:
    """The values less the part of their scatter that tr S and tr S², whose means are known, explain."""
    known = np.stack([s.mean(-1) - 1, (s**2).mean(-1) - 1 - (s.shape[-1] + 1) / degrees], -1)
    slopes = np.linalg.lstsq(known - known.mean(0), values - values.mean(), rcond=None)[0]
    return values - known @ slopes


_GAMMA = 0.25
_SIZES = (6, 12, 24)


def _rate(measure: Callable[[np.ndarray, Row, int], np.ndarray], s: np.ndarray, row: Row) -> np.ndarray:
    """The limit h → 0 of a measure over h, from three step lengths; the error is of third order in them."""
    few = round(_length(row) / 0.12)
    coarse, middle, fine = (measure(s, row, count) * count / _length(row) for count in (few, 2 * few, 4 * few))
    return (coarse - 6 * middle + 8 * fine) / 3


def _slope_at(row: Row, d: int) -> Estimate:
    """The slope of the divergence at h = 0, of sets in d dimensions."""
    degrees = round(d / _GAMMA)
    s = _spectra(d, degrees, 9_000 // d)
    return mean(_controlled(_rate(_excess, s, row), s, degrees))


def _loss_at(row: Row, d: int) -> Estimate:
    """The loss over h → 0, averaged over the spectra of training sets in d dimensions."""
    return mean(_rate(_loss, _spectra(d, round(d / _GAMMA), 9_000 // d), row))


def _limits(at: Callable[[Row, int], Estimate]) -> list[Observation]:
    """The limit d → ∞ for each row of levels."""
    return [
        Observation(
            {"spacing": row.exponent, "gamma": _GAMMA},
            extrapolate(np.array(_SIZES), [at(row, d) for d in _SIZES], powers=(1, 2))[0],
        )
        for row in _RANGES
    ]


def _mean_loss(spacing: float, gamma: float, power: float = 1.0) -> float:
    """∫ spacing_loss dMP, with the power of λ̂ in it times `power`."""
    return float(levels.spacing_loss(spacing, 1.0) * mp_moment(power * (spacing - 1) / 2, gamma))


_RATIOS = (0.1, 0.05, 0.025)


def _number_at(row: Row, gamma: float, d: int = 12) -> Estimate:
    """γK* from the parabola through 0 and two step lengths about the best; γ is (d+1)/N here, d/N for large d."""
    degrees = round((d + 1) / gamma)
    s = _spectra(d, degrees, 1000)
    best = gamma * (row.exponent - 1) / (2 * float(levels.spacing_loss(row.exponent, 1.0)))
    counts = np.array([round(_length(row) / (best * share)) for share in (0.5, 1.0)])
    h = _length(row) / counts
    values = [_controlled(_excess(s, row, count), s, degrees) / x for count, x in zip(counts, h, strict=True)]
    bend = (values[1] - values[0]) / (h[1] - h[0])  # excess = slope·h + bend·h²
    found = ratio(-2 * bend, values[0] - bend * h[0])
    scale = (d + 1) / degrees * _length(row)
    return found._replace(value=found.value * scale, error=found.error * scale)


def _numbers() -> list[Observation]:
    found = []
    for row in _RANGES[1:]:
        limit = extrapolate(1 / np.array(_RATIOS), [_number_at(row, g) for g in _RATIOS], powers=(1, 2))[0]
        gamma = 1e-3
        args = {"spacing": row.exponent, "gamma": gamma, "tau": row.high, "tau_next": row.low}
        found.append(Observation(args, limit._replace(value=limit.value / gamma, error=limit.error / gamma)))
    return found


CHECKS = [
    Check(
        "sampling.spacing_loss",
        levels.spacing_loss,
        len(_RANGES),
        partial(_limits, _loss_at),
        {
            "the same for all eigenvalues": lambda spacing, gamma: float(levels.spacing_loss(spacing, 1.0)),
            "λ̂ to the power (1−ζ)/2": lambda spacing, gamma: _mean_loss(spacing, gamma, -1.0),
            "cos, not cos²": lambda spacing, gamma: _mean_loss(spacing, gamma) / 2,
        },
        _mean_loss,
    ),
    Check(
        "sampling.spacing_slope",
        levels.spacing_slope,
        len(_RANGES),
        partial(_limits, _slope_at),
        {
            "of the other sign": lambda **given: -levels.spacing_slope(**given),
            "leading order in γ": lambda spacing, gamma: -levels.spacing_loss(spacing, 1.0) * (spacing - 1) * gamma / 4,
            "KL(O‖G)": lambda spacing, gamma: (
                levels.spacing_slope(spacing - 2, gamma)
                * levels.spacing_loss(spacing, 1.0)
                / levels.spacing_loss(spacing - 2, 1.0)
                if spacing > 1
                else 0.0
            ),
        },
    ),
    Check(
        "sampling.best_steps",
        levels.best_steps,
        2,
        _numbers,
        {
            "twice as many": lambda **given: 2 * levels.best_steps(**given),
            "(ζ−1) for its square": lambda spacing, **given: (
                levels.best_steps(spacing=spacing, **given) * (spacing - 1) / (3 - spacing)
            ),
            "√n": lambda gamma, **given: levels.best_steps(gamma=gamma, **given) * np.sqrt(gamma),
        },
    ),
]
