"""What chapter 15 shows and states of stored windows: the largest below ln n, all places, windows of each pixel."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from memgen.denoisers.windows import (
    Everywhere,
)
from memgen.experiments import windows as experiment
from memgen.experiments.windows import LEVELS, Params, cell, grid, largest, reaches
from memgen.figures.windows import beside, everywhere, own
from memgen.figures.windows import pictures as figures
from memgen.runs.store import load
from memgen.streams import stream
from theory.checks.report import Report

# -- what is stored --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stored() -> pd.DataFrame:
    return pd.concat([load("windows")[0], load("windows", "photographs")[0]], ignore_index=True)


def test_what_is_stored_is_what_a_cell_gives(stored: pd.DataFrame) -> None:
    at = next(at for at in grid(Params(preset="paper")) if at.study == "loss" and at.n == 50)
    kept = stored[(stored[["study", "pictures", "n", "replica"]] == ["loss", at.pictures, 50, 0]).all(axis=1)]
    assert np.allclose(cell(at).value, kept.value, rtol=1e-5)


def test_the_largest_window_below_ln_n_loses_hardly_more_than_the_best(stored: pd.DataFrame) -> None:
    costs = figures.costs(stored)
    assert len(costs) == 15
    assert costs["ln n"].max() < 0.1 < 0.4 < costs["the picture"].min()
    photographs = costs.loc[["patches8", "patches16"]]
    assert (photographs["ln n"] < photographs["0.5 ln n"]).all()  # it is ln n, and not a part of it


def test_rules_on_a_made_up_set(stored: pd.DataFrame) -> None:
    """Where windows lose 1, 2 and 3 times the least, a rule that takes the widest costs 2."""
    levels = pd.Index([0.5, 1.0], name="level")
    table = pd.DataFrame([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]], levels, pd.Index([0, 1, 7], name="reach"))
    ratios = figures.over_best(table, pd.Series({0.5: 7, 1.0: 0}))
    assert ratios.tolist() == [3.0, 1.0]
    law = figures.law_of(stored, "digits")
    assert figures.tolerated(law, 10.0).max() == 0  # everything is tolerated
    assert figures.tolerated(law, 1e-12).min() == 7
    assert (figures.rule(law, 10**9) >= figures.rule(law, 50)).all()
    assert set(law.reach) == set(reaches((8, 8)))


def test_networks_are_nearer_to_windows_than_to_the_exact_score(stored: pd.DataFrame) -> None:
    for network in figures.NETWORKS:
        found = figures.explained(stored, "digits", network, 1200).loc[:1.0]
        assert (found.window >= found.exact).all() and found.window.mean() > found.clean.mean() > found.exact.mean()
        assert figures.nearest_window(stored, "digits", network, 1200).loc[:1.0].is_monotonic_increasing


def test_what_pictures_state_fails_on_a_worse_rule_on_copies_and_if_all_windows_are_alike(stored: pd.DataFrame) -> None:
    costs = figures.costs(stored)
    good, worse, alike = Report(), Report(), Report()
    figures.state(good, stored, costs)
    assert good.failed() == []
    rejected, copies, *rule = [outcome.name for outcome in good.outcomes()]
    copied = stored.assign(value=stored.value.where(stored.measure != "flagged", 1.0))
    figures.state(worse, copied, costs.assign(**{"ln n": costs["ln n"] + 0.5}))
    assert worse.failed() == [copies, *rule] and len(rule) == 3
    noise = stream("windows", "alike").lognormal(0, 0.01, len(stored))
    figures.state(alike, stored.assign(value=stored.value.where(stored.measure != "loss", noise)), costs)
    assert alike.failed() == [rejected]


def test_figures_draw_what_is_stored(stored: pd.DataFrame) -> None:
    trained = load("images")[0]
    names = [axes.get_title() for axes in figures.best(stored).axes]
    assert names == ["digits 8×8", "MNIST 16×16", "patches 8×8", "patches 16×16"]
    for fig in (figures.compared(stored), figures.nearest_to_networks(stored)):
        assert [axes.get_title() for axes in fig.axes] == ["digits 8×8, n = 1200", "MNIST 16×16, n = 3600"]
    copies = figures.copies_by_window(stored).axes[0]
    rising = [line.get_ydata() for line in copies.lines if len(line.get_xdata()) > 2]
    assert len(rising) == 3 and all(line[0] < 0.05 and line[-1] > 0.95 for line in rising)
    assert figures.gallery(stored, trained, "digits", 450).axes[0].has_data()
    assert "| MNIST 16×16 | 3600 |" in figures.table(stored, trained)
    assert figures.explained_table(stored).count("\n") == 1 + 3 + 2 + 4 + 2
    costs = figures.costs(stored)
    assert figures.costs_table(costs).count("\n") == 1 + len(costs)


# -- windows from all places -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def spread() -> pd.DataFrame:
    names = ("paper", "photographs", "everywhere")
    return pd.concat([load("windows", name)[0] for name in names], ignore_index=True)


def test_places_of_a_window() -> None:
    assert everywhere.places((8, 8), 0) == 64 and everywhere.places((8, 8), 7) == 1
    # in one dimension two of three windows are cut off to two pixels, and have two places, the whole one
    assert everywhere.places((1, 3), 1) == pytest.approx((2 + 1 + 2) / 3)


def test_where_the_window_is_the_picture_all_places_are_one(spread: pd.DataFrame) -> None:
    part = spread[(spread.reach == 7) & spread.pictures.isin(("digits", "patches8")) & (spread.n == 50)]
    table = part[part.replica == 0].pivot_table(index=["pictures", "level"], columns="study", values="value")
    assert np.allclose(table["everywhere"], table["loss"], rtol=1e-5) and len(table) == 2 * len(LEVELS)


def test_stored_losses_from_all_places_are_found_again(spread: pd.DataFrame) -> None:
    inside = experiment._images_cell(experiment.Cell("everywhere", "digits", "", 50, 1, 0, 0))
    clean, noisy = experiment.noised(inside, 0.45, "windows")
    found = float((Everywhere(experiment.training(inside), (8, 8), 1)(noisy, 0.45) - clean).square().mean())
    part = spread[(spread.study == "everywhere") & (spread.pictures == "digits") & (spread.n == 50)]
    part = part[(part.replica == 1) & (part.level == 0.45) & (part.reach == 1)]
    assert found == pytest.approx(part.value.item(), rel=1e-5)


def test_photographs_gain_from_all_places_and_digits_do_not(spread: pd.DataFrame) -> None:
    photographs, digits = (beside.over_noises(spread, "everywhere", name) for name in ("patches8", "digits"))
    assert photographs.interval()[1] < np.log(0.9) and digits.interval()[1] > 0
    report, turned = Report(), Report()
    everywhere.state(report, spread)
    assert not report.failed()
    everywhere.state(turned, spread.assign(study=spread.study.replace({"loss": "everywhere", "everywhere": "loss"})))
    assert len(turned.failed()) >= 2


def test_worth_is_found_where_the_losses_meet() -> None:
    """Losses that fall as 1/n in one place; in all places as if there were eight times as many pictures."""
    rows = [("loss", n, 1 / n) for n in (10, 100, 1000)] + [("everywhere", 10, 1 / 80)]
    table = pd.DataFrame(rows, columns=["study", "n", "value"])
    table = table.assign(pictures="digits", network="", level=0.1, reach=1, replica=0, measure="loss")
    assert everywhere.worth(table, "digits", 10, 1)[0.1] == pytest.approx(8)
    flat = table.assign(value=table.value.where(table.study != "loss", 1 / 80 + 1e-4 / table.n))
    assert np.isnan(everywhere.worth(flat, "digits", 10, 1)[0.1])
    beyond = table.assign(value=table.value.where(table.study == "loss", 1e-5))
    assert np.isnan(everywhere.worth(beyond, "digits", 10, 1)[0.1])


def test_the_figure_and_the_table_of_all_places(spread: pd.DataFrame) -> None:
    axes = beside.gain(spread, "everywhere", "ratio", (0.5, 1, 1.3)).axes
    assert [one.get_title() for one in axes] == ["digits 8×8", "patches 8×8"]
    assert all(len(one.containers) == 3 for one in axes)
    assert len(everywhere.rules_table(spread).splitlines()) == 8
    lines = everywhere.worth_table(spread, 50).splitlines()
    assert len(lines) == 6 and lines[2].startswith("| digits 8×8 | 3 × 3 | 39 |")


def test_the_largest_window_below_a_bound() -> None:
    told = pd.DataFrame([[0.1, 0.5, 2.0], [1.0, 2.0, 3.0], [0.1, 0.2, 0.3]], columns=[0, 1, 3])
    of = told.rename_axis(index="level", columns="reach").set_axis([0.1, 0.2, 0.4]).rename_axis(index="level")
    of = of.stack().rename("information").reset_index()
    for n, expected in ((np.exp(0.9), [1, 0, 3]), (np.exp([0.0, 0.6, 0.1]), [1, 0, 1])):
        assert [largest(of, n, level) for level in (0.1, 0.2, 0.4)] == expected


# -- windows of each pixel -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def apart() -> pd.DataFrame:
    names = ("paper", "photographs", "own", "own-made")
    return pd.concat([load("windows", name)[0] for name in names], ignore_index=True)


def test_stored_losses_by_windows_of_each_pixel_are_found_again(apart: pd.DataFrame) -> None:
    again = cell(experiment.Cell("own", "digits", "", 50, 1, 0, 0))
    part = apart[(apart.study == "own") & (apart.pictures == "digits") & (apart.n == 50) & (apart.replica == 1)]
    both = again.merge(part, on=["level", "measure"], suffixes=("", "_stored"))
    assert len(both) == len(again) == 3 * len(LEVELS)
    assert np.allclose(both.value, both.value_stored, rtol=1e-5)


def test_what_windows_of_each_pixel_state_fails_if_they_lose_more_or_copy(apart: pd.DataFrame) -> None:
    report = Report()
    own.state(report, apart)
    assert not report.failed()
    for study, measure, factor in (("own", "loss", 1.1), ("own", "near", 1.1), ("own-made", "flagged", np.inf)):
        report, part = Report(), (apart.study == study) & (apart.measure == measure)
        own.state(report, apart.assign(value=apart.value.where(~part, (apart.value + 1e-9) * factor)))
        assert report.failed(), measure


def test_figure_and_tables_of_windows_of_each_pixel(apart: pd.DataFrame) -> None:
    axes = beside.gain(apart, "own", "ratio", (0.7, 1, 1.3)).axes
    assert len(axes) == 4 and all(len(one.containers) in (3, 4) for one in axes)
    lines = own.costs_table(apart).splitlines()
    assert len(lines) == 2 + len(own.costs(apart)) == 17 and lines[2].startswith("| digits 8×8 | 50 | −")
    assert len(own.made_table(apart).splitlines()) == 5
