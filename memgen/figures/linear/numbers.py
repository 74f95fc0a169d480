"""Rows of the linear sweep, reduced to what chapter 3 plots, prints and compares."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from pandas.api.typing import SeriesGroupBy

from memgen.experiments.linear import SIZE_RATIOS, Params
from memgen.laws.data import Digits, power_law
from memgen.statistics import Estimate, extrapolate, mean, median
from theory import linear
from theory.checks.linear import reductions
from theory.checks.linear.reductions import SHARE_OF_LOGDET

ON_PLATEAU, BEYOND = SIZE_RATIOS  # γ on the plateau of the log-determinant at ρ = ½, and beyond it
RHO_OF_SIZES = 0.5  # of the study in which d varies
LIMITS = {
    "logdet": linear.generated_logdet,
    "kl_generated_true": linear.kl_generated_true,
    "log_affinity": linear.log_affinity,
}


class Curve(NamedTuple):
    """Simulated values along an axis, each with the ends of its 95% interval; arrays of one length."""

    x: np.ndarray
    middle: np.ndarray
    low: np.ndarray
    high: np.ndarray

    def along(self, x: np.ndarray) -> "Curve":
        """The same values along another axis."""
        return self._replace(x=x)


def tau(rho: float) -> float:
    """The noise τ that leaves a signal fraction ρ of data of unit variance."""
    return float(np.sqrt(1 / rho - 1))


def values(rows: pd.DataFrame, study: str, measure: str, **where: float) -> SeriesGroupBy:
    """The replicas of a measure in one study, grouped by sample size n; `where` fixes tau or d."""
    chosen = rows[(rows.study == study) & (rows.measure == measure)]
    for name, value in where.items():
        chosen = chosen[np.isclose(chosen[name], value)]
    return chosen.groupby("n").value


def sizes(rows: pd.DataFrame, measure: str, gamma: float) -> SeriesGroupBy:
    """The replicas of a measure at ρ = ½ by (d, n), with d/(n−1) as near to γ as a whole n comes."""
    chosen = rows[(rows.study == "size") & (rows.measure == measure)]
    return chosen[np.isclose(chosen.d / (chosen.n - 1), gamma, rtol=0.02)].groupby(["d", "n"]).value


def curve(x: Sequence[float] | np.ndarray, estimates: list[Estimate]) -> Curve:
    """The curve of estimates along x, with their t intervals."""
    low, high = np.array([estimate.interval() for estimate in estimates]).T
    return Curve(np.asarray(x), np.array([estimate.value for estimate in estimates]), low, high)


def means(groups: SeriesGroupBy) -> Curve:
    """The mean of each group with its t interval, along n."""
    return curve(np.array(list(groups.groups)), [mean(replicas) for _, replicas in groups])


def medians(groups: SeriesGroupBy) -> Curve:
    """The median of each group with its order-statistic interval, along n; infinite replicas count as large."""
    return Curve(np.array(list(groups.groups)), *np.array([median(replicas) for _, replicas in groups]).T)


def growth(rows: pd.DataFrame, gamma: float) -> Curve:
    """The median of KL(O‖G)/d along d, at ρ = ½ and one γ."""
    groups = sizes(rows, "kl_true_generated", gamma)
    return medians(groups).along(np.array([d for d, _ in groups.groups]))


# -- scores against theory --------------------------------------------------------------------------------------------


def trace_scores(rows: pd.DataFrame, d: int, rho: float) -> list[float]:
    """z of the mean trace against its formula at each n, but for the few near d (see `has_moments`)."""
    return [
        mean(replicas).z(float(linear.generated_trace(n, d, rho)))
        for n, replicas in values(rows, "ratio", "trace", tau=tau(rho))
        if has_moments(n, d)
    ]


def has_moments(n: int, d: int) -> bool:
    """Whether four moments of the trace exist, so that a mean of some dozens of replicas is near normal.

    An inverse Wishart matrix has moments up to order k where the larger of n − 1 and d exceeds the other by 2k.
    """
    return abs(n - 1 - d) >= 8


def spectrum_trace_scores(rows: pd.DataFrame, fractions: np.ndarray) -> list[float]:
    """`trace_scores` for the power-law spectrum, whose signal fractions these are."""
    return [
        mean(replicas).z(float(linear.generated_trace_spectrum(n, fractions)))
        for n, replicas in values(rows, "spectrum", "trace")
        if has_moments(n, len(fractions))
    ]


def gaps(rows: pd.DataFrame, measure: str, gamma: float) -> tuple[list[int], list[Estimate]]:
    """The dimensions, and at each the mean of a measure less its limit at the d/(n−1) that the whole number n gives."""
    found = [(d, d / (n - 1), mean(replicas)) for (d, n), replicas in sizes(rows, measure, gamma)]
    limits = [float(LIMITS[measure](g, RHO_OF_SIZES)) for _, g, _ in found]
    estimates = [e._replace(value=e.value - limit) for (_, _, e), limit in zip(found, limits, strict=True)]
    return [d for d, *_ in found], estimates


def limit(rows: pd.DataFrame, measure: str, gamma: float) -> Estimate:
    """The gap at infinite dimension, once the logarithmic correction is taken off: 0 if the theory is right."""
    dims, found = gaps(rows, measure, gamma)
    return reductions.limit(dims, found, gamma, RHO_OF_SIZES, SHARE_OF_LOGDET[measure])


class Slope(NamedTuple):
    """How d times the gap of the log-determinant depends on ln d."""

    dims: list[int]
    gaps: list[Estimate]
    free: Estimate  # the coefficient, fitted
    predicted: float
    line: np.ndarray  # with the predicted coefficient and a fitted constant
    chi2: float  # of that line, on len(dims) − 1 degrees of freedom


def slope(rows: pd.DataFrame, gamma: float) -> Slope:
    """The coefficient of ln d in ln det Σ_G at one γ, fitted and predicted."""
    dims, found = gaps(rows, "logdet", gamma)
    whole = [e._replace(value=d * e.value, error=d * e.error) for d, e in zip(dims, found, strict=True)]
    middle, errors = np.array([e[:2] for e in whole]).T
    predicted = float(linear.logdet_correction(math.e, gamma, RHO_OF_SIZES)) * math.e
    line = predicted * np.log(dims)
    line += np.average(middle - line, weights=errors**-2)
    chi2 = float(np.sum(((middle - line) / errors) ** 2))
    return Slope(dims, whole, reductions.coefficient_of_log(dims, whole), predicted, line, chi2)


def curvature(gamma: np.ndarray | float, rho: float, step: float = 2e-5) -> np.ndarray:
    """The second derivative of the limit of ln(1−H²)/d in γ, by central differences."""
    below, at, above = (linear.log_affinity(gamma + s, rho) for s in (-step, 0, step))
    return (below - 2 * at + above) / step**2


def below_limit(rows: pd.DataFrame, d: int, rho: float) -> float:
    """The most by which a median of (1−H²)^(1/d) lies below its limit, at n > d + 1."""
    found = medians(values(rows[rows.n > d + 1], "ratio", "log_affinity", tau=tau(rho)))
    return float(np.max(np.exp(linear.log_affinity(d / (found.x - 1), rho)) - np.exp(found.middle)))


def agreement(rows: pd.DataFrame, stored: pd.DataFrame) -> tuple[int, float]:
    """How many of the rows drawn here are also stored, and the largest relative difference between the two."""
    used = rows[(rows.study == "digits") | (rows.measure == "logdet")]
    both = used.merge(stored, on=["study", "d", "n", "tau", "replica", "measure"])
    differences = (both.value_x / both.value_y - 1).abs().where(both.value_x != both.value_y, 0)  # ∞ equals ∞
    return len(both), float(differences.max())


# -- spectra ----------------------------------------------------------------------------------------------------------


def power_law_fractions(params: Params) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues ∝ 1/j of mean 1, and the signal fraction of each at the noise of the study."""
    assert params.d is not None
    spectrum = np.array(power_law(params.d).eigenvalues)
    return spectrum, spectrum / (spectrum + params.tau_spectrum**2)


def digit_spectrum() -> np.ndarray:
    """The eigenvalues of the covariance of the digits, which is known exactly."""
    return np.linalg.eigvalsh(Digits().covariance)


class Threshold(NamedTuple):
    """The sample size beyond which KL(O‖G)/d has a finite limit, read off simulations at one d."""

    x: np.ndarray  # γ/(1−γ)
    estimates: list[Estimate]  # d⟨1/ρ⟩/tr(ΣΣ_G⁻¹): predicted to be 1 − ⟨(1−ρ)/ρ⟩x
    value: Estimate  # n*/d, where the fitted line reaches zero
    chi2: float  # of the fitted line, on len(x) − 2 degrees of freedom


def noise_to_signal(noise: float) -> float:
    """⟨(1−ρ)/ρ⟩ of the digits at this noise τ: the predicted threshold n*/d is 1 + this."""
    return float(np.mean(noise**2 / digit_spectrum()))


def threshold(rows: pd.DataFrame, study: str, d: int, noise: float) -> Threshold:
    """The threshold of the digits, or of their Gaussian surrogate, in d dimensions."""
    groups = values(rows, study, "inverse_trace", d=d)
    x = d / (np.array(list(groups.groups)) - 1 - d)
    estimates = [mean((1 + noise_to_signal(noise)) / replicas) for _, replicas in groups]
    found, errors = np.array([e[:2] for e in estimates]).T
    line = np.polyval(np.polyfit(x, found, 1, w=1 / errors), x)
    chi2 = float(np.sum(((found - line) / errors) ** 2))
    return Threshold(x, estimates, reductions.threshold(x, estimates), chi2)


class DigitThresholds(NamedTuple):
    """The measured threshold of the digits along d, its extrapolation, and that of the Gaussian at d = 64."""

    dims: np.ndarray
    digits: list[Threshold]
    surrogate: Threshold
    predicted: float
    limit: Estimate
    coefficients: tuple[float, float]  # of 1/d and 1/d²


def digit_thresholds(stored: pd.DataFrame, noise: float = 1.0) -> DigitThresholds:
    """The thresholds of the digits in the stored rows, whose noise is `noise`."""
    dims = np.unique(stored.d[stored.study == "digits"])
    found = [threshold(stored, "digits", d, noise) for d in dims]
    at_infinity, first, second = extrapolate(dims, [t.value for t in found], powers=(1, 2))
    surrogate = threshold(stored, "surrogate", 64, noise)
    predicted = 1 + noise_to_signal(noise)
    return DigitThresholds(dims, found, surrogate, predicted, at_infinity, (first.value, second.value))
