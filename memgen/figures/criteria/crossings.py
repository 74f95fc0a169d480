"""The number of points at which each criterion of chapter 6 turns: simulated, on the same runs, and predicted."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.interpolate import BarycentricInterpolator
from scipy.optimize import brentq, minimize
from scipy.special import ndtr, ndtri

from memgen.statistics import Estimate, mean, zero_of_line
from theory import criteria

Curves = Callable[[dict[str, pd.DataFrame]], pd.DataFrame]


class Criterion(NamedTuple):
    """A criterion: `falls` gives its curve along n, which falls through `level` where the criterion turns.

    `label` is its name, `turns` says when it turns, `null` what a perfect generator has, `scale` how its threshold
    grows with d. A `logarithmic` curve is interpolated in its logarithm, without the sizes at which it is 0.
    """

    label: str
    turns: str
    null: str
    scale: str
    falls: Curves
    level: float
    logarithmic: bool = False
    signs: bool = False  # the curve is 0 or 1 in each run


def _of(name: str) -> Curves:
    return lambda found: found[name]


# In the order of their thresholds in many dimensions. A probability counts as turned halfway to what it is without
# memory, the ⅓ rule at one flag in a thousand.
CRITERIA = {
    "nearest_ratio": Criterion(
        "⅓ rule",
        "fewer than one generated point in a thousand is a near copy",
        "$3^{-D}$",
        "10",
        _of("flagged"),
        1e-3,
        logarithmic=True,
    ),
    "wasserstein2": Criterion(
        "Wasserstein",
        "the Wasserstein distance to the truth is shorter than to the training points",
        "the truth, always",
        r"$\sqrt{2d\ln n}$",
        lambda found: found["wasserstein_truth"] - found["wasserstein_training"],
        0,
    ),
    "two_models": Criterion(
        "two models",
        "two models agree better than a model and its nearest training point",
        "they are the same",
        r"$(2d^2\ln n)^{1/3}$",
        lambda found: found["record_similarity"] - found["model_similarity"],
        0,
    ),
    "kl_generated_true": Criterion(
        "KL(G‖O)",
        "its divergence from the truth is finite",
        "0",
        "$d$",
        lambda found: np.isinf(found["kl_generated_true"]).astype(float),
        0.5,
    ),
    "authenticity": Criterion(
        "AuthPct",
        "authentic points are half as frequent as from a perfect generator",
        "33–50%, or more",
        "—",
        lambda found: found["authenticity_null"] / 2 - found["authenticity"],
        0,
    ),
    "kl_true_generated": Criterion(
        "KL(O‖G)",
        "the truth's divergence from it, sampled in one step, grows no faster than the dimension",
        "0",
        "$2d$",
        _of("inverse_trace"),
        0,
    ),
    "nearness": Criterion(
        "$C_T$",
        "one fresh point in four is nearer to the training set than a generated one",
        "½",
        "—",
        _of("nearness"),
        0.75,
    ),
    "closest_record": Criterion(
        "closest record",
        "one point in four is closer to a holdout than to the training set",
        "½",
        r"$d\ln n$",
        _of("closest_record"),
        0.75,
    ),
    "best_kernel": Criterion(
        "best kernel",
        "fresh points are likelier than under any smoothed training set",
        "the entropy of O",
        "$2d$",
        # in units of what G lacks of the truth, which grows without bound as n falls to d
        lambda found: -found["likelihood_gain"] / found["kl_true_generated"],
        0,
    ),
    "membership": Criterion(
        "membership",
        "one fresh point in four passes for a member",
        "½",
        "$d^{3/2}$",
        _of("membership"),
        0.75,
    ),
    "overlap": Criterion(
        "overlap",
        "the overlap with a holdout is larger, in one case of four",
        "½",
        r"$d^{3/2}\sqrt{\ln n}$",
        lambda found: (found["overlap_gap"] <= 0).astype(float),
        0.75,
        signs=True,
    ),
    "membership_known": Criterion(
        "membership, O known",
        "one fresh point in four passes for a member, though the truth is known",
        "½",
        "$d^2$",
        _of("membership_known"),
        0.75,
    ),
}


def predicted(d: float) -> dict[str, float]:
    """The predicted n* of each criterion that has a formula, by its name, in d ≥ 16 dimensions."""
    return criteria.transitions(d) | {
        "closest_record": criteria.closest_record_crossing(d),
        "membership": criteria.membership_crossing(d),
        "membership_known": criteria.membership_known_crossing(d),
    }


class Table(dict[str, pd.DataFrame]):
    """Values of one spectrum and dimension by measure: one row a replica, one column a number of points.

    A measure is arranged when it is first asked for. KeyError if the rows do not have it.
    """

    def __init__(self, rows: pd.DataFrame) -> None:
        super().__init__()
        self._rows = rows

    def __missing__(self, name: str) -> pd.DataFrame:
        part = self._rows[self._rows["measure"] == name]
        if part.empty:
            raise KeyError(name)
        self[name] = part.pivot(index="replica", columns="n", values="value")
        return self[name]


def detected(found: dict[str, pd.DataFrame], name: str, side: int, level: float = 0.05) -> pd.DataFrame:
    """Which runs are detected by a test that errs in `level` of the perfect generators: a row a replica, a column an n.

    The test takes large (side 1) or small (−1) values of the measure for memory.
    """
    limits = (side * found[f"{name}_null"]).quantile(1 - level, interpolation="higher")
    return side * found[name] > limits


def crossing(rows: pd.DataFrame, name: str) -> Estimate | None:
    """The n at which the criterion turns in the runs of one spectrum and dimension; None if these do not tell."""
    found, criterion = Table(rows), CRITERIA[name]
    try:
        curves = criterion.falls(found).dropna(axis=1)
    except KeyError:  # a measure that these runs do not have
        return None
    if name == "kl_true_generated":
        return _one_step(curves, rows["d"].iloc[0])
    n = curves.columns.to_numpy(float)
    estimates = [mean(values) for values in curves.to_numpy().T]
    middle = np.array([e.value for e in estimates])
    falls = np.flatnonzero((middle[:-1] >= criterion.level) & (middle[1:] < criterion.level))
    if not falls.size:
        return None
    if name == "kl_generated_true":
        return Estimate(float(n[falls[-1]]), 0.0, np.inf)  # rank: the same in every run
    if criterion.signs:
        end = _of_signs(np.log(n), 1 - middle, len(curves), 1 - criterion.level)
    elif criterion.logarithmic and middle[falls[-1] + 1] == 0:  # whose logarithm no one knows
        return None
    else:
        part = np.arange(max(0, falls[-1] - 1), min(len(n), falls[-1] + 3))
        part = part[middle[part] > 0] if criterion.logarithmic else part
        shown = [_above(estimates[k], criterion) for k in part]
        end = _root(np.log(n[part]), shown, *np.log(n[falls[-1] : falls[-1] + 2]))
    n_star = float(np.exp(end.value))
    return Estimate(n_star, n_star * end.error, estimates[0].freedom) if np.isfinite(end.error) else None


def _of_signs(log_n: np.ndarray, shares: np.ndarray, runs: int, level: float) -> Estimate:
    """The ln n at which the share of runs reaches `level`, by maximum likelihood over all sizes; its error may be ∞.

    In the model −Φ⁻¹ of the share is a power of n. That is so where sums of many terms are compared (chapter 4:
    n^{−½}) and nearly so elsewhere.
    """

    def chance(x: np.ndarray) -> np.ndarray:
        return np.clip(ndtr(ndtri(level) * np.exp(x[1] * (log_n - x[0]))), 1e-12, 1 - 1e-12)

    def loss(x: np.ndarray) -> float:
        p = chance(x)
        return -runs * float(shares @ np.log(p) + (1 - shares) @ np.log1p(-p))

    start = np.array([np.interp(level, np.maximum.accumulate(shares), log_n), -0.5])
    x = minimize(loss, start, method="Nelder-Mead", options={"xatol": 1e-6, "fatol": 1e-8}).x
    p, step = chance(x), 1e-4
    slopes = [(chance(x + step * e) - chance(x - step * e)) / (2 * step) for e in np.eye(2)]
    information = runs * np.array([[float((a * b / (p * (1 - p))).sum()) for b in slopes] for a in slopes])
    if np.linalg.cond(information) > 1e12:  # all or none of the runs at every size: a step somewhere between
        return Estimate(float(x[0]), np.inf)
    return Estimate(float(x[0]), float(np.sqrt(np.linalg.inv(information)[0, 0])))


def _root(x: np.ndarray, values: list[Estimate], low: float, high: float) -> Estimate:
    """The zero, between low and high, of the polynomial through all values, with its error by the delta method."""
    curve = BarycentricInterpolator(x, [e.value for e in values])
    root = brentq(curve, low, high)
    shares = BarycentricInterpolator(x, np.eye(len(x)))(root)
    error = np.linalg.norm(shares * [e.error for e in values]) / abs(curve.derivative(root))
    return Estimate(root, float(error))


def _above(estimate: Estimate, criterion: Criterion) -> Estimate:
    """By how much the signal is above the level; for a logarithmic criterion, ln(signal/level)."""
    if not criterion.logarithmic:
        return estimate._replace(value=estimate.value - criterion.level)
    return Estimate(np.log(estimate.value / criterion.level), estimate.error / estimate.value, estimate.freedom)


def _one_step(curves: pd.DataFrame, d: int) -> Estimate | None:
    """The n at which (1−γ)·inverse_trace, which falls as ρ − γ, is zero; by a line through the runs with 0.1 < γ < 0.4.

    That extrapolates to d → ∞: KL(O‖G) of a run is finite from n = d + 1 on, and grows as d² up to d/ρ (chapter 3).
    None if these have fewer than two values of n.
    """
    ratios = d / (curves.columns.to_numpy(float) - 1)
    inside = (ratios > 0.1) & (ratios < 0.4)
    if inside.sum() < 2:
        return None
    values = curves.to_numpy()[:, inside] * (1 - ratios[inside])
    end = zero_of_line(ratios[inside], [mean(column) for column in values.T])
    return Estimate(d / end.value, d * end.error / end.value**2, end.freedom)


def crossings(rows: pd.DataFrame, predictions: dict[int, dict[str, float]]) -> pd.DataFrame:
    """One row for each d and criterion: d, criterion, predicted, simulated, low, high; NaN where there is no number.

    `predictions` holds the predicted n* of each criterion, by dimension.
    """
    found = []
    for d, part in rows.groupby("d"):
        for name in CRITERIA:
            estimate = crossing(part, name)
            low, high = estimate.interval() if estimate else (np.nan, np.nan)
            value = estimate.value if estimate else np.nan
            found.append((int(d), name, predictions[int(d)].get(name, np.nan), value, low, high))
    return pd.DataFrame(found, columns=["d", "criterion", "predicted", "simulated", "low", "high"])
