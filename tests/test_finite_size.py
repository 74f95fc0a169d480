"""The width of the collapse at finite n and d: exact probabilities, drawn point sets, published excess entropies."""

import numpy as np
import pytest
from scipy.special import logsumexp, ndtr

from memgen.figures.collapse import published
from memgen.statistics import mean, threshold
from memgen.streams import stream
from theory import collapse


def _scores(d: np.ndarray, tau: float, z: float) -> tuple[np.ndarray, np.ndarray]:
    """V, and P(the nearest point is the own one), at ln n = I − z√V."""
    v = d / (1 + tau**2)
    return v, collapse.nearest_is_self(np.exp(d * np.log1p(tau**-2) / 2 - z * np.sqrt(v)), d, tau)


def test_the_information_density_becomes_normal() -> None:
    """i − I = Σ√ρ ab: P(i > ln n) tends to Φ(z), and differs from it by −Σρ²/(4V²) (z³ − 3z) φ(z) before."""
    d, rho, draws = 8, 0.8, 400_000
    a, b = stream("test", "density").standard_normal((2, draws, d), dtype=np.float32)
    scaled = (a * b).sum(1) / np.sqrt(d)
    shape = mean(scaled.astype(float) ** 4)
    assert abs(shape.z(3 + 6 / d)) < threshold(1) < abs(shape.z(3))
    for z in (-1.0, 0.5, 1.0):
        first = 1 / (4 * d) * (z**3 - 3 * z) * np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
        share = mean(1.0 * (scaled < z))
        assert abs(share.value - ndtr(z)) < 0.6 / d * rho
        assert abs(share.value - ndtr(z) + first) < 0.5 / d**2 + 4 * share.error


@pytest.mark.parametrize("z", [-1.0, 0.0, 1.0])
def test_the_nearest_point_is_lost_later_than_the_own_weight_by_half_ln_v(z: float) -> None:
    """Points nearer than the own one number n e^{−i} φ(z)/√V: ln n is shifted by ½ ln(2πV) + z²/2 − 0.577."""
    d = np.array([50.0, 100, 200, 400, 800])
    v, exact = _scores(d, 1.2, z)
    shift = np.log(2 * np.pi * v) / 2 + z**2 / 2 - np.euler_gamma
    off = exact - ndtr(z + shift / np.sqrt(v))
    assert np.all(np.abs(off) < 0.12 * (exact - ndtr(z))) and abs(off[-1]) < 0.003
    # what the limit leaves grows as ln V and not more: ½ ln 2 φ for every doubling of d
    grows = np.diff((exact - ndtr(z)) * np.sqrt(v))
    density = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    np.testing.assert_allclose(grows[-1], np.log(2) / 2 * density, rtol=0.2)


def _drawn(n: int, d: int, tau: float, sets: int = 60) -> np.ndarray:
    """Means over each set of ln(1+S), S the weight of the other points over that of the own one."""
    rng, found = stream("test", "excess", n, d, tau), []
    own = np.arange(max(10, min(100, n // 4)))
    for _ in range(sets):
        x = rng.standard_normal((n, d))
        u = x[own] + tau * rng.standard_normal((own.size, d))
        exponent = (u @ x.T - (x**2).sum(1) / 2) / tau**2
        found.append(np.mean(logsumexp(exponent, axis=1) - exponent[own, own]))
    return np.array(found)


@pytest.mark.parametrize(
    ("n", "d", "tau"),
    [(100, 4, 0.3), (400, 16, 0.9), (400, 16, 1.3), (2000, 40, 1.3), (2000, 40, 1.8), (1000, 200, 3.5), (1000, 200, 5)],
)
def test_the_excess_of_drawn_points_is_the_rounded_one(n: int, d: int, tau: float) -> None:
    rho, told = 1 / (1 + tau**2), d * np.log1p(tau**-2) / 2
    expected = collapse.rounded_excess(n, told, d * rho**2 / 2, d * rho * (1 - rho / 2))
    bound = collapse.annealed_excess(n, told, d * rho)
    estimate = mean(_drawn(n, d, tau))
    assert abs(estimate.z(expected)) < threshold(7)
    assert max(0, np.log(n) - told) < expected < bound
    if abs(told - np.log(n)) < 2 * np.sqrt(d * rho):  # else the rounding is small
        assert estimate.z(bound) < -threshold(7)


def test_deep_in_the_collapsed_phase_few_dimensions_have_no_normal_tail() -> None:
    n, d, tau = 400, 16, 0.6
    rho, told = 1 / (1 + tau**2), d * np.log1p(tau**-2) / 2
    assert (told - np.log(n)) / np.sqrt(d * rho) == pytest.approx(1.35, abs=0.01)
    expected = collapse.rounded_excess(n, told, d * rho**2 / 2, d * rho * (1 - rho / 2))
    estimate = mean(_drawn(n, d, tau, sets=120))
    assert estimate.z(expected) < -threshold(1) and 0.75 < estimate.value / expected < 0.95


def test_the_rounded_excess_at_its_edges() -> None:
    assert collapse.rounded_excess(1, 3.0, 1.0, 2.0) == 0 == collapse.annealed_excess(1, 3.0, 2.0)
    for n in (50, 1e6, 1e30):  # nothing is told: all n points weigh the same, and (1−p)^{n−1} ≈ e^{−np} costs 1/2n
        assert collapse.rounded_excess(n, 0, 0, 0) == pytest.approx(np.log(n), abs=0.6 / n + 1e-7)
        assert collapse.annealed_excess(n, 0, 0) == pytest.approx(np.log(n))
    assert 0 < collapse.rounded_excess(20_000, 60.0, 5.0, 80.0) < 1e-3
    for bad, culprit in (((0, 1.0, 1, 1), "n = 0"), ((5, 1.0, 1, -1), "variance = -1"), ((5, np.nan, 1, 1), "inform")):
        with pytest.raises(ValueError, match=f"rounded_excess: {culprit}"):
            collapse.rounded_excess(*bad)


def test_the_finite_curve_reaches_from_copies_to_noise() -> None:
    assert collapse.mixture_excess(20_000, 1e-6, 16.0, 256) == 0
    assert collapse.mixture_excess(20_000, 50.0, 16.0, 256) == pytest.approx(1, abs=1e-5)
    curve = [collapse.mixture_excess(20_000, t, 16.0, 256) for t in (0.5, 0.9, 1.3, 2.0, 3.0)]
    assert np.all(np.diff(curve) > 0)
    assert collapse.mixture_excess(1e6, 1.0, 1e3, 1e6) == 0
    with pytest.raises(ValueError, match="mixture_excess: n = 1 "):
        collapse.mixture_excess(1, 1.0, 1.0, 4)


def test_the_information_about_the_class_scatters() -> None:
    """Mean and variance of i for the mixture, from simulated pairs; without the class's part they are refused."""
    t, separation, d, draws = 1.0, 3.0, 6, 200_000
    rng, tau2 = stream("test", "scatter"), float(np.expm1(2.0))
    x = rng.standard_normal((draws, d))
    x[:, 0] += separation
    u = x + np.sqrt(tau2) * rng.standard_normal((draws, d))
    both = np.logaddexp(*(-((u[:, 0] - m) ** 2) / (2 * (1 + tau2)) for m in (separation, -separation))) - np.log(2)
    i = -((u - x) ** 2).sum(1) / (2 * tau2) + (u[:, 1:] ** 2).sum(1) / (2 * (1 + tau2)) - both
    i += d * np.log1p(1 / tau2) / 2
    scatter = collapse.mixture_scatter(t, separation, d)
    variance = mean((i - i.mean()) ** 2)
    assert abs(mean(i).z(scatter.information)) < threshold(2)
    assert abs(variance.z(scatter.common + scatter.private)) < threshold(2) < variance.z(d / (1 + tau2))


def test_all_published_excess_entropies_are_met() -> None:
    """Forty points, those within 0.4 of t_C among them; their scores scatter as standard normal ones do."""
    rows = published.entropy_scores()
    assert len(rows) == 40 and np.abs(rows.score).max() < threshold(40)
    assert 22.2 < np.sum(rows.score**2) < 63.7  # χ² of 40, 1 % on either side
    near = rows[~rows.beyond]
    assert len(near) == 10 and np.abs(near.score).max() < 2.5
    assert near.with_class.max() > 60 and near.annealed.min() < -10
