"""Chapter 1: the kernel estimate of a point set, and what the paper's L2 criterion can say with it."""

from theory.kernel.estimate import best_width, kde_mise, kernel_width, pair_overlap, self_overlap
from theory.kernel.neighbours import (
    collapse_width,
    intrinsic_ratio,
    isolated_samples,
    neighbour_ratio,
    neighbour_spread,
)
from theory.kernel.outliers import (
    dispersion,
    inlier_collapse_width,
    local_collapse_width,
    local_information,
    outlier_collapse_width,
)
from theory.kernel.random_energies import condensation, condensed_gain, participation, quenched_ratio

__all__ = [
    "best_width",
    "collapse_width",
    "condensation",
    "condensed_gain",
    "dispersion",
    "inlier_collapse_width",
    "intrinsic_ratio",
    "isolated_samples",
    "kde_mise",
    "kernel_width",
    "local_collapse_width",
    "local_information",
    "neighbour_ratio",
    "neighbour_spread",
    "outlier_collapse_width",
    "pair_overlap",
    "participation",
    "quenched_ratio",
    "self_overlap",
]
