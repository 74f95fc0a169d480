"""The Mahalanobis distance in G = N(x̄, S) of a training point and of a fresh one: both laws, and how they compare.

With X ~ χ²_d, Y ~ χ²_{n−d} and Y' ~ χ²_{n−d−1}, X independent of the Y's,

    fresh     Q = (1+1/n)(n−1) X/Y              = (1+1/n) d(n−1)/(n−d) · F(d, n−d)
    training  Q = ((n−1)²/n) X/(X+Y')           = ((n−1)²/n) · Beta(d/2, (n−d−1)/2).
"""

from collections.abc import Iterator

import sympy as sp

from theory.core.beta_below import beta_below
from theory.core.bounds import Condition
from theory.core.formula import Branch, Formula
from theory.core.steps import Identity, Limit, Premise, Step, shared
from theory.letters import d, n, variable
from theory.transition.influence import refit
from theory.transition.overlap import gil_pelaez

_a, _b, _s, _v, _z, _h = sp.symbols("a1 b1 s v z h", positive=True)

# Shapes of X, Y' and Y as Gamma variables, and the factors of X/(X+Y') and of X/Y.
SHAPE, REST, FRESH_REST = d / 2, (n - d - 1) / 2, (n - d) / 2
TRAINING, FRESH = (n - 1) ** 2 / n, (1 + 1 / n) * (n - 1)


def beta_moment(k: int) -> sp.Expr:
    """E Q^k of a training point, k a number."""
    return sp.factor(TRAINING**k * sp.rf(SHAPE, k) / sp.rf(SHAPE + REST, k))


def odds_moment(k: int) -> sp.Expr:
    """E Q^k of a fresh point; finite for n > d + 2k."""
    return sp.factor(FRESH**k * sp.rf(SHAPE, k) / sp.rf(FRESH_REST - k, k))


def _beta_power(s: sp.Expr) -> sp.Expr:
    return sp.gamma(_a + s) * sp.gamma(_a + _b) / (sp.gamma(_a) * sp.gamma(_a + _b + s))


def _odds_power(s: sp.Expr) -> sp.Expr:
    return sp.gamma(_a + s) * sp.gamma(_b - s) / (sp.gamma(_a) * sp.gamma(_b))


@shared
def affine() -> Iterator[Step]:
    """Q does not see an affine map of the data: they may be taken as white and centred, whatever their law N(m, Σ)."""
    mix, covariance = (
        sp.Matrix(2, 2, sp.symbols(f"{letter}1 {letter}{k} {letter}3 {letter}4", positive=True))
        for letter, k in (("mix", 2), ("cov", 3))
    )
    y = sp.Matrix(sp.symbols("y1:3", real=True))
    mapped = mix * y
    yield Identity(
        "(My)ᵀ(MSMᵀ)⁻¹(My) = yᵀS⁻¹y",
        (mapped.T * (mix * covariance * mix.T).inv() * mapped)[0],
        (y.T * covariance.inv() * y)[0],
    )


@shared
def ratio_of_gammas() -> Iterator[Step]:
    """X/Y and X/(X+Y) of two Gamma variables: densities, and the moments that make characteristic functions."""
    y = sp.Symbol("y", positive=True)

    def density(x: sp.Expr, shape: sp.Symbol) -> sp.Expr:
        return x ** (shape - 1) * sp.exp(-x) / sp.gamma(shape)

    joint = sp.powsimp(density(_v * y, _a) * density(y, _b) * y)
    odds = _v ** (_a - 1) / (1 + _v) ** (_a + _b) * sp.gamma(_a + _b) / (sp.gamma(_a) * sp.gamma(_b))
    found = sp.integrate(joint, (y, 0, sp.oo), conds="none")
    yield Identity("X/Y has the density v^{a−1}(1+v)^{−a−b}/B(a, b)", sp.simplify(found / odds), 1)
    beta = _z ** (_a - 1) * (1 - _z) ** (_b - 1) * sp.gamma(_a + _b) / (sp.gamma(_a) * sp.gamma(_b))
    place = _z / (1 - _z)
    bounded = {_z: 1 / (1 + _v)}  # in which powers of z and 1 − z combine
    yield Identity(
        "so X/(X+Y) = v/(1+v) is a Beta variable",
        sp.simplify((odds.subs(_v, place) * sp.diff(place, _z) / beta).subs(bounded)),
        1,
    )
    weight = sp.gamma(_a) * sp.gamma(_b) / sp.gamma(_a + _b)
    for claim, power, ratio in (
        ("E [X/(X+Y)]^s = Γ(a+s)Γ(a+b)/[Γ(a)Γ(a+b+s)]", _beta_power(_s), weight.subs(_a, _a + _s) / weight),
        ("E (X/Y)^s = Γ(a+s)Γ(b−s)/[Γ(a)Γ(b)]", _odds_power(_s), weight.subs({_a: _a + _s, _b: _b - _s}) / weight),
    ):
        yield Identity(f"{claim}: the density with other exponents", sp.gammasimp(power / ratio), 1)
    rising, falling = sp.rf(_a, 2) / sp.rf(_a + _b, 2), sp.rf(_a, 2) / sp.rf(_b - 2, 2)
    yield Identity("E [X/(X+Y)]² = a(a+1)/[(a+b)(a+b+1)]", sp.gammasimp(_beta_power(sp.Integer(2))), rising)
    yield Identity("E (X/Y)² = a(a+1)/[(b−1)(b−2)]", sp.gammasimp(_odds_power(sp.Integer(2))), falling)


@shared
def distances() -> Iterator[Step]:
    """Steps for both laws, as ratios of χ² variables."""
    yield from affine()
    yield Identity("white data: a coordinate of x − x̄ has the variance 1 + 1/n", 1 + n * (1 / n) ** 2, 1 + 1 / n)
    yield Premise(
        "|y|²/yᵀA⁻¹y ~ χ²_{N−d+1}, independent of y, for A ~ W_d(N, I) independent of y; here A = (n−1)S, N = n−1",
        "muirhead1982 Thm 3.2.12",
        "membership.membership_auc",
    )
    yield from refit()
    A = sp.Matrix([[_a, _z], [_z, _b]])
    y = sp.Matrix(sp.symbols("y1:3", real=True))
    inverse = (y.T * A.inv() * y)[0]
    yield Identity(
        "Sherman–Morrison: yᵀ(A + s yyᵀ)⁻¹y = h/(1+sh), h = yᵀA⁻¹y (two dimensions)",
        (y.T * (A + _s * y * y.T).inv() * y)[0],
        inverse / (1 + _s * inverse),
    )
    # y is from the mean of the other n−1, h its distance in their scatter: n/(n−1) X/Y'
    out = (n - 1) * (1 - 1 / n) ** 2 * _h / (1 + (1 - 1 / n) * _h)
    scaled = (1 + 1 / (n - 1)) * _v
    yield Identity(
        "among the other n−1 points a training point is fresh, v = X/Y': Q = ((n−1)²/n) v/(1+v)",
        out.subs(_h, scaled),
        TRAINING * _v / (1 + _v),
    )
    yield from ratio_of_gammas()
    yield Premise(
        "Q of a training point is independent of x̄ and S, for its law does not depend on m and Σ, and x̄ and S are "
        "complete and sufficient for these: so it is independent of Q of a fresh point",
        "basu1955",
        "membership.membership_auc",
    )


def _membership_auc(f: Formula) -> Iterator[Step]:
    yield from distances()
    more = FRESH / TRAINING * (SHAPE + REST) / FRESH_REST - 1
    yield Identity("(1+1/n)(n−1) V > ((n−1)²/n) B, V taken as 1/c and B as 1/(a+b)", more, (d + 1) / (n - d))
    yield Identity("the probability of that", f.expr, beta_below(SHAPE, REST, FRESH_REST, sp.factor(sp.simplify(more))))
    yield gil_pelaez()


def _membership_auc_bounds(f: Formula) -> Iterator[Step]:
    yield Condition("Y' has degrees of freedom: the other n−1 points span the space", f.branches[0].condition, REST > 0)
    whole = beta_moment(1) / TRAINING
    yield Limit("without them every training point is at the same, largest distance", whole, n, d + 1, 1)


membership_auc = Formula(
    name="membership_auc",
    variables=(variable(n), variable(d)),
    branches=(Branch(beta_below(SHAPE, REST, FRESH_REST, (d + 1) / (n - d)), n > d + 1),),
    kind="exact",
    regime="P(Q of a training point < Q of a fresh point), Q the Mahalanobis distance² in G = N(x̄, S), n Gaussian "
    "points of any mean and covariance of rank d, n > d + 1",
    source="derived here; inversion gilpelaez1951",
    derivation=_membership_auc,
    bounds=_membership_auc_bounds,
)
