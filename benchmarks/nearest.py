"""Speed of the nearest-neighbour search against the bare tiled matrix product that it cannot do without.

Prints and never asserts. Medians of calls made in turn, on one thread; the products are tiled as the search is.
"""

import torch
from _timing import alternate, report

from memgen.measures.nearest import _COLUMNS, _ROWS, nearest

REPETITIONS = 5


def products(y: torch.Tensor, x: torch.Tensor) -> None:
    """Y Xᵀ, a tile at a time."""
    buffer = y.new_empty(_ROWS * _COLUMNS)
    for points in y.split(_COLUMNS):
        for part in x.split(_ROWS):
            torch.mm(part, points.T, out=buffer[: len(part) * len(points)].view(len(part), len(points)))


def search(m: int, n: int, d: int) -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(n, d, generator=generator, dtype=torch.float64)
    y = torch.randn(m, d, generator=generator, dtype=torch.float64)
    ours, gemm = alternate(lambda: nearest(y, x), lambda: products(y, x), REPETITIONS)
    flop = 2e-9 * m * n * d
    report(
        f"two nearest of {n} to {m}, d = {d}",
        f"{ours:.2f} s, {flop / ours:.1f} GFLOP/s, {gemm / ours:.0%} of the {flop / gemm:.1f} of the product",
    )


if __name__ == "__main__":
    torch.set_num_threads(1)
    search(10_000, 10_000, 64)
    search(5000, 60_000, 64)
    search(10_000, 10_000, 784)
