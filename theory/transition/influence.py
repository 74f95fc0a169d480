"""What a point gains by being in the training set: overlap with the generated law N(x̄, S)."""

from collections.abc import Iterator

import sympy as sp

from theory.core.averages import chi2_average, gaussian_product
from theory.core.bounds import Edge
from theory.core.formula import Branch, Formula, Variable
from theory.core.steps import Identity, Limit, Premise, Step, shared
from theory.letters import at_least, d, distance, n, q, sigma, variable, width

# -- what one resolution can see: the memorized fraction -----------------------------------------------------------


# Gain of the overlap of G with a point by that point's being in the training set, × n, relative to the overlap itself.
INFLUENCE = d * q / (1 + q) + d * (d + 2) * q**2 / (2 * (1 + q) ** 2)


@shared
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
    moments = chi2_average(lambda x: x, d), chi2_average(lambda x: x**2, d)
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
    variables=(variable(width), variable(d), variable(sigma)),
    branches=(
        Branch(INFLUENCE.subs(q, sigma**2 / (sigma**2 + width**2)) * sp.exp(-_CONTRAST) / (1 - sp.exp(-_CONTRAST))),
    ),
    kind="asymptotic",
    regime="E⟨T−O, G−O⟩/E‖T−O‖² where T, O and G are all seen through kernels of variance ε²/2, G = N(x̄, S), n ≫ d²",
    source="derived here",
    derivation=_memorized_fraction,
)


# -- a point that G was fitted to ----------------------------------------------------------------------------------
def few_points(points: Variable) -> Edge:
    """Why n starts at 8 where what a point's own presence does is taken to first order in 1/n."""
    claim = "the correction of order 1/n, (2−q)/n, is at most a quarter there"
    return Edge(claim, points, "lower", 2 / n, sp.Rational(1, 4), included=True)


def _leave_one_out(f: Formula) -> Iterator[Step]:
    yield from refit()
    # With A' the matrix of the other n−1 points and Q' = yᵀA'⁻¹y, exactly (x_i−x̄)ᵀA⁻¹(x_i−x̄) = (1−1/n)² Q'/(1+Q'/n).
    # Q' differs from a fresh point's Q by (n−2)/(n−1) in front of S alone: by the factor 1 + q/n.
    s, k = sp.symbols("s k", positive=True)
    shrunk = (s + k) / (s * (1 - 1 / n) + k)
    yield Limit("S(1−1/n) for S: Q' = Q(1+q/n)", sp.cancel(n * (shrunk - 1)), n, sp.oo, s / (s + k))
    other = distance * (1 + q / n)
    exact = (1 - 1 / n) ** 2 * other / (1 + other / n)
    yield Limit("together, to order 1/n", sp.cancel(n * (exact / f.expr - 1)), n, sp.oo, 0)


@shared
def refit() -> Iterator[Step]:
    """Steps for what adding one point does to mean, covariance and its own Mahalanobis distance, exactly."""
    x = sp.Matrix(sp.symbols("x1:5", real=True))
    size, point = len(x), x[-1]
    rest = x[:-1]
    mean_rest, mean = sum(rest) / (size - 1), sum(x) / size
    new = point - mean_rest
    scatter, scatter_rest = sum((v - mean) ** 2 for v in x), sum((v - mean_rest) ** 2 for v in rest)
    yield Identity("x_i − x̄ = (1−1/n) y, y from the mean of the others (n = 4)", point - mean, new * sp.Rational(3, 4))
    yield Identity("(n−1)S = (n−2)S' + (1−1/n) y² (n = 4)", scatter, scatter_rest + (1 - sp.Rational(1, size)) * new**2)
    a, b, c = sp.symbols("first second third", positive=True)
    A, v = sp.Matrix([[a, c], [c, b]]), sp.Matrix(sp.symbols("y1:3", real=True))
    inverse = (v.T * A.inv() * v)[0]
    yield Identity(
        "Sherman–Morrison: yᵀ(A + yyᵀ/n)⁻¹y = Q/(1+Q/n) (two dimensions)",
        (v.T * (A + v * v.T / n).inv() * v)[0],
        inverse / (1 + inverse / n),
    )


def _leave_one_out_bounds(f: Formula) -> Iterator[Step]:
    yield few_points(f.variables[1])


leave_one_out = Formula(
    name="leave_one_out",
    variables=(
        variable(distance),
        variable(n, at_least(8)),
        variable(q),
    ),
    branches=(Branch(distance * (1 - (2 - q) / n) / (1 + distance / n)),),
    kind="asymptotic",
    regime="Mahalanobis distance² of a training point, by that of the fresh point in its place; to order 1/n",
    source="derived here",
    derivation=_leave_one_out,
    bounds=_leave_one_out_bounds,
)
