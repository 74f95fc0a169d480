"""Late times: expansions against exact quadrature, three relaxation times beside each other, conventions that agree."""

import itertools
from collections.abc import Callable

import mpmath
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memgen.denoisers import exact
from memgen.experiments import relaxation as experiment
from memgen.figures import relaxation as figures
from theory import mixture, ou, relaxation
from theory.checks.report import Report

_NODE, _SHARE = np.polynomial.hermite_e.hermegauss(100)
_SHARE = _SHARE / _SHARE.sum()
LATE = np.array([0.002, 0.004, 0.008, 0.016])


def cumulants(points: np.ndarray, weights: np.ndarray) -> dict[str, float]:
    """κ₂ … κ₆ of centred points."""
    m = [float(weights @ points**k) for k in range(7)]
    return {
        "k2": m[2],
        "k3": m[3],
        "k4": m[4] - 3 * m[2] ** 2,
        "k5": m[5] - 10 * m[3] * m[2],
        "k6": m[6] - 15 * m[4] * m[2] - 10 * m[3] ** 2 + 30 * m[2] ** 3,
    }


def skewed() -> tuple[np.ndarray, np.ndarray]:
    """A law with every cumulant: two Gaussians of unlike weight and width, as the points of their Gauss rules."""
    node, share = np.polynomial.hermite_e.hermegauss(40)
    points = np.concatenate([-0.5 + 0.6 * node, 1.5 + node])
    weights = np.concatenate([0.75 * share, 0.25 * share]) / share.sum()
    return points - weights @ points, weights


def tilted(points: np.ndarray, weights: np.ndarray, a: float) -> tuple[float, float]:
    """Mean and variance of the tilted measure, by summation."""
    w = weights * np.exp(-a * points**2 / 2)
    mean = w @ points / w.sum()
    return float(mean), float(w @ (points - mean) ** 2 / w.sum())


def score_errors(points: np.ndarray, weights: np.ndarray, a: float) -> tuple[float, float]:
    """Of the best linear score and of the tangent at 0, times the variance of x_t, by quadrature."""
    u = points[:, None] + _NODE / np.sqrt(a)
    law = exact.EmpiricalBayes(points[:, None], weights)
    denoised = law.denoise(u.reshape(-1, 1), a**-0.5).numpy().reshape(u.shape)
    share, k2 = weights[:, None] * _SHARE, float(weights @ points**2)
    mean, variance = tilted(points, weights, a)
    rest = (denoised - u * k2 / (k2 + 1 / a), denoised - mean - a * variance * u)
    return tuple(float((share * r**2).sum() * a**2 * (k2 + 1 / a)) for r in rest)


def orders(a: np.ndarray, errors: np.ndarray) -> float:
    """The power of a with which errors fall."""
    return float(np.polyfit(np.log(a), np.log(np.abs(errors)), 1)[0])


@pytest.mark.parametrize("separation", [2.0, 4.0, 1e6])
def test_errors_by_the_trapezoidal_rule_are_those_of_the_closed_forms(separation: float) -> None:
    for t in np.log(separation) + np.array([-0.5, 0.3, 1.4]):
        b2 = float(figures.contrast(separation, t))
        closed = float(mixture.linear_score_error(b2)), float(relaxation.mixture_taylor_error(b2))
        assert figures.linear_errors("mixture", separation, t) == pytest.approx(closed, rel=1e-12)
    own = figures.passes_half("mixture", separation)
    assert own == pytest.approx(figures.relaxation_times(separation)["mixture"], abs=1.1e-3)


def test_unequal_classes_pass_one_half_long_before_a_linear_score_is_enough() -> None:
    own = figures.passes_half("skewed", 4.0)
    assert own < 0.4 and figures.linear_errors("skewed", 4.0, own)[0] > 0.8
    assert figures.quadratic_form("skewed", 4.0, np.linspace(own, 5, 1000)).max() < 0.5


def test_errors_of_the_skewed_law_meet_the_simulation_and_others_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = experiment.Params(preset="smoke", replicas=8, draws=3000, times=3)
    found = figures.estimates(pd.concat([experiment.cell(at) for at in experiment.grid(asked)]))
    right = figures.linear_errors

    def failed(errors: Callable[..., tuple[float, ...]]) -> list[str]:
        monkeypatch.setattr(figures, "linear_errors", errors)
        report = Report("Does it turn?", "r = r", "a test")
        figures.state(report, found, asked.separation)
        return report.failed()

    new = ["best linear score, skewed", "tangent, skewed"]
    assert failed(right) == []
    assert failed(lambda law, m, t: right("mixture", m, t)) == new  # those of equal classes
    assert failed(lambda *at: right(*at)[::-1]) == new


# -- the expansion -----------------------------------------------------------------------------------------------------


def test_what_the_tilted_cumulants_leave_out_is_of_third_order() -> None:
    points, weights = skewed()
    k = cumulants(points, weights)
    found = np.array([tilted(points, weights, a) for a in LATE])
    mean = relaxation.tilted_mean(LATE, k["k2"], k["k3"], k["k5"])
    variance = relaxation.tilted_variance(LATE, k["k2"], k["k3"], k["k4"], k["k6"])
    assert orders(LATE, found[:, 0] - mean) == pytest.approx(3, abs=0.1)
    assert orders(LATE, found[:, 1] - variance) == pytest.approx(3, abs=0.1)
    # 10 κ₃² belongs to the second moment: as a variance it is wrong at second order
    assert orders(LATE, found[:, 1] - variance - LATE**2 * k["k3"] ** 2 / 4) == pytest.approx(2, abs=0.1)


def test_what_the_score_errors_leave_out_is_of_fifth_order() -> None:
    points, weights = np.array([-1.0, 3.0]), np.array([0.75, 0.25])
    k = cumulants(points, weights)
    a = LATE / k["k2"]
    found = np.array([score_errors(points, weights, x) for x in a.tolist()])
    best = relaxation.late_score_error(a, k["k2"], k["k3"], k["k4"])
    tangent = relaxation.taylor_score_error(a, k["k2"], k["k3"], k["k4"], k["k5"])
    assert orders(a, found[:, 0] - best) == pytest.approx(5, abs=0.1)
    assert orders(a, found[:, 1] - tangent) == pytest.approx(5, abs=0.1)
    assert np.all(found[:, 0] < found[:, 1])
    assert found[0, 1] / found[0, 0] == pytest.approx(1.5, rel=0.02)  # skewed; 2.5 for symmetric data


@given(st.floats(0.1, 3), st.floats(0.1, 2))
def test_the_tangent_of_two_gaussians_has_the_tilted_variance(m: float, sigma: float) -> None:
    """Cumulants m²+σ², −2m⁴ and 16m⁶: the exact variance of the tilted mixture to second order in a."""
    a = LATE / (m**2 + sigma**2)
    v = 1 / (1 / sigma**2 + a)
    covariance = v + (m * v / sigma**2) ** 2
    found = relaxation.tilted_variance(a, m**2 + sigma**2, 0.0, -2 * m**4, 16 * m**6)
    size = m**2 + sigma**2
    assert np.all(np.abs(covariance - found) < 6 * size * LATE**3 + 1e-14 * size)


@given(st.floats(0.3, 3), st.floats(0.1, 2))
def test_general_law_and_two_gaussians_have_the_same_late_errors(m: float, sigma: float) -> None:
    """Γ is the variance of x_t there, that of one Gaussian here: 1+b² between them."""
    k2 = m**2 + sigma**2
    a = 1e-3 / k2
    b2 = m**2 / (sigma**2 + 1 / a)
    best = mixture.linear_score_error(b2) * (1 + b2)
    tangent = relaxation.mixture_taylor_error(b2) * (1 + b2)
    assert relaxation.late_score_error(a, k2, 0, -2 * m**4) == pytest.approx(best, rel=1e-4)
    assert relaxation.taylor_score_error(a, k2, 0, -2 * m**4, 0) == pytest.approx(tangent, rel=0.02)
    assert tangent / best == pytest.approx(2.5, rel=0.02)


def test_a_gaussian_has_a_linear_score() -> None:
    node, share = np.polynomial.hermite_e.hermegauss(40)
    k = cumulants(1.3 * node, share / share.sum())
    assert relaxation.late_score_error(0.1, 1.69, 0, 0) == relaxation.taylor_score_error(0.1, 1.69, 0, 0, 0) == 0
    assert relaxation.tilted_mean(0.1, 1.69, 0, 0) == 0
    assert [k[name] for name in ("k3", "k4", "k5", "k6")] == pytest.approx([0, 0, 0, 0], abs=1e-9)
    assert relaxation.tilted_variance(1e-3, 1.69, 0, 0, 0) == pytest.approx(1.69 / (1 + 1.69e-3), rel=1e-8)


# -- two Gaussians -----------------------------------------------------------------------------------------------------


def test_errors_and_divergences_of_two_gaussians_fall_with_time() -> None:
    b2 = np.geomspace(1e-8, 1e4, 400)
    for f in (
        relaxation.mixture_negentropy,
        mixture.linear_score_error,
        relaxation.mixture_taylor_error,
    ):
        assert np.all(np.diff(f(b2)) > 0) and f(0.0) == 0
    t = np.linspace(0.05, 20, 300)
    assert np.all(np.diff(relaxation.mixture_relaxation_kl(t, 5.0, 3, 0.7)) < 0)


def test_late_forms_keep_their_digits() -> None:
    b2 = 1e-12
    assert relaxation.mixture_negentropy(b2) == pytest.approx(b2**4 / 12, rel=1e-11)
    assert mixture.linear_score_error(b2) == pytest.approx(2 / 3 * b2**4, rel=1e-11)
    assert relaxation.mixture_taylor_error(b2) == pytest.approx(5 / 3 * b2**4, rel=1e-11)


def test_the_brackets_of_the_score_time_hold() -> None:
    """δ^¼ is below the root b², 4 δ^¼/(1−δ) above it, for every δ."""
    delta = np.concatenate([np.geomspace(1e-14, 1e-2, 200), np.linspace(0.01, 1 - 1e-6, 2000)])
    assert np.all(mixture.linear_score_error(delta**0.25) < delta)
    assert np.all(mixture.linear_score_error(4 * delta**0.25 / (1 - delta)) > delta)


def test_score_times_for_some_errors() -> None:
    delta = np.array([0.001, 0.01, 0.05])
    far = relaxation.linear_score_time(delta, 1e3, 1.0)
    np.testing.assert_allclose(1e3 / np.sqrt(np.exp(2 * far)), [0.499, 0.730, 0.998], atol=6e-4)
    assert relaxation.linear_score_time(0.01, 0.3, 1.0) == 0  # one Gaussian for all it matters
    assert relaxation.linear_score_time(0.01, 0.0) == 0


# -- the times ---------------------------------------------------------------------------------------------------------


@given(st.floats(1e-8, 20), st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=6), st.floats(0.1, 10))
def test_information_time_of_a_gaussian(delta: float, spectrum: list[float], lam: float) -> None:
    eigenvalues = np.array(spectrum)
    t = relaxation.information_time(delta, eigenvalues, lam)
    assert relaxation.relaxation_kl(t, eigenvalues, lam) == pytest.approx(delta, rel=1e-9)
    late = np.log1p(np.linalg.norm(eigenvalues) / (2 * lam * np.sqrt(delta))) / 2
    assert t <= late * (1 + 1e-12)  # the late form comes from above
    assert relaxation.information_time(delta, np.append(eigenvalues, 1.0), lam) > t
    assert relaxation.information_time(2 * delta, eigenvalues, lam) < t


def test_information_time_grows_with_dimension_and_the_spectral_one_does_not() -> None:
    d = np.array([10, 1000, 100_000])
    times = [relaxation.information_time(0.01, np.ones(k)) for k in d]
    assert np.diff(times) == pytest.approx(np.log(100) / 4, rel=0.05)
    assert {float(relaxation.relaxation_time(np.ones(k))) for k in d} == {float(np.log(2) / 2)}


@settings(max_examples=30)
@given(st.floats(1e-6, 3), st.floats(0, 50), st.integers(1, 100), st.floats(0.1, 3))
def test_information_time_of_two_gaussians(delta: float, separation: float, d: int, sigma: float) -> None:
    t = relaxation.mixture_information_time(delta, separation, d, sigma)
    assert relaxation.mixture_relaxation_kl(t, separation, d, sigma) == pytest.approx(delta, rel=1e-9)
    gaussian = relaxation.information_time(delta, np.array([separation**2 + sigma**2] + [sigma**2] * (d - 1)))
    assert t >= gaussian * (1 - 1e-9)  # negentropy is more to forget
    assert relaxation.mixture_information_time(delta, separation, d + 1, sigma) > t


def test_times_of_two_gaussians_beside_each_other() -> None:
    """Far apart: spectral and linear-score times keep their distance to speciation; information has one of its own."""
    m = np.array([30.0, 300.0])
    speciation = np.log1p(m**2 - 1) / 2
    for f in (mixture.mixture_relaxation_time, lambda m: relaxation.linear_score_time(0.01, m)):
        assert np.ptp(f(m) - speciation) < 1e-3
    assert mixture.mixture_relaxation_time(m) - speciation == pytest.approx(np.log(2) / 2, abs=1e-3)
    wide = relaxation.mixture_information_time(0.01, m, np.array([[1], [100]]))
    # in high dimension the other directions take over, at moderate separation
    assert np.all(wide[1] >= wide[0]) and wide[1, 0] - wide[0, 0] > 20 * (wide[1, 1] - wide[0, 1])


@pytest.mark.parametrize(
    "point", list(itertools.product((1e-12, 1e-3, 0.9, 30.0), (0.0, 1.0), (1, 100), (0.5, 1e3))), ids=str
)
def test_information_time_keeps_its_digits(point: tuple[float, ...]) -> None:
    """The divergence, in high precision, passes δ within 10⁻¹² of the time."""
    delta, *law = point
    t = float(relaxation.mixture_information_time(*point))
    before, after = (relaxation.mixture_relaxation_kl.mp(t * (1 + s), *law, dps=20) for s in (-1e-12, 1e-12))
    assert before > delta > after


@pytest.mark.parametrize("delta", [1e-12, 1e-3, 0.05, 0.5, 0.9])
def test_score_time_keeps_its_digits(delta: float) -> None:
    t = float(relaxation.linear_score_time(delta, 10.0, 0.5))

    def error(t: float) -> mpmath.mpf:
        with mpmath.workdps(40):
            b2 = 100 / (mpmath.mpf(1) / 4 + mpmath.expm1(2 * mpmath.mpf(t)))
        return mixture.linear_score_error.mp(b2, dps=20)

    assert error(t * (1 - 1e-12)) > delta > error(t * (1 + 1e-12))


# -- conventions -------------------------------------------------------------------------------------------------------

moderate = st.floats(-5, 5)


@given(moderate, moderate, st.floats(0.05, 4), st.floats(0.1, 5))
def test_score_noise_and_velocity_say_the_same(denoised: float, u: float, t: float, lam: float) -> None:
    tau = float(np.sqrt(ou.noise_variance(t, lam)))
    noise = ou.noise_prediction(denoised, u, tau)
    score = ou.ou_score(denoised, u, t, lam)
    assert u - tau * noise == pytest.approx(denoised, abs=1e-12)
    assert score == pytest.approx(-noise / np.sqrt(lam * -np.expm1(-2 * t)), abs=1e-10)
    velocity = ou.flow_velocity(denoised, u, tau)
    s = float(ou.flow_time(tau))
    assert s * u + (1 - s) * velocity == pytest.approx(denoised, abs=1e-10)  # a straight line from here ends in D


def test_score_of_the_exact_denoiser_is_the_gradient_of_the_log_density() -> None:
    points, weights = np.array([[-1.0], [1.5]]), np.array([0.7, 0.3])
    t, lam, x = 0.7, 0.6, np.linspace(-3, 3, 41)
    tau2 = float(ou.noise_variance(t, lam))
    u = np.exp(t) * x
    denoised = exact.EmpiricalBayes(points, weights).denoise(u[:, None], tau2**0.5).numpy()[:, 0]

    def log_density(x: np.ndarray) -> np.ndarray:
        return np.log(
            np.exp(-((x[:, None] - np.exp(-t) * points[:, 0]) ** 2) / (2 * lam * -np.expm1(-2 * t))) @ weights
        )

    slope = (log_density(x + 1e-5) - log_density(x - 1e-5)) / 2e-5
    np.testing.assert_allclose(ou.ou_score(denoised, u, t, lam), slope, atol=1e-8)


@given(st.floats(0.05, 20), st.floats(0.1, 10), st.floats(0.1, 5))
def test_times_agree_across_conventions(tau: float, lam: float, eigenvalue: float) -> None:
    """The divergence from noise is a matter of τ alone, whatever the λ that it was reached with."""
    t = ou.diffusion_time(tau, lam)
    spectrum = np.array([eigenvalue, 1.0])
    here = relaxation.relaxation_kl(t, spectrum, lam)
    assert here == pytest.approx(relaxation.relaxation_kl(ou.diffusion_time(tau), spectrum), rel=1e-9)
    assert relaxation.information_time(here, spectrum, lam) == pytest.approx(t, rel=1e-9)


@given(st.floats(0.05, 10), st.floats(0, 10), st.floats(0.1, 3))
def test_in_one_dimension_divergence_splits_into_gaussian_part_and_negentropy(t: float, m: float, sigma: float) -> None:
    kl = relaxation.mixture_relaxation_kl(t, m, 1, sigma)
    b2 = m**2 / (sigma**2 + np.expm1(2 * t))
    parts = relaxation.relaxation_kl(t, np.array([m**2 + sigma**2])) + relaxation.mixture_negentropy(b2)
    assert kl == pytest.approx(parts, rel=1e-12, abs=1e-300)
    power = (m**2 + sigma**2) / (2 * np.expm1(2 * t))
    information = mixture.mixture_information(t, m, 1, sigma)
    assert kl == pytest.approx(power - information, abs=1e-13 * (1 + power))
