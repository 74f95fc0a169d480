"""What the loss of random-feature denoisers is made of: simulations, limits, and the stored rows."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from memgen.denoisers.features import Parts, SineFeatures, loss_parts, unit_rows
from memgen.experiments.loss_parts import ALL, Params, cell, grid
from memgen.figures import loss_parts as figures
from memgen.runs.store import load
from memgen.statistics import mean, threshold
from theory.features import (
    ALL_NOISES,
    features_bias,
    features_test_loss,
    sine_setting,
)

PARTS = figures.PARTS


def _at(features: float, samples: float, noises: float, ridge: float, t: float) -> dict[str, float]:
    return {**sine_setting(features, samples, noises, t)._asdict(), "ridge": ridge}


def _known(t: float) -> float:
    return -np.expm1(-2 * t)


# -- simulations ---------------------------------------------------------------------------------------------------


def test_predictions_of_two_regressions_meet_as_at_drawn_points() -> None:
    rng = np.random.default_rng(0)
    d, t, count = 3, 0.3, 400_000
    models = [SineFeatures(unit_rows(rng, p, d), rng.standard_normal((6, d)), t, 2, rng) for p in (4, 7)]
    fits = [model.fitted(0.05) for model in models]
    seen = rng.standard_normal((count, d))
    ahead = [
        np.sin(seen @ m.weights.T / np.sqrt(d)) @ fit - np.sqrt(_known(t)) * seen
        for m, fit in zip(models, fits, strict=True)
    ]
    for one, other in ((0, 0), (0, 1), (1, 1)):
        drawn = mean((ahead[one] * ahead[other]).mean(1))
        assert abs(drawn.z(models[one].together(fits[one], models[other], fits[other]))) < 4


def test_regressions_of_other_times_do_not_meet() -> None:
    rng = np.random.default_rng(0)
    models = [SineFeatures(unit_rows(rng, 4, 3), rng.standard_normal((6, 3)), t) for t in (0.1, 0.2)]
    with pytest.raises(ValueError, match=r"d and t must be the same, got 3, 0.1 and 3, 0.2"):
        models[0].together(models[0].fitted(0.1), models[1], models[1].fitted(0.1))


def test_each_part_that_is_drawn_has_its_formula() -> None:
    assert tuple(PARTS) == Parts._fields
    names = ["features_bias", "features_weight_variance", "features_point_variance", "features_noise_variance"]
    assert [part.name for part in PARTS.values()] == names


def test_parts_of_one_draw_add_up_to_the_loss_of_its_regressions() -> None:
    for m in (2, None):
        rngs = [np.random.default_rng(1) for _ in range(2)]
        parts = loss_parts(rngs[0], 9, 6, m, 4, 0.2, 0.02)
        weights, x = unit_rows(rngs[1], 9, 4), rngs[1].standard_normal((6, 4))
        rngs[1].standard_normal((6, 4)), unit_rows(rngs[1], 9, 4), rngs[1].standard_normal((6, 4))
        losses = [SineFeatures(weights, x, 0.2, m, rngs[1]).ridge(0.02).test for _ in range(2)]
        assert sum(parts) == pytest.approx(np.mean(losses) - 1 + _known(0.2))
        assert m or abs(parts.noises) < 1e-12  # all noises seen leave none to draw


def test_rows_are_those_draws_and_fewer_sets_are_the_first_ones() -> None:
    cells = grid(Params(preset="smoke"))
    assert {(at.noises, at.d) for at in cells} == {(m, d) for m in (4, ALL) for d in (8, 16)}
    assert {at.sets for at in cells if at.d == 8} == {8}
    table = cell(cells[0])
    assert set(table["part"]) == set(PARTS) and len(table) == 4 * cells[0].sets
    first = cell(cells[0]._replace(sets=2))
    assert first.equals(table[: len(first)])


# -- closed curves -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("t", [0.02, 0.4])
@pytest.mark.parametrize("noises", [1, 3, 50, ALL_NOISES])
def test_parts_and_the_bayes_error_are_the_loss(noises: float, t: float) -> None:
    p, n, ridge = np.meshgrid((0.3, 2.0, 40.0), (0.5, 3.0, 60.0), (1e-5, 0.02, 5.0))
    at = {**_at(p.ravel(), n.ravel(), noises, 1.0, t), "ridge": ridge.ravel()}
    parts = [part(**at) for part in PARTS.values()]
    assert min(values.min() for values in parts) >= 0
    np.testing.assert_allclose(sum(parts) + 1 - _known(t), features_test_loss(**at), rtol=1e-9)


def test_variances_go_with_what_is_drawn() -> None:
    """Of weights as 1/p, of noises as 1/m, of points as 1/n; at last only what is not learnt is left."""
    for name, lead in (("weights", 0), ("points", 1), ("noises", 2)):
        values = []
        for many in (1e5, 1e6):
            sizes = [8.0, 2.0, 3.0]
            sizes[lead] = many
            values.append(float(PARTS[name](**_at(*sizes, 1e-2, 0.1))))
        assert values[0] / values[1] == pytest.approx(10, rel=0.01), name
    assert float(PARTS["bias"](**_at(0.5, 1e6, 1, 1e-9, 0.1))) > 0.03  # half as many features as dimensions


def test_what_is_learnt_by_heart_without_end_is_all_bias() -> None:
    """x_t/√Δ for √Δ x_t: the squared difference is (1−Δ)²/Δ."""
    for t in (0.03, 0.3):
        at = _at(1e7, 4, ALL_NOISES, 1e-7, t)
        assert float(features_bias(**at)) == pytest.approx((1 - _known(t)) ** 2 / _known(t), rel=1e-3)
        rest = sum(float(PARTS[name](**at)) for name in ("weights", "points", "noises"))
        assert rest < 0.01 * float(features_bias(**at))


def test_the_bias_is_nothing_between_too_few_features_and_too_many() -> None:
    ratios = np.geomspace(0.1, 10, 400)
    bias = features_bias(**_at(2 * ratios, 2.0, ALL_NOISES, 1e-4, 0.1))
    least = bias.argmin()
    assert 0 < least < len(bias) - 1 and bias[least] < 1e-4
    assert (np.diff(bias[:least]) < 0).all() and (np.diff(bias[least:]) > 0).all()


@pytest.mark.parametrize("noises", [2, 8])
def test_the_peak_is_of_noises_alone(noises: int) -> None:
    ratios = np.geomspace(0.5, 16, 300)
    at = _at(2 * ratios, 2.0, noises, 1e-8, 0.1)
    values = {name: part(**at) for name, part in PARTS.items()}
    assert ratios[values["noises"].argmax()] == pytest.approx(noises, rel=0.02)
    peak = int(np.abs(np.log(ratios / noises)).argmin())
    assert values["noises"][peak] > 50 * sum(values[name][peak] for name in ("bias", "weights", "points"))


@pytest.mark.parametrize("part", PARTS.values(), ids=lambda part: part.name)
def test_bad_input_is_named(part) -> None:
    at = _at(2, 2, 3, 0.01, 0.1)
    for bad, value in (("ridge", -1), ("noises", 0.5), ("samples", np.nan), ("features", 0)):
        with pytest.raises(ValueError, match=f"{part.name}: {bad} ="):
            part(**{**at, bad: value})


# -- the stored rows -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stored() -> pd.DataFrame:
    return load("loss_parts")[0]


def test_stored_rows_are_drawn_again(stored: pd.DataFrame) -> None:
    first = stored[(stored.d == stored.d.min()) & (stored.features == stored.features.min()) & (stored.noises == 4)]
    at = grid(Params(preset="paper"))[0]._replace(sets=2)
    again = cell(at)
    np.testing.assert_allclose(again.value, first.value[: len(again)], rtol=1e-6)


def test_the_figure_shows_four_parts_and_three_where_all_noises_are_seen(stored: pd.DataFrame) -> None:
    left, right = figures.parts(stored).axes
    assert len(left.containers) == 4 and len(right.containers) == 3
    for axes in (left, right):
        assert axes.get_xscale() == axes.get_yscale() == "log"
        for series in axes.containers:
            assert (series[0].get_ydata() > 0).all() and len(series[0].get_ydata()) >= 3
    labels = [text.get_text() for text in left.get_legend().get_texts()]
    assert labels == ["bias", "variance over weights", "variance over points", "variance over noises"]


def test_the_table_adds_up_and_memory_is_what_points_take_away(stored: pd.DataFrame) -> None:
    lines = [[float(x) for x in line.strip("|").split("|")] for line in figures.table(stored).splitlines()[2:]]
    assert len(lines) == 6
    for _, added, *parts, left in lines:
        assert sum(parts) == pytest.approx(added, abs=2e-3) and left <= added + 1e-3
    assert lines[0][-1] > 0.8 * lines[0][1] and lines[-1][-1] < 1e-3  # little memory at first, and all at last


def test_stored_parts_meet_the_formulas_and_reject_one_another(stored: pd.DataFrame) -> None:
    found = {part: figures.scores(stored, part) for part in PARTS}
    count = sum(map(len, found.values()))
    assert count == 49 and max(abs(z) for of in found.values() for z in of) < threshold(count)
    for part, other in pairwise(PARTS):
        renamed = stored.assign(part=stored.part.replace({part: other, other: part}))
        assert max(map(abs, figures.scores(renamed[renamed.noises != ALL], part))) > 10, part


def test_a_linear_denoiser_pays_for_few_points_as_drawn_covariances_do(stored: pd.DataFrame) -> None:
    x, known = np.random.default_rng(0).standard_normal((1600, 800)), _known(0.1)
    values = np.linalg.eigvalsh(x.T @ x / len(x))
    drawn = known * ((1 / ((1 - known) * values + known) - 1) ** 2).mean()
    assert figures.linear(stored) == pytest.approx(drawn, rel=0.02)


def test_the_exact_posterior_goes_to_twice_the_loss_of_a_regression_that_knows_its_points() -> None:
    few, some, many = map(float, figures.exact(0.1, (16, 64, 256), 500).split(" times")[0].split(", "))
    assert few < some < many < 2
    assert float(figures.exact(0.1, (1024,), 200).split()[0]) > 1.7
