"""The nearest-neighbour criteria on fresh points in place of generated ones."""

import numpy as np
from scipy.spatial import cKDTree
from scipy.special import chndtr, expit

from memgen.measures import closest_record_share, nearest
from memgen.statistics import Estimate, cumulant, mean
from memgen.streams import drawn_once, stream
from theory import criteria
from theory.checks.check import Check, Observation

_SETS, _TRAIN, _FRESH = 300, 400, 100


@drawn_once
def _torus(dimension: int) -> tuple[np.ndarray, np.ndarray]:
    """Ratios of nearest distances (sets, fresh) and which points are authentic, for a uniform law without a
    boundary."""
    ratios, authentic = [], []
    for k in range(_SETS):
        rng = stream("check", "criteria.torus", dimension, k)
        train = cKDTree(rng.random((_TRAIN, dimension)), boxsize=1)
        distances, nearest = train.query(rng.random((_FRESH, dimension)), 2)
        own = train.query(train.data, 2)[0][:, 1]
        ratios.append(distances[:, 0] / distances[:, 1])
        authentic.append(distances[:, 0] > own[nearest[:, 0]])
    return np.array(ratios), np.array(authentic)


def _flagged() -> list[Observation]:
    found = []
    for dimension, ratio in ((1, 1 / 3), (2, 1 / 3), (3, 1 / 3), (3, 0.8)):
        ratios, _ = _torus(dimension)
        found.append(Observation({"D": dimension, "ratio": ratio}, mean((ratios < ratio).mean(1))))
    return found


def _authentic() -> list[Observation]:
    return [Observation({"D": D}, mean(100 * _torus(D)[1].mean(1))) for D in (1, 2, 3)]


def _closest() -> list[Observation]:
    """Shares closer to the training set under a law with heavy tails, so that nothing is uniform anywhere."""
    found = []
    for n, n_holdout in ((60, 20), (30, 30), (20, 90)):
        rng, shares = stream("check", "criteria.closest", n, n_holdout), []
        for _ in range(200):
            sets = (rng.standard_t(2, (size, 3)) for size in (50, n, n_holdout))
            shares.append(closest_record_share(*sets))
        found.append(Observation({"n": n, "n_holdout": n_holdout}, mean(np.array(shares))))
    return found


def _scores() -> list[Observation]:
    """The variance of C_T where the distances of generated and fresh points have one law in each cell."""
    found = []
    for weights, generated in (((50, 30, 15, 5), (20, 40, 10, 10)), ((30, 3, 3), (10, 10, 10))):
        total = np.zeros(4000)
        for k, (n, m) in enumerate(zip(weights, generated, strict=True)):
            values = stream("check", "criteria.scores", weights, k, n, m).random((total.size, m + n))
            ranks = 1 + values.argsort(1).argsort(1)[:, :m]
            u = ranks.sum(1) - m * (m + 1) / 2
            total += n * (u - m * n / 2) / np.sqrt(m * n * (m + n + 1) / 12)
        found.append(Observation({"weights": np.array(weights, float)}, cumulant(total / sum(weights), 2)))
    return found


# -- what a linear model generates in many steps -------------------------------------------------------------------


def _generated(x: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Draw points (count, d) of N(x̄, S)."""
    centred = x - x.mean(0)
    return x.mean(0) + rng.standard_normal((count, len(x))) @ centred / np.sqrt(len(x) - 1)


def _distances() -> list[Observation]:
    """Squared distances of generated points from training points, for data with skewed coordinates of variance 4."""
    found = []
    for n, d in ((2, 3), (5, 1), (20, 4)):
        rng, values = stream("check", "criteria.distance", n, d), []
        for _ in range(4000):
            x = 2 * rng.standard_exponential((n, d))
            values.append(np.mean((_generated(x, 4, rng)[:, None] - x) ** 2) * d)
        found.append(Observation({"n": n, "d": d, "sigma": 2.0}, mean(np.array(values))))
    return found


_RECORDS = ((1000, 96, 200), (2000, 128, 120))  # points, dimensions, training sets


def nearer_than_fresh(n: int, d: int, sets: int, generated: int = 100) -> Estimate:
    """How often one of n training points is closer to a generated point g than n fresh ones are.

    The chance for fresh points is exact: their |x − g|² is non-central χ²_d(|g|²).
    """
    shares = []
    for k in range(sets):
        rng = stream("check", "criteria.records", n, d, k)
        x = rng.standard_normal((n, d))
        g = _generated(x, generated, rng)
        fresh = chndtr(nearest(g, x, 1)[0][:, 0] ** 2, d, (g**2).sum(1))
        shares.append(np.exp(n * np.log1p(-fresh)).mean())
    return mean(np.array(shares))


def _records() -> list[Observation]:
    return [Observation({"n": n, "d": d}, nearer_than_fresh(n, d, sets)) for n, d, sets in _RECORDS]


CHECKS = [
    Check(
        "criteria.null_flag_rate",
        criteria.null_flag_rate,
        4,
        _flagged,
        {
            "lengths for volumes": lambda D, ratio: ratio,
            "a dimension more": lambda D, ratio: criteria.null_flag_rate(D + 1, ratio),
            "a shell for the ball": lambda D, ratio: 1 - (1 - ratio) ** D,
        },
    ),
    Check(
        "criteria.authpct_null",
        criteria.authpct_null,
        3,
        _authentic,
        {
            "independent balls": lambda D: 50,
            "all are authentic": lambda D: 100,
            "a dimension more": lambda D: criteria.authpct_null(D + 1),
            "one cap for the lens": lambda D: 50 + (criteria.authpct_null(D) - 50) / 2,
        },
    ),
    Check(
        "criteria.closest_record_null",
        criteria.closest_record_null,
        3,
        _closest,
        {
            "one half": lambda n, n_holdout: 0.5,
            "the share of the holdout": lambda n, n_holdout: n_holdout / (n + n_holdout),
            "training points counted twice": lambda n, n_holdout: criteria.closest_record_null(2 * n, n_holdout),
        },
    ),
    Check(
        "criteria.data_copying_deviation",
        criteria.data_copying_deviation,
        2,
        _scores,
        {
            "one": lambda weights: 1,
            "equal cells": lambda weights: 1 / weights.size,
            "√Σw": lambda weights: criteria.data_copying_deviation(np.sqrt(weights)) ** 2,
        },
        predict=lambda weights: criteria.data_copying_deviation(weights) ** 2,
    ),
    Check(
        "criteria.training_distance",
        criteria.training_distance,
        3,
        _distances,
        {
            "a fresh point": lambda n, d, sigma: sigma**2 * d * (2 + 1 / n),
            "no memory": lambda n, d, sigma: sigma**2 * d * 2,
            "the mean alone": lambda n, d, sigma: sigma**2 * d * (2 - 2 / n),
        },
    ),
    Check(
        "criteria.closest_record_limit",
        criteria.closest_record_limit,
        2,
        _records,
        {
            "no memory": lambda n, d: 0.5,
            "2 ln n for z²": lambda n, d: expit(2 * d * np.log(n) / (3 * n)),
            "distances spread as 4d": lambda n, d: criteria.closest_record_limit(n, 1.5 * d),
            "the mean moves the tail, not the weights": lambda n, d: 0.5 + np.sqrt(2 * d / 3) / (4 * n),
        },
        # 5% of the excess from its limit at n = 2000, which these sets would see
        predict=criteria.closest_record_share,
    ),
]
