"""Two Gaussians at ±m: when do diffused samples decide for one of them?

Data ½N(m, σ²I) + ½N(−m, σ²I), diffused for a time t with λ = 1 (x_t = e^{−t}x_0 + √Δ_t ξ, Δ_t = 1 − e^{−2t}).  Two
copies of one diffused sample, each denoised by itself from t on, land in the same class with the cloning probability
φ(t): 1 at early times, ½ at late ones.  It depends on one number, the separation in units of the noised spread,
b² = |m|²/(σ²+τ²), τ² = e^{2t} − 1, and leaves ½ where b² is of order 1: the speciation time.
"""

from collections.abc import Iterator

import sympy as sp

from theory.core.averages import line_integral
from theory.core.bounds import Condition, Edge
from theory.core.formula import Branch, Formula
from theory.core.steps import Identity, Limit, Quadrature, Step
from theory.core.two_gaussians import class_information, linear_residual, mean_sech
from theory.letters import (
    POSITIVE,
    at_least,
    contrast,
    d,
    n,
    separation,
    sigma,
    t,
    top_eigenvalue,
    variable,
)


def _speciation_time(f: Formula) -> Iterator[Step]:
    # ln density of x_t along m: −x²/2Γ + ln cosh(x|m|e^{−t}/Γ), Γ = σ²e^{−2t} + Δ_t. Flat at 0, two wells form.
    x = sp.Symbol("x", real=True)
    gamma = sigma**2 * sp.exp(-2 * t) + 1 - sp.exp(-2 * t)
    log_density = -(x**2) / (2 * gamma) + sp.log(sp.cosh(x * separation * sp.exp(-t) / gamma))
    curvature = sp.diff(log_density, x, 2).subs(x, 0)
    exact = sp.log(1 + separation**2 - sigma**2) / 2
    yield Identity("the density splits where |m|²e^{−2t} = Γ, t = ½ ln(1+|m|²−σ²)", curvature.subs(t, exact), 0)
    yield Limit(
        "which is ½ ln Λ, Λ = |m|²+σ² the top eigenvalue, at large separation",
        exact - f.branches[0].value.subs(top_eigenvalue, separation**2 + sigma**2),
        separation,
        sp.oo,
        0,
    )
    yield Limit("at Λ = 1 it vanishes", f.branches[0].value, top_eigenvalue, 1, f.branches[1].value)
    yield Identity("where Λ e^{−2t} = 1", sp.exp(-2 * f.branches[0].value) * top_eigenvalue, 1)


def _speciation_time_bounds(f: Formula) -> Iterator[Step]:
    yield Condition(
        "½ ln Λ is a time after the start where e^{2t} > 1",
        f.branches[0].condition,
        sp.exp(2 * f.branches[0].value) > 1,
    )


speciation_time = Formula(
    name="speciation_time",
    variables=(variable(top_eigenvalue),),
    branches=(Branch(sp.log(top_eigenvalue) / 2, top_eigenvalue > 1), Branch(sp.S.Zero)),
    kind="asymptotic",
    regime="time at which diffused samples lose their class, Λ ≫ 1, noise scale λ = 1; 0 for Λ ≤ 1",
    source="biroli2024 eq. (9); derived here for two Gaussians",
    derivation=_speciation_time,
    bounds=_speciation_time_bounds,
)


def _cloning_probability(f: Formula) -> Iterator[Step]:
    u, w = sp.symbols("u w", real=True)
    y, m, g, b = sp.symbols("y m g b", positive=True)
    plus = 1 / (1 + sp.exp(-2 * u))  # posterior of class + where ln(G₊/G₋) = 2u
    parting = sp.cosh(u).rewrite(sp.exp) ** -2 / 2
    yield Identity("two clones part with 2p₊p₋ = ½ sech²(u), u half the log-ratio", 2 * plus * (1 - plus), parting)
    log_ratio = -((y - m) ** 2) / (2 * g) + (y + m) ** 2 / (2 * g)
    scaled = (log_ratio / 2).subs({y: sp.sqrt(g) * w, m: sp.sqrt(g) * b})
    yield Identity("in units of the noised spread √Γ, y = √Γ w, m = √Γ b: u = bw", scaled, b * w)
    both = (sp.exp(-((w - b) ** 2) / 2) + sp.exp(-((w + b) ** 2) / 2)) / 2
    average = sp.exp(-(b**2) / 2) * sp.exp(-(w**2) / 2) * sp.cosh(b * w)
    yield Identity("the density of w is N(w) e^{−b²/2} cosh(bw)", both, average.rewrite(sp.exp))
    noised = separation**2 * sp.exp(-2 * t) / (sigma**2 * sp.exp(-2 * t) + 1 - sp.exp(-2 * t))
    contrast = separation**2 / (sigma**2 + sp.exp(2 * t) - 1)
    yield Identity("b² = m²/Γ, in the frame of the data", noised, contrast)
    yield Identity("φ = 1 − ½ e^{−b²/2} E sech(bw)", f.expr, 1 - sp.exp(-contrast / 2) * mean_sech(contrast) / 2)
    known = sp.exp(-(w**2) / 2) / sp.sqrt(2 * sp.pi)
    k = sp.Symbol("k", positive=True)
    yield Quadrature("E sech(0) = 1: φ → ½", known, (w, -sp.oo, sp.oo), k, ({k: 1},))


_B2 = separation**2 / (sigma**2 + sp.exp(2 * t) - 1)

cloning_probability = Formula(
    name="cloning_probability",
    variables=(variable(t), variable(separation), variable(sigma)),
    branches=(Branch(1 - sp.exp(-_B2 / 2) * mean_sech(_B2) / 2),),
    kind="exact",
    regime="P(two clones of one sample, taken at time t, end in the same class), λ = 1; ½ if the means coincide",
    source="derived here; defined in biroli2024",
    derivation=_cloning_probability,
)


# -- how wrong is a linear score? -----------------------------------------------------------------------------------
def _mixture_relaxation_time(f: Formula) -> Iterator[Step]:
    a, s = sp.symbols("inverse s", positive=True)  # a = 1/τ², s = σ² + τ²
    v = 1 / (1 / sigma**2 + a)
    mean = separation * v / sigma**2  # each Gaussian of the mixture, tilted by exp(−y²/2τ²), is N(±mean, v)
    y = sp.Symbol("y", real=True)
    exponent = -((y - separation) ** 2) / (2 * sigma**2) - a * y**2 / 2
    completed = -((y - mean) ** 2) / (2 * v) - a * separation**2 * v / (2 * sigma**2)
    yield Identity("tilting completes the square", sp.expand(exponent - completed), 0)
    share = (a * (v + mean**2)).subs(a, 1 / (s - sigma**2))
    yield Identity("a Cov_π along m", share, sigma**2 / s + separation**2 * (s - sigma**2) / s**2)
    noise = sp.exp(2 * f.expr) - 1 + sigma**2
    yield Identity("is ½ at t_R", share.subs(s, noise), sp.Rational(1, 2))
    far = separation**2 / (sigma**2 + sp.exp(2 * f.expr) - 1)
    yield Limit("far apart: b² = ½ there", far, separation, sp.oo, sp.Rational(1, 2))


mixture_relaxation_time = Formula(
    name="mixture_relaxation_time",
    variables=(variable(separation), variable(sigma)),
    branches=(Branch(sp.log(1 + separation**2 + sp.sqrt(separation**4 + sigma**4)) / 2),),
    kind="exact",
    regime="t_R of two Gaussians at ±m, spectral definition: Cov_π along m is τ²/2; λ = 1",
    source="derived here; halder2024 eqs. (13), (14), reconstructed",
    derivation=_mixture_relaxation_time,
)


def _linear_score_error(f: Formula) -> Iterator[Step]:
    w, b = sp.Symbol("w", real=True), sp.Symbol("b", positive=True)
    common = sp.exp(-(w**2 + b**2) / 2) / sp.sqrt(2 * sp.pi)
    plus, minus = common * sp.exp(b * w), common * sp.exp(-b * w)  # normals at ±b, in units of the noised spread
    density, tilted = (plus + minus) / 2, (plus - minus) / 2
    tanh = (sp.exp(b * w) - sp.exp(-b * w)) / (sp.exp(b * w) + sp.exp(-b * w))
    yield Identity("density × tanh(bw) is half the difference of the two", sp.simplify(density * tanh / tilted), 1)
    yield Identity("so the score is −w + b tanh(bw)", sp.diff(density, w), -w * density + b * tilted)
    cross = line_integral(w * tilted, w)
    yield Identity("so E w tanh(bw) = b", cross, b)
    second = line_integral(w**2 * density, w)
    yield Identity("E w² = 1 + b²", second, 1 + b**2)
    # E tanh² = 1 − E sech² = 1 − e^{−b²/2} E sech(bw), with N(w) alone, as in cloning_probability.
    parting = sp.exp(-(b**2) / 2) * mean_sech(b**2)
    score2 = (1 + b**2) - 2 * b * cross + b**2 * (1 - parting)
    slope = (-second + b * cross) / second
    yield Identity("least squares: the slope of the score on w is −1/(1+b²)", slope, -1 / (1 + b**2))
    error = score2 - slope**2 * second
    yield Identity("what is left of E|score|²", error, f.expr.subs(contrast, b**2))
    x = sp.Symbol("x", positive=True)  # b²; E sech(bw) by its series, E w^{2k} = (2k−1)!!
    series = sum(sp.euler(2 * k) * x**k * sp.factorial2(2 * k - 1) / sp.factorial(2 * k) for k in range(5))
    late = x * (1 / (1 + x) - sp.exp(-x / 2) * series)
    yield Limit("late it falls as ⅔ b⁸", late / x**4, x, 0, sp.Rational(2, 3))


linear_score_error = Formula(
    name="linear_score_error",
    variables=(variable(contrast),),
    branches=(Branch(contrast * linear_residual(contrast)),),
    kind="exact",
    regime="Γ E|∇ ln p_t − best linear score|² for two Gaussians at ±m, Γ the noised variance; 0 for one Gaussian",
    source="derived here",
    derivation=_linear_score_error,
)

# -- information, and the excess entropy over a training set -------------------------------------------------------

_LABEL = class_information(_B2)

_WITHIN = d * sp.log(1 + sigma**2 / (sp.exp(2 * t) - 1)) / 2


def _mixture_information(f: Formula) -> Iterator[Step]:
    u, z = sp.Symbol("u", real=True), sp.Symbol("z", real=True)
    b = sp.Symbol("b", positive=True)
    plus = sp.exp(u) / (sp.exp(u) + sp.exp(-u))
    yield Identity("I(class; x_t) = ln 2 + E ln p₊ with −ln p₊ = ln(1+e^{−2u})", 1 / plus, 1 + sp.exp(-2 * u))
    yield Identity(
        "2u is the log-ratio at w = b + z", sp.expand(((b + z + b) ** 2 - (b + z - b) ** 2) / 4), sp.expand(b * (b + z))
    )
    within = _WITHIN.subs(d, 1)
    noised = sp.log((sigma**2 + sp.exp(2 * t) - 1) / (sp.exp(2 * t) - 1)) / 2
    yield Identity(
        "within a class, one direction: ½ ln of the noised variance over the noise",
        sp.exp(2 * within),
        sp.exp(2 * noised),
    )
    yield Identity(
        "chain rule: I(x_0; x_t) = I(class; x_t) + I(x_0; x_t | class)", f.expr, d * within + class_information(_B2)
    )


def _mixture_information_bounds(f: Formula) -> Iterator[Step]:
    yield Edge("without noise x_t tells x_0 exactly", f.variables[0], "lower", _WITHIN, sp.oo)


mixture_information = Formula(
    name="mixture_information",
    variables=(variable(t, POSITIVE), variable(separation), variable(d), variable(sigma)),
    branches=(Branch(_WITHIN + _LABEL),),
    kind="exact",
    regime="mutual information I(x_0; x_t) of ½N(m, σ²I) + ½N(−m, σ²I), nats, λ = 1",
    source="derived here",
    derivation=_mixture_information,
    bounds=_mixture_information_bounds,
)


def _excess_entropy(f: Formula) -> Iterator[Step]:
    yield from _mixture_information(mixture_information)
    # per dimension: s = h(x_t)/d, s_sep = ln n/d + ½ ln(2πeΔ_t); h(x_t) − h(noise) = I(x_0; x_t)
    entropy, noise = sp.symbols("h h0", real=True)
    information = entropy - noise
    fraction = ((sp.log(n) + noise) / d - entropy / d) / (sp.log(n) / d)
    yield Identity("(s_sep − s)/α = 1 − I/ln n", fraction, 1 - information / sp.log(n))
    yield Identity(
        "with the information of the mixture, its class included",
        f.branches[0].value,
        1 - mixture_information.expr / sp.log(n),
    )
    yield Identity("at and before collapse no entropy is in excess", f.branches[1].value, 0)


def _excess_entropy_bounds(f: Formula) -> Iterator[Step]:
    yield Condition(
        "entropy is in excess before I = ln n", f.branches[0].condition, mixture_information.expr < sp.log(n)
    )
    yield Edge(
        "one point has no entropy, ln n = 0: the first that has is", f.variables[0], "lower", n - 1, 1, included=True
    )
    yield Edge("without noise x_t tells x_0 exactly", f.variables[1], "lower", _WITHIN, sp.oo)


excess_entropy = Formula(
    name="excess_entropy",
    variables=(variable(n, at_least(2)), *mixture_information.variables),
    branches=(
        Branch(1 - (_WITHIN + _LABEL) / sp.log(n), _WITHIN + _LABEL < sp.log(n)),
        Branch(sp.S.Zero),
    ),
    kind="asymptotic",
    regime="(s_sep − s)/α of n separate noised points over the noised law, α = ln n/d, d → ∞; 0 from collapse on",
    source="biroli2024 (there without the class term); with it derived here",
    derivation=_excess_entropy,
    bounds=_excess_entropy_bounds,
    rests_on=(mixture_information,),
)
