"""The usual criteria on networks in training, from 0 for an ideal sampler to 1 for a copier of training points."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from memgen.experiments.training import GENERATED, of_points, point_sets
from memgen.figures.training.numbers import LEVEL, Stored, table
from memgen.laws.data import power_law
from memgen.streams import stream

SIZES = (32, 128, 512)
Change = Callable[[np.ndarray, np.ndarray], np.ndarray]  # of generated points, given the training points


def readings(rows: pd.DataFrame) -> pd.DataFrame:
    """What each criterion measures on generated points, by replica and step; 0 on average for an ideal sampler."""
    found = rows.pivot(index=["replica", "step"], columns=["measure", "points"], values="value")
    gap = found["overlap_gap", ""]
    return pd.DataFrame(
        {
            "$W_2$": found["wasserstein", "train"] - found["wasserstein", "holdout"],
            "overlap gap": gap,
            "overlap": -np.expm1(-gap),
            "neighbour ratio": found["flagged", ""],
            "MMD": found["mmd2", "train"] - found["mmd2", "holdout"],
        }
    )


def copier(x: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Training points drawn with replacement, as many as x has."""
    return points[stream("11 copier", len(points)).integers(len(points), size=len(x))]


def with_mean(x: np.ndarray, points: np.ndarray) -> np.ndarray:
    """The points x, moved to the training set's mean."""
    return x - x.mean(0) + points.mean(0)


def with_covariance(x: np.ndarray, points: np.ndarray) -> np.ndarray:
    """The points x, transformed to the training set's mean and covariance."""
    whiten, colour = (np.linalg.cholesky(np.cov(y.T, ddof=0)) for y in (x, points))
    return with_mean(np.linalg.solve(whiten, (x - x.mean(0)).T).T @ colour.T, points)


def with_copies(x: np.ndarray, points: np.ndarray) -> np.ndarray:
    """The points x, the first five of them replaced by training points."""
    return np.concatenate([points[:5], x[5:]])


def of_changed(stored: Stored, n: int, change: Change, replicas: int = 30) -> pd.Series:
    """The `readings` of fresh points of the law after this change, means over new training sets."""
    sets = point_sets(stored.d, n, replicas, stored.parameters["seed"])[1]
    drawn = [power_law(stored.d).sample(GENERATED, stream("11 simple", n, k)) for k in range(replicas)]
    made = [change(x, known["train"]) for x, known in zip(drawn, sets, strict=True)]
    return readings(of_points(np.stack(made), sets).assign(step=0)).mean()


def read(stored: Stored) -> dict[int, pd.DataFrame]:
    """By n: how far each criterion has gone from an ideal sampler to a copier, and a; a row a replica and step."""
    found = {}
    for n in SIZES:
        own = stored.wide[stored.wide.n == n]
        share = readings(own[own.tau.isna()]) / of_changed(stored, n, copier)
        probed = own[own.tau == LEVEL].pivot(index=["replica", "step"], columns=["measure", "points"], values="value")
        apart = probed["separation", "holdout"] + probed["separation", "train"]
        share.insert(0, "loss gap", (probed["loss", "holdout"] - probed["loss", "train"]) / apart)
        share["a"] = probed["a", "train"]
        found[n] = share.dropna()
    return found


def along(found: dict[int, pd.DataFrame]) -> str:
    """Markdown: a and the criteria at the first, a middle and the last step, by n."""
    rows = []
    for n, share in found.items():
        for step, row in share.groupby("step").mean().loc[[100, 3162, 20_000]].iterrows():
            rows.append((f"{n}", f"{step}", f"{row.a:.2f}", *(f"{row[name]:.2f}" for name in share.columns.drop("a"))))
    return table(("n", "steps", "a", *next(iter(found.values())).columns.drop("a")), rows)


def of_others(stored: Stored) -> str:
    """Markdown: what the criteria read at n = 32 of points that were not memorized, or hardly."""
    rows, scale = [], of_changed(stored, 32, copier)
    changes = {
        "the training set's mean": with_mean,
        "its mean and covariance": with_covariance,
        "five copies in 256": with_copies,
    }
    for name, change in changes.items():
        share = of_changed(stored, 32, change) / scale
        rows.append((name, *(f"{value:.2f}" for value in share)))
    return table(("n = 32, the law but for", *scale.index), rows)


def apart(found: dict[int, pd.DataFrame]) -> str:
    """Markdown: the least and the largest criterion less a, over steps and sizes, for a below and above 0.4."""
    where = pd.concat([share.groupby("step").mean() for share in found.values()])
    rows = []
    for words, part in (("a < 0.4", where[where.a <= 0.4]), ("a > 0.4", where[where.a > 0.4])):
        off = part.drop(columns="a").sub(part.a, axis=0)
        rows.append((words, *(f"{off[name].min():+.2f} to {off[name].max():+.2f}" for name in off)))
    return table(("criterion less a, where", *where.columns.drop("a")), rows)
