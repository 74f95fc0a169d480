"""What chapter 1 states of its simulations, also where all point sets have one error."""

import pandas as pd
import pytest

from memgen.experiments.kernel import Params, cell, grid
from memgen.figures import kernel as figures
from memgen.runs.sweep import sweep
from theory.checks.report import Report

PARAMS = Params(preset="smoke", dims=(256, 4)).resolved()


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return sweep(cell, grid(PARAMS))


def failed(rows: pd.DataFrame) -> list[str]:
    figures.state(report := Report(), rows, PARAMS)
    return report.failed()


def test_in_many_dimensions_all_sets_have_one_error_and_it_is_the_exact_one(rows: pd.DataFrame) -> None:
    assert failed(rows) == []
    errors = (rows.study == "error") & (rows.d == 256)
    off = rows.assign(value=rows.value.where(~errors, 1.0001 * rows.value))
    names = [f"squared error, {name}, d = 256: where all sets have one value" for name in figures.NAMED.values()]
    assert sorted(failed(off)) == sorted(names)


def test_in_few_dimensions_scores_decide(rows: pd.DataFrame) -> None:
    errors = (rows.study == "error") & (rows.d == 4)
    off = rows.assign(value=rows.value.where(~errors, 1.5 * rows.value))
    assert sorted(failed(off)) == sorted(f"squared error, {name}, d = 4" for name in figures.NAMED.values())
