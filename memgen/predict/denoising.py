"""The information of noised rows without the assumption of a Gaussian law: from the error of denoisers at held-out
rows.

I(x_0; x_0 + σξ) = ½ ∫ mmse d(1/σ²), in nats, mmse the least possible mean squared error of all coordinates together
(Guo, Shamai & Verdú 2005). Any denoiser has a larger error: that of two of them, each fitted on other rows, bounds the
information from above. They are the linear one (Wiener's), best for a Gaussian law, and that of the points themselves
(`memgen.denoisers.exact`), best where held-out rows lie close to others.
"""

from dataclasses import dataclass

import numpy as np

from memgen.predict.information import Z
from memgen.predict.rows import part, threads
from memgen.predict.spectrum import Covariance, affordable

TRAINED, HELD_OUT = 3000, 250  # rows: those of the denoiser of points, and those that are denoised


@dataclass(frozen=True)
class Denoised:
    """Information (levels,) by the better denoiser at each noise level, its error over held-out rows (1.96 of it is a
    95% interval), and whether that denoiser was the one of the points.

    The better one is chosen on the same rows, which favours it where the two are as good, by less than the error.
    """

    information: np.ndarray
    error: np.ndarray
    by_points: np.ndarray


def information(x: np.ndarray, sigmas: np.ndarray, start: tuple[float, float], rng: np.random.Generator) -> Denoised:
    """Estimate the information I(x_0; x_0 + σξ), nats, from denoising errors, at falling noise levels σ, two at least.

    `start` is (information, standard error) at the first level, from where the integral goes on. x is (n, d), n ≥ 10,
    of which at most 250 rows are held out. The linear denoiser is fitted on all others, or a sample of them, that of
    the points on at most 3000.
    """
    from scipy import stats
    from scipy.interpolate import PchipInterpolator

    order = rng.permutation(len(x))
    held_out = order[: min(part(x, HELD_OUT), len(x) // 5)]
    held, noise = x[held_out].astype(float), rng.standard_normal((len(held_out), x.shape[1]))
    linear = _linear(affordable(np.delete(x, held_out, axis=0), rng), held, sigmas)
    near = _near(x[order[len(held) :][: part(x, TRAINED)]], held, noise, sigmas)
    by_points = near.mean(0) < linear.mean(0)
    error = np.where(by_points, near, linear)  # (rows, levels)
    log_ratio = -2 * np.log(sigmas)  # of signal to noise: dI = ½ mmse/σ² d ln(1/σ²)
    each = start[0] + PchipInterpolator(log_ratio, error / sigmas**2 / 2, axis=1).antiderivative()(log_ratio)
    few = stats.t.isf(0.025, len(held) - 1) / Z  # so that Z errors are 95% with few rows too
    spread = few * each.std(0, ddof=1) / np.sqrt(len(held))
    return Denoised(each.mean(0), np.hypot(spread, start[1]), by_points)


def _linear(rest: np.ndarray, held: np.ndarray, sigmas: np.ndarray) -> np.ndarray:
    """Squared error (rows, levels) of the Wiener filter of the rows `rest` at the rows `held`, averaged over noise."""
    covariance = Covariance(rest)
    s, along, beyond = covariance.spectrum.eigenvalues, *covariance.parts(held)
    gain = s[:, None] / (s[:, None] + sigmas**2)
    return along @ (1 - gain) ** 2 + beyond[:, None] + (gain**2).sum(0) * sigmas**2


def _near(rest: np.ndarray, held: np.ndarray, noise: np.ndarray, sigmas: np.ndarray) -> np.ndarray:
    """Squared error (rows, levels) of the exact denoiser of the rows `rest` at the rows `held`, one noise for each."""
    from threadpoolctl import threadpool_limits

    from memgen.denoisers.exact import EmpiricalBayes  # brings threads of its own: before they are limited

    with threadpool_limits(threads(rest)):
        points = EmpiricalBayes(rest)
        found = [points.denoise((held + s * noise).astype(rest.dtype), float(s)).numpy() - held for s in sigmas]
        return np.stack([(gap**2).sum(1) for gap in found], axis=1)
