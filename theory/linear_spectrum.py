"""The linear one-step model on anisotropic data: every direction has its own signal fraction ρ_j = λ_j/(λ_j+τ²).

As in `theory/linear.py`, with Σ_G = B(Σ+τ²)Bᵀ, the covariance generated when sampling starts from the true noised
law.  A spectrum of fractions enters through averages ⟨·⟩ alone.
"""

from collections.abc import Iterator

import sympy as sp

from theory.determinants import FRACTIONS, fractions, gamma, generated_logdet_spectrum, rho
from theory.formula import Branch, Formula, Mean, single
from theory.gaussians import ratio_divergence
from theory.linear import (
    POINTS,
    d,
    generated_trace,
    inverse_chi2_mean,
    kl_generated_true,
    kl_of_pieces,
    kl_true_generated,
    n,
    pieces_are_kl,
)
from theory.steps import Identity, Limit, Premise, Step


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


generated_trace_spectrum = Formula(
    name="generated_trace_spectrum",
    variables=(POINTS, FRACTIONS),
    branches=(
        Branch(Mean(fractions, fractions) + (1 - Mean(fractions, fractions)) * d / (n - d - 2), n > d + 2),
        Branch(sp.oo, n >= d),
    ),
    kind="exact",
    regime="(1/d) E tr Σ⁻¹Σ_G for Σ_G = B(Σ+τ²)Bᵀ; n ≥ d",
    source="derived here",
    derivation=_generated_trace_spectrum,
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
    unknown=generated_logdet_spectrum.unknown,
)


def _kl_true_generated_spectrum(f: Formula) -> Iterator[Step]:
    yield pieces_are_kl()
    # The saddle at y = 0 in the phase u = 0 (theory/determinants.py): with h = ⟨1/H⟩, H = ρ/(1+v(1−ρ)),
    # the slope in y is h = ⟨1/ρ⟩ + v⟨(1−ρ)/ρ⟩; stationarity in u gives v/γ = (1+γe) h, in e gives 1+γe = 1/(1−γ).
    e, v, a, b = sp.symbols("e v a b", positive=True)
    in_e = -gamma / (1 + gamma * e) + 1 / (1 + gamma * e) - 1 / (1 + gamma * e) ** 2
    yield Identity("stationarity in e at u = 0: 1 + γe = 1/(1−γ)", in_e.subs(e, 1 / (1 - gamma)), 0)
    found = sp.solve(sp.Eq(v / gamma, (a + v * b) / (1 - gamma)), v)[0]
    excess = sp.Symbol("b", positive=True)
    inverse = (1 + excess) / (1 - excess * gamma / (1 - gamma))
    yield Identity(
        "slope a + vb with a = 1+b, b = ⟨(1−ρ)/ρ⟩: the inverse trace", (a + found * b).subs(a, 1 + b), inverse
    )
    stated = f.branches[0].value.subs(_excess, excess)
    rest = stated - inverse / 2
    yield Identity("½(inverse trace − 1 + ⟨ln ρ⟩)", single(rest), (sp.log(fractions) - 1) / 2)
    equal = single(f.branches[0].value).subs(fractions, rho)
    yield Identity("equal fractions: kl_true_generated", equal, kl_true_generated.branches[0].value.doit())
    yield Premise("typical values: the mean over training sets is infinite", "argued here", "linear.spectrum")


kl_true_generated_spectrum = Formula(
    name="kl_true_generated_spectrum",
    variables=generated_logdet_spectrum.variables,
    branches=(
        Branch(
            ((1 + _excess) / (1 - _excess * gamma / (1 - gamma)) - 1 + Mean(sp.log(fractions), fractions)) / 2,
            gamma * _excess < 1 - gamma,
        ),
        Branch(sp.oo),
    ),
    kind="asymptotic",
    regime="typical KL(O‖G)/d for Σ_G = B(Σ+τ²)Bᵀ, at d/(n−1) → γ < 1",
    source="derived here",
    derivation=_kl_true_generated_spectrum,
)
