"""The linear one-step diffusion model: what law does least squares generate?

The paper's model (§3, reconstructed): x ~ N(m, σ²I) in d dimensions, n points, one noise per point, u = x + τξ;
x̂ = b₀ + B u by least squares; generated law G = N(b₀ + B x̄, Σ_G), Σ_G = (σ²+τ²) B Bᵀ.
With N = n − 1 (centring costs one degree of freedom), ρ = σ²/(σ²+τ²) and γ = d/N.

Everything rests on one representation (`generated_trace`, first steps): x = ρu + residual, the residual independent
of u with variance σ²(1−ρ); hence for N ≥ d, exactly, B = ρI + √(ρ(1−ρ)) Z W^{−1/2} and Σ_G = σ² A Aᵀ with
A = √ρ I + √(1−ρ) Z W^{−1/2}, Z a d×d matrix of standard normals, W ~ Wishart_d(N, I) independent of it.
Log-determinants are derived in `determinants.py`, anisotropic data in `spectrum.py`.
"""

from collections.abc import Iterator

import sympy as sp

from theory.core.bounds import Condition, Edge
from theory.core.formula import Branch, Formula
from theory.core.mean import single
from theory.core.special import log_excess, ratio_divergence
from theory.core.steps import Identity, Limit, Premise, Quadrature, Step, shared
from theory.gaussians import kl_spectral
from theory.letters import INSIDE, at_least, d, distance2, gamma, n, ratios, rho, shift, sigma, tau, variable
from theory.linear.determinants import BOUNDED, MAXIMUM, RESOLVENT, SADDLE, generated_logdet, m, r, shifted_logdet


def noisy(f: Formula) -> Edge:
    """Why ρ < 1, the last variable, where a phase is infinite."""
    share = f.variables[-1]
    claim = "without noise, ρ = 1, nothing is left of what is infinite: A = I"
    return Edge(claim, share, "upper", 1 - share.symbol, 0)


# -- first moments ------------------------------------------------------------------------------------------------
@shared
def inverse_chi2_mean() -> Iterator[Step]:
    """E 1/χ²_k = 1/(k−2): the one integral behind every trace in this chapter."""
    x, k = sp.symbols("x k", positive=True)
    density = x ** (k / 2 - 1) * sp.exp(-x / 2) / (2 ** (k / 2) * sp.gamma(k / 2))
    mean = sp.gammasimp(sp.integrate(density / x, (x, 0, sp.oo), conds="none"))
    yield Identity("E 1/χ²_k = 1/(k−2)", mean, 1 / (k - 2))
    yield Quadrature("the same by quadrature", density / x, (x, 0, 10, sp.oo), 1 / (k - 2), ({k: 5}, {k: 12}))


def _generated_trace(f: Formula) -> Iterator[Step]:
    N = n - 1
    gain = sigma**2 / (sigma**2 + tau**2)
    yield Identity("Cov(x − ρu, u) = 0: the residual is independent of u", sigma**2 - gain * (sigma**2 + tau**2), 0)
    residual = sigma**2 - 2 * gain * sigma**2 + gain**2 * (sigma**2 + tau**2)
    yield Identity("Var(x − ρu) = σ²(1−ρ)", residual, sigma**2 * (1 - gain))
    # Bᵀ = ρ U⁺U + U⁺E with E independent of U: E tr BBᵀ = ρ² rank(U) + σ²(1−ρ) d E‖U⁺‖².
    yield from inverse_chi2_mean()
    yield Premise(
        "a diagonal entry of an inverse Wishart_d(N) is 1/χ² with N−d+1 degrees of freedom",
        "muirhead1982 Thm 3.2.11",
        "linear.trace",
    )
    variance_u, k = sigma**2 / rho, sp.Symbol("k")
    inverse_chi2 = 1 / (variance_u * (k - 2))
    norm_above = d * inverse_chi2.subs(k, N - d + 1)  # E tr (UᵀU)⁻¹: d diagonal entries
    norm_below = N * inverse_chi2.subs(k, d - N + 1)  # E tr (UUᵀ)⁻¹: N of them, roles exchanged
    scale = (sigma**2 / rho) / (sigma**2 * d)
    above, below = f.branches[0].value, f.branches[1].value
    yield Identity("N > d+1: rank d", scale * (rho**2 * d + sigma**2 * (1 - rho) * d * norm_above), above)
    yield Identity("N < d−1: rank N, minimum norm", scale * (rho**2 * N + sigma**2 * (1 - rho) * d * norm_below), below)
    yield Limit("many samples: the population denoiser, ρ", above, n, sp.oo, rho)


def _generated_trace_bounds(f: Formula) -> Iterator[Step]:
    above, below = (b.condition for b in f.branches[:2])
    free = n - 1  # N
    yield Condition("N > d+1: more than 2 degrees of freedom N − d + 1, or E 1/χ² is infinite", above, free - d + 1 > 2)
    yield Condition("N < d−1: the same with N and d exchanged", below, d - free + 1 > 2)
    k = sp.Symbol("k", positive=True)
    yield Limit("at 2 degrees of freedom it is", 1 / (k - 2), k, 2, f.branches[2].value)
    yield Edge("a covariance takes a degree of freedom, N ≥ 1", f.variables[0], "lower", free, 1, included=True)
    yield noisy(f)


generated_trace = Formula(
    name="generated_trace",
    variables=(variable(n, at_least(2)), variable(d), variable(rho, INSIDE)),
    branches=(
        Branch(rho + (1 - rho) * d / (n - d - 2), n > d + 2),
        Branch(rho * (n - 1) / d + (1 - rho) * (n - 1) / (d - n), n < d),
        Branch(sp.oo),
    ),
    kind="exact",
    regime="(1/d) E tr Σ_G/σ² at every n and d, with the true σ² in Σ_G; minimum norm for n ≤ d; ∞ for d ≤ n ≤ d+2",
    source="derived here; model halder2024 §3, reconstructed",
    derivation=_generated_trace,
    bounds=_generated_trace_bounds,
)


def _generated_mean_error(f: Formula) -> Iterator[Step]:
    # μ − m = (x̄ − m) − τBξ̄ with x̄, ξ̄ and B independent, and E tr BBᵀ = ρd × generated_trace.
    yield Premise(
        "B depends on the centred data only, so it is independent of x̄ and ξ̄",
        "muirhead1982 Thm 3.1.2",
        "linear.mean_error",
    )
    tau2 = sigma**2 * (1 - rho) / rho
    for branch, trace in zip(f.branches[:2], generated_trace.branches[:2], strict=True):
        direct = (sigma**2 * d / n + tau2 / n * rho * d * trace.value) / (sigma**2 * d)
        yield Identity("E|μ−m|² = σ²d/n + (τ²/n) E tr BBᵀ", direct, branch.value)


def _generated_mean_error_bounds(f: Formula) -> Iterator[Step]:
    for branch, trace in zip(f.branches, generated_trace.branches, strict=True):
        if trace.condition != sp.true:
            yield Condition("where E tr BBᵀ is finite", branch.condition, trace.condition)
        else:
            scale = sp.Symbol("trace", positive=True)
            yield Limit(
                "as large as E tr BBᵀ", (1 + (1 - rho) * scale).subs(rho, sp.S.Half), scale, trace.value, branch.value
            )
    yield Edge("a covariance takes a degree of freedom, N ≥ 1", f.variables[0], "lower", n - 1, 1, included=True)
    yield noisy(f)


generated_mean_error = Formula(
    name="generated_mean_error",
    variables=(variable(n, at_least(2)), variable(d), variable(rho, INSIDE)),
    branches=tuple(
        Branch(sp.oo if b.value == sp.oo else (1 + (1 - rho) * b.value) / n, b.condition)
        for b in generated_trace.branches
    ),
    kind="exact",
    regime="E|mean of G − m|²/(σ²d) at every n and d",
    source="derived here",
    derivation=_generated_mean_error,
    bounds=_generated_mean_error_bounds,
    rests_on=(generated_trace,),
)

# -- divergences from and to the true law -------------------------------------------------------------------------
_PLATEAU, _FLUCTUATING = (branch.value for branch in generated_logdet.branches[:2])

_TRACE = rho + (1 - rho) * gamma / (1 - gamma)


def kl_of_pieces(trace: sp.Expr, logdet: sp.Expr) -> sp.Expr:
    """KL per dimension from the mean a and mean logarithm of the eigenvalues of C2⁻¹C1: ½⟨a − 1 − ln a⟩."""
    return (trace - 1 - logdet) / 2


def pieces_are_kl() -> Step:
    one = single(kl_spectral.expr).subs({kl_spectral.count: 1, distance2: 0}).doit()
    return Identity("KL per direction is ½(a − 1 − ln a)", one, kl_of_pieces(ratios, sp.log(ratios)))


def _kl_generated_true(f: Formula) -> Iterator[Step]:
    yield pieces_are_kl()
    exact = generated_trace.branches[0].value.subs(n, d / gamma + 1)
    yield Limit("trace: generated_trace at n − 1 = d/γ", exact, d, sp.oo, _TRACE)
    for branch, logdet in zip(f.branches[1:], (_PLATEAU, _FLUCTUATING), strict=True):
        yield Identity(
            "½(trace − 1 − log-determinant), free of cancellation",
            kl_of_pieces(_TRACE, logdet),
            branch.value.doit(),
            BOUNDED,
        )
    floor = (rho - 1 - sp.log(rho)) / 2
    yield Limit(
        "infinitely many samples leave ½(ρ − 1 − ln ρ): one step is not enough",
        f.branches[1].value.doit(),
        gamma,
        0,
        floor,
    )


def _kl_generated_true_bounds(f: Formula) -> Iterator[Step]:
    infinite, plateau = (b.condition for b in f.branches[:2])
    yield Condition("W has no row to spare: Σ_G is singular, or its inverse has no mean", infinite, d / gamma - d <= 0)
    yield Condition("the plateau of generated_logdet: its maximum at the end u = 0", plateau, MAXIMUM <= 0)
    half = sp.Rational(1, 2)
    yield noisy(f)
    yield Limit("it diverges as n falls to d", f.branches[2].value.subs(rho, half), gamma, 1, f.branches[0].value, "-")


kl_generated_true = Formula(
    name="kl_generated_true",
    variables=(variable(gamma), variable(rho, INSIDE)),
    branches=(
        Branch(sp.oo, gamma >= 1),
        Branch(ratio_divergence(rho) / 2 + (1 - rho) * gamma / (2 * (1 - gamma)), gamma <= rho),
        Branch(
            (
                (1 - rho) / (1 - gamma) * (2 * gamma - 1)
                - sp.log(gamma)
                + (1 - gamma) / gamma * sp.log(1 + (gamma - rho) / (1 - gamma))
            )
            / 2
        ),
    ),
    kind="asymptotic",
    regime="lim KL(G‖O)/d at d/(n−1) → γ; ∞ for γ ≥ 1",
    source="derived here; claimed explicit in halder2024solvable (C7)",
    derivation=_kl_generated_true,
    bounds=_kl_generated_true_bounds,
    rests_on=(kl_spectral, generated_trace, generated_logdet),
)


def _kl_true_generated(f: Formula) -> Iterator[Step]:
    yield pieces_are_kl()
    # (1/d) tr (AAᵀ)⁻¹ is the slope of shifted_logdet at y = 0. There u = 0, so only the explicit y counts (envelope):
    # ∂/∂y ln(yQ+ρ) at the saddle r = Q − 1 = (1−ρ)γ/(ρ−γ) of shifted_logdet.
    saddle = (1 - rho) * gamma / (rho - gamma)
    yield Identity(
        "r = (1−ρ)γ/(ρ−γ) is the saddle at y = 0",
        SADDLE.subs(m, RESOLVENT).subs(shift, 0).subs(r, saddle),
        0,
    )
    inverse = sp.diff(sp.log(shift * (1 + saddle) + rho), shift).subs(shift, 0)
    yield Identity("(1/d) tr (AAᵀ)⁻¹ → (1−γ)/(ρ−γ)", inverse, (1 - gamma) / (rho - gamma))
    yield Identity(
        "½(inverse trace − 1 + ln ρ), free of cancellation",
        kl_of_pieces(inverse, -_PLATEAU),
        f.branches[0].value.doit(),
    )
    floor = (1 / rho - 1 + sp.log(rho)) / 2
    yield Limit("infinitely many samples leave ½(1/ρ − 1 + ln ρ)", f.branches[0].value.doit(), gamma, 0, floor)


def _kl_true_generated_bounds(f: Formula) -> Iterator[Step]:
    saddle = (1 - rho) * gamma / (rho - gamma)
    yield Condition("the saddle r is positive and finite", f.branches[0].condition, 1 / saddle > 0, BOUNDED)
    half = sp.Rational(1, 2)
    value = f.branches[0].value.doit().subs(rho, half)
    yield noisy(f)
    yield Limit("it diverges as γ rises to ρ", value, gamma, half, f.branches[1].value, "-")


kl_true_generated = Formula(
    name="kl_true_generated",
    variables=(variable(gamma), variable(rho, INSIDE)),
    branches=(
        Branch((log_excess((1 - rho) / rho) + gamma * (1 - rho) / (rho * (rho - gamma))) / 2, gamma < rho),
        Branch(sp.oo),
    ),
    kind="asymptotic",
    regime="typical KL(O‖G)/d at d/(n−1) → γ; ∞ for γ ≥ ρ; its mean over training sets is infinite at every finite n",
    source="derived here",
    derivation=_kl_true_generated,
    bounds=_kl_true_generated_bounds,
    rests_on=(kl_spectral, shifted_logdet, generated_logdet),
)
