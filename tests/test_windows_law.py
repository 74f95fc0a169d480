"""What a window tells and loses: laws of pictures, chains in closed form, and the cells of the experiment."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from memgen.denoisers.windows import window, window_law
from memgen.experiments import windows as experiment
from memgen.experiments.windows import LEVELS, Params, cell, chains, grid, largest, on_chains, reaches
from memgen.figures.windows import chains as chain_figures
from memgen.runs.parameters import ParameterError, coerce
from memgen.streams import stream
from theory.checks.report import Report
from theory.collapse import information
from theory.windows import window_error, window_information, window_size

SHAPE = (4, 5)


def test_the_law_of_a_whole_picture_is_that_of_its_spectrum() -> None:
    covariance = np.cov(stream("windows", "law").standard_normal((60, 20)), rowvar=False)
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


def test_what_chains_state_of_counted_windows_fails_where_they_lose_more() -> None:
    rows = chain_figures.simulated(0, ((128, 1), (1024, 1)), 7)
    assert chain_figures.apart(rows, 128) < 0.15 and chain_figures.over_rare(rows, 128, 5) < -5
    more = rows.assign(error=1.7 * rows.error)
    assert chain_figures.apart(more, 128) > 0.4 and chain_figures.over_rare(more, 128, 5) > -3


@pytest.mark.parametrize("wider", [0.9, 1.1])
def test_windows_that_grow_a_tenth_more_or_less_are_told_from_those_that_chains_hold(
    wider: float, monkeypatch: pytest.MonkeyPatch, held: pd.DataFrame
) -> None:
    def failed() -> list[str]:
        chain_figures.state(report := Report(family=60), held)
        return report.failed()

    assert failed() == []
    monkeypatch.setattr(chain_figures, "window_size", lambda *at: wider * window_size(*at))
    (name,) = failed()
    assert "grows with ln n" in name


@pytest.fixture(scope="module")
def held() -> pd.DataFrame:
    return chain_figures.simulated(0, ((16, 1), (128, 1), (1024, 1), (1, 1024)), 25)


def test_what_chains_are_expected_to_lose() -> None:
    sizes, losses = chain_figures.expected(1024, 25)
    assert losses[0] == pytest.approx(0.2, rel=0.01) and len(sizes) == 12  # as long as more than one window counts
    assert (np.diff(losses) > 0).sum() in range(4, 9) and losses.min() > window_error(sizes[-1], 0.5, 0.9)
