"""Chapter 6: by which criterion? What each says of a perfect generator, and where it turns on the linear one."""

from theory.criteria.distances import (
    consistency_samples,
    model_similarity,
    record_similarity,
    wasserstein_samples,
    wasserstein_training,
    wasserstein_truth,
)
from theory.criteria.flags import flagged_samples, linear_flag_rate, pair_flag_rate
from theory.criteria.likelihood import best_kernel_divergence, best_kernel_samples
from theory.criteria.nulls import authpct_null, closest_record_null, data_copying_deviation, null_flag_rate
from theory.criteria.records import closest_record_limit, closest_record_share, training_distance
from theory.criteria.transitions import (
    closest_record_crossing,
    membership_crossing,
    membership_known_crossing,
    overlap_crossing,
    transitions,
)

__all__ = [
    "authpct_null",
    "best_kernel_divergence",
    "best_kernel_samples",
    "closest_record_crossing",
    "closest_record_limit",
    "closest_record_null",
    "closest_record_share",
    "consistency_samples",
    "data_copying_deviation",
    "flagged_samples",
    "linear_flag_rate",
    "membership_crossing",
    "membership_known_crossing",
    "model_similarity",
    "null_flag_rate",
    "overlap_crossing",
    "pair_flag_rate",
    "record_similarity",
    "training_distance",
    "transitions",
    "wasserstein_samples",
    "wasserstein_training",
    "wasserstein_truth",
]
