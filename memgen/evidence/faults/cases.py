"""What may be done to a sweep: each function does it to one sweep, then finishes the sweep and says what was done."""

import os
import shutil
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil  # type: ignore[import-untyped]

from memgen.evidence.faults.damage import DAMAGES
from memgen.evidence.faults.drivers import Driver, End, Server

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
TRIES = 60  # commands until a sweep that does not finish is given up
_ENDS = {0, 1, 2, 130, 143, *(-number for number in SIGNALS)}  # what is documented, and what a signal does
_NOISE = ("Traceback (most recent call last)", "Exception ignored", "Error in ", "Fatal Python error")
_WARNING = "Warning: "


@dataclass
class Trial:
    """A sweep in a folder of its own, and what was done to it."""

    folder: Path
    command: list[str]
    how: dict[str, Any]
    server: Server
    place: Any = None  # where cells are computed, if that is not the driver or its worker processes
    number: int = 0
    random: np.random.Generator = field(default_factory=np.random.default_rng)
    duration: float = 0.0  # seconds that it takes if nothing is done to it
    size: int = 0  # bytes of its file if nothing is done to it
    interruptions: int = 0
    refused: int = 0
    noise: list[str] = field(default_factory=list)

    def again(self, folder: Path, number: int, random: np.random.Generator) -> "Trial":
        """A trial of the same sweep in another folder; this one must be finished."""
        size = self.path.stat().st_size
        return Trial(folder, self.command, self.how, self.server, self.place, number, random, self.duration, size)

    @property
    def path(self) -> Path:
        """The file of the finished sweep."""
        return self.folder / self.command[1] / f"{self.command[3]}.parquet"

    @property
    def shards(self) -> Path:
        """The folder of its shards."""
        return self.path.with_suffix(".shards")

    def start(self, **how: object) -> Driver:
        """Start the command."""
        where = self.place.options if self.place else ["--workers", "2"]
        command = [*self.command, *where, "--out", str(self.folder)]
        return self.server.start(self.folder, command, **{**self.how, **how})

    def judge(self, end: End, killed: bool = False) -> int:
        """Return the exit status of a command, and keep what it should not have said."""
        last = end.said.splitlines()[-1:]
        wrong = [f"{line} … {last[0]}" for line in end.said.splitlines() if line.startswith(_NOISE)]
        if not killed:  # nothing can clear up after kill -9 but the tracker of resources, which says so
            wrong += [line for line in end.said.splitlines() if _WARNING in line]
        if end.status not in _ENDS:
            wrong.append(f"status {end.status}: {end.said[-500:]!r}")
        if end.status in (1, 2):
            self.refused += 1
            if not last or not last[0].startswith("memgen: "):
                wrong.append(f"said {end.said!r}")
        self.noise += wrong
        return end.status

    def finish(self) -> None:
        """Run the command until it is finished; what it refuses is moved away, as it asks for."""
        for _ in range(TRIES):
            end = self.start().wait()
            if self.judge(end) == 0:
                return
            named = Path(end.said.splitlines()[-1].removeprefix("memgen: ").partition(": ")[0])
            if self.folder in named.parents and named.suffix == ".parquet":
                _move_away(named)
        self.noise.append("never finished")

    def pick(self, among: Sequence[Any]) -> Any:
        """A random one of these."""
        return among[int(self.random.integers(len(among)))]

    def wait(self) -> None:
        """Wait for a random moment of a sweep."""
        time.sleep(self.random.uniform(0, self.duration))

    def kill(self, driver: Driver) -> int:
        """Send the driver a random signal, as the kernel, a scheduler or a terminal does; return its exit status."""
        number = self.pick(SIGNALS)
        os.kill(driver.pid, number)
        status = self.judge(driver.wait(), killed=number == signal.SIGKILL)
        self.interruptions += status != 0
        return status


def killed(trial: Trial) -> str:
    """Kill the process that computes and writes, again and again."""
    for _ in range(TRIES):
        driver = trial.start()
        trial.wait()
        if trial.kill(driver) == 0:
            break
    trial.finish()
    return "signals"


def workers_killed(trial: Trial) -> str:
    """Kill the driver, one of its workers, or all of them at once."""
    deeds = []
    for _ in range(TRIES):
        driver = trial.start()
        trial.wait()
        whom = trial.pick(("driver", "worker", "all"))
        deeds.append(whom)
        if whom == "driver":
            status = trial.kill(driver)
        else:
            number = trial.pick(SIGNALS)
            if whom == "all":
                os.killpg(driver.pid, number)
            elif workers := _workers(driver.pid):
                os.kill(trial.pick(workers), number)
            status = trial.judge(driver.wait(), killed=number == signal.SIGKILL)
            trial.interruptions += status != 0
        if status == 0:
            break
    trial.finish()
    return ", ".join(deeds)


def two_sweeps(trial: Trial) -> str:
    """Start the same command twice, and perhaps kill the first."""
    first = trial.start()
    trial.wait()
    second = trial.start()
    if kill := trial.random.random() < 0.5:
        trial.wait()
        trial.kill(first)
    else:
        trial.judge(first.wait())
    trial.judge(second.wait())
    trial.finish()
    return "one of them killed" if kill else "both to the end"


def full_disk(trial: Trial) -> str:
    """Let no file become larger than a random size, and then let files have any size."""
    largest = int(trial.random.uniform(0, 1.2 * trial.size))
    trial.interruptions += trial.judge(trial.start(largest=largest).wait()) != 0
    trial.finish()
    return f"{largest} bytes"


def damaged(trial: Trial) -> str:
    """Damage a shard of an unfinished sweep, or the file of a finished one."""
    name = list(DAMAGES)[trial.number % len(DAMAGES)]
    unfinished = bool(trial.number // len(DAMAGES) % 2)
    driver = trial.start()
    if unfinished:
        while len(list(trial.shards.glob("*.parquet"))) < 3 and not trial.path.exists():
            time.sleep(0.002)
        os.kill(driver.pid, signal.SIGKILL)
    trial.judge(driver.wait(), killed=unfinished)
    found = [trial.path] if trial.path.exists() else sorted(trial.shards.glob("*.parquet"))
    DAMAGES[name](trial.pick(found), trial.random)
    trial.finish()
    return f"{name}: {'a shard' if found != [trial.path] else 'the file'}"


def _workers(driver: int) -> list[int]:
    """The worker processes of a driver."""
    try:
        return [child.pid for child in psutil.Process(driver).children() if "spawn_main" in " ".join(child.cmdline())]
    except psutil.Error:  # it has ended
        return []


def _move_away(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
