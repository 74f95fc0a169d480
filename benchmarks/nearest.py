"""Speed of the nearest-neighbour search against the bare tiled product in single precision that it cannot do without,
and against the flat index of faiss-cpu if that is installed (`pip install faiss-cpu`).

Prints and never asserts. Medians of calls made in turn, in one process, on as many threads as `--threads` says.
"""

import argparse

import torch
from _timing import alternate, compare

from memgen.measures import nearest

REPETITIONS = 3
TILE = 512

try:
    import faiss
except ImportError:
    faiss = None


def products(y: torch.Tensor, x: torch.Tensor) -> None:
    """Y Xᵀ, a tile at a time."""
    buffer = y.new_empty(TILE * TILE)
    for points in y.split(TILE):
        for part in x.split(TILE):
            torch.mm(part, points.T, out=buffer[: len(part) * len(points)].view(len(part), len(points)))


def flat(y: torch.Tensor, x: torch.Tensor, k: int) -> None:
    """The same search by faiss: exact but for the rounding of single precision."""
    index = faiss.IndexFlatL2(x.shape[1])
    index.add(x.numpy())
    index.search(y.numpy(), k)


def search(m: int, n: int, d: int, k: int, dtype: torch.dtype = torch.float32) -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(n, d, generator=generator)
    y = torch.randn(m, d, generator=generator)
    given = y.to(dtype), x.to(dtype)
    case = f"{k} nearest of {n:,} to {m:,}, d = {d}, {str(dtype)[6:]}"
    turns = alternate(lambda: nearest(*given, k), lambda: products(y, x), REPETITIONS)
    rate = f"{2e-9 * m * n * d / turns.medians()[0]:.0f} GFLOP/s"
    compare(case, "the product of float32", turns, goal=0.8, more=rate)
    if faiss is not None:
        turns = alternate(lambda: nearest(*given, k), lambda: flat(y, x, k), REPETITIONS)
        compare(case, f"the flat index of faiss {faiss.__version__}", turns, goal=0.8, kind="code")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    threads = parser.parse_args().threads
    torch.set_num_threads(threads)
    if faiss is not None:
        faiss.omp_set_num_threads(threads)
    search(10_000, 10_000, 64, 2)
    search(10_000, 10_000, 64, 2, torch.float64)
    search(5000, 10_000, 784, 2)
    for neighbours in (2, 32):
        search(2000, 20_000, 3072, neighbours)
