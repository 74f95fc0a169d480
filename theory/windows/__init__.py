"""Windows: how much of a picture should a denoiser see?

`chain` has what a window of a chain of pixels loses and tells, and where n windows are all told apart; `counted` how
many of n windows have a part in a posterior mean, and what it loses by that.
"""

from theory.windows.chain import window_error, window_information, window_size
from theory.windows.counted import effective_sample_size, sampling_excess

__all__ = [
    "effective_sample_size",
    "sampling_excess",
    "window_error",
    "window_information",
    "window_size",
]
