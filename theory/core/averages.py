"""Averages over normal and χ² variables, and the product of two normal densities, by SymPy."""

from collections.abc import Callable, Iterator
from functools import cache

import sympy as sp

from theory.core.steps import Identity, Quadrature, Step, shared


@cache
def line_integral(integrand: sp.Expr, variable: sp.Symbol) -> sp.Expr:
    """∫ integrand over the real line, by SymPy; taken once, for it takes seconds and mutated formulas share it."""
    return sp.simplify(sp.integrate(integrand, (variable, -sp.oo, sp.oo)))


def normal_average(polynomial: sp.Expr, *variables: sp.Symbol) -> sp.Expr:
    """E of a polynomial in independent standard normal variables: E z^k = (k−1)!! for even k, else 0."""
    terms = sp.Poly(sp.expand(polynomial), *variables).terms()
    even = [(powers, factor) for powers, factor in terms if all(k % 2 == 0 for k in powers)]
    return sp.Add(*[factor * sp.Mul(*[sp.factorial2(k - 1) for k in powers]) for powers, factor in even])


@shared
def gaussian_product(k: sp.Expr, s: sp.Expr) -> Iterator[Step]:
    """N(y; 0, k) N(y; 0, s) = N(0; 0, k+s) N(y; 0, v) with 1/v = 1/k + 1/s, on the line."""
    y = sp.Symbol("y", real=True)

    def normal(variance: sp.Expr) -> sp.Expr:
        return sp.exp(-(y**2) / (2 * variance)) / sp.sqrt(2 * sp.pi * variance)

    v = k * s / (k + s)
    ratio = normal(k) * normal(s) / (normal(v) / sp.sqrt(2 * sp.pi * (k + s)))
    yield Identity("two centred normals multiply to a third of variance v = ks/(k+s)", sp.simplify(ratio), 1)
    yield Quadrature(
        "so their overlap is N(0; 0, k+s)",
        (normal(k) * normal(s)).subs({k: sp.Symbol("k"), s: sp.Symbol("s")}),
        (y, -sp.oo, sp.oo),
        1 / sp.sqrt(2 * sp.pi * (sp.Symbol("k") + sp.Symbol("s"))),
        ({sp.Symbol("k"): 2, sp.Symbol("s"): sp.Rational(1, 3)}, {sp.Symbol("k"): 5, sp.Symbol("s"): 1}),
    )


def chi2_average(function: Callable[[sp.Symbol], sp.Expr], d: sp.Symbol) -> sp.Expr:
    """E function(x), x ~ χ²_d, by SymPy."""
    x = sp.Symbol("x", positive=True)
    density = x ** (d / 2 - 1) * sp.exp(-x / 2) / (2 ** (d / 2) * sp.gamma(d / 2))
    return sp.gammasimp(sp.integrate(function(x) * density, (x, 0, sp.oo), conds="none"))
