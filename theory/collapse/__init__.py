"""Collapse: when does the exact score of n training points take diffused samples to one of them?

`limit` has the collapse time for d → ∞, `finite` has how it is rounded in d dimensions, and `estimate` estimates the
information that it needs from data.
"""

from theory.collapse.estimate import information_estimate
from theory.collapse.finite import (
    annealed_excess,
    collapse_probability,
    mixture_excess,
    mixture_scatter,
    rounded_excess,
)
from theory.collapse.limit import collapse_time, information, nearest_is_self

__all__ = [
    "annealed_excess",
    "collapse_probability",
    "collapse_time",
    "information",
    "information_estimate",
    "mixture_excess",
    "mixture_scatter",
    "nearest_is_self",
    "rounded_excess",
]
