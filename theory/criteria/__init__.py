"""Chapter 6: what do the criteria of memorization in use say of a perfect generator, and of others?"""

from theory.criteria.nulls import authpct_null, closest_record_null, data_copying_deviation, null_flag_rate
from theory.criteria.records import closest_record_limit, closest_record_share, training_distance

__all__ = [
    "authpct_null",
    "closest_record_limit",
    "closest_record_null",
    "closest_record_share",
    "data_copying_deviation",
    "null_flag_rate",
    "training_distance",
]
