"""Errors, intervals and thresholds do what they say, over many repeats."""

import numpy as np
import pytest
from scipy import stats

from memgen import statistics
from memgen.statistics import Estimate

RNG = np.random.default_rng(20)


def _covers(hits: int, trials: int, rate: float) -> None:
    assert stats.binomtest(hits, trials, rate).pvalue > 1e-3


def test_mean_interval_covers() -> None:
    draws = RNG.exponential(size=(2000, 60))
    roots = draws**0.5 / 0.8862269
    inside = [low < 1 < high for low, high in (statistics.mean(row).interval() for row in roots)]
    _covers(sum(inside), 2000, 0.95)


def test_median_interval_covers_and_takes_infinities() -> None:
    draws = RNG.standard_cauchy((2000, 41))
    draws[draws > 30] = np.inf
    inside = [low <= 0 <= high for _, low, high in map(statistics.median, draws)]
    assert sum(inside) / 2000 > 0.94
    with pytest.raises(ValueError, match="too few"):
        statistics.median(np.zeros(3))


def test_z_of_few_replicas_is_calibrated() -> None:
    z = np.array([statistics.mean(row).z(0.0) for row in RNG.standard_normal((4000, 5))])
    assert stats.kstest(z, "norm").pvalue > 1e-3
    naive = [row.mean() / (row.std(ddof=1) / np.sqrt(5)) for row in RNG.standard_normal((4000, 5))]
    assert stats.kstest(naive, "norm").pvalue < 1e-6  # the negative control


def test_wilson_interval() -> None:
    share, low, high = statistics.proportion(0, 30)
    assert share == low == 0 and high == pytest.approx(0.1135, abs=1e-3)


def test_family_wise_threshold_is_met() -> None:
    limit = statistics.threshold(20, 0.05)
    exceed = np.abs(RNG.standard_normal((4000, 20))).max(1) > limit
    _covers(int(exceed.sum()), 4000, 0.05)
    with pytest.raises(ValueError, match="zero tests"):
        statistics.threshold(0)


def test_extrapolation_and_crossing_are_calibrated() -> None:
    sizes = np.array([16, 32, 64, 128])
    x = np.array([0.1, 0.2, 0.3])
    limits, zeros = [], []
    for noise in RNG.standard_normal((2000, 7)):
        data = [Estimate(3 + 5 / s + 0.01 * e, 0.01) for s, e in zip(sizes, noise, strict=False)]
        limits.append(statistics.extrapolate(sizes, data)[0].z(3))
        line = [Estimate(1 - 2 * a + 0.005 * e, 0.005) for a, e in zip(x, noise[4:], strict=True)]
        zeros.append(statistics.zero_of_line(x, line).z(0.5))
    assert stats.kstest(limits, "norm").pvalue > 1e-3
    assert np.std(zeros) == pytest.approx(1, abs=0.1)


def test_extrapolation_recovers_what_is_in_its_model() -> None:
    sizes = np.array([8, 16, 32, 64])
    data = [Estimate(3 + 5 / s - 7 / s**2, 0.001 * s**0.5) for s in sizes]
    found = statistics.extrapolate(sizes, data, powers=(1, 2))
    assert [e.value for e in found] == pytest.approx([3, 5, -7], rel=1e-9)
    missing = statistics.extrapolate(sizes, data, powers=(2,))
    assert abs(missing[0].z(3)) > 10  # without the term that is there, the limit is wrong


def test_error_of_a_median_is_calibrated() -> None:
    z = [statistics.median_estimate(row).z(0.0) for row in RNG.standard_normal((2000, 100))]
    assert np.mean(np.abs(z) > 1.96) < 0.08 and np.std(z) == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize(("successes", "trials"), [(0, 30), (3, 10), (50, 50), (7, 1000)])
def test_wilson_interval_solves_its_quadratic(successes: int, trials: int) -> None:
    # The ends are the proportions p with (share − p)² = z² p(1−p)/trials.
    share, low, high = statistics.proportion(successes, trials)
    for p in (low, high):
        assert (share - p) ** 2 == pytest.approx(1.959963985**2 * p * (1 - p) / trials, rel=1e-6, abs=1e-12)
    assert low <= share <= high and (low < high)


@pytest.mark.parametrize("values", [[1.0], [1.0, np.nan], [1.0, np.inf]])
def test_a_mean_of_nothing_is_refused(values: list[float]) -> None:
    with pytest.raises(ValueError, match="two or more finite replicas"):
        statistics.mean(np.array(values))


def test_a_score_of_being_outside_a_range() -> None:
    found = Estimate(3.0, 0.5)
    assert found.outside(2, 4) == found.outside(3, 3) == 0
    assert found.outside(4, 5) == found.z(4) == -2 and found.outside(0, 2) == found.z(2) == 2
    assert Estimate(3.0, 0.5, 3).outside(0, 2) < 2  # Student's t


def test_the_first_crossing() -> None:
    x = np.array([0.0, 1.0, 2.0, 4.0])
    assert statistics.first_crossing(x, np.array([0.0, 0.1, 0.3, 0.9]), 0.6) == pytest.approx(3)
    assert statistics.first_crossing(x, np.array([0.0, 0.4, 0.1, 0.9]), 0.3) == pytest.approx(0.75)  # not the last
    assert statistics.first_crossing(x, np.array([0.5, 0.1, 0.3, 0.9]), 0.5) == 0  # there from the start
    assert statistics.first_crossing(x, np.array([0.0, 0.1, 0.3, 0.4]), 0.5) == np.inf


def test_cumulant_intervals_cover_far_from_the_normal_law() -> None:
    rng = np.random.default_rng(21)
    variances = [statistics.cumulant(row, 2) for row in rng.standard_exponential((800, 2000))]
    _covers(sum(low < 1 < high for low, high in (e.interval() for e in variances)), 800, 0.94)
    assert np.std([(e.value - 1) / np.sqrt(2 / 2000) for e in variances]) > 1.7  # as if the law were normal
    thirds = [statistics.cumulant(row, 3) for row in rng.standard_gamma(6, (800, 2000))]
    _covers(sum(low < 12 < high for low, high in (e.interval() for e in thirds)), 800, 0.93)
    assert np.mean([e.value for e in thirds]) == pytest.approx(12, rel=0.02)
    with pytest.raises(ValueError, match="three or more"):
        statistics.cumulant(np.array([1.0, np.inf, 2.0]), 2)
