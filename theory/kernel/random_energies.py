"""Condensation: what happens to the weight of the other points, beyond its average?

At u = x_1 + εz the other n − 1 points of N(0, I) weigh Z_{1^c} = Σ exp(−|u − x_i|²/2ε²), a random-energy model at
inverse temperature 1 with e^{αd} levels, α = ln n/d.  Its mean is right while enough points lie where the mean comes
from.  With fewer than e^{d·KL} of them, KL the divergence per dimension of the posterior from the law of the data, the
sum is carried by the nearest few, and a finite number of points share it: it is condensed, and weighs less than its
mean.  At a typical u that KL is ½ ln(1+1/ε²), where also the own term takes over, so annealed and quenched agree on
the collapse.  Nearer to the middle of the data they do not: there the others are condensed before.

Lengths are in units of σ, the standard deviation of the data; e = ε².  χ = β_c/ε² is the signal-to-noise ratio that the
condensed points have: the temperature at which they would fill their level.
"""

from collections.abc import Iterator

import sympy as sp

from theory.core.bounds import Bracket, Condition
from theory.core.formula import Branch, Formula
from theory.core.special import narrowing
from theory.core.steps import Identity, Premise, Quadrature, Step, shared
from theory.letters import alpha, eigenvalue, snr, unknown, variable, width

e = width**2


def entropy(place2: sp.Expr) -> sp.Expr:
    """βψ' − ψ at β = χε², |u|² = place2·d: the α below which the levels of that temperature are empty."""
    return (narrowing(snr) + place2 * snr**2 / (1 + snr) ** 2) / 2


def level(place2: sp.Expr) -> sp.Expr:
    """ψ'(β) at β = χε²: the exponent −|u − x_i|²/2ε²d of the points that carry the mean of Σ exp(−β|u − x_i|²/2ε²)."""
    return -(1 / (1 + snr) + place2 / (1 + snr) ** 2) / (2 * e)


@shared
def random_energies(place2: sp.Expr) -> Iterator[Step]:
    beta, y, u = sp.symbols("beta y u", positive=True)
    strength = beta / e
    exponent = -beta * (u - y) ** 2 / (2 * e) - y**2 / 2
    around = strength * u / (1 + strength)
    square = -(1 + strength) * (y - around) ** 2 / 2 - strength * u**2 / (2 * (1 + strength))
    yield Identity("one direction of E exp(−β|u−X|²/2ε²): the square completed", sp.expand(exponent - square), 0)
    z, k = sp.Symbol("z", real=True), sp.Symbol("k", positive=True)
    gauss = sp.exp(-(k**2) * z**2 / 2) / sp.sqrt(2 * sp.pi)
    yield Quadrature(
        "and integrated: (1+β/ε²)^{−1/2}", gauss, (z, -sp.oo, 0, sp.oo), 1 / k, ({k: 2}, {k: sp.Rational(1, 3)})
    )
    psi = -sp.log(1 + strength) / 2 - strength * place2 / (2 * (1 + strength))
    at = {beta: snr * e}
    yield Identity("their exponent is ψ'(β)", sp.diff(psi, beta).subs(at), level(place2))
    yield Identity(
        "how rare they are: βψ' − ψ, their KL divergence from the data",
        (beta * sp.diff(psi, beta) - psi).subs(at),
        entropy(place2).doit(),
    )


FROZEN = Premise(
    "levels that hold less than one of e^{αd} points are empty; the sum is then its largest terms",
    "derrida1981",
    "condensation.quenched_ratio",
)

_OPEN = sp.log(1 + 1 / e) / 2  # α beyond which the mean is right at a typical place: KL of the posterior

_TYPICAL = 1 + e  # |u|²/d there

# χ = 1/ε² at α = _OPEN; the bracket is wider, since a rounding may take the root beyond
_X = unknown(snr, alpha - entropy(_TYPICAL), sp.sqrt(alpha / (sp.Rational(3, 2) + e)), 2 / e)


def _condensed(f: Formula) -> Iterator[Step]:
    yield from random_energies(_TYPICAL)
    yield FROZEN
    yield Identity(
        "at |u|² = d(1+ε²) the levels of inverse temperature χε² hold e^{αd}", f.equation, alpha - entropy(_TYPICAL)
    )
    yield Identity(
        "those of temperature 1 do at α = ½ ln(1+1/ε²), I(x_0; u) = ln n",
        (alpha - f.equation).subs(snr, 1 / e).doit(),
        _OPEN,
    )


def _condensed_bounds(f: Formula) -> Iterator[Step]:
    begins = sp.simplify(entropy(_TYPICAL).doit().subs(snr, 1 / e))
    yield Condition("e^{αd} points fill the level of temperature 1", f.branches[0].condition, alpha >= begins)
    assert f.unknown
    yield Bracket(
        "the entropy is at most (3/2+ε²)χ², and χ is at most 1/ε², where the phases meet; twice that",
        f.unknown,
        ((sp.Rational(3, 2) + e) * snr**2, alpha),
        (e * snr, 2),
        tuple({alpha: a, width: w} for a, w in ((0.1, 0.5), (1e-3, 1), (2, 0.1), (0.01, 3))),
    )


def _condensation(f: Formula) -> Iterator[Step]:
    yield from _condensed(f)
    yield Identity("β_c = χ ε²", f.branches[1].value, snr * e)
    yield Identity("which is 1 where condensation begins", f.branches[1].value.subs(snr, 1 / e), f.branches[0].value)


condensation = Formula(
    name="condensation",
    variables=(variable(alpha), variable(width, unit="σ")),
    branches=(Branch(sp.S.One, alpha >= _OPEN), Branch(snr * e)),
    kind="asymptotic",
    regime="β_c, the inverse temperature at which the other points condense, typical u, d → ∞; 1 where they do not",
    source="derived here; the transition of derrida1981",
    derivation=_condensation,
    bounds=_condensed_bounds,
    unknown=_X,
)


def _quenched_ratio(f: Formula) -> Iterator[Step]:
    yield from _condensed(f)
    own = -sp.Rational(1, 2)  # ln Z_1/d at |z|² = d
    yield Identity("condensed: the level itself, by the own term", f.branches[1].value, level(_TYPICAL) - own)
    yield Identity("else the mean", f.branches[0].value, alpha - _OPEN)
    yield Identity("the two meet at 0, where the own term takes over", f.branches[1].value.subs(snr, 1 / e), 0)
    slope = sp.diff(level(_TYPICAL), snr) / sp.diff(entropy(_TYPICAL).doit(), snr)
    yield Identity(
        "∂/∂α = 1/β_c ≥ 1: condensed sums grow faster than n, and lie below their mean", slope, 1 / (snr * e)
    )
    seed = sp.exp(2 * _OPEN.subs(width, sp.exp(-alpha)))
    yield Identity("at the paper's width e^{2α} is 1 short of it: always condensed", seed - sp.exp(2 * alpha), 1)


quenched_ratio = Formula(
    name="quenched_ratio",
    variables=(variable(alpha), variable(width, unit="σ")),
    branches=(
        Branch(alpha - sp.log(1 + 1 / e) / 2, alpha >= _OPEN),
        Branch((1 - (1 / (1 + snr) + (1 + e) / (1 + snr) ** 2) / e) / 2),
    ),
    kind="asymptotic",
    regime="(1/d) ln Z_{1^c}/Z_1 at a typical u of component 1, d → ∞ at fixed α: the value, not the mean",
    source="derived here; Z_1 and Z_{1^c} of halder2024 eq. (11), reconstructed",
    derivation=_quenched_ratio,
    bounds=_condensed_bounds,
    unknown=_X,
)


def _participation(f: Formula) -> Iterator[Step]:
    yield from _condensed(f)
    m, s, z = sp.Symbol("m", positive=True), sp.Symbol("s", positive=True), sp.Symbol("z", positive=True)
    # Weights z_i/Σz of a Poisson process of intensity m z^{−1−m}: E Σz²/(Σz)² = ∫ s ds E Σz² e^{−sΣz}.
    pairs = m * z ** (1 - m) * sp.exp(-s * z)
    yield Identity(
        "E Σz² e^{−sz} of the process",
        sp.integrate(pairs, (z, 0, sp.oo), conds="none"),
        m * sp.gamma(2 - m) * s ** (m - 2),
    )
    half = {m: sp.Rational(1, 2)}
    alone = (m * z ** (-1 - m) * (1 - sp.exp(-s * z))).subs(half)
    yield Quadrature(
        "−ln E e^{−sΣz} = Γ(1−m) s^m (m = ½)",
        alone,
        (z, 0, 1, 100, sp.oo),
        (sp.gamma(1 - m) * s**m).subs(half),
        ({s: 1}, {s: 3}),
        digits=8,
    )
    y = sp.Symbol("y", positive=True)  # Γ(1−m) s^m, ds/s = dy/(m y)
    yield Identity(
        "together, in y = Γ(1−m) s^m: 1 − m",
        sp.gammasimp(sp.gamma(2 - m) / sp.gamma(1 - m)) * sp.integrate(sp.exp(-y), (y, 0, sp.oo)),
        1 - m,
    )
    yield Identity(
        "m = β_c: the intensity of levels e^{β_c E} at inverse temperature 1",
        f.branches[1].value,
        (1 - m).subs(m, snr * e),
    )
    yield Identity("no point has a share in a sum that is its mean", f.branches[0].value, 0)


participation = Formula(
    name="participation",
    variables=(variable(alpha), variable(width, unit="σ")),
    branches=(Branch(sp.S.Zero, alpha >= _OPEN), Branch(1 - snr * e)),
    kind="asymptotic",
    regime="E Σ w_i² of the posterior weights at a fresh typical u, d → ∞: one over the number of points that share u",
    source="derived here",
    derivation=_participation,
    bounds=_condensed_bounds,
    unknown=_X,
)


def _condensed_gain(f: Formula) -> Iterator[Step]:
    yield from _condensed(f)
    beta, variance, v = sp.symbols("beta variance v", positive=True)
    posterior = 1 / (1 / variance + beta / e)
    yield Identity(
        "points of the condensed level vary by λε²/(β_cλ+ε²)", posterior, variance * e / (beta * variance + e)
    )
    weights = sp.symbols("w1:4", positive=True)
    # E of Σ w c² − (Σ w c)² over independent c of variance v
    spread = sum(w * v for w in weights) - sum(w**2 * v for w in weights)
    squared = sum(w**2 for w in weights)
    yield Identity(
        "weights w_i see (1 − Σw_i²) of it",
        spread.subs(weights[0], 1 - weights[1] - weights[2]),
        (v * (1 - squared)).subs(weights[0], 1 - weights[1] - weights[2]),
    )
    share = 1 - participation.branches[1].value
    gain = share * posterior.subs({beta: snr * e, variance: eigenvalue}) / e
    yield Identity("∂D/∂u is that covariance by ε²", f.branches[1].value, gain)
    yield Identity("it is Wiener's gain where nothing is condensed", f.branches[0].value, eigenvalue / (eigenvalue + e))
    yield Identity(
        "and Wiener's for λ reduced to β_cλ beyond",
        gain,
        (beta * eigenvalue / (beta * eigenvalue + e)).subs(beta, snr * e),
    )


condensed_gain = Formula(
    name="condensed_gain",
    variables=(
        variable(alpha),
        variable(width, unit="σ"),
        variable(eigenvalue),
    ),
    branches=(
        Branch(eigenvalue / (eigenvalue + e), alpha >= _OPEN),
        Branch(snr * eigenvalue / (snr * eigenvalue + 1)),
    ),
    kind="asymptotic",
    regime="mean of ∂D/∂u of the empirical denoiser along a direction of variance λ at a fresh typical u, d → ∞",
    source="derived here",
    derivation=_condensed_gain,
    bounds=_condensed_bounds,
    rests_on=(participation,),
    unknown=_X,
)
