"""Chapter 9: N(x̄, S) and what a sampler makes of it in few steps: values, limits, digits, and what is refused."""

import math
from collections.abc import Callable
from functools import partial
from itertools import pairwise

import mpmath
import numpy as np
import pytest

from memgen.statistics import mean
from theory.core.digammas import psi_tail
from theory.core.formula import DomainError
from theory.sampling import (
    SpectralFilter,
    best_steps,
    ddim_loss,
    ddim_variance,
    filtered_kl,
    heun_step,
    kl_multistep,
    kl_multistep_reverse,
    reverse_step,
    spacing_loss,
    spacing_slope,
    unbiased_kl,
)


def _sums(n: int, d: int, dps: int = 40) -> tuple[mpmath.mpf, mpmath.mpf]:
    """Both divergences by the sum of digammas, before it is telescoped."""
    with mpmath.workdps(dps):
        count = mpmath.mpf(n - 1)
        logdet = mpmath.fsum(mpmath.digamma((count - i) / 2) for i in range(d)) + d * mpmath.log(2 / count)
        trace = d * count / (count - d - 1) * (1 + mpmath.mpf(1) / n) if n > d + 2 else mpmath.inf
        return (mpmath.mpf(d) / n - logdet) / 2, (trace - d + logdet) / 2


def test_known_values() -> None:
    assert float(kl_multistep(30, 10)) == pytest.approx(1.2544, abs=5e-5)
    assert float(kl_multistep_reverse(30, 10)) == pytest.approx(2.236, abs=5e-4)


@pytest.mark.parametrize("n, d", [(2, 1), (4, 1), (12, 10), (13, 10), (1000, 3), (1000, 990), (10**6, 1), (10**6, 700)])
def test_telescoped_is_the_sum(n: int, d: int) -> None:
    for formula, exact in zip((kl_multistep, kl_multistep_reverse), _sums(n, d), strict=True):
        assert float(formula(n, d)) == pytest.approx(float(exact), rel=1e-12)
        assert mpmath.almosteq(formula.mp(n=n, d=d, dps=30), exact, 1e-28) or mpmath.isinf(exact)


@pytest.mark.parametrize("n", [10**6, 10**6 + 3, 1.5e6, 1e9, 1e12])
@pytest.mark.parametrize("d", [1, 2, 10**3, 10**6 - 1, 10**6])
def test_digits_at_large_sizes(n: float, d: float) -> None:
    for formula in (kl_multistep, kl_multistep_reverse):
        exact = formula.mp(n=n, d=d, dps=30)
        assert float(formula(n, d)) == pytest.approx(float(exact), rel=1e-11)


def test_infinite_where_a_moment_is() -> None:
    assert kl_multistep(10, 10) == math.inf and math.isfinite(kl_multistep(11, 10))
    assert kl_multistep_reverse(12, 10) == math.inf and math.isfinite(kl_multistep_reverse(13, 10))


def test_limits_per_dimension() -> None:
    d = np.array([1e6])
    for g in (0.05, 0.5, 0.9):
        log = (1 - g) / g * math.log(1 - g)
        assert kl_multistep(d / g, d) / d == pytest.approx((1 + log) / 2, rel=1e-4)
        assert kl_multistep_reverse(d / g, d) / d == pytest.approx((g / (1 - g) - 1 - log) / 2, rel=1e-4)


def test_tail_joins_its_series() -> None:
    for x in (1e-3, 0.5, 1.0, 15.999, 16.0, 16.001, 1e3, 1e9):
        assert float(psi_tail.numpy(np.array(x))) == pytest.approx(float(psi_tail.mpmath(mpmath.mpf(x))), rel=2e-12)


# -- steps ---------------------------------------------------------------------------------------------------------

WIDTHS = (20.0, 7.0, 3.0, 1.2, 0.5, 0.1, 0.0)


def test_a_filter_is_its_steps_one_by_one() -> None:
    s = np.array([0.0, 0.3, 1.0, 5.0])
    for sampler, eta in (("ddim", 0.0), ("ddim", 1.0), ("ddim", 0.4), ("heun", 0.0), ("heun", 1.0)):
        run = SpectralFilter(WIDTHS, sampler, eta)
        v = s + WIDTHS[0] ** 2
        for high, low in pairwise(WIDTHS):
            here, there = run.weight(s, high), run.weight(s, low)
            ends = (here, there) if sampler == "heun" else (here,)
            v = (heun_step if sampler == "heun" else reverse_step)(v, *ends, high, low, eta)
        assert run(s) == pytest.approx(v, rel=1e-12)


def test_one_step_is_the_one_step_model() -> None:
    s, tau = np.array([0.5, 2.0]), 0.7
    assert SpectralFilter((tau, 0.0))(s) == pytest.approx(s**2 / (s + tau**2), rel=1e-14)
    weight = s / (s + tau**2 + 0.3)
    assert SpectralFilter((tau, 0.0), ridge=0.3)(s) == pytest.approx(weight**2 * (s + tau**2), rel=1e-13)
    stopped = s / (s + tau**2) * -np.expm1(-2 * (s + tau**2))
    assert SpectralFilter((tau, 0.0), time=2.0)(s) == pytest.approx(stopped**2 * (s + tau**2), rel=1e-13)


@pytest.mark.parametrize("sampler, eta", [("ddim", 0.0), ("ddim", 1.0), ("heun", 0.0), ("euler-maruyama", 0.0)])
def test_many_steps_reach_the_exact_law_at_their_order(sampler: str, eta: float) -> None:
    s = np.array([0.4, 8.0])
    errors = [
        np.abs(SpectralFilter(tuple(np.geomspace(30, 0.1, k)), sampler, eta)(s) / (s + 0.01) - 1) for k in (201, 401)
    ]
    order = np.log2(errors[0] / errors[1])
    assert order == pytest.approx(2.0 if sampler == "heun" else 1.0, abs=0.15)
    assert (errors[1] < 0.04).all()


def test_ddim_variance_is_the_product_of_cosines() -> None:
    s = np.array([0.2, 1.0, 9.0])
    angles = np.arctan(np.array(WIDTHS) / np.sqrt(s)[:, None])
    assert ddim_variance(s, WIDTHS) == pytest.approx(s * np.prod(np.cos(np.diff(angles)) ** 2, axis=1), rel=1e-12)
    assert ddim_variance(0.0, (2.0, 1.0, 0.5)) == 0.25  # nothing is known along it but the noise
    assert ddim_variance(s.reshape(3, 1), WIDTHS).shape == (3, 1)


@pytest.mark.parametrize(
    "s, widths, what",
    [
        (1.0, (1.0,), "two levels or more"),
        (1.0, (1.0, 2.0), "fall"),
        (1.0, (1.0, 1.0, 0.5), "fall"),
        (1.0, (1.0, -0.5), "fall"),
        (1.0, (np.inf, 1.0), "finite"),
        (1.0, ((2.0, 1.0), (1.0, 0.5)), "row"),
        (-1.0, (1.0, 0.0), "s = -1"),
        (np.nan, (1.0, 0.0), "s = nan"),
    ],
)
def test_levels_and_eigenvalues_are_refused_by_name(s: float, widths: tuple, what: str) -> None:
    with pytest.raises(DomainError, match=what):
        ddim_variance(s, widths)


@pytest.mark.parametrize(
    "given, what",
    [
        ({"eta": 1.5}, "eta"),
        ({"ridge": -1.0}, "ridge"),
        ({"time": np.nan}, "time"),
        ({"sampler": "x"}, "x"),
        ({"sampler": "euler-maruyama", "eta": 1.0}, "own noise"),
    ],
)
def test_filters_are_refused_by_name(given: dict, what: str) -> None:
    with pytest.raises(DomainError, match=what):
        SpectralFilter((1.0, 0.0), **given)


def test_a_level_in_between_never_shrinks_more() -> None:
    rng = np.random.default_rng(0)
    s = np.array([1e-3, 0.1, 1.0, 30.0])
    for _ in range(50):
        levels = np.sort(rng.lognormal(0, 2, 6))[::-1]
        k = rng.integers(1, 6)
        more = np.insert(levels, k, np.sqrt(levels[k - 1] * levels[k]))
        assert (ddim_variance(s, more) >= ddim_variance(s, levels) * (1 - 1e-14)).all()


# -- how far from the truth ----------------------------------------------------------------------------------------


def test_the_limit_without_steps_is_that_of_many() -> None:
    for gamma in (1e-3, 0.3, 0.9, 0.99):
        log = (1 - gamma) / gamma * math.log1p(-gamma)
        assert filtered_kl(gamma, lambda s: s) == pytest.approx((1 + log) / 2, rel=1e-10)
        reverse = (gamma / (1 - gamma) - 1 - log) / 2
        assert filtered_kl(gamma, lambda s: s, reverse=True) == pytest.approx(reverse, rel=1e-9)
    for gamma in (1.0, 0.0, math.inf, -1.0):
        with pytest.raises(DomainError, match="gamma = "):
            filtered_kl(gamma, lambda s: s)


def test_below_d_points_a_share_of_the_spectrum_is_zero() -> None:
    assert filtered_kl(2.0, lambda s: s) == math.inf
    weighted = filtered_kl(4.0, lambda s: np.where(s == 0, 2.0, 1.0))  # three quarters at 0
    assert weighted == pytest.approx(0.75 * (1 - math.log(2)) / 2, rel=1e-12)


def test_an_even_loss_adds_its_own_cost() -> None:
    """Shrinkage by one factor for all eigenvalues, as of one step too few, costs the same whatever n is."""
    for gamma in (0.05, 0.5):
        for c in (0.3, 0.99):
            extra = filtered_kl(gamma, lambda s, c=c: c * s) - filtered_kl(gamma, lambda s: s)
            assert extra == pytest.approx((c - 1 - math.log(c)) / 2, rel=1e-8)


def test_slope_is_that_of_the_divergence() -> None:
    for exponent in (-0.5, 0.5, 1.5, 2.5):
        loss = partial(spacing_loss, exponent)
        values = [filtered_kl(0.3, lambda s, h=h, f=loss: s * np.exp(-h * f(s))) for h in (1e-5, -1e-5)]
        assert (values[0] - values[1]) / 2e-5 == pytest.approx(spacing_slope(exponent, 0.3), rel=1e-6)


@pytest.mark.parametrize("exponent, power", [(2.5, 1 / 3), (2.7, 3 / 17)])
def test_beyond_two_the_loss_approaches_its_limit_as_slowly_as_stated(exponent: float, power: float) -> None:
    missing = []
    for h in (1e-2, 1e-3):
        rows = np.arange(1e-15, 20 ** (exponent - 1), h * (exponent - 1))
        levels = rows ** (-1 / (exponent - 1))
        missing.append(1 - ddim_loss(1.0, levels[:-1], levels[1:]).sum() / h / spacing_loss(exponent, 1.0))
    assert math.log10(missing[0] / missing[1]) == pytest.approx(power, abs=0.02)


def test_sign_of_the_slope_decides_whether_steps_can_be_too_many() -> None:
    gamma = np.linspace(0.02, 0.98, 25)
    assert (spacing_slope(np.array([[-0.9], [0.0], [6 / 7], [0.999]]), gamma) > 0).all()
    assert (spacing_slope(1.0, gamma) == 0).all()
    assert (spacing_slope(np.array([[1.001], [1.5], [2.0], [2.9]]), gamma) < 0).all()
    assert best_steps(1.0, 0.1, 100.0, 0.01) == math.inf > best_steps(2.0, 0.1, 100.0, 0.01)


def test_the_best_number_of_steps_approaches_its_formula_in_proportion_to_gamma() -> None:
    high, low, gaps = 1e4, 5e-3, []
    for gamma in (0.04, 0.02, 0.01):
        stated = float(best_steps(2.0, gamma, high, low))
        counts = np.round(stated * np.array([0.9, 1.0, 1.1, 1.2])).astype(int)
        rows = [1 / np.linspace(1 / high, 1 / low, count + 1) for count in counts]
        values = [filtered_kl(gamma, lambda s, w=w: ddim_variance(s, w) / (1 + w[-1] ** 2)) for w in rows]
        steps = 1 / counts
        bend, slope, _ = np.polyfit(steps, values, 2)
        gaps.append(float(-2 * bend / slope) / stated - 1)
    assert gaps[0] > gaps[1] > gaps[2] > 0
    assert gaps[0] / gaps[1] == pytest.approx(2, rel=0.15) and gaps[1] / gaps[2] == pytest.approx(2, rel=0.15)


def _estimates(pairs: float = 1.0, freedom: int = 0) -> np.ndarray:
    """unbiased_kl less the divergence itself, over training sets of a far from white law; spoilt if asked."""
    rng, (n, d), draws = np.random.default_rng(1), (14, 4), 20_000
    mix = rng.standard_normal((d, d)) * np.array([0.3, 1.0, 2.0, 4.0])
    truth = mix @ mix.T
    x = rng.standard_normal((draws, n, d)) @ mix.T
    centred = x - x.mean(1, keepdims=True)
    s, vectors = np.linalg.eigh(centred.transpose(0, 2, 1) @ centred / (n - 1))
    run = SpectralFilter((3.0, 1.0, 0.3, 0.0), ridge=0.1)
    v = run(s)
    inverse = np.linalg.inv(truth)
    trace = np.einsum("rij,ik,rkj,rj->r", vectors, inverse, vectors, v)
    gap = np.einsum("ri,ij,rj->r", x.mean(1), inverse, x.mean(1))
    exact = (trace - d + gap - np.log(v).sum(-1)) / 2
    found = unbiased_kl(s, run, n)
    if pairs != 1 or freedom:
        apart = s[:, :, None] - s[:, None, :] + np.eye(d)
        between = ((v[:, :, None] - v[:, None, :]) / apart).sum((1, 2))
        found = found + ((pairs - 1) * between + freedom * (v / s).sum(-1)) / (2 * (n - 1))
    return found - exact


def test_the_divergence_is_estimated_from_the_training_set_alone() -> None:
    right = mean(_estimates())
    assert abs(right.z(0.0)) < 3.3
    assert abs(mean(_estimates(pairs=0.5)).z(0.0)) > 6 < abs(mean(_estimates(freedom=1)).z(0.0))


def test_the_estimate_is_exact_for_the_sample_covariance() -> None:
    s = np.array([[0.3, 1.1, 2.0], [1.0, 1.0, 5.0]])  # equal ones too
    found = unbiased_kl(s, lambda s: s, 12)
    assert found == pytest.approx((3 / 12 - np.log(s).sum(-1)) / 2, rel=1e-9)
    with pytest.raises(DomainError, match="n = 5 is too small"):
        unbiased_kl(s, lambda s: s, 5)
    with pytest.raises(DomainError, match="s = 0 is outside"):
        unbiased_kl(np.array([0.0, 1.0]), lambda s: s, 9)


@pytest.mark.parametrize("f, sign", [(lambda s: 1 / np.sqrt(s), 1), (np.sqrt, -1), (lambda s: 1 / (1 + s), 1)])
def test_a_loss_that_falls_with_the_eigenvalue_costs_whatever_the_law_is(f: Callable, sign: int) -> None:
    """In every training set, so for any covariance: the identity leaves only the differences of f."""
    s = np.random.default_rng(2).lognormal(0, 2, (100, 6))
    found = [unbiased_kl(s, lambda s, h=h: s * np.exp(-h * f(s)), 12) for h in (1e-6, -1e-6)]
    assert (sign * (found[0] - found[1]) > 0).all()


def test_shrinkage_always_costs_in_the_other_direction() -> None:
    for exponent in (0.0, 1.0, 2.0, 2.9):
        loss = partial(spacing_loss, exponent)
        values = [filtered_kl(0.3, lambda s, h=h, f=loss: s * np.exp(-h * f(s)), reverse=True) for h in (1e-5, -1e-5)]
        assert values[0] > values[1]
