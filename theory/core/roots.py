"""Roots in high precision: a bracket is narrowed in few digits first, and in all of them from there."""

from collections.abc import Callable

import mpmath

_FIRST = 20  # digits in which the bracket is narrowed

Function = Callable[[mpmath.mpf], mpmath.mpf]


def bracketed(function: Function, low: mpmath.mpf, high: mpmath.mpf) -> mpmath.mpf | None:
    """The root between low and high, to the working precision; None if the sign does not change."""
    if mpmath.mp.dps < _FIRST + 10:
        return _chandrupatla(function, low, high)
    with mpmath.workdps(_FIRST):
        near = _chandrupatla(function, low, high)
    if near is not None:
        room = (abs(near) + abs(high - low) * mpmath.mpf(10) ** -_FIRST) * mpmath.mpf(10) ** (3 - _FIRST)
        for _ in range(12):  # few digits may have had a root where there is none
            a, b = max(low, near - room), min(high, near + room)
            if mpmath.sign(_at_end(function, a, b)) != mpmath.sign(_at_end(function, b, a)):
                return _chandrupatla(function, a, b)
            room *= 1000
    return _chandrupatla(function, low, high)


def _at_end(function: Function, end: mpmath.mpf, other: mpmath.mpf) -> mpmath.mpf:
    """The function at an end of its bracket, or next to it where it has no value there."""
    try:
        return function(end)
    except (ZeroDivisionError, ValueError):
        return function(end + (other - end) * mpmath.mpf(10) ** (5 - mpmath.mp.dps))


def _chandrupatla(function: Function, low: mpmath.mpf, high: mpmath.mpf) -> mpmath.mpf | None:
    """Bisection, and inverse quadratic interpolation wherever that is safe (Chandrupatla 1997)."""
    a, b = +high, +low
    fa, fb = _at_end(function, a, b), _at_end(function, b, a)
    if mpmath.sign(fa) == mpmath.sign(fb) and fa:
        return None
    share = mpmath.mpf(1) / 2
    while True:
        x = a + share * (b - a)
        fx = function(x)
        if mpmath.sign(fx) == mpmath.sign(fa):
            c, fc = a, fa
        else:
            c, b, fc, fb = b, a, fb, fa
        a, fa = x, fx
        best = a if abs(fa) < abs(fb) else b
        if not fa or not fb or a == b:
            return best
        least = 2 * mpmath.eps * max(abs(best), abs(b - a) * mpmath.eps) / abs(b - a)
        if least >= 1:
            return best
        xi, phi = (a - b) / (c - b), (fa - fb) / (fc - fb)
        if phi**2 < xi and (1 - phi) ** 2 < 1 - xi:
            share = fa / (fb - fa) * fc / (fb - fc) + (c - a) / (b - a) * fa / (fc - fa) * fb / (fc - fb)
            share = min(1 - least, max(least, share))
        else:
            share = mpmath.mpf(1) / 2
