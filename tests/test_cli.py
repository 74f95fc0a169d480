"""The command line: what it prints, and how it refuses."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from toy import LAUNCH, python, wait

from memgen.app.cli import main
from memgen.app.notebooks import read

Chapter = Callable[..., Path]
MEMGEN = Path(sys.executable).with_name("memgen")


@pytest.mark.parametrize(
    ("arguments", "culprit"),
    [
        ("", "Missing command"),
        ("fly", "'fly'"),
        ("run --fly", "'--fly'"),
        ("run 99", "unknown notebook '99'"),
        ("run none.ipynb", "'none.ipynb'"),
        ("run broken.ipynb", "broken.ipynb: not a readable notebook"),
        ("run {tiny} nowhere", "'nowhere'"),
        ("run {tiny} notebooks/twin/01_tiny.ipynb", "two notebooks are called '01_tiny'"),
        ("run {tiny} -p foo 1", "01_tiny: unknown parameter 'foo' (known: grid, label, n, preset, tau)"),
        ("run {tiny} -p n 0", "01_tiny: n = 0: must be at least 1"),
        ("run {tiny} -p n -1", "01_tiny: n = -1: must be at least 1"),
        ("run {tiny} -p n many", "01_tiny: n = many: must be a whole number"),
        ("run {tiny} -p tau nan", "01_tiny: tau = nan: must be finite"),
        ("run {tiny} -p tau inf", "01_tiny: tau = inf: must be finite"),
        ("run {tiny} -p grid [1,NaN]", "01_tiny: grid[1] = nan: must be finite"),
        ("run {tiny} -p preset fast", "01_tiny: preset = fast"),
        ("run {tiny} {other} -p label few -p n 4", "01_tiny: label = few, n = 4"),
        ("run {tiny} -p n 1 -p n 2", "parameter 'n' is given twice"),
        ("run {tiny} -p n", "'-p'"),
        ("run {tiny} --jobs 0", "'--jobs'"),
        ("run {tiny} --out broken.ipynb", "broken.ipynb: not a folder"),
        ("run {tiny} --out broken.ipynb/out", "broken.ipynb/out: not a folder"),
        ("run {other} {tiny} --out notebooks", "notebooks: the folder of 02_other.ipynb itself"),
        ("book --from notebooks/none", "no executed notebooks in notebooks/none"),
        ("book --from notebooks --to broken.ipynb", "broken.ipynb: not a folder"),
        ("refresh --jobs x", "'--jobs'"),
        ("sweep", "'CHAPTER'"),
        ("sweep none", "unknown experiment 'none'"),
        ("sweep tiny --preset fast", "'--preset'"),
        ("sweep tiny --preset smoke --workers 0", "'--workers'"),
        ("sweep tiny --executor threads", "'--executor'"),
        ("sweep tiny --executor dask", "--executor dask needs --scheduler-address"),
        ("sweep tiny --executor dask --scheduler-address tcp://x:1 --workers 2", "--workers is for"),
        ("sweep tiny --scheduler-address tcp://x:1 --workers 2", "--scheduler-address is for --executor dask"),
        ("sweep tiny --preset smoke -p foo 1", "unknown parameter 'foo' (known: grid, label, n, preset, tau)"),
        ("sweep tiny --preset smoke -p n 0", "n = 0: must be at least 1"),
        ("sweep tiny --preset smoke -p n 1 -p n 2", "parameter 'n' is given twice"),
        ("sweep tiny --preset smoke -p preset smoke", "parameter 'preset' is given twice"),
        ("sweep tiny", "preset = paper"),
        ("sweep tiny --name ../x", "--name ../x: not the name of a file"),
        ("sweep tiny --name .x", "--name .x: not the name of a file"),
    ],
)
def test_bad_input_is_refused_in_one_line_and_nothing_runs(
    chapter: Chapter,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: str,
    culprit: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    tiny, other = chapter(), chapter(name="02_other")
    (tmp_path / "broken.ipynb").write_text("{")
    (tiny.parent / "twin").mkdir()
    (tiny.parent / "twin" / tiny.name).write_bytes(tiny.read_bytes())
    before = sorted(tmp_path.rglob("*"))

    assert main(arguments.format(tiny=tiny, other=other).split()) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("memgen: ") and culprit in printed.err
    assert printed.err.count("\n") == 1 and printed.err.endswith("\n")
    assert sorted(tmp_path.rglob("*")) == before


def test_run_prints_a_table_and_exits_with_the_verdict(
    chapter: Chapter, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = str(chapter()), str(tmp_path / "out")
    assert main(["run", path, "--out", out, "-p", "n", "5", "-p", "grid", "[2]"]) == 0
    assert capsys.readouterr().out.splitlines()[1].split()[2:] == ["2/2", "1.2"]
    assert any("n = 5" in cell.source for cell in read(tmp_path / "out" / "01_tiny.ipynb").cells)

    assert main(["run", path, "--out", out, "-p", "n", "50"]) == 0  # what is open is no failure
    printed = capsys.readouterr()
    assert printed.out.splitlines()[1].split()[2:] == ["1/2,", "1", "open", "1.2"]
    assert printed.err.splitlines()[-1].endswith("; open, not ruled out: sum")

    assert main(["run", path, "--out", out, "-p", "n", "500", "--json"]) == 1
    (row,) = json.loads(capsys.readouterr().out)
    assert row.pop("seconds") > 0
    assert row == {
        "notebook": "01_tiny",
        "passed": 1,
        "checks": 2,
        "open": 0,
        "worst_z": 1.25,
        "problem": "01_tiny: checks not passed: sum",
    }


def test_help_is_there_at_once() -> None:
    script = (
        "import sys; from memgen.app.cli import main; assert main(['run', '--help']) == 0\n"
        "slow = {'torch', 'sympy', 'papermill', 'nbformat', 'pydantic', 'numpy', 'dask'} & set(sys.modules)\n"
        "assert not slow, f'imported: {slow}'"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "-p NAME VALUE" in done.stdout
    done = subprocess.run([MEMGEN, "--help"], capture_output=True, text=True, check=True)
    assert "Usage: memgen" in done.stdout


def test_an_interrupt_ends_the_run_and_its_kernel(chapter: Chapter, tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    say_pid = f"import os, pathlib\npathlib.Path({str(pid)!r}).write_text(str(os.getpid()))"
    path = chapter(say_pid, "import time\ntime.sleep(999)")
    script = LAUNCH + (
        "import types, conftest\n"
        "tiny = types.ModuleType('memgen.experiments.tiny'); tiny.Params = conftest.TinyParams\n"
        "sys.modules[tiny.__name__] = tiny; sys.exit(memgen.app.cli.main())"
    )
    with python(script, "run", path, "--out", tmp_path / "out") as process:
        wait(lambda: pid.exists() and pid.read_text() != "")
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=200)
    assert process.returncode == 130
    assert err.split("\n") == [
        "01_tiny: started",
        "",
        "memgen: interrupted",
        "",
    ]  # the gap: click ends the ^C line
    assert os.listdir(tmp_path / "out") == ["01_tiny.failed.ipynb"]
    wait(lambda: not psutil.pid_exists(int(pid.read_text())))
