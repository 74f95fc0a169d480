"""Windows: how much of a picture should a denoiser see?

A denoiser that sees N pixels in a row restores the one in their middle.  The pictures are chains of variance 1,
x_j = c x_{j−1} + √(1−c²) w_j with white w, each pixel seen as u_j = x_j + τξ_j.  In formulas N is N_w and c is C_1.

    what the window loses    E(x − D)² of the middle pixel falls to that of the whole chain as e^{−κN}
    what the window tells    I(x; u), the information on the picture, grows as ½N ln(1+y)

y is the variance, over τ², of a pixel that all those to one side predict, and e^κ = (1+y)/c.  A denoiser of n pictures
that sees a window is the posterior mean over n windows.  It collapses where I = ln n, however large the picture: memory
sets the largest window, the law of the data what a smaller one costs.
"""

from collections.abc import Iterator

import sympy as sp

from theory.collapse.limit import collapse_time
from theory.core.bounds import Bracket, Condition, Edge
from theory.core.formula import Branch, Formula
from theory.core.parts import Layout
from theory.core.steps import Identity, Limit, Premise, Quadrature, Step, shared
from theory.letters import POSITIVE, at_least, correlation, n, pixels, tau, unknown, variable

_VARIANCE = (1 - correlation) * (1 + correlation)  # that a pixel has beyond its neighbour
_SNR = 1 / tau**2
_y, _rate, _s = sp.symbols("y_past kappa_window s_window", positive=True)
# The positive root of y² + (1−c²)(1−1/τ²) y = (1−c²)/τ², written so that it has all its digits at any τ
_PAST = sp.sqrt(_VARIANCE) / tau * sp.exp(-sp.asinh(sp.sqrt(_VARIANCE) * (tau - 1 / tau) / 2))
_PARTS = (
    (_y, "y", _PAST),
    (_rate, r"\kappa_1", sp.log(1 + _y) - sp.log(correlation)),
    # 1 + y − c²/(1+y), written so that it has all its digits near c = 1
    (_s, "s_1", sp.sqrt(((1 - correlation) ** 2 + _VARIANCE / tau**2) * ((1 + correlation) ** 2 + _VARIANCE / tau**2))),
)
_NEAR = _SNR - _y  # what those to one side take off a pixel's variance, over τ²


def _predicted(left: sp.Expr) -> sp.Expr:
    """p_k, the variance over τ² of a pixel that k pixels to one side predict, where `left` is e^{−2κk}."""
    return _y + _s * _NEAR * left / (_s + _NEAR * (1 - left))


_INFORMATION = pixels * sp.log(1 + _y) / 2 + sp.log(1 + _NEAR * (1 - sp.exp(-2 * pixels * _rate)) / _s) / 2
_FIRST = sp.log(1 + _y) / 2 + _rate * _NEAR / _s  # nats that a first bit of a pixel would add
_ONE_SIDE = _predicted(sp.exp(-(pixels - 1) * _rate))
_ERROR = 1 / (2 / (tau**2 * _ONE_SIDE) + _SNR - 1)


def _whole(expr: sp.Expr) -> sp.Expr:
    """The expression with its named parts put in."""
    for symbol, _, part in reversed(_PARTS):
        expr = expr.subs(symbol, part)
    return expr


def _named(expr: sp.Expr) -> sp.Expr:
    """The expression with names for the root and for y, and powers for exponentials of logarithms."""
    expr = sp.sympify(expr).subs({_PAST: _y, _PARTS[2][2]: _s})
    return expr.replace(sp.exp, lambda exponent: sp.exp(sp.expand(exponent)))


def _thin(expr: sp.Expr) -> sp.Expr:
    """The expression as a ratio of polynomials in y and c, by τ² = (1−c²)(1+y)/y(1+y−c²)."""
    expr = _named(expr).subs({_s: 1 + _y - correlation**2 / (1 + _y), _rate: _PARTS[1][2]})
    return expr.subs(tau, sp.sqrt(_VARIANCE * (1 + _y) / (_y * (1 + _y - correlation**2))))


@shared
def _filtered() -> Iterator[Step]:
    left = sp.Symbol("left", positive=True)
    yield Identity(
        "y is what one pixel more leaves as it is: y = c²y/(1+y) + (1−c²)/τ²",
        (_PAST**2 + _VARIANCE * (1 - _SNR) * _PAST - _VARIANCE * _SNR).rewrite(sp.log),
        0,
    )
    root = 1 + _PAST - correlation**2 / (1 + _PAST)
    yield Identity("s_1 = 1 + y − c²/(1+y)", (root**2 - _PARTS[2][2] ** 2).rewrite(sp.log), 0)
    now, next_ = _thin(_predicted(left)), _thin(_predicted(left * sp.exp(-2 * _rate)))
    yield Identity(
        "Kalman's recursion p_{k+1} = c²p_k/(1+p_k) + (1−c²)/τ²",
        next_,
        correlation**2 * now / (1 + now) + _thin(_VARIANCE * _SNR),
    )
    yield Identity("from p_0 = 1/τ²", _thin(_predicted(sp.S.One)), _thin(_SNR))


def _covariance(size: int) -> sp.Matrix:
    return sp.Matrix(size, size, lambda i, j: correlation ** abs(i - j))


def _window_information(f: Formula) -> Iterator[Step]:
    yield from _filtered()
    left = sp.Symbol("left", positive=True)
    now, next_ = (_s + _NEAR * (1 - left * q) for q in (1, sp.exp(-2 * _rate)))
    yield Identity(
        "one pixel more adds ½ln(1+p_k): the chain rule", _thin((1 + _y) * next_ / now), 1 + _thin(_predicted(left))
    )
    yield Identity("no pixel, no information", f.expr.subs(pixels, 0), 0)
    for count in (1, 2, 3):
        found = sp.exp(sp.expand(2 * _named(f.expr.subs(pixels, count))))
        determinant = (sp.eye(count) + _covariance(count) / tau**2).det()
        yield Identity(f"½ln det(I + C/τ²) of N = {count}", _thin(found), _thin(determinant))


def _window_information_bounds(f: Formula) -> Iterator[Step]:
    yield Edge("without noise a pixel is known", f.variables[1], "lower", _SNR, sp.oo)


window_information = Formula(
    name="window_information",
    variables=(variable(pixels), variable(tau, POSITIVE, "σ"), variable(correlation)),
    branches=(Branch(_whole(_INFORMATION)),),
    kind="exact",
    regime="I(x; x + τξ), nats, of N_w pixels in a row of a Gaussian chain",
    source="derived here",
    derivation=_window_information,
    bounds=_window_information_bounds,
    layout=Layout(_INFORMATION, None, _PARTS),
)


def _window_error(f: Formula) -> Iterator[Step]:
    yield from _filtered()
    left, right = sp.symbols("left_variance right_variance", positive=True)
    both = 1 + (1 / left - 1) + (1 / right - 1) + _SNR
    yield Identity(
        "given the pixel, both sides and its own noise are independent: precisions add, the prior's 1 counted once",
        1 / f.expr.subs(_whole(_ONE_SIDE), left / tau**2),
        both.subs(right, left),
    )
    yield Identity("N = 1: that of one pixel", _named(f.expr.subs(pixels, 1)), tau**2 / (1 + tau**2))
    covariance, middle = _covariance(3), sp.Matrix([correlation, 1, correlation])
    wiener = 1 - (middle.T * (covariance + tau**2 * sp.eye(3)).inv() * middle)[0]
    yield Identity("N = 3: 1 − kᵀ(C+τ²)⁻¹k", _thin(f.expr.subs(pixels, 3)), _thin(wiener))
    omega = sp.Symbol("frequency", real=True)
    spectral = _VARIANCE / (1 - 2 * correlation * sp.cos(omega) + correlation**2)
    for known in ({tau: 1, correlation: sp.Rational(1, 2)}, {tau: 2, correlation: sp.Rational(9, 10)}):
        yield Quadrature(
            "N → ∞: Wiener's filter, ∫ Sτ²/(S+τ²) over frequencies",
            spectral * tau**2 / (spectral + tau**2) / sp.pi,
            (omega, 0, sp.pi),
            _whole(_ERROR.subs(_ONE_SIDE, _predicted(sp.S.Zero))),
            (known,),
        )


def _window_error_bounds(f: Formula) -> Iterator[Step]:
    yield Edge(
        "the middle pixel is seen: none to its sides", f.variables[0], "lower", (pixels - 1) / 2, 0, included=True
    )
    yield from _window_information_bounds(f)


window_error = Formula(
    name="window_error",
    variables=(variable(pixels, at_least(1)), *window_information.variables[1:]),
    branches=(Branch(_whole(_ERROR)),),
    kind="exact",
    regime="least E(x − D)² of the middle one of N_w pixels in a row of a Gaussian chain, by a denoiser that sees "
    "them; N_w odd, values between are interpolated",
    source="derived here",
    derivation=_window_error,
    bounds=_window_error_bounds,
    layout=Layout(_ERROR, None, _PARTS),
)


def _window_size(f: Formula) -> Iterator[Step]:
    yield Premise(
        "a denoiser of n pictures that sees a window is the posterior mean over n windows, which condenses where "
        "I(x; u) = ln n",
        "biroli2024 eq. (12)",
        "collapse.collapse_time",
    )
    yield Identity("N_w solves I = ln n", f.equation, window_information.expr - sp.log(n))
    yield Identity("its pixels", f.branches[1].value, pixels)
    yield Limit(
        "many pictures: 2 ln n/ln(1+y)", _INFORMATION.subs({_rate: 1}) / pixels, pixels, sp.oo, sp.log(1 + _y) / 2
    )


def _window_size_bounds(f: Formula) -> Iterator[Step]:
    yield Condition("there is nothing to tell apart", f.branches[0].condition, n - 1 <= 0)
    yield Identity("and no pixel tells it", f.equation.subs({n: 1, pixels: f.branches[0].value}), 0)
    yield from _window_information_bounds(f)
    yield Identity("I begins with this slope in N", _INFORMATION.diff(pixels).subs(pixels, 0), _FIRST)
    grown = sp.Symbol("grown", positive=True)  # 1 + (1/τ²−y)/s₁, of which (1/τ²−y)e^{−2κN}/s₁ is taken off
    concave = sp.log(grown - (grown - 1) * sp.exp(-2 * pixels * _rate)).diff(pixels, 2)
    left = sp.exp(-2 * pixels * _rate)
    yield Identity(
        "and bends down: I is at most N times that, at least ½N ln(1+y)",
        concave,
        -4 * _rate**2 * grown * (grown - 1) * left / (grown - (grown - 1) * left) ** 2,
    )
    assert f.unknown
    yield Bracket(
        "so that these are bounds, with room of a factor 2",
        f.unknown,
        (pixels * _whole(_FIRST), sp.log(n) / 2),
        (pixels * sp.log(1 + _PAST) / 2, 2 * sp.log(n)),
        tuple({n: x, tau: s, correlation: c} for x, s, c in ((2, 1, 0.5), (1000, 0.3, 0.9), (1e9, 3, 0.1))),
    )


window_size = Formula(
    name="window_size",
    variables=(variable(n), variable(tau, POSITIVE, "σ"), variable(correlation)),
    branches=(Branch(sp.S.Zero, n <= 1), Branch(pixels)),
    kind="asymptotic",
    regime="N_w at which a noised window tells ln n: from there on the posterior mean over windows of n pictures is "
    "that of one of them, ln n → ∞; below 1 one pixel is too much; places that all have the same law multiply n",
    source="derived here",
    derivation=_window_size,
    bounds=_window_size_bounds,
    rests_on=(window_information, collapse_time),
    unknown=unknown(
        pixels,
        _whole(_INFORMATION) - sp.log(n),
        sp.log(n) / (2 * _whole(_FIRST)),
        4 * sp.log(n) / sp.log(1 + _PAST),
    ),
)
