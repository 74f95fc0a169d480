"""The transition probability where it is known in closed form: few dimensions."""

from collections.abc import Iterator

import sympy as sp

from theory.core.formula import Branch, Formula
from theory.core.special import log_ndtr, ratio_divergence
from theory.core.steps import Identity, Limit, Premise, Quadrature, Step
from theory.letters import at_least, d, n, q, variable
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
