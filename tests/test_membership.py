"""Chapter 7: the exact AUC by other routes, bad input, the attacks, the experiment, and what the figures plot."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from scipy import integrate, special, stats

from memgen.denoisers.exact import EmpiricalBayes
from memgen.experiments import membership as experiment
from memgen.figures import membership as figures
from memgen.measures.membership import auc, distances, losses
from memgen.runs import store
from memgen.statistics import mean, threshold
from memgen.streams import stream
from theory import membership
from theory.checks.membership import drawn
from theory.core.formula import DomainError

SIZES = [200, 400, 1000, 4000, 100], [64, 64, 64, 64, 16]


@pytest.mark.parametrize(("n", "d"), [(3, 1), (4, 2), (12, 10), (200, 64), (4000, 300)])
def test_the_exact_auc_is_an_integral(n: int, d: int) -> None:
    """∫ density of B × P(V > B/r), r = (n+1)/(n−1), over t = logit B."""
    a, b, r = d / 2, (n - d - 1) / 2, (n + 1) / (n - 1)

    def integrand(t: float) -> float:
        density = np.exp(a * t - (a + b) * np.logaddexp(0, t) - special.betaln(a, b))
        return float(density * special.betainc(b + 0.5, a, 1 / (1 + special.expit(t) / r)))

    middle, width = np.log(a / b), np.sqrt(1 / a + 1 / b)
    ends = middle - max(9 * width, 35 / a), middle + max(9 * width, 35 / b)
    parts = [integrate.quad(integrand, *pair, epsabs=1e-14, limit=200)[0] for pair in pairwise(np.linspace(*ends, 9))]
    assert membership.membership_auc(n, d) == pytest.approx(sum(parts), abs=1e-12)


@pytest.mark.parametrize(("n", "d"), [(3, 1), (1e9, 2), (2e5, 3e4), (1e14, 1e5), (3e7, 1e5)])
def test_it_keeps_its_digits_at_the_ends(n: float, d: float) -> None:
    assert abs(membership.membership_auc(n, d) - membership.membership_auc.mp(n, d, dps=16)) < 1e-13


def test_one_point_beyond_what_is_needed() -> None:
    """n = d + 2 has the longest tails; in many dimensions every training point is told there."""
    d = np.geomspace(1e3, 1e5, 5).round()
    assert membership.membership_auc(d + 2, d) == pytest.approx(np.ones(5), abs=1e-13)


def test_known_values() -> None:
    assert np.round(membership.membership_auc(*SIZES), 4).tolist() == [0.9342, 0.7583, 0.6054, 0.5260, 0.6418]
    assert np.round(membership.membership_auc_limit(*SIZES), 4).tolist() == [0.8997, 0.7389, 0.6010, 0.5255, 0.6255]
    assert membership.membership_auc_known(4096, 128) == pytest.approx(stats.norm.cdf(1))
    grid = membership.membership_auc(np.array([[50.0], [500.0]]), np.array([1.0, 16.0, 40.0]))
    assert grid.shape == (2, 3) and np.all(np.diff(grid, axis=1) > 0) and np.all(np.diff(grid, axis=0) < 0)


def test_the_level_is_reached_where_it_says() -> None:
    n = membership.membership_samples(np.array([0.55, 0.75, 0.99]), 64)
    assert membership.membership_auc_limit(n, 64) == pytest.approx([0.55, 0.75, 0.99])
    assert membership.membership_auc(figures.samples(0.6, 64), 64) == pytest.approx(0.6)
    assert membership.membership_auc_sampled(400, 64, 1e9) == pytest.approx(membership.membership_auc_limit(400, 64))


@pytest.mark.parametrize(
    ("call", "culprit"),
    [
        (lambda: membership.membership_auc(17, 16), "membership_auc: no phase covers n = 17.0, d = 16.0"),
        (lambda: membership.membership_auc(10, 0), "membership_auc: d = 0"),
        (lambda: membership.membership_auc(np.nan, 4), "membership_auc: n = nan"),
        (lambda: membership.membership_auc_limit(10, 0), "membership_auc_limit: d = 0"),
        (lambda: membership.membership_auc_known(0, 4), "membership_auc_known: n = 0"),
        (lambda: membership.membership_samples(0.5, 4), "membership_samples: level = 0.5"),
        (lambda: membership.membership_samples(1.0, 4), "membership_samples: level = 1"),
        (lambda: membership.membership_auc_sampled(100, 4, 5), "membership_auc_sampled: no phase covers"),
        (lambda: membership.membership_auc_sampled(100, 4, 1), "membership_auc_sampled: no phase covers"),
        (lambda: membership.membership_ratio(1.0, 1.0, 5, 4), "membership_ratio: no phase covers"),
    ],
)
def test_bad_input_is_refused_by_name(call: Callable[[], object], culprit: str) -> None:
    with pytest.raises(DomainError, match=culprit):
        call()


def test_both_distances_have_their_laws() -> None:
    """Those of the module's docstring, and those that the checks draw, against drawn training sets."""
    n, d = 12, 3
    x = stream("test", "membership laws").standard_normal((4000, n + 1, d))
    inside, outside = [], []
    for train in x:
        law = train[:n].mean(0), np.cov(train[:n].T)
        q = distances(train, *law)
        inside.append(q[0])
        outside.append(q[n])
    assert stats.kstest(np.array(inside) * n / (n - 1) ** 2, stats.beta(d / 2, (n - d - 1) / 2).cdf).pvalue > 1e-3
    scale = (1 + 1 / n) * d * (n - 1) / (n - d)
    assert stats.kstest(np.array(outside) / scale, stats.f(d, n - d).cdf).pvalue > 1e-3
    assert abs(stats.spearmanr(inside, outside).statistic) < 0.06  # independent, though of one S
    lengths = (x[:, 0] ** 2).sum(1), (x[:, n] ** 2).sum(1)
    for (length, q), seen, size in zip(
        drawn(n, d, 4000, stream("test", "membership drawn")), (inside, outside), lengths, strict=True
    ):
        assert stats.ks_2samp(q, seen).pvalue > 1e-3
        assert stats.ks_2samp(length - q, size - np.array(seen)).pvalue > 1e-3


def test_the_likelihood_ratio_of_the_experiment_is_the_formula() -> None:
    rng = stream("test", "membership ratio")
    train, fresh = rng.standard_normal((30, 4)), 3 * rng.standard_normal((200, 4))
    law = train.mean(0), np.cov(train.T)
    scores = [membership.membership_ratio(distances(x, *law), (x**2).sum(1), 30, 4) for x in (train, fresh)]
    assert np.isneginf(scores[1]).any()
    assert experiment.attack(train, fresh, np.zeros(4), np.eye(4))["ratio"] == auc(*scores)


def test_an_affine_map_changes_nothing() -> None:
    rng = stream("test", "membership affine")
    train, fresh = rng.standard_normal((40, 5)), rng.standard_normal((300, 5))
    mix = rng.standard_normal((5, 9))
    truth = np.full(9, 7.0), mix.T @ mix
    plain = experiment.attack(train, fresh, np.zeros(5), np.eye(5))
    mapped = experiment.attack(train @ mix + 7, fresh @ mix + 7, *truth)
    assert mapped == pytest.approx(plain, abs=1e-3)


def test_auc_counts_pairs() -> None:
    assert auc(np.array([3.0, 1.0]), np.array([2.0, 1.0])) == (2 + 0.5) / 4
    assert auc(np.array([0.0]), np.array([-np.inf])) == 1
    with pytest.raises(ValueError, match="outside must be numbers, one or more of them, got 0 scores"):
        auc(np.ones(1), np.ones(0))
    with pytest.raises(ValueError, match="inside must be numbers"):
        auc(np.array([np.nan]), np.ones(3))
    with pytest.raises(ValueError, match="covariance is 0"):
        distances(np.ones((2, 3)), np.ones(3), np.zeros((3, 3)))


def test_the_exact_score_denoises_a_training_point_by_its_weight() -> None:
    """|x − D|² = (1−w)² |x − D'|², D' the denoiser of the other points."""
    x = torch.from_numpy(stream("test", "membership exact").standard_normal((20, 6)))
    noise, tau = torch.ones(1, 1, 6, dtype=torch.float64) / 2, 1.3
    u = x[:1] + tau * noise[0]
    exponents = -(u - x).square().sum(1) / (2 * tau**2)
    weight = torch.softmax(exponents, 0)[0]
    whole, rest = (losses(EmpiricalBayes(points).denoise, x[:1], noise, tau) for points in (x, x[1:]))
    assert torch.allclose(whole, (1 - weight) ** 2 * rest)


@pytest.mark.parametrize("values", [{"dims": (1,)}, {"replicas": 2}, {"steps": 5}, {"sizes": (8, 8)}, {"networks": 1}])
def test_bad_parameters_are_named(values: dict) -> None:
    with pytest.raises(ValidationError, match=next(iter(values))):
        experiment.Params(**values)


def test_rows_depend_on_their_cell_and_replica_alone() -> None:
    small = experiment.Cell("low rank", 4, 20, 4, 0, 0)
    assert experiment.cell(small).iloc[:6].equals(experiment.cell(small._replace(replicas=2)))
    table = experiment.cell(experiment.Cell("patches", 64, 100, 2, 0, 0))
    assert (table.value > 0.5).all() and not table.duplicated(figures.KEYS).any()


def test_what_is_stored_and_drawn() -> None:
    rows, _ = store.load("membership")
    exact = figures.scores(rows, "isotropic", "distance", lambda n, d, at: membership.membership_auc(n, d))
    assert exact.size >= 15 and np.abs(exact).max() < threshold(exact.size)
    fig = figures.attacks(rows)
    line = fig.axes[0].lines[1]
    x, y = line.get_xdata(), line.get_ydata()
    assert np.allclose(y, membership.membership_auc(np.asarray(x) * 64, 16))
    seen = figures.network(rows)
    assert np.abs(figures.gap_scores(seen)).max() < threshold(figures.gap_scores(seen).size)
    at = seen[(seen["at"] == figures.LEVEL) & (seen.n == 32)]
    assert at.sort_values("a").auc.iloc[-1] > 0.99
    assert figures.exact(rows).axes[0].get_ylabel().endswith("100$")
    assert mean(seen.auc).value > 0.5 and len(figures.networks(rows).axes) == 2
    assert figures.levels((16,)).count("\n") == 2 and "not reached" in figures.revealed(rows, 1.1)
