"""The criteria that compare distances: to the training set, to the truth, and between two models.

The generator is the linear denoiser in many steps, G = N(x̄, S), of n isotropic points.  Two distances decide in the
literature whether it copies.  *Wasserstein*: is G nearer to the bare training points or to the truth?  *Two models*
trained on separate halves and started from the same noise: is what they make more alike than either is to its nearest
training point?  Both comparisons turn while n is well below d, since a generator that copies no point is still nearer
to the points it was fitted to than to anything else that small a set could resemble.

A generated g has inner products with the n centred training points of covariance K²/N, K their Gram matrix: d²v each,
v = 1/N + 1/d, nearly uncorrelated.  So the nearest training point is the largest of n normal variables.
"""

from collections.abc import Iterator

import sympy as sp

from theory.core.averages import normal_average
from theory.core.bounds import Bracket, Condition, Edge
from theory.core.extremes import normal_max, tie_square
from theory.core.formula import Branch, Formula, Variable
from theory.core.special import root_deficit
from theory.core.steps import Identity, Limit, Premise, Step, shared
from theory.letters import a, at_least, d, gamma, n, unknown, variable
from theory.spectra import mp_moment

_N = n - 1
_V = 1 / _N + 1 / d  # variance of an inner product with a training point, over d²


def _root_mean(ratio: sp.Expr) -> sp.Expr:
    """∫ √s dMP, for n > d."""
    return mp_moment.branches[0].value.subs({a: sp.Rational(1, 2), gamma: ratio})


_FEW, _MANY = sp.sqrt(_N / d) * _root_mean(_N / d), _root_mean(d / _N)  # (1/d) E tr √S for N ≤ d, N ≥ d


def _root_trace(few: sp.Expr, many: sp.Expr, power: int = 1) -> Iterator[Step]:
    """Steps for (1/d) E tr √S/σ, or its square, in both phases."""
    yield Identity("N ≥ d: the Marchenko–Pastur moment of order ½ at γ = d/N", many, _root_mean(d / _N) ** power)
    points = sp.Symbol("points", positive=True)  # N
    nonzero = (points / d) * sp.sqrt(d / points) * _root_mean(points / d)
    yield Identity(
        "N < d: N of d eigenvalues, those of the N × N matrix XXᵀ/d times d/N, which has γ = N/d",
        few.subs(n, points + 1),
        nonzero**power,
    )
    yield Premise("the spectrum of S is that of Marchenko and Pastur", "marchenko1967", "criteria.wasserstein_truth")


def _rank(f: Formula) -> Step:
    return Condition("S has N eigenvalues other than 0, fewer than d", f.branches[0].condition, d - _N >= 0)


def _degree(points: Variable) -> Step:
    return Edge("a covariance takes a degree of freedom, N ≥ 1", points, "lower", _N, 1, included=True)


# -- Wasserstein ---------------------------------------------------------------------------------------------------
@shared
def _largest() -> Iterator[Step]:
    """Steps for the mean of the largest of n normal variables with small correlations, of mean 0 and variance η²."""
    u, k = sp.symbols("u k", real=True)
    corr, reach = sp.Symbol("corr", real=True), sp.Symbol("reach", positive=True)
    x, y = sp.symbols("x y", real=True)
    density = sp.exp(-(x**2 - 2 * corr * x * y + y**2) / (2 * (1 - corr**2))) / (2 * sp.pi * sp.sqrt(1 - corr**2))
    slope = sp.simplify((sp.diff(density, corr) - sp.diff(density, x, y)) / density)
    yield Identity("∂/∂ρ of a normal density is ∂²/∂x∂y of it: so ∂E max/∂ρ = −P(the two largest meet)", slope, 0)
    meet = density.subs({x: u, y: u})
    yield Identity("where they meet, at u, the density rises as u²ρ", sp.diff(sp.log(meet), corr).subs(corr, 0), u**2)
    bell, below = sp.exp(-(u**2) / 2) / sp.sqrt(2 * sp.pi), (1 + sp.erf(u / sp.sqrt(2))) / 2
    yield Identity(
        "by parts e_n = n ∫ u φ Φ^{n−1} is n(n−1) ∫ φ² Φ^{n−2}: twice that density over all pairs",
        sp.diff(-n * bell * below**k, u) / (bell * below**k),
        n * u - n * k * bell / below,
    )
    loss = sp.integrate(corr * u**2, (corr, 0, reach))
    yield Identity("a pair at ρ = η loses ½⟨u²⟩η² of its meeting density", loss, u**2 * reach**2 / 2)


@shared
def _gram() -> Iterator[Step]:
    """Steps for the correlations of the inner products, n, d ≫ 1."""
    x1, x2, y1, y2, z1, z2 = letters = sp.symbols("x1 x2 y1 y2 z1 z2", real=True)  # three points of two dimensions
    xy, xz, zy = x1 * y1 + x2 * y2, x1 * z1 + x2 * z2, z1 * y1 + z2 * y2
    yield Identity("E K_ij² = d, here at d = 2", normal_average(xy**2, *letters), 2)
    yield Identity("E K_ij K_ik K_kj = d", normal_average(xy * xz * zy, *letters), 2)
    yield Identity("E K_ik² K_kj² = d² + 2d", normal_average(xz**2 * zy**2, *letters), 2**2 + 2 * 2)
    points = sp.Symbol("points", positive=True)
    # (K²)_ij = K_ij (K_ii + K_jj) + Σ_k K_ik K_kj, K_ii ≈ d
    square = (2 * d) ** 2 * d + 2 * (2 * d) * points * d + points * d**2 + points**2 * d
    yield Identity("E (K²)_ij², to leading order", square, d * (4 * d + points) * (d + points))


_SPREAD2 = d * (4 * d + _N) * (d + _N) / (d**2 + _N * d) ** 2  # η², variance of the correlations
_NEAREST = normal_max(n) * sp.sqrt(_V) * (1 - tie_square(n) * (4 * d + _N) / (4 * d * (d + _N)))


def _wasserstein_training(f: Formula) -> Iterator[Step]:
    yield from _largest()
    yield from _gram()
    yield Identity("an inner product: E (K²)_ii/N = (d² + Nd)/N", (d**2 + _N * d) / (_N * d**2), _V)
    pairs = normal_max(n) / 2
    largest = normal_max(n) - pairs * tie_square(n) * _SPREAD2 / 2
    yield Identity("E of the largest, of correlation variance η²", sp.sqrt(_V) * largest, _NEAREST)
    yield Premise(
        "weights that give every point its share 1/n move W₂² by a 1/n of the last term, and no more",
        "argued here",
        "criteria.wasserstein_training",
    )
    yield Identity("E|g−x̄|²/d + E|x_i−x̄|²/d − 2 × the largest", f.expr, 1 + _N / n - 2 * _NEAREST)
    yield Limit("in many dimensions the points are a simplex", 1 + _N / n - 2 * _NEAREST - f.expr, d, sp.oo, 0)


def _wasserstein_training_bounds(f: Formula) -> Iterator[Step]:
    yield _degree(f.variables[0])


wasserstein_training = Formula(
    name="wasserstein_training",
    variables=(variable(n, at_least(2)), variable(d)),
    branches=(Branch(2 - 1 / n - 2 * _NEAREST),),
    kind="asymptotic",
    regime="W₂²(T, G)/(dσ²) of G = N(x̄, S) and its n bare points, ln n ≪ d, to first order in 1/d; e_n the mean of the "
    "largest of n standard normal variables, ⟨u²⟩_n the mean square of where the two largest meet",
    source="derived here",
    derivation=_wasserstein_training,
    bounds=_wasserstein_training_bounds,
)


def _wasserstein_truth(f: Formula) -> Iterator[Step]:
    few, many = ((2 + 1 / n - branch.value.doit()) / 2 for branch in f.branches)
    yield from _root_trace(few, many)
    s = sp.Symbol("s", positive=True)
    yield Identity("per direction (√s − 1)², whose mean is 2 − 2 E√s", (sp.sqrt(s) - 1) ** 2, s + 1 - 2 * sp.sqrt(s))


def _wasserstein_truth_bounds(f: Formula) -> Iterator[Step]:
    yield _rank(f)
    yield _degree(f.variables[0])


wasserstein_truth = Formula(
    name="wasserstein_truth",
    variables=(variable(n, at_least(2)), variable(d)),
    branches=(Branch(1 / n + 2 - 2 * _FEW, n - 1 <= d), Branch(1 / n + 2 * root_deficit(d / _N))),
    kind="asymptotic",
    regime="W₂²(O, G)/(dσ²) of G = N(x̄, S) and the isotropic truth, n, d → ∞",
    source="derived here",
    derivation=_wasserstein_truth,
    bounds=_wasserstein_truth_bounds,
    rests_on=(mp_moment,),
)


def _wasserstein_samples(f: Formula) -> Iterator[Step]:
    yield Identity(
        "where the two are equal", f.equation, wasserstein_training.expr - wasserstein_truth.branches[0].value
    )
    yield Identity("the n of it", f.expr, n)
    scale = sp.Symbol("scale", positive=True)  # n = scale √d, √N ≈ √n
    leading = sp.sqrt(scale / sp.sqrt(d)) - sp.sqrt(2 * sp.log(n)) / sp.sqrt(scale * sp.sqrt(d))
    yield Identity(
        "leading: √(N/d) = e_n/√N, so N = e_n √d with e_n → √(2 ln n)",
        leading.subs(scale, sp.sqrt(2 * sp.log(n))),
        0,
    )


def _below_d(f: Formula, edge: str) -> Iterator[Step]:
    assert f.unknown
    points = tuple({d: size} for size in (16, 64, 400, 1e4))
    yield Bracket(edge, f.unknown, (n, 2), ((n - 1) / d, 1), points)
    yield Edge("tried from 16 dimensions on", f.variables[0], "lower", d / 16, 1, included=True)


def _wasserstein_samples_bounds(f: Formula) -> Iterator[Step]:
    yield from _below_d(f, "two points make a line; at N = d the truth is nearer")


wasserstein_samples = Formula(
    name="wasserstein_samples",
    variables=(variable(d, at_least(16)),),
    branches=(Branch(n),),
    kind="asymptotic",
    regime="n beyond which G = N(x̄, S) is nearer to the truth than to its bare training points in W₂; ~ √(2d ln n)",
    source="derived here",
    derivation=_wasserstein_samples,
    bounds=_wasserstein_samples_bounds,
    rests_on=(wasserstein_training, wasserstein_truth),
    unknown=unknown(n, wasserstein_training.expr - wasserstein_truth.branches[0].value, sp.Integer(2), d + 1),
)


# -- two models ----------------------------------------------------------------------------------------------------
def _model_similarity(f: Formula) -> Iterator[Step]:
    yield from _root_trace(f.branches[0].value, f.branches[1].value, power=2)
    c1, c2 = sp.symbols("c1 c2", positive=True)
    yield Identity(
        "E √S is a multiple of I for each model, so z of covariance I gives E x₁·x₂/d = c₁c₂",
        (c1 * c2 * d) / d,
        c1 * c2,
    )


def _model_similarity_bounds(f: Formula) -> Iterator[Step]:
    yield _rank(f)
    yield _degree(f.variables[0])


model_similarity = Formula(
    name="model_similarity",
    variables=(variable(n, at_least(2)), variable(d)),
    branches=(Branch(_FEW**2, n - 1 <= d), Branch(_MANY**2)),
    kind="asymptotic",
    regime="E x₁·x₂/(dσ²) of two models of n points each, no point in common, started from the same noise; n, d → ∞",
    source="derived here",
    derivation=_model_similarity,
    bounds=_model_similarity_bounds,
    rests_on=(mp_moment,),
)


def _record_similarity(f: Formula) -> Iterator[Step]:
    z = sp.Symbol("z", real=True)
    yield Identity("Var |x|²/2, per direction", normal_average((z**2 - 1) ** 2 / 4, z), sp.Rational(1, 2))
    yield Identity(
        "the nearest point maximises x₁·x − |x|²/2, of variance d²v + d/2", _V + d / (2 * d**2), _V + 1 / (2 * d)
    )
    covariance, total = _V, _V + 1 / (2 * d)
    yield Identity(
        "there x₁·x is its mean |x̄|² = d/n and the share of the largest that is its own",
        f.expr,
        1 / n + normal_max(n) * covariance / sp.sqrt(total),
    )
    yield Premise("the n of them count as independent", "argued here", "criteria.record_similarity")


def _record_similarity_bounds(f: Formula) -> Iterator[Step]:
    yield _degree(f.variables[0])


record_similarity = Formula(
    name="record_similarity",
    variables=(variable(n, at_least(2)), variable(d)),
    branches=(Branch(1 / n + normal_max(n) * _V / sp.sqrt(_V + 1 / (2 * d))),),
    kind="asymptotic",
    regime="E x₁·x/(dσ²), x the training point nearest to x₁ drawn from G = N(x̄, S); ln n ≪ d, leading order",
    source="derived here",
    derivation=_record_similarity,
    bounds=_record_similarity_bounds,
)


def _consistency_samples(f: Formula) -> Iterator[Step]:
    yield Identity("where the two are equal", f.equation, record_similarity.expr - model_similarity.branches[0].value)
    yield Identity("the n of it", f.expr, n)
    yield Identity(
        "leading: N/d = √(2 ln n)/√N at n³ = 2 d² ln n",
        (n / d) ** 2 / (2 * sp.log(n) / n),
        n**3 / (2 * d**2 * sp.log(n)),
    )


def _consistency_samples_bounds(f: Formula) -> Iterator[Step]:
    yield from _below_d(f, "two points make a line; at N = d two models are more alike")


consistency_samples = Formula(
    name="consistency_samples",
    variables=(variable(d, at_least(16)),),
    branches=(Branch(n),),
    kind="asymptotic",
    regime="n beyond which two models are more alike than either and its nearest training point; ~ (2d² ln n)^⅓",
    source="derived here; criterion kadkhodaie2024",
    derivation=_consistency_samples,
    bounds=_consistency_samples_bounds,
    rests_on=(model_similarity, record_similarity),
    unknown=unknown(n, record_similarity.expr - model_similarity.branches[0].value, sp.Integer(2), d + 1),
)
