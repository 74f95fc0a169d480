"""What chapter 3 plots and tabulates, from its stored rows and from rows made up so that the answer is known."""

import re
from collections.abc import Callable, Iterator
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from memgen.experiments.linear import SIZE_RATIOS, Params
from memgen.figures.linear import dither, drawings, hard_edge, numbers, tables
from memgen.runs.store import load
from memgen.statistics import Estimate
from theory import linear
from theory.checks.linear import reductions

SIZES = [16, 32, 64, 128, 256]
PARAMS = Params(preset="paper").resolved()  # the stored rows hold this preset, so nothing is simulated here


@pytest.fixture(scope="module")
def stored() -> pd.DataFrame:
    return load("linear")[0]


FIGURES: dict[str, Callable[[pd.DataFrame], Figure]] = {
    "divergences": lambda rows: drawings.divergences(rows, rows, PARAMS),
    "hellinger": lambda rows: drawings.hellinger(rows, PARAMS),
    "curvature": lambda rows: drawings.curvature(PARAMS.rhos),
    "logdet": lambda rows: drawings.logdet(rows, rows, PARAMS),
    "spectrum": lambda rows: drawings.spectrum(rows, PARAMS),
    "digits": lambda rows: drawings.digits(rows, rows, PARAMS),
    "hard_edge": hard_edge.quartiles,
}


@pytest.fixture(scope="module")
def figures(stored: pd.DataFrame) -> Iterator[dict[str, Figure]]:
    yield {name: draw(stored) for name, draw in FIGURES.items()}
    plt.close("all")


def markers(axes: Axes, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The places of the k-th simulated series."""
    x, y = axes.containers[k][0].get_data()
    return np.asarray(x, float), np.asarray(y, float)


def lines(axes: Axes, colour: str) -> list[tuple[np.ndarray, np.ndarray]]:
    """The curves of a colour: lines of many points."""
    found = [line for line in axes.lines if line.get_color() == colour and len(line.get_xdata()) > 20]
    return [tuple(np.asarray(a, float) for a in line.get_data()) for line in found]  # type: ignore[misc]


# -- reductions -------------------------------------------------------------------------------------------------------


def test_the_limit_is_found_through_the_logarithm_and_the_powers_of_the_dimension() -> None:
    correction = [float(linear.logdet_correction(d, 0.75, 0.5)) for d in SIZES]
    values = [2 - 0.5 * c + 0.3 / d - 4 / d**2 for d, c in zip(SIZES, correction, strict=True)]
    estimates = [Estimate(value, 1e-4) for value in values]
    assert reductions.limit(SIZES, estimates, 0.75, 0.5, -0.5).value == pytest.approx(2, abs=1e-9)
    assert abs(reductions.limit(SIZES, estimates, 0.75, 0.5, 0.0).z(2)) > 10
    assert reductions.limit(SIZES[:3], estimates[:3], 0.75, 0.5, -0.5).value != pytest.approx(2, abs=1e-3)


def test_the_coefficient_of_the_logarithm_is_found_beside_a_constant_and_a_power() -> None:
    estimates = [Estimate(1 - 0.5 * np.log(d) + 3 / d, 1e-3) for d in SIZES]
    assert reductions.coefficient_of_log(SIZES, estimates, powers=(1,)).value == pytest.approx(-0.5)
    assert reductions.coefficient_of_log(SIZES, estimates).value != pytest.approx(-0.5, abs=0.02)


def test_the_threshold_is_where_the_line_reaches_zero() -> None:
    x = np.array([0.1, 0.2, 0.3])
    found = reductions.threshold(x, [Estimate(1 - 2.5 * v, 0.01) for v in x])
    assert found.value == pytest.approx(3.5)
    moved = reductions.threshold(x, [Estimate(1.01 - 2.5 * v, 0.01) for v in x])
    assert 0 < found.value - moved.value < 3 * found.error


# -- numbers ----------------------------------------------------------------------------------------------------------


def made_up(study: str, measure: str, value: Callable[[int, int], float], spread: float = 1e-6) -> pd.DataFrame:
    """Two replicas of a measure at several (d, n), whose mean is the value asked for."""
    rows = []
    for d in SIZES if study == "size" else [64]:
        for n in [round(1 + d / gamma) for gamma in (*SIZE_RATIOS, 0.1, 0.2)]:
            for replica, side in enumerate((-spread, spread)):
                rows.append((study, d, n, 1.0, replica, measure, value(d, n) + side))
    return pd.DataFrame(rows, columns=["study", "d", "n", "tau", "replica", "measure", "value"])


@pytest.mark.parametrize("gamma", SIZE_RATIOS)
@pytest.mark.parametrize("measure", numbers.LIMITS)
def test_gaps_are_taken_at_the_own_aspect_ratio(measure: str, gamma: float) -> None:
    rows = made_up("size", measure, lambda d, n: float(numbers.LIMITS[measure](d / (n - 1), 0.5)) + 0.25 / d)
    dims, gaps = numbers.gaps(rows, measure, gamma)
    assert dims == SIZES
    assert [gap.value * d for gap, d in zip(gaps, dims, strict=True)] == pytest.approx([0.25] * 5)


def test_the_slope_in_the_logarithm_is_met_and_a_wrong_one_costs() -> None:
    def value(d: int, n: int) -> float:
        return float(linear.generated_logdet(d / (n - 1), 0.5)) + (1 - 0.5 * np.log(d)) / d

    found = numbers.slope(made_up("size", "logdet", value), numbers.BEYOND)
    assert (found.free.value, found.predicted) == pytest.approx((-0.5, -0.5), abs=1e-6)
    assert found.line == pytest.approx(1 - 0.5 * np.log(SIZES)) and found.chi2 < 1e-6
    wrong = numbers.slope(made_up("size", "logdet", lambda d, n: value(d, n) + np.log(d) / d), numbers.BEYOND)
    assert wrong.free.value == pytest.approx(0.5) and wrong.chi2 > 100


def test_the_threshold_of_made_up_digits_is_the_predicted_one() -> None:
    expected = numbers.noise_to_signal(1.0)
    assert 1 + expected == pytest.approx(float(linear.likelihood_threshold(numbers.digit_spectrum(), 1.0)) / 64)
    rows = made_up("digits", "inverse_trace", lambda d, n: (1 + expected) / (1 - expected * d / (n - 1 - d)))
    few = rows[rows.n > 64 * (1 + expected)]
    found = numbers.threshold(few, "digits", 64, 1.0)
    assert found.value.value == pytest.approx(1 + expected, rel=1e-4)
    assert [e.value for e in found.estimates] == pytest.approx(list(1 - expected * found.x), rel=1e-4)


def test_a_row_that_was_stored_otherwise_is_noticed(stored: pd.DataFrame) -> None:
    rows = stored[stored.measure == "logdet"][1300:1800].reset_index(drop=True)
    assert numbers.agreement(rows, stored) == (500, 0)
    assert rows.value.map(np.isinf).any() and rows.value.map(np.isfinite).any()
    finite, infinite = rows.value.map(np.isfinite).argmax(), rows.value.map(np.isinf).argmax()
    rows.loc[finite, "value"] *= 1.001
    assert numbers.agreement(rows, stored)[1] == pytest.approx(1e-3)
    rows.loc[infinite, "value"] = 1.0
    assert numbers.agreement(rows, stored)[1] == 1


@pytest.mark.parametrize("rho", [0.25, 0.5, 0.8])
def test_the_curvature_jumps_by_a_quarter_of_that_of_the_determinant(rho: float) -> None:
    before, after = (float(numbers.curvature(rho + side, rho)) for side in (-4e-5, 4e-5))
    assert after - before == pytest.approx(1 / (4 * rho**2 * (1 - rho)), abs=5e-3)


def test_scores_leave_out_the_sizes_without_variance(stored: pd.DataFrame) -> None:
    scores = numbers.trace_scores(stored, 100, 0.5)
    assert len(scores) == 16 and np.max(np.abs(scores)) < 4
    near = made_up("ratio", "trace", lambda d, n: 1.0).assign(n=101)
    assert numbers.trace_scores(near, 100, 0.5) == []


# -- figures ----------------------------------------------------------------------------------------------------------


def test_divergences_show_medians_their_theory_and_where_they_are_infinite(
    stored: pd.DataFrame, figures: dict[str, Figure]
) -> None:
    _, forward, backward, grown = figures["divergences"].axes
    chosen = stored[(stored.study == "ratio") & (stored.tau == 1)]
    for axes, formula in ((forward, linear.kl_generated_true), (backward, linear.kl_true_generated)):
        medians = chosen[chosen.measure == formula.name].groupby("n").value.median()
        finite = medians[np.isfinite(medians)]
        x, y = markers(axes, 1)
        assert x == pytest.approx(finite.index.to_numpy() / 100) and y == pytest.approx(finite.to_numpy())
        arrows = [line for line in axes.lines if line.get_marker() == r"$\uparrow$" and line.get_color() == "C1"]
        assert np.asarray(arrows[0].get_xdata()) == pytest.approx(medians.index[~np.isfinite(medians)].to_numpy() / 100)
        ((ratio, limit),) = lines(axes, "C1")
        assert limit[-1] == pytest.approx(float(formula(100 / (ratio[-1] * 100 - 1), 0.5)))
    (flat, steep) = (markers(grown, k)[1] for k in (0, 1))
    assert max(flat) / min(flat) < 1.3 and min(np.diff(np.log(steep))) > 0.5


def test_the_log_determinant_lies_on_its_limit(figures: dict[str, Figure]) -> None:
    left, right = figures["logdet"].axes
    for k, rho in enumerate(PARAMS.rhos):
        gamma, value = markers(left, k)
        assert value == pytest.approx(linear.generated_logdet(gamma, rho), abs=0.05)
        assert np.max(gamma) < 1
    assert np.ptp(markers(right, 0)[1]) < 0.3 and np.ptp(markers(right, 1)[1]) > 1


def test_hellingers_distance_and_its_root_say_the_same(figures: dict[str, Figure]) -> None:
    distance, root = figures["hellinger"].axes
    for k in range(3):
        assert markers(distance, k)[1] == pytest.approx(1 - markers(root, k)[1] ** 100, abs=1e-9)
        assert np.all(markers(root, k)[1][markers(root, k)[0] < 1] == 0)


def test_thresholds_of_the_digits_come_down_to_the_star(figures: dict[str, Figure]) -> None:
    _, right = figures["digits"].axes
    (star,) = [line for line in right.lines if line.get_marker() == "*"]
    x, y = markers(right, 0)
    assert list(1 / x) == pytest.approx([64, 128, 192, 256, 384, 512]) and np.all(np.diff(y) < 0)
    assert star.get_xdata()[0] == 0 and float(star.get_ydata()[0]) < min(y)


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_can_be_read(name: str, figures: dict[str, Figure]) -> None:
    figure = figures[name]
    figure.canvas.draw()
    size = figure.get_size_inches()
    assert size[0] <= 7.2 and len(figure.axes) <= 2 * round(size[1] / 2.9)
    for axes in figure.axes:
        assert axes.get_xlabel() and axes.get_ylabel() and not axes.get_title()
        texts = [*axes.texts, *axes.get_xticklabels(), *axes.get_yticklabels(), axes.xaxis.label, axes.yaxis.label]
        assert min(text.get_fontsize() for text in texts) >= 8
        boxes = [text.get_window_extent() for text in axes.texts if text.get_text()]
        assert not any(a.overlaps(b) for k, a in enumerate(boxes) for b in boxes[:k]), name
        if legend := axes.get_legend():
            box = legend.get_window_extent()
            for k in range(len(axes.containers)):
                assert not any(box.contains(*at) for at in axes.transData.transform(np.stack(markers(axes, k), 1)))


def test_one_colour_has_one_meaning() -> None:
    for rhos in ((0.25, 0.5, 0.8), (0.3,)):
        params = Params(rhos=rhos)
        laws = [drawings._colour_of_law(law, params) for law in ("power law", "digits", "Gaussian")]
        assert len({*range(len(rhos)), *laws}) == len(rhos) + 3
    assert drawings._colour_of_sizes(Params()) == 1


# -- tables -----------------------------------------------------------------------------------------------------------


def cells(table: str) -> list[list[str]]:
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
    assert all(len(row) == len(rows[0]) for row in rows)
    return [rows[0], *rows[2:]]


def test_the_answers_are_those_of_the_theory_and_of_the_stored_rows(stored: pd.DataFrame) -> None:
    values = [row[-1] for row in cells(tables.answers(stored))[1:]]
    assert values[1:4] == ["$2\\,d$", "$3.31\\,d$, $n = 212$", "$3.74\\,d$ and $3.43\\,d$"]
    assert values[4].startswith("0.097 nats")
    assert values[5:] == ["to 0.77 at $\\rho = ½$", "$2\\,d$ at $\\rho = ½$"]


def test_the_slopes_are_given_with_intervals(stored: pd.DataFrame) -> None:
    _, plateau, beyond = cells(tables.slopes(stored))
    assert plateau == ["0.25", "+0.03 ± 0.03", "+0.0", "6.0 on 4"]
    assert beyond == ["0.75", "-0.47 ± 0.07", "-0.5", "1.3 on 4"]


def test_the_thresholds_fall_with_dimension_towards_the_prediction(stored: pd.DataFrame) -> None:
    _, predicted, first, gaussian, *more, limit = cells(tables.thresholds(stored))
    assert predicted[2:4] == ["3.31", "212"] and limit[2] == "3.34 [3.27, 3.40]"
    assert first[2:] == ["3.74 [3.69, 3.78]", "239", "13%", "41.6"]
    assert gaussian[0].startswith("Gaussian") and gaussian[4:] == ["7%", "7.0"]
    heights = [float(re.match(r"[\d.]+", row[2])[0]) for row in (first, *more, limit)]  # type: ignore[index]
    assert all(a > b for a, b in pairwise(heights))


# -- the dither of the digits -----------------------------------------------------------------------------------------


def test_the_threshold_of_the_digits_is_that_of_their_dither() -> None:
    found = [dither.predicted(v) for v in (1 / 48, 1 / 24, 1 / 12, 1 / 3)]
    assert found == pytest.approx([8.07, 5.03, 3.31, 1.78], abs=0.005)
    spectrum = np.linalg.eigvalsh(numbers.Digits().covariance) - 1 / 12
    varying = spectrum[spectrum > 1e-9]
    assert varying.size == 61 and (61 + (1 / varying).sum()) / 64 == pytest.approx(83, abs=0.5)
    assert varying[0] < 1e-3
    assert 64e-6 * dither.predicted(1e-6) == pytest.approx(3, rel=0.01)  # pixels that never vary, each 1/dither


def test_a_measured_threshold_moves_with_the_dither() -> None:
    found = dither.measured(1.0, sets=8)
    assert found.z(dither.predicted(1.0) * 1.02) < 4 and found.z(dither.predicted(1 / 12)) < -20


def test_measured_dithers_are_drawn_on_their_curve() -> None:
    fig = dither.draw([Estimate(dither.predicted(v), 0.01) for v in dither.DITHERS])
    x, y = markers(fig.axes[0], 0)
    assert x == pytest.approx(dither.DITHERS)
    (curve,) = lines(fig.axes[0], "C0")
    assert np.exp(np.interp(np.log(x), np.log(curve[0]), np.log(curve[1]))) == pytest.approx(y, rel=1e-3)
    plt.close(fig)
