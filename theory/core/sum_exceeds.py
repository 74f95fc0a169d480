"""P(one random sum exceeds another), by inversion of characteristic functions (Gil-Pelaez).

The two sums are of n₁ and n₂ independent terms e^{−a x/(1+b x)}, x ~ χ²_d, each sum with its own n, a and b:

    sum_exceeds(d, n₁, a₁, b₁, n₂, a₂, b₂, shift) = P(e^shift S₁ > S₂) = ½ + (1/π) ∫₀^∞ Im φ(s) ds/s,
    φ(s) = E exp(is(e^shift S₁ − S₂)) = φ₁(s e^shift)^{n₁} · conj φ₂(s)^{n₂}.

Terms span hundreds of nats, so s is integrated in its logarithm u, and the largest of them make exp(is e^{−ax})
oscillate beyond any grid.  The density of x is analytic: on the contour x − iδ(x), δ → π/2a, the oscillation becomes
the decay exp(−s e^{−ax}).  What is left is smooth and falls off at both ends, where the trapezoid rule gains as many
digits again with every halving of its steps.
"""

from typing import Any

import mpmath
import numpy as np
import sympy as sp
from scipy import special, stats

_MOST = 2**25  # nodes in x times nodes in u, beyond which a quadrature is given up

_CHUNK = 2**15  # nodes at once: what fits a cache


class sum_exceeds(sp.Function):
    """sum_exceeds(d, n1, a1, b1, n2, a2, b2, shift): P(e^shift S1 > S2), Si = Σ^ni e^{−ai x/(1+bi x)}, x ~ χ²_d."""

    nargs = 8
    has_log = False  # known to 10⁻¹² absolutely, not relatively
    slow = True  # seconds to minutes in high precision
    sure = True  # its digits are right at the first precision tried

    def _latex(self, printer: Any) -> str:
        _, n1, a1, b1, n2, a2, b2, shift = (printer._print(arg) for arg in self.args)

        def total(count: str, a: str, b: str) -> str:
            damped = rf"{a}\,\chi^2_d" if b == "0" else rf"\frac{{{a}\,\chi^2_d}}{{1+{b}\,\chi^2_d}}"
            return rf"\sum^{{{count}}} e^{{-{damped}}}"

        weight = "" if shift == "0" else rf"e^{{{shift}}}"
        return rf"P\Big({weight}{total(n1, a1, b1)} > {total(n2, a2, b2)}\Big)"

    @staticmethod
    def numpy(*args: Any) -> np.ndarray:
        """Values in float64, to about 10⁻¹²."""
        arrays = np.broadcast_arrays(*args)
        values = [_probability(*map(float, point)) for point in zip(*(a.flat for a in arrays), strict=True)]
        return np.reshape(values, arrays[0].shape)

    @staticmethod
    def mpmath(*args: Any) -> mpmath.mpf:
        """The value at the working precision; seconds for twenty digits in few dimensions, minutes in many."""
        return max(mpmath.mpf(0), _probability_mp(*map(mpmath.mpf, args)))


# -- float64 ------------------------------------------------------------------------------------------------------
def _contour(d: float, a: float, step: float) -> tuple[np.ndarray, np.ndarray]:
    """Nodes x on the contour, at equal steps of the logarithm of their real part, and their complex probabilities."""
    low, high = np.log([stats.chi2.ppf(1e-32, d), stats.chi2.isf(1e-32, d)])
    r, depth = np.exp(np.linspace(low, high, int(np.ceil((high - low) / step)) + 1)), np.pi / (2 * a)
    x = r - 1j * depth * r / (r + depth)
    log_p = (d / 2 - 1) * np.log(x) - x / 2 + np.log(r * (1 - 1j * depth**2 / (r + depth) ** 2))
    p = np.exp(log_p - log_p.real.max())
    return x, p / p.sum()


def _log_characteristic(u: np.ndarray, y: np.ndarray, p: np.ndarray) -> np.ndarray:
    """ln E exp(i e^{u+y}) at each u, the mean being over nodes y of probabilities p."""
    mean = np.empty(u.size, complex)
    rows, parts = max(1, _CHUNK // y.size), np.stack([p.real, p.imag], 1)
    sine, cosine = np.sin(y.imag), np.cos(y.imag)
    for k in range(0, u.size, rows):
        size = np.exp(np.minimum(u[k : k + rows, None] + y.real, 30.0))  # exp(−e³⁰) is 0 as well
        # e^z − 1 without cancellation, z = i·size·(cosine + i·sine), in real numbers: several times as fast
        less, half = np.expm1(-size * sine), size * (cosine / 2)
        s, c = np.sin(half), np.cos(half)
        real = (less - 2 * s * s * (less + 1)) @ parts
        imaginary = (2 * s * c * (less + 1)) @ parts
        mean[k : k + rows] = real[:, 0] - imaginary[:, 1] + 1j * (real[:, 1] + imaginary[:, 0])
    # NumPy's complex log1p rounds 1 + Re: of φ ≈ 1 − s²/2 that leaves no digits of s²
    # but where φ is small |φ|² − 1 has none of those of φ.
    small = np.abs(1 + mean) < 0.5
    modulus = np.log1p(np.where(small, 0, 2 * mean.real + np.abs(mean) ** 2)) / 2
    modulus[small] = np.log(np.abs(1 + mean[small]))
    return modulus + 1j * np.arctan2(mean.imag, 1 + mean.real)


def _probability(d: float, n1: float, a1: float, b1: float, n2: float, a2: float, b2: float, shift: float) -> float:
    step, last = 0.2, np.inf
    # n ln φ is of order √n where φⁿ still counts, and the exponents a·x behind it are rounded
    tolerance = max(1e-12, 1e-16 * np.sqrt(max(n1, n2)) * max(1, max(a1, a2) * d))
    while True:
        # of ln x: its own spread √(2/d), or a few nats of the exponent a·x, x ≈ d
        x, p = _contour(d, max(a1, a2), step * min(1, np.sqrt(2 / d), 8 / (max(a1, a2) * d)))
        y1, y2 = shift - a1 * x / (1 + b1 * x), -a2 * x / (1 + b2 * x)

        def log_phi(u: np.ndarray, y1: np.ndarray = y1, y2: np.ndarray = y2, p: np.ndarray = p) -> np.ndarray:
            return n1 * _log_characteristic(u, y1, p) + n2 * np.conj(_log_characteristic(u, y2, p))

        means = [np.log(n) + special.logsumexp(y, b=p).real for n, y in ((n1, y1), (n2, y2))]
        low, high = _range(log_phi, -38 - max(means))  # below this s E(sums) < 10⁻¹⁶
        count = int(np.ceil((high - low) / step))
        if count * x.size > _MOST:
            break
        z = log_phi(low + (high - low) / count * (np.arange(count) + 0.5))
        value = 0.5 + (high - low) / count / np.pi * float(np.sum(np.exp(z.real) * np.sin(z.imag)))
        if abs(value - last) < tolerance:
            return min(max(value, 0.0), 1.0)
        step, last = step / 2, value
    raise ArithmeticError(f"sum_exceeds: no convergence at d = {d:g}, n = {n1:g}, {n2:g}, a = {a1:g}, {a2:g}")


def _range(log_phi: Any, low: float) -> tuple[float, float]:
    """The u, at or above `low`, from which φ differs from 1 and from which it is 0, to 10⁻¹⁶."""
    first = low
    for start in low + 16 * np.arange(500):
        u = start + np.arange(0, 16, 0.5)
        z = log_phi(u)
        if np.abs(z).max() < 1e-17:
            first = float(u[-1])
        gone = np.flatnonzero(z.real < -37)
        if gone.size:
            return first, float(u[gone[0]])
    raise ArithmeticError("sum_exceeds: the characteristic function does not decay")


# -- any precision ------------------------------------------------------------------------------------------------
def _probability_mp(d: Any, n1: Any, a1: Any, b1: Any, n2: Any, a2: Any, b2: Any, shift: Any) -> mpmath.mpf:
    """The probability at the working precision, by the same rule: steps are halved until half the digits stand, for the
    other half comes with the last halving."""
    small, per_octave, last = mpmath.mpf(10) ** -mpmath.mp.dps, max(2, mpmath.mp.dps // 6), None
    while True:
        step = mpmath.log(2) / per_octave
        nodes = _contour_mp(d, mpmath.pi / (2 * max(a1, a2)), step * min(1, mpmath.sqrt(2 / d)), small)
        sides = [
            [(mpmath.exp(s - a * x / (1 + b * x)), p) for x, p in nodes] for a, b, s in ((a1, b1, shift), (a2, b2, 0))
        ]
        means = [n * mpmath.re(mpmath.fsum(y * p for y, p in side)) for n, side in zip((n1, n2), sides, strict=True)]
        first = small / max(means)
        total, octaves = None, int(mpmath.mp.prec) + 64
        while total is None:
            bits = mpmath.mp.prec + octaves + int(mpmath.log(max(n1, n2), 2)) + 20
            total, octaves = _octaves(sides, (n1, n2), first, per_octave, octaves, bits), 2 * octaves
        value = mpmath.mpf(1) / 2 + step / mpmath.pi * total
        if last is not None and abs(value - last) < mpmath.sqrt(small):
            return value
        per_octave, last = 2 * per_octave, value


def _octaves(sides: Any, counts: Any, first: Any, per_octave: int, most: int, bits: int) -> mpmath.mpf | None:
    """Σ Im φ(s) over s = first · 2^{k/per_octave}, until φ has vanished; None if `most` octaves do not suffice.

    Twice s squares every e^{isy}: of w = e^{isy} − 1 that makes w(2+w), in integers of 2^−bits. In s' octaves an error
    becomes 2^{s'} times as large, hence their number.
    """
    gone, total = mpmath.log(mpmath.mpf(10)) * -mpmath.mp.dps, mpmath.mpf(0)
    weights = [_integers([p for _, p in side], bits) for side in sides]
    for k in range(per_octave):
        scale = 1j * first * mpmath.mpf(2) ** (mpmath.mpf(k) / per_octave)
        with mpmath.workprec(bits):
            waves = [_integers([mpmath.expm1(scale * y) for y, _ in side], bits) for side in sides]
        for _ in range(most):
            logs = []
            for (p_real, p_imag), (real, imag) in zip(weights, waves, strict=True):
                mean = (p_real * real - p_imag * imag).sum(), (p_real * imag + p_imag * real).sum()
                logs.append(
                    mpmath.log1p(mpmath.mpc(*(mpmath.ldexp(mpmath.mpf(int(part)), -2 * bits) for part in mean)))
                )
            z = counts[0] * logs[0] + counts[1] * mpmath.conj(logs[1])
            if z.real < gone:
                break
            total += mpmath.exp(z.real) * mpmath.sin(z.imag)
            waves = [
                (2 * real + ((real * real - imag * imag) >> bits), 2 * imag + ((real * imag) >> (bits - 1)))
                for real, imag in waves
            ]
        else:
            return None
    return total


def _integers(values: list[mpmath.mpc], bits: int) -> tuple[np.ndarray, np.ndarray]:
    """Real and imaginary parts in units of 2^−bits."""
    parts = [(int(mpmath.ldexp(v.real, bits)), int(mpmath.ldexp(v.imag, bits))) for v in map(mpmath.mpc, values)]
    real, imag = zip(*parts, strict=True)
    return np.array(real, object), np.array(imag, object)


def _contour_mp(d: Any, depth: mpmath.mpf, step: mpmath.mpf, small: mpmath.mpf) -> list[tuple[mpmath.mpc, mpmath.mpc]]:
    found = []
    for direction in (1, -1):
        t = mpmath.log(d) + (step if direction < 0 else 0) * direction
        while True:
            r = mpmath.exp(t)
            x = r - 1j * depth * r / (r + depth)
            p = mpmath.exp((d / 2 - 1) * mpmath.log(x / d) - (x - d) / 2) * r * (1 - 1j * (depth / (r + depth)) ** 2)
            if abs(p) < small * d:
                break
            found.append((x, p))
            t += direction * step
    norm = mpmath.fsum(p for _, p in found)
    return [(x, p / norm) for x, p in found]
