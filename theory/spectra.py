"""Spectra of sample covariances: the Marchenko–Pastur law, its moments and logarithm, and the renormalised noise κ.

W/N, with W ~ Wishart_d(N, I) and d/N → γ, has the Marchenko–Pastur spectrum on [(1−√γ)², (1+√γ)²] (γ < 1).
Everything here follows from one relation for the resolvent m(a) = ∫ (s + a)⁻¹ dMP_γ(s):  a = 1/m − 1/(1 + γm).
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import sympy as sp

from theory.core.bounds import Bracket, Condition, Edge
from theory.core.formula import Branch, DomainError, Formula
from theory.core.mean import Mean, single
from theory.core.special import edge_gap, log_excess
from theory.core.steps import Identity, Limit, Premise, Quadrature, Step
from theory.letters import INSIDE, POSITIVE, a, eigenvalues, gamma, kappa, sample_eigenvalue, tau2, unknown, variable

_POINTS = ({gamma: sp.Rational(1, 2)}, {gamma: sp.Rational(1, 10)}, {gamma: sp.Rational(9, 10)})

_EDGES = ((1 - sp.sqrt(gamma)) ** 2, (1 + sp.sqrt(gamma)) ** 2)

# ∫ f dMP without the square-root edges: s = 1 + γ − 2√γ cos θ turns the density into sin²θ dθ.
theta = sp.Symbol("theta", positive=True)

_S = 1 + gamma - 2 * sp.sqrt(gamma) * sp.cos(theta)

_WEIGHT = 2 * sp.sin(theta) ** 2 / (sp.pi * _S)

_OVER = (theta, sp.Integer(0), sp.pi)


def mp_average(
    claim: str, function: Callable[[sp.Expr], sp.Expr], value: sp.Expr, points: tuple[Any, ...], digits: int = 15
) -> Quadrature:
    """The step that ∫ function(s) dMP_γ(s) is this value."""
    return Quadrature(claim, _WEIGHT * function(_S), _OVER, value, points, digits)


def _reaches_zero(f: Formula) -> Edge:
    """Why γ ends at 1, in all formulas of this law."""
    return Edge("the spectrum reaches 0 at γ = 1; beyond, a share of it is 0", f.variables[-1], "upper", _EDGES[0], 0)


def _density(f: Formula) -> Iterator[Step]:
    inside = f.branches[0].value.doit()
    change = inside.subs(sample_eigenvalue, _S) * sp.diff(_S, theta)
    yield Identity(
        "s = 1 + γ − 2√γ cos θ turns it into a weight sin²θ (squared, both are positive)",
        change**2,
        _WEIGHT**2,
    )
    outside = f.branches[1].value
    yield Quadrature("the edges hold all the mass: nothing is left outside", _WEIGHT, _OVER, 1 - outside, _POINTS, 20)
    z = sp.Symbol("z", positive=True)
    # The resolvent of the density, in closed form, and the fixed point it must obey.
    root = sp.sqrt((z + 1 + gamma) ** 2 - 4 * gamma)
    resolvent = (root - (z + 1 - gamma)) / (2 * gamma * z)
    points = tuple(p | {z: v} for p in _POINTS for v in (sp.Rational(1, 3), 2))
    yield Quadrature(
        "its resolvent is m(z) = (√((z+1+γ)² − 4γ) − (z+1−γ))/(2γz)",
        _WEIGHT / (_S + z),
        _OVER,
        resolvent,
        points,
        20,
    )
    yield Identity("and obeys z = 1/m − 1/(1 + γm)", 1 / resolvent - 1 / (1 + gamma * resolvent), z)
    yield Premise(
        "the resolvent of W/N concentrates and obeys that relation (leave one row out)",
        "marchenko1967",
        "spectra.resolvent",
    )


def _density_bounds(f: Formula) -> Iterator[Step]:
    z = sp.Symbol("z", real=True)
    radicand = ((z + 1 + gamma) ** 2 - 4 * gamma).subs(z, -sample_eigenvalue)
    beyond = sample_eigenvalue - 1 - gamma
    factors = (beyond - 2 * sp.sqrt(gamma)) * (beyond + 2 * sp.sqrt(gamma))
    yield Identity("the root in the resolvent at −s: two factors", radicand, factors)
    yield Identity("which is 0 at the edges", sp.prod([factors.subs(sample_eigenvalue, end) for end in _EDGES]), 0)
    yield Condition(
        "it is imaginary, so that there is a density, where they have opposite signs",
        f.branches[0].condition,
        -radicand > 0,
    )
    yield _reaches_zero(f)


mp_density = Formula(
    name="mp_density",
    variables=(variable(sample_eigenvalue), variable(gamma, INSIDE)),
    branches=(
        Branch(
            sp.sqrt(edge_gap(sample_eigenvalue, gamma)) / (2 * sp.pi * gamma * sample_eigenvalue),
            edge_gap(sample_eigenvalue, gamma) > 0,
        ),
        Branch(sp.S.Zero),
    ),
    kind="asymptotic",
    regime="N, d → ∞ at d/N = γ < 1",
    source="marchenko1967",
    derivation=_density,
    bounds=_density_bounds,
)


def _resolvent(f: Formula) -> Iterator[Step]:
    yield Identity("it solves a = 1/m − 1/(1 + γm)", 1 / f.expr - 1 / (1 + gamma * f.expr), tau2)
    yield Quadrature(
        "it is the resolvent of the Marchenko–Pastur density",
        _WEIGHT / (_S + tau2),
        _OVER,
        f.expr,
        tuple(p | {tau2: sp.Rational(1, 2)} for p in _POINTS),
        20,
    )


def _resolvent_bounds(f: Formula) -> Iterator[Step]:
    yield _reaches_zero(f)


mp_resolvent = Formula(
    name="mp_resolvent",
    variables=(variable(tau2), variable(gamma, INSIDE)),
    # The conjugate form: no cancellation for large a, and a = 0 is the mean inverse 1/(1−γ).
    branches=(Branch(2 / (tau2 + 1 - gamma + sp.sqrt((tau2 + 1 - gamma) ** 2 + 4 * gamma * tau2))),),
    kind="asymptotic",
    regime="N, d → ∞ at d/N = γ < 1, a ≥ 0",
    source="marchenko1967",
    derivation=_resolvent,
    bounds=_resolvent_bounds,
    rests_on=(mp_density,),
)


_LARGEST_ORDER = 100  # of a moment: the series of larger ones lose digits, and their values soon leave float64


def _moment(f: Formula) -> Iterator[Step]:
    low, high = f.branches[1].value, f.branches[0].value
    # Integer moments from the resolvent: m(a) = 1/a − M₁/a² + M₂/a³ − … at large a.
    z = sp.Symbol("z", positive=True)
    series = sp.series(mp_resolvent.expr.subs(tau2, 1 / z), z, 0, 6).removeO()
    for order in (1, 2, 3, 4):
        coefficient = (-1) ** order * series.coeff(z, order + 1)
        yield Identity(
            f"moment {order} is the coefficient of (−1)^{order}/a^{order + 1} in m(a)",
            high.subs(a, order),
            coefficient,
        )
    yield Limit(
        "moment −1 is m(0) = 1/(1−γ)",
        sp.hyperexpand(low.subs(a, -1)),
        gamma,
        sp.Rational(1, 3),
        sp.Rational(3, 2),
    )
    for exponent in (sp.Rational(1, 2), sp.Rational(-1, 2), sp.Rational(7, 3)):
        value = high.subs(a, exponent)
        yield Quadrature(f"fractional moment {exponent}", _WEIGHT * _S**exponent, _OVER, value, _POINTS, 20)
    for exponent in (sp.Rational(-5, 2), sp.Rational(-2, 3)):
        value = low.subs(a, exponent)
        yield Quadrature(
            f"negative moment {exponent}, by Euler's transformation",
            _WEIGHT * _S**exponent,
            _OVER,
            value,
            _POINTS,
            18,
        )


def _moment_bounds(f: Formula) -> Iterator[Step]:
    yield Condition(
        "Euler's transformation takes a to −1 − a: of the two the larger has the gentler series",
        f.branches[0].condition,
        a >= -1 - a,
    )
    yield Edge("tried from this order on", f.variables[0], "lower", -a / _LARGEST_ORDER, 1, included=True)
    yield Edge("and up to this one", f.variables[0], "upper", a / _LARGEST_ORDER, 1, included=True)
    yield _reaches_zero(f)


mp_moment = Formula(
    name="mp_moment",
    variables=(variable(a, sp.Interval(-_LARGEST_ORDER, _LARGEST_ORDER)), variable(gamma, INSIDE)),
    branches=(
        Branch(sp.hyper((-a, 1 - a), (2,), gamma), a >= -sp.Rational(1, 2)),
        # Euler's transformation: M_a = (1−γ)^{1+2a} M_{−1−a}, so the series never grows like an inverse power of 1−γ.
        Branch((1 - gamma) ** (1 + 2 * a) * sp.hyper((1 + a, 2 + a), (2,), gamma)),
    ),
    kind="asymptotic",
    regime="∫ s^a dMP_γ(s), γ < 1",
    source="derived here",
    derivation=_moment,
    bounds=_moment_bounds,
    rests_on=(mp_density, mp_resolvent),
)


def _log_moment(f: Formula) -> Iterator[Step]:
    yield Quadrature(
        "the integral of ln s against the density", _WEIGHT * sp.log(_S), _OVER, f.expr.doit(), _POINTS, 20
    )
    m = sp.Symbol("m", positive=True)
    # The potential F(a) = ∫ ln(s + a) dMP as a function of m: F = a m − ln m + ln(1+γm)/γ − 1.
    potential = (1 / m - 1 / (1 + gamma * m)) * m - sp.log(m) + sp.log(1 + gamma * m) / gamma - 1
    relation = 1 / m - 1 / (1 + gamma * m)
    yield Identity("dF/da = m along a = a(m)", sp.diff(potential, m), m * sp.diff(relation, m))
    yield Limit("F(a) − ln a → 0 as a → ∞ (m → 0)", potential - sp.log(relation), m, 0, 0)
    yield Identity(
        "at a = 0, m = 1/(1−γ), F is the mean logarithm",
        potential.subs(m, 1 / (1 - gamma)),
        f.expr.doit(),
        {gamma: sample_eigenvalue / (1 + sample_eigenvalue)},
    )


def _log_moment_bounds(f: Formula) -> Iterator[Step]:
    yield _reaches_zero(f)


mp_log_moment = Formula(
    name="mp_log_moment",
    variables=(variable(gamma, INSIDE),),
    # −1 − ((1−γ)/γ) ln(1−γ), whose terms cancel where γ is small
    branches=(Branch((1 - gamma) / gamma * log_excess(-gamma) - gamma),),
    kind="asymptotic",
    regime="∫ ln s dMP_γ(s), γ < 1",
    source="derived here",
    derivation=_log_moment,
    bounds=_log_moment_bounds,
    rests_on=(mp_density,),
)


def _renormalised(f: Formula) -> Iterator[Step]:
    equation = f.equation
    isotropic = (tau2 - (1 - gamma) + sp.sqrt((tau2 - (1 - gamma)) ** 2 + 4 * tau2)) / 2
    equal = equation.subs(Mean(1 / (kappa + eigenvalues), eigenvalues), 1 / (1 + kappa)).subs(kappa, isotropic)
    yield Identity("equal eigenvalues (1): a quadratic with this largest root", equal, 0)
    zero, value = f.branches[0].value, f.branches[1].value.subs(kappa, isotropic)
    yield Identity("its share κ/(1+κ) is λ × mp_resolvent", value / (1 + value), tau2 * mp_resolvent.expr)
    yield Identity("λ = 0: κ = 0 is a root, for γ ≤ 1 the only one", equation.subs({tau2: 0, kappa: zero}), 0)
    at_kappa = 1 / (1 + kappa - gamma)  # λ m = κ/(1+κ) with λ = κ − γκ/(1+κ)
    yield Identity(
        "λ tr(S+λ)⁻¹/d = κ/(1+κ) obeys the Marchenko–Pastur relation: the sample's resolvent is the population's at κ",
        1 / at_kappa - 1 / (1 + gamma * at_kappa),
        kappa - gamma * kappa / (1 + kappa),
    )
    slope = sp.diff(kappa - gamma * kappa * Mean(eigenvalues / (eigenvalues + kappa), eigenvalues), kappa)
    closed = 1 - gamma * Mean(eigenvalues**2 / (eigenvalues + kappa) ** 2, eigenvalues)
    gap = single(slope - closed)
    yield Identity("λ(κ) has slope 1 − γ⟨s²/(s+κ)²⟩, increasing in κ: convex, one largest root", gap, 0)
    upper = single(equation.subs(kappa, tau2 + gamma * eigenvalues))
    yield Identity(
        "at κ = λ + γ⟨s⟩, and hence beyond, the equation is positive: γ⟨s²/(s+κ)⟩",
        upper,
        (gamma * eigenvalues**2 / (eigenvalues + kappa)).subs(kappa, tau2 + gamma * eigenvalues),
    )
    stated = kappa - tau2 - gamma * kappa * Mean(eigenvalues / (eigenvalues + kappa), eigenvalues)
    yield Identity(
        "the equation is κ − λ = γκ⟨s/(s+κ)⟩ rewritten without cancellation",
        single(stated - equation),
        0,
    )
    yield Premise(
        "deterministic equivalent of the resolvent for any population spectrum",
        "marchenko1967",
        "spectra.renormalised_noise",
    )


_above = (gamma - 1 + sp.Abs(gamma - 1)) / 2


def _renormalised_bounds(f: Formula) -> Iterator[Step]:
    level = kappa - gamma * kappa * Mean(eigenvalues / (eigenvalues + kappa), eigenvalues)
    slope = single(sp.diff(level, kappa)).subs(kappa, 0)
    yield Condition(
        "κ = 0 solves the equation, and λ(κ), convex, has no slope below 0 there: no larger root",
        f.branches[0].condition,
        sp.And(sp.Eq(f.equation.subs(kappa, 0), 0), slope >= 0),
    )
    assert f.unknown
    above = (gamma - 1 + sp.Abs(gamma - 1)) / 2
    yield Bracket(
        "κ ≥ λ + κ(0) by convexity, κ(0) ≥ (γ−1)₊/⟨1/s⟩ by Jensen, and κ ≤ λ + γ⟨s⟩; with room of a factor 2",
        f.unknown,
        (2 * kappa - tau2, above / Mean(1 / eigenvalues, eigenvalues)),
        (kappa / 2 - tau2, gamma * Mean(eigenvalues, eigenvalues)),
        tuple(
            {tau2: level_, gamma: ratio, eigenvalues: (0.3, 1, 4)}
            for level_, ratio in ((0.5, 0.5), (0.01, 3), (0, 2), (1e-6, 1), (100, 0.1))
        ),
    )
    yield Edge("without data in a direction ⟨1/s⟩ is infinite", f.variables[1], "lower", 1 / eigenvalues, sp.oo)


renormalised_noise_formula = Formula(
    name="renormalised_noise",
    variables=(
        variable(tau2),
        variable(eigenvalues, POSITIVE),
        variable(gamma),
    ),
    branches=(Branch(sp.S.Zero, sp.And(sp.Eq(tau2, 0), gamma <= 1)), Branch(kappa)),
    kind="asymptotic",
    regime="n, d → ∞ at d/n = γ; the largest root",
    source="marchenko1967; derived here",
    derivation=_renormalised,
    bounds=_renormalised_bounds,
    rests_on=(mp_resolvent,),
    unknown=unknown(
        kappa,
        # κ − λ − γκ⟨s/(s+κ)⟩, written so that nothing cancels for γ ≤ 1.
        kappa * (1 - gamma) + gamma * kappa**2 * Mean(1 / (eigenvalues + kappa), eigenvalues) - tau2,
        # κ ≥ λ + κ(0) by convexity and κ(0) ≥ (γ−1)₊/⟨1/s⟩ by Jensen. Half of that and twice the upper bound:
        # where λ is all that counts the bounds meet, and rounding could decide the signs.
        (tau2 + _above / Mean(1 / eigenvalues, eigenvalues)) / 2,
        2 * (tau2 + gamma * Mean(eigenvalues, eigenvalues)),
    ),
)

_MANY = 2000


def renormalised_noise(tau2: Any, eigenvalues: Any, gamma: Any) -> Any:
    """The renormalised noise κ (data²): the largest root of κ − τ² = γ κ ⟨λ_j/(λ_j+κ)⟩.

    eigenvalues (…, d) hold the spectrum on the last axis; tau2 (data²), gamma and the rest of eigenvalues broadcast.
    DomainError on values out of range. For one spectrum and very many noise levels the root is interpolated: ln κ is
    analytic in ln τ² on the strip |Im ln τ²| < π (1/κ is the companion resolvent, free of zeros and poles off the
    negative axis), so a Chebyshev series of the length that strip prescribes is exact to rounding.
    """
    levels, spectrum, ratio = (np.asarray(v, float) for v in (tau2, eigenvalues, gamma))
    if levels.size < _MANY or spectrum.ndim != 1 or ratio.ndim:
        return renormalised_noise_formula(levels, spectrum, ratio)
    if not np.all(levels >= 0):
        raise DomainError(f"renormalised_noise: tau2 = {levels[~(levels >= 0)].flat[0]:g} is outside [0, oo)")
    out = np.empty(levels.shape)
    positive = levels > 0
    out[~positive] = renormalised_noise_formula(0.0, spectrum, ratio)
    if positive.any():
        log_tau2 = np.log(levels[positive])
        low, high = log_tau2.min() - 1e-3, log_tau2.max() + 1e-3
        # A strip of half-width π around an interval of half-length L holds the ellipse of parameter exp(asinh(π/L)).
        degree = int(np.ceil(36 / np.arcsinh(2 * np.pi / (high - low)))) + 8
        series = np.polynomial.Chebyshev.interpolate(
            lambda u: np.log(renormalised_noise_formula(np.exp(u), spectrum, ratio)), degree, (low, high)
        )
        out[positive] = np.exp(series(log_tau2))
    return out
