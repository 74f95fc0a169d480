"""Random-feature denoisers and tangent networks: exact averages, limits, and what formulas say beyond the checks."""

import numpy as np
import pandas as pd
import pytest
import torch

from memgen.denoisers.features import SineFeatures
from memgen.denoisers.tangent import FromStart, Linearised
from memgen.experiments import features as experiment
from memgen.experiments import lazy
from memgen.figures import features as figures
from theory.features import (
    ALL_NOISES,
    features_bias,
    features_test_loss,
    features_train_loss,
    flow_losses,
    half_times,
    halfway,
    sine_setting,
    spectral_density,
)

LOSSES = (features_train_loss, features_test_loss)


def _at(features: float, samples: float, noises: float, ridge: float, t: float) -> dict[str, float]:
    return {**sine_setting(features, samples, noises, t)._asdict(), "ridge": ridge}


# -- simulations ---------------------------------------------------------------------------------------------------


def test_the_noise_is_averaged_exactly() -> None:
    """Against least squares over many draws of the noise of each point, tried on other draws."""
    rng = np.random.default_rng(0)
    p, n, d, ridge, t, draws = 5, 4, 3, 0.05, 0.3, 40_000
    weights, x = rng.standard_normal((p, d)), rng.standard_normal((n, d))

    def noised(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        xi = rng.standard_normal((*points.shape[:-1], d))
        return np.sin((np.exp(-t) * points + np.sqrt(-np.expm1(-2 * t)) * xi) @ weights.T / np.sqrt(d)), xi

    features, xi = (part.reshape(-1, part.shape[-1]) for part in noised(np.broadcast_to(x, (draws, n, d))))
    fitted = np.linalg.solve(features.T @ features / len(xi) + ridge * np.eye(p), features.T @ xi / len(xi))
    known = SineFeatures(weights, x, t).ridge(ridge)
    assert ((features @ fitted - xi) ** 2).mean() == pytest.approx(known.train, abs=0.01)
    fresh, noise = noised(rng.standard_normal((draws, d)))
    assert ((fresh @ fitted - noise) ** 2).mean() == pytest.approx(known.test, abs=0.02)
    assert known.test > known.train + 0.05
    drawn = SineFeatures(weights, x, t, draws // 4, rng).ridge(ridge)
    assert drawn == pytest.approx(known, abs=0.02)


def test_training_ends_where_the_smallest_ridge_does_and_starts_from_nothing() -> None:
    rng = np.random.default_rng(1)
    for p, m in ((6, 3), (40, 2)):  # fewer and more features than noised points
        model = SineFeatures(rng.standard_normal((p, 4)), rng.standard_normal((8, 4)), 0.2, m, rng)
        flow, ridge = model.flow([0.0, 1e9]), model.ridge(1e-9)
        assert flow.train[0] == pytest.approx(model.power) and flow.test[0] == pytest.approx(1)
        assert flow.train[1] == pytest.approx(ridge.train, abs=1e-4) and flow.test[1] == pytest.approx(ridge.test, 1e-2)


def test_steps_of_gradient_descent_follow_the_flow() -> None:
    rng = np.random.default_rng(2)
    model, a, step = SineFeatures(rng.standard_normal((6, 3)), rng.standard_normal((5, 3)), 0.3), np.zeros((6, 3)), 1e-3
    for _ in range(4000):
        a -= step * (model.gram @ a - model.learnt)
    loss = 1 - 2 * (model.true_learnt * a).sum() / 3 + ((model.true_gram @ a) * a).sum() / 3
    assert model.flow([4.0]).test[0] == pytest.approx(loss, rel=1e-3)


def test_a_linearisation_is_the_network_to_first_order() -> None:
    moved = [
        torch.from_numpy(np.random.default_rng(3).standard_normal(p.shape)) for p in FromStart(4, 2, 16).parameters()
    ]
    rows, differences = torch.randn(2, 5, 20, generator=torch.Generator().manual_seed(0)).double(), []
    for size in (1e-4, 1e-5):
        network, line = FromStart(4, 2, 16).double(), Linearised(4, 2, 16).double()
        assert not network._of_rows(rows).any() and not line._of_rows(rows).any()
        for model in (network, line):
            with torch.no_grad():
                for p, direction in zip(model.parameters(), moved, strict=True):
                    p.add_(size * direction)
        found, first = (model._of_rows(rows).detach() for model in (network, line))
        differences.append(float((found - first).abs().max()))
        assert float(first.abs().max()) > 100 * differences[-1]
    assert differences[0] / differences[1] == pytest.approx(100, rel=0.05)


def test_what_is_not_trained_is_no_parameter() -> None:
    model = Linearised(4, 1, 8)
    assert all(not name.startswith("start") for name, _ in model.named_parameters())
    assert sum(p.numel() for p in model.parameters()) == sum(p.numel() for p in model.start.parameters())


# -- closed curves -------------------------------------------------------------------------------------------------


def test_many_points_leave_nothing_to_learn_by_heart() -> None:
    few, many = ([float(loss(**_at(4, points, ALL_NOISES, 1e-3, 0.2))) for loss in LOSSES] for points in (2.0, 1e8))
    assert few[1] > few[0] + 0.1 and many[1] == pytest.approx(many[0], abs=1e-6)


def test_early_times_are_learnt_by_heart_and_late_ones_are_not() -> None:
    gaps = [
        float(features_test_loss(**at) - features_train_loss(**at))
        for at in (_at(8, 3, ALL_NOISES, 1e-3, t) for t in (0.05, 0.3, 2.0))
    ]
    assert gaps[0] > gaps[1] > gaps[2] > 0


def test_a_large_ridge_learns_nothing() -> None:
    for loss in LOSSES:
        assert float(loss(**_at(4, 2, 3, 1e9, 0.2))) == pytest.approx(1, abs=1e-8)


def test_copies_without_end_are_all_noises_and_points_without_end_need_one() -> None:
    for loss in LOSSES:
        values = [float(loss(**_at(3, 2, m, 0.01, 0.1))) for m in (1e3, 1e4, 1e5)]
        assert values[0] - values[1] == pytest.approx(10 * (values[1] - values[2]), rel=0.05)  # in powers of 1/m
        one, all_ = (float(loss(**_at(3, 1e7, m, 0.01, 0.1))) for m in (1, ALL_NOISES))
        assert one == pytest.approx(all_, abs=1e-5)


@pytest.mark.parametrize("noises", [1, 2, 8])
def test_the_peak_is_where_features_are_as_many_as_noised_points(noises: int) -> None:
    ratios = np.geomspace(0.5, 16, 300)
    losses = features_test_loss(**_at(2 * ratios, 2.0, noises, 1e-9, 0.1))
    assert ratios[losses.argmax()] == pytest.approx(noises, rel=0.01)


@pytest.mark.parametrize("sizes", [(4, 1.5, 2), (0.5, 3, 1), (64, 8, ALL_NOISES), (64, 8, 4), (0.5, 0.3, 1e6)])
def test_training_for_long_is_ridge_regression_without_a_ridge(sizes: tuple[float, float, float]) -> None:
    ends = flow_losses(sine_setting(*sizes, 0.1), 1e9)
    for end, loss in zip(ends, LOSSES, strict=True):
        assert end[0] == pytest.approx(float(loss(**_at(*sizes, 1e-13, 0.1))), abs=1e-8)


def test_ridge_regression_is_training_averaged() -> None:
    """The least objective F at a ridge λ is ∫ e^{−s} loss(τ = s/2λ) ds, and ∫ loss(λ/u) du over u from 0 to 1."""
    ridge = 0.05
    x, weights = np.polynomial.legendre.leggauss(200)
    s, u = np.exp(10 * x - 6), (x + 1) / 2
    in_time = (10 * weights * s * np.exp(-s)) @ flow_losses(sine_setting(3, 2, 2, 0.1), s / ridge / 2)[0]
    in_ridge = weights / 2 @ features_train_loss(**_at(3, 2, 2, ridge / u, 0.1))
    assert in_time + 1e-7 == pytest.approx(in_ridge, abs=1e-6)  # below the first s the loss is 1


def test_settings_at_once_are_settings_one_by_one() -> None:
    sizes = np.array([[0.5, 4.0, 32.0]]).T
    together = flow_losses(sine_setting(sizes, np.array([1.0, 6.0]), 2.0, 0.1), [0.3, 10.0])
    assert together[0].shape == (3, 2, 2)
    for i, p in enumerate(sizes[:, 0]):
        for j, n in enumerate((1.0, 6.0)):
            alone = flow_losses(sine_setting(p, n, 2.0, 0.1), [0.3, 10.0])
            for whole, one in zip(together, alone, strict=True):
                assert whole[i, j] == pytest.approx(one, abs=1e-10)


def test_the_density_is_one_and_has_its_bands() -> None:
    setting = sine_setting(8.0, 3.0, ALL_NOISES, 0.1)
    low, high = figures.memory_edges(setting)
    at, width = np.linspace(-1, 12, 20_000), 2e-3
    density = spectral_density(setting, at, width)
    mass = np.diff(at) * (density[1:] + density[:-1]) / 2
    tails = width / np.pi * (mass[1:-1] / (at[1:-2] + 1) + mass[1:-1] / (12 - at[1:-2])).sum()  # of the blur
    assert mass.sum() == pytest.approx(1 - tails, abs=3e-5)
    middle = 0.5 * (high + 0.5)  # between the points and the law
    assert 8 * mass[at[1:] > middle].sum() == pytest.approx(1, abs=0.03)
    assert 8 * mass[at[1:] > low - 0.006].sum() == pytest.approx(4, abs=0.2)


def test_memory_comes_as_late_as_there_are_points_and_the_law_does_not() -> None:
    times = half_times(sine_setting(1024.0, np.array([4.0, 16.0]), ALL_NOISES, 0.1))
    assert np.log(times[1] / times[0]) / np.log(4) == pytest.approx([0, 1], abs=0.1)
    few = half_times(sine_setting(8.0, np.array([8.0, 32.0]), ALL_NOISES, 0.1))  # no room for memory where n > p
    assert few[1, 1] < few[0, 1]


def test_half_of_a_course_is_found_between_its_times() -> None:
    times = np.array([1.0, 10.0, 100.0, 1000.0])
    train, test = np.array([1.0, 0.6, 0.4, 0.2]), np.array([1.0, 0.6, 0.8, 1.2])
    law, memory = halfway(times, train, test)
    assert law == pytest.approx(10**0.5) and memory == pytest.approx(10 ** (2 + 0.1 / 0.6))


# -- the experiment and the chapter --------------------------------------------------------------------------------


def test_cells_hold_what_their_parts_say() -> None:
    cells = experiment.grid(experiment.Params(preset="smoke", dims=(8,), sets=3))
    found = {at.part: experiment.cell(at) for at in cells}
    assert set(found) == {"width", "time", "spectrum", "kernel"}
    assert set(found["width"]["at"]) == {experiment.EARLY, experiment.LATE}
    assert found["time"].groupby("measure").size().to_dict() == {"test": 3 * 33, "train": 3 * 33}
    for part in ("spectrum", "kernel"):
        below = found[part].pivot(index="replica", columns="at", values="value").to_numpy()
        assert (np.diff(below, axis=1) >= 0).all() and (below[:, -1] == 1).all()


def test_networks_and_linearisations_are_measured_alike_and_start_as_one() -> None:
    (at,) = lazy.grid(lazy.Params(preset="smoke", sizes=(16,), hidden=(8,), steps=20))
    rows = lazy.cell(at)
    assert set(rows["generator"]) == set(lazy.MODELS)
    start = rows[(rows["step"] == 0) & (rows["measure"] == "a")]
    network, line = (start[start["generator"] == name]["value"].to_numpy() for name in lazy.MODELS)
    assert np.array_equal(network, line)
    assert {"flagged"} <= set(rows[rows["step"] == 20]["measure"])


def test_pairs_are_compared_when_the_network_is_best_and_at_the_end() -> None:
    steps = [0, 10, 100, 1000]
    courses = {  # a on training points and b² at holdout points, the separation being 1
        "network": ((0, 0.1, 0.4, 0.8), (1.0, 0.3, 0.2, 3.0)),
        "linearised": ((0, 0.05, 0.1, 0.15), (1.0, 0.3, 0.4, 0.1)),
    }
    rows = []
    for replica in range(3):
        for generator, (a, distance) in courses.items():
            for n in (8, 32):
                for points, measure, values in (
                    ("train", "a", a),
                    ("train", "b_squared", (0.0,) * 4),
                    ("train", "separation", (1.0,) * 4),
                    ("holdout", "a", (0.0,) * 4),
                    ("holdout", "b_squared", distance),
                    ("holdout", "separation", (1 + 1e-6 * replica,) * 4),
                ):
                    rows += [(generator, replica, n, points, measure, *at) for at in zip(steps, values, strict=True)]
    stored = pd.DataFrame(rows, columns=["generator", "replica", "n", "points", "measure", "step", "value"])
    stored = stored.assign(d=16, hidden=4, weights=10, tau=lazy.TAU)
    stored.loc[stored["n"] == 32, "value"] *= 1 + 1e-6
    found = lazy.beside(stored, 4)
    assert np.exp(found.law.value) == pytest.approx(2, rel=1e-5)
    assert found.memory.value == pytest.approx(0.65, rel=1e-5)
    none = stored.copy()
    none.loc[none["measure"] == "b_squared", "value"] = 1.0  # nobody learns the law
    with pytest.raises(ValueError, match="two or more"):
        lazy.beside(none, 4)


def test_regressions_that_know_every_point_do_not_make_copies() -> None:
    copies, variance = experiment.sampled_by_regression(16, 16, 128)
    assert copies < 0.1 and variance > 2


# -- bad input -----------------------------------------------------------------------------------------------------


def test_bad_input_is_refused_by_name() -> None:
    at = _at(2, 2, 2, 0.1, 0.2)
    for bad, name in (("features", 0.0), ("samples", 0.0), ("ridge", 0.0), ("ridge", -0.1), ("noises", 0.5)):
        with pytest.raises(ValueError, match=f"features_test_loss: {bad} ="):
            features_test_loss(**{**at, bad: name})
    weights, x = np.ones((2, 3)), np.ones((4, 3))
    for given, words in (
        ((weights, x[:, :2], 0.1), "as many columns"),
        ((weights, x, 0.0), "t must be positive"),
        ((weights * np.nan, x, 0.1), "weights"),
        ((weights * 30, x, 0.1), "shorter than √\\(600 d\\), got |w|² = 900 d"),
        ((weights, x, 0.1, 2), "need rng"),
        ((weights, x, 0.1, 0, np.random.default_rng(0)), "noises must be at least 1"),
    ):
        with pytest.raises(ValueError, match=words):
            SineFeatures(*given)
    with pytest.raises(ValueError, match="ridge"):
        SineFeatures(weights, x, 0.1).ridge(-0.1)
    with pytest.raises(ValueError, match="times must not be negative"):
        SineFeatures(weights, x, 0.1).flow([-1.0])
    for time in (0.0, -1.0, np.inf, np.nan):
        with pytest.raises(ValueError, match="times must be positive and finite"):
            flow_losses(sine_setting(2, 2, 2, 0.1), [1.0, time])


def test_few_points_and_many_features_have_a_root_though_two_kinds_of_rows_nearly_agree() -> None:
    point = {"features": 29.06919868182173, "samples": 3.6012995403496075e-06, "noises": 1.0}
    point |= {"ridge": 8.576818320919573e-09, "of_point": 1.8688712253197596e-07, "of_noise": 9.19029605621577e-06}
    point |= {"common": 1e-09, "fresh": 1.0}
    assert features_bias(**point) == pytest.approx(float(features_bias.mp(**point)), rel=1e-12)
