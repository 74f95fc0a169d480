"""Averages over two Gaussians at ±b of unit variance, as functions of b², with their digits.

Every average here is over w with density ½N(w; b, 1) + ½N(w; −b, 1): the law of a diffused mixture along its means, in
units of the noised spread.  Three of them are small at small b, as a high power of b; they are then sums of positive
terms, so that they keep their relative digits where the closed form is a difference of numbers of order 1.
"""

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import sympy as sp

from theory.core.special import log_excess, near_one


class mean_sech(sp.Function):
    """mean_sech(b2): E sech(bw) for w ~ N(0, 1), b2 = b²."""

    nargs = 1

    def _latex(self, printer: Any) -> str:
        return rf"\mathbb{{E}}_w\,\mathrm{{sech}}\Big(w\,\sqrt{{{printer._print(self.args[0])}}}\Big)"

    @staticmethod
    def numpy(b2: np.ndarray) -> np.ndarray:
        """Values to rounding: the trapezoid rule on the line, its steps below both scales of the integrand, 1 and
        1/b."""
        b = np.sqrt(np.asarray(b2, float))[..., None]
        step = 0.25 / np.maximum(1, b)
        w = step * np.arange(-160, 161)
        decay = np.exp(-np.abs(b * w))
        return (step * np.exp(-(w**2) / 2) * 2 * decay / (1 + decay**2)).sum(-1) / np.sqrt(2 * np.pi)

    @staticmethod
    def mpmath(b2: mpmath.mpf) -> mpmath.mpf:
        b = mpmath.sqrt(b2)
        if b < 1:  # the poles are π/2b away
            return _mp_average(lambda w: 1 / mpmath.cosh(b * w), _strip(b))
        return _mp_far(b, lambda v: 2 * mpmath.exp(-v) / (1 + mpmath.exp(-2 * v)))


def _either(b2: np.ndarray, near: Callable, far: Callable) -> np.ndarray:
    """near(b²) where b² < 1 and far(b²) elsewhere, each at no other b²."""
    b2 = np.asarray(b2, float)
    values, small = np.empty(b2.shape), b2 < 1
    values[small], values[~small] = near(b2[small]), far(b2[~small])
    return values


class class_information(sp.Function):
    """class_information(b2): I(class; b·class + z), nats, for an even class ±1 and z ~ N(0, 1), b2 = b².

    It is ln 2 − E ln(1+e^{−2u}), u = b(b+z).
    """

    nargs = 1

    def _latex(self, printer: Any) -> str:
        return rf"I_{{\pm}}\left({printer._print(self.args[0])}\right)"

    @staticmethod
    def numpy(b2: np.ndarray) -> np.ndarray:
        """Values to rounding, by the trapezoid rule. The kink at u = 0 is 1/b wide in z; beyond b = 12 it has no
        weight."""
        return _either(b2, class_information._narrow, class_information._wide)

    @staticmethod
    def _narrow(b2: np.ndarray) -> np.ndarray:
        """b² − E ln cosh u, which subtracts less where b is small."""
        weight, u = class_information._nodes(b2)
        return b2 - (weight * np.log1p(2 * np.sinh(np.clip(u, -20, 20) / 2) ** 2)).sum(-1)

    @staticmethod
    def _wide(b2: np.ndarray) -> np.ndarray:
        weight, u = class_information._nodes(b2)
        return np.log(2) - (weight * np.logaddexp(0, -2 * u)).sum(-1)

    @staticmethod
    def _nodes(b2: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        b = np.sqrt(b2)[..., None]
        step = 0.25 / np.clip(b, 1, 12)
        z = step * np.arange(-480, 481)
        return step * np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi), b * (b + z)

    @staticmethod
    def mpmath(b2: mpmath.mpf) -> mpmath.mpf:
        if b2 < 1:

            def average(b: mpmath.mpf) -> mpmath.mpf:
                return b**2 - _mp_average(lambda z: mpmath.log(mpmath.cosh(b * (b + z))), _strip(b))

            return _mp_small(b2, 1, mpmath.mpf(1) / 2, average)
        if b2 / 2 > mpmath.mp.prec:  # what is left to know is e^{−b²/2}
            return mpmath.log(2)
        return mpmath.log(2) - class_entropy.mpmath(b2)


class class_entropy(sp.Function):
    """class_entropy(b2): H(class | b·class + z) = ln 2 − class_information(b2), nats; all digits at large b2 too.

    It is E ln(1+e^{−2u}), u = b(b+z), about e^{−b²/2}. With w = b + z it is e^{−b²/2} E g(b|w|)/2, g(v) = e^{v}
    ln(1+e^{−2v}) + e^{−v} ln(1+e^{2v}), w standard normal.
    """

    nargs = 1

    def doit(self, **hints: Any) -> sp.Expr:
        return sp.log(2) - class_information(self.args[0])

    def _latex(self, printer: Any) -> str:
        return rf"H_{{\pm}}\left({printer._print(self.args[0])}\right)"

    @staticmethod
    def numpy(b2: np.ndarray) -> np.ndarray:
        return _either(b2, lambda small: np.log(2) - class_information.numpy(small), class_entropy._far)

    @staticmethod
    def _far(b2: np.ndarray) -> np.ndarray:
        b = np.sqrt(b2)[..., None]
        w = 0.25 / b * np.arange(-160, 161)
        v = np.abs(b * w)
        decay = np.exp(-v)
        both = np.log1p(decay**2) / np.where(v > 300, 1, decay) * (v <= 300) + decay * (2 * v + np.log1p(decay**2))
        return np.exp(-b2 / 2) * (0.125 / b * np.exp(-(w**2) / 2) * both).sum(-1) / np.sqrt(2 * np.pi)

    @staticmethod
    def mpmath(b2: mpmath.mpf) -> mpmath.mpf:
        if b2 < 1:
            return mpmath.log(2) - class_information.mpmath(b2)

        def both(v: mpmath.mpf) -> mpmath.mpf:
            decay = mpmath.exp(-v)
            log = mpmath.log1p(decay**2)
            return (log / decay + decay * (2 * v + log)) / 2

        return mpmath.exp(-b2 / 2) * _mp_far(mpmath.sqrt(b2), both)


# tanh z = Σ c_k z^{2k−1}, for |z| < ½ to rounding; from k = 2 on it is tanh z − z
_K = np.arange(2, 22)

_SERIES = np.array([float(4**k * (4**k - 1) * sp.bernoulli(2 * k) / sp.factorial(2 * k)) for k in range(2, 22)])


def _tanh_excess(z: np.ndarray) -> np.ndarray:
    """tanh z − z."""
    near = np.abs(z) < 0.5
    small = np.where(near, z, 0)
    return np.where(near, small**3 * np.polynomial.polynomial.polyval(small**2, _SERIES), np.tanh(z) - z)


def _log_cosh_excess(z: np.ndarray) -> np.ndarray:
    """ln cosh z − z²/2."""
    near = np.abs(z) < 0.5
    small = np.where(near, z, 0)
    series = small**4 * np.polynomial.polynomial.polyval(small**2, _SERIES / (2 * _K))
    return np.where(near, series, np.logaddexp(z, -z) - np.log(2) - z**2 / 2)


# Nodes and weights for averages over N(0, 1) of what is analytic within 1 of the line: the trapezoid rule, to rounding.
_Z = 0.125 * np.arange(-80, 81)

_WEIGHT = 0.125 * np.exp(-(_Z**2) / 2) / np.sqrt(2 * np.pi)


def _strip(b: mpmath.mpf) -> mpmath.mpf:
    """Half the width, about, of the strip in which 1/cosh and ln cosh of bz are analytic; it ends at π/2b."""
    return 3 / (2 * max(b, mpmath.mpf("0.01")))


def _mp_average(f: Callable[[Any], Any], strip: mpmath.mpf) -> mpmath.mpf:
    """E f(z), z ~ N(0, 1), to the working precision, for an f that is analytic where |Im z| < strip.

    The rule errs by e^{y²/2 − 2πy/step}, for every y in the strip.
    """
    digits = mpmath.mp.dps * mpmath.log(10)
    y = min(strip, mpmath.sqrt(2 * digits))
    step = 2 * mpmath.pi * y / (digits + y**2 / 2)
    edge = int(mpmath.sqrt(2 * digits) / step) + 1
    terms = (mpmath.exp(-((k * step) ** 2) / 2) * f(k * step) for k in range(-edge, edge + 1))
    return step * mpmath.fsum(terms) / mpmath.sqrt(2 * mpmath.pi)


def _mp_far(b: mpmath.mpf, f: Callable[[Any], Any]) -> mpmath.mpf:
    """E f(b|w|), w ~ N(0, 1), b ≥ 1, of an even f that falls as e^{−v} and is analytic where |Im v| < π/2.

    In v = sinh x a normal law keeps within e^{1/4} of itself as far as |Im x| = π/4: the rule errs by e^{−π²/2·step}.
    """
    step = mpmath.pi**2 / 2 / (mpmath.mp.prec * mpmath.log(2) + 5)
    total, k = f(mpmath.mpf(0)) / 2, 0
    while True:
        k += 1
        v = mpmath.sinh(k * step)
        term = mpmath.cosh(k * step) * mpmath.exp(-((v / b) ** 2) / 2) * f(v)
        total += term
        if term < mpmath.eps * total:
            return 2 * step * total / (b * mpmath.sqrt(2 * mpmath.pi))


def _mp_small(b2: mpmath.mpf, power: int, leading: mpmath.mpf, average: Callable[[Any], mpmath.mpf]) -> mpmath.mpf:
    """average(b), which goes as leading · b2**power, computed with the extra digits that small terms need."""
    if b2 < mpmath.mpf(10) ** (-mpmath.mp.dps - 5):
        return leading * b2**power
    with mpmath.workdps(mpmath.mp.dps + 10 + power * max(0, -int(mpmath.log10(b2)))):
        return average(mpmath.sqrt(b2))


class taylor_residual(sp.Function):
    """taylor_residual(b2): E (tanh(bw) − bw)², what the tangent at 0 leaves of tanh; w ~ ½N(b, 1) + ½N(−b, 1)."""

    nargs = 1

    def doit(self, **hints: Any) -> sp.Expr:
        (x,) = self.args
        return 1 - x + x**2 - sp.exp(-x / 2) * mean_sech(x)

    def _latex(self, printer: Any) -> str:
        return rf"\left({printer._print(self.doit())}\right)"

    @staticmethod
    def numpy(b2: np.ndarray) -> np.ndarray:
        b2 = np.asarray(b2, float)
        b = np.sqrt(np.minimum(b2, 1))[..., None]
        near = (_WEIGHT * _tanh_excess(b * (b + _Z)) ** 2).sum(-1)
        return np.where(b2 < 1, near, 1 - b2 + b2**2 - np.exp(-b2 / 2) * mean_sech.numpy(b2))

    @staticmethod
    def mpmath(b2: mpmath.mpf) -> mpmath.mpf:
        if b2 >= 1:
            return 1 - b2 + b2**2 - mpmath.exp(-b2 / 2) * mean_sech.mpmath(b2)

        def average(b: mpmath.mpf) -> mpmath.mpf:
            return _mp_average(lambda z: (mpmath.tanh(b * (b + z)) - b * (b + z)) ** 2, _strip(b))

        return _mp_small(b2, 3, mpmath.mpf(5) / 3, average)


class linear_residual(sp.Function):
    """linear_residual(b2): E (tanh(bw) − bw/(1+b²))², what the best multiple of w leaves; w ~ ½N(b, 1) + ½N(−b, 1)."""

    nargs = 1

    def doit(self, **hints: Any) -> sp.Expr:
        (x,) = self.args
        return 1 / (1 + x) - sp.exp(-x / 2) * mean_sech(x)

    def _latex(self, printer: Any) -> str:
        return rf"\left({printer._print(self.doit())}\right)"

    @staticmethod
    def numpy(b2: np.ndarray) -> np.ndarray:
        b2 = np.asarray(b2, float)
        x = np.minimum(b2, 1)[..., None]
        z = np.sqrt(x) * (np.sqrt(x) + _Z)
        near = (_WEIGHT * (_tanh_excess(z) + z * x / (1 + x)) ** 2).sum(-1)
        return np.where(b2 < 1, near, 1 / (1 + b2) - np.exp(-b2 / 2) * mean_sech.numpy(b2))

    @staticmethod
    def mpmath(b2: mpmath.mpf) -> mpmath.mpf:
        if b2 >= 1:
            return 1 / (1 + b2) - mpmath.exp(-b2 / 2) * mean_sech.mpmath(b2)

        def average(b: mpmath.mpf) -> mpmath.mpf:
            return _mp_average(lambda z: (mpmath.tanh(b * (b + z)) - b * (b + z) / (1 + b**2)) ** 2, _strip(b))

        return _mp_small(b2, 3, mpmath.mpf(2) / 3, average)


class score_gap(sp.Function):
    """score_gap(b2, level): b² linear_residual(b²) − level, to all digits also where both are nearly 1."""

    nargs = 2

    def doit(self, **hints: Any) -> sp.Expr:
        x, level = self.args
        return x * linear_residual(x).doit() - level

    def _latex(self, printer: Any) -> str:
        x, level = map(printer._print, (self.args[0] * linear_residual(self.args[0]), self.args[1]))
        return rf"{x} - {level}"

    @staticmethod
    def numpy(b2: np.ndarray, level: np.ndarray) -> np.ndarray:
        b2 = np.asarray(b2, float)
        far = np.maximum(b2, 1)
        rest = 1 / (1 + far) + far * np.exp(-far / 2) * mean_sech.numpy(far)  # 1 − b² linear_residual(b²)
        near = np.minimum(b2, 1)
        return np.where(b2 < 1, near * linear_residual.numpy(near) - level, (1 - level) - rest)

    @staticmethod
    def mpmath(b2: mpmath.mpf, level: mpmath.mpf) -> mpmath.mpf:
        return b2 * linear_residual.mpmath(b2) - level


class negentropy(sp.Function):
    """negentropy(b2): KL, nats, of ½N(b, 1) + ½N(−b, 1) from the Gaussian N(0, 1+b²) of the same variance."""

    nargs = 1

    def doit(self, **hints: Any) -> sp.Expr:
        return sp.log(1 + self.args[0]) / 2 - class_information(self.args[0])

    def _latex(self, printer: Any) -> str:
        return rf"J\left({printer._print(self.args[0])}\right)"

    @staticmethod
    def numpy(b2: np.ndarray) -> np.ndarray:
        """For b < 1 values are averages over N(0, 1+b²) of 1 − r + r ln r ≥ 0, r being the ratio of the densities."""
        b2 = np.asarray(b2, float)
        x = np.minimum(b2, 1)[..., None]
        w2 = (1 + x) * _Z**2
        log_r = w2 * x**2 / (2 * (1 + x)) + _log_cosh_excess(np.sqrt(x * w2)) - log_excess.numpy(x) / 2
        r, s = np.exp(log_r), np.expm1(-log_r)
        near = np.abs(s) < 0.25
        terms = np.where(near, r * near_one(np.where(near, s, 0)), 1 - r + r * log_r)
        return np.where(b2 < 1, (_WEIGHT * terms).sum(-1), np.log1p(b2) / 2 - class_information.numpy(b2))

    @staticmethod
    def mpmath(b2: mpmath.mpf) -> mpmath.mpf:
        if b2 >= 1:
            return mpmath.log1p(b2) / 2 - class_information.mpmath(b2)

        def average(b: mpmath.mpf) -> mpmath.mpf:
            x, shift = b**2, (mpmath.log1p(b**2) - b**2) / 2

            def term(y: mpmath.mpf) -> mpmath.mpf:
                log_r = shift - x * y**2 / 2 + mpmath.log(mpmath.cosh(b * mpmath.sqrt(1 + x) * y))
                r = mpmath.exp(log_r)
                return 1 - r + r * log_r

            return _mp_average(term, _strip(b * mpmath.sqrt(1 + x)))

        return _mp_small(b2, 4, mpmath.mpf(1) / 12, average)
