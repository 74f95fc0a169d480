"""One generator, ten criteria: the number of samples at which each of them turns; `transitions` has seven at once.

The generator is linear, its points isotropic with σ = τ = 1.  It is sampled in many steps, G = N(x̄, S), except where
KL(O‖G) is asked for: that is infinite up to a threshold of its own only if it is sampled in one step.
"""

from collections.abc import Callable

import numpy as np
from scipy.optimize import brentq, root_scalar
from scipy.special import logit, ndtri

from theory.core.parts import DomainError
from theory.criteria.distances import consistency_samples, wasserstein_samples
from theory.criteria.flags import flagged_samples
from theory.criteria.likelihood import best_kernel_samples
from theory.criteria.records import closest_record_share
from theory.kernel.estimate import kernel_width
from theory.linear.spectrum import likelihood_threshold
from theory.membership import membership_auc
from theory.transition.condensed import overlap_samples
from theory.transition.overlap import overlap_probability

LEVEL = 0.25  # the P(⟨G,H⟩ > ⟨G,T⟩) that counts as turned: half of its value without memory
_QUADRATURE = 512  # dimensions, from which the law of condensed sums takes over


def overlap_crossing(d: float, level: float = LEVEL) -> float:
    """The n at which P(⟨G,H⟩ > ⟨G,T⟩) is `level`, at the paper's kernel width n^{−1/d}: 4 digits, up to a few seconds.

    By the quadrature `overlap_probability` below 512 dimensions, by the limit `overlap_samples` from there on.  Raises
    DomainError for d < 16, where the quadrature is no guide, and ValueError unless 0 < level < ½.
    """
    _dimensions("overlap_crossing", d, 16)
    if not 0 < level < 0.5:
        raise ValueError(f"overlap_crossing: level = {level:g} is outside (0, 1/2)")
    start = float(np.log(3 * d**1.5))
    if d >= _QUADRATURE:
        found = start
        for _ in range(50):
            last, found = found, float(np.log(overlap_samples(level, d, _sharpness(found, d))))
            if abs(found - last) < 1e-9:
                break
        return float(np.exp(found))

    def excess(log_n: float) -> float:
        return float(logit(overlap_probability(np.exp(log_n), d, _sharpness(log_n, d))) - logit(level))

    return float(np.exp(root_scalar(excess, x0=start, x1=start - 0.5, method="secant", xtol=1e-4).root))


def _sharpness(log_n: float, d: float) -> float:
    return float(1 / (1 + kernel_width(np.exp(log_n), d) ** 2))


def closest_record_crossing(d: float, level: float = 1 - LEVEL) -> float:
    """The n at which a share `level` of the generated points is closer to T than to a holdout as large; d ≥ 4.

    Raises DomainError on d < 4, and ValueError unless ½ < level < 1.
    """
    _asked("closest_record_crossing", d, 4, level)
    return _falls(lambda n: float(closest_record_share(n, d)), 4.0, d, level)


def membership_crossing(d: float, level: float = 1 - LEVEL) -> float:
    """The n at which an attack by the Mahalanobis distance in G = N(x̄, S) has the AUC `level`, in d dimensions.

    Raises DomainError on d < 1, and ValueError unless ½ < level < 1.
    """
    _asked("membership_crossing", d, 1, level)
    return _falls(lambda n: float(membership_auc(n, d)), d + 1 + 1e-6, d, level)


def membership_known_crossing(d: float, level: float = 1 - LEVEL) -> float:
    """The n at which the best attack by who also knows the true law has the AUC `level`: d²/4Φ⁻¹(level)², for large d.

    Raises DomainError on d < 1, and ValueError unless ½ < level < 1.
    """
    _asked("membership_known_crossing", d, 1, level)
    return float((d / (2 * ndtri(level))) ** 2)


def _dimensions(name: str, d: float, least: int) -> None:
    if not least <= d < np.inf:
        raise DomainError(f"{name}: d = {d:g} is outside [{least}, oo)")


def _asked(name: str, d: float, least: int, level: float) -> None:
    _dimensions(name, d, least)
    if not 0.5 < level < 1:
        raise ValueError(f"{name}: level = {level:g} is outside (1/2, 1)")


def _falls(value: Callable[[float], float], low: float, d: float, level: float) -> float:
    """The n at which a function of n, 1 at few points and ½ at many, falls through the level."""
    high = 2 * low + d
    while value(high) > level:
        low, high = high, 2 * high
    return float(np.exp(brentq(lambda log_n: value(np.exp(log_n)) - level, np.log(low), np.log(high), xtol=1e-4)))


def transitions(d: float) -> dict[str, float]:
    """Predicted n* of each criterion in d ≥ 16 dimensions, by the criterion's name, in their order at large d.

    Raises DomainError on d < 16.

    nearest_ratio        fewer than 1 in 1000 generated points are flagged by the ⅓ rule (d → ∞)
    wasserstein2         G is as near to its bare training points as to the truth
    two_models           two models are as alike as a generated point and its nearest training point
    kl_generated_true    KL(G‖O) is finite beyond
    kl_true_generated    KL(O‖G) of one step at noise τ = σ is finite beyond (d → ∞)
    best_kernel          fresh points are as likely under G as under the best kernel estimate
    overlap              G overlaps more with a holdout than with T in one case of four
    """
    _dimensions("transitions", d, 16)
    return {
        "nearest_ratio": float(flagged_samples()),
        "wasserstein2": float(wasserstein_samples(d)),
        "two_models": float(consistency_samples(d)),
        "kl_generated_true": float(d),
        "kl_true_generated": float(d * likelihood_threshold([1.0], 1.0)),
        "best_kernel": float(best_kernel_samples(d)),
        "overlap": overlap_crossing(d),
    }
