"""Two Gaussians at ±m on their way to one: how far is the law from noise, and how wrong is a linear score?

The law of x_t is the product of a mixture along m and of Gaussians across it.  Its divergence from the noise
N(0, Δ_t I) is that of the Gaussian with its own moments plus the negentropy J(b²), b² = |m|²/(σ²+τ²), which is gone
first: J ~ b⁸/12.  A linear score may be the best one (least squares) or the tangent at the centre (Taylor, the paper's
choice); both leave errors of order b⁸, and the tangent reverses its sign where the two classes form.
"""

from collections.abc import Iterator

import sympy as sp

from theory.core.averages import line_integral, normal_average
from theory.core.bounds import Bracket, Condition, Edge
from theory.core.formula import Branch, Formula
from theory.core.special import log_excess
from theory.core.steps import Identity, Limit, Quadrature, Step
from theory.core.two_gaussians import class_information, mean_sech, negentropy, score_gap, taylor_residual
from theory.letters import INSIDE, POSITIVE, contrast, d, delta, separation, sigma, t, tau2, unknown, variable
from theory.mixture import linear_score_error, mixture_information

_w, _z = sp.symbols("w z", real=True)

_b = sp.Symbol("b", positive=True)


def _normal(w: sp.Expr) -> sp.Expr:
    return sp.exp(-(w**2) / 2) / sp.sqrt(2 * sp.pi)


# -- the divergence from noise ---------------------------------------------------------------------------------------
def _mixture_negentropy(f: Formula) -> Iterator[Step]:
    density = (_normal(_w - _b) + _normal(_w + _b)) / 2
    second = line_integral(_w**2 * density, _w)
    gaussian = sp.log(2 * sp.pi * (1 + _b**2)) / 2 + second / (2 * (1 + _b**2))
    entropy = sp.log(2 * sp.pi * sp.E * (1 + _b**2)) / 2  # of the Gaussian of that variance
    yield Identity("−∫ p ln g, ln g quadratic, is the entropy of g: the variances agree", gaussian, entropy)
    mixed = class_information(_b**2) + sp.log(2 * sp.pi * sp.E) / 2
    yield Identity(
        "chain rule: h(p) = I(class; w) + h(N(0, 1)); J = h(g) − h(p)", f.expr.subs(contrast, _b**2), entropy - mixed
    )
    u = sp.Symbol("u", real=True)
    bits = sp.log(2) - sp.log(1 + sp.exp(-2 * u))
    yield Identity("ln 2 − ln(1+e^{−2u}) = u − ln cosh u", bits, u - sp.log(sp.cosh(u).rewrite(sp.exp)))
    cosh = sp.series(sp.log(sp.cosh(u)), u, 0, 10).removeO().subs(u, _b * (_b + _z))
    late = sp.log(1 + contrast) / 2 - contrast + normal_average(cosh, _z).subs(_b, sp.sqrt(contrast))
    yield Limit(
        "so I = b² − E ln cosh(b(b+z)), and J → b⁸/12 as b → 0", late / contrast**4, contrast, 0, sp.Rational(1, 12)
    )
    ratio = density / (_normal(_w / sp.sqrt(1 + _b**2)) / sp.sqrt(1 + _b**2))
    for point in (1, 2):
        value = sp.Float(f.mp(point**2, dps=30), 30)
        over = (_w, -20, -6, -2, 0, 2, 6, 20)
        yield Quadrature(
            "the divergence itself by quadrature", density * sp.log(ratio), over, value, ({_b: point},), 20
        )


mixture_negentropy = Formula(
    name="mixture_negentropy",
    variables=(variable(contrast),),
    branches=(Branch(negentropy(contrast)),),
    kind="exact",
    regime="J = ½ ln(1+b²) − I(class; b·class+z): KL of two Gaussians from one of the same moments, nats; all digits",
    source="derived here",
    derivation=_mixture_negentropy,
)


def _kl(tau2: sp.Expr) -> sp.Expr:
    """KL of the law of x_t from N(0, Δ_t I), at noise τ² in the frame of the data."""
    along, across = log_excess((separation**2 + sigma**2) / tau2), log_excess(sigma**2 / tau2)
    return negentropy(separation**2 / (sigma**2 + tau2)) + (along + (d - 1) * across) / 2


def _mixture_relaxation_kl(f: Formula) -> Iterator[Step]:
    noise = sp.exp(2 * t) - 1
    power = (separation**2 + d * sigma**2) / (2 * noise)  # E|x_t|²/2Δ − d/2
    variances = sp.exp(-2 * t) * (separation**2 + d * sigma**2) + d * (1 - sp.exp(-2 * t))
    yield Identity("E|x_t|²/2Δ_t − d/2 = E|x_0|²/2τ²", variances / (2 * (1 - sp.exp(-2 * t))) - d / 2, power)
    # KL = E|x_t|²/2Δ + (d/2) ln 2πΔ − h(x_t), and h(x_t) = h(noise) + I(x_0; x_t)
    information = sp.Symbol("I", real=True)
    log_noise = (1 + sp.log(2 * sp.pi * (1 - sp.exp(-2 * t)))) / 2
    split = power + d / 2 + d * (log_noise - sp.Rational(1, 2)) - (d * log_noise + information)
    yield Identity("KL = E|x_0|²/2τ² − I(x_0; x_t), whatever the law", split, power - information)
    yield Identity(
        "I being that of the mixture, J is added to the Gaussian part", f.expr, power - mixture_information.expr
    )
    alone = f.expr.subs(separation, 0).doit()
    yield Identity(
        "one Gaussian, b = 0: d equal directions",
        alone.subs(class_information(0), 0),
        d * log_excess(sigma**2 / noise) / 2,
    )


def _mixture_relaxation_kl_bounds(f: Formula) -> Iterator[Step]:
    yield Edge("without noise the law has no density", f.variables[0], "lower", sp.exp(2 * t) - 1, 0)


mixture_relaxation_kl = Formula(
    name="mixture_relaxation_kl",
    variables=(variable(t, POSITIVE), variable(separation), variable(d), variable(sigma)),
    branches=(Branch(_kl(sp.exp(2 * t) - 1)),),
    kind="exact",
    regime="KL(law of x_t ‖ N(0, (1−e^{−2t})I)) of ½N(m, σ²I) + ½N(−m, σ²I), nats, λ = 1",
    source="derived here",
    derivation=_mixture_relaxation_kl,
    bounds=_mixture_relaxation_kl_bounds,
    rests_on=(mixture_negentropy, mixture_information),
)


def _mixture_information_time(f: Formula) -> Iterator[Step]:
    yield Identity("τ² = e^{2t} − 1", sp.exp(2 * f.expr) - 1, tau2)
    yield Identity(
        "the divergence at this time is δ",
        (f.equation + delta).subs(tau2, sp.exp(2 * t) - 1),
        mixture_relaxation_kl.expr,
    )
    assert f.unknown
    low, high = f.unknown.lower, f.unknown.upper
    power = separation**2 + d * sigma**2
    yield Identity("above: KL ≤ E|x_0|²/2τ², information being positive, is δ", power / (2 * high), delta)
    squares = (separation**2 + sigma**2) ** 2 + (d - 1) * sigma**4
    yield Identity(
        "below: r − ln(1+r) ≥ r²/2(1+r) gives KL ≥ ‖Σ‖²/4τ²(τ²+tr Σ), δ at twice the lower end",
        squares / (8 * low * (2 * low + power)),
        delta,
    )
    r = sp.Symbol("r", positive=True)
    yield Identity(
        "the bound on the logarithm: equal at 0, with a difference that grows",
        sp.diff(log_excess(r).doit() - r**2 / (2 * (1 + r)), r),
        r**2 / (2 * (1 + r) ** 2),
    )


_POWER = separation**2 + d * sigma**2

_SQUARES = (separation**2 + sigma**2) ** 2 + (d - 1) * sigma**4


def _mixture_information_time_bounds(f: Formula) -> Iterator[Step]:
    assert f.unknown
    yield Bracket(
        "KL ≤ E|x_0|²/2τ², and KL ≥ ‖Σ‖²/4τ²(τ²+tr Σ), δ at twice the lower end",
        f.unknown,
        (_SQUARES / (8 * tau2 * (2 * tau2 + _POWER)), delta),
        (_POWER / (2 * tau2), delta),
        tuple({delta: x, separation: m, d: 8, sigma: 1} for x, m in ((1e-3, 1), (0.1, 4), (2, 0.5))),
    )


mixture_information_time = Formula(
    name="mixture_information_time",
    variables=(variable(delta, unit="nats"), variable(separation), variable(d), variable(sigma)),
    branches=(Branch(sp.log(1 + tau2) / 2),),
    kind="exact",
    regime="t at which KL(law of x_t ‖ N(0, (1−e^{−2t})I)) of two Gaussians at ±m has fallen to δ, λ = 1",
    source="derived here",
    derivation=_mixture_information_time,
    bounds=_mixture_information_time_bounds,
    rests_on=(mixture_relaxation_kl,),
    unknown=unknown(
        tau2,
        _kl(tau2) - delta,
        _SQUARES / (4 * delta) / (_POWER + sp.sqrt(_POWER**2 + _SQUARES / delta)),
        _POWER / (2 * delta),
    ),
)


# -- linear scores ---------------------------------------------------------------------------------------------------
def _linear_score_time(f: Formula) -> Iterator[Step]:
    yield Identity(
        "b² solves: the error of the best linear score is δ",
        (f.equation + delta).doit(),
        linear_score_error.expr.doit(),
    )
    seen = separation**2 / (sigma**2 + sp.exp(2 * f.branches[1].value) - 1)
    yield Identity("b² = |m|²/(σ²+τ²) at this time", seen, contrast)
    yield Identity("an error below δ in the data themselves takes no time", f.branches[0].value, 0)
    beyond = f.branches[1].value - sp.log(1 + separation**2 - sigma**2) / 2
    yield Limit("far apart: later than speciation (b = 1) by −ln b_δ", beyond, separation, sp.oo, -sp.log(contrast) / 2)


_START = separation**2 / sigma**2


def _linear_score_time_bounds(f: Formula) -> Iterator[Step]:
    yield Condition(
        "the error in the data themselves, at b² = |m|²/σ², is below δ",
        f.branches[0].condition,
        linear_score_error.expr.subs(contrast, _START) <= delta,
    )
    assert f.unknown
    yield Bracket(
        "the error is at most b⁸, and at least (b²(1−δ)/4)⁴ where it is δ",
        f.unknown,
        (contrast**4, delta),
        ((contrast * (1 - delta) / 4) ** 4, delta),
        tuple({delta: x} for x in (1e-6, 0.01, 0.3, 0.9, 0.999)),
    )
    far = 1 - 1 / (1 + contrast)  # of b² − b⁴/(1+b²), all that is left at large b
    yield Limit("two far classes miss a squared score of 1", far, contrast, sp.oo, f.variables[0].domain.sup)
    yield Edge("as much as there is to miss", f.variables[0], "upper", 1 - delta, 0)


linear_score_time = Formula(
    name="linear_score_time",
    variables=(
        variable(delta, INSIDE),
        variable(separation),
        variable(sigma),
    ),
    branches=(
        Branch(sp.S.Zero, score_gap(_START, delta) <= 0),
        Branch(sp.log(1 + separation**2 / contrast - sigma**2) / 2),
    ),
    kind="exact",
    regime="t from which Γ E|∇ ln p_t − best linear score|² ≤ δ for two Gaussians at ±m, Γ = σ²e^{−2t}+Δ_t, λ = 1",
    source="derived here",
    derivation=_linear_score_time,
    bounds=_linear_score_time_bounds,
    rests_on=(linear_score_error,),
    unknown=unknown(
        contrast,
        score_gap(contrast, delta),
        delta ** sp.Rational(1, 4),
        4 * delta ** sp.Rational(1, 4) / (1 - delta),
    ),
)


def _mixture_taylor_error(f: Formula) -> Iterator[Step]:
    yield Identity(
        "the score −w + b tanh(bw) has at 0 the slope −(1−b²): it turns where the classes form, b = 1",
        sp.diff(-_w + _b * sp.tanh(_b * _w), _w).subs(_w, 0),
        -(1 - _b**2),
    )
    common = _normal(_w) * sp.exp(-(_b**2) / 2)
    density = common * (sp.exp(_b * _w) + sp.exp(-_b * _w)) / 2
    tilted = common * (sp.exp(_b * _w) - sp.exp(-_b * _w)) / 2  # density × tanh(bw), as for the best linear score
    cross = line_integral(_w * tilted, _w)
    second = line_integral(_w**2 * density, _w)
    tanh2 = 1 - sp.exp(-(_b**2) / 2) * mean_sech(_b**2)  # E tanh²(bw), as for the best linear score
    error = _b**2 * (tanh2 - 2 * _b * cross + _b**2 * second)
    yield Identity("b² E(tanh(bw) − bw)²", error, f.expr.subs(contrast, _b**2))
    excess = f.expr - linear_score_error.expr
    yield Identity(
        "more than the best by b⁸/(1+b²): the slopes differ by b⁴/(1+b²), E w² = 1+b²",
        excess,
        contrast**4 / (1 + contrast),
    )
    tanh = sp.series(sp.tanh(_z), _z, 0, 8).removeO() - _z
    late = normal_average(tanh.subs(_z, _b * (_b + _z)) ** 2, _z).subs(_b, sp.sqrt(contrast)) * contrast
    yield Limit("late it falls as (5/3) b⁸, 2.5 times the best", late / contrast**4, contrast, 0, sp.Rational(5, 3))


mixture_taylor_error = Formula(
    name="mixture_taylor_error",
    variables=(variable(contrast),),
    branches=(Branch(contrast * taylor_residual(contrast)),),
    kind="exact",
    regime="Γ E|∇ ln p_t − its tangent at the centre|² for two Gaussians at ±m, Γ the noised variance of one",
    source="derived here; the tangent is the score of halder2024 eqs. (13), (14), reconstructed",
    derivation=_mixture_taylor_error,
    rests_on=(linear_score_error,),
)
