"""Relaxation: when has a diffused law forgotten its data, and what does the paper's linear score assume?

The paper writes ρ(t, x) by a tilted measure π_t(y) ∝ ρ_0(y) exp(−y²/2τ²), 1/τ² = e^{−2t}/Δ_t (eqs. 13, 14).
To second order in x the log-density is a quadratic form, (I − Cov_{π_t}/τ²)/Δ_t, and its gradient a linear score.  The
relaxation time is where that form is near I.  "Near" can mean the largest eigenvalue, or a relative entropy: two times,
and they do not scale alike with dimension.  What the form is for laws that are not Gaussian: see late_time.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import sympy as sp

from theory.core.bounds import Bracket, Condition, Edge
from theory.core.formula import Branch, Formula
from theory.core.mean import Mean, single
from theory.core.special import log_excess, ratio_divergence
from theory.core.steps import Identity, Limit, Step, shared
from theory.letters import POSITIVE, d, delta, eigenvalues, lam, t, tau2, top_eigenvalue, unknown, variable
from theory.ou import noise_variance


@shared
def tilted() -> Iterator[Step]:
    """ln ρ(t, x) = const − x²/2Δ + K_t(e^{−t}x/Δ), K_t the cumulant generating function of π_t; for Gaussian data."""
    x, y, s, delta, a = sp.symbols("x y s Delta inverse", positive=True)
    m = sp.exp(-t)
    kernel = -((x - m * y) ** 2) / (2 * delta)
    split = -(m**2 / delta) * y**2 / 2 - x**2 / (2 * delta) + (m * x / delta) * y
    yield Identity(
        "whatever the law: the kernel splits into the tilt, x²/2Δ and the pairing e^{−t}x·y/Δ", kernel, sp.expand(split)
    )
    # Gaussian data of variance s: π_t is N(0, v), 1/v = 1/s + a, and K(k) = v k²/2.
    v = 1 / (1 / s + a)
    precision = 1 / delta - (m / delta) ** 2 * v.subs(a, m**2 / delta)
    yield Identity("for Gaussian data this is N(0, e^{−2t}s + Δ)", precision, 1 / (m**2 * s + delta))
    yield Identity("the form is (1 − v/τ²)/Δ", precision, (1 - (m**2 / delta) * v.subs(a, m**2 / delta)) / delta)


def _spectral_relaxation_time(f: Formula) -> Iterator[Step]:
    yield from tilted()
    a = 1 / (sp.exp(2 * t) - 1)
    share = a / (1 / top_eigenvalue + a)  # λ_max(Cov_π)/τ²
    yield Identity("λ_max(Cov_π)/τ² = ½, the form is halved, at t_R", share.subs(t, f.expr), sp.Rational(1, 2))
    yield Limit(
        "late, λ_max ≫ 1: ½ ln λ_max, the speciation time",
        f.expr - sp.log(top_eigenvalue) / 2,
        top_eigenvalue,
        sp.oo,
        0,
    )
    yield Limit("at t = 0 the form is degenerate, never after: a Gaussian does not speciate", share, t, 0, 1)


def _spectral_relaxation_time_bounds(f: Formula) -> Iterator[Step]:
    share = 1 / (sp.exp(2 * t) - 1) / (1 / top_eigenvalue + 1 / (sp.exp(2 * t) - 1))
    yield Edge("a point has nothing to forget: its share is 0 at all times", f.variables[0], "lower", share, 0)


spectral_relaxation_time = Formula(
    name="spectral_relaxation_time",
    variables=(variable(top_eigenvalue, POSITIVE),),
    branches=(Branch(sp.log(1 + top_eigenvalue) / 2),),
    kind="exact",
    regime="t at which λ_max(Cov_{π_t}) = τ²/2 for a Gaussian law, noise scale λ = 1",
    source="derived here; halder2024 eqs. (13), (14), reconstructed",
    derivation=_spectral_relaxation_time,
    bounds=_spectral_relaxation_time_bounds,
)


def relaxation_time(eigenvalues: Any) -> Any:
    """t_R of a Gaussian law, spectral definition: ½ ln(1 + λ_max) over the last axis."""
    return spectral_relaxation_time(np.max(np.atleast_1d(np.asarray(eigenvalues, float)), axis=-1))


def _relaxation_kl(f: Formula) -> Iterator[Step]:
    stationary = lam * (1 - sp.exp(-2 * t))
    variance = eigenvalues * sp.exp(-2 * t) + stationary
    one = single(f.branches[1].value).subs(d, 1).doit()
    yield Identity("KL of N(0, λ_j e^{−2t} + Δ) from N(0, Δ)", one, ratio_divergence(variance / stationary).doit() / 2)
    yield Limit("it vanishes late", one.subs(eigenvalues, 1), t, sp.oo, 0)
    r, end = sp.symbols("r T", positive=True)
    late = log_excess(r).doit() / 2
    yield Limit("late it is r²/4 a direction", late / r**2, r, 0, sp.Rational(1, 4))
    seed = (eigenvalues / (lam * (sp.exp(2 * t) - 1))).subs(lam, sp.exp(-2 * end)).subs(t, end)
    yield Limit(
        "at the paper's λ = e^{−2T} the law at T keeps r = λ_j/(1−e^{−2T}): it never relaxes",
        seed,
        end,
        sp.oo,
        eigenvalues,
    )


def _relaxation_kl_bounds(f: Formula) -> Iterator[Step]:
    later = sp.log(1 + lam * (sp.exp(2 * t) - 1) / lam) / 2  # diffusion_time of noise_variance
    yield Condition("no noise before the process starts, τ² = 0", f.branches[0].condition, sp.simplify(later) <= 0)
    one = single(f.branches[1].value).subs({d: 1, eigenvalues: 1}).doit()
    yield Limit("without noise it is infinite", one, t, 0, f.branches[0].value)


relaxation_kl = Formula(
    name="relaxation_kl",
    variables=(
        variable(t),
        variable(eigenvalues),
        variable(lam),
    ),
    branches=(
        Branch(sp.oo, t <= 0),
        Branch(d * Mean(log_excess(eigenvalues / (lam * (sp.exp(2 * t) - 1))), eigenvalues) / 2),
    ),
    kind="exact",
    regime="KL(law of x_t ‖ N(0, λ(1−e^{−2t})I)) for centred Gaussian data, nats",
    source="derived here",
    derivation=_relaxation_kl,
    bounds=_relaxation_kl_bounds,
    rests_on=(noise_variance,),
    count=d,
)


def _information_time(f: Formula) -> Iterator[Step]:
    yield from _relaxation_kl(relaxation_kl)
    yield Identity("τ² = λ(e^{2t} − 1)", lam * (sp.exp(2 * f.expr) - 1), tau2)
    reached = (f.equation + delta).subs(tau2, lam * (sp.exp(2 * t) - 1))
    yield Identity("the divergence at this time is δ", single(reached), single(relaxation_kl.branches[1].value))
    assert f.unknown
    low, high = single(f.unknown.lower).subs(d, 1), single(f.unknown.upper).subs(d, 1)
    one, r = eigenvalues, sp.Symbol("r", positive=True)
    yield Identity("above: r − ln(1+r) ≤ r²/2 gives KL ≤ ‖Σ‖²/4τ⁴, at most δ there", one**2 / (4 * high**2), delta / 4)
    yield Identity("(equal at 0, slopes r/(1+r) ≤ r)", sp.diff(log_excess(r).doit(), r), r / (1 + r))
    yield Identity(
        "below: r − ln(1+r) ≥ r²/2(1+r) gives KL ≥ ‖Σ‖²/4τ²(τ²+tr Σ), δ at twice the lower end",
        one**2 / (8 * low * (2 * low + one)),
        delta,
    )
    yield Identity(
        "(equal at 0, with a difference that grows)",
        sp.diff(log_excess(r).doit() - r**2 / (2 * (1 + r)), r),
        r**2 / (2 * (1 + r) ** 2),
    )
    small = single(f.equation + delta).subs(d, 1).doit()  # the δ that belongs to τ²
    yield Limit("δ → 0: τ² → ‖Σ‖/2√δ, so t → ½ ln(1 + ‖Σ‖/2λ√δ)", small * tau2**2, tau2, sp.oo, eigenvalues**2 / 4)
    equal = (f.equation + delta).subs(eigenvalues, sp.sqrt(r))
    yield Identity("d equal directions: KL is d times that of one", single(equal), d * single(equal).subs(d, 1))


_TRACE = d * Mean(eigenvalues, eigenvalues)

_SQUARES = d * Mean(eigenvalues**2, eigenvalues)  # ‖Σ‖², of Frobenius


def _information_time_bounds(f: Formula) -> Iterator[Step]:
    assert f.unknown
    trace, squares = sp.symbols("trace squares", positive=True)
    means = {Mean(eigenvalues, eigenvalues): trace / d, Mean(eigenvalues**2, eigenvalues): squares / d}
    yield Bracket(
        "KL ≤ ‖Σ‖²/4τ⁴ is δ/4 at the upper edge; KL ≥ ‖Σ‖²/4τ²(τ²+tr Σ) is δ at twice the lower",
        f.unknown,
        (squares / (8 * tau2 * (2 * tau2 + trace)), delta),
        (squares / (4 * tau2**2), delta / 4),
        tuple({delta: x, eigenvalues: (0.3, 1, 4), d: 3} for x in (1e-4, 0.1, 5)),
        means,
    )
    yield Edge("a point has nothing to forget", f.variables[1], "lower", log_excess(eigenvalues / tau2).doit(), 0)


information_time = Formula(
    name="information_time",
    variables=(
        variable(delta, unit="nats"),
        variable(eigenvalues, POSITIVE),
        variable(lam),
    ),
    branches=(Branch(sp.log(1 + tau2 / lam) / 2),),
    kind="exact",
    regime="t_R of a centred Gaussian law, by information: KL(law of x_t ‖ N(0, λ(1−e^{−2t})I)) has fallen to δ",
    source="derived here",
    derivation=_information_time,
    bounds=_information_time_bounds,
    rests_on=(relaxation_kl,),
    count=d,
    unknown=unknown(
        tau2,
        d * Mean(log_excess(eigenvalues / tau2), eigenvalues) / 2 - delta,
        _SQUARES / (2 * delta) / (_TRACE + sp.sqrt(_TRACE**2 + _SQUARES / delta)) / 2,
        sp.sqrt(_SQUARES / delta),
    ),
)
