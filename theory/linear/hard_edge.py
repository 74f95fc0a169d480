"""Between n = d and n = d/ρ: how KL(O‖G) grows with d, and its law over training sets.

There KL(O‖G) = ½[tr (AAᵀ)⁻¹ − d + ln det AAᵀ] + … has no limit per dimension. A (see `isotropic.py`) then has singular
values down to zero, and near zero they are those of a square matrix of standard normals, up to their density: the
**hard edge**. So KL(O‖G)/d² has a law over training sets: a number, `kl_true_generated_scale`, times the random
Y = lim tr (ZZᵀ)⁻¹/d of a square Gaussian matrix Z. Y has no mean; its probabilities are computed in `edge_law.py`.
"""

from collections.abc import Iterator

import sympy as sp

from theory.core.bounds import Condition, Edge
from theory.core.formula import Branch, Formula
from theory.core.steps import Identity, Limit, Premise, Step
from theory.letters import at_least, d, gamma, inverse_trace, n, rho, shift, variable
from theory.linear.determinants import A_OF_M, RESOLVENT, SADDLE, generated_logdet, m, r, shifted_logdet, u
from theory.linear.isotropic import inverse_chi2_mean, kl_true_generated

# Dummies: a small scale, what r is on it, a column q of the recursion, and the argument s of a Laplace transform.
e, R, q, s, Q = sp.symbols("e R column s Q", positive=True)


# -- the density of singular values at zero ----------------------------------------------------------------------------
def _singular_density(f: Formula) -> Iterator[Step]:
    edge, gap = f.branches[0].value, f.branches[1].value
    x = sp.Symbol("x", positive=True)
    resolvent = sp.integrate(1 / (shift + x**2), (x, 0, sp.oo))
    yield Identity("a density h at 0 makes (1/d) tr (y+AAᵀ)⁻¹ → (πh/2)/√y", resolvent, sp.pi / 2 / sp.sqrt(shift))
    # The exponent of shifted_logdet, whose slope in y at fixed u, Q and m is that resolvent (envelope).
    h = (shift * Q + rho) / Q
    exponent = sp.log(Q) + sp.log(h) + u / h * m - u * (Q - 1) / ((1 - rho) * gamma)
    slope = sp.diff(exponent, shift).subs(u, (h * A_OF_M))
    yield Identity(
        "(1/d) tr (y+AAᵀ)⁻¹ = mQ/((1+γm)(yQ+ρ)) at the saddle", slope, m * Q / ((1 + gamma * m) * (shift * Q + rho))
    )
    near = {shift: e**2, r: R / e}
    squared = gamma - rho
    yield Limit(
        "y → 0 with r = R/√y: the saddle has R² = γ − ρ",
        SADDLE.subs(m, RESOLVENT).subs(near),
        e,
        0,
        rho**2 / ((1 - rho) * gamma) * (squared - R**2),
    )
    found = slope.subs(Q, 1 + r).subs(m, RESOLVENT).subs(near)
    yield Limit("there √y (1/d) tr (y+AAᵀ)⁻¹ → R/γ", e * found, e, 0, R / gamma)
    yield Identity("πh/2 = R/γ", sp.pi * edge / 2, sp.sqrt(squared) / gamma)
    finite = (1 - gamma) / (rho - gamma)  # kl_true_generated
    yield Limit("γ < ρ: the inverse trace is finite, no density at 0", 2 / sp.pi * e * finite, e, 0, gap)
    # At γ = ρ: (1/d) tr (y+AAᵀ)⁻¹ ∝ y^(−1/3), so the least singular value is of order d^(−3/4), the trace d^(3/2).
    yield Limit(
        "γ = ρ: r = R y^(−1/3) with R³ = ρ(1−ρ), a density ∝ s^(1/3)",
        SADDLE.subs(m, RESOLVENT).subs(gamma, rho).subs({shift: e**3, r: R / e}) / e,
        e,
        0,
        rho / (R * (1 - rho)) * (rho * (1 - rho) - R**3),
    )
    quarter = sp.integrate(sp.sqrt(4 - x**2) / sp.pi, (x, 0, 2))
    yield Identity("Z/√d has the quarter circle √(4−s²)/π, 2/π at 0", quarter, 1)
    yield Limit("ρ → 0: A is Z/√N, its density is 1/√γ times that", edge, rho, 0, 2 / sp.pi / sp.sqrt(gamma))
    yield Limit("γ → 1: √(1−ρ) times that of Z/√d", edge, gamma, 1, 2 / sp.pi * sp.sqrt(1 - rho))


def _singular_density_bounds(f: Formula) -> Iterator[Step]:
    yield Condition("R² = γ − ρ is that of a real R", f.branches[0].condition, gamma - rho > 0)
    yield Edge("at γ = 1 W has just its rank", f.variables[0], "upper", d / gamma - d, 0, included=True)


singular_density = Formula(
    name="singular_density",
    variables=(variable(gamma, sp.Interval.Lopen(0, 1)), variable(rho)),
    branches=(Branch(2 * sp.sqrt(gamma - rho) / (sp.pi * gamma), gamma > rho), Branch(sp.S.Zero)),
    kind="asymptotic",
    regime="density at 0 of the singular values of A, Σ_G = σ²AAᵀ, as a share of d, at d/(n−1) → γ ≤ 1",
    source="derived here",
    derivation=_singular_density,
    bounds=_singular_density_bounds,
    rests_on=(
        shifted_logdet,
        kl_true_generated,
    ),
)


# -- the law of tr (ZZᵀ)⁻¹ ---------------------------------------------------------------------------------------------
def generator(function: sp.Expr) -> sp.Expr:
    """Itô's generator of the limiting recursion, dq = (1+2q) dx + 2q dw."""
    return (1 + 2 * q) * sp.diff(function, q) + 2 * q**2 * sp.diff(function, q, 2)


def _inverse_trace_tail(f: Formula) -> Iterator[Step]:
    yield Premise(
        "rotations make Z bidiagonal, χ_d … χ_1 on the diagonal, χ_{d−1} … χ_1 above it, all independent",
        "dumitriu2002",
        "test_hard_edge.test_the_recursion_has_the_law_of_dense_matrices",
    )
    a, b = sp.symbols("a1:4", positive=True), sp.symbols("b1:3", positive=True)
    B = sp.Matrix([[a[0], b[0], 0], [0, a[1], b[1]], [0, 0, a[2]]])
    columns = [1 / a[0] ** 2]
    for above, diagonal in zip(b, a[1:], strict=True):
        columns.append((1 + above**2 * columns[-1]) / diagonal**2)
    norm = sum(entry**2 for entry in B.inv())
    yield Identity("tr (BBᵀ)⁻¹ is the sum of S' = (1 + b²S)/a'², S = 1/a² first", norm, sum(columns))
    yield from inverse_chi2_mean()
    # With a'² and b² both χ²_k; E χ⁴ = k(k+2), E χ⁻⁴ = 1/((k−2)(k−4)).
    k = sp.Symbol("k", positive=True)
    first = (1 + k * q) / (k - 2)
    second = (1 + 2 * k * q + k * (k + 2) * q**2) / ((k - 2) * (k - 4))
    yield Limit("k E(S' − S) → 1 + 2S", k * (first - q), k, sp.oo, sp.diff(generator(q), q) * q + 1)
    yield Limit("k E(S' − S)² → 4S²", k * (second - 2 * q * first + q**2), k, sp.oo, 4 * q**2)
    yield Premise(
        "in x = −ln(k/d) S becomes the diffusion dq = (1+2q) dx + 2q dw, q(0) = 0, and Y = ∫ e^(−x) q dx",
        "ramirez2009",
        "linear.inverse_trace_law",
    )
    # φ(s, q) = E e^(−sY) from q on solves s ∂φ/∂s = Lφ − sqφ. From a large q the 1 in the drift is negligible.
    large = sp.exp(-sp.sqrt(2 * s * q))
    residual = generator(large) - sp.diff(large, q) - s * q * large - s * sp.diff(large, s)
    yield Identity("φ = exp(−√(2sq)) for large q", residual / large, 0)
    # For small s, 1 − φ = √s v(q) with Lv = v/2, v → √(2q) for large q and v finite at q = 0.
    z = 1 / (2 * q)
    zero, one = (sp.besselk(order, z / 2) for order in (0, 1))
    small = sp.sqrt(z) * sp.exp(z / 2) * (zero + one) / 2
    residual = generator(small) - small / 2
    recurrence = {sp.besselk(2, z / 2): zero + 4 / z * one}
    yield Identity("small s: v = ½√z e^(z/2)(K₀+K₁)(z/2), z = 1/(2q)", sp.expand(residual).subs(recurrence), 0)
    yield Limit("v → √(2q) for large q", (small / sp.sqrt(2 * q)).subs(q, 1 / (2 * e)), e, 0, 1, "+")
    x = sp.Symbol("x", positive=True)  # K_ν(x) = √(π/2x) e^(−x)(1 + O(1/x)) for every order
    leading = small.subs(zero, sp.sqrt(sp.pi / z) * sp.exp(-z / 2)).subs(one, sp.sqrt(sp.pi / z) * sp.exp(-z / 2))
    yield Identity("v(0) = √π: 1 − E e^(−sY) = √(πs)", leading, sp.sqrt(sp.pi))
    transform = s * sp.integrate(sp.exp(-s * inverse_trace) * f.expr, (inverse_trace, 0, sp.oo))
    yield Identity("which is s ∫ e^(−sy) P(Y > y) dy", transform, sp.sqrt(sp.pi * s))
    yield Premise(
        "P(d λ_min > x) = e^(−x/2−√x), λ_min the least eigenvalue of ZZᵀ", "edelman1988", "linear.singular_density"
    )
    least = 1 - sp.exp(-x / 2 - sp.sqrt(x))
    yield Limit("the least eigenvalue alone has that tail", least / f.expr.subs(inverse_trace, 1 / x), x, 0, 1, "+")


def _inverse_trace_tail_bounds(f: Formula) -> Iterator[Step]:
    yield Edge("a probability is at most 1", f.variables[0], "lower", f.expr, 1, included=True)


inverse_trace_tail = Formula(
    name="inverse_trace_tail",
    variables=(variable(inverse_trace, at_least(1)),),
    branches=(Branch(1 / sp.sqrt(inverse_trace)),),
    kind="asymptotic",
    regime="P(tr (ZZᵀ)⁻¹/d > Y) for a square matrix of standard normals, d → ∞, then Y ≫ 1: error O(1/Y); no mean",
    source="derived here",
    derivation=_inverse_trace_tail,
    bounds=_inverse_trace_tail_bounds,
)


# -- the divergence ----------------------------------------------------------------------------------------------------
def _kl_true_generated_scale(f: Formula) -> Iterator[Step]:
    between, beyond = f.branches[1:]
    yield Premise(
        "near 0 the singular values of A are 2/(πh) times those of Z/√d: universality of the hard edge",
        "taovu2010",
        "linear.kl_true_generated_scale",
    )
    density = singular_density.branches[0].value
    yield Identity("½ tr (AAᵀ)⁻¹/d² → ½(πh/2)² Y", (sp.pi * density / 2) ** 2 / 2, between.value)
    yield Limit("d and ln det AAᵀ, both of order d, do not count", (sp.log(rho) - 1) * d / d**2, d, sp.oo, 0)
    yield Limit("nor the means, which add 1/n of the trace and O(1)", (d**2 / n + 1) / d**2, n, sp.oo, 1 / d**2)
    yield Limit("γ < ρ: KL(O‖G) ∝ d", kl_true_generated.branches[0].value * d / d**2, d, sp.oo, beyond.value)
    top = sp.diff(between.value, gamma)
    yield Identity("it is largest at γ = 2ρ, n = d/(2ρ), if that is beyond d", top.subs(gamma, 2 * rho), 0)
    yield Identity("1/(8ρ) there", between.value.subs(gamma, 2 * rho), 1 / (8 * rho))
    yield Limit("γ → ρ: it vanishes", between.value, gamma, rho, 0)
    yield Limit("γ → 1: finite down to the last n that gives full rank", between.value, gamma, 1, (1 - rho) / 2)


def _kl_true_generated_scale_bounds(f: Formula) -> Iterator[Step]:
    full, between = (b.condition for b in f.branches[:2])
    yield Condition("W has fewer rows, N = d/γ, than columns: Σ_G is singular", full, d / gamma < d)
    yield Condition("where h is not 0", between, singular_density.branches[0].condition)
    flat = sp.Symbol("least", positive=True)
    yield Limit("a singular Σ_G has an infinite inverse", 1 / flat, flat, 0, f.branches[0].value)


kl_true_generated_scale = Formula(
    name="kl_true_generated_scale",
    variables=(variable(gamma), variable(rho)),
    branches=(
        Branch(sp.oo, gamma > 1),
        Branch((gamma - rho) / (2 * gamma**2), gamma > rho),
        Branch(sp.S.Zero),
    ),
    kind="asymptotic",
    regime="KL(O‖G)/d² → this times Y in law at d/(n−1) → γ, ρ < γ ≤ 1, Y = lim tr (ZZᵀ)⁻¹/d; 0: KL(O‖G) grows slower "
    "than d²; ∞ for γ > 1. Needs d(γ−ρ)² ≫ γρ(1−ρ)",
    source="derived here",
    derivation=_kl_true_generated_scale,
    bounds=_kl_true_generated_scale_bounds,
    rests_on=(
        singular_density,
        inverse_trace_tail,
        generated_logdet,
    ),
)
