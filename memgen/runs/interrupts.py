"""Delay Ctrl-C until a block of code has ended."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread


@contextmanager
def interrupts_held() -> Iterator[None]:
    """Delay Ctrl-C to the end of this block; processes that are started in it never receive one.

    In the middle of foreign code an interrupt may be lost: what is raised while an object is deleted is only printed.
    """
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
