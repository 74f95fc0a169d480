"""How many digits each formula states in float64: 12 of its value, but for those below.

Most of these are differences: near a phase boundary, a pole or a value of 0 what is left has fewer digits than the
terms. A bound is relative, or absolute, or the sum of both; it may depend on the point. It grows without bound where a
difference is 0 to rounding: there float64 has no digits.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

Point = dict[str, Any]  # arguments by name, a spectrum as a list

USUAL = 1e-12
SMALLEST = 2.3e-308  # about the smallest float that has all digits


class Stated(NamedTuple):
    """What is stated in words, and as bounds on the relative and the absolute error at a point."""

    words: str
    relative: Callable[[Point], float] = lambda p: USUAL
    absolute: Callable[[Point], float] = lambda p: 0.0


def allowed(name: str, kind: str, point: Point, reference: float) -> float:
    """The relative error stated for a formula at a point where it has this value; its logarithm has the same bound.

    It is ∞ where no digit is known (above 1), such as next to a pole; for a logarithm where less than one is (above
    0.1).
    """
    stated = STATED.get(name)
    if stated is None:
        return USUAL
    with np.errstate(all="ignore"):
        absolute = stated.absolute(point)
        found = float(stated.relative(point) + absolute / max(abs(reference), SMALLEST))
    return np.inf if found > (0.1 if kind == "log" else 1) else found


def _absolutely(size: float, words: str) -> Stated:
    return Stated(f"{words}: to {size:.0e} absolutely", absolute=lambda p: size)


def _over(gap: float) -> float:
    """The relative error of a difference of this size if its terms are rounded at size 1."""
    return 4e-16 / abs(gap) if gap else np.inf


def _mean(values: Any) -> float:
    return float(np.mean(np.asarray(values, float)))


def _spare(p: Point) -> float:
    """1 − γ⟨1/ρ⟩, the denominator of the inverse trace of generated laws."""
    return 1 - p["gamma"] * _mean(1 / np.asarray(p["fractions"]))


def _left(p: Point) -> float:
    """The difference 1 − γ⟨s/(s+λ)⟩, where λ is tau2."""
    s = np.asarray(p["sample"], float)
    return (1 - p["gamma"]) + p["gamma"] * _mean(p["tau2"] / (s + p["tau2"]))


def _pole_of_logarithm(terms: float, gap: float) -> float:
    """The error of ln gap, where gap is a difference of 1 and terms of this size; ∞ if it is 0.1 or more."""
    error = 1e-14 + (1 + terms) * _over(gap)
    return error if error < 0.1 else np.inf


def _outside(p: Point) -> float:
    """The difference 1 − Q n/(n−1)², which is 0 at the largest Q."""
    return 1 - p["mahalanobis"] * p["n"] / (p["n"] - 1) ** 2


def _pole(p: Point) -> float:
    return USUAL + _over((p["n"] - p["d"] - 2) / p["n"]) + _over((p["n"] - p["d"]) / p["n"])


def _peak(p: Point) -> float:
    return 10 * _over(abs(1 - p["features"] / (p["samples"] * p["noises"])) + p["ridge"] ** 0.5)


STATED: dict[str, Stated] = {
    "mp_density": Stated("next to an edge of the spectrum to 11 digits", lambda p: 1e-11),
    "spacing_slope": Stated(
        "fewer next to the pole at ζ = −1: 1e-12 + 3e-14/(1+ζ)", lambda p: USUAL + 3e-14 / (1 + p["spacing"])
    ),
    "renormalised_noise": Stated("one digit less for each power of 10 in γ", lambda p: USUAL + 1e-15 * p["gamma"]),
    "excess_entropy": _absolutely(1e-14, "one less I/ln n"),
    "participation": _absolutely(1e-14, "0 where condensation ends"),
    "quenched_ratio": Stated("0 at the collapse: to 1e-14 (1+α)", absolute=lambda p: 1e-14 * (1 + p["alpha"])),
    "linear_score_time": Stated(
        "a time after e^{2t} = 1: to 1e-14 (1+σ²)", absolute=lambda p: 1e-14 * (1 + p["sigma"] ** 2)
    ),
    "denoiser_error": Stated(
        "fewer digits towards its pole, n·m = d; one less for each power of 10 in γ",
        lambda p: USUAL + 1e-15 * p["gamma"] + 10 * _over(1 - p["gamma"] / p["noises"]),
    ),
    "features_train_loss": _absolutely(1e-14, "what is left of 1"),
    "features_test_loss": Stated(
        "what is left of 1, to 1e-14 absolutely; fewer digits at its peak, p = n·m, the smaller the ridge",
        lambda p: USUAL + _peak(p),
        lambda p: 1e-14,
    ),
    "features_noise_variance": Stated(
        "fewer digits at its peak, p = n·m, the smaller the ridge", lambda p: USUAL + _peak(p)
    ),
    "features_bias": _absolutely(1e-14, "0 between not learnt yet and learnt too well"),
    **dict.fromkeys(
        ("autoencoder_error", "autoencoder_variance"),
        Stated(
            "fewer digits for one noised point without weight decay",
            lambda p: USUAL + _over(p["n"] * p["noises"] - 1 + p["weight_decay"]),
        ),
    ),
    "subspace_logdet": _absolutely(1e-14, "a sum of logarithms"),
    "kl_subspace": Stated(
        "a sum of logarithms, and the pole at γ = 1: to 1e-14/(1−γ)", absolute=lambda p: 1e-14 / (1 - p["gamma"])
    ),
    "shifted_logdet": _absolutely(1e-14, "a sum of logarithms"),
    "log_affinity": _absolutely(1e-14, "a sum of logarithms"),
    "hellinger2": Stated("one less e^{d log_affinity}: to 1e-14 d", absolute=lambda p: 1e-14 * p["d"]),
    "cross_overlap": _absolutely(1e-14, "a sum of logarithms"),
    "generated_logdet_spectrum": _absolutely(1e-14, "a sum of logarithms"),
    "kl_generated_true_spectrum": Stated(
        "a sum of logarithms, and the pole at γ = 1: to 1e-14/(1−γ)", absolute=lambda p: 1e-14 / (1 - p["gamma"])
    ),
    "kl_true_generated_spectrum": Stated(
        "fewer digits towards its pole, γ⟨1/ρ⟩ = 1", lambda p: USUAL + _over(_spare(p))
    ),
    "generated_trace": Stated("fewer digits towards its poles, n = d and d + 2", _pole),
    "generated_mean_error": Stated("fewer digits towards its poles, n = d and d + 2", _pole),
    "kl_multistep_reverse": Stated("fewer digits towards its poles, n = d and d + 2", _pole),
    "membership_auc_sampled": Stated(
        "fewer digits towards n_G = d + 1",
        lambda p: USUAL + _over((p["n_generated"] - p["d"] - 1) / p["n_generated"]),
    ),
    "information_estimate": Stated(
        "fewer digits towards γ⟨s/(s+λ)⟩ = 1, none where that is reached to rounding",
        absolute=lambda p: len(p["sample"]) * (1 + 1 / p["gamma"]) * _pole_of_logarithm(p["gamma"], _left(p)),
    ),
    "membership_ratio": Stated(
        "fewer digits towards the largest Q_G",
        absolute=lambda p: 1e-14 * (p["mahalanobis_true"] + p["n"]) + p["n"] * _over(_outside(p)),
    ),
    "place_entropy": Stated(
        "less the ln 2 of the point itself: to 1e-14 a place", absolute=lambda p: 1e-14 * len(p["steps2"])
    ),
    "early_stopped_fraction": _absolutely(1e-14, "a mean of both signs"),
    "early_stopped_error": _absolutely(1e-20, "a mean of squares of differences"),
    "membership_auc": _absolutely(1e-12, "an inversion of characteristic functions"),
    "overlap_probability": _absolutely(1e-11, "an inversion of characteristic functions"),
    "null_probability": Stated(
        "an inversion of characteristic functions: to 1e-11 + 1e-18 n",
        absolute=lambda p: 1e-11 + 1e-18 * max(p["n"], p["n_original"]),
    ),
    "ou_score": Stated("0 below 1e-300", absolute=lambda p: 1e-300),
    "memorized_fraction": Stated("0 below 1e-250", absolute=lambda p: 1e-250),
    "mp_resolvent": Stated("its logarithm, at γ → 1, to 11 digits", lambda p: 1e-11),
    "kde_mise": Stated("an exponent of order d: to 1e-14 d", lambda p: USUAL + 1e-14 * p["d"]),
}
