"""What chapter 1 states of its simulations, and refuses to."""

import pandas as pd
import pytest

from memgen.experiments.kernel import Params, cell, grid
from memgen.figures import kernel as figures
from memgen.runs.parameters import ParameterError, coerce
from memgen.runs.sweep import sweep
from theory.checks.report import Report

PARAMS = Params(preset="smoke", dims=(4, 8)).resolved()


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return sweep(cell, grid(PARAMS))


def failed(rows: pd.DataFrame) -> list[str]:
    figures.state(report := Report(), rows, PARAMS)
    return report.failed()


def test_an_error_that_is_half_as_large_again_is_told_from_the_exact_one(rows: pd.DataFrame) -> None:
    assert failed(rows) == []
    errors = (rows.study == "error") & (rows.d == 4)
    off = rows.assign(value=rows.value.where(~errors, 1.5 * rows.value))
    assert sorted(failed(off)) == sorted(f"squared error, {name}, d = 4" for name in figures.NAMED.values())


def test_dimensions_in_which_no_sample_has_the_mean_error_are_refused() -> None:
    with pytest.raises(ParameterError, match="the first two may be 16 at most"):
        coerce(Params, {"dims": [4, 64]})
    assert coerce(Params, {"dims": [4, 16, 64]})
