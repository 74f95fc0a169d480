"""Where training takes a denoiser, between the population's and the training set's, and when.

For data of known law the memorized fraction a and the error b² (in units of ‖D_emp − D_pop‖²) place a denoiser D in the
plane through D_pop, at (0, 0), and D_emp, at (1, 0).  What minimises the training loss within a linear class that holds
D_pop is the projection of D_emp on it: it sees D_pop and D_emp at a right angle, and lies on the circle of Thales over
them.  The linear denoiser is the example that is solved here, in the data's units: σ = 1, τ² = (1−ρ)/ρ, and noise so
small that D_emp returns the training point (below the collapse width, theory/collapse).
"""

from collections.abc import Iterator

import sympy as sp

from theory.core.bounds import Bracket, Condition, Edge
from theory.core.formula import Branch, Formula
from theory.core.mean import Mean, single
from theory.core.steps import Identity, Limit, Premise, Step, shared
from theory.letters import INSIDE, gamma, kappa, memorized, orthogonal, rho, sample, span, tau2, time, unknown, variable
from theory.spectra import mp_resolvent

# Coordinates of D_emp − D_pop on three orthonormal directions of the class, and outside it.
_c, _r = sp.symbols("c1:4", real=True), sp.Symbol("r", positive=True)

_SEPARATION = sum(c**2 for c in _c) + _r**2


def _at(kept: tuple[sp.Expr, ...], outside: sp.Expr = sp.S.Zero) -> dict[sp.Symbol, sp.Expr]:
    """Values of a and b² for the denoiser whose coordinates are these parts of those of D_emp."""
    a = (sum(f * c**2 for f, c in zip(kept, _c, strict=True)) + outside * _r**2) / _SEPARATION
    total = (sum((f * c) ** 2 for f, c in zip(kept, _c, strict=True)) + (outside * _r) ** 2) / _SEPARATION
    return {memorized: a, orthogonal: total - a**2}


def _projection(f: Formula) -> Iterator[Step]:
    projected = _at((sp.S.One,) * 3)
    yield Identity(
        "b² = a − a² for the projection of D_emp on the class", projected[orthogonal], f.expr.subs(projected)
    )
    x, e, p = sp.symbols("x e p", real=True)
    yield Identity(
        "the loss E|x−D|² is E|x−D_emp|² + ‖D_emp−D‖² where E (x−D_emp)·(D_emp−D) = 0: its minimum is the projection",
        sp.expand((x - p) ** 2),
        sp.expand((x - e) ** 2 + (e - p) ** 2 + 2 * (x - e) * (e - p)),
    )
    parts = sp.symbols("f1:4", positive=True)
    stopped = _at(parts)
    inside = sum(f_ * (1 - f_) * c**2 for f_, c in zip(parts, _c, strict=True)) / _SEPARATION
    yield Identity(
        "gradient flow from D_pop keeps parts f of the coordinates, 0 ≤ f ≤ 1: a(1−a) − b² = ⟨f(1−f)⟩ ≥ 0, inside",
        f.expr.subs(stopped) - stopped[orthogonal],
        inside,
    )
    yield Identity("at D_pop", f.expr.subs(memorized, 0), 0)
    yield Identity("and at D_emp there is no error but memory", f.expr.subs(memorized, 1), 0)
    yield Premise(
        "D_emp is the mean of x given u over the training set, so that E (x − D_emp(u))·g(u) = 0 for every g",
        "argued here",
        "training.projection_error",
    )


projection_error = Formula(
    name="projection_error",
    variables=(variable(memorized),),
    branches=(Branch(memorized * (1 - memorized)),),
    kind="identity",
    regime="b² of the minimiser of the training loss at one noise level, the noise averaged, in any linear class of "
    "functions of u that holds D_pop; at noised training points",
    source="derived here",
    derivation=_projection,
)


def _gain(f: Formula) -> Iterator[Step]:
    kept, outside = sp.symbols("f1:4", real=True), sp.Symbol("f4", real=True)
    at = _at(kept, outside) | {span: _SEPARATION}
    whole = _SEPARATION
    left = sum(((1 - f_) * c) ** 2 for f_, c in zip(kept, _c, strict=True)) + ((1 - outside) * _r) ** 2
    yield Identity("‖D_emp−D_pop‖² − ‖D_emp−D‖², D any function", whole - left, f.expr.subs(at))
    yield Identity("D_emp gains all of it", f.expr.subs({memorized: 1, orthogonal: 0}), span)
    yield Identity("the projection gains a of it", f.expr.subs(orthogonal, projection_error.expr), memorized * span)
    yield Premise("E (x − D_emp(u))·g(u) = 0 at noised training points", "argued here", "training.training_gain")


training_gain = Formula(
    name="training_gain",
    variables=(variable(memorized), variable(orthogonal), variable(span)),
    branches=(Branch(span * (2 * memorized - memorized**2 - orthogonal)),),
    kind="identity",
    regime="loss of D_pop less that of D at one noise level, per dimension, at noised training points",
    source="derived here",
    derivation=_gain,
    rests_on=(projection_error,),
)

# -- the linear denoiser -------------------------------------------------------------------------------------------


TAU2 = (1 - rho) / rho


# What training has made of an eigenvalue, from 0.
_KEPT = sample / (sample + TAU2) * (1 - sp.exp(-time * (sample + TAU2)))

_EXCESS = ((1 - rho) * (sample - 1) - sample * sp.exp(-time * (sample + TAU2))) / (sample + TAU2)  # less ρ

_APART = (1 - rho) ** 2 * sample + rho**2 * TAU2  # E(x − D_pop)²

_NORM = (1 - rho) * Mean(sample, sample) + rho  # ‖x − D_pop‖²/(1−ρ)


@shared
def _flow() -> Iterator[Step]:
    """The flow, and ‖D_emp − D_pop‖² where D_emp(x+τξ) = x; u = x + τξ has variance s + τ², and covers x by s."""
    w = _KEPT
    yield Identity(
        "dw/dt = s − w(s + τ²): ½E(x − wu)² = ½s − ws + ½w²(s+τ²) falls", sp.diff(w, time), sample - w * (sample + TAU2)
    )
    yield Identity("from w = 0", w.subs(time, 0), 0)
    yield Identity("E(x − ρu)² = (1−ρ)²s + ρ²τ²", _APART, (1 - rho) * single(_NORM))


_THREE = sp.symbols("s1:4", positive=True)


def _over_three(expr: sp.Expr) -> sp.Expr:
    """The expression for a spectrum of three eigenvalues: in ratios and products it matters where averages are."""
    return expr.replace(lambda e: isinstance(e, Mean), lambda e: e.over(_THREE))


def _at_rates(expr: sp.Expr) -> sp.Expr:
    """The expression with e^{−t(s+τ²)}, what is left of each mode, as a letter: a rational function."""
    return expr.replace(sp.exp, lambda power: sp.Symbol(f"k({power / time})".replace(" ", ""), positive=True))


def _average(value: sp.Expr) -> sp.Expr:
    return sum(value.subs(sample, s) for s in _THREE) / 3


def _no_noise(f: Formula) -> Iterator[Step]:
    yield Edge("without noise, τ² = 0, D_pop is D_emp", f.variables[1], "upper", TAU2, 0)


def _early_fraction(f: Formula) -> Iterator[Step]:
    yield from _flow()
    w = sp.Symbol("w", real=True)
    inner = (w - rho) * ((1 - rho) * sample - rho * TAU2)
    yield Identity("E (w−ρ)u·(x−ρu) = (w−ρ)(1−ρ)(s−1)", inner, (w - rho) * (1 - rho) * (sample - 1))
    yield Identity(
        "summed over directions, over ‖x − D_pop‖² likewise",
        _over_three(f.expr) * _average(_APART),
        _average((_KEPT - rho) * (1 - rho) * (sample - 1)),
    )
    start = single(f.expr.subs(time, 0)) * single(_NORM)
    yield Identity("at the start −ρ(⟨s⟩ − 1), 0 on average: nothing is memorized", start, rho * (1 - sample))


early_stopped_fraction = Formula(
    name="early_stopped_fraction",
    variables=(variable(sample), variable(rho, INSIDE), variable(time)),
    branches=(Branch(Mean(_EXCESS * (sample - 1), sample) / _NORM),),
    kind="exact",
    regime="a of the linear denoiser under gradient flow from 0, its noise averaged, for one training set of an "
    "isotropic law of mean 0, below its collapse width; at noised training points",
    source="derived here; the modes' flow wang2025",
    derivation=_early_fraction,
    bounds=_no_noise,
)


def _early_error(f: Formula) -> Iterator[Step]:
    yield from _flow()
    yield Identity(
        "(s+τ²)/(1−ρ) is (s−1)²/((1−ρ)s+ρ), along the line, and s/(ρ(1−ρ)((1−ρ)s+ρ)), across it",
        (sample + TAU2) / (1 - rho),
        ((sample - 1) ** 2 + sample / (rho * (1 - rho))) / single(_NORM),
    )
    weights, parts = sp.symbols("n1:4", positive=True), sp.symbols("p1:4", real=True)
    a = sum(parts) / sum(weights)
    squares = sum(p**2 / n for p, n in zip(parts, weights, strict=True))
    apart = sum(n * (p / n - a) ** 2 for p, n in zip(parts, weights, strict=True))
    yield Identity(
        "a mean square less the square of a mean is a mean square of differences", squares - a * sum(parts), apart
    )
    numbers = dict(zip(_THREE, (sp.Rational(1, 2), 2, 3), strict=True))  # any ρ and time, where the sums are
    total = _average((_KEPT - rho) ** 2 * (sample + TAU2)) / _average(_APART)
    less = total - _over_three(early_stopped_fraction.expr) ** 2
    claim = "E (w−ρ)²u² over ‖x − D_pop‖², less a²"
    yield Identity(claim, *(_at_rates(side.subs(numbers)) for side in (_over_three(f.expr), less)))
    trained, at_end = sample / (sample + TAU2) - rho, (1 - rho) * (sample - 1)
    yield Identity(
        "at the end of training (w−ρ)(s+τ²) = (1−ρ)(s−1), whence b² + a² = a: projection_error",
        trained * (sample + TAU2),
        at_end,
    )


_PLACE = _EXCESS * (sample - 1) / single(_NORM)  # a of one direction

# Sums of what is positive: within each direction, and among directions, where a differs
_WITHIN = _EXCESS**2 * sample / (rho * (1 - rho) * single(_NORM))

_AMONG = single(_NORM) * (_PLACE - early_stopped_fraction.expr) ** 2


early_stopped_error = Formula(
    name="early_stopped_error",
    variables=(variable(sample), variable(rho, INSIDE), variable(time)),
    branches=(Branch(Mean(_WITHIN + _AMONG, sample) / _NORM),),
    kind="exact",
    regime="b² of the same",
    source="derived here; the modes' flow wang2025",
    derivation=_early_error,
    bounds=_no_noise,
    rests_on=(early_stopped_fraction, projection_error),
)


def _linear_fraction(f: Formula) -> Iterator[Step]:
    trained = _KEPT.subs(sp.exp(-time * (sample + TAU2)), 0)
    yield Identity("an eigenvalue is trained to s/(s+τ²)", trained, sample / (sample + TAU2))
    one = (trained - rho) * (sample - 1)
    # ⟨s⟩ = 1 at large d, so that the norm of early_stopped_fraction is 1.
    g = sp.Symbol("g", positive=True)  # ⟨1/(s+τ²)⟩
    yield Identity(
        "(s/(s+τ²) − ρ)(s−1) = (1−ρ)[s − 2 − τ² + (1+τ²)²/(s+τ²)]",
        one,
        (1 - rho) * (sample - 2 - TAU2 + (1 + TAU2) ** 2 / (sample + TAU2)),
    )
    averaged = (1 - rho) * (-1 - TAU2 + (1 + TAU2) ** 2 * g)
    level = sp.Symbol("l", positive=True)
    level_of_kappa = kappa - gamma * kappa / (1 + kappa)
    yield Identity(
        "⟨1/(s+τ²)⟩ = κ/((1+κ)τ²), κ − τ² = γκ/(1+κ)",
        averaged.subs(g, kappa / ((1 + kappa) * TAU2)).subs(rho, 1 / (1 + level)).subs(level, level_of_kappa),
        f.branches[0].value,
    )
    resolved = kappa / ((1 + kappa) * level_of_kappa)
    yield Identity(
        "that is the resolvent of the Marchenko–Pastur law, mp_resolvent, squared out of its root, for every γ",
        (2 * gamma * tau2 * resolved + tau2 + 1 - gamma) ** 2 - ((tau2 + 1 + gamma) ** 2 - 4 * gamma),
        0,
        {tau2: level_of_kappa},
    )
    root = sp.sqrt((tau2 + 1 - gamma) ** 2 + 4 * gamma * tau2)
    yield Identity("whose root it is", mp_resolvent.expr, (root - (tau2 + 1 - gamma)) / (2 * gamma * tau2))
    yield Identity(
        "the equation of κ, times 1+κ", f.equation, (1 + kappa) * (kappa - TAU2 - gamma * kappa / (1 + kappa))
    )
    edge = f.branches[0].value.subs(kappa, gamma - 1)
    yield Identity("τ → 0 below n = d: κ → γ − 1, a → 1 − n/d", edge, 1 - 1 / gamma)
    yield Limit("and above: κ → 0, a → 0", f.branches[0].value, kappa, 0, 0)
    yield Premise(
        "spectral averages concentrate on the Marchenko–Pastur law",
        "marchenko1967",
        "training.linear_memorized_fraction",
    )


def _linear_fraction_bounds(f: Formula) -> Iterator[Step]:
    assert f.unknown
    above = (gamma - 1 + sp.Abs(gamma - 1)) / 2
    yield Bracket(
        "κ ≥ τ² + (γ−1)₊ and κ ≤ τ² + γ, as for renormalised_noise; with room of a factor 2",
        f.unknown,
        (2 * kappa - TAU2, above),
        (kappa / 2 - TAU2, gamma),
        tuple({gamma: g, rho: r} for g, r in ((0.5, 0.5), (3, 0.99), (1, 0.9), (0.01, 0.1))),
    )


linear_memorized_fraction = Formula(
    name="linear_memorized_fraction",
    variables=(variable(gamma), variable(rho)),
    branches=(Branch(gamma * kappa / (1 + kappa) ** 2),),
    kind="asymptotic",
    regime="a of the linear denoiser trained to the end, its noise averaged, isotropic law, n, d → ∞ at d/n = γ, below "
    "the collapse width; b² = a(1−a); at noised training points",
    source="derived here",
    derivation=_linear_fraction,
    bounds=_linear_fraction_bounds,
    rests_on=(early_stopped_fraction, mp_resolvent),
    unknown=unknown(
        kappa,
        kappa * (kappa + (1 - gamma) - TAU2) - TAU2,  # κ − τ² − γκ/(1+κ), times 1+κ: without cancellation
        (TAU2 + (gamma - 1 + sp.Abs(gamma - 1)) / 2) / 2,
        2 * (TAU2 + gamma),
    ),
)


def _linear_peak(f: Formula) -> Iterator[Step]:
    value = linear_memorized_fraction.branches[0].value
    slope = sp.diff(value, kappa)
    yield Identity("largest at κ = 1", slope, gamma * (1 - kappa) / (1 + kappa) ** 3)
    yield Identity("where a = γ/4", value.subs(kappa, 1), f.branches[0].value)
    level = kappa - gamma * kappa / (1 + kappa)
    yield Identity("reached at τ² = 1 − γ/2, if that is not negative", level.subs(kappa, 1), 1 - gamma / 2)
    yield Identity("beyond, at the smallest κ = γ − 1, where τ = 0", value.subs(kappa, gamma - 1), f.branches[1].value)
    yield Identity("the phases meet", f.branches[0].value.subs(gamma, 2), f.branches[1].value.subs(gamma, 2))
    yield Identity("one half at n = d/2", f.branches[0].value.subs(gamma, 2), sp.Rational(1, 2))
    for at, peak in ((sp.Rational(7, 4), sp.Rational(7, 16)), (sp.Rational(5, 2), sp.Rational(3, 5))):
        yield Identity(f"on its side of γ = 2: γ = {at}", f.expr.subs(gamma, at), peak)


def _linear_peak_bounds(f: Formula) -> Iterator[Step]:
    level = kappa - gamma * kappa / (1 + kappa)
    yield Condition("κ = 1 is reached at a noise τ² ≥ 0", f.branches[0].condition, level.subs(kappa, 1) >= 0)


linear_memorized_peak = Formula(
    name="linear_memorized_peak",
    variables=(variable(gamma),),
    branches=(Branch(gamma / 4, gamma <= 2), Branch(1 - 1 / gamma)),
    kind="asymptotic",
    regime="the largest linear_memorized_fraction of any noise below the collapse width: at τ² = 1 − γ/2, for γ ≥ 2 as "
    "τ → 0; beyond that width D_emp itself becomes linear, and a rises again",
    source="derived here",
    derivation=_linear_peak,
    bounds=_linear_peak_bounds,
    rests_on=(linear_memorized_fraction,),
)


def _time_ratio(f: Formula) -> Iterator[Step]:
    root = sp.Symbol("c", positive=True)  # √γ
    first, last = (1 + root) ** 2 + TAU2, (1 - root) ** 2 + TAU2
    yield Identity("rates s + τ² at the edges of the spectrum", f.expr.subs(gamma, root**2), first / last)
    rate = -sp.diff(sp.log(1 - _KEPT * (sample + TAU2) / sample), time)
    yield Identity("an eigenvalue is learnt at the rate s + τ²", rate, sample + TAU2)
    yield Limit("one time for all as n → ∞: nothing grows with n", f.expr, gamma, 0, 1)
    yield Identity("at n = d, 1 + 4/τ²: slow under small noise", f.expr.subs(gamma, 1), 1 + 4 / TAU2)
    yield Premise("the extreme eigenvalues reach the edges", "bai1993", "training.linear_time_ratio")


linear_time_ratio = Formula(
    name="linear_time_ratio",
    variables=(variable(gamma), variable(rho, INSIDE)),
    branches=(Branch(((1 + sp.sqrt(gamma)) ** 2 + TAU2) / ((1 - sp.sqrt(gamma)) ** 2 + TAU2)),),
    kind="asymptotic",
    regime="slowest over fastest time of the directions that a linear denoiser learns (s > 0); isotropic law, n, d → ∞ "
    "at d/n = γ",
    source="derived here",
    derivation=_time_ratio,
    bounds=_no_noise,
)
