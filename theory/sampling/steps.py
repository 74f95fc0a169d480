"""One step of a sampler with a linear denoiser: what it makes of the variance along one eigenvector.

A linear denoiser is D(u, τ) = φu along each eigenvector of its covariance (the mean is taken off), with the weight
φ = λ̂/(λ̂+τ²) where it has learnt the variance λ̂. A step from τ to τ' < τ is u' = D + κ(u − D) + cξ, so that the state
stays Gaussian and its variance v goes to A²v + c², A = φ + κ(1−φ). The exact law has v = λ̂ + τ² at every level.
"""

from collections.abc import Iterator

import sympy as sp

from theory.core.bounds import Condition, Edge
from theory.core.formula import Branch, Formula
from theory.core.special import log_either
from theory.core.steps import Identity, Limit, Step, shared
from theory.letters import (
    POSITIVE,
    eta,
    kept,
    kept_next,
    lam,
    learnt,
    state,
    t,
    t_next,
    tau,
    tau_next,
    variable,
)

_RATIO = tau_next / tau
KEPT = _RATIO * sp.sqrt((1 - eta) * (1 + eta) + eta**2 * _RATIO**2)  # κ
NOISE = eta**2 * _RATIO**2 * (tau - tau_next) * (tau + tau_next)  # c²
_GAIN = kept + KEPT * (1 - kept)  # A
FALLS = tau_next < tau
_h = sp.Symbol("h", positive=True)


def wiener(level: sp.Expr) -> sp.Expr:
    """The weight of the best denoiser at this noise."""
    return learnt / (learnt + level**2)


def falling_levels(f: Formula) -> Iterator[Step]:
    """Why the last phase asks for τ' < τ, and τ > 0."""
    yield Condition("the noise variance falls", f.branches[-1].condition, tau**2 - tau_next**2 > 0)
    start = next(v for v in f.variables if v.symbol == tau)
    yield Edge("there is noise to start from", start, "lower", 1 / tau, sp.oo)


@shared
def _bridge() -> Iterator[Step]:
    """Steps for κ and c: they are those of the law of u' given u and x_0, if x_0 is D."""
    yield Identity("u' − x_0 gets the variance τ'²: κ²τ² + c² = τ'²", KEPT**2 * tau**2 + NOISE, tau_next**2)
    yield Identity("η = 0: no noise, κ = τ'/τ", KEPT.subs(eta, 0), _RATIO)
    between = 1 / (1 / tau_next**2 + 1 / (tau**2 - tau_next**2))
    yield Identity("η = 1: the variance of u' given u and x_0, 1/(1/τ'² + 1/(τ²−τ'²))", NOISE.subs(eta, 1), between)
    yield Identity("and its mean has κ = τ'²/τ²", KEPT.subs(eta, 1), _RATIO**2)


def _reverse_step(f: Formula) -> Iterator[Step]:
    yield from _bridge()
    u, xi = sp.symbols("u xi", real=True)
    after = sp.expand(kept * u + KEPT * (u - kept * u) + sp.sqrt(NOISE) * xi)
    yield Identity(
        "u and ξ are independent: the squares of their coefficients",
        after.coeff(u) ** 2 * state + after.coeff(xi) ** 2,
        f.branches[0].value,
    )
    exact = f.branches[0].value.subs({kept: wiener(tau), state: learnt + tau**2})
    yield Identity("no step, no change", exact.subs(tau_next, tau), learnt + tau**2)
    slope = sp.diff(exact, tau_next).subs(tau_next, tau)
    yield Identity("a short step follows the exact law λ̂ + τ², for every η", slope, 2 * tau)


reverse_step = Formula(
    name="reverse_step",
    variables=(
        variable(state),
        variable(kept),
        variable(tau, POSITIVE),
        variable(tau_next),
        variable(eta),
    ),
    branches=(Branch(_GAIN**2 * state + NOISE, FALLS),),
    kind="exact",
    regime="η-DDIM from τ to τ' < τ: DDIM, which is Euler's rule for the probability flow, at η = 0; DDPM at η = 1",
    source="song2021ddim eq. (12), (16); derived here",
    derivation=_reverse_step,
    bounds=falling_levels,
)

# Heun's correction (1−κ)/2κ (D' − D) of u' = Au + cξ. In that of A nothing large cancels where κ is small.
_PULL = (1 - KEPT) / (2 * KEPT)
_HEUN_GAIN = _GAIN + (1 - KEPT) / 2 * (kept_next * (1 - kept) - kept * (1 - kept_next) / KEPT)
_HEUN_NOISE = NOISE * (1 + _PULL * kept_next) ** 2


def _heun_step(f: Formula) -> Iterator[Step]:
    yield from _bridge()
    u, xi = sp.symbols("u xi", real=True)
    first = kept * u + KEPT * (u - kept * u) + sp.sqrt(NOISE) * xi
    after = sp.expand(first + _PULL * (kept_next * first - kept * u))
    value = f.branches[1].value
    yield Identity(
        "u' + (1−κ)/2κ (D' − D): the squares of the coefficients of u and ξ",
        after.coeff(u) ** 2 * state + after.coeff(xi) ** 2,
        value,
    )
    first = _GAIN.subs(eta, 0)
    slopes = (1 - kept) / tau + (1 - kept_next) * first / tau_next
    yield Identity(
        "η = 0: Heun's rule for u̇ = (u − D)/τ, the mean of the slopes at both ends",
        value.subs(eta, 0),
        (1 + (tau_next - tau) / 2 * slopes) ** 2 * state,
    )
    noisy = value.subs({eta: 1, tau: 1, state: learnt + 1, kept: wiener(1), kept_next: wiener(tau_next)})
    yield Limit(
        "η = 1: the correction of ξ alone, 1/κ times it, is unbounded", noisy.subs(learnt, 1), tau_next, 0, sp.oo
    )
    part = sp.Symbol("part", positive=True)  # η below 1
    start = {tau: 1, state: 2, kept: wiener(1), kept_next: wiener(tau_next)}
    below = value.subs({eta: part / sp.sqrt(1 + part**2)} | start)
    yield Limit(
        "η < 1: ((1+φ)/2)²v + η²τ²/4(1−η²), here for λ̂ = τ = 1",
        below.subs(learnt, 1),
        tau_next,
        0,
        sp.Rational(9, 8) + part**2 / 4,
    )
    last = f.branches[0].value
    yield Identity("the step to τ' = 0 is Euler's: A = φ", last, (_GAIN**2 * state + NOISE).subs(tau_next, 0))
    exact = value.subs({kept: wiener(tau), kept_next: wiener(tau_next), state: learnt + tau**2})
    for amount in (0, sp.S.Half, 1):
        short = exact.subs(eta, amount).subs({tau: 1, tau_next: 1 - _h, learnt: 3})
        yield Limit(
            f"second order: the error of a short step is of third order (λ̂ = 3, τ = 1, η = {amount})",
            sp.series(short - 3 - (1 - _h) ** 2, _h, 0, 3).removeO() / _h**2,
            _h,
            0,
            0,
        )


def _heun_bounds(f: Formula) -> Iterator[Step]:
    yield Condition("at τ' = 0 the slope (u − D)/τ' is 0/0", f.branches[0].condition, sp.Eq(_RATIO, 0))
    yield from falling_levels(f)


heun_step = Formula(
    name="heun_step",
    variables=(
        variable(state),
        variable(kept),
        variable(kept_next),
        variable(tau, POSITIVE),
        variable(tau_next),
        variable(eta),
    ),
    branches=(
        Branch(kept**2 * state, sp.Eq(tau_next, 0)),
        Branch(_HEUN_GAIN**2 * state + _HEUN_NOISE, FALLS),
    ),
    kind="exact",
    regime="the same with a second evaluation of the denoiser at τ', at η = 0 as in karras2022; Euler's at τ' = 0; as "
    "τ' → 0, with φ' → 1 as of a learnt λ̂, it tends to ((1+φ)/2)²v + η²τ²/4(1−η²), and grows without bound at η = 1",
    source="karras2022 Alg. 1; derived here",
    derivation=_heun_step,
    bounds=_heun_bounds,
)

_STEP = t - t_next
_SPREAD = 1 - sp.exp(-2 * t)


def _euler_maruyama_step(f: Formula) -> Iterator[Step]:
    x, xi = sp.symbols("x xi", real=True)
    clean = kept * sp.exp(t) * x  # D at u = e^t x
    score = (sp.exp(-t) * clean - x) / (lam * _SPREAD)
    after = sp.expand(x + _STEP * (x + 2 * lam * score) + sp.sqrt(2 * lam * _STEP) * xi)
    yield Identity(
        "x' = x + h(x + 2λ∇ln p) + √(2λh)ξ with the score (e^{−t}D − x)/(λ(1−e^{−2t}))",
        after.coeff(x) ** 2 * state + after.coeff(xi) ** 2,
        f.branches[0].value,
    )
    law = learnt * sp.exp(-2 * t) + lam * _SPREAD
    share = learnt / (learnt + lam * (sp.exp(2 * t) - 1))
    exact = f.branches[0].value.subs({kept: share, state: law})
    yield Identity(
        "a short step follows the exact law λ̂e^{−2t} + λ(1−e^{−2t})",
        sp.diff(exact, t_next).subs(t_next, t),
        sp.diff(law, t),
    )
    yield Identity("no step, no change", exact.subs(t_next, t), law)


def _euler_maruyama_bounds(f: Formula) -> Iterator[Step]:
    yield Condition("time runs back: the noise has the variance 2λh > 0", f.branches[0].condition, 2 * lam * _STEP > 0)
    yield Edge("at t = 0 there is no score", f.variables[2], "lower", _SPREAD, 0)


euler_maruyama_step = Formula(
    name="euler_maruyama_step",
    variables=(
        variable(state),
        variable(kept),
        variable(t, POSITIVE),
        variable(t_next),
        variable(lam),
    ),
    branches=(Branch((1 + _STEP - 2 * _STEP * (1 - kept) / _SPREAD) ** 2 * state + 2 * lam * _STEP, t_next < t),),
    kind="exact",
    regime="Euler–Maruyama for the reverse diffusion from t to t' < t, v the variance of x_t = e^{−t}u",
    source="song2021score eq. (6); derived here",
    derivation=_euler_maruyama_step,
    bounds=_euler_maruyama_bounds,
)

# tan² of the angle between arctan(τ/√λ̂) and arctan(τ'/√λ̂)
TANGENT2 = learnt * (tau - tau_next) ** 2 / (learnt + tau * tau_next) ** 2


def _ddim_loss(f: Formula) -> Iterator[Step]:
    plain = (_GAIN**2 * state + NOISE).subs({eta: 0, kept: wiener(tau)})
    keeps = plain.subs(state, learnt + tau**2) / (learnt + tau_next**2)
    yield Identity("the share of λ̂ + τ'² that the step leaves", keeps, 1 / (1 + TANGENT2))
    yield Identity(
        "which is e to minus the loss",
        sp.log(1 + TANGENT2),
        f.branches[0].value.doit(),
        {learnt: sp.Symbol("k", positive=True)},
    )
    angle, other = sp.symbols("angle other", positive=True)
    tangents = {tau: sp.sqrt(learnt) * sp.tan(angle), tau_next: sp.sqrt(learnt) * sp.tan(other)}
    yield Identity(
        "with τ = √λ̂ tan θ it is cos²(θ − θ')",
        sp.simplify(sp.expand_trig(sp.cos(angle - other) ** 2 * (1 + TANGENT2.subs(tangents)))),
        1,
    )
    yield Identity(
        "shares multiply: a step is linear in the variance",
        plain / state,
        keeps * (learnt + tau_next**2) / (learnt + tau**2),
    )


ddim_loss = Formula(
    name="ddim_loss",
    variables=(variable(learnt), variable(tau, POSITIVE), variable(tau_next)),
    branches=(Branch(log_either(1 + TANGENT2, TANGENT2), FALLS),),
    kind="exact",
    regime="−ln of the share of the exact variance λ̂ + τ'² that a step of DDIM leaves, in nats: −2 ln cos(θ−θ'), "
    "θ = arctan(τ/√λ̂); over several steps these add up",
    source="derived here",
    derivation=_ddim_loss,
    bounds=falling_levels,
    rests_on=(reverse_step,),
)


def _ddpm_deficit(f: Formula) -> Iterator[Step]:
    exact = (_GAIN**2 * state + NOISE).subs({eta: 1, kept: wiener(tau), state: learnt + tau**2})
    yield Identity("λ̂ + τ'² less what the step makes of λ̂ + τ²", learnt + tau_next**2 - exact, f.branches[0].value)
    hidden = learnt * tau**2 / (learnt + tau**2)
    yield Identity(
        "(1 − τ'²/τ²)² Var(x_0|u): the step takes x_0 for known", (1 - _RATIO**2) ** 2 * hidden, f.branches[0].value
    )


ddpm_deficit = Formula(
    name="ddpm_deficit",
    variables=(variable(learnt), variable(tau, POSITIVE), variable(tau_next)),
    branches=(Branch(learnt * (tau - tau_next) ** 2 * (tau + tau_next) ** 2 / (tau**2 * (learnt + tau**2)), FALLS),),
    kind="exact",
    regime="the variance that one step of DDPM lacks, from the exact law at τ",
    source="derived here",
    derivation=_ddpm_deficit,
    bounds=falling_levels,
    rests_on=(reverse_step,),
)
