"""Special functions that keep their digits where the elementary expression would lose them."""

from typing import Any

import mpmath
import numpy as np
import sympy as sp
from scipy import special


def near_one(r: np.ndarray) -> np.ndarray:
    """r − ln(1+r) for |r| < ¼: with s = r/(2+r), ln(1+r) = 2 artanh s, it is 2s²/(1−s) − 2s³(1/3 + s²/5 + …)."""
    s = r / (2 + r)
    tail = np.polynomial.polynomial.polyval(s * s, 1 / np.arange(3, 23, 2))
    return 2 * s * s * (1 / (1 - s) - s * tail)


class ratio_divergence(sp.Function):
    """x − 1 − ln x: twice the KL divergence between centred Gaussians on the line with variance ratio x."""

    nargs = 1

    def as_log(self) -> sp.Expr:
        (x,) = self.args
        return x - 1 - sp.log(x)

    def doit(self, **hints: Any) -> sp.Expr:
        return self.as_log()

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        return 1 - 1 / self.args[0]

    def _latex(self, printer: Any) -> str:
        return rf"h\left({printer._print(self.args[0])}\right)"

    @staticmethod
    def numpy(x: np.ndarray) -> np.ndarray:
        """Full relative precision for x > 0; the naive form loses all of it as x → 1."""
        x = np.asarray(x, float)
        with np.errstate(divide="ignore", invalid="ignore"):
            value = np.where(np.isinf(x), x, x - 1 - np.log(x))
        near = np.nonzero(np.abs(x - 1) < 0.25)
        value[near] = near_one(x[near] - 1)
        return value

    @staticmethod
    def mpmath(x: mpmath.mpf) -> mpmath.mpf:
        # Near 1 the difference is of second order: twice the working digits keep it exact.
        with mpmath.workdps(2 * mpmath.mp.dps):
            return x - 1 - mpmath.log(x)


class log_excess(sp.Function):
    """r − ln(1+r): twice the KL divergence of N(0, 1+r) from N(0, 1); to all digits also where r is tiny."""

    nargs = 1

    def doit(self, **hints: Any) -> sp.Expr:
        return self.args[0] - sp.log(1 + self.args[0])

    def _latex(self, printer: Any) -> str:
        return rf"h\left(1+{printer._print(self.args[0])}\right)"

    @staticmethod
    def numpy(r: np.ndarray) -> np.ndarray:
        r = np.asarray(r, float)
        value = np.where(np.isinf(r), r, r - np.log1p(np.where(np.isinf(r), 0, r)))
        near = np.nonzero(np.abs(r) < 0.25)
        value[near] = near_one(r[near])
        return value

    @staticmethod
    def mpmath(r: mpmath.mpf) -> mpmath.mpf:
        with mpmath.workdps(3 * mpmath.mp.dps):
            return r - mpmath.log1p(r)


class log_add(sp.Function):
    """ln(e^a + e^b), where e^a and e^b may leave the range of float64."""

    nargs = 2

    def doit(self, **hints: Any) -> sp.Expr:
        a, b = self.args
        return sp.log(sp.exp(a) + sp.exp(b))

    def _latex(self, printer: Any) -> str:
        return printer._print(self.doit())

    @staticmethod
    def numpy(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.logaddexp(a, b)

    @staticmethod
    def mpmath(a: mpmath.mpf, b: mpmath.mpf) -> mpmath.mpf:
        return mpmath.log(mpmath.exp(a) + mpmath.exp(b))


# -- the random-energy model of the other points ---------------------------------------------------------------------
class narrowing(sp.Function):
    """ln(1+x) − x/(1+x): twice the KL divergence of N(0, 1/(1+x)) from N(0, 1); to all digits also where x is tiny."""

    nargs = 1

    def doit(self, **hints: Any) -> sp.Expr:
        return sp.log(1 + self.args[0]) - self.args[0] / (1 + self.args[0])

    def _latex(self, printer: Any) -> str:
        x = printer._print(self.args[0])
        return rf"\left[\ln\left(1+{x}\right)-\tfrac{{{x}}}{{1+{x}}}\right]"

    @staticmethod
    def numpy(x: np.ndarray) -> np.ndarray:
        x = np.asarray(x, float)
        value = np.log1p(x) - x / (1 + x)
        near = np.nonzero(x < 0.25)
        value[near] = near_one(-x[near] / (1 + x[near]))
        return value

    @staticmethod
    def mpmath(x: mpmath.mpf) -> mpmath.mpf:
        with mpmath.workdps(3 * mpmath.mp.dps):
            return mpmath.log1p(x) - x / (1 + x)


class positive_root(sp.Function):
    """The positive root r of a r² + b r = c (a, c > 0), without cancellation for either sign of b."""

    nargs = 3

    def doit(self, **hints: Any) -> sp.Expr:
        a, b, c = (argument.doit() for argument in self.args)
        return 2 * c / (b + sp.sqrt(b**2 + 4 * a * c))

    def _latex(self, printer: Any) -> str:
        return printer._print(self.doit())

    @staticmethod
    def numpy(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
        large = (np.abs(b) + np.sqrt(b * b + 4 * a * c)) / 2
        return np.where(b >= 0, c, large) / np.where(b >= 0, large, a)

    @staticmethod
    def mpmath(a: mpmath.mpf, b: mpmath.mpf, c: mpmath.mpf) -> mpmath.mpf:
        large = (abs(b) + mpmath.sqrt(b * b + 4 * a * c)) / 2
        return c / large if b >= 0 else large / a


class log_ndtr(sp.Function):
    """ln Φ of the standard normal law."""

    nargs = 1
    numpy = staticmethod(special.log_ndtr)

    def doit(self, **hints: Any) -> sp.Expr:
        return sp.log(sp.erfc(-self.args[0] / sp.sqrt(2)) / 2)

    def _latex(self, printer: Any) -> str:
        return rf"\ln\Phi\left({printer._print(self.args[0])}\right)"

    @staticmethod
    def mpmath(x: mpmath.mpf) -> mpmath.mpf:
        return mpmath.log(mpmath.erfc(-x / mpmath.sqrt(2)) / 2)


class erf_around(sp.Function):
    """erf(x + h) − erf(x − h), to all digits also where h is small."""

    nargs = 2

    def doit(self, **hints: Any) -> sp.Expr:
        x, h = self.args
        return sp.erf(x + h) - sp.erf(x - h)

    def _latex(self, printer: Any) -> str:
        high, low = (
            printer._print(sp.factor(end)) for end in (self.args[0] + self.args[1], self.args[0] - self.args[1])
        )
        return rf"\mathrm{{erf}}\left({high}\right) - \mathrm{{erf}}\left({low}\right)"

    @staticmethod
    def numpy(x: np.ndarray, h: np.ndarray) -> np.ndarray:
        nodes, weights = np.polynomial.legendre.leggauss(16)
        inside = np.exp(-((x[..., None] + np.minimum(h, 0.5)[..., None] * nodes) ** 2)) @ weights
        return np.where(h < 0.5, 2 / np.sqrt(np.pi) * h * inside, special.erf(x + h) - special.erf(x - h))

    @staticmethod
    def mpmath(x: mpmath.mpf, h: mpmath.mpf) -> mpmath.mpf:
        with mpmath.workdps(3 * mpmath.mp.dps):
            return mpmath.erf(x + h) - mpmath.erf(x - h)


class normal_quantile(sp.Function):
    """Φ⁻¹ of the standard normal law."""

    nargs = 1
    numpy = staticmethod(special.ndtri)

    def doit(self, **hints: Any) -> sp.Expr:
        return sp.sqrt(2) * sp.erfinv(2 * self.args[0] - 1)

    def _latex(self, printer: Any) -> str:
        return rf"\Phi^{{-1}}\left({printer._print(self.args[0])}\right)"

    @staticmethod
    def mpmath(p: mpmath.mpf) -> mpmath.mpf:
        return mpmath.sqrt(2) * mpmath.erfinv(2 * p - 1)
