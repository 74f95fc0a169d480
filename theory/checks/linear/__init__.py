"""The linear one-step model against least squares on fresh data.

Exact formulas are met at small sizes; limits are met by extrapolation in 1/d, with the logarithmic correction of the
fluctuating phase (`logdet_correction`) taken off first and itself checked by its slope in ln d.
"""

from theory.checks.linear import exact, fluctuations, hard_edge, isotropic, noises, spectrum

CHECKS = [
    *exact.CHECKS,
    *isotropic.CHECKS,
    *fluctuations.CHECKS,
    *hard_edge.CHECKS,
    *spectrum.CHECKS,
    *noises.CHECKS,
]
