"""Random streams keyed by their purpose, so that results do not depend on how the work is divided."""

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import TypeVar

import numpy as np

_text = json.JSONEncoder(sort_keys=True).encode  # of json.dumps, which makes an encoder at each call
_SEED: ContextVar[int | None] = ContextVar("seed", default=None)
_DRAWN: list[Callable[[], None]] = []  # what forgets the results of functions that draw

Drawing = TypeVar("Drawing", bound=Callable)


def stream(*key: object) -> np.random.Generator:
    """The generator of a key such as (seed, experiment, cell, replica): the same numbers on any worker.

    A key holds plain Python numbers, text, None and tuples of them. Anything else raises TypeError: NumPy's 3, say,
    would be written as another key than Python's.
    """
    if (seed := _SEED.get()) is not None:
        key = ("reseeded", seed, *key)
    digest = hashlib.sha256(_text(key).encode()).digest()
    # The seed is four words of 64 bits. NumPy takes twice as long over these as over their halves, which mean the same
    # to it unless an upper half is 0, for that it leaves out.
    halves = np.frombuffer(digest, "<u4")
    words = halves if halves[1::2].all() else np.frombuffer(digest, "<u8")
    return np.random.Generator(np.random.SFC64(words))


@contextmanager
def reseeded(seed: int) -> Iterator[None]:
    """Make every stream within the block another one, independent of those of other seeds; in this thread alone."""
    token = _SEED.set(seed)
    try:
        _forget()
        yield
    finally:
        _SEED.reset(token)
        _forget()


def are_reseeded() -> bool:
    """Whether streams are others than usual, in a block of `reseeded`."""
    return _SEED.get() is not None


def drawn_once(function: Drawing) -> Drawing:
    """Remember what a function that draws from streams returns, until they are reseeded."""
    kept = cache(function)
    _DRAWN.append(kept.cache_clear)
    return kept  # type: ignore[return-value]


def _forget() -> None:
    for forget in _DRAWN:
        forget()
