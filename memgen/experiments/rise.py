"""Where P(Δ > 0) rises in exact arithmetic, from a quarter to a half: part of the `transition` experiment, finer in n.

The generators are one step with B Bᵀ in float64, against 10⁴ points, and a perfect one, whose P is what P could rise
to. Rows are those that the experiment `transition` has at the same n, d and replica.
"""

from typing import ClassVar

import numpy as np
from pydantic import Field

from memgen.devices import Device
from memgen.experiments.transition import LADDER, Cell, cell
from memgen.runs.parameters import ChapterParams

__all__ = ["CHOICES", "COUNTS", "VERSION", "Cell", "Params", "cell", "grid"]

VERSION = 1
CHOICES = (LADDER[3], LADDER[6])
COUNTS = {16: tuple(range(22, 31)), 100: tuple(range(240, 390, 10))}  # n, by d: around the rise
_TAU = float(np.sqrt(-np.expm1(-4)))  # that of the public code: T = 2, λ = e^{−2T}


class Params(ChapterParams):
    """Parameters of the simulation; the preset sets those that are None."""

    presets: ClassVar = {
        "smoke": {"replicas": 12, "original": 1000},
        "standard": {"replicas": 100, "original": 10_000},
        "paper": {"replicas": 1000, "original": 10_000},
    }

    device: Device = "cpu"
    replicas: int | None = Field(None, ge=12)
    original: int | None = Field(None, ge=3)


def grid(params: Params) -> list[Cell]:
    """One cell for each n and d."""
    p = params.resolved()
    assert p.replicas is not None and p.original is not None
    rest = (_TAU, p.replicas, p.original, tuple(map(str, CHOICES)), p.seed, p.device)
    return [Cell("figure3", d, n, *rest) for d, counts in COUNTS.items() for n in counts]
