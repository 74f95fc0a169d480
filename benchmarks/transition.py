"""Speed of the transition chapter: the pair sum of 10⁴ points, Δ against a set that is known, the exact Fig. 3.

Prints and never asserts. Each figure is the median of several repetitions, and each ratio is between two things
timed in turn in this same run: absolute times depend on the machine and on what else it does.
"""

import multiprocessing
import resource
import time
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import torch
from _timing import alternate, compare, report
from scipy.linalg.blas import dsyrk

from memgen.denoisers.linear import one_step
from memgen.experiments import transition
from memgen.measures import kernel_estimate, kernel_l2_delta
from memgen.runs.sweep import sweep

D, N, ORIGINAL = 100, 100, 10_000
TAU = float(np.sqrt(-np.expm1(-4)))
WORKERS, COUNTS, REPLICAS = 2, 12, 300


def points(n: int, seed: int) -> np.ndarray:
    return transition.MEAN + np.random.default_rng(seed).standard_normal((n, D))


def delta() -> None:
    train, original = points(N, 0), points(ORIGINAL, 1)
    mean, covariance = one_step(train, TAU, np.random.default_rng(2))
    known = kernel_estimate(original)
    whiten = torch.from_numpy(np.linalg.inv(np.linalg.cholesky(covariance + np.eye(D))))
    turns = alternate(lambda: kernel_l2_delta(train, known, mean, covariance), lambda: known.points @ whiten.mT, 101)
    compare(
        f"Δ, {N} points against {ORIGINAL:,} known ones, d = {D}",
        f"one product of the known ones and a {D} × {D} matrix",
        turns,
    )


def figure3() -> None:
    """All of it: every worker makes its own 30 reference sets first, which is part of the time."""
    choices = ("float64 BBt unequal one-step",)
    params = transition.Params(d=D, replicas=REPLICAS, original=ORIGINAL, choices=choices)
    cells = [cell for cell in transition.grid(params) if cell.study == "figure3"][:COUNTS]
    with ProcessPoolExecutor(WORKERS, multiprocessing.get_context("spawn"), torch.set_num_threads, (1,)) as executor:
        start = time.perf_counter()
        sweep(transition.cell, cells, executor)
        seconds = time.perf_counter() - start
    report(
        f"exact Fig. 3, d = {D}, {REPLICAS} × {len(cells)} values of n from {cells[0].n} to {cells[-1].n}",
        f"{seconds:.0f} s in {WORKERS} processes, {1e3 * WORKERS * seconds / (REPLICAS * len(cells)):.0f} ms each",
    )


def memory() -> None:
    """The largest process so far. Before the pair sum: what that is compared with needs 0.75 GiB for its result."""
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    report("peak memory of a process", f"{peak / 2**20:.2f} GiB")


def pair_sum() -> None:
    """Against the symmetric product XᵀX of the same size alone: d additions and multiplications for every pair."""
    x = points(ORIGINAL, 0)
    gram = np.zeros((ORIGINAL, ORIGINAL), order="F")  # kept: fresh pages would cost more than the product
    turns = alternate(lambda: kernel_estimate(x), lambda: dsyrk(1.0, x.T, c=gram, trans=1, overwrite_c=1), 15)
    compare(f"pair sum, {ORIGINAL:,} points, d = {D}", "the symmetric product XᵀX (dsyrk)", turns, goal=0.5)


if __name__ == "__main__":
    for benchmark in (delta, figure3, memory, pair_sum):
        benchmark()
