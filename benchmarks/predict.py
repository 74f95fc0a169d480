"""What `memgen.predict` says against what is true: coverage of the collapse width's interval; and time and memory.

Prints and never asserts. Each line of the first table is of 200 Gaussian data sets: how often the 95% interval holds
the width of the closed form, and how often an interval of the same size around the uncorrected estimate does.
With two arguments, rows and features: time and memory of that size alone.
"""

import resource
import subprocess
import sys
import time

import numpy as np
from _timing import report

from memgen.predict import predict
from memgen.predict.information import Gaussian
from memgen.predict.spectrum import Covariance
from memgen.statistics import proportion
from memgen.streams import stream
from theory.collapse import collapse_time
from theory.kernel import collapse_width

DATA_SETS = 200
LARGE = 20_000, 784


def coverage(name: str, eigenvalues: np.ndarray, rows: int) -> tuple[int, int]:
    d = len(eigenvalues)
    truth = np.sqrt(np.expm1(2 * collapse_time(rows, eigenvalues)))
    if name == "isotropic":
        assert np.isclose(truth, collapse_width(rows, d))
    held = plug_in = 0
    for k in range(DATA_SETS):
        x = stream("benchmark", "predict", name, d, rows, k).standard_normal((rows, d)) * np.sqrt(eigenvalues)
        gaussian = Gaussian(Covariance(x))
        width = gaussian.interval(np.log(rows))
        if width.sigma and width.low and width.high:
            held += width.low < truth < width.high
            moved = gaussian.plug_in_width(np.log(rows)) / width.sigma
            plug_in += width.low * moved < truth < width.high * moved
    return held, plug_in


def share(hits: int, of: int) -> str:
    value, low, high = proportion(hits, of)
    return f"{value:.3f} ({low:.3f}–{high:.3f})"


def large(rows: int, d: int) -> None:
    x = stream("benchmark", "predict", rows, d).standard_normal((rows, d), dtype=np.float32)
    x /= np.sqrt(np.arange(1, d + 1, dtype=np.float32))
    start, busy = time.perf_counter(), time.process_time()

    def told(stages):  # type: ignore[no-untyped-def]
        for stage in stages:
            begun, worked = time.perf_counter(), time.process_time()
            yield stage
            report(
                f"  {stage[0]}", f"{time.perf_counter() - begun:.1f} s, {time.process_time() - worked:.1f} of a core"
            )

    predict(x, progress=told)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    took = f"{time.perf_counter() - start:.1f} s, {time.process_time() - busy:.1f} of a core"
    report(f"{rows} × {d}, single precision, in all", f"{took}, {memory:.1f} GiB at most")


def main() -> None:
    total = np.zeros(2, int)
    report("200 Gaussian data sets each: interval of the collapse width", "held (95%), uncorrected")
    for name in ("isotropic", "power law"):
        for d in (20, 50, 100):
            for rows in (200, 500, 2000):
                eigenvalues = np.ones(d) if name == "isotropic" else 1 / np.arange(1, d + 1)
                held, plug_in = coverage(name, eigenvalues, rows)
                total += held, plug_in
                report(f"{name}, d = {d}, {rows} rows", f"{share(held, DATA_SETS)}  {plug_in / DATA_SETS:.3f}")
    count = 18 * DATA_SETS
    report("all", f"{share(int(total[0]), count)}  {total[1] / count:.3f}")
    subprocess.run([sys.executable, __file__, *map(str, LARGE)], check=True)  # alone, so that the memory is its own


if __name__ == "__main__":
    large(*map(int, sys.argv[1:])) if len(sys.argv) > 1 else main()
