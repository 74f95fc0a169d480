"""Check rows as they are given: an error says in one line what cannot be used, a note says what is left out."""

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from memgen.arrays import array

LEAST, _SMALLEST, _LARGEST = 10, 1e-15, 1e15
_SECONDS = 5e10  # products that a core takes a few seconds for
_KEPT = 2**25  # numbers of a part of the rows that is kept in double precision


@dataclass(frozen=True)
class Rows:
    """The distinct rows (n, d), float32 or float64, in their order; their row numbers in what was given; and notes."""

    values: np.ndarray
    numbers: np.ndarray
    notes: tuple[str, ...]


def part(x: np.ndarray, most: int) -> int:
    """How many of the rows x (n, d) to use where `most` would do: fewer if they are very wide."""
    return min(len(x), most, max(LEAST, _KEPT // x.shape[1]))


def threads(x: np.ndarray) -> int | None:
    """How many threads linear algebra on the rows x (n, d) should take; None: as many as there are.

    One where it is a matter of seconds: on a busy machine two would wait for each other longer than they save.
    """
    return 1 if x.size * min(x.shape) < _SECONDS else None


def checked(x: Any) -> Rows:
    """The distinct rows of x. Raises ValueError unless it is (rows, features), of ten distinct rows or more, with
    finite numbers of moderate size."""
    values = array("x", x)
    if values.ndim != 2 or values.shape[1] < 1:
        raise ValueError(f"x must be (rows, features) with one feature at least, got shape {values.shape}")
    if len(values) < LEAST:
        raise ValueError(f"x has {len(values)} rows; it takes {LEAST}")
    if values.dtype != np.float32:
        values = values.astype(float, copy=False)
    fine = np.isfinite(values)
    if not fine.all():
        row, column = np.unravel_index(int(fine.argmin()), fine.shape)
        raise ValueError(f"x holds a value that is not finite, first in row {row}, feature {column}")
    largest = float(max(values.max(), -values.min()))
    if largest > _LARGEST or 0 < largest < _SMALLEST:
        raise ValueError(f"x has values of the size {largest:.3g}: give it in another unit, nearer to 1")
    first: dict[bytes, int] = {}
    for k, row in enumerate(values):
        first.setdefault(hashlib.blake2b((row + 0).tobytes(), digest_size=16).digest(), k)  # −0 is 0
    if len(first) == len(values):
        return Rows(values, np.arange(len(values)), ())
    if len(first) < LEAST:
        raise ValueError(f"x has {len(first)} distinct rows among {len(values)}; it takes {LEAST}")
    numbers = np.fromiter(first.values(), int)
    repeats = len(values) - len(first)
    note = f"{repeats} rows repeat others and were left out; a model sees these more often, and memorizes them sooner"
    return Rows(values[numbers], numbers, (note,))
