"""Chapter 4: what its tables say and its figures draw."""

from functools import lru_cache

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes

from memgen.experiments import transition as experiment
from memgen.experiments.transition import LADDER, Choice
from memgen.figures import transition as figures
from memgen.figures.transition.overlap import _COMMON, _V, quarter_by_the_central_limit
from memgen.statistics import median, threshold
from theory import letters, transition
from theory.transition.limits import COMMON, SCATTER

D = 20
COUNTS = (5, 10, 20, 40, 80, 320)
SHARES = (0.0, 0.1, 0.2, 0.4, 0.8, 0.9)


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


def _delta(shares: tuple[float, ...] = SHARES, d: int = D, choices: tuple[Choice, ...] = LADDER) -> pd.DataFrame:
    """What `experiment.probabilities` makes of 1000 training sets with these shares of Δ > 0, under all choices."""
    rows = [
        (d, n, str(choice), p, p - 0.01, p + 0.01, 1000)
        for choice in choices
        for n, p in zip(COUNTS, shares, strict=True)
    ]
    return pd.DataFrame(rows, columns=["d", "n", "choice", "p", "low", "high", "replicas"])


@lru_cache
def _rows(d: int = 6, replicas: int = 40, only: str = "") -> pd.DataFrame:
    """A small sweep: every choice in six dimensions, or those with a word in them."""
    p = experiment.Params().resolved()
    choices = tuple(choice for choice in p.choices if only in choice)
    cells = [experiment.Cell("figure3", d, n, p.tau, replicas, 200, choices, 3) for n in (6, 9, 18)]
    return pd.concat(map(experiment.cell, cells), ignore_index=True)


def _cells(markdown: object) -> list[list[str]]:
    """The cells of a Markdown table, without its rule."""
    lines = markdown.data.splitlines()
    rows = [line.removeprefix("| ").removesuffix(" |").split(" | ") for line in lines]
    assert set(rows[1]) == {"---"} and {len(row) for row in rows} == {len(rows[0])}
    return [rows[0], *rows[2:]]


def _markers(axes: Axes) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """The simulated series of a panel: x, y and the lengths of the error bars above."""
    found = []
    for container in axes.containers:
        points, _, (bars,) = container
        if points is not None:
            tops = np.array([segment[1, 1] for segment in bars.get_segments()])
            found.append((points.get_xdata(), points.get_ydata(), tops - points.get_ydata()))
    return found


# -- tables --------------------------------------------------------------------------------------------------------


def test_crossing_is_where_the_line_reaches_the_level() -> None:
    delta = _delta()
    half = np.sqrt(np.sqrt(2)) * 40 / D  # a quarter of the way from 0.4 to 0.8, in ln n
    assert figures.crossing(delta, figures.EXACT, D) == pytest.approx(half)
    quarter = 20 * 2**0.25 / D  # a quarter of the way from 0.2 to 0.4
    assert figures.rise(delta, figures.EXACT, D) == pytest.approx(half / quarter)
    assert figures.crossing(_delta((0.1,) * 6), figures.EXACT, D) == np.inf


def test_between_takes_both_ends() -> None:
    assert figures.between(_delta(), figures.EXACT, D, 0.5, 2).tolist() == [0.1, 0.2, 0.4]


def test_the_table_of_choices() -> None:
    rows = _cells(figures.where_it_rises(pd.concat([_delta(), _delta((0.1,) * 6, 2 * D)])))
    assert len(rows) == 1 + 2 * len(LADDER)
    by_name = {(row[0], row[1]): row[2:] for row in rows}
    assert by_name["exact: float64, $BB^\\top$", "20"] == ["2.4", "0.20 (0.19–0.21)", "0.90 (0.89–0.91)"]
    assert by_name["exact: float64, $BB^\\top$", "40"][0] == "not reached"
    assert by_name["perfect generator, equal sizes", "20"][0] == "–"  # a null has no transition


def test_the_table_close_to_d_leaves_out_what_was_not_simulated() -> None:
    head, *rows = _cells(figures.close_to_d(_delta(), D))
    assert head[1:4] == ["0.25", "0.5", "0.75"] and [row[1:4] for row in rows] == [["0.00", "0.10", "–"]] * 4


def test_the_answers_are_those_of_the_sweep() -> None:
    rows = _cells(figures.answers(_delta(), {D: 23.4 * D}))
    assert rows[0] == ["in the linear model", "d = 20"]
    assert [row[1] for row in rows[1:]] == ["2.4", "2.4", "2", "0.00 to 0.90", "0.90", "23"]
    alone = _cells(figures.answers(_delta(choices=(Choice("float64", "BBt", "unequal", "multi-step"),)), {}))
    assert [row[1] for row in alone[1:]] == ["–"]


def test_a_table_keeps_bars_in_its_cells() -> None:
    assert figures.table(("|Δ|", "n"), [(1, 2)]).data == "| \\|Δ\\| | n |\n| --- | --- |\n| 1 | 2 |"


# -- the ladder ----------------------------------------------------------------------------------------------------


def test_the_ladder_draws_every_share_where_its_sample_size_is() -> None:
    fig = figures.draw_ladder(pd.concat([_delta(), _delta((0.3,) * 6, 2 * D)]))
    panels = fig.axes
    assert len(panels) == 6 and [len(_markers(axes)) for axes in panels] == [2, 2, 3, 3, 3, 3]
    for k, axes in enumerate(panels):
        for x, y, up in _markers(axes):
            assert x.tolist() == [0, 1, 2, 3, 4, 5] and np.allclose(up, 0.01)
            assert np.allclose(y, SHARES if k % 2 else 0.3)  # the larger dimension comes first
        assert axes.get_ylim()[0] == 0
    ticks = dict(zip(panels[1].get_xticks(), (label.get_text() for label in panels[1].get_xticklabels()), strict=True))
    assert ticks[2] == "1" and ticks[0] == "0.25"


def test_a_choice_that_is_not_on_the_ladder_is_drawn_too() -> None:
    other = Choice("float64", "BBt", "unequal", "multi-step")
    (axes,) = figures.draw_ladder(_delta(choices=(other,))).axes
    ((_, y, _),) = _markers(axes)
    assert np.allclose(y, SHARES)


# -- sizes and terms -----------------------------------------------------------------------------------------------


def test_sizes_are_medians_and_float32_has_its_rounding() -> None:
    rows, params = _rows(), experiment.Params(original=200).resolved()
    left, right = figures.draw_sizes(rows, params, 6).axes
    exact = rows[(rows.measure == "log_abs") & (rows.n == 9)]
    for switch, value in figures.EXACT._asdict().items():
        exact = exact[exact[switch] == value]
    found = _markers(left)[0]
    assert found[1][1] == pytest.approx(median(exact["value"].to_numpy())[0] / np.log(10))
    assert len(_markers(left)) == 4 and len(_markers(right)) == 4
    differ = figures.rounding(np.array([6, 9, 18, 200]), 6, 200)
    assert differ[3] == 0 and 0 < differ[:3].max() < 1e-4
    first = _cells(figures.rounding_facts(rows, params, 6))
    assert first[1][0].startswith("decades by which the exact \\|Δ\\| falls from n = 6")


def test_original_distance_is_that_of_the_four_terms() -> None:
    wide = figures.terms(_rows(), figures.MANY, 6).loc[18]
    pair, cross, own = (np.exp(wide[f"log_{of}"]) for of in ("pair_original", "cross_original", "generated"))
    found = figures.original_distance(_rows(), figures.MANY, 6).loc[18]
    assert found["median"] == pytest.approx(np.median(np.log(1 + pair - cross + own)))
    assert found["low"] < found["median"] < found["high"]


def test_disagreement_names_the_sizes_at_which_signs_differ() -> None:
    rows = _rows()
    at = figures.disagreement(rows, figures.EQUAL, 6)
    wide = figures.terms(rows, figures.EQUAL, 6)
    overlap = np.sign(wide["log_cross_original"] - wide["log_cross_train"])
    expected = {n / 6 for n in (6, 9, 18) if (overlap.loc[n] != wide.loc[n, "sign"]).any()}
    assert set(at) == expected != set()


# -- the plane -----------------------------------------------------------------------------------------------------


@lru_cache
def _places() -> pd.DataFrame:
    return experiment.plane(0.99, 12, 0)


def test_the_plane_draws_every_place() -> None:
    (axes,) = figures.draw_plane(_places()).axes
    drawn = np.concatenate([np.stack([x, y], 1) for x, y, _ in _markers(axes)])
    for place in _places()[["a", "off"]].to_numpy():
        assert np.isclose(drawn, place).all(1).any()
    assert axes.get_yscale() == "log"


def test_laws_that_never_saw_the_training_set_stand_where_theory_says() -> None:
    hits, laws = figures.inside(_places())
    assert laws == len(experiment.PLANE_FACTORS) and hits >= laws - 1
    moved = _places().assign(a=lambda t: t.a + 0.2, a_low=lambda t: t.a_low + 0.2, a_high=lambda t: t.a_high + 0.2)
    assert figures.inside(moved)[0] == 0
    same = figures.untrained(np.array([1.0]))
    assert np.allclose(same, 0, atol=1e-12)  # the true law stands at the origin


def test_the_floor_of_one_step_is_a_narrower_law() -> None:
    limits = {text: limit for text, _, _, limit in figures.floors(_places())}
    assert limits["many steps"] == 0
    narrow = 1 / (1 + 0.99**2)
    volumes = [(1 / s) ** 1.5 for s in (narrow, (1 + narrow) / 2, 1.0)]  # overlaps of two normals in units of ‖O‖²
    assert limits["one step, $\\tau = 0.99$"] == pytest.approx(volumes[0] - 2 * volumes[1] + volumes[2])
    assert _cells(figures.where_they_stand(_places()))[3][0] == "many steps"


# -- the overlap ---------------------------------------------------------------------------------------------------


def test_a_quarter_is_where_the_quadrature_is_a_quarter() -> None:
    for d, n in figures.quarters((16, 36)).items():
        assert transition.overlap_probability(n, d, experiment.sharpness(n, d)) == pytest.approx(0.25, rel=1e-3)


def test_exponents_are_those_of_a_power_law() -> None:
    found = {d: 3.0 * d**1.7 for d in (16, 64, 600)}
    assert np.allclose(figures.exponents(found), 1.7)
    rows = _cells(figures.exponent_table(found))
    assert [row[3] for row in rows[1:]] == ["1.70", "1.70", "–"]
    stable = transition.overlap_samples(0.25, 600, experiment.sharpness(found[600], 600)) / 600
    assert rows[1][4] != "–" == rows[1][5] and rows[3][4:] == ["–", f"{stable:.0f}"]
    n = quarter_by_the_central_limit(16, found[16])
    assert transition.overlap_clt(n, 16, experiment.sharpness(found[16], 16)) == pytest.approx(0.25, rel=1e-9)


def test_the_nearest_decide_where_the_condition_of_the_formula_turns() -> None:
    d = figures.nearest_decide()
    with pytest.raises(ValueError, match="condensed_probability"):
        transition.condensed_probability((d - 5) ** 1.5, d - 5, 0.5)
    assert 0 < transition.condensed_probability((d + 5) ** 1.5, d + 5, 0.5) < 0.5


def test_the_overlap_figure_shows_what_was_simulated() -> None:
    gap = _delta(choices=(figures.MANY,))
    left, right = figures.draw_overlap(gap, {16: 300.0, 300: 7000.0}).axes
    ((x, y, _),) = _markers(left)
    assert np.allclose(x, np.array(COUNTS) / D**1.5) and np.allclose(y, SHARES)
    assert np.allclose(right.lines[0].get_ydata(), [300 / 64, 7000 / 300**1.5])


def test_scores_accept_the_law_and_reject_another() -> None:
    n = np.array([320.0, 640.0])
    law = transition.overlap_probability(n, D, experiment.sharpness(n, D))
    found = figures.curve(_delta(choices=(figures.MANY,)), figures.MANY, D)._replace(
        n=n, p=law, replicas=np.full(2, 1e3)
    )
    again, z = figures.against(found, D)
    assert np.allclose(again, law) and np.allclose(z, 0)
    assert figures.scores(found, 0.5).max() < -threshold(2)
    assert figures.scores(found._replace(p=np.array([0.55, 0.5])), 0.5)[0] == pytest.approx(0.05 / np.sqrt(0.25 / 1e3))


def test_null_scores_see_a_biased_coin() -> None:
    rows = _rows(replicas=100, only="ideal")
    fair = figures.null_scores(rows, 200)
    assert {key: z.size for key, z in fair.items()} == {("equal", 6): 2, ("unequal", 6): 1}  # n ≥ 8, and a fourth of it
    limit = threshold(3)
    assert all(abs(z).max() < limit for z in fair.values())
    biased = rows.copy()
    biased.loc[biased.measure == "log_cross_original", "value"] -= 1
    assert all(z.max() < -limit for z in figures.null_scores(biased, 200).values())
    assert figures.null_scores(rows[rows.generator != "ideal"], 200) == {}


def test_unequal_sizes_are_not_judged_where_hardly_any_exception_is_due() -> None:
    rows = _rows(replicas=100, only="ideal")
    many = 10**9  # points of the original set, beside which no training set is nearer
    rows.loc[rows.measure == "log_cross_original", "value"] += 1e3
    assert {references for references, _ in figures.null_scores(rows, many)} == {"equal"}


def test_the_parts_of_the_central_limit_are_those_of_the_formula() -> None:
    for d, q in ((1, 0.5), (3, 0.2), (7, 0.9)):
        at = {letters.d: d, letters.q: q}
        assert float(_COMMON.subs(_V, SCATTER).subs(at)) == pytest.approx(float(COMMON.subs(at)), rel=1e-12)
    assert figures.mean_gain_excess(1) > figures.mean_gain_excess(3) > 1
    assert figures.quadrature_excess(1) > figures.quadrature_excess(3) > 0
