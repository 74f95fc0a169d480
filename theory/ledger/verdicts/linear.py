"""What the exact law of the linear one-step model says of claims on it."""

from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq

from memgen.experiments.linear import simulate
from memgen.laws.data import isotropic
from memgen.statistics import median
from theory import linear
from theory.ledger.ruling import Criterion, Question, Range

_RHO = 1 / (2 - np.exp(-4))  # signal fraction of the paper's constants: T = 2, λ = e^{−2T}, σ = 1
_FEW, _D = 16, 100  # the paper's dimensions


class Bend(NamedTuple):
    """(1−H²)^{1/d} where the paper has its transition, n = d, and what else there is to see."""

    before: Range  # simulated at n = d = 100
    after: Range  # at n = d + 2
    jump: float  # its limit as n/d → 1 from above, less the value at n ≤ d, which is 0
    drop_few: Range  # by which H² has fallen at n = 2d from 1 at n = d; simulated, d = 16
    drop: Range  # d = 100
    rest: float  # H² at n = ∞, d = 100
    curvature_before: float  # second derivative of lim ln(1−H²)/d in d/n, on either side of n = d/ρ
    curvature_after: float


def _bend() -> Bend:
    tau, step = float(np.sqrt(1 / _RHO - 1)), 1e-3

    def affinity(n: int, d: int, power: float) -> Range:
        """The median of a power of 1 − H²."""
        rows = simulate(isotropic(d), n, tau, 40, ("claims", "C4", d, n))
        return Range(*median(np.exp(power * d * rows["log_affinity"])))

    def curvature(gamma: float) -> float:
        below, at, above = (float(linear.log_affinity(g, _RHO)) for g in (gamma - step, gamma, gamma + step))
        return (below - 2 * at + above) / step**2

    return Bend(
        affinity(_D, _D, 1 / _D),
        affinity(_D + 2, _D, 1 / _D),
        float(np.exp(linear.log_affinity(1 - 1e-9, _RHO))),
        affinity(2 * _FEW, _FEW, 1),
        affinity(2 * _D, _D, 1),
        float(-np.expm1(_D * linear.log_affinity(1e-9, _RHO))),
        curvature(_RHO - 2 * step),
        curvature(_RHO + 2 * step),
    )


def _say_bend(found: Bend) -> tuple[str, str]:
    return (
        f"(1−H²)^(1/d) jumps to {found.jump:.2f} at n = d.",
        "Something does happen at n = d, where the paper has its transition: (1−H²)^(1/d), which the authors proposed "
        f"to plot when a reviewer found the change of H² too small, has there a limit of {found.jump:.3f} from above, "
        f"and is 0 up to it, for no law of n ≤ d points has a density. Simulated at d = {_D} it is "
        f"{found.before.value:.3f} at n = {_D} and {found.after.told(3)} at n = {_D + 2}. H² itself is 1 at n = d; at "
        f"2d it has fallen by {found.drop_few.value:.2f} for d = {_FEW} and by {found.drop.value:.0e} for d = {_D}, "
        f"where it is {found.rest:.3f} even for n = ∞: there the reviewer is right. At n = d/ρ there is a second "
        "singularity, too weak to see in a plot: the second derivative of lim ln(1−H²)/d in d/n goes from "
        f"{found.curvature_before:.2f} to {found.curvature_after:.2f}.",
    )


def _jumps(found: Bend) -> bool:
    return found.jump > 0.1 and found.after.above(found.before.high + 0.1)


hellinger_bends = Question(
    _bend,
    (
        Criterion(
            "holds",
            "(1−H²)^(1/d) jumps by more than 0.1 at n = d, in theory and in the simulation, and H² itself clearly "
            "falls by more than 0.02 from n = d to 2d, for d = 16 and 100",
            lambda e: _jumps(e) and e.drop_few.above(0.02) and e.drop.above(0.02),
        ),
        Criterion(
            "holds with a correction",
            "(1−H²)^(1/d) does, while H² does not in both dimensions",
            _jumps,
        ),
        Criterion(
            "fails",
            "(1−H²)^(1/d) changes by less than 0.02 from n = d to d + 2",
            lambda e: e.jump < 0.02 and e.after.below(e.before.low + 0.02),
        ),
    ),
    _say_bend,
)


class Fall(NamedTuple):
    """How KL(G‖O) depends on d/n beyond ρ; up to ρ it falls with n always."""

    critical: float  # the ρ above which it falls from n = d on
    slope: float  # the least derivative in d/n at the paper's ρ


def _fall() -> Fall:
    gamma = np.linspace(0.001, 0.999, 4000)

    def least_slope(rho: float) -> float:
        steps = np.diff(linear.kl_generated_true(gamma[gamma > rho], rho))
        return float(np.min(steps) / (gamma[1] - gamma[0]))

    return Fall(float(brentq(least_slope, 0.05, 0.4, xtol=1e-5)), least_slope(_RHO))


kl_is_monotone = Question(
    _fall,
    (
        Criterion("holds", "it falls from n = d on under any noise (ρ > 0.01)", lambda e: e.critical < 0.01),
        Criterion("holds with a correction", "it does at the paper's noise, but not under any", lambda e: e.slope > 0),
        Criterion("fails", "it rises again at the paper's noise", lambda e: e.slope < 0),
    ),
    lambda e: (
        f"It falls if ρ ≥ {e.critical:.4f}; else it rises again.",
        f"The formula is derived here, for any spectrum. It falls from n = d on if ρ ≥ {e.critical:.4f} (τ² ≤ "
        f"{1 / e.critical - 1:.2f} σ²); the paper has ρ = {_RHO:.3f}. Under stronger noise than that more samples "
        "generate a worse law.",
    ),
)
