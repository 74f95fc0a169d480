"""From a grid of cells to one tidy table, on any executor; with a store, nothing that is finished is lost."""

import inspect
import sys
import time
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future, as_completed
from contextlib import closing
from dataclasses import replace
from typing import Any

import pandas as pd
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from memgen.errors import BadInput, Failure, one_line
from memgen.runs import lock, progress
from memgen.runs.provenance import commit
from memgen.runs.store import Store, read
from memgen.runs.workers import Workers

Simulate = Callable[..., pd.DataFrame]  # the rows of one cell


def sweep(
    cell: Simulate, grid: Iterable[Any], executor: Executor | None = None, store: Store | None = None
) -> pd.DataFrame:
    """Run `cell` on every member of `grid` and stack the rows, in the order of the grid whatever the executor.

    Without an executor the cells run in this process. An empty grid raises ValueError. A progress bar goes to stderr
    if that is a terminal.

    With a store, whoever computes a cell writes its shard at once, and cells that are finished and sound are not run
    again; at the end the shards become one file. If `cell` has a parameter `scratch` it gets a folder in which to keep
    what it has so far, for when it is run again. The rows are the same however often the sweep was interrupted.
    Progress and cells that raise are printed on stderr. Each cell runs on one thread, to which its process stays set.

    BadInput, before anything is run, if the store holds something else. Failure at the end if a cell has raised, and at
    once if another sweep is running there, a shard cannot be written or the executor fails, as when a worker is killed.
    """
    cells = list(grid)
    if not cells:
        raise ValueError("the grid has no cells")
    if store is None:
        jobs = [(member,) for member in cells]
        tables = dict(_run(cell, jobs, executor, progress.bar(len(cells))))
        return pd.concat([tables[k] for k in range(len(cells))], ignore_index=True)
    if store.finished(cells):  # nothing is written, except that what a killed process has left is cleared away
        print(f"{store.path}: {len(cells)} of {len(cells)} cells are there already", file=sys.stderr)
        store.tidy(cells)
        return read(store.path)[0]
    with lock.alone(store.shards):
        sound, damaged = store.survey(cells)
        for line in damaged:
            print(f"{line}: computed again", file=sys.stderr)
        if sound:
            print(f"{store.path}: {len(sound)} of {len(cells)} cells are there already", file=sys.stderr)
        if len(sound) < len(cells):
            _compute(cell, cells, sound, executor, store)
        try:
            return store.join(cells)
        except (OSError, ValueError) as error:
            if isinstance(error, BadInput):
                raise
            raise Failure(f"{store.path}: cannot be written: {one_line(error)}; {_safe(store, cells)}") from error


def _compute(cell: Simulate, cells: list[Any], sound: set[int], executor: Executor | None, store: Store) -> None:
    """Run the cells that are not in `sound`, each into its shard. Failure if not all of them are there at the end."""
    theirs = replace(store, path=store.path.absolute())  # a worker may be in another directory
    jobs = {k: (theirs, cell, member, k, len(cells)) for k, member in enumerate(cells) if k not in sound}
    shown = progress.bar_or_lines(f"{store.chapter}/{store.path.stem}", len(sound), len(cells))
    failed: dict[int, str] = {}
    try:
        with closing(_run(_keep, list(jobs.values()), executor, shown)) as ends:
            for k, complaint in ends:
                if complaint:
                    tqdm.write(complaint, file=sys.stderr)
                    failed[k] = complaint
    except Failure:
        raise
    except Exception as error:  # an error of the executor: those of a cell are complaints, or Failures, by now
        raise Failure(f"{_reason(error)}; {_safe(store, cells)}") from error
    if failed:
        others = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
        raise Failure(f"{failed[min(failed)]}{others}; {_safe(store, cells)}")


def _safe(store: Store, cells: list[Any]) -> str:
    safe = len(store.survey(cells)[0])
    where = store.shards if store.shards.exists() else store.path
    return f"{safe} of {len(cells)} cells are safe in {where}, and the same command goes on from there"


def _run(
    function: Callable[..., Any], jobs: list[tuple], executor: Executor | None, shown: tqdm
) -> Generator[tuple[int, Any]]:
    """Yield (index, result) of function(*job) in completion order. After an error, jobs not yet begun are cancelled."""
    futures: dict[Future, int] = {}
    with shown:
        if executor is None:
            for k, job in enumerate(jobs):
                yield k, function(*job)
                shown.update()
            return
        try:
            for k, job in enumerate(jobs):
                futures[executor.submit(function, *job)] = k
            for future in as_completed(futures):
                yield futures.pop(future), future.result()
                del future  # Dask keeps results that are still referenced, and computes them again if a worker is lost
                shown.update()
        except BaseException as error:
            # Never both: a process pool that loses a worker fails on futures that were cancelled in the meantime.
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


def _keep(store: Store, cell: Simulate, member: Any, position: int, cells: int) -> str | None:
    """Compute one cell and write its shard; return what went wrong, or None.

    A cell whose shard is there is not computed: a cluster may make a call twice. Failure if the shard cannot be
    written, because then the others cannot be written either.
    """
    about = store.about(member, position, cells)
    if store.has(about):
        return None
    commit()  # now, rather than when the cell is done: somebody may work on the code meanwhile
    # The last digits of a sum depend on how many threads share it; the rows must not.
    threadpool_limits(1)
    if torch := sys.modules.get("torch"):  # an experiment that needs it has imported it; it has a setting of its own
        torch.set_num_threads(1)

    def complaint(error: Exception) -> str:
        return f"cell {position} of {cells}, {member}: {type(error).__name__}: {one_line(error)}"

    start = time.perf_counter()
    try:
        resumes = "scratch" in inspect.signature(cell).parameters
        table = cell(member, scratch=store.scratch(about)) if resumes else cell(member)
    except Exception as error:
        # A worker that a cluster has given up may have finished the same cell meanwhile, and removed its scratch.
        return None if store.has(about) else complaint(error)
    try:
        store.write(table, about, time.perf_counter() - start)
    except Exception as error:  # one type for all of them, which can be sent back from a worker
        raise Failure(complaint(error)) from error
    return None
