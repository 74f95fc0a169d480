"""Sweeps that last: what is finished stays, whoever is killed, and the same command goes on from there."""

import pickle
import re
import signal
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from toy import LAUNCH, Cell, Params, calls, cell, content, grid, python, spoil, stored

from memgen.app.cli import main
from memgen.errors import BadInput, Failure
from memgen.runs import parts, store
from memgen.runs.store import Store
from memgen.runs.sweep import sweep


class Posted(Executor):
    """The least that an executor can be: what it is given is pickled, and run later."""

    def __init__(self) -> None:
        self.post: list[tuple[Future, bytes]] = []

    def submit(self, function: Callable, /, *arguments: object, **named: object) -> Future:
        future: Future = Future()
        letter = pickle.dumps((function, arguments, named))
        pool = ThreadPoolExecutor(1)
        pool.submit(self._answer, future, letter)
        pool.shutdown(wait=False)
        return future

    @staticmethod
    def _answer(future: Future, letter: bytes) -> None:
        function, arguments, named = pickle.loads(letter)
        try:
            future.set_result(pickle.loads(pickle.dumps(function(*arguments, **named))))
        except Exception as error:
            future.set_exception(pickle.loads(pickle.dumps(error)))


EXECUTORS: dict[str, Callable[[], Executor]] = {
    "threads": lambda: ThreadPoolExecutor(3),
    "processes": lambda: ProcessPoolExecutor(2, get_context("spawn")),
    "least": Posted,
}


@pytest.mark.parametrize("executor", EXECUTORS.values(), ids=EXECUTORS)
def test_rows_are_the_same_on_every_executor_with_a_store_and_without(
    tmp_path: Path, executor: Callable[[], Executor], capfd: pytest.CaptureFixture[str]
) -> None:
    cells = grid(Params())
    rows = sweep(cell, cells)
    assert capfd.readouterr().err == ""  # no progress unless there is a terminal or a store
    assert rows.k.tolist() == [k for k in range(6) for _ in range(3)]
    to = stored(tmp_path)
    with executor() as pool:
        pd.testing.assert_frame_equal(sweep(cell, cells, pool), rows, check_exact=True)
        pd.testing.assert_frame_equal(sweep(cell, cells, pool, to), rows, check_exact=True)
    table, made_by = store.read(to.path)
    pd.testing.assert_frame_equal(table, rows, check_exact=True)
    assert made_by["cells"] == 6 and made_by["parameters"] == Params(scale=2).model_dump()
    assert list(to.path.parent.iterdir()) == [to.path]  # the shards are gone
    printed = capfd.readouterr()
    assert printed.out == "" and re.search("6 of 6 cells, 00:0. so far", printed.err)


def unfinished(out: Path, notes: Path, cells: int = 6) -> tuple[Store, Params]:
    """A sweep of which all but the last cell are there, as shards."""
    params = Params(cells=cells, notes=str(notes))
    to = stored(out, params)
    (notes / f"raise {cells - 1}").touch()
    with pytest.raises(Failure, match=f"; {cells - 1} of {cells} cells are safe in {to.shards}, and the same command"):
        sweep(cell, grid(params), store=to)
    (notes / f"raise {cells - 1}").unlink()
    for call in notes.iterdir():
        call.unlink()
    return to, params


def test_sound_shards_are_not_computed_again_and_damaged_ones_are(
    tmp_path: Path, notes: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    to, params = unfinished(tmp_path, notes)
    shards = sorted(to.shards.iterdir())
    assert [path.name[:5] for path in shards] == [f"000{k}-" for k in range(5)] and not to.path.exists()
    shards[1].unlink()
    spoil(shards[4], shards[4].stat().st_size // 2)
    (to.shards / ".0001-x.parquet.17.partial").touch()
    (to.path.parent / f".{to.path.name}.17.partial").touch()
    capfd.readouterr()
    rows = sweep(cell, grid(params), store=to)
    assert calls(notes) == [1, 4, 5]
    printed = capfd.readouterr().err
    assert re.search(rf"^{shards[4]}: .*damaged.*: computed again$", printed, re.MULTILINE)
    assert printed.count("damaged") == 1 and f"{to.path}: 3 of 6 cells are there already\n" in printed
    pd.testing.assert_frame_equal(rows, sweep(cell, grid(Params())), check_exact=True)
    assert list(to.path.parent.iterdir()) == [to.path]


def test_a_finished_sweep_is_not_computed_again_and_its_damaged_cells_are(
    tmp_path: Path, notes: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    params = Params(notes=str(notes))
    to = stored(tmp_path, params)
    rows = sweep(cell, grid(params), store=to)
    assert calls(notes) == [0, 1, 2, 3, 4, 5]
    assert "already" not in capfd.readouterr().err
    before, folder = content(to.path.parent), to.path.parent
    pd.testing.assert_frame_equal(sweep(cell, grid(params), store=to), rows, check_exact=True)
    assert calls(notes) == [0, 1, 2, 3, 4, 5] and content(folder) == before
    assert capfd.readouterr().err == f"{to.path}: 6 of 6 cells are there already\n"

    spoil(to.path, pq.read_metadata(to.path).row_group(4).column(2).data_page_offset + 5)
    pd.testing.assert_frame_equal(sweep(cell, grid(params), store=to), rows, check_exact=True)
    assert calls(notes) == [0, 1, 2, 3, 4, 4, 5]
    printed = capfd.readouterr().err
    assert printed.startswith(f"{to.path}: cell 4: damaged: ") and printed.count("damaged") == 1
    assert f"{to.path}: 5 of 6 cells are there already\n" in printed
    pd.testing.assert_frame_equal(store.read(to.path)[0], rows, check_exact=True)
    assert list(folder.iterdir()) == [to.path]

    to.path.write_bytes(to.path.read_bytes()[:-9])  # without its footer no cell can be read
    pd.testing.assert_frame_equal(sweep(cell, grid(params), store=to), rows, check_exact=True)
    assert len(calls(notes)) == 13
    assert capfd.readouterr().err.startswith(f"{to.path}: damaged")


def test_a_damaged_file_keeps_its_sound_cells_if_the_repair_is_interrupted(tmp_path: Path, notes: Path) -> None:
    params = Params(notes=str(notes))
    to = stored(tmp_path, params)
    rows = sweep(cell, grid(params), store=to)
    found = parts.read(to.path)[0]
    parts.write(to.path, [found[k] for k in (0, 2, 5)])  # as if three cells were damaged
    (notes / "raise 3").touch()
    with pytest.raises(Failure, match=r"^cell 3 of 6, .*; 5 of 6 cells are safe in "):
        sweep(cell, grid(params), store=to)
    assert {part.made_by["position"] for part in parts.read(to.path)[0]} == {0, 2, 5}
    (notes / "raise 3").unlink()
    pd.testing.assert_frame_equal(sweep(cell, grid(params), store=to), rows, check_exact=True)
    assert sorted(calls(notes)) == [0, 1, 1, 2, 3, 3, 3, 4, 4, 5]


# Kills the process when it makes the call named by its last two arguments for the first time: before it, or after it.
KILL_AT = f"""{LAUNCH}
import os, pathlib, toy
sys.modules["memgen.experiments.toy"] = toy
where, when = sys.argv[-2:]
del sys.argv[-2:]
place = {{"rename": pathlib.Path, "remove": pathlib.Path}}[where]
name = {{"rename": "replace", "remove": "unlink"}}[where]
plain = getattr(place, name)
def call(path, *rest, **named):
    if "paper.parquet" in path.name if where == "rename" else path.parent.suffix == ".shards":
        if when == "after":
            plain(path, *rest, **named)
        os.kill(os.getpid(), signal.SIGKILL)
    return plain(path, *rest, **named)
setattr(place, name, call)
sys.exit(memgen.app.cli.main())
"""


@pytest.mark.parametrize(("where", "when"), [("rename", "before"), ("rename", "after"), ("remove", "after")])
def test_a_kill_while_shards_are_joined_loses_nothing(
    toy: None, tmp_path: Path, notes: Path, where: str, when: str, capfd: pytest.CaptureFixture[str]
) -> None:
    params = Params(preset="paper", notes=str(notes))
    to = stored(tmp_path, params)
    (notes / "raise 5").touch()
    with pytest.raises(Failure, match="5 of 6 cells are safe"):  # here: a worker would only take longer to start
        sweep(cell, grid(params), store=to)
    (notes / "raise 5").unlink()
    store.Store.write(to, cell(grid(params)[5]), to.about(grid(params)[5], 5, 6), 0.0)
    begun, shards = calls(notes), content(to.shards)
    assert len(shards) == 6
    arguments = ["sweep", "toy", "--out", str(tmp_path), "-p", "notes", str(notes)]
    with python(KILL_AT, *arguments, where, when) as process:
        process.communicate(timeout=200)
    assert process.returncode == -signal.SIGKILL
    left = content(to.shards)
    if where == "remove":
        assert len(left) == 5 and to.path.exists()  # one of the shards is gone already
    else:
        assert left == shards and to.path.exists() == (when == "after")
    assert main(arguments) == 0
    assert calls(notes) == begun  # nothing is computed again
    rows = sweep(cell, grid(Params(preset="paper")))
    pd.testing.assert_frame_equal(store.read(to.path)[0], rows, check_exact=True)
    assert list(to.path.parent.iterdir()) == [to.path]
    assert "6 of 6 cells are there already" in capfd.readouterr().err


def test_a_cell_that_fails_while_another_finishes_it_is_finished(tmp_path: Path) -> None:
    """As two workers do that a cluster has given the same cell: the first to finish removes their scratch."""
    to, cells = stored(tmp_path), grid(Params())

    def slow(point: Cell) -> pd.DataFrame:
        if point.k == 2:
            to.write(cell(point), to.about(point, 2, 6), 0.0)
            raise OSError("the scratch is gone")
        return cell(point)

    pd.testing.assert_frame_equal(sweep(slow, cells, store=to), sweep(cell, cells), check_exact=True)


class Twice(ThreadPoolExecutor):
    """A cluster that lost what it had, and makes every call again."""

    def submit(self, function: Callable, /, *arguments: object) -> Future:
        super().submit(function, *arguments).result()
        return super().submit(function, *arguments)


def test_a_cell_that_is_finished_is_not_computed_again_when_its_call_is_repeated(tmp_path: Path, notes: Path) -> None:
    params = Params(notes=str(notes))
    with Twice(1) as pool:
        rows = sweep(cell, grid(params), pool, stored(tmp_path, params))
    assert calls(notes) == [0, 1, 2, 3, 4, 5] and len(rows) == 18


def mine(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame({"k": [1]}).to_parquet(path)


def finish(params: Params = Params(), version: int = 1, order: int = 1) -> Callable[[Store], object]:  # noqa: B008
    """Make results of another sweep where this one is to be."""
    return lambda to: sweep(cell, grid(params)[::order], store=replace(stored(Path(), params, version), path=to.path))


FOREIGN: dict[str, tuple[Callable[[Store], object], str]] = {
    "parameters": (finish(Params(seconds=0.01)), "seconds = 0.01, not 0.0"),
    "version": (finish(version=2), "VERSION = 2, not 1"),
    "more cells": (lambda to: sweep(cell, grid(Params(cells=7)), store=to), "number of cells = 7, not 6"),
    "cell": (finish(order=-1), "raise VERSION"),
    "file": (lambda to: mine(to.path), "not results of a sweep: choose another name"),
    "folder": (lambda to: to.path.mkdir(parents=True), "a folder: choose another name"),
    "shard": (lambda to: mine(to.shards / "mine.parquet"), "mine.parquet: not results of a sweep"),
    "text": (lambda to: [mine(to.shards / "x.parquet"), (to.shards / "x.parquet").write_text("")], "not of this sweep"),
}


@pytest.mark.parametrize(("put", "message"), FOREIGN.values(), ids=FOREIGN)
@pytest.mark.parametrize("joined", [True, False], ids=["file", "shards"])
def test_what_does_not_belong_is_refused_before_anything_runs(
    tmp_path: Path, put: Callable[[Store], object], message: str, joined: bool
) -> None:
    to = stored(tmp_path)
    put(to)
    if not joined and to.path.is_file() and "not results" not in message:  # the same, not finished
        to.shards.mkdir()
        for part in parts.read(to.path)[0][:3]:
            parts.write(to.shards / store._name(part.made_by), [part])
        to.path.unlink()
    before = content(to.path.parent), content(to.shards)
    with pytest.raises(BadInput, match=message) as error, ThreadPoolExecutor(1) as pool:
        sweep(never, grid(Params()), pool, to)
    assert re.search(r"toy/standard\.(parquet|shards/[\w-]+\.parquet): ", str(error.value))
    assert (content(to.path.parent), content(to.shards)) == before


def never(point: Cell) -> pd.DataFrame:
    raise AssertionError("this cell must not run")


@pytest.mark.parametrize("executor", [None, lambda: ThreadPoolExecutor(1)], ids=["in process", "threads"])
def test_cells_that_raise_are_named_and_the_others_go_on(
    tmp_path: Path, notes: Path, executor: Callable[[], Executor] | None, capsys: pytest.CaptureFixture[str]
) -> None:
    params = Params(cells=20, notes=str(notes))
    to = stored(tmp_path, params)
    for k in (2, 5):
        (notes / f"raise {k}").touch()
    with pytest.raises(
        Failure,
        match=r"^cell 2 of 20, Cell\(k=2, .*\): ZeroDivisionError: no luck \(and 1 more\); 18 of 20 cells are safe in ",
    ):
        if executor:
            with executor() as pool:
                sweep(cell, grid(params), pool, to)
        else:
            sweep(cell, grid(params), store=to)
    complaints = [line for line in capsys.readouterr().err.splitlines() if "no luck" in line]
    assert [line.partition(",")[0] for line in complaints] == ["cell 2 of 20", "cell 5 of 20"]
    assert calls(notes) == list(range(20)) and len(kept := content(to.shards)) == 18
    (notes / "raise 2").unlink()
    with pytest.raises(Failure, match=r"^cell 5 of 20, .*no luck; 19 of 20"):
        sweep(cell, grid(params), store=to)
    assert {name: content(to.shards)[name] for name in kept} == kept
    (notes / "raise 5").unlink()
    assert len(sweep(cell, grid(params), store=to)) == len(store.read(to.path)[0]) == 60


def test_rows_that_cannot_be_kept_fail_their_cell(tmp_path: Path) -> None:
    to = stored(tmp_path)
    with pytest.raises(Failure, match=r"^cell 0 of 6, .*list"):
        sweep(lambda point: [1], grid(Params()), store=to)
    assert list(to.shards.iterdir()) == []


def test_cells_with_other_columns_are_named_and_their_shards_stay(tmp_path: Path) -> None:
    to = stored(tmp_path)
    with pytest.raises(Failure, match=r"cell 3 has the columns .*; 6 of 6 cells are safe in .*\.shards"):
        sweep(
            lambda point: cell(point).rename(columns={"value": "v"} if point.k == 3 else {}), grid(Params()), store=to
        )
    assert len(content(to.shards)) == 6 and not to.path.exists()


def test_a_full_disk_at_the_end_leaves_the_shards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    to = stored(tmp_path)
    plain = parts.write

    def full(path: Path, found: list) -> None:
        if path == to.path:
            raise OSError("the disk is full")
        plain(path, found)

    monkeypatch.setattr(parts, "write", full)
    with pytest.raises(Failure, match=r"standard.parquet: cannot be written: the disk is full; 6 of 6 cells are safe"):
        sweep(cell, grid(Params()), store=to)
    monkeypatch.undo()
    assert len(sweep(never, grid(Params()), store=to)) == 18


def test_the_command_line_says_on_stdout_where_the_rows_are_and_all_else_on_stderr(
    toy: None, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    arguments = ["sweep", "toy", "--preset", "smoke", "--out", str(tmp_path / "a" / "b"), "--workers", "9"]
    arguments += ["-p", "cells", "2", "-p", "notes", ""]
    path = tmp_path / "a" / "b" / "toy" / "smoke.parquet"
    assert main(arguments) == 0
    printed = capfd.readouterr()
    assert printed.out == f"{path}\n"
    said = r"toy/smoke: 0 of 2 cells, .*\ntoy/smoke: 2 of 2 cells, 00:\d\d so far, 00:00 left\n"
    assert re.fullmatch(said, printed.err), printed.err
    table, made_by = store.read(path)
    params = Params(preset="smoke", cells=2)
    pd.testing.assert_frame_equal(table, sweep(cell, grid(params)), check_exact=True)
    assert made_by["command"] == "memgen sweep toy --preset smoke --workers 9 -p cells 2 -p notes ''"
    assert (made_by["version"], made_by["parameters"]) == (1, params.resolved().model_dump())
    before = content(path.parent)
    assert main(arguments) == 0  # there is nothing left to do
    printed = capfd.readouterr()
    assert (printed.out, printed.err) == (f"{path}\n", f"{path}: 2 of 2 cells are there already\n")
    assert content(path.parent) == before


def test_the_command_line_refuses_what_it_cannot_go_on_with(
    toy: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "toy"
    sweep(cell, grid(Params()), store=stored(tmp_path))
    arguments = ["sweep", "toy", "--preset", "standard", "--out", str(tmp_path)]

    def refused(message: str, *more: str) -> None:
        before = content(folder)
        capfd.readouterr()
        assert main([*arguments, *more]) == 2
        printed = capfd.readouterr()
        assert printed.out == "" and re.fullmatch(rf"memgen: .*{message}.*\n", printed.err), printed.err
        assert content(folder) == before

    assert main(arguments) == 0
    refused(r"toy/standard.parquet: .*scale = 2.0, not 3.0", "-p", "scale", "3")
    monkeypatch.setattr("toy.VERSION", 2)
    refused(r"toy/standard.parquet: .*VERSION = 1, not 2")
    monkeypatch.setattr("toy.VERSION", 1)
    (tmp_path / "file").touch()
    refused("file/toy/standard.shards: nothing can be written there: Not a dir", "--out", str(tmp_path / "file"))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "toy").touch()
    long = "x" * 220  # it fits, but not the name under which the file is written first
    refused("x…: File name too long", "--out", str(tmp_path / "new"), "--name", long)
    assert not (tmp_path / "new").exists()
    refused("out/toy/standard.shards: nothing can be written there: Not a dir", "--out", str(tmp_path / "out"))
    refused("/proc/toy/standard.shards: nothing can be written there: ", "--out", "/proc")  # not even for root


def test_a_sweep_with_other_parameters_goes_beside_the_first_under_a_name(
    toy: None, tmp_path: Path, notes: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """And a cell that raises in a worker is told when it does and at the end."""
    sweep(cell, grid(Params(preset="paper")), store=stored(tmp_path, Params(preset="paper")))
    (notes / "raise 4").touch()
    capfd.readouterr()
    arguments = ["sweep", "toy", "--out", str(tmp_path), "--name", "20-cells"]
    arguments += ["-p", "notes", str(notes), "-p", "cells", "20"]
    assert main(arguments) == 1
    printed = capfd.readouterr()
    complaint = r"cell 4 of 20, Cell\(k=4, .*\): ZeroDivisionError: no luck"
    said = (
        rf"(toy/20-cells: .*\n)+{complaint}\n(toy/20-cells: .*\n)*memgen: {complaint}; 19 of 20 cells are safe in .*\n"
    )
    assert printed.out == "" and re.fullmatch(said, printed.err), printed.err
    assert len(content(tmp_path / "toy" / "20-cells.shards")) == 19
    with pytest.raises(BadInput, match=r"20-cells\.parquet: the sweep is not finished"):
        store.read(tmp_path / "toy" / "20-cells.parquet")
    assert list(content(tmp_path / "toy")) == ["paper.parquet"]


@pytest.mark.parametrize(
    ("workers", "said"),
    [
        (1000, r"memgen: 1000 worker processes on \d+ cores: at most \d+\n"),
        (10**30, r"memgen: Invalid value for '--workers': 10+ is not in the range 1<=x<=1024.\n"),
    ],
)
def test_more_workers_than_a_machine_can_bear_are_refused(
    toy: None,
    tmp_path: Path,
    workers: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    assert main(["sweep", "toy", "--out", str(tmp_path), "--workers", str(workers)]) == 2
    assert re.fullmatch(said, capfd.readouterr().err) and list(tmp_path.iterdir()) == []
