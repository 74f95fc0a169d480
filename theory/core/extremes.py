"""The largest of n independent standard normal variables, n a real number from 2 on."""

from functools import lru_cache
from typing import Any

import mpmath
import numpy as np
import sympy as sp
from scipy.special import log_ndtr

# φ² Φ^{n−2} is below 10⁻³⁰ of its largest value outside, for every n ≥ 2 of float64, and smooth: the trapezoid rule is
# exact to rounding.
_NODES = np.linspace(-9, 40, 1961)
_STEP = _NODES[1] - _NODES[0]


class normal_max(sp.Function):
    """normal_max(n): the mean of the largest of n standard normal variables.

    It is n(n−1) ∫ φ² Φ^{n−2}, by parts from n ∫ u φ Φ^{n−1}.
    """

    nargs = 1
    slow = True  # a second in high precision

    def _latex(self, printer: Any) -> str:
        return f"e_{{{printer._print(self.args[0])}}}"

    @staticmethod
    def numpy(n: np.ndarray) -> np.ndarray:
        n = np.asarray(n, float)[..., None]
        return (n * (n - 1) * np.exp(_log_tie(n))).sum(-1) * _STEP

    @staticmethod
    def mpmath(n: mpmath.mpf) -> mpmath.mpf:
        return n * (n - 1) * _tie_moment(n, 0)


class tie_square(sp.Function):
    """tie_square(n): E u², u where the two largest of n standard normal variables meet, of density ∝ φ² Φ^{n−2}."""

    nargs = 1
    slow = True  # a second in high precision

    def _latex(self, printer: Any) -> str:
        return rf"\langle u^2\rangle_{{{printer._print(self.args[0])}}}"

    @staticmethod
    def numpy(n: np.ndarray) -> np.ndarray:
        n = np.asarray(n, float)[..., None]
        log_tie = _log_tie(n)
        tie = np.exp(log_tie - log_tie.max(-1, keepdims=True))
        return (tie * _NODES**2).sum(-1) / tie.sum(-1)

    @staticmethod
    def mpmath(n: mpmath.mpf) -> mpmath.mpf:
        return _tie_moment(n, 2) / _tie_moment(n, 0)


def _log_tie(n: np.ndarray) -> np.ndarray:
    return -(_NODES**2) - np.log(2 * np.pi) + (n - 2) * log_ndtr(_NODES)


def _tie_moment(n: mpmath.mpf, power: int) -> mpmath.mpf:
    """∫ u^power φ² Φ^{n−2} at the working precision."""
    return _tie_moments(n, mpmath.mp.prec)[power]


@lru_cache
def _tie_moments(n: mpmath.mpf, precision: int) -> dict[int, mpmath.mpf]:
    """∫ u^k φ² Φ^{n−2} for k = 0 and 2, by the trapezoid rule; kept, since a formula asks for both, and more than once.

    Near u = √(2 ln n) the integrand falls as exp(−n e^{−u²/2}), which grows beyond |Im u| = π/2u: the rule errs by
    e^{−2πy/step} for every y below that.
    """
    nats = precision * mpmath.log(2) + 10
    far = mpmath.sqrt(nats + 2 * mpmath.log(n))  # beyond, φ² is below 2^−precision of n^−2
    strip = mpmath.mpf("1.3") / (1 + mpmath.sqrt(2 * mpmath.log(n)))
    step = mpmath.mpf(2) ** mpmath.floor(mpmath.log(2 * mpmath.pi * strip / (nats + 20), 2))
    moments = {0: mpmath.mpf(0), 2: mpmath.mpf(0)}
    for u, log_below in _logs_below(step, int(far) + 1, precision):
        exponent = (n - 2) * log_below - u**2
        if exponent > -nats - 2 * mpmath.log(n):
            weight = mpmath.exp(exponent)
            moments = {power: total + u**power * weight for power, total in moments.items()}
    return {power: total * step / (2 * mpmath.pi) for power, total in moments.items()}


@lru_cache(maxsize=16)
def _logs_below(step: mpmath.mpf, far: int, precision: int) -> list[tuple[mpmath.mpf, mpmath.mpf]]:
    """Pairs (u, ln Φ(u)) on a grid from −far to far, the tail summed from there by Taylor's series; the same for every
    n."""
    last, tail, found = int(far / step), mpmath.ncdf(-far), []
    for k in range(last, -1, -1):
        u = k * step
        if k < last:
            tail += step * mpmath.exp(-(u**2) / 2) / mpmath.sqrt(2 * mpmath.pi) * _mean_fall(k, step, precision + 20)
        found.append((u, mpmath.log1p(-tail)))
        if k:
            found.append((-u, mpmath.log(tail)))
    return found


def _mean_fall(k: int, step: mpmath.mpf, bits: int) -> mpmath.mpf:
    """Mean of φ(x)/φ(u), x from u = k·step to u + step: Σ He_j(u) (−step)^j/(j+1)!, in integers of 2^−bits.

    The step is a power of 2, so that products with it are shifts.
    """
    shift = -2 * (mpmath.frexp(step)[1] - 1)
    before, now, total, j = 0, 1 << bits, 1 << bits, 0
    while now or before:
        after = -(((k * now) >> shift) // (j + 2)) - ((j * before) >> shift) // ((j + 1) * (j + 2))
        before, now, j = now, after, j + 1
        total += now
        if -1 <= now <= 1 and -1 <= before <= 1:  # rounded downwards, they do not vanish
            break
    return mpmath.ldexp(mpmath.mpf(total), -bits)
