"""Speed of the cloning experiment of Biroli et al. 2024: two reverse diffusions from one x_t, do they end in one class?

Data ½N(m, I) + ½N(−m, I), |m|² = d = 1024, 10⁴ pairs, 19 times from 1 to 8, the exact score. Prints and never asserts.

Reduced: along m alone, where alone the score is not that of one normal; exact by the symmetry about m. As in chapter 8.

In full: all coordinates, by memgen.denoisers.sampling. A pair is a trunk, started at t = 8 with the exact noised law,
and at each time a branch that leaves it. The class is read at t = 1.4, where it is certain (the least log-odds is
printed), so that the last two times need no branch. The trunk is one of the two clones of all times: 18 runs do for
34, and z-values of different times are correlated. Steps are equal in arctan(τ/16), 0.03 apiece: 52 for the trunk, 37
for a branch on average, by Heun's rule with the noise of DDPM. What they add to the agreement is, by quadrature along
m, at most 0.0006, and at no time half of a standard error of 10⁴ pairs. DDPM in the same steps adds 0.010."""

import math
import resource
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import torch
from _timing import Turns, compare, report

from memgen.denoisers.levels import equal_angle
from memgen.denoisers.sampling import Noise, heun
from memgen.experiments.collapse import clones
from memgen.laws.process import noise_variance
from memgen.statistics import threshold
from memgen.streams import stream
from theory.mixture import cloning_probability

D, PAIRS, THREADS = 1024, 10_000, 2
TIMES = np.linspace(8, 1, 19)
STEPS = 800  # of the reduced trajectories: preset standard
ANGLE, SCALE = 0.03, 16.0  # of a step in full
CHUNK = 256  # pairs at once: a state is two megabytes
NORMALS = 1000 * CHUNK * D  # drawn to time the machine
M = torch.ones(D, dtype=torch.float64)
WIDTHS = [math.sqrt(noise_variance(t)) for t in TIMES]


def denoise(u: torch.Tensor, tau: float) -> torch.Tensor:
    """`memgen.denoisers.exact.mixture` of two means, in three passes instead of twenty."""
    v = tau**2
    side = torch.tanh(u @ M / (1 + v)).mul_(v / (1 + v))
    return torch.outer(side, M).add_(u, alpha=1 / (1 + v))


def gaps() -> list[np.ndarray]:
    """Widths from each time to the next but the last, in equal angles of at most ANGLE."""
    pairs = pairwise(WIDTHS[:-1])
    return [
        equal_angle(a, b, math.ceil((math.atan(a / SCALE) - math.atan(b / SCALE)) / ANGLE), SCALE) for a, b in pairs
    ]


def chunk(first: int) -> tuple[np.ndarray, float, float]:
    """Pairs first, …: how many agree at each time but the last; the least |log-odds| of a class; seconds."""
    begun = time.perf_counter()
    pairs, path = range(first, min(first + CHUNK, PAIRS)), gaps()
    noise = Noise(pairs, "cloning", "trunk")
    heads = torch.from_numpy(stream("cloning", "class").random(PAIRS) < 0.5)[first : first + CHUNK]
    start = math.sqrt(1 + WIDTHS[0] ** 2) * noise(WIDTHS[0], torch.zeros(len(pairs), D, dtype=torch.float64))
    trunk = [torch.where(heads[:, None], M, -M) + start]
    for widths in path:
        trunk.append(heun(denoise, trunk[-1], widths, 1.0, noise))
    ends = [trunk[-1] @ M]
    for j, u in enumerate(trunk[:-1]):
        widths = np.concatenate([path[j][:1], *(part[1:] for part in path[j:])])
        ends.append(heun(denoise, u, widths, 1.0, Noise(pairs, "cloning", j)) @ M)
    along = torch.stack(ends)
    agreed = (along[1:].sign() == along[0].sign()).sum(1).numpy()
    return agreed, float(along.abs().min() * 2 / (1 + WIDTHS[-2] ** 2)), time.perf_counter() - begun


def normals(part: int) -> None:
    rng, out = stream("cloning", "ceiling", part), np.empty((CHUNK, D))
    for _ in range(NORMALS // THREADS // out.size):
        rng.standard_normal(out=out)


def scores(agreed: np.ndarray) -> str:
    """z where five pairs or more should part; where fewer, how many did and should."""
    phi = cloning_probability(TIMES[: len(agreed)], math.sqrt(D))
    apart, rare = PAIRS * (1 - phi), PAIRS * (1 - phi) < 5
    z = (agreed - PAIRS * phi)[~rare] / np.sqrt(apart * phi)[~rare]
    few = f"at the {rare.sum()} earliest {(PAIRS - agreed)[rare].sum()} pairs part, {apart[rare].sum():.1f} expected"
    return f"z {' '.join(f'{x:+.1f}' for x in z)} (threshold {threshold(len(z)):.1f}); {few}"


if __name__ == "__main__":
    torch.set_num_threads(1)  # the threads are over chunks: what torch and NumPy do here needs no interpreter
    np.empty(31 * 2**17)  # 31 MiB freed: from here on glibc keeps what is freed, and pages are not faulted in anew
    with ThreadPoolExecutor(THREADS) as pool:
        begun = time.perf_counter()
        reduced = pool.map(lambda t: clones(t, math.sqrt(D), PAIRS, STEPS, stream("cloning", "reduced", t)), TIMES)
        agreed = np.array(list(reduced))
        report(f"reduced, 10⁴ pairs × 19 times × {STEPS} steps", f"{time.perf_counter() - begun:.1f} s")
        report("  against the cloning probability, t = 8 … 1", scores(agreed))

        begun = time.perf_counter()
        list(pool.map(normals, range(THREADS)))
        rate = NORMALS / (time.perf_counter() - begun)

        begun, used = time.perf_counter(), time.process_time()
        counts, odds, seconds = zip(*pool.map(chunk, range(0, PAIRS, CHUNK)), strict=True)
        wall, used = time.perf_counter() - begun, time.process_time() - used
    lengths = [len(widths) - 1 for widths in gaps()]
    run = sum(lengths) + sum(sum(lengths[j:]) for j in range(len(lengths)))  # the trunk, and all branches
    drawn = len(counts) * CHUNK * D * (run + 1)
    compare(
        f"cloning in full, d = {D}: {sum(lengths)} steps of a trunk, {run} with branches",
        "drawing its normals alone",
        Turns([wall], [drawn / rate]),
        more=f"{used:.0f} s of a core, median {np.median(seconds):.2f} s for {CHUNK} pairs; {rate / 1e6:.0f} million "
        "normals/s by drawing alone",
    )
    report("  against the cloning probability, t = 8 … 1", scores(np.sum(counts, 0)))
    report("  least |log-odds| of a class at the end", f"{min(odds):.0f}")
    report("peak memory", f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB")
