"""The linear one-step model on anisotropic data: every direction has its own signal fraction ρ_j = λ_j/(λ_j+τ²).

As in `isotropic.py`, with Σ_G = B(Σ+τ²)Bᵀ, the covariance generated when sampling starts from the true noised
law.  A spectrum of fractions enters through averages ⟨·⟩ alone.
"""

from collections.abc import Iterator

import sympy as sp

from theory.core.bounds import Bracket, Condition, Edge
from theory.core.formula import Branch, Formula
from theory.core.mean import Mean, single
from theory.core.special import log_excess, ratio_divergence
from theory.core.steps import Identity, Limit, Premise, Step
from theory.gaussians import kl_spectral
from theory.letters import (
    INSIDE,
    POSITIVE,
    at_least,
    d,
    eigenvalues,
    fractions,
    gamma,
    n,
    omega,
    rho,
    sigma,
    tau,
    unknown,
    variable,
)
from theory.linear.determinants import (
    BOUNDED,
    SADDLE_POINT,
    SAMPLE_LOGDET,
    e,
    generated_logdet,
    shifted_average,
    u,
    v,
)
from theory.linear.isotropic import (
    generated_trace,
    inverse_chi2_mean,
    kl_generated_true,
    kl_of_pieces,
    kl_true_generated,
    noisy,
    pieces_are_kl,
)
from theory.linear.ring import odds_gamma, odds_rho
from theory.spectra import mp_log_moment


# The saddle for any spectrum: with c² = γ, K = y S and P = R^½ S^½ the average above has the exponent
#   −uv/γ + ⟨ln(1+v(1−ρ))⟩ + (1/d) ln det(u + S^½ H S^½) − ∫ ln s dMP,   H = y + ρ/(1+v(1−ρ)),
# and the determinant in it is that of a sample covariance with population H, stationary in a third variable e.
def _direction(y_: sp.Expr) -> sp.Expr:
    """The contribution of one direction of fraction ρ; derivatives commute with the average over directions."""
    H = y_ + rho / (1 + v * (1 - rho))
    return sp.log(1 + v * (1 - rho)) + sp.log(u + H / (1 + gamma * e))


_COMMON = -u * v / gamma + sp.log(1 + gamma * e) / gamma - e / (1 + gamma * e)


def _generated_logdet_spectrum(f: Formula) -> Iterator[Step]:
    for size in (1, 2):
        yield shifted_average(size)
    yield SAMPLE_LOGDET
    # At y → 0 either u = 0, or v → ∞ with w = uv finite. In the second case, with ω = w(1+γe) and r = ρ/(1−ρ):
    w, a, b = sp.symbols("w inverse logarithm", positive=True)  # a = ⟨1/(ω+r)⟩, b = ⟨ln((ω+r)(1−ρ))⟩
    large_v = sp.exp(sp.logcombine(_direction(sp.S.Zero), force=True)).subs(u, w / v)
    at_w = sp.log(w * (1 - rho) + rho / (1 + gamma * e))
    yield Limit("v → ∞: a direction contributes ln(w(1−ρ) + ρ/(1+γe))", sp.cancel(large_v), v, sp.oo, sp.exp(at_w))
    reduced = _COMMON.subs(u, w / v) + at_w
    stretched = omega / (1 + gamma * e)
    share = 1 / (omega + rho / (1 - rho))
    in_w = sp.diff(reduced, w).subs(w, stretched)
    yield Identity("stationary in w: γ(1+γe)a = 1", in_w, -1 / gamma + (1 + gamma * e) * share)
    in_e = sp.diff(reduced, e).subs(w, stretched) * (1 + gamma * e) ** 2 / gamma
    yield Identity("stationary in e: e = (1+γe)(1−ωa)", in_e, e - (1 + gamma * e) * (1 - omega * share))
    solved = sp.solve(sp.Eq(e, (1 + gamma * e) * (1 - omega * a)).subs(a, 1 / (gamma * (1 + gamma * e))), e)[0]
    yield Identity("together 1 + γe = (1−ω)/(1−γ)", 1 + gamma * solved, (1 - omega) / (1 - gamma))
    one_plus = (1 - omega) / (1 - gamma)
    common = _COMMON.subs(u, w / v).subs(w, omega / one_plus).subs(e, (one_plus - 1) / gamma)
    total = common + b - sp.log(one_plus) - mp_log_moment.expr.doit()  # ⟨ln(w(1−ρ) + ρ/(1+γe))⟩ = b − ln(1+γe)
    value = f.branches[1].value.replace(lambda x: isinstance(x, Mean), lambda x: b)
    bounded = {gamma: odds_gamma / (1 + odds_gamma), omega: odds_rho / (1 + odds_rho)}
    yield Identity("the exponent there is ⟨ln(ρ+(1−ρ)ω)⟩ + ((1−γ)/γ) ln(1−ω)", total, value, bounded)
    fluctuation = single(f.branches[1].value)
    slope = sp.diff(fluctuation, omega) * gamma * (1 - omega)
    equation = single(f.equation)
    yield Identity("which is stationary in ω exactly where ω solves its equation", slope, equation)
    plateau = single(f.branches[0].value)
    yield Identity("at ω = 0 it is the plateau ⟨ln ρ⟩", fluctuation.subs(omega, 0), plateau)
    equal = fluctuation.subs({omega: (gamma - rho) / (1 - rho), fractions: rho})
    isotropic = generated_logdet.branches[1].value
    yield Identity(
        "equal fractions: ω = (γ−ρ)/(1−ρ) solves the equation",
        equation.subs({omega: (gamma - rho) / (1 - rho), fractions: rho}),
        0,
    )
    yield Identity("and gives generated_logdet", equal, isotropic, BOUNDED)
    yield SADDLE_POINT


_NOISE_TO_SIGNAL = Mean((1 - fractions) / fractions, fractions)


def saddle_bounds(f: Formula) -> Iterator[Step]:
    """The bounds of generated_logdet_spectrum, and of other formulas with its phases and its saddle."""
    at_zero = gamma * _NOISE_TO_SIGNAL - (1 - gamma)  # the slope of the exponent in ω there
    yield Condition(
        "the exponent falls from ω = 0 on, and its maximum sits there", f.branches[0].condition, at_zero <= 0
    )
    assert f.unknown
    yield Bracket(
        "the slope is that at ω = 0, and −(1−γ) at ω = 1; in between it falls",
        f.unknown,
        (f.equation, at_zero),
        (f.equation, -(1 - gamma)),
        tuple({gamma: g, fractions: (0.2, 0.5, 0.9)} for g in (0.4, 0.6, 0.9, 0.99)),
    )
    yield Edge("at γ = 1 the mean of 1/s is infinite", f.variables[0], "upper", 1 / (1 - gamma), sp.oo)


generated_logdet_spectrum = Formula(
    name="generated_logdet_spectrum",
    variables=(variable(gamma, INSIDE), variable(fractions)),
    branches=(
        Branch(Mean(sp.log(fractions), fractions), gamma * _NOISE_TO_SIGNAL <= 1 - gamma),
        Branch(Mean(sp.log(fractions + (1 - fractions) * omega), fractions) + (1 - gamma) / gamma * sp.log(1 - omega)),
    ),
    kind="asymptotic",
    regime="lim (1/d) ln det(Σ⁻¹Σ_G), Σ_G = B(Σ+τ²)Bᵀ, at d/(n−1) → γ < 1",
    source="derived here",
    derivation=_generated_logdet_spectrum,
    bounds=saddle_bounds,
    rests_on=(mp_log_moment, generated_logdet),
    unknown=unknown(
        omega,
        gamma * (1 - omega) * Mean((1 - fractions) / (fractions + (1 - fractions) * omega), fractions) - (1 - gamma),
        sp.S.Zero,
        sp.S.One,
    ),
)


def _generated_trace_spectrum(f: Formula) -> Iterator[Step]:
    # tr Σ⁻¹Σ_G = ‖A‖², A = R^½ + (1−R)^½ Z W^{−1/2}: the cross term has mean 0, E Z W⁻¹Zᵀ = tr E W⁻¹ = d/(N−d−1).
    yield from inverse_chi2_mean()
    one = single(f.branches[0].value)
    yield Identity("equal fractions: generated_trace", one.subs(fractions, rho), generated_trace.branches[0].value)
    yield Identity(
        "row j of A contributes ρ_j + (1−ρ_j) tr E W⁻¹",
        f.branches[0].value,
        Mean(fractions + (1 - fractions) * d / (n - 1 - d - 1), fractions),
    )


def _generated_trace_spectrum_bounds(f: Formula) -> Iterator[Step]:
    enough, full = (b.condition for b in f.branches)
    free = n - 1  # N
    yield Condition(
        "N > d+1: more than 2 degrees of freedom N − d + 1, or E 1/χ² is infinite", enough, free - d + 1 > 2
    )
    yield Condition("n ≥ d: N is d−1 at least, and no column of Z is left over", full, free >= d - 1)
    k = sp.Symbol("k", positive=True)
    yield Limit("at 2 degrees of freedom it is", 1 / (k - 2), k, 2, f.branches[1].value)
    yield Edge("a covariance takes a degree of freedom, N ≥ 1", f.variables[0], "lower", free, 1, included=True)
    yield noisy(f)


generated_trace_spectrum = Formula(
    name="generated_trace_spectrum",
    variables=(variable(n, at_least(2)), variable(fractions, INSIDE)),
    branches=(
        Branch(Mean(fractions, fractions) + (1 - Mean(fractions, fractions)) * d / (n - d - 2), n > d + 2),
        Branch(sp.oo, n >= d),
    ),
    kind="exact",
    regime="(1/d) E tr Σ⁻¹Σ_G for Σ_G = B(Σ+τ²)Bᵀ; n ≥ d",
    source="derived here",
    derivation=_generated_trace_spectrum,
    bounds=_generated_trace_spectrum_bounds,
    rests_on=(generated_trace,),
    count=d,
)

_excess = Mean((1 - fractions) / fractions, fractions)


def _kl_generated_true_spectrum(f: Formula) -> Iterator[Step]:
    yield pieces_are_kl()
    trace = generated_trace_spectrum.branches[0].value.subs(n, d / gamma + 1)
    limit = Mean(fractions, fractions) + (1 - Mean(fractions, fractions)) * gamma / (1 - gamma)
    mean = sp.Symbol("b", positive=True)
    yield Limit(
        "trace",
        trace.subs(Mean(fractions, fractions), mean),
        d,
        sp.oo,
        limit.subs(Mean(fractions, fractions), mean),
    )
    for branch, logdet in zip(f.branches, generated_logdet_spectrum.branches, strict=True):
        yield Identity(
            "½(trace − 1 − log-determinant)",
            single(kl_of_pieces(limit, logdet.value)),
            single(branch.value).doit(),
        )
    yield Identity("with the same saddle", f.equation, generated_logdet_spectrum.equation)
    yield Identity(
        "equal fractions: kl_generated_true",
        single(f.branches[0].value).doit().subs(fractions, rho),
        kl_generated_true.branches[1].value.doit(),
    )


_tail = (1 - Mean(fractions, fractions)) * gamma / (2 * (1 - gamma))

kl_generated_true_spectrum = Formula(
    name="kl_generated_true_spectrum",
    variables=generated_logdet_spectrum.variables,
    branches=(
        Branch(
            Mean(ratio_divergence(fractions), fractions) / 2 + _tail,
            generated_logdet_spectrum.branches[0].condition,
        ),
        Branch(Mean(fractions - 1, fractions) / 2 + _tail - generated_logdet_spectrum.branches[1].value / 2),
    ),
    kind="asymptotic",
    regime="lim KL(G‖O)/d for Σ_G = B(Σ+τ²)Bᵀ, at d/(n−1) → γ < 1",
    source="derived here",
    derivation=_kl_generated_true_spectrum,
    bounds=saddle_bounds,
    rests_on=(generated_trace_spectrum, generated_logdet_spectrum, kl_generated_true),
    unknown=generated_logdet_spectrum.unknown,
)


def _kl_true_generated_spectrum(f: Formula) -> Iterator[Step]:
    yield pieces_are_kl()
    # The saddle at y = 0 in the phase u = 0 (determinants.py): with h = ⟨1/H⟩, H = ρ/(1+v(1−ρ)),
    # the slope in y is h = ⟨1/ρ⟩ + v⟨(1−ρ)/ρ⟩; stationarity in u gives v/γ = (1+γe) h, in e gives 1+γe = 1/(1−γ).
    e, v, a, b = sp.symbols("e v first b", positive=True)
    in_e = -gamma / (1 + gamma * e) + 1 / (1 + gamma * e) - 1 / (1 + gamma * e) ** 2
    yield Identity("stationarity in e at u = 0: 1 + γe = 1/(1−γ)", in_e.subs(e, 1 / (1 - gamma)), 0)
    found = sp.solve(sp.Eq(v / gamma, (a + v * b) / (1 - gamma)), v)[0]
    excess = sp.Symbol("b", positive=True)
    inverse = (1 + excess) / (1 - excess * gamma / (1 - gamma))
    yield Identity(
        "slope a + vb with a = 1+b, b = ⟨(1−ρ)/ρ⟩: the inverse trace", (a + found * b).subs(a, 1 + b), inverse
    )
    stated = f.branches[0].value.doit().subs(_excess, excess)
    rest = stated - inverse / 2
    yield Identity("½(inverse trace − 1 + ⟨ln ρ⟩)", single(rest), (sp.log(fractions) - 1) / 2)
    equal = single(f.branches[0].value).subs(fractions, rho).doit()
    yield Identity("equal fractions: kl_true_generated", equal, kl_true_generated.branches[0].value.doit())
    yield Premise("typical values: the mean over training sets is infinite", "argued here", "linear.spectrum")


def _kl_true_generated_spectrum_bounds(f: Formula) -> Iterator[Step]:
    spare = 1 - _excess * gamma / (1 - gamma)
    yield Condition("the inverse trace is positive and finite", f.branches[0].condition, spare > 0, BOUNDED)
    half, b = sp.Rational(1, 2), sp.Symbol("b", positive=True)
    pole = 1 / spare.subs({_excess: b, gamma: half})
    yield Limit("and it diverges where that ends", pole, b, 1, f.branches[1].value, "-")
    yield Edge("W needs a row to spare", f.variables[0], "upper", d / gamma - d, 0)


kl_true_generated_spectrum = Formula(
    name="kl_true_generated_spectrum",
    variables=generated_logdet_spectrum.variables,
    branches=(
        Branch(
            # (⟨1/ρ⟩/(1 − ⟨(1−ρ)/ρ⟩γ/(1−γ)) − 1 + ⟨ln ρ⟩)/2, less what cancels
            (
                Mean(log_excess((1 - fractions) / fractions), fractions)
                + (1 + _excess) * _excess * gamma / (1 - gamma - gamma * _excess)
            )
            / 2,
            gamma * _excess < 1 - gamma,
        ),
        Branch(sp.oo),
    ),
    kind="asymptotic",
    regime="typical KL(O‖G)/d for Σ_G = B(Σ+τ²)Bᵀ, at d/(n−1) → γ < 1",
    source="derived here",
    derivation=_kl_true_generated_spectrum,
    bounds=_kl_true_generated_spectrum_bounds,
    rests_on=(kl_spectral, generated_logdet_spectrum, kl_true_generated),
)


def _likelihood_threshold(f: Formula) -> Iterator[Step]:
    # ρ = λ/(λ+τ²): (1−ρ)/ρ = τ²/λ. The inverse trace diverges where ⟨(1−ρ)/ρ⟩ γ/(1−γ) = 1.
    one = eigenvalues / (eigenvalues + tau**2)
    yield Identity("(1−ρ)/ρ = τ²/λ", (1 - one) / one, tau**2 / eigenvalues)
    b = sp.Symbol("b", positive=True)
    finite = kl_true_generated_spectrum.branches[0].condition.subs(_excess, b)
    root = sp.solve(sp.Eq(finite.lhs, finite.rhs), gamma)[0]
    yield Identity(
        "kl_true_generated_spectrum ends to be finite at d/γ = d(1 + ⟨τ²/λ⟩)",
        d / root.subs(b, Mean(tau**2 / eigenvalues, eigenvalues)),
        f.expr,
    )
    equal = single(f.expr).subs(eigenvalues, sigma**2)
    yield Identity("equal eigenvalues: d/ρ", equal, d / (sigma**2 / (sigma**2 + tau**2)))
    at = kl_true_generated.branches[0].value.subs(rho, sp.Rational(1, 3))
    yield Limit("where kl_true_generated diverges: γ = ρ", at.doit(), gamma, sp.Rational(1, 3), sp.oo, "-")


def _likelihood_threshold_bounds(f: Formula) -> Iterator[Step]:
    yield Edge("a direction without data has no threshold", f.variables[0], "lower", 1 / eigenvalues, sp.oo)


likelihood_threshold = Formula(
    name="likelihood_threshold",
    variables=(
        variable(eigenvalues, POSITIVE),
        variable(tau),
    ),
    branches=(Branch(d * (1 + tau**2 * Mean(1 / eigenvalues, eigenvalues))),),
    kind="asymptotic",
    regime="n* = d + τ² tr Σ⁻¹: KL(O‖G) per dimension has a finite limit for n > n* only",
    source="derived here",
    derivation=_likelihood_threshold,
    bounds=_likelihood_threshold_bounds,
    rests_on=(kl_true_generated_spectrum,),
    count=d,
)
