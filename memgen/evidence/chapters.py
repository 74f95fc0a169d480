"""False alarms of whole chapters: the statements of a notebook under other seeds, at any preset.

The code cells are executed in this process, as they stand, with `preset` and `seed` set. Rows: one for each statement
that the chapter makes at its end, with its largest standard score (missing if it has none) and whether it passed.
"""

import contextlib
import io
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, NamedTuple

import nbformat
import pandas as pd
from pydantic import Field, field_validator

from memgen.places import NOTEBOOKS
from memgen.runs.parameters import ChapterParams

VERSION = 1


class Params(ChapterParams):
    """The notebook, without its suffix, and how it is run: at `run_as`, under `seeds` seeds from `seed` on."""

    presets: ClassVar = {"smoke": {"seeds": 2}, "standard": {"seeds": 10}, "paper": {"seeds": 50}}

    notebook: str
    run_as: Literal["smoke", "standard", "paper"] = "smoke"
    seeds: int | None = Field(None, ge=1)

    @field_validator("notebook")
    @classmethod
    def _known(cls, name: str) -> str:
        return known(name)


def known(notebook: str) -> str:
    """The name, if there is a notebook of that name. ValueError if there is none."""
    names = sorted(path.stem for path in NOTEBOOKS.glob("[0-9]*.ipynb"))
    if notebook not in names:
        raise ValueError(f"known are {', '.join(names)}")
    return notebook


class Cell(NamedTuple):
    """A notebook at one preset and one seed."""

    notebook: str
    preset: str
    seed: int


def grid(params: Params) -> list[Cell]:
    """One cell for each seed."""
    seeds = params.resolved().seeds
    assert seeds is not None
    return [Cell(params.notebook, params.run_as, params.seed + k) for k in range(seeds)]


def cell(at: Cell) -> pd.DataFrame:
    """The statements of the notebook's report. AssertionError if it makes none."""
    report = executed(at.notebook, {"preset": at.preset, "seed": at.seed})["report"]
    rows = [(outcome.name, outcome.z, bool(outcome.passed)) for outcome in report.outcomes()]
    if not rows:
        raise AssertionError(f"{at.notebook} states nothing")
    table = pd.DataFrame(rows, columns=["statement", "z", "passed"]).astype({"z": float})
    return table.assign(notebook=at.notebook, preset=at.preset, seed=at.seed)


def executed(notebook: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Execute the notebook with these values of its parameters; return the names that it leaves behind.

    Its last cell may fail as a report that did not pass, which is among its statements; nothing else may fail.
    """
    import matplotlib.pyplot as plt

    stored = nbformat.read(NOTEBOOKS / f"{notebook}.ipynb", as_version=4)
    cells = [cell for cell in stored.cells if cell.cell_type == "code"]
    names: dict[str, Any] = {"__name__": "__main__"}
    with contextlib.chdir(NOTEBOOKS), contextlib.redirect_stdout(io.StringIO()), plt.rc_context({"backend": "agg"}):
        for k, code in enumerate(cells):
            try:
                exec(compile(code.source, f"{notebook} [{k}]", "exec"), names)
            except AssertionError as error:
                if k < len(cells) - 1 or not str(error).startswith("did not pass"):
                    raise
            if "parameters" in code.metadata.get("tags", []):
                names |= given
            plt.close("all")
    return names
