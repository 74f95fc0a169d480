"""The perpendicular bisector of T and O: what Δ = E_TG − E_OG says about G, and what one resolution can see of it.

Whether G is nearer to T or to O is which side of their perpendicular bisector it lies on, a question about one
coordinate a along T − O; how far it is from O depends on another coordinate b as well, so a falling E_OG is not
contained in the definition of Δ.  For the Gaussian law of a training set a depends on the width of the kernels that all
are seen through: wide ones see a copy, narrow ones see none.
"""

from collections.abc import Callable, Iterator

import sympy as sp

from theory.formula import Branch, Formula, Variable
from theory.kernel import DIMENSION, SIGMA, WIDTH, gaussian_product
from theory.steps import Identity, Limit, Premise, Step

d, sigma, width = DIMENSION.symbol, SIGMA.symbol, WIDTH.symbol

position, b_squared, separation = sp.symbols("position b_squared separation", real=True)
_POSITION = Variable(
    position, "⟨T−O, G−O⟩/‖T−O‖², the position of G along T − O", sp.Interval(-sp.oo, sp.oo), letter="a"
)
_SEPARATION = Variable(separation, "‖T−O‖²", sp.Interval(0, sp.oo), "1/volume", letter=r"\|T-O\|^2")
_B2 = Variable(
    b_squared, "squared distance of G from the line through O and T", sp.Interval(0, sp.oo), "1/volume", letter="b^2"
)


def _in_the_plane() -> tuple[sp.Expr, sp.Expr, dict]:
    """E_TG and E_OG for O at the origin, T at t, and G at coordinates (g1, g2, g3) of any three directions."""
    t, g = sp.Matrix(sp.symbols("t1:4", real=True)), sp.Matrix(sp.symbols("g1:4", real=True))
    separation_ = t.dot(t)
    a = t.dot(g) / separation_
    at = {separation: separation_, position: a, b_squared: g.dot(g) - a**2 * separation_}
    return (t - g).dot(t - g), g.dot(g), at


def _bisector(f: Formula) -> Iterator[Step]:
    to_train, to_original, at = _in_the_plane()
    yield Identity("E_TG − E_OG = ‖T−O‖²(1 − 2a): b drops out", to_train - to_original, f.expr.subs(at))
    yield Identity("a copy of the training set has a = 1", f.expr.subs(position, 1), -separation)
    yield Identity("on the bisector, a = ½, the two distances are equal", f.expr.subs(position, sp.Rational(1, 2)), 0)


bisector = Formula(
    name="bisector",
    variables=(_POSITION, _SEPARATION),
    branches=(Branch(separation * (1 - 2 * position)),),
    kind="identity",
    regime="Δ = E_TG − E_OG for any three functions T, O, G: linear in G",
    source="derived here; Δ of halder2024 eq. (19) (E6, reconstructed)",
    derivation=_bisector,
)


def _distance_original(f: Formula) -> Iterator[Step]:
    to_train, to_original, at = _in_the_plane()
    yield Identity("E_OG = a²‖T−O‖² + b²", to_original, f.expr.subs(at))
    mirrored = f.expr.subs(position, 1 - position)
    yield Identity("and E_TG is the same seen from T, 1 − a for a", to_train, mirrored.subs(at))
    yield Identity(
        "not circular: at fixed a, hence fixed Δ, E_OG moves one to one with b²", sp.diff(f.expr, b_squared), 1
    )


distance_original = Formula(
    name="distance_original",
    variables=(_POSITION, _SEPARATION, _B2),
    branches=(Branch(position**2 * separation + b_squared),),
    kind="identity",
    regime="E_OG for any three functions T, O, G",
    source="derived here; E_OG of halder2024 eq. (19) (E6, reconstructed)",
    derivation=_distance_original,
)


# -- what one resolution can see: the memorized fraction -----------------------------------------------------------

q = sp.Symbol("q", positive=True)
SHARPNESS = Variable(q, "q = σ²/(σ²+ε²): how sharp the kernel is against the data", sp.Interval.open(0, 1))
# Gain of the overlap of G with a point by that point's being in the training set, × n, relative to the overlap itself.
INFLUENCE = d * q / (1 + q) + d * (d + 2) * q**2 / (2 * (1 + q) ** 2)


def chi2_average(function: Callable[[sp.Symbol], sp.Expr]) -> sp.Expr:
    """E function(x), x ~ χ²_d, by SymPy."""
    x = sp.Symbol("x", positive=True)
    density = x ** (d / 2 - 1) * sp.exp(-x / 2) / (2 ** (d / 2) * sp.gamma(d / 2))
    return sp.gammasimp(sp.integrate(function(x) * density, (x, 0, sp.oo), conds="none"))


def influence() -> Iterator[Step]:
    """n E[N(x_i; x̄, S+ε²) − N(x; x̄, S+ε²)]/E N(x; x̄, S+ε²) → INFLUENCE, G = N(x̄, S), n → ∞ at fixed d.

    Adding a point at y (from the mean) moves x̄ by y/n and S by (yyᵀ − σ²I)/n: the gain is the derivative of
    ln N(y; x̄, S+ε²) along that motion, averaged over y with weight N(y; 0, k) N(y; 0, σ²) ∝ N(y; 0, v).
    """
    r2, k, s = sp.symbols("r2 k s", positive=True)  # |y|², σ²+ε², σ²
    yield from gaussian_product(k, s)
    y, m = sp.symbols("y m", real=True)
    log_f = -((y - m) ** 2) / (2 * k) - sp.log(k) / 2
    yield Identity("∂ ln N along the mean, moved by y: y²/k", y * sp.diff(log_f, m).subs(m, 0), y**2 / k)
    yield Identity(
        "∂ ln N along one variance: ½(y²/k² − 1/k), times the motion y² − s",
        sp.diff(log_f, k).subs(m, 0) * (y**2 - s),
        ((y**2 / k**2 - 1 / k) * (y**2 - s)) / 2,
    )
    # In d dimensions ½[(yᵀVy)/k² − tr V/k], V = yyᵀ − sI:
    total = r2 / k + ((r2**2 - s * r2) / k**2 - (r2 - d * s) / k) / 2
    v = k * s / (k + s)
    moments = chi2_average(lambda x: x), chi2_average(lambda x: x**2)
    yield Identity("E|y|² = d v", moments[0], d)
    yield Identity("E|y|⁴ = d(d+2)v²", moments[1], d * (d + 2))
    zeroth, first, second = (sp.expand(total).coeff(r2, p) for p in range(3))
    averaged = zeroth + first * d * v + second * d * (d + 2) * v**2
    yield Identity("averaged, with q = s/k", averaged.subs(k, s / q), INFLUENCE)


_CONTRAST = d * sp.log(1 + 2 * sigma**2 / width**2) / 2  # ln k(0)/k̄


def _memorized_fraction(f: Formula) -> Iterator[Step]:
    yield from influence()
    yield Premise(
        "second-order terms of the expansion in x̄ − m and S − Σ are O(1/n) relative to the first",
        "argued here",
        "bisector.memorized_fraction",
    )
    # ⟨T−O, G−O⟩: c × INFLUENCE/n with c = N(0; 0, (2σ²+ε²)I); ‖T−O‖² in the same smoothing: (k(0) − k̄)/n.
    c = (2 * sp.pi * (2 * sigma**2 + width**2)) ** (-d / 2)
    norm = (2 * sp.pi * width**2) ** (-d / 2) - (2 * sp.pi * (width**2 + 2 * sigma**2)) ** (-d / 2)
    direct = (c * INFLUENCE / norm).subs(q, sigma**2 / (sigma**2 + width**2))
    for dimension in (1, 2, 3):
        yield Identity(
            f"a = ⟨T−O, G−O⟩/‖T−O‖² at leading order (d = {dimension})",
            sp.simplify((direct / f.expr).subs(d, dimension)),
            1,
        )
    at = f.expr.subs({d: 2, sigma: 1})
    yield Limit("wide kernels see a copy: mean and covariance are those of the training set", at, width, sp.oo, 1)
    yield Limit("narrow kernels see none: no point is copied", at, width, 0, 0)


memorized_fraction = Formula(
    name="memorized_fraction",
    variables=(WIDTH, DIMENSION, SIGMA),
    branches=(
        Branch(INFLUENCE.subs(q, sigma**2 / (sigma**2 + width**2)) * sp.exp(-_CONTRAST) / (1 - sp.exp(-_CONTRAST))),
    ),
    kind="asymptotic",
    regime="E⟨T−O, G−O⟩/E‖T−O‖² where T, O and G are all seen through kernels of variance ε²/2, G = N(x̄, S), n ≫ d²",
    source="derived here",
    derivation=_memorized_fraction,
)
