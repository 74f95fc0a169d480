"""The linear denoiser sampled in many steps: how far is the generated law from the truth?

With the noise averaged, least squares on n points is D(x) = x̄ + S(S+ε²)⁻¹(x−x̄), and the probability-flow equation
with it carries N(x̄, S+ε²) to G = N(x̄, S): the Gaussian of the training set, S the unbiased sample covariance. For
Gaussian data O = N(m, Σ) both divergences have means in closed form at every n and d, whatever Σ is.

An affine map that makes the data white leaves KL as it is, so (n−1)S is a Wishart matrix W_d(n−1, I) without loss
of generality. Its determinant is a product of χ² variables (Bartlett), and the sum of digammas that is the mean of
its logarithm telescopes.
"""

from collections.abc import Iterator

import sympy as sp

from theory.core.bounds import Condition, Edge
from theory.core.digammas import psi_tail
from theory.core.formula import Branch, Formula
from theory.core.special import log_either, log_excess
from theory.core.steps import Identity, Limit, Premise, Quadrature, Step, shared
from theory.letters import at_least, d, n, variable
from theory.linear.isotropic import inverse_chi2_mean

_x, _k, _s, _m = sp.symbols("x k s m", positive=True)
_N = n - 1

# Where n > d all logarithms below are real: m = n − d − 1 counts the points beyond those needed.
_REAL = {n: _m + d + 1}


def _rest(x: sp.Expr) -> sp.Expr:
    """(x−1)ψ(x) − ½ψ(x/2) less its leading terms (x−3/2) ln x + 1/x + (ln 2 − 1)/2: −1/(12x) where x is large."""
    return psi_tail(x / 2) / 2 - (x - 1) * psi_tail(x)


# −E ln det S, all of its terms small where n ≫ d
_MINUS_LOGDET = (
    (n - d) * log_excess(d / (n - d))
    - sp.Rational(3, 2) * log_either((n - d) / n, -d / n)
    + d * sp.log(1 - 1 / n)
    + d / (n * (n - d))
    + _rest(n - d)
    - _rest(n)
)


@shared
def _white() -> Iterator[Step]:
    """KL between Gaussians does not see an affine map common to both."""
    mix, first, second = (
        sp.Matrix(2, 2, sp.symbols(f"{letter}1 {letter}{k} {letter}{j} {letter}4", positive=True))
        for letter, k, j in (("mix", 2, 3), ("first", 2, 2), ("second", 2, 2))
    )
    one, two = mix * first * mix.T, mix * second * mix.T
    yield Identity(
        "tr C2⁻¹C1 is that of the mapped covariances", (two.inv() * one).trace(), (second.inv() * first).trace()
    )
    yield Identity("so is det C1/det C2", one.det() / two.det(), first.det() / second.det())
    gap = sp.Matrix(sp.symbols("gap1 gap2", positive=True))
    mapped = mix * gap
    yield Identity(
        "and the squared distance of the means", (mapped.T * two.inv() * mapped)[0], (gap.T * second.inv() * gap)[0]
    )


@shared
def _log_chi2() -> Iterator[Step]:
    """E ln χ²_k = ψ(k/2) + ln 2, finite for k > 0."""
    density = _x ** (_k / 2 - 1) * sp.exp(-_x / 2) / (2 ** (_k / 2) * sp.gamma(_k / 2))
    moment = 2**_s * sp.gamma(_k / 2 + _s) / sp.gamma(_k / 2)
    found = sp.integrate(density * _x**_s, (_x, 0, sp.oo), conds="none")
    yield Identity("E (χ²_k)^s = 2^s Γ(k/2+s)/Γ(k/2)", sp.gammasimp(found / moment), 1)
    mean = sp.digamma(_k / 2) + sp.log(2)
    yield Identity("its slope at s = 0 is E ln χ²_k", sp.diff(moment, _s).subs(_s, 0), mean)
    points = ({_k: 3}, {_k: 8})
    yield Quadrature("the same by quadrature", density * sp.log(_x), (_x, 0, 1, 10, sp.oo), mean, points)
    yield Identity("ψ(k/2) = ψ(k/2+1) − 2/k", sp.expand_func(sp.digamma(_k / 2 + 1)), sp.digamma(_k / 2) + 2 / _k)
    yield Limit("no degree of freedom: ln 0", sp.digamma(_k / 2 + 1) - 2 / _k, _k, 0, -sp.oo)


@shared
def _telescope() -> Iterator[Step]:
    """c(x) = (x−1)ψ(x) − ½ψ(x/2) has c(x+1) − c(x) = ψ(x/2) + 1 + ln 2."""
    low, high = sp.digamma(_x / 2), sp.digamma((_x + 1) / 2)
    doubled = sp.gamma(_x / 2) * sp.gamma((_x + 1) / 2) / sp.gamma(_x)
    yield Identity("Γ(x/2)Γ((x+1)/2) = 2^{1−x}√π Γ(x)", sp.gammasimp(doubled), 2 ** (1 - _x) * sp.sqrt(sp.pi))
    yield Identity(
        "its logarithmic slope: ψ(x/2) + ψ((x+1)/2) = 2ψ(x) − 2 ln 2",
        2 * sp.diff(sp.log(doubled), _x),
        low + high - 2 * sp.digamma(_x),
    )
    yield Identity("and that of the right side is −ln 2", sp.diff(sp.log(2 ** (1 - _x)), _x), -sp.log(2))
    yield Identity("ψ(x+1) = ψ(x) + 1/x", sp.expand_func(sp.digamma(_x + 1)), sp.digamma(_x) + 1 / _x)
    whole = (low + high) / 2 + sp.log(2)  # ψ(x)
    step = (_x * (whole + 1 / _x) - high / 2) - ((_x - 1) * whole - low / 2)
    yield Identity("c(x+1) − c(x) = ψ(x/2) + 1 + ln 2", step, low + 1 + sp.log(2))


def _closed(x: sp.Expr) -> sp.Expr:
    return (x - 1) * sp.digamma(x) - sp.digamma(x / 2) / 2


# Σᵢ ψ((N−i+1)/2) + d ln(2/N), telescoped from x = n − d up to x = n
_LOGDET = _closed(n) - _closed(n - d) - d * (1 + sp.log(2)) + d * sp.log(2 / _N)


@shared
def _determinant() -> Iterator[Step]:
    yield from _white()
    yield Premise(
        "det W of W ~ Wishart_d(N, I) is a product of independent χ² of N, N−1, …, N−d+1 degrees of freedom",
        "muirhead1982 Thm 3.2.15",
        "sampling.multistep",
    )
    yield from _log_chi2()
    yield from _telescope()
    yield Limit(
        "what is left beyond the logarithms is −1/(12x)", (_x * _rest(_x)).doit(), _x, sp.oo, -sp.Rational(1, 12)
    )


def _kl_multistep(f: Formula) -> Iterator[Step]:
    yield from _determinant()
    yield Premise("x̄ and S are independent, and E|x̄−m|² = d/n", "muirhead1982 Thm 3.1.2", "sampling.multistep")
    yield Identity(
        "½(E tr S − d + d/n − E ln det S), E tr S = d",
        ((d - d + d / n - _LOGDET) / 2).subs(_REAL),
        f.branches[0].value.subs(_REAL).doit(),
    )
    yield from _limits(f, (1 + _x * sp.log(_x / (1 + _x))) / 2)


def _limits(f: Formula, per_dimension: sp.Expr) -> Iterator[Step]:
    """Limits of the value without rest(n−d) − rest(n), which is of order d/n²: see the limit of x·rest(x)."""
    value = f.branches[0].value.replace(psi_tail, lambda x: sp.S.Zero).doit()
    yield Limit("per dimension at d = γn, γ = 1/(1+x)", (value / d).subs(n, d * (1 + _x)), d, sp.oo, per_dimension)
    yield Limit("many samples: half of d(d+3)/2 parameters over n", n * value, n, sp.oo, d * (d + 3) / 4)


def _kl_multistep_bounds(f: Formula) -> Iterator[Step]:
    yield Condition("the last χ² has a degree of freedom, or S is singular", f.branches[0].condition, _N - d + 1 > 0)
    last = sp.digamma(_k / 2 + 1) - 2 / _k  # ψ(k/2)
    yield Limit("without one the mean of −ln det S is infinite", -last, _k, 0, f.branches[1].value)
    yield Edge("a covariance takes a degree of freedom, N ≥ 1", f.variables[0], "lower", _N, 1, included=True)


kl_multistep = Formula(
    name="kl_multistep",
    variables=(variable(n, at_least(2)), variable(d)),
    branches=(Branch((d / n + _MINUS_LOGDET) / 2, n > d), Branch(sp.oo)),
    kind="exact",
    regime="E KL(G‖O), G = N(x̄, S), of n Gaussian points of any covariance, at every n and d; ∞ for n ≤ d",
    source="derived here",
    derivation=_kl_multistep,
    bounds=_kl_multistep_bounds,
)


def _kl_multistep_reverse(f: Formula) -> Iterator[Step]:
    yield from _determinant()
    yield from inverse_chi2_mean()
    yield Premise(
        "a diagonal entry of an inverse Wishart_d(N) is 1/χ² with N−d+1 degrees of freedom",
        "muirhead1982 Thm 3.2.11",
        "sampling.multistep_reverse",
    )
    entry = 1 / (_k - 2)
    yield Premise("x̄ and S are independent, and E x̄x̄ᵀ = I/n", "muirhead1982 Thm 3.1.2", "sampling.multistep_reverse")
    trace = d * _N * entry.subs(_k, _N - d + 1)  # E tr S⁻¹: d diagonal entries
    yield Identity(
        "½(E tr S⁻¹ (1 + 1/n) − d + E ln det S)",
        ((trace * (1 + 1 / n) - d + _LOGDET) / 2).subs(_REAL),
        f.branches[0].value.subs(_REAL).doit(),
    )
    yield from _limits(f, (1 / _x - 1 - _x * sp.log(_x / (1 + _x))) / 2)


def _kl_multistep_reverse_bounds(f: Formula) -> Iterator[Step]:
    yield Condition("k = N − d + 1 is more than 2, or E 1/χ²_k is infinite", f.branches[0].condition, _N - d + 1 > 2)
    yield Limit("x^{k/2−2} at 0 is not integrable for k ≤ 2", 1 / (_k - 2), _k, 2, f.branches[1].value)
    yield Edge("a covariance takes a degree of freedom, N ≥ 1", f.variables[0], "lower", _N, 1, included=True)


kl_multistep_reverse = Formula(
    name="kl_multistep_reverse",
    variables=(variable(n, at_least(2)), variable(d)),
    branches=(Branch((d * (d + 2 - 1 / n) / (n - d - 2) - _MINUS_LOGDET) / 2, n > d + 2), Branch(sp.oo)),
    kind="exact",
    regime="E KL(O‖G), G = N(x̄, S), of n Gaussian points of any covariance, at every n and d; ∞ for n ≤ d+2",
    source="derived here",
    derivation=_kl_multistep_reverse,
    bounds=_kl_multistep_reverse_bounds,
)
