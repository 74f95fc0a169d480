"""Sweeps on a real Dask scheduler with two worker processes: whoever dies, no row is lost and none is there twice."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from pathlib import Path

import pytest
from distributed import Client
from toy import SCRIPT, Params, calls, cell, content, grid, same, start, wait

from memgen.app.cli import main
from memgen.runs import cluster, store

TESTS = Path(__file__).parent


class Cluster:
    """A scheduler and its workers, each a process that works in the folder; nobody starts again what was killed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.processes: list[subprocess.Popen] = []
        self.workers: list[subprocess.Popen] = []
        self.scheduler = self._start("scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", "at.json")
        wait(lambda: self._address())
        self.address = self._address()
        self.client = Client(self.address, timeout=200, set_as_default=False)

    def _start(self, what: str, *options: str) -> subprocess.Popen:
        # A cell may kill two workers: the third time is one too many, and nobody has to start four.
        environment = {
            "PYTHONPATH": str(TESTS),
            "TMPDIR": str(self.folder),
            "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1",
        }
        with (self.folder / f"{what}.log").open("a") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.dask_{what}", "--no-dashboard", *options],
                cwd=self.folder, env=os.environ | environment, stdout=log, stderr=log,
            )  # fmt: skip
        self.processes.append(process)
        return process

    def _address(self) -> str:
        try:
            return json.loads((self.folder / "at.json").read_text())["address"]
        except (OSError, ValueError):  # not there yet, or not all of it
            return ""

    def work(self, workers: int) -> None:
        """Start workers, or kill some, until there are so many."""
        self.workers = [worker for worker in self.workers if worker.poll() is None]
        while len(self.workers) > workers:
            self.kill(self.workers[0].pid)
        while len(self.workers) < workers:
            options = ["--nthreads", "1", "--no-nanny", "--host", "127.0.0.1"]
            self.workers.append(self._start("worker", self.address, *options))
        wait(lambda: len(self.client.nthreads()) == workers)

    def kill(self, pid: int) -> None:
        (worker,) = (worker for worker in self.workers if worker.pid == pid)
        worker.kill()
        worker.wait()
        self.workers.remove(worker)

    def tasks(self) -> int:
        """How many cells the scheduler has to do with."""
        return self.client.run_on_scheduler(lambda dask_scheduler: len(dask_scheduler.tasks))

    def given(self) -> int:
        """How many cells the workers have to do with; they hear of it a little later."""
        return sum(self.client.run(lambda dask_worker: len(dask_worker.state.tasks)).values())

    def close(self) -> None:
        self.client.close()
        for process in self.processes:
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    shared = Cluster(tmp_path_factory.mktemp("cluster"))
    try:
        yield shared
    finally:
        shared.close()


@pytest.fixture
def two(shared: Cluster) -> Cluster:
    """The cluster with two workers and nothing to do."""
    shared.work(2)
    wait(lambda: not shared.tasks())
    return shared


def on(address: str) -> list[str]:
    return ["--executor", "dask", "--scheduler-address", address]


def asked(at: Cluster, out: Path, **parameters: object) -> list[str]:
    given = [word for name, value in parameters.items() for word in ("-p", name, str(value))]
    return ["sweep", "toy", "--out", str(out), *on(at.address), *given]


def hold(notes: Path, *cells: int) -> None:
    for k in cells:
        (notes / f"hold {k}").touch()


def release(notes: Path, *cells: int) -> None:
    for k in cells:
        (notes / f"hold {k}").unlink()


def begun(notes: Path, k: int | str = "*") -> list[int]:
    """The processes in which this cell, or any, was begun."""
    return [int(path.name.split()[1]) for path in notes.glob(f"{k} * *")]


def meanwhile(deed: Callable[[], None], arguments: list[str]) -> int:
    """The exit status of the command, while something else is done to it."""
    with ThreadPoolExecutor(1) as other:
        done = other.submit(deed)
        status = main(arguments)
        done.result()
    return status


def test_workers_in_another_folder_write_where_the_reader_said(
    toy: None, two: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = asked(two, Path("some/where"), cells=12, notes="")
    assert main(arguments) == 0
    printed = capfd.readouterr()
    assert printed.out == "some/where/toy/paper.parquet\n"
    said = r"(toy/paper: .*\n)*toy/paper: 12 of 12 cells, 00:\d\d so far, 00:00 left\n"
    assert re.fullmatch(said, printed.err), printed.err
    same(tmp_path / "some" / "where", Params(preset="paper", cells=12))
    command = (
        f"memgen sweep toy --preset paper --executor dask --scheduler-address {two.address} -p cells 12 -p notes ''"
    )
    assert store.read(tmp_path / "some" / "where" / "toy" / "paper.parquet")[1]["command"] == command
    assert not (two.folder / "some").exists()
    before = content(tmp_path / "some" / "where" / "toy")
    assert main(arguments) == 0
    assert content(tmp_path / "some" / "where" / "toy") == before
    assert "12 of 12 cells are there already\n" in capfd.readouterr().err


def test_equal_cells_of_two_sweeps_are_not_taken_for_one(two: Cluster, tmp_path: Path) -> None:
    with cluster.cluster(two.address) as pool:
        first, second = pool.submit(os.urandom, 8), pool.submit(os.urandom, 8)
        assert first.result(200) != second.result(200)


def test_cancelled_calls_never_begin(two: Cluster, tmp_path: Path, notes: Path) -> None:
    hold(notes, *range(20))
    with cluster.cluster(two.address) as pool:
        futures = [pool.submit(cell, one) for one in grid(Params(cells=20, notes=str(notes)))]
        wait(lambda: len(begun(notes)) == 2)
        assert all(future.cancel() for future in futures)
        wait(lambda: not two.tasks() and two.given() == 2)
        hands = calls(notes)
        release(notes, *range(20))
        assert pool.submit(calls, notes).result(200) == hands and len(hands) == 2


def test_no_call_stays_open_if_the_scheduler_is_lost_while_its_result_is_fetched(
    two: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def gather(*_: object, **__: object) -> None:
        raise OSError("closed")

    with cluster.cluster(two.address) as pool:
        monkeypatch.setattr(Client, "gather", gather)
        with pytest.raises(CancelledError):
            pool.submit(os.getpid).result(200)
        monkeypatch.undo()
        with pytest.raises(OSError, match="No such file"):  # what the call itself raises is another matter
            pool.submit(os.stat, "none").result(200)


def test_a_killed_worker_costs_the_cell_that_it_had_in_hand(
    toy: None, two: Cluster, tmp_path: Path, notes: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    hold(notes, *range(12))

    def kill() -> None:
        wait(lambda: len(set(begun(notes))) == 2)  # so that each of them will have finished a cell
        release(notes, *range(11))
        wait(lambda: two.tasks() == 1 and begun(notes, 11))  # the others are neither there nor to be made again
        two.kill(*begun(notes, 11))
        release(notes, 11)

    assert meanwhile(kill, asked(two, tmp_path, cells=12, notes=notes)) == 0
    assert calls(notes) == [*range(11), 11, 11] and len(set(begun(notes, 11))) == 2
    same(tmp_path, Params(preset="paper", cells=12))
    printed = capfd.readouterr()
    assert printed.out == f"{tmp_path}/toy/paper.parquet\n"
    assert re.fullmatch(r"(toy/paper: .*\n)*", printed.err), printed.err


def test_without_workers_a_sweep_waits_for_others(
    toy: None,
    shared: Cluster,
    tmp_path: Path,
    notes: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And says so, whether they are not there yet or not any more."""
    monkeypatch.setattr(cluster, "LOOK", 0.02)
    said = f"{shared.address}: no workers; waiting for some\n"
    shared.work(0)
    hold(notes, *range(6))

    heard: list[str] = []

    def told() -> int:
        heard.append(capfd.readouterr().err)
        return "".join(heard).count(said)

    def come_and_go() -> None:
        wait(shared.tasks)
        shared.work(1)
        wait(lambda: begun(notes))
        shared.work(0)
        wait(lambda: told() == 2)
        release(notes, *range(6))
        shared.work(1)

    assert meanwhile(come_and_go, asked(shared, tmp_path, cells=6, notes=notes)) == 0
    assert len(calls(notes)) == 7  # the first was begun twice
    same(tmp_path, Params(preset="paper", cells=6))
    told()
    assert re.fullmatch(rf"(toy/paper: .*\n)*({said}(toy/paper: .*\n)*){{2}}", "".join(heard)), heard


def test_a_cell_that_raises_is_told_and_the_others_go_on(
    toy: None, two: Cluster, tmp_path: Path, notes: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (notes / "raise 4").touch()
    arguments = asked(two, tmp_path, cells=20, notes=notes)
    assert main(arguments) == 1
    printed = capfd.readouterr()
    complaint = r"cell 4 of 20, Cell\(k=4, .*\): ZeroDivisionError: no luck"
    progress = r"(toy/paper: .*\n)*"
    said = rf"{progress}{complaint}\n{progress}memgen: {complaint}; 19 of 20 cells are safe in .*\n"
    assert printed.out == "" and re.fullmatch(said, printed.err), printed.err
    wait(lambda: not two.tasks())
    assert calls(notes) == list(range(20))
    (notes / "raise 4").unlink()
    assert main(arguments) == 0
    same(tmp_path, Params(preset="paper", cells=20))


def test_a_cell_that_kills_every_worker_ends_the_sweep_and_it_goes_on_from_there(
    toy: None, two: Cluster, tmp_path: Path, notes: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder, arguments = tmp_path / "toy" / "paper.shards", asked(two, tmp_path, cells=8, notes=notes)
    (notes / "die 7").touch()
    assert main(arguments) == 1
    assert calls(notes)[-2:] == [7, 7]
    kept = content(folder)
    printed = capfd.readouterr()
    message = rf"memgen: KilledWorker: .*; {len(kept)} of 8 cells are safe in {folder}, and the same command .*"
    assert kept and re.fullmatch(rf"(toy/paper: .*\n)*{message}\n", printed.err), printed.err
    (notes / "die 7").unlink()
    two.work(1)
    assert main(arguments) == 0
    assert f"{len(kept)} of 8 cells are there already\n" in capfd.readouterr().err
    assert calls(notes)[-3:] == [7, 7, 7] and len(calls(notes)) == 10
    same(tmp_path, Params(preset="paper", cells=8))


def test_an_interrupt_cancels_what_has_not_begun(two: Cluster, tmp_path: Path, notes: Path) -> None:
    hold(notes, *range(400))
    with start(tmp_path, *on(two.address), cells=400, notes=notes) as process:
        wait(lambda: len(begun(notes)) == 2)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        out, err = process.communicate(timeout=200)
    assert (process.returncode, out) == (130, "")
    assert re.fullmatch(r"(toy/paper: .*\n)*\nmemgen: interrupted\n", err), err
    wait(lambda: not two.tasks() and two.given() == 2)
    hands = calls(notes)
    release(notes, *range(400))
    folder = tmp_path / "toy" / "paper.shards"
    wait(lambda: sorted(int(name[:4]) for name in content(folder)) == hands)  # what was in hand is finished
    assert calls(notes) == hands and len(hands) == 2


def test_a_lost_scheduler_ends_the_sweep_and_another_goes_on_from_there(
    toy: None, two: Cluster, tmp_path: Path, notes: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "other").mkdir()
    other, folder = Cluster(tmp_path / "other"), tmp_path / "toy" / "paper.shards"
    kept: dict[str, tuple[bytes, int]] = {}

    def lose() -> None:
        other.work(1)
        wait(lambda: 5 in calls(notes))
        kept.update(content(folder))
        other.client.close()
        other.scheduler.kill()

    try:
        hold(notes, 5)
        assert meanwhile(lose, asked(other, tmp_path, cells=9, notes=notes)) == 1
    finally:
        other.close()
    printed = capfd.readouterr()
    message = rf"the connection to the workers was lost; {len(kept)} of 9 cells are safe in {folder}, and the same .*"
    progress = rf"(toy/paper: .*\n|{other.address}: no workers; waiting for some\n)*"
    assert printed.out == "" and re.fullmatch(rf"{progress}memgen: {message}\n", printed.err), printed.err
    release(notes, 5)
    assert main(asked(two, tmp_path, cells=9, notes=notes)) == 0
    assert f"{len(kept)} of 9 cells are there already\n" in capfd.readouterr().err
    assert len(calls(notes)) == 10 and calls(notes).count(5) == 2
    same(tmp_path, Params(preset="paper", cells=9))


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("tcp://127.0.0.1:9", "no Dask scheduler answers there"),
        ("tcp://127.0.0.1:99999", "no Dask scheduler answers there"),
        ("tcp://none.invalid:8786", "no Dask scheduler answers there"),
        ("127.0.0.1:8786", "not the address of a Dask scheduler, such as tcp://10.0.0.7:8786"),
        ("tcp://127.0.0.1", "not the address of a Dask scheduler, such as tcp://10.0.0.7:8786"),
        ("file://x:1", "not the address of a Dask scheduler, such as tcp://10.0.0.7:8786"),
    ],
)
def test_an_address_without_a_scheduler_is_refused(
    toy: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str],
    address: str, message: str,
) -> None:  # fmt: skip
    monkeypatch.setattr(cluster, "TIMEOUT", 0.5)
    assert main(["sweep", "toy", "--out", str(tmp_path), *on(address)]) == 2
    assert capfd.readouterr() == ("", f"memgen: {address}: {message}\n")
    assert list(tmp_path.iterdir()) == []


def test_an_address_without_a_scheduler_leaves_no_noise_behind(tmp_path: Path) -> None:
    impatient = f"import memgen.runs.cluster\nmemgen.runs.cluster.TIMEOUT = 0.5\n{SCRIPT}"
    with start(tmp_path, *on("tcp://127.0.0.1:9"), script=impatient) as process:
        out, err = process.communicate(timeout=200)
    assert (process.returncode, out) == (2, "")
    assert err == "memgen: tcp://127.0.0.1:9: no Dask scheduler answers there\n"


def test_without_dask_the_reader_is_told_what_to_install(
    toy: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert main(["sweep", "toy", "--out", str(tmp_path), *on("tcp://127.0.0.1:9")]) == 2
    assert capfd.readouterr() == ("", 'memgen: Dask is not installed: pip install "memgen[cluster]"\n')
