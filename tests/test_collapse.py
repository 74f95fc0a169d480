"""Relaxation, speciation and collapse: their limits, their places beside each other, published numbers."""

import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from memgen import devices
from memgen.experiments import collapse as experiment
from memgen.runs.parameters import ParameterError, coerce
from memgen.runs.store import Store
from memgen.runs.sweep import sweep
from memgen.statistics import threshold
from memgen.streams import stream
from theory import collapse, kernel, mixture, relaxation
from theory.core.formula import DomainError

PUBLISHED = Path(__file__).resolve().parents[1] / "results" / "published"


def test_collapse_time_of_equal_eigenvalues_is_that_of_the_collapse_width() -> None:
    for n, d in ((10, 3), (1e4, 64), (1e300, 200)):
        width2 = kernel.collapse_width(n, d) ** 2
        assert collapse.collapse_time(n, np.ones(d)) == pytest.approx(np.log1p(width2) / 2, rel=1e-10)


def test_collapse_time_of_one_point_and_of_very_many() -> None:
    assert collapse.collapse_time(1, np.array([1.0, 2.0])) == np.inf
    times = collapse.collapse_time(np.array([2, 10, 1e3, 1e9, 1e100]), np.array([0.1, 1.0, 10.0]))
    assert np.all(np.diff(times) < 0) and times[-1] > 0
    assert kernel.collapse_width(1, 5) == np.inf and kernel.collapse_width(1e300, 1) == pytest.approx(1e-300)


@pytest.mark.parametrize("bad", [np.array([1.0, 0.0]), np.array([1.0, -1.0]), np.array([])])
def test_eigenvalues_that_are_not_positive_are_refused(bad: np.ndarray) -> None:
    with pytest.raises(DomainError, match="collapse_time: eigenvalues"):
        collapse.collapse_time(10, bad)


def test_low_rank_collapses_by_its_rank() -> None:
    """Directions with next to no variance carry no information."""
    few = collapse.collapse_time(1e4, np.ones(8))
    nearly = collapse.collapse_time(1e4, np.concatenate([np.ones(8), np.full(56, 1e-14)]))
    assert nearly == pytest.approx(few, rel=1e-8)


def test_nearest_point_is_lost_at_the_collapse_width() -> None:
    """The condensation premise: at fixed ln n/d and growing d the nearest point is one's own inside, not outside."""
    inside, outside = [], []
    for d in (50, 200, 800):
        n = np.exp(0.1 * d)
        width = kernel.collapse_width(n, d)
        inside.append(collapse.nearest_is_self(n, d, 0.85 * width))
        outside.append(collapse.nearest_is_self(n, d, 1.3 * width))
    assert np.all(np.diff(inside) > 0) and inside[-1] > 0.99
    assert np.all(np.diff(outside) < 0) and outside[-1] < 0.03


def test_nearest_is_self_by_drawing_points() -> None:
    scores = []
    for n, d, width in ((30, 2, 0.4), (200, 10, 0.8), (5, 1, 0.2)):
        rng, draws = np.random.default_rng(n), 4000
        points = rng.standard_normal((draws, n, d))
        noisy = points[:, :1] + width * rng.standard_normal((draws, 1, d))
        hits = np.mean(np.argmin(((points - noisy) ** 2).sum(-1), axis=1) == 0)
        p = float(collapse.nearest_is_self(n, d, width))
        scores.append((hits - p) / np.sqrt(p * (1 - p) / draws))
        far = float(collapse.nearest_is_self(2 * n, d, width))
        assert abs(hits - far) > 5 * np.sqrt(p * (1 - p) / draws)
    assert np.max(np.abs(scores)) < threshold(len(scores))


def test_nearest_is_self_converges_and_refuses() -> None:
    coarse, fine = (collapse.nearest_is_self(500, np.array([3, 20]), 0.7, nodes=k) for k in (64, 128))
    assert np.max(np.abs(coarse - fine)) < 1e-8
    assert collapse.nearest_is_self(1, 3, 0.5) == pytest.approx(1, abs=1e-12)
    assert collapse.nearest_is_self(500, 20, 1.8, sigma=2.0) == pytest.approx(collapse.nearest_is_self(500, 20, 0.9))
    for bad, culprit in (((0, 3, 0.5), "n = 0"), ((3, 3, 0.0), "width = 0"), ((3, 0.5, 1.0), "d = 0.5")):
        with pytest.raises(ValueError, match=f"nearest_is_self: {culprit}"):
            collapse.nearest_is_self(*bad)


def test_the_papers_width_is_just_inside_the_collapsed_phase() -> None:
    n, d = np.array([2, 10, 1e3, 1e6]), np.array([[1], [10], [100], [1000]])
    ratio = kernel.neighbour_ratio(n, d)
    assert np.all(ratio < 1)
    inside = kernel.kernel_width(n, d) / kernel.collapse_width(n, d)
    np.testing.assert_allclose(inside**2, -np.expm1(-2 * np.log(n) / d), rtol=1e-10)
    assert kernel.neighbour_ratio.log(1e6, 1000) == pytest.approx(-500 * np.log1p(1e6 ** (-2 / 1000)), rel=1e-4)


def test_relaxation_time_is_that_of_the_widest_direction() -> None:
    spectra = np.array([[1.0, 3.0], [8.0, 0.5]])
    np.testing.assert_allclose(relaxation.relaxation_time(spectra), np.log1p([3.0, 8.0]) / 2)
    assert relaxation.relaxation_kl(0, np.array([1.0])) == np.inf
    assert relaxation.relaxation_kl(50, np.ones(10)) == pytest.approx(0, abs=1e-12)
    # the paper's noise scale λ = e^{−2T}: the divergence at T does not go to zero, whatever T
    late = [relaxation.relaxation_kl(T, np.ones(100), np.exp(-2 * T)) for T in (2.0, 5.0, 10.0)]
    assert late[-1] == pytest.approx(100 * (1 - np.log(2)) / 2, rel=1e-6) and late[0] > late[-1]


def test_speciation_time_is_zero_for_narrow_laws() -> None:
    assert mixture.speciation_time(0.3) == 0 == mixture.speciation_time(1)
    assert mixture.speciation_time(np.e**4) == pytest.approx(2)


def test_cloning_probability_limits() -> None:
    assert mixture.cloning_probability(1.0, 0.0) == pytest.approx(0.5, abs=1e-15)
    t = np.linspace(0.01, 12, 60)
    phi = mixture.cloning_probability(t, 5.0)
    assert np.all(np.diff(phi) < 0) and phi[0] > 1 - 1e-5 and phi[-1] < 0.5 + 1e-6


def test_cloning_probability_meets_the_published_numbers() -> None:
    """Two Gaussians at ±(1,…,1), unit variance, 10⁴ cloned pairs a point: every published point within 4 errors."""
    with (PUBLISHED / "biroli2024_cloning.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) >= 30
    sides = []
    for row in rows:
        p = float(mixture.cloning_probability(float(row["branch_time"]), np.sqrt(float(row["dimension"]))))
        trials = int(row["trials"])
        agreed = round(float(row["phi"]) * trials)
        sides.append(stats.binomtest(agreed, trials, min(p, 1.0)).pvalue)
    assert min(sides) > 2 * stats.norm.sf(4)
    wrong = mixture.cloning_probability(3.0, 2 * np.sqrt(256))  # the distance between the means for half of it
    assert stats.binomtest(7012, 10_000, float(wrong)).pvalue < 1e-12


def test_published_excess_entropy_has_the_class_in_it() -> None:
    """Beyond t_C + 0.4 every published point lies within 4 errors of the curve with the class term, and not without."""
    with (PUBLISHED / "biroli2024_excess_entropy.csv").open() as file:
        rows = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
    scores, without = [], []
    for row in rows:
        n, d, t = row["samples"], row["dimension"], row["time"]
        if t > collapse.collapse_time(n, np.ones(int(d))) + 0.4:
            f = float(mixture.excess_entropy(n, t, np.sqrt(d), d))
            bare = 1 - d * np.log1p(1 / np.expm1(2 * t)) / 2 / np.log(n)
            scores.append((row["excess_entropy_over_alpha"] - f) / row["standard_error"])
            without.append((row["excess_entropy_over_alpha"] - bare) / row["standard_error"])
    assert len(scores) >= 28 and np.max(np.abs(scores)) < 4
    assert np.min(without) < -25


def test_cloned_trajectories_meet_the_closed_form() -> None:
    pairs = 4000
    for t, separation in ((2.5, 16.0), (4.5, 64.0)):
        agreed = experiment.clones(t, separation, pairs, 800, stream("test", t))
        p, wrong = (float(mixture.cloning_probability(t, s)) for s in (separation, 2 * separation))
        assert abs(agreed / pairs - p) < 4 * np.sqrt(p * (1 - p) / pairs) < abs(agreed / pairs - wrong)


def test_point_sets_depend_on_the_key_and_the_replica_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = experiment.nearest(20, 3, 0.5, 60, ("key",))
    monkeypatch.setattr(devices, "NUMBERS", 200)
    assert experiment.nearest(20, 3, 0.5, 60, ("key",)) == whole
    parts = [experiment.nearest(20, 3, 0.5, 60, (key,)) for key in "abcdef"]
    assert len(set(parts)) > 1


def test_rows_of_a_cell() -> None:
    cells = experiment.grid(experiment.Params(preset="smoke", dims=[4]))
    row = experiment.cell(cells[0]).iloc[0]
    assert row["study"] == "cloning" and 0 <= row["hits"] <= row["replicas"] == 500
    assert {c.study for c in cells} == {"cloning", "nearest", "local", "condensed", "returns"}


def test_rows_of_every_study_are_stored_in_one_file(tmp_path: Path) -> None:
    """Cells of two shapes cannot be: their columns must be the same, in the same order."""
    grid = [
        experiment.Cell("cloning", 4, 0, 2.0, 10, 10, 0),
        experiment.Cell("nearest", 4, 5, 1.0, 5, 0, 0),
        experiment.Cell("local", 4, 20, 0.5, 3, 0, 0),
        experiment.Cell("condensed", 50, 0, 1.0, 3, 0, 0),
        experiment.Cell("returns", experiment.MAP, 1000, 0.0, 2, 0, 0),
    ]
    assert {at.study for at in grid} == {at.study for at in experiment.grid(experiment.Params())}
    to = Store(tmp_path / "few.parquet", "collapse", experiment.VERSION, {}, "memgen sweep collapse")
    rows = sweep(experiment.cell, grid, store=to)
    pd.testing.assert_frame_equal(rows, sweep(experiment.cell, grid))
    assert rows.groupby("study").size()["own class"] == 2 * 6 and rows["value"].isna().sum() == 2


def test_pairs_that_would_show_the_steps_are_refused() -> None:
    for given in ({"preset": "smoke", "steps": 44}, {"preset": "smoke", "pairs": 100_000}):
        with pytest.raises(ParameterError, match=r"\d+ pairs show what \d+ steps are off by: take at least \d+"):
            coerce(experiment.Params, given)
    coerce(experiment.Params, {"preset": "smoke", "steps": 45})


@pytest.mark.parametrize(("n", "eigenvalues"), [(6.882339182779373e21, [1.0] * 3), (1e9, [2.0]), (1e150, [0.1, 1, 5])])
def test_a_root_on_the_lower_end_of_what_bounds_it_is_found(n: float, eigenvalues: list[float]) -> None:
    """For ln n far above d the noise is σ²/n^{2/d}, the bound itself, to rounding."""
    assert collapse.collapse_time(n, eigenvalues) == pytest.approx(float(collapse.collapse_time.mp(n, eigenvalues)))
