"""Δ of the linear model: the public code of "a solvable generative model with a linear one-step denoiser", and ours.

    python benchmarks/peer_linear.py --peer DIR [--original 10000]

DIR is a checkout of that code, with LDM.py in it. Its own functions run on data made here: fit, mean and factor of the
generated law, and the two distances whose difference is Δ. Those two are timed against one Δ of ours, on the same data
and as many threads; then the values stand side by side. Prints and never asserts.
"""

import argparse
import ast
import io
import math
import sys
import time
import types
import warnings
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from statistics import median
from unittest.mock import patch

import numpy as np
import torch
from _timing import Turns, compare, report, revision

from memgen.measures import Delta, kernel_estimate, kernel_l2_delta, single_precision

N, MEAN = 100, 10.0
TAU = math.sqrt(-math.expm1(-2 * single_precision.TIME))  # λ = e^{−2T}, as there
ROUNDS, FRESH, KNOWN = 3, 5, 51  # calls of theirs, and of ours in each round


def load(folder: str | None) -> types.ModuleType:
    """The functions and constants of DIR/LDM.py, without its simulation; exits with one line if there is none."""
    if folder is None:
        sys.exit("peer_linear: --peer DIR is missing: a checkout of the public code, with LDM.py in it")
    path = Path(folder) / "LDM.py"
    if not path.is_file():
        sys.exit(f"peer_linear: --peer {folder}: there is no LDM.py")
    tree = ast.parse(path.read_text())
    kept = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.Assign)
    tree.body = [node for node in tree.body if isinstance(node, kept)]
    module = types.ModuleType("peer")
    exec(compile(tree, str(path), "exec"), module.__dict__)
    return module


class Theirs:
    """Their generator and distances on our data; seconds and values of the two distances."""

    def __init__(self, peer: types.ModuleType, train: np.ndarray, original: np.ndarray) -> None:
        self.peer, self.sets, self.seconds = peer, (train, original), 0.0
        self.noise = np.empty(0)
        self.distances: list[float] = []
        self._distance = peer.distance
        peer.distance = self._timed

    def _timed(self, *args: object) -> torch.Tensor:
        start = time.perf_counter()
        value = self._distance(*args)
        self.seconds += time.perf_counter() - start
        self.distances.append(float(value))
        return value

    def run(self) -> None:
        """One repetition of their simulation, which makes its noise with torch's generator, a point at a time."""
        self.seconds, self.distances = 0.0, []
        sets = iter(self.sets)
        self.peer.generate_gaussian = lambda number, side: torch.from_numpy(next(sets)).view(number, 1, side, side)
        n, d = self.sets[0].shape
        torch.manual_seed(0)
        self.noise = -torch.stack([torch.randn(d) for _ in range(n)]).numpy()
        torch.manual_seed(0)
        arguments = (self.peer.mean_list, self.peer.std_list, self.peer.n, len(self.sets[1]), n, self.peer.T)
        with redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.peer.linear_generator(*arguments)


def seconds(call: Callable[[], object], repetitions: int) -> list[float]:
    times = []
    for _ in range(repetitions):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return times


def power(delta: Delta) -> str:
    return f"{'-' if delta.sign < 0 else '+'}10^{delta.log_abs / math.log(10):.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description="Time and compare Δ of the public code and ours.")
    parser.add_argument("--peer", metavar="DIR", help="a checkout of the public code")
    parser.add_argument("--original", type=int, default=10_000, help="points of the original set (default 10000)")
    options = parser.parse_args()
    peer = load(options.peer)
    if options.original < 2 or options.original % peer.chunk_size:
        sys.exit(f"peer_linear: --original {options.original}: must be a multiple of their {peer.chunk_size}")

    rng = np.random.default_rng(0)
    train, original = ((MEAN + rng.standard_normal((n, peer.d))).astype(np.float32) for n in (N, options.original))
    theirs = Theirs(peer, train, original)
    theirs.run()
    mean, factor = single_precision.generator(train, theirs.noise, TAU)
    law = mean, factor @ factor.T
    known = kernel_estimate(original)

    slow, fresh, quick = [], [], []
    for _ in range(ROUNDS):
        theirs.run()
        slow.append(theirs.seconds)
        fresh.append(median(seconds(lambda: kernel_l2_delta(train, original, *law), FRESH)))
        quick.append(median(seconds(lambda: kernel_l2_delta(train, known, *law), KNOWN)))
    where = f"n = {N} against {options.original:,}, d = {peer.d}"
    other = f"the two distances of the public code{revision(options.peer)}"
    report(f"their two distances, {where}, threads: {torch.get_num_threads()}", f"{median(slow):.1f} s")
    compare(f"Δ, {where}", other, Turns(fresh, slow), goal=40, kind="code")
    compare(f"Δ, {where}, pairs of the original set summed before", other, Turns(quick, slow), goal=2000, kind="code")

    # In units of (4πσ²)^{−d/2}, where the overlap of a kernel estimate's points with themselves is exactly 1.
    unit = math.sqrt(2 * math.pi) * 2 ** (peer.d / 2)
    near, far = (unit * value for value in theirs.distances)
    sets = [single_precision.reference(x) for x in (train, original)]
    near32, far32 = (single_precision.distance(mean, factor, x, "BtB") for x in sets)
    own, own_original = (single_precision.self_term(n, peer.d) for n in (N, options.original))
    print("\nin units of the self-term                      E_TG − 1        E_OG − 1               Δ")
    rows = (("public code", near, far), ("its arithmetic here, float32", near32, far32))
    for what, t, o in (*rows, ("self-terms in float32, nothing else", own, own_original)):
        print(f"{what:<40} {t - 1:15.6e} {o - 1:15.6e} {t - o:15.6e}")
    for what, covariance in (("BᵀB", factor.T @ factor), ("B Bᵀ", factor @ factor.T)):
        print(f"{'exact, float64, ' + what:<72} {power(kernel_l2_delta(train, known, mean, covariance)):>15}")


if __name__ == "__main__":
    with patch("torch.cuda.is_available", return_value=False):  # both on the same cores
        main()
