"""Sweeps under faults end with the same rows; a store with a planted defect is found."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from memgen.evidence import faults
from memgen.evidence.faults import cases
from memgen.evidence.faults.cases import Trial
from memgen.evidence.faults.damage import DAMAGES
from memgen.evidence.faults.drivers import Server
from memgen.evidence.faults.rows import Difference, difference, rows


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PYTHONPATH", str(Path(__file__).parent))
        server = Server("faults.toy")
    yield server
    server.close()


@pytest.fixture(scope="module")
def peace(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Trial:
    """A sweep to which nothing was done."""
    trial = Trial(tmp_path_factory.mktemp("peace"), ["sweep", "faults.toy", "--preset", "smoke"], {}, server)
    trial.duration = 0.2
    trial.finish()
    assert not trial.noise
    return trial


@pytest.mark.parametrize("kind", ["process killed", "two sweeps", "two sweeps, no locks", "full disk"])
def test_the_rows_are_the_same_whatever_is_done(server: Server, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faults, "server", lambda experiment: server)
    found = faults.cell(faults.Cell(kind, 0, 2, seed=1))
    assert found.outcome.tolist() == ["same rows"] * 2, found.to_string()
    assert not found[["lost", "doubled", "changed", "tracebacks"]].any(axis=None)


@pytest.mark.parametrize("name", ["bits flipped", "metadata nested", "seconds text", "swapped", "a cell twice"])
def test_damage_changes_no_row(peace: Trial, tmp_path: Path, name: str) -> None:
    number = [*DAMAGES].index(name) + len(DAMAGES) * (name == "swapped")  # which needs two shards
    trial = peace.again(tmp_path, number, np.random.default_rng(0))
    tried = faults.tried(trial, cases.damaged, rows(peace.path))
    assert tried["outcome"] == "same rows" and tried["done"].startswith(name)


def nothing(trial: Trial) -> str:
    trial.finish()
    return "nothing"


def changed(trial: Trial) -> str:
    """Change a value by hand in a finished file, and go on."""
    trial.finish()
    DAMAGES["a value changed"](trial.path, trial.random)
    trial.finish()
    return "a value changed"


# By the defect: what is done, and the rows that are lost, doubled and changed.
DEFECTS = {
    "a_row_lost": (nothing, (1, 0, 0)),
    "a_row_doubled": (nothing, (0, 1, 0)),
    "rows_moved": (nothing, (0, 0, 2)),
    "no_checksum": (changed, (0, 0, 3)),
}


@pytest.mark.parametrize(("defect", "act", "spoiled"), [(name, *found) for name, found in DEFECTS.items()])
def test_a_store_that_spoils_rows_is_found(
    peace: Trial, tmp_path: Path, defect: str, act: Callable[[Trial], str], spoiled: tuple[int, int, int]
) -> None:
    trial = peace.again(tmp_path, 0, np.random.default_rng(0))
    trial.how = {"before": f"planted:{defect}"}
    tried = faults.tried(trial, act, rows(peace.path))
    assert (tried["lost"], tried["doubled"], tried["changed"]) == spoiled and tried["outcome"] == "other rows"


@pytest.mark.parametrize(("defect", "said"), [("a_traceback", "Traceback .*planted"), ("shards_left", "is left")])
def test_what_should_not_be_said_or_left_is_found(
    peace: Trial, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, defect: str, said: str
) -> None:
    monkeypatch.setattr(cases, "TRIES", 1)
    trial = peace.again(tmp_path, 0, np.random.default_rng(0))
    trial.how = {"before": f"planted:{defect}"}
    tried = faults.tried(trial, nothing, rows(peace.path))
    assert tried["tracebacks"] > 0 and re.search(said, tried["outcome"])


def test_rows_are_lost_doubled_changed_or_moved() -> None:
    whole = ["a", "b", "c", "c"]
    assert difference(whole, whole) == Difference(0, 0, 0)
    assert difference([], whole) == Difference(4, 0, 0)
    assert difference(["a", "b", "c"], whole) == Difference(1, 0, 0)
    assert difference(["a", "a", "b", "c", "c"], whole) == Difference(0, 1, 0)
    assert difference(["a", "x", "c", "c"], whole) == Difference(0, 0, 1)
    assert difference(["a", "a", "c", "c"], whole) == Difference(1, 1, 0)
    assert difference([*whole, "x"], whole) == Difference(0, 1, 0)
    assert difference(["b", "a", "c", "c"], whole) == Difference(0, 0, 2)


def test_every_kind_of_fault_is_in_the_grid_and_no_other() -> None:
    cells = faults.grid(faults.Params(preset="smoke"))
    assert {at.kind for at in cells} == set(faults.SETTINGS) and {at.trials for at in cells} == {2}
    with pytest.raises(ValidationError, match="no 'fire': known are process killed, "):
        faults.Params(kinds=("fire",))
