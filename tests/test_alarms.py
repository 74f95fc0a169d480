"""False alarms and power: streams can be reseeded, and what is wrong with a check or a chapter shows in its rows."""

from __future__ import annotations

from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from memgen.app.chapters import Chapter, find
from memgen.errors import BadInput
from memgen.evidence import alarms, chapters, page, variations
from memgen.experiments import load
from memgen.places import RESULTS
from memgen.runs.parameters import coerce
from memgen.runs.store import read
from memgen.statistics import Estimate, mean
from memgen.streams import drawn_once, reseeded, stream
from theory import linear
from theory.checks.check import Check, Observation


def test_streams_are_reseeded_within_a_block_and_not_after() -> None:
    calls = []

    @drawn_once
    def drawn() -> float:
        calls.append(1)
        return float(stream("test", 1).standard_normal())

    first = drawn()
    assert drawn() == first and len(calls) == 1
    with reseeded(1):
        one = drawn()
        assert drawn() == one and len(calls) == 2
    with reseeded(2):
        two = drawn()
    assert len({first, one, two}) == 3 and drawn() == first
    with reseeded(1):
        assert drawn() == one


def _check(shift: float = 0.0, scatter: float = 1.0) -> Check:
    def simulate() -> list[Observation]:
        found = mean(scatter * stream("test", "alarms").standard_normal(50) + shift)
        return [Observation({"n": 2}, found._replace(error=50**-0.5))]

    variants = {"far": lambda n: 5.0, "near": lambda n: 0.3}
    return Check("toy", linear.generated_trace, 1, simulate, variants, predict=lambda n: 0.0)


def _rows(check: Check, seeds: int = 60) -> pd.DataFrame:
    found = []
    for seed in range(seeds):
        with reseeded(seed):
            found += [(*row, seed) for row in alarms.scores(check)]
    return pd.DataFrame(found, columns=["check", "variant", "comparison", "z", "seed"])


def test_a_sound_check_raises_no_alarm_and_its_weak_variant_shows() -> None:
    rows = _rows(_check())
    assert page.shifted(rows[rows["variant"] == ""]) == []
    power = rows[rows["variant"] != ""].groupby("variant")["z"].agg(lambda z: (z.abs() > 4.2).mean())
    assert power["far"] == 1 and power["near"] < 0.5


@pytest.mark.parametrize("fault", [{"shift": 0.15}, {"scatter": 1.6}])
def test_a_shifted_and_a_scattered_score_are_found(fault: dict[str, float]) -> None:
    rows = _rows(_check(**fault))
    assert [row[0] for row in page.shifted(rows[rows["variant"] == ""])] == ["`toy`"]


def test_a_check_that_observes_nothing_fails() -> None:
    with pytest.raises(AssertionError, match="observed 0 values and declares 1"):
        alarms.scores(Check("empty", linear.generated_trace, 1, list, {}))


def test_a_prediction_is_kept_by_its_arguments() -> None:
    check = Check("toy2", linear.generated_trace, 1, list, {}, predict=lambda x: float(np.sum(x)))
    found = [alarms._predicted(check, "", Observation({"x": np.array(x)}, Estimate(0, 1))) for x in ([1.0], [2.0])]
    assert found == [1, 2]


def test_an_unknown_module_is_refused_with_the_nearest_names() -> None:
    with pytest.raises(BadInput, match=r"module = kernel.estimates: no module .*, as kernel.estimate or "):
        coerce(alarms.Params, {"module": "kernel.estimates"})
    with pytest.raises(BadInput, match=r"notebook = 99: known are 01_kernel_width"):
        coerce(chapters.Params, {"notebook": "99"})


def test_every_module_of_checks_has_been_measured_as_it_stands() -> None:
    """A check that was added, renamed or given another variant since has to be measured again."""
    measured = {path.stem: read(path)[0] for path in (RESULTS / "alarms").glob("*.parquet")}
    assert measured.keys() == alarms.modules().keys()
    for name, checks in alarms.modules().items():
        rows = measured[name].drop_duplicates(["check", "variant", "comparison"])
        met = rows[rows["variant"] == ""].groupby("check").size().to_dict()
        assert met == {check.name: check.comparisons for check in checks}
        wrong = set(map(tuple, rows.loc[rows["variant"] != "", ["check", "variant"]].to_numpy()))
        assert wrong == {(check.name, mistake) for check in checks for mistake in check.wrong}


_REPORT = """
from memgen.streams import stream
from theory.checks.report import Report
report = Report("?")
report.meets("a mean", float(stream(seed, "x").standard_normal()) + shift)
"""


def _chapter(folder: Path, *cells: str) -> chapters.Cell:
    notebook = new_notebook()
    parameters = new_code_cell('preset = "standard"\nseed = 0\nshift = 0', metadata={"tags": ["parameters"]})
    notebook.cells = [parameters, *(new_code_cell(cell) for cell in (_REPORT, *cells))]
    nbformat.write(notebook, folder / "01_toy.ipynb")
    return chapters.Cell("01_toy", "smoke", 7)


def test_a_chapter_is_run_under_another_seed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chapters, "NOTEBOOKS", tmp_path)
    (row,) = chapters.cell(_chapter(tmp_path, "report.close()")).itertuples()
    assert row.z == round(float(stream(7, "x").standard_normal()), 2) and row.passed and row.preset == "smoke"


def test_a_chapter_that_fails_leaves_its_statements(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chapters, "NOTEBOOKS", tmp_path)
    first, second = chapters.cell(_chapter(tmp_path, "report.meets('far', 9.0)", "report.close()")).itertuples()
    assert (first.passed, second.passed, second.statement) == (True, False, "far")
    with pytest.raises(AssertionError, match="in the middle"):
        chapters.cell(_chapter(tmp_path, "assert False, 'in the middle'", "report.close()"))


@pytest.mark.parametrize(
    ("cells", "given", "outcome", "said"),
    [
        (["report.close()"], {}, "passed", "1 statements"),
        (["report.rejects('near', 1.0)", "report.close()"], {}, "open", "rejected: near"),
        (["report.rejects('near', 1.0)", "report.close()"], {"shift": 9}, "failed", "a mean"),
        (["1 / shift", "report.close()"], {}, "failed", "ZeroDivisionError: division by zero"),
        (["from memgen.errors import BadInput\nraise BadInput('no rows')"], {}, "failed", "BadInput: no rows"),
    ],
)
def test_what_comes_of_a_chapter_under_other_parameters(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    cells: list[str],
    given: dict[str, float],
    outcome: str,
    said: str,
) -> None:
    monkeypatch.setattr(chapters, "NOTEBOOKS", tmp_path)
    at = _chapter(tmp_path, *cells)
    assert variations.outcome_of(at.notebook, {"seed": at.seed, **given}) == (outcome, said)


def test_what_a_chapter_does_not_accept_is_refused_before_it_runs() -> None:
    (row,) = variations.cell(variations.Cell("02_relaxation_time", 0, '{"separation": 0.5}')).itertuples()
    assert (row.outcome, row.said) == ("refused", "separation = 0.5: must be at least 2.0")


def test_parameters_of_every_chapter_are_tried() -> None:
    by_stem = {path.stem: Chapter(path) for path in find()}
    assert variations.TRIED.keys() == by_stem.keys()
    for name, tried in variations.TRIED.items():
        fields = load(by_stem[name].experiment).Params.model_fields
        missed = fields.keys() - {"preset", "seed", "device"} - {key for given in tried for key in given}
        assert not missed and {key for given in tried for key in given} <= fields.keys(), (name, missed)


def test_the_page_shows_every_table_and_names_what_is_missing(tmp_path: Path) -> None:
    text = page.page()
    titles = ("Digits", "False alarms", "Chapters under other parameters", "Sweeps under faults", "Bad input", "Speed")
    assert all(f"## {title}" in text for title in titles)
    with pytest.raises(BadInput, match="precision: no results here"):
        page.page(tmp_path)
