"""Faults: sweeps that are killed, doubled, damaged, or have no disk left, against the same sweep left in peace.

Rows: one for each sweep, with what was done to it, how often it was interrupted or refused, the rows that were lost,
doubled or changed in the end, and how often something was said or left that should not be: tracebacks, warnings, an
undocumented exit status, files. Moments are random, so that no two runs are the same.
"""

import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Annotated, Any, ClassVar, NamedTuple

import pandas as pd
from pydantic import Field, field_validator

from memgen.evidence.faults import cases, dask
from memgen.evidence.faults.cases import Trial
from memgen.evidence.faults.drivers import server
from memgen.evidence.faults.rows import difference, rows
from memgen.runs.parameters import ChapterParams, Distinct
from memgen.streams import stream

VERSION = 1


class Setting(NamedTuple):
    """What is done to which sweep; so many `cells` of the grid try it, each on at most `most` sweeps."""

    act: Callable[[Trial], str]
    cells: int = 1
    most: int = 100
    command: tuple[str, ...] = ("faults.toy",)
    how: dict[str, Any] = {}  # noqa: RUF012 (of the driver; nobody changes it)
    around: Callable[[Path], AbstractContextManager[Any]] = lambda folder: nullcontext()


def save_often() -> None:
    """Renew the checkpoints of trainings ten times a second, not once a minute."""
    from memgen.denoisers import training

    training.SAVE_EVERY = 0.1


# A sweep whose cells are computed in the driver starts at once; one with worker processes takes seconds.
SETTINGS = {
    "process killed": Setting(cases.killed, 25),
    "workers killed": Setting(cases.workers_killed, 2, how={"inside": False}),
    "two sweeps": Setting(cases.two_sweeps, 5),
    "two sweeps, no locks": Setting(cases.two_sweeps, 5, how={"locks": False}),
    "full disk": Setting(cases.full_disk, 5),
    "damaged": Setting(cases.damaged, 10),
    "Dask worker lost": Setting(dask.worker_lost, around=dask.cluster),
    "fluctuations killed": Setting(cases.workers_killed, 1, 15, ("fluctuations",), {"inside": False}),
    "network killed": Setting(
        cases.killed, 1, 6, ("network", "-p", "epochs", "100"), {"before": f"{__name__}:save_often"}
    ),
}


class Params(ChapterParams):
    """The kinds of faults, and how many sweeps a cell of the grid tries each on."""

    presets: ClassVar = {"smoke": {"trials": 2}, "standard": {"trials": 5}, "paper": {"trials": 20}}

    kinds: Annotated[tuple[str, ...], Distinct] = tuple(SETTINGS)
    trials: int | None = Field(None, ge=1)

    @field_validator("kinds")
    @classmethod
    def _known(cls, kinds: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := [kind for kind in kinds if kind not in SETTINGS]:
            raise ValueError(f"no {unknown[0]!r}: known are {', '.join(SETTINGS)}")
        return kinds


class Cell(NamedTuple):
    """Sweeps `first` … `first` + `trials` − 1 of a kind."""

    kind: str
    first: int
    trials: int
    seed: int


def grid(params: Params) -> list[Cell]:
    """For each kind of faults as many cells as its setting says."""
    wanted = params.resolved().trials
    assert wanted is not None
    trials = {kind: min(wanted, SETTINGS[kind].most) for kind in params.kinds}
    return [Cell(kind, k * n, n, params.seed) for kind, n in trials.items() for k in range(SETTINGS[kind].cells)]


def cell(at: Cell) -> pd.DataFrame:
    """One row for each sweep: kind, seed, trial, and what `tried` returns."""
    setting = SETTINGS[at.kind]
    experiment, *options = setting.command
    command = ["sweep", experiment, "--preset", "smoke", *options]
    with tempfile.TemporaryDirectory() as name, setting.around(Path(name)) as place:
        peace = Trial(Path(name), command, setting.how, server(experiment), place)
        started = time.perf_counter()
        peace.finish()
        peace.duration = time.perf_counter() - started
        if peace.noise:
            raise RuntimeError(f"nothing was done, and yet: {peace.noise[0]}")
        whole = rows(peace.path)
        found = []
        for k in range(at.first, at.first + at.trials):
            (folder := Path(name, str(k))).mkdir()
            trial = peace.again(folder, k, stream(at.seed, "faults", at.kind, k))
            found.append({"kind": at.kind, "seed": at.seed, "trial": k, **tried(trial, setting.act, whole)})
    return pd.DataFrame(found)


def tried(trial: Trial, act: Callable[[Trial], str], whole: list[str]) -> dict[str, Any]:
    """Do something to a sweep; return what was done and what came of it, against the rows of the whole sweep."""
    started = time.perf_counter()
    done = act(trial)
    seconds = time.perf_counter() - started
    differ = difference(rows(trial.path) if trial.path.is_file() else [], whole)
    left = [path.name for path in trial.path.parent.iterdir() if path.name.startswith(".") or path == trial.shards]
    noise = trial.noise + [f"{name} is left" for name in left]
    outcome = noise[0] if noise else "other rows" if any(differ) else "same rows"
    counts = {"interruptions": trial.interruptions, "refused": trial.refused, **differ._asdict()}
    return {"done": done, **counts, "tracebacks": len(noise), "outcome": outcome, "seconds": round(seconds, 3)}
