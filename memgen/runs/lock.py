"""Allow one sweep at a time in a folder: by a lock that ends with its process, however that ends."""

import errno
import fcntl
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from memgen.errors import BadInput, Failure, one_line

NAME = ".lock"
_NO_LOCKS = {errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP}  # errors of some network disks
_TRIES = 100  # each time, another sweep has ended in between

# A child that is forked in the meantime must not hold what its parent held when that is killed.
_held: set[int] = set()


def _let_go() -> None:
    while _held:
        os.close(_held.pop())


os.register_at_fork(after_in_child=_let_go)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Lock a folder for this block, making it first if necessary.

    At the end it is removed if it is empty and nobody may still write there, that is if the block succeeded or raised
    BadInput; after an interrupt, workers of a cluster finish what they have begun. Failure if another process has the
    lock: on any machine, if the disk shares locks. On a disk without locks a line on stderr says so. BadInput if
    nothing can be written there.
    """
    place = folder / NAME
    try:
        file = _locked(folder, place)
    except BlockingIOError:
        raise Failure(f"{folder}: another sweep is running there{_holder(place)}") from None
    except OSError as error:
        raise BadInput(f"{folder}: nothing can be written there: {error.strerror}") from None
    _held.add(file)
    done = False
    try:
        yield
        done = True
    except BadInput:
        done = True
        raise
    finally:
        with suppress(OSError):
            place.unlink(missing_ok=True)
        _held.discard(file)
        os.close(file)
        if done:
            with suppress(OSError):  # there is something in it
                folder.rmdir()


def _locked(folder: Path, place: Path) -> int:
    """Open, lock and write the file; return its descriptor. BlockingIOError if another process has locked it."""
    for _ in range(_TRIES):
        folder.mkdir(parents=True, exist_ok=True)
        try:
            file = os.open(place, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except FileNotFoundError:  # the folder is gone again
            continue
        try:
            _lock(folder, file)
            if os.fstat(file).st_nlink:  # and the file is still there
                os.ftruncate(file, 0)
                os.write(file, f"process {os.getpid()} on {socket.gethostname()}".encode())
                return file
        except BaseException:
            os.close(file)
            raise
        os.close(file)
    raise BlockingIOError


def _lock(folder: Path, file: int) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        print(f"{folder}: this disk has no locks: start no second sweep there", file=sys.stderr)


def _holder(place: Path) -> str:
    """Who has the lock, in brackets, if that can be read; else no text."""
    with suppress(OSError, ValueError):
        if text := one_line(place.read_text(), 100):
            return f" ({text})"
    return ""
