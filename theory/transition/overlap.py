"""The transition probability: when is the generated law nearer to fresh data than to its training set?

The paper asks for P(Δ > 0). Its pair terms do not depend on G, and at n ≈ d they decide the sign; the cross terms
alone, the overlap gap ln⟨G,H⟩ − ln⟨G,T⟩ with a holdout H as large as T, have the same null, ½ for a G independent of
both, and no such artefact.  For G = N(x̄, S), the linear model in many steps, a point overlaps with G as e^{−Q/2}, where
Q is its Mahalanobis distance in S + ε²I: q χ²_d for a fresh point, q = σ²/(σ²+ε²), and a little less for a point that G
was fitted to.  Everything here follows from how two sums of such terms compare.

Three regimes.  Few dimensions: both sums are normal, P → ½ as n^{−½}.  Very many: a few of the largest terms
carry each sum, which is then a stable variable, and P crosses a given level at n ∝ d^{3/2} √ln n in the end.  Between,
from some 64 to 256 dimensions, neither holds and only the quadrature knows: there the crossing is nearly proportional
to d, where the one limit takes over from the other.
"""

from collections.abc import Iterator

import sympy as sp

from theory.core.averages import chi2_average
from theory.core.bounds import Edge
from theory.core.formula import Branch, Formula
from theory.core.special import log_excess
from theory.core.steps import Identity, Premise, Quadrature, Step
from theory.core.sum_exceeds import sum_exceeds
from theory.kernel.estimate import kernel_width
from theory.letters import at_least, d, distance, n, n_original, q, variable
from theory.transition.influence import few_points, leave_one_out


# -- the overlap gap, by quadrature --------------------------------------------------------------------------------
def gil_pelaez() -> Step:
    s, m = sp.Symbol("s", positive=True), sp.Symbol("m", positive=True)
    return Quadrature(
        "P(D > 0) = ½ + (1/π) ∫ Im φ(s) ds/s, on a law where P is known, N(m, 1)",
        sp.exp(-(s**2) / 2) * sp.sin(m * s) / s,
        (s, 0, 4, 16),
        sp.pi * sp.erf(m / sp.sqrt(2)) / 2,
        ({m: sp.Rational(1, 2)}, {m: 2}),
    )


def _overlap_probability(f: Formula) -> Iterator[Step]:
    yield gil_pelaez()
    x = sp.Symbol("x", positive=True)
    inside = leave_one_out.expr.subs(distance, q * x) / 2
    a, b = q * (1 - (2 - q) / n) / 2, q / n
    yield Identity("a training point's term is e^{−ax/(1+bx)} with", inside, a * x / (1 + b * x))
    yield Identity("n fresh terms against n of these", f.expr, sum_exceeds(d, n, q / 2, 0, n, a, b, 0))
    yield Premise(
        "given x̄ and S the terms count as independent, Q as q χ²_d: the spread of S moves both sums alike",
        "argued here",
        "transition.overlap_probability",
    )


def _overlap_probability_bounds(f: Formula) -> Iterator[Step]:
    yield few_points(f.variables[0])


overlap_probability = Formula(
    name="overlap_probability",
    variables=(variable(n, at_least(8)), variable(d), variable(q)),
    branches=(Branch(sum_exceeds(d, n, q / 2, 0, n, q * (1 - (2 - q) / n) / 2, q / n, 0)),),
    kind="asymptotic",
    regime="P(⟨G,H⟩ > ⟨G,T⟩), G = N(x̄, S), H as large as T, n ≫ d ≫ 1; ½ would be no memory",
    source="derived here; inversion gilpelaez1951",
    derivation=_overlap_probability,
    bounds=_overlap_probability_bounds,
    rests_on=(leave_one_out,),
)


def _null_probability(f: Formula) -> Iterator[Step]:
    yield gil_pelaez()
    # For G = O = N(m, I): ⟨G, ρ_X⟩ = (1/n) Σ N(x_i; m, (1+ε²)I), Q = q χ²_d exactly.
    one, two = (1 + kernel_width.expr.subs({kernel_width.variables[2].symbol: 1, n: k}) ** 2 for k in (n_original, n))
    shift = sp.log(n / n_original) - d * (sp.log(one) - sp.log(two)) / 2
    yield Identity(
        "n_O terms, each n/n_O times as heavy and with a narrower kernel",
        f.expr,
        sum_exceeds(d, n_original, 1 / (2 * one), 0, n, 1 / (2 * two), 0, shift),
    )


def _widened(k: sp.Expr) -> sp.Expr:
    return 1 + sp.exp(-2 * sp.log(k) / d)


def _null_probability_bounds(f: Formula) -> Iterator[Step]:
    for points in f.variables[:2]:
        falls = sp.Integer(10) ** (-4 * points.symbol / 2)
        claim = "a limit of the quadrature: in one dimension φ falls as s^{−n/2}, with 8 terms to 10⁻¹⁶ at s = 10⁴"
        yield Edge(claim, points, "lower", falls, sp.Rational(1, 10**16), included=True)


null_probability = Formula(
    name="null_probability",
    variables=(
        variable(n, at_least(8)),
        variable(n_original, at_least(8)),
        variable(d),
    ),
    branches=(
        Branch(
            sum_exceeds(
                d,
                n_original,
                1 / (2 * _widened(n_original)),
                0,
                n,
                1 / (2 * _widened(n)),
                0,
                sp.log(n / n_original) - d * (sp.log(_widened(n_original)) - sp.log(_widened(n))) / 2,
            )
        ),
    ),
    kind="exact",
    regime="P(⟨G,O⟩ > ⟨G,T⟩) of the perfect generator, G the true law, each set at its own width; ½ if n_O = n",
    source="derived here; inversion gilpelaez1951",
    derivation=_null_probability,
    bounds=_null_probability_bounds,
    rests_on=(kernel_width,),
)


def exponential_moment() -> Step:
    k = sp.Symbol("k", positive=True)
    moment = chi2_average(lambda x: sp.exp(-k * x / 2), d)
    return Identity("E e^{−kx/2} = (1+k)^{−d/2}, x ~ χ²_d", sp.simplify(moment * (1 + k) ** (d / 2)), 1)


def _annealed_gap(f: Formula) -> Iterator[Step]:
    yield exponential_moment()
    mean = chi2_average(lambda x: x, d)
    yield Identity("ln E e^{−Q/2} − E ln e^{−Q/2}", f.expr.doit(), -d * sp.log(1 + q) / 2 + q * mean / 2)


annealed_gap = Formula(
    name="annealed_gap",
    variables=(variable(d), variable(q)),
    branches=(Branch(d * log_excess(q) / 2),),
    kind="exact",
    regime="ln E − E ln of one point's overlap with a Gaussian, nats: what a small set lacks against an infinite one",
    source="derived here",
    derivation=_annealed_gap,
)
