"""Which pixels a denoiser looks at, and what windows say of what networks make."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
import torch

from memgen.denoisers.unet import UNet
from memgen.denoisers.windows import Windows
from memgen.experiments import images, windows
from memgen.experiments import sensitivity as experiment
from memgen.experiments.sensitivity import Cell, Params, cell, grid
from memgen.figures.windows import networks as figures
from memgen.laws.pictures import PLACES, pictures, scrambled_order
from memgen.measures.sensitivity import by_distance, likeness, reach, sensitivity
from memgen.runs.store import load
from memgen.streams import stream
from theory.checks.report import Report
from theory.ledger.verdicts import windows as verdicts

SHAPE = (4, 5)
D = SHAPE[0] * SHAPE[1]


# -- derivatives -----------------------------------------------------------------------------------------------------


def test_derivatives_are_those_of_a_known_denoiser() -> None:
    slope = stream("sensitivity", "slope").standard_normal((D, D))
    u = torch.from_numpy(stream("sensitivity", "u").standard_normal((6, D)))
    found = sensitivity(lambda v, tau: tau * v @ torch.from_numpy(slope).T, u, 0.5)
    assert np.allclose(found.mean, slope / 2) and np.allclose(found.square, slope**2 / 4)
    cubes = sensitivity(lambda v, _: v**3, u, 0.5)
    assert np.allclose(cubes.square, np.diag((9 * u**4).mean(0))) and np.allclose(
        cubes.mean, np.diag(3 * (u**2).mean(0))
    )


def test_derivatives_of_a_posterior_mean_are_its_covariance() -> None:
    """∂D_i/∂u_j = Cov(x_i, x_j | u)/τ², by finite differences of windows here."""
    x, tau, step = stream("sensitivity", "x").standard_normal((30, D)), 0.9, 1e-6
    u = torch.from_numpy(stream("sensitivity", "u").standard_normal((1, D)))
    apart = ((u.numpy() - x) ** 2).sum(1)
    weights = np.exp(-(apart - apart.min()) / (2 * tau**2))
    covariance = np.cov(x.T, aweights=weights / weights.sum(), ddof=0)

    def exact(v: torch.Tensor, tau: float) -> torch.Tensor:
        fit = -((v[:, None] - torch.from_numpy(x)) ** 2).sum(2) / (2 * tau**2)
        return torch.softmax(fit, 1) @ torch.from_numpy(x)

    assert np.allclose(sensitivity(exact, u, tau).mean, covariance / tau**2)
    whole = Windows(x, SHAPE, 4)
    assert np.allclose((whole(u + step, tau) - whole(u, tau)) / step, covariance.sum(1) / tau**2, atol=1e-4)


def test_bad_denoisers_are_refused() -> None:
    u = torch.ones(2, D)
    with pytest.raises(ValueError, match="need states"):
        sensitivity(lambda v, _: v[:, :3], u, 1.0)
    with pytest.raises(ValueError, match=r"noise 0\.3 are not finite"):
        sensitivity(lambda v, _: (v - 1).abs().sqrt(), u, 0.3)


def test_shares_by_distance() -> None:
    square = np.zeros((D, D))
    square[7, 7], square[7, 6], square[7, 14], square[0, 19] = 4, 1, 2, 3  # itself, beside, two away, the far corner
    assert by_distance(square, SHAPE) == pytest.approx(np.array([4, 1, 2, 0, 3]) / 10)
    assert reach(by_distance(square, SHAPE)) == pytest.approx(math.sqrt((1 + 2 * 4 + 3 * 16) / 10))


def test_likeness_is_of_other_pixels_alone_and_of_no_unit() -> None:
    a = stream("sensitivity", "a").standard_normal((D, D))
    assert likeness(a, 3 * a + np.diag(np.arange(D))) == pytest.approx(1)
    assert likeness(a, -a) == pytest.approx(-1) and abs(likeness(a, stream("b").standard_normal((D, D)))) < 0.2


# -- networks ----------------------------------------------------------------------------------------------------------


def test_scrambled_pictures_are_pictures_in_another_order() -> None:
    digits = pictures("digits").part(np.arange(20))
    there = scrambled_order(64)
    assert sorted(there) == list(range(64)) and (PLACES["scrambled"].of(digits) == digits.values[:, there]).all()
    beside = np.abs(np.diff(np.stack(np.divmod(there, 8)), axis=1)).max(0)
    assert np.mean(beside == 1) < 0.3  # neighbours were far apart


def test_without_attention_pixels_meet_in_convolutions_alone() -> None:
    names = {
        on: {name.split(".")[0] for name, _ in UNet(1, 8, attention=on).named_parameters()} for on in (True, False)
    }
    assert names[True] - names[False] == {"attend1", "attend2", "attend3"} and names[False] < names[True]
    plain, images = UNet(1, 8, attention=False), torch.ones(2, 1, 8, 8)
    assert plain(images, 3.0).shape == images.shape


@pytest.fixture(scope="module")
def scrambled() -> pd.DataFrame:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(experiment, "LOOKED", (1.0,))
        patch.setattr(experiment, "DERIVED", 4)
        return cell(Cell("digits", "convolutions", "scrambled", 50, 0, 20, 0))


def test_an_untrained_unet_looks_near_where_it_sees_pixels(scrambled: pd.DataFrame) -> None:
    found = {measure: one.value.to_numpy() for measure, one in scrambled.groupby("measure")}
    assert (
        set(found) == {"looked", "grid", "alike", "loss"} and (scrambled[scrambled["index"] == -1].picture == b"").all()
    )
    seen, true = (reach(found[name] / found[name].sum()) for name in ("grid", "looked"))
    assert seen < 0.8 * true


def test_grid_has_each_network_once_or_scrambled() -> None:
    cells = grid(Params(preset="paper", sets=("digits",)))
    assert len(cells) == len(set(cells)) == 12
    assert {(at.network, at.shown) for at in cells if at.shown == "scrambled"} == {
        ("unet", "scrambled"), ("convolutions", "scrambled")
    }  # fmt: skip
    assert {at.steps for at in cells} == {0, 3200, 6400}
    assert not grid(Params(preset="paper", sizes=(4000,), sets=("digits",)))


def test_what_is_not_trained_makes_pictures_from_the_noise_of_networks() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(experiment, "MADE", 8)
        patch.setattr(windows, "PROBES", 4)
        known, trained = (cell(Cell("digits", network, "once", 50, 0, 100, 0)) for network in ("", "perceptron"))
    stored = pd.concat([known, trained], ignore_index=True)
    found = figures.predicted(stored)
    assert len(found) == 8 and found[list(figures.PREDICTORS)].to_numpy().min() >= 0
    exact = figures.made_by(stored, "digits", 0, "", "exact")
    train = images.split(images.Cell("digits", "unet", "once", 50, 0, 0, 0, "cpu")).train.values
    near = np.abs(exact[:, None] - 255 * train).max(2).min(1)
    assert np.mean(near < 2) > 0.5  # the exact score copies
    assert figures.agreement(exact, 3 * exact + 1) == pytest.approx(1)


# -- what is stored --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stored() -> pd.DataFrame:
    return load("sensitivity")[0]


def test_stored_networks_are_drawn(stored: pd.DataFrame) -> None:
    assert len(figures.looked_at(stored).axes) == 2 and len(figures.from_same_noise(stored, "digits").axes) == 1
    assert figures.looked_table(stored).count("\n") == 11 and "nan" not in figures.looked_table(stored)
    assert figures.predicted_table(figures.predicted(stored)).count("\n") == 7


def test_networks_are_held_to_the_linear_denoiser_at_the_same_noise(stored: pd.DataFrame) -> None:
    found = figures.over_linear(stored)
    farther = stored["index"].where(stored.measure != "looked", 2 * stored["index"])
    assert np.allclose(figures.over_linear(stored.assign(index=farther)).ratio[found.measure == "looked"],
                       found.ratio[found.measure == "looked"])  # fmt: skip
    assert figures.anywhere("digits") == pytest.approx(4.12, abs=0.01)
    linear = stored[(stored.network == "") & (stored.measure == "looked")]
    same = pd.concat([stored[stored.measure != "looked"], linear, linear.assign(network="unet")])
    assert (figures.over_linear(same)[lambda one: (one.network == "unet") & (one.measure == "looked")].ratio == 1).all()
    worse = stored.value.where((stored.measure != "loss") | (stored.network == ""), stored.value + 9)
    assert not figures.over_linear(stored.assign(value=worse)).kept.any() and found.kept.any()


def test_what_networks_show_can_turn(stored: pd.DataFrame) -> None:
    agreed, report, turned = figures.predicted(stored), Report(), Report()
    figures.state(report, stored, agreed)
    assert not report.failed()
    linear = stored[stored.network == ""]
    keys = ["pictures", "network", "shown", "replica", "level", "index", "measure"]
    looks = linear[linear.measure == "looked"]
    kinds = stored[["network", "shown"]].drop_duplicates().itertuples(index=False)
    others = looks.assign(replica=1 - looks.replica)  # a scatter, and no difference
    copies = [(others if network else looks).assign(network=network, shown=shown) for network, shown in kinds]
    alike = pd.concat([stored[stored.measure == "loss"], *copies])
    assert not alike.duplicated(keys).any()
    figures.state(turned, alike, agreed.assign(windows=agreed["exact score"] - 0.01 * (1 + agreed.replica)))
    assert len(turned.failed()) == 3


def test_the_rulings_read_the_rows(monkeypatch: pytest.MonkeyPatch, stored: pd.DataFrame) -> None:
    monkeypatch.setattr(verdicts, "load", lambda _: (stored, {}))
    assert 0 < verdicts._made().over_exact.low and len(verdicts._looked().perceptron) == 2
    drawn = stored[stored.measure.isin(("made", "window")) & (stored.network != "")]
    keys = ["pictures", "replica", "network", "index"]
    copied = drawn.groupby(keys).picture.transform("first")
    monkeypatch.setattr(
        verdicts, "load", lambda _: (stored.assign(picture=copied.reindex(stored.index).fillna(stored.picture)), {})
    )
    assert verdicts._made().windows.value == pytest.approx(1)
