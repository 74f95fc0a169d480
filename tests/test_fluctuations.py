"""How the log-determinant fluctuates: the ring, the simulator, stored cumulants, and what chapter 3 shows of it."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from math import factorial

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from scipy import stats
from scipy.special import digamma, polygamma

from memgen.experiments.fluctuations import PLACES, Cell, Params, cell, grid, logdets
from memgen.figures.linear import fluctuations
from memgen.runs.store import load
from memgen.statistics import Estimate, mean, threshold
from memgen.streams import stream
from theory import linear
from theory.core.steps import verify
from theory.letters import gamma, rho
from theory.linear.fluctuations import THIRD
from theory.linear.ring import RADIAL, r2, ring, side

PLATEAU = [at for at in PLACES if at[0] < at[1]]
BEYOND = [at for at in PLACES if at[0] > at[1]]


@pytest.fixture(scope="module")
def stored() -> pd.DataFrame:
    return load("fluctuations")[0]


# -- the ring ---------------------------------------------------------------------------------------------------------


def test_the_eigenvalues_fill_the_disc() -> None:
    limit = threshold(2 * 3)
    for aspect in fluctuations.RINGS:
        radius2 = np.abs([fluctuations.eigenvalues(aspect, 200, seed) for seed in range(8)]) ** 2
        edge2 = aspect / (1 - aspect)
        uniform = []
        for share in (0.2, 0.4, 0.6):
            found = mean(np.mean(radius2 < share * edge2, axis=1))
            expected = float(RADIAL.subs({r2: share * edge2, gamma: aspect}))
            assert abs(found.z(expected)) < limit, (aspect, share)
            uniform.append(abs(found.z(share)))
        assert max(uniform) > limit, "the disc of a Ginibre matrix"
        assert np.mean(radius2 > 1.1 * edge2) < 0.015


def test_a_plateau_that_ends_elsewhere_has_no_proof_by_the_ring() -> None:
    assert side(linear.generated_logdet.branches[0].condition) == rho - gamma
    assert side(gamma < 1) == side(True) == 0
    claims = [step.claim for step in linear.generated_logdet.derivation(linear.generated_logdet)]
    assert sum("not inside the disc" in claim for claim in claims) == 1


@pytest.mark.parametrize("condition", [gamma < rho**2, gamma < 2 * rho, gamma**2 < rho, gamma > rho, True])
def test_another_condition_fails_a_step_of_the_ring(condition: object) -> None:
    first, *rest = linear.generated_logdet.branches
    twin = replace(linear.generated_logdet, branches=(first._replace(condition=condition), *rest))
    with pytest.raises(AssertionError, match="disc"):
        for step in ring(twin):
            verify(step, twin.name)


# -- the simulation ---------------------------------------------------------------------------------------------------


def test_the_mean_determinant_is_a_binomial_distribution_function() -> None:
    for d, freedom, fraction in ((3, 14, 0.3), (3, 9, 0.6)):
        spare = freedom - d - 1
        pure = factorial(d) * factorial(spare - 1) / factorial(freedom - 2) * (1 - fraction) ** (1 - spare)
        found = mean(np.exp(logdets(d, freedom, fraction, 40_000, ("test", "determinant", d, freedom))))
        expected, one_more, none = (pure * stats.binom.cdf(d, freedom - k, fraction) for k in (2, 1, 0))
        limit = threshold(2)
        assert abs(found.z(expected)) < limit
        assert abs(found.z(none)) > limit and abs(found.z(pure)) > limit and abs(found.z(one_more)) > limit


def _explicit(d: int, freedom: int, fraction: float, replicas: int) -> np.ndarray:
    """ln det AAᵀ with W^{−½} the symmetric root of a Wishart matrix made of its vectors."""
    rng = stream("test", "explicit", d, freedom)
    x, z = rng.standard_normal((replicas, freedom, d)), rng.standard_normal((replicas, d, d))
    values, vectors = np.linalg.eigh(x.mT @ x)
    root = vectors * values[:, None, :] ** -0.5 @ vectors.mT
    return 2 * np.linalg.slogdet(np.sqrt(fraction) * np.eye(d) + np.sqrt(1 - fraction) * z @ root)[1]


def test_the_triangular_factor_stands_for_the_symmetric_root() -> None:
    explicit = _explicit(5, 9, 0.4, 20_000)
    assert stats.ks_2samp(explicit, logdets(5, 9, 0.4, 20_000, ("test", "factor"))).pvalue > 1e-3
    assert stats.ks_2samp(explicit, logdets(5, 10, 0.4, 20_000, ("test", "factor"))).pvalue < 1e-6
    with pytest.raises(ValueError, match="freedom ≥ d"):
        logdets(5, 4, 0.4, 1, ("test",))


def test_least_squares_on_data_fluctuates_as_the_representation_does() -> None:
    rows = load("linear")[0]
    scores = fluctuations.least_squares(rows)
    assert len(scores) == 6 and np.max(np.abs(scores)) < threshold(6)
    assert np.min(fluctuations.least_squares(rows, share=0.5)) > threshold(6)


def test_fewer_replicas_are_the_first_ones(stored: pd.DataFrame) -> None:
    few, more = (cell(Cell(4, 8, 0.5, many, 0)) for many in (150, 250))
    pd.testing.assert_frame_equal(few, more[:150], rtol=1e-12)
    assert fluctuations.again(stored, 0, 20, 32) == (160, pytest.approx(0, abs=1e-9))
    count, drift = fluctuations.again(stored, 1, 20, 16)
    assert count == 80 and drift > 1


def test_the_stored_grid_is_that_of_the_experiment(stored: pd.DataFrame) -> None:
    cells = grid(Params(preset="paper"))
    sizes = stored.groupby(["d", "freedom", "rho"]).size()
    assert {at[:3]: at.replicas for at in cells} == sizes.to_dict()
    assert all(
        abs(d / freedom - places) < 1e-12 for (places, _), (d, freedom, *_) in zip(PLACES, cells[::6], strict=True)
    )


# -- cumulants --------------------------------------------------------------------------------------------------------


def _together(estimates: list[Estimate]) -> Estimate:
    """The plain average: weights by errors, which grow with the skewness found, would favour the less skewed."""
    values, errors = np.array([e[:2] for e in estimates]).T
    return Estimate(float(values.mean()), float(np.sqrt(np.sum(errors**2)) / len(values)))


def test_third_cumulants_are_those_of_a_normal_law_or_of_a_square_matrix(stored: pd.DataFrame) -> None:
    thirds = {at: fluctuations.place(stored, *at).thirds for at in PLACES}
    plateau = _together([third for at in PLATEAU for third in thirds[at][3:]])  # d ≥ 128
    beyond = _together([third for at in BEYOND for third in thirds[at][1:]])  # d ≥ 32
    limit, square, of_complex = threshold(2), float(THIRD), -(np.pi**2) / 3  # Σψ″(k) for complex matrices
    assert square == pytest.approx(-21.5738, abs=1e-4)
    assert abs(plateau.z(0)) < limit and abs(beyond.z(square)) < limit
    assert abs(plateau.z(square)) > limit and abs(beyond.z(0)) > limit and abs(beyond.z(of_complex)) > limit


def _standardised(stored: pd.DataFrame, places: list[tuple[float, float]]) -> np.ndarray:
    large = stored[stored.d >= 128].assign(gamma=stored.d / stored.freedom).groupby(["gamma", "rho", "d"]).value
    return np.concatenate(
        [stats.zscore(values) for (aspect, fraction, _), values in large if (aspect, fraction) in places]
    )


def test_normal_on_the_plateau_and_still_skewed_beyond(stored: pd.DataFrame) -> None:
    assert stats.jarque_bera(_standardised(stored, PLATEAU)).pvalue > 1e-2
    assert stats.jarque_bera(_standardised(stored, BEYOND)).pvalue < 1e-6  # the negative control


def test_the_variance_grows_by_two_logarithms_or_not_at_all(stored: pd.DataFrame) -> None:
    limit = threshold(4)
    flat, steep = fluctuations.slopes(stored, beyond=False), fluctuations.slopes(stored, beyond=True)
    assert all(abs(e.z(0)) < limit for e in flat) and all(abs(e.z(2)) < limit for e in steep)
    assert all(abs(e.z(2)) > limit for e in flat) and abs(_together(steep).z(1)) > limit
    assert abs(_together(steep).z(4)) > limit


def test_moments_of_stored_rows_meet_both_formulas(stored: pd.DataFrame) -> None:
    limit = threshold(2 * 3 * len(PLACES))
    for at in fluctuations.places(stored):
        variances, means = at.scores()
        assert len(variances) == len(means) == 3
        assert np.max(np.abs([*variances, *means])) < limit
        assert np.min(at.scores(share=0.5)[0]) > limit


# -- the formulas -----------------------------------------------------------------------------------------------------


def test_known_values() -> None:
    d, freedom = 4096, 8192
    k = np.arange(1, d + 1)
    variance = float(np.sum(polygamma(1, k / 2) + polygamma(1, (freedom - k + 1) / 2)))
    assert linear.logdet_variance(d, 0.5, 1e-12) == pytest.approx(variance, abs=1e-3)
    offset = float(np.sum(digamma(k / 2) - digamma((freedom - k + 1) / 2))) - d * linear.generated_logdet(0.5, 1e-12)
    assert linear.logdet_offset(d, 0.5, 1e-12) == pytest.approx(offset, abs=1e-3)
    assert linear.logdet_variance(1e9, 0.25, 0.5) == pytest.approx(4 * np.log(1.5))
    assert linear.logdet_variance(100, 0.25, 1.0) == linear.logdet_offset(100, 0.25, 1.0) == 0
    assert linear.logdet_offset(100, 0.8, 0.1) == linear.logdet_offset(100, 0.8, 0.7)


def test_outside_the_mean_undoes_half_of_half_the_variance() -> None:
    """E det A is exact: a normal logarithm L/2 has E e^{L/2} = 1 after ρ^{d/2}, so its mean is −Var L/4."""
    at = (100, np.linspace(0.01, 0.49, 20), 0.5)
    assert linear.logdet_offset(*at) == pytest.approx(-linear.logdet_variance(*at) / 4, rel=1e-12)


# -- what the chapter shows -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def figures(stored: pd.DataFrame) -> Iterator[dict[str, Figure]]:
    yield {"ring": fluctuations.ring(60, 0), "growth": fluctuations.growth(stored, (0.25, 0.5, 0.8))}
    plt.close("all")


def test_the_point_is_outside_one_ring_and_inside_the_other(figures: dict[str, Figure]) -> None:
    for axes, aspect, outside in zip(figures["ring"].axes, fluctuations.RINGS, (True, False), strict=True):
        points, edge, star = (np.array(line.get_data(), float) for line in axes.lines)
        radius = np.hypot(*edge).max()
        assert points.shape == (2, 60) and radius == pytest.approx(np.sqrt(aspect / (1 - aspect)))
        assert (abs(star[0, 0]) > radius) == outside and star[0, 0] == -1


def test_markers_lie_on_the_lines(figures: dict[str, Figure], stored: pd.DataFrame) -> None:
    variance, offset = figures["growth"].axes
    assert len(variance.containers) == len(offset.containers) == len(PLACES)
    lines = [line for line in variance.lines if len(line.get_xdata()) > 20]
    for k, (aspect, fraction) in enumerate(PLACES):
        part = stored[np.isclose(stored.d / stored.freedom, aspect) & (stored.rho == fraction)]
        shown = np.asarray(variance.containers[k][0].get_ydata(), float)
        assert shown == pytest.approx(part.groupby("d").value.var().to_numpy())
        line = [np.asarray(a, float) for a in lines[k].get_data()]
        assert line[1] == pytest.approx(linear.logdet_variance(line[0], aspect, fraction))
        assert np.ptp(shown) < 1 if aspect < fraction else np.ptp(shown) > 4


def test_a_fraction_keeps_the_colour_of_the_chapter(figures: dict[str, Figure], stored: pd.DataFrame) -> None:
    colours = [c[0].get_color() for c in figures["growth"].axes[0].containers]
    assert colours == [f"C{(0.25, 0.5, 0.8).index(fraction)}" for _, fraction in PLACES]
    other = fluctuations.growth(stored, (0.3,)).axes[0].containers
    assert {c[0].get_color() for c in other} == {"C1", "C2", "C3"}


@pytest.mark.parametrize("name", ["ring", "growth"])
def test_a_figure_can_be_read(name: str, figures: dict[str, Figure]) -> None:
    figure = figures[name]
    figure.canvas.draw()
    assert figure.get_size_inches()[0] <= 7.2
    for axes in figure.axes:
        assert axes.get_xlabel() and axes.get_ylabel() and not axes.get_title()
        texts = [*axes.get_xticklabels(), *axes.get_yticklabels(), axes.xaxis.label, axes.yaxis.label]
        assert min(text.get_fontsize() for text in texts) >= 8
        if legend := axes.get_legend():
            box = legend.get_window_extent()
            shown = [c[0].get_data() for c in axes.containers] or [line.get_data() for line in axes.lines]
            for x, y in shown:
                at = axes.transData.transform(np.stack([np.asarray(x, float), np.asarray(y, float)], 1))
                assert not any(box.contains(*point) for point in at), name


def test_the_table_says_how_far_a_determinant_strays(stored: pd.DataFrame) -> None:
    head, _, *rows = [
        [c.strip() for c in line.strip("|").split("|")] for line in fluctuations.moments(stored).splitlines()
    ]
    assert head[2] == "deviation at $d = 512$, predicted" and len(rows) == len(PLACES)
    assert [row[2] for row in rows] == ["1.27", "1.07", "4.31", "4.49"]
    with pytest.raises(ValueError, match=r"no rows at gamma = 0\.3"):
        fluctuations.place(stored, 0.3, 0.5)
    dims = fluctuations.place(stored, *PLACES[0]).dims
    assert all(b == 2 * a for a, b in pairwise(dims))
