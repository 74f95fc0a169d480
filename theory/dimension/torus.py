"""A curved manifold whose exact score is known: a product of D circles, which spans 2D of d dimensions.

σ = 1: each coordinate in the plane of a circle has variance 1, so its radius is √2. The noise across the span says
nothing of the point, and the posterior of a circle knows the noised point by its distance from the centre.
"""

from collections.abc import Iterator

import sympy as sp

from theory.core.bounds import Edge
from theory.core.circle import circle_information
from theory.core.formula import Branch, Formula
from theory.core.steps import Identity, Premise, Quadrature, Step
from theory.letters import POSITIVE, D, tau2, variable


def _torus_information(f: Formula) -> Iterator[Step]:
    angle, sharp, place, x = sp.symbols("angle sharp place x", positive=True)
    bessel = sp.besseli(0, sharp)
    points = ({sharp: sp.Rational(1, 2)}, {sharp: 3})
    round_ = sp.exp(sharp * sp.cos(angle)) / (2 * sp.pi)
    yield Quadrature(
        "on a circle p(u|x)/p(u) = e^{u·x/τ²}/I_0(r|u|/τ²)", round_, (angle, 0, sp.pi, 2 * sp.pi), bessel, points
    )
    rice = place * sp.exp(-(place**2 + x) / 2) * sp.besseli(0, sp.sqrt(x) * place)
    at = ({x: sp.Rational(1, 3)}, {x: 4})
    yield Quadrature("|u|/τ has the density of Rice, x = r²/τ²", rice, (place, 0, 3, 8, 30), sp.S.One, at)
    yield Quadrature("E u² = r² + 2τ²", rice * place**2, (place, 0, 3, 8, 30), x + 2, at)
    logarithm = rice * sp.log(sp.besseli(0, sp.sqrt(x) * place))
    for value in (sp.Rational(1, 3), sp.Integer(4)):
        exact = sp.Float(f.mp(1, float(2 / value), dps=30), 30)
        yield Quadrature(
            f"so a circle tells E u·x/τ² − E ln I_0 = x − E ln I_0(√x R), x = {value}, r² = 2",
            logarithm,
            (place, 0, 3, 8, 30),
            x - exact,
            ({x: value},),
            20,
        )
    yield Identity("circles are independent: D times that of one", f.expr, D * circle_information(2 / tau2))
    far = sp.log(2 * sp.pi * (2 / tau2) / sp.E) / 2  # of a circle, at little noise
    yield Identity("½ ln(2πx/e) is ln(√(4π/e)/τ)", far, sp.log(sp.sqrt(4 * sp.pi / sp.E) / sp.sqrt(tau2)), {tau2: x})
    yield Premise(
        "the exact score of n points keeps them below the noise where I = ln n, the more sharply the more circles",
        "biroli2024 (as in collapse)",
        "dimension.torus_information",
    )


def _torus_information_bounds(f: Formula) -> Iterator[Step]:
    yield Edge("without noise a point of a curve tells all", f.variables[1], "lower", 1 / tau2, sp.oo)


torus_information = Formula(
    name="torus_information",
    variables=(variable(D), variable(tau2, POSITIVE)),
    branches=(Branch(D * circle_information(2 / tau2)),),
    kind="exact",
    regime="I(x_0; x_0 + τξ) of the uniform law on D circles of radius √2, σ = 1, in nats, whatever d ≥ 2D: "
    "D ln(√(4π/e)/τ) at little noise",
    source="derived here",
    derivation=_torus_information,
    bounds=_torus_information_bounds,
)
