"""A report judges its statements as one family, and every kind of statement can fail."""

import math

import pytest

from memgen.statistics import threshold
from theory.checks.report import MIME, Report


def verdicts(report: Report) -> dict[str, bool | None]:
    return {outcome.name: outcome.passed for outcome in report.outcomes()}


def test_the_threshold_is_that_of_all_comparisons() -> None:
    report = Report()
    report.meets("one", 0.5)
    report.meets("many", [0.1, -1.0, 2.0])
    report.rejects("wrong", 9.0)  # not a comparison that a true family must survive
    assert report.threshold == threshold(4)
    assert Report(family=100).threshold == threshold(100)


@pytest.mark.parametrize(("z", "passed"), [(2.5, True), (-2.5, True), (2.6, False), ([0, -2.9], False)])
def test_what_is_met_stays_within_the_threshold(z: float, passed: bool) -> None:
    report = Report(family=1)  # threshold 2.58
    report.meets("theory", z)
    assert verdicts(report) == {"theory": passed}


@pytest.mark.parametrize(
    ("z", "side", "passed"),
    [(3, 0, True), (-3, 0, True), (2, 0, None), (3, 1, True), (-3, 1, False), (-3, -1, True), (3, -1, False),
     ([0, 4], 1, True), ([-3, 4], 1, True), (2, 1, None), (-2, 1, None), ([-3, 2], 1, False),
     (math.inf, 1, True), (-math.inf, 1, False)],
)  # fmt: skip
def test_what_is_rejected_lies_beyond_it_on_its_side(z: float, side: int, passed: bool | None) -> None:
    report = Report(family=1)
    report.rejects("wrong", z, side)
    assert verdicts(report) == {"rejected: wrong": passed}
    assert report.failed() == ([] if passed else ["rejected: wrong"])


def test_an_exact_statement_holds_or_not() -> None:
    report = Report()
    report.holds("true", 1 < 2)
    report.holds("false", 1 > 2)
    assert verdicts(report) == {"true": True, "false": False}
    assert report.failed() == ["false"]


def test_nothing_stated_is_no_pass() -> None:
    with pytest.raises(AssertionError, match="without statements"):
        Report().failed()


@pytest.mark.parametrize("z", [[], math.nan, [1, math.nan], math.inf])
def test_scores_that_decide_nothing_are_refused(z: object) -> None:
    with pytest.raises(ValueError, match="theory"):
        Report().meets("theory", z)


def test_a_name_stands_for_one_statement() -> None:
    report = Report()
    report.meets("theory", 0)
    with pytest.raises(ValueError, match="'theory' is stated twice"):
        report.holds("theory", True)


def test_closing_displays_the_outcome_and_raises_what_failed(capsys: pytest.CaptureFixture) -> None:
    shown = []
    report = Report("Does it?", "$x$", "derived here")
    report.meets("theory", [0.123, -1.0])
    report.holds("exact", False)
    with pytest.MonkeyPatch.context() as patch, pytest.raises(AssertionError, match="did not pass: exact"):
        patch.setattr("IPython.display.display", lambda data, raw: shown.append(data))
        report.close()
    ((payload),) = shown
    assert payload[MIME]["checks"][0] == {"name": "theory", "z": -1.0, "passed": True}
    assert payload["text/plain"] == "ok    theory   z = -1.00\nFAIL  exact\n|z| below 2.81"


def test_what_too_few_data_leave_open_is_shown_and_no_failure() -> None:
    shown = []
    report = Report("Does it?", "$x$", "derived here")
    report.meets("theory", 1)
    report.rejects("wrong", 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("IPython.display.display", lambda data, raw: shown.append(data))
        report.close()
    ((payload),) = shown
    assert payload[MIME]["checks"][1] == {"name": "rejected: wrong", "z": None, "passed": None}
    lines = ["ok    theory   z = +1.00", "open  rejected: wrong", "open: not ruled out by these data", "|z| below 2.58"]
    assert payload["text/plain"].splitlines() == lines
