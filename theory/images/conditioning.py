"""Conditioning: what does the exact score of one class do that the score of all points does not?

A point x_0 of class c, one of n_c = π_c n among n, has ln p(u|x_0)/p(u) = ln p(u|x_0)/p(u|c) + ln p(c|u)/π_c.  The
score of all points collapses where the left side is ln n, that of the class where the first term on the right is
ln n_c, which makes the left side ln n + ln p(c|u).  So conditioning divides n by e^H, H the mean of −ln p(c|u) over the
class; over all classes, weighted by π_c, H = H(class|u).  It is ln k for k equal classes while the noise hides them,
and 0 once they are decided: a set that collapses at less noise (t_C < t_S) is copied just so with the class given.

Guidance by the difference of the two scores, D_c + η(D_c − D), ends in the same way: D = D_c where c is decided.
"""

from collections.abc import Iterator

import sympy as sp

from theory.collapse.limit import collapse_time
from theory.core.bounds import Bracket, Edge
from theory.core.formula import Branch, Formula
from theory.core.steps import Identity, Limit, Quadrature, Step
from theory.core.two_gaussians import class_entropy, class_information, mean_sech
from theory.letters import (
    at_least,
    contrast,
    d,
    guidance,
    n,
    separation,
    sigma,
    t,
    tau,
    tau2,
    unknown,
    variable,
)
from theory.mixture import mixture_information

# I(x_0; u) less ln 2, which ln n is more than: then nothing cancels
_TOLD = d * sp.log(1 + sigma**2 / tau2) / 2 - class_entropy(separation**2 / (sigma**2 + tau2))
_POWER = separation**2 + d * sigma**2


def _mixture_collapse_time(f: Formula) -> Iterator[Step]:
    told = mixture_information.expr
    yield Identity("τ² solves I = ln n", f.equation.doit().subs(tau2, sp.exp(2 * t) - 1), told - sp.log(n))
    yield Identity("τ² = e^{2t} − 1", sp.exp(2 * f.expr) - 1, tau2)
    one = f.equation.doit().subs(separation, 0).subs(class_information(0), 0)
    yield Identity(
        "without a distance between the classes: the width of one class, τ² = σ²/(n^{2/d} − 1)",
        one.subs(tau2, sigma**2 / (n ** (2 / d) - 1)),
        0,
    )
    decided = f.equation.doit() - class_information(separation**2 / (sigma**2 + tau2)) + sp.log(2)
    yield Identity(
        "with far classes I(c; u) = ln 2: that of n/2 points of one class",
        decided,
        d * sp.log(1 + sigma**2 / tau2) / 2 - sp.log(n / 2),
    )


def _mixture_collapse_time_bounds(f: Formula) -> Iterator[Step]:
    assert f.unknown
    yield Bracket(
        "I exceeds (d/2) ln σ²/τ², and what a power tells is at most |x_0|²/2τ²; with room of a factor 2 on both sides",
        f.unknown,
        (d * sp.log(sigma**2 / tau2) / 2, sp.log(n) + d * sp.log(2) / 2),
        (_POWER / (2 * tau2), sp.log(n) / 2),
        tuple({n: x, separation: m, d: 8, sigma: 1} for x, m in ((2, 0), (100, 3), (1e9, 10))),
    )
    yield Edge("one point has nothing to be told from: the first that has", f.variables[0], "lower", n - 1, 1, True)


mixture_collapse_time = Formula(
    name="mixture_collapse_time",
    variables=(variable(n, at_least(2)), variable(separation), variable(d), variable(sigma)),
    branches=(Branch(sp.log(1 + tau2) / 2),),
    kind="asymptotic",
    regime="t_C of n points of ½N(m, σ²I) + ½N(−m, σ²I), the class not given, d → ∞ at fixed ln n/d, λ = 1; with the "
    "class given it is collapse_time of n/2",
    source="derived here",
    derivation=_mixture_collapse_time,
    bounds=_mixture_collapse_time_bounds,
    rests_on=(mixture_information, collapse_time),
    unknown=unknown(tau2, _TOLD - sp.log(n / 2), sigma**2 / (2 * n ** (2 / d)), _POWER / sp.log(n)),
)


def _guidance_push(f: Formula) -> Iterator[Step]:
    u, w = sp.symbols("u w", real=True)
    b = sp.Symbol("b", positive=True)
    spread2 = sigma**2 + tau**2
    plus = sp.Symbol("p", positive=True)  # p(class + | u)
    means = [(sigma**2 * u + side * tau**2 * separation) / spread2 for side in (1, -1)]
    apart = means[0] - (plus * means[0] + (1 - plus) * means[1])
    yield Identity("along m, D₊ − D = 2p₋ |m| τ²/(σ²+τ²)", apart, 2 * (1 - plus) * separation * tau**2 / spread2)
    x = sp.Symbol("x", positive=True)  # e^{bw}: the odds of class + are x²
    side = x * (1 / (1 + x**2)) ** 2
    yield Identity("w → −w: e^{bw} p₋² + e^{−bw} p₊² = ½ sech(bw)", side + side.subs(x, 1 / x), 1 / (x + 1 / x))
    b2 = separation**2 / spread2
    square = sp.exp(-b2 / 2) * mean_sech(b2) / 4
    yield Identity(
        "so E p₋² = ¼ e^{−b²/2} E sech(bw) in class +, of density N(w) e^{bw−b²/2}",
        f.expr,
        (2 * guidance * separation * tau**2 / spread2) ** 2 * square,
    )
    density, minus = sp.exp(-((w - b) ** 2) / 2) / sp.sqrt(2 * sp.pi), 1 / (1 + sp.exp(2 * b * w))
    for point in (1, 2):
        value = sp.Float(f.mp(tau=1, separation=point * sp.sqrt(2).evalf(40), sigma=1, guidance=1, dps=30), 30)
        over = (w, -20, -6, -2, 0, 2, 6, 20)
        yield Quadrature("by quadrature, σ = τ", density * (sp.sqrt(2) * b * minus) ** 2, over, value, ({b: point},))
    decided = sp.exp(-contrast / 2)
    yield Limit(
        "it falls as e^{−b²/2}, faster than any power of b: decided classes", contrast**9 * decided, contrast, sp.oo, 0
    )


guidance_push = Formula(
    name="guidance_push",
    variables=(variable(tau), variable(separation), variable(sigma), variable(guidance)),
    branches=(
        Branch(
            guidance**2
            * separation**2
            * (tau**2 / (sigma**2 + tau**2)) ** 2
            * sp.exp(-(separation**2) / (sigma**2 + tau**2) / 2)
            * mean_sech(separation**2 / (sigma**2 + tau**2))
        ),
    ),
    kind="exact",
    regime="E|D_η − D_c|² of guidance D_η = D_c + η(D_c − D) for ½N(m, σ²I) + ½N(−m, σ²I), u of class c",
    source="derived here",
    derivation=_guidance_push,
)
