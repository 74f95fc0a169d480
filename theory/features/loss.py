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
from typing import NamedTuple

import sympy as sp

from theory.core.bounds import Bracket, Edge
from theory.core.formula import Branch, Formula
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
_MEAN = sp.Matrix([of_point + of_noise / noises, common + fresh / noises])
_APART = sp.Matrix([of_noise, fresh])
_WHOLE = sp.Matrix([of_point + of_noise, common + fresh])
_REST = 1 - 1 / noises  # differences among the copies of a point


class _State(NamedTuple):
    """What the losses are made of, as symbols in the proof and as expressions in κ in the formulas."""

    g: sp.Expr  # (1/d) tr (WᵀW/d+κ)⁻¹, of d rows
    h: sp.Expr  # (1/d) tr (M+κ)⁻¹, of p rows
    omega: sp.Expr
    mean: sp.Expr  # χ of the mean of a point's copies
    apart: sp.Expr  # χ of their differences


_SYMBOLS = _State(*sp.symbols("g_data h_features w_total chi_mean chi_apart", positive=True))


def _linear(g: sp.Expr) -> sp.Expr:
    """(1/d) tr M(M+κ)⁻¹."""
    return features * g / (1 + g)


def _state() -> _State:
    g = positive_root(_KAPPA, _KAPPA + features - 1, 1)
    scaled = positive_root(1, _KAPPA + 1 - features, _KAPPA * features)  # κh
    traces = sp.Matrix([_KAPPA * _linear(g), scaled])
    mean, apart = traces.dot(_MEAN) / samples, traces.dot(_APART) / (samples * noises)
    omega = positive_root(1, *_of_omega(mean, apart))
    learnt = positive_part(omega)
    return _State(g, scaled / _KAPPA, omega, learnt / (learnt + mean), learnt / (learnt + apart))


def _of_omega(mean: sp.Expr, apart: sp.Expr) -> tuple[sp.Expr, sp.Expr]:
    """b and c of ω² + bω = c, from κ(1/χ−1)β of the two kinds of rows."""
    first, second = _MEAN[0], _REST * _APART[0]
    return mean + apart - _KAPPA * (first + second), _KAPPA * (first * apart + second * mean) - mean * apart


def _equation(at: _State) -> sp.Expr:
    """ω = λ + what both kinds of rows add to it."""
    return at.omega - ridge - at.mean * _MEAN[1] - _REST * at.apart * _APART[1]


class _Slopes:
    """The objective F, and how it answers to weights (β, ω) put into its regulariser, the factors χ moving with it.

    With x = (1/d) tr (M, 1)(βM+ω)⁻¹: P = −dx/d(β, ω) at given χ and V = −d(β, ω)/dx at a given ridge, so that
    weights e move x by −(1−PV)⁻¹P e.
    """

    def __init__(self, at: _State) -> None:
        beta = at.omega / _KAPPA
        linear = _linear(at.g)
        root = sp.sqrt((_KAPPA + features - 1) ** 2 + 4 * _KAPPA)
        side = _KAPPA * at.g * at.h / root
        self.traces = sp.Matrix([linear, at.h]) / beta
        self.p = sp.Matrix(
            [
                [linear * (_KAPPA * at.h / root + at.g) / (1 + at.g), side],
                [side, at.h * (1 + at.h) / root],
            ]
        ) / (beta**2)
        mean, apart = at.mean**2 / samples, _REST * at.apart**2 / (samples * noises)
        self.v = mean * _MEAN * _MEAN.T + apart * _APART * _APART.T
        crossed = mean * apart * sp.Matrix.hstack(_MEAN, _APART).det() ** 2  # det V
        inside = self.p.det()
        self.response = (self.p - inside * self.v.adjugate()) / (1 - (self.p * self.v).trace() + inside * crossed)
        self.rho = at.mean / noises + _REST * at.apart  # of the target, which both kinds of rows hold alike
        self.trace = self.rho * of_noise * self.traces[0]  # (1/d) tr A K, K = μ_ξ W/√d
        self.objective = self.rho * (1 - self.trace)
        moved = (mean * _MEAN + apart * noises * _APART) / noises  # −dρ/dx
        self.along = moved * (1 - 2 * self.trace) + sp.Matrix([self.rho**2 * of_noise, 0])

    def slope(self, weights: sp.Matrix) -> sp.Expr:
        """dF along the weights."""
        return (self.along.T * self.response * weights)[0]

    def train(self) -> sp.Expr:
        return self.objective - ridge * self.slope(sp.Matrix([0, 1]))

    def test(self) -> sp.Expr:
        return 1 - 2 * self.trace + self.slope(_WHOLE)


def _shown(expr: sp.Expr) -> sp.Expr:
    """An expression in the symbols of the proof, in κ alone."""
    return expr.subs(dict(zip(_SYMBOLS, _state(), strict=True)))


_PROVED = _Slopes(_SYMBOLS)
_TRAIN, _TEST = _PROVED.train(), _PROVED.test()


@shared
def _model() -> Iterator[Step]:
    """What is taken for a feature, and the losses in terms of F."""
    yield Premise(
        "Gaussian equivalence: Ω and η are noise that knows neither W nor x", "argued here", "features.train_loss"
    )
    own, alike = sp.symbols("own alike", positive=True)  # R and C of one feature
    turn = sp.Matrix([[1, 1, 1], [1, -1, 0], [1, 1, -2]])
    turn = sp.diag(*[1 / sp.sqrt(sum(x**2 for x in turn.row(k))) for k in range(3)]) * turn
    copies = alike * sp.ones(3, 3) + own * sp.eye(3)
    yield Identity(
        "three copies, turned: their mean has mC+R, differences have R",
        turn * copies * turn.T,
        sp.diag(3 * alike + own, own, own),
    )
    yield Identity("their targets stay independent, of variance 1", turn * turn.T, sp.eye(3))
    # One feature and one dimension: U, K and A, and what a fresh point has for U
    seen, cross, weight, rho, true, zeta = sp.symbols("seen cross weight_a share true zeta", positive=True)
    objective = rho - 2 * weight * rho * cross + weight**2 * (seen + zeta * true + ridge)
    best = rho * cross / (seen + zeta * true + ridge)
    least = objective.subs(weight, best)
    yield Identity("A = ρKᵀ(U+λ)⁻¹ makes F least", sp.diff(objective, weight).subs(weight, best), 0)
    yield Identity("F = ρ(1−T), T = (1/d) tr AK", least, rho * (1 - best * cross))
    yield Identity(
        "training loss: F − λ dF/dλ", (objective - ridge * weight**2).subs(weight, best), least - ridge * least.diff(ridge)
    )
    tried = (1 - 2 * weight * cross + weight**2 * true).subs(weight, best.subs(zeta, 0))
    yield Identity(
        "loss on fresh points: 1 − 2T + dF/dζ with ζ|A|² weighted by theirs",
        tried,
        1 - 2 * (best * cross).subs(zeta, 0) + least.diff(zeta).subs(zeta, 0),
    )
    yield Identity("fresh points are those of one copy, m = 1", _WHOLE, _MEAN.subs(noises, 1))


@shared
def _traces() -> Iterator[Step]:
    """The rows of the training set, then those of W."""
    at = _SYMBOLS
    yield Premise(
        "U+λ is on average χ(C+R/m) + χ'(1−1/m)R + λ = βM+ω; leave a mean out: 1/χ = 1 + tr (C+R/m)(βM+ω)⁻¹/n, "
        "a difference: 1/χ' = 1 + tr R(βM+ω)⁻¹/(nm)",
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
    relation = _KAPPA - 1 / at.g + features / (1 + at.g)
    quadratic = _KAPPA * at.g**2 + (_KAPPA + features - 1) * at.g - 1
    yield Identity("a quadratic in g", relation * at.g * (1 + at.g), quadratic)
    yield Identity("whose positive root it is", _quadratic(_state().g, at.g), quadratic)
    scaled = features - 1 + _KAPPA * at.g  # κh: p rows for d
    yield Identity(
        "p rows for d: κh = ψ_p−1+κg solves another",
        _quadratic(_state().h * _KAPPA, scaled),
        _KAPPA * quadratic,
    )
    yield Identity(
        "tr M(M+κ)⁻¹/d = 1−κg = ψ_p g/(1+g)", 1 - _KAPPA * at.g, _linear(at.g), {_KAPPA: sp.solve(relation, _KAPPA)[0]}
    )
    # β = χ(…)+χ'(…), with χ = ω/(ω+κβ(1/χ−1)): a quadratic in ω
    mean, apart = sp.symbols("rest_mean rest_apart", positive=True)
    beta = at.omega / _KAPPA
    sum_ = at.omega * (_MEAN[0] / (at.omega + mean) + _REST * _APART[0] / (at.omega + apart))
    b, c = _of_omega(mean, apart)
    yield Identity(
        "what M weighs is β = ω/κ: a quadratic in ω",
        (beta - sum_) * (at.omega + mean) * (at.omega + apart) * _KAPPA / at.omega,
        at.omega**2 + b * at.omega - c,
    )
    yield Identity(
        "1/χ = 1 + κ(…)/ω, the traces of (βM+ω)⁻¹ being κ/ω times those at β = 1",
        _PROVED.traces,
        _KAPPA / at.omega * sp.Matrix([_linear(at.g), at.h]),
    )


def _quadratic(root: sp.Expr, x: sp.Expr) -> sp.Expr:
    """What is 0 at x if x is the root, read from it."""
    a, b, c = root.args
    return a * x**2 + b * x - c


@shared
def _answers() -> Iterator[Step]:
    """Slopes of the traces, of the factors χ, and of F."""
    at, found = _SYMBOLS, _PROVED
    solved = {_KAPPA: 1 / at.g - features / (1 + at.g)}
    root = 2 * _KAPPA * at.g + _KAPPA + features - 1  # where the quadratic of g is 0
    stated_root = sp.sqrt((_KAPPA + features - 1) ** 2 + 4 * _KAPPA)
    yield Identity("S² is the square of the slope of the quadratic of g at its root", stated_root**2, root**2, solved)
    relation = _KAPPA * at.g**2 + (_KAPPA + features - 1) * at.g - 1
    falls = -sp.diff(relation, _KAPPA) / sp.diff(relation, at.g)  # dg/dκ
    beta, omega = sp.symbols("beta_m omega_m", positive=True)
    rows = (features - 1) / _KAPPA + at.g
    for k, (name, trace) in enumerate((("l", _linear(at.g)), ("h", rows))):
        in_kappa = sp.diff(trace, _KAPPA) + sp.diff(trace, at.g) * falls
        # trace(ω/β)/β
        for i, (letter, slope) in enumerate((("β", -(trace + _KAPPA * in_kappa)), ("ω", in_kappa))):
            stated = found.p[k, i].subs(stated_root, root).subs(at.h, rows).subs(at.omega, _KAPPA * beta)
            yield Identity(f"−d{name}/d{letter}, implicitly", stated, -slope / beta**2, solved)
    # 1/χ = 1 + (C+R/m)·x/ψ_n
    x = sp.Matrix(sp.symbols("x_m x_1", positive=True))
    first, second = 1 / (1 + _MEAN.dot(x) / samples), 1 / (1 + _APART.dot(x) / (samples * noises))
    named = {first: at.mean, second: at.apart}
    weights = first * _MEAN + _REST * second * _APART
    yield Identity("V = −d(β, ω)/dx", found.v, -weights.jacobian(x).subs(named))
    p11, p12, p22, v11, v12, v22 = sp.symbols("p11 p12 p22 v11 v12 v22")
    p, v = sp.Matrix([[p11, p12], [p12, p22]]), sp.Matrix([[v11, v12], [v12, v22]])
    response = (p - p.det() * v.adjugate()) / (1 - (p * v).trace() + p.det() * v.det())
    yield Identity("x moves by −P(e − V…): (1−PV)⁻¹P = (P − |P| adj V)/(1 − tr PV + |PV|)", (sp.eye(2) - p * v) * response, p)
    mean, apart = at.mean**2 / samples, _REST * at.apart**2 / (samples * noises)
    yield Identity(
        "|V|", mean * apart * sp.Matrix.hstack(_MEAN, _APART).det() ** 2, (mean * _MEAN * _MEAN.T + apart * _APART * _APART.T).det()
    )
    rho = first / noises + _REST * second
    objective = rho - rho**2 * of_noise * x[0]
    slopes = sp.Matrix([objective]).jacobian(x).subs(named)
    yield Identity(
        "−dF/dx",
        found.along.subs(found.traces[0], x[0]),
        -slopes.T.subs(rho, found.rho),
        {at.omega: _KAPPA * _linear(at.g) / x[0]},
    )


def _features_loss(f: Formula, stated: sp.Expr) -> Iterator[Step]:
    yield from _model()
    yield from _traces()
    yield from _answers()
    yield Identity("ω = λ + χ(…)+χ'(…)", f.equation, _shown(_equation(_SYMBOLS)))
    yield Identity("the loss", f.expr, _shown(stated))


def _bounds(f: Formula) -> Iterator[Step]:
    assert f.unknown
    most = _MEAN[0] + _REST * _APART[0]  # of β, where both χ are 1
    rows = (_MEAN[0] + _MEAN[1]) * features / samples  # at most κ(1/χ−1)β
    yield Identity("β is at most μ_x²+μ_ξ²", most, _WHOLE[0])
    yield Identity("ω−λ is at most v²+s²", _MEAN[1] + _REST * _APART[1], _WHOLE[1])
    yield Bracket(
        "ω ≥ λ and β ≤ μ_x²+μ_ξ²; ω ≤ v²+s²+λ and κβ ≥ κ(μ_x²+μ_ξ²) − κβ(1/χ−1), (1/d) tr (M, 1)(M+κ)⁻¹ ≤ ψ_p/κ",
        f.unknown,
        (_KAPPA * most - ridge, 0),
        (_KAPPA * most - rows - _WHOLE[1] - ridge, 0),
        tuple(
            {features: p, samples: n, noises: m, ridge: r, of_point: 0.3, of_noise: 0.07, common: 0.03, fresh: 0.02}
            for p, n, m, r in ((4, 2, 1, 1e-3), (0.5, 2, 3, 1e-9), (8, 0.1, 1e6, 1e-6), (2, 50, 2, 1))
        ),
    )
    (own,) = (v for v in f.variables if v.symbol == ridge)
    yield Edge("without a ridge the bracket reaches 0", own, "lower", ridge / most, 0)


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
    _equation(_state()),
    ridge / _WHOLE[0],
    ((_MEAN[0] + _MEAN[1]) * features / samples + _WHOLE[1] + ridge) / _WHOLE[0],
)

features_train_loss = Formula(
    name="features_train_loss",
    variables=_VARIABLES,
    branches=(Branch(_shown(_TRAIN)),),
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
    kind="asymptotic",
    regime="the same on fresh points",
    source="derived here; with two unknowns in bonnaire2025 for m → ∞",
    derivation=lambda f: _features_loss(f, _TEST),
    bounds=_bounds,
    unknown=_UNKNOWN,
)
