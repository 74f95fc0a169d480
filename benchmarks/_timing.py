"""What the benchmarks share: calls timed in turn, a line for each result, and rows for `memgen sweep speed`."""

import json
import os
import statistics
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple

ROWS = os.environ.get("MEMGEN_SPEED_ROWS")  # a file that gets a line of JSON for each turn of what is compared


class Turns(NamedTuple):
    """Seconds of ours and of something else, made in turn."""

    ours: list[float]
    other: list[float]

    def medians(self) -> tuple[float, float]:
        return statistics.median(self.ours), statistics.median(self.other)


def alternate(ours: Callable[[], object], other: Callable[[], object], repetitions: int) -> Turns:
    """Seconds of two calls made in turn, after one of each that does not count."""
    turns = Turns([], [])
    for repetition in range(repetitions + 1):
        for call, kept in zip((ours, other), turns, strict=True):
            start = time.perf_counter()
            call()
            if repetition:
                kept.append(time.perf_counter() - start)
    return turns


def compare(
    case: str,
    other: str,
    turns: Turns,
    work: float = 1.0,
    goal: float | None = None,
    kind: Literal["ceiling", "code"] = "ceiling",
    more: str = "",
) -> None:
    """Print and record the speed of ours in units of the other's, a ceiling of the machine or other people's code.

    Ours does `work` times as much as the other. The goal is the least ratio that was aimed at.
    """
    ratios = [work * theirs / own for own, theirs in zip(*turns, strict=True)]
    aimed = "" if goal is None else f" (goal {goal:g})"
    own, _ = turns.medians()
    report(case, f"{own:.3g} s, {statistics.median(ratios):.3g} × the speed of {other}{aimed}{more and f'; {more}'}")
    if ROWS is None:
        return
    about = {"case": case, "kind": kind, "other": other, "goal": goal, "work": work}
    with Path(ROWS).open("a", encoding="utf-8") as file:
        for turn, (own, theirs) in enumerate(zip(*turns, strict=True)):
            row = {**about, "turn": turn, "seconds": own, "other_seconds": theirs, "ratio": ratios[turn]}
            file.write(json.dumps(row) + "\n")


def revision(folder: str) -> str:
    """The commit of a checkout, in brackets, if git tells it."""
    command = ["git", "--git-dir", str(Path(folder) / ".git"), "rev-parse", "--short", "HEAD"]
    told = subprocess.run(command, capture_output=True, text=True)
    return f" ({told.stdout.strip()})" if told.returncode == 0 else ""


def report(what: str, figures: str) -> None:
    print(f"{what:<62} {figures}", flush=True)
