"""Distances between laws and point sets, in the log domain."""

from memgen.measures.gaussians import (
    factor,
    hellinger2,
    kl,
    l2_squared,
    log_affinity,
    log_overlap,
    wasserstein2_squared,
)
from memgen.measures.kernel import (
    Delta,
    KernelEstimate,
    Position,
    combine,
    kernel_estimate,
    kernel_l2_delta,
    log_cross,
    log_overlaps,
    position,
)

__all__ = [
    "Delta",
    "KernelEstimate",
    "Position",
    "combine",
    "factor",
    "hellinger2",
    "kernel_estimate",
    "kernel_l2_delta",
    "kl",
    "l2_squared",
    "log_affinity",
    "log_cross",
    "log_overlap",
    "log_overlaps",
    "position",
    "wasserstein2_squared",
]
