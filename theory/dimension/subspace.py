"""Data on a subspace of D of d dimensions, denoised in one step: what is generated along the subspace.

One noise for each point, least squares, white data on the subspace, sampled from the true noised law. Along the
subspace the generated covariance is σ²AAᵀ with A = √ρ(I 0) + √(1−ρ) Z W^{−1/2}, a matrix of D rows and d columns, W ~
Wishart_d(N). Its noise part prefers no direction, which leaves a finite sum for the mean of its determinant.
"""

from collections.abc import Iterator

import sympy as sp

from theory.core.bounds import Edge
from theory.core.formula import Branch, Formula
from theory.core.special import log_either, positive_root
from theory.core.steps import Identity, Limit, Premise, Step, shared
from theory.gaussians import kl_spectral
from theory.letters import INSIDE, d, filled, gamma, n, rho, variable
from theory.linear.determinants import generated_logdet
from theory.linear.isotropic import generated_trace, inverse_chi2_mean, kl_of_pieces, pieces_are_kl

_SPARE = (1 - filled) / filled  # a = (d−D)/D
_MORE = (1 - gamma) / (gamma * filled)  # b = (N−d)/D

# Of the terms of the sum, that with k = xD rows of noise: its place, and a, b, D, d, N as symbols of the proof.
_x, _a, _b = sp.symbols("place spare more", positive=True)
_k, _D, _d, _N = sp.symbols("terms held full degrees", integer=True, positive=True)
_RATIO = (1 - _x) * (1 - rho) * (_a + _x) / (_x * rho * (_b + _x))


def _logdet(x: sp.Expr, a: sp.Expr, b: sp.Expr) -> sp.Expr:
    """ln of the largest term of the sum, which is at the place x, over D."""
    first = sp.log((1 - rho) * (a + x) / (x * (b + x)))
    return first + a * log_either(1 + x / a, x / a) - b * log_either(1 + x / b, x / b)


@shared
def _mean_determinant() -> Iterator[Step]:
    """E det AAᵀ = Σ_k C(D,k) ρ^{D−k}(1−ρ)^k · (d−D+k)!/(d−D)! · (N−d−2)!/(N−d+k−2)!"""
    r = sp.Symbol("r", positive=True)
    one, two = (sp.eye(3) + r * sp.Matrix(3, 3, lambda i, j, at=at: int(i == j == at)) for at in (0, 1))
    direct = one.trace() * two.trace() - (one * two).trace()
    terms = [sp.binomial(2, k) * r ** (2 - k) * sp.factorial(1 + k) for k in range(3)]
    yield Identity(
        "Cauchy–Binet: k rows of noise take the d−D+k columns that are left (D = 2, d = 3, W = 1, r = ρ/(1−ρ))",
        sp.expand(direct),
        sum(terms),
    )
    yield Premise(
        "the squared volume of k rows of Z W^{−1/2} is, on average, that of rows of Z times E 1/det Wishart_k(N−d+k)",
        "muirhead1982 Thm 3.2.10",
        "dimension.subspace_logdet",
    )
    yield from inverse_chi2_mean()
    chi2 = [1 / (_N - _d + 3 - i - 1) for i in range(1, 4)]
    falling = sp.factorial(_N - _d - 2) / sp.factorial(_N - _d + 1)
    yield Identity("E 1/det: χ² of N−d+k … N−d+1 degrees of freedom (k = 3)", sp.gammasimp(falling), sp.prod(chi2))
    term = (
        sp.binomial(_D, _k)
        * (rho ** (_D - _k) * (1 - rho) ** _k)
        * sp.factorial(_d - _D + _k)
        / sp.factorial(_N - _d + _k - 2)
    )
    grows = (_D - _k) / (_k + 1) * (1 - rho) / rho * (_d - _D + _k + 1) / (_N - _d + _k - 1)
    yield Identity("each term over the one before", sp.gammasimp(sp.combsimp(term.subs(_k, _k + 1) / term)), grows)
    size = sp.Symbol("size", positive=True)
    large = grows.subs({_k: _x * size, _d: (1 + _a) * size, _N: (1 + _a + _b) * size, _D: size})
    yield Limit("which is r(x) at k = xD; it falls from ∞ to 0: one largest term", large, size, sp.oo, _RATIO)
    yield Premise("the largest term decides, and annealed = quenched", "argued here", "dimension.subspace_logdet")


def _subspace_logdet(f: Formula) -> Iterator[Step]:
    yield from _mean_determinant()
    root = next(iter(f.expr.atoms(positive_root)))
    cleared = sp.together(_RATIO - 1) * _x * rho * (_b + _x)
    named = {_a: _SPARE, _b: _MORE}
    first, linear, last = root.args
    yield Identity("r(x) = 1 is a quadratic in x", cleared.subs(named), last - linear * _x - first * _x**2)

    def entropy(y: sp.Expr) -> sp.Expr:
        return y * sp.log(y)

    whole = (
        -entropy(_x)
        - entropy(1 - _x)
        + (1 - _x) * sp.log(rho)
        + _x * sp.log(1 - rho)
        + entropy(_a + _x)
        - entropy(_a)
        - entropy(_b + _x)
        + entropy(_b)
    )
    inside = {_x: _k / (1 + _k), rho: 1 / (1 + _d)}  # between 0 and 1
    logarithm = sp.expand_log(sp.log(_RATIO), force=True)
    yield Identity("the sum of ln r: its slope", sp.diff(whole, _x), logarithm, inside)
    yield Limit("and its start, D logarithms of ρ", whole.subs(rho, sp.S.Half), _x, 0, -sp.log(2))
    stated = f.expr.subs(root, _x)
    yield Identity(
        "where ln r = 0 it is the value", whole + (1 - _x) * logarithm, stated.doit().subs(_back(named)), inside
    )
    # D = d: a = 0, and one root is 0
    place = sp.factor(last - linear * _x - first * _x**2).subs(filled, 1)
    plateau, fluctuating = (b.value for b in generated_logdet.branches[:2])
    beyond = 1 - rho - rho * (1 - gamma) / gamma
    yield Identity("D = d: x = 0 or 1−ρ/γ", place, _x * (beyond - _x))
    square = whole.subs(_a * sp.log(_a), 0).subs(_a, 0)
    yield Limit(
        "the former gives the plateau of generated_logdet",
        square.subs(rho, sp.S.Half),
        _x,
        0,
        plateau.subs(rho, sp.S.Half),
    )
    rest = square.subs({_x: beyond, _b: (1 - gamma) / gamma})
    yield Identity("the latter its other phase", rest, fluctuating, {gamma: rho * (1 + _k), rho: 1 / (1 + _k + _d)})


def _back(named: dict[sp.Symbol, sp.Expr]) -> dict[sp.Symbol, sp.Expr]:
    """Substitutions that put D/d and γ in terms of a and b."""
    share = 1 / (1 + _a)
    return {filled: share, gamma: 1 / (1 + _b * share)}


def _needs_rows(f: Formula) -> Iterator[Step]:
    yield Edge("at γ = 1 no row of W is to spare", next(v for v in f.variables if v.symbol == gamma), "upper", _MORE, 0)


_PLACE = positive_root(1, rho * _MORE + (1 - rho) * (_SPARE - 1), (1 - rho) * _SPARE)

subspace_logdet = Formula(
    name="subspace_logdet",
    variables=(variable(gamma, INSIDE), variable(filled), variable(rho, INSIDE)),
    branches=(Branch(_logdet(_PLACE, _SPARE, _MORE)),),
    kind="asymptotic",
    regime="lim (1/D) ln det of Σ_G/σ² along the subspace, Σ_G = B(Σ+τ²)Bᵀ, one noise a point; n, d, D → ∞ at "
    "d/N = γ < 1",
    source="derived here",
    derivation=_subspace_logdet,
    bounds=lambda f: [*_needs_rows(f), _needs_noise(f)],
    rests_on=(generated_logdet,),
)


def _needs_noise(f: Formula) -> Step:
    return Edge("without noise the fit is exact", next(v for v in f.variables if v.symbol == rho), "upper", 1 - rho, 0)


def _kl_subspace(f: Formula) -> Iterator[Step]:
    yield pieces_are_kl()
    trace = rho + (1 - rho) * gamma / (1 - gamma)
    exact = generated_trace.branches[0].value.subs(n, d / gamma + 1)
    yield Limit("a row of A has the norm that it has for D = d: generated_trace", exact, d, sp.oo, trace)
    yield Identity("½(trace − 1 − log-determinant)", f.expr, kl_of_pieces(trace, subspace_logdet.expr))
    yield Limit(
        "one noised point a dimension: the trace has no bound", trace.subs(rho, sp.S.Half), gamma, 1, sp.oo, "-"
    )


kl_subspace = Formula(
    name="kl_subspace",
    variables=subspace_logdet.variables,
    branches=(Branch((rho - 1 + (1 - rho) * gamma / (1 - gamma) - subspace_logdet.expr) / 2),),
    kind="asymptotic",
    regime="lim KL(G‖O)/D along the subspace that holds the data, as subspace_logdet; it grows without bound as n → d",
    source="derived here",
    derivation=_kl_subspace,
    bounds=lambda f: [*_needs_rows(f), _needs_noise(f)],
    rests_on=(kl_spectral, generated_trace, subspace_logdet),
)
