"""What diffused samples tell of their origin, estimated from the spectrum of n points.

With the eigenvalues of a sample covariance in place of the true ones the information is too small: noise spreads
them, and the logarithm is concave.  The sample at the noise λ sees the population at the noise κ > λ, that of
`renormalised_noise`.  There the information has a closed form in the sample's eigenvalues alone.
"""

from collections.abc import Iterator

import sympy as sp

from theory.collapse.limit import information
from theory.core.bounds import Condition, Edge
from theory.core.formula import Branch, Formula
from theory.core.mean import Mean, single
from theory.core.special import log_either
from theory.core.steps import Identity, Limit, Step
from theory.letters import POSITIVE, d, eigenvalues, gamma, kappa, sample, tau, tau2, variable
from theory.spectra import renormalised_noise_formula

_LEFT = Mean(tau2 / (sample + tau2), sample)  # one less the share
_SHARE = Mean(sample / (sample + tau2), sample)  # tr S(S+λ)⁻¹/d, the sample's degrees of freedom

# ln(1 − γ⟨s/(s+λ)⟩), exact near 0 and near 1
_LOG_REST = log_either((1 - gamma) + gamma * _LEFT, -gamma * _SHARE)


def _information_estimate(f: Formula) -> Iterator[Step]:
    population = single(information.expr).subs(tau, sp.sqrt(kappa))
    freedom = d * eigenvalues / (eigenvalues + kappa)
    slope = sp.diff(population, kappa)
    yield Identity("the population's information falls by its degrees of freedom: −T/2κ", slope, -freedom / (2 * kappa))
    noise = kappa - gamma * kappa * Mean(eigenvalues / (eigenvalues + kappa), eigenvalues)
    seen = single(noise - renormalised_noise_formula.equation).subs(tau2, 0)
    yield Identity("at κ(1 − γ⟨λ/(λ+κ)⟩) = λ, the equation of renormalised_noise, T is the sample's", seen, 0)
    plug_in = sp.log(1 + sample / tau2)
    yield Identity("so does the sample's own", sp.diff(plug_in, tau2), -single(_SHARE) / tau2)
    share, plain = sp.Function("share")(tau2), sp.Function("plain")(tau2)
    estimate = f.branches[0].value.doit().subs(_LEFT, 1 - share).subs(_SHARE, share).subs(Mean(plug_in, sample), plain)
    noises = tau2 / (1 - gamma * share)  # κ
    gap = sp.diff(estimate, tau2) + d * share * sp.diff(sp.log(noises), tau2) / 2
    m, falls = sp.symbols("m falls", positive=True)  # the share, and how fast it falls
    gap = gap.subs({plain.diff(): -share / tau2, share.diff(): -falls}).subs(share, m)
    yield Identity("along κ(λ) the estimate falls as the population's information", gap, 0)
    yield Limit(
        "and starts where the population does: no information at much noise",
        single(f.branches[0].value.doit()),
        tau2,
        sp.oo,
        0,
    )


def _information_estimate_bounds(f: Formula) -> Iterator[Step]:
    spare = d / gamma - d * _SHARE  # N − T
    yield Condition(
        "a sample of N degrees of freedom has fewer than N: κ is positive", f.branches[0].condition, spare > 0
    )
    yield Edge("without noise x_t tells x_0 exactly", f.variables[0], "lower", sp.log(1 + 1 / tau2), sp.oo)
    many = single(f.branches[0].value.doit()) - d * sp.log(1 + sample / tau2) / 2
    yield Edge("with many points the eigenvalues are the true ones", f.variables[2], "lower", many, 0)


information_estimate = Formula(
    name="information_estimate",
    variables=(variable(tau2, POSITIVE), variable(sample), variable(gamma, POSITIVE)),
    branches=(
        Branch(
            d * (Mean(sp.log(1 + sample / tau2), sample) + _SHARE + _LOG_REST / gamma) / 2,
            gamma * _SHARE < 1,
        ),
    ),
    kind="asymptotic",
    regime="Gaussian information I(x_0; x_0 + √κ ξ), nats, by the eigenvalues s_j of the sample covariance, d/N → γ; "
    "κ = τ²/(1 − γ⟨s/(s+τ²)⟩)",
    source="derived here",
    derivation=_information_estimate,
    bounds=_information_estimate_bounds,
    rests_on=(information, renormalised_noise_formula),
    count=d,
)
