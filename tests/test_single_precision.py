"""The public code's arithmetic: what float32 makes of a distance, and that its rounding decides the sign of Δ."""

import math
from functools import lru_cache

import numpy as np
import pytest
import torch
from scipy.spatial.distance import pdist, squareform

from memgen.denoisers.linear import generated
from memgen.measures import combine, kernel_estimate, kernel_l2_delta, log_cross
from memgen.measures.single_precision import CHUNK, Order, Reference, distance, generator, reference, self_term

TAU = math.sqrt(-math.expm1(-4))
ROUNDING = 2.0**-24  # of float32
ORIGINAL = 10_000


def _sets(n: int, d: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Training points, float32 already, and the noise of their fit."""
    points, noise = np.random.default_rng(seed).standard_normal((2, n, d))
    return (10 + points).astype(np.float32), noise


def _self_overlap(n: int, d: int, real: type) -> float:
    """n N(0; 0, 2ε²I)/n² in units of (4πσ²)^{−d/2}, every step in one precision."""
    width = real((1 / n) ** (1 / d))
    volume = np.sqrt(real(2 * math.pi)) * (real(2) * (width * width)) ** real(d / 2) * real(n**2)
    return float(real(1) / volume * real(n)) * math.sqrt(2 * math.pi) * 2 ** (d / 2)


COUNTS = (*range(2, 200, 3), 256, 1000, ORIGINAL)


@pytest.mark.parametrize("d", [2, 16, 64, 100])
def test_the_self_term_rounds_as_float32_does(d: int) -> None:
    singles = [self_term(n, d) for n in COUNTS]
    expected = [_self_overlap(n, d, np.float32) for n in COUNTS]
    assert singles == pytest.approx(expected, rel=4 * ROUNDING)  # the power may come out one number apart
    doubles = [_self_overlap(n, d, np.float64) for n in COUNTS]
    assert doubles == pytest.approx(np.ones(len(COUNTS)), rel=1e-13)


def test_in_a_hundred_dimensions_the_self_term_misses_one() -> None:
    # The rounding of ε, up to half a unit, is raised to the power d.
    misses = np.abs([self_term(n, 100) - 1 for n in COUNTS])
    assert 1e-6 < np.median(misses) < misses.max() < 110 * ROUNDING


@pytest.mark.parametrize("n", [25, 64, 100, 101])  # whole chunks of points, and a last one that is not full
def test_the_pair_sum_is_the_double_sum(n: int) -> None:
    points, _ = _sets(n, 16, n)
    found = reference(points)
    assert found.points.dtype == np.float32 and np.array_equal(found.points, points)
    estimate = kernel_estimate(points)
    expected = n * (1 + math.exp(estimate.log_pair))
    assert float(found.pairs) == pytest.approx(expected, rel=_roundings(n, 16) * ROUNDING)


def _roundings(n: int, d: int) -> float:
    """Twice the root of the number of roundings in a pair sum, which add up like the steps of a random walk.

    One addition after the other for every pair of chunks, those inside it in halves, and the d of an exponent.
    """
    chunks = math.ceil(n / CHUNK)
    return 2 * math.sqrt(chunks**2 + math.log2(CHUNK**2) + d)


@pytest.mark.parametrize("seed", [3, 5])  # sets where the roundings happen to add up
def test_a_long_sum_drifts_as_the_public_code_lets_it(seed: int) -> None:
    n, d = 2000, 8  # 6400 pairs of chunks, of many points at kernel distance
    points, _ = _sets(n, d, seed)
    kernels = np.exp(-squareform(pdist(points.astype(float), "sqeuclidean")) / (4 * n ** (-2 / d)))
    drifting = np.float32(0)
    for chunk in kernels.reshape(n // CHUNK, CHUNK, n // CHUNK, CHUNK).sum((1, 3)).ravel():
        drifting += np.float32(chunk)
    drift = float(drifting) - kernels.sum()
    assert abs(drift) > 20 * ROUNDING * kernels.sum()
    assert float(reference(points).pairs) == pytest.approx(float(drifting), abs=abs(drift) / 2)


@pytest.mark.parametrize("order", ["BBt", "BtB"])
@pytest.mark.parametrize("seed", range(3))
def test_distances_are_those_of_double_precision_to_its_roundings(seed: int, order: Order) -> None:
    n, d = 64, 16
    train, noise = _sets(n, d, seed)
    original, _ = _sets(100, d, seed + 100)
    mean, factor = generator(train, noise, TAU)
    covariance = factor @ factor.T if order == "BBt" else factor.T @ factor
    delta = kernel_l2_delta(train, original, mean, covariance)
    terms = ((delta.log_pair_train, delta.log_cross_train), (delta.log_pair_original, delta.log_cross_original))
    for points, (log_pair, log_cross_term) in zip((train, original), terms, strict=True):
        pair, cross = math.exp(log_pair), math.exp(log_cross_term)
        # Self-overlaps and pairs share a prefactor with the d-th power of one rounded ε; cross terms are added in turn.
        allowed = ROUNDING * ((_roundings(len(points), d) + d / 2) * (1 + pair) + 2 * math.sqrt(len(points)) * cross)
        found = distance(mean, factor, reference(points), order)
        assert found == pytest.approx(1 + pair - cross, abs=allowed)
        # The bound is sharp enough to notice the other order of the factors.
        other = distance(mean, factor, reference(points), "BBt" if order == "BtB" else "BtB")
        assert abs(other - found) > 3 * allowed


@pytest.mark.parametrize("n", [10, 64])  # fewer points than dimensions, and more
def test_the_generator_is_least_squares(n: int) -> None:
    d = 16
    train, noise = _sets(n, d, n)
    x = torch.from_numpy(train.astype(float))
    u = x + TAU * torch.from_numpy(noise)
    law = generated(x, u, TAU)
    mean, factor = generator(train, noise, TAU)
    centred = (u - u.mean(0)).numpy()
    values = np.linalg.svd(centred, compute_uv=False)
    condition = values[0] / values[min(n - 1, d) - 1]
    # Data of 10 ± 1 are rounded as 10 is; a least-squares solution suffers that times its condition number.
    allowed = 10 * ROUNDING * condition * float(law.covariance.abs().max())
    assert factor @ factor.T == pytest.approx(law.covariance.numpy(), abs=2 * allowed)
    # The intercept takes back what the slope makes of the mean, of size 10√d.
    assert mean == pytest.approx(law.mean.numpy(), abs=5 * math.sqrt(d) * allowed)
    assert np.abs(factor.T @ factor - law.covariance.numpy()).max() > 100 * allowed
    assert np.abs(factor @ factor.T - law.covariance.numpy()).max() > ROUNDING / 10  # and this is float32


@lru_cache
def _original(d: int) -> Reference:
    return reference(10 + np.random.default_rng(0).standard_normal((ORIGINAL, d)))


@pytest.mark.parametrize("seed", range(1, 6))
def test_in_a_hundred_dimensions_the_sign_is_a_rounding(seed: int) -> None:
    n, d = 100, 100
    train, noise = _sets(n, d, seed)
    mean, factor = generator(train, noise, TAU)
    near, far = (distance(mean, factor, to, "BtB") for to in (reference(train), _original(d)))
    of_rounding = self_term(n, d) - self_term(ORIGINAL, d)
    assert abs((near - far) - of_rounding) < 1e-8 < abs(of_rounding)
    assert np.sign(near - far) == np.sign(of_rounding)


def test_in_double_precision_what_is_left_is_far_smaller() -> None:
    # The same data: Δ is some ten orders below what float32 makes of it.
    n, d = 100, 100
    train, noise = _sets(n, d, 1)
    mean, factor = generator(train, noise, TAU)
    t, o = kernel_estimate(train), kernel_estimate(_original(d).points)
    crosses = [
        float(log_cross(x.points, torch.from_numpy(mean), torch.from_numpy(factor.T @ factor), x.variance))
        for x in (t, o)
    ]
    exact = combine(t.log_pair, o.log_pair, *crosses)
    assert exact.log_abs < math.log(1e-10) < math.log(1e-7) < math.log(abs(self_term(n, d) - self_term(ORIGINAL, d)))
