"""Marchenko–Pastur moments and the renormalised noise against mpmath, closed forms and each other."""

from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

from theory import ou, spectra

_LEVELS = np.array([0.01, 1.0, 3.7, 20.0])


@pytest.mark.parametrize("a", [-20, -3.2, -1, -0.75, -0.5, 0, 0.5, 1.5, 5, 30.3])
@pytest.mark.parametrize("gamma", [1e-6, 0.3, 0.9, 0.999999])
def test_moments_to_twelve_digits(a: float, gamma: float) -> None:
    assert spectra.mp_moment(a, gamma) == pytest.approx(float(spectra.mp_moment.mp(a, gamma)), rel=1e-10)


@pytest.mark.parametrize("order", range(9))
def test_integer_moments_are_narayana_polynomials(order: int) -> None:
    for gamma in (0.001, 0.3, 0.999):
        narayana = [comb(order, k) * comb(order, k + 1) / order for k in range(order)] if order else [1.0]
        expected = sum(number * gamma**k for k, number in enumerate(narayana))
        assert spectra.mp_moment(order, gamma) == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize(("gamma", "x"), [(0.2, 1.0), (0.7, 0.05)])
def test_density_carries_moments_and_resolvent(gamma: float, x: float) -> None:
    edges = (1 - np.sqrt(gamma)) ** 2, (1 + np.sqrt(gamma)) ** 2
    for f, expected in (
        (lambda s: 1.0, 1.0),
        (np.log, spectra.mp_log_moment(gamma)),
        (lambda s: s**-1.7, spectra.mp_moment(-1.7, gamma)),
        (lambda s: s**2.3, spectra.mp_moment(2.3, gamma)),
        (lambda s: 1 / (s + x), spectra.mp_resolvent(x, gamma)),
    ):
        found, _ = quad(lambda s, f=f: f(s) * spectra.mp_density(s, gamma), *edges, epsabs=1e-11, epsrel=1e-11)
        assert found == pytest.approx(expected, rel=1e-9)


def test_no_noise_stays_none_until_the_sample_is_singular() -> None:
    assert np.all(spectra.renormalised_noise(0.0, _LEVELS, np.array([1e-9, 0.5, 1.0])) == 0)
    kappa = spectra.renormalised_noise(0.0, _LEVELS, 2.0)
    assert kappa > 0 and 2 * np.mean(_LEVELS / (_LEVELS + kappa)) == pytest.approx(1, rel=1e-13)


def test_noise_that_dwarfs_the_spectrum_is_hardly_renormalised() -> None:
    # κ = λ + γ⟨s⟩ to leading order; of the second term the first leaves few digits or none.
    assert spectra.renormalised_noise([1e6, 1e12], [1.0], 1e-6) == pytest.approx([1e6 + 1e-6, 1e12], rel=1e-15, abs=0)


@pytest.mark.parametrize("lam", [0, 1e-300, 1e-12, 1e-3, 1, 1e6])
@pytest.mark.parametrize("gamma", [0.1, 0.999, 1, 1.001, 3.0])
def test_noise_over_hundreds_of_decades(lam: float, gamma: float) -> None:
    expected = float(spectra.renormalised_noise_formula.mp(lam, _LEVELS, gamma, dps=20))
    assert spectra.renormalised_noise(lam, _LEVELS, gamma) == pytest.approx(expected, rel=1e-12, abs=0)


@given(st.floats(1e-6, 1e6), st.floats(0.01, 10), st.floats(0.1, 10))
def test_equal_eigenvalues_have_a_closed_form(lam: float, gamma: float, variance: float) -> None:
    b = lam - (1 - gamma) * variance
    root = np.hypot(b, 2 * np.sqrt(lam * variance))
    closed = (b + root) / 2 if b > 0 else 2 * lam * variance / (root - b)
    assert spectra.renormalised_noise(lam, np.full(3, variance), gamma) == pytest.approx(closed, rel=1e-9)


@given(st.floats(1e-3, 1e3), st.floats(0.05, 5))
def test_slope_and_scaling_of_the_noise(lam: float, gamma: float) -> None:
    kappa = spectra.renormalised_noise(lam, _LEVELS, gamma)
    assert spectra.renormalised_noise(7 * lam, 7 * _LEVELS, gamma) == pytest.approx(7 * kappa, rel=1e-9)
    h = 1e-4 * lam
    slope = np.diff(spectra.renormalised_noise(np.array([lam - h, lam + h]), _LEVELS, gamma))[0] / (2 * h)
    assert slope == pytest.approx(1 / (1 - gamma * np.mean((_LEVELS / (_LEVELS + kappa)) ** 2)), rel=1e-4)


@pytest.mark.parametrize("gamma", [0.5, 1.0, 3.0])
def test_many_levels_equal_one_root_each(gamma: float) -> None:
    levels = np.r_[0.0, np.geomspace(1e-9, 1e6, 4000)]
    many = spectra.renormalised_noise(levels, _LEVELS, gamma)
    some = spectra.renormalised_noise(levels[::97], _LEVELS, gamma)
    assert many[::97] == pytest.approx(some, rel=1e-9)


def test_conventions_invert_each_other() -> None:
    tau = np.geomspace(1e-6, 1e3, 30)
    assert ou.noise_variance(ou.diffusion_time(tau, 0.3), 0.3) == pytest.approx(tau**2, rel=1e-12)
    assert ou.signal_fraction(1.0) == 0.5
    assert (1 - ou.flow_time(tau)) / ou.flow_time(tau) == pytest.approx(tau, rel=1e-9)
