"""From a grid of cells to one tidy table, on any executor."""

import sys
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, as_completed
from typing import Any

import pandas as pd
from tqdm.auto import tqdm


def sweep(cell: Callable[[Any], pd.DataFrame], grid: Iterable[Any], executor: Executor | None = None) -> pd.DataFrame:
    """Run `cell` on every member of `grid` and stack the rows, in the order of the grid whatever the executor.

    In process without an executor. Progress goes to stderr if that is a terminal. Raises on an empty grid.
    """
    cells = list(grid)
    if not cells:
        raise ValueError("the grid has no cells")
    progress = tqdm(total=len(cells), file=sys.stderr, disable=not sys.stderr.isatty(), unit="cell")
    tables: list[pd.DataFrame | None] = [None] * len(cells)
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
