"""The transition probability where it is known in closed form: few dimensions and very many."""

from collections.abc import Iterator

import sympy as sp

from theory.core.averages import chi2_average
from theory.core.bounds import Bracket, Condition, Edge
from theory.core.formula import Branch, Formula
from theory.core.special import log_add, log_ndtr, ratio_divergence
from theory.core.steps import Identity, Limit, Premise, Quadrature, Step, shared
from theory.letters import at_least, d, distance, log_n, n, probability, q, unknown, variable
from theory.transition.influence import INFLUENCE, few_points, influence, leave_one_out
from theory.transition.overlap import exponential_moment

# -- few dimensions: the central limit theorem ---------------------------------------------------------------------

# E e^{−Q}/(E e^{−Q/2})² − 1, and its inverse where it would overflow
_EXCESS = d * sp.log(1 + q**2 / (1 + 2 * q)) / 2

SCATTER, _PER_SCATTER = sp.exp(_EXCESS) - 1, sp.exp(-_EXCESS) / (1 - sp.exp(-_EXCESS))

# Of the gain INFLUENCE, what goes with the difference of the two sums itself and is no evidence of memory.
COMMON = d * q**2 / (2 * (1 + 2 * q)) * (1 + q**2 / (1 + q) ** 2 * _PER_SCATTER)


def _overlap_clt(f: Formula) -> Iterator[Step]:
    """D = Σ_H f − Σ_T f at the fitted θ = (x̄, S) is √n Z + W: Z from f at the true θ₀, W = (θ−θ₀)·(Σ_H ∇f − Σ_T ∇f).

    W is of order 1 with mean −INFLUENCE.  P(D > 0) − ½ feels the mean of W where Z = 0, another number, for W and Z
    share the fluctuations of S.
    """
    yield from influence()
    yield exponential_moment()
    second = ((1 + 2 * q) / (1 + q) ** 2) ** (-d / 2)
    yield Identity("E f²/(E f)² = ((1+q)²/(1+2q))^{d/2}", second, 1 + SCATTER)
    cx, cy, cz, cxz, cyz = sp.symbols("cx cy cz cxz cyz", positive=True)
    # X − Z cxz/cz and Y − Z cyz/cz are independent of Z: their covariance is that of X and Y given Z
    residual = cx * cy - 2 * cxz * cyz / cz + cz * (cxz / cz) * (cyz / cz)
    yield Identity("for normals E[XY | Z=0] = Cov(X,Y) − Cov(X,Z)Cov(Y,Z)/Var Z", residual, cx * cy - cxz * cyz / cz)
    # A direction, in units of E f and k = σ²+ε²: Cov(y² − s, f) and Cov(∂f/∂S, f), weights N(·; 0, v) and N(·; 0, v₂).
    v, v2 = q / (1 + q), q / (1 + 2 * q)
    moved, sloped = v - q, ((1 + SCATTER) * (v2 - 1) - (v - 1)) / 2
    yield Identity("their product over Var f, d directions", d * moved * sloped / SCATTER, COMMON)
    yield Premise("n terms on each side add up to normals", "argued here", "transition.overlap_clt")
    # D = √n Z + W in units of E f: Var √n Z = 2n Var f, and P(D > 0) = P(√n Z > −E[W | Z=0])
    x, s2 = sp.symbols("x s2", positive=True)
    normal = sp.exp(-(x**2) / (2 * s2)) / sp.sqrt(2 * sp.pi * s2)
    above = sp.erfc(1 / sp.sqrt(2 * s2)) / 2
    yield Quadrature("P(√n Z > 1) = ½ erfc(1/√(2 Var))", normal, (x, 1, 5, sp.oo), above, ({s2: 1}, {s2: 3}))
    (stated,) = f.expr.doit().atoms(sp.erfc)
    scale = stated.args[0] / (INFLUENCE - COMMON)
    yield Identity("P is that of −E[W | Z=0] = INFLUENCE − COMMON deviations", scale**2 * 2 * (2 * n * SCATTER), 1)
    yield Identity("as half an erfc", f.expr.doit(), sp.erfc(-stated.args[0]) / 2)
    wide = (INFLUENCE - COMMON).subs(d, 1) / q
    yield Limit("wide kernels, one dimension: the mean alone is remembered", wide, q, 0, 1)


def _overlap_clt_bounds(f: Formula) -> Iterator[Step]:
    yield few_points(f.variables[0])


overlap_clt = Formula(
    name="overlap_clt",
    variables=(variable(n, at_least(8)), variable(d), variable(q)),
    branches=(Branch(sp.exp(log_ndtr(-(INFLUENCE - COMMON) * sp.sqrt(_PER_SCATTER / (2 * n))))),),
    kind="asymptotic",
    regime="P(⟨G,H⟩ > ⟨G,T⟩) at fixed d as n → ∞; needs n ≫ clt_threshold(d, q)",
    source="derived here",
    derivation=_overlap_clt,
    bounds=_overlap_clt_bounds,
    rests_on=(leave_one_out,),
)


def _clt_threshold(f: Formula) -> Iterator[Step]:
    z = sp.Symbol("z", real=True)
    normal = sp.exp(-(z**2) / 2) / sp.sqrt(2 * sp.pi)
    tilted = normal * sp.exp(-q * z**2)
    variance = sp.integrate(z**2 * tilted, (z, -sp.oo, sp.oo)) / sp.integrate(tilted, (z, -sp.oo, sp.oo))
    r = 1 / (1 + 2 * q)
    yield Identity("E e^{−Q} is carried by points of variance σ²/(1+2q)", sp.simplify(variance), r)
    # d independent directions: KL divergence of that law from the law of the data, ½(r − 1 − ln r) a direction.
    rate = ratio_divergence(r).doit() / 2
    yield Identity("of which there is one among e^{d·KL}", f.expr.doit(), sp.exp(d * rate))


clt_threshold = Formula(
    name="clt_threshold",
    variables=(variable(d), variable(q)),
    branches=(Branch(sp.exp(d * ratio_divergence(1 / (1 + 2 * q)) / 2)),),
    kind="asymptotic",
    regime="number of points that sample the second moment of the overlap, to leading exponential order in d",
    source="derived here; the condensation of derrida1981",
    derivation=_clt_threshold,
)

# -- many dimensions: the largest terms ----------------------------------------------------------------------------
_EXTREME = q * d * (1 - 2 * sp.sqrt(sp.log(n) / d))  # Q of the nearest of n points

_GAP = _EXTREME**2 / (2 * n)

_SCALE = q * sp.sqrt(d / 2) / sp.sqrt(2 * sp.log(n))


@shared
def _extremes() -> Iterator[Step]:
    """Gap and Gumbel scale of the largest of n terms e^{−Q/2}."""
    moments = chi2_average(lambda x: x, d), chi2_average(lambda x: x**2, d)
    yield Identity("Var χ²_d = 2d", sp.expand(moments[1] - moments[0] ** 2), 2 * d)
    yield Premise(
        "the least of n normals lies √(2 ln n) deviations below the mean and scatters as a Gumbel, 1/√(2 ln n) of one",
        "leadbetter1983 Thm 1.5.3",
        "transition.condensed_probability",
    )
    deviation = q * sp.sqrt(2 * d)
    yield Identity("Q* = qd − √(2 ln n) q√(2d)", _EXTREME, q * d - sp.sqrt(2 * sp.log(n)) * deviation)
    yield Identity("scale of −Q/2: half a deviation over √(2 ln n)", _SCALE, deviation / 2 / sp.sqrt(2 * sp.log(n)))
    inside = (distance - leave_one_out.expr) / 2
    yield Limit("a training point gains Q²/2n, up to Q/n", n * inside, n, sp.oo, distance * (distance + 2 - q) / 2)
    g, u = sp.symbols("g u", positive=True)
    # P(X₁ > X₂ + g) = ∫ P(X₂ < x − g) dF(x) for Gumbel X₁, X₂; with u = e^{−x}: ∫₀^∞ exp(−u e^g) e^{−u} du
    yield Identity(
        "two Gumbels differ by a logistic",
        sp.integrate(sp.exp(-u * sp.exp(g) - u), (u, 0, sp.oo)),
        1 / (1 + sp.exp(g)),
    )


def _condensed_probability(f: Formula) -> Iterator[Step]:
    yield from _extremes()
    z = sp.Symbol("z", real=True)
    tilted = sp.exp(-(1 + q) * z**2 / 2)
    carried = sp.integrate(z**2 * tilted, (z, -sp.oo, sp.oo)) / sp.integrate(tilted, (z, -sp.oo, sp.oo))
    yield Identity("E e^{−Q/2} is carried by points of variance σ²/(1+q)", sp.simplify(carried), 1 / (1 + q))
    rate = ratio_divergence(1 / (1 + q)).doit() / 2
    condensed = f.branches[0].condition
    yield Identity(
        "not sampled, hence ruled by the largest term, for ln n < d·KL",
        condensed.rhs - condensed.lhs,
        d * rate - sp.log(n),
    )
    yield Identity("ln odds = gap/scale", _ODDS, _GAP / _SCALE)
    yield Identity("P = 1/(1 + e^{gap/scale})", f.branches[0].value.doit(), 1 / (1 + sp.exp(_ODDS)))


_ODDS = q * d ** sp.Rational(3, 2) * sp.sqrt(sp.log(n)) * (1 - 2 * sp.sqrt(sp.log(n) / d)) ** 2 / n

_CONDENSED = sp.log(n) < d * (sp.log(1 + q) - q / (1 + q)) / 2  # fewer points than sample that law: the nearest decide


def _condensed_probability_bounds(f: Formula) -> Iterator[Step]:
    rate = ratio_divergence(1 / (1 + q)).doit() / 2
    yield Condition("fewer points than one among e^{d·KL}", f.branches[0].condition, sp.log(n) < d * rate)
    yield few_points(f.variables[0])


condensed_probability = Formula(
    name="condensed_probability",
    variables=(variable(n, at_least(8)), variable(d), variable(q)),
    branches=(Branch(sp.exp(-log_add(sp.S.Zero, _ODDS)), _CONDENSED),),
    kind="asymptotic",
    regime="P(⟨G,H⟩ > ⟨G,T⟩) as d → ∞ at n ~ d^{3/2}; needs ln n ≪ (d/2)[ln(1+q) − q/(1+q)]: d ≫ 225 at q = ½",
    source="derived here",
    derivation=_condensed_probability,
    bounds=_condensed_probability_bounds,
    rests_on=(leave_one_out,),
)


def _overlap_samples(f: Formula) -> Iterator[Step]:
    odds = sp.log(1 / probability - 1)
    solved = _GAP / _SCALE / odds
    yield from _extremes()
    yield Identity(
        "gap/scale = ln(1/p − 1), solved for the n in front",
        sp.log(n) - sp.expand_log(sp.log(solved * n), force=True),
        sp.expand_log(f.equation.subs(log_n, sp.log(n)), force=True),
    )
    yield Identity("ell is ln n", f.expr, sp.exp(log_n))
    yield Limit(
        "at fixed ln n the power of d is 3/2",
        solved * n / d ** sp.Rational(3, 2),
        d,
        sp.oo,
        q * sp.sqrt(sp.log(n)) / odds,
    )


def _overlap_samples_bounds(f: Formula) -> Iterator[Step]:
    assert f.unknown
    condensed = condensed_probability.branches[0].condition
    yield Bracket(
        "n is between e and where condensed_probability ends",
        f.unknown,
        (log_n, 1),
        (log_n, condensed.rhs),
        tuple({probability: p, d: dimension, q: 0.5} for p, dimension in ((0.25, 1e3), (0.1, 1e4), (0.45, 1e5))),
    )
    yield Edge("tried from 256 dimensions on", f.variables[1], "lower", d / 256, 1, included=True)
    yield Edge("and from q = 2/5 on", f.variables[2], "lower", 5 * q / 2, 1, included=True)


overlap_samples = Formula(
    name="overlap_samples",
    variables=(
        variable(probability),
        variable(d, at_least(256)),
        variable(q, sp.Interval.Ropen(sp.Rational(2, 5), 1)),
    ),
    branches=(Branch(sp.exp(log_n)),),
    kind="asymptotic",
    regime="n_p at which P(⟨G,H⟩ > ⟨G,T⟩) = p: q d^{3/2} √ln n (1−2√(ln n/d))²/ln(1/p−1), d → ∞; d ≥ 256",
    source="derived here",
    derivation=_overlap_samples,
    bounds=_overlap_samples_bounds,
    rests_on=(condensed_probability,),
    unknown=unknown(
        log_n,
        log_n
        - sp.log(q)
        - 3 * sp.log(d) / 2
        - sp.log(log_n) / 2
        - 2 * sp.log(1 - 2 * sp.sqrt(log_n / d))
        + sp.log(sp.log(1 / probability - 1)),
        sp.S.One,
        d * (sp.log(1 + q) - q / (1 + q)) / 2,
    ),
)
