"""Late times, for any data law: the tilted measure, the linear score that follows from it, and what it leaves.

At late times τ⁻² = e^{−2t}/Δ_t is small, and the tilted measure π_t(y) ∝ ρ_0(y) exp(−y²/2τ²) is near the law of the
data. Its cumulant generating function K_t gives the score exactly, ∇ ln ρ(t, x) = −x/Δ_t + (e^{−t}/Δ_t)
∇K_t(e^{−t}x/Δ_t). Expanded at x = 0 this is the paper's linear score: intercept e^{−t} c₁/Δ_t and slope −(1 −
C₂/τ²)/Δ_t, with c₁ and C₂ the mean and the variance of π_t. It is the tangent of the score at the centre of the data.
The linear score that is best in the mean square has the slope −1/(e^{−2t}κ₂ + Δ_t) and no intercept. The two differ
wherever the data are not Gaussian, in precision by κ₄/2τ⁴Δ_t, and so do the errors that they leave.

K_t follows from the data's by a heat equation run backwards, and the noised law has an Edgeworth series in 1/τ:
two routes to the same coefficients, both below.  The formulas are for one direction and centred data of cumulants κ₂,
κ₃, …; in several directions the first order is derived too.
"""

from collections.abc import Iterator
from functools import cache
from itertools import combinations_with_replacement, product

import sympy as sp

from theory.core.averages import normal_average
from theory.core.formula import Branch, Formula
from theory.core.steps import Identity, Step, shared
from theory.letters import k2, k3, k4, k5, k6, tilt, variable

_K1 = sp.Symbol("k1", real=True)  # of the tilted measure; 0 for the data

_HIGHER = sp.symbols("k7 k8 k9", real=True)

_CUMULANTS = (_K1, k2, k3, k4, k5, k6, *_HIGHER)


# -- first route: the flow of the cumulants ---------------------------------------------------------------------------
def _flow(k: int) -> sp.Expr:
    """dκ_k/dτ⁻²: −½(κ_{k+2} + Σ_j C(k, j) κ_{j+1} κ_{k−j+1})."""
    kappa = (0, *_CUMULANTS)
    products = sum(sp.binomial(k, j) * kappa[j + 1] * kappa[k - j + 1] for j in range(k + 1))
    return -(kappa[k + 2] + products) / 2


def _second(k: int) -> sp.Expr:
    """d²κ_k/d(τ⁻²)² by the chain rule."""
    return sum(sp.diff(_flow(k), kappa) * _flow(j) for j, kappa in enumerate(_CUMULANTS[:-2], 1))


def _tilted(k: int) -> sp.Expr:
    """κ_k of π_t for centred data, to second order in τ⁻²."""
    return (_CUMULANTS[k - 1] + tilt * _flow(k) + tilt**2 / 2 * _second(k)).subs(_K1, 0)


@shared
def flow() -> Iterator[Step]:
    """M(θ) = ∫ρ_0 exp(θy − y²/2τ²): the backward heat equation, hence the flow of K = ln M and of the cumulants."""
    theta, y = sp.symbols("theta y", real=True)
    term = sp.exp(theta * y - tilt * y**2 / 2)
    yield Identity(
        "∂M/∂τ⁻² = −½ ∂²M/∂θ², each y by itself, so for any law", (term.diff(tilt) + term.diff(theta, 2) / 2) / term, 0
    )
    for dimension in (1, 3):
        axes = sp.symbols(f"theta1:{dimension + 1}", real=True)
        k = sp.Function("K")(tilt, *axes)
        heat = sp.exp(k).diff(tilt) + sum(sp.exp(k).diff(axis, 2) for axis in axes) / 2
        form = k.diff(tilt) + sum(k.diff(axis, 2) + k.diff(axis) ** 2 for axis in axes) / 2
        yield Identity(f"∂K/∂τ⁻² = −½(ΔK + |∇K|²) in {dimension} dimension(s)", sp.expand(heat / sp.exp(k)), form)
    series = sum(kappa * theta**j / sp.factorial(j) for j, kappa in enumerate(_CUMULANTS, 1))
    right = sp.expand(-(series.diff(theta, 2) + series.diff(theta) ** 2) / 2)
    for j in range(1, 5):
        yield Identity(f"the flow of cumulant {j}", sp.factorial(j) * right.coeff(theta, j), _flow(j))


@shared
def first_order(dimension: int) -> Iterator[Step]:
    """In several directions: ∂c₁/∂τ⁻² = −½ κ₃_ikk and ∂C₂/∂τ⁻² = −(Σ²)_ij − ½ κ₄_ijkk at τ⁻² = 0, repeated k summed."""
    every = range(dimension)
    axes = sp.symbols(f"theta1:{dimension + 1}", real=True)
    kappa = {
        index: sp.Symbol("k" + "".join(map(str, index)), real=True)
        for order in (2, 3, 4)
        for index in combinations_with_replacement(every, order)
    }

    def cumulant(*index: int) -> sp.Symbol:
        return kappa[tuple(sorted(index))]

    k = sum(
        cumulant(*index) * sp.Mul(*(axes[i] for i in index)) / sp.factorial(order)
        for order in (2, 3, 4)
        for index in product(every, repeat=order)
    )
    rate = -sum(k.diff(axis, 2) + k.diff(axis) ** 2 for axis in axes) / 2
    centre = dict.fromkeys(axes, 0)
    mean = sp.Matrix([rate.diff(axis).subs(centre) for axis in axes])
    third = sp.Matrix([sum(cumulant(i, j, j) for j in every) for i in every])
    yield Identity(f"{dimension} dimensions: c₁ = −κ₃_ikk/2τ²", mean, -third / 2)
    covariance = sp.Matrix(dimension, dimension, lambda i, j: rate.diff(axes[i], axes[j]).subs(centre))
    sigma = sp.Matrix(dimension, dimension, lambda i, j: cumulant(i, j))
    fourth = sp.Matrix(dimension, dimension, lambda i, j: sum(cumulant(i, j, m, m) for m in every))
    yield Identity(f"{dimension} dimensions: C₂ = Σ − [Σ² + κ₄_ijkk/2]/τ²", covariance, -(sigma**2) - fourth / 2)


# -- second route: the Edgeworth series of the noised law -------------------------------------------------------------

# In units of its spread √(κ₂+τ²) the noised law has the cumulants ε^k κ_k, ε² = 1/(κ₂+τ²): noise adds to κ₂ alone.
_W, _EPS = sp.Symbol("w", real=True), sp.Symbol("epsilon", positive=True)

_IN_EPS = {tilt: _EPS**2 / (1 - k2 * _EPS**2)}

_ORDER = 9  # in ε


def _truncated(expr: sp.Expr, order: int = _ORDER) -> sp.Expr:
    terms = sp.Poly(sp.expand(expr), _EPS).terms()
    return sum(coefficient * _EPS ** power[0] for power, coefficient in terms if power[0] <= order)


def _hermite(k: int) -> sp.Expr:
    """He_k(w), for which (−d/dw)^k of the normal density is He_k times it."""
    return sp.expand(2 ** -sp.Rational(k, 2) * sp.hermite(k, _W / sp.sqrt(2)))


@cache
def _ratio() -> sp.Expr:
    """Density of the noised law over the normal one: exp(Σ ε^k κ_k (−d/dw)^k/k!), a power (−d/dw)^k being He_k."""
    back = sp.Symbol("minus_derivative")  # −d/dw
    exponent = sum(kappa * (_EPS * back) ** k / sp.factorial(k) for k, kappa in enumerate(_CUMULANTS[2:], 3))
    series = sum(_truncated(exponent**j) / sp.factorial(j) for j in range(4))
    terms = sp.Poly(sp.expand(series), back).terms()
    return _truncated(sum(coefficient * _hermite(power[0]) for power, coefficient in terms))


@cache
def _rest() -> sp.Expr:
    """The score plus w: what the score of the noised law has beyond that of a Gaussian, to order ε⁸."""
    slope, excess = _truncated(sp.diff(_ratio(), _W), 8), _truncated(_ratio() - 1, 5)
    return _truncated(slope * (1 - excess), 8)  # both are of order ε³, the next term of 1/(1+excess) adds ε⁹


@cache
def _mean_square(error: sp.Expr) -> sp.Expr:
    """E error² over the noised law, to order ε⁹."""
    return _truncated(normal_average(_truncated(_ratio() * _truncated(error**2)), _W))


def _in_eps(expr: sp.Expr, order: int) -> sp.Expr:
    """A rational function of τ⁻², as a series in ε."""
    return sp.series(sp.together(expr.subs(_IN_EPS)), _EPS, 0, order + 1).removeO()


@shared
def edgeworth() -> Iterator[Step]:
    """The series of the noised law, and its score."""
    normal = sp.exp(-(_W**2) / 2)
    for k in (3, 4, 5):
        yield Identity(
            f"(−d/dw)^{k} of the normal density is He_{k} times it",
            (-1) ** k * normal.diff(_W, k) / normal,
            _hermite(k),
        )
    yield Identity("ε² = 1/(κ₂+τ²)", _IN_EPS[tilt], 1 / (1 / _EPS**2 - k2))
    first = sum(_EPS**k * _CUMULANTS[k - 1] * _hermite(k - 1) / sp.factorial(k - 1) for k in (3, 4, 5))
    yield Identity(
        "score = −w + Σ ε^k κ_k He_{k−1}(w)/(k−1)! for k = 3, 4, 5", _truncated(_rest(), 5), sp.expand(first)
    )


# -- the formulas -----------------------------------------------------------------------------------------------------
def _tilted_mean(f: Formula) -> Iterator[Step]:
    yield from flow()
    yield Identity("to second order in τ⁻², κ₁ of centred data being 0", f.expr, _tilted(1))
    for dimension in (2, 3):
        yield from first_order(dimension)
    # the score at 0, in units of the spread: √(κ₂+τ²) c₁/τ² = c₁/τ²ε
    yield Identity(
        "the Edgeworth series has the same score at 0",
        _in_eps(tilt * f.expr / _EPS, 5),
        _truncated(_rest().subs(_W, 0), 5),
    )


tilted_mean = Formula(
    name="tilted_mean",
    variables=(variable(tilt), variable(k2), variable(k3), variable(k5)),
    branches=(Branch(-tilt * k3 / 2 + tilt**2 / 8 * (k5 + 8 * k2 * k3)),),
    kind="asymptotic",
    regime="mean of the tilted measure π_t, one direction, centred data, τ → ∞: the rest is O(τ⁻⁶)",
    source="derived here; the measure is that of halder2024 eqs. (13), (14), reconstructed",
    derivation=_tilted_mean,
)


def _tilted_variance(f: Formula) -> Iterator[Step]:
    yield from flow()
    yield Identity("to second order in τ⁻², κ₁ of centred data being 0", sp.expand(f.expr), sp.expand(_tilted(2)))
    # ⟨y²⟩ has 10 κ₃² in place of 8: the square of the mean, κ₃²/4τ⁴, is the difference
    square = sp.expand(f.expr + _tilted(1) ** 2).coeff(tilt, 2)
    moment = (k6 + 12 * k4 * k2 + 10 * k3**2 + 8 * k2**3) / 8
    yield Identity("the second moment, not the variance, has 10 κ₃²", square, moment)
    for dimension in (2, 3):
        yield from first_order(dimension)
    slope = -(1 - tilt * f.expr) * tilt / _EPS**2
    yield Identity(
        "the Edgeworth series has the same slope at 0",
        _in_eps(slope, 6),
        -1 + _truncated(sp.diff(_rest(), _W).subs(_W, 0), 6),
    )
    # times 1/Δ: the precisions of the tangent and of the best linear score
    difference = sp.series((1 - tilt * f.expr) - 1 / (1 + tilt * k2), tilt, 0, 3).removeO()
    yield Identity("the tangent is steeper than the best linear score by κ₄/2τ⁴Δ", difference, tilt**2 * k4 / 2)


tilted_variance = Formula(
    name="tilted_variance",
    variables=(variable(tilt), *(variable(k) for k in (k2, k3, k4, k6))),
    branches=(Branch(k2 - tilt * (k2**2 + k4 / 2) + tilt**2 / 8 * (k6 + 12 * k4 * k2 + 8 * k3**2 + 8 * k2**3)),),
    kind="asymptotic",
    regime="variance of the tilted measure π_t, one direction, centred data, τ → ∞: the rest is O(τ⁻⁶)",
    source="derived here; the measure is that of halder2024 eqs. (13), (14), reconstructed",
    derivation=_tilted_variance,
)

_UNIT = tilt / (1 + tilt * k2)  # ε²


def _late_score_error(f: Formula) -> Iterator[Step]:
    yield from edgeworth()
    p = sp.Function("p")(_W)
    yield Identity(
        "E score = 0, E w·score = −1 by parts: −w is the best linear score", _W * p.diff(_W), (_W * p).diff(_W) - p
    )
    yield Identity("ε² = τ⁻²/(1+κ₂τ⁻²)", _UNIT.subs(_IN_EPS), _EPS**2)
    yield Identity("E (score + w)², to order ε⁹", _in_eps(f.expr, _ORDER), _mean_square(_rest()))


late_score_error = Formula(
    name="late_score_error",
    variables=(variable(tilt), *(variable(k) for k in (k2, k3, k4))),
    branches=(Branch(_UNIT**3 * k3**2 / 2 + _UNIT**4 * k4**2 / 6),),
    kind="asymptotic",
    regime="E|∇ ln p_t − best linear score|² times Var x_t, one direction, τ → ∞: the rest is O(τ⁻¹⁰)",
    source="derived here",
    derivation=_late_score_error,
)


def _taylor_score_error(f: Formula) -> Iterator[Step]:
    yield from edgeworth()
    rest = _rest()
    tangent = rest.subs(_W, 0) + _W * sp.diff(rest, _W).subs(_W, 0)
    error = _in_eps(f.expr, _ORDER)
    yield Identity("E (score − its tangent at 0)², to order ε⁹", error, _mean_square(rest - tangent))
    symmetric = {k3: 0, k5: 0}
    best = late_score_error.expr
    yield Identity(
        "symmetric data: 2.5 times the best", f.expr.subs(symmetric), sp.Rational(5, 2) * best.subs(symmetric)
    )
    yield Identity(
        "skewed data: 1.5 times", sp.series(f.expr, tilt, 0, 4).removeO(), 3 * sp.series(best, tilt, 0, 4).removeO() / 2
    )


taylor_score_error = Formula(
    name="taylor_score_error",
    variables=(variable(tilt), *(variable(k) for k in (k2, k3, k4, k5))),
    branches=(
        Branch(
            sp.Rational(3, 4) * _UNIT**3 * k3**2 + _UNIT**4 * (sp.Rational(5, 12) * k4**2 - k3 * k5 / 8),
        ),
    ),
    kind="asymptotic",
    regime="E|∇ ln p_t − its tangent at the mean|² times Var x_t, one direction, τ → ∞: the rest is O(τ⁻¹⁰)",
    source="derived here; the tangent is the score of halder2024 eqs. (13), (14), reconstructed",
    derivation=_taylor_score_error,
    rests_on=(late_score_error,),
)
