"""Denoisers that see a window: the posterior mean of it, what it tells, which is best, and what they make."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
import torch

from memgen.denoisers.exact import EmpiricalBayes
from memgen.denoisers.windows import (
    Chosen,
    Everywhere,
    Windows,
    by_distance,
    by_wiener,
    chosen,
    window,
    window_law,
)
from memgen.experiments import windows as experiment
from memgen.experiments.windows import LEVELS, Params, cell, chains, grid, largest, on_chains, reaches
from memgen.figures.windows import beside, everywhere, own
from memgen.figures.windows import chains as chain_figures
from memgen.figures.windows import pictures as figures
from memgen.runs.parameters import ParameterError, coerce
from memgen.runs.store import load
from memgen.streams import stream
from theory.checks.report import Report
from theory.collapse import information
from theory.windows import effective_sample_size, window_error, window_information, window_size

SHAPE = (4, 5)


def some(count: int, *key: object) -> np.ndarray:
    return stream("windows", *key).standard_normal((count, SHAPE[0] * SHAPE[1]))


# -- the denoiser ----------------------------------------------------------------------------------------------------


def test_a_window_that_is_the_picture_is_the_exact_score() -> None:
    x, u = some(30, "x"), torch.from_numpy(some(7, "u")).reshape(7, 1, -1)
    exact = EmpiricalBayes(x).denoise(u, 0.8)
    for denoiser in (Windows, Everywhere):
        assert torch.allclose(denoiser(x, SHAPE, 4)(u, 0.8), exact, atol=1e-12)
        assert not torch.allclose(denoiser(x, SHAPE, 3)(u, 0.8), exact, atol=1e-3)


@pytest.mark.parametrize("reach", [0, 1, 2])
def test_each_pixel_is_the_mean_weighted_by_its_window(reach: int) -> None:
    x, u, tau = some(30, "x"), some(3, "u"), 0.6
    found = Windows(x, SHAPE, reach)(torch.from_numpy(u), tau).numpy()
    for row, column in np.ndindex(*SHAPE):
        seen, own = window(SHAPE, row, column, reach), row * SHAPE[1] + column
        apart = ((u[:, None, seen] - x[None][:, :, seen]) ** 2).sum(2)
        weights = np.exp(-apart / (2 * tau**2))
        assert np.allclose(found[:, own], weights @ x[:, own] / weights.sum(1), atol=1e-12)


@pytest.mark.parametrize("reach", [0, 1, 2])
def test_everywhere_each_pixel_is_the_mean_over_windows_of_its_form(reach: int) -> None:
    x, u, tau = some(6, "x"), some(3, "u"), 0.6
    found = Everywhere(x, SHAPE, reach)(torch.from_numpy(u), tau).numpy()
    for row, column in np.ndindex(*SHAPE):
        own, weights, values = row * SHAPE[1] + column, [], []
        seen = window(SHAPE, row, column, reach)
        for down, right in np.ndindex(2 * SHAPE[0], 2 * SHAPE[1]):  # every place of the window's middle
            at = np.array(np.unravel_index(seen, SHAPE)) + np.array([[down - SHAPE[0]], [right - SHAPE[1]]])
            if (at >= 0).all() and (at < np.array(SHAPE)[:, None]).all():
                there = x[:, np.ravel_multi_index(tuple(at), SHAPE)]
                weights.append(np.exp(-((u[:, None, seen] - there) ** 2).sum(2) / (2 * tau**2)))
                values.append(there[:, list(seen).index(own)])
        weight, value = np.concatenate(weights, 1), np.concatenate(values)
        assert np.allclose(found[:, own], weight @ value / weight.sum(1), atol=1e-12)


def test_everywhere_a_pixel_does_not_know_its_place() -> None:
    """In a picture that is moved by one pixel, what is in the middle moves with it."""
    x, u = some(30, "x"), some(2, "u")
    moved = np.roll(u.reshape(-1, *SHAPE), 1, axis=2).reshape(u.shape)
    for denoiser, follows in ((Everywhere, True), (Windows, False)):
        before, after = (denoiser(x, SHAPE, 1)(torch.from_numpy(v), 0.5).reshape(-1, *SHAPE) for v in (u, moved))
        assert torch.allclose(before[:, 1:3, 1], after[:, 1:3, 2], atol=1e-12) == follows


@pytest.mark.parametrize("denoiser", [Windows, Everywhere])
def test_what_lies_outside_a_window_is_not_seen(denoiser: type) -> None:
    x, u = some(30, "x"), torch.from_numpy(some(2, "u"))
    moved, middle = u.clone(), 2 * SHAPE[1] + 1
    outside = np.setdiff1d(np.arange(u.shape[1]), window(SHAPE, 2, 1, 1))
    moved[:, outside] += 3.0
    before, after = (denoiser(x, SHAPE, 1)(v, 0.5) for v in (u, moved))
    assert torch.equal(before[:, middle], after[:, middle]) and not torch.equal(before, after)


@pytest.mark.parametrize("denoiser", [Windows, Everywhere])
def test_tiles_do_not_show_and_precision_is_kept(denoiser: type, monkeypatch: pytest.MonkeyPatch) -> None:
    x, u = some(30, "x"), torch.from_numpy(some(9, "u"))
    whole = denoiser(x, SHAPE, 1)(u, 0.5)
    monkeypatch.setattr("memgen.denoisers.windows._PART", 1)
    assert torch.allclose(denoiser(x, SHAPE, 1)(u, 0.5), whole, atol=1e-14)
    assert denoiser(x, SHAPE, 1)(u.float(), 0.5).dtype == torch.float32


def squares(reach: int) -> np.ndarray:
    """The windows of `Windows`, as rows of what each pixel sees."""
    found = np.zeros((20, 20), bool)
    for row, column in np.ndindex(*SHAPE):
        found[row * SHAPE[1] + column, window(SHAPE, row, column, reach)] = True
    return found


@pytest.mark.parametrize("tau", [1e-170, 0.6, 1e9])
@pytest.mark.parametrize("reach", [0, 2, 4])
def test_square_windows_can_be_chosen(reach: int, tau: float, monkeypatch: pytest.MonkeyPatch) -> None:
    x, u = some(30, "x"), torch.from_numpy(some(7, "u")).reshape(7, 1, -1)
    monkeypatch.setattr("memgen.denoisers.windows._PART", 1000)
    found = Chosen(x, squares(reach))(u, tau)
    assert torch.allclose(found, Windows(x, SHAPE, reach)(u, tau), atol=1e-12) and found.shape == u.shape
    assert Chosen(x, squares(reach))(u.float(), tau).dtype == torch.float32


def test_what_cannot_be_chosen_is_one_line() -> None:
    x = some(3, "x")
    for sees in (np.ones((20, 19), bool), np.ones((20, 20)), np.zeros((20, 20), bool)):
        with pytest.raises(ValueError, match=r"^sees must be \(20, 20\), .* and each must see some$"):
            Chosen(x, sees)
    denoise = Chosen(x, squares(1))
    for u, tau in ((torch.zeros(2, 19), 1.0), (torch.zeros(2, 20), 0.0), (torch.full((1, 20), torch.nan), 1.0)):
        with pytest.raises(ValueError, match=r"u |tau"):
            denoise(u, tau)


@pytest.mark.parametrize("tau", [0.2, 1.0, 30.0])
def test_a_pixel_sees_as_many_as_should_lose_least(tau: float) -> None:
    places = np.indices(SHAPE).reshape(2, -1).T
    covariance, n = 0.9 ** np.abs(places[:, None] - places).sum(2), 200
    order = by_wiener(covariance, tau)
    sees = chosen(covariance, tau, n, order)
    sizes = []
    for pixel, first in enumerate(order):
        expected = []
        for size in range(1, 21):
            law = covariance[np.ix_(first[:size], first[:size])]
            weights = np.linalg.solve(law + tau**2 * np.eye(size), covariance[first[:size], pixel])
            left = covariance[pixel, pixel] - weights @ covariance[first[:size], pixel]
            expected.append(left * (1 + 1 / effective_sample_size(n, tau, np.linalg.eigvalsh(law))))
        sizes.append(1 + int(np.argmin(expected)))
        assert set(np.flatnonzero(sees[pixel])) == set(first[: sizes[-1]])
    assert 20 < sum(sizes) <= 400
    assert (chosen(covariance, tau, 100 * n, order) >= sees).all()  # more pictures, no smaller windows


def test_orders_begin_with_the_pixel_itself() -> None:
    covariance = np.cov(some(40, "law"), rowvar=False)
    covariance[3] = covariance[:, 3] = 0.0  # a pixel that is always black
    weights = np.linalg.solve(covariance + 0.25 * np.eye(20), covariance).T
    for order in (by_wiener(covariance, 0.5), by_distance(SHAPE)):
        assert (order[:, 0] == np.arange(20)).all() and (np.sort(order, axis=1) == np.arange(20)).all()
    assert list(by_wiener(covariance, 0.5)[7, 1:]) == [k for k in np.argsort(-np.abs(weights[7])) if k != 7]
    assert set(by_distance(SHAPE)[7, 1:5]) == {2, 6, 8, 12}
    assert chosen(covariance, 0.5, 100, by_distance(SHAPE))[3].sum() == 1  # there is nothing to lose


def test_low_noise_takes_the_nearest_and_high_noise_the_mean() -> None:
    x = some(30, "x")
    assert np.allclose(Everywhere(x, SHAPE, 2)(torch.from_numpy(x[:3] + 1e-9), 1e-5), x[:3], atol=1e-12)
    for tau in (1e-6, 1e-170):
        near = Windows(x, SHAPE, 2)(torch.from_numpy(x[:3] + 1e-9), tau)
        assert np.allclose(near, x[:3], atol=1e-12)
    assert np.allclose(Windows(x, SHAPE, 2)(torch.from_numpy(x[:3]), 1e9), x.mean(0), atol=1e-9)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((np.zeros((0, 20)), SHAPE, 1), "points"),
        ((np.zeros((3, 19)), SHAPE, 1), re.escape("points must be (n, 20)")),
        ((np.full((3, 20), np.nan), SHAPE, 1), "points"),
        ((np.zeros((3, 20)), SHAPE, -1), "reach"),
    ],
)
def test_bad_input_is_one_line(arguments: tuple, words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        Windows(*arguments)
    assert "\n" not in str(caught.value)


def test_bad_queries_are_one_line() -> None:
    denoise = Windows(some(3, "x"), SHAPE, 1)
    for u, tau in ((torch.zeros(2, 19), 1.0), (torch.zeros(2, 20), 0.0), (torch.full((1, 20), torch.nan), 1.0)):
        with pytest.raises(ValueError, match=r"u |tau"):
            denoise(u, tau)


# -- laws ------------------------------------------------------------------------------------------------------------


def test_the_law_of_a_whole_picture_is_that_of_its_spectrum() -> None:
    covariance = np.cov(some(60, "law"), rowvar=False)
    told, left = window_law(covariance, SHAPE, 4, np.array([0.5, 2.0]))
    eigenvalues = np.linalg.eigvalsh(covariance)
    assert np.allclose(told, information(np.array([0.5, 2.0]), eigenvalues), rtol=1e-12)
    covariance[0] = covariance[:, 0] = 0.0  # a black pixel: nothing is told of it, and it does not count
    alone = window_law(covariance, SHAPE, 0, np.array([0.5]))[0]
    variances = np.diag(covariance)
    assert np.allclose(alone, (variances / variances.sum()) @ np.log1p(variances / 0.25) / 2, rtol=1e-12)
    assert np.allclose(left, [np.mean(eigenvalues * t**2 / (eigenvalues + t**2)) for t in (0.5, 2.0)], rtol=1e-12)


def test_chains_in_closed_form_are_the_law_of_their_covariance() -> None:
    """A row of 41 pixels: windows in its middle are cut nowhere."""
    apart = np.abs(np.subtract.outer(np.arange(41), np.arange(41)))
    covariance = 0.8 ** apart.astype(float)
    seen = window((1, 41), 0, 20, 3)
    own = covariance[np.ix_(seen, seen)] + 0.7**2 * np.eye(7)
    assert np.isclose(window_information(7, 0.7, 0.8), np.linalg.slogdet(own / 0.7**2)[1] / 2, rtol=1e-13)
    wiener = 1 - covariance[20, seen] @ np.linalg.solve(own, covariance[20, seen])
    assert np.isclose(window_error(7, 0.7, 0.8), wiener, rtol=1e-13)
    assert window_size(np.exp(window_information(7, 0.7, 0.8)), 0.7, 0.8) == pytest.approx(7, rel=1e-12)


def test_one_pixel_may_be_too_much() -> None:
    assert window_size(5.0, 0.1, 0.5) < 1 < window_size(11.0, 0.1, 0.5)
    assert window_size(np.sqrt(101.0), 0.1, 0.5) == pytest.approx(1, rel=1e-12)
    assert window_size(1.0, 0.1, 0.5) == 0


def test_a_chain_has_the_correlation_it_is_given() -> None:
    x = chains(stream("windows", "chain"), 20_000, 4, 0.6)
    expected = 0.6 ** np.abs(np.subtract.outer(np.arange(4), np.arange(4)))
    assert np.abs(x.T @ x / len(x) - expected).max() < 5 * np.sqrt(2 / len(x))


def test_few_windows_are_held_before_the_collapse_and_most_after() -> None:
    rng = stream("windows", "held")
    for n, places in ((256, 1), (1, 256)):
        held = [np.mean([on_chains(rng, n, places, pixels, 0.5, 0.9)[1] for _ in range(8)]) for pixels in (5, 19)]
        assert held[0] < 0.2 and held[1] > 0.8


def test_the_window_that_is_held_grows_as_the_closed_form_and_not_as_if_pixels_were_independent() -> None:
    rows = chain_figures.simulated(0, ((16, 1), (64, 1), (256, 1)), 19)
    found = chain_figures.growth(chain_figures.half_held(rows))
    size = window_size(np.array([16.0, 256.0]), chain_figures.TAU, chain_figures.CORRELATION)
    assert abs(found.z(float(np.diff(size)[0] / np.log(16)))) < 3.5
    assert abs(found.z(2 / np.log1p(chain_figures.TAU**-2))) > 5


# -- the experiment --------------------------------------------------------------------------------------------------


def test_cells_are_those_that_a_set_has() -> None:
    cells = grid(Params(preset="paper"))
    assert {(at.pictures, at.n) for at in cells if at.study == "loss"} == {
        *(("digits", n) for n in (50, 450, 1200)),
        *(("mnist16", n) for n in (50, 450, 1200, 3600)),
    }
    assert {at.n for at in cells if at.network == "unet"} == {450, 1200, 3600}
    assert all(at.steps == (3200 if at.network == "unet" else 6400) for at in cells if at.network)
    with pytest.raises(ParameterError, match="sets"):
        coerce(Params, {"sets": ["cats"]})


def test_a_cell_has_the_same_rows_again_and_its_windows_bracket_the_exact_score() -> None:
    at = next(at for at in grid(Params(preset="smoke")) if at.study == "loss")
    first, again = cell(at), cell(at)
    pd.testing.assert_frame_equal(first, again)
    assert len(first) == len(LEVELS) * len(reaches((8, 8)))
    table = first.pivot(index="level", columns="reach", values="value")
    assert (table[7][:0.3] > 2 * table[0][:0.3]).all()  # the exact score copies


def test_the_largest_window_is_told_by_ln_n() -> None:
    of = experiment.law("digits")
    assert [largest(of, 450, level) for level in (0.1, 0.3, 0.45, 1.0, 5.0)] == [0, 0, 1, 2, 7]
    assert largest(of, 1e30, 0.1) == 4 and largest(of, 1.0, 5.0) == 0
    between = [largest(of, 450, level) for level in np.geomspace(0.05, 20, 40)]
    assert (np.diff(between) >= 0).all() and between[0] == 0 and between[-1] == 7


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


def test_what_chains_state_of_counted_windows_fails_where_they_lose_more() -> None:
    rows = chain_figures.simulated(0, ((128, 1), (1024, 1)), 7)
    assert chain_figures.apart(rows, 128) < 0.15 and chain_figures.over_rare(rows, 128, 5) < -5
    more = rows.assign(error=1.7 * rows.error)
    assert chain_figures.apart(more, 128) > 0.4 and chain_figures.over_rare(more, 128, 5) > -3


def test_what_chains_are_expected_to_lose() -> None:
    sizes, losses = chain_figures.expected(1024, 25)
    assert losses[0] == pytest.approx(0.2, rel=0.01) and len(sizes) == 12  # as long as more than one window counts
    assert (np.diff(losses) > 0).sum() in range(4, 9) and losses.min() > window_error(sizes[-1], 0.5, 0.9)
