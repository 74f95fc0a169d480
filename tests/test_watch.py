"""The Watch: what it says of denoisers whose memory is known, its errors, and what it leaves alone."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from memgen.audit import audit
from memgen.denoisers.exact import EmpiricalBayes, gaussian
from memgen.measures import fractions
from memgen.measures.membership import auc, placements
from memgen.statistics import mean, proportion, ratio, threshold
from memgen.watch import Watch
from memgen.watch.levels import Level
from memgen.watch.watch import COLUMNS

D, N = 6, 120
SPECTRUM = torch.tensor([4.0, 2.0, 1.0, 0.5, 0.2, 0.1], dtype=torch.float64)


def points(n: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, D)) * SPECTRUM.sqrt().numpy()


def population(x: Tensor, sigma: float) -> Tensor:
    return gaussian(x, sigma, torch.zeros(D), torch.diag(SPECTRUM)).to(x)


def copier(train: np.ndarray):
    return EmpiricalBayes(train.astype(np.float32)).denoise


def watch(seed: int = 0, levels: tuple[float, ...] = (0.1, 0.5), n: int = N, **rest) -> tuple[Watch, np.ndarray]:
    train = points(n, 2 * seed)
    return Watch(train, points(n, 2 * seed + 1), levels, seed=seed, **rest), train


def value(watch: Watch, measure: str, level: float) -> float:
    rows = watch.compute()
    return float(rows[(rows.measure == measure) & (rows.level == level)].value.iloc[-1])


def test_a_copy_of_the_training_set_is_seen() -> None:
    seen, train = watch(population=population)
    found = seen.update(copier(train))
    assert found["share/0.1"] == (1.0, 0.0, N - 1) and found["share/0.5"].value == 1
    assert found["auc/0.1"].value > 0.99
    assert found["a/0.5"].value == pytest.approx(1, abs=1e-6) and found["b_squared/0.5"].value < 1e-10
    onset = seen.onset()
    assert onset is not None and onset.step == 0 and onset.z > onset.threshold == threshold(2, 0.05 / 2)


def test_the_denoiser_of_the_law_shows_nothing() -> None:
    """Over 60 pairs of sets: z of gap, share and AUC are those of nothing, and their scatter that of the errors."""
    scores = {"gap": [], "share": [], "auc": []}
    onsets = 0
    for seed in range(60):
        seen, _ = watch(seed, n=60)
        found = seen.update(population)
        for measure, zs in scores.items():
            zs.append(found[f"{measure}/0.5"].z(0.5 if measure == "auc" else 0))
        onsets += seen.onset(0.5) is not None
    for measure, zs in scores.items():
        z = np.array(zs)
        assert abs(z.mean()) * np.sqrt(len(z)) < threshold(6), measure
        assert abs((z**2).sum() - len(z)) / np.sqrt(2 * len(z)) < threshold(6), measure
    assert onsets <= 60 * 0.5 / 2  # the first of the looks has half of the level


def test_half_a_copy_is_half_pulled_and_its_share_of_the_gap_is_the_predicted_one() -> None:
    """D half way is better than D_pop by (2a − a²)s = ¾s on training points, s the separation, and worse by ¼s' on
    fresh ones; a copy by s and s'."""
    seen, train = watch(population=population, n=500)
    copy = copier(train)
    found = seen.update(lambda x, sigma: (population(x, sigma) + copy(x, sigma)) / 2)
    assert found["a/0.1"].value == pytest.approx(0.5, abs=1e-5) and found["b_squared/0.1"].value < 1e-9
    pairs = seen._levels[1]._pairs
    noised = (torch.cat(side) for side in zip(*pairs.noised(0.5), strict=True))
    s, fresh = (float((copy(u, 0.5) - population(u, 0.5)).square().mean()) for u in noised)
    share = (0.75 * s + 0.25 * fresh) / (s + fresh)
    assert abs(found["share/0.5"].z(share)) < 3
    assert abs(found["share/0.5"].z(share / 2)) > 4


def test_a_and_b_squared_are_those_of_the_measure() -> None:
    seen, train = watch(population=population, noises=3)

    def denoise(x: Tensor, sigma: float) -> Tensor:
        return 0.9 * copier(train)(x, sigma)

    found = seen.update(denoise)
    pairs = seen._levels[1]._pairs
    u = torch.cat([inside for inside, _ in pairs.noised(0.5)])
    whole = fractions(*(f(u, 0.5).double() for f in (denoise, population, copier(train))))
    assert found["a/0.5"].value == pytest.approx(float(whole.a), rel=1e-6)
    assert found["b_squared/0.5"].value == pytest.approx(float(whole.b_squared), rel=1e-6)


def test_the_control_and_the_pairing_are_worth_it() -> None:
    """Without them the error of the gap would be more than twice as large, early on."""
    seen, train = watch(n=500, noises=2)
    found = seen.update(lambda x, sigma: 0.95 * population(x, sigma) + 0.05 * copier(train)(x, sigma))
    for level in (0.1, 0.5):
        apart = np.hypot(*(found[f"loss_{side}/{level}"].error for side in ("train", "holdout")))
        assert found[f"gap/{level}"].error < apart / 2
        assert found[f"gap/{level}"].z(0) > 5


def test_the_error_of_the_gap_knows_that_the_slope_was_fitted() -> None:
    """With four pairs an error of four independent differences would be passed at twice the stated rate."""
    level = object.__new__(Level)
    draws, naive, right = np.random.default_rng(0), 0, 0
    for _ in range(2000):
        level._control, noise = draws.standard_normal((2, 4))
        differences = level._controlled(noise + 0.5 * level._control)
        naive += abs(mean(differences).z(0)) > 1.96
        right += abs(level._gap(differences).z(0)) > 1.96
    low, high = proportion(right, 2000, 0.999)[1:]
    assert low < 0.05 < high
    assert proportion(naive, 2000, 0.999)[1] > 0.05


def test_a_holdout_of_another_law_does_not_end_the_training() -> None:
    train = points(100, 0)
    seen = Watch(train, points(100, 1) + 5, (0.5,))
    found = seen.update_samples(points(60, 2))
    assert np.isnan(found["closest"].value) and 0 < found["p"].value <= 1


def test_the_onset_keeps_its_level_and_stays_where_it_was() -> None:
    seen, train = watch(n=100)
    copy = copier(train)
    for step, share in ((10, 0.0), (20, 0.0), (30, 0.6), (40, 1.0)):
        assert seen.onset() is None
        seen.update(lambda x, sigma, w=share: (1 - w) * population(x, sigma) + w * copy(x, sigma), step)
        if step == 30:
            first = seen.onset()
            assert first is not None and first.step == 30 and first.threshold == threshold(2, 0.05 / 12)
            break
    seen.update(copy, 40)
    assert seen.onset() == first


def test_the_table_and_what_reset_forgets() -> None:
    seen, train = watch()
    assert list(seen.compute().columns) == COLUMNS and seen.compute().empty
    seen.update(population)
    seen.update(population, step=7)
    seen.update_samples(train[:40])
    rows = seen.compute()
    assert rows.step.unique().tolist() == [0, 7]
    assert rows.groupby("step").size().tolist() == [10, 14]
    assert rows[rows.level.isna()].step.unique().tolist() == [7]
    assert (rows.error >= 0).all() and np.isfinite(rows.value).all()
    with pytest.raises(ValueError, match="step 7 does not come after step 7"):
        seen.update(population, step=7)
    seen.reset()
    assert seen.compute().empty and seen.onset() is None
    seen.update(population, step=7)
    again = seen.compute()
    assert again.equals(rows[(rows.step == 7) & rows.level.notna()].reset_index(drop=True))


def test_copies_among_generated_points_are_counted() -> None:
    seen, train = watch(n=300)
    fresh = points(200, 99)
    clean = seen.update_samples(fresh, step=0)
    mixed = seen.update_samples(np.concatenate([fresh[:120], train[:80] + 1e-4]), step=1)
    assert abs(clean["closest"].z(0)) < 3 and clean["flagged"].value < 0.02 and clean["p"].value > 0.05
    assert mixed["closest"].z(0) > 4 and mixed["flagged"].value == pytest.approx(0.4, abs=0.02)
    assert mixed["ratio"].value < clean["ratio"].value and mixed["p"].value < 0.01
    audited = audit(train.astype(np.float32), fresh.astype(np.float32), points(300, 1).astype(np.float32))
    assert clean["p"].value == min(test.adjusted for test in audited.tests)
    # Twice as many training points: independent points are nearer to them twice as often, and that is no sign.
    wide = Watch(points(600, 5), points(300, 6), (0.5,)).update_samples(points(400, 7))
    assert abs(wide["closest"].z(0)) < 3 and abs(wide["closest"].z(0.5 - 2 / 3)) > 4


def test_images_keep_their_shape_and_batches_do_not_matter() -> None:
    shapes = set()

    def denoise(x: Tensor, sigma: float) -> Tensor:
        shapes.add(tuple(x.shape[1:]))
        return x / (1 + sigma**2)

    train, holdout = (points(40, s).reshape(40, 1, 2, 3).astype(np.float32) for s in (0, 1))
    found = [Watch(train, holdout, (0.3,), batch=batch).update(denoise) for batch in (7, 1000)]
    assert shapes == {(1, 2, 3)}
    flat = Watch(train.reshape(40, 6), holdout.reshape(40, 6), (0.3,)).update(denoise)
    for name, seen in flat.items():
        for other in found:
            assert other[name].value == pytest.approx(seen.value, rel=1e-5)


def test_nothing_of_the_training_is_touched() -> None:
    module = nn.Sequential(nn.Linear(D, D), nn.Dropout(0.0))
    torch.manual_seed(3)
    before, numpy_before = torch.get_rng_state(), np.random.get_state()[1].copy()
    one, train = watch(seed=4)
    found = one.update(lambda x, sigma: module(x))
    one.update_samples(train[:20])
    assert torch.equal(torch.get_rng_state(), before) and np.array_equal(np.random.get_state()[1], numpy_before)
    assert module.training and all(p.grad is None for p in module.parameters())
    torch.manual_seed(4)
    np.random.seed(4)
    other, _ = watch(seed=4)
    assert other.update(lambda x, sigma: module(x)) == found
    assert Watch(train, points(N, 9), (0.1, 0.5), seed=5).update(lambda x, sigma: module(x)) != found


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"train": np.zeros((5, 2))}, "train holds points of shape"),
        ({"train": np.full((5, D), np.nan)}, "train holds a value that is not finite"),
        ({"holdout": np.zeros(5)}, "holdout must be"),
        ({"levels": ()}, "levels must be one or more different"),
        ({"levels": (0.1, 0.1)}, "levels must be one or more different"),
        ({"levels": (-1.0,)}, "levels must be positive"),
        ({"noises": 0}, "one noise"),
        ({"train": points(1, 0)}, "two points"),
        ({"holdout": points(N, 0)[:50]}, "50 of 50 holdout points are training points"),
    ],
)
def test_what_cannot_be_watched_is_named(change: dict, message: str) -> None:
    given = {"train": points(N, 0), "holdout": points(N, 1), "levels": (0.1,)} | change
    with pytest.raises(ValueError, match=message):
        Watch(**given)


def test_a_denoiser_that_is_none_is_named() -> None:
    seen, _ = watch()
    with pytest.raises(ValueError, match=r"denoise made \(120, 3\) of \(120, 6\) at sigma = 0.1"):
        seen.update(lambda x, sigma: x[:, :3])
    with pytest.raises(ValueError, match=r"denoise returned at sigma = 0\.1 holds a value that is not finite"):
        seen.update(lambda x, sigma: x / 0)
    with pytest.raises(ValueError, match="generated must be points like"):
        seen.update_samples(np.zeros((3, 2)))
    assert seen.compute().empty


def test_the_package_imports_without_torch() -> None:
    code = "import sys, memgen.watch; print({'torch', 'sklearn', 'sympy', 'matplotlib'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "set()", done.stderr


def test_placements_average_to_the_auc_and_say_its_error() -> None:
    rng = np.random.default_rng(0)
    inside, outside = np.round(rng.normal(1, 1, 50), 1), np.round(rng.normal(0, 1, 80), 1)  # with ties
    above, below = placements(inside, outside)
    assert above.mean() == pytest.approx(auc(inside, outside)) and below.mean() == pytest.approx(above.mean())
    aucs, variances = [], []
    for _ in range(400):
        a, b = rng.normal(1, 1, 50), rng.normal(0, 1, 80)
        above, below = placements(a, b)
        aucs.append(above.mean())
        variances.append(above.var(ddof=1) / 50 + below.var(ddof=1) / 80)
    assert np.var(aucs) == pytest.approx(np.mean(variances), rel=4 * np.sqrt(2 / 400))


def test_a_ratio_has_the_error_of_its_replicas() -> None:
    rng = np.random.default_rng(1)
    z = []
    for _ in range(400):
        x = rng.normal(2, 1, 50)
        z.append(ratio(3 * x + rng.normal(0, 1, 50), x).z(3))
    assert abs(np.mean(z)) < 4 / 20 and np.var(z) == pytest.approx(1, abs=4 * np.sqrt(2 / 400))
    with pytest.raises(ValueError, match="over a mean of 0"):
        ratio(np.ones(2), np.array([1.0, -1.0]))
