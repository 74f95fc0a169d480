"""The law that the linear denoiser generates in many steps, beside Gaussian data that are neither white nor centred."""

from collections.abc import Callable

import numpy as np

from memgen.statistics import mean
from memgen.streams import stream
from theory import sampling
from theory.checks.check import Check, Observation

_NUMBERS = 1_200_000  # of all training sets of one size together


def _divergences(n: int, d: int, reverse: bool) -> np.ndarray:
    """KL between N(m, Σ) and N(x̄, S) for each training set, from means and covariances; Σ is far from white."""
    rng = stream("sampling.kl_multistep", n, d, reverse)
    draws = min(40_000, _NUMBERS // (n * d))
    mix = rng.standard_normal((d, d)) * np.logspace(-1, 1, d)
    m = rng.standard_normal(d)
    truth = mix @ mix.T
    x = m + rng.standard_normal((draws, n, d)) @ mix.T
    middle = x.mean(1)
    centred = x - middle[:, None]
    generated = centred.transpose(0, 2, 1) @ centred / (n - 1)
    first, second = (truth[None], generated) if reverse else (generated, truth[None])
    gap = np.linalg.solve(second, (middle - m)[..., None])[..., 0]
    trace = np.trace(np.linalg.solve(second, first), axis1=1, axis2=2)
    # From the points, not from S, which of few points may be singular to rounding.
    corners = np.linalg.qr(centred / np.sqrt(n - 1), mode="r")
    of_sample = 2 * np.log(np.abs(np.diagonal(corners, axis1=1, axis2=2))).sum(1)
    logdet = (of_sample - np.linalg.slogdet(truth)[1]) * (-1 if reverse else 1)
    return (trace - d + ((middle - m) * gap).sum(1) - logdet) / 2


def _simulated(reverse: bool, sizes: tuple[tuple[int, int], ...]) -> Callable[[], list[Observation]]:
    def simulate() -> list[Observation]:
        return [Observation({"n": n, "d": d}, mean(_divergences(n, d, reverse))) for n, d in sizes]

    return simulate


def _log_ratio(n: float) -> float:
    """ln (n−1)/n, which S with 1/n in place of 1/(n−1) adds to the logarithm of each eigenvalue."""
    return float(np.log1p(-1 / n))


CHECKS = [
    Check(
        "sampling.multistep",
        sampling.kl_multistep,
        4,
        _simulated(False, ((3, 2), (12, 10), (30, 10), (200, 5))),
        {
            "S with 1/n for 1/(n−1)": lambda n, d: sampling.kl_multistep(n, d) - d * (1 / n + _log_ratio(n)) / 2,
            "the mean is known": lambda n, d: sampling.kl_multistep(n, d) - d / (2 * n),
            "d²/(4n)": lambda n, d: d**2 / (4 * n),
            "the parameters, d(d+3)/(4n)": lambda n, d: d * (d + 3) / (4 * n),
        },
    ),
    Check(
        "sampling.multistep_reverse",
        sampling.kl_multistep_reverse,
        4,
        # the variance is finite where n > d + 4
        _simulated(True, ((10, 2), (22, 10), (30, 10), (200, 5))),
        {
            "S with 1/n for 1/(n−1)": lambda n, d: (
                sampling.kl_multistep_reverse(n, d) + d * ((n + 1) / (n * (n - d - 2)) + _log_ratio(n)) / 2
            ),
            "the mean is known": lambda n, d: sampling.kl_multistep_reverse(n, d) - d * (n - 1) / (2 * n * (n - d - 2)),
            "d²/(4n)": lambda n, d: d**2 / (4 * n),
            "the other direction": sampling.kl_multistep,
        },
    ),
]
