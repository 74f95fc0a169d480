"""Which rows are exposed first: as the noise falls, which of them outweighs all others at its own noised copies?

At u = x_i + σz the exact score of all rows gives x_i the weight 1/(1 + e^L),

    L = ln Σ_j exp(−r_ij²/2σ² − z·(x_i − x_j)/σ),   j ≠ i.

A row counts as exposed where it has half of the weight at typical noise: where the mean of L over z is 0. (z·x_i, whose
mean is 0, can be left out.) A row far from all others is exposed at much noise already.

Which rows these are is decided without noise, z = 0: the noises of a few draws differ by more than the rows of many
data sets do, and the first of such a ranking are those of lucky draws. The σ that is reported is that of typical draws,
by the mean over 32 of them, which has an error.

All pairs would cost n² distances: rows are ranked first against a random sample of the others, each of which stands for
several, and the most exposed of these are then compared with all.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

OTHERS, CANDIDATES, SHOWN, DRAWS = 512, 40, 10, 32
_T = float(stdtrit(DRAWS - 1, 0.975))  # errors to the ends of a 95% interval
_PART = 2**21  # numbers at once
_ACCURACY, _FINE = 0.01, 0.002  # relative accuracy of the noise, of those that are ranked and of those that are said
_FAR = 8.0  # an interval has no end beyond this factor


@dataclass(frozen=True)
class Exposed:
    """A row, the noise below which it has half of the weight or more, its 95% interval, and the nearest other row.

    An end is None if it is further off than a factor of 8.
    """

    row: int
    sigma: float
    low: float | None
    high: float | None
    nearest: int


def exposed(x: np.ndarray, rng: np.random.Generator) -> tuple[Exposed, ...]:
    """The ten rows of x (n, d), no two of them equal, that are exposed at the largest noise."""
    from memgen.measures.held import half, log_others  # brings PyTorch

    others = np.sort(rng.choice(len(x), min(len(x), OTHERS), replace=False))
    middle = np.median(x[others], axis=0).astype(float)  # not the mean, which a far row would pull away from all others
    noise = rng.standard_normal((DRAWS, x.shape[1]))
    reference = x[others] - middle
    known = reference.astype(np.float32)
    rough = np.concatenate([_rough(y, own[:, None] == others, known, len(x)) for own, y in _parts(x, middle)])
    candidates = np.argsort(-rough, kind="stable")[:CANDIDATES]
    apart, along = _against_all(x, middle, candidates, noise)
    high = rough[candidates] * 2
    free = half(lambda s: log_others(apart, [0.0], s), _least(apart, high), high, _ACCURACY)
    first = np.argsort(-free, kind="stable")[:SHOWN]
    candidates, apart, high = candidates[first], apart[first], high[first]
    sigma, low, top = _interval(apart, along, high)
    nearest = apart.argmin(1)
    return tuple(
        Exposed(int(candidates[k]), float(sigma[k]), _end(low[k], sigma[k]), _end(top[k], sigma[k]), int(nearest[k]))
        for k in np.argsort(-sigma, kind="stable")
    )


def _interval(apart: np.ndarray, along: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The σ, (m,), at which the mean of L over the draws is 0, and those at which it is 0 less or plus its error at
    95%; σ is at most `high`."""
    from memgen.measures.held import half, log_others

    def mean(sigma: np.ndarray, errors: float) -> np.ndarray:
        each = np.array([log_others(apart, [draw], sigma) for draw in along])
        return each.mean(0) + errors * each.std(0, ddof=1) / np.sqrt(len(along))

    sigma = half(lambda s: mean(s, 0), _least(apart, high), high, _FINE)
    low = half(lambda s: mean(s, _T), sigma / _FAR, sigma, _FINE)
    return sigma, low, half(lambda s: mean(s, -_T), sigma, sigma * _FAR, _FINE)


def _end(end: float, sigma: float) -> float | None:
    """The end, if it is not where the search for it ended."""
    return float(end) if abs(np.log(end / sigma)) < np.log(_FAR) - 2 * _FINE else None


def _parts(x: np.ndarray, middle: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the rows block by block: their indices, and the rows less `middle`."""
    step = max(1, _PART // max(x.shape[1], OTHERS))
    for i in range(0, len(x), step):
        own = np.arange(i, min(i + step, len(x)))
        yield own, x[own] - middle


def _rough(rows: np.ndarray, same: np.ndarray, reference: np.ndarray, n: int) -> np.ndarray:
    """The noise at which each row is exposed, from a sample `reference` of the n rows, in single precision.

    `same` (rows, sample) marks where a row is itself in the sample.
    """
    from memgen.measures.held import half, log_others

    y = rows.astype(np.float32)
    apart = (y**2).sum(1)[:, None] + (reference**2).sum(1) - 2 * y @ reference.T
    apart[same] = np.inf
    each = np.float32(np.log((n - 1) / (len(reference) - (len(reference) == n))))
    high = np.full(len(y), np.sqrt(apart.max(where=~same, initial=0)))
    low = _least(apart, high)
    return half(lambda s: each + log_others(apart, [0.0], s.astype(np.float32)), low, high, _ACCURACY)


def _least(apart: np.ndarray, high: np.ndarray) -> np.ndarray:
    """A noise so small that a row outweighs all others by far: a fraction of the nearest distance, if that is not
    lost."""
    return np.maximum(np.sqrt(apart.min(1).clip(0)) / 50, high * 1e-7)


def _against_all(
    x: np.ndarray, middle: np.ndarray, rows: np.ndarray, noise: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Squared distances from `rows` to all rows, (rows, n), ∞ to themselves, and z·x_j (draws, n)."""
    own = x[rows] - middle
    apart, along = np.empty((len(rows), len(x))), np.empty((len(noise), len(x)))
    for part, y in _parts(x, middle):
        apart[:, part] = (own**2).sum(1)[:, None] + (y**2).sum(1) - 2 * own @ y.T
        along[:, part] = noise @ y.T
    apart[np.arange(len(rows)), rows] = np.inf
    return apart.clip(0), along
