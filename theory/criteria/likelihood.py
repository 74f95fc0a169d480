"""Is the generator more than a smoothed training set? Test likelihood against the best kernel estimate.

A Gaussian kernel estimate T_ε of n = e^{αd} isotropic points is a random-energy model: at its best width it is
condensed, a fresh point being explained by the few kernels nearest to it.  G = N(x̄, S) gives fresh points a likelihood
too, at the divergence `kl_multistep_reverse`.  In the limit of many dimensions, at ln n ≪ d, the two are equal at
exactly n = 2d.  The approach is slow, of order √(ln n/d).
"""

from collections.abc import Iterator

import sympy as sp

from theory.core.bounds import Bracket, Edge
from theory.core.formula import Branch, Formula
from theory.core.special import log_excess, narrowing
from theory.core.steps import Identity, Limit, Premise, Step, shared
from theory.letters import alpha, at_least, d, n, snr, unknown, variable
from theory.sampling import kl_multistep_reverse

_SHARE = 1 / (1 + snr)
_RATE = (narrowing(snr) + (snr * _SHARE) ** 2) / 2  # ln n/d, by the χ of the nearest kernels
_REST = (_SHARE**2 - log_excess(_SHARE)) / 2  # KL(O‖T_ε)/d there


@shared
def _nearest() -> Iterator[Step]:
    """A fresh point x of |x|² = d, σ = 1, and the nearest of n points, at the squared distance dr."""
    x = snr
    log_moment = -x / (2 * (1 + x)) - sp.log(1 + x) / 2  # (1/d) ln E exp(−x|x − X|²/2)
    u, y = sp.symbols("u y", real=True)
    exponent = -x * (u - y) ** 2 / 2 - y**2 / 2
    centre = x * u / (1 + x)
    left = -(1 + x) * (y - centre) ** 2 / 2 - x * u**2 / (2 * (1 + x))
    yield Identity("E exp(−x(u−X)²/2), completing the square", exponent, left)
    place = sp.simplify(-2 * sp.diff(log_moment, x))
    yield Identity("with the tilt χ the nearest is at r = (2+χ)/(1+χ)²", place, (2 + x) / (1 + x) ** 2)
    rate = -x * place / 2 - log_moment
    yield Identity("where P(|x−X|² < dr) = e^{−d·rate}, so ln n = d·rate", rate, _RATE)
    spread2 = sp.Symbol("spread2", positive=True)
    term = place / (2 * spread2) + sp.log(spread2) / 2
    yield Identity("its kernel explains x best at ε² = r", sp.solve(sp.diff(term, spread2), spread2)[0], place)
    yield Identity("more points than one would count only at ε²χ > 1, and it is less", 1 - place * x, 1 / (1 + x) ** 2)
    yield Identity("KL(O‖T_ε)/d = ln n/d + ½ ln ε², the kernel's r/2ε² being ½", _RATE + sp.log(place) / 2, _REST)


def _best_kernel_divergence(f: Formula) -> Iterator[Step]:
    yield from _nearest()
    yield Identity("α is the rate", f.equation, alpha - _RATE)
    yield Identity("the divergence", f.expr, _REST)
    yield Limit("few points: half of ln 2 a dimension is left, at ε² = 2σ²", f.expr.doit(), snr, 0, sp.log(2) / 2)
    yield Premise("the nearest point is the typical one", "derrida1981", "criteria.best_kernel_divergence")


def _divergence_bounds(f: Formula) -> Iterator[Step]:
    assert f.unknown
    most, least = 3 * snr**2 / 4, sp.log(1 + snr) / 2 - sp.Rational(1, 8)
    above = sp.diff((most - _RATE).doit(), snr)
    shown = snr**2 * (3 * snr**2 + 9 * snr + 8) / (2 * (1 + snr) ** 3)
    yield Identity("the rate is below ¾χ²: their difference rises", above, shown)
    yield Identity("and above ½ ln(1+χ) − ⅛", (_RATE - least).doit(), (snr - 1) ** 2 / (8 * (1 + snr) ** 2))
    points = tuple({alpha: at} for at in (1e-6, 0.01, 0.2, 1, 5))
    claim = "the rate is α between where its two bounds are"
    yield Bracket(claim, f.unknown, (most, alpha), (least, alpha), points)


best_kernel_divergence = Formula(
    name="best_kernel_divergence",
    variables=(variable(alpha),),
    branches=(Branch(_REST),),
    kind="asymptotic",
    regime="min over ε of KL(O‖T_ε)/d, nats, T_ε the Gaussian kernel estimate of n = e^{αd} isotropic points, d → ∞",
    source="derived here; random energies derrida1981",
    derivation=_best_kernel_divergence,
    bounds=_divergence_bounds,
    unknown=unknown(snr, alpha - _RATE, sp.sqrt(4 * alpha / 3), sp.exp(2 * alpha + sp.Rational(1, 4)) - 1),
)

_SLOPE = 2 * sp.sqrt(3) / (3 - 2 * sp.log(2))


def _best_kernel_samples(f: Formula) -> Iterator[Step]:
    y = sp.Symbol("y", positive=True)  # d = n/(1+y)
    reverse = kl_multistep_reverse.derivation(kl_multistep_reverse)
    (limit,) = {step.value for step in reverse if isinstance(step, Limit) and step.variable == d}
    (own,) = limit.free_symbols  # per dimension at n = d(1+y)
    rest = limit.subs(own, y)
    yield Identity("at n = 2d G leaves ½ ln 2 a dimension", rest.subs(y, 1), sp.log(2) / 2)
    yield Identity("the best kernel leaves as much where ln n ≪ d", sp.limit(_REST.doit(), snr, 0), sp.log(2) / 2)
    yield Limit("beyond, it gains ¾χ", (_REST.doit() - sp.log(2) / 2) / snr, snr, 0, -sp.Rational(3, 4))
    yield Limit("at a rate of ¾χ²", _RATE.doit() / snr**2, snr, 0, sp.Rational(3, 4))
    slope = sp.diff(rest, y).subs(y, 1)  # of KL in n/d
    gained = -sp.Rational(3, 4) * sp.sqrt(4 * alpha / 3)
    yield Identity(
        "G has to gain as much: n/d = 2 + (2√3/(3−2 ln 2))√α", 2 + gained / slope, 2 + _SLOPE * sp.sqrt(alpha)
    )
    yield Identity("at α = ln n/d", f.equation, n - d * (2 + _SLOPE * sp.sqrt(sp.log(n) / d)))
    yield Identity("the n of it", f.expr, n)


def _samples_bounds(f: Formula) -> Iterator[Step]:
    assert f.unknown
    points = tuple({d: size} for size in (16, 64, 400, 1e6))
    yield Bracket("from the limit to twice its n", f.unknown, (n / d, 2), (n / d, 4), points)
    yield Edge("tried from 16 dimensions on", f.variables[0], "lower", d / 16, 1, included=True)


best_kernel_samples = Formula(
    name="best_kernel_samples",
    variables=(variable(d, at_least(16)),),
    branches=(Branch(n),),
    kind="asymptotic",
    regime="n beyond which G = N(x̄, S) gives fresh points a higher likelihood than any Gaussian kernel estimate of the "
    "same n points; to first order in √(ln n/d)",
    source="derived here",
    derivation=_best_kernel_samples,
    bounds=_samples_bounds,
    rests_on=(best_kernel_divergence, kl_multistep_reverse),
    unknown=unknown(n, n - d * (2 + _SLOPE * sp.sqrt(sp.log(n) / d)), 2 * d, 4 * d),
)
