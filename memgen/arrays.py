"""What is asked of arrays that come from outside; the message names the array."""

from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

Array = TypeVar("Array", np.ndarray, Tensor)


def finite(name: str, values: Array) -> Array:
    """The values. Raises ValueError if one is infinite or not a number."""
    if isinstance(values, Tensor):  # its extremes: without copies of what may be a large part of the memory
        fine = values.numel() == 0 or bool(torch.isfinite(torch.stack(values.aminmax())).all())
    else:
        fine = bool(np.isfinite(values).all())
    if not fine:
        raise ValueError(f"{name} holds a value that is not finite")
    return values


def points(name: str, values: Array, least: int = 1) -> Array:
    """The values. Raises ValueError if they are not at least so many points (n, d), all of them finite."""
    if values.ndim != 2 or values.shape[0] < least or values.shape[1] < 1:
        raise ValueError(f"{name} must be (n, d) with n ≥ {least} and d ≥ 1, got shape {tuple(values.shape)}")
    return finite(name, values)


def positive(name: str, value: float) -> float:
    """The value. Raises ValueError if it is not positive and finite."""
    if not 0 < value < float("inf"):
        raise ValueError(f"{name} must be positive and finite, got {value}")
    return value
