"""What commands say on stderr while they work."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Timer

from memgen.errors import printable

PATIENCE = 1.0  # seconds


def say(line: str) -> None:
    """Print a line on stderr in one piece: several threads speak."""
    print(f"{printable(line)}\n", end="", file=sys.stderr, flush=True)


def show(text: str) -> None:
    """Print a result on stdout, whatever characters are in it."""
    print(printable(text), flush=True)


@contextmanager
def patience(line: str) -> Iterator[None]:
    """Print `line` on stderr if the block takes longer than PATIENCE seconds."""
    timer = Timer(PATIENCE, say, [f"{line} …"])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
