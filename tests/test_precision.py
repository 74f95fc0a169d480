"""Every formula in float64 against high precision: to 12 digits, or to what is stated."""

import json
from dataclasses import fields, replace
from typing import Any

import mpmath
import numpy as np
import pandas as pd
import pytest
import sympy as sp

from memgen.evidence import precision
from memgen.evidence.precision import compare, draw, measure
from memgen.evidence.stated import STATED
from theory.catalogue import formulas
from theory.core import extremes
from theory.core.formula import Branch, Formula
from theory.core.roots import bracketed
from theory.letters import lam, t
from theory.ou import noise_variance
from theory.relaxation import relaxation_kl

_DIGITS = 15  # of the references, at least
# A second or more in high precision: a point at which it is less.
_SLOW = {
    "overlap_probability": {"n": 1000.0, "d": 64.0, "q": 0.5},
    "null_probability": {"n": 1000.0, "n_original": 1000.0, "d": 64.0},
    "consistency_samples": {"d": 20.0},
    "wasserstein_samples": {"d": 20.0},
}


def _wrong(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[(rows.error > rows.allowed) | rows.outcome.str.startswith("failed")]


@pytest.mark.parametrize("name", sorted(formulas()))
def test_every_formula_has_its_digits(name: str) -> None:
    formula = formulas()[name]
    points = [_SLOW[name]] if name in _SLOW else [draw(formula, 1, k) for k in range(1)]
    rows = compare(formula, points, 20.0, _DIGITS)
    values = rows[rows.kind == "value"]
    assert values.error.notna().any(), rows.outcome.tolist()
    assert _wrong(rows).empty, _wrong(rows).to_dict("records")


def test_a_formula_that_loses_digits_is_found() -> None:
    lossy = replace(noise_variance, branches=(Branch(lam * (sp.cosh(t) - 1)),))
    rows = measure(lossy, 20, 2.0, 0)
    assert len(_wrong(rows[rows.kind == "value"])) > 5
    assert _wrong(measure(noise_variance, 20, 2.0, 0)).empty


class _Lost(Formula):
    """Its logarithm is that of its value in float64."""

    def log(self, *args: Any, **kwargs: Any) -> Any:
        with np.errstate(divide="ignore"):
            return np.log(self(*args, **kwargs))


def test_a_logarithm_that_is_infinite_is_found() -> None:
    lost = _Lost(**{field.name: getattr(relaxation_kl, field.name) for field in fields(relaxation_kl)})
    late = [{"t": 500.0, "eigenvalues": [1.0, 2.0], "lam": 1.0}]
    found = _wrong(compare(lost, late, 2.0))
    assert found.kind.tolist() == ["log"] and np.isinf(found.error).all()
    assert _wrong(compare(relaxation_kl, late, 2.0)).empty


def test_no_point_is_no_measurement() -> None:
    with pytest.raises(ValueError, match="noise_variance: no points"):
        compare(noise_variance, [], 1.0)
    with pytest.raises(ValueError, match="points"):
        precision.Params(points=0)


def test_a_slow_reference_is_given_up_and_said() -> None:
    rows = compare(formulas()["null_probability"], [_SLOW["null_probability"]], 0.05)
    assert rows.outcome.tolist()[0] == "no reference in time"
    assert rows.seconds.max() < 1 and rows.error.isna().all()


def test_points_reach_the_ends_of_a_domain_and_both_sides_of_a_boundary() -> None:
    speciation = formulas()["speciation_time"]
    values = {draw(speciation, 0, k)["top_eigenvalue"] for k in range(60)}
    assert {0.0, 1.0, float(np.nextafter(1, 2))} <= values
    assert min(values - {0.0}) < 1e-6 and max(values) > 1e6


def test_the_sweep_has_a_cell_for_every_formula_and_its_rows() -> None:
    cells = precision.grid(precision.Params(preset="smoke"))
    assert [cell.formula for cell in cells] == list(formulas())
    rows = precision.cell(cells[0])
    assert len(rows) == 4 and set(rows.outcome) == {"compared"}
    assert json.loads(rows.point[0]).keys() == {"t", "lam"}


def test_what_is_stated_is_of_formulas_that_there_are() -> None:
    assert STATED.keys() <= formulas().keys()


@pytest.mark.parametrize("name", ["normal_max", "tie_square"])
def test_extremes_have_the_digits_asked_for(name: str) -> None:
    function = getattr(extremes, name).mpmath
    for n in (2, 2.5, 1e12):
        with mpmath.workdps(45):
            exact = function(mpmath.mpf(n))
            with mpmath.workdps(25):
                few = function(mpmath.mpf(n))
            assert abs(few / exact - 1) < mpmath.mpf(10) ** -23


def test_roots_in_high_precision_have_all_digits_or_are_none() -> None:
    with mpmath.workdps(60):
        root = bracketed(lambda y: y**3 - 2, mpmath.mpf(0), mpmath.mpf(9))
        assert root is not None and abs(root**3 - 2) < mpmath.mpf(10) ** -57
        assert bracketed(lambda y: y**2 + 1, mpmath.mpf(0), mpmath.mpf(9)) is None
        # twenty digits see no root: 1 and 1 + 10⁻³⁰ are the same to them
        near = bracketed(lambda y: (y - 1) - mpmath.mpf(10) ** -30, mpmath.mpf(1), mpmath.mpf(2))
        assert near is not None and abs((near - 1) * mpmath.mpf(10) ** 30 - 1) < mpmath.mpf(10) ** -25


def test_the_phase_of_a_point_is_told() -> None:
    speciation = formulas()["speciation_time"]
    assert [speciation.phase(x) for x in (0.5, 1.0, 2.0)] == [1, 1, 0]
    assert formulas()["intrinsic_ratio"].phase(n=5, d=3, D=4) is None


def test_a_condition_keeps_its_digits() -> None:
    """e^{2t} − 1 at t = 10⁻¹² decides between two phases."""
    point = (452402348.67539746, 1e-12, 8.062483540282448e-12, 1e6, 8.928614407787711e-09)
    assert formulas()["excess_entropy"](*point) == pytest.approx(2.2121280249397e-05, rel=1e-10)
