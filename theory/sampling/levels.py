"""The levels of a sampler: the best ones for one eigenvalue, and when more steps bring the generated law no nearer.

DDIM only ever shrinks: of the exact variance λ̂ + τ² it leaves the share e^{−loss}, and a level put in between never
raises the loss. More steps bring the generated covariance V nearer to S, the sample's. Is S the best one can have? For
white data and V = S e^{−hf(S)}, KL(G‖O)/d = ½∫[V − 1 − ln V]dMP starts from h = 0 with the slope −½Cov(f, s). So it
falls with the last steps if f falls with s; where the loss grows with s, that is where steps are coarse at high noise,
a finite number of steps is the best.
"""

from collections.abc import Iterator

import sympy as sp

from theory.core.bounds import Condition, Edge
from theory.core.formula import Branch, Formula
from theory.core.special import log_either, log_expm1, reflected
from theory.core.steps import Identity, Limit, Premise, Quadrature, Step, shared
from theory.letters import INSIDE, POSITIVE, a, at_least, gamma, learnt, spacing, steps, tau, tau_next, variable
from theory.sampling.steps import FALLS, TANGENT2, ddim_loss, falling_levels
from theory.spectra import mp_average, mp_density, mp_moment

_EQUAL = sp.tan(sp.atan(sp.sqrt(learnt) * (tau - tau_next) / (learnt + tau * tau_next)) / steps) ** 2


def _least_loss(f: Formula) -> Iterator[Step]:
    x, y, b, c = sp.symbols("x y b c", positive=True)
    sides = sp.cos(x) * sp.cos(y), (sp.cos(x - y) + sp.cos(x + y)) / 2
    yield Identity("cos θ₁ cos θ₂ is largest, at a given sum, for equal angles", sp.expand_trig(sides[1]), sides[0])
    yield Identity("as −ln cos² is convex", sp.diff(-sp.log(sp.cos(x) ** 2), x, 2), 2 / sp.cos(x) ** 2)
    chain = {learnt: 1, tau: sp.tan(x), tau_next: sp.tan(y)}
    between = sp.tan(x - y) ** 2 - TANGENT2.subs(chain)
    yield Identity("the angles of the steps add up to that between τ and τ'", sp.simplify(sp.expand_trig(between)), 0)
    value = f.branches[0].value
    yield Identity("K equal ones lose −2K ln cos(Θ/K)", value.doit(), -2 * steps * sp.log(sp.cos(_angle(f))))
    yield Identity("one step: ddim_loss", value.subs(steps, 1).doit(), ddim_loss.branches[0].value.doit())
    shown = steps * sp.log(1 + sp.tan(b / steps) ** 2)
    yield Limit("many steps lose Θ²/K", shown * steps, steps, sp.oo, b**2)
    kl = (sp.exp(-c) - 1 + c) / 2
    yield Limit("which costs ½(e^{−loss} − 1 + loss), that is Θ⁴/4K²", kl / c**2, c, 0, sp.Rational(1, 4))


def _angle(f: Formula) -> sp.Expr:
    """Θ/K: the argument of the tangent in the value."""
    return next(iter(f.branches[0].value.atoms(sp.tan))).args[0]


def _least_loss_bounds(f: Formula) -> Iterator[Step]:
    yield from falling_levels(f)
    yield Edge("with one step there is no level to choose", f.variables[3], "lower", steps - 1, 1, included=True)


least_loss = Formula(
    name="least_loss",
    variables=(variable(learnt), variable(tau, POSITIVE), variable(tau_next), variable(steps, at_least(2))),
    branches=(Branch(steps * log_either(1 + _EQUAL, _EQUAL), FALLS),),
    kind="exact",
    regime="the least that K steps of DDIM from τ to τ' can lose of λ̂ + τ'², in nats; reached by levels that are "
    "equal in arctan(τ/√λ̂), and by no others",
    source="derived here",
    derivation=_least_loss,
    bounds=_least_loss_bounds,
    rests_on=(ddim_loss,),
)

_ORDER = (spacing - 1) / 2
_SCALE = reflected(spacing) / 2


@shared
def _short() -> Iterator[Step]:
    """Steps for a short step: of length g at τ it loses g²λ̂/(λ̂+τ²)², and there are dτ/g of them in dτ."""
    g = sp.Symbol("g", positive=True)
    rate = learnt / (learnt + tau**2) ** 2
    yield Limit("loss of a short step", ddim_loss.branches[0].value.doit().subs(tau_next, tau - g) / g**2, g, 0, rate)
    yield Identity("∫g²λ̂/(λ̂+τ²)² dτ/g with g = hτ^ζ", (g * tau**spacing) ** 2 / (g * tau**spacing), g * tau**spacing)
    longest = -1 / (spacing - 1)  # the power of h at which hτ^ζ = τ
    yield Identity("steps longer than the noise, g > τ, lie above τ = h^{−1/(ζ−1)}", 1 + longest * spacing, longest)
    yield Identity(
        "of the integral, ∝ τ^{ζ−3} there, they have h^{(3−ζ)/(ζ−1)}",
        longest * (spacing - 3),
        (3 - spacing) / (spacing - 1),
    )


def _spacing_loss(f: Formula) -> Iterator[Step]:
    yield from _short()
    points = [(0, 1), (sp.S.Half, 2), (sp.Rational(6, 7), sp.Rational(1, 3)), (2, 1), (-sp.S.Half, 3)]
    yield Quadrature(
        "∫τ^ζ λ̂/(λ̂+τ²)² dτ over all τ",
        tau**spacing * learnt / (learnt + tau**2) ** 2,
        (tau, sp.S.Zero, sp.S.One, sp.oo),
        sp.sympify(f.expr).doit(),
        tuple({spacing: p, learnt: s} for p, s in points),
        12,
    )
    yield Identity("ζ = 1, levels in a geometric row: the same for every λ̂", f.expr.subs(spacing, 1), sp.S.Half)
    yield Identity("else λ̂ to the power (ζ−1)/2", sp.diff(f.expr, learnt) * learnt / f.expr, _ORDER)


spacing_loss = Formula(
    name="spacing_loss",
    variables=(variable(spacing), variable(learnt)),
    branches=(Branch(_SCALE * learnt**_ORDER),),
    kind="asymptotic",
    regime="loss of DDIM over h → 0, for levels from ∞ to 0 whose steps are hτ^ζ; at ζ > 2 up to a share of the order "
    "of h^{(3−ζ)/(ζ−1)}, for the first steps are longer than the noise that they leave",
    source="derived here",
    derivation=_spacing_loss,
    rests_on=(ddim_loss,),
)

# (M_{ν+1} − M_ν)/(νγ), ν = (ζ−1)/2: the difference of two moments, in two series without cancellation
_RISE = sp.hyper((1 - _ORDER, -_ORDER), (3,), gamma) + (1 - _ORDER) * gamma / 6 * sp.hyper(
    (2 - _ORDER, 1 - _ORDER), (4,), gamma
)


@shared
def _moments() -> Iterator[Step]:
    """Steps for M_{ν+1} − M_ν, coefficient by coefficient."""
    k = sp.Symbol("k", positive=True)
    yield Identity("(1−ν)_k/(−1−ν)_k − 1 = k(k−1−2ν)/ν(ν+1)", (k - 1 - a) * (k - a) - a * (a + 1), k * (k - 1 - 2 * a))
    order = 7

    def series(top: tuple[sp.Expr, sp.Expr], bottom: int) -> sp.Expr:
        terms = [sp.rf(top[0], j) * sp.rf(top[1], j) / (sp.rf(bottom, j) * sp.factorial(j)) for j in range(order + 1)]
        return sum(term * gamma**j for j, term in enumerate(terms))

    rise = series((-a - 1, -a), 2) - series((-a, 1 - a), 2)
    split = a * gamma * (series((1 - a, -a), 3) + (1 - a) * gamma / 6 * series((2 - a, 1 - a), 4))
    for j in range(1, order):
        yield Identity(
            f"M_(ν+1) − M_ν = νγ[F(1−ν, −ν; 3; γ) + (1−ν)γ/6 F(2−ν, 1−ν; 4; γ)]: the coefficient of γ^{j}",
            sp.expand(rise).coeff(gamma, j),
            sp.expand(split).coeff(gamma, j),
        )


@shared
def _slope() -> Iterator[Step]:
    """Steps for the slope of ½E[V − 1 − ln V], V = s e^{−hf}, at h = 0."""
    h, f, s, g, r = sp.symbols("h f s g r", positive=True)
    generated = s * sp.exp(-h * f)
    yield Identity("½f(1−s)", sp.diff((generated - 1 - sp.log(generated)) / 2, h).subs(h, 0), f * (1 - s) / 2)
    yield Identity(
        "E s = 1, so that its mean is −½Cov(f, s) = −¼E(f(s)−f(r))(s−r), r as s: positive if f falls with s",
        sp.expand((f - g) * (s - r)),
        sp.expand(f * s + g * r - f * r - g * s),
    )


def _spacing_slope(f: Formula) -> Iterator[Step]:
    yield from _slope()
    yield from _moments()
    yield mp_average(
        "½ E f(s)(1−s), f of spacing_loss",
        lambda s: sp.sympify(_SCALE).doit() * s**_ORDER * (1 - s) / 2,
        sp.sympify(f.expr).doit(),
        tuple(
            {spacing: p, gamma: g}
            for p, g in (
                (0, sp.S.Half),
                (sp.Rational(6, 7), sp.Rational(1, 10)),
                (2, sp.S.Half),
                (2, sp.Rational(9, 10)),
            )
        ),
    )
    yield Identity("ζ = 1: none", f.expr.subs(spacing, 1), 0)


spacing_slope = Formula(
    name="spacing_slope",
    variables=(variable(spacing), variable(gamma, INSIDE)),
    branches=(Branch(-_SCALE * _ORDER * gamma / 2 * _RISE),),
    kind="asymptotic",
    regime="d(KL(G‖O)/d)/dh at h = 0, white data with d/N = γ < 1, steps hτ^ζ: below 0, fewer steps are better",
    source="derived here",
    derivation=_spacing_slope,
    bounds=lambda f: [Edge("the spectrum reaches 0 at γ = 1", f.variables[-1], "upper", (1 - sp.sqrt(gamma)) ** 2, 0)],
    rests_on=(mp_density, mp_moment, spacing_loss),
)

_WHOLE = (spacing - 1) * log_either(tau / tau_next, (tau - tau_next) / tau_next)


def _best_steps(f: Formula) -> Iterator[Step]:
    h, s, b = sp.symbols("h s b", positive=True)
    generated = s * sp.exp(-h * b)
    second = sp.diff((generated - 1 - sp.log(generated)) / 2, h, 2).subs(h, 0)
    yield Identity("the next order in h: ½f²s h²/2, with f(1) and E s = 1 where γ → 0", second, b**2 * s / 2)
    slope = -_SCALE * _ORDER / 2
    yield Limit(
        "slope/γ where γ → 0", (spacing_slope.expr / gamma).replace(sp.hyper, lambda *_: sp.S.One), gamma, 0, slope
    )
    least = sp.solve(sp.diff(slope * gamma * h + _SCALE**2 * h**2 / 4, h), h)[0]
    yield Identity("least at h* = γ(ζ−1)/2B, B = spacing_loss at 1", least, gamma * _ORDER / _SCALE)
    yield Identity(
        "∫dτ/hτ^ζ steps between the levels",
        sp.diff(tau_next ** (1 - spacing) / (1 - spacing), tau_next),
        tau_next**-spacing,
    )
    number = (tau_next ** (1 - spacing) - tau ** (1 - spacing)) / (spacing - 1) / (gamma * _ORDER / _SCALE)
    yield Identity("K* of them", f.branches[0].value.doit(), number)
    yield Premise(
        "higher orders in h are of order γ³ at h* (ζ ≤ 2), γ²h^{(3−ζ)/(ζ−1)} beyond",
        "argued here",
        "sampling.best_steps",
    )


def _best_steps_bounds(f: Formula) -> Iterator[Step]:
    yield Condition(
        "the loss rises with the eigenvalue, and the noise falls",
        f.branches[0].condition,
        sp.And(_ORDER > 0, tau**2 - tau_next**2 > 0),
    )
    h = sp.Symbol("h", positive=True)
    yield Limit("else h → 0 is best, and takes 1/h steps", 1 / h, h, 0, f.branches[1].value)
    yield from falling_levels(f)
    yield Edge("so many steps near 0", f.variables[3], "lower", 1 / tau_next, sp.oo)
    yield Edge("the spectrum reaches 0 at γ = 1", f.variables[1], "upper", (1 - sp.sqrt(gamma)) ** 2, 0)


best_steps = Formula(
    name="best_steps",
    variables=(
        variable(spacing),
        variable(gamma, INSIDE),
        variable(tau, POSITIVE, "σ"),
        variable(tau_next, POSITIVE, "σ"),
    ),
    branches=(
        Branch(
            tau ** (1 - spacing) * sp.exp(log_expm1(_WHOLE)) * 2 * _SCALE / (gamma * (spacing - 1) ** 2),
            sp.And(spacing > 1, FALLS),
        ),
        Branch(sp.oo, FALLS),
    ),
    kind="asymptotic",
    regime="number of DDIM steps hτ^ζ at which KL(G‖O) is least, white data, γ = d/N → 0, from τ to τ' so far apart "
    "that spacing_loss holds (the farther the nearer ζ is to 3), up to a share of the order of γ (ζ ≤ 2) or "
    "γ^{(3−ζ)/(ζ−1)}; ∞ where shorter steps are always better",
    source="derived here",
    derivation=_best_steps,
    bounds=_best_steps_bounds,
    rests_on=(spacing_slope,),
)
