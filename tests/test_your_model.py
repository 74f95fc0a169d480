"""Chapter 14: a small model of digits, its recipes, and what is drawn and said of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from memgen.audit import audit
from memgen.experiments.your_model import (
    HELD_OUT,
    LEVELS,
    RECIPES,
    Cell,
    Params,
    cell,
    generate,
    grid,
    looked_at,
    shifts,
    split,
    start,
)
from memgen.figures import your_model as figures
from memgen.figures.curves import again
from memgen.runs.store import load
from memgen.watch import Watch
from theory.checks.report import Report

AT = Cell("60 digits", 0, 10, 0)


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    torch.set_num_threads(1)
    return cell(AT)


def test_sets_share_nothing_and_recipes_share_their_holdout() -> None:
    few, many = split(AT), split(AT._replace(recipe="1197 digits"))
    assert np.array_equal(few.holdout, many.holdout) and np.array_equal(few.train, many.train[:60])
    assert np.array_equal(np.concatenate([few.train, few.rest]), many.train) and not len(many.rest)
    assert len(few.holdout) == HELD_OUT and few.train.min() >= 0 and few.train.max() == 1
    assert not np.array_equal(split(AT._replace(replica=1)).train, few.train)


def test_shifts_are_all_nine_places() -> None:
    digit = np.zeros((1, 8, 8), np.float32)
    digit[0, 3, 4] = 1
    places = [tuple(np.argwhere(one.reshape(8, 8))[0]) for one in shifts(digit.reshape(1, 64))]
    assert sorted(places) == [(a, b) for a in (2, 3, 4) for b in (3, 4, 5)]
    digits = split(AT).train
    assert np.array_equal(shifts(digits)[4 * 60 : 5 * 60], digits)


def test_rows_of_a_cell(rows: pd.DataFrame) -> None:
    assert not rows.duplicated(["step", "level", "measure"]).any() and np.isfinite(rows.value).all()
    assert set(rows.level.dropna()) == set(LEVELS) and rows.step.unique().tolist() == [10]
    audited = rows[rows.level.isna()].measure.tolist()
    assert audited[0] == "flagged" and {"p/near copies", "power/loose"} <= set(audited)
    model, training = start(AT)
    sets = split(AT)
    training.run(10)
    watch = Watch(sets.train, sets.holdout, LEVELS)
    watch.update(model, 10)
    assert again(figures.together({AT: watch}), rows, figures.KEYS, same=True).drift < 1e-6
    assert np.array_equal(generate(model, AT, 7), generate(model, AT, 10)[:7])


def test_the_grid_and_the_steps() -> None:
    assert grid(Params(preset="smoke")) == [Cell("60 digits", 0, 100, 0)]
    assert len(grid(Params(preset="paper"))) == 4 * len(RECIPES)
    assert looked_at(100) == [10, 18, 32, 56, 100] and looked_at(50) == [10, 18, 32, 50]
    for preset in ("smoke", "standard"):
        assert set(looked_at(Params(preset=preset).resolved().steps)) <= set(looked_at(4000))


def made_up() -> pd.DataFrame:
    """Two shuffles of each recipe, at two steps, with known verdicts, losses and shares."""
    found = []
    for k, recipe in enumerate(RECIPES):
        for replica in range(2):
            for step in (100, 1000):
                low = 0.01 if k == 0 and (step == 1000 or replica == 0) else 0.5
                audited = {"flagged": 0.1 * k, "p/near copies": low if step == 1000 else 0.5, "p/C_T": low}
                audited |= {"power/near": 0.9, "power/loose": 1.0}
                if recipe == "shifted":
                    audited["shifted/C_T"] = 0.01
                found += [(recipe, replica, step, np.nan, name, value) for name, value in audited.items()]
                share = (0.02 if step == 100 else 0.2) / (1 + k)
                at = {"share": share, "loss_holdout": step * (1 + k) * 1e-4 * (1 + replica)}
                found += [(recipe, replica, step, 0.2, name, value) for name, value in at.items()]
    return pd.DataFrame(found, columns=["recipe", "replica", "step", "level", "measure", "value"])


def test_tables_count_what_is_there() -> None:
    table = made_up()
    head, _, first, second, *_ = figures.verdicts(table).splitlines()
    assert head == "| recipe | 100 steps | 1000 steps | d₁/d₂ < ⅓ at the end |"
    assert first == "| 60 digits | 1 of 2, copies 0 | 2 of 2, copies 2 | 0.0% |"
    assert second == "| 300 digits | 0 of 2, copies 0 | 0 of 2, copies 0 | 10.0% |"
    assert figures.in_other_places(table).endswith("memorized: 0 of 2 where the digits are, 2 of 2 in all nine places")
    _, _, first, second, *_ = figures.stops(table).splitlines()
    tenth = 100 * 10 ** ((0.1 - 0.02) / 0.18) / 60
    assert first == f"| 60 digits | {tenth:.1f} | 15.0 | 100 | 0.02 | 0.20 |"
    assert second == "| 300 digits | 3.3 | 30.0 | 100 | 0.01 | 0.10 |"


def test_the_figure_of_the_recipes_shows_the_means() -> None:
    table = made_up()
    share, loss = figures.recipes(table).axes
    for k, recipe in enumerate(RECIPES):
        assert share.containers[k].lines[0].get_ydata().tolist() == pytest.approx([0.02 / (1 + k)])
        line = [line for line in loss.lines if line.get_linewidth() == 0.8][k]
        assert line.get_ydata() == pytest.approx(np.array([0.015, 0.15]) * (1 + k)), recipe
    assert [text.get_text() for text in share.get_legend().texts] == list(figures.NAMES.values())


def test_the_figure_of_a_watch_shows_its_rows() -> None:
    sets = split(AT)
    watch = Watch(sets.train, sets.holdout, (0.1, 0.2), noises=1)
    for step in (1, 2):
        watch.update(start(AT)[0], step)
    left, right = figures.course(watch).axes
    seen = watch.compute()
    share = seen[(seen.level == 0.1) & (seen.measure == "share")].value
    assert left.containers[0].lines[0].get_ydata() == pytest.approx(share.to_numpy())
    fresh = seen[(seen.level == 0.2) & (seen.measure == "loss_holdout")].value
    assert right.lines[0].get_ydata() == pytest.approx(fresh.to_numpy())


def test_pictures_and_pairs_are_those_asked_for() -> None:
    sets = split(AT)
    planted = figures.planted(sets.rest[:100], sets.train, 10, np.random.default_rng(0))
    assert np.array_equal(planted[10:], sets.rest[10:100])
    nearest = [float(np.abs(sets.train - one).mean(1).min()) for one in planted]
    assert max(nearest[:10]) < 0.05 < np.quantile(nearest[10:], 0.1)
    found = audit(sets.train, planted, sets.holdout[:100])
    assert found.verdict == "memorized" and sum(pair.generated < 10 for pair in found.pairs) >= 9
    shown = [axes.images[0].get_array() for axes in figures.pairs(found, planted, sets.train, 5).axes]
    assert np.array_equal(shown[0].ravel(), planted[found.pairs[0].generated])
    assert np.array_equal(shown[5].ravel(), sets.train[found.pairs[0].train])
    axes = figures.pictures({"few": sets.train[:3], "many": sets.rest}, 4).axes
    assert len(axes) == 8 and [len(one.images) for one in axes] == [1, 1, 1, 0, 1, 1, 1, 1]
    assert [axes[0].get_ylabel(), axes[4].get_ylabel()] == ["few", "many"]


def test_the_stored_networks_pass_and_other_numbers_do_not() -> None:
    stored, made_by = load("your_model")
    assert made_by["parameters"]["recipes"] == list(RECIPES)
    report = Report("?", "f", "here")
    figures.state(report, stored)
    assert report.failed() == []
    names = {"60 digits": "300 digits", "300 digits": "60 digits"}
    swapped = stored.assign(recipe=stored.recipe.replace(names))
    report = Report("?", "f", "here")
    figures.state(report, swapped)
    assert {
        "60 digits to the end: single copies in every shuffle",
        "no recipe else leaves single copies that are found",
    } <= {*report.failed()}
    assert "rejected: 300 digits have as large a share" in report.failed()
