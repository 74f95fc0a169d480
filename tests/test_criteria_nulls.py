"""Chapter 6: what the nearest-neighbour criteria say of a perfect generator, and of a linear one."""

from math import pi, sqrt

import numpy as np
import pytest
from scipy.stats import norm

from theory.checks.criteria.nulls import nearer_than_fresh
from theory.core.formula import DomainError
from theory.criteria import (
    authpct_null,
    closest_record_limit,
    closest_record_null,
    closest_record_share,
    data_copying_deviation,
    null_flag_rate,
    records,
    training_distance,
)


def test_values_by_hand() -> None:
    assert null_flag_rate([1, 2, 3]) == pytest.approx([1 / 3, 1 / 9, 1 / 27])
    assert null_flag_rate(2, ratio=0.5) == 0.25
    lens = [1 / 2, 2 / 3 - sqrt(3) / (2 * pi), 5 / 16]  # of two unit balls a radius apart, by the volume of one
    assert authpct_null([1, 2, 3]) == pytest.approx([100 * (1 - 1 / (2 - share)) for share in lens], rel=1e-14)
    assert authpct_null([1, 2, 3]).round(1).tolist() == [33.3, 37.8, 40.7]
    assert authpct_null(1e6) == pytest.approx(50, rel=1e-12)
    assert closest_record_null([30, 10], [10, 30]).tolist() == [0.75, 0.25]
    assert data_copying_deviation([1.0, 1.0, 1.0, 1.0]) == 0.5
    assert data_copying_deviation([3.0, 4.0]) == data_copying_deviation([30.0, 40.0]) == pytest.approx(5 / 7)
    assert training_distance(2, 1) == 1.5


@pytest.mark.parametrize(
    ("formula", "args", "culprit"),
    [
        (null_flag_rate, (0,), "D = 0"),
        (null_flag_rate, (-1,), "D = -1"),
        (null_flag_rate, (2, 0), "ratio = 0"),
        (null_flag_rate, (2, 1.5), "ratio = 1.5"),
        (authpct_null, (0,), "D = 0"),
        (closest_record_null, (0, 5), "n = 0"),
        (closest_record_null, (5, 0), "n_holdout = 0"),
        (data_copying_deviation, ([1.0, 0.0],), "weights = 0"),
        (data_copying_deviation, ([],), "non-empty"),
        (training_distance, (1, 3), "n = 1"),
        (closest_record_limit, (1, 3), "n = 1"),
        (closest_record_share, (3, 3), "n = 3"),
        (closest_record_share, (10, 0), "d = 0"),
        (closest_record_share, (float("nan"), 2), "n = nan"),
    ],
)
def test_what_has_no_answer_is_named(formula: object, args: tuple, culprit: str) -> None:
    with pytest.raises(DomainError, match=culprit) as caught:
        formula(*args)
    assert "\n" not in str(caught.value)


def test_the_quadrature_stands_when_its_steps_are_halved(monkeypatch: pytest.MonkeyPatch) -> None:
    places = [(200, 64), (4000, 64), (50, 16), (20, 64)]
    before = [closest_record_share(*at) for at in places]
    for name in ("_WEIGHTS", "_LENGTHS", "_RADII"):
        monkeypatch.setattr(records, name, 2 * getattr(records, name))
    assert [closest_record_share(*at) for at in places] == pytest.approx(before, abs=5e-5)


def test_share_of_the_linear_model() -> None:
    """It meets simulation where n ≫ d; at n ≈ d simulation is above it, by less than .015."""
    many = nearer_than_fresh(1000, 64, 150)
    assert abs(many.z(closest_record_share(1000, 64))) < norm.isf(0.0005)
    assert abs(many.z(closest_record_share(1000, 32))) > norm.isf(0.0005)
    assert abs(many.z(0.5)) > norm.isf(0.0005)
    few = nearer_than_fresh(50, 16, 1500)
    assert few.z(closest_record_share(50, 16)) > norm.isf(0.0005)
    assert few.z(closest_record_share(50, 16) + 0.015) < -norm.isf(0.0005)


def test_share_tends_to_its_limit_and_to_one_half() -> None:
    """The excess over ½ is that of the limit, to a relative 1/ln n, and below the leading order."""
    corrections = []
    for n, d in ((4000, 256), (1e6, 1e4), (1e7, 1e4), (1e8, 1e6)):
        excess, limit = closest_record_share(n, d) - 0.5, closest_record_limit(n, d) - 0.5
        corrections.append(float(excess / limit - 1) * np.log(n))
        assert n < 1e5 or 0.8 < excess / (d * np.log(n) / (6 * n)) < 1
    assert all(0.15 < correction < 0.35 for correction in corrections)
    assert closest_record_share(10, 1000) > 0.999
    assert np.all(np.diff([closest_record_share(n, 64) for n in (20, 100, 300, 1000, 10_000)]) < 0)


def test_points_of_the_scale_d_ln_n_show_memory() -> None:
    """At n = c d ln n the share is the same in any dimension, nearly: at n = c d it grows, at n = c d² it falls."""

    def share(d: float, power: float) -> float:
        n = 2 * d**power
        return float(closest_record_limit(n * np.log(n) if power == 1 else n, d))

    assert share(1e6, 1) == pytest.approx(share(1e3, 1), abs=0.02)
    assert share(1e6, 2) < 0.5001 < 0.506 < share(1e2, 2)
