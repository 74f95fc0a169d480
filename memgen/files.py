"""Write files so that a reader finds them whole or not at all."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def temporary(path: Path) -> Path:
    """Where a file is written first: a name beside its own, unique, with a dot before it and .partial at its end."""
    return path.with_name(f".{path.name}.{uuid.uuid4().hex}.partial")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path to write to; if the block succeeds, rename it to `path`, in one step and durably.

    The temporary name is unique, because a worker that a cluster has given up may still be writing the same file on
    another machine. A process that is killed leaves it behind.
    """
    partial = temporary(path)
    try:
        yield partial
        with partial.open("rb+") as file:
            os.fsync(file.fileno())
        partial.replace(path)
        with suppress(OSError):  # some network disks cannot: there the new name lasts when they please
            folder = os.open(path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
    finally:
        with suppress(OSError):  # must not hide the error of the block
            partial.unlink(missing_ok=True)
