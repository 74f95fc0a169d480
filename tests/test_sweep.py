"""Sweeps that last: what is finished stays, whoever is killed, and the same command goes on from there."""

import os
import pickle
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pandas as pd
import psutil
import pytest
from toy import Cell, Params, alive, calls, cell, content, grid, start, stored, wait

from memgen.app.cli import main
from memgen.errors import BadInput, Failure
from memgen.runs import store
from memgen.runs.sweep import Workers, sweep


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
    with executor() as pool:
        pd.testing.assert_frame_equal(sweep(cell, cells, pool), rows, check_exact=True)
        pd.testing.assert_frame_equal(sweep(cell, cells, pool, stored(tmp_path)), rows, check_exact=True)
    table, made_by = store.read(tmp_path)
    pd.testing.assert_frame_equal(table, rows, check_exact=True)
    assert made_by["cells"] == 6 and made_by["parameters"] == Params(scale=2).model_dump()
    printed = capfd.readouterr()
    assert printed.out == "" and re.search("6 of 6 cells, 00:00 so far", printed.err)


def test_sound_shards_are_not_computed_again_and_damaged_ones_are(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (notes := tmp_path / "notes").mkdir()
    params = Params(notes=str(notes))
    to = stored(tmp_path / "toy", params)
    rows = sweep(cell, grid(params), store=to)
    assert calls(notes) == [0, 1, 2, 3, 4, 5]
    assert "already" not in capfd.readouterr().err
    before = content(to.folder)
    pd.testing.assert_frame_equal(sweep(cell, grid(params), store=to), rows, check_exact=True)
    assert calls(notes) == [0, 1, 2, 3, 4, 5] and content(to.folder) == before
    assert f"{to.folder}: 6 of 6 cells are there already\n" in capfd.readouterr().err

    shards = sorted(to.folder.iterdir())
    shards[1].unlink()
    spoiled = bytearray(shards[4].read_bytes())
    spoiled[len(spoiled) // 2] ^= 1
    shards[4].write_bytes(spoiled)
    (to.folder / ".0001-x.parquet.17.partial").touch()
    pd.testing.assert_frame_equal(sweep(cell, grid(params), store=to), rows, check_exact=True)
    assert calls(notes) == [0, 1, 1, 2, 3, 4, 4, 5]
    printed = capfd.readouterr().err
    assert re.search(rf"^{shards[4]}: damaged.*: computed again$", printed, re.MULTILINE)
    assert printed.count("damaged") == 1 and "4 of 6 cells are there already\n" in printed
    after = content(to.folder)
    assert after.keys() == before.keys()
    assert sorted(name for name in after if after[name] != before[name]) == [shards[1].name, shards[4].name]


class Twice(ThreadPoolExecutor):
    """A cluster that lost what it had, and makes every call again."""

    def submit(self, function: Callable, /, *arguments: object) -> Future:
        super().submit(function, *arguments).result()
        return super().submit(function, *arguments)


def test_a_cell_that_is_finished_is_not_computed_again_when_its_call_is_repeated(tmp_path: Path) -> None:
    (notes := tmp_path / "notes").mkdir()
    params = Params(notes=str(notes))
    with Twice(1) as pool:
        rows = sweep(cell, grid(params), pool, stored(tmp_path / "toy", params))
    assert calls(notes) == [0, 1, 2, 3, 4, 5] and len(rows) == 18


FOREIGN: dict[str, tuple[Callable[[Path], object], str]] = {
    "parameters": (
        lambda folder: sweep(cell, grid(Params()), store=stored(folder, Params(seconds=0.5))),
        "seconds = 0.5, not 0.0",
    ),
    "version": (lambda folder: sweep(cell, grid(Params()), store=stored(folder, version=2)), "VERSION = 2, not 1"),
    "more cells": (
        lambda folder: sweep(cell, grid(Params(cells=7)), store=stored(folder)),
        "number of cells = 7, not 6",
    ),
    "cell": (lambda folder: sweep(cell, grid(Params())[::-1], store=stored(folder)), "raise VERSION"),
    "file": (lambda folder: pd.DataFrame({"k": [1]}).to_parquet(folder / "mine.parquet"), "mine.parquet: "),
}


@pytest.mark.parametrize(("put", "message"), FOREIGN.values(), ids=FOREIGN)
def test_what_does_not_belong_is_refused_before_anything_runs(
    tmp_path: Path, put: Callable[[Path], object], message: str, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "toy").mkdir()
    put(tmp_path / "toy")
    before = content(tmp_path / "toy")
    with pytest.raises(BadInput, match=message) as error, ThreadPoolExecutor(1) as pool:
        sweep(never, grid(Params()), pool, stored(tmp_path / "toy"))
    assert re.search(rf"toy/({'|'.join(before)}): ", str(error.value))
    assert content(tmp_path / "toy") == before


def never(point: Cell) -> pd.DataFrame:
    raise AssertionError("this cell must not run")


@pytest.mark.parametrize("executor", [None, lambda: ThreadPoolExecutor(1)], ids=["in process", "threads"])
def test_cells_that_raise_are_named_and_the_others_go_on(
    tmp_path: Path, executor: Callable[[], Executor] | None, capsys: pytest.CaptureFixture[str]
) -> None:
    (notes := tmp_path / "notes").mkdir()
    params = Params(cells=20, notes=str(notes))
    to = stored(tmp_path / "toy", params)
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
    assert calls(notes) == list(range(20)) and len(kept := content(to.folder)) == 18
    (notes / "raise 2").unlink()
    with pytest.raises(Failure, match=r"^cell 5 of 20, .*no luck; 19 of 20"):
        sweep(cell, grid(params), store=to)
    (notes / "raise 5").unlink()
    sweep(cell, grid(params), store=to)
    assert {name: content(to.folder)[name] for name in kept} == kept
    assert len(store.read(to.folder)[0]) == 60


def test_rows_that_cannot_be_kept_fail_their_cell(tmp_path: Path) -> None:
    with pytest.raises(Failure, match=r"^cell 0 of 6, .*list"):
        sweep(lambda point: [1], grid(Params()), store=stored(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_the_command_line_says_on_stdout_where_the_shards_are_and_all_else_on_stderr(
    toy: None, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    arguments = ["sweep", "toy", "--preset", "smoke", "--out", str(tmp_path / "a" / "b"), "--workers", "9"]
    arguments += ["-p", "cells", "2", "-p", "notes", ""]
    folder = tmp_path / "a" / "b" / "toy"
    assert main(arguments) == 0
    printed = capfd.readouterr()
    assert printed.out == f"{folder}\n"
    assert re.fullmatch(r"toy: 0 of 2 cells, .*\ntoy: 2 of 2 cells, 00:0\d so far, 00:00 left\n", printed.err)
    table, made_by = store.read(folder)
    params = Params(preset="smoke", cells=2)
    pd.testing.assert_frame_equal(table, sweep(cell, grid(params)), check_exact=True)
    assert made_by["command"] == "memgen sweep toy --preset smoke --workers 9 -p cells 2 -p notes ''"
    assert (made_by["version"], made_by["parameters"]) == (1, params.resolved().model_dump())
    before = content(folder)
    assert main(arguments) == 0  # there is nothing left to do
    printed = capfd.readouterr()
    assert (printed.out, printed.err) == (f"{folder}\n", f"{folder}: 2 of 2 cells are there already\n")
    assert content(folder) == before


def test_the_command_line_refuses_what_it_cannot_go_on_with(
    toy: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "toy"
    sweep(cell, grid(Params()), store=stored(folder))
    arguments = ["sweep", "toy", "--preset", "standard", "--out", str(tmp_path)]

    def refused(message: str, *more: str) -> None:
        before = content(folder)
        capfd.readouterr()
        assert main([*arguments, *more]) == 2
        printed = capfd.readouterr()
        assert printed.out == "" and re.fullmatch(rf"memgen: .*{message}.*\n", printed.err), printed.err
        assert content(folder) == before

    assert main(arguments) == 0
    refused(r"toy/0000-\w*.parquet: .*scale = 2.0, not 3.0", "-p", "scale", "3")
    monkeypatch.setattr("toy.VERSION", 2)
    refused(r"toy/0000-\w*.parquet: .*VERSION = 1, not 2")
    monkeypatch.undo()
    monkeypatch.setitem(sys.modules, "memgen.experiments.toy", sys.modules["toy"])
    (folder / "mine.parquet").write_text("mine")
    refused("toy/mine.parquet: .*not of this sweep")
    (folder / "mine.parquet").unlink()
    assert main(arguments) == 0
    (tmp_path / "file").touch()
    refused("file/toy: nothing can be written there: Not a directory", "--out", str(tmp_path / "file"))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "toy").touch()
    refused("out/toy: nothing can be written there: File exists", "--out", str(tmp_path / "out"))
    refused("/proc/toy: nothing can be written there: ", "--out", "/proc")  # not even for root


def test_a_cell_that_raises_in_a_worker_is_told_when_it_does_and_at_the_end(
    toy: None, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (notes := tmp_path / "notes").mkdir()
    (notes / "raise 4").touch()
    arguments = ["sweep", "toy", "--out", str(tmp_path), "-p", "notes", str(notes), "-p", "cells", "20"]
    assert main(arguments) == 1
    printed = capfd.readouterr()
    complaint = r"cell 4 of 20, Cell\(k=4, .*\): ZeroDivisionError: no luck"
    said = rf"toy: .*\n{complaint}\n(toy: .*\n)*memgen: {complaint}; 19 of 20 cells are safe in .*\n"
    assert printed.out == "" and re.fullmatch(said, printed.err), printed.err
    assert len(list((tmp_path / "toy").glob("*.parquet"))) == 19


def test_workers_never_notice_an_interrupt_and_their_start_is_not_torn(monkeypatch: pytest.MonkeyPatch) -> None:
    with Workers(1) as pool:
        assert signal.SIGINT in pool.submit(signal.pthread_sigmask, signal.SIG_BLOCK, ()).result()
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())
    ends = []

    def submit(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.01)
        ends.append(True)

    with ThreadPoolExecutor(1) as other:  # the system may hand the signal to any thread that does not block it
        other.submit(time.sleep, 0.2)
        monkeypatch.setattr(ProcessPoolExecutor, "submit", submit)
        with pytest.raises(KeyboardInterrupt):
            Workers(1).submit(time.sleep)
    assert ends == [True]


def kill_parent(process: subprocess.Popen) -> None:
    process.kill()


def kill_group(process: subprocess.Popen) -> None:
    os.killpg(process.pid, signal.SIGKILL)


def kill_worker(process: subprocess.Popen) -> None:
    workers = [child for child in psutil.Process(process.pid).children() if "spawn_main" in " ".join(child.cmdline())]
    workers[-1].kill()


# After so many shards in all, who is killed, and how many workers there are.
KILLS = [(0, kill_parent, 1), (2, kill_worker, 2), (6, kill_group, 1), (11, kill_parent, 2), (17, kill_group, 1)]


def test_five_kills_lose_no_finished_cell_and_repeat_none(tmp_path: Path) -> None:
    (notes := tmp_path / "notes").mkdir()
    params = Params(preset="paper", cells=30, seconds=0.05, notes=str(notes))
    folder = tmp_path / "toy"
    kept: dict[str, tuple[bytes, int]] = {}
    for count, kill, workers in KILLS:
        with start(tmp_path, "--workers", str(workers), cells=30, seconds=0.05, notes=notes) as process:
            wait(lambda: len(list(folder.glob("*.parquet"))) >= count and calls(notes))  # noqa: B023
            family = psutil.Process(process.pid).children(recursive=True)
            assert len(family) >= workers and all(map(alive, family))
            kill(process)
            out, err = process.communicate(timeout=30)
        assert out == ""
        if kill is kill_worker:
            assert process.returncode == 1
            assert re.search(r"^memgen: a worker was killed; \d+ of 30 cells are safe in .*\n\Z", err, re.MULTILINE)
        else:
            assert process.returncode == -signal.SIGKILL
        wait(lambda: not any(map(alive, family)))  # noqa: B023 (there are no orphans)
        now = {name: said for name, said in content(folder).items() if name.endswith(".parquet")}
        assert count <= len(now) < 30
        assert {name: now[name] for name in kept} == kept
        kept = now
    begun = len(calls(notes))
    assert begun - len(kept) <= sum(workers for _, _, workers in KILLS)  # a kill costs what the workers had in hand
    with start(tmp_path, "--workers", "2", cells=30, seconds=0.05, notes=notes) as process:
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, f"{folder}\n")
    assert f"{folder}: {len(kept)} of 30 cells are there already\n" in err
    assert len(calls(notes)) - begun == 30 - len(kept)
    after = content(folder)
    assert len(after) == 30 and {name: after[name] for name in kept} == kept
    with Workers(1) as pool:
        whole = sweep(cell, grid(params), pool, stored(tmp_path / "whole", params))
    pd.testing.assert_frame_equal(store.read(folder)[0], whole, check_exact=True)


@pytest.mark.parametrize("shards", [0, 3], ids=["while workers start", "while they work"])
def test_an_interrupt_ends_a_sweep_at_once_and_in_one_line(tmp_path: Path, shards: int) -> None:
    folder = tmp_path / "toy"
    with start(tmp_path, "--workers", "1", cells=400, seconds=0.2) as process:
        wait(lambda: folder.exists() and len(list(folder.glob("*.parquet"))) >= shards)
        family = psutil.Process(process.pid).children(recursive=True)
        at = time.monotonic()
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        out, err = process.communicate(timeout=30)
        assert time.monotonic() - at < 10  # and not the 80 s of all cells
    assert (process.returncode, out) == (130, "")
    assert re.fullmatch(r"(toy: .*\n)*\nmemgen: interrupted\n", err), err
    wait(lambda: not any(map(alive, family)))
    assert shards <= len(list(folder.glob("*.parquet"))) < 100
