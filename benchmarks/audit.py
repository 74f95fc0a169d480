"""Time and memory of a whole audit of 50,000 × 10,000 × 3,072, and the rate of its search against the bare product.

Prints and never asserts. `--scale 0.1` makes all sets so much smaller.
"""

import argparse
import resource
import sys
import time

import numpy as np
import torch
from _timing import Turns, compare, report

from memgen.audit import audit
from memgen.measures import nearest


def peak() -> float:
    """The largest memory of this process so far, in GiB."""
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kilobytes / 2**20 if sys.platform != "darwin" else kilobytes / 2**30


def product(y: np.ndarray, x: np.ndarray, tile: int = 512) -> float:
    """Seconds of Y Xᵀ, a tile at a time."""
    a, b = torch.from_numpy(y), torch.from_numpy(x)
    buffer = torch.empty(tile, tile)
    start = time.perf_counter()
    for points in a.split(tile):
        for part in b.split(tile):
            torch.mm(part, points.T, out=buffer[: len(part), : len(points)])
    return time.perf_counter() - start


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    n, m, d = (round(given.scale * size) for size in (50_000, 10_000, 3_072))
    draws = np.random.Generator(np.random.SFC64(0))
    train, generated, holdout = (draws.standard_normal((size, d), dtype=np.float32) for size in (n, m, n // 5))
    what = f"{n:,} training, {m:,} generated, {n // 5:,} held-out points, d = {d:,}"
    report(what, f"{peak():.2f} GiB before")
    few = generated[: max(m // 5, 1)]
    bare, ours = [], []
    for _ in range(2):
        bare.append(product(few, train))
        start = time.perf_counter()
        nearest(few, train, 32)
        ours.append(time.perf_counter() - start)
    rate = f"{2e-9 * len(few) * n * d / min(ours):.0f} GFLOP/s"
    case = f"32 nearest of {n:,} to {len(few):,}, d = {d:,}, {given.threads} threads"
    compare(case, "the product of float32", Turns(ours, bare), more=rate)
    start = time.perf_counter()
    found = audit(train, generated, holdout)
    report("audit", f"{time.perf_counter() - start:.0f} s, at most {peak():.2f} GiB; {found.verdict}")
    print(found.answer)
