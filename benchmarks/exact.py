"""Speed of the exact denoiser of many training points against two matrix products, which noise that is not small needs.

At small noise few points weigh, and one product in single precision finds them. Prints and never asserts. Medians of
calls made in turn; the products are tiled as the denoiser is, which is the fastest way to do them: one call for all
would write 10⁹ exponents to memory.
"""

import resource

import torch
from _timing import alternate, compare, report

from memgen.denoisers.exact import _CPU_TILE, EmpiricalBayes

POINTS, IMAGES = (100_000, 64), (5_000, 784)  # n, d
QUERIES, REPETITIONS = 10_000, 3


def products(u: torch.Tensor, x: torch.Tensor) -> None:
    """U Xᵀ and then that times X."""
    rows, columns = _CPU_TILE
    for part in u.split(rows):
        out, buffer = torch.zeros_like(part), part.new_empty(len(part) * columns)
        for points in x.split(columns):
            tile = buffer[: len(part) * len(points)].view(len(part), len(points))
            torch.mm(part, points.T, out=tile)
            out.addmm_(tile, points)


def exact(
    dtype: torch.dtype, tau: float, queries: int, shape: tuple[int, int] = POINTS, goal: float | None = None
) -> None:
    n, d = shape
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(n, d, generator=generator, dtype=torch.float64)
    u = (x[:queries] + tau * torch.randn(queries, d, generator=generator, dtype=torch.float64)).to(dtype)
    x = x.to(dtype)
    model = EmpiricalBayes(x)
    turns = alternate(lambda: model.denoise(u, tau), lambda: products(u, x), REPETITIONS)
    ours, _ = turns.medians()
    compare(
        f"denoise, {str(dtype)[6:]}, τ = {tau:g}, {queries:,} × {n:,}, d = {d}",
        "two matrix products",
        turns,
        goal=goal,
        more=f"{4e-9 * queries * n * d / ours:.1f} GFLOP/s",
    )


if __name__ == "__main__":
    exact(torch.float32, 1.0, QUERIES, goal=0.8)
    exact(torch.float64, 1.0, QUERIES, goal=0.6)
    for shape in (POINTS, IMAGES):
        exact(torch.float32, 0.1, QUERIES // 10, shape)  # below the bound for single precision
        exact(torch.float64, 1e-3, QUERIES // 10, shape)  # below the bound for products
    report("peak memory", f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB")
