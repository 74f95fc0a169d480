"""Worker processes that end when this process does, and that Ctrl-C does not reach."""

import multiprocessing
import os
import signal
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing.connection import Connection, wait
from threading import Thread, current_thread, main_thread
from types import FrameType
from typing import Any

from memgen.errors import BadInput
from memgen.runs.interrupts import interrupts_held

_A_CORE = 16  # processes; each computes on one thread


class Workers(ProcessPoolExecutor):
    """Fresh processes that share no state with this one, and end when it does, even if it is killed with kill -9.

    Until they have ended, SIGTERM raises SystemExit, so that this process clears up. BadInput if there are too many.
    """

    def __init__(self, workers: int) -> None:
        cores = os.cpu_count() or 1
        if workers > (most := _A_CORE * cores):
            raise BadInput(f"{workers} worker processes on {cores} cores: at most {most}")
        self._before = signal.getsignal(signal.SIGTERM) if current_thread() is main_thread() else None
        if self._before in (signal.SIG_DFL, _exit):  # nobody else has a use for it
            signal.signal(signal.SIGTERM, _exit)
        context = multiprocessing.get_context("spawn")
        theirs, self._ours = context.Pipe(duplex=False)  # our end closes when this process ends
        super().__init__(workers, context, _end_with, (theirs,))

    def submit(self, /, *call: Any, **named: Any) -> Future:
        """Submit a call. This may start processes, which must ignore the Ctrl-C that a terminal sends to all of
        them."""
        with interrupts_held():
            return super().submit(*call, **named)

    def shutdown(self, *how: Any, **named: Any) -> None:
        """Shut down like any executor."""
        super().shutdown(*how, **named)
        if self._before in (signal.SIG_DFL, _exit) and current_thread() is main_thread():
            signal.signal(signal.SIGTERM, self._before)

    def kill(self) -> None:
        """End all worker processes at once, in the middle of what they do."""
        self._ours.close()


def _exit(number: int, frame: FrameType | None) -> None:
    """Handle a signal: raise SystemExit with the status that a shell gives to a process ended by it. A second signal
    ends the process at once."""
    signal.signal(number, signal.SIG_DFL)
    raise SystemExit(128 + number)


def _end_with(pipe: Connection) -> None:
    """In a worker: end this process when the other end of the pipe closes."""

    def watch() -> None:
        wait([pipe])
        os._exit(1)

    Thread(target=watch, daemon=True).start()
