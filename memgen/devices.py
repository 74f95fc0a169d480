"""The device of tensors, by name, and how many replicas it computes at a time."""

from collections.abc import Iterator
from typing import Annotated, Literal

import torch
from pydantic import AfterValidator

NUMBERS = 400_000  # in one tensor of a batch: a few megabytes, which stay in cache


def _available(name: str) -> str:
    if name == "cuda" and not torch.cuda.is_available():
        raise ValueError("no CUDA device is available")
    return name


Device = Annotated[Literal["auto", "cpu", "cuda"], AfterValidator(_available)]


def resolve_device(name: str) -> torch.device:
    """The torch device of "auto" (CUDA if there is any), "cpu" or "cuda"."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(name)


def batches(replicas: int, numbers: int) -> Iterator[range]:
    """Divide 0 … `replicas` − 1 into ranges whose tensors hold about NUMBERS numbers, `numbers` for each replica."""
    size = max(1, NUMBERS // numbers)
    for start in range(0, replicas, size):
        yield range(start, min(start + size, replicas))
