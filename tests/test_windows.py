"""Denoisers that see a window: the posterior mean of it, squares or windows of each pixel, and bad input."""

from __future__ import annotations

import re

import numpy as np
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
)
from memgen.streams import stream
from theory.windows import effective_sample_size

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
