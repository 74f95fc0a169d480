"""The ratio rule on the linear generator: how many generated points count as copies of a training point?

A generated point counts as a copy if its nearest training point is nearer than c times the second nearest; c = ⅓ as a
rule.  In many dimensions n points are the corners of a regular simplex, and G = N(x̄, S) is a standard normal law on
the N = n − 1 directions they span.  Which points are flagged is then a matter of n alone.

Nearer to x_i than c times the distance to x_k is a ball (of Apollonius), so a flag is a point in the intersection of
n − 1 balls.  With a the component towards x_i and w the rest, r = |w|, its n − 1 conditions are one:

    a² + r² − 2/(1−c²) [(N+c²) a/√n − c²√N b r] + N²/n < 0,      b = max_k w_k/|w|,

where w is a centred normal vector of N coordinates.  r² is χ² of N − 1 degrees of freedom, a normal, and b, the
largest studentised deviate, independent of both.  Its law follows by removing the largest coordinate: what is left is
a centred vector with one coordinate less (Pearson & Chandra Sekar 1936).
"""

from collections.abc import Iterator

import numpy as np
import sympy as sp
from numpy.polynomial import legendre
from scipy import special

from theory.core.bounds import Edge
from theory.core.formula import Branch, Formula
from theory.core.special import erf_from
from theory.core.steps import Identity, Limit, Step
from theory.letters import INSIDE, ratio, variable


# -- two points: closed ---------------------------------------------------------------------------------------------
def _pair_flag_rate(f: Formula) -> Iterator[Step]:
    place = sp.Symbol("place", real=True)  # along the line, in standard deviations: the points are at ±1/√2
    first, second = place - 1 / sp.sqrt(2), place + 1 / sp.sqrt(2)
    inner = (1 - ratio) / (1 + ratio) / sp.sqrt(2)
    outer = (1 + ratio) / (1 - ratio) / sp.sqrt(2)
    inside = first**2 - ratio**2 * second**2
    yield Identity("|g − x₁|² − c²|g − x₂|² has two roots", inside, (1 - ratio**2) * (place - inner) * (place - outer))
    # the general condition at n = 2, N = 1, where nothing is left of w
    condition = place**2 - 2 / (1 - ratio**2) * (1 + ratio**2) * place / sp.sqrt(2) + sp.Rational(1, 2)
    yield Identity("the ball of the text at n = 2", inside, (1 - ratio**2) * condition)
    probability = sp.erf(outer / sp.sqrt(2)) - sp.erf(inner / sp.sqrt(2))
    yield Identity("2[Φ(outer) − Φ(inner)], for x₁ and for x₂", f.expr.doit(), probability)
    yield Limit("every point is nearer to one of them: c → 1", f.expr.doit(), ratio, 1, 1, "-")


def _pair_flag_rate_bounds(f: Formula) -> Iterator[Step]:
    yield Edge("at c = 1 the nearest point is no nearer than itself", f.variables[0], "upper", f.expr.doit(), 1)


pair_flag_rate = Formula(
    name="pair_flag_rate",
    variables=(variable(ratio, INSIDE),),
    branches=(Branch(erf_from((1 - ratio) / (1 + ratio) / 2, 2 * ratio / ((1 - ratio) * (1 + ratio)))),),
    kind="exact",
    regime="flagged fraction of G = N(x̄, S) of two training points, in any dimension",
    source="derived here",
    derivation=_pair_flag_rate,
    bounds=_pair_flag_rate_bounds,
)


# -- n points: a recursion and two quadratures ------------------------------------------------------------------------
# All functions are analytic between the angles at which one coordinate more can be the largest, with half-integer
# powers at these ends; sin² as the variable makes them integer, and few Gauss–Legendre nodes a piece suffice.
_NODES, _WEIGHTS = legendre.leggauss(24)
_PLACE, _SLOPE = np.sin(np.pi / 4 * (1 + _NODES)) ** 2, np.pi / 4 * np.sin(np.pi / 2 * (1 + _NODES)) * _WEIGHTS
_LARGEST = 400  # points, beyond which the rate is below 10⁻¹³⁰


def _to_the_right() -> np.ndarray:
    """The matrix that takes values at the nodes to integrals from each node to 1."""
    size = _NODES.size
    values = legendre.legvander(_NODES, size)
    integrals = np.empty((size, size))
    integrals[:, 0] = 1 - _NODES
    for k in range(1, size):
        integrals[:, k] = (values[:, k - 1] - values[:, k + 1]) / (2 * k + 1)
    return integrals @ np.linalg.inv(values[:, :size])


_TO_THE_RIGHT = _to_the_right()
_BARYCENTRIC = np.array([1 / np.prod(x - np.delete(_NODES, k)) for k, x in enumerate(_NODES)])


class _Deviate:
    """The law of b = max w/|w| of a centred normal vector of m ≥ 2 coordinates, in θ = arccos(b√(m/(m−1)))."""

    def __init__(self, m: int, smaller: "_Deviate | None") -> None:
        self.m = m
        many = np.arange(1, m)  # coordinates that share the largest value
        self.edges = np.arccos(np.sqrt((m - many) / (many * (m - 1))))
        if smaller is None:  # m = 2: b = 1/√2, θ = 0
            return
        self.low, self.wide = self.edges[:-1, None], np.diff(self.edges)[:, None]
        self.theta = self.low + self.wide * _PLACE
        log_norm = special.gammaln((m - 1) / 2) - special.gammaln((m - 2) / 2) - np.log(np.pi) / 2
        others = np.arccos(np.clip(np.sqrt(m / (m - 2)) / np.tan(self.theta), 0, 1))
        density = m * np.exp(log_norm) * np.sin(self.theta) ** (m - 3) * smaller.below(others)
        self.mass = density * self.wide * _SLOPE
        pieces = self.mass.sum(1)
        right = np.cumsum(pieces[::-1])[::-1]
        self.cumulated = (self.mass / _WEIGHTS) @ _TO_THE_RIGHT.T + np.append(right[1:], 0)[:, None]

    def below(self, theta: np.ndarray) -> np.ndarray:
        """P(b ≤ its value at θ): the integral of the density from θ on, 1 at θ = 0."""
        if self.m == 2:
            return np.ones_like(theta)
        piece = np.clip(np.searchsorted(self.edges, theta, side="right") - 1, 0, len(self.edges) - 2)
        part = np.clip((theta - self.edges[piece]) / self.wide[piece, 0], 0, 1)
        gaps = (4 / np.pi * np.arcsin(np.sqrt(part)) - 1)[..., None] - _NODES
        terms = _BARYCENTRIC / np.where(gaps == 0, 1e-300, gaps)
        return np.where(theta <= 0, 1.0, (terms * self.cumulated[piece]).sum(-1) / terms.sum(-1))


def linear_flag_rate(n: float, ratio: float = 1 / 3) -> float:
    """The limit d → ∞ of the flagged fraction of G = N(x̄, S), its n points isotropic: to 10⁻¹² of its value.

    It falls by a factor of e^{0.78} a point at c = ⅓. Raises ValueError unless n is an integer from 2 to 400 and ratio
    in (0, 1).
    """
    if not (n == int(n) and 2 <= n <= _LARGEST):
        raise ValueError(f"linear_flag_rate: n = {n:g} is not an integer from 2 to {_LARGEST}")
    if not 0 < ratio < 1:
        raise ValueError(f"linear_flag_rate: ratio = {ratio:g} is outside (0, 1)")
    if n == 2:
        return float(pair_flag_rate(ratio))
    m, c2 = int(n) - 1, ratio**2  # m is N, and the number of the other points
    middle = (m + c2) / ((1 - c2) * np.sqrt(n))
    reach = np.sqrt(middle**2 - m**2 / n)
    low, high = m**2 / n / (middle + reach), middle + reach
    wide = min(high, np.sqrt(m) + 12) - low  # a is normal: what is far beyond √N does not count
    nodes, weights = legendre.leggauss(64)
    a = low + wide * np.sin(np.pi / 4 * (1 + nodes)) ** 2
    chance = np.exp(-(a**2) / 2) / np.sqrt(2 * np.pi) * wide * np.pi / 4 * np.sin(np.pi / 2 * (1 + nodes)) * weights
    room = np.maximum((a - low) * (high - a), 0)[:, None]
    law = _Deviate(2, None)
    for size in range(3, m + 1):
        law = _Deviate(size, law)
    deviate, mass = (np.array([1.0]), np.array([1.0])) if m == 2 else (np.cos(law.theta).ravel(), law.mass.ravel())
    push = c2 * np.sqrt(m) / (1 - c2) * deviate * np.sqrt((m - 1) / m)
    radius = room / (push + np.sqrt(push**2 + room))
    return float(n * chance @ special.gammainc((m - 1) / 2, radius**2 / 2) @ mass)


def flagged_samples(level: float = 1e-3) -> int:
    """The least n at which the flagged fraction of the linear generator is below `level`, in many dimensions.

    Raises ValueError unless 0 < level < 1.
    """
    if not 0 < level < 1:
        raise ValueError(f"flagged_samples: level = {level:g} is outside (0, 1)")
    n = 2
    while linear_flag_rate(n) >= level:
        n += 1
    return n
