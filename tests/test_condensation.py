"""Condensation: its edges, where it meets the other chapters, and the nearest of more points than can be drawn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy.stats import ks_2samp

from memgen.experiments import kernel as experiment
from memgen.laws.neighbours import nearest_squares
from memgen.runs.sweep import sweep
from memgen.statistics import mean, threshold
from theory import collapse, kernel
from theory.core.formula import DomainError

_ALPHAS, _WIDTHS = st.floats(1e-4, 20), st.floats(1e-3, 1e3)


@given(_ALPHAS, _WIDTHS)
def test_condensed_sums_lie_below_their_mean(alpha: float, width: float) -> None:
    quenched = kernel.quenched_ratio(alpha, width)
    annealed = alpha - np.log1p(width**-2) / 2
    temperature, shared = kernel.condensation(alpha, width), kernel.participation(alpha, width)
    assert quenched <= annealed + 1e-9 * (1 + width**-2)
    assert 0 < temperature <= 1 and shared == pytest.approx(1 - temperature, abs=1e-12)
    assert (quenched < 0) == (temperature < 1) or abs(annealed) < 1e-9


@given(_ALPHAS, st.floats(0, 5))
def test_outliers_collapse_before_inliers(alpha: float, radius2: float) -> None:
    here, further = kernel.local_collapse_width(alpha, np.array([radius2, radius2 + 0.1]))
    assert 0 < here < further


def test_typical_points_collapse_at_the_collapse_width() -> None:
    n, d = 1e5, 40
    typical = kernel.collapse_width(n, d)
    for formula in (kernel.inlier_collapse_width, kernel.outlier_collapse_width):
        assert formula(np.log(n) / d, 1.0) == pytest.approx(typical, rel=1e-12)
    assert kernel.local_information(typical, d, 1.0) == pytest.approx(np.log(n), rel=1e-12)
    assert kernel.local_information(0.7, 3, 1.0) == pytest.approx(collapse.information(0.7, np.ones(3)))


def test_the_gain_is_wieners_up_to_collapse_and_smaller_below() -> None:
    alpha = 0.2
    widths = np.array([0.2, 0.6, 0.99, 1.01, 3.0]) * float(1 / np.sqrt(np.expm1(2 * alpha)))
    gain, wiener = kernel.condensed_gain(alpha, widths, 2.0), 2 / (2 + widths**2)
    assert gain[3:] == pytest.approx(wiener[3:], rel=1e-12)
    assert np.all(gain[:3] < wiener[:3]) and gain[2] == pytest.approx(wiener[2], rel=0.02)


def test_the_seeds_width_is_always_condensed() -> None:
    alpha = np.geomspace(1e-6, 10, 50)
    assert np.all(kernel.condensation(alpha, np.exp(-alpha)) < 1)


def test_local_width_refuses_what_has_none() -> None:
    with pytest.raises(DomainError, match="alpha = 0"):
        kernel.local_collapse_width(0.0, 1.0)
    with pytest.raises(DomainError, match="radius2 = -1"):
        kernel.local_collapse_width(0.1, -1.0)


@pytest.mark.parametrize(("d", "intrinsic", "expected"), [(64, 64, np.inf), (1e6, 20, 2.0**10)])
def test_isolated_samples(d: float, intrinsic: float, expected: float) -> None:
    assert kernel.isolated_samples(d, intrinsic) == pytest.approx(expected, rel=1e-3)
    with pytest.raises(DomainError, match="no phase"):
        kernel.intrinsic_ratio(10, 4, 8)


# -- the nearest of e^{αd} points ----------------------------------------------------------------------------------


def test_nearest_squares_are_those_of_points() -> None:
    d, n, place2, replicas = 12, 20_000, 18.0, 300
    rng = np.random.default_rng(0)
    fake = nearest_squares(d, np.log(n), place2, 4, replicas, rng)
    place = np.zeros(d)
    place[0] = np.sqrt(place2)
    real = np.array([np.sort(((rng.standard_normal((n, d)) - place) ** 2).sum(1))[:4] for _ in range(replicas)])
    assert np.all(np.diff(fake, axis=1) > 0)
    smallest = min(ks_2samp(real[:, k], fake[:, k]).pvalue for k in range(4))
    assert smallest > 0.01 / 4
    other = nearest_squares(d, np.log(n / 2), place2, 4, replicas, rng)  # half as many points
    assert min(ks_2samp(real[:, k], other[:, k]).pvalue for k in range(4)) < 0.01 / 4


@pytest.mark.parametrize(
    ("values", "message"),
    [((50, 3.0, 75.0, 100, 2), "n must be several times"), ((20_000, 300.0, 30_000.0, 10, 2), "underflows")],
)
def test_nearest_squares_refuses_what_it_cannot_do(values: tuple, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        nearest_squares(*values, np.random.default_rng(0))


# -- the kernel experiment -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("values", [{"dims": ()}, {"sizes": [1, 2]}, {"path_size": 1}, {"replicas": 3}, {"width": 1}])
def test_bad_parameters_are_named(values: dict) -> None:
    with pytest.raises(ValidationError, match=next(iter(values))):
        experiment.Params(**values)


def test_squared_errors_of_the_experiment() -> None:
    params = experiment.Params(preset="smoke", dims=(3,), sizes=(8, 32), replicas=400)
    rows = sweep(experiment.cell, [c for c in experiment.grid(params) if c.study == "error"])
    z, far = [], []
    for (n, measure), part in rows.groupby(["n", "measure"]):
        width = (kernel.kernel_width if measure == "seed_width" else kernel.best_width)(n, 3)
        exact = float(np.exp(kernel.kde_mise.log(n, 3, width) + 1.5 * np.log(4 * np.pi)))
        z.append(mean(part.value).z(exact))
        far.append(mean(part.value).z(1.1 * exact))
    assert len(z) == 4 and np.max(np.abs(z)) < threshold(4) < np.max(np.abs(far))


def test_a_copier_has_no_distance_from_its_training_set() -> None:
    rows = experiment.cell(experiment.Cell("path", "copier to ideal", 2, 2, 16, 20, 0))
    at = rows.pivot_table(index="share", columns="measure", values="value")
    assert at.loc[0.0, "train"] == pytest.approx(0, abs=1e-12) and at.loc[1.0, "original"] == pytest.approx(
        0, abs=1e-12
    )
    assert at.loc[0.0, "original"] == pytest.approx(at.loc[1.0, "train"], rel=1e-12)
