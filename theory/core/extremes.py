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
    """e_n = E max of n standard normal variables: n(n−1) ∫ φ² Φ^{n−2}, by parts from n ∫ u φ Φ^{n−1}."""

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
    """E u² of the place u where the two largest of n standard normal variables meet, of density ∝ φ² Φ^{n−2}."""

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
    """∫ u^power φ² Φ^{n−2} at the working precision, in pieces around where the integrand is largest."""
    return _quadrature(n, power, mpmath.mp.prec)


@lru_cache
def _quadrature(n: mpmath.mpf, power: int, precision: int) -> mpmath.mpf:
    """Kept, for a formula asks for the same moments more than once, a mean and a ratio of two, at each `precision`."""
    reach, middle = mpmath.sqrt((mpmath.mp.dps + 5) * mpmath.log(10)), mpmath.sqrt(2 * mpmath.log(n))
    edges = [-reach, 0, middle / 2, middle, middle + 2, middle + reach]
    return mpmath.quad(lambda u: u**power * mpmath.npdf(u) ** 2 * mpmath.ncdf(u) ** (n - 2), edges)
