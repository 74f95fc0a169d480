"""Relaxation: when has a diffused law forgotten its data, and what does the seed's linear score assume?

The seed writes ρ(t, x) by a tilted measure π_t(y) ∝ ρ_0(y) exp(−a y²/2), a = e^{−2t}/Δ_t = 1/τ² (E4, reconstructed).
To second order in x the log-density is a quadratic form, (I − a Cov_{π_t})/Δ_t, and its gradient a linear score.  The
relaxation time is where that form is near I.  "Near" can mean the largest eigenvalue, or a relative entropy: two times,
and they do not scale alike with dimension.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import sympy as sp

from theory.formula import Branch, Formula, Mean, Variable, single
from theory.gaussians import log_excess, ratio_divergence
from theory.steps import Identity, Limit, Step

lam, top_eigenvalue, d = sp.symbols("lam top_eigenvalue d", positive=True)
t = sp.Symbol("t", nonnegative=True)
eigenvalues = sp.Symbol("eigenvalues", positive=True)


def tilted() -> Iterator[Step]:
    """ln ρ(t, x) = const − x²/2Δ + K_π(e^{−t}x/Δ), K the cumulant generating function of π_t; for Gaussian data."""
    x, y, s, delta, a = sp.symbols("x y s delta a", positive=True)
    m = sp.exp(-t)
    joint = -(y**2) / (2 * s) - (x - m * y) ** 2 / (2 * delta)
    split = -(y**2) / (2 * s) - m**2 * y**2 / (2 * delta) - x**2 / (2 * delta) + m * x * y / delta
    yield Identity(
        "the kernel splits into the tilt, x²/2Δ and the pairing e^{−t}x·y/Δ", sp.expand(joint), sp.expand(split)
    )
    # Gaussian data of variance s: π_t is N(0, v), 1/v = 1/s + a, and K(k) = v k²/2.
    v = 1 / (1 / s + a)
    precision = 1 / delta - (m / delta) ** 2 * v.subs(a, m**2 / delta)
    yield Identity("for Gaussian data this is N(0, e^{−2t}s + Δ)", precision, 1 / (m**2 * s + delta))
    yield Identity("the form is (1 − a v)/Δ", precision, (1 - (m**2 / delta) * v.subs(a, m**2 / delta)) / delta)


def _spectral_relaxation_time(f: Formula) -> Iterator[Step]:
    yield from tilted()
    a = 1 / (sp.exp(2 * t) - 1)
    share = a / (1 / top_eigenvalue + a)  # a λ_max(Cov_π)
    yield Identity("a λ_max(Cov_π) = ½, the form is halved, at t_R", share.subs(t, f.expr), sp.Rational(1, 2))
    yield Limit(
        "late, λ_max ≫ 1: ½ ln λ_max, the speciation time",
        f.expr - sp.log(top_eigenvalue) / 2,
        top_eigenvalue,
        sp.oo,
        0,
    )
    yield Limit("at t = 0 the form is degenerate, never after: a Gaussian does not speciate", share, t, 0, 1)


spectral_relaxation_time = Formula(
    name="spectral_relaxation_time",
    variables=(
        Variable(top_eigenvalue, "top eigenvalue of the data covariance", unit="data²", letter=r"\lambda_{\max}"),
    ),
    branches=(Branch(sp.log(1 + top_eigenvalue) / 2),),
    kind="exact",
    regime="t at which a λ_max(Cov_{π_t}) = ½ for a Gaussian law, noise scale λ = 1",
    source="derived here; halder2024 eqs. (13), (14) (E4, reconstructed)",
    derivation=_spectral_relaxation_time,
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
        "at the seed's λ = e^{−2T} the law at T keeps r = λ_j/(1−e^{−2T}): it never relaxes",
        seed,
        end,
        sp.oo,
        eigenvalues,
    )


relaxation_kl = Formula(
    name="relaxation_kl",
    variables=(
        Variable(t, "diffusion time", sp.Interval(0, sp.oo)),
        Variable(
            eigenvalues,
            "eigenvalues of the data covariance",
            sp.Interval(0, sp.oo),
            "data²",
            spectrum=True,
            letter=r"\lambda_j",
        ),
        Variable(lam, "noise scale λ: the stationary variance", default=1),
    ),
    branches=(
        Branch(sp.oo, t <= 0),
        Branch(d * Mean(log_excess(eigenvalues / (lam * (sp.exp(2 * t) - 1))), eigenvalues) / 2),
    ),
    kind="exact",
    regime="KL(law of x_t ‖ N(0, λ(1−e^{−2t})I)) for centred Gaussian data, nats",
    source="derived here",
    derivation=_relaxation_kl,
    count=d,
)
