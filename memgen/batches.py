"""Replicas a few at a time, so that their tensors stay in cache, and in memory that is not handed back each time."""

from collections.abc import Iterator

NUMBERS = 400_000  # in one tensor of a batch: a few megabytes


def batches(replicas: int, numbers: int) -> Iterator[range]:
    """The ranges that 0 … `replicas` − 1 falls into when each replica has so many numbers in a tensor."""
    size = max(1, NUMBERS // numbers)
    for start in range(0, replicas, size):
        yield range(start, min(start + size, replicas))
