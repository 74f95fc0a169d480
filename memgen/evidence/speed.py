"""Speed against public code and the machine's ceilings: the ratios that the scripts in benchmarks/ measure.

A script times calls of ours in turn with something else, in one process, so that a busy machine slows both. Rows: one
for each turn, with the seconds of both and `ratio`, the speed of ours in units of the other's.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import ClassVar, Literal, NamedTuple, get_args

import numpy as np
import pandas as pd
from pydantic import Field

from memgen.errors import BadInput, one_line
from memgen.places import ROOT
from memgen.runs.parameters import ChapterParams

VERSION = 1
SCRIPTS = ROOT / "benchmarks"

Benchmark = Literal[
    "audit",
    "cloning",
    "criteria",
    "dimension",
    "exact",
    "features",
    "linear",
    "nearest",
    "network",
    "peer_linear",
    "peer_network",
    "sampling",
    "transition",
]
BENCHMARKS: tuple[str, ...] = get_args(Benchmark)


class Params(ChapterParams):
    """The script, the number of its threads, and for peer_*: where a checkout of the public code is."""

    presets: ClassVar = {"smoke": {}, "standard": {}, "paper": {}}

    benchmark: Benchmark
    threads: int = Field(1, ge=1)
    peer: str = ""


class Cell(NamedTuple):
    """One run of a script."""

    benchmark: str
    threads: int
    peer: str


def grid(params: Params) -> list[Cell]:
    """One cell. BadInput where there are no benchmarks: they are in a clone, not in the wheel."""
    if not (SCRIPTS / f"{params.benchmark}.py").is_file():
        raise BadInput(f"benchmark = {params.benchmark}: there is no {SCRIPTS / params.benchmark}.py")
    return [Cell(params.benchmark, params.threads, params.peer)]


def cell(at: Cell) -> pd.DataFrame:
    """The rows that the script writes. RuntimeError with its last line if it fails, or if it compares nothing."""
    words = ["--peer", at.peer] if at.peer else []
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "rows"
        path.touch()
        own = {"MEMGEN_SPEED_ROWS": str(path), "OMP_NUM_THREADS": str(at.threads)}
        script = [sys.executable, str(SCRIPTS / f"{at.benchmark}.py"), *words]
        done = subprocess.run(script, env={**os.environ, **own}, capture_output=True, text=True)
        lines = path.read_text(encoding="utf-8").splitlines()
    if done.returncode:
        last = done.stderr.strip().splitlines() or [f"ended with status {done.returncode}"]
        raise RuntimeError(one_line(last[-1]))
    if not lines:
        raise RuntimeError(f"{at.benchmark}.py compares nothing")
    rows = pd.DataFrame([json.loads(line) for line in lines]).astype({"goal": float})
    return rows.assign(benchmark=at.benchmark, threads=at.threads)


def ratios(rows: pd.DataFrame) -> pd.DataFrame:
    """For each case and what it is compared with: turns, median and quartiles of the ratio, and the goal.

    A goal is met if the lower quartile reaches it, missed if the upper one does not, and undecided in between.
    """
    found = rows.groupby(["kind", "benchmark", "case", "other"], sort=False)
    table = found["ratio"].quantile([0.25, 0.5, 0.75]).unstack().set_axis(["low", "median", "high"], axis=1)
    table = table.assign(turns=found.size(), goal=found["goal"].first())
    met, missed = table["low"] >= table["goal"], table["high"] < table["goal"]
    words = np.select([table["goal"].isna(), met, missed], ["", "met", "missed"], "undecided")
    return table.assign(reached=words).reset_index()
