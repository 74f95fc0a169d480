"""The forward process and its noise, in the conventions of the suite and in two others.

x_t = e^{−t} x_0 + √(λ(1 − e^{−2t})) ξ is the Ornstein–Uhlenbeck process dx = −x dt + √(2λ) dW started at x_0.
In the frame u = e^t x_t the data stay where they are and only noise is added: u = x_0 + τ ξ, τ² = λ(e^{2t} − 1).
"""

from collections.abc import Iterator

import sympy as sp

from theory.formula import Branch, Formula, Variable
from theory.steps import Identity, Limit, Step

t, lam = sp.symbols("t lam", positive=True)
sigma, tau = sp.symbols("sigma tau", positive=True)

_HALF_LINE = sp.Interval(0, sp.oo)
_TIME = Variable(t, "time of the forward process, in relaxation times of the drift", _HALF_LINE)
_LAM = Variable(lam, "noise scale λ: the stationary variance", default=1)
_TAU = Variable(tau, "noise standard deviation in the frame of the data", _HALF_LINE, "data")
_SIGMA = Variable(sigma, "standard deviation of the data", unit="data", default=1)


def _noise_variance(f: Formula) -> Iterator[Step]:
    v = sp.Function("v")
    stationary = lam * (1 - sp.exp(-2 * t))
    solution = sp.dsolve(sp.Eq(v(t).diff(t), -2 * v(t) + 2 * lam), v(t), ics={v(0): 0}).rhs
    yield Identity("the variance of x_t given x_0 solves v' = −2v + 2λ, v(0) = 0", solution, stationary)
    yield Identity("seen in the frame u = e^t x_t it is multiplied by e^{2t}", sp.exp(2 * t) * stationary, f.expr)
    yield Limit("short times are Brownian: τ²/t → 2λ", f.expr / t, t, 0, 2 * lam)


noise_variance = Formula(
    name="noise_variance",
    variables=(_TIME, _LAM),
    branches=(Branch(lam * (sp.exp(2 * t) - 1)),),
    kind="exact",
    regime="every t ≥ 0",
    source="derived here; halder2024 §2 (E1, reconstructed) in the frame of x_t",
    derivation=_noise_variance,
)


def _diffusion_time(f: Formula) -> Iterator[Step]:
    inverse = noise_variance.expr.subs(t, f.expr)
    yield Identity("it inverts the noise variance: τ²(t(τ)) = τ²", inverse, tau**2)


diffusion_time = Formula(
    name="diffusion_time",
    variables=(_TAU, _LAM),
    branches=(Branch(sp.log(1 + tau**2 / lam) / 2),),
    kind="exact",
    regime="every τ ≥ 0",
    source="derived here",
    derivation=_diffusion_time,
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
    variables=(_TAU,),
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
    variables=(_TAU, _SIGMA),
    branches=(Branch(sigma**2 / (sigma**2 + tau**2)),),
    kind="exact",
    regime="every τ ≥ 0",
    source="derived here",
    derivation=_signal_fraction,
)
