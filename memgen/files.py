"""Files that are there whole or not at all."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A name to write to; when the block has ended well what stands there becomes `path`, in one step, on the disk.

    The name is nobody else's: a worker that was given up may be writing the same file, on another machine. It begins
    with a dot and ends in .partial, which is what a process that is killed leaves behind.
    """
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex}.partial")
    try:
        yield partial
        with partial.open("rb+") as file:
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        with suppress(OSError):  # or it would stand in for what went wrong
            partial.unlink(missing_ok=True)
