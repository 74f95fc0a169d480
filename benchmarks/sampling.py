"""Speed of chapter 9: divergences after finitely many steps, the best levels for a spectrum, and the samplers.

Prints and never asserts. Each ratio is between two things timed in turn in this same run.
"""

import numpy as np
import torch
from _timing import alternate, compare, report

from memgen.denoisers.levels import best_levels, spaced
from memgen.denoisers.sampling import ddim
from theory.sampling import SpectralFilter, filtered_kl
from theory.sampling.filters import marchenko_pastur

STEPS, EIGENVALUES = 50, 1000


def divergence() -> None:
    """KL(G‖O)/d at finite n and K, against the one logarithm of (nodes × steps) numbers that it cannot do without."""
    run = SpectralFilter(tuple(spaced(80.0, 0.002, STEPS, 6 / 7)))
    nodes = len(marchenko_pastur(0.5)[0])
    grid = np.random.default_rng(0).random((nodes, STEPS)) + 0.5
    turns = alternate(lambda: filtered_kl(0.5, run), lambda: np.log(grid), 101)
    compare(f"KL(G‖O)/d, d = n/2, {STEPS} steps", f"one logarithm of {nodes} × {STEPS} numbers", turns)
    report("of which one takes (goal: 5 ms)", f"{1e3 * turns.medians()[0]:.2f} ms")


def levels() -> None:
    """Newton's method for the levels, against one pass of tangents over (eigenvalues × steps) numbers."""
    spectrum = 1 / np.arange(1.0, EIGENVALUES + 1)
    grid = np.random.default_rng(0).random((EIGENVALUES, STEPS))
    turns = alternate(lambda: best_levels(spectrum, 80.0, 0.002, STEPS), lambda: np.tan(grid), 11)
    compare(f"best_levels, {STEPS} steps, {EIGENVALUES} eigenvalues", "one pass of tangents", turns)
    report("which takes (goal: 5 s)", f"{turns.medians()[0]:.3f} s")


def sampler() -> None:
    """DDIM with a linear denoiser, against its arithmetic in place: four passes over the state a step."""
    spectrum = torch.linspace(0.1, 3, 64, dtype=torch.float64)
    state = torch.randn(4096, 64, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    widths = spaced(20.0, 0.05, STEPS, 6 / 7)

    def passes() -> None:
        u = state.clone()
        for _ in range(STEPS):
            for _ in range(4):
                u.mul_(0.99)

    turns = alternate(lambda: ddim(lambda u, tau: spectrum / (spectrum + tau**2) * u, state, widths), passes, 21)
    compare(f"DDIM, {STEPS} steps of 4096 × 64", "four passes over the state a step", turns)


if __name__ == "__main__":
    divergence()
    levels()
    sampler()
