"""Δ between kernel estimates and Gaussian laws: sixty digits, symmetries, tiles, bad input."""

import math
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import mpmath
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from mpmath import mpf
from scipy.spatial.distance import pdist
from scipy.special import logsumexp
from scipy.stats import multivariate_normal, special_ortho_group

from memgen.denoisers.linear import fit, one_step
from memgen.laws.process import noised
from memgen.measures import Delta, combine, kernel_estimate, kernel_l2_delta, log_cross, log_overlaps
from memgen.measures.kernel import _PART, _TILE

TAU = 0.99


class Case(NamedTuple):
    d: int
    n: int
    n_original: int
    sigma: float = 1.0
    seed: int = 0
    middle: float = 10.0
    apart: float | None = None  # the original set is the training set moved by this much: terms that nearly cancel


class Data(NamedTuple):
    train: np.ndarray
    original: np.ndarray
    mean: np.ndarray
    covariance: np.ndarray
    sigma: float


def _data(case: Case) -> Data:
    rng = np.random.default_rng(case.seed)
    train, original = (case.middle + case.sigma * rng.standard_normal((n, case.d)) for n in (case.n, case.n_original))
    mean, covariance = one_step(train, case.sigma * TAU, rng)
    if case.apart:
        original = train + case.apart * rng.standard_normal(train.shape)
    return Data(train, original, mean, (covariance + covariance.T) / 2, case.sigma)


class Exact(NamedTuple):
    sign: int
    log_abs: mpf
    logs: tuple[mpf, ...]


def _exact(train: np.ndarray, original: np.ndarray, mean: np.ndarray, covariance: np.ndarray, sigma: float) -> Exact:
    """Δ = E_TG − E_OG at 60 digits from E_XG = ‖X‖² − 2⟨X, G⟩ (+ ‖G‖²), every kernel's overlap with itself included."""
    with mpmath.workdps(60):
        d = len(mean)
        unit = (4 * mpmath.pi * mpf(sigma) ** 2) ** (-mpf(d) / 2)
        (norm_t, pair_t, cross_t), (norm_o, pair_o, cross_o) = (
            [part / unit for part in _parts(x, mean, covariance, sigma)] for x in (train, original)
        )
        delta = (norm_t - cross_t) - (norm_o - cross_o)
        assert abs(delta) > mpf(10) ** -35  # or the self-overlaps would have cost too many of the 60 digits
        logs = tuple(map(mpmath.log, (pair_t, pair_o, cross_t, cross_o)))
        return Exact(int(mpmath.sign(delta)), mpmath.log(abs(delta)), logs)


def _parts(points: np.ndarray, mean: np.ndarray, covariance: np.ndarray, sigma: float) -> tuple[mpf, mpf, mpf]:
    """‖X‖², what different points contribute to it, and 2⟨X, G⟩."""
    n, d = points.shape
    variance = (mpf(sigma) * mpf(n) ** (-1 / mpf(d))) ** 2
    x = [[mpf(float(v)) - mpf(float(m)) for v, m in zip(row, mean, strict=True)] for row in points]
    squares = [mpmath.fdot(a, a) for a in x]
    gaps = (squares[i] + squares[j] - 2 * mpmath.fdot(x[i], x[j]) for i in range(n) for j in range(i))
    volume = (4 * mpmath.pi * variance) ** (mpf(d) / 2)
    pair = 2 * mpmath.fsum(mpmath.exp(-gap / (4 * variance)) for gap in gaps) / n**2 / volume

    lower: list[list[mpf]] = []  # Cholesky factor of Σ_G + ε²I, row by row
    for i in range(d):
        row: list[mpf] = []
        for j in range(i):
            row.append((mpf(float(covariance[i, j])) - mpmath.fdot(row, lower[j][:j])) / lower[j][j])
        row.append(mpmath.sqrt(mpf(float(covariance[i, i])) + variance - mpmath.fdot(row, row)))
        lower.append(row)
    total = mpf(0)
    for point in x:
        white: list[mpf] = []
        for value, row in zip(point, lower, strict=True):
            white.append((value - mpmath.fdot(row[:-1], white)) / row[-1])
        total += mpmath.exp(-mpmath.fdot(white, white) / 2)
    height = (2 * mpmath.pi) ** (-mpf(d) / 2) / mpmath.fprod(row[-1] for row in lower)
    return 1 / (n * volume) + pair, pair, 2 * height * total / n


CASES = {
    **{f"d=16 n={n} seed={s}": Case(16, n, o, seed=s) for n, o in ((10, 40), (30, 60)) for s in range(3)},
    "d=100, few points": Case(100, 25, 40),
    "d=100, fewer than d": Case(100, 75, 75),
    "d=100, more than d": Case(100, 150, 60),
    "sigma=0.03": Case(16, 40, 60, sigma=0.03),
    "sigma=7": Case(5, 12, 30, sigma=7.0),
    "centred": Case(16, 40, 60, middle=0.0),
    "line": Case(1, 200, 60),
    "plane, singular": Case(2, 2, 30, sigma=0.1),
    "plane": Case(2, 50, 80, sigma=2.0),
    "space, singular": Case(3, 3, 30),
    "space": Case(3, 100, 100),
    "terms cancel by 10⁶": Case(16, 30, 30, apart=1e-6),
    "terms cancel by 10¹¹": Case(4, 40, 40, apart=1e-11),
}


@lru_cache
def _solved(name: str) -> tuple[Data, Exact]:
    data = _data(CASES[name])
    return data, _exact(*data)


def _error(found: Delta, exact: Exact) -> float:
    """Error of ln|Δ| in units of 10⁻¹⁴ × cancellation; infinite for a wrong sign."""
    if found.sign != exact.sign:
        return math.inf
    return float(abs(exact.log_abs - mpf(found.log_abs))) / (1e-14 * found.cancellation)


@pytest.mark.parametrize("name", CASES)
def test_delta_and_its_terms_to_sixty_digits(name: str) -> None:
    data, exact = _solved(name)
    found = kernel_l2_delta(*data)
    assert _error(found, exact) <= 1
    logs = (found.log_pair_train, found.log_pair_original, found.log_cross_train, found.log_cross_original)
    for mine, true in zip(logs, exact.logs, strict=True):
        assert abs(true - mpf(mine)) <= max(1e-14, 2 * math.ulp(mine))
    assert combine(*logs) == found
    assert found.overlap_gap == found.log_cross_original - found.log_cross_train


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_term_that_is_not_finite_has_no_sign(bad: float) -> None:
    for k in range(4):
        with pytest.raises(ValueError, match=rf"Δ has a term that is not finite: .*{bad:g}"):
            combine(*np.where(np.arange(4) == k, bad, 0.0))


def test_the_hard_cases_are_hard() -> None:
    for power in ("10⁶", "10¹¹"):
        data, _ = _solved(f"terms cancel by {power}")
        assert kernel_l2_delta(*data).cancellation > {"10⁶": 1e6, "10¹¹": 1e11}[power]
    for name in ("plane, singular", "space, singular", "d=16 n=10 seed=0", "d=100, fewer than d"):
        assert np.linalg.matrix_rank(_solved(name)[0].covariance) == CASES[name].n - 1 < CASES[name].d


def _transposed(data: Data, case: Case) -> Delta:
    """With BᵀB where the law has B Bᵀ."""
    rng = np.random.default_rng(case.seed)
    for n in (case.n, case.n_original):
        rng.standard_normal((n, case.d))
    u = noised(data.train, case.sigma * TAU, rng)
    slope = fit(torch.from_numpy(data.train), torch.from_numpy(u))[1].numpy()
    spread = data.train.var(0, ddof=1).mean() + (case.sigma * TAU) ** 2
    assert spread * slope @ slope.T == pytest.approx(data.covariance, rel=1e-9, abs=1e-12)
    return kernel_l2_delta(data.train, data.original, data.mean, spread * slope.T @ slope, data.sigma)


def _with_variances(data: Data, change: Callable[[float, float], tuple[float, float]]) -> Delta:
    """With other kernels under the cross terms."""
    t, o = (kernel_estimate(x, data.sigma) for x in (data.train, data.original))
    law = torch.from_numpy(data.mean), torch.from_numpy(data.covariance)
    variances = change(t.variance, o.variance)
    crosses = (float(log_cross(x.points, *law, v, x.sigma)) for x, v in zip((t, o), variances, strict=True))
    return combine(t.log_pair, o.log_pair, *crosses)


WRONG: dict[str, Callable[[Data, Case], Delta]] = {
    "BᵀB": _transposed,
    "the width instead of its square": lambda data, _: _with_variances(data, lambda t, o: (t**0.5, o**0.5)),
    "one width for both sets": lambda data, _: _with_variances(data, lambda t, o: (t, t)),
    "data in float32": lambda data, _: kernel_l2_delta(
        data.train.astype(np.float32), data.original.astype(np.float32), *data[2:]
    ),
    "covariance in float32": lambda data, _: kernel_l2_delta(
        *data[:3], data.covariance.astype(np.float32).astype(float), data.sigma
    ),
    "one point left out": lambda data, _: kernel_l2_delta(data.train[1:], *data[1:]),
}


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("name", ["d=16 n=30 seed=0", "d=100, more than d", "plane"])
def test_the_bound_rejects_a_wrong_delta(name: str, wrong: str) -> None:
    data, exact = _solved(name)
    assert _error(WRONG[wrong](data, CASES[name]), exact) > 1000


@pytest.mark.parametrize("d", [3, 16])
def test_an_ill_conditioned_law_costs_no_more_than_its_condition(d: int) -> None:
    # n = d + 1 is the square system of least squares: Σ_G is as wide as its worst direction makes it.
    conditions = []
    for seed in range(6):
        data = _data(Case(d, d + 1, 30, seed=seed))
        condition = np.linalg.cond(data.covariance + (d + 1) ** (-2 / d) * np.eye(d))
        conditions.append(condition)
        allowed = max(1.0, np.finfo(float).eps * condition / 1e-14)
        assert _error(kernel_l2_delta(*data), _exact(*data)) <= allowed
    assert max(conditions) > 1000


seeds = st.integers(0, 10_000)
SHAPES = st.tuples(st.integers(1, 20), st.integers(2, 40), st.integers(2, 40), seeds)


def _random(shape: tuple[int, int, int, int]) -> Data:
    d, n, n_original, seed = shape
    rng = np.random.default_rng(seed)
    root = rng.standard_normal((d, min(n, d))) / math.sqrt(d)
    points = (rng.standard_normal((k, d)) for k in (n, n_original))
    return Data(*points, rng.standard_normal(d) / 2, root @ root.T, 1.0)


def _assert_same(found: Delta, expected: Delta, roundings: float) -> None:
    """The same Δ but for so many roundings of its terms."""
    allowed = roundings * np.finfo(float).eps * expected.cancellation
    if allowed < 0.5:  # beyond it not even the sign is known
        assert found.sign == expected.sign
        assert found.log_abs == pytest.approx(expected.log_abs, abs=allowed)
    assert found[3:] == pytest.approx(expected[3:], abs=roundings * np.finfo(float).eps)


@given(SHAPES)
def test_exchanging_the_sets_turns_the_sign(shape: tuple[int, int, int, int]) -> None:
    data = _random(shape)
    one = kernel_l2_delta(*data)
    other = kernel_l2_delta(data.original, data.train, *data[2:])
    assert other[:3] == (-one.sign, one.log_abs, one.cancellation)


@given(SHAPES)
def test_a_set_against_itself_is_zero(shape: tuple[int, int, int, int]) -> None:
    data = _random(shape)
    assert kernel_l2_delta(data.train, data.train, *data[2:])[:3] == (0, -math.inf, math.inf)


@given(SHAPES)
def test_rotating_and_shifting_everything_changes_nothing(shape: tuple[int, int, int, int]) -> None:
    data = _random(shape)
    d = shape[0]
    turn = special_ortho_group.rvs(d, random_state=shape[3]) if d > 1 else -np.eye(1)
    shift = np.random.default_rng(shape[3]).uniform(-5, 5, d)
    train, original, mean = (part @ turn.T + shift for part in data[:3])
    covariance = turn @ data.covariance @ turn.T
    moved = kernel_l2_delta(train, original, mean, (covariance + covariance.T) / 2)
    # A coordinate of 9 is rounded by up to four times as much as one of 2, and an exponent is |x − y|/2ε² as sensitive.
    _assert_same(moved, kernel_l2_delta(*data), 250)


@given(SHAPES, st.floats(1e-6, 1e6))
def test_units_of_length_do_not_matter(shape: tuple[int, int, int, int], s: float) -> None:
    data = _random(shape)
    scaled = kernel_l2_delta(s * data.train, s * data.original, s * data.mean, s**2 * data.covariance, s)
    _assert_same(scaled, kernel_l2_delta(*data), 2000)


@given(SHAPES)
def test_the_order_of_points_does_not_matter(shape: tuple[int, int, int, int]) -> None:
    data = _random(shape)
    rng = np.random.default_rng(shape[3])
    train, original = (rng.permutation(part) for part in data[:2])
    _assert_same(kernel_l2_delta(train, original, *data[2:]), kernel_l2_delta(*data), 100)


@given(SHAPES)
def test_an_estimate_in_place_of_its_points(shape: tuple[int, int, int, int]) -> None:
    data = _random(shape)
    expected = kernel_l2_delta(*data)
    t, o = kernel_estimate(data.train), kernel_estimate(data.original)
    for sets in ((t, o), (t, data.original), (data.train, o), (torch.from_numpy(data.train), o)):
        assert kernel_l2_delta(*sets, *data[2:]) == expected


def _direct(points: np.ndarray, variance: float) -> float:
    """ln pair, every distance from its differences, all at once."""
    return logsumexp(-pdist(points, "sqeuclidean") / (4 * variance)) + math.log(2 / len(points))


@pytest.mark.parametrize("d", [3, 40])  # by differences, and by one matrix product
@pytest.mark.parametrize("n", [_TILE - 1, _TILE, _TILE + 1, 513, 2 * _TILE + 1, 1100])
def test_tiles_add_up(n: int, d: int) -> None:
    points = 10 + np.random.default_rng(n).standard_normal((n, d))
    points[-1] = points[0] + 1e-3  # the largest exponent by far, in the last tile
    found = kernel_estimate(points)
    # The product rounds as |x|²/4ε² does, some 15 here.
    assert found.log_pair == pytest.approx(_direct(points, found.variance), abs=1e-14 if d == 3 else 2e-14)


@pytest.mark.parametrize("surplus", [-1, 0, 1])
def test_parts_add_up(surplus: int) -> None:
    d = 40
    n = 2 * (_PART // d) + surplus
    rng = np.random.default_rng(n)
    roots, means = rng.standard_normal((2, d, 2 * d)) / d**0.5, rng.standard_normal((2, d))
    points, covariances = rng.standard_normal((2, n, d)), roots @ roots.mT
    found = log_overlaps(*map(torch.from_numpy, (points, means, covariances)))
    assert found.shape == (2, n)
    for mine, x, mean, covariance in zip(found.numpy(), points, means, covariances, strict=True):
        expected = multivariate_normal(mean, covariance).logpdf(x) + d / 2 * math.log(4 * math.pi)
        assert mine == pytest.approx(expected, rel=1e-12)


def test_distant_clusters_keep_their_digits() -> None:
    rng = np.random.default_rng(0)
    clusters = rng.standard_normal((2, 20, 5))
    clusters[1] += 1e6
    found = kernel_estimate(np.concatenate(clusters))
    inside = [_direct(cluster, found.variance) for cluster in clusters]
    assert found.log_pair == pytest.approx(np.logaddexp(*inside) - math.log(2), abs=1e-9)  # 10⁶ + x rounds at 10⁻¹⁰
    alone = 1e-2 * clusters[0]  # no pair of the other cluster counts
    far = np.concatenate([alone, 1e6 + 1e5 * rng.standard_normal((20, 5))])
    assert kernel_estimate(far).log_pair == pytest.approx(_direct(alone, found.variance) - math.log(2), abs=1e-14)


@pytest.mark.parametrize("widths", [1e3, 1e5])
def test_far_apart_is_far_and_finite(widths: float) -> None:
    train, original = np.array([[0.0], [widths]]), np.array([[1.0], [2 * widths]])  # n = 2, d = 1: ε = 1/2
    found = kernel_l2_delta(train, original, np.array([-widths]), np.array([[0.75]]))  # Σ_G + ε² = 1
    assert found.log_pair_train == pytest.approx(-(widths**2), rel=1e-15)
    assert found.log_pair_original == pytest.approx(-((2 * widths - 1) ** 2), rel=1e-15)
    assert found.log_cross_train == pytest.approx(-(widths**2) / 2 + math.log(2) / 2, rel=1e-15)
    assert found.log_cross_original == pytest.approx(-((widths + 1) ** 2) / 2 + math.log(2) / 2, rel=1e-15)
    # ⟨G, T⟩ outweighs the rest by e^1000 and more.
    assert found[:3] == (-1, found.log_cross_train, 1.0)


D = 3


def _good() -> dict[str, object]:
    rng = np.random.default_rng(0)
    sets = {"train": rng.standard_normal((6, D)), "original": rng.standard_normal((9, D))}
    return {**sets, "mean": np.zeros(D), "covariance": np.eye(D), "sigma": 1.0}


def _spoiled(name: str, at: object, value: float) -> dict[str, object]:
    array = np.array(_good()[name])
    array[at] = value
    return {name: array}


def _twins(name: str, signed: bool = False) -> dict[str, object]:
    points = np.array(_good()[name])
    points[1] = 0.0 if signed else points[1]
    points[4] = -points[1] if signed else points[1]
    return {name: points}


BAD = {
    "train (6,)": ({"train": np.zeros(6)}, r"train must be \(n, d\) with n ≥ 2 and d ≥ 1, got shape \(6,\)"),
    "train without coordinates": ({"train": np.zeros((6, 0))}, "train must be"),
    "one training point": ({"train": np.zeros((1, D))}, "train must be .* got shape"),
    "one original point": ({"original": np.zeros((1, D))}, "original must be .* got shape"),
    "other dimension of original": ({"original": np.eye(D + 1)}, f"train has dimension {D}, original {D + 1}"),
    "other dimension of mean": ({"mean": np.zeros(D + 1)}, r"mean must be .* got \(4,\)"),
    "other dimension of covariance": ({"covariance": np.eye(D + 1)}, r"covariance \(3, 3\) .* \(4, 4\)"),
    "not symmetric": (_spoiled("covariance", (0, 1), 0.1), "covariance is not symmetric"),
    "negative": (_spoiled("covariance", (1, 1), -0.5), "covariance has the negative eigenvalue -0.5"),
    "indefinite": (_spoiled("covariance", ([0, 1], [1, 0]), 2.0), "covariance has the negative eigenvalue -1"),
    "too wide": ({"covariance": np.full((D, D), 1e20)}, "covariance is so wide"),
    **{
        f"{value} in {name}": (_spoiled(name, at, value), f"{name} holds a value that is not finite")
        for name, at in (("train", (2, 1)), ("original", (0, 0)), ("mean", 1), ("covariance", (2, 2)))
        for value in (math.nan, math.inf)
    },
    "twins in train": (_twins("train"), "train: points 1 and 4 are the same"),
    "twins in original": (_twins("original"), "original: points 1 and 4 are the same"),
    "signed zeros in train": (_twins("train", signed=True), "train: points 1 and 4 are the same"),
    "signed zeros in original": (_twins("original", signed=True), "original: points 1 and 4 are the same"),
    **{f"sigma={s}": ({"sigma": s}, "sigma must be positive and finite") for s in (0.0, -1.0, math.nan, math.inf)},
    "two scales": (
        {"train": kernel_estimate(np.eye(D), 2.0), "original": kernel_estimate(np.eye(D), 1.0)},
        "train and original were smoothed at different scales: sigma = 2 and 1",
    ),
}


@pytest.mark.parametrize("bad", BAD)
def test_bad_input_is_named_in_one_line(bad: str) -> None:
    kernel_l2_delta(**_good())  # or the complaint could be about something else
    change, words = BAD[bad]
    with pytest.raises(ValueError, match=words) as caught:
        kernel_l2_delta(**{**_good(), **change})
    assert "\n" not in str(caught.value)


def test_an_estimate_is_called_what_its_owner_calls_it() -> None:
    with pytest.raises(ValueError, match=r"^holdout: points 0 and 1 are the same$"):
        kernel_estimate(np.zeros((2, 2)), name="holdout")


@pytest.mark.parametrize("rank", [0, 1, 2])
def test_singular_and_merely_rounded_covariances_are_laws(rank: int) -> None:
    root = np.random.default_rng(rank).standard_normal((D, rank))
    covariance = root @ root.T
    expected = kernel_l2_delta(**{**_good(), "covariance": covariance})
    assert math.isfinite(expected.log_abs)
    rounded = covariance - 1e-16 * np.eye(D) * covariance.max()
    _assert_same(kernel_l2_delta(**{**_good(), "covariance": rounded}), expected, 20)
