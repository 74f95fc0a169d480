"""Samples in the plane: the exact score copies, a network that is stopped early does not; the picture moves."""

from io import BytesIO
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from memgen.experiments.plane import LEVELS, Params, cell, collapse_noise, copies, grid, own_weight
from memgen.figures.images import moving
from memgen.runs.sweep import sweep


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return sweep(cell, grid(Params(preset="smoke")))


def at(rows: pd.DataFrame, generator: str, step: int, tau: float) -> np.ndarray:
    chosen = (rows.generator == generator) & (rows.step == step) & (rows.tau == tau)
    return rows.loc[chosen, ["x", "y"]].to_numpy(float)


def test_the_exact_score_ends_on_training_points_and_an_early_network_does_not(rows: pd.DataFrame) -> None:
    train = at(rows, "train", 0, 0.0)

    def far(*state: object) -> float:
        away = np.linalg.norm(at(rows, *state)[:, None] - train, axis=-1).min(1)
        return float(np.quantile(away, 0.9))

    assert far("exact", 0, 0.0) < 0.002 < 0.1 < min(far("network", 100, 0.0), far("exact", 0, 1.0), far("law", 0, 0.0))
    shares = copies(rows)
    assert shares["exact", 0] > 0.95 > 0.5 > max(shares["network", 100], shares["law", 0])


def test_all_start_at_the_same_places_and_are_seen_at_every_level(rows: pd.DataFrame) -> None:
    assert np.array_equal(at(rows, "exact", 0, 1.0), at(rows, "network", 10, 1.0))
    walked = rows[rows.generator.isin(["exact", "network"])]
    assert walked.groupby(["generator", "step"]).size().tolist() == [60 * len(LEVELS)] * 3


def test_the_collapse_noise_of_two_points_is_that_of_the_integral() -> None:
    # The weight is the logistic function of half a squared distance in units of τ, with normal noise along it
    points = np.array([[0.0, 0.0], [0.7, 0.0]])
    z = np.linspace(-9, 9, 4001)
    gap = 0.7 / 0.4
    weight = 1 / (1 + np.exp(-(gap**2) / 2 - gap * z))
    direct = np.sum(weight * np.exp(-(z**2) / 2)) / np.sum(np.exp(-(z**2) / 2))
    assert own_weight(points, 0.4) == pytest.approx(direct, rel=1e-6)
    three = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, 0.75**0.5]])
    assert own_weight(three, collapse_noise(three)) == pytest.approx(0.5)
    assert collapse_noise(3 * three) == pytest.approx(3 * collapse_noise(three))


def test_the_still_shows_the_samples_over_the_training_points(rows: pd.DataFrame) -> None:
    fig = moving.still(rows)
    last = fig.axes[3].lines  # the exact score without noise
    assert np.allclose(np.transpose(last[0].get_data()), at(rows, "train", 0, 0.0))
    assert np.allclose(np.transpose(last[1].get_data()), at(rows, "exact", 0, 0.0))
    assert np.allclose(np.transpose(fig.axes[4].lines[1].get_data()), at(rows, "network", 10, 1.0))
    assert len(fig.axes) == 12


def test_the_picture_moves_rests_at_its_end_and_holds_the_still(rows: pd.DataFrame) -> None:
    rows = rows[rows.tau.isin(LEVELS[::8]) | (rows.tau == 0)]
    found = moving.moving(rows)
    assert found == moving.moving(rows)
    with Image.open(BytesIO(found)) as image:
        assert image.default_image and image.n_frames == 1 + 6
        shown = []
        for k in range(image.n_frames):
            image.seek(k)
            shown.append((image.info.get("duration"), np.asarray(image.convert("L"), float)))
    times, pictures = zip(*shown, strict=True)
    assert times[1] >= 500 and times[-1] >= 2000 and min(times[2:-1]) >= 80
    (resting,) = moving.frames(moving.still(rows), [], [[]])
    assert np.abs(pictures[0] - np.asarray(resting.convert("L"), float)).mean() < 3
    assert all(np.abs(a - b).max() > 50 for a, b in pairwise(pictures))
