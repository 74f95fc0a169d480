"""Speed of the linear chapter: closed forms on grids, the renormalised noise, least squares in batches.

Prints and never asserts. Each figure is the median of several repetitions, and each ratio is between two things
timed in turn in this same run: absolute times depend on the machine and on what else it does.
"""

import resource

import numpy as np
import torch
from _timing import alternate, compare, report

from memgen.denoisers.linear import generated, representation
from theory.linear import kl_generated_true
from theory.spectra import renormalised_noise

D, N, RHO = 64, 256, 0.5
BATCH = 8  # replicas at once: two megabytes of data, and as much for what is made of them
REPLICAS = 10_000


def closed_form() -> None:
    gamma, rho = np.linspace(0.001, 1.2, 1000)[:, None], np.linspace(0.001, 1, 1000)
    grid = gamma * rho
    turns = alternate(lambda: kl_generated_true(gamma, rho), lambda: np.log(grid), 9)
    compare("kl_generated_true, 1000 × 1000 points", "one logarithm of such a grid", turns)


def noise_levels() -> None:
    levels, spectrum = np.geomspace(1e-6, 1e3, 100_000), np.geomspace(1e-3, 10, 1000)

    def one_pass() -> None:
        for part in np.split(levels, 1000):
            np.mean(spectrum / (spectrum + part[:, None]), axis=-1)

    turns = alternate(lambda: renormalised_noise(levels, spectrum, 0.5), one_pass, 5)
    compare("renormalised_noise, 10⁵ levels, 10³ eigenvalues", "one pass of 10⁸ s/(s + κ)", turns)


def least_squares() -> None:
    """Gram and cross 4nd², refinement 4nd², Cholesky d³/3, two solves 4d³, BBᵀ 2d³, against UᵀU of that shape."""
    rng = np.random.default_rng(0)
    x = torch.from_numpy(rng.standard_normal((4, BATCH, N, D)))  # four batches, taken in turn
    u = x + torch.from_numpy(rng.standard_normal(x.shape))
    rounds, repetitions = REPLICAS // (4 * BATCH * 25), 25

    def fits() -> None:
        for _ in range(rounds):
            for x_batch, u_batch in zip(x, u, strict=True):
                generated(x_batch, u_batch, 1.0)

    def products() -> None:
        for _ in range(rounds):
            for u_batch in u:
                torch.matmul(u_batch.mT, u_batch)

    turns = alternate(fits, products, repetitions)
    done = rounds * 4 * BATCH
    flop = 8 * N * D**2 + D**3 / 3 + 6 * D**3
    ours, _ = turns.medians()
    compare(
        f"generated, batches of {BATCH} replicas, n = {N}, d = {D}",
        "UᵀU alone, by operations",
        turns,
        work=flop / (2 * N * D**2),
        goal=0.5,
        more=f"{ours / done * REPLICAS:.2f} s per 10⁴, {done * flop / ours / 1e9:.1f} GFLOP/s",
    )


def exact_law() -> None:
    rng, batch = np.random.default_rng(0), 50

    def draw() -> None:
        for _ in range(1000 // batch):
            representation(N, D, RHO, batch, rng)

    def normals() -> None:
        for _ in range(1000 // batch):
            rng.standard_normal((2, batch, D, D))

    compare(f"representation, 1000 draws, d = {D}", "drawing its normals", alternate(draw, normals, 9))


if __name__ == "__main__":
    for benchmark in (closed_form, noise_levels, least_squares, exact_law):
        benchmark()
    report("peak memory", f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB")
