"""Chapter 2: when has a diffused law forgotten its data, and how wrong is a linear score on the way?"""

from theory.relaxation.gaussian import information_time, relaxation_kl, relaxation_time, spectral_relaxation_time
from theory.relaxation.late_time import late_score_error, taylor_score_error, tilted_mean, tilted_variance
from theory.relaxation.mixture import (
    linear_score_time,
    mixture_information_time,
    mixture_negentropy,
    mixture_relaxation_kl,
    mixture_taylor_error,
)

__all__ = [
    "information_time",
    "late_score_error",
    "linear_score_time",
    "mixture_information_time",
    "mixture_negentropy",
    "mixture_relaxation_kl",
    "mixture_taylor_error",
    "relaxation_kl",
    "relaxation_time",
    "spectral_relaxation_time",
    "taylor_score_error",
    "tilted_mean",
    "tilted_variance",
]
