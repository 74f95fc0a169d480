"""The late-time expansions against samples of a few points: reweighted ones, and diffused ones with the exact score."""

import numpy as np

from memgen.denoisers.exact import EmpiricalBayes
from memgen.laws.process import noised
from memgen.statistics import Estimate, extrapolate, fit, mean
from memgen.streams import drawn_once, stream
from theory import relaxation
from theory.checks.check import Check, Observation

_DRAWS = 400_000
# points and their weights: skewed, skewed and flat, symmetric
_LAWS = {
    "three": ([-1.0, 0.5, 3.0], [0.6, 0.3, 0.1]),
    "uneven": ([-1.0, 3.0], [0.75, 0.25]),
    "pair": ([-1.0, 1.0], [0.5, 0.5]),
}


def _law(name: str) -> tuple[np.ndarray, np.ndarray, dict[str, float]]:
    """Centred points, their weights, and the cumulants κ₂ … κ₆ from the moments."""
    points, weights = (np.array(part) for part in _LAWS[name])
    points = points - weights @ points
    m = [float(weights @ points**k) for k in range(7)]
    cumulants = {
        "k2": m[2],
        "k3": m[3],
        "k4": m[4] - 3 * m[2] ** 2,
        "k5": m[5] - 10 * m[3] * m[2],
        "k6": m[6] - 15 * m[4] * m[2] - 10 * m[3] ** 2 + 30 * m[2] ** 3,
    }
    return points, weights, cumulants


def _reweighted(name: str, a: float) -> tuple[Estimate, Estimate]:
    """Mean and variance under the weights exp(−y²/2τ²), a = 1/τ²: what they have beyond first order in a, over a².

    Zeroth and first order are moments of the law; only what the weight has beyond them is left to the draws.
    """
    points, weights, _ = _law(name)
    y = stream("check", "late_time.tilted", name, a).choice(points, _DRAWS, p=weights)
    rest = np.expm1(-a * y**2 / 2) + a * y**2 / 2
    m = [float(weights @ points**k) for k in range(5)]
    sums = [m[k] - a * m[k + 2] / 2 + y**k * rest for k in range(3)]
    total, first, second = (float(part.mean()) for part in sums)
    centre = first / total
    spread = second / total - centre**2
    off = (sums[1] - centre * sums[0]) / total  # influence of a draw on the mean, on the variance
    wide = (sums[2] - second / total * sums[0]) / total - 2 * centre * off
    return (
        mean(off)._replace(value=(centre + a * m[3] / 2) / a**2, error=mean(off).error / a**2),
        mean(wide)._replace(value=(spread - m[2] + a * (m[4] - m[2] ** 2) / 2) / a**2, error=mean(wide).error / a**2),
    )


def _tilted(which: int) -> list[Observation]:
    """Mean or variance at a = 0.1 to second order in a, with the coefficient of a² extrapolated to a = 0."""
    found = []
    for name, scales in (("three", (0.02, 0.04, 0.06, 0.08)), ("uneven", (0.01, 0.02, 0.03, 0.04))):
        points, weights, cumulants = _law(name)
        second = extrapolate(1 / np.array(scales), [_reweighted(name, a)[which] for a in scales], (1, 2))[0]
        third, fourth = float(weights @ points**3), float(weights @ points**4)
        known = (-0.05 * third, cumulants["k2"] - 0.05 * (fourth - cumulants["k2"] ** 2))[which]
        names = (("k2", "k3", "k5"), ("k2", "k3", "k4", "k6"))[which]
        args = {"tilt": 0.1} | {k: cumulants[k] for k in names}
        found.append(Observation(args, Estimate(known + 0.01 * second.value, 0.01 * second.error)))
    return found


def _controlled(values: np.ndarray, u: np.ndarray, points: np.ndarray, weights: np.ndarray, tau: float) -> Estimate:
    """The mean of the values, whose regression on powers of u is replaced by its known mean.

    Late errors are nearly polynomials in u, so that little is left to chance. The Gauss rule is exact for these
    moments.
    """
    node, share = np.polynomial.hermite_e.hermegauss(8)
    exact = (points[:, None] + tau * node).ravel()
    share = (weights[:, None] * share / share.sum()).ravel()
    powers = np.arange(1, 7)
    design = np.column_stack([np.ones_like(u), (u[:, None] / tau) ** powers - share @ (exact[:, None] / tau) ** powers])
    half = len(u) // 2  # fitted on one half, used on the other: no bias
    coefficients = np.linalg.lstsq(design[:half], values[:half], rcond=None)[0]
    return mean(values[half:] - design[half:, 1:] @ coefficients[1:])


@drawn_once
def _errors(name: str, a: float) -> tuple[Estimate, Estimate]:
    """Squared errors of the best linear score and of the tangent at 0, times the variance of x_t."""
    points, weights, cumulants = _law(name)
    rng, tau = stream("check", "late_time.errors", name, a), a**-0.5
    u = noised(rng.choice(points, _DRAWS // 2, p=weights), tau, rng)
    law = EmpiricalBayes(points[:, None], weights)
    denoised = law.denoise(u[:, None], tau).numpy()[:, 0]  # the score of u is a (D − u)
    best = denoised - u * cumulants["k2"] / (cumulants["k2"] + tau**2)
    at_0 = weights * np.exp(-a * points**2 / 2)
    centre = at_0 @ points / at_0.sum()
    tangent = denoised - centre - a * u * (at_0 @ (points - centre) ** 2 / at_0.sum())
    scale = a**2 * (cumulants["k2"] + tau**2)
    first, second = (_controlled(scale * rest**2, u, points, weights, tau) for rest in (best, tangent))
    return first, second


def _score_errors(which: int) -> list[Observation]:
    """A score's error to fourth order in b = a/(1+aκ₂): the error over its leading power of b is fitted by a cubic in
    b."""
    found = []
    for name, leading, at in (("three", 3, 0.02), ("uneven", 3, 0.02), ("pair", 4, 0.02)):
        *_, cumulants = _law(name)
        b = np.array((0.005, 0.01, 0.02, 0.03, 0.04)) / cumulants["k2"]
        a = b / (1 - b * cumulants["k2"])
        errors = [_errors(name, float(one))[which] for one in a]
        scaled = [
            e._replace(value=e.value / x**leading, error=e.error / x**leading) for e, x in zip(errors, b, strict=True)
        ]
        coefficients, covariance = fit(b[:, None] ** np.arange(4), scaled)
        row = np.array([1.0, at if leading == 3 else 0, 0, 0])  # what lies beyond b⁴ is dropped
        error = float(np.sqrt(row @ covariance @ row))
        names = ("k2", "k3", "k4", "k5")[: 3 + which]
        args = {"tilt": at / (1 - at * cumulants["k2"])} | {k: cumulants[k] for k in names}
        found.append(Observation(args, Estimate(float(row @ coefficients) * at**leading, error * at**leading)))
    return found


CHECKS = [
    Check(
        "late_time.tilted_mean",
        relaxation.tilted_mean,
        2,
        lambda: _tilted(0),
        {
            "first order alone": lambda tilt, k2, k3, k5: -tilt * k3 / 2,
            "6 κ₂κ₃: the mean taken to stay at 0": lambda tilt, k2, k3, k5: (
                relaxation.tilted_mean(tilt, k2, k3, k5) - tilt**2 / 4 * k2 * k3
            ),
            "tilted to the heavy side": lambda tilt, k2, k3, k5: relaxation.tilted_mean(tilt, k2, -k3, -k5),
        },
    ),
    Check(
        "late_time.tilted_variance",
        relaxation.tilted_variance,
        2,
        lambda: _tilted(1),
        {
            "10 κ₃²: the second moment": lambda tilt, k2, k3, k4, k6: (
                relaxation.tilted_variance(tilt, k2, k3, k4, k6) + tilt**2 / 4 * k3**2
            ),
            "first order alone": lambda tilt, k2, k3, k4, k6: k2 - tilt * (k2**2 + k4 / 2),
            "Gaussian": lambda tilt, k2, k3, k4, k6: k2 / (1 + tilt * k2),
            "6 κ₃²: the mean taken to stay at 0": lambda tilt, k2, k3, k4, k6: (
                relaxation.tilted_variance(tilt, k2, k3, k4, k6) - tilt**2 / 4 * k3**2
            ),
        },
    ),
    Check(
        "late_time.late_score_error",
        relaxation.late_score_error,
        3,
        lambda: _score_errors(0),
        {
            "the tangent's": lambda tilt, k2, k3, k4: relaxation.taylor_score_error(tilt, k2, k3, k4, 0),
            "without the fourth cumulant": lambda tilt, k2, k3, k4: relaxation.late_score_error(tilt, k2, k3, 0),
            "τ² for the noised variance": lambda tilt, k2, k3, k4: relaxation.late_score_error(tilt, 0, k3, k4),
        },
    ),
    Check(
        "late_time.taylor_score_error",
        relaxation.taylor_score_error,
        3,
        lambda: _score_errors(1),
        {
            "the best linear score's": lambda tilt, k2, k3, k4, k5: relaxation.late_score_error(tilt, k2, k3, k4),
            "2.5 times the best, whatever the law": lambda tilt, k2, k3, k4, k5: (
                2.5 * relaxation.late_score_error(tilt, k2, k3, k4)
            ),
            "without the fifth cumulant": lambda tilt, k2, k3, k4, k5: relaxation.taylor_score_error(
                tilt, k2, k3, k4, 0
            ),
        },
    ),
]
