"""What is said of a data set before training, against what is known exactly and against plausible mistakes."""

import itertools
import json
import subprocess
import sys

import numpy as np
import pytest

from memgen.measures.held import held_widths
from memgen.predict import Prediction, predict
from memgen.predict.criteria import criteria
from memgen.predict.denoising import information as by_denoisers
from memgen.predict.dimension import dimensions, disagreement
from memgen.predict.exposed import Exposed, exposed
from memgen.predict.information import Gaussian
from memgen.predict.levels import levels
from memgen.predict.spectrum import Covariance
from memgen.predict.training import training
from memgen.statistics import mean
from memgen.streams import stream
from theory.collapse import collapse_probability, collapse_time, information
from theory.criteria import transitions

_POWER = 1 / np.arange(1, 41)  # the eigenvalues of a population


def _gaussian(n: int, eigenvalues: np.ndarray, *key: object) -> np.ndarray:
    return stream("test", "predict", n, len(eigenvalues), *key).standard_normal((n, len(eigenvalues))) * np.sqrt(
        eigenvalues
    )


def _width(n: float, eigenvalues: np.ndarray) -> float:
    return float(np.sqrt(np.expm1(2 * collapse_time(n, eigenvalues))))


# -- information and collapse ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "noise"), [(200, 0.6), (80, 0.3), (30, 1.0)])
def test_information_is_that_of_the_population(n: int, noise: float) -> None:
    """Below one row a dimension too; the eigenvalues of the sample, taken for true, are rejected."""
    truth = float(information(noise, _POWER))
    estimates = [Gaussian(Covariance(_gaussian(n, _POWER, "I", k))) for k in range(60)]
    corrected = mean(np.array([g.information(noise) for g in estimates]))
    plug_in = mean(np.array([g.plug_in(noise) for g in estimates]))
    assert abs(corrected.z(truth)) < 3.3
    assert plug_in.z(truth) < -6 or plug_in.z(truth) > 6


def test_errors_are_those_of_repeated_data() -> None:
    grid = np.array([0.3, 0.6, 1.5])
    estimates = [Gaussian(Covariance(_gaussian(200, _POWER, "error", k))) for k in range(60)]
    spread = np.std([[g.information(noise) for noise in grid] for g in estimates], axis=0, ddof=1)
    stated = np.sqrt(np.mean([g.errors(grid) ** 2 for g in estimates], axis=0))
    assert np.all(np.abs(np.log(stated / spread)) < 3.3 / np.sqrt(2 * 59))


def test_the_interval_covers_the_collapse_width() -> None:
    """The full table is benchmarks/predict.py. An interval around the plug-in, or at another n, does not cover."""
    n, truth, covered, plug_in, doubled = 100, _width(100, _POWER), 0, 0, 0
    for k in range(30):
        gaussian = Gaussian(Covariance(_gaussian(n, _POWER, "cover", k)))
        width = gaussian.interval(np.log(n))
        assert width.sigma and width.low and width.high
        covered += width.low < truth < width.high
        moved = gaussian.plug_in_width(np.log(n)) / width.sigma
        plug_in += width.low * moved < truth < width.high * moved
        doubled += width.low < _width(4 * n, _POWER) < width.high
    assert covered >= 25  # 24 or fewer of 30 have a chance of 0.3% at 95%
    assert plug_in < 25 and doubled < 25


def test_so_few_rows_say_nothing_of_little_noise() -> None:
    gaussian = Gaussian(Covariance(_gaussian(20, np.ones(40))))
    assert gaussian.least > 0
    with pytest.raises(ValueError, match="is below"):
        gaussian.information(gaussian.least / 2)
    assert gaussian.interval(500.0).sigma is None


def test_rows_wider_than_many_give_the_same_as_their_transpose_would() -> None:
    """Both ways of finding the axes agree on a square case, and float32 rows keep small eigenvalues."""
    x = _gaussian(30, np.ones(30))
    wide, tall = Covariance(np.pad(x, ((0, 0), (0, 5)))), Covariance(np.pad(x, ((0, 0), (0, 0))))
    assert np.allclose(wide.spectrum.eigenvalues, tall.spectrum.eigenvalues) and wide.spectrum.constant == 5
    assert np.allclose(np.concatenate(list(wide.squares())), np.concatenate(list(tall.squares())))
    for one, other in zip(wide.parts(np.pad(x[:3] + 1, ((0, 0), (0, 5)))), tall.parts(x[:3] + 1), strict=True):
        assert np.allclose(one, other, atol=1e-9)
    steep = _gaussian(300, 10.0 ** -np.arange(7)).astype(np.float32)
    assert Covariance(steep).spectrum.rank == 7


def test_denoisers_bound_the_information_from_above() -> None:
    """At a Gaussian law closely; at clusters by the points, and far below the Gaussian of the same covariance."""
    x, grid = _gaussian(2000, np.ones(10)), np.geomspace(4, 0.5, 20)
    truth = np.array([float(information(noise, np.ones(10))) for noise in grid])
    found = by_denoisers(x, grid, (truth[0], 0.0), stream("test", "held out"))
    assert np.all(found.information[1:] > truth[1:] - 3.3 * found.error[1:]) and np.all(
        found.information < 1.05 * truth
    )
    rng = stream("test", "clusters")
    clusters = rng.standard_normal((8, 10))[rng.integers(8, size=1000)] + 0.1 * rng.standard_normal((1000, 10))
    gaussian = Gaussian(Covariance(clusters))
    found = by_denoisers(clusters, grid, (gaussian.information(grid[0]), 0.0), rng)
    assert found.by_points[-1] and found.information[-1] + 3.3 * found.error[-1] < gaussian.information(grid[-1])
    _, collapse = levels(clusters, gaussian, np.log(1000), np.array([]), rng)
    assert collapse and collapse.denoised.high and collapse.gaussian.low
    assert collapse.denoised.high < collapse.gaussian.low


def test_augmented_points_collapse_as_so_many_points() -> None:
    """The exact score of orbits under 16 sign flips of Gaussian points: ln(n|G|) for ln n, and not ln n."""
    n, d, blocks, noise, own = 250, 64, 4, 2.0, 50
    signs = np.repeat(np.array(list(itertools.product((1, -1), repeat=blocks))), d // blocks, axis=1)
    rng, shares = stream("test", "augmentation"), []
    for _ in range(30):
        orbit = (rng.standard_normal((n, d))[:, None] * signs).reshape(-1, d)
        mine = np.arange(own) * len(signs)
        u = orbit[mine] + noise * rng.standard_normal((own, d))
        exponent = (u @ orbit.T - (orbit**2).sum(1) / 2) / noise**2
        weight = np.exp(exponent - exponent[np.arange(own), mine][:, None])
        shares.append(np.mean(weight.sum(1) < 2))
    share = mean(np.array(shares))
    many, few = (float(collapse_probability(size, np.ones(d), noise)) for size in (n * len(signs), n))
    assert abs(share.value - many) < 0.05 and abs(share.value - few) > 0.3
    assert share.z(few) < -10


# -- the other parts -------------------------------------------------------------------------------------------------


def test_intrinsic_dimension_is_found_and_lost_by_a_permutation() -> None:
    rng = stream("test", "dimension")
    x = rng.standard_normal((800, 4)) @ rng.standard_normal((4, 30))
    for found in dimensions(x, stream("test", "rows")):
        assert found.low and found.high and 2.5 < found.low < 4.5 and 3.5 < found.high < 5.5
    apart = dimensions(rng.permuted(x, axis=0), stream("test", "rows"))
    assert all(found.low and found.low > 8 for found in apart)
    assert list(disagreement(apart)) or apart[0].high > apart[1].low  # type: ignore[operator]


def test_exposed_rows_are_those_of_all_pairs() -> None:
    """Against the definition, computed for every row; a planted outlier is first, the middle of the cloud is not."""
    x = _gaussian(600, np.ones(20), "exposed")
    x[17] *= 400
    x[18] = x.mean(0)
    found = exposed(x, stream("test", "exposed"))
    assert found[0].row == 17 and found[0].sigma > 1.5 * found[1].sigma and 18 not in [one.row for one in found]
    assert found[1].nearest == np.argsort(((x - x[found[1].row]) ** 2).sum(1))[1]
    z, y = stream("test", "other noise").standard_normal((400, 20)), x - x.mean(0)

    def mean(one: Exposed, sigma: float) -> float:
        apart = np.delete(((x - x[one.row]) ** 2).sum(1), one.row)
        exponent = -apart / (2 * sigma**2) + z @ np.delete(y, one.row, axis=0).T / sigma
        return float(np.log(np.exp(exponent).sum(1)).mean())

    def within(low: float, high: float) -> int:
        """Of how many rows the σ by draws of our own is within their 95% interval, from `low` to `high` times it."""
        return sum(mean(one, low * one.low) < 0 < mean(one, high * one.high) for one in found if one.low and one.high)

    assert within(1, 1) >= 9 and within(1.15, 1.15) <= 1 and within(1 / 1.15, 1 / 1.15) <= 1
    assert list(found) == sorted(found, key=lambda one: -one.sigma)


def test_exposed_rows_are_held_at_much_noise() -> None:
    """Of rows that differ little, those that are named must be among the first by the mean over many noises."""
    x = _gaussian(400, np.linspace(1, 0.2, 16), "alike")
    noises = stream("test", "many noises").standard_normal((16, *x.shape))
    held = np.mean([held_widths(x, np.arange(400), z) for z in noises], axis=0)
    first = set(np.argsort(-held)[:40].tolist())
    assert sum(one.row in first for one in exposed(x, stream("test", "exposed"))) >= 8
    by_one_draw = np.argsort(-held_widths(x, np.arange(400), noises[0]))[:10]  # what a ranking by luck would name
    assert sum(row in first for row in by_one_draw.tolist()) < 8


def test_criteria_are_chapter_six_and_see_the_spectrum_where_they_should() -> None:
    white = {one.name: one for one in criteria(Covariance(_gaussian(4000, np.ones(25))).spectrum, 4000, 100)}
    steep = {one.name: one for one in criteria(Covariance(_gaussian(4000, _POWER[:25])).spectrum, 4000, 100)}
    for name, n_star in transitions(25).items():
        assert white[name].n_star == pytest.approx(n_star, rel=0.02), name
        assert white[name].met == (100 > n_star)
    for name, one in white.items():
        assert one.basis in ("rank", "spectrum", "heuristic") and one.note
        if one.basis == "rank":
            assert one.n_star == steep[name].n_star
    assert steep["kl_true_generated"].n_star > 1.1 * white["kl_true_generated"].n_star  # type: ignore[operator]
    assert steep["closest_record"].n_star < 0.9 * white["closest_record"].n_star  # type: ignore[operator]
    assert steep["wasserstein2"].n_star is None and "so few directions" in steep["wasserstein2"].note


def test_fewer_rows_than_directions_see_how_many_there_are() -> None:
    """By the participation ratio; what rests on the rank is not stated where the rows span all that they can."""
    exact = transitions(100)
    few = {one.name: one for one in criteria(Covariance(_gaussian(60, np.ones(100))).spectrum, 60, 60)}
    for name in ("wasserstein2", "two_models", "best_kernel"):
        assert few[name].n_star == pytest.approx(exact[name], rel=0.05)
    for name in ("kl_generated_true", "membership", "overlap", "membership_known"):
        assert few[name].n_star is None and few[name].met is None and "59 or more" in few[name].note


def test_rows_that_differ_in_size_are_said_to() -> None:
    x = _gaussian(600, np.geomspace(1, 0.1, 12), "rows of a size")
    contrast = np.exp(stream("contrast").standard_normal((600, 1)))
    for rows, differ in ((x, False), (x[:, :2], False), (contrast * x, True), (x[:, :1], False)):
        assert any("rows differ in size" in note for note in predict(rows).notes) == differ
        assert (Covariance(rows).typical_square() < 0.6) == differ


def test_training_time_is_read_from_the_runs_and_proportional_to_n() -> None:
    one, ten = training(512, None, None, None), training(5120, 64, 10**9, 10**9)
    assert ten.steps == pytest.approx(tuple(10 * s for s in one.steps)) and one.place is None and ten.place == "beyond"
    assert ten.epochs == pytest.approx(tuple(s * 64 / 5120 for s in ten.steps)) and one.epochs is None
    ours = {m.architecture: m for m in one.measured if m.source == "chapter 11"}
    wide = ours["3 hidden layers of 256 units, Gaussian data in 16 dimensions"]
    assert 5 < wide.low < 6 and 9 < wide.high < 10  # the table of chapter 11
    assert one.measured[-1].low == 300 and one.steps[0] == 512 * min(m.low for m in one.measured)
    assert any("outside" in line for line in ten.words) and not any("outside" in line for line in one.words)


# -- the whole -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def whole() -> Prediction:
    x = _gaussian(400, _POWER[:20], "whole")
    return predict(np.concatenate([x[:5], x]), sigma=[0.5, 0.2], batch=32, steps=100, seed=3)


def test_a_prediction_answers_in_words_and_numbers(whole: Prediction) -> None:
    assert whole.n == 400 and whole.rows == 405 and "5 rows repeat" in whole.notes[0]
    assert whole.answer == whole.words[0] and 3 <= len(whole.words) <= 6
    assert whole.collapse and whole.collapse.gaussian.sigma and f"{whole.collapse.gaussian.sigma:.4g}" in whole.answer
    assert all(0 <= one.row < 405 and not 5 <= one.row < 10 for one in whole.exposed)  # the first of equal rows counts
    assert [level.sigma for level in whole.levels] == [0.5, 0.2]
    low, high = (level.n_star for level in whole.levels)
    assert low and high and low < high
    for level in whole.levels:
        assert level.collapsed == (level.gaussian > np.log(400))  # type: ignore[operator]
        assert level.gaussian_low < level.gaussian < level.gaussian_high  # type: ignore[operator]
    assert whole.relaxation.sigma == pytest.approx(np.sqrt(whole.spectrum.eigenvalues[0]))
    assert whole.training.place == "before" and any("before that range" in line for line in whole.words)
    told = json.loads(json.dumps(whole.as_dict(), allow_nan=False))
    assert told["collapse"]["gaussian"]["sigma"] == whole.collapse.gaussian.sigma and len(told["exposed"]) == 10


def test_augmentation_counts_as_more_points() -> None:
    x = _gaussian(50, np.ones(6))
    more = predict(x, augmentation=8)
    assert more.collapse and "8 images" in more.answer and more.n == 50
    assert more.collapse.gaussian.sigma == pytest.approx(Gaussian(Covariance(x)).width(np.log(400)))


@pytest.mark.parametrize("shape", [(12, 1), (12, 100)])
def test_few_rows_and_one_feature_have_an_answer(shape: tuple[int, int]) -> None:
    found = predict(_gaussian(shape[0], np.ones(shape[1]), "few"), n=1)
    assert found.collapse is None and "One point" in found.answer
    assert json.dumps(found.as_dict(), allow_nan=False) and any("not of n = 1" in note for note in found.notes)
    assert (shape[1] == 1) != any("12 rows tell nothing" in note for note in found.notes)


def test_points_at_equal_distances_have_an_answer() -> None:
    """Twelve corners of a simplex: all leverages are equal, so are all distances, and no dimension is defined."""
    names: list[str] = []

    def watched(stages):  # type: ignore[no-untyped-def]
        for stage in stages:
            names.append(stage[0])
            yield stage

    found = predict(np.eye(12), parameters=10_000, progress=watched)
    assert names == ["spectrum", "levels", "dimensions", "exposed", "criteria", "training"]
    assert json.dumps(found.as_dict(), allow_nan=False) and any(
        "too many distances are equal" in n for n in found.notes
    )
    assert np.ptp([one.sigma for one in found.exposed]) < 0.15 * found.exposed[0].sigma
    assert any("10000 parameters are nearest" in line for line in found.training.words)


_FINE = _gaussian(12, np.ones(3))


@pytest.mark.parametrize(
    ("x", "given", "message"),
    [
        (_FINE[:9], {}, "9 rows; it takes 10"),
        (np.repeat(_FINE[:4], 5, axis=0), {}, "4 distinct rows"),
        (np.ones((20, 3)), {}, "1 distinct rows"),
        (np.where(np.arange(3) == 1, np.nan, _FINE), {}, "not finite, first in row 0, feature 1"),
        (_FINE[0], {}, "shape"),
        (_FINE[:, :0], {}, "shape"),
        (_FINE.astype(object), {}, "real numbers"),
        (_FINE + 0j, {}, "real numbers"),
        (_FINE * 1e20, {}, "another unit"),
        (1 + np.eye(12) * 2.3e-16, {}, "rounding"),
        (_FINE, {"n": 0}, "n = 0"),
        (_FINE, {"batch": 0}, "batch = 0"),
        (_FINE, {"augmentation": 0}, "augmentation = 0"),
        (_FINE, {"sigma": 0.0}, "sigma = 0"),
        (_FINE, {"sigma": [1.0, np.inf]}, "positive and finite"),
    ],
)
def test_what_cannot_be_used_is_named_in_one_line(x: np.ndarray, given: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message) as refused:
        predict(x, **given)  # type: ignore[arg-type]
    assert "\n" not in str(refused.value)


def test_nothing_heavy_is_imported_before_it_is_needed() -> None:
    code = "import sys, memgen.predict; print(*{'torch', 'sklearn', 'skdim', 'matplotlib', 'sympy'} & set(sys.modules))"
    assert not subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
