"""Rows computed again beside the stored ones."""

from types import SimpleNamespace

import pandas as pd
import pytest

from memgen.figures.curves import Again, again, alike
from theory.checks.report import Report

KEYS = ["n", "measure"]
STORED = pd.DataFrame({"n": [8, 8, 16], "measure": ["loss", "gap", "loss"], "value": [2.0, 0.0, 4.0]})


def test_a_difference_is_relative_and_rows_that_are_not_stored_are_left_out() -> None:
    rows = pd.DataFrame({"n": [8, 16, 32], "measure": "loss", "value": [2.0, 4.08, 9.0]})
    found = again(rows, STORED, KEYS, same=True)
    assert found.shared == 2 and found.drift == pytest.approx(0.08 / (4 + 4))
    assert str(found) == "2 of them stored as well; the two differ by up to 1e-02"
    assert again(STORED.assign(value=STORED.value * (1 + 1e-6)), STORED, KEYS, same=True).drift < 1e-6


def stated(found: Again) -> list[bool | None]:
    """What is stated of rows computed again; nothing if none are."""
    report = Report("Are they?", "r = r", "a test")
    found.state(report)
    return [outcome.passed for outcome in report.outcomes()]


def test_rows_of_another_seed_or_device_are_not_compared() -> None:
    made = {"seed": 0, "device": "cpu", "steps": 6400}
    for asked, same in (((0, "cpu"), True), ((1, "cpu"), False), ((0, "cuda"), False)):
        params = SimpleNamespace(seed=asked[0], device=asked[1], steps=100)
        assert alike(params, made, "seed", "device") == same
    found = again(STORED.assign(value=9.0), STORED, KEYS, same=False)
    assert stated(found) == [] and stated(again(STORED, STORED, KEYS, same=True)) == [True]
    assert stated(again(STORED.assign(value=9.0), STORED, KEYS, same=True)) == [False]
    assert found == (0, 0.0) and str(found) == "none of them stored: other parameters"
