"""What tools in use say of generated points: each statistic, and the rule by which it is read as a sign of copies.

A rule is that of the tool or of its users, and is not set for a given error rate: how often each raises a false alarm
for a perfect generator, and what it misses, is measured in `memgen.experiments.audit`.
"""

from typing import NamedTuple

import numpy as np
from scipy import stats

from memgen.measures.copies import DataCopying


class Reading(NamedTuple):
    """A statistic, and whether the rule takes it for a sign of copies."""

    statistic: float
    alarm: bool


# which way each statistic goes with copies: +1 up, −1 down
SIDES = {
    "⅓ rule": 1,
    "AuthPct": -1,
    "C_T": -1,
    "C_T, its deviation": -1,
    "DCR share": 1,
    "sdmetrics": -1,
    "MiFID penalty": -1,
}


def third_rule(first: np.ndarray, second: np.ndarray, cut: float = 1 / 3) -> Reading:
    """Share of the points (m,) with a nearest training point nearer than `cut` times the second (Yoon et al. 2023).

    Each such point is called a copy, so that a single one is an alarm. If both are at distance 0 neither is singled
    out.
    """
    flagged = (first < cut * second).mean()
    return Reading(float(flagged), bool(flagged > 0))


def authenticity_rule(own: np.ndarray, others: np.ndarray) -> Reading:
    """AuthPct (Alaa et al. 2022), usually read as copying below 50.

    Distances (m,) of generated points to the nearest training point, and of that to the nearest other one. The usual
    code states the score less 50, in absolute value.
    """
    percent = 100 * float((own > others).mean())
    return Reading(percent, percent < 50)


def copying_rule(found: DataCopying) -> Reading:
    """C_T (Meehan, Chaudhuri and Dasgupta 2020) as it is usually read: an alarm below −3."""
    return Reading(found.score, found.score < -3)


def copying_test(found: DataCopying, level: float = 0.05) -> Reading:
    """C_T in its own standard deviation, which over several cells is far below 1, as a one-sided normal test."""
    return Reading(found.z, bool(found.z < stats.norm.ppf(level)))


def closer_share(to_train: np.ndarray, to_holdout: np.ndarray) -> float:
    """Share of points (m,) that are closer to the training set than to the holdout; equally close count ½."""
    return float(np.mean((to_train < to_holdout) + (to_train == to_holdout) / 2))


def closest_record_rule(to_train: np.ndarray, to_holdout: np.ndarray, level: float = 0.05) -> Reading:
    """The share of points closer to the training set; an alarm by a one-sided binomial test of ½, as if they were
    independent.

    The test is right for sets of equal size only: otherwise the share of a perfect generator is not ½.
    """
    share, m = closer_share(to_train, to_holdout), len(to_train)
    return Reading(share, bool(stats.binom.sf(np.ceil(share * m) - 1, m, 0.5) <= level))


def overfitting_protection(to_train: np.ndarray, to_holdout: np.ndarray) -> Reading:
    """The score of sdmetrics' DCROverfittingProtection, min(1, 2(1 − s)): an alarm below its best value of 1.

    s is the share of points strictly closer to the training set (sdmetrics, single_table/privacy,
    dcr_overfitting_protection.py). The library's distance is the mean of |x_i − y_i| over the range of coordinate i in
    the set that is compared with, at most 1.
    """
    score = min(1.0, 2 * (1 - float(np.mean(to_train < to_holdout))))
    return Reading(score, score < 1)


def cosine_penalty(to_generated: np.ndarray, cut: float = 0.1) -> Reading:
    """The mean cosine distance by which torchmetrics' MiFID divides where it is below the cut of 0.1: a penalty, and an
    alarm.

    Above the cut MiFID divides by 1. Cosine distances 1 − |cos| (n,) are those of training points to the nearest
    generated one (torchmetrics, image/mifid.py): how well the training set is covered, not how near generated points
    are to it. So it depends on the data: in few dimensions fresh points cover as well, and in many a few copies change
    nothing. A generator that returns the training set has the Fréchet distance 0 as well; the library then returns 0,
    its best value.
    """
    mean = float(np.mean(to_generated))
    return Reading(mean, mean < cut)
