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
from theory.core.steps import Identity, Premise, Step, shared
from theory.features.objective import (
    APART,
    BETA,
    C_APART,
    C_MEAN,
    CHI,
    CHI_APART,
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
    layout,
    shown,
    slope,
    steps,
)
from theory.letters import common, features, noises, of_noise, of_point

_KNOWN = of_noise / WHOLE[0]  # Δ: white data, and features see x_t
_POINT = sp.Matrix([of_point, common])  # C, what copies of a point share
_w, _w_ = sp.symbols("w_means w_differences")  # what rows weigh
_cc, _cf, _rc, _rf, _rr = sp.symbols("o_cc o_cf o_rc o_rf o_rr")
_alone, _even, _left, _held, _other, _moved = sp.symbols("a_alone e_even e_left q_held h_other n_moved")


def _between(a: sp.Matrix, b: sp.Matrix) -> sp.Expr:
    """(1/d) tr A(βM+ω)⁻¹B(βM+ω)⁻¹ of A = a₁M + a₂, B = b₁M + b₂."""
    return (a.T * P * b)[0]


def _mean_fit(b: sp.Matrix) -> sp.Expr:
    """(1/d) tr ĀBĀᵀ of F's mean fit Ā = ρKᵀ(βM+ω)⁻¹."""
    return RHO**2 * of_noise * (b[0] * P[0, 0] + b[1] * P[0, 1])


def _spread(b: sp.Matrix) -> sp.Expr:
    """The same less b₁T²/μ_ξ², with no difference: the variance of M's eigenvalues over M + κ, and features' noise."""
    return RHO**2 * of_noise / BETA**2 * KAPPA * G / ROOT * (b[0] * KAPPA * G * LINEAR + b[1] * H)


# Of C + R/m, with itself, C and R
_UU, _UC, _UR = _cc + 2 * _rc / noises + _rr / noises**2, _cc + _rc / noises, _rc + _rr / noises
_PARTS: dict[sp.Symbol, tuple[str, sp.Expr]] = {
    _w: ("w", SQUARES[0]),
    _w_: ("w'", SQUARES[1]),
    # (1/d) tr of two of C, R and F, the covariance of a fresh feature, each with (βM+ω)⁻¹
    _cc: ("o_{CC}", _between(_POINT, _POINT)),
    _cf: ("o_{CF}", _between(_POINT, WHOLE)),
    _rc: ("o_{RC}", _between(APART, _POINT)),
    _rf: ("o_{RF}", _between(APART, WHOLE)),
    _rr: ("o_{RR}", _between(APART, APART)),
    _alone: ("A", _mean_fit(_POINT)),  # (1/d) tr ĀCĀᵀ
    # What the mean fit leaves of the targets of differences, and a fit; (1/d) tr ACAᵀ of a fit
    _even: ("E", ((CHI * of_point + RHO * of_noise * KAPPA * G) / BETA) ** 2 + _spread(APART)),
    _left: (
        "E'",
        ((1 - _w * _UU) * _even + _w * _UR * (_even / noises + _alone))
        / ((1 - _w * _UU) * (1 - _w_ * _rr) - _w * _w_ * _UR**2),
    ),
    _held: ("A'", (_alone + _left * (_w * _UC / noises + _w_ * _rc)) / (1 - _w * _UC)),
    # What noises move: the weight of R, and of C
    _other: ("H", _left * (_w / noises**2 + _w_) + _w * _held / noises),
    _moved: ("N", (_w * _cc * _left / noises + _other * _rc) / (1 - _w * _cc)),
}


class _Part(NamedTuple):
    """A part of the loss: as a difference of what is nearly equal, and without."""

    stated: sp.Expr
    value: sp.Expr


_SAME = _mean_fit(WHOLE) + _w * _cf * _alone / (1 - _w * _cc)  # (1/d) tr A₁FA₂ᵀ, points shared
# (Δ−T)β/μ_ξ²: what is not learnt yet, less what is learnt too well
_EXCESS = KAPPA * G * RHO - REST * of_point / WHOLE[0] * CHI * CHI_APART * (C_MEAN - C_APART) / OMEGA
_BIAS = _Part((_KNOWN - LEARNT) ** 2 / _KNOWN, of_noise * WHOLE[0] * (_EXCESS / BETA) ** 2)
_WEIGHTS = _Part(_mean_fit(WHOLE) - LEARNT**2 / _KNOWN, _spread(WHOLE))
_POINTS = _Part(_SAME - _mean_fit(WHOLE), _w * _cf * _alone / (1 - _w * _cc))
_NOISES = _Part(slope(WHOLE) - _SAME, _w * _cf * (_left / noises + _moved) + _other * _rf)


# β = ρμ_ξ² + χμ_x² is ω/κ, the quadratic of g is 0, and c = ω(1/χ−1)
_MEANS = {MEAN[0]: defined(MEAN[0])}
_KEPT = OMEGA / (RHO * of_noise + CHI * of_point)
_ON_ROOT = {features: (1 - KAPPA * G) * (1 + G) / G, ROOT: KAPPA * G + 1 / G, H: 1 / (KAPPA * G) - 1}
_TIED = {
    KAPPA: _KEPT,
    features: _ON_ROOT[features].subs(KAPPA, _KEPT),
    C_MEAN: OMEGA * (1 / CHI - 1),
    C_APART: OMEGA * (1 / CHI_APART - 1),
}


@shared
def _bias_alone() -> Iterator[Step]:
    factor, known, learnt = sp.symbols("factor known learnt", positive=True)
    yield Premise(
        "over weights too, the mean prediction is odd and turns with x_t, of length √d: it is c x_t",
        "argued here",
        "features.bias",
    )
    yield Identity(
        "E|c x_t − √Δ x_t|²/d by T = E ξ·c x_t/d = √Δ c",
        (factor - sp.sqrt(known)) ** 2,
        (known - learnt) ** 2 / known,
        {learnt: sp.sqrt(known) * factor},
    )
    rho = {RHO: defined(RHO)}
    yield Identity(
        "what the rows weigh, β = ω/κ", MEAN[0] * CHI + REST * CHI_APART * of_noise, _KEPT**-1 * OMEGA, rho | _MEANS
    )
    yield Identity(
        "Δ − T without a difference but that of not yet and too much",
        (_KNOWN - defined(LEARNT)).subs(_TIED).subs(rho),
        (of_noise * _EXCESS / BETA).subs(_TIED).subs(rho),
    )


@shared
def _meetings() -> Iterator[Step]:
    """(1/d) tr A₁BA₂ᵀ of two fits, B = b₁M + b₂."""
    b1, b2 = sp.symbols("b1 b2", positive=True)
    b, alone = sp.Matrix([b1, b2]), 1 - 2 * LEARNT
    eigenvalue, beta, omega = sp.symbols("eigenvalue beta omega", positive=True)
    learnt = eigenvalue / (beta * eigenvalue + omega)
    yield Premise(
        "given W, the mean fit over training sets is Ā = ρKᵀ(βM+ω)⁻¹, for which F is least",
        "argued here",
        "features.weight_variance",
    )
    yield Identity(
        "(1/d) tr ĀBĀᵀ = ρ²μ_ξ²(b₁P₁₁+b₂P₁₂): −d/d(β, ω) of (1/d) tr M(βM+ω)⁻¹",
        eigenvalue * (b1 * eigenvalue + b2) / (beta * eigenvalue + omega) ** 2,
        -b1 * learnt.diff(beta) - b2 * learnt.diff(omega),
    )
    yield Identity(
        "which is b₁T²/μ_ξ² and a variance",
        (_mean_fit(b) - b1 * defined(LEARNT) ** 2 / of_noise).subs({x: defined(x) for x in P}).subs(_ON_ROOT),
        _spread(b).subs(_ON_ROOT),
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


@shared
def _residuals() -> Iterator[Step]:
    """Of means and differences where one set is fitted twice, and what is left with other noises."""
    means, apart, same = sp.symbols("e_means e_differences mean_fit_f")
    equations = (
        _even / noises + _alone + _w * means * _UU + _w_ * apart * _UR - means,
        _even + _w * means * _UR + _w_ * apart * _rr - apart,
    )
    found = sp.solve(equations, (means, apart))
    yield Identity(
        "1 − T of the mean fit",
        (1 - defined(LEARNT)).subs(_TIED).subs(RHO, defined(RHO)),
        ((CHI * of_point + RHO * of_noise * KAPPA * G) / BETA).subs(_TIED).subs(RHO, defined(RHO)),
    )
    yield Identity("E' solves both equations of residuals", found[apart], _PARTS[_left][1])
    own = _alone + _w * (_left / noises + _held) * _UC + _w_ * _left * _rc  # means leave E'/m + (1/d) tr ACAᵀ
    yield Identity("(1/d) tr ACAᵀ of one set twice", own, _held, {_held: _PARTS[_held][1]})
    whole = same + _w * (_left / noises + _held) * (_cf + _rf / noises) + _w_ * _left * _rf
    meeting = same + _w * _cf * _alone / (1 - _w * _cc)
    held_back = sp.solve(own - _held, _alone)[0]
    yield Identity(
        "one set twice less the same points twice",
        (whole - meeting).subs(_alone, held_back),
        _NOISES.value.subs(_moved, _PARTS[_moved][1]).subs(_other, _PARTS[_other][1]),
    )


@shared
def _sum() -> Iterator[Step]:
    yield Identity(
        "with the Bayes error the four are the loss on fresh points",
        1 - _KNOWN + sum(part.stated for part in (_BIAS, _WEIGHTS, _POINTS, _NOISES)),
        1 - 2 * LEARNT + slope(WHOLE),
    )


def _formula(name: str, part: _Part, says: str, *derivations: Callable[[], tuple[Step, ...]]) -> Formula:
    value = part.value
    for symbol, (_, expr) in reversed(_PARTS.items()):
        value = value.subs(symbol, expr)

    def derivation(f: Formula) -> Iterator[Step]:
        for found in derivations:
            yield from found()
        yield from _sum()
        yield from steps(f, value)

    return Formula(
        name=name,
        variables=VARIABLES,
        branches=(Branch(shown(value)),),
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
