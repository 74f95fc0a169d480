"""The overlap gap, its null and its central limit, against simulated training sets and holdouts."""

from collections.abc import Callable

import numpy as np
import torch
from scipy.special import ndtr, ndtri
from scipy.stats import chi2
from sympy import lambdify

from memgen.denoisers.linear import generated
from memgen.experiments.transition import overlap_gap, overlap_gaps, sharpness
from memgen.measures import log_cross
from memgen.statistics import Estimate, extrapolate, mean
from memgen.streams import drawn_once, stream
from theory import letters, transition
from theory.checks.check import Check, Observation
from theory.transition.influence import INFLUENCE

_SIZES = ((4, 128, 25_000), (8, 128, 10_000), (16, 256, 4000), (16, 512, 4000))  # d, n, replicas: n ≥ 16 d


def share(positive: np.ndarray) -> Estimate:
    """The fraction of true values, with its binomial error."""
    p, size = float(positive.mean()), positive.size
    return Estimate(p, float(np.sqrt(p * (1 - p) / size)))


# -- training points against fresh ones ----------------------------------------------------------------------------


def _leave_one_out() -> list[Observation]:
    """n E(Q of a fresh point − Q of a training point) at ε = σ/2, extrapolated to n → ∞."""
    sizes = (30, 60, 120, 240)
    found = []
    for d in (2, 5):
        estimates = []
        eye = torch.eye(d, dtype=torch.float64)
        for n in sizes:
            train = torch.from_numpy(
                stream("check", "transition.leave_one_out", d, n).standard_normal((1_000_000 // n, n, d))
            )
            middle = train.mean(-2, keepdim=True)
            sample = (train - middle).mT @ (train - middle) / (n - 1)
            lower = torch.linalg.cholesky(sample + 0.25 * eye)

            def distance2(x: torch.Tensor, lower: torch.Tensor = lower) -> torch.Tensor:
                return torch.linalg.solve_triangular(lower, x.mT, upper=False).square().sum(-2)

            inside = distance2(train - middle).mean(-1)
            outside = distance2(eye.expand_as(sample)).sum(-1) + distance2(middle)[..., 0]  # its mean, given the set
            # to first order in S − I the two differ by −(1+ε²)⁻¹ tr(S − I), whose mean is 0
            known = (sample - eye).diagonal(dim1=-2, dim2=-1).sum(-1) / 1.25
            estimates.append(mean(n * (outside - inside + known).numpy()))
        limit = extrapolate(np.array(sizes), estimates, powers=(1, 2))[0]
        found.append(Observation({"d": d, "q": 0.8}, limit))
    return found


def _shortfall(d: int, q: float, leave: Callable = transition.leave_one_out) -> float:
    """n E(Q − Q_in) by a formula, Q_in being Q of a training point; at an n so large that it no longer changes."""
    n, x = 1e6, chi2.ppf((np.arange(20_000) + 0.5) / 20_000, d)
    return float(n * np.mean(q * x - leave(q * x, n, q)))


def _overlap() -> list[Observation]:
    found = []
    for d, n, replicas in _SIZES:
        gaps = overlap_gaps(n, d, replicas, ("check", "transition.overlap", d, n))
        found.append(Observation({"n": n, "d": d, "q": sharpness(n, d)}, share(gaps > 0)))
    return found


def _null() -> list[Observation]:
    found = []
    for d, n, n_original in ((4, 30, 30), (4, 30, 1000), (16, 40, 200), (40, 60, 300)):
        sets = (
            stream("check", "transition.null", d, n, n_original, k).standard_normal((4000, m, d))
            for k, m in enumerate((n, n_original))
        )
        origin, eye = torch.zeros(d, dtype=torch.float64), torch.eye(d, dtype=torch.float64)
        near, far = (log_cross(torch.from_numpy(x), origin, eye, x.shape[1] ** (-2 / d)) for x in sets)
        found.append(Observation({"n": n, "n_original": n_original, "d": d}, share((far > near).numpy())))
    return found


def _annealed() -> list[Observation]:
    found = []
    for d, q in ((2, 0.5), (6, 0.7)):
        half = q / 2 * stream("check", "transition.annealed", d, q).chisquare(d, 200_000)
        term = np.exp(-half)
        # ln mean + mean, linearised: each draw contributes term/mean + half
        spread = mean(term / term.mean() + half)
        found.append(Observation({"d": d, "q": q}, spread._replace(value=np.log(term.mean()) + half.mean())))
    return found


# -- few dimensions ------------------------------------------------------------------------------------------------


@drawn_once
def _probits() -> list[Observation]:
    """√n Φ⁻¹(P) at the fixed width ε = σ, extrapolated to n → ∞."""
    sizes, key, found = (32, 64, 128, 256), ("check", "transition.clt"), []
    for d in (2, 3):
        estimates = []
        for n in sizes:
            gaps = []
            for k in range(150):  # two hundred sets from one stream: a stream a set takes longer than its numbers
                train, holdout = torch.from_numpy(stream(*key, d, n, k).standard_normal((2, 200, n, d)))
                gaps.append(overlap_gap(train, holdout, 1.0))
            ahead = share(torch.cat(gaps).numpy() > 0)
            score = ndtri(ahead.value)
            slope = np.sqrt(2 * np.pi) * np.exp(score**2 / 2)
            estimates.append(Estimate(np.sqrt(n) * score, np.sqrt(n) * slope * ahead.error))
        limit = extrapolate(np.array(sizes), estimates, powers=(1,))[0]
        found.append(Observation({"d": d, "q": 0.5}, limit))
    return found


def _score(d: int, q: float, clt: Callable = transition.overlap_clt) -> float:
    return float(1e4 * ndtri(clt(1e8, d, q)))


def _gain(d: int, q: float) -> float:
    """INFLUENCE over the standard deviation of the difference: minus the score that a first guess would give."""
    scatter = ((1 + q) ** 2 / (1 + 2 * q)) ** (d / 2) - 1
    return float(lambdify((letters.d, letters.q), INFLUENCE)(d, q)) / np.sqrt(2 * scatter)


def _second_moment() -> list[Observation]:
    """The number of points of which one lies where E e^{−Q} comes from, by the mean |x|²/d of the points there."""
    found = []
    for d, q in ((3, 0.5), (5, 0.3)):
        x = stream("check", "transition.clt_threshold", d, q).chisquare(d, 400_000)
        weight = np.exp(-q * x)
        r = float((weight * x).sum() / weight.sum() / d)
        error = float(np.sqrt(np.mean((weight * (x / d - r)) ** 2) / x.size) / weight.mean())
        value = np.exp(d * (r - 1 - np.log(r)) / 2)
        found.append(Observation({"d": d, "q": q}, Estimate(value, value * d / 2 * abs(1 - 1 / r) * error)))
    return found


# -- the generated law against many points of the true one ---------------------------------------------------------


def _cross() -> list[Observation]:
    """½[ln 2 − (1/d) ln det((1+ε²)I + Σ_G/σ²)], d → ∞, ρ = ½."""
    sizes, found = (16, 32, 64, 128), []
    for gamma, width in ((0.4, 0.9), (0.8, 0.6)):
        estimates = []
        for d in sizes:
            n, eye = 1 + round(d / gamma), torch.eye(d, dtype=torch.float64)
            x, noise = torch.from_numpy(
                stream("check", "transition.cross", gamma, d).standard_normal((2, 60 * 128 // d, n, d))
            )
            smoothed = generated(x, x + noise, 1.0, 2 * eye).covariance + (1 + width**2) * eye
            estimates.append(mean((np.log(2) - torch.logdet(smoothed).numpy() / d) / 2))
        limit = extrapolate(np.array(sizes), estimates, powers=(1, 2))[0]
        found.append(Observation({"width": width, "gamma": gamma, "rho": 0.5}, limit))
    return found


CHECKS = [
    Check(
        "transition.leave_one_out",
        transition.leave_one_out,
        2,
        _leave_one_out,
        {
            "no refit of S": lambda d, q: _shortfall(d, q, lambda Q, n, q: Q * (1 - 2 / n) / (1 + Q / n)),
            "mean alone": lambda d, q: _shortfall(d, q, lambda Q, n, q: Q * (1 - 2 / n)),
            "a fresh point": lambda d, q: 0.0,
        },
        predict=_shortfall,
    ),
    Check(
        "transition.overlap_probability",
        transition.overlap_probability,
        4,
        _overlap,
        {
            "no memory": lambda n, d, q: 0.5,
            "the central limit of the mean gain": lambda n, d, q: ndtr(-_gain(d, q) / np.sqrt(n)),
            "twice the samples": lambda n, d, q: transition.overlap_probability(2 * n, d, q),
        },
    ),
    Check(
        "transition.null_probability",
        transition.null_probability,
        4,
        _null,
        {
            "½ at any sizes": lambda n, n_original, d: 0.5,
            "sizes exchanged": lambda n, n_original, d: transition.null_probability(n_original, n, d),
        },
    ),
    Check(
        "transition.annealed_gap",
        transition.annealed_gap,
        2,
        _annealed,
        {
            "half": lambda d, q: transition.annealed_gap(d, q) / 2,
            "to second order in q": lambda d, q: d * q**2 / 4,
        },
    ),
    Check(
        "transition.overlap_clt",
        transition.overlap_clt,
        2,
        _probits,
        {
            "one set scatters, not two": lambda d, q: np.sqrt(2) * _score(d, q),
            "mean of the gain, not given Z = 0": lambda d, q: -float(_gain(d, q)),
        },
        predict=_score,
    ),
    Check(
        "transition.clt_threshold",
        transition.clt_threshold,
        2,
        _second_moment,
        {
            "first moment": lambda d, q: transition.clt_threshold(d, q / 2),
            "one direction": lambda d, q: transition.clt_threshold(1, q),
        },
    ),
    Check(
        "transition.cross_overlap",
        transition.cross_overlap,
        2,
        _cross,
        {
            "population denoiser": lambda width, gamma, rho: (np.log(2) - np.log(1 + width**2 + rho)) / 2,
            "no kernel": lambda width, gamma, rho: transition.cross_overlap(1e-6, gamma, rho),
        },
    ),
]
