"""Between n = d and n = d/ρ: the law of KL(O‖G)/d² and what it rests on."""

from dataclasses import replace

import matplotlib.pyplot as plt
import mpmath
import numpy as np
import pytest
import sympy as sp
from scipy import stats

from memgen.denoisers.linear import representation
from memgen.figures.linear import hard_edge as figures
from memgen.runs.store import load
from memgen.statistics import quantile, threshold
from memgen.streams import stream
from theory import linear
from theory.checks.linear.hard_edge import traces
from theory.core.formula import Formula
from theory.core.steps import DerivationError
from theory.letters import gamma, rho
from theory.linear import edge_law


def test_the_recursion_has_the_law_of_dense_matrices() -> None:
    dense = np.linalg.inv(stream("test", "hard_edge").standard_normal((20_000, 5, 5)))
    drawn = traces(5, 20_000, stream("test", "hard_edge", "recursion"))
    assert stats.ks_2samp((dense**2).sum((1, 2)) / 5, drawn).pvalue > 0.01
    assert stats.ks_2samp((dense**2).sum((1, 2)) / 6, drawn).pvalue < 1e-6


def test_the_law_joins_its_tail_and_is_a_law() -> None:
    for y in (300.0, 1000.0):
        assert abs((1 - edge_law.probability(y)) * y**0.5 - 1) < 3 / y
    levels = [edge_law.probability(y) for y in np.geomspace(0.25, 1000, 40)]
    assert np.all(np.diff(levels) > 0) and 0 < levels[0] < 1e-3
    assert [edge_law.quantile(p) for p in (0.25, 0.5, 0.75)] == pytest.approx([1.6319, 4.0192, 16.171], rel=1e-4)


def test_a_finer_grid_moves_the_law_by_less_than_is_claimed() -> None:
    log_k, coarse = edge_law.march(2 * edge_law.STEP)
    fine, finest = (edge_law.march(2 * edge_law.STEP / many)[1][::many] for many in (2, 4))
    used, half_as_fine = (4 * finest - fine) / 3, (4 * fine - coarse) / 3
    assert np.max(np.abs(used - half_as_fine)) < 2e-4
    at = np.argmin(abs(log_k))  # k near 1: against the recursion
    drawn = np.exp(-1j * np.exp(log_k[at]) * traces(200, 20_000, stream("test", "hard_edge", "characteristic")))
    assert abs(drawn.mean() - used[at]) < 4 / np.sqrt(20_000)


def test_out_of_range_is_said() -> None:
    with pytest.raises(ValueError, match="y must be"):
        edge_law.probability(2000.0)
    with pytest.raises(ValueError, match="p must be"):
        edge_law.quantile(0.99)
    with pytest.raises(ValueError, match="too few"):
        quantile(np.arange(5.0), 0.5, 0.99)


def test_the_interval_of_a_quantile_covers_as_often_as_it_says() -> None:
    draws = stream("test", "hard_edge", "interval").random((4000, 60))
    bounds = np.array([quantile(row, 0.25)[1:] for row in draws])
    assert 0.95 <= np.mean((bounds[:, 0] <= 0.25) & (bounds[:, 1] >= 0.25)) < 0.98
    assert quantile(np.array([1.0, np.inf, 2.0, 3.0, np.inf, np.inf, np.inf, np.inf]), 0.5)[0] == np.inf


def test_edges_of_the_phase() -> None:
    scale = linear.kl_true_generated_scale
    assert scale(0.5, 0.5) == 0 and scale(0.3, 0.5) == 0 and np.isinf(scale(1 + 1e-12, 0.5))
    assert scale(1.0, 0.5) == 0.25 and scale(1.0, 1.0) == 0
    grid = np.linspace(0.2501, 1, 2000)
    assert grid[np.argmax(scale(grid, 0.25))] == pytest.approx(0.5, abs=1e-3)  # n = d/(2ρ)
    assert np.all(np.diff(scale(np.linspace(0.5, 1, 100), 0.5)) > 0)


@pytest.mark.parametrize("formula", [linear.singular_density, linear.kl_true_generated_scale], ids=lambda f: f.name)
def test_a_moved_condition_fails_a_step(formula: Formula) -> None:
    for old in range(len(formula.branches) - 1):
        branches = list(formula.branches)
        condition = branches[old].condition
        branches[old] = branches[old]._replace(
            condition=condition.subs(rho, 1 - rho).subs(gamma, gamma - sp.Rational(1, 9))
        )
        with pytest.raises(DerivationError):
            replace(formula, branches=tuple(branches)).verify()


def test_the_density_is_the_slope_of_the_shifted_logdet() -> None:
    """√y (1/d) tr (y + AAᵀ)⁻¹ at y = 10⁻¹⁶, by numerical differentiation of the formula that it is derived from."""
    for g, p in ((0.75, 0.5), (0.5, 0.25), (0.99, 0.01)):
        with mpmath.workdps(40):
            y = mpmath.mpf(10) ** -16
            up, down = (
                linear.shifted_logdet.mp(y * f, g, p, dps=40) for f in (mpmath.mpf("1.0001"), mpmath.mpf("0.9999"))
            )
            slope = (up - down) / (y * mpmath.mpf("0.0002")) * mpmath.sqrt(y)
        assert float(slope) == pytest.approx(np.pi / 2 * linear.singular_density(g, p), rel=1e-6)


def test_stored_least_squares_has_the_law_and_the_figure_shows_it() -> None:
    stored, _ = load("linear")
    assert np.max(np.abs(figures.scores(stored))) < threshold(3)
    along, grown = figures.quartiles(stored).axes
    theory = [line for line in grown.lines if line.get_linestyle() != "None"]
    assert len(theory) == 3 and np.asarray(theory[0].get_ydata())[-1] == pytest.approx(256 * 0.2222 * 1.6319, rel=0.01)
    legend = along.get_legend()
    assert legend and [text.get_text() for text in legend.get_texts()] == [rf"$\rho = {r}$" for r in (0.25, 0.5, 0.8)]
    plt.close("all")


@pytest.mark.parametrize(("g", "p", "near"), [(1.0, 0.01, True), (0.025, 0.001, True), (0.5, 0.45, False)])
def test_at_the_ends_of_its_regime(g: float, p: float, near: bool) -> None:
    """The share of A below the predicted lower quartile; with d(γ−ρ)² no more than γρ(1−ρ) it is far off."""
    slope = representation(1 + round(40 / g), 40, p, 2000, stream("test", "hard_edge", "regime", g))
    half_trace = (np.linalg.svd(slope.numpy(), compute_uv=False) ** -2.0).sum(1) * p / 2
    share = np.mean(half_trace / 40**2 < linear.kl_true_generated_scale(g, p) * edge_law.quantile(0.25))
    assert (abs(share - 0.25) < 0.04) == near
