"""From a grid of cells to one tidy table, on any executor; with a store, nothing that is finished is lost."""

import inspect
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future, ProcessPoolExecutor, as_completed
from contextlib import closing, contextmanager
from dataclasses import replace
from multiprocessing.connection import Connection, wait
from threading import Thread, current_thread, main_thread
from typing import Any, TextIO

import pandas as pd
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from memgen.errors import Failure, one_line
from memgen.runs.store import Store, read

Cell = Callable[..., pd.DataFrame]


def sweep(
    cell: Cell, grid: Iterable[Any], executor: Executor | None = None, store: Store | None = None
) -> pd.DataFrame:
    """Run `cell` on every member of `grid` and stack the rows, in the order of the grid whatever the executor.

    In process without an executor. Raises on an empty grid. Progress goes to stderr if that is a terminal.

    With a store, whoever computes a cell writes its shard at once, and cells whose sound shards are there are not run.
    If `cell` has a parameter `scratch` it gets a folder in which to keep what it has so far, for when it is run again.
    The rows are the same however often the sweep was interrupted. Progress goes to stderr in any case, as lines if that
    is a file, and so do the cells that raise; the others go on. BadInput, before anything is run, if the folder holds
    something else; Failure at the end if a cell has raised, and at once if a shard cannot be written or the executor
    fails, as when a worker is killed. Cells run on one thread each, to which they leave their process set.
    """
    cells = list(grid)
    if not cells:
        raise ValueError("the grid has no cells")
    if store is None:
        progress = tqdm(total=len(cells), file=sys.stderr, disable=not sys.stderr.isatty(), unit="cell")
        tables = dict(_run(cell, [(one,) for one in cells], executor, progress))
        return pd.concat([tables[k] for k in range(len(cells))], ignore_index=True)
    store.prepare()
    sound, damaged = store.survey(cells)
    for line in damaged:
        print(f"{line}: computed again", file=sys.stderr)
    if sound:
        print(f"{store.folder}: {len(sound)} of {len(cells)} cells are there already", file=sys.stderr)
    theirs = replace(store, folder=store.folder.absolute())  # a worker may be in another directory
    jobs = [(theirs, cell, one, k, len(cells)) for k, one in enumerate(cells) if k not in sound]
    failed: dict[int, str] = {}

    def safe() -> str:
        here = f"{len(store.survey(cells)[0])} of {len(cells)} cells are safe in {store.folder}"
        return f"{here}, and the same command goes on from there"

    try:
        with closing(_run(_keep, jobs, executor, _progress(store.folder.name, len(sound), len(cells)))) as ends:
            for k, complaint in ends:
                if complaint:
                    tqdm.write(complaint, file=sys.stderr)
                    failed[k] = complaint
    except Failure:
        raise
    except Exception as error:  # of the executor: those of a cell are complaints, or Failures, by now
        raise Failure(f"{_reason(error)}; {safe()}") from error
    if failed:
        others = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
        raise Failure(f"{failed[min(failed)]}{others}; {safe()}")
    store.tidy()
    return read(store.folder)[0]


class Workers(ProcessPoolExecutor):
    """Fresh processes, to which no state of this one leads, and which end when it does, even by kill -9."""

    def __init__(self, workers: int) -> None:
        context = multiprocessing.get_context("spawn")
        theirs, self._ours = context.Pipe(duplex=False)  # our end closes with this process
        super().__init__(workers, context, _end_with, (theirs,))

    def submit(self, /, *call: Any, **named: Any) -> Future:
        """As ever. It starts processes, in which Ctrl-C, though a terminal sends it to all, must do nothing."""
        with _interrupts_held():
            return super().submit(*call, **named)

    def kill(self) -> None:
        """End all of them in the middle of what they do."""
        self._ours.close()


def _end_with(pipe: Connection) -> None:
    def watch() -> None:
        wait([pipe])
        os._exit(1)

    Thread(target=watch, daemon=True).start()


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """What starts meanwhile never notices Ctrl-C; this process does, but not before the end."""
    if current_thread() is not main_thread():  # the only one that Python interrupts
        yield
        return
    held: list[int] = []
    handler = signal.signal(signal.SIGINT, lambda number, frame: held.append(number))
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # this, not the handler, is inherited
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        signal.signal(signal.SIGINT, handler)
        if held:
            signal.raise_signal(signal.SIGINT)


def _run(
    function: Callable[..., Any], jobs: list[tuple], executor: Executor | None, progress: tqdm
) -> Generator[tuple[int, Any]]:
    """Which job, and function(*job), as they end. At the first error, what has not begun is cancelled."""
    futures: dict[Future, int] = {}
    with progress:
        if executor is None:
            for k, job in enumerate(jobs):
                yield k, function(*job)
                progress.update()
            return
        try:
            for k, job in enumerate(jobs):
                futures[executor.submit(function, *job)] = k
            for future in as_completed(futures):
                yield futures.pop(future), future.result()
                del future  # what is still wanted a cluster keeps, and computes again if it loses it with a worker
                progress.update()
        except BaseException as error:
            # Either or: a process pool that loses a worker trips over futures that were cancelled meanwhile.
            if isinstance(executor, Workers):
                executor.kill()
            elif not isinstance(error, BrokenExecutor):
                for future in futures:
                    future.cancel()
            raise


def _reason(error: Exception) -> str:
    if isinstance(error, BrokenExecutor):
        return "a worker was killed"
    if isinstance(error, CancelledError):
        return "the connection to the workers was lost"
    return f"{type(error).__name__}: {one_line(error)}"


def _keep(store: Store, cell: Cell, one: Any, position: int, cells: int) -> str | None:
    """Compute one cell and write its shard, if it is not there: a cluster may make a call twice. What it complains of.

    Failure if the shard cannot be written, for then the others cannot either.
    """
    about = store.about(one, position, cells)
    if store.has(about):
        return None
    # The last digits of a sum depend on how many threads share it; the rows must not.
    threadpool_limits(1)
    if torch := sys.modules.get("torch"):  # whatever needs it has imported it, and it heeds its own setting alone
        torch.set_num_threads(1)

    def complaint(error: Exception) -> str:
        return f"cell {position} of {cells}, {one}: {type(error).__name__}: {one_line(error)}"

    start = time.perf_counter()
    try:
        resumes = "scratch" in inspect.signature(cell).parameters
        table = cell(one, scratch=store.scratch(about)) if resumes else cell(one)
    except Exception as error:
        return complaint(error)
    try:
        store.write(table, about, time.perf_counter() - start)
    except Exception as error:  # whatever it is, it must come back from a worker in one piece
        raise Failure(complaint(error)) from error
    return None


class _Lines(tqdm):
    """Progress in plain lines, for a log."""

    disable = True  # until it has begun: an interrupt may come sooner

    @staticmethod
    def status_printer(file: TextIO) -> Callable[[str], None]:
        return lambda line: print(line, file=file, flush=True)

    def clear(self, *_: object, **__: object) -> None:
        """Nothing, when something else is to be printed."""

    def close(self) -> None:
        if not self.disable:
            self.refresh()
            self.disable = True
            self._decr_instances(self)


def _progress(name: str, done: int, total: int) -> tqdm:
    words = {"desc": name, "initial": done, "total": total, "file": sys.stderr, "disable": done == total}
    if sys.stderr.isatty():
        return tqdm(**words, unit="cell")
    form = "{desc}: {n_fmt} of {total_fmt} cells, {elapsed} so far, {remaining} left"
    return _Lines(**words, mininterval=30, miniters=1, bar_format=form)
