"""From a grid of cells to one tidy table, on any executor."""

import multiprocessing
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from tqdm import tqdm

from memgen import experiments, store
from memgen.errors import BadInput


def sweep(cell: Callable[[Any], pd.DataFrame], grid: Iterable[Any], executor: Executor | None = None) -> pd.DataFrame:
    """Run `cell` on every member of `grid` and stack the rows, in the order of the grid whatever the executor.

    In process without an executor. Progress goes to stderr if that is a terminal. Raises on an empty grid.
    """
    cells = list(grid)
    if not cells:
        raise ValueError("the grid has no cells")
    progress = tqdm(total=len(cells), file=sys.stderr, disable=not sys.stderr.isatty(), unit="cell")
    tables: list[pd.DataFrame] = [pd.DataFrame()] * len(cells)
    with progress:
        if executor is None:
            for k, one in enumerate(cells):
                tables[k] = cell(one)
                progress.update()
        else:
            futures = {executor.submit(cell, one): k for k, one in enumerate(cells)}
            for future in as_completed(futures):
                tables[futures[future]] = future.result()
                progress.update()
    return pd.concat(tables, ignore_index=True)


def run_chapter(chapter: str, preset: str, out: Path, workers: int) -> Path:
    """Run the whole grid of `memgen.experiments.<chapter>` at a preset, in processes, into out/<chapter>.parquet."""
    try:
        experiment = experiments.load(chapter)
    except BadInput as error:
        raise BadInput(f"unknown chapter {chapter!r}: {error}") from None
    params = experiment.Params(preset=preset)
    start = time.perf_counter()
    # Fresh processes, one thread each: workers share the cores, and no state of this process reaches a cell.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, initializer=torch.set_num_threads, initargs=(1,)) as executor:
        table = sweep(experiment.cell, experiment.grid(params), executor)
    command = f"memgen sweep {chapter} --preset {preset} --workers {workers}"
    made_by = store.provenance(command, params.model_dump(mode="json"), time.perf_counter() - start, params.device)
    path = out / f"{chapter}.parquet"
    store.write(table, path, made_by)
    return path
