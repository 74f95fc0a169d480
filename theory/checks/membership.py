"""Membership against simulated attacks: on training sets where they are small, else on the χ² variables behind them."""

from collections.abc import Callable

import numpy as np
from scipy.integrate import quad
from scipy.special import ndtr, ndtri
from scipy.stats import norm

from memgen.experiments.membership import attack, sample_law
from memgen.measures.membership import auc, distances
from memgen.statistics import Estimate, mean
from memgen.streams import stream
from theory import membership
from theory.checks.check import Check, Observation

# n, rank d, dimensions of the space, eigenvalues ∝ j^−power
_SETS = ((24, 8, 8, 0), (64, 16, 16, 2), (64, 16, 32, 0), (200, 64, 64, 1), (1000, 64, 64, 0))


def _attacks() -> list[Observation]:
    """The AUC of −Q on simulated sets: white, with an uneven spectrum, and within a subspace; the mean is not 0."""
    found = []
    for n, d, space, power in _SETS:
        values = []
        for r in range(200_000 // (n * d) + 20):
            rng = stream("check", "membership", n, d, space, power, r)
            mix = np.linalg.qr(rng.standard_normal((space, d)))[0].T * np.arange(1, d + 1)[:, None] ** (-power / 2)
            train, fresh = (3 + rng.standard_normal((size, d)) @ mix for size in (n, 2000))
            values.append(attack(train, fresh)["distance"])
        found.append(Observation({"n": n, "d": d}, mean(np.array(values))))
    return found


def drawn(n: float, d: float, draws: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(|x|², Q) of training points, then of fresh points of white data: (2, draws) each, at any n and d.

    A point is at y from the mean of `count` others, of whose scatter A it sees |y|²/yᵀA⁻¹y ~ χ²_{count−d}; a training
    point is then counted in.
    """
    found = []
    for count in (n - 1, n):
        square = (1 + 1 / count) * rng.chisquare(d, draws)
        along, across = rng.standard_normal(draws), rng.chisquare(d - 1, draws)
        kept = count / (count + 1)  # x = kept·y + e
        length = kept**2 * square + 2 * kept * np.sqrt(square / (count + 1)) * along
        length += (along**2 + across) / (count + 1)
        inverse = square / rng.chisquare(count - d, draws)  # yᵀA⁻¹y
        if count < n:
            inverse = (1 - 1 / n) ** 2 * inverse / (1 + (1 - 1 / n) * inverse)
        found.append(np.stack([length, (n - 1) * inverse]))
    return found[0], found[1]


_MANY, _DRAWS = 1_000_000, 200_000


def _compared(n: float, d: float, weight: int, name: str) -> Estimate:
    """How often weight·|x|² − Q is larger for a training point than for a fresh one."""
    inside, outside = (weight * x - q for x, q in drawn(n, d, _DRAWS, stream("check", name, n, d)))
    return mean(1.0 * (inside > outside))


def _limits() -> list[Observation]:
    sizes = [k * _MANY**1.5 for k in (0.4, 1.0, 2.0)]
    return [Observation({"n": n, "d": _MANY}, _compared(n, _MANY, 0, "membership.limit")) for n in sizes]


def _samples() -> list[Observation]:
    """The n that was drawn, at the AUC that was found; its error is the error of the AUC over dA/dn."""
    found = []
    for n in (0.4 * _MANY**1.5, _MANY**1.5):
        level = _compared(n, _MANY, 0, "membership.samples")
        z = ndtri(level.value)
        slope = n / (z * norm.pdf(z))
        args = {"level": level.value, "d": _MANY}
        found.append(Observation(args, Estimate(n, slope * level.error)))
    return found


def _known() -> list[Observation]:
    sizes = [k * _MANY**2.0 for k in (0.25, 1.0, 4.0)]
    return [Observation({"n": n, "d": _MANY}, _compared(n, _MANY, 1, "membership.known")) for n in sizes]


_MEAN, _SPREAD = 0.3, 1.2  # x̄ and √S, on the line


def _tails() -> list[Observation]:
    """How often a training point of a set with mean `_MEAN` and deviation `_SPREAD` is farther than `low` from 0."""
    found = []
    for n, low in ((6, 1.0), (6, 2.0), (20, 2.0)):
        z = stream("check", "membership.ratio", n, low).standard_normal((100_000, n))
        shape = (z - z.mean(1, keepdims=True)) / z.std(1, ddof=1, keepdims=True)
        far = abs(_MEAN + _SPREAD * shape) > low
        found.append(Observation({"n": n, "low": low}, mean(far.mean(1))))
    return found


def _tail(n: int, low: float, ratio: Callable[..., float] = membership.membership_ratio) -> float:
    """The chance that `_tails` simulates, from the fresh law N(0, 1) weighted with the likelihood ratio."""

    def density(x: float) -> float:
        return float(np.exp(ratio(((x - _MEAN) / _SPREAD) ** 2, x * x, n, 1)) * norm.pdf(x))

    reach = _SPREAD * (n - 1) / np.sqrt(n)
    ends = _MEAN - reach, _MEAN + reach
    parts = [(ends[0], -low), (-low, low), (low, ends[1])]
    left, middle, right = (quad(density, a, b)[0] if a < b else 0.0 for a, b in parts)
    return (left + right) / (left + middle + right)


def _tail_of(wrong: Callable[..., float]) -> Callable[..., float]:
    return lambda n, low: _tail(n, low, wrong)


def _sampled() -> list[Observation]:
    """The AUC of an attacker who has only m points drawn from G."""
    found, d = [], 256
    for n, m in ((2048, 512), (4096, 512), (2048, 2048)):
        values = []
        for r in range(16):
            rng = stream("check", "membership.sampled", n, m, r)
            train, fresh = rng.standard_normal((n, d)), rng.standard_normal((2000, d))
            made = sample_law(train.mean(0), np.cov(train.T), m, rng)
            law = made.mean(0), np.cov(made.T)
            values.append(auc(*(-distances(x, *law) for x in (train, fresh))))
        found.append(Observation({"n": n, "d": d, "n_generated": m}, mean(np.array(values))))
    return found


def _weakened(n: float, d: float, factor: float) -> float:
    """The exact AUC of an attacker who has the law, z times `factor`: corrections to the limit, √(1/d), are kept."""
    return float(ndtr(ndtri(membership.membership_auc(n, d)) * factor))


def _factor(n: float, d: float, m: float) -> float:
    """The z of the formula with m generated points over that with the law."""
    return float(ndtri(membership.membership_auc_sampled(n, d, m)) / ndtri(membership.membership_auc_limit(n, d)))


CHECKS = [
    Check(
        "membership.membership_auc",
        membership.membership_auc,
        5,
        _attacks,
        {
            "the limit": membership.membership_auc_limit,
            "no memory": lambda n, d: 0.5,
            "twice the points": lambda n, d: membership.membership_auc(2 * n, d),
            "the dimension of the space for the rank": lambda n, d: membership.membership_auc(
                n, d if n > 64 else 2 * d
            ),
        },
    ),
    Check(
        "membership.membership_auc_limit",
        membership.membership_auc_limit,
        3,
        _limits,
        {
            "d for d^{3/2}": lambda n, d: ndtr(d / n),
            "one variance for two": lambda n, d: ndtr(d**1.5 / (np.sqrt(2) * n)),
            "who knows the true law": membership.membership_auc_known,
        },
    ),
    Check(
        "membership.membership_samples",
        membership.membership_samples,
        2,
        _samples,
        {
            "d^{3/2}/Φ⁻¹(A)": lambda level, d: 2 * membership.membership_samples(level, d),
            "2A − 1 for Φ⁻¹(A)": lambda level, d: d**1.5 / (2 * (2 * level - 1)),
        },
    ),
    Check(
        "membership.membership_auc_known",
        membership.membership_auc_known,
        3,
        _known,
        {
            "one variance for two": lambda n, d: ndtr(d / np.sqrt(2 * n)),
            "who has the generated law alone": membership.membership_auc_limit,
        },
    ),
    Check(
        "membership.membership_ratio",
        membership.membership_ratio,
        3,
        _tails,
        {
            "without the true law": _tail_of(lambda q, true, n, d: membership.membership_ratio(q, 0, n, d)),
            "a Gaussian training point": _tail_of(lambda q, true, n, d: (true - q) / 2),
            "n + 1 points": _tail_of(lambda q, true, n, d: membership.membership_ratio(q, true, n + 1, d)),
        },
        predict=_tail,
    ),
    Check(
        "membership.membership_auc_sampled",
        membership.membership_auc_sampled,
        3,
        _sampled,
        {
            "as if the law were known": lambda n, d, n_generated: _weakened(n, d, 1.0),
            "1 − d/m": lambda n, d, n_generated: _weakened(n, d, 1 - d / (n_generated - 1)),
            "√(m/(m+n))": lambda n, d, n_generated: _weakened(n, d, np.sqrt(n_generated / (n + n_generated))),
        },
        predict=lambda n, d, n_generated: _weakened(n, d, _factor(n, d, n_generated)),
    ),
]
