"""Rows of the network sweeps, reduced to what chapter 5 plots, prints and compares."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.stats import norm, ttest_ind

from memgen.denoisers.training import steps_of
from memgen.experiments.network import MEAN, SAMPLES, SIDE, SPREAD, STD, TRAINED, Run, difference, longer_runs
from memgen.measures.marginals import marginal_distance, marginal_estimate
from memgen.statistics import Estimate, mean
from memgen.streams import stream
from theory.training import linear_memorized_fraction

KEYS = ["n", "replica", "generator", "points", "tau", "measure"]
PUBLISHED, ONE_SCALE = ("published", "truth"), ("marginal", "holdout")  # measure and reference of Δ
CALLED = {"network": "network", "ideal": "ideal sampler", "copier": "copier"}
COLLAPSE = 2.8  # in σ: below this noise a noised training point of n = 50 is nearest to its own


def runs(table: pd.DataFrame, stored: Mapping) -> dict[tuple[int, int], Run]:
    """The trainings at the smallest n, 50, as long as the script's, and the longer ones, by n and gradient steps."""
    longer = longer_runs()
    first = min(run.n for run in longer)
    script = steps_of(stored["epochs"], int(TRAINED * first))
    return {(run.n, run.steps): run for run in (Run(first, script, table[table.n == first]), *longer)}


def levels(rows: pd.DataFrame) -> list[float]:
    """The noise levels τ at which networks are compared with their limits, in the network's units."""
    return sorted(rows.tau.dropna().unique())


def low_levels(rows: pd.DataFrame) -> list[float]:
    """The three lowest noise levels, at which the two limits are far enough apart for a fraction."""
    return levels(rows)[:3]


def in_sigmas(tau: float) -> float:
    """A noise level in units of the data's standard deviation σ."""
    return tau / SPREAD


def deltas(table: pd.DataFrame, generator: str, scales: tuple[str, str]) -> pd.DataFrame:
    """Δ of every network, or of the generator in its place, on these scales: columns n, replica, value."""
    return difference(table, *scales, generator).reset_index()


def of_black_images(n: int, seed: int) -> float:
    """Δ as published, at n training points, of a generator that makes nothing but black images."""
    rng = stream(seed, "network", "black images", n)
    train, truth = (rng.normal(MEAN, STD, (size, SIDE**2)) for size in (n, 10 * n))
    sets = np.zeros((SAMPLES, SIDE**2)), 2 * train - 1, 255 * truth
    black, own, original = (marginal_estimate(points, STD) for points in sets)
    return marginal_distance(black, own) - marginal_distance(black, original)


def positive(table: pd.DataFrame, scales: tuple[str, str]) -> pd.DataFrame:
    """How many networks have Δ > 0: columns hits and networks, indexed by n."""
    found = deltas(table, "network", scales)
    return found.assign(hits=found.value > 0).groupby("n").hits.agg(hits="sum", networks="size")


def of_network(rows: pd.DataFrame, measure: str) -> pd.DataFrame:
    """Rows of the network at noised training points: those of one measure, at every noise level."""
    return rows[(rows.generator == "network") & (rows.points == "train") & (rows.measure == measure)]


def by_level(rows: pd.DataFrame, measure: str) -> pd.DataFrame:
    """The values of `of_network` for networks of one size: a row for each network, a column for each noise level."""
    return of_network(rows, measure).pivot(index="replica", columns="tau", values="value")


def generated_variance(table: pd.DataFrame, generator: str) -> pd.DataFrame:
    """The rows with the variance of what a generator makes, in units of the data's."""
    return table[(table.generator == generator) & (table.measure == "variance")]


def lengths(table: pd.DataFrame, tau: float) -> dict[str, pd.DataFrame]:
    """Lengths per pixel in units of σ: of the network from the line through its limits, and between these."""
    at = table[(table.generator == "network") & (table.points == "train") & (table.tau == tau)]
    at = at.pivot(index=["n", "replica"], columns="measure", values="value")
    squared = {"network": at.b_squared * at.separation, "limits": at.separation}
    return {name: (values**0.5 / SPREAD).rename("value").reset_index() for name, values in squared.items()}


def linear_limit(n: float | np.ndarray, noise: float | np.ndarray) -> np.ndarray:
    """Memorized fraction of a linear denoiser at the end of its training, at a noise in units of σ."""
    return np.asarray(linear_memorized_fraction(SIDE**2 / (TRAINED * np.asarray(n)), 1 / (1 + np.asarray(noise) ** 2)))


def flagged(rows: pd.DataFrame, generator: str = "network") -> list[float]:
    """The share of copies among what each network makes, or the generator in its place; one for each replica."""
    own = rows[(rows.generator == generator) & (rows.measure == "flagged")]
    return own.sort_values("replica").value.tolist()


def welch(one: pd.Series, other: pd.Series) -> float:
    """Welch's t of two samples, as a standard normal score."""
    found = ttest_ind(one, other, equal_var=False)
    return float(norm.isf(found.pvalue / 2) * np.sign(found.statistic))


def gap(one: pd.Series, other: pd.Series) -> Estimate:
    """The difference of two means, with the degrees of freedom of Welch's t."""
    found = ttest_ind(one, other, equal_var=False)
    error = (one.var() / len(one) + other.var() / len(other)) ** 0.5
    return Estimate(float(one.mean() - other.mean()), float(error), float(found.df))


# -- two precisions ------------------------------------------------------------------------------------------------


def twice(rounded: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """Rows of networks trained in bfloat16 (`value`) beside those of the same networks in float32 (`value_precise`)."""
    return rounded.merge(table, on=KEYS, suffixes=("", "_precise")).query("generator == 'network'")


def rounding(pairs: pd.DataFrame, measure: str, points: str = "", tau: float | None = None) -> pd.DataFrame:
    """The rows that `twice` found, of one measure, kind of points and noise (None: of no noise)."""
    there = pairs.tau.isna() if tau is None else pairs.tau == tau
    return pairs[(pairs.measure == measure) & (pairs.points == points) & there]


def moved(pairs: pd.DataFrame) -> tuple[int, float, float]:
    """How many means bfloat16 may have moved, the largest |z| of them, and how far single networks move.

    The last is the root mean square of the change, over that of a network's distance from the mean of its size.
    """
    scores, shares = [], []
    for _, same in pairs.groupby(["measure", "points", "tau"], dropna=False):
        change = same.value - same.value_precise
        spread = same.value_precise - same.groupby("n").value_precise.transform("mean")
        if change.any():
            scores.append(abs(mean(change).z(0)))
            shares.append(change.pow(2).mean() / spread.pow(2).mean())
    return len(scores), max(scores), float(np.mean(shares) ** 0.5)
