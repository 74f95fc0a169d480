"""What the exact law of the linear one-step model says of claims on it."""

import numpy as np
from scipy.optimize import brentq

from theory import linear
from theory.ledger.ruling import Ruling

_RHO = 1 / (2 - np.exp(-4))  # signal fraction of the paper's constants: T = 2, λ = e^{−2T}, σ = 1


def hellinger_bends() -> Ruling:
    step = 1e-3

    def curvature(gamma: float) -> float:
        below, at, above = (float(linear.log_affinity(g, _RHO)) for g in (gamma - step, gamma, gamma + step))
        return (below - 2 * at + above) / step**2

    before, after = curvature(_RHO - 2 * step), curvature(_RHO + 2 * step)
    drift = abs(curvature(_RHO - 4 * step) - before)
    floor = float(-np.expm1(100 * linear.log_affinity(1e-9, _RHO)))
    return Ruling(
        "holds with a correction" if abs(after - before) > 10 * drift else "undecided",
        f"At n = d/ρ its curvature jumps: {before:.2f} to {after:.2f}.",
        f"It bends at n = d/ρ, not at d: the second derivative of lim ln(1−H²)/d in d/n jumps there from {before:.2f} "
        f"to {after:.2f}. H² itself hardly shows it: at d = 100 it is {floor:.3f} even for n = ∞.",
        {"curvature_before": before, "curvature_after": after, "hellinger2_floor": floor},
    )


def kl_is_monotone() -> Ruling:
    gamma = np.linspace(0.001, 0.999, 4000)

    def least_slope(rho: float) -> float:
        return float(np.min(np.diff(linear.kl_generated_true(gamma[gamma > rho], rho))))

    critical = float(brentq(least_slope, 0.05, 0.4, xtol=1e-5))
    return Ruling(
        "holds with a correction" if least_slope(_RHO) > 0 else "fails",
        f"It falls if ρ ≥ {critical:.4f}; else it rises again.",
        f"The formula is derived here, for any spectrum. It falls from n = d on if ρ ≥ {critical:.4f} "
        f"(τ² ≤ {1 / critical - 1:.2f} σ²), as at the paper's ρ = {_RHO:.3f}; under stronger noise more samples "
        "generate a worse law.",
        {"critical_rho": critical},
    )
