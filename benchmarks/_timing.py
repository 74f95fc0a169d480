"""What the benchmarks share: calls timed in turn, and a line for each result."""

import statistics
import time
from collections.abc import Callable


def alternate(first: Callable[[], object], second: Callable[[], object], repetitions: int) -> tuple[float, float]:
    """Median seconds of two calls made in turn, after one of each that does not count."""
    times: tuple[list[float], list[float]] = ([], [])
    for repetition in range(repetitions + 1):
        for call, kept in zip((first, second), times, strict=True):
            start = time.perf_counter()
            call()
            if repetition:
                kept.append(time.perf_counter() - start)
    return statistics.median(times[0]), statistics.median(times[1])


def report(what: str, figures: str) -> None:
    print(f"{what:<62} {figures}", flush=True)
