"""Chapter 6: by which criterion?"""

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, special, stats

from memgen.experiments import criteria as experiment
from memgen.experiments import trained
from memgen.figures.criteria import drawings, numbers, tables
from memgen.figures.criteria.crossings import CRITERIA, crossing, crossings
from memgen.runs.sweep import sweep
from theory import criteria
from theory.core.extremes import normal_max, tie_square
from theory.core.formula import DomainError

# -- flags ---------------------------------------------------------------------------------------------------------


def _three(ratio: float) -> float:
    """Flagged fraction of three points, by a double integral over the plane that they span."""
    points = np.sqrt(2) * (np.eye(3) - 1 / 3)
    plane = np.linalg.svd(points)[2][:2]
    corners = points @ plane.T  # distances √2·√2 apart, as √(2N) of N = 2

    def inside(y: float, x: float) -> float:
        near = np.sort(np.linalg.norm(corners - (x, y), axis=1))
        return float(near[0] < ratio * near[1]) * np.exp(-(x**2 + y**2) / 2) / (2 * np.pi)

    grid = np.linspace(-6, 6, 1601)
    distances = np.sort(np.linalg.norm(np.stack(np.meshgrid(grid, grid), -1)[:, :, None] - corners, axis=-1), axis=-1)
    weight = np.exp(-(grid[:, None] ** 2 + grid**2) / 2) / (2 * np.pi)
    return float(((distances[..., 0] < ratio * distances[..., 1]) * weight).sum() * (grid[1] - grid[0]) ** 2)


@pytest.mark.parametrize("ratio", [1 / 3, 0.6])
def test_flags_of_three_points_are_an_integral_over_their_plane(ratio: float) -> None:
    assert criteria.linear_flag_rate(3, ratio) == pytest.approx(_three(ratio), abs=2e-4)


def test_flags_of_two_points_are_those_of_the_formula() -> None:
    inner, outer = stats.norm.cdf([1 / (2 * np.sqrt(2)), np.sqrt(2)])
    assert criteria.linear_flag_rate(2) == pytest.approx(2 * (outer - inner), rel=1e-14)


def test_flags_are_those_of_a_simplex() -> None:
    rng, count = np.random.default_rng(0), 400_000
    for n in (4, 6, 9):
        z = rng.standard_normal((count, n))
        y = z - z.mean(1, keepdims=True)
        squares = (y**2).sum(1, keepdims=True) / (n - 1) + 1 - 1 / n - 2 * y / np.sqrt(n - 1)
        near = np.sort(squares, axis=1)
        flagged = int((near[:, 0] < near[:, 1] / 9).sum())
        rate = criteria.linear_flag_rate(n)
        assert abs(flagged - count * rate) < 4 * np.sqrt(count * rate)
        assert abs(flagged - count * criteria.linear_flag_rate(n + 1)) > 6 * np.sqrt(count * rate)


def test_flags_fall_at_the_rate_of_the_saddle_point() -> None:
    a = 1 / 9  # at the minimum of ½[(1−a)² + q − 1 − ln q], q = ¼ − a/4 − a²
    q = 0.25 - a / 4 - a**2
    rate = ((1 - a) ** 2 + q - 1 - np.log(q)) / 2
    slope = np.log(criteria.linear_flag_rate(200) / criteria.linear_flag_rate(400)) / 200
    assert rate < slope < 1.03 * rate  # the second largest of n leaves a correction of order √(ln n/n)
    assert slope < np.log(criteria.linear_flag_rate(50) / criteria.linear_flag_rate(100)) / 50
    assert criteria.flagged_samples() == 10
    assert criteria.flagged_samples(0.5) == 3


@pytest.mark.parametrize("ratio", [1e-6, 0.01, 0.99, 1 - 1e-6])
def test_flags_at_extreme_ratios(ratio: float) -> None:
    for n in (3, 7):
        assert 0 <= criteria.linear_flag_rate(n, ratio) <= 1
    assert criteria.linear_flag_rate(5, 1 - 1e-9) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(
    ("call", "culprit"),
    [
        (lambda: criteria.linear_flag_rate(1), "n = 1 "),
        (lambda: criteria.linear_flag_rate(2.5), "n = 2.5"),
        (lambda: criteria.linear_flag_rate(401), "n = 401"),
        (lambda: criteria.linear_flag_rate(3, 1.0), "ratio = 1 "),
        (lambda: criteria.flagged_samples(0), "level = 0"),
        (lambda: criteria.transitions(15), "^transitions: d = 15"),
        (lambda: criteria.closest_record_crossing(2), "d = 2 "),
        (lambda: criteria.membership_crossing(np.inf), "d = inf"),
        (lambda: criteria.membership_known_crossing(-3), "d = -3"),
        (lambda: criteria.overlap_crossing(64, 0.5), "level = 0.5"),
        (lambda: criteria.membership_crossing(64, 0.5), "level = 0.5"),
        (lambda: criteria.membership_known_crossing(64, 1), "level = 1"),
        (lambda: criteria.null_flag_rate(0), "D = 0"),
        (lambda: criteria.authpct_null(-1), "D = -1"),
        (lambda: criteria.wasserstein_training(1, 5), "n = 1 "),
    ],
)
def test_what_is_refused_is_named(call, culprit) -> None:
    with pytest.raises((ValueError, DomainError), match=culprit):
        call()


# -- extremes and thresholds ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [2.0, 3.0, 17.5, 1e4, 1e9])
def test_extremes_by_adaptive_quadrature(n: float) -> None:
    def tie(u: float) -> float:
        return float(np.exp(2 * stats.norm.logpdf(u) + (n - 2) * special.log_ndtr(u) + np.log(n * (n - 1))))

    edges = [-9.0, 0.0, *(np.sqrt(2 * np.log(n)) + np.array([-1.0, 0.0, 1.0, 12.0]))]
    at = sorted(edges)
    whole, square = (
        sum(integrate.quad(lambda u, k=k: u**k * tie(u), a, b, epsrel=1e-12)[0] for a, b in itertools.pairwise(at))
        for k in (0, 2)
    )
    assert normal_max.numpy(np.array(n)) == pytest.approx(whole, rel=1e-10)
    assert tie_square.numpy(np.array(n)) == pytest.approx(square / whole, rel=1e-10)


@pytest.mark.parametrize("name", ["wasserstein_samples", "consistency_samples"])
def test_thresholds_solve_their_equation_in_high_precision(name: str) -> None:
    """Instead of tests/test_digits.py, where a root of quadratures would take minutes."""
    formula = getattr(criteria, name)
    one, two = {
        "wasserstein_samples": (criteria.wasserstein_training, criteria.wasserstein_truth),
        "consistency_samples": (criteria.record_similarity, criteria.model_similarity),
    }[name]
    for d in (100.0,):
        n = float(formula(d))
        gaps = [
            one.mp(n * (1 + side * 1e-12), d, dps=15) - two.mp(n * (1 + side * 1e-12), d, dps=15) for side in (-1, 1)
        ]
        assert gaps[0] * gaps[1] < 0


def test_transitions_are_in_order_and_name_what_they_predict() -> None:
    found = criteria.transitions(100)
    known = {
        "nearest_ratio": 10, "wasserstein2": 25.1, "two_models": 45.4, "kl_generated_true": 100,
        "kl_true_generated": 200, "best_kernel": 250.5, "overlap": 2365,
    }  # fmt: skip
    assert list(found) == list(known)
    assert list(found.values()) == sorted(found.values())
    for name, value in known.items():
        assert found[name] == pytest.approx(value, rel=2e-3)


# -- runs ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    sizes = {"sizes": (20,), "spectra": ("isotropic", "power law"), "replicas": 3, "generated": 60, "largest": 2.0}
    return sweep(experiment.cell, experiment.grid(experiment.Params(**sizes)))


def test_every_measure_is_where_it_is_said_to_be(rows: pd.DataFrame) -> None:
    assert np.isfinite(rows.loc[~rows["measure"].str.startswith("kl_"), "value"]).all()
    sizes = {name: (part["n"].min(), part["n"].max()) for name, part in rows.groupby("measure")}
    most = rows["n"].max()
    assert sizes["wasserstein_training"] == (4, 32)
    assert sizes["model_similarity"] == (4, 64)
    assert sizes["inverse_trace"] == (21, most)
    assert sizes["membership"] == (23, most)
    infinite = rows[rows["measure"] == "kl_generated_true"].set_index("n")["value"].pipe(np.isinf)
    assert infinite[infinite.index <= 20].all() and not infinite[infinite.index > 20].any()


def test_runs_do_not_depend_on_how_many_there_are() -> None:
    few, many = (experiment.cell(experiment.Cell("isotropic", 16, 8, r, 40, 3)) for r in (3, 4))
    both = few.merge(many, on=["replica", "measure"])
    assert len(both) == len(few) and (both["value_x"] == both["value_y"]).all()


def test_networks_are_measured_as_the_linear_generator_is() -> None:
    found = trained.cell(trained.grid(trained.Params(preset="smoke"))[0])
    assert {"flagged", "closest_record", "authenticity", "nearness", "overlap_gap", "model_similarity"} < set(
        found["measure"]
    )
    assert found.groupby("replica").size().nunique() == 1 and np.isfinite(found["value"]).all()


# -- thresholds of rows, tables, figures ---------------------------------------------------------------------------


def _made(measure: str, values: dict[int, float]) -> pd.DataFrame:
    noise = (-0.01, 0.0, 0.01)
    found = [(64, n, k, measure, v + e) for n, v in values.items() for k, e in enumerate(noise)]
    return pd.DataFrame(found, columns=["d", "n", "replica", "measure", "value"])


def test_a_threshold_is_found_between_the_sizes() -> None:
    sizes = (16, 32, 64, 128, 256)
    found = crossing(_made("membership", {n: 1.25 - np.log(n / 8) / np.log(64) for n in sizes}), "membership")
    assert found and found.value == pytest.approx(64, rel=1e-9) and 0 < found.error < 5
    # sizes without a flag say nothing of where the rate, which falls as a power of n here, is one in a thousand
    rates = {8: 8e-3, 16: 4e-3, 32: 2e-3, 64: 5e-4, 128: 0.0}
    found = crossing(_made("flagged", rates), "nearest_ratio")
    assert found == crossing(_made("flagged", {n: rate for n, rate in rates.items() if rate}), "nearest_ratio")
    assert crossing(_made("flagged", {8: 8e-3, 16: 4e-3, 32: 0.0, 64: 0.0}), "nearest_ratio") is None
    assert crossing(_made("membership", dict.fromkeys(sizes, 0.9)), "membership") is None
    assert crossing(_made("flagged", dict.fromkeys(sizes, 0.9)), "membership") is None
    fall = crossing(_made("kl_generated_true", {n: np.inf if n < 64 else 1.0 for n in sizes}), "kl_generated_true")
    assert fall and fall.value == 32 and fall.error == 0
    line = crossing(_made("inverse_trace", {n: (0.5 - 64 / (n - 1)) / (1 - 64 / (n - 1)) for n in (257, 385, 513)}),
                    "kl_true_generated")  # fmt: skip
    assert line and line.value == pytest.approx(128, rel=1e-6)


def test_the_figure_shows_predictions_and_thresholds(rows: pd.DataFrame) -> None:
    part = rows[rows["spectrum"] == "isotropic"]
    predictions = {20: dict.fromkeys(CRITERIA, 20.0)}
    found = crossings(part, predictions)
    assert set(found["criterion"]) == set(CRITERIA) and found["simulated"].notna().sum() >= 7
    fig = drawings.draw_crossings(found, predictions)
    assert all(
        line.get_ydata()[0] == 20
        for line in fig.axes[0].lines
        if len(line.get_xdata()) == 1 and line.get_linestyle() != "None"
    )
    ladder = drawings.draw_ladder(part, part, predictions[20])
    labels = [text.get_text() for text in ladder.axes[0].get_yticklabels()]
    assert labels[-1] and len(labels) == found["simulated"].notna().sum()
    drawings.draw_signals(part, 20)
    assert "networks turn at 1.0" in numbers.compared(part, part)


def test_tables_say_what_was_not_reached(rows: pd.DataFrame) -> None:
    part = rows[rows["spectrum"] == "isotropic"]
    found = crossings(part, {20: {}})
    text = tables.thresholds(found, 20)
    assert text.count("\n") == len(CRITERIA) + 1 and "not reached" in text and "—" in text
    assert tables.power(part, (8, 64)).count("| 20 |") == 3
    assert tables.spectra(rows, (20,)).count("|\n") == len(CRITERIA) + 1
    assert tables.flags(part, (4, 8)).count("\n") == 3
