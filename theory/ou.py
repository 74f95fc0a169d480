"""The forward process and its noise, in the conventions of the suite and in two others.

x_t = e^{−t} x_0 + √(λ(1 − e^{−2t})) ξ is the Ornstein–Uhlenbeck process dx = −x dt + √(2λ) dW started at x_0.
In the frame u = e^t x_t the data stay where they are and only noise is added: u = x_0 + τ ξ, τ² = λ(e^{2t} − 1).

A model may learn the denoiser D(u) = E(x_0 | u), the score of x_t, the noise E(ξ | u) or the velocity of a linear flow.
At a given noise each is D and u combined: what one of them gets wrong, all do.
"""

from collections.abc import Iterator

import sympy as sp

from theory.core.bounds import Edge
from theory.core.formula import Branch, Formula
from theory.core.steps import Identity, Limit, Step
from theory.letters import POSITIVE, denoised, lam, noised, sigma, t, tau, variable


def _noise_variance(f: Formula) -> Iterator[Step]:
    v = sp.Function("v")
    stationary = lam * (1 - sp.exp(-2 * t))
    solution = sp.dsolve(sp.Eq(v(t).diff(t), -2 * v(t) + 2 * lam), v(t), ics={v(0): 0}).rhs
    yield Identity("the variance of x_t given x_0 solves v' = −2v + 2λ, v(0) = 0", solution, stationary)
    yield Identity("seen in the frame u = e^t x_t it is multiplied by e^{2t}", sp.exp(2 * t) * stationary, f.expr)
    yield Limit("short times are Brownian: τ²/t → 2λ", f.expr / t, t, 0, 2 * lam)


noise_variance = Formula(
    name="noise_variance",
    variables=(variable(t), variable(lam)),
    branches=(Branch(lam * (sp.exp(2 * t) - 1)),),
    kind="exact",
    regime="every t ≥ 0",
    source="derived here; halder2024 §2, reconstructed, in the frame of x_t",
    derivation=_noise_variance,
)


def _diffusion_time(f: Formula) -> Iterator[Step]:
    inverse = noise_variance.expr.subs(t, f.expr)
    yield Identity("it inverts the noise variance: τ²(t(τ)) = τ²", inverse, tau**2)


diffusion_time = Formula(
    name="diffusion_time",
    variables=(variable(tau), variable(lam)),
    branches=(Branch(sp.log(1 + tau**2 / lam) / 2),),
    kind="exact",
    regime="every τ ≥ 0",
    source="derived here",
    derivation=_diffusion_time,
    rests_on=(noise_variance,),
)


def _flow_time(f: Formula) -> Iterator[Step]:
    s = sp.Symbol("s", positive=True)
    noise_to_signal = ((1 - s) / s).subs(s, f.expr)
    yield Identity(
        "x_s = (1−s) ξ + s x_0 has noise-to-signal ratio (1−s)/s, equal to τ at this s", noise_to_signal, tau
    )
    yield Limit("no noise is the end of the flow", f.expr, tau, 0, 1)


flow_time = Formula(
    name="flow_time",
    variables=(variable(tau),),
    branches=(Branch(1 / (1 + tau)),),
    kind="exact",
    regime="linear interpolation x_s = (1−s) ξ + s x_0, every τ ≥ 0",
    source="derived here",
    derivation=_flow_time,
)


def _signal_fraction(f: Formula) -> Iterator[Step]:
    b = sp.Symbol("b", real=True)
    error = sigma**2 * (1 - b) ** 2 + tau**2 * b**2
    best = sp.solve(sp.diff(error, b), b)[0]
    yield Identity("the least-squares gain of x on u = x + τξ minimises σ²(1−b)² + τ²b²", best, f.expr)
    yield Identity("the error it leaves is σ²(1−ρ)", error.subs(b, best), sigma**2 * (1 - f.expr))


signal_fraction = Formula(
    name="signal_fraction",
    variables=(variable(tau), variable(sigma)),
    branches=(Branch(sigma**2 / (sigma**2 + tau**2)),),
    kind="exact",
    regime="every τ ≥ 0",
    source="derived here",
    derivation=_signal_fraction,
)

# -- what is learnt: denoiser, score, noise, velocity -----------------------------------------------------------------


_x0, _w1, _w2 = sp.symbols("x0 w1 w2", positive=True)


def _ou_score(f: Formula) -> Iterator[Step]:
    x = sp.Symbol("x", real=True)
    spread = lam * (1 - sp.exp(-2 * t))
    kernel = -((x - sp.exp(-t) * _x0) ** 2) / (2 * spread)
    given = f.expr.subs({denoised: _x0, noised: sp.exp(t) * x})
    given = given.rewrite(sp.exp)
    yield Identity("the score of x_t given x_0, with x_0 for D", kernel.diff(x), given)
    k1, k2 = sp.Function("k1")(x), sp.Function("k2")(x)
    mixed = _w1 * k1 + _w2 * k2
    parts = (_w1 * k1 * sp.log(k1).diff(x) + _w2 * k2 * sp.log(k2).diff(x)) / mixed
    yield Identity(
        "the score of a mixture of kernels is the mean of theirs over the posterior", sp.log(mixed).diff(x), parts
    )
    yield Identity("and this one is linear in x_0, whose posterior mean is D", f.expr.diff(denoised, 2), 0)
    in_frame = (denoised - noised) / (lam * (sp.exp(2 * t) - 1))
    yield Identity(
        "in the frame u the score is (D−u)/τ² (Tweedie); x = e^{−t}u multiplies it by e^t",
        f.expr.rewrite(sp.exp),
        sp.exp(t) * in_frame,
    )


def _ou_score_bounds(f: Formula) -> Iterator[Step]:
    yield Edge("no score without noise: τ² = 0 at t = 0", f.variables[2], "lower", lam * (sp.exp(2 * t) - 1), 0)


ou_score = Formula(
    name="ou_score",
    variables=(
        variable(denoised),
        variable(noised),
        variable(t, POSITIVE),
        variable(lam),
    ),
    branches=(Branch((denoised - noised) / (2 * lam * sp.sinh(t))),),
    kind="exact",
    regime="∂ ln p_t(x)/∂x at x = e^{−t}u, for any data law and t > 0; per unit of x",
    source="derived here",
    derivation=_ou_score,
    bounds=_ou_score_bounds,
    rests_on=(noise_variance,),
)


def _noise_prediction(f: Formula) -> Iterator[Step]:
    xi = sp.Symbol("xi", real=True)
    point = _x0 + tau * xi
    yield Identity("given x_0, with x_0 for D, it is ξ", f.expr.subs({denoised: _x0, noised: point}), xi)
    yield Identity("and it is linear in x_0, whose posterior mean is D", f.expr.diff(denoised, 2), 0)
    clock = sp.sqrt(lam * (sp.exp(2 * t) - 1))
    score = ou_score.expr.rewrite(sp.exp) * sp.sqrt(lam * (1 - sp.exp(-2 * t)))
    yield Identity("the score is −E(ξ | u) over the noise √(λ(1−e^{−2t})) in x_t", f.expr.subs(tau, clock), -score)


def _noise_prediction_bounds(f: Formula) -> Iterator[Step]:
    yield Edge("no noise to predict: at τ = 0 it is a difference over 0", f.variables[2], "lower", 1 / f.expr, 0)


noise_prediction = Formula(
    name="noise_prediction",
    variables=(variable(denoised), variable(noised), variable(tau, POSITIVE)),
    branches=(Branch((noised - denoised) / tau),),
    kind="exact",
    regime="E(ξ | u), u = x_0 + τξ, ξ standard normal, for any data law and τ > 0; no unit",
    source="derived here",
    derivation=_noise_prediction,
    rests_on=(ou_score,),
    bounds=_noise_prediction_bounds,
)


def _flow_velocity(f: Formula) -> Iterator[Step]:
    xi, s = sp.symbols("xi s", positive=True)
    ratio = (1 - s) / s
    given = f.expr.subs({denoised: _x0, noised: ((1 - s) * xi + s * _x0) / s}).subs(tau, ratio)
    yield Identity("given x_0, with x_0 for D, it is x_0 − ξ, u = x_s/s, τ = (1−s)/s", given, _x0 - xi)
    yield Identity("and it is linear in x_0, whose posterior mean is D", f.expr.diff(denoised, 2), 0)
    # the flow of the frame: du/dτ = E(ξ | u) keeps the noised law; x_s = s u at τ = (1−s)/s
    rate = noised + s * noise_prediction.expr * ratio.diff(s)
    yield Identity("it is dx_s/ds along du/dτ = E(ξ | u)", rate.subs(s, flow_time.expr), f.expr)


def _flow_velocity_bounds(f: Formula) -> Iterator[Step]:
    yield Edge("as for the noise, which it contains", f.variables[2], "lower", 1 / noise_prediction.expr, 0)


flow_velocity = Formula(
    name="flow_velocity",
    variables=(variable(denoised), variable(noised), variable(tau, POSITIVE)),
    branches=(Branch(denoised - (noised - denoised) / tau),),
    kind="exact",
    regime="E(x_0 − ξ | x_s), x_s = (1−s)ξ + s x_0, at u = x_s/s and τ = (1−s)/s, for any data law; data and noise in "
    "the same unit",
    source="derived here",
    derivation=_flow_velocity,
    bounds=_flow_velocity_bounds,
    rests_on=(noise_prediction, flow_time),
)
