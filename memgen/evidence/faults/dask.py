"""A Dask cluster whose workers may be lost."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from memgen.evidence.faults.cases import Trial

WORKERS = 2
_PATIENCE = 120.0  # seconds for the scheduler to start


class Cluster:
    """A scheduler and its workers, each a process of its own that works in the folder."""

    def __init__(self, folder: Path) -> None:
        self._folder, file = folder, folder / "scheduler.json"
        self._scheduler = self._start("scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(file))
        self.address = _address(file)
        self.options = ["--executor", "dask", "--scheduler-address", self.address]
        self._workers = [self._worker() for _ in range(WORKERS)]

    def _start(self, what: str, *options: str) -> subprocess.Popen:
        command = [sys.executable, "-m", f"distributed.cli.dask_{what}", "--no-dashboard", *options]
        with (self._folder / f"{what}.log").open("a") as log:
            return subprocess.Popen(command, cwd=self._folder, stdout=log, stderr=log)

    def _worker(self) -> subprocess.Popen:
        return self._start("worker", self.address, "--nthreads", "1", "--no-nanny", "--host", "127.0.0.1")

    def lose(self, k: int) -> None:
        """Kill a worker, and start another one."""
        self._workers[k].kill()
        self._workers[k].wait()
        self._workers[k] = self._worker()

    def close(self) -> None:
        """Kill all processes."""
        for process in (*self._workers, self._scheduler):
            process.kill()
            process.wait()


def _address(file: Path) -> str:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        try:
            return json.loads(file.read_text())["address"]
        except (OSError, ValueError):  # not there yet, or not all of it
            time.sleep(0.05)
    raise TimeoutError("the Dask scheduler does not start")


@contextmanager
def cluster(folder: Path) -> Iterator[Cluster]:
    """Yield a cluster that ends with the block."""
    found = Cluster(folder)
    try:
        yield found
    finally:
        found.close()


def worker_lost(trial: Trial) -> str:
    """Kill a worker while the sweep goes on, or the driver while the workers go on."""
    driver = trial.start()
    trial.wait()
    if worker := trial.random.random() < 0.7:
        trial.place.lose(trial.pick(range(WORKERS)))
        trial.interruptions += 1
        trial.judge(driver.wait())
    else:
        trial.kill(driver)
    trial.finish()
    return "a worker" if worker else "the driver"
