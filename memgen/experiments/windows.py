"""Denoisers that see a window, on pictures: which window is best, which one networks use, and what they make.

Pictures are in units of the set, as networks see them, and shuffles, holdouts and networks are
those of `memgen.experiments.images`.  Studies:

    law         Gaussian law of a set's covariance: what a window tells, and what Wiener's filter of it leaves
    loss        the loss of the posterior mean over n pictures, by its window, on held-out ones
    everywhere  that loss with windows in all places of the pictures
    own         that loss with windows that each pixel has for itself
    network     networks beside the posterior mean, on the same noised pictures
    made        what the posterior mean makes, with one window at all noises or with the largest that does not collapse
    own-made    what it makes with windows that each pixel has for itself
"""

from collections.abc import Callable
from functools import cache
from typing import Annotated, ClassVar, Literal, NamedTuple

import numpy as np
import pandas as pd
import torch
from pydantic import Field
from scipy.interpolate import make_interp_spline

from memgen.denoisers.exact import EmpiricalBayes
from memgen.denoisers.windows import Chosen, Everywhere, Windows, by_distance, by_wiener, chosen, window_law
from memgen.experiments import images
from memgen.laws.pictures import pictures
from memgen.runs.parameters import ChapterParams, Distinct
from memgen.streams import stream

VERSION = 1
LEVELS = (0.1, 0.15, 0.2, 0.3, 0.45, 0.7, 1.0, 1.5, 2.2, 3.3, 5.0)  # noise
PROBES = 64  # held-out pictures, one noise each
FIXED = {"digits": (0, 1, 2, 3, 4, 5)}  # reaches of which pictures are made with one window at all noises
_REACHES = (0, 1, 2, 3, 4, 5, 7, 10, 15)

Study = Literal["law", "loss", "everywhere", "own", "network", "made", "own-made"]
Name = Literal["digits", "mnist16", "patches8", "patches16"]
_NETWORKS = ("digits", "mnist16")  # sets of which networks and made pictures are studied
Size = Annotated[int, Field(ge=10)]


class Params(ChapterParams):
    """Parameters of the experiment; what is None is set by the preset. Networks take `steps` steps, U-Nets half."""

    presets: ClassVar = {
        "smoke": {"sets": ("digits",), "sizes": (50,), "studies": ("law", "loss", "own"), "replicas": 1, "steps": 100},
        "standard": {
            "sets": ("digits",),
            "sizes": (50, 450),
            "studies": ("law", "loss", "own"),
            "replicas": 2,
            "steps": 100,
        },
        "paper": {
            "sets": _NETWORKS,
            "sizes": (50, 450, 1200, 3600),
            "studies": ("law", "loss", "network", "made"),
            "replicas": 2,
            "steps": 6400,
        },
    }

    sets: Annotated[tuple[Name, ...], Distinct] | None = Field(None, min_length=1)
    sizes: Annotated[tuple[Size, ...], Distinct] | None = Field(None, min_length=1)
    studies: Annotated[tuple[Study, ...], Distinct] | None = Field(None, min_length=1)
    replicas: int | None = Field(None, ge=1)
    steps: int | None = Field(None, ge=100)


class Cell(NamedTuple):
    """One study of n pictures of a set, with a network or with none."""

    study: Study
    pictures: str
    network: str
    n: int
    replica: int
    steps: int
    seed: int


def grid(params: Params) -> list[Cell]:
    """All cells; sizes that a set does not have are left out; U-Nets see only the largest and the second smallest."""
    p = params.resolved()
    assert p.sets and p.sizes and p.studies and p.replicas and p.steps
    cells = []
    for name in p.sets:
        sizes = [n for n in sorted(p.sizes) if n + images.HELD_OUT <= len(pictures(name).values)]
        if "law" in p.studies:
            cells.append(Cell("law", name, "", 0, 0, 0, p.seed))
        for study in ("loss", "everywhere", "own"):
            if study in p.studies:
                cells += [Cell(study, name, "", n, replica, 0, p.seed) for n in sizes for replica in range(p.replicas)]
        if "network" in p.studies and name in _NETWORKS:
            few = {"perceptron": sizes, "unet": sorted({*sizes[1:2], sizes[-1]})}
            cells += [
                Cell("network", name, network, n, 0, p.steps // (1 + (network == "unet")), p.seed)
                for network, shown in few.items()
                for n in shown
            ]
        for study in ("made", "own-made"):
            if study in p.studies and name in _NETWORKS:
                cells += [Cell(study, name, "", n, replica, 0, p.seed) for n in sizes for replica in range(p.replicas)]
    return cells


def reaches(shape: tuple[int, int]) -> list[int]:
    """The reaches of windows tried on pictures of this shape, rising; the last covers the picture from every pixel."""
    whole = max(shape) - 1
    return sorted({k for k in _REACHES if k < whole} | {whole})


@cache
def _covariance(name: str) -> np.ndarray:
    """The covariance (d, d) of all pictures of a set, in its units."""
    values: np.ndarray = np.cov(images.unit(name).of(pictures(name).values).double().numpy(), rowvar=False)
    return values


@cache
def own(name: str, n: int, level: float, near: bool = False) -> np.ndarray:
    """Which pixels the window of each pixel has, (d, d), for n pictures at this noise, as `chosen` finds.

    They are taken in the order in which Wiener's filter weighs them or, if `near`, from the nearest on.
    """
    order = by_distance(pictures(name).shape) if near else by_wiener(_covariance(name), level)
    return chosen(_covariance(name), level, n, order)


@cache
def law(name: str) -> pd.DataFrame:
    """Rows level, reach, information, wiener of the Gaussian law of the set's covariance, as in `window_law`."""
    shape, tables = pictures(name).shape, []
    for reach in reaches(shape):
        information, wiener = window_law(_covariance(name), shape, reach, np.array(LEVELS))
        part = {"level": LEVELS, "reach": reach, "information": information, "wiener": wiener}
        tables.append(pd.DataFrame(part))
    return pd.concat(tables, ignore_index=True)


def largest(of: pd.DataFrame, n: float | np.ndarray, level: float) -> int:
    """The reach of the largest window that tells less than ln n at this noise, 0 if none does; `of` is a `law`.

    n may be one for each reach. Between the levels of the law the information is interpolated, ln I in ln τ; beyond
    them it goes on as it ends.
    """
    told = of.pivot(index="level", columns="reach", values="information")
    log_told = make_interp_spline(np.log(told.index), np.log(told), k=1)(np.log(level))
    below = told.columns[np.exp(log_told) < np.log(n)]
    return int(below.max()) if len(below) else 0


def cell(at: Cell) -> pd.DataFrame:
    """Rows: study, pictures, network, n, replica, level, reach, measure, value, picture.

    - law: information and wiener, at n = 0.
    - loss: the mean square of D − x a pixel, by reach (that of the whole picture is the exact score's).
    - everywhere: that loss with windows in all places.
    - own, at reach −1: loss with the windows of `own`, near with those of near pixels, and pixels, how many the first
      have.
    - network: loss, its own (reach −1); spread, the mean square of what it says about its mean over pictures (−1);
      apart, the mean square of its difference from the posterior mean, by reach.
    - made: flagged, frechet and kernel of what is made, as in `images.cell`, and the first pictures; reach −1 is the
      largest window that tells less than ln n at each noise.
    - own-made: as for made, at reach −1, with the windows of `own`.
    """
    rows = _STUDIES[at.study](at)
    table = pd.DataFrame(rows, columns=["level", "reach", "measure", "value", "picture"])
    names = dict(zip(("study", "pictures", "network", "n", "replica"), at[:5], strict=True))
    return table.assign(**names)[[*names, "level", "reach", "measure", "value", "picture"]]


def _law(at: Cell) -> list[tuple]:
    found = law(at.pictures).melt(["level", "reach"])
    return [(*row, b"") for row in found.itertuples(index=False)]


def _images_cell(at: Cell) -> images.Cell:
    return images.Cell(at.pictures, at.network or "perceptron", "once", at.n, at.replica, at.steps, at.seed, "cpu")


def noised(inside: images.Cell, level: float, purpose: str) -> tuple[torch.Tensor, torch.Tensor]:
    """PROBES held-out pictures of a cell, clean and noised, in units of the set."""
    clean = images.unit(inside.pictures).of(images.split(inside).holdout.values[:PROBES])
    xi = stream(inside.seed, purpose, inside.pictures, inside.replica, level).standard_normal(tuple(clean.shape))
    return clean, clean + level * torch.from_numpy(xi).float()


def training(inside: images.Cell) -> torch.Tensor:
    """The training pictures of a cell, in units of the set."""
    return images.unit(inside.pictures).of(images.split(inside).train.values)


def _loss(at: Cell) -> list[tuple]:
    shape, x, rows = pictures(at.pictures).shape, training(_images_cell(at)), []
    over = Everywhere if at.study == "everywhere" else Windows
    for level in LEVELS:
        clean, noisy = noised(_images_cell(at), level, "windows")
        for reach in reaches(shape):
            seen = over(x, shape, reach)(noisy, level)
            rows.append((level, reach, "loss", float((seen - clean).square().mean()), b""))
    return rows


def _own(at: Cell) -> list[tuple]:
    inside, rows = _images_cell(at), []
    x = training(inside)
    for level in LEVELS:
        clean, noisy = noised(inside, level, "windows")
        for measure, near in (("loss", False), ("near", True)):
            seen = Chosen(x, own(at.pictures, at.n, level, near))(noisy, level)
            rows.append((level, -1, measure, float((seen - clean).square().mean()), b""))
        rows.append((level, -1, "pixels", float(own(at.pictures, at.n, level).sum(1).mean()), b""))
    return rows


def _own_made(at: Cell) -> list[tuple]:
    inside = _images_cell(at)
    x = training(inside)
    return _judged({-1: images.generate(lambda u, tau: Chosen(x, own(at.pictures, at.n, tau))(u, tau), inside)}, inside)


def _judged(made: dict[int, np.ndarray], inside: images.Cell) -> list[tuple]:
    """Rows of measures of what was made, which is given by reach."""
    sets = images.split(inside)
    return [
        (np.nan, reach, *found)
        for reach, part in made.items()
        for found in images.judged(part, sets, inside, last=False)
    ]


def _network(at: Cell) -> list[tuple]:
    shape, x, rows = pictures(at.pictures).shape, training(_images_cell(at)), []
    model, trained = images.start(_images_cell(at))
    trained.run(at.steps)
    for level in LEVELS:
        clean, noisy = noised(_images_cell(at), level, "windows")
        with torch.no_grad():
            said = model(noisy, level)
        rows.append((level, -1, "loss", float((said - clean).square().mean()), b""))
        rows.append((level, -1, "spread", float((said - said.mean(0)).square().mean()), b""))
        for reach in reaches(shape):
            seen = Windows(x, shape, reach)(noisy, level)
            rows.append((level, reach, "apart", float((seen - said).square().mean()), b""))
    return rows


def _made(at: Cell) -> list[tuple]:
    of, shape, inside = law(at.pictures), pictures(at.pictures).shape, _images_cell(at)
    x = training(inside)
    seen, whole = {reach: Windows(x, shape, reach) for reach in reaches(shape)}, max(shape) - 1
    made = {
        -1: images.generate(lambda u, tau: seen[largest(of, at.n, tau)](u, tau), inside),
        whole: images.generate(EmpiricalBayes(x).denoise, inside),
    }
    made |= {reach: images.generate(seen[reach], inside) for reach in FIXED.get(at.pictures, ())}
    return _judged(made, inside)


_STUDIES: dict[str, Callable[[Cell], list[tuple]]] = {
    "law": _law,
    "loss": _loss,
    "everywhere": _loss,
    "own": _own,
    "network": _network,
    "made": _made,
    "own-made": _own_made,
}


def chains(rng: np.random.Generator, count: int, length: int, correlation: float) -> np.ndarray:
    """Gaussian chains (count, length) of variance 1 in which neighbours have this correlation."""
    x = rng.standard_normal((count, length))
    for j in range(1, length):
        x[:, j] = correlation * x[:, j - 1] + np.sqrt(1 - correlation**2) * x[:, j]
    return x


def on_chains(
    rng: np.random.Generator, n: int, places: int, pixels: int, tau: float, correlation: float
) -> tuple[float, float]:
    """The error, and the share of windows held, of the posterior mean over windows in places of each of n chains.

    The error is the mean square of D − x in the middle of fresh windows of so many pixels. A training window is held if
    it has more than half of the posterior weight when it is noised.
    """
    train = chains(rng, n, places + pixels - 1, correlation)
    windows = np.lib.stride_tricks.sliding_window_view(train, pixels, axis=1).reshape(-1, pixels)
    own = rng.permutation(len(windows))[:PROBES]
    x = np.concatenate([chains(rng, PROBES, pixels, correlation), windows[own]])
    u = x + tau * rng.standard_normal(x.shape)
    exponents = (u @ windows.T - (windows**2).sum(1) / 2) / tau**2
    weights = np.exp(exponents - exponents.max(1, keepdims=True))
    weights /= weights.sum(1, keepdims=True)
    middle = pixels // 2
    error = (weights[:PROBES] @ windows[:, middle] - x[:PROBES, middle]) ** 2
    return float(error.mean()), float((weights[PROBES + np.arange(len(own)), own] > 0.5).mean())
