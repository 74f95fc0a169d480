"""A cheap experiment on which faults are tried: `memgen sweep faults.toy`."""

import time
from pathlib import Path
from typing import ClassVar, NamedTuple

import pandas as pd
from pydantic import Field

from memgen.files import replacing
from memgen.runs.parameters import ChapterParams
from memgen.streams import stream

VERSION = 1
STEPS = 3


class Params(ChapterParams):
    """The number of cells, and the seconds that each of them takes."""

    presets: ClassVar = {"smoke": {"cells": 4}, "standard": {"cells": 8}, "paper": {"cells": 8}}

    cells: int | None = Field(None, ge=1)
    seconds: float = Field(0.01, ge=0)


class Cell(NamedTuple):
    """One cell, which draws a few random numbers."""

    k: int
    seconds: float
    seed: int


def grid(params: Params) -> list[Cell]:
    """All cells."""
    p = params.resolved()
    assert p.cells is not None
    return [Cell(k, p.seconds, p.seed) for k in range(p.cells)]


def cell(at: Cell, scratch: Path | None = None) -> pd.DataFrame:
    """Rows: k, step, measure, value. Each step is kept in the folder `scratch`, and not computed again."""
    values = [_step(at, k, scratch and scratch / f"{k}.txt") for k in range(STEPS)]
    return pd.DataFrame({"k": at.k, "step": range(STEPS), "measure": [f"m{at.k % 3}"] * STEPS, "value": values})


def _step(at: Cell, k: int, kept: Path | None) -> float:
    if kept and kept.exists():
        return float.fromhex(kept.read_text())
    time.sleep(at.seconds / STEPS)
    value = float(stream("faults", at.seed, at.k, k).standard_normal())
    if kept:
        kept.parent.mkdir(exist_ok=True)
        with replacing(kept) as partial:
            partial.write_text(value.hex())
    return value
