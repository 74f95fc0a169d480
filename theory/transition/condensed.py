"""The transition probability in many dimensions, where few of the n points carry the overlap.

A sum of n terms e^{−Q/2} is condensed if there are fewer points than sample its mean: the largest terms carry it.  Near
the largest their exponents are a Poisson process, e^{−μx} of them beyond x, and the sum is a positive stable variable
of exponent μ < 1: 1 where it condenses, and 0 where a single term is left.  To leading order in d, μ is β_c, the
inverse temperature at which the random-energy model of the terms condenses.  It is taken one order further, since
orders are powers of 1/ln n: the largest of n terms is where n P(Q < Q*) = 1, and μ is the slope of ln P there.  That a
point was trained on multiplies its term by e^g, so P is the probability that of two equal stable variables one exceeds
the other e^g times.
"""

from collections.abc import Iterator

import sympy as sp

from theory.core.bounds import Bracket, Condition, Edge
from theory.core.formula import Branch, Formula
from theory.core.mean import Mean, single
from theory.core.special import log_add, narrowing
from theory.core.stable import log_mills, log_stable_excess
from theory.core.steps import Identity, Limit, Premise, Quadrature, Step
from theory.kernel.random_energies import entropy, level, random_energies
from theory.letters import (
    at_least,
    beta_c,
    d,
    distance,
    gap,
    mu,
    n,
    probability,
    q,
    sharpness,
    snr,
    unknown,
    variable,
    width,
)
from theory.transition.influence import few_points, leave_one_out, refit


# -- two condensed sums --------------------------------------------------------------------------------------------
def _arc(x: sp.Expr, m: sp.Expr) -> sp.Expr:
    return sp.acot((sp.exp(x) + sp.cos(sp.pi * m)) / sp.sin(sp.pi * m)) / (sp.pi * m)


def _stable_excess(f: Formula) -> Iterator[Step]:
    """S = Σz over a Poisson process of intensity m z^{−1−m}: its Laplace transform, moments, and the ratio of two."""
    m, r, s, x, y, z = sp.symbols("m r s x y z", positive=True)
    left, lost = m * z ** (-1 - m) * (1 - sp.exp(-s * z)), s * z**-m * sp.exp(-s * z)
    yield Identity("−ln E e^{−sS}, by parts", sp.diff(-(z**-m) * (1 - sp.exp(-s * z)), z), left - lost)
    laplace = sp.integrate(lost, (z, 0, sp.oo), conds="none")
    yield Identity("is Γ(1−m) s^m: S is positive stable", sp.gammasimp(laplace / sp.gamma(1 - m)), s**m)
    # E S^{−r} = ∫ s^{r−1} E e^{−sS} ds/Γ(r); with y = s^m, S in units in which Γ(1−m) drops out
    moment = sp.integrate(y ** (r / m - 1) * sp.exp(-y), (y, 0, sp.oo), conds="none") / (m * sp.gamma(r))
    negative = sp.gamma(1 + r / m) / sp.gamma(1 + r)
    yield Identity("E S^{−r} = Γ(1+r/m)/Γ(1+r)", sp.gammasimp(moment / negative), 1)
    ratio = sp.sin(sp.pi * r) / (m * sp.sin(sp.pi * r / m))
    mellin = sp.gammasimp(negative * negative.subs(r, -r) / ratio)
    yield Identity("E (S₁/S₂)^r, |r| < m, S₁ and S₂ independent", sp.simplify(mellin), 1)
    density = sp.sin(sp.pi * m) / sp.pi / (sp.exp(m * x) + 2 * sp.cos(sp.pi * m) + sp.exp(-m * x))
    half = sp.Rational(1, 2)
    tilted = density * (sp.exp(r * x) + sp.exp(-r * x))
    places = tuple({m: a, r: a * b} for a in (sp.Rational(3, 10), half, sp.Rational(4, 5)) for b in (half / 2, half))
    yield Quadrature("the law of ln S₁/S₂ with these moments (zolotarev1986)", tilted, (x, 0, 10, sp.oo), ratio, places)
    yield Identity("its integral from the gap on", sp.diff(_arc(m * x, m), x), -density)
    at = {m: sp.Rational(1, 3)}
    yield Limit("is 0 at ∞", _arc(x, m).subs(at), x, sp.oo, 0)
    doubled = sp.expand_trig((1 + sp.cos(2 * y)) / sp.sin(2 * y))  # y = πm/2
    yield Identity("½ without a gap: the arc of cot πm/2", doubled, sp.cos(y) / sp.sin(y))
    yield Identity("P(ln S₁/S₂ > g)", f.expr.doit(), _arc(mu * gap, mu))
    yield Limit("μ → 0 at fixed μg: the largest terms alone, a logistic", _arc(x, m), m, 0, 1 / (1 + sp.exp(x)))
    levy = 2 / sp.sqrt(sp.pi) * sp.exp(-(y**2)) * sp.erf(sp.exp(-x / 2) * y)
    points = tuple({x: k} for k in (half, 2, 5))
    claim = "μ = ½: two Lévy laws, S = 1/4y²"
    yield Quadrature(claim, levy, (y, 0, 1, sp.oo), f.expr.doit().subs({mu: half, gap: x}), points)


stable_excess = Formula(
    name="stable_excess",
    variables=(variable(gap), variable(mu)),
    branches=(Branch(sp.exp(log_stable_excess(mu * gap, mu))),),
    kind="exact",
    regime="P(S₁ > e^g S₂), S₁ and S₂ independent and positive stable of exponent μ",
    source="derived here; the ratio in zolotarev1986, lamperti1958",
    derivation=_stable_excess,
)

# -- any spectrum --------------------------------------------------------------------------------------------------
_RATE = d * Mean(narrowing(beta_c * sharpness), sharpness) / 2  # −ln P(Q < Q*), to leading order

_LEAST = d * Mean(sharpness / (1 + beta_c * sharpness), sharpness)  # Q*, of the points that carry a condensed sum

_OWN = d * Mean(sharpness**2 / (1 + beta_c * sharpness), sharpness)  # Σ q_j Q_j of those

_DEVIATION = sp.sqrt(d * Mean((sharpness / (1 + beta_c * sharpness)) ** 2, sharpness) / 2)  # of Q/2 among those

_SQUARES = d * Mean(sharpness**2, sharpness)

_HELD = _RATE + sp.log(2 * sp.pi) / 2 - log_mills(beta_c * _DEVIATION)  # −ln P(Q < Q*): n of which one is there


def _gained(least: sp.Expr, own: sp.Expr) -> sp.Expr:
    """½(Q − Q_in) of a point at Q = least, with Σ q_j Q_j = own."""
    return least * (least + 2 - own / least) / (2 * (n + least))


_GAP = _gained(_LEAST, _OWN)


def _slope(beta: sp.Expr, deviation: sp.Expr) -> sp.Expr:
    """μ = 1/(deviation × R)."""
    return sp.exp(-log_mills(beta * deviation)) / deviation


_EXPONENT = _slope(beta_c, _DEVIATION)

_STABLE = Premise(
    "near the largest of n terms their exponents are a Poisson process; condensed sums converge to stable ones",
    "benarous2005 and lepage1981; for these terms argued here",
    "transition.condensed_probability",
)

_TILTED = Premise(
    "under weights e^{−β_c Q/2} Q is normal near its mean: Q* is that mean",
    "bahadur1960",
    "test_transition.test_the_edge_is_that_of_the_exact_law",
)

_SHIFT = Premise(
    "g is taken at Q*: over the terms that count, 1/μ apart in ln, μg changes by Q/n, which vanishes at n ~ d^{3/2}",
    "argued here",
    "transition.condensed_probability_spectrum",
)


def _edge(f: Formula) -> Iterator[Step]:
    """Steps for where the largest of n terms are, and how many more there are below."""
    yield from random_energies(sp.S.Zero)
    beta = beta_c * sharpness  # the signal-to-noise ratio of a direction at inverse temperature β_c
    one = {snr: beta, width: 1 / sp.sqrt(sharpness)}
    steeper = (sp.diff(entropy(sp.S.Zero).doit(), snr) / sp.diff(level(sp.S.Zero), snr)).subs(one)
    yield Identity("a term e^x larger is e^{β_c x} times as rare, in every direction", steeper, beta_c)
    rarity, height = entropy(sp.S.Zero).subs(one), level(sp.S.Zero).subs(one)
    yield Identity("how rare the level of β_c is", _RATE, d * Mean(rarity, sharpness))
    yield Identity("there Q is Q*", single(-2 * d * Mean(sp.simplify(height), sharpness)), single(_LEAST))
    yield _TILTED
    yield Identity(
        "and Q/2 has the variance −∂(Q*/2)/∂β_c", single(_DEVIATION) ** 2, -sp.diff(single(_LEAST), beta_c) / 2
    )
    # P(Q < Q*) = e^{−rate} E[e^{−β_c y}; y > 0], y = ½(Q* − Q) under the weights
    b, v, y = sp.symbols("b v y", positive=True)
    normal = sp.exp(-(y**2) / (2 * v**2)) / (sp.sqrt(2 * sp.pi) * v)
    mills = sp.exp(log_mills(b * v).doit())
    places = tuple({b: x, v: z} for x, z in ((1, 1), (sp.Rational(1, 4), 10), (2, sp.Rational(1, 3))))
    held = mills / sp.sqrt(2 * sp.pi)
    yield Quadrature("P(Q < Q*) e^{rate} = R/√2π", normal * sp.exp(-b * y), (y, 0, 5, sp.oo), held, places)
    yield Identity("n P(Q < Q*) = 1", f.equation, sp.log(n) - _HELD)
    slope = normal.subs(y, 0) / held
    yield Identity("∂ ln P/∂(Q*/2), density by P, is μ", _slope(b, v).doit(), slope)
    w = sp.Symbol("w", positive=True)
    yield Limit("d → ∞: μ → β_c", w * sp.exp(log_mills(w).doit()), w, sp.oo, 1)


def _training_point() -> Iterator[Step]:
    """Steps for ½(Q − Q_in), as leave_one_out has it, where the directions differ."""
    yield from refit()
    s, k, own = sp.symbols("s k own", positive=True)
    shrunk = (s + k) / (s * (1 - 1 / n) + k)
    yield Limit("a direction of S(1−1/n): Q_j(1+q_j/n)", sp.cancel(n * (shrunk - 1)), n, sp.oo, s / (s + k))
    other = distance + own / n
    inside = (1 - 1 / n) ** 2 * other / (1 + other / n)
    both = sp.cancel(n * (distance - inside)), sp.cancel(2 * n * _gained(distance, own))
    stated = distance**2 + 2 * distance - own
    yield Limit("a training point gains, to order 1/n", both[0], n, sp.oo, stated)
    yield Limit("as stated", both[1], n, sp.oo, stated)
    alike = distance - leave_one_out.expr
    yield Identity("equal directions: leave_one_out", 2 * _gained(distance, q * distance), alike)


def _condensed_probability_spectrum(f: Formula) -> Iterator[Step]:
    yield from _edge(f)
    yield _STABLE
    yield from _training_point()
    yield _SHIFT
    law = stable_excess.expr.subs({gap: _GAP, mu: _EXPONENT}, simultaneous=True)
    yield Identity("so P(S₁ > e^g S₂) at g = ½(Q*−Q_in)", f.branches[0].value, law)
    rate = narrowing(beta_c * q).doit() / beta_c**2
    yield Limit("few points: ln n is β_c²Σq_j²/4", rate / 2, beta_c, 0, q**2 / 4)
    total, norm, odds = sp.symbols("total norm odds", positive=True)  # Σ q_j, √Σ q_j², ln(1/p − 1)
    few = 2 * sp.sqrt(sp.log(n)) / norm
    yield Identity(
        "then μg = μ(Σq_j)²/2n is ln(1/p−1) at n = (Σq_j)² √ln n/(‖q‖ ln(1/p−1))",
        few * total**2 / 2 / (total**2 * sp.sqrt(sp.log(n)) / (norm * odds)),
        odds,
    )


def _one_root() -> Iterator[Step]:
    rate, grown = narrowing(beta_c * q).doit(), beta_c * q / (1 + beta_c * q)
    yield Identity("the rate rises in β_c", sp.diff(rate, beta_c), beta_c * q**2 / (1 + beta_c * q) ** 2)
    yield Identity("and so does w = β_c × deviation", sp.diff(grown, beta_c), q / (1 + beta_c * q) ** 2)
    w = sp.Symbol("w", positive=True)
    mills = sp.exp(log_mills(w).doit())
    yield Identity("R' = wR − 1, negative: the equation falls, it has one root", sp.diff(mills, w), w * mills - 1)
    room = (beta_c * q) ** 2 / 2 - rate
    lost = beta_c**2 * q**3 * (2 + beta_c * q) / (1 + beta_c * q) ** 2
    yield Identity("the rate is at most β_c²q²/4 a direction", sp.diff(room, beta_c), lost)
    # so P is at least Φ(−w) at w² = β_c²Σq_j²/2; at w² = ½ ln n that is 1.2/n for n = 8 and more beyond


def _spectrum_bounds(f: Formula) -> Iterator[Step]:
    begins = (sp.log(n) - f.equation - (_HELD - _RATE)).subs(beta_c, 1)
    yield Condition("β_c < 1: the level of temperature 1 is empty", f.branches[0].condition, sp.log(n) < begins)
    yield from _one_root()
    assert f.unknown
    yield Bracket(
        "β_c²Σq_j² is ln n where even a normal law has more than one of n points below; and 1 is beyond the condition",
        f.unknown,
        (beta_c**2 * _SQUARES, sp.log(n)),
        (beta_c, 1),
        tuple({n: x, sharpness: (0.5, 0.9, 0.99) * k, d: 3 * k} for x, k in ((20, 20), (1e4, 100), (1e9, 200))),
    )
    yield few_points(f.variables[0])


condensed_probability_spectrum = Formula(
    name="condensed_probability_spectrum",
    variables=(variable(n, at_least(8)), variable(sharpness)),
    branches=(
        Branch(
            sp.exp(log_stable_excess(_EXPONENT * _GAP, _EXPONENT)),
            sp.log(n) < d * Mean(narrowing(sharpness), sharpness) / 2,
        ),
    ),
    kind="asymptotic",
    regime="P(⟨G,H⟩ > ⟨G,T⟩) for any spectrum, d → ∞, n ≫ Σq_j; ln n ≪ ½Σ[ln(1+q_j)−q_j/(1+q_j)]; "
    "log-odds to relative order 1/ln n, 2% at n = 10⁶ and P = 0.15; R: Mills' ratio",
    source="derived here",
    derivation=_condensed_probability_spectrum,
    bounds=_spectrum_bounds,
    rests_on=(leave_one_out, stable_excess),
    count=d,
    unknown=unknown(beta_c, sp.log(n) - _HELD, sp.sqrt(sp.log(n) / _SQUARES), sp.S.One),
)


# -- equal directions ----------------------------------------------------------------------------------------------
def _single(expr: sp.Expr) -> sp.Expr:
    """A spectral expression for equal directions."""
    return single(expr).subs(sharpness, q)


def _condensed_probability(f: Formula) -> Iterator[Step]:
    whole = condensed_probability_spectrum
    yield Identity("equal directions: n P(Q < Q*) = 1", f.equation, _single(whole.equation))
    yield Identity("there Q is Q*", _single(_LEAST), d * q / (1 + beta_c * q))
    gained = (distance - leave_one_out.expr).subs(distance, d * q / (1 + beta_c * q)) / 2
    yield Identity("g = ½(Q* − Q_in)", _single(_GAP), gained)
    law = stable_excess.expr.subs({gap: _single(_GAP), mu: _single(_EXPONENT)}, simultaneous=True)
    yield Identity("P(S₁ > e^g S₂)", f.branches[0].value, law)


def _condensed_probability_bounds(f: Formula) -> Iterator[Step]:
    begins = (sp.log(n) - f.equation - _single(_HELD - _RATE)).subs(beta_c, 1)
    yield Condition("β_c < 1: the level of temperature 1 is empty", f.branches[0].condition, sp.log(n) < begins)
    yield from _one_root()
    assert f.unknown
    yield Bracket(
        "β_c²q²d is ln n where even a normal law has more than one of n points below; and 1 is beyond the condition",
        f.unknown,
        (d * (beta_c * q) ** 2, sp.log(n)),
        (beta_c, 1),
        tuple({n: x, d: y, q: z} for x, y, z in ((20, 256, 0.5), (1e5, 1e3, 0.5), (1e3, 1e2, 0.9), (1e9, 1e5, 0.6))),
    )
    yield few_points(f.variables[0])


condensed_probability = Formula(
    name="condensed_probability",
    variables=(variable(n, at_least(8)), variable(d), variable(q)),
    branches=(
        Branch(
            sp.exp(log_stable_excess(_single(_EXPONENT * _GAP), _single(_EXPONENT))),
            sp.log(n) < d * narrowing(q) / 2,
        ),
    ),
    kind="asymptotic",
    regime="P(⟨G,H⟩ > ⟨G,T⟩) as d → ∞ at n ~ d^{3/2}; ln n ≪ (d/2)[ln(1+q)−q/(1+q)]: d ≫ 225 at q = ½; R: Mills' ratio",
    source="derived here",
    derivation=_condensed_probability,
    bounds=_condensed_probability_bounds,
    rests_on=(condensed_probability_spectrum,),
    unknown=unknown(beta_c, _single(sp.log(n) - _HELD), sp.sqrt(sp.log(n) / _single(_SQUARES)), sp.S.One),
)

# -- the n of a given level ----------------------------------------------------------------------------------------
_Q, _MU, _LN_N = _single(_LEAST), _single(_EXPONENT), _single(_HELD)

# μg where P = p: ln sin πμ(1−p)/sin πμp, as ln(1+x) with all digits for p → 0 and p → ½
_HALF, _REST = sp.pi * mu / 2, sp.pi * mu * (sp.S.Half - probability)
_LEVEL = sp.log(1 + 2 * sp.cos(_HALF) * sp.sin(_REST) / sp.sin(sp.pi * mu * probability))


def _overlap_samples(f: Formula) -> Iterator[Step]:
    u, v, x, y = sp.symbols("u v x y", positive=True)
    cotangent = (sp.sin(u - v) / sp.sin(v) + sp.cos(u)) / sp.sin(u)  # u = πμ, v = πμp
    claim = "the arc of [e^{μg} + cos πμ]/sin πμ is πμp at e^{μg} = sin πμ(1−p)/sin πμp"
    yield Identity(claim, sp.expand(sp.expand_trig(cotangent)), sp.cos(v) / sp.sin(v))
    (angle,) = {a for a in stable_excess.expr.doit().atoms(sp.acot)}
    of = sp.expand_trig(angle.args[0] * sp.sin(sp.pi * mu)).subs(gap, _LEVEL / mu) - sp.cos(sp.pi * mu)
    yield Identity("which is μg = ln[…]", of, sp.exp(_LEVEL))
    gain = sp.expand_trig(sp.sin(u + v) - sp.sin(u - v))
    yield Identity("sin(u+v) = sin(u−v) + 2 cos u sin v, u = πμ/2 and v = πμ(½−p)", gain, 2 * sp.cos(u) * sp.sin(v))
    ends = (_HALF + _REST - sp.pi * mu * (1 - probability)) ** 2 + (_HALF - _REST - sp.pi * mu * probability) ** 2
    yield Identity("u + v = πμ(1−p) and u − v = πμp", ends, 0)
    yield Limit("μ → 0: μg is the log-odds", _LEVEL, mu, 0, sp.log(1 / probability - 1))
    yield Identity("ln n of β_c", f.expr, sp.exp(sp.log(n) - condensed_probability.equation))
    gained = (distance - leave_one_out.expr).subs(distance, _Q) / 2
    (many,) = sp.solve(gained * x - 1, n)
    twice = _Q * (_Q + 2 - q)
    yield Identity("g = 1/x at n + Q* = ½x Q*(Q*+2−q)", many + _Q, x * twice / 2)
    ratio = sp.log(_MU * twice) - sp.log(2 * _LEVEL.subs(mu, _MU))
    yield Identity("in logarithms", f.equation, ratio - log_add(_LN_N, sp.log(_Q)))
    # d = 2 ln n/narrowing(y), y = β_c q; n over q d^{3/2} √ln n/ln(1/p−1), squared
    falls = y**2 / (2 * narrowing(y).doit())
    yield Limit("d → ∞: n_p → q d^{3/2} √ln n/ln(1/p−1)", falls / (1 + y) ** 4, y, 0, 1)


_LEAST_LEVEL, _MOST_LEVEL = sp.Rational(1, 10**10), sp.S.Half - sp.Rational(1, 2000)

_CORNERS = tuple((level, 512, z) for level in (1e-10, 0.4995) for z in (0.5, 0.999))


def _overlap_samples_bounds(f: Formula) -> Iterator[Step]:
    assert f.unknown
    yield Bracket(
        "from fewer than eight points to short of β_c = 1, where sums no longer condense and P falls",
        f.unknown,
        (d * (beta_c * q) ** 2, sp.log(8)),
        (beta_c, sp.Rational(9, 10)),
        tuple(
            {probability: p, d: y, q: z} for p, y, z in (*_CORNERS, (0.25, 512, 0.5), (0.1, 1e4, 0.6), (0.4, 512, 0.5))
        ),
    )
    # P at the edges of the bracket is largest, and smallest, at d = 512 and q = ½: 6.2·10⁻¹¹ and ½ − 2.9·10⁻⁴
    least, most = probability * 10**10, 2000 * (sp.S.Half - probability)
    yield Edge("P of the fewest points is less at every d and q", f.variables[0], "lower", least, 1, included=True)
    yield Edge("P where β_c = 0.9 is more at every d and q", f.variables[0], "upper", most, 1, included=True)
    yield Edge("tried from 512 dimensions on", f.variables[1], "lower", d / 512, 1, included=True)
    yield Edge("and from q = ½ on", f.variables[2], "lower", 2 * q, 1, included=True)


overlap_samples = Formula(
    name="overlap_samples",
    variables=(
        variable(probability, sp.Interval(_LEAST_LEVEL, _MOST_LEVEL)),
        variable(d, at_least(512)),
        variable(q, sp.Interval.Ropen(sp.Rational(1, 2), 1)),
    ),
    branches=(Branch(sp.exp(_LN_N)),),
    kind="asymptotic",
    regime="n_p at which P(⟨G,H⟩ > ⟨G,T⟩) = p, 10⁻¹⁰ ≤ p ≤ 0.4995; as d → ∞ it is q d^{3/2} √ln n/ln(1/p−1); d ≥ 512; "
    "R: Mills' ratio",
    source="derived here",
    derivation=_overlap_samples,
    bounds=_overlap_samples_bounds,
    rests_on=(condensed_probability,),
    unknown=unknown(
        beta_c,
        sp.log(_MU * _Q * (_Q + 2 - q)) - sp.log(2 * _LEVEL.subs(mu, _MU)) - log_add(_LN_N, sp.log(_Q)),
        sp.sqrt(sp.log(8) / _single(_SQUARES)),
        sp.Rational(9, 10),
    ),
)
