"""Simulation meets every formula, and rejects every wrong one, within one family of tests."""

import pytest

from theory import linear
from theory.catalogue import checks
from theory.checks.check import Check
from theory.checks.report import Report

ALL = checks()
FAMILY = sum(check.comparisons for check in ALL.values())  # declared: no simulation is needed to know it


@pytest.mark.parametrize("name", ALL)
def test_simulation_meets_the_formula_and_rejects_wrong_ones(name: str) -> None:
    report = Report(family=FAMILY)
    report.confronts(ALL[name])
    assert report.failed() == [], str(report)


def test_every_check_has_a_negative_control() -> None:
    assert len(ALL) >= 94 and FAMILY >= 261
    assert all(check.wrong for check in ALL.values())


def test_a_check_that_observes_nothing_or_not_what_it_declares_fails() -> None:
    with pytest.raises(AssertionError, match="empty observed 0 values and declares 1"):
        Check("empty", linear.generated_trace, 1, list, {}).z()
    with pytest.raises(AssertionError, match="empty observed 0 values and declares 0"):
        Check("empty", linear.generated_trace, 0, list, {}).z()
