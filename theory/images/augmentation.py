"""Augmentation: what does it do to the collapse that each training point is shown in all places of a group?

y_1 … y_n of a law O, each in the places g y of a group G of orthogonal maps, are n|G| points.  Noise is isotropic, so
that u = g y + τξ tells of y, given g, what it tells without a group.  With g uniform:

    point against other orbits   I(g, y; u) = ln n + ln|G|                 I_O(y; u) = ln n + H(g|u)
    orbit against other orbits   I(g, y; u) − I(g; u|y) = ln n             I_O(y; u) = ln n + H(g|u) − H(g|u, y)

H(g|u) is what u hides of the place if only the law is known: ln|G| if the law is invariant, 0 if it shows its place.
H(g|u, y) is what u hides of it if the orbit is known: next to nothing if the noise of collapse is smaller than the
distance |y − g y|.  Then the two laws are one, and the images of the own point count like those of others.  If it is
larger (a smooth picture moved by a pixel) the orbit is recognised while its point is not, as among n e^{I(g; y|u)}
points, and more places of this kind change nothing.  H(g|u, y) is at least ln k for a picture with k symmetries.
"""

from collections.abc import Iterator

import sympy as sp

from theory.collapse.limit import between_logarithm_and_mean, collapse_time
from theory.core.bounds import Bracket, Condition, Edge
from theory.core.formula import Branch, Formula
from theory.core.mean import Mean, single
from theory.core.steps import Identity, Limit, Premise, Quadrature, Step
from theory.core.two_gaussians import class_entropy, class_information
from theory.images.conditioning import mixture_collapse_time
from theory.letters import (
    POSITIVE,
    contrast,
    d,
    eigenvalues,
    n,
    order,
    separation,
    sigma,
    steps2,
    tau,
    tau2,
    unknown,
    variable,
)

_HIDDEN = class_entropy(contrast)


def _hidden_sign(f: Formula) -> Iterator[Step]:
    z, b = sp.Symbol("z", real=True), sp.Symbol("b", positive=True)
    plus = ((b + z + b) ** 2 - (b + z - b) ** 2) / 2  # ln of the odds of the own sign at w = b + z
    yield Identity("ln of the odds of the own sign: 2b(b+z)", sp.expand(plus), sp.expand(2 * b * (b + z)))
    yield Identity("H(±|u) = H(±) − I(±; u)", f.expr.doit(), sp.log(2) - class_information(contrast))
    density = sp.exp(-(z**2) / 2) / sp.sqrt(2 * sp.pi)
    for point in (1, 2):
        value = sp.Float(f.mp(point**2, dps=30), 30)
        over = (z, -20, -6, -2, 0, 2, 6, 20)
        yield Quadrature(
            "E ln(1+e^{−2b(b+z)})", density * sp.log(1 + sp.exp(-2 * b * (b + z))), over, value, ({b: point},)
        )


hidden_sign = Formula(
    name="hidden_sign",
    variables=(variable(contrast),),
    branches=(Branch(_HIDDEN),),
    kind="exact",
    regime="H(±|u), nats: what a noised point of ½N(m, σ²I) + ½N(−m, σ²I) hides of its sign; e^H times as many points "
    "with the sign added, as few with it given",
    source="derived here",
    derivation=_hidden_sign,
)


def _invariant_collapse_time(f: Formula) -> Iterator[Step]:
    near, next_, far = sp.symbols("c_0 c_1 c_2", real=True)
    ring = sp.Matrix(4, 4, lambda i, j: (near, next_, far, next_)[(i - j) % 4])
    turn = sp.Matrix(4, 4, lambda i, j: int((i - j) % 4 == 1))
    yield Identity(
        "a covariance by distance on a ring keeps its form under shifts: p(u|g) = p(u), so that I(g; u) = 0",
        turn * ring * turn.T,
        ring,
    )
    yield Premise(
        "n points in |G| places weigh like n|G| independent points, the images of the own one among them",
        "argued here",
        "images.invariant_collapse_time",
    )
    yield Identity("τ² solves I = ln n + ln|G|", f.equation, collapse_time.equation.subs(n, n * order))
    yield Identity("τ² = e^{2t} − 1", sp.exp(2 * f.branches[1].value) - 1, tau2)
    s = sp.Symbol("s", positive=True)
    equal = single(f.equation).subs(eigenvalues, s)
    yield Identity(
        "equal eigenvalues: τ² = σ²/((n|G|)^{2/d} − 1)", equal.subs(tau2, s / ((n * order) ** (2 / d) - 1)), 0
    )


def _invariant_collapse_time_bounds(f: Formula) -> Iterator[Step]:
    yield Condition("there is nothing to tell apart", f.branches[0].condition, n * order - 1 <= 0)
    equal = (1 + 1 / ((n * order) ** (2 / d) - 1)).subs({d: 2, order: 1})
    yield Limit("and two points are told apart late", sp.log(equal) / 2, n, 1, f.branches[0].value)
    places = ((2, 1), (100, 8), (1e9, 64))
    points = tuple({n: x, order: k, eigenvalues: (0.3, 1, 4), d: 3} for x, k in places)
    yield between_logarithm_and_mean(f, n * order, points)
    yield Edge("a direction without data leaves no lower edge", f.variables[2], "lower", sp.log(eigenvalues), -sp.oo)


invariant_collapse_time = Formula(
    name="invariant_collapse_time",
    variables=(variable(n), variable(order), variable(eigenvalues, POSITIVE)),
    branches=(Branch(sp.oo, n * order <= 1), Branch(sp.log(1 + tau2) / 2)),
    kind="asymptotic",
    regime="t_C of n points of a Gaussian law, each in all places of a group that leaves the law as it is, d → ∞ at "
    "fixed ln n/d, the images of a point farther apart than the noise; λ = 1",
    source="derived here",
    derivation=_invariant_collapse_time,
    bounds=_invariant_collapse_time_bounds,
    rests_on=(collapse_time,),
    count=d,
    unknown=unknown(
        tau2,
        d * Mean(sp.log(1 + eigenvalues / tau2), eigenvalues) / 2 - sp.log(n * order),
        sp.exp(Mean(sp.log(eigenvalues), eigenvalues) - 2 * sp.log(n * order) / d) / 2,
        d * Mean(eigenvalues, eigenvalues) / sp.log(n * order),
    ),
)


def _sign_collapse_time(f: Formula) -> Iterator[Step]:
    yield Identity("τ² = e^{2t} − 1", sp.exp(2 * f.expr) - 1, tau2)
    within = d * sp.log(1 + sigma**2 / tau2) / 2
    b2 = separation**2 / (sigma**2 + tau2)
    yield Identity(
        "τ² solves I_O = ln n + H(±|u)", f.equation, within - sp.log(n) - hidden_sign.expr.subs(contrast, b2)
    )
    yield Identity(
        "y and −y are 2n points of ½N(m, σ²I) + ½N(−m, σ²I)", f.equation, mixture_collapse_time.equation.subs(n, 2 * n)
    )
    none = f.equation.doit().subs(separation, 0).subs(class_information(0), 0)
    yield Identity("an invariant law, m = 0: 2n points", none, within - sp.log(2 * n))


_POWER = separation**2 + d * sigma**2


def _sign_collapse_time_bounds(f: Formula) -> Iterator[Step]:
    assert f.unknown
    yield Bracket(
        "I exceeds (d/2) ln σ²/τ², and what a power tells is at most |x_0|²/2τ²; with room of a factor 2 on both sides",
        f.unknown,
        (d * sp.log(sigma**2 / tau2) / 2, sp.log(2 * n) + d * sp.log(2) / 2),
        (_POWER / (2 * tau2), sp.log(2 * n) / 2),
        tuple({n: x, separation: m, d: 8, sigma: 1} for x, m in ((1, 0), (100, 3), (1e9, 10))),
    )


sign_collapse_time = Formula(
    name="sign_collapse_time",
    variables=(variable(n), variable(separation), variable(d), variable(sigma)),
    branches=(Branch(sp.log(1 + tau2) / 2),),
    kind="asymptotic",
    regime="t_C of n points of N(m, σ²I), each shown as y and as −y, d → ∞ at fixed ln n/d, λ = 1",
    source="derived here",
    derivation=_sign_collapse_time,
    bounds=_sign_collapse_time_bounds,
    rests_on=(mixture_collapse_time, hidden_sign),
    unknown=unknown(
        tau2,
        d * sp.log(1 + sigma**2 / tau2) / 2 - class_entropy(separation**2 / (sigma**2 + tau2)) - sp.log(n),
        sigma**2 / (2 * (2 * n) ** (2 / d)),
        _POWER / sp.log(2 * n),
    ),
)


def _place_entropy(f: Formula) -> Iterator[Step]:
    z = sp.Symbol("z", real=True)
    one, two = sp.symbols("e_1 e_2", positive=True)
    apart = sp.Symbol("apart", positive=True)
    b = apart / (2 * tau)
    odds = (apart**2 + 2 * tau * apart * z) / (2 * tau**2)
    yield Identity(
        "ln of the odds of y against an image at this distance: 2b(b+z), b = |y − g y|/2τ",
        odds,
        sp.expand(2 * b * (b + z)),
    )
    yield Identity("ln(1+e₁+e₂) ≤ ln(1+e₁) + ln(1+e₂)", (1 + one) * (1 + two) - (1 + one + two), one * two)
    each = hidden_sign.expr.subs(contrast, steps2 / (4 * tau**2))
    yield Identity(
        "summed over all images but y itself, at distance 0",
        f.expr.doit(),
        order * Mean(each.doit(), steps2) - sp.log(2),
    )
    each = each.doit()
    pair = single(each) + hidden_sign.expr.doit().subs(contrast, 0).subs(class_information(0), 0)
    yield Identity("for y and one image it is their H(±|u)", pair - sp.log(2), each)


def _place_entropy_bounds(f: Formula) -> Iterator[Step]:
    yield Edge("without noise b = |y − g y|/2τ is infinite", f.variables[0], "lower", 1 / (2 * tau), sp.oo)


place_entropy = Formula(
    name="place_entropy",
    variables=(variable(tau, POSITIVE), variable(steps2)),
    branches=(Branch(order * (sp.log(2) - Mean(class_information(steps2 / (4 * tau**2)), steps2)) - sp.log(2)),),
    kind="bound",
    regime="H(g|u, y) is at most this, and at most ln|G|, nats: what u = y + τξ hides of its place among the images of "
    "y, by their squared distances from y, that of y itself (0) among them; equal for two",
    source="derived here",
    derivation=_place_entropy,
    bounds=_place_entropy_bounds,
    rests_on=(hidden_sign,),
    count=order,
)
