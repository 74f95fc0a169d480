"""How long may a model train before it memorizes?  What was measured, and on which networks and data.

There is no law of training time for an unknown architecture. Chapter 11 measured when small networks have gone a tenth
of the way from the population's denoiser to that of the training points, chapter 13 when perceptrons on pictures have a
fifth of a copy's loss gap; both are read from the stored runs. Bonnaire et al. (2025) report for one U-Net.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

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


class _Runs(NamedTuple):
    """The stored runs of chapter 11: networks, sizes of training sets, numbers of parameters, and a line on these."""

    measured: list[Measured]
    sizes: list[int]
    weights: list[int]
    of_size: str


@cache
def _runs() -> _Runs:
    from memgen.experiments.training import BATCH, DEPTH, milestones
    from memgen.figures.training.numbers import LEVEL, Stored, reached

    stored = Stored()
    rows = stored.network
    rows = rows[(rows.tau == LEVEL) & (rows.n >= 4 * rows.d)]  # below, a linear denoiser memorizes as well
    runs = _Runs([], [], [], _of_size(stored.last(), stored.parameters["steps"]))
    for (d, units), part in milestones(rows, 0.1).groupby(["d", "hidden"]):
        onset = reached(part, "memorized")
        if not onset.empty:
            pace = (onset["value"] / onset["n"]).groupby(onset["n"]).mean()
            name = f"{DEPTH} hidden layers of {units} units, Gaussian data in {d} dimensions"
            runs.measured.append(Measured(name, float(pace.min()), float(pace.max()), BATCH, "chapter 11"))
            runs.sizes.extend(map(int, pace.index))
            runs.weights.append(int(part["weights"].iloc[0]))
    return runs


@cache
def _pictures() -> Measured:
    """The stored perceptrons of chapter 13 on pictures, those that began to memorize."""
    from memgen.figures.images.networks import onsets
    from memgen.runs.store import load

    rows, _ = load("images")
    pace = onsets(rows[rows.network == "perceptron"])
    reached = pace[np.isfinite(pace)]
    name = "3 hidden layers of 256 or 512 units, grey pictures of 64 to 1024 pixels"
    return Measured(name, float(reached.min()), float(reached.max()), 64, "chapter 13")


def _of_size(last: Any, steps: int) -> str:
    """A sentence on what the number of parameters did at the n where it did most; `last`: memorized fractions at the
    end."""
    table = last.groupby(["n", "weights"]).value.mean().unstack()
    few, most = int(table.columns.min()), int(table.columns.max())
    n = int(table[most].sub(table[few]).idxmax())
    small, large = table.loc[n, few], table.loc[n, most]
    return (
        f"Size: after {steps} steps on {n} points a network of {few} parameters was {small:.2f} of the way to the "
        f"training points' denoiser, one of {most} {large:.2f}; that is speed, and says nothing of what small networks "
        "can hold in the end."
    )


def training(n: int, batch: int | None, steps: int | None, parameters: int | None) -> Training:
    """The range of gradient steps in which measured networks began to memorize, scaled to n training points.

    With `batch` points a step it is told in epochs too; `steps`, a number of gradient steps, is placed before, within
    or beyond the range, and `parameters` of the model beside those of measured networks. None: not asked.
    """
    from memgen.figures.training.numbers import LEVEL

    runs, (pace, their_batch) = _runs(), _PUBLISHED
    theirs = "U-Net, CelebA images, 32 × 32, grey"
    measured = (*runs.measured, _pictures(), Measured(theirs, pace, pace, their_batch, "Bonnaire et al. (2025), about"))
    low, high = n * min(m.low for m in measured), n * max(m.high for m in measured)
    words = [
        f"Memorization would begin after {low:,.0f} to {high:,.0f} gradient steps, if the model is like one of those "
        "measured: a range over architectures, not a law.",
        f"Chapter 11: {len(runs.measured)} networks, {measured[0].batch} points a batch, Adam; memory begins where the "
        f"denoiser is a tenth of the way to that of the training points at {LEVEL:g} σ, n from {min(runs.sizes)} to "
        f"{max(runs.sizes)}. Chapter 13: those on pictures that got there; it begins at a fifth of a copy's loss gap. "
        "Other batches, step sizes and optimizers were not measured.",
    ]
    if not min(runs.sizes) <= n <= max(runs.sizes):
        words.append(f"n = {n} is outside those sizes; steps per point rose slowly with n.")
    words.append(runs.of_size)
    if parameters is not None and not min(runs.weights) <= parameters <= max(runs.weights):
        words.append(f"{parameters} parameters are outside those measured, {min(runs.weights)} to {max(runs.weights)}.")
    elif parameters is not None:
        near = min(runs.weights, key=lambda weights: abs(np.log(weights / parameters)))
        words.append(f"{parameters} parameters are nearest to those of a measured network with {near}.")
    epochs = None if batch is None else (low * min(batch, n) / n, high * min(batch, n) / n)
    place = None if steps is None else "before" if steps < low else "beyond" if steps > high else "within"
    return Training(measured, (low, high), epochs, place, tuple(words))
