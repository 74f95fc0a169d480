"""Time to compute every criterion: one run at each size, and the predictions, from 16 to 400 dimensions.

Prints and never asserts. The ceiling is the matrix product of all points with the generated ones, which every criterion
that asks for neighbours needs three times over.
"""

import time

import numpy as np
import torch
from _timing import Turns, compare, report

from memgen.experiments.criteria import Cell, Params, cell, grid
from memgen.figures.criteria.crossings import predicted

SIZES = (16, 36, 64, 100, 256, 400)


def runs() -> float:
    total = products = 0.0
    for d in SIZES:
        cells = [at._replace(replicas=1) for at in grid(Params(sizes=(d,), largest=2.0))]
        turns = [(simulated(at), bare(at)) for at in cells]
        seconds, product = (sum(column) for column in zip(*turns, strict=True))
        report(
            f"one run at {len(cells)} sizes, d = {d}", f"{seconds:.2f} s, {seconds / product:.0f} times the products"
        )
        total += seconds
        products += product
    what = f"one run of all criteria at all sizes, d = {SIZES[0]} to {SIZES[-1]}"
    compare(what, "three products with the generated points", Turns([total], [products]))
    return total


def simulated(at: Cell) -> float:
    start = time.perf_counter()
    cell(at)
    return time.perf_counter() - start


def bare(at: Cell) -> float:
    x, y = np.ones((at.n, at.d)), np.ones((at.generated, at.d))
    start = time.perf_counter()
    for _ in range(3):
        y @ x.T
    return time.perf_counter() - start


if __name__ == "__main__":
    torch.set_num_threads(1)
    cell(Cell("isotropic", 16, 8, 1, 100, 0))  # everything is imported
    total = runs()
    start = time.perf_counter()
    for d in SIZES:
        predicted(float(d))
    seconds = time.perf_counter() - start
    report("predictions of all criteria", f"{seconds:.1f} s")
    report("all of it", f"{total + seconds:.0f} s")
