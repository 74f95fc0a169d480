"""What the nearest-neighbour criteria say of a perfect generator: one whose points are fresh draws of the true law.

The distances from a fresh point to n training points, by the probability v that a ball of such a radius holds, are in
law the order statistics of n uniforms, whatever the law of the data.  In D dimensions v is proportional to the D-th
power of the radius where the density is constant across the ball: `locally uniform` means no more than that.
"""

from collections.abc import Iterator
from typing import Any

import mpmath
import numpy as np
import sympy as sp
from scipy import special

from theory.core.formula import Branch, Formula
from theory.core.mean import Mean, single
from theory.core.steps import Identity, Limit, Quadrature, Step
from theory.letters import D, n, n_holdout, ratio, variable, weights

_V, _W = sp.symbols("v w", positive=True)  # probabilities of balls

# -- nearest against second nearest --------------------------------------------------------------------------------


def _null_flag_rate(f: Formula) -> Iterator[Step]:
    share = sp.Symbol("s", positive=True)  # of the second ball that the first one has
    joint = n * (n - 1) * (1 - _W) ** (n - 2)  # density of the two least of n uniforms, v < w
    below = sp.integrate(joint, (_V, 0, share * _W))
    for points in (2, 3, 7):
        yield Identity(
            f"the nearest is uniform in the ball of the second nearest: P(v/w < s) = s (n = {points})",
            sp.integrate(sp.expand(below.subs(n, points)), (_W, 0, 1)),
            share,
        )
    poisson = sp.integrate(sp.integrate(sp.exp(-_W), (_V, 0, share * _W)), (_W, 0, sp.oo))
    yield Identity("and so it is among infinitely many, n v and n w arrivals of a Poisson process", poisson, share)
    near, far = sp.symbols("near far", positive=True)
    volumes = ((near / far) ** D).subs(near, ratio * far)
    yield Identity("v/w = (r₁/r₂)^D: the ratio of radii is below the threshold where that is below", volumes, f.expr)


null_flag_rate = Formula(
    name="null_flag_rate",
    variables=(variable(D), variable(ratio)),
    branches=(Branch(ratio**D),),
    kind="asymptotic",
    regime="share of fresh points whose nearest training point is less than this times as far as the second; n → ∞, "
    "without corrections in 1/n where the density is constant as far as the balls reach",
    source="derived here",
    derivation=_null_flag_rate,
)

# -- authenticity --------------------------------------------------------------------------------------------------


class crescent(sp.Function):
    """crescent(D): the share of a ball in D dimensions outside an equal ball whose centre lies on its surface."""

    nargs = 1

    def doit(self, **hints: Any) -> sp.Expr:
        half = sp.Rational(1, 2)
        D = self.args[0]
        return _slice(D) * sp.hyper((half, (1 - D) / 2), (3 * half,), half**2)

    def _latex(self, printer: Any) -> str:
        return rf"I_{{1/4}}\left(\tfrac12,\tfrac{{{printer._print(self.args[0])}+1}}{{2}}\right)"

    @staticmethod
    def numpy(D: np.ndarray) -> np.ndarray:
        return special.betainc(0.5, (np.asarray(D) + 1) / 2, 0.25)

    @staticmethod
    def mpmath(D: mpmath.mpf) -> mpmath.mpf:
        half, b = mpmath.mpf(1) / 2, (D + 1) / 2  # of the other part, whose series converges in any dimension
        series = mpmath.hyp2f1(b + half, 1, b + 1, mpmath.mpf(3) / 4)
        return 1 - (mpmath.mpf(3) / 4) ** b * half / (b * mpmath.beta(half, b)) * series


def _slice(D: sp.Expr) -> sp.Expr:
    """The volume of the unit ball in D − 1 dimensions over that in D."""
    return sp.gamma(D / 2 + 1) / (sp.sqrt(sp.pi) * sp.gamma((D + 1) / 2))


def _authpct_null(f: Formula) -> Iterator[Step]:
    # g has the nearest training point t at r; it is not authentic if no other one is within r of t. Those within r of g
    # as well there cannot be: what has to be empty is the ball around g and, of the ball around t, the crescent.
    outside = sp.Symbol("k", positive=True)
    for points in (2, 5):
        copies = n * (1 - (1 + outside) * _V) ** (n - 1)
        share = sp.integrate(copies.subs(n, points), (_V, 0, 1 / (1 + outside)))
        yield Identity(f"one of n at v, none of n − 1 in (1+k)v: 1/(1+k) (n = {points})", share, 1 / (1 + outside))
    poisson = sp.integrate(sp.exp(-(1 + outside) * _V), (_V, 0, sp.oo))
    yield Identity("and so it is among infinitely many", poisson, 1 / (1 + outside))
    yield Identity("authentic are the others, in percent", f.expr.subs(crescent(D), outside), 100 * (1 - poisson))
    height = sp.Symbol("x", real=True)
    yield Identity(
        "two unit spheres around 0 and 1 meet at height ½: the lens is two caps, the crescent |x| < ½ of one ball",
        (1 - height**2).subs(height, sp.Rational(1, 2)),
        (1 - (height - 1) ** 2).subs(height, sp.Rational(1, 2)),
    )
    slices = _slice(D) * (1 - height**2) ** ((D - 1) / 2)
    places = tuple({D: k} for k in (1, 2, 3, 8))
    half = sp.Rational(1, 2)
    yield Quadrature("slices of a ball at height x add up to it", slices, (height, -1, 0, 1), D / D, places)
    yield Quadrature("those with |x| < ½ to the crescent", slices, (height, -half, half), crescent(D).doit(), places)
    # at the integer D the hypergeometric series is elementary
    exact = {1: 1 - half, 2: half - sp.Rational(1, 6) + sp.sqrt(3) / (2 * sp.pi), 3: 1 - sp.Rational(5, 16)}
    for dimension, value in exact.items():
        found = sp.hyperexpand(f.expr.subs(D, dimension).doit())
        yield Identity(f"in {dimension} dimension{'s' * (dimension > 1)}", found, 100 * value / (1 + value))
    yield Quadrature("E x² = 1/(D+2)", height**2 * slices, (height, -1, 0, 1), 1 / (D + 2), places)
    lens = 1 / (D + 2) / half**2
    yield Limit("so the lens, |x| > ½, is at most 4/(D+2) (Chebyshev) and vanishes", lens, D, sp.oo, 0)
    yield Limit("which leaves one half", f.expr.subs(crescent(D), 1 - lens), D, sp.oo, 50)


authpct_null = Formula(
    name="authpct_null",
    variables=(variable(D),),
    branches=(Branch(100 * crescent(D) / (1 + crescent(D))),),
    kind="asymptotic",
    regime="AuthPct of fresh points in percent, however many; the law locally uniform around the nearest training "
    "point; n → ∞, without corrections in 1/n where the density is constant as far as the balls reach",
    source="derived here; the criterion of alaa2022",
    derivation=_authpct_null,
)

# -- training set against holdout ----------------------------------------------------------------------------------


def _closest_record_null(f: Formula) -> Iterator[Step]:
    # the closest of n training points at v, the others and all of the holdout beyond
    share = sp.integrate(n * (1 - _V) ** (n + n_holdout - 1), (_V, 0, 1))
    yield Identity(
        "the n + n_H fresh points are exchangeable: each is as likely as any to be the closest", share, f.expr
    )


closest_record_null = Formula(
    name="closest_record_null",
    variables=(variable(n), variable(n_holdout)),
    branches=(Branch(n / (n + n_holdout)),),
    kind="exact",
    regime="share of fresh points that are closer to the training set than to the holdout; any law without equal "
    "points, any dimension",
    source="derived here",
    derivation=_closest_record_null,
)

# -- data copying --------------------------------------------------------------------------------------------------
_CELLS = sp.Symbol("cells", positive=True)


def _data_copying_deviation(f: Formula) -> Iterator[Step]:
    u, m, b = sp.symbols("u m b", positive=True)  # m generated, b fresh points
    half = sp.Rational(1, 2)
    # U counts the pairs of a generated and a fresh point in which the generated one is farther: one with rank u has
    # probability u to be
    yield Identity("a pair: ½, with variance ¼", sp.integrate(u, (u, 0, 1)) * (1 - half), half**2)
    twelfth = sp.integrate(u**2, (u, 0, 1)) - half**2
    yield Identity("two pairs with a point in common: covariance 1/12", twelfth, sp.Rational(1, 12))
    pairs = m * b * (half**2 + (m - 1) * twelfth + (b - 1) * twelfth)
    yield Identity("each of mb pairs has m + b − 2 such: Var U = mb(m+b+1)/12", pairs, m * b * (m + b + 1) / 12)
    # Given which points are in which cell, distances in different cells are independent: scores of variance 1.
    some = sp.symbols("w1:4", positive=True)
    stated = f.expr.replace(lambda e: isinstance(e, Mean), lambda e: e.over(some)).subs(_CELLS, len(some))
    variance = sum(weight**2 for weight in some) / sum(some) ** 2
    yield Identity("Var Σwz/Σw = Σw²/(Σw)² for independent z of variance 1 (three cells)", stated**2, variance)
    yield Identity("equal cells: 1/√cells", single(f.expr), 1 / sp.sqrt(_CELLS))


data_copying_deviation = Formula(
    name="data_copying_deviation",
    variables=(variable(weights),),
    branches=(Branch(sp.sqrt(Mean(weights**2, weights) / _CELLS) / Mean(weights, weights)),),
    kind="exact",
    regime="standard deviation of C_T over fresh points in place of generated ones, given the training set and how "
    "many points of either kind each cell has; any law without equal distances",
    source="derived here; C_T of meehan2020",
    derivation=_data_copying_deviation,
    count=_CELLS,
)
