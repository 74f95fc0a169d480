"""One sweep in a folder at a time: a second is told so, and a lock ends with the process that holds it."""

import errno
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import psutil
import pytest
from toy import Params, alive, calls, cell, content, grid, python, stored, wait

from memgen.app.cli import main
from memgen.errors import BadInput, Failure
from memgen.runs import lock
from memgen.runs.sweep import sweep


def test_a_second_sweep_in_the_same_folder_is_told_so_and_does_no_harm(
    toy: None, tmp_path: Path, notes: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    params = Params(preset="paper", notes=str(notes))
    to = stored(tmp_path, params)
    (notes / "hold 3").touch()
    with ThreadPoolExecutor(1) as other, ThreadPoolExecutor(1) as pool:
        first = other.submit(sweep, cell, grid(params), pool, to)
        wait(lambda: 3 in calls(notes))
        (own := to.shards / ".0003-x.parquet.1.partial").touch()
        capfd.readouterr()
        before = content(to.shards)
        for more in ([], ["-p", "scale", "3"]):  # whatever it would compute
            assert main(["sweep", "toy", "--out", str(tmp_path), "-p", "notes", str(notes), *more]) == 1
            holder = f"process {os.getpid()} on {os.uname().nodename}"
            assert capfd.readouterr().err == f"memgen: {to.shards}: another sweep is running there ({holder})\n"
        assert content(to.shards) == before and own.exists() and calls(notes) == [0, 1, 2, 3]
        (notes / "hold 3").unlink()
        rows = first.result()
    whole = sweep(cell, grid(Params(preset="paper")))
    pd.testing.assert_frame_equal(rows, whole, check_exact=True)
    assert list(to.path.parent.iterdir()) == [to.path]


def test_a_lock_is_free_again_and_leaves_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "x.shards"
    for _ in range(2):
        with lock.alone(folder):
            with pytest.raises(Failure, match="another sweep is running there"), lock.alone(folder):
                raise AssertionError
            assert [path.name for path in folder.iterdir()] == [lock.NAME]
        assert not folder.exists()
    with pytest.raises(BadInput), lock.alone(folder):
        raise BadInput
    assert not folder.exists()
    with pytest.raises(KeyboardInterrupt), lock.alone(folder):
        raise KeyboardInterrupt  # whoever has a cell in hand will write it there
    assert list(folder.iterdir()) == []
    with lock.alone(folder):
        (folder / "kept").touch()
    assert [path.name for path in folder.iterdir()] == ["kept"]


# Holds the folder and forks a process that goes on: that one says its number, once it runs.
HOLD = """
import os, pathlib, sys, time
from memgen.runs import lock
with lock.alone(pathlib.Path(sys.argv[1])):
    if not os.fork():
        print(os.getpid(), flush=True)
    time.sleep(1000)
"""


def test_a_killed_process_holds_no_lock_even_if_a_child_of_it_goes_on(tmp_path: Path) -> None:
    with python(HOLD, tmp_path / "x") as process:
        child = psutil.Process(int(process.stdout.readline()))
        try:
            with pytest.raises(Failure, match=rf"\(process {process.pid} on "), lock.alone(tmp_path / "x"):
                raise AssertionError
            process.kill()
            process.wait()
            assert alive(child)
            with lock.alone(tmp_path / "x"):
                assert alive(child)
        finally:
            child.kill()
    assert not (tmp_path / "x").exists()


def test_a_lock_on_a_file_that_is_removed_meanwhile_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another sweep ends between opening and locking, and takes the file or the whole folder with it."""
    plain, left = lock._lock, [False, True]

    def late(folder: Path, file: int) -> None:
        if left:
            (folder / lock.NAME).unlink()
            if left.pop():
                folder.rmdir()
        plain(folder, file)

    monkeypatch.setattr(lock, "_lock", late)
    with lock.alone(tmp_path / "x"):
        assert not left and (tmp_path / "x" / lock.NAME).exists()


def test_on_a_disk_without_locks_a_sweep_goes_on_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def flock(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(lock.fcntl, "flock", flock)
    to = stored(tmp_path)
    assert len(sweep(cell, grid(Params()), store=to)) == 18
    assert capfd.readouterr().err.startswith(f"{to.shards}: this disk has no locks: start no second sweep there\n")
