"""Distances between laws, point sets and denoisers."""

from memgen.measures.copies import (
    DataCopying,
    Neighbours,
    authenticity,
    closest_record_share,
    data_copying,
    nearest_ratio,
)
from memgen.measures.denoisers import Fractions, fractions
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
    combine,
    kernel_estimate,
    kernel_l2_delta,
    log_cross,
    log_overlaps,
    points_l2_delta,
)
from memgen.measures.marginals import MarginalEstimate, marginal_distance, marginal_estimate
from memgen.measures.nearest import nearest
from memgen.measures.points import mmd2, wasserstein2
from memgen.measures.position import Position, position

__all__ = [
    "DataCopying",
    "Delta",
    "Fractions",
    "KernelEstimate",
    "MarginalEstimate",
    "Neighbours",
    "Position",
    "authenticity",
    "closest_record_share",
    "combine",
    "data_copying",
    "factor",
    "fractions",
    "hellinger2",
    "kernel_estimate",
    "kernel_l2_delta",
    "kl",
    "l2_squared",
    "log_affinity",
    "log_cross",
    "log_overlap",
    "log_overlaps",
    "marginal_distance",
    "marginal_estimate",
    "mmd2",
    "nearest",
    "nearest_ratio",
    "points_l2_delta",
    "position",
    "wasserstein2",
    "wasserstein2_squared",
]
