"""The linear one-step diffusion model: what law does least squares generate?

The seed's model (E5, reconstructed): x ~ N(m, σ²I) in d dimensions, n points, one noise per point, u = x + τξ;
x̂ = b₀ + B u by least squares; generated law G = N(b₀ + B x̄, Σ_G), Σ_G = (σ²+τ²) B Bᵀ.
With N = n − 1 (centring costs one degree of freedom), ρ = σ²/(σ²+τ²) and γ = d/N.

Everything rests on one representation (`generated_trace`, first steps): x = ρu + residual, the residual independent
of u with variance σ²(1−ρ); hence for N ≥ d, exactly, B = ρI + √(ρ(1−ρ)) Z W^{−1/2} and Σ_G = σ² A Aᵀ with
A = √ρ I + √(1−ρ) Z W^{−1/2}, Z a d×d matrix of standard normals, W ~ Wishart_d(N, I) independent of it.
Log-determinants are derived in `theory/determinants.py`, anisotropic data in `theory/linear_spectrum.py`.
"""

from collections.abc import Iterator

import sympy as sp

from theory.determinants import (
    BOUNDED,
    FRACTION,
    RATIO,
    RESOLVENT,
    SADDLE,
    gamma,
    generated_logdet,
    m,
    q,
    r,
    rho,
    shifted_logdet,
    x,
    y,
)
from theory.formula import Branch, Formula, Mean, Unknown, Variable, single
from theory.gaussians import affinity_spectral, distance2, kl_spectral, ratio_divergence
from theory.steps import Identity, Limit, Premise, Quadrature, Step

n, d = sp.symbols("n d", positive=True)
tau, sigma = sp.symbols("tau sigma", positive=True)
eigenvalues = sp.Symbol("eigenvalues", positive=True)

POINTS = Variable(n, "number of training points", sp.Interval(2, sp.oo))
DIMENSION = Variable(d, "dimension", sp.Interval(1, sp.oo))


# -- first moments ------------------------------------------------------------------------------------------------


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


generated_trace = Formula(
    name="generated_trace",
    variables=(POINTS, DIMENSION, FRACTION),
    branches=(
        Branch(rho + (1 - rho) * d / (n - d - 2), n > d + 2),
        Branch(rho * (n - 1) / d + (1 - rho) * (n - 1) / (d - n), n < d),
        Branch(sp.oo),
    ),
    kind="exact",
    regime="(1/d) E tr Σ_G/σ² at every n and d, with the true σ² in Σ_G; minimum norm for n ≤ d; ∞ for d ≤ n ≤ d+2",
    source="derived here; model halder2024 §3 (E5, reconstructed)",
    derivation=_generated_trace,
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


generated_mean_error = Formula(
    name="generated_mean_error",
    variables=(POINTS, DIMENSION, FRACTION),
    branches=tuple(
        Branch(sp.oo if b.value == sp.oo else (1 + (1 - rho) * b.value) / n, b.condition)
        for b in generated_trace.branches
    ),
    kind="exact",
    regime="E|mean of G − m|²/(σ²d) at every n and d",
    source="derived here",
    derivation=_generated_mean_error,
)


# -- divergences from and to the true law -------------------------------------------------------------------------

_PLATEAU, _FLUCTUATING = (branch.value for branch in generated_logdet.branches[:2])
_TRACE = rho + (1 - rho) * gamma / (1 - gamma)


def kl_of_pieces(trace: sp.Expr, logdet: sp.Expr) -> sp.Expr:
    """KL per dimension from the mean a and mean logarithm of the eigenvalues of C2⁻¹C1: ½⟨a − 1 − ln a⟩."""
    return (trace - 1 - logdet) / 2


def pieces_are_kl() -> Step:
    one = single(kl_spectral.expr).subs({kl_spectral.count: 1, distance2: 0}).doit()
    return Identity("KL per direction is ½(a − 1 − ln a)", one, kl_of_pieces(eigenvalues, sp.log(eigenvalues)))


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
    yield Limit("it diverges as n falls to d", f.branches[2].value.subs(rho, sp.Rational(1, 2)), gamma, 1, sp.oo, "-")


kl_generated_true = Formula(
    name="kl_generated_true",
    variables=(RATIO, FRACTION),
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
)


def _kl_true_generated(f: Formula) -> Iterator[Step]:
    yield pieces_are_kl()
    # (1/d) tr (AAᵀ)⁻¹ is the slope of shifted_logdet at y = 0. There u = 0, so only the explicit y counts (envelope):
    # ∂/∂y ln(yQ+ρ) at the saddle r = Q − 1 = (1−ρ)γ/(ρ−γ) of shifted_logdet.
    saddle = (1 - rho) * gamma / (rho - gamma)
    yield Identity(
        "r = (1−ρ)γ/(ρ−γ) is the saddle at y = 0",
        SADDLE.subs(m, RESOLVENT).subs(y, 0).subs(r, saddle),
        0,
    )
    inverse = sp.diff(sp.log(y * (1 + saddle) + rho), y).subs(y, 0)
    yield Identity("(1/d) tr (AAᵀ)⁻¹ → (1−γ)/(ρ−γ)", inverse, (1 - gamma) / (rho - gamma))
    yield Identity(
        "½(inverse trace − 1 + ln ρ), free of cancellation",
        kl_of_pieces(inverse, -_PLATEAU),
        f.branches[0].value.doit(),
    )
    floor = (1 / rho - 1 + sp.log(rho)) / 2
    yield Limit("infinitely many samples leave ½(1/ρ − 1 + ln ρ)", f.branches[0].value.doit(), gamma, 0, floor)
    yield Limit(
        "it diverges as γ rises to ρ",
        f.branches[0].value.doit().subs(rho, sp.Rational(1, 2)),
        gamma,
        sp.Rational(1, 2),
        sp.oo,
        "-",
    )


kl_true_generated = Formula(
    name="kl_true_generated",
    variables=(RATIO, FRACTION),
    branches=(
        Branch((ratio_divergence(1 / rho) + gamma * (1 - rho) / (rho * (rho - gamma))) / 2, gamma < rho),
        Branch(sp.oo),
    ),
    kind="asymptotic",
    regime="typical KL(O‖G)/d at d/(n−1) → γ; ∞ for γ ≥ ρ; its mean over training sets is infinite at every finite n",
    source="derived here",
    derivation=_kl_true_generated,
)


def _likelihood_threshold(f: Formula) -> Iterator[Step]:
    # ρ = λ/(λ+τ²): (1−ρ)/ρ = τ²/λ. The inverse trace diverges where ⟨(1−ρ)/ρ⟩ γ/(1−γ) = 1.
    one = eigenvalues / (eigenvalues + tau**2)
    yield Identity("(1−ρ)/ρ = τ²/λ", (1 - one) / one, tau**2 / eigenvalues)
    b = sp.Symbol("b", positive=True)
    root = sp.solve(sp.Eq(b * gamma / (1 - gamma), 1), gamma)[0]
    yield Identity(
        "⟨(1−ρ)/ρ⟩ γ/(1−γ) = 1 at d/γ = d(1 + ⟨τ²/λ⟩)",
        d / root.subs(b, Mean(tau**2 / eigenvalues, eigenvalues)),
        f.expr,
    )
    equal = single(f.expr).subs(eigenvalues, sigma**2)
    yield Identity("equal eigenvalues: d/ρ", equal, d / (sigma**2 / (sigma**2 + tau**2)))
    at = kl_true_generated.branches[0].value.subs(rho, sp.Rational(1, 3))
    yield Limit("where kl_true_generated diverges: γ = ρ", at.doit(), gamma, sp.Rational(1, 3), sp.oo, "-")


likelihood_threshold = Formula(
    name="likelihood_threshold",
    variables=(
        Variable(
            eigenvalues,
            "eigenvalues of the data covariance",
            sp.Interval.open(0, sp.oo),
            "data²",
            spectrum=True,
            letter=r"\lambda",
        ),
        Variable(tau, "noise standard deviation in the frame of the data", sp.Interval(0, sp.oo), "data"),
    ),
    branches=(Branch(d * (1 + tau**2 * Mean(1 / eigenvalues, eigenvalues))),),
    kind="asymptotic",
    regime="n* = d + τ² tr Σ⁻¹: KL(O‖G) per dimension has a finite limit for n > n* only",
    source="derived here",
    derivation=_likelihood_threshold,
    count=d,
)


# -- Hellinger ----------------------------------------------------------------------------------------------------


def _log_affinity(f: Formula) -> Iterator[Step]:
    # 1 − H² = ∏ √(2√a/(1+a)) over the eigenvalues a of Σ_G/σ²: ¼ ln a − ½ ln((1+a)/2) per direction.
    def one_direction(ratio: sp.Expr) -> sp.Expr:
        return single(affinity_spectral.expr).subs({affinity_spectral.count: 1, distance2: 0, eigenvalues: ratio})

    yield Identity(
        "per direction, 1−H² is (a^½ · 2/(1+a))^½",
        one_direction(q**2) ** 4,
        (q * 2 / (1 + q**2)) ** 2,
    )
    shifted = shifted_logdet.expr.subs(y, 1)
    for branch, logdet in zip(f.branches[:2], (_PLATEAU, _FLUCTUATING), strict=True):
        yield Identity(
            "¼ generated_logdet − ½(shifted_logdet at 1 − ln 2)",
            logdet / 4 - (shifted - sp.log(2)) / 2,
            branch.value,
        )
    yield Identity("x is the saddle of shifted_logdet at y = 1", f.equation, shifted_logdet.equation.subs(y, 1))
    # Infinitely many samples, γ → 0: the saddle is r = γ × slope, where the resolvent m is 1.
    slope = sp.Symbol("slope", positive=True)
    equation = SADDLE.subs(m, RESOLVENT).subs({y: 1, r: slope * gamma})
    slope_found = sp.solve(sp.limit(sp.cancel(equation), gamma, 0), slope)[0]
    resolvent = sp.cancel(RESOLVENT.subs({y: 1, r: slope_found * gamma}))
    yield Limit("γ → 0: the resolvent at the saddle is 1", resolvent, gamma, 0, 1)
    rest = sp.log(1 + gamma * m) / gamma + (1 - gamma) / gamma * sp.log(1 - gamma)
    yield Limit("so that shifted_logdet is ln(1+ρ) − ln m + m − 1 = ln(1+ρ)", rest, gamma, 0, m - 1)
    floor = sp.log(rho) / 4 - (sp.log(1 + rho) - sp.log(2)) / 2
    yield Identity(
        "and ln(1−H²)/d is that of variance ratio ρ", sp.exp(4 * floor.subs(rho, q**2)), one_direction(q**2) ** 4
    )


log_affinity = Formula(
    name="log_affinity",
    variables=shifted_logdet.variables[1:],
    branches=tuple(
        Branch(branch.value / 4 - (shifted_logdet.expr.subs(y, 1) - sp.log(2)) / 2, branch.condition)
        for branch in generated_logdet.branches[:2]
    ),
    kind="asymptotic",
    regime="lim (1/d) ln(1 − H²(G, O)) at d/(n−1) → γ < 1; for γ ≥ 1, H² = 1",
    source="derived here",
    derivation=_log_affinity,
    unknown=Unknown(x, shifted_logdet.equation.subs(y, 1), sp.S.Zero, sp.S.One),
)


def _hellinger2(f: Formula) -> Iterator[Step]:
    yield Identity(
        "1 − H² = exp(d × log_affinity), leading order",
        1 - f.branches[0].value,
        sp.exp(d * log_affinity.branches[0].value),
    )
    yield Identity("in the other phase too", 1 - f.branches[1].value, sp.exp(d * log_affinity.branches[1].value))
    yield Identity("with the same saddle", f.equation, log_affinity.equation)
    yield Premise(
        "corrections to d × log_affinity are O(1) for γ < ρ and −⅛ ln d + O(1) beyond",
        "argued here",
        "linear.affinity",
    )


hellinger2 = Formula(
    name="hellinger2",
    variables=(DIMENSION, *log_affinity.variables),
    branches=tuple(Branch(1 - sp.exp(d * branch.value), branch.condition) for branch in log_affinity.branches),
    kind="asymptotic",
    regime="H²(G, O) = 1 − ∫√(GO) to leading exponential order in d, γ < 1",
    source="derived here; shown in halder2024 Fig. 2(b)",
    derivation=_hellinger2,
    unknown=log_affinity.unknown,
)


def _logdet_correction(f: Formula) -> Iterator[Step]:
    # A square Gaussian matrix has ln det² = Σ ln χ²_k, k = 1…d: the pure case of the fluctuating phase, ρ → 0.
    v, k = sp.symbols("v k", positive=True)
    density = v ** (k / 2 - 1) * sp.exp(-v / 2) / (2 ** (k / 2) * sp.gamma(k / 2))
    mean = sp.digamma(k / 2) + sp.log(2)
    points = ({k: 3}, {k: 8})
    yield Quadrature("E ln χ²_k = ψ(k/2) + ln 2", density * sp.log(v), (v, 0, 1, 10, 100, sp.oo), mean, points)
    expansion = sp.series(sp.digamma(1 / y), y, 0, 2).removeO().subs(y, 2 / k)
    deficit = sp.expand_log(expansion, force=True) + sp.log(2) - sp.log(k)
    yield Limit(
        "which falls short of ln k by 1/k, in sum by ln d: quenched against annealed", k * deficit, k, sp.oo, -1
    )
    stirling = sp.log(d) / 2  # ln d! = d ln d − d + ½ ln d + O(1)
    remainder = sp.gamma(d + 1) / (d**d * sp.exp(-d) * sp.exp(stirling))
    yield Limit(
        "Σ ln k = ln d! exceeds d ln d − d by ½ ln d: the prefactor of Laplace's method",
        remainder,
        d,
        sp.oo,
        sp.sqrt(2 * sp.pi),
    )
    yield Identity("together ½ ln d − ln d, per dimension", f.branches[1].value, (stirling - sp.log(d)) / d)
    endpoint = d * sp.integrate(sp.exp(-d * y * v), (v, 0, sp.oo))  # γ < ρ: the maximum is at u = 0, with slope −y
    yield Identity(
        "γ < ρ: the prefactor at an end point has no power of d", sp.diff(sp.log(endpoint), d), f.branches[0].value
    )
    yield Premise(
        "A has the hard edge at 0 of a square Gaussian matrix iff γ > ρ; no edge there, no logarithm, for γ < ρ",
        "argued here",
        "linear.logdet_correction",
    )


logdet_correction = Formula(
    name="logdet_correction",
    variables=(DIMENSION, RATIO, FRACTION),
    branches=(Branch(sp.S.Zero, gamma < rho), Branch(-sp.log(d) / (2 * d))),
    kind="heuristic",
    regime="what (1/d) E ln det(Σ_G/σ²) adds to its limit at finite d, up to O(1/d)",
    source="derived here",
    derivation=_logdet_correction,
)
