"""Augmentation and conditioning: closed forms, groups and widths, and by how much the exact score's n is moved."""

from collections.abc import Iterator

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad
from scipy.special import softmax
from scipy.stats import norm

from memgen.denoisers.exact import EmpiricalBayes
from memgen.experiments import orbits as experiment
from memgen.figures.images import orbits as figures
from memgen.measures import orbits
from memgen.runs import store
from memgen.statistics import mean, threshold
from memgen.streams import stream
from theory import collapse, images, mixture


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def paper() -> pd.DataFrame:
    rows, _ = store.load("orbits", "paper")
    return figures.moves(rows)


# -- closed forms -----------------------------------------------------------------------------------------------------
def test_what_is_hidden_of_a_sign_is_an_average_of_the_posterior() -> None:
    for b in (0.0, 0.3, 1.0, 2.5, 5.0):
        inside = quad(lambda z, b=b: norm.pdf(z) * np.logaddexp(0, -2 * b * (b + z)), -12, 12, epsabs=1e-13)[0]
        assert images.hidden_sign(b**2) == pytest.approx(inside, abs=1e-11)
    assert images.hidden_sign(0) == pytest.approx(np.log(2)) and images.hidden_sign(1e6) == 0


def test_collapse_times_solve_their_equations() -> None:
    for n, m, d in ((2, 0.7, 3), (1e9, 12.0, 64)):
        alone = images.sign_collapse_time(n, m, d)
        assert alone == pytest.approx(images.mixture_collapse_time(2 * n, m, d), rel=1e-13)
        told = mixture.mixture_information.mp(float(alone), m, d, 1, dps=20)
        assert float(told) == pytest.approx(np.log(2 * n), rel=1e-12)
        bounds = [collapse.collapse_time(k * n, np.ones(d)) for k in (2, 1)]
        assert bounds[0] < alone <= bounds[1]  # equal where the noised point tells the sign to all digits
    far, near = images.sign_collapse_time(100, np.array([1e3, 0.0]), 8)
    assert far == pytest.approx(collapse.collapse_time(100, np.ones(8)))
    assert near == pytest.approx(collapse.collapse_time(200, np.ones(8)))
    shifted = images.invariant_collapse_time(50, np.array([1, 8]), np.ones(8))
    assert shifted == pytest.approx([collapse.collapse_time(50 * k, np.ones(8)) for k in (1, 8)])


def test_pushes_and_places_keep_their_digits() -> None:
    for at in ((0.1, 3.0, 2.0, 0.5), (30.0, 4.0, 0.3, 7.5)):
        exact = float(images.guidance_push.mp(*at, dps=20))
        assert images.guidance_push(*at) == pytest.approx(exact, rel=1e-12)
    for tau, steps2 in ((1.0, (0.0, 1e-9, 50.0)), (1e9, (0.0, 1.0))):
        exact = float(images.place_entropy.mp(tau, np.array(steps2), dps=20))
        assert images.place_entropy(tau, steps2) == pytest.approx(exact, abs=1e-14)
    # decided classes: what guidance adds to the denoiser of a class, over the distance of the classes
    assert np.sqrt(images.guidance_push(1.0, 12.0, 1.0, 5.0)) / 12 < 1e-7


def test_the_place_in_an_orbit_is_bounded_by_pairs() -> None:
    """H(g|u, y) of a smooth ring, drawn: at most the sum over the images, at least the largest of them."""
    maps = orbits.ring_shifts(64, 64)
    rng, tau = stream("test", "place"), 1.3
    waves = np.sqrt(experiment.spectrum("smooth"))[:33]
    y = np.fft.irfft(np.fft.rfft(rng.standard_normal(64)) * waves, 64)
    moved = y[maps.places]
    steps2 = ((y - moved) ** 2).sum(1)
    u = y + tau * rng.standard_normal((20_000, 64))
    exponents = u @ (moved - y).T / tau**2
    hidden = mean(np.log(np.exp(exponents).sum(1)))
    bound = images.place_entropy(tau, steps2)
    largest = images.hidden_sign(np.sort(steps2)[1] / (4 * tau**2))
    assert largest + 4 * hidden.error < hidden.value < bound - 4 * hidden.error


# -- groups and widths ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "maps",
    [orbits.identity(6), orbits.mirror(6), orbits.ring_shifts(12, 4), *orbits.picture_groups(8).values()],
    ids=lambda maps: str(len(maps.signs)),
)
def test_maps_are_groups(maps: orbits.Maps) -> None:
    x = np.arange(1.0, maps.places.shape[1] + 1)
    moved = {tuple(row) for row in maps.signs[:, None] * x[maps.places]}
    assert len(moved) == len(maps.signs) and next(iter(maps.signs[:, None] * x[maps.places])).tolist() == x.tolist()
    for image in map(np.array, moved):
        assert {tuple(row) for row in maps.signs[:, None] * image[maps.places]} == moved
    with pytest.raises(ValueError, match="12 sites has no 5"):
        orbits.ring_shifts(12, 5)


def test_at_its_width_a_point_or_its_orbit_has_half_of_the_weight() -> None:
    rng = stream("test", "widths")
    x, z = rng.standard_normal((3, 20, 16)), rng.standard_normal((3, 16))
    maps = orbits.picture_groups(4)["flips, turns"]
    seen = orbits.paths(x, z, maps)
    every = np.moveaxis(x[:, :, maps.places], 2, 1) * maps.signs[:, None, None]  # (sets, k, n, d)
    found = {criterion: orbits.widths(seen, criterion) for criterion in ("orbit", "others", "point")}
    for r in range(3):
        for criterion, width in found.items():
            u = x[r, 0] + width[r] * z[r]
            weights = softmax(-((u - every[r]) ** 2).sum(-1) / (2 * width[r] ** 2))
            own, orbit = weights[0, 0], weights[:, 0].sum()
            rest = {"point": 1 - own, "others": 1 - orbit, "orbit": 1 - orbit}[criterion]
            assert rest == pytest.approx(orbit if criterion == "orbit" else own, rel=1e-6)
    assert (found["orbit"] >= found["others"]).all() and (found["others"] >= found["point"]).all()


def test_shifted_sets_are_rounded_like_sets_of_as_many_independent_points() -> None:
    """How often the own point has half of the weight: by the law of n|G| points at finite size, not of n."""
    n, order, sites, tau, hits = 40, 32, 128, 2.1, []
    maps = orbits.ring_shifts(sites, order)
    for part in range(12):
        rng = stream("test", "rounded", part)
        x, z = rng.standard_normal((50, n, sites)), rng.standard_normal((50, sites))
        weights = np.exp(orbits.paths(x, z, maps).log_weights(np.full(50, tau)))
        hits.append(np.mean(weights.sum((1, 2)) < 2))
    share = mean(np.array(hits))
    assert abs(share.z(collapse.collapse_probability(n * order, np.ones(sites), tau))) < threshold(1)
    assert share.z(collapse.collapse_probability(n, np.ones(sites), tau)) < -threshold(1)


def test_guidance_does_nothing_to_a_collapse_after_the_classes_are_decided() -> None:
    """Exact scores of a training set of two classes, guided: near its collapse width, far and close classes."""
    pushes = []
    for m in (8.0, 0.5):
        rng = stream("test", "guided", m)
        x = rng.standard_normal((400, 32))
        x[:, 0] += np.resize([m, -m], 400)
        width = float(np.sqrt(np.expm1(2 * collapse.collapse_time(200, np.ones(32)))))
        u = x[:40:2] + width * rng.standard_normal((20, 32))
        of_class, of_all = (EmpiricalBayes(points).denoise(u, width).numpy() for points in (x[::2], x))
        pushes.append(np.sqrt((4 * (of_class - of_all) ** 2).sum(1)).mean() / np.sqrt(32))  # η = 2, over the spread
    assert pushes[0] < 0.01 < 0.3 < pushes[1]


# -- measured ---------------------------------------------------------------------------------------------------------
def test_a_known_shift_is_found() -> None:
    rng, sizes = stream("test", "shift"), np.array([10, 20, 40, 80, 160])
    about = {"group": "none", "criterion": "point", "hidden": np.nan, "place": 0.0}
    noise = 0.3 * rng.standard_normal(50)
    plain = pd.concat(
        [pd.DataFrame({**about, "n": n, "replica": range(50), "log_width": noise - 0.2 * np.log(n)}) for n in sizes]
    )
    width = noise - 0.2 * np.log(30) + 0.01 * rng.standard_normal(50)
    shown = pd.DataFrame(
        {**about, "group": "g", "n": 10, "replica": range(50), "log_width": width, "hidden": np.log(3)}
    )
    found = experiment.shift(plain, shown)
    assert found.error == pytest.approx(0.01 / np.sqrt(50) / 0.2, rel=0.3) and abs(found.z(np.log(3))) < threshold(1)
    assert experiment.expected(plain, shown) == pytest.approx(np.log(3))
    assert experiment.expected(plain, shown.assign(group="class", n=60)) == pytest.approx(-np.log(3))
    with pytest.raises(ValueError, match="no plain set of 10 to 160"):
        experiment.shift(plain, shown.assign(log_width=-3.0))


def test_rows_of_a_cell() -> None:
    cells = experiment.grid(experiment.Params(preset="smoke", separations=(0, 2)))
    assert len(cells) == len(set(cells)) == 8
    rows = experiment.cell(next(at for at in cells if at.study == "classes")._replace(replicas=10))
    assert set(rows.group) == {"none", "class"} and rows.hidden[rows.group == "class"].ge(0).all()
    again = experiment.cell(next(at for at in cells if at.study == "classes")._replace(replicas=20))
    pd.testing.assert_frame_equal(rows, again[again.replica < 10].reset_index(drop=True), rtol=1e-6)


def test_the_paper_preset_meets_the_laws_and_rejects_their_rivals(paper: pd.DataFrame) -> None:
    ring = paper[(paper.study == "ring") & (paper.criterion != "others")]
    ring = ring[(ring.law == "white") | (ring.criterion == "orbit") | (ring.order <= 16)]
    signs = paper[paper.study.isin(["sign", "mixture"]) & (paper.criterion == "point") & (paper["at"] < 5)]
    scores = [[row.estimate.z(row.predicted) for row in part.itertuples()] for part in (ring, signs)]
    limit = threshold(len(ring) + len(signs))
    assert np.abs(np.concatenate(scores)).max() < limit
    assert min(row.estimate.z(0) for row in ring.itertuples()) > limit  # nothing gained
    far = signs[signs["at"] >= 2]
    assert min(np.abs(row.estimate.z(np.sign(row.value) * np.log(2))) for row in far.itertuples()) > limit


def test_smooth_orbits_are_recognised_before_their_points(paper: pd.DataFrame) -> None:
    """Places nearer than the noise: the orbit gains ln|G| − H(g|u, y), the point is resolved later than n|G| says."""
    ring = paper[(paper.study == "ring") & (paper.law == "smooth")].set_index(["order", "criterion"])
    limit = threshold(8)
    assert ring.estimate[32, "orbit"].z(np.log(32)) < -limit and ring.estimate[64, "orbit"].z(np.log(64)) < -limit
    assert ring.estimate[32, "point"].z(np.log(32)) > limit and np.isinf(ring.value[64, "point"])
    for order in (32, 64):  # images that are not told apart do not count as so many points either
        short = ring.estimate[order, "others"]
        assert short.z(ring.predicted[order, "others"]) < -limit < limit < short.z(ring.value[order, "orbit"])


def test_digits_show_their_place_and_class(paper: pd.DataFrame) -> None:
    part = paper[paper.study.isin(["digits", "classes"]) & (paper.criterion == "point")]
    assert len(part) == 5
    for row in part.itertuples():
        side = -1 if row.group == "class" else 1
        limit = threshold(10)
        assert side * row.estimate.z(0) > limit and side * row.estimate.z(side * np.log(row.order)) < -limit
        assert abs(row.value - row.predicted) < 0.07  # of 0.4 to 2.3 that lie between them and the rivals


def test_figures_draw_what_was_measured(paper: pd.DataFrame) -> None:
    left, right = figures.groups(paper).axes
    x, line = left.lines[0].get_data()
    np.testing.assert_allclose(line, np.log(x))
    drawn = np.concatenate([container.lines[0].get_ydata() for container in right.containers])
    signs = paper[paper.study.isin(["sign", "mixture"]) & (paper.criterion == "point")]
    np.testing.assert_allclose(drawn, signs.value)
    (axes,) = figures.digits(paper).axes
    digits = paper[paper.study.isin(["digits", "classes"]) & (paper.criterion == "point")]
    np.testing.assert_allclose(axes.containers[0].lines[0].get_xdata(orig=False), digits.value)
    assert figures.answers(paper).count("\n") == 6
