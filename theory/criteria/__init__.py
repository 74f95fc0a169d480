"""Chapter 6: what do the criteria of memorization in use say of a perfect generator, and of others?"""

from theory.criteria.nulls import authpct_null, closest_record_null, data_copying_deviation, null_flag_rate

__all__ = [
    "authpct_null",
    "closest_record_null",
    "data_copying_deviation",
    "null_flag_rate",
]
