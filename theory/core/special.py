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


class log_expm1(sp.Function):
    """log_expm1(x): ln(e^x − 1) for x > 0, where e^x may leave the range of float64."""

    nargs = 1

    def doit(self, **hints: Any) -> sp.Expr:
        return sp.log(sp.exp(self.args[0]) - 1)

    def _latex(self, printer: Any) -> str:
        return printer._print(self.doit())

    @staticmethod
    def numpy(x: np.ndarray) -> np.ndarray:
        return np.where(x > 1, x + np.log1p(-np.exp(-np.maximum(x, 1))), np.log(np.expm1(np.minimum(x, 1))))

    @staticmethod
    def mpmath(x: mpmath.mpf) -> mpmath.mpf:
        return mpmath.log(mpmath.expm1(x))


class ratio_divergence(sp.Function):
    """ratio_divergence(x): x − 1 − ln x, twice the KL divergence between centred Gaussians of variance ratio x."""

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
        """The values with full relative precision for x > 0; the naive form loses all of it as x → 1."""
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
    """log_excess(r): r − ln(1+r), twice the KL divergence of N(0, 1+r) from N(0, 1); all digits at tiny r too."""

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
    """log_add(a, b): ln(e^a + e^b), where e^a and e^b may leave the range of float64."""

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
    """narrowing(x): ln(1+x) − x/(1+x), twice the KL of N(0, 1/(1+x)) from N(0, 1); all digits at tiny x too."""

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


class root_deficit(sp.Function):
    """root_deficit(x): 1 − ₂F₁(−½, ½; 2; x), 1 less the mean root of a Marchenko–Pastur eigenvalue; x/8 at small x."""

    nargs = 1

    def doit(self, **hints: Any) -> sp.Expr:
        half = sp.Rational(1, 2)
        return 1 - sp.hyper((-half, half), (2,), self.args[0])

    def _latex(self, printer: Any) -> str:
        return rf"\left[{printer._print(self.doit())}\right]"

    @staticmethod
    def numpy(x: np.ndarray) -> np.ndarray:
        k = np.arange(1, 16)
        terms = np.concatenate([[1 / 8], (k - 0.5) * (k + 0.5) / ((k + 1) * (k + 2))]).cumprod()
        near = x * np.polynomial.polynomial.polyval(np.minimum(x, 0.1), terms)
        return np.where(x < 0.1, near, 1 - special.hyp2f1(-0.5, 0.5, 2, x))

    @staticmethod
    def mpmath(x: mpmath.mpf) -> mpmath.mpf:
        with mpmath.workdps(2 * mpmath.mp.dps):
            return 1 - mpmath.hyp2f1(mpmath.mpf(-1) / 2, mpmath.mpf(1) / 2, 2, x)


class log_either(sp.Function):
    """log_either(x, less): ln x, where x and less = x − 1 are both known to all their digits."""

    nargs = 2

    def doit(self, **hints: Any) -> sp.Expr:
        return sp.log(self.args[0])

    def _latex(self, printer: Any) -> str:
        return printer._print(self.doit())

    @staticmethod
    def numpy(x: np.ndarray, less: np.ndarray) -> np.ndarray:
        return np.where(np.abs(less) < 0.5, np.log1p(np.maximum(less, -0.5)), np.log(x))

    @staticmethod
    def mpmath(x: mpmath.mpf, less: mpmath.mpf) -> mpmath.mpf:
        return mpmath.log1p(less) if abs(less) < 0.5 else mpmath.log(x)


class reflected(sp.Function):
    """reflected(ζ): Γ((1+ζ)/2) Γ((3−ζ)/2) = πq/sin πq, q = (ζ−1)/2, −1 < ζ < 3; all digits near the ends too."""

    nargs = 1

    def doit(self, **hints: Any) -> sp.Expr:
        return 1 / sp.sinc(sp.pi * (self.args[0] - 1) / 2)

    def _latex(self, printer: Any, exp: str = "") -> str:
        power = rf"\Gamma^{{{exp}}}" if exp else r"\Gamma"
        z = printer._print(self.args[0])
        return rf"{power}\left(\tfrac{{1+{z}}}{{2}}\right){power}\left(\tfrac{{3-{z}}}{{2}}\right)"

    @staticmethod
    def numpy(z: np.ndarray) -> np.ndarray:
        return special.gamma((1 + z) / 2) * special.gamma((3 - z) / 2)

    @staticmethod
    def mpmath(z: mpmath.mpf) -> mpmath.mpf:
        return mpmath.gamma((1 + z) / 2) * mpmath.gamma((3 - z) / 2)


def _split(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Split numbers into two parts of 26 bits each, high and low, whose sums they are (Veltkamp)."""
    c = 134217729.0 * x
    high = c - (c - x)
    return high, x - high


def _exact_sum(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """x + y rounded, and what was rounded off (Knuth)."""
    total = x + y
    part = total - x
    return total, (x - (total - part)) + (y - part)


class edge_gap(sp.Function):
    """edge_gap(s, x): 4x − (s−1−x)², which changes sign at the edges (1±√x)² of a spectrum; all digits there too."""

    nargs = 2

    def doit(self, **hints: Any) -> sp.Expr:
        s, x = self.args
        return 4 * x - (s - 1 - x) ** 2

    def _latex(self, printer: Any) -> str:
        return printer._print(self.doit())

    @staticmethod
    def numpy(s: np.ndarray, x: np.ndarray) -> np.ndarray:
        one, lost = _exact_sum(s, np.full_like(s, -1.0))
        beyond, more = _exact_sum(one, -x)
        rest = lost + more
        high, low = _split(beyond)
        square = beyond * beyond
        tail = ((high * high - square) + 2 * high * low) + low * low + 2 * beyond * rest
        return (4 * x - square) - tail

    @staticmethod
    def mpmath(s: mpmath.mpf, x: mpmath.mpf) -> mpmath.mpf:
        with mpmath.workdps(3 * mpmath.mp.dps):
            return 4 * x - (s - 1 - x) ** 2


class sinh_excess(sp.Function):
    """sinh_excess(x): sinh x − x, which is x³/6 where x is small; all digits there too."""

    nargs = 1

    def doit(self, **hints: Any) -> sp.Expr:
        return sp.sinh(self.args[0]) - self.args[0]

    def _latex(self, printer: Any) -> str:
        return rf"\left({printer._print(self.doit())}\right)"

    @staticmethod
    def numpy(x: np.ndarray) -> np.ndarray:
        series = 1 / special.factorial(np.arange(3, 23, 2))
        return np.where(x < 1, x**3 * np.polynomial.polynomial.polyval(x * x, series), np.sinh(x) - x)

    @staticmethod
    def mpmath(x: mpmath.mpf) -> mpmath.mpf:
        with mpmath.workdps(3 * mpmath.mp.dps):
            return mpmath.sinh(x) - x


class remainder(sp.Function):
    """remainder(x, share, rest): 1 − x·share, where rest = 1 − share is known to all digits too; x > 0."""

    nargs = 3

    def doit(self, **hints: Any) -> sp.Expr:
        x, share, _ = self.args
        return 1 - x * share.doit()

    def _latex(self, printer: Any) -> str:
        return rf"\left({printer._print(self.doit())}\right)"

    @staticmethod
    def numpy(x: np.ndarray, share: np.ndarray, rest: np.ndarray) -> np.ndarray:
        return np.where(x <= 1, (1 - x) + x * rest, rest - (x - 1) * share)

    @staticmethod
    def mpmath(x: mpmath.mpf, share: mpmath.mpf, rest: mpmath.mpf) -> mpmath.mpf:
        return (1 - x) + x * rest if x <= 1 else rest - (x - 1) * share


class smaller(sp.Function):
    """smaller(x, y): the smaller of two numbers; of two that rise, it is 0 where the later one crosses 0.

    SymPy's own Min asks for signs.
    """

    nargs = 2

    def doit(self, **hints: Any) -> sp.Expr:
        return sp.Min(*self.args)

    def _latex(self, printer: Any) -> str:
        return printer._print(self.doit())

    numpy = staticmethod(np.minimum)
    mpmath = staticmethod(min)


class positive_part(sp.Function):
    """positive_part(x): x where it is positive, else 0.

    SymPy's own Max asks for signs, and takes minutes over long arguments.
    """

    nargs = 1

    def _latex(self, printer: Any) -> str:
        return rf"\max\left(0, {printer._print(self.args[0])}\right)"

    @staticmethod
    def numpy(x: np.ndarray) -> np.ndarray:
        return np.maximum(x, 0)

    @staticmethod
    def mpmath(x: mpmath.mpf) -> mpmath.mpf:
        return max(x, mpmath.mpf(0))


class positive_root(sp.Function):
    """positive_root(a, b, c): the larger root r of a r² + b r = c (a > 0; r > 0 for c > 0), without cancellation at
    either sign of b for c > 0.
    """

    nargs = 3

    def doit(self, **hints: Any) -> sp.Expr:
        a, b, c = (argument.doit() for argument in self.args)
        return 2 * c / (b + sp.sqrt(b**2 + 4 * a * c))

    def _latex(self, printer: Any) -> str:
        return printer._print(self.doit())

    @staticmethod
    def numpy(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
        under = b * b + 4 * a * c
        under = np.where((under < 0) & (under > -1e-14 * b * b), 0, under)  # c < 0: a double root, to rounding
        large = (np.abs(b) + np.sqrt(under)) / 2
        return np.where(b >= 0, c, large) / np.where(b >= 0, large, a)

    @staticmethod
    def mpmath(a: mpmath.mpf, b: mpmath.mpf, c: mpmath.mpf) -> mpmath.mpf:
        large = (abs(b) + mpmath.sqrt(b * b + 4 * a * c)) / 2
        return c / large if b >= 0 else large / a


class log_ndtr(sp.Function):
    """log_ndtr(x): ln Φ(x), Φ the distribution function of the standard normal law."""

    nargs = 1
    numpy = staticmethod(special.log_ndtr)

    def doit(self, **hints: Any) -> sp.Expr:
        return sp.log(sp.erfc(-self.args[0] / sp.sqrt(2)) / 2)

    def _latex(self, printer: Any) -> str:
        return rf"\ln\Phi\left({printer._print(self.args[0])}\right)"

    @staticmethod
    def mpmath(x: mpmath.mpf) -> mpmath.mpf:
        return mpmath.log(mpmath.erfc(-x / mpmath.sqrt(2)) / 2)


class erf_from(sp.Function):
    """erf_from(x, h): erf(x + h) − erf(x) for x, h ≥ 0, to all digits also where h or x is small."""

    nargs = 2

    def doit(self, **hints: Any) -> sp.Expr:
        x, h = self.args
        return sp.erf(sp.factor(x + h)) - sp.erf(x)

    def _latex(self, printer: Any) -> str:
        high, low = (printer._print(sp.factor(end)) for end in (self.args[0] + self.args[1], self.args[0]))
        return rf"\mathrm{{erf}}\left({high}\right) - \mathrm{{erf}}\left({low}\right)"

    @staticmethod
    def numpy(x: np.ndarray, h: np.ndarray) -> np.ndarray:
        nodes, weights = np.polynomial.legendre.leggauss(16)
        inside = np.exp(-((x[..., None] + np.minimum(h, 1)[..., None] * (1 + nodes) / 2) ** 2)) @ weights
        return np.where(h < 1, h / np.sqrt(np.pi) * inside, special.erf(x + h) - special.erf(x))

    @staticmethod
    def mpmath(x: mpmath.mpf, h: mpmath.mpf) -> mpmath.mpf:
        with mpmath.workdps(3 * mpmath.mp.dps):
            return mpmath.erf(x + h) - mpmath.erf(x)


class normal_quantile(sp.Function):
    """normal_quantile(p): Φ⁻¹(p), the quantile of the standard normal law."""

    nargs = 1
    numpy = staticmethod(special.ndtri)

    def doit(self, **hints: Any) -> sp.Expr:
        return sp.sqrt(2) * sp.erfinv(2 * self.args[0] - 1)

    def _latex(self, printer: Any) -> str:
        return rf"\Phi^{{-1}}\left({printer._print(self.args[0])}\right)"

    @staticmethod
    def mpmath(p: mpmath.mpf) -> mpmath.mpf:
        return mpmath.sqrt(2) * mpmath.erfinv(2 * p - 1)
