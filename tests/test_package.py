"""The wheel: what is in it, and what works where only a part of its requirements is installed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# In a process of its own: modules of other packages than these are not installed, as far as it can tell.
ONLY = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top not in {{*sys.stdlib_module_names, *{allowed!r}}} and not top.startswith("_sysconfigdata"):
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Absent())
"""
FORMULAS = ["theory", "sympy", "mpmath", "numpy", "scipy"]
COMMAND = [*FORMULAS, "memgen", "click"]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the wheel unpacks to."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def python(installed: Path, code: str, only: list[str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run code against the unpacked wheel, in another folder than the clone."""
    if only is not None:
        code = ONLY.format(allowed=only) + code
    environment = os.environ | {"PYTHONPATH": str(installed)}
    return subprocess.run(
        [sys.executable, "-c", code], cwd=installed.parent, env=environment, capture_output=True, text=True
    )


def memgen(installed: Path, *arguments: str, only: list[str] | None = None) -> subprocess.CompletedProcess[str]:
    return python(installed, f"import sys; from memgen.app.cli import main; sys.exit(main({arguments!r}))", only)


def test_the_wheel_has_what_is_read_outside_a_clone(installed: Path) -> None:
    shipped = installed / "memgen" / "shipped"
    for kind in ("notebooks", "results", "docs"):
        tracked = subprocess.run(["git", "ls-files", kind], cwd=ROOT, capture_output=True, text=True).stdout.split()
        assert tracked and [name for name in tracked if not (shipped / name).is_file()] == []
    for name in (
        "memgen/figures/memgen.mplstyle",
        "memgen/app/reports/base.html",
        "memgen/py.typed",
        "theory/py.typed",
    ):
        assert (installed / name).is_file()
    assert {path.name.partition("-")[0] for path in installed.iterdir()} == {"memgen", "theory"}


def test_a_formula_needs_four_packages(installed: Path) -> None:
    code = "import theory.linear; print(theory.__file__, theory.linear.kl_generated_true(0.5, 0.5))"
    done = python(installed, code, FORMULAS)
    assert done.stderr == "" and done.stdout.startswith(str(installed))
    assert float(done.stdout.split()[1]) > 0


def test_lists_and_formulas_need_no_extra(installed: Path) -> None:
    listed = memgen(installed, "list", "--json", only=COMMAND)
    assert listed.stderr == "" and "linear" in [row["experiment"] for row in json.loads(listed.stdout)]
    shown = memgen(installed, "formula", "kl_generated_true", only=COMMAND)
    assert shown.returncode == 0 and "kl_generated_true" in shown.stdout


@pytest.mark.parametrize(
    ("arguments", "extra"),
    [
        (["run", "02"], "notebooks"),
        (["book"], "notebooks"),
        (["sweep", "linear"], "simulation"),
        (["claims"], "simulation"),
        (["predict", "x.npy"], "audit"),
        (["audit", "--train", "x.npy", "--generated", "y.npy"], "audit"),
        (["list", "linear"], "simulation"),
    ],
)
def test_what_is_missing_is_named_with_its_extra(installed: Path, arguments: list[str], extra: str) -> None:
    done = memgen(installed, *arguments, only=COMMAND)
    assert done.returncode == 2 and done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("memgen: this needs ") and line.endswith(f'pip install "memgen[{extra}]"')


def test_a_module_that_no_extra_brings_is_a_mistake_of_ours(installed: Path) -> None:
    done = python(installed, "from memgen.app.extras import advice; print(advice(ModuleNotFoundError(name='nowhere')))")
    assert done.stdout.strip() == "None"


def test_results_are_read_from_the_wheel(installed: Path) -> None:
    code = "from memgen.places import RESULTS; from memgen.runs.store import load\n"
    code += "print(RESULTS, len(load('linear')[0]))"
    place, rows = python(installed, code).stdout.split()
    assert place == str(installed / "memgen" / "shipped" / "results") and int(rows) > 0


def test_only_a_clone_is_refreshed(installed: Path) -> None:
    done = memgen(installed, "refresh")
    assert done.returncode == 2 and "not a clone of memgen" in done.stderr.splitlines()[-1]
