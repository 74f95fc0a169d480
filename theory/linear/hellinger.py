"""The Hellinger distance between the generated and the true law of the linear one-step model."""

from collections.abc import Iterator

import sympy as sp

from theory.core.bounds import Bracket, Condition
from theory.core.formula import Branch, Formula
from theory.core.mean import single
from theory.core.steps import Identity, Limit, Premise, Step
from theory.gaussians import affinity_spectral
from theory.letters import d, distance2, gamma, ratios, rho, share, shift, unknown, variable
from theory.linear.determinants import RESOLVENT, SADDLE, generated_logdet, m, r, saddle_ends, shifted_logdet
from theory.linear.isotropic import _FLUCTUATING, _PLATEAU


# -- Hellinger ----------------------------------------------------------------------------------------------------
def _log_affinity(f: Formula) -> Iterator[Step]:
    root = sp.Symbol("root", positive=True)

    # 1 − H² = ∏ √(2√a/(1+a)) over the eigenvalues a of Σ_G/σ²: ¼ ln a − ½ ln((1+a)/2) per direction.
    def one_direction(ratio: sp.Expr) -> sp.Expr:
        return single(affinity_spectral.expr).subs({affinity_spectral.count: 1, distance2: 0, ratios: ratio})

    yield Identity(
        "per direction, 1−H² is (a^½ · 2/(1+a))^½",
        one_direction(root**2) ** 4,
        (root * 2 / (1 + root**2)) ** 2,
    )
    shifted = shifted_logdet.expr.subs(shift, 1)
    for branch, logdet in zip(f.branches[:2], (_PLATEAU, _FLUCTUATING), strict=True):
        yield Identity(
            "¼ generated_logdet − ½(shifted_logdet at 1 − ln 2)",
            logdet / 4 - (shifted - sp.log(2)) / 2,
            branch.value,
        )
    yield Identity("x is the saddle of shifted_logdet at y = 1", f.equation, shifted_logdet.equation.subs(shift, 1))
    # Infinitely many samples, γ → 0: the saddle is r = γ × slope, where the resolvent m is 1.
    slope = sp.Symbol("slope", positive=True)
    equation = SADDLE.subs(m, RESOLVENT).subs({shift: 1, r: slope * gamma})
    slope_found = sp.solve(sp.limit(sp.cancel(equation), gamma, 0), slope)[0]
    resolvent = sp.cancel(RESOLVENT.subs({shift: 1, r: slope_found * gamma}))
    yield Limit("γ → 0: the resolvent at the saddle is 1", resolvent, gamma, 0, 1)
    rest = sp.log(1 + gamma * m) / gamma + (1 - gamma) / gamma * sp.log(1 - gamma)
    yield Limit("so that shifted_logdet is ln(1+ρ) − ln m + m − 1 = ln(1+ρ)", rest, gamma, 0, m - 1)
    floor = sp.log(rho) / 4 - (sp.log(1 + rho) - sp.log(2)) / 2
    yield Identity(
        "and ln(1−H²)/d is that of variance ratio ρ", sp.exp(4 * floor.subs(rho, root**2)), one_direction(root**2) ** 4
    )


def _log_affinity_bounds(f: Formula) -> Iterator[Step]:
    for branch, own in zip(f.branches, generated_logdet.branches, strict=False):
        yield Condition("the phases of generated_logdet", branch.condition, own.condition)
    assert f.unknown and shifted_logdet.unknown
    saddle = shifted_logdet.equation.subs(shift, 1)
    yield Bracket(
        "the saddle of shifted_logdet at y = 1",
        f.unknown,
        (f.equation, saddle.subs(share, shifted_logdet.unknown.lower)),
        (f.equation, saddle.subs(share, shifted_logdet.unknown.upper)),
        tuple({gamma: g, rho: p} for g, p in ((0.5, 0.5), (0.9, 0.2), (0.1, 0.9))),
    )
    yield from saddle_ends(f)


log_affinity = Formula(
    name="log_affinity",
    variables=shifted_logdet.variables[1:],
    branches=tuple(
        Branch(branch.value / 4 - (shifted_logdet.expr.subs(shift, 1) - sp.log(2)) / 2, branch.condition)
        for branch in generated_logdet.branches[:2]
    ),
    kind="asymptotic",
    regime="lim (1/d) ln(1 − H²(G, O)) at d/(n−1) → γ < 1; for γ > 1, Σ_G is singular and H² = 1",
    source="derived here",
    derivation=_log_affinity,
    bounds=_log_affinity_bounds,
    rests_on=(generated_logdet, shifted_logdet, affinity_spectral),
    unknown=unknown(share, shifted_logdet.equation.subs(shift, 1), sp.S.Zero, sp.S.One),
)


def _hellinger2(f: Formula) -> Iterator[Step]:
    yield Identity(
        "1 − H² = exp(d × log_affinity), leading order",
        1 - f.branches[0].value,
        sp.exp(d * log_affinity.branches[0].value),
    )
    yield Identity("in the other phase too", 1 - f.branches[1].value, sp.exp(d * log_affinity.branches[1].value))
    yield Identity("with the same saddle", f.equation, log_affinity.equation)
    yield Premise(
        "corrections to d × log_affinity are O(1) for γ < ρ and −⅛ ln d + O(1) beyond",
        "argued here",
        "linear.affinity",
    )


hellinger2 = Formula(
    name="hellinger2",
    variables=(variable(d), *log_affinity.variables),
    branches=tuple(Branch(1 - sp.exp(d * branch.value), branch.condition) for branch in log_affinity.branches),
    kind="asymptotic",
    regime="H²(G, O) = 1 − ∫√(GO) to leading exponential order in d, γ < 1",
    source="derived here; shown in halder2024 Fig. 2(b)",
    derivation=_hellinger2,
    bounds=_log_affinity_bounds,
    rests_on=(log_affinity,),
    unknown=log_affinity.unknown,
)
