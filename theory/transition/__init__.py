"""Chapter 4: when is the generated law nearer to fresh data than to its training set?"""

from theory.transition.condensed import (
    condensed_probability,
    condensed_probability_spectrum,
    overlap_samples,
    stable_excess,
)
from theory.transition.distances import bisector, cross_overlap, distance_original
from theory.transition.influence import leave_one_out, memorized_fraction
from theory.transition.limits import clt_threshold, overlap_clt
from theory.transition.overlap import annealed_gap, null_probability, overlap_probability

__all__ = [
    "annealed_gap",
    "bisector",
    "clt_threshold",
    "condensed_probability",
    "condensed_probability_spectrum",
    "cross_overlap",
    "distance_original",
    "leave_one_out",
    "memorized_fraction",
    "null_probability",
    "overlap_clt",
    "overlap_probability",
    "overlap_samples",
    "stable_excess",
]
