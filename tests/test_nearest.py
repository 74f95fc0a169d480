"""Nearest neighbours and the criteria made of them: exact where products round, defined or refused at the edges."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist
from scipy.stats import mannwhitneyu

from memgen.measures import Neighbours, authenticity, closest_record_share, data_copying, nearest, nearest_ratio
from memgen.statistics import cumulant, mean, threshold
from memgen.streams import stream


def _points(*key: object, n: int = 40, d: int = 3) -> np.ndarray:
    return stream("test", "nearest", *key).standard_normal((n, d))


# -- the search --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n", "m", "d", "k", "far"),
    [(2, 3, 1, 2, 0.0), (5, 1, 2, 1, 0.0), (700, 600, 3, 3, 1e6), (2100, 530, 8, 2, 0.0), (70, 70, 4, 5, 5.0)],
)
def test_the_nearest_are_those_among_all_differences(n: int, m: int, d: int, k: int, far: float) -> None:
    x, y = far + _points("x", n, d, n=n, d=d), far + _points("y", m, d, n=m, d=d)
    y[0] = x[-1]
    apart = cdist(y, x)
    distances, indices = nearest(y, x, k)
    assert np.array_equal(indices, apart.argsort(1)[:, :k])
    assert np.allclose(distances, np.sort(apart, 1)[:, :k], rtol=1e-14, atol=0)
    assert distances[0, 0] == 0 and indices[0, 0] == n - 1


def test_a_point_is_not_its_own_neighbour_but_its_double_is() -> None:
    x = _points("self", n=1300, d=4)
    x[1200] = x[3]
    apart = cdist(x, x) + np.diag(np.full(len(x), np.inf))
    distances, indices = nearest(x, x, 2, exclude_self=True)
    assert np.allclose(np.take_along_axis(apart, indices, 1), distances, rtol=1e-14, atol=0)
    assert distances[3, 0] == distances[1200, 0] == 0 and (indices[3, 0], indices[1200, 0]) == (1200, 3)
    assert np.allclose(distances, np.sort(apart, 1)[:, :2], rtol=1e-14, atol=0)


@pytest.mark.parametrize("spread", [1e-290, 1e-9, 1e9, 1e300])
def test_any_scale_keeps_its_digits(spread: float) -> None:
    x, y = _points("scale", n=300, d=5), _points("scale", "y", n=50, d=5)
    assert np.allclose(nearest(spread * y, spread * x)[0] / spread, nearest(y, x)[0], rtol=1e-13, atol=0)


def test_distances_that_products_round_away_are_found() -> None:
    """Clusters 10⁻⁸ wide at distances of 1: in products of norms of 1 their squares of 10⁻¹⁶ are nothing."""
    centres = _points("centres", n=30, d=6)
    x, y = (np.repeat(centres, 40, 0) + 1e-8 * _points(key, n=1200, d=6) for key in ("in", "out"))
    apart = cdist(y, x)
    distances, indices = nearest(y, x)
    assert np.array_equal(indices, apart.argsort(1)[:, :2])
    assert np.allclose(distances, np.sort(apart, 1)[:, :2], rtol=1e-12, atol=0)
    centred = y - x.mean(0), x - x.mean(0)
    squares = (centred[0] ** 2).sum(1)[:, None] + (centred[1] ** 2).sum(1) - 2 * centred[0] @ centred[1].T
    assert np.mean(squares.argmin(1) == indices[:, 0]) < 0.9  # what products alone would find


def test_equal_points_are_at_no_distance() -> None:
    distances, indices = nearest(np.ones((600, 3)), np.ones((700, 3)), 3)
    assert not distances.any() and all(len(set(row)) == 3 for row in indices)


@pytest.mark.parametrize(("d", "k", "far"), [(3, 64, 0.0), (784, 64, 0.0), (3072, 2, 0.0), (300, 5, 1e3), (2, 1, 1e6)])
def test_single_precision_is_exact_for_what_it_holds(d: int, k: int, far: float) -> None:
    """Points of float32: their distances are those of the same points in float64, the products' rounding put right."""
    x, y = ((far + _points(key, d, n=n, d=d)).astype(np.float32) for key, n in (("x", 900), ("y", 120)))
    x[450:470], y[0] = x[3], x[3]  # more equal points than groups are looked at first
    apart = cdist(y.astype(float), x.astype(float))
    distances, indices = nearest(y, x, k)
    assert distances.dtype == float and np.allclose(distances, np.sort(apart, 1)[:, :k], rtol=1e-13, atol=0)
    assert np.allclose(np.take_along_axis(apart, indices, 1), distances, rtol=1e-13, atol=0)
    assert all(len(set(row)) == k for row in indices)


def test_points_beyond_single_precision_are_found() -> None:
    """10⁴⁰ times the width of the reference away, where the product of float32 is infinite."""
    x = _points("beyond", n=300, d=3)
    y = np.array([[1e40, 0.0, 0.0], [0.5, 0.5, 0.5]])
    distances, indices = nearest(y, x, 2)
    assert np.allclose(distances, np.sort(cdist(y, x), 1)[:, :2], rtol=1e-14, atol=0)
    assert np.array_equal(indices[1], cdist(y, x)[1].argsort()[:2])


def test_pixels_are_compared_as_numbers() -> None:
    x = stream("test", "nearest", "pixels").integers(0, 256, (200, 20)).astype(np.uint8)
    assert np.array_equal(nearest(x[:50], x, 3)[0], nearest(x[:50].astype(float), x.astype(float), 3)[0])


def test_products_of_fewer_digits_change_nothing() -> None:
    x, y = _points("digits", n=500, d=30), _points("digits", "y", n=100, d=30)
    asked = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    try:
        distances, indices = nearest(y, x, 5)
    finally:
        torch.set_float32_matmul_precision(asked)
    assert np.array_equal(indices, cdist(y, x).argsort(1)[:, :5]) and np.array_equal(distances, nearest(y, x, 5)[0])


def test_progress_wraps_the_parts() -> None:
    seen = []
    x = _points("progress", n=1100)
    found = nearest(x, x, progress=lambda parts: (seen.append(start) or (start, part) for start, part in parts))
    assert seen == [0, 512, 1024] and np.array_equal(found[1], nearest(x, x)[1])


# -- criteria ----------------------------------------------------------------------------------------------------------


def test_authenticity_by_hand() -> None:
    train = np.array([[0.0], [1.0], [5.0]])  # their neighbours are 1, 1 and 4 away
    assert authenticity(np.array([[-0.5], [-1.5], [8.0], [9.5]]), train) == 50
    assert authenticity(train, train) == 0
    assert authenticity(np.array([[7.0]]), train) == 0  # one point
    assert authenticity(np.zeros((2, 1)), np.zeros((3, 1))) == 0  # equal points are copies
    assert authenticity(np.array([[2.0]]), np.array([[0.0], [1.0]])) == 0  # as far as the other: not farther


def test_share_by_hand() -> None:
    train, holdout = np.array([[0.0], [1.0]]), np.array([[2.0], [3.0], [0.0]])
    generated = np.array([[0.1], [1.4], [1.5], [2.2]])
    assert closest_record_share(generated, train, holdout) == (0.5 + 1 + 0.5 + 0) / 4


def test_data_copying_is_the_rank_test_in_each_cell() -> None:
    train, holdout, generated = (_points("copying", k, n=n, d=2) for k, n in enumerate((200, 90, 60)))
    near = generated.copy()
    near[:30] = train[:30] + 0.01 * near[:30]
    for points in (generated, near):
        found = data_copying(points, train, holdout)
        test = mannwhitneyu(
            nearest(points, train)[0][:, 0], nearest(holdout, train)[0][:, 0], method="asymptotic", use_continuity=False
        )
        assert (found.deviation, found.cells) == (1, 1)
        assert 2 * torch.special.ndtr(torch.tensor(-abs(found.z), dtype=torch.float64)).item() == pytest.approx(
            test.pvalue, rel=1e-10
        )
    assert found.z < -4


def test_the_deviation_of_the_score_is_not_one() -> None:
    """New points in five cells: the variance is that of the weights, and 1 is rejected."""
    scores, deviations = [], []
    for k in range(150):
        train, holdout, generated = (_points("null", k, s, n=n, d=2) for s, n in enumerate((60, 80, 80)))
        found = data_copying(generated, train, holdout, cells=5)
        scores.append(found.score)
        deviations.append(found.deviation)
    standard = np.array(scores) / np.array(deviations)
    assert abs(mean(standard).z(0)) < threshold(2)
    assert abs(cumulant(standard, 2).z(1)) < threshold(2)
    assert abs(cumulant(np.array(scores), 2).z(1)) > threshold(2)


def test_criteria_share_their_searches() -> None:
    train, holdout, generated = (_points("shared", k) for k in range(3))
    all_of_them = Neighbours(generated, train, holdout)
    assert all_of_them.authenticity() == authenticity(generated, train)
    assert all_of_them.closest_record_share() == closest_record_share(generated, train, holdout)
    assert all_of_them.data_copying(3) == data_copying(generated, train, holdout, 3)
    assert all_of_them.to_train is all_of_them.to_train


# -- bad input ---------------------------------------------------------------------------------------------------------
_ONE, _TWO = np.zeros((1, 2)), np.array([[0.0, 0.0], [1.0, 0.0]])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: nearest(_TWO, _TWO, 3), "reference must be .n, d. with n ≥ 3"),
        (lambda: nearest(_TWO, _TWO, 2, exclude_self=True), "reference must be .n, d. with n ≥ 3"),
        (lambda: nearest(_ONE, _TWO, 1, exclude_self=True), "points are 1, reference 2: not one set"),
        (lambda: nearest(np.zeros((0, 2)), _TWO), "points must be"),
        (lambda: nearest(_TWO, np.zeros((3, 1))), "points has 2 dimensions, reference has 1"),
        (lambda: nearest_ratio(_TWO, _ONE), "train must be .n, d. with n ≥ 2"),
        (lambda: authenticity(_TWO, _ONE), "train must be .n, d. with n ≥ 2"),
        (lambda: authenticity(_TWO * np.nan, _TWO), "generated holds a value that is not finite"),
        (lambda: closest_record_share(_TWO, _TWO, np.zeros((3, 1))), "holdout has 1 dimensions, train has 2"),
        (lambda: closest_record_share(_TWO, _TWO, np.zeros((0, 2))), "holdout must be"),
        (lambda: data_copying(_TWO, _TWO, _TWO, 3), "cells must be from 1 to 2"),
        (lambda: data_copying(_TWO, _TWO, _TWO, 0), "cells must be from 1 to 2"),
        (lambda: data_copying(_ONE, np.zeros((4, 2)), _ONE), "no cell has generated and held-out points whose"),
        (lambda: Neighbours(_TWO, _TWO).closest_record_share(), "holdout is missing"),
    ],
)
def test_bad_input_is_named(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)
