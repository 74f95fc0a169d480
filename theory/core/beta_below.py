"""P(a Beta variable lies below multiples of odds), by inversion of characteristic functions (Gil-Pelaez).

For independent B ~ Beta(a, b) and V = X/Y, X ~ Γ_a, Y ~ Γ_c (Gamma variables of these shapes),

    beta_below(a, b, c, x) = P((a+b) B < (1+x) c V) = ½ + (1/π) ∫₀^∞ Im φ(s) ds/s,
    φ(s) = (1+x)^{is} |Γ(a+is)/Γ(a)|² · c^{is} Γ(c−is)/Γ(c) · (a+b)^{−is} Γ(a+b)/Γ(a+b−is),

for ln B and ln V have characteristic functions that are ratios of gamma functions.  The midpoint rule with step h is
exact but for what lies beyond ±2π/h, and φ falls exponentially: some fifteen nodes do where both are nearly normal, and
a few hundred where a = ½.  By Stirling's formula no two large logarithms are subtracted.
"""

from typing import Any

import mpmath
import numpy as np
import sympy as sp
from scipy.special import loggamma

_FAR = 10.0  # from here on seven terms of Stirling's series have all digits of float64
_SERIES = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156)  # B_2k/(2k(2k−1))
_CHUNK = 2**17  # nodes at a time


class beta_below(sp.Function):
    """beta_below(a, b, c, x): P((a+b) B < (1+x) c X/Y) for independent B ~ Beta(a, b), X ~ Γ_a, Y ~ Γ_c."""

    nargs = 4
    has_log = False  # known to 10⁻¹³ absolutely, not relatively
    sure = True  # its digits are right at the first precision tried

    def _latex(self, printer: Any) -> str:
        a, b, c, x = (printer._print(sp.together(argument)) for argument in self.args)
        total = printer._print(sp.together(sp.expand(self.args[0] + self.args[1])))
        odds = rf"\frac{{\Gamma_{{{a}}}}}{{\Gamma_{{{c}}}}}"
        beta = rf"\mathrm{{Beta}}\left({a},{b}\right)"
        return rf"P\left[{total}\,{beta}<\left(1+{x}\right)\left({c}\right){odds}\right]"

    @staticmethod
    def numpy(a: Any, b: Any, c: Any, x: Any) -> np.ndarray:
        """Values in float64, to about 10⁻¹³."""
        arrays = np.broadcast_arrays(*(np.asarray(v, float) for v in (a, b, c, x)))
        points = np.stack([array.ravel() for array in arrays])
        step, count = _grid(points, nats=31.0)
        value, ends = np.empty(count.size), np.cumsum(count)
        start = 0
        while start < count.size:
            before = ends[start] - count[start]
            stop = max(start + 1, int(np.searchsorted(ends, before + _CHUNK)))
            part = slice(start, stop)
            value[part] = _sums(points[:, part], step[part], count[part])
            start = stop
        return np.clip(0.5 + value, 0, 1).reshape(arrays[0].shape)

    @staticmethod
    def mpmath(a: mpmath.mpf, b: mpmath.mpf, c: mpmath.mpf, x: mpmath.mpf) -> mpmath.mpf:
        """The value at the working precision: the same sum, with gamma functions of as many more digits as cancel."""
        digits = mpmath.mp.dps
        (step,), (count,) = _grid(np.array([[float(v)] for v in (a, b, c, x)]), nats=2.31 * digits + 4)
        with mpmath.workdps(digits + 10 + 2 * int(mpmath.log10(a + b + c + 1))):
            whole, step = a + b, mpmath.mpf(float(step))
            base = 2 * mpmath.loggamma(a) + mpmath.loggamma(c) - mpmath.loggamma(whole)
            shift = mpmath.log1p(x) + mpmath.log(c / whole)
            total = mpmath.mpf(0)
            for k in range(int(count)):
                s = (k + mpmath.mpf(1) / 2) * step
                gammas = 2 * mpmath.re(mpmath.loggamma(mpmath.mpc(a, s)))
                gammas += mpmath.loggamma(mpmath.mpc(c, -s)) - mpmath.loggamma(mpmath.mpc(whole, -s))
                total += mpmath.im(mpmath.exp(gammas - base + mpmath.mpc(0, s * shift))) / s
            return mpmath.mpf(1) / 2 + step * total / mpmath.pi


def _grid(points: np.ndarray, nats: float) -> tuple[np.ndarray, np.ndarray]:
    """The step and the number of nodes for each point (4, points): what is left out is below e^{−nats}."""
    a, _, c, x = points
    # |Γ(z+is)/Γ(z)|² falls faster than exp(−s²/(z+s/3)), and more so for smaller z; a log-gamma variable deviates
    # downwards by u with a probability below exp(−z u²/(2+u)).
    twice = nats / 6 + np.sqrt(nats**2 / 36 + nats * a)
    once = nats / 3 + np.sqrt(nats**2 / 9 + 2 * nats * c)
    share, rest = nats / (2 * a), nats / (2 * c)
    reach = 1.3 * (share + np.sqrt(share**2 + 4 * share)) + (rest + np.sqrt(rest**2 + 4 * rest))
    step = 2 * np.pi / (reach + np.log1p(x))
    return step, np.ceil(np.minimum(twice, once) / step).astype(int)


def _sums(points: np.ndarray, step: np.ndarray, count: np.ndarray) -> np.ndarray:
    """(1/π) ∫ Im φ(s) ds/s for each point, over a common array of all their nodes."""
    first = np.cumsum(count) - count
    a, b, c, x, h, k = np.repeat(np.vstack([points, step, first]), count, axis=1)
    s = (np.arange(h.size) - k + 0.5) * h
    exponent = 2 * _gamma(a, s).real + _gamma(c, s) - _gamma(a + b, s)
    terms = np.exp(exponent.real) * np.sin(exponent.imag + s * np.log1p(x)) / s
    return step * np.add.reduceat(terms, first) / np.pi


def _gamma(z: np.ndarray, s: np.ndarray) -> np.ndarray:
    """ln Γ(z−is) − ln Γ(z) + is ln z."""
    ratio = s / z
    turn = np.log1p(ratio * ratio) / 2 - 1j * np.arctan(ratio)  # ln(1 − is/z)
    return (z - 0.5 - 1j * s) * turn + 1j * s + _tail(z - 1j * s) - _tail(z)


def _tail(z: np.ndarray) -> np.ndarray:
    """ln Γ(z) − (z−½) ln z + z − ½ ln 2π: about 1/(12z)."""
    far = np.abs(z) >= _FAR
    inverse = 1 / np.where(far, z, _FAR)
    value = inverse * np.polynomial.polynomial.polyval(inverse * inverse, _SERIES)
    if not far.all():
        near = z[~far]
        value[~far] = loggamma(near) - (near - 0.5) * np.log(near) + near - np.log(2 * np.pi) / 2
    return value
