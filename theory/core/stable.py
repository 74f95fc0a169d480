"""How two condensed sums compare, and how rare their largest terms are: to all digits."""

from typing import Any

import mpmath
import numpy as np
import sympy as sp
from scipy.special import erfcx

_FAR = 20.0  # beyond, the arc is its tangent to 10⁻¹⁷


class log_stable_excess(sp.Function):
    """log_stable_excess(x, m): ln P(S₁ > e^{x/m} S₂), S₁, S₂ independent, positive m-stable and of one law, m < 1."""

    nargs = 2

    def doit(self, **hints: Any) -> sp.Expr:
        x, m = self.args
        return sp.log(sp.acot((sp.exp(x) + sp.cos(sp.pi * m)) / sp.sin(sp.pi * m)) / (sp.pi * m))

    def _latex(self, printer: Any) -> str:
        return printer._print(self.doit())

    @staticmethod
    def numpy(x: np.ndarray, m: np.ndarray) -> np.ndarray:
        near, far = np.minimum(x, _FAR), np.maximum(x, _FAR)
        sine = np.sin(np.pi * np.minimum(m, 1 - m))
        raised = 2 * np.sin(np.pi * (1 - m) / 2) ** 2  # 1 + cos πm, to all digits as m → 1
        arc = np.log(np.arctan2(sine, np.expm1(near) + raised) / (np.pi * m))
        return np.where(x < _FAR, arc, np.log(sine / (np.pi * m)) - x - np.log1p((raised - 1) * np.exp(-far)))

    @staticmethod
    def mpmath(x: mpmath.mpf, m: mpmath.mpf) -> mpmath.mpf:
        return mpmath.log(mpmath.atan2(mpmath.sinpi(m), mpmath.exp(x) + mpmath.cospi(m)) / (mpmath.pi * m))


class log_mills(sp.Function):
    """log_mills(w): ln of Mills' ratio, the standard normal tail over its density; decreasing, −ln w for large w."""

    nargs = 1

    def doit(self, **hints: Any) -> sp.Expr:
        w = self.args[0].doit()
        return sp.log(sp.sqrt(sp.pi / 2) * sp.exp(w**2 / 2) * sp.erfc(w / sp.sqrt(2)))

    def _latex(self, printer: Any) -> str:
        return rf"\ln R\left({printer._print(self.args[0])}\right)"

    @staticmethod
    def numpy(w: np.ndarray) -> np.ndarray:
        return np.log(np.sqrt(np.pi / 2) * erfcx(w / np.sqrt(2)))

    @staticmethod
    def mpmath(w: mpmath.mpf) -> mpmath.mpf:
        return mpmath.log(mpmath.sqrt(mpmath.pi / 2) * mpmath.erfc(w / mpmath.sqrt(2))) + w**2 / 2
