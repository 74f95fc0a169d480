"""The cloning experiment at d = 1024: 10⁴ pairs of clones at 19 times, against the closed form and the machine.

The score of ½N(m, I) + ½N(−m, I) is that of one normal in every direction but m, and which of the two a trajectory ends
in is decided along m alone.  So the experiment runs in one dimension, exactly; that it is the same in all 1024 is shown
by clones that are run there, through the general samplers.
"""

import time

import numpy as np
import torch
from _timing import report

from memgen.denoisers.exact import mixture
from memgen.experiments.collapse import clones
from memgen.sampling import Noise, ddim
from memgen.streams import stream
from theory.mixture import cloning_probability

DIMENSION, PAIRS, STEPS = 1024, 10_000, 800
TIMES = np.linspace(1, 8, 19)
FULL_PAIRS, FULL_STEPS, FULL_TIMES = 500, 200, (3.0, 4.0, 5.0)


def score(hits: int, pairs: int, t: float) -> float:
    exact = float(cloning_probability(t, DIMENSION**0.5))
    return (hits / pairs - exact) / (exact * (1 - exact) / pairs + 1e-9) ** 0.5


def in_full(t: float) -> int:
    """Pairs that agree, all d coordinates of both clones simulated by DDPM with the exact denoiser."""
    rng = stream("benchmark", "cloning", t)
    m = torch.ones(DIMENSION, dtype=torch.float64)
    high = float(np.sqrt(np.expm1(2 * t)))
    signs = torch.from_numpy(np.where(rng.random((FULL_PAIRS, 1)) < 0.5, -1.0, 1.0))
    u = signs * m + (1 + high**2) ** 0.5 * torch.from_numpy(rng.standard_normal((FULL_PAIRS, DIMENSION)))
    widths = np.append(np.geomspace(high, 0.01, FULL_STEPS), 0.0)
    means = torch.stack([m, -m])
    noise = Noise(np.arange(2 * FULL_PAIRS).reshape(2, FULL_PAIRS), "benchmark", "cloning", t)
    ends = ddim(lambda x, tau: mixture(x, tau, means, 1.0), u.expand(2, -1, -1), widths, 1.0, noise)
    side = (ends @ m) > 0
    return int((side[0] == side[1]).sum())


def main() -> None:
    torch.set_num_threads(2)
    start = time.perf_counter()
    z = []
    for t in TIMES:
        agreed = clones(float(t), DIMENSION**0.5, PAIRS, STEPS, stream("benchmark", "clones", float(t)))
        z.append(score(agreed, PAIRS, float(t)))
    taken = time.perf_counter() - start
    rng, drawn = np.random.default_rng(0), np.empty((2, PAIRS))
    start = time.perf_counter()
    for _ in range(100):
        rng.standard_normal(out=drawn)
    normals = (time.perf_counter() - start) / 100 * STEPS * len(TIMES)
    report(
        f"{PAIRS} pairs, {len(TIMES)} times, {STEPS} steps, d = {DIMENSION}",
        f"{taken:.1f} s, {normals / taken:.0%} of it normals; |z| ≤ {max(map(abs, z)):.1f}",
    )
    start = time.perf_counter()
    z = [score(in_full(t), FULL_PAIRS, t) for t in FULL_TIMES]
    taken = time.perf_counter() - start
    each = taken / (2 * FULL_PAIRS * FULL_STEPS * len(FULL_TIMES) * DIMENSION)
    report(
        f"all coordinates: {FULL_PAIRS} pairs, {len(FULL_TIMES)} times, {FULL_STEPS} steps",
        f"{taken:.1f} s, {1e9 * each:.1f} ns a coordinate and step; |z| ≤ {max(map(abs, z)):.1f}",
    )


if __name__ == "__main__":
    main()
