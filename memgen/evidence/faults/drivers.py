"""The command `memgen sweep` in processes that may be killed, forked from one that has imported everything."""

import fcntl
import importlib
import json
import os
import resource
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from memgen.app import say
from memgen.app.cli import main
from memgen.experiments import load
from memgen.runs import workers
from memgen.runs.provenance import here

PATIENCE = 300.0  # seconds until a sweep that does not end is given up
_SERVER = "import sys; from memgen.evidence.faults.drivers import serve; sys.exit(serve())"


@dataclass(frozen=True)
class End:
    """How a process ended: its exit status, −9 if SIGKILL ended it, and what it had said on stderr."""

    status: int
    said: str


class Driver:
    """A process that runs a command; it leads a group of processes."""

    def __init__(self, server: "Server", pid: int, ear: int) -> None:
        self.pid, self._server, self._ear = pid, server, ear

    def wait(self) -> End:
        """Wait until it has ended, and all that it has started. TimeoutError if that takes too long."""
        heard: list[bytes] = []
        deadline = time.monotonic() + PATIENCE
        while True:
            if not select.select([self._ear], [], [], max(0.0, deadline - time.monotonic()))[0]:
                os.killpg(self.pid, signal.SIGKILL)
                raise TimeoutError(f"a sweep did not end; it had said {b''.join(heard).decode(errors='replace')}")
            if not (piece := os.read(self._ear, 65536)):  # nobody is left who could say anything
                break
            heard.append(piece)
        os.close(self._ear)
        return End(self._server.ask({"wait": self.pid}), b"".join(heard).decode(errors="replace"))


class Server:
    """A process that forks another one for each command."""

    def __init__(self, *experiments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.ask({"import": [*experiments]})

    def start(self, folder: Path, command: Sequence[str], **how: Any) -> Driver:
        """Start `memgen command`; `how` has options of `_obey`."""
        pipe = folder / f"stderr-{time.monotonic_ns()}"
        os.mkfifo(pipe)
        ear = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        pid = self.ask({"command": [*command], "stderr": str(pipe), **how})
        pipe.unlink()
        os.set_blocking(ear, True)
        return Driver(self, pid, ear)

    def ask(self, order: dict[str, Any]) -> int:
        """Give an order and wait for the answer."""
        assert self._process.stdin and self._process.stdout
        print(json.dumps(order), file=self._process.stdin, flush=True)
        return int(self._process.stdout.readline())

    def close(self) -> None:
        """End the server's process."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()


@cache
def server(*experiments: str) -> Server:
    """The server of this process; it ends when this process does."""
    return Server(*experiments)


def serve() -> int:
    """Obey the orders on stdin; in a forked child, return the status of its command."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # a child hears of Ctrl-C when its command begins
    for line in sys.stdin:
        order = json.loads(line)
        if names := order.get("import"):
            # A command imports these, and would do so again in each child.
            for name in ("memgen.runs.sweep", "memgen.runs.cluster", "pyarrow.pandas_compat"):
                importlib.import_module(name)
            for name in names:
                load(name)
            here({})  # runs git once, not in every child
            answer = 0
        elif pid := order.get("wait"):
            answer = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        else:
            voice = os.open(order["stderr"], os.O_WRONLY)
            if not (answer := os.fork()):
                return _obey(voice, **{key: value for key, value in order.items() if key != "stderr"})
            os.close(voice)
        print(answer, flush=True)
    return 0


def _obey(
    voice: int,
    command: list[str],
    inside: bool = True,
    locks: bool = True,
    largest: int | None = None,
    before: str | None = None,
) -> int:
    """Run a command in this process.

    Cells are computed in this very process if `inside`, in worker processes otherwise. Without `locks` the disk seems
    to have none; files cannot get larger than `largest` bytes. `before` is a function to call first, as module:name.
    """
    os.setsid()
    with open(os.devnull) as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(voice, 1)
    os.dup2(voice, 2)
    os.close(voice)
    say.PATIENCE = PATIENCE  # nothing is said of loading, however long it takes
    if inside:
        workers.Workers = lambda workers: nullcontext()  # type: ignore[assignment,misc,return-value]
    if not locks:
        fcntl.flock = _no_locks
    if largest is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))
    if before:
        module, _, name = before.partition(":")
        getattr(importlib.import_module(module), name)()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # forgets what has come too soon
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    signal.signal(signal.SIGINT, signal.default_int_handler)
    status = main(command)
    if inside:  # there is nothing to clear up
        sys.stderr.flush()
        os._exit(status)
    return status


def _no_locks(*_: object) -> None:
    raise OSError(37, "No locks available")
