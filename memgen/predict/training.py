"""How long may a model train before it memorizes? What was measured, said with what it was measured on.

There is no law of training time for an unknown architecture.  Chapter 11 measured when small networks have gone a tenth
of the way from the population's denoiser to that of the training points; it is read from the stored runs.  Bonnaire et
al. (2025) report for one U-Net.
"""

from dataclasses import dataclass

import numpy as np

# Bonnaire et al. (2025), figure captions: U-Net, CelebA, 32 × 32, grey; batches of 512 in their published code.
_PUBLISHED = (300.0, 512)


@dataclass(frozen=True)
class Measured:
    """Steps per training point until memorization begins, of the fastest and the slowest of some networks."""

    architecture: str
    low: float
    high: float
    batch: int
    source: str


@dataclass(frozen=True)
class Training:
    """The range of gradient steps in which memorization would begin, if a model is like one of those measured.

    `epochs` are those steps in passes over the data at the batch size that was asked about; None without one.
    `place`: where the number of steps that was asked about falls: "before", "within", "beyond", or None.
    """

    measured: tuple[Measured, ...]
    steps: tuple[float, float]
    epochs: tuple[float, float] | None
    place: str | None
    words: tuple[str, ...]


def training(n: int, batch: int | None, steps: int | None, parameters: int | None) -> Training:
    """For n training points."""
    from memgen.experiments.training import BATCH, DEPTH, milestones
    from memgen.figures.training.numbers import LEVEL, Stored, reached

    stored = Stored()
    rows = stored.network
    rows = rows[(rows.tau == LEVEL) & (rows.n >= 4 * rows.d)]  # below, a linear denoiser memorizes as well
    onset = milestones(rows, 0.1)
    measured, range_of_n, weights = [], [], []
    for (d, units), part in onset.groupby(["d", "hidden"]):
        per_point = reached(part, "memorized")
        if not per_point.empty:
            pace = (per_point["value"] / per_point["n"]).groupby(per_point["n"]).mean()
            name = f"{DEPTH} hidden layers of {units} units, Gaussian data in {d} dimensions"
            measured.append(Measured(name, float(pace.min()), float(pace.max()), BATCH, "chapter 11"))
            range_of_n += [int(per_point["n"].min()), int(per_point["n"].max())]
            weights += [int(part["weights"].iloc[0])]
    pace, their_batch = _PUBLISHED
    theirs = "U-Net, CelebA images, 32 × 32, grey"
    measured.append(Measured(theirs, pace, pace, their_batch, "Bonnaire et al. (2025), about"))
    low, high = n * min(m.low for m in measured), n * max(m.high for m in measured)
    words = [
        f"Memorization would begin after {low:,.0f} to {high:,.0f} gradient steps, if the model is like one of those "
        "measured: a range over architectures, not a law.",
        f"Chapter 11: {len(measured) - 1} sizes of networks, {measured[0].batch} points a batch, Adam; memory begins "
        f"where the denoiser is a tenth of the way to that of the training points at {LEVEL:g} σ, n from "
        f"{min(range_of_n)} to {max(range_of_n)}. Other batches, step sizes and optimizers were not measured.",
    ]
    if not min(range_of_n) <= n <= max(range_of_n):
        words.append(f"n = {n} is outside those sizes; steps per point rose slowly with n.")
    words += _of_parameters(parameters, stored, weights)
    epochs = None if batch is None else (low * min(batch, n) / n, high * min(batch, n) / n)
    place = None if steps is None else "before" if steps < low else "beyond" if steps > high else "within"
    return Training(tuple(measured), (low, high), epochs, place, tuple(words))


def _of_parameters(parameters: int | None, stored, weights: list[int]) -> list[str]:  # type: ignore[no-untyped-def]
    """What was measured of the size of networks."""
    last = stored.last().groupby(["n", "weights"]).value.mean().unstack()
    few, most = int(last.columns.min()), int(last.columns.max())
    at = int(last[most].sub(last[few]).idxmax())
    words = [
        f"Size: after {stored.parameters['steps']} steps on {at} points a network of {few} parameters was "
        f"{last.loc[at, few]:.2f} of the way to the training points' denoiser, one of {most} {last.loc[at, most]:.2f}; "
        "that is speed, and says nothing of what small networks can hold in the end."
    ]
    if parameters is not None and not min(weights) <= parameters <= max(weights):
        words.append(f"{parameters} parameters are outside those measured, {min(weights)} to {max(weights)}.")
    elif parameters is not None:
        near = int(np.array(weights)[np.abs(np.log(np.array(weights) / parameters)).argmin()])
        words.append(f"{parameters} parameters are nearest to those of a measured network with {near}.")
    return words
