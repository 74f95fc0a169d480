"""The runner, on a chapter small enough for it: parameters, execution, summaries, refresh."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

import nbformat
import numpy as np
import pytest

from memgen.app.chapters import find
from memgen.app.notebooks import read, run, run_all, validate
from memgen.app.outcome import Result, summarise, table
from memgen.app.refresh import END, START, canonicalise, dumps, refresh, with_table
from memgen.errors import BadInput
from memgen.runs.parameters import ParameterError
from theory.checks.report import Outcome, Summary

Chapter = Callable[..., Path]


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("n", "64", 64),
        ("n", 64, 64),
        ("tau", "0.5", 0.5),
        ("tau", "-1e3", -1000.0),
        ("tau", "null", None),
        ("tau", "None", None),
        ("grid", "[0.2, 5]", [0.2, 5.0]),
        ("grid", (0.2, 5), [0.2, 5.0]),
        ("label", "64", "64"),
        ("label", "true", "true"),
        ("preset", "smoke", "smoke"),
    ],
)
def test_values_take_the_declared_type(chapter: Chapter, name: str, text: object, value: object) -> None:
    found = validate(chapter(), {name: text})
    assert found == {name: value}
    assert type(found[name]) is type(value)
    assert json.loads(json.dumps(found)) == found


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"foo": "1"}, "unknown parameter 'foo' (known: grid, label, n, preset, tau)"),
        ({"n": "0"}, "n = 0: must be at least 1"),
        ({"n": "1.5"}, "n = 1.5: must be a whole number"),
        ({"n": "true"}, "n = true: must be a whole number"),
        ({"n": "null"}, "n = None: must be a whole number"),
        ({"n": "[1]"}, "n = [1]: must be a whole number"),
        ({"n": "9" * 5000}, f"n = {'9' * 59}…: must be a whole number, and not so long"),
        ({"tau": "nan"}, "tau = nan: must be finite"),
        ({"tau": "-inf"}, "tau = -inf: must be finite"),
        ({"tau": float("nan")}, "tau = nan: must be finite"),
        ({"tau": "x\ny"}, "tau = x y: must be a number"),
        ({"grid": "[1, NaN]"}, "grid[1] = nan: must be finite"),
        ({"grid": "[" * 100_000}, f"grid = {'[' * 59}…: must be a list such as [1, 2]"),
        ({"grid": "1, 2"}, "grid = 1, 2: must be a list such as [1, 2]"),
        ({"preset": "fast"}, "preset = fast: must be 'smoke' or 'standard'"),
        ({"label": "few", "n": "4"}, "label = few, n = 4: few means at most 3"),
        ({"n": "0", "tau": "x", "foo": "1"}, "n = 0: must be at least 1 (and 2 more)"),
    ],
)
def test_a_bad_value_is_named_on_one_line(chapter: Chapter, parameters: dict[str, object], message: str) -> None:
    with pytest.raises(ParameterError) as error:
        validate(chapter(), parameters)
    text = str(error.value)
    assert text.startswith(f"01_tiny: {message}")
    assert "\n" not in text and len(text) < 300


def test_numpy_numbers_are_plain_in_the_notebook_or_refused(chapter: Chapter) -> None:
    assert type(validate(chapter(), {"tau": np.float64(2)})["tau"]) is float
    assert type(validate(chapter(), {"n": np.int64(2)})["n"]) is int


def test_notebooks_are_found_by_path_name_number_and_experiment(chapter: Chapter) -> None:
    one, two = chapter(), chapter(name="02_other")
    folder = one.parent
    assert find((), folder) == [one, two]
    assert find(("02", "01_tiny", str(one), "tiny"), folder) == [two, one]
    with pytest.raises(BadInput, match=r"unknown notebook '3' \(known: 01_tiny, 02_other\)"):
        find(("3",), folder)
    with pytest.raises(BadInput, match="no notebooks in"):
        find((), folder / "none")


def test_a_notebook_without_an_experiment_is_named(chapter: Chapter) -> None:
    with pytest.raises(BadInput, match=r"01_tiny: unknown experiment 'nowhere'"):
        validate(chapter(experiment="nowhere"), {})
    path = chapter()
    nbformat.write(nbformat.v4.new_notebook(), path)
    with pytest.raises(BadInput, match="01_tiny: the metadata names no experiment"):
        validate(path, {})


def test_a_run_uses_this_interpreter_and_the_notebooks_folder(
    chapter: Chapter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "jupyter" / "kernels" / "python3"  # a kernel of the same name that a user has installed
    other.mkdir(parents=True)
    (other / "kernel.json").write_text('{"argv": ["false"], "display_name": "x", "language": "python"}')
    monkeypatch.setenv("JUPYTER_PATH", str(other.parents[1]))
    monkeypatch.setenv("MPLBACKEND", "agg")
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    path = chapter(
        "import json, os, sys",
        "facts = [sys.executable, os.getcwd(), os.environ['OMP_NUM_THREADS'], os.environ['MPLBACKEND']]",
        "print(json.dumps(facts))\nprint(n, tau, grid, label)",
    )
    out = tmp_path / "deep" / "out"
    result = run(path, out, {"n": "7", "tau": "null", "grid": "[0.5]", "label": "8"})
    assert result.problem is None and result.summary is not None
    assert (result.summary.passed, result.summary.worst_z) == (2, 1.25)
    assert os.listdir(out) == ["01_tiny.ipynb"]
    (stream,) = (o for c in read(out / path.name).cells for o in c.get("outputs", []) if "text" in o)
    facts, values = stream.text.splitlines()
    backend = "module://matplotlib_inline.backend_inline"
    assert json.loads(facts) == [sys.executable, str(path.parent), "1", backend]
    assert values == "7 None [0.5] 8"


@pytest.mark.parametrize(
    ("cells", "checks", "message"),
    [
        (["a = 1", "1 / 0"], "", "01_tiny: cell [3]: ZeroDivisionError: division by zero"),
        (["raise ValueError('two\\nlines')"], "", "01_tiny: cell [2]: ValueError: two lines"),
        (["import os; os._exit(1)"], "", "01_tiny: Kernel died"),
        ([], "print('nothing')", "01_tiny: emits no checks"),
        (
            [],
            "from IPython.display import display\n"
            "display({'application/vnd.memgen.checks+json': {'question': 'x'}}, raw=True)",
            "01_tiny: emits malformed checks: 3 validation errors",
        ),
    ],
)
def test_a_failed_run_names_the_cell_and_keeps_what_there_is(
    chapter: Chapter, tmp_path: Path, cells: list[str], checks: str, message: str
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "01_tiny.ipynb").write_text("an earlier result")
    result = run(chapter(*cells, checks=checks), out)
    assert result.summary is None and result.error is not None and result.problem == result.error
    assert result.error.startswith(message) and "\n" not in result.error
    assert os.listdir(out) == ["01_tiny.failed.ipynb"]


def test_all_notebooks_are_validated_before_one_runs(chapter: Chapter, tmp_path: Path) -> None:
    good, bad = chapter(), chapter(name="02_bad", experiment="nowhere")
    with pytest.raises(BadInput, match="02_bad"):
        run_all([good, bad], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_side_by_side_runs_report_in_order(
    chapter: Chapter, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    slow = chapter("import time; time.sleep(1)")
    names = [slow, chapter("assert n < 10, 'n is large'", name="02_fails"), chapter(name="03_unsure")]
    results = run_all(names, tmp_path / "out", {"n": 100})
    assert all(result.problem for result in results)
    printed = capsys.readouterr()
    assert printed.out == ""
    assert sorted(printed.err.splitlines()[:2]) == ["01_tiny: started", "02_fails: started"]
    assert "02_fails: cell [3]: AssertionError: n is large" in printed.err
    lines = [line.split() for line in table(results).splitlines()]
    assert lines[0] == ["notebook", "seconds", "checks", "worst", "|z|"]
    assert [(line[0], *line[2:]) for line in lines[1:]] == [
        ("01_tiny", "1/2", "1.2"),
        ("02_fails", "failed", "–"),
        ("03_unsure", "1/2", "1.2"),
    ]


def test_only_the_last_code_cell_counts(chapter: Chapter, tmp_path: Path) -> None:
    path = chapter()
    run(path, tmp_path / "out")
    notebook = read(tmp_path / "out" / path.name)
    assert summarise(notebook).question == "Does it run?"
    notebook.cells.append(nbformat.v4.new_code_cell("pass"))
    with pytest.raises(BadInput, match="emits no checks"):
        summarise(notebook)


def test_canonical_notebooks_lose_the_noise_and_keep_the_rest(chapter: Chapter, tmp_path: Path) -> None:
    path = chapter("x = 1", "x = 1", "print('a')\nimport sys; sys.stdout.flush()\nprint('b')")
    runs = []
    for out in (tmp_path / "a", tmp_path / "b"):
        assert not run(path, out).problem
        runs.append(read(out / path.name))
    assert dumps(runs[0]) != dumps(runs[1])
    one, two = map(canonicalise, runs)
    assert dumps(one) == dumps(two) == dumps(canonicalise(two))
    assert "papermill" not in dumps(one).decode()
    assert one.metadata.memgen == {"experiment": "tiny"}
    assert [cell.source for cell in one.cells] == [cell.source for cell in runs[0].cells]
    assert one.cells[4].id == f"{one.cells[3].id}-2"
    assert [output.text for output in one.cells[5].outputs] == ["a\nb\n"]
    nbformat.validate(one)

    assert not run(path, tmp_path / "c", {"n": 5}).problem
    assert len(read(tmp_path / "c" / path.name).cells) == len(one.cells) + 1
    assert len(canonicalise(read(tmp_path / "c" / path.name)).cells) == len(one.cells)


def test_a_second_refresh_changes_nothing(chapter: Chapter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = chapter("import matplotlib.pyplot as plt\nplt.plot(grid)\nplt.show()")
    source = read(path)
    source.cells[3].metadata["tags"] = ["readme-figure"]
    nbformat.write(source, path)
    readme, figure = tmp_path / "README.md", tmp_path / "docs" / "figure.png"
    figure.parent.mkdir()
    readme.write_text(f"before\n{START}\n{END}\nafter\n")

    assert not any(result.problem for result in refresh(tmp_path))
    files = [path, readme, figure]
    first = [file.read_bytes() for file in files]
    assert first[2].startswith(b"\x89PNG")
    head, start, _, _, row, end, tail = readme.read_text().splitlines()
    assert (head, start, end, tail) == ("before", START, END, "after")
    begin = "| [01_tiny](notebooks/01_tiny.ipynb) | Does it run? | 1.2 | "
    assert row.startswith(begin) and re.search(r"\| \d+ \|$", row)

    times = [file.stat().st_mtime_ns for file in files]
    assert not any(result.problem for result in refresh(tmp_path))
    assert [file.read_bytes() for file in files] == first
    assert [file.stat().st_mtime_ns for file in files] == times


@pytest.mark.parametrize(("cell", "problem", "opened"), [("1 / 0", True, []), ("n = 50", False, ["sum"])])
def test_a_refresh_with_failed_or_open_checks_changes_nothing(
    chapter: Chapter, tmp_path: Path, cell: str, problem: bool, opened: list[str]
) -> None:
    paths = [chapter(), chapter(cell, name="02_other")]
    (tmp_path / "README.md").write_text(f"{START}\n{END}\n")
    before = [path.read_bytes() for path in paths]
    assert [(bool(result.problem), result.open) for result in refresh(tmp_path)] == [(False, []), (problem, opened)]
    assert [path.read_bytes() for path in paths] == before
    assert (tmp_path / "README.md").read_text() == f"{START}\n{END}\n"


@pytest.mark.parametrize(("seconds", "kept"), [(30.0, 20), (13.6, 20), (31.0, 31), (13.0, 13)])
def test_the_runtime_changes_only_when_it_differs_much(seconds: float, kept: int) -> None:
    summary = Summary(question="q", formula="f", source="s", checks=(Outcome(name="c", z=1.0, passed=True),))
    before = with_table(f"{START}\n{END}\n", [Result("01_a", 20.0, summary)])
    after = with_table(before, [Result("01_a", seconds, summary)])
    assert f"| {kept} |" in after
