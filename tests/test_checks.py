"""Simulation meets every formula, and rejects every wrong one, within one family of tests."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from memgen.statistics import Estimate
from memgen.streams import reseeded
from theory import linear
from theory.catalogue import checks
from theory.checks.check import Check, Observation
from theory.checks.report import Report
from theory.core import memory

ALL = checks()
FAMILY = sum(check.comparisons for check in ALL.values())  # declared: no simulation is needed to know it


@pytest.mark.usefixtures("nothing_recalled")
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


def test_what_a_check_observes_is_kept_to_the_last_bit_where_a_run_of_the_tests_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    args = {"n": np.int64(3), "rho": 1 / 3, "eigenvalues": np.array([0.1, 2 / 3]), "pair": (1, 2)}
    seen = [Observation(args, Estimate(0.1 + 0.2, 1e-300)), Observation({"n": 3}, Estimate(1 / 7, 0.5, 11))]

    def observed(found: Callable[[], list[Observation]], module: str = "theory.checks.made") -> list[Observation]:
        monkeypatch.setattr(found, "__module__", module, raising=False)
        return Check("made", linear.generated_trace, 2, found, {}).observe()

    def again() -> list[Observation]:
        raise AssertionError("simulated again")

    monkeypatch.setenv(memory.FOLDER, str(tmp_path / "proved"))
    observed(lambda: seen)
    first, second = observed(again)
    assert (first.estimate, second) == (seen[0].estimate, seen[1])
    assert first.args["n"] == 3 and first.args["rho"] == 1 / 3 and first.args["eigenvalues"].dtype == np.float64
    np.testing.assert_array_equal(first.args["eigenvalues"], args["eigenvalues"], strict=True)
    np.testing.assert_array_equal(first.args["pair"], args["pair"])
    with reseeded(1), pytest.raises(AssertionError, match="simulated again"):
        observed(again)
    with pytest.raises(AssertionError, match="simulated again"):
        observed(again, "tests.made")
    assert len(list((tmp_path / "proved").iterdir())) == 1
