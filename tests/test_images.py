"""Chapter 13: pictures, the exact score on them, networks trained on them, and what is drawn and said of both."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from pydantic import ValidationError

from memgen.denoisers.guidance import guided, told
from memgen.denoisers.mlp import MLP
from memgen.errors import BadInput
from memgen.experiments import exposure, images
from memgen.experiments.images import CLASS, GENERATED, HELD_OUT, LEVELS, SHOWN, Cell, Params, cell, grid, split
from memgen.figures.curves import pooled
from memgen.figures.images import exposure as exposure_figures
from memgen.figures.images import networks as figures
from memgen.figures.images.predictions import Against
from memgen.laws.pictures import PLACES, SETS, Pictures, pictures
from memgen.measures.held import held_widths
from memgen.runs.parameters import ParameterError, coerce
from memgen.runs.store import load
from memgen.statistics import Estimate
from memgen.streams import stream
from theory.checks.report import Report

AT = Cell("digits", "perceptron", "once", 50, 0, 100, 0, "cpu")


def folder(path: Path, count: int, side: int = 8, constant: bool = False) -> str:
    """A folder of grey images, of noise or all the same."""
    path.mkdir()
    for k in range(count):
        values = stream("a folder", 0 if constant else k).integers(0, 256, (side, side + 2), dtype=np.uint8)
        Image.fromarray(values).save(path / f"{k}.png")
    return str(path)


# -- pictures --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SETS)
def test_sets_hold_different_pictures_of_one_size(name: str) -> None:
    found = pictures(name)
    assert found.values.shape[1] == found.shape[0] * found.shape[1] and found.values.dtype == np.float32
    assert 0 <= found.values.min() < 0.01 and found.values.max() <= 1
    assert len({row.tobytes() for row in found.values}) == len(found.values)
    assert (found.classes == 10) == (name in ("digits", "mnist", "mnist16"))


def test_the_small_digits_are_the_large_ones_seen_from_afar() -> None:
    large, small = (pictures(name).values for name in ("mnist", "mnist16"))
    assert np.allclose(large.sum(1), 4 * small.sum(1), rtol=1e-4)


def test_places_move_pixels_and_change_none() -> None:
    found = pictures("patches8").part(np.arange(5))
    for name, places in PLACES.items():
        shown = places.of(found).reshape(places.count, 5, 64)
        assert np.array_equal(np.sort(shown, axis=2), np.sort(np.broadcast_to(found.values, shown.shape), axis=2))
        assert len(np.unique(shown[:, 0], axis=0)) == places.count, name
        itself = any(np.array_equal(place, found.values) for place in shown)
        assert itself == (name != "scrambled")


def test_a_folder_of_your_own(tmp_path: Path) -> None:
    name = folder(tmp_path / "mine", 12)
    found = pictures(name)
    assert found.values.shape == (12, 80) and found.shape == (8, 10) and found.classes == 0
    with pytest.raises(ValidationError, match="10 pictures and 250 held out are more than the 12 of this set"):
        Params(sets=(name,), sizes=(10,))
    with pytest.raises(ParameterError, match="250 held out are more than the 12 of this set"):
        coerce(Params, {"sets": json.dumps([name])})
    with pytest.raises(BadInput, match="8 × 10 pixels cannot be turned"):
        PLACES["turned"].of(found)
    with pytest.raises(BadInput, match=r"all images are the same"):
        pictures(folder(tmp_path / "constant", 3, constant=True))
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / "mine" / "small.png")
    pictures.cache_clear()
    with pytest.raises(BadInput, match="images must be of one size"):
        pictures(name)
    np.save(tmp_path / "table.npy", np.eye(3))
    with pytest.raises(BadInput, match="holds rows of numbers"):
        pictures(str(tmp_path / "table.npy"))
    with pytest.raises(BadInput, match="nowhere"):
        pictures("nowhere")


# -- the exact score -------------------------------------------------------------------------------------------------


def weights(x: np.ndarray, own: int, xi: np.ndarray, tau: float) -> float:
    """The posterior weight of the own point, written out."""
    u = x[own] + tau * xi
    exponents = -((u - x) ** 2).sum(1) / (2 * tau**2)
    return float(np.exp(exponents[own] - np.logaddexp.reduce(exponents)))


def test_a_point_has_half_of_the_weight_where_it_is_held() -> None:
    rng = stream("held")
    x, own, xi = 3 + rng.standard_normal((40, 7)), np.arange(10), rng.standard_normal((10, 7))
    widths = held_widths(x, own, xi)
    for k, width in enumerate(widths):
        assert weights(x, k, xi[k], width) == pytest.approx(0.5, abs=1e-6)
        assert weights(x, k, xi[k], 0.9 * width) > 0.5 > weights(x, k, xi[k], 1.1 * width)  # a wrong width is seen


def test_a_point_that_is_there_twice_is_never_held() -> None:
    x = np.array([[0.1, 0.7], [0.1, 0.7], [5, 1]])
    widths = held_widths(x, np.arange(3), np.ones((3, 2)))
    assert (widths[:2] == 0).all() and widths[2] > 0
    with pytest.raises(ValueError, match="two points"):
        held_widths(x[:1], np.arange(1), np.ones((1, 2)))


@pytest.mark.parametrize("apart", [1e-3, 1e-6, 1e-9])
def test_a_near_pair_is_held_below_half_its_distance(apart: float) -> None:
    """Of two points δ apart, each with the noise that points at the other: −δ²/2τ² + δ/τ = 0."""
    x = np.array([[0.0, 0.0], [apart, 0.0], [5.0, 1.0]])
    widths = held_widths(x, np.arange(2), np.array([[1.0, 0.3], [-1.0, 0.3]]))
    assert widths == pytest.approx(apart / 2, rel=1e-5)


def test_rows_of_exposure() -> None:
    rows = exposure.cell(exposure.Cell("digits", "pictures", 50, 2, 0))
    assert rows.groupby("replica").size().tolist() == [50, 50] and (rows.width > 0).all()
    assert len(exposure.grid(exposure.Params(preset="smoke"))) == 4
    with pytest.raises(ValidationError, match="n = 2000 is more than its 1797 pictures"):
        exposure.Params(sets=("digits",), sizes=(2000,))


def test_laws_have_the_covariance_that_they_are_said_to_have() -> None:
    found = exposure.law("digits")
    covariance = np.cov(found.values, rowvar=False)
    assert np.allclose(found.root.T @ found.root, covariance, atol=1e-12)
    assert found.eigenvalues.sum() == pytest.approx(np.trace(covariance)) and np.ptp(found.equal.std(1)) < 1e-12
    drawn, contrast = exposure._drawn(exposure.Cell("digits", "scale mixture", 1500, 1, 0), stream("mixture"))
    other = np.corrcoef(drawn.std(1), contrast[::-1])[0, 1]
    assert np.corrcoef(drawn.std(1), contrast)[0, 1] > 0.4 > 0.2 > abs(other)


@pytest.fixture(scope="module")
def exposed() -> pd.DataFrame:
    return load("exposure")[0]


def test_contrast_explains_what_the_spectrum_misses(exposed: pd.DataFrame) -> None:
    small = exposed[exposed.pictures.isin(["digits", "patches8"])]
    digits, patches = exposure_figures.rules(small)
    assert digits.n == patches.n == 1200 and digits.d == patches.d == 64
    assert patches.ratios["spectrum"].z(1) > 4 and abs(patches.ratios["contrast and spectrum"].z(1)) < 3
    assert "| digits 8×8 | 1200 | 64 |" in exposure_figures.table([digits, patches])
    assert exposure_figures.slope(exposed, "patches8", 1200).z(0) > 4
    shuffled = exposed.assign(contrast=stream("shuffled").permutation(exposed.contrast.to_numpy()))
    assert abs(exposure_figures.slope(shuffled[shuffled.contrast.notna()], "patches8", 1200).z(0)) < 4


def test_figures_of_exposure_show_what_was_measured(exposed: pd.DataFrame) -> None:
    small = exposed[exposed.pictures.isin(["digits", "patches16"])]
    found = exposure_figures.medians(small)
    fig = exposure_figures.widths(exposed)
    line = fig.axes[0].containers[0][0]
    unit = exposure_figures.scale(exposure.law("digits"))
    assert line.get_ydata()[0] == pytest.approx(found["digits", "pictures", 50].value / unit)
    left, right = exposure_figures.by_contrast(small, exposure_figures.rules(small)).axes
    assert len(left.lines[0].get_xdata()) == 1000 and len(right.containers) == len(exposure_figures.RULES)


def test_statements_on_exposure_turn(exposed: pd.DataFrame) -> None:
    """Patches whose widths are those of their Gaussian law: nothing of what is said of contrast may pass."""
    small = exposed[exposed.pictures.isin(["digits", "patches8"])].reset_index(drop=True)
    same = small.copy()
    keys = ["pictures", "n", "replica"]
    for law in ("pictures", "scale mixture"):
        of_gaussian = same[same.law == "gaussian"].sort_values(keys, kind="stable").width.to_numpy()
        same.loc[same[same.law == law].sort_values(keys, kind="stable").index, "width"] = of_gaussian
    failed = {}
    for name, rows in (("stored", small), ("gaussian", same)):
        report = Report(family=20)
        exposure_figures.state(report, rows, exposure_figures.rules(rows))
        failed[name] = report.failed()
    assert failed["stored"] == []
    assert [name for name in failed["gaussian"] if "8×8" in name] == [
        "rejected: patches 8×8: the spectrum alone predicts the noise",
        "rejected: patches 8×8: the noise does not rise with the contrast",
    ]


# -- networks --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    torch.set_num_threads(1)
    return cell(AT)


def test_sets_share_nothing_and_classes_are_balanced() -> None:
    few, many = split(AT), split(AT._replace(n=450))
    assert np.array_equal(few.holdout.values, many.holdout.values)
    assert np.array_equal(few.train.values, many.train.values[:50])
    both = np.concatenate([many.train.values, many.holdout.values])
    assert len(both) == 450 + HELD_OUT == len(np.unique(both, axis=0))
    assert np.bincount(few.train.labels).tolist() == [5] * 10 and np.bincount(few.holdout.labels).tolist() == [25] * 10
    assert not np.array_equal(split(AT._replace(replica=1)).train.values, few.train.values)


def test_rows_of_a_cell(rows: pd.DataFrame) -> None:
    plain = rows[rows.picture == b""]
    assert not plain.duplicated(["step", "guidance", "level", "measure"]).any() and np.isfinite(plain.value).all()
    assert set(rows.level.dropna()) == set(LEVELS) and rows.step.unique().tolist() == [0, 100]
    assert {"flagged", "frechet", "kernel", "p/near copies"} <= set(plain.measure)
    shown = figures.stored_pictures(rows[rows.step == 100], "nearest")
    train = split(AT).train.values.reshape(-1, 8, 8)
    assert len(shown) == SHOWN and all(np.abs(train - one).max((1, 2)).min() < 1 / 255 for one in shown)


def test_what_is_made_does_not_depend_on_how_many_are_made() -> None:
    model, _ = images.start(AT)
    assert np.array_equal(images.generate(model, AT, 3), images.generate(model, AT, 10)[:3])


def test_a_copy_is_found_in_any_place() -> None:
    train = split(AT).train
    moved = PLACES["shifted"].of(train.part(np.arange(7)))[:7]
    for places, copied in (("shifted", True), ("once", False)):
        near, shown = images.nearest_two(moved, train, PLACES[places].of)
        assert (bool((near[:, 0] < 1e-6).all()), bool((near[:, 1] > 1e-3).all())) == (copied, True)
        assert np.array_equal(shown, moved) == copied


def test_a_copier_and_noise_have_the_quality_that_they_deserve() -> None:
    sets = split(AT._replace(n=1200))
    fine, noise = sets.train.values[:GENERATED], stream("noise").random((GENERATED, 64)).astype(np.float32)
    good, bad = (dict(images._quality(made, sets.holdout)) for made in (fine, noise))
    assert good["frechet"] < 0.1 < bad["frechet"] and abs(good["kernel"]) < 0.01 < bad["kernel"]


def test_networks_are_told_the_class() -> None:
    model = MLP(4, 1, 16, given=3)
    u, label = stream("u").standard_normal((5, 4)), np.eye(3)[[0, 1, 2, 0, 1]]
    points = torch.from_numpy(np.concatenate([u, label], 1)).float()
    torch.nn.init.normal_(model.last.weight, generator=torch.Generator().manual_seed(0))
    seen = model(points, 0.5)
    assert seen.shape == (5, 7) and torch.equal(seen[:, 4:], points[:, 4:])
    of_class = told(model, points[:, 4:])
    untold = told(model, torch.zeros(5, 3))
    assert torch.equal(of_class(points[:, :4], 0.5), seen[:, :4])
    clean, plain = of_class(points[:, :4], 0.5), untold(points[:, :4], 0.5)
    assert not torch.allclose(clean, plain)
    assert torch.allclose(guided(of_class, untold, 2.0)(points[:, :4], 0.5), clean + 2 * (clean - plain))
    assert torch.equal(guided(of_class, untold, 0.0)(points[:, :4], 0.5), clean)
    assert model.error(points[None], torch.ones(1, 5, 7), np.full((1, 5), 0.5)).shape == (1, 5, 4)
    with pytest.raises(ValueError, match="7"):
        model(points[:, :4], 0.5)


def test_rows_with_classes() -> None:
    found = cell(AT._replace(shown=CLASS))
    assert set(found.guidance) == set(images.GUIDANCE)
    share = found[found.measure == "share"]
    assert set(share.level) == set(LEVELS) and np.isfinite(share.value).all() and (share.value.abs() < 1).all()


def test_the_grid_has_what_the_sets_have() -> None:
    assert grid(Params(preset="smoke")) == [AT]
    cells = grid(Params(preset="paper", sets=("digits", "patches16")))
    assert max(at.n for at in cells if at.pictures == "digits") == 1200
    assert {(at.pictures, at.shown) for at in cells if at.shown != "once"} == figures.WAYS.keys() - {("mnist16", CLASS)}
    with pytest.raises(ValidationError, match=r"digits: 1600 pictures and 250 held out are more than the 1797"):
        Params(sets=("digits",), sizes=(50, 1600))
    with pytest.raises(ValidationError, match=r"n = 10 pictures a class has only one; 10 classes need 20"):
        Params(sets=("digits",), sizes=(10,), studies=("classes",))
    with pytest.raises(ValidationError, match="none of the sets patches8 has a study classes"):
        Params(sets=("patches8",), studies=("classes",))


# -- what is drawn and said of networks ------------------------------------------------------------------------------


def made_up(power: float = 0.5, places: float = 6.0) -> pd.DataFrame:
    """Networks on patches whose memory falls as a power of n, and of n times `places` where they are turned."""
    rng, found = stream("made up"), []
    for shown in ("once", "turned"):
        for n in (50, 150, 450, 1200):
            for replica in range(3):
                size = n * (places if shown == "turned" else 1)
                for step in (100, 200, 400):
                    share = step / 400 * (size / 40) ** -power * np.exp(1e-3 * rng.standard_normal())
                    about = ("patches16", "perceptron", shown, n, replica, step, 0.0)
                    found += [(*about, 1.0, "share", share), (*about, np.nan, "frechet", 1 / n)]
                    found += [(*about, 1.0, "loss_holdout", 1 + abs(step - 200) / 1000 - n / 1e4)]
                found.append(("patches16", "perceptron", shown, n, replica, 0, 0.0, np.nan, "frechet", 0.1))
    return pd.DataFrame(found, columns=[*figures.KEYS, "value"]).assign(picture=b"")


def test_a_shift_is_found_and_no_other() -> None:
    (found,) = figures.shift(made_up())
    assert found.moved is not None and found.moved.value == pytest.approx(np.log(6), abs=0.02)
    assert found.most == np.log(8) and found.beyond == 6  # 450 and 1200 turned patches are below the curve
    assert found.least == pytest.approx(np.log(1200 / 450))
    (still,) = figures.shift(made_up(places=1.0))
    assert still.moved is not None and abs(still.moved.value) < 0.02
    assert "turned and mirrored, 8 places | 1.80" in figures.shifts(made_up())
    (more,) = figures.shift(made_up(places=0.2))
    assert (found.above, more.above, more.beyond) == (0, 6, 0)  # 50 and 150 that count as 10 and 30


def test_routes_say_in_which_way_memory_fades() -> None:
    more, stop, places = figures.routes(made_up())
    assert more.name == "more pictures" and more.fades.value > 0.5 and more.loss.value < 0 > more.frechet.value
    assert stop.fades.value == pytest.approx(0.45, abs=0.01) and stop.frechet.value == 0 and stop.loss.value < 0
    assert places.fades.value > 0.5 and places.loss.value == 0


def test_a_stop_is_not_chosen_by_the_loss_that_is_reported() -> None:
    """Each shuffle has half of the loss at one step, another in each: at that of the next, no loss falls."""
    table = made_up()
    loss = table.measure == "loss_holdout"
    lucky = table.step == table.replica.map({0: 100, 1: 200, 2: 400})
    _, stop, _ = figures.routes(table.assign(value=table.value.where(~loss, np.where(lucky, 0.5, 1.0))))
    assert stop.loss.value == pytest.approx(np.log(2) / 3)


def test_statements_on_networks_turn() -> None:
    """Networks that remember as much whatever they see: no statement may pass."""
    rows, _ = load("images")
    shares = (rows.measure == "share") & (rows.network == "perceptron")
    noise = 0.3 + 1e-3 * stream("no memory").standard_normal(len(rows))
    still = rows.assign(value=rows.value.where(~shares & (rows.measure != "loss_holdout"), noise))
    for table, passes in ((rows, True), (still, False)):
        report = Report(family=20)
        figures.state(report, table)
        failed = report.failed()
        assert failed == [] if passes else len(failed) == len(report.outcomes())


def test_onsets_and_scatter() -> None:
    found = figures.onsets(made_up())
    assert found["patches16", "perceptron", 50] == pytest.approx(100 / 50, rel=0.3)
    assert np.isinf(figures.onsets(made_up(), 2.0)).all()
    found = pooled(figures.shares(made_up()), ["shown", "n"])
    assert len(found) == 8 and found["once", 50].freedom == 16
    with pytest.raises(ValueError, match="one shuffle"):
        pooled(figures.shares(made_up().query("replica == 0")), ["shown", "n"])


def test_each_set_of_pictures_has_its_own_scatter() -> None:
    rows, _ = load("images")
    narrow, wide = (figures.of_perceptrons(rows, name).iloc[0] for name in ("digits", "patches8"))
    assert wide.error > 3 * narrow.error and narrow.freedom == 4


def test_figures_of_networks_show_what_is_stored(rows: pd.DataFrame) -> None:
    table = made_up()
    left, right = figures.courses(table, "patches16").axes
    assert len(left.containers) == len(right.containers) == 4
    assert len(figures.against_n(table).axes[0].containers[0][0].get_xdata()) == 4
    line = figures.quality(table).axes[0].lines[0]
    assert line.get_ydata().tolist() == pytest.approx([1 / 50, 1 / 150, 1 / 450, 1 / 1200])
    (axes,) = figures.gallery(rows, "digits", [50]).axes
    assert axes.images[0].get_array().shape == (2 * 9 - 1, SHOWN * 9 - 1)
    (axes,) = figures.over_steps(rows, "digits", 50).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["100 steps", "nearest"]
    with pytest.raises(ValueError, match="has 8"):
        figures.stored_pictures(rows[rows.step == 0], "generated")


def test_a_part_keeps_its_labels() -> None:
    part = Pictures("p", np.eye(3, dtype=np.float32), (1, 3), np.array([2, 0, 1])).part(np.array([1]))
    assert part.labels is not None and part.labels.tolist() == [0] and part.classes == 1


def test_a_measured_noise_is_held_against_the_interval_with_its_own_error() -> None:
    said: Any = SimpleNamespace(collapse=SimpleNamespace(denoised=SimpleNamespace(low=0.4, high=0.5)))
    for middle, score in ((0.4, 0.0), (0.45, 0.0), (0.53, 3.0), (0.38, -2.0)):
        found = Against("digits", said, (middle, middle - 0.02, middle + 0.02), Estimate(middle, 0.01), 0)
        assert found.beyond == pytest.approx(score, abs=1e-6)
