"""Errors that any file can cause: it is not there, may not be read, or promises more than there is memory."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from memgen.errors import BadInput, one_line


class Status(NamedTuple):
    """What a path leads to, through any links."""

    is_folder: bool
    bytes: int


def status(path: Path) -> Status:
    """The status of a path. BadInput unless it is a file or a folder: a pipe or a device could be read for ever."""
    with opened(path):
        found = path.stat()
    if not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
        raise BadInput(f"{path}: neither a file nor a folder")
    return Status(stat.S_ISDIR(found.st_mode), found.st_size)


@contextmanager
def opened(path: Path) -> Iterator[None]:
    """Turn errors of the system in this block into BadInput, in one line that names the file."""
    try:
        yield
    except OSError as error:
        raise BadInput(f"{one_line(path)}: {error.strerror or one_line(error, 120)}") from error
    except MemoryError as error:
        raise BadInput(f"{path}: too large for the memory at hand") from error
    except ValueError as error:
        if isinstance(error, BadInput) or "null" not in str(error):
            raise
        raise BadInput(f"{one_line(path)}: no file can have this name") from None


def room(path: Path, needed: int) -> None:
    """Raise BadInput if `needed` bytes are more than the memory that is available."""
    if needed > (there := available()):
        raise BadInput(f"{path}: needs {_size(needed)} of memory, there are {_size(there)}")


def available() -> int:
    """Bytes of memory that can be taken, by the system and by the limit of this process's control group."""
    pages = "SC_AVPHYS_PAGES" if "SC_AVPHYS_PAGES" in os.sysconf_names else "SC_PHYS_PAGES"
    found = os.sysconf(pages) * os.sysconf("SC_PAGE_SIZE")
    with suppress(OSError, StopIteration):  # Linux: caches count as free
        lines = Path("/proc/meminfo").read_text().splitlines()
        found = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable"))
    with suppress(OSError, ValueError):  # in a container; "max" if there is no limit
        group = Path("/sys/fs/cgroup")
        left = int((group / "memory.max").read_text()) - int((group / "memory.current").read_text())
        found = min(found, max(left, 0))
    return found


def _size(count: int) -> str:
    return f"{count / 2**30:,.1f} GiB" if count >= 2**28 else f"{count / 2**20:,.1f} MiB"
