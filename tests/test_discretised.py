"""Chapter 9: the runs, the levels, what is drawn of them, and the rulings."""

import numpy as np
import pandas as pd
import pytest
import torch

from memgen.denoisers.exact import mixture
from memgen.denoisers.levels import best_levels, equal_angle, karras, spaced
from memgen.denoisers.sampling import ddim
from memgen.experiments import few_steps
from memgen.experiments import sampling as experiment
from memgen.figures import sampling as figures
from memgen.runs.parameters import ParameterError, coerce
from memgen.runs.sweep import sweep
from theory.checks.report import Report
from theory.ledger.ruling import Range
from theory.ledger.verdicts import sampling as verdicts
from theory.sampling import ddim_variance, steps_kl

SPECTRUM = 1 / np.arange(1, 9.0)


# -- levels --------------------------------------------------------------------------------------------------------


def _cost(widths: np.ndarray, spectrum: np.ndarray = SPECTRUM) -> float:
    return float(steps_kl(spectrum, widths).sum())


@pytest.mark.parametrize("exponent, power", [(0.0, 1.0), (6 / 7, 1 / 7), (2.0, -1.0)])
def test_spaced_levels_are_equal_in_a_power(exponent: float, power: float) -> None:
    levels = spaced(80.0, 0.002, 12, exponent)
    assert levels[0] == 80.0 and levels[-1] == 0.002
    assert np.diff(levels**power) == pytest.approx(np.full(12, (0.002**power - 80.0**power) / 12), rel=1e-9)


def test_named_rows_are_spaced() -> None:
    assert spaced(80.0, 0.002, 9, 6 / 7) == pytest.approx(karras(80.0, 0.002, 10)[:-1], rel=1e-12)
    assert spaced(9.0, 1.0, 2, 1.0) == pytest.approx([9.0, 3.0, 1.0], rel=1e-14)
    assert spaced(9.0, 1.0, 2, 1 + 1e-9) == pytest.approx([9.0, 3.0, 1.0], rel=1e-8)


@pytest.mark.parametrize(
    "bad", [(1.0, 2.0, 3, 0.0), (2.0, 0.0, 3, 0.0), (2.0, 1.0, 0, 0.0), (2.0, 1.0, 3, 11.0), (1 + 3e-16, 1.0, 3, 0.5)]
)
def test_spaced_refuses_by_name(bad: tuple) -> None:
    with pytest.raises(ValueError, match=r"need high > low > 0|steps|too near"):
        spaced(*bad)


def test_the_best_levels_of_one_eigenvalue_are_equal_angles() -> None:
    assert best_levels([4.0], 50.0, 0.0, 5)[:-1] == pytest.approx(equal_angle(50.0, 0.0, 5, 2.0)[:-1], rel=1e-6)
    assert best_levels([4.0], 50.0, 0.0, 1).tolist() == [50.0, 0.0]


def test_no_neighbour_of_the_best_levels_is_better() -> None:
    best = best_levels(SPECTRUM, 20.0, 0.05, 6)
    least, rng = _cost(best), np.random.default_rng(0)
    for _ in range(100):
        moved = best.copy()
        moved[1:-1] *= np.exp(0.02 * rng.standard_normal(5))
        assert _cost(moved) > least
    for row in ("straight line", "Karras", "geometric"):
        assert _cost(experiment.widths(row, 20.0, 0.05, 6)) > least


def test_best_levels_refuse_by_name() -> None:
    with pytest.raises(ValueError, match="eigenvalues must be positive, got 0"):
        best_levels([0.0, 1.0], 2.0, 0.1, 3)
    with pytest.raises(ValueError, match="high > low"):
        best_levels([1.0], 0.1, 2.0, 3)


# -- runs ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return sweep(experiment.cell, experiment.grid(experiment.Params(preset="smoke")))


def test_rows_are_those_of_the_grid(rows: pd.DataFrame) -> None:
    assert set(rows["part"]) == {"laws", "numbers", "mixture"} and rows["value"].notna().all()
    assert set(rows.loc[rows["part"] == "laws", "sampler"]) == set(experiment.SAMPLERS)
    assert not rows.duplicated(figures.KEYS).any()


@pytest.mark.parametrize("sampler", ["DDPM", "Euler–Maruyama"])
def test_a_last_digit_of_the_levels_changes_no_noise(sampler: str, monkeypatch: pytest.MonkeyPatch) -> None:
    at = experiment.Cell("laws", sampler, "Karras", 8, 0.0, 4, 64, 0)
    here = experiment.cell(at)["value"].to_numpy()
    exact = experiment.widths
    monkeypatch.setattr(experiment, "widths", lambda *given: np.nextafter(exact(*given), 0))
    assert experiment.cell(at)["value"].to_numpy() == pytest.approx(here, rel=1e-9)
    monkeypatch.setattr(experiment, "widths", lambda *given: exact(*given) * (1 - 1e-9))
    assert experiment.cell(at)["value"].to_numpy() != pytest.approx(here, rel=1e-2)  # control: other noise


def test_one_set_is_the_divergence_of_the_filter() -> None:
    at = experiment.Cell("numbers", "DDIM", "geometric", 9, 0.1, 4, 3, 0)
    wide = experiment.cell(at).pivot(index="replica", columns="measure", values="value")
    assert (wide["kl"] > wide["kl_limit"]).all()
    # many steps reach the limit
    many = experiment.cell(at._replace(steps=4000)).pivot(index="replica", columns="measure", values="value")
    assert many["kl"].to_numpy() == pytest.approx(wide["kl_limit"].to_numpy(), rel=0.01)


def test_a_mixture_without_distance_is_the_gaussian() -> None:
    at = experiment.Cell("mixture", "DDIM", "Karras", 8, 0.0, 1, 1, 0)
    levels = experiment.widths("Karras", experiment.HIGH, experiment.LOW, 8)
    share = ddim_variance(1.0, levels) / (1 + experiment.LOW**2)
    assert experiment.cell(at)["value"].item() == pytest.approx((share - 1 - np.log(share)) / 2, rel=1e-6)


def test_far_classes_cost_what_their_choice_costs() -> None:
    """The density of what is generated is that of a fine histogram of mapped quantiles, also where the map is steep."""
    at = experiment.Cell("mixture", "DDIM", "geometric", 16, 4.0, 1, 1, 0)
    start = np.linspace(-1, 1, 400_001) * (4 + 12 * np.hypot(1, experiment.HIGH))
    levels = experiment.widths("geometric", experiment.HIGH, experiment.LOW, 16)
    means = np.array([[4.0], [-4.0]])
    out = ddim(lambda u, tau: mixture(u, tau, means, 1.0), torch.from_numpy(start[:, None]), levels).numpy()[:, 0]
    density = np.exp(experiment._log_mixture(start, 4.0, experiment.HIGH))
    stretch = np.gradient(out, start)
    gap = np.log(density / stretch) - experiment._log_mixture(out, 4.0, experiment.LOW)
    assert experiment.cell(at)["value"].item() == pytest.approx(np.trapezoid(density * gap, start), rel=2e-3)


def test_networks_and_the_exact_score_are_sampled_on_all_levels() -> None:
    at = few_steps.grid(few_steps.Params(preset="smoke"))[0]._replace(steps=(1, 3), training=20, replicas=2)
    found = few_steps.cell(at)
    assert set(found["generator"]) == {"network", "empirical", "ideal"}
    assert set(found.loc[found["steps"] == 3, "levels"]) == set(few_steps.ROWS)
    assert found["value"].notna().all()
    one = found[(found["generator"] == "empirical") & (found["steps"] == 1) & (found["measure"] == "variance")]
    assert (one["value"] < 0.1).all()  # the mean of the training set, from noise as strong as this


# -- figures and statements ----------------------------------------------------------------------------------------


def test_lines_are_the_theory(rows: pd.DataFrame) -> None:
    fig = figures.laws(rows)
    line = fig.axes[0].lines[0]
    steps = line.get_xdata().astype(int)
    top = experiment.power_law(16).eigenvalues[0]
    levels = experiment.widths("Karras", experiment.HIGH, experiment.LOW, int(steps[-1]))
    exact = top + experiment.LOW**2
    assert line.get_ydata()[-1] == pytest.approx(float(ddim_variance(top, levels)) / exact, rel=1e-12)


def test_every_row_of_levels_is_drawn() -> None:
    left, right = figures.levels().axes
    assert len(left.lines) == 5 and len([line for line in right.lines if len(line.get_xdata()) == 13]) == 5
    best = left.lines[-1].get_ydata()
    assert all((line.get_ydata() >= best * (1 - 1e-9)).all() for line in left.lines)
    assert figures.ranking().count("\n") == 6


def test_numbers_and_mixture_are_drawn(rows: pd.DataFrame) -> None:
    usual, inverse, narrow, few = figures.number_of_steps(rows).axes
    assert (usual.lines[0].get_ydata() > 0).all()
    assert min(inverse.lines[0].get_ydata()) < 0 > min(few.lines[2].get_ydata())
    assert (narrow.lines[0].get_ydata() > 0).all() and min(narrow.lines[1].get_ydata()) < 0
    assert len(figures.mixture(rows).axes[0].get_legend().get_texts()) == 4


def test_the_stored_networks_are_drawn() -> None:
    stored, _ = verdicts.load("few_steps")
    fig = figures.networks(stored)
    assert len(fig.axes) == 4 and all(axes.lines for axes in fig.axes)
    report = Report("How many steps?", "V", "derived here")
    figures.state(report, sweep(experiment.cell, experiment.grid(experiment.Params(preset="standard"))), stored)
    assert [outcome.name for outcome in report.outcomes() if not outcome.passed] == []


# -- rulings -------------------------------------------------------------------------------------------------------


def test_the_ruling_on_the_number_of_steps_turns() -> None:
    found = verdicts.optimal_steps.evidence()
    rule = verdicts.optimal_steps.verdict
    assert rule(found) == "holds with a correction" and found.gain_below > 0 > found.gain_above
    up, down, flat = Range(1.5, 1.2, 1.8), Range(-0.2, -0.3, -0.1), Range(0.0, -0.1, 0.1)
    assert rule(found._replace(gain_above=0.01)) == "holds"
    assert rule(found._replace(gain_below=0.0)) == "fails"
    assert rule(found._replace(quality=Range(0.8, 0.7, 0.9))) == "fails"
    assert rule(found._replace(copies=down)) == "fails"
    assert rule(found._replace(copies=flat)) == "undecided"
    assert rule(found._replace(quality=up)) == "holds with a correction"


def test_the_optimum_of_the_ruling_turns_with_the_levels() -> None:
    """Of levels equal in 1/τ, n above d has an optimum as well; on usual ones it has not."""
    assert verdicts.best_steps_of(0.5)[1] < 0 < verdicts.best_steps_of(3.0)[1]
    inverse = [figures.limit(figures.INVERSE, steps, 0.5) for steps in (40, 80, 160, 2000)]
    assert min(inverse) < 0


def test_the_ruling_on_discretisation_turns() -> None:
    found = verdicts.discretised.evidence()
    rule = verdicts.discretised.verdict
    assert rule(found) == "holds with a correction"
    assert rule(found._replace(exponent=1.0)) == "holds"
    assert rule(found._replace(same_worst=False)) == "holds"
    assert rule(found._replace(factor_far=1.1)) == "fails"
    assert rule(found._replace(cost=1.1)) == "fails"


def test_the_evidence_is_read_from_the_rows() -> None:
    stored, _ = verdicts.load("few_steps")
    few = (stored["steps"] == 4) & (stored["measure"] == "mmd2") & (stored["points"] == "holdout")
    better = stored.assign(value=stored["value"].where(~few, stored["value"] / 100))
    assert verdicts.measured(better).quality.below(1)


@pytest.mark.parametrize("ratios", [[0.5], [2.0, 4.0], [0.1, 1.0]])
def test_sets_of_more_and_of_fewer_points_than_dimensions_are_asked_for(ratios: list[float]) -> None:
    with pytest.raises(ParameterError, match="must hold a value below 1 and one above"):
        coerce(experiment.Params, {"ratios": ratios})


def test_ratios_leave_a_point() -> None:
    with pytest.raises(ParameterError, match="d/n = 50 leaves no point in 16 dimensions: take less than 32"):
        coerce(experiment.Params, {"ratios": [50, 0.5]})
    assert experiment.Params(ratios=(31.5, 0.5)).ratios == (31.5, 0.5)


@pytest.mark.parametrize("name", ["straight line", "Karras"])
def test_few_points_have_a_best_number_of_steps_from_the_turning_ratio_on(name: str) -> None:
    ratio = figures.turning(name)
    assert figures.limit(name, 2000, 0.97 * ratio) > 0 > figures.limit(name, 2000, 1.03 * ratio)
