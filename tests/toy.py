"""An experiment small enough to try sweeps on: workers import it from here as they import one of memgen.experiments."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar, NamedTuple

import pandas as pd
import psutil
from pydantic import Field

from memgen.runs.parameters import ChapterParams
from memgen.runs.store import Store, read
from memgen.runs.sweep import sweep
from memgen.streams import stream

VERSION = 1


class Params(ChapterParams):
    presets: ClassVar = {preset: {"scale": 2.0} for preset in ("smoke", "standard", "paper")}

    cells: int = Field(6, ge=1)
    seconds: float = 0.0
    scale: float | None = None
    notes: str = ""


class Cell(NamedTuple):
    k: int
    scale: float
    seconds: float
    notes: str


def grid(params: Params) -> list[Cell]:
    params = params.resolved()
    return [Cell(k, params.scale, params.seconds, params.notes) for k in range(params.cells)]


def cell(point: Cell) -> pd.DataFrame:
    """A few rows; the folder `notes` hears of each call, and can tell a cell to raise, kill its process, or wait."""
    if point.notes:
        notes = Path(point.notes)
        (notes / f"{point.k} {os.getpid()} {time.monotonic_ns()}").touch()
        if (notes / f"raise {point.k}").exists():
            raise ZeroDivisionError("no\nluck")
        if (notes / f"die {point.k}").exists():
            os.kill(os.getpid(), signal.SIGKILL)
        wait(lambda: not (notes / f"hold {point.k}").exists())
    time.sleep(point.seconds)
    value = point.scale * stream("toy", point.k).normal(size=3)
    return pd.DataFrame({"k": point.k, "measure": ["a", "b", "c"], "value": value})


def stored(out: Path, params: Params = Params(), version: int = VERSION) -> Store:  # noqa: B008
    path = out / "toy" / f"{params.preset}.parquet"
    return Store(path, "toy", version, params.resolved().model_dump(mode="json"), "memgen sweep toy")


def same(out: Path, params: Params) -> None:
    """Every row of the sweep is in its file, once, bit for bit, and nothing else is there."""
    rows = sweep(cell, grid(params.model_copy(update={"notes": ""})))
    pd.testing.assert_frame_equal(read(out / "toy" / "paper.parquet")[0], rows, check_exact=True)
    assert [path.name for path in (out / "toy").iterdir()] == ["paper.parquet"]


def content(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Every visible file, with its bytes and the time of its last change; nothing if there is no folder."""
    files = (path for path in folder.glob("[!.]*") if path.is_file())
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def spoil(path: Path, place: int) -> None:
    """Flip a bit of a file, in the byte at this place."""
    spoiled = bytearray(path.read_bytes())
    spoiled[place] ^= 1
    path.write_bytes(spoiled)


def calls(notes: Path) -> list[int]:
    """The cells that were begun."""
    return sorted(int(path.name.split()[0]) for path in notes.glob("[0-9]*"))


# The command line in a process of its own, to be killed or interrupted. A process that was started in the background
# inherits that Ctrl-C is ignored; this one heeds it. It does not say that loading takes long, which it may.
LAUNCH = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
import memgen.app.cli, memgen.app.say
memgen.app.say.PATIENCE = 600
"""
SCRIPT = f"""{LAUNCH}
import toy
sys.modules["memgen.experiments.toy"] = toy
sys.exit(memgen.app.cli.main())
"""


def python(script: str, *arguments: object) -> subprocess.Popen:
    """Start a script that can import from the folder of the tests."""
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parent)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def start(out: Path, *options: str, script: str = SCRIPT, **parameters: object) -> subprocess.Popen:
    given = [word for name, value in parameters.items() for word in ("-p", name, str(value))]
    return python(script, "sweep", "toy", "--out", out, *options, *given)


def wait(condition: Callable[[], object]) -> None:
    """Wait until something is so: for long, because the machine may be busy with other things."""
    deadline = time.monotonic() + 200
    while not condition():
        assert time.monotonic() < deadline, "waited for more than three minutes"
        time.sleep(0.005)


def alive(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
