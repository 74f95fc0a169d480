"""The condensed overlap: stable sums by their Poisson points, P by the largest of n terms as order statistics."""

from collections.abc import Callable

import numpy as np
from scipy.special import expit, logit
from scipy.stats import chi2

from memgen.experiments.transition import sharpness
from memgen.statistics import Estimate
from memgen.streams import drawn_once, stream
from theory import transition
from theory.checks.check import Check, Observation
from theory.checks.transition.overlap import share

_REPLICAS = 60_000


def _poisson_sums() -> list[Observation]:
    """How often a sum Σ Γ_k^{−1/μ} exceeds another one e^gap times, over arrivals Γ_k of Poisson processes; beyond 100
    of these the mean stands in."""
    found = []
    for mu, gap in ((0.25, 3.0), (0.5, 1.0), (0.75, 0.5)):
        arrivals = stream("check", "transition.stable_excess", mu).standard_exponential((2, 40_000, 100)).cumsum(-1)
        rest = arrivals[..., -1] ** (1 - 1 / mu) / (1 / mu - 1)
        first, second = (arrivals ** (-1 / mu)).sum(-1) + rest
        found.append(Observation({"gap": gap, "mu": mu}, share(first > np.exp(gap) * second)))
    return found


# -- equal directions ----------------------------------------------------------------------------------------------


@drawn_once
def _condensed() -> list[tuple[float, int, Estimate]]:
    """P from the largest of n terms on each side, drawn as order statistics of n uniforms mapped to the law of Q.

    Weights fall as k^{−1/μ}, 1/μ > 10, so that eight terms suffice. Near P = ½ what the formula leaves out, of relative
    order 1/ln n in the log-odds, is a fraction of the error.
    """
    found = []
    for d, ratio in ((2**20, 6.0), (2**28, 10.0)):
        n = round(ratio * d**1.5)
        q = sharpness(n, d)
        rng = stream("check", "transition.condensed", d, n)
        arrivals = np.log(rng.standard_exponential((2, _REPLICAS, 8)).cumsum(-1) / n)
        grid = np.linspace(arrivals.min(), arrivals.max(), 2000)  # an inverse for each number takes minutes
        outside, inside = np.interp(arrivals, grid, q * chi2.ppf(-np.expm1(-np.exp(grid)), d))
        inside = transition.leave_one_out(inside, n, q)
        fresh, own = (np.logaddexp.reduce(-x / 2, axis=-1) for x in (outside, inside))
        found.append((float(n), d, share(fresh > own)))
    return found


def _condensed_shares() -> list[Observation]:
    return [Observation({"n": n, "d": d, "q": sharpness(n, d)}, found) for n, d, found in _condensed()]


def _samples() -> list[Observation]:
    """The n at which P reaches a level; its error follows from that of P, whose log-odds are nearly −constant/n."""
    found = []
    for n, d, at in _condensed():
        error = n * at.error / (at.value * (1 - at.value) * abs(logit(at.value)))
        found.append(Observation({"probability": at.value, "d": d, "q": sharpness(n, d)}, Estimate(n, error)))
    return found


# -- any spectrum --------------------------------------------------------------------------------------------------
_MULTIPLE, _PLACES = 100, 400  # directions of each eigenvalue; eigenvalues, ∝ 1/k at the k-th
_SHARPNESS = 1 / (1 + 0.05 * np.arange(1, _PLACES + 1))
_SPREAD = np.repeat(_SHARPNESS, _MULTIPLE)


def _lower_tail(tilt: float) -> tuple[np.ndarray, np.ndarray]:
    """Values of Q = Σ q_j z_j² below its mean under weights e^{−tilt Q/2}, rising, and ln P(Q < value) under the law
    itself.

    The tilted density is the inverse of its characteristic function, and e^{tilt Q/2} E e^{−tilt Q/2} undoes the tilt.
    """
    tilted = _SHARPNESS / (1 + tilt * _SHARPNESS)
    middle, deviation = _MULTIPLE * tilted.sum(), np.sqrt(2 * _MULTIPLE * (tilted**2).sum())
    values = middle + deviation * np.linspace(-7, 7, 1401)
    s = np.linspace(0, 9 / deviation, 600)
    log_phi = -_MULTIPLE / 2 * np.log1p(-2j * s[:, None] * tilted).sum(-1)
    waves = np.exp(log_phi - 1j * s * values[:, None]).real
    density = np.maximum(np.trapezoid(waves, s) / np.pi, 1e-300)
    log_density = np.log(density) + tilt * values / 2 - _MULTIPLE / 2 * np.log1p(tilt * _SHARPNESS).sum()
    steps = np.logaddexp(log_density[1:], log_density[:-1]) + np.log(np.diff(values) / 2)
    inside = slice(300, None)  # 4 deviations below the tilted mean; farther out the inversion has no digits
    return values[1:][inside], np.logaddexp.accumulate(steps)[inside]


def _power_law() -> list[Observation]:
    total, squares = _SPREAD.sum(), (_SPREAD**2).sum()
    found = []
    for ratio in (7.0, 14.0):  # near P = ½, as above
        n = round(ratio * total**2 / np.sqrt(squares))
        tilt = 2 * np.sqrt(np.log(n) / squares)
        values, log_below = _lower_tail(tilt)
        rng = stream("check", "transition.condensed_spectrum", n)
        arrivals = np.log(rng.standard_exponential((2, _REPLICAS, 30)).cumsum(-1) / n)
        if arrivals.min() < log_below[0] or arrivals.max() > log_below[-1]:
            raise AssertionError("the grid of Q does not cover the largest terms")
        outside, inside = np.interp(arrivals, log_below, values)
        own = (_SPREAD**2 / (1 + tilt * _SPREAD)).sum()  # Σ q_j Q_j of such points
        inside = inside - (inside * (inside + 2) - own) / (n + inside)
        fresh, own = (np.logaddexp.reduce(-x / 2, axis=-1) for x in (outside, inside))
        found.append(Observation({"n": float(n), "sharpness": _SPREAD}, share(fresh > own)))
    return found


# -- what is wrong -------------------------------------------------------------------------------------------------


def _odds(law: Callable, times: float) -> Callable:
    """A wrong law: `law` with its log-odds multiplied by `times`."""
    return lambda **at: expit(times * logit(law(**at)))


CHECKS = [
    Check(
        "transition.stable_excess",
        transition.stable_excess,
        3,
        _poisson_sums,
        {
            "the logistic of the largest terms": lambda gap, mu: expit(-mu * gap),
            "μ larger by a fifth": lambda gap, mu: transition.stable_excess(gap, 1.2 * mu),
            "μ smaller by a fifth": lambda gap, mu: transition.stable_excess(gap, 0.8 * mu),
            "the gap in favour of the other": lambda gap, mu: 1 - transition.stable_excess(gap, mu),
        },
    ),
    Check(
        "transition.condensed_probability",
        transition.condensed_probability,
        2,
        _condensed_shares,
        {
            "no √ln n": lambda n, d, q: expit(logit(transition.condensed_probability(n, d, q)) / np.sqrt(np.log(n))),
            "g without the half": _odds(transition.condensed_probability, 2),
            "μg larger by a fifth": _odds(transition.condensed_probability, 1.2),
            "the gap in favour of the holdout": lambda n, d, q: 1 - transition.condensed_probability(n, d, q),
            "the central limit": transition.overlap_clt,
        },
    ),
    Check(
        "transition.condensed_probability_spectrum",
        transition.condensed_probability_spectrum,
        2,
        _power_law,
        {
            "equal directions of the same mean": lambda n, sharpness: transition.condensed_probability(
                n, sharpness.size, sharpness.mean()
            ),
            "g without the half": _odds(transition.condensed_probability_spectrum, 2),
            "the gap in favour of the holdout": lambda n, sharpness: (
                1 - transition.condensed_probability_spectrum(n, sharpness)
            ),
        },
    ),
    Check(
        "transition.overlap_samples",
        transition.overlap_samples,
        2,
        _samples,
        {
            "n ∝ d": lambda probability, d, q: transition.overlap_samples(probability, d, q) / np.sqrt(d),
            "no √ln n": lambda probability, d, q: q * d**1.5 / np.log(1 / probability - 1),
            "n larger by a fifth": lambda probability, d, q: 1.2 * transition.overlap_samples(probability, d, q),
        },
    ),
]
