"""Speed and digits of the exact membership AUC: 10⁴ pairs (n, d), and a few of them in high precision.

Prints and never asserts.
"""

import time

import numpy as np
from _timing import report

from theory.membership import membership_auc

POINTS = 10_000


def many() -> None:
    """d from 1 to 10⁵ and n from d + 2 to 10⁹ d, each uniform in its logarithm."""
    rng = np.random.default_rng(0)
    d = np.round(10 ** rng.uniform(0, 5, POINTS))
    n = np.round(d + 2 + d * 10 ** rng.uniform(-5, 9, POINTS))
    membership_auc(n[:10], d[:10])  # the expression is compiled
    start = time.perf_counter()
    membership_auc(n, d)
    report(f"exact AUC at {POINTS} pairs (n, d)", f"{time.perf_counter() - start:.2f} s")


def digits() -> None:
    for n, d in ((3, 1), (1e9, 1), (200, 64), (3e7, 1e5), (100_002, 1e5), (1e14, 1e5)):
        error = abs(float(membership_auc.mp(n, d, dps=25) - membership_auc(n, d)))
        report(f"error at n = {n:g}, d = {d:g}", f"{error:.0e}")


if __name__ == "__main__":
    many()
    digits()
