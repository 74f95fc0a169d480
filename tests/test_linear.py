"""The linear model's formulas: digits at the edges, known values, scaling, monotonicity, continuity."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from theory import linear
from theory.core.formula import Formula
from theory.letters import gamma as ratio

GAMMAS = [1e-12, 1e-5, 0.1, 0.4999999, 0.5, 0.7, 0.999, 1 - 1e-9]
RHOS = [1e-9, 0.1, 0.5, 0.9, 1 - 1e-9]
_inside = st.floats(0.01, 0.99)


@pytest.mark.parametrize("name", ["kl_generated_true", "kl_true_generated", "generated_logdet"])
@pytest.mark.parametrize("rho", RHOS)
def test_float64_against_forty_digits(name: str, rho: float) -> None:
    formula = getattr(linear, name)
    for gamma in GAMMAS:
        value = formula(gamma, rho)
        if np.isfinite(value):
            assert value == pytest.approx(float(formula.mp(gamma, rho, dps=40)), rel=1e-9, abs=1e-12)


def test_known_values() -> None:
    assert linear.likelihood_threshold(np.ones(100), 1.0) == 200
    assert linear.generated_trace(200, 100, 0.5) == pytest.approx(0.5 + 50 / 98)
    assert linear.kl_generated_true(1.0, 0.5) == np.inf
    assert linear.kl_true_generated(0.5, 0.5) == np.inf
    assert linear.generated_logdet([1.0, 2.0], 0.5) == pytest.approx([0.0, -np.inf])
    # d = 100 at the paper's noise, leading exponential order: .9984, .983, .9575 were simulated at n = 400, 1000, 4000.
    rho = 1 / (1 + 1 - np.exp(-4))
    assert linear.hellinger2(100, 100 / np.array([399, 999, 3999]), rho) == pytest.approx(
        [0.9984, 0.983, 0.9575], abs=1e-3
    )


def test_extremes_are_finite_and_silent() -> None:
    assert linear.generated_trace(1e12, 1e6, 0.5) == pytest.approx(0.5 + 0.5e-6, rel=1e-5)
    assert linear.generated_mean_error(1e12, 1e6, 0.5) > 0
    assert np.all(np.isfinite(linear.kl_generated_true(np.array(GAMMAS), 0.5)))


@given(_inside)
def test_the_transition_is_of_second_order(rho: float) -> None:
    h = 1e-4 * min(rho, 1 - rho)
    below, at, above = linear.generated_logdet(rho + np.array([-h, 0, h]), rho)
    assert below == at == pytest.approx(np.log(rho))
    assert 2 * (above - at) / h**2 == pytest.approx(1 / (rho**2 * (1 - rho)), rel=1e-2)


_PHASES = (
    linear.generated_logdet,
    linear.kl_generated_true,
    linear.log_affinity,
    linear.generated_logdet_spectrum,
    linear.kl_generated_true_spectrum,
)


def _gap(formula: Formula, edge: float, where: object) -> tuple[float, float]:
    """Jump of the value and of the slope across γ = edge."""
    h = 1e-5
    v = formula(edge + h * np.array([-2, -1, 1, 2]), where)
    return abs(2 * v[1] - v[0] - (2 * v[2] - v[3])), abs((v[1] - v[0]) - (v[3] - v[2])) / h


@pytest.mark.parametrize("formula", _PHASES, ids=lambda f: f.name)
def test_phases_meet_with_equal_slopes_where_the_formula_changes(formula: Formula) -> None:
    fractions = np.array([0.3, 0.9])
    spectral = any(v.spectrum for v in formula.variables)
    where, edge = (fractions, 1 / (1 + np.mean(1 / fractions - 1))) if spectral else (0.4, 0.4)
    value, slope = _gap(formula, edge, where)
    assert value < 1e-7 and slope < 1e-2
    # Were the edge elsewhere, 20% further say, there would be a jump.
    moved = [b._replace(condition=b.condition.subs(ratio, ratio / 1.2)) for b in formula.branches]
    value, slope = _gap(replace(formula, branches=tuple(moved)), 1.2 * edge, where)
    assert value > 1e-3 and slope > 0.05


@given(_inside, st.floats(0.188, 0.99))
def test_divergences_fall_with_samples_towards_their_floor(gamma: float, rho: float) -> None:
    for formula in (linear.kl_generated_true, linear.kl_true_generated):
        more, fewer = formula(0.9 * gamma, rho), formula(gamma, rho)
        assert more < fewer or fewer == np.inf
        assert formula(1e-12, rho) <= more


def test_under_strong_noise_more_samples_generate_a_worse_law() -> None:
    # Below ρ = 0.1873 the noise of the fit supplies variance that the population denoiser lacks.
    assert np.all(np.diff(linear.kl_generated_true(np.linspace(0.01, 0.99, 500), 0.1874)) > 0)
    assert np.any(np.diff(linear.kl_generated_true(np.linspace(0.01, 0.99, 500), 0.1872)) < 0)
    assert linear.kl_generated_true(0.5, 1 / 16) < 0.75 * linear.kl_generated_true(1e-9, 1 / 16)


@given(_inside, _inside)
def test_equal_fractions_reduce_to_the_isotropic_model(gamma: float, rho: float) -> None:
    fractions = np.full(3, rho)
    pairs = (
        (linear.generated_logdet_spectrum, linear.generated_logdet),
        (linear.kl_generated_true_spectrum, linear.kl_generated_true),
        (linear.kl_true_generated_spectrum, linear.kl_true_generated),
    )
    for spectral, isotropic in pairs:
        expected = isotropic(gamma, rho)
        if expected < 1e6:  # at γ = ρ the two conditions may round to different sides
            assert spectral(gamma, fractions) == pytest.approx(expected, rel=1e-7, abs=1e-9)


@given(st.floats(0.1, 10), st.floats(0.1, 10), st.integers(0, 1000))
def test_threshold_depends_on_the_noise_to_signal_ratio_alone(scale: float, tau: float, seed: int) -> None:
    spectrum = np.random.default_rng(seed).uniform(0.1, 3, 5)
    value = linear.likelihood_threshold(spectrum, tau)
    assert linear.likelihood_threshold(scale**2 * spectrum, scale * tau) == pytest.approx(value, rel=1e-12)
    assert value == pytest.approx(5 + tau**2 * np.sum(1 / spectrum), rel=1e-12)


def test_shifted_determinant_reaches_the_plain_one() -> None:
    gamma = np.array([0.1, 0.3, 0.7, 0.9])
    shifted = linear.shifted_logdet(1e-10, gamma, 0.5)
    assert shifted == pytest.approx(linear.generated_logdet(gamma, 0.5), abs=1e-4)
    assert linear.shifted_logdet(1e8, gamma, 0.5) == pytest.approx(np.log(1e8), abs=1e-6)
