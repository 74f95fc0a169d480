"""What few and many steps of a sampler say of the claims: linear denoisers, mixtures, and trained networks."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from memgen.experiments.sampling import ANGLES, HIGH, LOW, ROWS, SEPARATIONS, Cell, cell, widths
from memgen.runs.store import load
from memgen.statistics import mean
from theory.ledger.ruling import Criterion, Question, Range
from theory.sampling import SpectralFilter, excess_kl, filtered_kl, steps_kl

_MANY_POINTS, _FEW_POINTS = 0.1, 2.0  # d/n
_FEW, _MANY = 4, 64  # steps of networks
_TRIED = (4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 256)  # steps of linear denoisers


class Steps(NamedTuple):
    """What more steps do to quality and to memory, and whether they can be too many."""

    few: int
    many: int
    points: int  # training points of the networks
    quality: Range  # MMD² to a holdout, few over many steps
    copies: Range  # share of copies, many less few steps
    transport: Range  # W_2 to a holdout, many less few steps
    best_above: int  # of the steps tried, the best in KL(G‖O) on the levels of Karras et al., n = 10 d
    gain_above: float  # how much better than infinitely many, as a share; 0 or less if they are best
    best_below: int  # the same with n = d/2
    gain_below: float


def _steps() -> Steps:
    stored, _ = load("few_steps")
    return measured(stored)


def measured(stored: pd.DataFrame) -> Steps:
    """The evidence, with rows of networks sampled on the levels of Karras et al."""
    rows = stored[(stored["generator"] == "network") & (stored["levels"] == "Karras")]
    n = int(rows["n"].min())

    def of(measure: str, points: str, steps: int) -> np.ndarray:
        chosen = (rows["measure"] == measure) & (rows["points"] == points) & (rows["n"] == n) & (rows["steps"] == steps)
        return rows[chosen].sort_values("replica")["value"].to_numpy()

    def more(measure: str, points: str) -> Range:
        return Range.of(mean(of(measure, points, _MANY) - of(measure, points, _FEW)))

    ratio = of("mmd2", "holdout", _FEW) / of("mmd2", "holdout", _MANY)
    copies, transport = more("flagged", ""), more("wasserstein", "holdout")
    optima = *best_steps_of(_MANY_POINTS), *best_steps_of(_FEW_POINTS)
    return Steps(_FEW, _MANY, n, Range.of(mean(ratio)), copies, transport, *optima)


def best_steps_of(ratio: float, name: str = "Karras") -> tuple[int, float]:
    """The best of the numbers of steps tried, and what it gains on infinitely many; d → ∞ at d/n = ratio."""
    _, high, low = ROWS[name]
    excess = {k: excess_kl(SpectralFilter(tuple(widths(name, high, low, k))), ratio) for k in _TRIED}
    best = min(excess, key=lambda k: excess[k])
    return best, -excess[best]


def _say_steps(found: Steps) -> tuple[str, str]:
    return (
        "Quality and copies both grow; quality peaks below d points.",
        f"With networks on {found.points} points MMD² to a holdout falls by a factor {found.quality.told(1)} from "
        f"{found.few} to {found.many} steps, and the share of copies rises by {found.copies.told()}: more steps buy "
        "quality and bring memory. Whether quality itself has an optimum depends on n. For linear denoisers of white "
        f"data, on the levels of Karras et al., KL(G‖O) with n = d/{_FEW_POINTS:.0f} is least after {found.best_below} "
        f"of the steps tried, {found.gain_below:.1%} below its limit of infinitely many; with n = "
        f"{1 / _MANY_POINTS:.0f} d the most steps tried, {found.best_above}, are best. W₂ to a holdout of "
        f"{found.points} points rises by {found.transport.told()} from {found.few} to {found.many} steps: it favours "
        "samples that are shrunk.",
    )


def _trade(found: Steps) -> bool:
    return found.quality.above(1) and found.copies.above(0)


optimal_steps = Question(
    _steps,
    (
        Criterion(
            "holds",
            "from 4 to 64 steps MMD² to a holdout clearly falls and copies clearly do not, and KL(G‖O) of linear "
            "denoisers on usual levels is least after finitely many steps for n below d and above it",
            lambda e: _trade(e) and e.gain_above > 0 and e.gain_below > 0,
        ),
        Criterion(
            "holds with a correction",
            "the trade-off is there, and the optimum of quality on one side of n = d only",
            lambda e: _trade(e) and (e.gain_above > 0 or e.gain_below > 0),
        ),
        Criterion(
            "fails",
            "more steps do not improve quality, or copies clearly fall with them, or quality has no optimum at all",
            lambda e: (
                e.quality.below(1) or e.copies.below(0) or (_trade(e) and e.gain_above <= 0 and e.gain_below <= 0)
            ),
        ),
    ),
    _say_steps,
)


class Covered(NamedTuple):
    """What finitely many steps cost, and what of the linear law holds for mixtures of two Gaussians."""

    steps: int
    cost: float  # KL(G‖O)/d in so many steps over that of infinitely many, white data
    points: float  # n/d
    near: float  # half the distance of the means, in σ
    far: float
    exponent: float  # with which the cost falls with the steps, the farthest from 2 of both mixtures
    factor_near: float  # the cost of the mixture over that of a Gaussian of the same variance, Karras levels
    factor_far: float
    same_worst: bool  # the worst row of levels is the same for mixtures and Gaussians


_ROWS = ("straight line", "geometric", "Karras", ANGLES)


def _covered() -> Covered:
    name, few, many = "Karras", 32, 64
    costs = {(m, row, k): _mixture(m, row, k) for m in SEPARATIONS for row in _ROWS for k in (few, many)}
    gauss = {(m, row): _gaussian(m, row, many) for m in SEPARATIONS for row in _ROWS}
    exponents = [float(np.log2(costs[m, name, few] / costs[m, name, many])) for m in SEPARATIONS]
    worst = set()
    for m in SEPARATIONS:
        worst |= {max((costs[m, row, many], row) for row in _ROWS)[1], max((gauss[m, row], row) for row in _ROWS)[1]}
    near, far = (costs[m, name, many] / gauss[m, name] for m in SEPARATIONS)
    run = SpectralFilter(tuple(widths(name, HIGH, LOW, 8)))
    truth = filtered_kl(_MANY_POINTS, lambda s: s)
    cost = filtered_kl(_MANY_POINTS, lambda s: run(s) / (1 + LOW**2)) / truth
    farthest = max(exponents, key=lambda e: abs(e - 2))
    return Covered(8, cost, 1 / _MANY_POINTS, *SEPARATIONS, farthest, near, far, len(worst) == 1)


def _mixture(m: float, row: str, steps: int) -> float:
    return float(cell(Cell("mixture", "DDIM", row, steps, m, 1, 1, 0))["value"].iloc[0])


def _gaussian(m: float, row: str, steps: int) -> float:
    return float(steps_kl(1 + m**2, widths(row, HIGH, LOW, steps)))


def _say_covered(found: Covered) -> tuple[str, str]:
    return (
        "Few steps cost much; linear laws carry over, without constants.",
        f"The paper samples in one step. With a linear denoiser and {found.steps} steps of Karras et al. from "
        f"{HIGH:g} σ to {LOW:g} σ, KL(G‖O)/d at n = {found.points:.0f} d is {found.cost:.1f} times that of infinitely "
        "many steps. Beyond Gaussian data the law of the steps carries over: for mixtures of two Gaussians with means "
        f"at ±{found.near:.0f} σ and "
        f"±{found.far:.0f} σ the cost falls with the exponent {found.exponent:.2f} or nearer to the 2 of the linear "
        f"law, and the worst levels are {'the same' if found.same_worst else 'others'}. Its constant does not: the "
        f"cost is {found.factor_near:.1f} and {found.factor_far:.1f} times that of a Gaussian of the same variance.",
    )


def _constant(found: Covered) -> bool:
    return all(1 / 1.5 < factor < 1.5 for factor in (found.factor_near, found.factor_far))


discretised = Question(
    _covered,
    (
        Criterion(
            "holds",
            "steps matter (in 8 of them KL(G‖O) is more than 1.5 times its limit), and the linear law says nothing "
            "about mixtures: an exponent is off by more than 0.2, or the worst levels are others",
            lambda e: e.cost > 1.5 and (abs(e.exponent - 2) > 0.2 or not e.same_worst),
        ),
        Criterion(
            "holds with a correction",
            "steps matter, and the linear law carries over to mixtures in its exponent and in its worst levels, but "
            "for a constant beyond a factor 1.5 in one of them",
            lambda e: e.cost > 1.5 and not _constant(e),
        ),
        Criterion(
            "fails",
            "steps hardly matter, or the linear law predicts both mixtures within a factor 1.5",
            lambda e: e.cost <= 1.5 or _constant(e),
        ),
    ),
    _say_covered,
)
