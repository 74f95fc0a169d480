"""Infinitely wide networks: the spectrum of their Gram matrix on m noised copies of each of n points.

An infinitely wide network that stays lazy is regression with a kernel. With |u|² = d the kernels here are odd
functions κ of c = u·u'/d. Two different points have c of the order d^{−1/2}: of κ only κ'(0)c is left. Two copies
of a point have c = e^{−2t}. So the Gram matrix is

    K = κ'(0) UUᵀ/d + v² for two copies of a point + s_η² for a copy with itself,

with v² = κ(e^{−2t}) − κ'(0)e^{−2t} and s_η² = κ(1) − κ(e^{−2t}) − κ'(0)(1−e^{−2t}): the letters of
`theory.features.loss` for infinitely many features. Its eigenvalues are rates of training, in units of 1/nm. For
d ≪ n ≪ d³, where the cubic part of κ is not yet seen, they are, with μ² = μ_x² + μ_ξ² = κ'(0):

- d near μ² n m/d, the generalization bulk: what is linear in the noised point;
- n − d at s_η² + m v²: what the copies of a point share, with the mean of their noises;
- d near s_η² + v²(m−1)μ_ξ²/μ², the memorization bulk: what is linear in a point's mean and in the differences of its
  copies, and not in x_t; with the law it gives each noise less that mean;
- n(m−1) − d at s_η²: the rest of single copies, which has nothing to learn.
"""

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import sympy as sp
from numpy.typing import ArrayLike

from theory.core.bounds import Bracket
from theory.core.formula import Branch, Formula
from theory.core.steps import Identity, Limit, Premise, Step
from theory.features.objective import turned
from theory.letters import (
    common,
    dimension_factor,
    fresh,
    noises,
    of_noise,
    of_point,
    ridge,
    samples,
    unknown,
    variable,
)

_CHI = dimension_factor
# What is linear, and the rest, in the mean of a point's copies (times √m) and in their differences.
_LINEAR = noises * of_point + of_noise, of_noise
_REST = noises * common + fresh, fresh
_MANY = 1, noises - 1  # rows of each kind for each point


def _inverse(linear: sp.Expr, rest: sp.Expr) -> sp.Expr:
    """(K+λ)⁻¹ on average, for one kind of rows."""
    return 1 / (rest + ridge + linear * _CHI)


_KINDS = tuple(zip(_MANY, _LINEAR, _REST, strict=True))
_FITTED = sum(many * linear * _inverse(linear, rest) for many, linear, rest in _KINDS)  # (1/n) tr A(K+λ)⁻¹
_EQUATION = 1 - _CHI - samples * _CHI * _FITTED
_MOST = samples * _FITTED.subs(_CHI, 0)  # of 1/χ − 1


def _gram_trace(f: Formula) -> Iterator[Step]:
    yield Premise(
        "of two points K holds what is linear in u·u'/d, of two copies of a point what c = e^{−2t} says",
        "elkaroui2010 for single points; argued here for copies",
        "features.gram_trace",
    )
    for name, (shared, own), kinds in (
        ("linear", (of_point, of_noise), _LINEAR),
        ("the rest", (common, fresh), _REST),
    ):
        block = shared * sp.ones(3, 3) + own * sp.eye(3)
        mean, apart = (kind.subs(noises, 3) for kind in kinds)
        yield Identity(f"three copies, turned: {name}", turned(block), sp.diag(mean, apart, apart))
    yield Premise(
        "(K+λ)⁻¹ is on average (B+λ+χA)⁻¹, A and B what is linear and the rest; leave a dimension out: "
        "1/χ = 1 + tr A(K+λ)⁻¹/d",
        "marchenko1967 for A = 1, B = 0; argued here for two kinds of rows",
        "features.gram_trace",
    )
    yield Identity("the equation of χ", f.equation / _CHI, 1 / _CHI - 1 - samples * _FITTED)
    yield Identity("1/N of the trace", f.expr * noises, sum(many * _inverse(a, b) for many, a, b in _KINDS))
    # As n/d → ∞. With λ = −zn/d and χ finite, what is linear alone:
    z, scaled = sp.symbols("z scaled", positive=True)
    weight = sum(many * linear * _CHI / (rest - z * samples + linear * _CHI) for many, linear, rest in _KINDS)
    both = noises * (of_point + of_noise)
    yield Limit(
        "generalization: χ = 1/(1−mμ²/z) at λ = −zn/d, n → ∞, with a pole at z = mμ²",
        samples * weight,
        samples,
        sp.oo,
        -both * _CHI / z,
    )
    # With λ = −z and χ = y d/n, what is left is y Σ a/(b−z) = 1: y is infinite where the sum is 0.
    poles = sum(many * linear / (rest - z) for many, linear, rest in _KINDS)
    yield Limit(
        "memorization: 1 = yΣa/(b−z) at λ = −z, χ = yd/n, n → ∞",
        samples
        * sum(
            many * linear * scaled / samples / (rest - z + linear * scaled / samples) for many, linear, rest in _KINDS
        ),
        samples,
        sp.oo,
        scaled * poles,
    )
    yield Identity(
        "which is infinite at s_η² + v²(m−1)μ_ξ²/μ²",
        poles.subs(z, _memorized(common, fresh, noises, of_noise, of_point)),
        0,
    )
    # At λ = −s_η² + ε, χ = εy/μ_ξ²: differences alone count, n(m−1)y/(1+y) = d of them
    left = 1 / (1 + scaled)
    met = sp.solve(samples * (noises - 1) * scaled * left - 1, scaled)[0]
    yield Identity("n(m−1)−d eigenvalues at s_η²", (noises - 1) * left.subs(scaled, met), noises - 1 - 1 / samples)


def _memorized(common: sp.Expr, fresh: sp.Expr, noises: sp.Expr, of_noise: sp.Expr, of_point: sp.Expr) -> sp.Expr:
    return fresh + common * (noises - 1) * of_noise / (of_point + of_noise)


def _bounds(f: Formula) -> Iterator[Step]:
    assert f.unknown
    yield Bracket(
        "1/χ−1 falls in χ: at most its value at χ = 0, and positive; half the least χ, as a root may be there",
        f.unknown,
        (_CHI * (1 + _MOST), sp.Rational(1, 2)),
        (_CHI, 1),
        tuple(
            {samples: n, noises: m, ridge: r, of_point: 0.3, of_noise: 0.07, common: 0.03, fresh: 0.02}
            for n, m, r in ((2, 1, 1e-3), (0.1, 3, 0), (50, 8, 1e-6), (1e4, 2, 1))
        ),
    )


gram_trace = Formula(
    name="gram_trace",
    variables=tuple(variable(x) for x in (samples, noises, ridge, of_point, of_noise, common, fresh)),
    branches=(Branch(sum(many * _inverse(linear, rest) for many, linear, rest in _KINDS) / noises),),
    kind="asymptotic",
    regime="(1/N) tr (K+λ)⁻¹ of the Gram matrix of an odd kernel on N = nm noised copies of white points; n, d → ∞ "
    "together",
    source="derived here",
    derivation=_gram_trace,
    bounds=_bounds,
    unknown=unknown(_CHI, _EQUATION, 1 / (1 + _MOST) / 2, sp.Integer(1)),
)


# -- kernels --------------------------------------------------------------------------------------------------------


class Kernel(NamedTuple):
    """An odd kernel as a function of the correlation c = u·u'/d of inputs with |u|² = d, and its slope at c = 0.

    Its `parts` are differences, known to 10⁻¹⁶: past t = 5 `common` has no digits.
    """

    value: Callable[[float], float]
    slope: float

    def parts(self, t: float) -> dict[str, float]:
        """The parts at diffusion time t: linear in the clean point, linear in the noise, and the rest, common and
        fresh."""
        point, noise = math.exp(-2 * t), -math.expm1(-2 * t)
        rest = self.value(point) - self.slope * point
        own = self.value(1.0) - self.value(point) - self.slope * noise
        return {"of_point": self.slope * point, "of_noise": self.slope * noise, "common": rest, "fresh": own}


# Last layers of infinitely wide networks with σ = sin and σ = erf, and all layers of a two-layer network with σ = erf.
SINE = Kernel(lambda c: math.sinh(c) / math.e, 1 / math.e)
ARCSINE = Kernel(lambda c: 2 / math.pi * math.asin(2 * c / 3), 4 / (3 * math.pi))
TANGENT = Kernel(lambda c: ARCSINE.value(c) + 4 * c / (math.pi * math.sqrt(9 - 4 * c**2)), 8 / (3 * math.pi))


# -- the spectrum ---------------------------------------------------------------------------------------------------


class Bands(NamedTuple):
    """The places of the eigenvalues of K for many points, largest first: see the module."""

    generalization: float
    points: float
    memorization: float
    copies: float


def gram_bands(samples: float, noises: float, of_point: float, of_noise: float, common: float, fresh: float) -> Bands:
    """The places of the d, n − d, d and n(m−1) − d eigenvalues of K for d ≪ n ≪ d³.

    Training learns the law after a time ∝ 1/`generalization`, and the points by heart after times ∝ 1/`points` and
    1/`memorization`, later by a factor ∝ n/d. Source: the derivation of `gram_trace`. Raises ValueError for m < 2,
    where no copies are told apart, and unless samples is positive.
    """
    if not samples > 0:
        raise ValueError(f"samples must be positive, got {samples:g}")
    if not noises >= 2:
        raise ValueError(f"noises must be 2 or more for copies to be told apart, got {noises:g}")
    return Bands(
        samples * noises * (of_point + of_noise),
        fresh + noises * common,
        float(_memorized(common, fresh, noises, of_noise, of_point)),
        fresh,
    )


def gram_density(
    samples: float, of_point: float, of_noise: float, rest: np.ndarray, eigenvalues: ArrayLike, width: float
) -> np.ndarray:
    """Density of the eigenvalues of K, blurred by a Cauchy law of half-width `width`: (eigenvalues,).

    `rest` is the part of K among the m copies of a point that is not linear, (blocks, m, m): `limit_block` where d is
    infinite, and at finite d the blocks of many points, which differ by d^{−1/2}. Source: derived here, `gram_trace`
    with matrices for numbers. Raises ArithmeticError where χ is not found.
    """
    values, turned = np.linalg.eigh(rest)
    blocks = _Blocks(of_point, of_noise, values, turned.sum(-2) ** 2)
    at = np.atleast_1d(np.asarray(eigenvalues, float))
    chi = np.ones(len(at), complex)
    far = 10 * (1 + samples) * (float(np.abs(values).max()) + values.shape[-1] * of_point + of_noise)
    for up in (*np.geomspace(far, width, max(2, math.ceil(2 * math.log(far / width)))), width, width):
        for _ in range(2):
            fitted, slope, trace = blocks.fits(at + 1j * up, chi)
            missed = chi * (1 + samples * fitted) - 1
            chi = chi - missed / (1 + samples * (fitted + chi * slope))
    if not np.abs(missed).max() < 1e-6:
        raise ArithmeticError(f"no leave-one-out factors of a Gram matrix found at samples = {samples:g}")
    return trace.imag / (np.pi * values.shape[-1])


def limit_block(noises: int, common: float, fresh: float) -> np.ndarray:
    """The part of K among the copies of a point that is not linear, for infinite d: (1, m, m)."""
    return (common + fresh * np.eye(noises))[None]


class _Blocks(NamedTuple):
    """Blocks B by their eigenvalues (blocks, m), and the squares of the sums of their eigenvectors."""

    of_point: float
    of_noise: float
    values: np.ndarray
    sums2: np.ndarray

    def fits(self, z: np.ndarray, chi: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """tr AR, its slope in χ, and tr R, R = (B−z+χA)⁻¹, averaged over blocks, at every z.

        A = μ_x² + μ_ξ²1 changes a resolvent of B by a rank of one.
        """
        chi = chi[:, None]
        inverse = 1 / (self.values - (z[:, None] - self.of_noise * chi)[..., None])
        s1, s2, s3 = ((self.sums2 * inverse**k).sum(-1) for k in (1, 2, 3))
        p1, p2 = inverse.sum(-1), (inverse**2).sum(-1)
        left = 1 / (1 + self.of_point * chi * s1)
        moved = self.of_point * (s1 - self.of_noise * chi * s2)  # of 1/left
        trace = p1 - self.of_point * chi * s2 * left
        trace_slope = -self.of_noise * p2 - self.of_point * left * (
            s2 - 2 * self.of_noise * chi * s3 - chi * s2 * moved * left
        )
        whole_slope = -(self.of_noise * s2 + self.of_point * s1**2) * left**2  # of 1ᵀR1
        return (
            (self.of_noise * trace + self.of_point * s1 * left).mean(-1),
            (self.of_noise * trace_slope + self.of_point * whole_slope).mean(-1),
            trace.mean(-1),
        )
