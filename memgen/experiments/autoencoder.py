"""What a two-layer autoencoder makes of two classes of few points: their means, their width, in several dimensions.

Data ±μ + σz with |μ|² = d. At every time of the flow the autoencoder is fitted anew to the same points and the same
noises (`memgen.denoisers.autoencoder`).
"""

from typing import Annotated, ClassVar, NamedTuple

import numpy as np
import pandas as pd
from pydantic import Field

from memgen.denoisers.autoencoder import generated
from memgen.runs.parameters import ChapterParams, Distinct
from memgen.streams import stream

VERSION = 1
COUNT, STEPS = 24, 32  # new data, and steps of the flow

Sizes = Annotated[tuple[Annotated[int, Field(ge=1)], ...], Distinct]


class Params(ChapterParams):
    """Parameters of the experiment; what is None is set by the preset. Fewer dimensions have more sets."""

    presets: ClassVar = {
        "smoke": {"sizes": (2, 8), "dims": (36, 64, 144), "sets": 3},
        "standard": {"sizes": (1, 4, 16), "dims": (64, 144, 400), "sets": 8},
        "paper": {"sizes": (1, 2, 4, 8, 16, 32, 64), "dims": (144, 400, 1024), "sets": 100},
    }

    sizes: Sizes | None = Field(None, min_length=1)
    dims: Sizes | None = Field(None, min_length=1)
    noises: Sizes = Field((1, 4), min_length=1)
    sets: int | None = Field(None, ge=2)
    decay: float = Field(0.1, gt=0)
    sigma: float = Field(1.0, gt=0)


class Cell(NamedTuple):
    """Autoencoders on `sets` training sets of n points with `noises` noises each, in d dimensions."""

    n: int
    noises: int
    d: int
    sets: int
    decay: float
    sigma: float
    seed: int


def grid(params: Params) -> list[Cell]:
    """One cell for each size, number of noises and dimension."""
    p = params.resolved()
    assert p.sizes and p.dims and p.sets
    most = max(p.dims)
    return [
        Cell(n, m, d, round(p.sets * (most / d) ** 0.5), p.decay, p.sigma, p.seed)
        for d in p.dims
        for m in p.noises
        for n in p.sizes
    ]


def cell(at: Cell) -> pd.DataFrame:
    """Rows: n, noises, d, decay, sigma, replica, measure, value; the measures are those of `measured`."""
    rows = []
    for replica in range(at.sets):
        rng = stream(at.seed, "autoencoder", at.n, at.noises, at.d, at.decay, at.sigma, replica)
        found = measured(rng, at.n, at.noises, at.d, at.decay, at.sigma)
        rows += [(replica, name, value) for name, value in found.items()]
    about = {"n": at.n, "noises": at.noises, "d": at.d, "decay": at.decay, "sigma": at.sigma}
    return pd.DataFrame(rows, columns=["replica", "measure", "value"]).assign(**about)[
        [*about, "replica", "measure", "value"]
    ]


def measured(rng: np.random.Generator, n: int, m: int, d: int, decay: float, sigma: float) -> dict[str, float]:
    """`of_made` of what autoencoders fitted to n points and m noises of each make."""
    mu = rng.standard_normal(d)
    mu *= np.sqrt(d) / np.linalg.norm(mu)
    labels = np.repeat(rng.choice([-1.0, 1.0], n), m)
    clean = labels[:, None] * mu + sigma * np.repeat(rng.standard_normal((n, d)), m, axis=0)
    x = generated(clean, rng.standard_normal(clean.shape), labels, decay, rng.standard_normal((COUNT, d)), STEPS)
    return of_made(x, mu)


def of_made(x: np.ndarray, mu: np.ndarray) -> dict[str, float]:
    """`error` and `variance` of new data x (k, d) about two classes at ±mu.

    `error` is |μ̂−μ|²/d of the mean μ̂ of the data, each turned to the side of mu, without the bias of their finite
    number; `variance` is that of the turned data.
    """
    turned = np.where(x @ mu < 0, -1.0, 1.0)[:, None] * x
    one, other = turned[::2].mean(0) - mu, turned[1::2].mean(0) - mu
    return {"error": float(one @ other / len(mu)), "variance": float(turned.var(axis=0, ddof=1).mean())}
