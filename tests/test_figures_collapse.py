"""What chapter 8 draws and tabulates: the plotted numbers are those of theory and of the rows."""

from collections.abc import Iterator

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from memgen.experiments import collapse as experiment
from memgen.figures.collapse import points, published, regions
from memgen.statistics import threshold
from memgen.streams import stream
from theory import collapse, kernel, mixture


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def halves() -> pd.DataFrame:
    cells = [c for c in experiment.grid(experiment.Params(preset="smoke")) if c.study == "returns" and c.n <= 1000]
    return regions.half_way(pd.concat([experiment.cell(c) for c in cells]))


def test_the_boundaries_are_where_the_formulas_say() -> None:
    assert regions.speciation_noise(16) == pytest.approx(4)  # Λ = 17, τ² = Λ − 1
    assert regions.detail_noise() == pytest.approx(1)
    for n, d in ((10, 4), (1000, 64)):
        tau = regions.collapse_noise(n, d)
        told = mixture.mixture_information(np.log1p(tau**2) / 2, np.sqrt(d), d)
        assert told == pytest.approx(np.log(n))
        # the class helps to tell points apart: they are lost at more noise than without, and at less than for n/2
        assert kernel.collapse_width(n, d) < tau < kernel.collapse_width(n / 2, d) * 1.0001


def test_half_way_noises_lie_at_the_boundaries_and_not_at_the_papers_width(halves: pd.DataFrame) -> None:
    own = halves[(halves.study == "own point") & (halves.n >= 100)]
    assert np.abs(regions.beyond(halves)).max() < threshold(9)
    assert np.abs(regions.beyond(halves.assign(predicted=1.5 * halves.predicted))).max() > threshold(9)
    width = np.log(kernel.kernel_width(own.n.to_numpy(), own.d.to_numpy()))
    assert min(e.z(w) for e, w in zip(own.crossing, width, strict=True)) > threshold(9)
    share = halves[halves.study == "own class"]
    assert set(share.n) == {100, 1000} and np.allclose(share.predicted, 4)
    assert np.abs(regions.class_scores(halves)).max() < threshold(2)
    assert np.abs(regions.class_scores(halves.assign(d=2 * halves.d))).max() > threshold(2)
    assert mixture.cloning_probability(np.log1p(regions.class_noise(16) ** 2) / 2, 4.0) == pytest.approx(0.75)
    assert (halves.low < halves.tau).all() and (halves.tau < halves.high).all()


def test_half_way_finds_a_known_crossing() -> None:
    noise = np.array([1.0, 2.0, 4.0])
    curve = {1.0: 0.9, 2.0: 0.6, 4.0: 0.2}
    jitter = np.array([-0.05, 0.05, -0.05, 0.05])
    rows = pd.DataFrame(
        [("own point", 16, 100, tau, curve[tau] + e) for tau in noise for e in jitter],
        columns=["study", "d", "n", "at", "value"],
    )
    (found,) = regions.half_way(rows).itertuples()
    assert found.tau == pytest.approx(2 * 2**0.25)  # a quarter of the way in ln τ
    error = jitter.std(ddof=1) / 2 / (0.4 / np.log(2))
    assert found.crossing.error == pytest.approx(error)
    with pytest.raises(ValueError, match="never falls through"):
        regions.half_way(rows.assign(value=rows.value + 1))


def test_the_map_draws_theory_as_lines_and_simulation_as_markers(halves: pd.DataFrame) -> None:
    fig = regions.figure(halves)
    axes = fig.axes[0]
    curve = max(axes.lines, key=lambda line: len(line.get_xdata()))
    tau, ratio = curve.get_data()
    expected = mixture.mixture_information(np.log1p(tau**2) / 2, 4.0, 16) / 16
    np.testing.assert_allclose(ratio, expected)
    assert not np.allclose(ratio, np.log1p(tau**-2) / 2, rtol=0.02)  # without the class
    drawn = {tuple(np.round(container.lines[0].get_xydata()[0], 9)) for container in axes.containers}
    first = halves[halves.d == 16].groupby("study").first()
    assert drawn == {(round(tau, 9), round(np.log(n) / 16, 9)) for tau, n in zip(first.tau, first.n, strict=True)}
    named = {text.get_text() for text in axes.texts}
    assert {"noise", "class", "new sample", "copy"} <= named
    assert axes.get_xlim()[0] > axes.get_xlim()[1]  # the sampler runs from left to right
    sizes = [text.get_fontsize() for text in (*axes.texts, *axes.get_xticklabels(), *axes.get_yticklabels())]
    assert min(sizes) >= 9 and fig.get_size_inches()[0] == pytest.approx(7.2)


def test_each_region_is_named_inside_its_boundaries() -> None:
    inside = {}
    for region, (tau, ratio, _) in regions._PLACES.items():
        copied = ratio < regions.information(tau, experiment.MAP) / experiment.MAP
        late = tau > regions.speciation_noise(experiment.MAP)
        inside[region] = "copy" if copied else "noise" if late else "class" if tau > regions.detail_noise() else None
    assert inside == {"noise": "noise", "class": "class", "new sample": None, "copy": "copy"}


def test_sizes_and_table_show_the_same_noises(halves: pd.DataFrame) -> None:
    (axes,) = regions.sizes(halves).axes
    drawn = np.concatenate([container.lines[0].get_ydata() for container in axes.containers])
    own = halves[halves.study == "own point"]
    np.testing.assert_allclose(drawn, own.tau / own.predicted)
    body = regions.table(halves).splitlines()[2:]
    assert len(body) == (halves.d == 16).sum()
    assert all(f" {tau:.2f} |" in line for tau, line in zip(halves.tau[halves.d == 16], body, strict=True))


def test_returns_are_posterior_averages_over_a_set() -> None:
    """Without noise everything comes back; the shares agree with weights summed by hand."""
    rows = experiment.returns(200, 16, stream("test", 8))
    share = {(study, tau): value for study, tau, value in rows.itertuples(index=False)}
    assert {study for study, _ in share} == {"own point", "own class"} and len(share) == 12
    rng = stream("test", 8)
    label = np.where(rng.random(200) < 0.5, 1.0, -1.0)
    x = rng.standard_normal((200, 16)) + label[:, None]
    z = rng.standard_normal((10, 16))
    for (study, tau), value in share.items():
        noised = x[:10] + tau * z
        weights = np.exp(-((noised[:, None] - x) ** 2).sum(-1) / (2 * tau**2))
        weights /= weights.sum(1, keepdims=True)
        own = np.eye(10, 200) if study == "own point" else label[:10, None] == label
        assert value == pytest.approx((weights * own).sum() / 10)


def test_scores_of_published_numbers_reject_what_is_wrong() -> None:
    theirs, entropies = published.read("cloning"), published.entropy_scores()
    scores = published.cloning_scores(theirs)
    assert np.abs(scores).max() < threshold(scores.size) < np.abs(published.cloning_scores(theirs, 2.0)).max() / 50
    later = entropies[entropies.beyond]
    assert len(entropies) == 40 and entropies.score.abs().max() < threshold(40)
    assert later.without.min() < -25 and entropies.with_class.max() > 60 and entropies.annealed.min() < -10
    answers = published.answers(pd.DataFrame(), entropies, theirs)
    assert "| 2.77 | 4.16 |" in answers and "| 1.30 | 2.67 |" in answers and "| 27 s.e. | 8 s.e. |" in answers
    assert "| 20, 2.0 s.e. | 20, 2.4 s.e. |" in answers and "| 69 s.e. | 5 s.e. |" in answers
    near = published.near_collapse(entropies)
    assert near.count("\n") == 6 and "| 256 | +0.04 | 0.160 | 0.004 | 0.187 | 0.158 | +0.7 |" in near


def test_clones_and_entropy_draw_the_closed_forms() -> None:
    rows = pd.DataFrame({"study": "cloning", "d": 256, "at": [2.0, 3.0], "p": 0.8, "low": 0.7, "high": 0.9})
    left, right = published.clones(rows, published.read("cloning"), (256,)).axes
    t, phi = left.lines[0].get_data()
    np.testing.assert_allclose(phi, mixture.cloning_probability(t, 16.0))
    np.testing.assert_allclose(right.containers[0].lines[0].get_xdata(), 16 / np.exp([2.0, 3.0]))
    assert left.get_ylim()[0] == right.get_ylim()[0] == 0
    entropies = published.entropy_scores()
    left, right = published.entropy(entropies).axes
    t, finite = next(line.get_data() for line in left.lines if len(line.get_xdata()) == 80)
    assert finite[12] == pytest.approx(collapse.mixture_excess(20_000, t[12], 16.0, 256))
    drawn = np.concatenate([line.get_ydata() for line in right.lines[::2]])
    np.testing.assert_allclose(np.sort(drawn), np.sort(entropies.score))
    curves = [line.get_data() for line in left.lines if len(line.get_xdata()) == 400]
    t, with_class = curves[0]
    np.testing.assert_allclose(with_class, mixture.excess_entropy(20_000, t, 16.0, 256))
    assert (curves[1][1] >= with_class - 1e-12).all() and not np.allclose(curves[1][1], with_class)


def test_the_nearest_point_is_drawn_and_scored_by_the_exact_probability() -> None:
    d, n, at = 10, 100, np.array([0.8, 1.2])
    exact = collapse.nearest_is_self(n, d, at * kernel.collapse_width(n, d))
    about = {"study": "nearest", "d": d, "n": n, "replicas": 400, "low": 0.0, "high": 1.0}
    rows = pd.DataFrame({"at": at, "p": exact, **about})
    (scores,) = points.nearest_scores(rows).values()
    np.testing.assert_allclose(scores, 0, atol=1e-9)
    (wrong,) = points.nearest_scores(rows.assign(p=exact + 0.2)).values()
    assert wrong.min() > 5
    curves = points.exact_curves(rows)
    assert points.crossovers(curves) == {10: pytest.approx(0.98, abs=0.01)}
    (axes,) = points.nearest(rows, curves).axes
    noise, curve = axes.lines[0].get_data()
    expected = collapse.nearest_is_self(n, d, noise[::8] * kernel.collapse_width(n, d))
    np.testing.assert_allclose(curve[::8], expected)
    assert axes.get_ylim()[0] == 0


def test_single_points_are_held_against_the_limit() -> None:
    limit = kernel.local_collapse_width(np.log(3000) / 100, np.array([0.25, 1.0]))
    spread = np.exp(np.linspace(-0.05, 0.05, 60))
    local = pd.concat(
        [
            pd.DataFrame({"study": "local", "d": 100, "n": 3000, "at": r, "value": 1.1 * width * spread})
            for r, width in zip((0.25, 1.0), limit, strict=True)
        ]
    )
    assert points.inner_excess(local) == {(100, 3000): pytest.approx(0.1, abs=1e-3)}
    assert points.typical_score(local, 1.0) > 5 and points.typical_score(local, 0.25) < -5
    weights = pd.DataFrame({"study": "condensed", "d": 150, "n": 0, "at": np.repeat([0.4, 1.0], 3), "value": 0.5})
    weights["value"] += np.tile([-0.1, 0.0, 0.1], 2)
    left, right = points.local(pd.concat([local, weights])).axes
    np.testing.assert_allclose(left.containers[0].lines[0].get_ydata(), 1.1 * limit, rtol=1e-3)
    np.testing.assert_allclose(right.containers[0].lines[0].get_ydata(), 0.5)
    assert left.get_ylim()[0] == right.get_ylim()[0] == 0
    assert points.spread_of_widths() == pytest.approx(1.57, abs=0.01)
