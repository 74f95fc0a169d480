"""What the loss of a random-feature denoiser is made of: a bias, and variances from weights, points and noises.

The loss on fresh points is the Bayes error 1 − Δ and the squared distance of the prediction ξ̂ from the best one,
ξ* = √Δ x_t. With ξ̄ the mean over all that is drawn, weights W, training points and noises, it is

    (1 − Δ) + |ξ̄ − ξ*|² + Var_W E ξ̂ + E_W Var_points E ξ̂ + E Var_noises ξ̂,   each per dimension,

inner means over what comes later in this list, as dascoli2020 order them for one target. Fits to two training sets meet
in what the sets share: F's mean fit Ā for nothing, C for the points, all of it for the noises too.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import sympy as sp

from theory.core.formula import Branch, Formula
from theory.core.special import positive_part
from theory.core.steps import Identity, Premise, Step, shared
from theory.features.objective import (
    APART,
    C_APART,
    C_MEAN,
    CHI,
    CHI_APART,
    DEFINED,
    FALL,
    KAPPA,
    LEARNT,
    LINEAR,
    MEAN,
    OMEGA,
    REST,
    RHO,
    ROOT,
    SQUARES,
    UNKNOWN,
    VARIABLES,
    WHOLE,
    G,
    H,
    P,
    Q,
    V,
    bounds,
    defined,
    expanded,
    layout,
    slope,
    steps,
)
from theory.letters import common, features, noises, of_noise, of_point, samples

_KNOWN = of_noise / WHOLE[0]  # Δ: white data, and features see x_t
_POINT = sp.Matrix([of_point, common])  # C, what copies of a point share
_w, _w_ = sp.symbols("w_means w_differences")  # what rows weigh
_cc, _cf, _rc, _rf, _rr = sp.symbols("o_cc o_cf o_rc o_rf o_rr")
_alone, _even, _left, _kept, _well = sp.symbols("a_alone e_even e_left h_kept e_well")
_r, _r_ = sp.symbols("r_mean r_apart")  # χ/ω of both kinds of rows
_RATE = _r / noises + REST * _r_  # ρ/ω
_TRACES = sp.Matrix([LINEAR, H])  # (1/d) tr (M, 1)(M+κ)⁻¹


def _between(a: sp.Matrix, b: sp.Matrix) -> sp.Expr:
    """(1/d) tr A(βM+ω)⁻¹B(βM+ω)⁻¹ for A = a₁M + a₂, B = b₁M + b₂."""
    return (a.T * P * b)[0]


def _mean_fit(b: sp.Matrix) -> sp.Expr:
    """(1/d) tr ĀBĀᵀ for F's mean fit Ā = ρKᵀ(βM+ω)⁻¹, B = b₁M + b₂."""
    return RHO**2 * of_noise * (b[0] * P[0, 0] + b[1] * P[0, 1])


def _spread(b: sp.Matrix) -> sp.Expr:
    """`_mean_fit` less b₁T²/μ_ξ², without a difference: the variance of M's eigenvalues over M + κ, and features'
    noise."""
    return of_noise * (KAPPA * _RATE) ** 2 * KAPPA * G / ROOT * (b[0] * KAPPA * G * LINEAR + b[1] * H)


_LEFT = KAPPA * (_r * of_point + _RATE * of_noise * KAPPA * G)  # 1 − T
# Of C + R/m, with itself, C and R
_UU, _UC, _UR = _cc + 2 * _rc / noises + _rr / noises**2, _cc + _rc / noises, _rc + _rr / noises
_PARTS: dict[sp.Symbol, tuple[str, sp.Expr]] = {
    _r: ("r", 1 / (positive_part(OMEGA) + C_MEAN)),
    _r_: ("r'", 1 / (positive_part(OMEGA) + C_APART)),
    _well: ("e", REST * of_point / WHOLE[0] / samples * _r * _r_ * _POINT.dot(_TRACES)),
    _w: ("w", SQUARES[0]),
    _w_: ("w'", SQUARES[1]),
    # (1/d) tr of two of C, R and F, the covariance of a fresh feature, each with (βM+ω)⁻¹
    _cc: ("o_{CC}", _between(_POINT, _POINT)),
    _cf: ("o_{CF}", _between(_POINT, WHOLE)),
    _rc: ("o_{RC}", _between(APART, _POINT)),
    _rf: ("o_{RF}", _between(APART, WHOLE)),
    _rr: ("o_{RR}", _between(APART, APART)),
    _alone: ("A", _mean_fit(_POINT)),  # (1/d) tr ĀCĀᵀ
    # What is left of the targets of differences: by the mean fit, by a fit; and what noises move of R
    _even: ("E", _LEFT**2 + _spread(APART)),
    _left: (
        "E'",
        ((1 - _w * _UC) * _even + _w * _UR * _alone) / ((1 - _w * _UU) * (1 - _w_ * _rr) - _w * _w_ * _UR**2),
    ),
    _kept: ("H", (_left * (_w / noises**2 + _w_ * (1 - _w * _cc)) + _w * _alone / noises) / (1 - _w * _UC)),
}


class _Part(NamedTuple):
    """A part of the loss: `stated` as a difference of nearly equal terms, and its `value` without one."""

    stated: sp.Expr
    value: sp.Expr


_SAME = _mean_fit(WHOLE) + _w * _cf * _alone / (1 - _w * _cc)  # (1/d) tr A₁FA₂ᵀ, points shared
# (Δ−T)/μ_ξ²: what is not learnt yet, less what is learnt too well
_EXCESS = KAPPA**2 * (G * _RATE - _well)
_BIAS = _Part((_KNOWN - LEARNT) ** 2 / _KNOWN, of_noise * WHOLE[0] * _EXCESS**2)
_WEIGHTS = _Part(_mean_fit(WHOLE) - LEARNT**2 / _KNOWN, _spread(WHOLE))
_POINTS = _Part(_SAME - _mean_fit(WHOLE), _w * _cf * _alone / (1 - _w * _cc))
_NOISES = _Part(slope(WHOLE) - _SAME, _w * _cf * (_left / noises + _kept * _rc) / (1 - _w * _cc) + _kept * _rf)


_MEANS = {x: defined(x) for x in MEAN}
_APART_C = KAPPA / samples * _POINT.dot(_TRACES)
# β = ρμ_ξ² + χμ_x² is ω/κ, the quadratic of g is 0, and r = χ/ω = 1/(ω+c), where c − c' = κ(μ_x²l+v²h)/ψ_n
_ON_ROOT = {features: (1 - KAPPA * G) * (1 + G) / G, ROOT: KAPPA * G + 1 / G, H: 1 / (KAPPA * G) - 1}
_KAPPA = OMEGA / (RHO * of_noise + CHI * of_point)
_RATES = {_r: CHI / OMEGA, _r_: CHI_APART / OMEGA}


def _tied(expr: sp.Expr) -> sp.Expr:
    """The expression in terms of χ, χ', ω and g; n is replaced by way of the difference of both c."""
    apart = OMEGA / CHI - OMEGA / CHI_APART
    many = samples * _APART_C / apart
    for given in ({samples: many}, _RATES, {x: _ON_ROOT[x] for x in (features, H)}, {KAPPA: _KAPPA}):
        expr = expr.subs(given)
    return expr.subs(RHO, defined(RHO))


@shared
def _bias_alone() -> Iterator[Step]:
    yield Premise("white data, and features that see x_t alone: Δ = μ_ξ²/(μ_x²+μ_ξ²)", "argued here", "features.bias")
    factor, known, taken = sp.symbols("factor known taken", positive=True)
    yield Premise(
        "over weights too, the mean prediction is odd and turns with x_t, of length √d: it is c x_t",
        "argued here",
        "features.bias",
    )
    yield Identity(
        "E|c x_t − √Δ x_t|²/d by T = E ξ·c x_t/d = √Δ c",
        (factor - sp.sqrt(known)) ** 2,
        (known - taken) ** 2 / known,
        {taken: sp.sqrt(known) * factor},
    )
    yield Identity(
        "β = ρμ_ξ² + χμ_x²",
        defined(MEAN[0]) * CHI + REST * CHI_APART * of_noise,
        of_point * CHI + of_noise * defined(RHO),
    )
    yield Identity(
        "c − c', of which n is known",
        (defined(C_MEAN) - defined(C_APART)).subs(_MEANS),
        _APART_C,
    )
    yield Identity(
        "Δ − T = μ_ξ²κ²(gρ/ω − μ_x²(1−1/m)(μ_x²l+v²h)rr'/(w₁ψ_n)), w₁ = μ_x²+μ_ξ²",
        _tied(_KNOWN - defined(LEARNT)),
        _tied(of_noise * _EXCESS.subs(_well, _PARTS[_well][1])),
    )


@shared
def _meetings() -> Iterator[Step]:
    """Steps for (1/d) tr A₁BA₂ᵀ of two fits, B = b₁M + b₂."""
    b1, b2 = sp.symbols("b1 b2", positive=True)
    b, alone = sp.Matrix([b1, b2]), 1 - 2 * LEARNT
    of_m, beta, added = sp.symbols("of_m beta added", positive=True)  # an eigenvalue of M; ω
    trace = of_m / (beta * of_m + added)
    yield Premise(
        "given W, the mean fit over training sets is Ā = ρKᵀ(βM+ω)⁻¹, for which F is least, and traces are their means",
        "argued here",
        "features.weight_variance",
    )
    yield Identity(
        "(1/d) tr ĀBĀᵀ = ρ²μ_ξ²(b₁P₁₁+b₂P₁₂): −d/d(β, ω) of (1/d) tr M(βM+ω)⁻¹",
        of_m * (b1 * of_m + b2) / (beta * of_m + added) ** 2,
        -b1 * trace.diff(beta) - b2 * trace.diff(added),
    )
    yield Identity(
        "which is b₁T²/μ_ξ² and a variance",
        (_mean_fit(b) - b1 * defined(LEARNT) ** 2 / of_noise).subs({x: defined(x) for x in P}).subs(_ON_ROOT),
        _spread(b).subs(_RATES).subs(_ON_ROOT),
        {RHO: defined(RHO)},
    )
    yield Premise(
        "rows that two fits share carry residuals from one to the other: (1/d) tr A₁BA₂ᵀ = (1/d) tr ĀBĀᵀ + Σ over "
        "kinds of rows of their weight × E e₁e₂/d × (1/d) tr S(βM+ω)⁻¹B(βM+ω)⁻¹, S what their features share, χe what "
        "the fits leave of their targets",
        "argued here",
        "features.point_variance",
    )
    of_means = SQUARES[0] * (alone / noises + slope(MEAN)) * _between(MEAN, b)
    of_differences = SQUARES[1] * (alone + slope(APART)) * _between(APART, b)
    yield Identity(
        "one set twice, where targets share 1/m and 1: F's slope along B, as Q = P + QVP",
        _mean_fit(b) + of_means + of_differences,
        (FALL.applyfunc(defined) * P * b + FALL * Q * V.applyfunc(defined) * P * b)[0],
    )
    shared_points = sp.Symbol("tr_a1_c_a2")
    yield Identity(
        "the same points with other noises: means share C and no targets, differences nothing; X = (1/d) tr A₁CA₂ᵀ",
        _alone + _w * shared_points * _cc - shared_points,
        0,
        {shared_points: _alone / (1 - _w * _cc)},
    )


@shared
def _residuals() -> Iterator[Step]:
    """Steps for the residuals of means and differences: of one set fitted twice, and with other noises."""
    means, apart, same, held = sp.symbols("e_means e_differences mean_fit_f tr_aca")
    equations = (
        _even / noises + _alone + _w * means * _UU + _w_ * apart * _UR - means,
        _even + _w * means * _UR + _w_ * apart * _rr - apart,
    )
    found = sp.solve(equations, (means, apart))
    yield Identity(
        "E = 1 − 2T + (1/d) tr ĀRĀᵀ, by the variance above with b₁ = μ_ξ²",
        1 - 2 * LEARNT + of_noise * LEARNT**2 / of_noise,
        (1 - LEARNT) ** 2,
    )
    yield Identity("1 − T of the mean fit", _tied(1 - defined(LEARNT)), _tied(_LEFT))
    yield Identity("E' solves both equations of residuals", found[apart], _PARTS[_left][1])
    own = sp.solve(_alone + _w * (_left / noises + held) * _UC + _w_ * _left * _rc - held, held)[0]
    yield Identity(
        "means leave E'/m + (1/d) tr ACAᵀ, A of one set",
        found[means],
        (_left / noises + own).subs(_left, _PARTS[_left][1]),
    )
    whole = same + _w * (_left / noises + own) * (_cf + _rf / noises) + _w_ * _left * _rf
    yield Identity(
        "the variance over noises: one set twice less the same points twice",
        whole - same - _w * _cf * _alone / (1 - _w * _cc),
        _NOISES.value.subs(_kept, _PARTS[_kept][1]),
    )


@shared
def _sum() -> Iterator[Step]:
    yield Identity(
        "with the Bayes error the four are the loss on fresh points",
        1 - _KNOWN + sum(part.stated for part in (_BIAS, _WEIGHTS, _POINTS, _NOISES)),
        1 - 2 * LEARNT + slope(WHOLE),
    )


_FULL = expanded({**DEFINED, **_PARTS})


def _formula(name: str, part: _Part, says: str, *derivations: Callable[[], tuple[Step, ...]]) -> Formula:
    value = part.value.xreplace(_FULL)

    def derivation(f: Formula) -> Iterator[Step]:
        yield from steps(f, value)
        for found in derivations:
            yield from found()
        yield from _sum()

    return Formula(
        name=name,
        variables=VARIABLES,
        branches=(Branch(value),),
        layout=layout(part.value, _PARTS),
        kind="asymptotic",
        regime=f"{says}: a part of features_test_loss; n, p, d → ∞ together",
        source="derived here",
        derivation=derivation,
        bounds=bounds,
        unknown=UNKNOWN,
    )


features_bias = _formula(
    "features_bias",
    _BIAS,
    "squared distance of the mean prediction, over weights, points and noises, from the best one",
    _bias_alone,
)
features_weight_variance = _formula(
    "features_weight_variance",
    _WEIGHTS,
    "variance over weights of the mean prediction over training sets",
    _meetings,
)
features_point_variance = _formula(
    "features_point_variance",
    _POINTS,
    "variance over training points, weights given, of the mean prediction over their noises",
    _meetings,
)
features_noise_variance = _formula(
    "features_noise_variance",
    _NOISES,
    "variance over the noises of the training points, weights and points given",
    _meetings,
    _residuals,
)
