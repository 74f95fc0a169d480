"""What the theory of the kernel estimate says of claims on its width."""

from typing import Any

import numpy as np

from memgen.experiments.kernel import Cell as KernelCell
from memgen.experiments.kernel import cell as kernel_cell
from theory import kernel
from theory.ledger.ruling import Ruling


def width_balances() -> Ruling:
    n, d = 100, 100
    ratio = float(kernel.neighbour_ratio(n, d))
    sets = kernel_cell(KernelCell("neighbours", "", d, d, n, 400, 0))
    actual = float(sets["value"].median() / np.log(10))
    inside = float(kernel.kernel_width(n, d) / kernel.collapse_width(n, d))
    many = float(kernel.kernel_width(1e40, d) / kernel.collapse_width(1e40, d))
    return Ruling(
        "fails" if ratio < 0.1 else "undecided",
        f"Others weigh {ratio:.0e} of a point's own kernel.",
        "It has the order of the balancing width, ε/ε_c = √(1−n^(−2/d)), but lies inside at every n and d, where a "
        f"point's own kernel outweighs the mean of all others: Z_1c/Z_1, means by each other, is {ratio:.0e} and "
        f"ε = {inside:.2f} ε_c at n = d = {n}; it takes 10⁴⁰ points for {many:.2f} ε_c. Even that mean is "
        f"dominated by points too rare to be sampled: the median over point sets is 10^{actual:.0f}.",
        {"neighbour_ratio": ratio, "log10_median": actual, "width_over_collapse_width": inside, "at_1e40": many},
    )


def limits_contradict() -> Ruling:
    n, d = 100, 100
    alpha, ratio = float(np.log(n) / d), float(kernel.neighbour_ratio(n, d))
    large = float(kernel.neighbour_ratio(np.exp(2.0 * d), d))
    return Ruling(
        "holds" if ratio < 0.1 < large else "undecided",
        f"Ratio {large:.1f} at n = e^2d, {ratio:.0e} at d.",
        f"The balance of §2 needs α = ln n/d of order 1: at α = 2 the others' mean is {large:.1f} of a point's own "
        f"kernel, at n = d = {n}, where α = {alpha:.3f}, {ratio:.0e}. The ratio is known at every n and d, "
        "so neither limit is needed.",
        {"alpha": alpha, "ratio": ratio, "ratio_alpha_2": large},
    )


def width_serves_the_truth() -> Ruling:
    def relative(n: float, d: int, width: Any) -> Any:
        return np.exp(kernel.kde_mise.log(n, d, width) + d / 2 * np.log(4 * np.pi))

    small = float(relative(100, 100, kernel.kernel_width(100, 100)))
    large = float(relative(1e8, 4, kernel.kernel_width(1e8, 4)))
    best = float(np.min(relative(1e8, 4, np.geomspace(0.05, 1, 400))))
    return Ruling(
        "fails" if large > 0.5 else "undecided",
        f"E‖ρ_T−O‖² is {small:.2f} ‖O‖²; with no estimate, 1.",
        f"In L² it does not: E‖ρ_T−O‖² is {small:.2f} ‖O‖² at n = d = 100 (no estimate at all: 1), and still "
        f"{large:.2f} ‖O‖² with 10⁸ points in 4 dimensions, where the best width has {best:.5f}: kernels overlap with "
        "themselves by ‖O‖² at every n.",
        {"mise_n100_d100": small, "mise_n1e8_d4": large, "best_n1e8_d4": best},
    )
