"""Speed of the linear chapter: closed forms on grids, the renormalised noise, least squares in batches.

Prints and never asserts. Each figure is the median of several repetitions, and each ratio is between two things
timed in turn in this same run: absolute times depend on the machine and on what else it does.
"""

import resource

import numpy as np
import torch
from _timing import alternate, report

from memgen.denoisers.linear import generated, representation
from theory.linear import kl_generated_true
from theory.spectra import renormalised_noise

D, N, RHO = 64, 256, 0.5
BATCH = 8  # replicas at once: two megabytes of data, and as much for what is made of them
REPLICAS = 10_000


def closed_form() -> None:
    gamma, rho = np.linspace(0.001, 1.2, 1000)[:, None], np.linspace(0.001, 1, 1000)
    grid = gamma * rho
    ours, log = alternate(lambda: kl_generated_true(gamma, rho), lambda: np.log(grid), 9)
    report("kl_generated_true, 1000 × 1000 points", f"{ours:.3f} s, {ours / log:.1f} × one logarithm of such a grid")


def noise_levels() -> None:
    levels, spectrum = np.geomspace(1e-6, 1e3, 100_000), np.geomspace(1e-3, 10, 1000)

    def one_pass() -> None:
        for part in np.split(levels, 1000):
            np.mean(spectrum / (spectrum + part[:, None]), axis=-1)

    ours, once = alternate(lambda: renormalised_noise(levels, spectrum, 0.5), one_pass, 5)
    report(
        "renormalised_noise, 10⁵ levels, 10³ eigenvalues", f"{ours:.3f} s, {ours / once:.2f} × one pass of 10⁸ s/(s+κ)"
    )


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

    ours, gemm = alternate(fits, products, repetitions)
    done = rounds * 4 * BATCH
    rate = done * (8 * N * D**2 + D**3 / 3 + 6 * D**3) / ours / 1e9
    peak = done * 2 * N * D**2 / gemm / 1e9
    report(
        f"generated, {done * repetitions} replicas, n = {N}, d = {D}",
        f"{ours / done * REPLICAS:.2f} s per 10⁴, {rate:.1f} GFLOP/s, {rate / peak:.0%} of the {peak:.1f} of UᵀU alone",
    )


def exact_law() -> None:
    rng, batch = np.random.default_rng(0), 50

    def draw() -> None:
        for _ in range(1000 // batch):
            representation(N, D, RHO, batch, rng)

    def normals() -> None:
        for _ in range(1000 // batch):
            rng.standard_normal((2, batch, D, D))

    ours, drawn = alternate(draw, normals, 9)
    report(f"representation, d = {D}", f"{10 * ours:.2f} s per 10⁴, {ours / drawn:.1f} × drawing its normals")


if __name__ == "__main__":
    for benchmark in (closed_form, noise_levels, least_squares, exact_law):
        benchmark()
    report("peak memory", f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB")
