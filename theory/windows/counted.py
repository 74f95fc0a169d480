"""How many of n points have a part in a posterior mean over them, and what it loses by having no more.

A point x_i has the weight w_i = e^{−|u−x_i|²/2τ²} in the posterior mean at u = x + τξ.  The mean of n draws from the
posterior would lose 1/n more than the posterior mean.  Points are draws from the law, and weighted; Kish's effective
sample size (Σw)²/Σw² says how many draws from the posterior they are worth, roughly.  For a Gaussian law directions
multiply, and for n → ∞ both of its means are known: its typical value, E ln over u, and that of its inverse, E over u.
The second is the excess loss for n → ∞, but it is dominated by u that are rare.

Before that W(1 + 1/n_eff) is an estimate of the loss, W the least, n_eff the typical size: a heuristic, no more.  The
size itself is larger than its formula as long as Σw² is not yet a mean over many points, that is for ln n below
½Σ[ln(1+2s) + 2s/(1+2s)²], s = λ_j/τ²: the information on which of n points the law times w² is.
"""

from collections.abc import Iterator

import sympy as sp

from theory.collapse.limit import information
from theory.core.bounds import Edge
from theory.core.formula import Branch, Formula
from theory.core.mean import Mean, single
from theory.core.steps import Identity, Limit, Premise, Step, shared
from theory.letters import POSITIVE, d, eigenvalues, n, tau, variable

_S = eigenvalues / tau**2
_TYPICAL = d * Mean(sp.log(1 + _S) - sp.log(1 + 2 * _S) / 2 + _S / (1 + 2 * _S), eigenvalues)

# One direction: variance v, noise variance e. The law of points times w^k is a Gaussian in x, times one in u.
_u, _x = sp.symbols("noised_one clean_one", real=True)
_v, _e = sp.symbols("variance noise", positive=True)


def _left(k: int) -> sp.Expr:
    """The variance of x in the law of points times w^k."""
    return _v * _e / (k * _v + _e)


def _middle(k: int) -> sp.Expr:
    """The mean of x in the law of points times w^k; for k = 1 it is the posterior's, D."""
    return k * _v * _u / (k * _v + _e)


def _fall(k: int) -> sp.Expr:
    """`fall` in E w^k = √(left/v) e^{−fall·u²/2}, the mean over points."""
    return 1 / (_v + _e / k)


_RATIO = sp.sqrt(_left(2) / _v) / (_left(1) / _v)  # E w²/(E w)² at u = 0
_DECIDE = 1 / (_fall(2) - _fall(1))  # the variance of u in its density times E w²/(E w)²


def _in_one(expr: sp.Expr) -> sp.Expr:
    """A formula for one direction."""
    return single(expr).subs(d, 1).subs({eigenvalues: _v, tau: sp.sqrt(_e)})


@shared
def _weights() -> Iterator[Step]:
    for k in (1, 2):
        yield Identity(
            f"w{'²' * (k - 1)} times the law of points, its square completed",
            _x**2 / _v + k * (_u - _x) ** 2 / _e,
            (_x - _middle(k)) ** 2 / _left(k) + _fall(k) * _u**2,
        )


def _effective_sample_size(f: Formula) -> Iterator[Step]:
    yield from _weights()
    yield Premise(
        "(Σw)²/Σw² is n (E w)²/E w² at almost every u, n → ∞: the law of large numbers",
        "argued here",
        "windows.effective_sample_size",
    )
    spread = sp.log(_RATIO) - (_fall(2) - 2 * _fall(1)) * (_v + _e) / 2
    yield Identity("E ln over u, of variance v + τ²", sp.log(_in_one(f.expr / n)), -spread)
    strength = sp.Symbol("strength", positive=True)
    lost = sp.expand_log(-sp.log(_in_one(f.expr / n)).subs(_v, strength * _e), force=True)
    yield Limit("much noise: −ln of the share is 2I", lost / strength, strength, 0, 1)
    beyond = sp.logcombine(sp.expand(lost) - sp.log(1 + strength) / 2, force=True)
    yield Limit("little noise: (1 − ln 2)/2 a direction more than I", beyond, strength, sp.oo, (1 - sp.log(2)) / 2)


def _noiseless(f: Formula) -> Iterator[Step]:
    yield Edge("without noise each point is alone", f.variables[1], "lower", single(information.expr), sp.oo)


effective_sample_size = Formula(
    name="effective_sample_size",
    variables=(variable(n), variable(tau, POSITIVE), variable(eigenvalues)),
    branches=(Branch(n * sp.exp(-_TYPICAL)),),
    kind="asymptotic",
    regime="exp E ln of (Σw)²/Σw², the number of n points that have a part in the posterior mean at a noised fresh "
    "point, Gaussian law, n → ∞; larger than this where ln n is below ½Σ[ln(1+2s) + 2s/(1+2s)²], s = λ_j/τ²",
    source="derived here; (Σw)²/Σw² of kish1965",
    derivation=_effective_sample_size,
    bounds=_noiseless,
    rests_on=(information,),
    count=d,
)


def _sampling_excess(f: Formula) -> Iterator[Step]:
    yield from _weights()
    yield Premise(
        "Σw(x − D)/Σw has the mean square E w²(x − D)²/(n(E w)²), n → ∞: both sums are means over points",
        "argued here",
        "windows.sampling_excess",
    )
    yield Identity(
        "u, of variance v + τ², in its density times E w²/(E w)²", 1 / _DECIDE, 1 / (_v + _e) + _fall(2) - 2 * _fall(1)
    )
    yield Identity("E over u of E w²/(E w)²: e^{2I}", _RATIO**2 * _DECIDE / (_v + _e), _in_one(n * f.expr) ** 2)
    yield Identity(
        "x − D in it: its mean is odd in u, so directions do not mix; its square is the least loss",
        _left(2) + ((_middle(2) - _middle(1)) ** 2).subs(_u, sp.sqrt(_DECIDE)),
        _left(1),
    )
    reach = sp.sqrt(2 * _v * sp.log(n))  # no point of n is farther out; E w² comes from those at the middle
    beyond = sp.solve(_middle(2) - reach, _u)[0] ** 2 / (2 * _DECIDE)
    yield Identity(
        "the part of it from u near which no point lies, −ln: ln n times τ²/2λ for λ ≫ τ²",
        beyond,
        sp.log(n) * _e / (4 * _v) * (_e + 2 * _v) / (_e + _v),
    )


sampling_excess = Formula(
    name="sampling_excess",
    variables=(variable(n), variable(tau, POSITIVE), variable(eigenvalues)),
    branches=(Branch(sp.exp(2 * information.expr) / n),),
    kind="asymptotic",
    regime="E(D_n − D)²/E(x − D)² of the posterior mean D_n over n points about that of their law, in any direction, "
    "Gaussian law, ln n far above 2λ_max/τ²; smaller than this before",
    source="derived here",
    derivation=_sampling_excess,
    bounds=_noiseless,
    rests_on=(information,),
    count=d,
)
