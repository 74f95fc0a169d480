"""A sweep that is stopped, by Ctrl-C, a signal or a kill: no finished cell is lost, and no process is left."""

import os
import re
import signal
import subprocess
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import psutil
import pytest
from toy import Params, alive, calls, cell, content, grid, start, stored, wait

from memgen.runs import parts, progress
from memgen.runs.sweep import sweep
from memgen.runs.workers import Workers


def test_workers_never_notice_an_interrupt_and_their_start_is_not_torn(
    interruptible: None, monkeypatch: pytest.MonkeyPatch
) -> None:
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
        with pytest.raises(KeyboardInterrupt), Workers(1) as pool:
            pool.submit(time.sleep)
    assert ends == [True]


def test_an_interrupt_while_a_shard_is_written_is_heard_when_it_is_there(
    interruptible: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    to, plain = stored(tmp_path), parts.write

    def write(path: Path, found: list) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.01)
        plain(path, found)

    monkeypatch.setattr(parts, "write", write)
    with pytest.raises(KeyboardInterrupt):
        sweep(cell, grid(Params()), store=to)
    assert [name[:4] for name in content(to.shards)] == ["0000"]


def test_lines_of_progress_that_have_not_begun_can_be_closed() -> None:
    """As when an interrupt comes while they are made."""
    lines = progress._Lines.__new__(progress._Lines)
    lines.disable = False
    lines.close()


def kill_parent(process: subprocess.Popen) -> None:
    process.kill()


def kill_group(process: subprocess.Popen) -> None:
    os.killpg(process.pid, signal.SIGKILL)


def kill_worker(process: subprocess.Popen) -> None:
    workers = [child for child in psutil.Process(process.pid).children() if "spawn_main" in " ".join(child.cmdline())]
    workers[-1].kill()


# After so many shards in all, who is killed, and how many workers there are.
KILLS = [(0, kill_parent, 1), (2, kill_worker, 2), (9, kill_group, 1)]


def test_kills_lose_no_finished_cell_and_repeat_none(tmp_path: Path, notes: Path) -> None:
    params = Params(preset="paper", cells=30, seconds=0.05, notes=str(notes))
    to = stored(tmp_path, params)
    kept: dict[str, tuple[bytes, int]] = {}
    for count, kill, workers in KILLS:
        (notes / "hold 20").touch()  # so that no sweep is finished before somebody is killed
        with start(tmp_path, "--workers", str(workers), cells=30, seconds=0.05, notes=notes) as process:
            wait(lambda: len(content(to.shards)) >= count and calls(notes))  # noqa: B023
            family = psutil.Process(process.pid).children(recursive=True)
            assert len(family) >= workers and all(map(alive, family))
            kill(process)
            out, err = process.communicate(timeout=200)
        assert out == ""
        if kill is kill_worker:
            assert process.returncode == 1
            assert re.search(r"^memgen: a worker was killed; \d+ of 30 cells are safe in .*\n\Z", err, re.MULTILINE)
        else:
            assert process.returncode == -signal.SIGKILL
        wait(lambda: not any(map(alive, family)))  # noqa: B023 (there are no orphans)
        now = content(to.shards)
        assert count <= len(now) < 30 and not to.path.exists()
        assert {name: now[name] for name in kept} == kept
        kept = now
    begun = len(calls(notes))
    assert begun - len(kept) <= sum(workers for _, _, workers in KILLS)  # a kill costs what the workers had in hand
    (notes / "hold 20").unlink()
    rows = sweep(cell, grid(params), store=to)
    assert len(calls(notes)) - begun == 30 - len(kept)
    whole = sweep(cell, grid(params.model_copy(update={"notes": "", "seconds": 0})))
    pd.testing.assert_frame_equal(rows, whole, check_exact=True)
    assert list(to.path.parent.iterdir()) == [to.path]


def test_sigterm_ends_a_sweep_and_says_nothing(tmp_path: Path) -> None:
    with start(tmp_path, "--workers", "1", cells=9999, seconds=0.2) as process:
        wait(lambda: content(tmp_path / "toy" / "paper.shards"))
        family = psutil.Process(process.pid).children(recursive=True)
        process.terminate()
        out, err = process.communicate(timeout=200)  # until the tracker of its resources has ended too
    assert (process.returncode, out) == (128 + signal.SIGTERM, "")
    assert re.fullmatch(r"(toy/paper: .*\n)*", err), err
    wait(lambda: not any(map(alive, family)))


def test_sigterm_is_what_it_was_when_workers_have_ended() -> None:
    with Workers(1):
        with Workers(1):
            pass
        assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    own = signal.signal(signal.SIGTERM, lambda *_: None)
    try:
        with Workers(1):
            assert signal.getsignal(signal.SIGTERM).__name__ == "<lambda>"
    finally:
        signal.signal(signal.SIGTERM, own)


@pytest.mark.parametrize("shards", [0, 3], ids=["while workers start", "while they work"])
def test_an_interrupt_ends_a_sweep_at_once_and_in_one_line(tmp_path: Path, shards: int) -> None:
    folder = tmp_path / "toy" / "paper.shards"
    with start(tmp_path, "--workers", "1", cells=9999, seconds=0.2) as process:
        wait(lambda: folder.exists() and len(content(folder)) >= shards)
        family = psutil.Process(process.pid).children(recursive=True)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        out, err = process.communicate(timeout=200)  # and not the 2000 s of all cells
    assert (process.returncode, out) == (130, "")
    assert re.fullmatch(r"(toy/paper: .*\n)*\nmemgen: interrupted\n", err), err
    wait(lambda: not any(map(alive, family)))
    assert shards <= len(content(folder)) < 1000
