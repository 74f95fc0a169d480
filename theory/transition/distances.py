"""The perpendicular bisector of T and O: what Δ = E_TG − E_OG says about G, and what one resolution can see of it.

Whether G is nearer to T or to O is which side of their perpendicular bisector it lies on, a question about one
coordinate a along T − O; how far it is from O depends on another coordinate b as well, so a falling E_OG is not
contained in the definition of Δ.  For the Gaussian law of a training set a depends on the width of the kernels that all
are seen through: wide ones see a copy, narrow ones see none.
"""

from collections.abc import Iterator

import sympy as sp

from theory.core.bounds import Bracket
from theory.core.formula import Branch, Formula
from theory.core.steps import Identity, Step
from theory.letters import INSIDE, gamma, memorized, orthogonal, rho, shift, span, unknown, variable, width
from theory.linear.determinants import saddle_ends, shifted_logdet


def _in_the_plane() -> tuple[sp.Expr, sp.Expr, dict]:
    """E_TG and E_OG for O at the origin, T at t, and G at coordinates (g1, g2, g3) of any three directions."""
    t, g = sp.Matrix(sp.symbols("t1:4", real=True)), sp.Matrix(sp.symbols("g1:4", real=True))
    length2 = t.dot(t)
    a = t.dot(g) / length2
    at = {span: length2, memorized: a, orthogonal: g.dot(g) / length2 - a**2}
    return (t - g).dot(t - g), g.dot(g), at


def _bisector(f: Formula) -> Iterator[Step]:
    to_train, to_original, at = _in_the_plane()
    yield Identity("E_TG − E_OG = ‖T−O‖²(1 − 2a): b drops out", to_train - to_original, f.expr.subs(at))
    yield Identity("a copy of the training set has a = 1", f.expr.subs(memorized, 1), -span)
    yield Identity("on the bisector, a = ½, the two distances are equal", f.expr.subs(memorized, sp.Rational(1, 2)), 0)


bisector = Formula(
    name="bisector",
    variables=(variable(memorized), variable(span)),
    branches=(Branch(span * (1 - 2 * memorized)),),
    kind="identity",
    regime="Δ = E_TG − E_OG for any three functions T, O, G: linear in G",
    source="derived here; Δ of halder2024 eq. (19), reconstructed",
    derivation=_bisector,
)


def _distance_original(f: Formula) -> Iterator[Step]:
    to_train, to_original, at = _in_the_plane()
    yield Identity("E_OG = ‖T−O‖²(a² + b²)", to_original, f.expr.subs(at))
    mirrored = f.expr.subs(memorized, 1 - memorized)
    yield Identity("and E_TG is the same seen from T, 1 − a for a", to_train, mirrored.subs(at))
    yield Identity("not circular: at fixed a, hence fixed Δ, E_OG grows with b²", sp.diff(f.expr, orthogonal), span)


distance_original = Formula(
    name="distance_original",
    variables=(variable(memorized), variable(span), variable(orthogonal)),
    branches=(Branch(span * (memorized**2 + orthogonal)),),
    kind="identity",
    regime="E_OG for any three functions T, O, G",
    source="derived here; E_OG of halder2024 eq. (19), reconstructed",
    derivation=_distance_original,
)


# -- why Δ itself is no use at n ≈ d -------------------------------------------------------------------------------
def _cross_overlap(f: Formula) -> Iterator[Step]:
    # E_x N(x; μ, Σ_G + ε²I) over x ~ N(m, σ²I), in units of (4πσ²)^{−d/2} and without the mean term, which is O(1/d).
    place = 1 + width**2
    yield Identity(
        "½[ln 2 − (1/d) ln det((1+ε²)I + Σ_G/σ²)]", f.expr, (sp.log(2) - shifted_logdet.expr.subs(shift, place)) / 2
    )
    yield Identity("the saddle of shifted_logdet at y = 1 + ε²", f.equation, shifted_logdet.equation.subs(shift, place))


_shifted = shifted_logdet.unknown

assert _shifted is not None


def _cross_overlap_bounds(f: Formula) -> Iterator[Step]:
    assert f.unknown
    at = shifted_logdet.equation.subs(shift, 1 + width**2)
    yield Bracket(
        "the saddle of shifted_logdet at y = 1 + ε²",
        f.unknown,
        (f.equation, at.subs(f.unknown.symbol, 0)),
        (f.equation, at.subs(f.unknown.symbol, 1)),
        tuple({width: 0.5, gamma: g, rho: p} for g, p in ((0.5, 0.5), (0.9, 0.2), (0.1, 0.9))),
    )
    yield from saddle_ends(f)


cross_overlap = Formula(
    name="cross_overlap",
    variables=(
        variable(width, unit="σ"),
        variable(gamma, INSIDE),
        variable(rho, INSIDE),
    ),
    branches=(Branch((sp.log(2) - shifted_logdet.expr.subs(shift, 1 + width**2)) / 2),),
    kind="asymptotic",
    regime="lim (1/d) ln ⟨G, ρ_O⟩ in units of (4πσ²)^{−d/2}, one-step model at d/(n−1) → γ < 1, many points of O",
    source="derived here",
    derivation=_cross_overlap,
    bounds=_cross_overlap_bounds,
    rests_on=(shifted_logdet,),
    unknown=unknown(_shifted.symbol, _shifted.equation.subs(shift, 1 + width**2), _shifted.lower, _shifted.upper),
)
