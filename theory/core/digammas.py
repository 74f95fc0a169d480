"""The remainder of the digamma function after its leading terms: small, and known to all digits."""

from typing import Any

import mpmath
import numpy as np
import sympy as sp
from scipy import special

_FAR = 16.0  # from here on seven terms of the series have all digits of float64
_SERIES = (1 / 12, -1 / 120, 1 / 252, -1 / 240, 1 / 132, -691 / 32760, 1 / 12)  # B_2k/(2k)


class psi_tail(sp.Function):
    """psi_tail(x): ln x − 1/(2x) − ψ(x) for x > 0, which is positive, and 1/(12x²) where x is large."""

    nargs = 1

    def doit(self, **hints: Any) -> sp.Expr:
        x = self.args[0]
        return sp.log(x) - 1 / (2 * x) - sp.digamma(x)

    def _latex(self, printer: Any) -> str:
        return rf"r_\psi\left({printer._print(self.args[0])}\right)"

    @staticmethod
    def numpy(x: np.ndarray) -> np.ndarray:
        x = np.asarray(x, float)
        far = x >= _FAR
        u = 1 / np.where(far, x, _FAR) ** 2
        near = np.where(far, 1.0, x)
        with np.errstate(divide="ignore", invalid="ignore"):  # a phase that is not in force asks for x ≤ 0 too
            value = np.log(near) - 1 / (2 * near) - special.digamma(near)
        return np.where(far, u * np.polynomial.polynomial.polyval(u, _SERIES), value)

    @staticmethod
    def mpmath(x: mpmath.mpf) -> mpmath.mpf:
        # The difference is of second order in 1/x: three times the digits keep it exact.
        with mpmath.workdps(3 * mpmath.mp.dps):
            return mpmath.log(x) - 1 / (2 * x) - mpmath.digamma(x)
