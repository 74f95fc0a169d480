"""Levels for a sampler to walk down: those that people use, and the best ones for a given spectrum.

All are (steps + 1,) widths τ from `high` down to `low`, in the frame of the data. All raise ValueError on numbers that
are out of range.
"""

import math

import numpy as np
from scipy.optimize import minimize

from memgen import arrays
from memgen.arrays import Numbers

_STEEPEST = 10  # exponent of the steps


def karras(high: float, low: float, steps: int) -> np.ndarray:
    """(steps + 1,) widths, equally spaced in τ^{1/7} from high to low > 0, and then 0: Karras et al. 2022, eq. (5)."""
    high, low, steps = arrays.bare(high), arrays.bare(low), arrays.count("steps", steps, -(2**62))
    if not (math.inf > high > low > 0 and steps >= 2):
        raise ValueError(f"need high > low > 0 and steps ≥ 2, got {high:g}, {low:g}, {steps}")
    return np.append(np.linspace(high ** (1 / 7), low ** (1 / 7), steps) ** 7, 0.0)


def equal_angle(high: float, low: float, steps: int, scale: float = 1.0) -> np.ndarray:
    """(steps + 1,) widths from high to low ≥ 0, equally spaced in arctan(τ/scale).

    No other widths make DDIM shrink the variance along an eigenvalue scale² less (derived here): it keeps the share
    cos^{2·steps} of the angle of a step.
    """
    high, low, scale = arrays.bare(high), arrays.bare(low), arrays.bare(scale)
    steps = arrays.count("steps", steps, -(2**62))
    if not (math.inf > high > low >= 0 and 0 < scale < math.inf and steps >= 1):
        raise ValueError(f"need high > low ≥ 0, scale > 0 and steps ≥ 1, got {high:g}, {low:g}, {scale:g}, {steps}")
    widths = scale * np.tan(np.linspace(math.atan(high / scale), math.atan(low / scale), steps + 1))
    widths[0], widths[-1] = high, low
    return widths


def spaced(high: float, low: float, steps: int, exponent: float) -> np.ndarray:
    """(steps + 1,) widths from high to low > 0 whose steps grow as τ^exponent: equally spaced in τ^{1−exponent}.

    An exponent of 0 gives a straight line, 1 a geometric row (equal in log-SNR, as in DPM-Solver); `karras` has 6/7.
    """
    high, low, exponent = arrays.bare(high), arrays.bare(low), arrays.bare(exponent)
    steps = arrays.count("steps", steps, -(2**62))
    if not (math.inf > high > low > 0 and steps >= 1 and abs(exponent) <= _STEEPEST):
        raise ValueError(
            f"need high > low > 0, steps ≥ 1 and an exponent within ±{_STEEPEST}, got {high:g}, {low:g}, {steps}, "
            f"{exponent:g}"
        )
    power = 1 - exponent
    # (r^p − 1)/p in place of r^p, so that p = 0 is the logarithm and not 0/0
    rise = math.log(low / high)
    place = np.linspace(0, 1, steps + 1)
    widths = high * np.exp(rise * place if power == 0 else np.log1p(place * math.expm1(power * rise)) / power)
    widths[0], widths[-1] = high, low
    if not (np.diff(widths) < 0).all():
        raise ValueError(f"high = {high:g} and low = {low:g} are too near for {steps} levels in double precision")
    return widths


def best_levels(eigenvalues: Numbers, high: float, low: float, steps: int) -> np.ndarray:
    """The widths at which DDIM with the linear denoiser of this spectrum comes nearest to its law, in KL divergence.

    Along each eigenvector (variance λ > 0, data²) DDIM leaves the share e^{−loss} of λ + low², the losses of the steps
    being −2 ln cos(θ_k − θ_{k+1}) with θ = arctan(τ/√λ). The sum of ½(e^{−loss} − 1 + loss) over the eigenvalues is
    made least by Newton's method in ln τ, from the levels that are equal in the angle of the middle eigenvalue.
    """
    spectrum = arrays.finite("eigenvalues", arrays.vector("eigenvalues", eigenvalues))
    if not (spectrum > 0).all():
        raise ValueError(f"eigenvalues must be positive, got {spectrum.min():g}")
    root = np.sqrt(spectrum)[:, None]
    start = equal_angle(high, low, steps, float(np.exp(np.log(root).mean())))
    if steps == 1:
        return start
    ends = np.arctan(start[[0, -1]] / root)

    def losses(y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Angles of the inner levels, and the tangents of the steps; and the loss of each eigenvalue."""
        angle = np.arctan(np.exp(y) / root)
        tangent = np.tan(-np.diff(np.hstack([ends[:, :1], angle, ends[:, 1:]])))
        return angle, tangent, np.log1p(tangent**2).sum(1)

    def value(y: np.ndarray) -> tuple[float, np.ndarray]:
        angle, tangent, loss = losses(y)
        slope = np.sin(2 * angle) * np.diff(tangent)
        return float((np.expm1(-loss) + loss).sum() / 2), -np.expm1(-loss) @ slope / 2

    def curvature(y: np.ndarray) -> np.ndarray:
        angle, tangent, loss = losses(y)
        first, weight = np.sin(2 * angle), -np.expm1(-loss)
        slope, steep = first * np.diff(tangent), 1 + tangent**2
        middle = np.sin(4 * angle) / 2 * np.diff(tangent) * 2 + first**2 / 2 * (steep[:, 1:] + steep[:, :-1])
        beside = weight @ (-first[:, 1:] * first[:, :-1] / 2 * steep[:, 1:-1])
        band = np.diag(weight @ middle) + np.diag(beside, 1) + np.diag(beside, -1)
        return (band + (slope.T * np.exp(-loss)) @ slope) / 2

    found = minimize(
        value, np.log(start[1:-1]), jac=True, hess=curvature, method="trust-exact", options={"gtol": 1e-12}
    )
    widths = np.concatenate([start[:1], np.exp(found.x), start[-1:]])
    if not (np.isfinite(found.fun) and np.all(np.diff(widths) < 0)):
        raise ValueError(f"no levels were found for {steps} steps from {high:g} to {low:g}: {found.message}")
    return widths
