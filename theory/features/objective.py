"""The least objective of a regression on random features: its slopes are the losses and all that they are made of.

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

from collections.abc import Iterator, Mapping

import sympy as sp

from theory.core.bounds import Bracket, Edge
from theory.core.formula import Formula
from theory.core.parts import Layout
from theory.core.special import positive_part, positive_root
from theory.core.steps import Identity, Premise, Step, shared
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
    unknown,
    variable,
)

KAPPA = effective_ridge
# Coefficients of M and 1 in the covariance of the mean of a point's copies, of their differences, of a fresh point.
_u1, _u2 = sp.symbols("u1 u2", positive=True)
MEAN = sp.Matrix([_u1, _u2])
APART = sp.Matrix([of_noise, fresh])
WHOLE = sp.Matrix([of_point + of_noise, common + fresh])
REST = 1 - 1 / noises  # differences among the copies of a point


# Everything between κ and the losses by name, each in terms of those before it.
G, H, C_MEAN, C_APART, OMEGA, CHI, CHI_APART = sp.symbols("g_data h_features c_mean c_apart w_total chi_mean chi_apart")
_p11, _p12, _p22, _v11, _v12, _v22 = sp.symbols("p11 p12 p22 v11 v12 v22")
RHO, LEARNT, _a1, _a2, ROOT, _D, _detP, _b, _q = sp.symbols(
    "rho_rows t_learnt a1 a2 s_root d_answer det_p b_omega q_omega"
)
_q11, _q12, _q22 = sp.symbols("q11 q12 q22")

LINEAR = features * G / (1 + G)  # (1/d) tr M(M+κ)⁻¹
SQUARES = CHI**2 / samples, REST * CHI_APART**2 / (samples * noises)  # what both kinds of rows weigh in V
_X = sp.Matrix(sp.symbols("x_m x_1"))
P, V = sp.Matrix([[_p11, _p12], [_p12, _p22]]), sp.Matrix([[_v11, _v12], [_v12, _v22]])
Q = sp.Matrix([[_q11, _q12], [_q12, _q22]])


def _determinant(of: sp.Matrix) -> sp.Expr:
    """The determinant of a 2×2 matrix; SymPy's own multiplies it out."""
    return of[0, 0] * of[1, 1] - of[0, 1] * of[1, 0]


def _determinant_of_v() -> sp.Expr:
    """|V|, V being two rank-one terms: the product of their weights and the square of what they span."""
    return SQUARES[0] * SQUARES[1] * _determinant(sp.Matrix.hstack(MEAN, APART)) ** 2


def _weighed(row: int, column: int) -> sp.Expr:
    return sum(w * u[row] * u[column] for w, u in zip(SQUARES, (MEAN, APART), strict=True))


def _factor(rest: sp.Expr) -> sp.Expr:
    """A leave-one-out factor; 0 where ω is not positive."""
    return positive_part(OMEGA) / (positive_part(OMEGA) + rest)


BETA = OMEGA / KAPPA
DEFINED: dict[sp.Symbol, tuple[str, sp.Expr]] = {
    _u1: ("u_1", of_point + of_noise / noises),
    _u2: ("u_2", common + fresh / noises),
    # (1/d) tr (WᵀW/d+κ)⁻¹ of d rows, (1/d) tr (M+κ)⁻¹ of p rows, and κβ(1/χ−1) of both kinds of rows
    G: ("g", positive_root(KAPPA, KAPPA + features - 1, 1)),
    H: ("h", positive_root(1, KAPPA + 1 - features, KAPPA * features) / KAPPA),
    C_MEAN: ("c", KAPPA * (MEAN[0] * LINEAR + MEAN[1] * H) / samples),
    C_APART: ("c'", KAPPA * (APART[0] * LINEAR + APART[1] * H) / (samples * noises)),
    _b: ("b", C_MEAN + C_APART - KAPPA * (_u1 + REST * of_noise)),
    _q: ("q", KAPPA * (_u1 * C_APART + REST * of_noise * C_MEAN) - C_MEAN * C_APART),
    OMEGA: (r"\omega", positive_root(1, _b, _q)),
    CHI: (r"\chi", _factor(C_MEAN)),
    CHI_APART: (r"\chi'", _factor(C_APART)),
    # With x = (1/d) tr (M, 1)(βM+ω)⁻¹: P = −dx/d(β, ω) at given χ, and V = −d(β, ω)/dx at a given ridge
    ROOT: ("S", sp.sqrt((KAPPA + features - 1) ** 2 + 4 * KAPPA)),
    _p11: ("P_{11}", LINEAR * (KAPPA * H / ROOT + G) / (1 + G) / BETA**2),
    _p12: ("P_{12}", KAPPA * G * H / ROOT / BETA**2),
    _p22: ("P_{22}", H * (1 + H) / ROOT / BETA**2),
    _detP: ("|P|", _determinant(P)),
    _v11: ("V_{11}", _weighed(0, 0)),
    _v12: ("V_{12}", _weighed(0, 1)),
    _v22: ("V_{22}", _weighed(1, 1)),
    # ρ, what both kinds of rows hold of the target; T = (1/d) tr AK, K = μ_ξ W/√d; a = −dF/dx
    RHO: (r"\rho", CHI / noises + REST * CHI_APART),
    LEARNT: ("T", RHO * of_noise * LINEAR / BETA),
    _a1: ("a_1", (SQUARES[0] * MEAN[0] / noises + SQUARES[1] * APART[0]) * (1 - 2 * LEARNT) + RHO**2 * of_noise),
    _a2: ("a_2", (SQUARES[0] * MEAN[1] / noises + SQUARES[1] * APART[1]) * (1 - 2 * LEARNT)),
    _D: ("D", 1 - _p11 * _v11 - 2 * _p12 * _v12 - _p22 * _v22 + _detP * _determinant_of_v()),
    # Q = (1−PV)⁻¹P
    _q11: ("Q_{11}", (_p11 - _detP * _v22) / _D),
    _q12: ("Q_{12}", (_p12 + _detP * _v12) / _D),
    _q22: ("Q_{22}", (_p22 - _detP * _v11) / _D),
}


def defined(symbol: sp.Symbol) -> sp.Expr:
    return DEFINED[symbol][1]


def expanded(named: Mapping[sp.Symbol, tuple[str, sp.Expr]]) -> dict[sp.Symbol, sp.Expr]:
    """The parts in terms of arguments and κ alone: each is put in once, where putting them in one by one takes
    seconds."""
    found: dict[sp.Symbol, sp.Expr] = {}
    for symbol, (_, part) in named.items():
        found[symbol] = part.xreplace(found)
    return found


_EXPANDED = expanded(DEFINED)


def shown(expr: sp.Expr) -> sp.Expr:
    """The expression with all named parts put in, so that of the unknowns it has κ alone."""
    return expr.xreplace(_EXPANDED)


FALL = sp.Matrix([[_a1, _a2]])


def slope(weights: sp.Matrix) -> sp.Expr:
    """The slope of F as weights (β, ω) are added to its regulariser, the factors χ moving with it."""
    return (FALL * Q * weights)[0]


# Where identities are tried so that ω is positive: many points, more than one copy
TRIED = {samples: 100 + sp.Symbol("more_samples", positive=True), noises: 1 + sp.Symbol("more_noises", positive=True)}
EQUATION = OMEGA - ridge - CHI * MEAN[1] - REST * CHI_APART * APART[1]


def turned(copies: sp.Matrix) -> sp.Matrix:
    """The covariance of three copies in other axes: their mean, times √3, and two differences of length 1."""
    turn = sp.Matrix([[1, 1, 1], [1, -1, 0], [1, 1, -2]])
    turn = sp.diag(*[1 / sp.sqrt(sum(x**2 for x in turn.row(k))) for k in range(3)]) * turn
    return turn * copies * turn.T


@shared
def model() -> Iterator[Step]:
    """Steps on what is taken for a feature, and on the losses in terms of F."""
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
    yield Identity("fresh points are those of one copy, m = 1", WHOLE, shown(MEAN).subs(noises, 1))


@shared
def traces() -> Iterator[Step]:
    """Steps for the traces: the rows of the training set are averaged over, then those of W."""
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
    relation = KAPPA - 1 / G + features / (1 + G)
    quadratic = KAPPA * G**2 + (KAPPA + features - 1) * G - 1
    yield Identity("a quadratic in g", relation * G * (1 + G), quadratic)
    yield Identity("whose positive root it is", _quadratic(defined(G), G), quadratic)
    scaled = features - 1 + KAPPA * G  # κh: p rows for d
    yield Identity(
        "p rows for d: κh = ψ_p−1+κg solves another",
        _quadratic(defined(H) * KAPPA, scaled),
        KAPPA * quadratic,
    )
    yield Identity("tr M(M+κ)⁻¹/d = 1−κg = ψ_p g/(1+g)", 1 - KAPPA * G, LINEAR, {KAPPA: sp.solve(relation, KAPPA)[0]})
    # β = χ(…)+χ'(…), with χ = ω/(ω+c): a quadratic in ω
    held = OMEGA * (MEAN[0] / (OMEGA + C_MEAN) + REST * APART[0] / (OMEGA + C_APART))
    yield Identity(
        "what M weighs is β = ω/κ: a quadratic in ω",
        (BETA - held) * (OMEGA + C_MEAN) * (OMEGA + C_APART) * KAPPA / OMEGA,
        _quadratic(defined(OMEGA), OMEGA).subs({_b: defined(_b), _q: defined(_q)}),
    )
    for claim, rest, u, rows in (("a mean", C_MEAN, MEAN, samples), ("a difference", C_APART, APART, samples * noises)):
        yield Identity(
            f"1/χ = 1 + c/ω of {claim}, the traces of (βM+ω)⁻¹ being κ/ω times those at β = 1",
            1 + u.dot(_X) / rows,
            1 + defined(rest) / OMEGA,
            dict(zip(_X, (LINEAR / BETA, H / BETA), strict=True)),
        )


def _quadratic(root: sp.Expr, x: sp.Expr) -> sp.Expr:
    """The quadratic that is 0 at x if x is the positive root `root`, read from the arguments of `root`."""
    a, b, c = root.args
    return a * x**2 + b * x - c


@shared
def answers() -> Iterator[Step]:
    """Steps for the slopes of the traces, of the factors χ, and of F."""
    solved = {KAPPA: 1 / G - features / (1 + G)}
    root = 2 * KAPPA * G + KAPPA + features - 1  # where the quadratic of g is 0
    yield Identity(
        "S² is the square of the slope of the quadratic of g at its root", defined(ROOT) ** 2, root**2, solved
    )
    relation = KAPPA * G**2 + (KAPPA + features - 1) * G - 1
    falls = -sp.diff(relation, KAPPA) / sp.diff(relation, G)  # dg/dκ
    rows = (features - 1) / KAPPA + G
    for k, (name, trace) in enumerate((("l", LINEAR), ("h", rows))):
        in_kappa = sp.diff(trace, KAPPA) + sp.diff(trace, G) * falls
        # x is trace(ω/β)/β
        for i, (letter, slope) in enumerate((("β", -(trace + KAPPA * in_kappa)), ("ω", in_kappa))):
            stated = defined(P[k, i]).subs({ROOT: root, H: rows})
            yield Identity(f"−d{name}/d{letter}, implicitly", stated, -slope / BETA**2, solved)
    # 1/χ = 1 + (C+R/m)·x/ψ_n
    first, second = 1 / (1 + MEAN.dot(_X) / samples), 1 / (1 + APART.dot(_X) / (samples * noises))
    named = {first: CHI, second: CHI_APART}
    weights = first * MEAN + REST * second * APART
    yield Identity("V = −d(β, ω)/dx", V.applyfunc(defined), -weights.jacobian(_X).subs(named))
    with_v = _determinant(V)
    yield Identity("|V|", V.applyfunc(defined).det(), _determinant_of_v())
    whole = 1 - _p11 * _v11 - 2 * _p12 * _v12 - _p22 * _v22 + _determinant(P) * with_v
    yield Identity(
        "x moves by −P(e + V…): (1−PV)⁻¹P = (P − |P| adj V)/(1 − tr PV + |PV|)",
        (sp.eye(2) - P * V) * Q.applyfunc(defined),
        P,
        {_D: whole, _detP: _determinant(P)},
    )
    yield Identity(
        "D = 1 − tr PV + |PV|", defined(_D), whole.subs(with_v, _determinant_of_v()), {_detP: _determinant(P)}
    )
    rho = first / noises + REST * second
    slopes = sp.Matrix([rho - rho**2 * of_noise * _X[0]]).jacobian(_X).subs(named)
    found = sp.Matrix([[defined(a) for a in (_a1, _a2)]]).subs(LEARNT, RHO * of_noise * _X[0])
    yield Identity("a = −dF/dx", found.subs(RHO, defined(RHO)), -slopes)


def steps(f: Formula, stated: sp.Expr) -> Iterator[Step]:
    """The derivation of a formula that is `stated` in terms of F's slopes."""
    yield from model()
    yield from traces()
    yield from answers()
    yield Identity("ω = λ + χ(…)+χ'(…)", f.equation, shown(EQUATION), TRIED)
    yield Identity("in these terms", f.expr, shown(stated), TRIED)


def bounds(f: Formula) -> Iterator[Step]:
    assert f.unknown
    mean = shown(MEAN)
    most = mean[0] + REST * APART[0]  # of β, where both χ are 1
    rows = sum(mean) * features / samples  # at most κ(1/χ−1)β
    yield Identity("β is at most μ_x²+μ_ξ²", most, WHOLE[0])
    yield Identity("ω−λ is at most v²+s²", mean[1] + REST * APART[1], WHOLE[1])
    yield Bracket(
        "ω ≥ λ and β ≤ μ_x²+μ_ξ²; ω ≤ v²+s²+λ and κβ ≥ κ(μ_x²+μ_ξ²) − c, as c' ≤ c, where (1/d) tr (M, 1)(M+κ)⁻¹ ≤ "
        "ψ_p/κ; half the least and twice the most, as a root may be at either",
        f.unknown,
        (KAPPA * most - ridge / 2, 0),
        (KAPPA * most - 2 * (rows + WHOLE[1] + ridge), 0),
        tuple(
            {features: p, samples: n, noises: m, ridge: r, of_point: 0.3, of_noise: 0.07, common: 0.03, fresh: 0.02}
            for p, n, m, r in ((4, 2, 1, 1e-3), (0.5, 2, 3, 1e-9), (8, 0.1, 1e6, 1e-6), (2, 50, 2, 1))
        ),
    )
    (own,) = (v for v in f.variables if v.symbol == ridge)
    yield Edge("without a ridge the bracket reaches 0", own, "lower", ridge / most / 2, 0)


VARIABLES = (
    *(variable(x) for x in (features, samples, noises)),
    variable(ridge, POSITIVE),
    *(variable(x) for x in (of_point, of_noise, common, fresh)),
)
UNKNOWN = unknown(
    KAPPA,
    shown(EQUATION),
    ridge / WHOLE[0] / 2,
    2 * (sum(shown(MEAN)) * features / samples + WHOLE[1] + ridge) / WHOLE[0],
)


def layout(value: sp.Expr, more: Mapping[sp.Symbol, tuple[str, sp.Expr]] = {}) -> Layout:
    """The layout of a value in terms of DEFINED and `more`, with those of them that it needs."""
    needed, parts = value.free_symbols | EQUATION.free_symbols, []
    for symbol, (letter, part) in reversed({**DEFINED, **more}.items()):
        if symbol in needed:
            parts.append((symbol, letter, part))
            needed |= part.free_symbols
    return Layout(value, EQUATION, tuple(reversed(parts)))
