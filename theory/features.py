"""Random-feature denoisers: what n points and p features leave of the loss, on the training set and beyond it.

The noise ξ of x_t = e^{−t}x + √Δ ξ, Δ = 1 − e^{−2t}, is predicted by A σ(Wx_t/√d) from p random features of white data,
σ odd, by ridge regression that averages over all noises of each point. To a feature with weights w, |w|² = d, the
noised copies of one point look like

    σ(w·x_t/√d) = μ_x w·x/√d + v Ω(x) + μ_ξ w·ξ/√d + s η,

Ω and η noise: Ω is the same in all copies of a point, and is learnt by heart with it; η is new in each.  Every loss
is a derivative of one trace T = (1/d) tr Kᵀ(U+λ)⁻¹K, U = E σσᵀ on the training set, K = E σξᵀ = μ_ξ W/√d.  Two random
matrices stand in it, the rows of the training set and those of W; they go one after the other, and what is left to find
is the leave-one-out factor χ.  ψ_p = p/d, ψ_n = n/d.  A loss is E|ξ − ξ̂|²/d: 1 where nothing is learnt.
"""

from collections.abc import Iterator

import sympy as sp

from theory.core.bounds import Bracket
from theory.core.formula import Branch, Formula
from theory.core.special import positive_root, sinh_excess
from theory.core.steps import Identity, Premise, Quadrature, Step, shared
from theory.letters import (
    common,
    features,
    fresh,
    left_out,
    of_noise,
    of_point,
    ridge,
    samples,
    t,
    unknown,
    variable,
)

# U is on average χ(μ_x²M+v²) + μ_ξ²M + s², M = WWᵀ/d: βM + ω with the ridge.
_BETA, _OMEGA = left_out * of_point + of_noise, left_out * common + fresh + ridge
_IN_DATA = positive_root(_OMEGA * _BETA, _OMEGA + _BETA * (features - 1), 1)  # g = tr (βWᵀW/d+ω)⁻¹/d, of d rows
_IN_FEATURES = positive_root(_OMEGA * _BETA, _OMEGA + _BETA * (1 - features), features)  # h = tr (βM+ω)⁻¹/d, of p rows

_beta, _omega, _g, _h, _chi = sp.symbols("beta w_total g_data h_features chi", positive=True)
_SHOWN = {_g: _IN_DATA, _h: _IN_FEATURES, _beta: _BETA, _omega: _OMEGA}


def _along(
    chi: sp.Expr, in_beta: sp.Expr, in_omega: sp.Expr, by_beta: sp.Expr, by_omega: sp.Expr
) -> tuple[sp.Expr, sp.Expr]:
    """Slopes of T along β and along ω, χ moving with them, from those of T and of the rest 1/χ − 1 at a given χ."""
    answer = chi / (1 / chi + chi * (of_point * by_beta + common * by_omega))
    moved = of_point * in_beta + common * in_omega  # dT/dχ
    return in_beta - moved * answer * by_beta, in_omega - moved * answer * by_omega


class _Slopes:
    """T, and how it answers to the ridge (`ridge`) and to a share ζ of WWᵀ/d added to U (`weight`), χ moving with it.

    In terms of g, h, β, ω and χ, free of cancellation: with l = (1/d) tr M(βM+ω)⁻¹,
    dg/dβ = dh/dβ = dl/dω = −ωgh/S, S the slope of the quadratics at their roots.
    """

    def __init__(self, chi: sp.Expr = left_out) -> None:
        self.root = sp.sqrt((_omega + _beta * (features - 1)) ** 2 + 4 * _omega * _beta)  # S
        self.linear = features * _g / (1 + _beta * _g)  # l
        both = -_omega * _g * _h / self.root
        own = -_h * (1 + _beta * _h) / self.root  # dh/dω
        bends = -self.linear * (_omega * _h / self.root + _g) / (1 + _beta * _g)  # dl/dβ
        self.of_g, self.of_h = (both, -_g * (1 + _beta * _g) / self.root), (both, own)  # along β, along ω
        self.of_linear = bends, both
        self.trace = of_noise * self.linear
        self.rest = (of_point * self.linear + common * _h) / samples  # 1/χ − 1
        by_beta, by_omega = ((of_point * a + common * b) / samples for a, b in ((bends, both), (both, own)))
        self.weight, self.ridge = _along(chi, of_noise * bends, of_noise * both, by_beta, by_omega)


_FOUND = _Slopes()
_TRAIN = 1 - _FOUND.trace + ridge * _FOUND.ridge
_TEST = 1 - 2 * _FOUND.trace - (of_point + of_noise) * _FOUND.weight - (common + fresh) * _FOUND.ridge


@shared
def _model() -> Iterator[Step]:
    """What is taken for a feature, and the losses in terms of T."""
    yield Premise(
        "Gaussian equivalence: Ω and η are noise that knows neither W nor x", "argued here", "features.train_loss"
    )
    own, cross, loss = sp.symbols("own cross weight_a", positive=True)  # U, K and A, of one feature and one dimension
    best = cross / (own + ridge)
    yield Identity(
        "A = Kᵀ(U+λ)⁻¹ is least squares with the ridge",
        sp.diff(1 - 2 * loss * cross + loss**2 * own + ridge * loss**2, loss).subs(loss, best),
        0,
    )
    trace = cross**2 / (own + ridge)
    reached = (1 - 2 * loss * cross + loss**2 * own).subs(loss, best)
    yield Identity("training loss: 1 − T + λ dT/dλ", reached, 1 - trace + ridge * sp.diff(trace, ridge))
    zeta, true = sp.symbols("zeta true", positive=True)
    with_weight = (cross**2 / (own + zeta * true + ridge)).subs(zeta, 0)
    tried = (1 - 2 * loss * cross + loss**2 * true).subs(loss, best)
    added = sp.diff(cross**2 / (own + zeta * true + ridge), zeta).subs(zeta, 0)
    yield Identity("loss where U has become Ũ: 1 − 2T − dT/dζ along Ũ", tried, 1 - 2 * with_weight - added)
    yield Identity(
        "Ũ of fresh points: (μ_x²+μ_ξ²)M + v² + s²",
        of_point + of_noise + common + fresh,
        (_BETA + _OMEGA - ridge).subs(left_out, 1),
    )


@shared
def _traces() -> Iterator[Step]:
    """The rows of the training set, then those of W."""
    yield Premise(
        "U+λ is on average χ(μ_x²M+v²)+μ_ξ²M+s²+λ = βM+ω; leave a point out: 1/χ = 1 + tr (μ_x²M+v²)(βM+ω)⁻¹/n",
        "marchenko1967",
        "features.train_loss",
    )
    yield Premise(
        "g = tr (βWᵀW/d+ω)⁻¹/d; leave a row of W out: ω = 1/g − βψ_p/(1+βg)", "marchenko1967", "features.train_loss"
    )
    relation = _omega - 1 / _g + _beta * features / (1 + _beta * _g)
    root = _IN_DATA.args
    in_g = root[0] * _g**2 + root[1] * _g - root[2]
    back = {_BETA: _beta, _OMEGA: _omega}
    quadratic = _omega * _beta * _g**2 + (_omega + _beta * (features - 1)) * _g - 1
    yield Identity("a quadratic in g", relation * _g * (1 + _beta * _g), quadratic)
    yield Identity("whose positive root it is", in_g.subs(back), quadratic)
    other = (features - 1) / _omega + _g
    of_h = _omega * _beta * _h**2 + (_omega + _beta * (1 - features)) * _h - features
    yield Identity(
        "p rows for d: h = (ψ_p−1)/ω + g solves another",
        of_h.subs(_h, other) * _omega,
        quadratic * _omega,
    )
    yield Identity(
        "tr M(βM+ω)⁻¹/d = (1−ωg)/β = ψ_p g/(1+βg)",
        (1 - _omega * _g) / _beta,
        features * _g / (1 + _beta * _g),
        {_omega: sp.solve(relation, _omega)[0]},
    )


@shared
def _answers() -> Iterator[Step]:
    """Slopes of g, h, χ and T."""
    found = _Slopes(_chi)
    squared = {_omega: sp.solve(_omega - 1 / _g + _beta * features / (1 + _beta * _g), _omega)[0]}
    root = 2 * _omega * _beta * _g + _omega + _beta * (features - 1)  # S where the quadratic of g is 0
    yield Identity("S² is the square of the slope of the quadratic of g at its root", found.root**2, root**2, squared)
    rows = (features - 1) / _omega + _g
    relation = _omega * _beta * _g**2 + (_omega + _beta * (features - 1)) * _g - 1
    of_g = [-sp.diff(relation, x) / sp.diff(relation, _g) for x in (_beta, _omega)]
    of_h = [of_g[0], sp.diff(rows, _omega) + of_g[1]]
    linear = (1 - _omega * _g) / _beta
    of_linear = [
        sp.diff(linear, x) + sp.diff(linear, _g) * slope for x, slope in zip((_beta, _omega), of_g, strict=True)
    ]
    for name, stated, derived in (("g", found.of_g, of_g), ("h", found.of_h, of_h), ("l", found.of_linear, of_linear)):
        for direction, one, other in zip(("β", "ω"), stated, derived, strict=True):
            claim = f"d{name}/d{direction}, implicitly"
            yield Identity(claim, one.subs(found.root, root).subs(_h, rows), other, squared)
    # χ' from χ(1+rest) = 1, and T along: β and ω move by μ_x²χ' and v²χ' as well
    names = in_beta, in_omega, by_beta, by_omega = sp.symbols("in_beta in_omega by_beta by_omega", positive=True)
    for k, stated in enumerate(_along(_chi, *names)):
        own_, rest_ = (in_beta, in_omega)[k], (by_beta, by_omega)[k]
        turns = sp.Symbol("turns")
        whole = turns / _chi + _chi * ((of_point * by_beta + common * by_omega) * turns + rest_)
        answer = sp.solve(whole, turns)[0]
        value = own_ + (of_point * in_beta + common * in_omega) * answer
        yield Identity(f"T along {('β', 'ω')[k]}, χ moving with it", stated, value)


def _features_loss(f: Formula, stated: sp.Expr) -> Iterator[Step]:
    yield from _model()
    yield from _traces()
    yield from _answers()
    yield Identity("χ(1+rest) = 1", f.equation, left_out * (1 + _FOUND.rest.subs(_SHOWN)) - 1)
    yield Identity("the loss", f.expr, stated.subs(_SHOWN))


def _bounds(f: Formula) -> Iterator[Step]:
    assert f.unknown
    # χ·rest is (1/n) tr χC(χC+R)⁻¹: it rises with χ from 0
    yield Bracket(
        "at χ = 0 nothing is left of a residual, at χ = 1 no point weighs: rest is 0",
        f.unknown,
        (left_out, 0),
        (left_out, 1),
        tuple(
            {features: p, samples: n, ridge: r, of_point: 0.3, of_noise: 0.07, common: 0.03, fresh: 0.02}
            for p, n, r in ((4, 2, 1e-3), (0.5, 2, 0), (8, 0.1, 1e-6), (2, 50, 1))
        ),
    )


def _sine_common(f: Formula) -> Iterator[Step]:
    decay, noise = sp.exp(-2 * t), 1 - sp.exp(-2 * t)
    y, z, w = sp.symbols("y z other", real=True)
    normal = sp.exp(-(y**2) / 2) / sp.sqrt(2 * sp.pi)
    spread = sp.Symbol("spread", positive=True)
    points = ({spread: sp.Rational(1, 3), z: sp.Rational(1, 2)}, {spread: 2, z: 1})
    over = (y, -12, -4, 0, 4, 12)
    yield Quadrature(
        "the noise averaged: E sin(z+√δ y) = e^{−δ/2} sin z",
        sp.sin(z + sp.sqrt(spread) * y) * normal,
        over,
        sp.exp(-spread / 2) * sp.sin(z),
        points,
    )
    yield Quadrature(
        "E sin² of a variance δ is (1−e^{−2δ})/2",
        sp.sin(sp.sqrt(spread) * y) ** 2 * normal,
        over,
        (1 - sp.exp(-2 * spread)) / 2,
        ({spread: sp.Rational(1, 3)}, {spread: 2}),
    )
    shared_ = sp.exp(-noise) * (1 - sp.exp(-2 * decay)) / 2  # of two noised copies
    yield Quadrature(
        "E sin(y) y = e^{−1/2}: the weight of the whole argument",
        sp.sin(y) * y * normal,
        over,
        sp.exp(-sp.Rational(1, 2)) * (1 + 0 * w),
        ({w: 1},),
    )
    weight = sp.Symbol("weight", positive=True)  # e^{−2t}
    both = (shared_ - decay / sp.E).subs(t, -sp.log(weight) / 2)
    own = f.expr.doit().subs(t, -sp.log(weight) / 2).rewrite(sp.exp)
    yield Identity("what copies share, less what is linear in the point: (sinh e^{−2t} − e^{−2t})/e", own, both)


sine_common = Formula(
    name="sine_common",
    variables=(variable(t),),
    branches=(Branch(sinh_excess(sp.exp(-2 * t)) / sp.E),),
    kind="asymptotic",
    regime="v² of σ = sin at the diffusion time t, white data; with it μ_x² = e^{−2t−1}, μ_ξ² = (1−e^{−2t})/e, and all "
    "four add up to (1−e^{−2})/2",
    source="derived here",
    derivation=_sine_common,
)

_VARIABLES = tuple(variable(x) for x in (features, samples, ridge, of_point, of_noise, common, fresh))
_UNKNOWN = unknown(left_out, left_out * (1 + _FOUND.rest.subs(_SHOWN)) - 1, sp.S.Zero, sp.S.One)

features_train_loss = Formula(
    name="features_train_loss",
    variables=_VARIABLES,
    branches=(Branch(_TRAIN.subs(_SHOWN)),),
    kind="asymptotic",
    regime="loss on the training set, all noises of its points seen, of ridge regression on random features of white "
    "data; n, p, d → ∞ together",
    source="derived here; with two unknowns in bonnaire2025",
    derivation=lambda f: _features_loss(f, _TRAIN),
    bounds=_bounds,
    unknown=_UNKNOWN,
)

features_test_loss = Formula(
    name="features_test_loss",
    variables=_VARIABLES,
    branches=(Branch(_TEST.subs(_SHOWN)),),
    kind="asymptotic",
    regime="the same on fresh points",
    source="derived here; with two unknowns in bonnaire2025",
    derivation=lambda f: _features_loss(f, _TEST),
    bounds=_bounds,
    unknown=_UNKNOWN,
)
