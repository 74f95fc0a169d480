"""Who knows the true law as well: the likelihood ratio of a training point and a fresh one, and its AUC.

Given x̄ and S a training point is S^{1/2} times a spherical variable of known radius, and a fresh one is N(m, Σ).  The
ratio of the two densities is the best score there is (Neyman and Pearson).
"""

from collections.abc import Iterator

import sympy as sp

from theory.core.averages import chi2_average
from theory.core.bounds import Condition
from theory.core.formula import Branch, Formula
from theory.core.special import log_ndtr
from theory.core.steps import Identity, Limit, Premise, Step
from theory.letters import d, mahalanobis, mahalanobis_true, n, variable
from theory.membership.distances import REST, SHAPE, TRAINING, beta_moment, distances, membership_auc, odds_moment

_w, _k = sp.symbols("w k", positive=True)
_SEVERAL = {n: 1 + _k}


def _membership_ratio(f: Formula) -> Iterator[Step]:
    yield from distances()
    yield Premise(
        "S^{−1/2}(x_i − x̄), with a triangular root, has a law without parameters, so it is independent of x̄ and S; "
        "rotations leave that law as it is",
        "basu1955",
        "membership.membership_ratio",
    )
    inside, outside = f.branches[0].value, f.branches[1].value
    share = mahalanobis / TRAINING
    # P(Q) ∝ Q^{d/2−1} g(Q) for a spherical density g; P is that of ((n−1)²/n)·Beta
    radial = (SHAPE - 1) * sp.log(share) + (REST - 1) * sp.log(1 - share)
    spherical = radial - (SHAPE - 1) * sp.log(mahalanobis)
    for symbol, density in ((mahalanobis, spherical), (mahalanobis_true, mahalanobis_true / 2)):
        slope = sp.simplify(sp.diff(inside, symbol) - sp.diff(density, symbol))
        yield Identity(f"d/d{symbol} of ln g − ln N(m, Σ)", slope, 0)
    yield Identity("0 at the middle of both", inside.subs({mahalanobis: 0, mahalanobis_true: 0}), 0)
    yield Limit("no training point is farther out: ln 0", sp.log(1 - _w), _w, 1, outside, "-")


def _membership_ratio_bounds(f: Formula) -> Iterator[Step]:
    for branch in f.branches:
        found = [REST > 0, 1 - mahalanobis / TRAINING > 0]
        where = sp.And(*found) if branch is f.branches[0] else found[0]
        yield Condition("n − d − 1 > 0, and Q within the range of the Beta variable", branch.condition, where, _SEVERAL)


membership_ratio = Formula(
    name="membership_ratio",
    variables=(variable(mahalanobis), variable(mahalanobis_true), variable(n), variable(d)),
    branches=(
        Branch(
            (n - d - 3) / 2 * sp.log(1 - mahalanobis * n / (n - 1) ** 2) + mahalanobis_true / 2,
            sp.And(n > d + 1, mahalanobis * n < (n - 1) ** 2),
        ),
        Branch(-sp.oo, n > d + 1),
    ),
    kind="exact",
    regime="ln p(x | in the training set, x̄, S) − ln p(x | fresh), less its value at Q_G = Q_O = 0, a constant of the "
    "model; n > d + 1 Gaussian points",
    source="derived here",
    derivation=_membership_ratio,
    bounds=_membership_ratio_bounds,
)


def _membership_auc_known(f: Formula) -> Iterator[Step]:
    yield from distances()
    # Score |x|² − Q.  A training point: Q and x̄, S are independent, E|x−x̄|²Q = E Q² E tr S/d, and E|x̄|² = d/n.
    first, second = beta_moment(1), beta_moment(2)
    yield Identity("training: E|x−x̄|² = d(1−1/n) is E Q", first, d * (1 - 1 / n))
    scatter = sp.simplify(second - first**2)
    covariance = second + d / n * first - d * first
    yield Identity("so Cov(|x|², Q) = Var Q", sp.simplify(covariance - scatter), 0)
    square = chi2_average(lambda x: x**2, d) - d**2
    training = square + scatter - 2 * covariance
    # A fresh point: y = x − x̄ has variance 1+1/n, x = n y/(n+1) + e with e of variance 1/(n+1), Q = (n−1)|y|²/χ²_{n−d}.
    size = (1 + 1 / n) * d
    yield Identity("fresh: x = ny/(n+1) + e has variance 1", (n / (n + 1)) ** 2 * (1 + 1 / n) + 1 / (n + 1), 1)
    per_size = odds_moment(1) / size  # (n−1) E 1/χ²
    product = per_size * ((n / (n + 1)) ** 2 * (1 + 1 / n) ** 2 * d * (d + 2) + d / (n + 1) * size)
    fresh_first, fresh_second = odds_moment(1), odds_moment(2)
    fresh = square + (fresh_second - fresh_first**2) - 2 * (product - d * fresh_first)
    apart = fresh_first - first  # E|x|² = d for both
    for claim, value, limit in (
        ("the means differ by d²/n, n = k d²", apart, 1),
        ("the variance of a training point's score is 2d²/n", training, 2),
        ("so is that of a fresh one's", fresh, 2),
    ):
        yield Limit(claim, sp.cancel((value * n / d**2).subs(n, _k * d**2)), d, sp.oo, limit)
    separation = 1 / (_k * 4)  # (d²/n)² over 4d²/n
    yield Premise(
        "both scores become normal, and what x̄ and S have in common to all points is of smaller order",
        "argued here",
        "membership.membership_auc_known",
    )
    # The likelihood ratio: its slope in Q at Q = d is −½, and its curvature bends it less than its spread d/√n.
    ratio = membership_ratio.branches[0].value.subs(mahalanobis, _w)
    slope, bend = (sp.diff(ratio, _w, order).subs(_w, d).subs(n, _k * d**2) for order in (1, 2))
    yield Limit("the best score is ½(|x|² − Q) near Q = d", slope, d, sp.oo, -sp.Rational(1, 2))
    yield Limit("and its slope deviates by less than its spread", sp.sqrt(2 * d) * (slope + sp.S.Half), d, sp.oo, 0)
    yield Limit("nor does it bend, (Q−d)² being of order d", 2 * d * bend, d, sp.oo, 0)
    (stated,) = f.expr.doit().atoms(sp.erfc)
    yield Identity("Φ(z), z² = d²/(4n)", (2 * stated.args[0] ** 2).subs(n, _k * d**2), separation)
    yield Identity("as half an erfc", f.expr.doit(), sp.erfc(-d / sp.sqrt(8 * n)) / 2)


membership_auc_known = Formula(
    name="membership_auc_known",
    variables=(variable(n), variable(d)),
    branches=(Branch(sp.exp(log_ndtr(d / (2 * sp.sqrt(n))))),),
    kind="asymptotic",
    regime="AUC of the score |x|² − Q, |x| in the metric of the true law, and of the likelihood ratio, which no attack "
    "exceeds; d → ∞ at fixed n/d²",
    source="derived here",
    derivation=_membership_auc_known,
    rests_on=(membership_auc, membership_ratio),
)
