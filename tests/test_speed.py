"""Speed: a slower case shows in the rows and on the page, whatever the machine does; what has not run is named."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest

from memgen.errors import BadInput
from memgen.evidence import page, speed
from memgen.places import RESULTS, ROOT
from memgen.runs.parameters import coerce
from memgen.runs.store import Store, read
from memgen.runs.sweep import sweep

# Its clock goes on by what a call says that it takes, and a warm call takes half of a cold one.
TOY = """
import time
now = 0.0
time.perf_counter = lambda: now
from _timing import alternate, compare

def taking(seconds):
    calls = []
    def call():
        global now
        calls.append(now)
        now += seconds * (2 if len(calls) == 1 else 1)
    return call

for factor in FACTORS:
    turns = alternate(taking(factor), taking(3.0), 5)
    compare(f"{factor} times as long", "three | seconds", turns, goal=1.5)
compare("with less to do", "three | seconds", turns, work=0.5, kind="code")
"""


@pytest.fixture
def scripts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of benchmarks with what they share."""
    folder = tmp_path / "benchmarks"
    folder.mkdir()
    shutil.copy(ROOT / "benchmarks" / "_timing.py", folder)
    monkeypatch.setattr(speed, "SCRIPTS", folder)
    return folder


def measured(folder: Path, factors: list[float], to: Path) -> pd.DataFrame:
    (folder / "exact.py").write_text(TOY.replace("FACTORS", str(factors)))
    params = speed.Params(benchmark="exact", threads=2)
    store = Store(to / "speed" / "exact.parquet", "speed", speed.VERSION, params.model_dump(), "memgen sweep speed")
    return sweep(speed.cell, speed.grid(params), store=store)


def test_a_planted_slower_case_shows(scripts: Path, tmp_path: Path) -> None:
    rows = measured(scripts, [1, 4], tmp_path)
    assert rows["turn"].tolist() == list(range(5)) * 3 and rows["threads"].eq(2).all()
    table = speed.ratios(rows).set_index("case")
    assert table["median"].tolist() == [3, 0.75, 0.375] and table["turns"].eq(5).all()
    assert table["reached"].tolist() == ["met", "missed", ""]
    text = page.speed(tmp_path)
    assert "| 1 times as long | 3.0 | three \\| seconds | 3.0–3.0 | 5 | ≥ 1.5: met |" in text
    assert "| 4 times as long | 0.75 | three \\| seconds | 0.75–0.75 | 5 | ≥ 1.5: missed |" in text
    assert text.index("with less to do") < text.index("times as long") and "on 2 threads" in text


def test_what_has_not_run_is_named(scripts: Path, tmp_path: Path) -> None:
    measured(scripts, [1], tmp_path)
    named = ", ".join(f"`{name}`" for name in speed.BENCHMARKS if name != "exact")
    assert f"Not measured: {named}." in page.speed(tmp_path)


def test_a_goal_within_the_scatter_is_undecided() -> None:
    about = {"kind": "code", "benchmark": "toy", "case": "a", "other": "b", "goal": 2.0}
    (row,) = speed.ratios(pd.DataFrame([{**about, "ratio": x} for x in (1.0, 1.5, 4.0, 5.0)])).itertuples()
    assert row.reached == "undecided" and row.low < 2 < row.median < row.high


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("import sys; sys.exit('exact: --peer DIR is missing')", "exact: --peer DIR is missing"),
        ("raise ZeroDivisionError('no\\nluck')", "luck"),
        ("import os; os._exit(3)", "ended with status 3"),
        ("print('compared by eye')", "exact.py compares nothing"),
    ],
)
def test_a_script_that_fails_or_compares_nothing_is_a_failure(scripts: Path, script: str, said: str) -> None:
    (scripts / "exact.py").write_text(script)
    with pytest.raises(RuntimeError, match=f"^{said}$"):
        speed.cell(speed.Cell("exact", 1, ""))


def test_the_peer_is_handed_on(scripts: Path) -> None:
    (scripts / "exact.py").write_text("import sys; sys.exit(' '.join(sys.argv[1:]))")
    with pytest.raises(RuntimeError, match=r"^--peer some where$"):
        speed.cell(speed.Cell("exact", 1, "some where"))


def test_an_unknown_or_absent_benchmark_is_refused(scripts: Path) -> None:
    with pytest.raises(BadInput, match="benchmark = fast: must be 'audit', "):
        coerce(speed.Params, {"benchmark": "fast"})
    with pytest.raises(BadInput, match=r"benchmark = linear: there is no .*linear\.py"):
        speed.grid(speed.Params(benchmark="linear"))


def test_every_script_that_compares_is_known() -> None:
    scripts = [path for path in (ROOT / "benchmarks").glob("[!_]*.py") if " compare(" in path.read_text("utf-8")]
    assert sorted(path.stem for path in scripts) == list(speed.BENCHMARKS)


def test_stored_rows_are_of_known_benchmarks() -> None:
    """And each file holds one benchmark, under its name."""
    for path in (RESULTS / "speed").glob("*.parquet"):
        rows, made = read(path)
        assert set(rows["benchmark"]) == {path.stem} and made["version"] == speed.VERSION
        assert path.stem in speed.BENCHMARKS and (rows["ratio"] > 0).all()
