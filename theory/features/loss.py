"""Random-feature denoisers: what n points, m noises of each and p features leave of the loss, seen and unseen."""

from collections.abc import Iterator

import sympy as sp

from theory.core.formula import Branch, Formula
from theory.core.special import sinh_excess
from theory.core.steps import Identity, Quadrature, Step
from theory.features.objective import (
    LEARNT,
    RHO,
    UNKNOWN,
    VARIABLES,
    WHOLE,
    bounds,
    layout,
    shown,
    slope,
    steps,
)
from theory.letters import ridge, t, variable

_TRAIN = RHO * (1 - LEARNT) - ridge * slope(sp.Matrix([0, 1]))
_TEST = 1 - 2 * LEARNT + slope(WHOLE)


def _sine_common(f: Formula) -> Iterator[Step]:
    decay, noise = sp.exp(-2 * t), 1 - sp.exp(-2 * t)
    y, z, w = sp.symbols("y z other", real=True)
    normal = sp.exp(-(y**2) / 2) / sp.sqrt(2 * sp.pi)
    spread = sp.Symbol("spread", positive=True)
    points = ({spread: sp.Rational(1, 3), z: sp.Rational(1, 2)}, {spread: 2, z: 1})
    over = (y, -12, -4, 0, 4, 12)
    yield Quadrature(
        "the noise averaged: E sin(z+√δ y) = e^{−δ/2} sin z",
        sp.sin(z + sp.sqrt(spread) * y) * normal,
        over,
        sp.exp(-spread / 2) * sp.sin(z),
        points,
    )
    yield Quadrature(
        "E sin² of a variance δ is (1−e^{−2δ})/2",
        sp.sin(sp.sqrt(spread) * y) ** 2 * normal,
        over,
        (1 - sp.exp(-2 * spread)) / 2,
        ({spread: sp.Rational(1, 3)}, {spread: 2}),
    )
    shared_ = sp.exp(-noise) * (1 - sp.exp(-2 * decay)) / 2  # of two noised copies
    yield Quadrature(
        "E sin(y) y = e^{−1/2}: the weight of the whole argument",
        sp.sin(y) * y * normal,
        over,
        sp.exp(-sp.Rational(1, 2)) * (1 + 0 * w),
        ({w: 1},),
    )
    weight = sp.Symbol("weight", positive=True)  # e^{−2t}
    both = (shared_ - decay / sp.E).subs(t, -sp.log(weight) / 2)
    own = f.expr.doit().subs(t, -sp.log(weight) / 2).rewrite(sp.exp)
    yield Identity("what copies share, less what is linear in the point: (sinh e^{−2t} − e^{−2t})/e", own, both)


sine_common = Formula(
    name="sine_common",
    variables=(variable(t),),
    branches=(Branch(sinh_excess(sp.exp(-2 * t)) / sp.E),),
    kind="asymptotic",
    regime="v² of σ = sin at the diffusion time t, white data; with it μ_x² = e^{−2t−1}, μ_ξ² = (1−e^{−2t})/e, and all "
    "four add up to (1−e^{−2})/2",
    source="derived here",
    derivation=_sine_common,
)

features_train_loss = Formula(
    name="features_train_loss",
    variables=VARIABLES,
    branches=(Branch(shown(_TRAIN)),),
    layout=layout(_TRAIN),
    kind="asymptotic",
    regime="loss on the training set, m noises of each point seen, of ridge regression on random features of white "
    "data; n, p, d → ∞ together, and m → ∞ for all noises",
    source="derived here; with two unknowns in bonnaire2025 for m → ∞",
    derivation=lambda f: steps(f, _TRAIN),
    bounds=bounds,
    unknown=UNKNOWN,
)

features_test_loss = Formula(
    name="features_test_loss",
    variables=VARIABLES,
    branches=(Branch(shown(_TEST)),),
    layout=layout(_TEST),
    kind="asymptotic",
    regime="the same on fresh points",
    source="derived here; with two unknowns in bonnaire2025 for m → ∞",
    derivation=lambda f: steps(f, _TEST),
    bounds=bounds,
    unknown=UNKNOWN,
)
