"""Worker processes that end when this process does, and that Ctrl-C does not reach."""

import multiprocessing
import os
import signal
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from threading import Thread, current_thread, main_thread
from typing import Any


class Workers(ProcessPoolExecutor):
    """Fresh processes that share no state with this one, and end when it does, even if it is killed with kill -9."""

    def __init__(self, workers: int) -> None:
        context = multiprocessing.get_context("spawn")
        theirs, self._ours = context.Pipe(duplex=False)  # our end closes when this process ends
        super().__init__(workers, context, _end_with, (theirs,))

    def submit(self, /, *call: Any, **named: Any) -> Future:
        """Submit a call. This starts processes, which must ignore the Ctrl-C that a terminal sends to all of them."""
        with _interrupts_held():
            return super().submit(*call, **named)

    def kill(self) -> None:
        """End all worker processes at once, in the middle of what they do."""
        self._ours.close()


def _end_with(pipe: Connection) -> None:
    """In a worker: end this process when the other end of the pipe closes."""

    def watch() -> None:
        wait([pipe])
        os._exit(1)

    Thread(target=watch, daemon=True).start()


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Block Ctrl-C for processes started in this block; in this process, delay it to the end of the block."""
    if current_thread() is not main_thread():  # the only one that Python interrupts
        yield
        return
    held: list[int] = []
    handler = signal.signal(signal.SIGINT, lambda number, frame: held.append(number))
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # children inherit the mask, not the handler
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        signal.signal(signal.SIGINT, handler)
        if held:
            signal.raise_signal(signal.SIGINT)
