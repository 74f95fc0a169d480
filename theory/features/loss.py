"""Random-feature denoisers: what n points, m noises of each and p features leave of the loss, seen and unseen.

The noise ξ of x_t = e^{−t}x + √Δ ξ, Δ = 1 − e^{−2t}, is predicted by A σ(Wx_t/√d) from p random features of white data,
σ odd, by ridge regression on m noised copies of each of n points. To a feature with weights w, |w|² = d, the copies of
one point look like

    σ(w·x_t/√d) = μ_x w·x/√d + v Ω(x) + μ_ξ w·ξ/√d + s η,

Ω and η noise: Ω is the same in all copies of a point, and is learnt by heart with it; η is new in each. So the mean of
the m copies has the covariance C + R/m, and their differences have R, where C = μ_x²M + v², R = μ_ξ²M + s² and
M = WWᵀ/d. Both losses are slopes of the least objective F. Two random matrices stand in it, the rows of the training
set and those of W; they go one after the other. Each kind of row leaves a leave-one-out factor χ, and the ridge becomes
κ = ω/β where the training set makes βM + ω of M. ψ_p = p/d, ψ_n = n/d. A loss is E|ξ − ξ̂|²/d: 1 where nothing is
learnt.
"""

from collections.abc import Iterator

import sympy as sp

from theory.core.bounds import Bracket, Edge
from theory.core.formula import Branch, Formula
from theory.core.parts import Layout
from theory.core.special import positive_part, positive_root, sinh_excess
from theory.core.steps import Identity, Premise, Quadrature, Step, shared
from theory.letters import (
    POSITIVE,
    common,
    effective_ridge,
    features,
    fresh,
    noises,
    of_noise,
    of_point,
    ridge,
    samples,
    t,
    unknown,
    variable,
)

_KAPPA = effective_ridge
# What M and 1 weigh in the covariance of the mean of a point's copies, of their differences, and of a fresh point.
_u1, _u2 = sp.symbols("u1 u2", positive=True)
_MEAN = sp.Matrix([_u1, _u2])
_APART = sp.Matrix([of_noise, fresh])
_WHOLE = sp.Matrix([of_point + of_noise, common + fresh])
_REST = 1 - 1 / noises  # differences among the copies of a point


# Everything between κ and the losses by name, each in terms of those before it.
_g, _h, _c, _c_, _omega, _chi, _chi_ = sp.symbols("g_data h_features c_mean c_apart w_total chi_mean chi_apart")
_p11, _p12, _p22, _v11, _v12, _v22 = sp.symbols("p11 p12 p22 v11 v12 v22")
_rho, _T, _a1, _a2, _S, _D, _detP, _b, _q = sp.symbols("rho_rows t_learnt a1 a2 s_root d_answer det_p b_omega q_omega")
_q11, _q12, _q22 = sp.symbols("q11 q12 q22")

_LINEAR = features * _g / (1 + _g)  # (1/d) tr M(M+κ)⁻¹
_SQUARES = _chi**2 / samples, _REST * _chi_**2 / (samples * noises)  # what both kinds of rows weigh in V
_X = sp.Matrix(sp.symbols("x_m x_1"))
_P, _V = sp.Matrix([[_p11, _p12], [_p12, _p22]]), sp.Matrix([[_v11, _v12], [_v12, _v22]])
_Q = sp.Matrix([[_q11, _q12], [_q12, _q22]])


def _determinant(of: sp.Matrix) -> sp.Expr:
    """SymPy's own multiplies out."""
    return of[0, 0] * of[1, 1] - of[0, 1] * of[1, 0]


def _determinant_of_v() -> sp.Expr:
    """Of two rank-one terms: the product of their weights and the square of what they span."""
    return _SQUARES[0] * _SQUARES[1] * _determinant(sp.Matrix.hstack(_MEAN, _APART)) ** 2


def _weighed(row: int, column: int) -> sp.Expr:
    return sum(w * u[row] * u[column] for w, u in zip(_SQUARES, (_MEAN, _APART), strict=True))


def _factor(rest: sp.Expr) -> sp.Expr:
    """A leave-one-out factor; 0 where no ω > 0 is there."""
    return positive_part(_omega) / (positive_part(_omega) + rest)


_BETA = _omega / _KAPPA
_DEFINED: dict[sp.Symbol, tuple[str, sp.Expr]] = {
    _u1: ("u_1", of_point + of_noise / noises),
    _u2: ("u_2", common + fresh / noises),
    # (1/d) tr (WᵀW/d+κ)⁻¹ of d rows, (1/d) tr (M+κ)⁻¹ of p rows, and κβ(1/χ−1) of both kinds of rows
    _g: ("g", positive_root(_KAPPA, _KAPPA + features - 1, 1)),
    _h: ("h", positive_root(1, _KAPPA + 1 - features, _KAPPA * features) / _KAPPA),
    _c: ("c", _KAPPA * (_MEAN[0] * _LINEAR + _MEAN[1] * _h) / samples),
    _c_: ("c'", _KAPPA * (_APART[0] * _LINEAR + _APART[1] * _h) / (samples * noises)),
    _b: ("b", _c + _c_ - _KAPPA * (_u1 + _REST * of_noise)),
    _q: ("q", _KAPPA * (_u1 * _c_ + _REST * of_noise * _c) - _c * _c_),
    _omega: (r"\omega", positive_root(1, _b, _q)),
    _chi: (r"\chi", _factor(_c)),
    _chi_: (r"\chi'", _factor(_c_)),
    # With x = (1/d) tr (M, 1)(βM+ω)⁻¹: P = −dx/d(β, ω) at given χ, and V = −d(β, ω)/dx at a given ridge
    _S: ("S", sp.sqrt((_KAPPA + features - 1) ** 2 + 4 * _KAPPA)),
    _p11: ("P_{11}", _LINEAR * (_KAPPA * _h / _S + _g) / (1 + _g) / _BETA**2),
    _p12: ("P_{12}", _KAPPA * _g * _h / _S / _BETA**2),
    _p22: ("P_{22}", _h * (1 + _h) / _S / _BETA**2),
    _detP: ("|P|", _determinant(_P)),
    _v11: ("V_{11}", _weighed(0, 0)),
    _v12: ("V_{12}", _weighed(0, 1)),
    _v22: ("V_{22}", _weighed(1, 1)),
    # ρ, what both kinds of rows hold of the target; T = (1/d) tr AK, K = μ_ξ W/√d; a = −dF/dx
    _rho: (r"\rho", _chi / noises + _REST * _chi_),
    _T: ("T", _rho * of_noise * _LINEAR / _BETA),
    _a1: ("a_1", (_SQUARES[0] * _MEAN[0] / noises + _SQUARES[1] * _APART[0]) * (1 - 2 * _T) + _rho**2 * of_noise),
    _a2: ("a_2", (_SQUARES[0] * _MEAN[1] / noises + _SQUARES[1] * _APART[1]) * (1 - 2 * _T)),
    _D: ("D", 1 - _p11 * _v11 - 2 * _p12 * _v12 - _p22 * _v22 + _detP * _determinant_of_v()),
    # Q = (1−PV)⁻¹P
    _q11: ("Q_{11}", (_p11 - _detP * _v22) / _D),
    _q12: ("Q_{12}", (_p12 + _detP * _v12) / _D),
    _q22: ("Q_{22}", (_p22 - _detP * _v11) / _D),
}


def _defined(symbol: sp.Symbol) -> sp.Expr:
    return _DEFINED[symbol][1]


def _shown(expr: sp.Expr) -> sp.Expr:
    """An expression in κ alone."""
    for symbol, (_, part) in reversed(_DEFINED.items()):
        expr = expr.subs(symbol, part)
    return expr


def _slope(weights: sp.Matrix) -> sp.Expr:
    """dF along weights (β, ω) put into its regulariser, the factors χ moving with it."""
    return (sp.Matrix([[_a1, _a2]]) * _Q * weights)[0]


_EQUATION = _omega - ridge - _chi * _MEAN[1] - _REST * _chi_ * _APART[1]
_TRAIN = _rho * (1 - _T) - ridge * _slope(sp.Matrix([0, 1]))
_TEST = 1 - 2 * _T + _slope(_WHOLE)


def turned(copies: sp.Matrix) -> sp.Matrix:
    """A covariance of three copies, in terms of their mean, times √3, and of two differences of length 1."""
    turn = sp.Matrix([[1, 1, 1], [1, -1, 0], [1, 1, -2]])
    turn = sp.diag(*[1 / sp.sqrt(sum(x**2 for x in turn.row(k))) for k in range(3)]) * turn
    return turn * copies * turn.T


@shared
def _model() -> Iterator[Step]:
    """What is taken for a feature, and the losses in terms of F."""
    yield Premise(
        "Gaussian equivalence: Ω and η are noise that knows neither W nor x", "argued here", "features.train_loss"
    )
    own, alike = sp.symbols("own alike", positive=True)  # R and C of one feature
    copies = alike * sp.ones(3, 3) + own * sp.eye(3)
    yield Identity(
        "three copies, turned: their mean has mC+R, differences have R",
        turned(copies),
        sp.diag(3 * alike + own, own, own),
    )
    yield Identity("their targets stay independent, of variance 1", turned(sp.eye(3)), sp.eye(3))
    # One feature and one dimension: U, K and A, and what a fresh point has for U
    seen, cross, weight, rho, true, zeta = sp.symbols("seen cross weight_a rho_rows true zeta", positive=True)
    objective = rho - 2 * weight * rho * cross + weight**2 * (seen + zeta * true + ridge)
    best = rho * cross / (seen + zeta * true + ridge)
    least = objective.subs(weight, best)
    yield Identity("A = ρKᵀ(U+λ)⁻¹ makes F least", sp.diff(objective, weight).subs(weight, best), 0)
    yield Identity("F = ρ(1−T), T = (1/d) tr AK", least, rho * (1 - best * cross))
    yield Identity(
        "training loss: F − λ dF/dλ",
        (objective - ridge * weight**2).subs(weight, best),
        least - ridge * least.diff(ridge),
    )
    tried = (1 - 2 * weight * cross + weight**2 * true).subs(weight, best.subs(zeta, 0))
    yield Identity(
        "loss on fresh points: 1 − 2T + dF/dζ with ζ|A|² weighted by theirs",
        tried,
        1 - 2 * (best * cross).subs(zeta, 0) + least.diff(zeta).subs(zeta, 0),
    )
    yield Identity("fresh points are those of one copy, m = 1", _WHOLE, _shown(_MEAN).subs(noises, 1))


@shared
def _traces() -> Iterator[Step]:
    """The rows of the training set, then those of W."""
    yield Premise(
        "(U+λ)⁻¹ is on average (βM+ω)⁻¹, βM+ω = χ(C+R/m) + χ'(1−1/m)R + λ; leave a mean out: 1/χ = 1 + tr "
        "(C+R/m)(βM+ω)⁻¹/n, a difference: 1/χ' = 1 + tr R(βM+ω)⁻¹/(nm)",
        "marchenko1967 for one kind of rows; argued here for two",
        "features.train_loss",
    )
    yield Premise(
        "F is on average the least of χ E|ξ−Aφ|²/m over means + χ'(1−1/m) E|ξ−Aφ|² over differences + λ|A|²",
        "argued here",
        "features.train_loss",
    )
    yield Premise(
        "g = tr (WᵀW/d+κ)⁻¹/d; leave a row of W out: κ = 1/g − ψ_p/(1+g)", "marchenko1967", "features.train_loss"
    )
    relation = _KAPPA - 1 / _g + features / (1 + _g)
    quadratic = _KAPPA * _g**2 + (_KAPPA + features - 1) * _g - 1
    yield Identity("a quadratic in g", relation * _g * (1 + _g), quadratic)
    yield Identity("whose positive root it is", _quadratic(_defined(_g), _g), quadratic)
    scaled = features - 1 + _KAPPA * _g  # κh: p rows for d
    yield Identity(
        "p rows for d: κh = ψ_p−1+κg solves another",
        _quadratic(_defined(_h) * _KAPPA, scaled),
        _KAPPA * quadratic,
    )
    yield Identity(
        "tr M(M+κ)⁻¹/d = 1−κg = ψ_p g/(1+g)", 1 - _KAPPA * _g, _LINEAR, {_KAPPA: sp.solve(relation, _KAPPA)[0]}
    )
    # β = χ(…)+χ'(…), with χ = ω/(ω+c): a quadratic in ω
    held = _omega * (_MEAN[0] / (_omega + _c) + _REST * _APART[0] / (_omega + _c_))
    yield Identity(
        "what M weighs is β = ω/κ: a quadratic in ω",
        (_BETA - held) * (_omega + _c) * (_omega + _c_) * _KAPPA / _omega,
        _quadratic(_defined(_omega), _omega).subs({_b: _defined(_b), _q: _defined(_q)}),
    )
    for claim, rest, u, rows in (("a mean", _c, _MEAN, samples), ("a difference", _c_, _APART, samples * noises)):
        yield Identity(
            f"1/χ = 1 + c/ω of {claim}, the traces of (βM+ω)⁻¹ being κ/ω times those at β = 1",
            1 + u.dot(_X) / rows,
            1 + _defined(rest) / _omega,
            dict(zip(_X, (_LINEAR / _BETA, _h / _BETA), strict=True)),
        )


def _quadratic(root: sp.Expr, x: sp.Expr) -> sp.Expr:
    """What is 0 at x if x is the root, read from it."""
    a, b, c = root.args
    return a * x**2 + b * x - c


@shared
def _answers() -> Iterator[Step]:
    """Slopes of the traces, of the factors χ, and of F."""
    solved = {_KAPPA: 1 / _g - features / (1 + _g)}
    root = 2 * _KAPPA * _g + _KAPPA + features - 1  # where the quadratic of g is 0
    yield Identity(
        "S² is the square of the slope of the quadratic of g at its root", _defined(_S) ** 2, root**2, solved
    )
    relation = _KAPPA * _g**2 + (_KAPPA + features - 1) * _g - 1
    falls = -sp.diff(relation, _KAPPA) / sp.diff(relation, _g)  # dg/dκ
    rows = (features - 1) / _KAPPA + _g
    for k, (name, trace) in enumerate((("l", _LINEAR), ("h", rows))):
        in_kappa = sp.diff(trace, _KAPPA) + sp.diff(trace, _g) * falls
        # x is trace(ω/β)/β
        for i, (letter, slope) in enumerate((("β", -(trace + _KAPPA * in_kappa)), ("ω", in_kappa))):
            stated = _defined(_P[k, i]).subs({_S: root, _h: rows})
            yield Identity(f"−d{name}/d{letter}, implicitly", stated, -slope / _BETA**2, solved)
    # 1/χ = 1 + (C+R/m)·x/ψ_n
    first, second = 1 / (1 + _MEAN.dot(_X) / samples), 1 / (1 + _APART.dot(_X) / (samples * noises))
    named = {first: _chi, second: _chi_}
    weights = first * _MEAN + _REST * second * _APART
    yield Identity("V = −d(β, ω)/dx", _V.applyfunc(_defined), -weights.jacobian(_X).subs(named))
    with_v = _determinant(_V)
    yield Identity("|V|", _V.applyfunc(_defined).det(), _determinant_of_v())
    whole = 1 - _p11 * _v11 - 2 * _p12 * _v12 - _p22 * _v22 + _determinant(_P) * with_v
    yield Identity(
        "x moves by −P(e + V…): (1−PV)⁻¹P = (P − |P| adj V)/(1 − tr PV + |PV|)",
        (sp.eye(2) - _P * _V) * _Q.applyfunc(_defined),
        _P,
        {_D: whole, _detP: _determinant(_P)},
    )
    yield Identity(
        "D = 1 − tr PV + |PV|", _defined(_D), whole.subs(with_v, _determinant_of_v()), {_detP: _determinant(_P)}
    )
    rho = first / noises + _REST * second
    slopes = sp.Matrix([rho - rho**2 * of_noise * _X[0]]).jacobian(_X).subs(named)
    found = sp.Matrix([[_defined(a) for a in (_a1, _a2)]]).subs(_T, _rho * of_noise * _X[0])
    yield Identity("a = −dF/dx", found.subs(_rho, _defined(_rho)), -slopes)


def _features_loss(f: Formula, stated: sp.Expr) -> Iterator[Step]:
    yield from _model()
    yield from _traces()
    yield from _answers()
    # Written so that ω is positive where the two sides are tried: many points, more than one copy
    more, copies = sp.symbols("more_samples more_noises", positive=True)
    given = {samples: 100 + more, noises: 1 + copies}
    yield Identity("ω = λ + χ(…)+χ'(…)", f.equation, _shown(_EQUATION), given)
    yield Identity("the loss", f.expr, _shown(stated), given)


def _bounds(f: Formula) -> Iterator[Step]:
    assert f.unknown
    mean = _shown(_MEAN)
    most = mean[0] + _REST * _APART[0]  # of β, where both χ are 1
    rows = sum(mean) * features / samples  # at most κ(1/χ−1)β
    yield Identity("β is at most μ_x²+μ_ξ²", most, _WHOLE[0])
    yield Identity("ω−λ is at most v²+s²", mean[1] + _REST * _APART[1], _WHOLE[1])
    yield Bracket(
        "ω ≥ λ and β ≤ μ_x²+μ_ξ²; ω ≤ v²+s²+λ and κβ ≥ κ(μ_x²+μ_ξ²) − c, as c' ≤ c, where (1/d) tr (M, 1)(M+κ)⁻¹ ≤ "
        "ψ_p/κ; half the least and twice the most, as a root may be at either",
        f.unknown,
        (_KAPPA * most - ridge / 2, 0),
        (_KAPPA * most - 2 * (rows + _WHOLE[1] + ridge), 0),
        tuple(
            {features: p, samples: n, noises: m, ridge: r, of_point: 0.3, of_noise: 0.07, common: 0.03, fresh: 0.02}
            for p, n, m, r in ((4, 2, 1, 1e-3), (0.5, 2, 3, 1e-9), (8, 0.1, 1e6, 1e-6), (2, 50, 2, 1))
        ),
    )
    (own,) = (v for v in f.variables if v.symbol == ridge)
    yield Edge("without a ridge the bracket reaches 0", own, "lower", ridge / most / 2, 0)


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

_VARIABLES = (
    *(variable(x) for x in (features, samples, noises)),
    variable(ridge, POSITIVE),
    *(variable(x) for x in (of_point, of_noise, common, fresh)),
)
_UNKNOWN = unknown(
    _KAPPA,
    _shown(_EQUATION),
    ridge / _WHOLE[0] / 2,
    2 * (sum(_shown(_MEAN)) * features / samples + _WHOLE[1] + ridge) / _WHOLE[0],
)


def _layout(loss: sp.Expr) -> Layout:
    return Layout(loss, _EQUATION, tuple((symbol, letter, part) for symbol, (letter, part) in _DEFINED.items()))


features_train_loss = Formula(
    name="features_train_loss",
    variables=_VARIABLES,
    branches=(Branch(_shown(_TRAIN)),),
    layout=_layout(_TRAIN),
    kind="asymptotic",
    regime="loss on the training set, m noises of each point seen, of ridge regression on random features of white "
    "data; n, p, d → ∞ together, and m → ∞ for all noises",
    source="derived here; with two unknowns in bonnaire2025 for m → ∞",
    derivation=lambda f: _features_loss(f, _TRAIN),
    bounds=_bounds,
    unknown=_UNKNOWN,
)

features_test_loss = Formula(
    name="features_test_loss",
    variables=_VARIABLES,
    branches=(Branch(_shown(_TEST)),),
    layout=_layout(_TEST),
    kind="asymptotic",
    regime="the same on fresh points",
    source="derived here; with two unknowns in bonnaire2025 for m → ∞",
    derivation=lambda f: _features_loss(f, _TEST),
    bounds=_bounds,
    unknown=_UNKNOWN,
)
