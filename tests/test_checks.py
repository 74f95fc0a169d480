"""Simulation meets every formula, and rejects every wrong one, within one family of tests."""

import numpy as np
import pytest

from memgen.measures.statistics import threshold
from theory import linear
from theory.catalogue import checks
from theory.checks.check import Check

ALL = checks()


@pytest.fixture(scope="module")
def limit() -> float:
    return threshold(sum(len(check.observe()) for check in ALL.values()))


@pytest.mark.parametrize("name", ALL)
def test_simulation_meets_the_formula(name: str, limit: float) -> None:
    assert np.max(np.abs(ALL[name].z())) < limit


@pytest.mark.parametrize(("name", "mistake"), [(c.name, m) for c in ALL.values() for m in c.wrong])
def test_simulation_rejects_a_wrong_formula(name: str, mistake: str, limit: float) -> None:
    check = ALL[name]
    assert np.max(np.abs(check.z(check.wrong[mistake]))) > limit


def test_every_check_has_a_negative_control() -> None:
    assert len(ALL) >= 28
    assert all(check.wrong for check in ALL.values())


def test_a_check_that_observes_nothing_fails() -> None:
    with pytest.raises(AssertionError, match="observed nothing"):
        Check("empty", linear.generated_trace, list, {}).z()
