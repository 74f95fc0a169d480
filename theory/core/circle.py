"""The information of a noised point of a circle on its place."""

from typing import Any

import mpmath
import numpy as np
import sympy as sp
from scipy import special

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(240)
_REACH = 12.0  # standard deviations
_NEAR = 0.01
_SERIES = special.factorial(np.arange(1, 20)) ** -2.0  # I_0(y) = 1 + y²/4 + (y²/4)²/4 + …
_FAR = 1e6  # beyond, the first terms of the series in 1/x have all digits


class circle_information(sp.Function):
    """circle_information(x): I(x_0; x_0 + τξ), nats, of the uniform law on a circle of radius r, at x = r²/τ².

    It is x − E ln I_0(√x R), R being the distance of the noised point from the centre in units of τ, a Rice variable.
    """

    nargs = 1

    def _latex(self, printer: Any) -> str:
        return rf"I_\circ\left({printer._print(self.args[0])}\right)"

    @staticmethod
    def numpy(x: np.ndarray) -> np.ndarray:
        """Values to rounding, by Gauss–Legendre quadrature; ½ ln(2πx/e) − 1/4x far out."""
        x = np.asarray(x, float)
        root = np.sqrt(np.minimum(x, _FAR))[..., None]
        low = np.maximum(root - _REACH, 0)
        half = (root + _REACH - low) / 2
        place = low + half * (1 + _NODES)
        away, scaled = place - root, special.i0e(root * place)
        weight = half * _WEIGHTS * place * np.exp(-(away**2) / 2) * scaled
        # Where x is small, what remains of x is small beside the logarithm: I_0 − 1 has to keep its digits.
        little = np.minimum(root * place, 2) ** 2 / 4
        log_bessel = np.log1p(little * np.polynomial.polynomial.polyval(little, _SERIES))
        whole = np.where(
            x < _NEAR, x - (weight * log_bessel).sum(-1), -(weight * (root * away + np.log(scaled))).sum(-1)
        )
        far = np.log(2 * np.pi * np.maximum(x, 1)) / 2 - 0.5 - 1 / (4 * np.maximum(x, 1))
        return np.where(x > _FAR, far, whole)

    @staticmethod
    def mpmath(x: mpmath.mpf) -> mpmath.mpf:
        root = mpmath.sqrt(x)
        reach = mpmath.sqrt(2 * mpmath.log(10) * (mpmath.mp.dps + 5))

        def integrand(place: mpmath.mpf) -> mpmath.mpf:
            scaled = mpmath.besseli(0, root * place) * mpmath.exp(-root * place)
            away = place - root
            return place * mpmath.exp(-(away**2) / 2) * scaled * (root * away + mpmath.log(scaled))

        edges = [root - reach, root - 3, root, root + 3, root + reach]
        # analytic between the edges and at them: Gauss–Legendre needs a third of the points of tanh–sinh
        return -mpmath.quad(integrand, sorted({max(edge, mpmath.mpf(0)) for edge in edges}), method="gauss-legendre")
