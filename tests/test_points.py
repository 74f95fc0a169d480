"""Measures of point sets and of denoisers: values known by hand, nulls, and input that has no answer."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from memgen.denoisers.exact import EmpiricalBayes, gaussian
from memgen.measures import (
    fractions,
    kernel_estimate,
    kernel_l2_delta,
    marginal_distance,
    marginal_estimate,
    mmd2,
    nearest_ratio,
    points_l2_delta,
    wasserstein2,
)
from memgen.statistics import mean, threshold
from memgen.streams import stream

_NAN = np.array([[0.0, np.nan], [1.0, 1.0]])


def _points(*key: object, n: int = 40, d: int = 3) -> np.ndarray:
    return stream("test", "points", *key).standard_normal((n, d))


# -- nearest neighbours ------------------------------------------------------------------------------------------------


def test_nearest_ratio_by_hand() -> None:
    train = np.array([[0.0, 0.0], [4.0, 0.0], [0.0, 100.0]])
    generated = np.array([[1.0, 0.0], [2.0, 0.0], [4.0, 0.0], [0.0, -2.0]])
    assert nearest_ratio(generated, train) == pytest.approx([1 / 3, 1.0, 0.0, 2 / np.sqrt(20)])
    assert nearest_ratio(np.zeros((1, 2)), np.zeros((2, 2))) == pytest.approx(
        [1.0]
    )  # there twice: neither is singled out


def test_nearest_ratio_sees_a_copy_far_from_the_origin() -> None:
    train = 1e6 + _points("far", n=100, d=8)
    assert np.max(nearest_ratio(train + 1e-9, train)) < 1e-8


@pytest.mark.parametrize("dimension", [1, 2, 3])
def test_null_rate_of_the_ratio(dimension: int) -> None:
    """(d₁/d₂)^D is uniform for new points: 3^{−D} of the ratios are below ⅓; of copies all are."""
    train = stream("test", "null", dimension).random((20_000, dimension))
    new = 0.1 + 0.8 * stream("test", "null", "new", dimension).random((4000, dimension))
    flagged = mean((nearest_ratio(new, train) < 1 / 3).astype(float))
    assert abs(flagged.z(3.0**-dimension)) < threshold(3) < abs(flagged.z(2.0**-dimension))


# -- transport and discrepancy -----------------------------------------------------------------------------------------


def test_wasserstein_of_equal_sizes_is_the_best_assignment() -> None:
    x, y = _points("x"), 0.5 + _points("y")
    squares = cdist(x, y, "sqeuclidean")
    assert wasserstein2(x, y) ** 2 == pytest.approx(squares[linear_sum_assignment(squares)].mean(), rel=1e-10)
    assert wasserstein2(x, x) == pytest.approx(0, abs=1e-7)
    assert wasserstein2(x, x + 3.0) == pytest.approx(3 * np.sqrt(3), rel=1e-12)  # a shift is the best plan


def test_wasserstein_of_unequal_sizes() -> None:
    assert wasserstein2(np.zeros((1, 1)), np.array([[3.0], [4.0], [-5.0]])) == pytest.approx(np.sqrt(50 / 3))
    x = _points("sorted", n=30, d=1)
    assert wasserstein2(np.repeat(x, 2, 0), x) == pytest.approx(0, abs=1e-7)


def test_discrepancy_has_no_bias_and_sees_a_shift() -> None:
    null, shifted = [], []
    for k in range(300):
        x, y = _points("mmd", k, n=20), _points("mmd", "other", k, n=25)
        null.append(mmd2(x, y, 1.5))
        shifted.append(mmd2(x, y + 0.5, 1.5))
    assert abs(mean(np.array(null)).z(0)) < threshold(1) < mean(np.array(shifted)).z(0)
    assert min(null) < 0  # without bias


# -- denoisers ---------------------------------------------------------------------------------------------------------


def test_fractions_of_the_two_limits_and_between() -> None:
    train = torch.from_numpy(_points("train", n=30, d=4))
    tau = 0.6
    u = train[:20] + tau * torch.from_numpy(_points("noise", n=20, d=4))
    population = gaussian(u, tau, torch.zeros(4), torch.eye(4))
    empirical = EmpiricalBayes(train).denoise(u, tau)
    off = torch.randn(20, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    off -= (empirical - population) * (off * (empirical - population)).sum() / (empirical - population).square().sum()
    for a, b in ((0.0, 0.0), (1.0, 0.0), (0.3, 0.0), (0.3, 0.5), (-0.2, 2.0)):
        found = fractions(population + a * (empirical - population) + b * off, population, empirical)
        assert float(found.a) == pytest.approx(a, abs=1e-12)
        assert float(found.b_squared) == pytest.approx(b**2 * float(off.square().mean() / found.separation), abs=1e-20)
    models = torch.stack([population, empirical])
    assert fractions(models, population, empirical).a.tolist() == pytest.approx([0, 1], abs=1e-12)


# -- bad input ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: nearest_ratio(_points(), _points(n=1)), "train must be .n, d. with n ≥ 2"),
        (lambda: nearest_ratio(_points(d=2), _points(d=3)), "generated has 2 dimensions, train has 3"),
        (lambda: nearest_ratio(_NAN, _points(d=2)), "generated holds a value"),
        (lambda: wasserstein2(_points(), _points()[0]), "y must be"),
        (lambda: wasserstein2(_NAN, _NAN), "x holds a value"),
        (lambda: mmd2(_points(n=1), _points()), "x must be .n, d. with n ≥ 2"),
        (lambda: mmd2(_points(), _points(), 0.0), "width must be positive"),
        (lambda: mmd2(np.zeros((3, 1)), np.zeros((3, 1))), "width must be positive"),
        (lambda: fractions(torch.zeros(3, 2), torch.zeros(3, 2), torch.zeros(3, 2)), "agree"),
        (lambda: fractions(torch.zeros(3, 2), torch.zeros(4, 2), torch.ones(3, 2)), "population is"),
        (lambda: fractions(torch.full((3, 2), torch.nan), torch.zeros(3, 2), torch.ones(3, 2)), "denoised holds"),
    ],
)
def test_bad_input_is_named(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


# -- the paper's marginal distance -------------------------------------------------------------------------------


def test_marginal_distance_by_all_pairs() -> None:
    x, y, sigma = _points("marginal", n=30, d=2), 0.3 + _points("marginal", "y", n=50, d=2), 1.7

    def overlap(p: np.ndarray, q: np.ndarray, v: float, w: float) -> float:
        squares = (p[:, None] - q) ** 2
        return float(np.exp(-squares / (2 * (v + w))).mean() / np.sqrt(v + w))

    expected, v, w = 0.0, (sigma / 30) ** 2, (sigma / 50) ** 2
    for p, q in zip(x.T, y.T, strict=True):
        expected += (overlap(p, p, v, v) + overlap(q, q, w, w) - 2 * overlap(p, q, v, w)) / 2
    for pair in ((x, y), (y, x)):
        found = marginal_distance(*(marginal_estimate(a, sigma) for a in pair))
        assert found == pytest.approx(expected, rel=1e-12)


def test_marginal_distance_takes_resampled_coordinates_for_copies() -> None:
    """Each coordinate of the training set resampled by itself: no point is copied, and the distance is 0."""
    train = _points("resampled", n=60, d=8)
    shuffled = np.stack([stream("test", "shuffle", j).permutation(column) for j, column in enumerate(train.T)], 1)
    known, new = marginal_estimate(train), marginal_estimate(_points("resampled", "new", n=60, d=8))
    assert marginal_distance(known, marginal_estimate(shuffled)) == pytest.approx(0, abs=1e-12)
    assert np.median(nearest_ratio(shuffled, train)) > 0.5
    assert marginal_distance(known, new) > 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: marginal_estimate(np.zeros(3)), "points must be"),
        (lambda: marginal_estimate(_NAN), "points hold"),
        (lambda: marginal_estimate(np.zeros((3, 2)), 0.0), "sigma must be positive"),
        (lambda: marginal_distance(*(marginal_estimate(np.zeros((3, d))) for d in (1, 2))), "1 and 2 dimensions"),
    ],
)
def test_marginal_distance_names_bad_input(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


# -- the paper's Δ, of points ------------------------------------------------------------------------------------------


def test_delta_of_generated_points_is_the_kernel_sums() -> None:
    rng = np.random.default_rng(5)
    train, original, generated = (rng.standard_normal(shape) for shape in ((7, 3), (9, 3), (5, 3)))
    found = points_l2_delta(train, original, generated, sigma=1.3)
    unit = (4 * np.pi * 1.3**2) ** 1.5
    for points, log_cross_found in ((train, found.log_cross_train), (original, found.log_cross_original)):
        variance = 1.3**2 * len(points) ** (-2 / 3)
        apart = ((points[:, None] - generated) ** 2).sum(-1)
        density = (2 * np.pi * variance) ** -1.5 * np.exp(-apart / (2 * variance))
        assert np.exp(log_cross_found) == pytest.approx(2 * unit * density.mean(), rel=1e-12)
    assert found.log_pair_train == kernel_estimate(train, 1.3).log_pair
    copies = points_l2_delta(train, original, train[[0, 0, 1]])
    assert copies.sign < 0 and copies.overlap_gap < 0


def test_delta_of_many_points_of_a_law_is_that_of_the_law() -> None:
    """Within the error of a mean over points; the law twice as wide is rejected."""
    rng, gaps = np.random.default_rng(6), {1.0: [], 2.0: []}
    train, original = rng.standard_normal((30, 2)), rng.standard_normal((30, 2))
    for _ in range(40):
        points = points_l2_delta(train, original, rng.standard_normal((400, 2)))
        for spread, found in gaps.items():
            law = kernel_l2_delta(train, original, np.zeros(2), spread * np.eye(2))
            found.append(np.exp(points.log_cross_train) - np.exp(law.log_cross_train))
    one, two = (abs(mean(np.array(found)).z(0)) for found in gaps.values())
    assert one < threshold(1) < two


@pytest.mark.parametrize(
    ("points", "message"),
    [
        (np.zeros((3, 2)), "generated must be"),
        (np.zeros((0, 3)), "generated must be"),
        (np.full((2, 3), np.nan), "not finite"),
    ],
)
def test_points_that_cannot_be_compared_are_refused(points: np.ndarray, message: str) -> None:
    sets = np.random.default_rng(0).standard_normal((2, 5, 3))
    with pytest.raises(ValueError, match=message):
        points_l2_delta(*sets, points)
