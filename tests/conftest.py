"""A chapter small enough to test the house with."""

from __future__ import annotations

import importlib
import re
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Literal

import hypothesis
import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from pydantic import BaseModel, Field, model_validator
from xdist.scheduler import LoadScopeScheduling

from theory.core import memory


class TinyParams(BaseModel, frozen=True, extra="forbid", allow_inf_nan=False):
    preset: Literal["smoke", "standard"] = "standard"
    n: int = Field(3, ge=1)
    tau: float | None = 0.5
    grid: tuple[float, ...] = (1.0, 2.0)
    label: str = "a"

    @model_validator(mode="after")
    def _few(self) -> TinyParams:
        if self.label == "few" and self.n > 3:
            raise ValueError("few means at most 3")
        return self


PARAMETERS = """
preset: str = "standard"
n: int = 3
tau: float = 0.5
grid: list = [1.0, 2.0]
label: str = "a"
""".strip()

CHECKS = """
from IPython.display import display
checks = [{"name": "sum", "z": -1.25, "passed": None if n == 50 else n < 100}]
checks.append({"name": "exact", "z": None, "passed": True})
payload = {"question": "Does it run?", "formula": "$|n|$", "source": "derived here"}
payload["checks"] = checks
text = f"{len(checks)} checks"
display({"application/vnd.memgen.checks+json": payload, "text/plain": text}, raw=True)
""".strip()


class _Together(LoadScopeScheduling):
    """A test module on one worker, for it shares simulations; checks and chapters, which share none, one by one."""

    def _split_scope(self, nodeid: str) -> str:
        module = nodeid.partition("::")[0]
        if found := re.search(r"test_checks.*\[(\w+)\.|test_notebooks.*[\[-](\d\d)_", nodeid):
            return f"{module} {found[1] or found[2]}"
        return module


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> _Together:
    return _Together(config, log)


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is said of loading, however long a busy machine takes for it."""
    monkeypatch.setattr("memgen.app.say.PATIENCE", 600)


@pytest.fixture(autouse=True, scope="module")
def put_away() -> Iterator[None]:
    """Close the figures of a module: pyplot keeps them, and complains of more than twenty."""
    yield
    if pyplot := sys.modules.get("matplotlib.pyplot"):
        pyplot.close("all")


@pytest.fixture
def chapter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Write a chapter of the experiment `tiny`, with these cells between its parameters and its checks."""
    module = ModuleType("memgen.experiments.tiny")
    module.Params = TinyParams
    monkeypatch.setitem(sys.modules, "memgen.experiments.tiny", module)

    def write(*cells: str, name: str = "01_tiny", checks: str = CHECKS, experiment: str = "tiny") -> Path:
        notebook = new_notebook(metadata={"memgen": {"experiment": experiment}})
        notebook.cells = [
            new_markdown_cell("# Does it run?"),
            new_markdown_cell("**Question.** Does it?\n\n**Answer.** It does.\n\n**What it means for you.** Nothing."),
            new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]}),
            *(new_code_cell(cell) for cell in cells),
            new_code_cell(checks),
            new_markdown_cell("Provenance: a test."),
        ]
        path = tmp_path / "notebooks" / f"{name}.ipynb"
        path.parent.mkdir(exist_ok=True)
        nbformat.write(notebook, path)
        return path

    return write


@pytest.fixture
def nothing_recalled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look up nothing that was proved or observed before; what is found now is kept for the notebooks."""
    monkeypatch.setattr(memory, "_recalled", lambda path: None)


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the experiment `toy` among the others."""
    monkeypatch.setitem(sys.modules, "memgen.experiments.toy", importlib.import_module("toy"))


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    """A folder in which the experiment `toy` notes its calls."""
    (notes := tmp_path / "notes").mkdir()
    return notes


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Heed Ctrl-C, which is ignored if the tests were started in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


hypothesis.settings.register_profile("suite", derandomize=True, deadline=None, max_examples=40, database=None)
hypothesis.settings.load_profile("suite")
