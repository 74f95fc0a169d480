"""Speed of chapter 12: training sets whose points are noised several times, and the law of their error.

Prints and never asserts. Each ratio is between two things timed in turn in this same run.
"""

import numpy as np
import torch
from _timing import alternate, compare, report

from memgen.denoisers.linear import noised_slopes
from theory.dimension import denoiser_error

SETS, D, POINTS, NOISES = 1000, 64, 128, 16


def simulation() -> None:
    """Slopes of 10³ sets, against the two batched products that noised points cannot do without, their noise not even
    drawn: UᵀU and UᵀX of n·m rows. Slopes are drawn from sufficient statistics, which need only n rows."""
    rng = np.random.default_rng(0)
    x = torch.from_numpy(rng.standard_normal((SETS, POINTS, D)))
    part = torch.from_numpy(rng.standard_normal((SETS // 20, POINTS * NOISES, D)))

    def products() -> None:
        for _ in range(20):
            part.mT @ part
            part.mT @ part

    turns = alternate(lambda: noised_slopes(x, 0.7, NOISES, rng), products, 7)
    case = f"{SETS} sets of {POINTS} points in {D} dimensions, {NOISES} noises each"
    compare(case, "the batched products of the noised points", turns, goal=0.5)
    once = alternate(lambda: noised_slopes(x, 0.7, 1, rng), lambda: x.mT @ x, 7)
    compare(f"{SETS} sets of {POINTS} points, one noise each", "one batched product of the points", once)


def law() -> None:
    """The error at a hundred ratios d/n for a thousand eigenvalues, against one pass of divisions a root step."""
    spectrum = 1 / np.arange(1.0, 1001)
    ratios = np.linspace(0.1, 3.0, 100)
    grid = np.random.default_rng(0).random((100, 1000)) + 0.5
    turns = alternate(lambda: denoiser_error(ratios, 4, 0.01, spectrum), lambda: 1 / grid, 11)
    compare("denoiser_error, 100 ratios, 1000 eigenvalues", "one pass of divisions", turns)
    report("of which a ratio takes", f"{10 * turns.medians()[0]:.2f} ms")


if __name__ == "__main__":
    simulation()
    law()
