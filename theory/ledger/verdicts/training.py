"""What the networks of `results/training/` say of the claim on the number of parameters."""

import numpy as np

from memgen.experiments.training import milestones
from memgen.runs.store import load
from memgen.statistics import first_crossing, mean
from theory.ledger.ruling import Ruling


def parameters() -> Ruling:
    """Whether the number of parameters changes what is memorized after the same number of steps."""
    table, made_by = load("training")
    d, tau = made_by["parameters"]["dims"][0], 0.3
    found = milestones(table)
    last = found[(found.d == d) & (found.tau == tau)]
    means = last.groupby(["weights", "n"])["last"].mean().unstack("n")
    sizes = np.log(means.columns.to_numpy())
    half = {weights: float(np.exp(first_crossing(sizes, -row.to_numpy(), -0.5))) for weights, row in means.iterrows()}
    few, many = min(half), max(half)
    if not means.columns[0] < half[few] < half[many] < np.inf:
        return Ruling(
            "undecided",
            "No crossing of ½.",
            f"No crossing of ½ within n = {means.columns[0]} to {means.columns[-1]}.",
            {"few": few},
        )
    n = int(min(means.columns, key=lambda size: abs(np.log(size / half[many]))))  # where the largest has half
    small, large = (last[(last.n == n) & (last.weights == w)].set_index("replica")["last"] for w in (few, many))
    gain = mean((large - small).to_numpy())
    return Ruling(
        "holds" if gain.interval()[0] > 0 and half[many] > 2 * half[few] else "undecided",
        f"Memorized: {small.mean():.2f} with {few} parameters, {large.mean():.2f} with {many}.",
        f"And it counts: perceptrons on the same {n} points (d = {d}, {made_by['parameters']['steps']} steps, noise "
        f"{tau} σ) have a memorized fraction of {small.mean():.2f} with {few} parameters and {large.mean():.2f} with "
        f"{many}; the n at which it is ½ moves from {half[few]:.0f} to {half[many]:.0f}. The linear model has d² + d, "
        f"and a fraction of d/4n at most (isotropic data, noise below the collapse width).",
        {
            "few": float(few),
            "many": float(many),
            "half_few": float(half[few]),
            "half_many": float(half[many]),
            "gain": gain.value,
        },
    )
