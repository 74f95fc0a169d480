"""From simulated means at several sizes to one number; the checks and the figures of the chapter both use these."""

from collections.abc import Sequence

import numpy as np

from memgen.statistics import Estimate, extrapolate, fit, zero_of_line
from theory.linear import logdet_correction

# How much of the logarithmic correction of ln det Σ_G a measure carries.
SHARE_OF_LOGDET = {"logdet": 1.0, "kl_generated_true": -0.5, "log_affinity": 0.25}


def limit(sizes: Sequence[int], estimates: Sequence[Estimate], gamma: float, rho: float, share: float) -> Estimate:
    """The limit d → ∞ of estimates per dimension, with a share of the logarithmic correction taken off first."""
    corrected = [
        estimate._replace(value=estimate.value - share * float(logdet_correction(d, gamma, rho)))
        for d, estimate in zip(sizes, estimates, strict=True)
    ]
    return extrapolate(np.array(sizes), corrected, powers=(1, 2) if len(sizes) > 3 else (1,))[0]


def coefficient_of_log(sizes: Sequence[int], estimates: Sequence[Estimate], powers: tuple[int, ...] = ()) -> Estimate:
    """The coefficient of ln d in a weighted fit with a constant and these inverse powers of d beside it."""
    d = np.array(sizes, float)
    design = np.stack([np.log(d), np.ones_like(d), *(d**-p for p in powers)], axis=1)
    coefficients, covariance = fit(design, list(estimates))
    return Estimate(float(coefficients[0]), float(covariance[0, 0] ** 0.5))


def threshold(x: np.ndarray, inverses: Sequence[Estimate]) -> Estimate:
    """n*/d from d/tr(ΣΣ_G⁻¹), a straight line in x = γ/(1−γ) that reaches zero at n* = d(1 + 1/x)."""
    zero = zero_of_line(x, list(inverses))
    return Estimate(1 + 1 / zero.value, zero.error / zero.value**2)
