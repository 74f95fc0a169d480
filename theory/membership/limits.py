"""Many dimensions: the attack by the Mahalanobis distance ends at n ~ d^{3/2}, and some d generated points will do."""

from collections.abc import Iterator

import sympy as sp

from theory.core.averages import chi2_average, normal_average
from theory.core.bounds import Condition
from theory.core.formula import Branch, Formula
from theory.core.special import log_ndtr, normal_quantile
from theory.core.steps import Identity, Limit, Premise, Step
from theory.letters import d, level, n, n_generated, variable
from theory.membership.distances import beta_moment, distances, membership_auc, odds_moment

_w, _k, _m, _freedom = sp.symbols("w k m freedom", positive=True)
_SCALED = {d: _w**2, n: _k * _w**3}  # n = k d^{3/2}


def _phi(z: sp.Expr) -> sp.Expr:
    return sp.exp(log_ndtr(z))


def _chi2_inverse(power: int) -> sp.Expr:
    """E x^{−power}, x ~ χ² of `_freedom` degrees of freedom, by SymPy."""
    return sp.simplify(chi2_average(lambda x: x ** (-power), _freedom))


def _erfinv(p: sp.Expr) -> sp.Expr:
    return normal_quantile(p).doit()


def _score(f: Formula) -> sp.Expr:
    """z of a formula Φ(z)."""
    (stated,) = f.expr.doit().atoms(sp.erfc)
    return -sp.sqrt(2) * stated.args[0]


def _membership_auc_limit(f: Formula) -> Iterator[Step]:
    yield from distances()
    training, fresh = ((moment(1), moment(2)) for moment in (beta_moment, odds_moment))
    yield Identity("E Q = d(1−1/n) for a training point", training[0], d * (1 - 1 / n))
    yield Identity("E Q = (1+1/n) d(n−1)/(n−d−2) for a fresh one", fresh[0], (1 + 1 / n) * d * (n - 1) / (n - d - 2))
    apart = fresh[0] - training[0]
    yield Limit("they differ by d²/n", sp.cancel((apart * n / d**2).subs(_SCALED)), _w, sp.oo, 1)
    for name, (first, second) in (("training", training), ("fresh", fresh)):
        spread = sp.cancel(((second - first**2) / d).subs(_SCALED))
        yield Limit(f"Var Q → 2d, {name}", spread, _w, sp.oo, 2)
    separation = sp.cancel((apart**2 / (sum(s - m**2 for m, s in (training, fresh)))).subs(_SCALED))
    yield Limit("squared difference over both variances, n = k d^{3/2}", separation, _w, sp.oo, 1 / (4 * _k**2))
    s = sp.Symbol("s", positive=True)
    cumulants = -d / 2 * sp.log(1 - 2 * s / sp.sqrt(2 * d)) - s * sp.sqrt(d / 2)
    yield Limit("χ²_d becomes normal", cumulants.subs(d, 1 / _w**2), _w, 0, s**2 / 2)
    yield Premise(
        "so does Q, to which Y and Y' add less than X: their relative spread √(2/n) is below that of X, √(2/d)",
        "argued here",
        "membership.membership_auc_limit",
    )
    yield Identity("P(normal > 0) at z² = 1/(4k²)", (_score(f) ** 2).subs(_SCALED), 1 / (4 * _k**2))
    yield Identity("as half an erfc", f.expr.doit(), sp.erfc(-sp.sqrt(d**3 / 8) / n) / 2)


membership_auc_limit = Formula(
    name="membership_auc_limit",
    variables=(variable(n), variable(d)),
    branches=(Branch(_phi(d ** sp.Rational(3, 2) / (2 * n))),),
    kind="asymptotic",
    regime="P(Q of a training point < Q of a fresh point), G = N(x̄, S); d → ∞ at fixed n/d^{3/2}",
    source="derived here",
    derivation=_membership_auc_limit,
    rests_on=(membership_auc,),
)


def _membership_samples(f: Formula) -> Iterator[Step]:
    z = d ** sp.Rational(3, 2) / (2 * f.expr)
    yield Identity("the limit is Φ(z) at n", membership_auc_limit.expr.subs(n, f.expr), _phi(z))
    found = (1 + sp.erf(sp.cancel(z.replace(normal_quantile, _erfinv)) / sp.sqrt(2))) / 2
    yield Identity("and Φ(z) is the level", found, level)


membership_samples = Formula(
    name="membership_samples",
    variables=(variable(level), variable(d)),
    branches=(Branch(d ** sp.Rational(3, 2) / (2 * normal_quantile(level))),),
    kind="asymptotic",
    regime="n at which the attack by the Mahalanobis distance has the AUC A; d → ∞",
    source="derived here",
    derivation=_membership_samples,
    rests_on=(membership_auc_limit,),
)


def _membership_auc_sampled(f: Formula) -> Iterator[Step]:
    yield from distances()
    # Q' = (m−1)|y'|²/χ²_{m−d}, y' = S^{−1/2}(x − x̄) − e, e of variance 1/m: the sample is white to who knows G.
    z, g, u, r = sp.symbols("z g u r", positive=True)  # a coordinate, a normal number, Q, (m−1)/d
    square = (z - g / sp.sqrt(_m)) ** 2
    middle, scatter = normal_average(square, g), normal_average(square**2, g) - normal_average(square, g) ** 2
    length, spread = middle - z**2, scatter.subs(z, 0)  # beyond what is proportional to z²
    slope = sp.cancel((scatter - spread) / z**2)
    yield Identity("d directions: E|y'|² = Q + d/m", d * length, d / _m)
    yield Identity("Var |y'|² = 4Q/m + 2d/m²", u * slope + d * spread, 4 * u / _m + 2 * d / _m**2)
    inverse = [sp.cancel(_chi2_inverse(p).subs(_freedom, _m - d) * (_m - 1) ** p) for p in (1, 2)]
    yield Identity("E (m−1)/χ²_{m−d} = (m−1)/(m−d−2)", inverse[0], (_m - 1) / (_m - d - 2))

    def moments(first: sp.Expr, second: sp.Expr) -> tuple[sp.Expr, sp.Expr]:
        """E Q' and E Q'² by those of Q."""
        whole = second + 2 * first * d / _m + (d / _m) ** 2 + first * slope + d * spread
        return (first + d / _m) * inverse[0], whole * inverse[1]

    training, fresh = (moments(moment(1), moment(2)) for moment in (beta_moment, odds_moment))
    many, c = {**_SCALED, _m: 1 + r * _w**2}, r / (r - 1)
    apart = sp.cancel(((fresh[0] - training[0]) * n / d**2).subs(many))
    yield Limit("the means differ by c d²/n, c = (m−1)/(m−1−d)", apart, _w, sp.oo, c)
    for name, (first, second) in (("training", training), ("fresh", fresh)):
        variance = sp.cancel(second.subs(many) / _w**2) - sp.cancel(first.subs(many) / _w) ** 2
        yield Limit(f"Var Q' → 2d c³, {name}", sp.cancel(variance), _w, sp.oo, 2 * c**3)
    yield Premise(
        "the two points are nearly at right angles, where the χ² of both are independent but for a relative covariance "
        "of order 1/m²; what is common to both does not decide which is larger",
        "argued here",
        "membership.membership_auc_sampled",
    )
    separation = c**2 / (4 * c**3 * _k**2)  # (c d²/n)² over twice 2d c³, n = k d^{3/2}
    stated = (_score(f) ** 2).subs({**_SCALED, n_generated: 1 + r * _w**2})
    yield Identity("z² is the squared difference over both variances", sp.simplify(stated), separation)
    every, law = (_score(formula).subs({d: 4, n: 2}) for formula in (f, membership_auc_limit))
    yield Limit("with many generated points it is that of who has the law", every, n_generated, sp.oo, law)
    whole = sp.erfc(-sp.sqrt(d**3 * (1 - d / (n_generated - 1)) / 8) / n) / 2
    yield Identity("as half an erfc", f.expr.doit(), whole)


def _membership_auc_sampled_bounds(f: Formula) -> Iterator[Step]:
    given = {n_generated: 1 + _m}
    left = 1 - d / (n_generated - 1)
    yield Condition(
        "1 − d/(m−1) > 0: more degrees of freedom than dimensions", f.branches[0].condition, left > 0, given
    )


membership_auc_sampled = Formula(
    name="membership_auc_sampled",
    variables=(variable(n), variable(d), variable(n_generated)),
    branches=(
        Branch(
            _phi(d ** sp.Rational(3, 2) * sp.sqrt(1 - d / (n_generated - 1)) / (2 * n)),
            n_generated > d + 1,
        ),
    ),
    kind="asymptotic",
    regime="AUC of the Mahalanobis distance in mean and covariance of n_G points drawn from G; d → ∞ at fixed "
    "n/d^{3/2} and n_G/d > 1",
    source="derived here",
    derivation=_membership_auc_sampled,
    bounds=_membership_auc_sampled_bounds,
    rests_on=(membership_auc_limit,),
)
