"""Which pixels networks look at, and whether windows say what networks make.  Part of chapter 15.

Pictures, shuffles, holdouts and networks are those of `memgen.experiments.images`, and convolutions: its U-Net without
attention.  Networks see pictures once, or scrambled: all pixels in another order, in which few are beside a neighbour.
"""

from collections.abc import Callable
from typing import Annotated, ClassVar, Literal, NamedTuple, get_args

import numpy as np
import pandas as pd
import torch
from pydantic import Field
from torch import Tensor

from memgen.denoisers.exact import EmpiricalBayes, gaussian
from memgen.denoisers.windows import Windows
from memgen.experiments import images
from memgen.experiments.windows import LEVELS, largest, law, noised, reaches, training
from memgen.laws.pictures import pictures, scrambled_order
from memgen.measures.sensitivity import by_distance, likeness, sensitivity
from memgen.runs.parameters import ChapterParams, Distinct

VERSION = 1
DERIVED = 32  # held-out pictures, of PROBES of `windows`, at which networks are differentiated
LOOKED = LEVELS[::2]  # noise at which they are
MADE = 128  # pictures made

Network = Literal["perceptron", "unet", "convolutions"]
Shown = Literal["once", "scrambled"]
Name = Literal["digits", "mnist16"]
Size = Annotated[int, Field(ge=10)]


class Params(ChapterParams):
    """Parameters of the experiment; what is None is set by the preset. Networks take `steps` steps, U-Nets half."""

    presets: ClassVar = {
        "smoke": {"sets": ("digits",), "sizes": (50,), "networks": ("perceptron",), "replicas": 1, "steps": 100},
        "standard": {"sets": ("digits",), "sizes": (450,), "networks": ("perceptron",), "replicas": 2, "steps": 400},
        "paper": {
            "sets": ("digits", "mnist16"),
            "sizes": (1200,),
            "networks": ("perceptron", "unet", "convolutions"),
            "replicas": 2,
            "steps": 6400,
        },
    }

    sets: Annotated[tuple[Name, ...], Distinct] | None = Field(None, min_length=1)
    sizes: Annotated[tuple[Size, ...], Distinct] | None = Field(None, min_length=1)
    networks: Annotated[tuple[Network, ...], Distinct] | None = Field(None, min_length=1)
    replicas: int | None = Field(None, ge=1)
    steps: int | None = Field(None, ge=100)


class Cell(NamedTuple):
    """A network on n pictures of a set; if `network` is empty, the denoisers that are not trained."""

    pictures: str
    network: str
    shown: Shown
    n: int
    replica: int
    steps: int
    seed: int


def grid(params: Params) -> list[Cell]:
    """All cells; sizes that a set does not have are left out.

    A perceptron knows no places, so it is not run on scrambled pictures.
    """
    p = params.resolved()
    assert p.sets and p.sizes and p.networks and p.replicas and p.steps
    kinds: list[tuple[str, Shown, int]] = [("", "once", 0)]
    for network in p.networks:
        steps = p.steps // (1 + (network in images.UNETS))
        ways: tuple[Shown, ...] = get_args(Shown) if network in images.UNETS else ("once",)
        kinds += [(network, shown, steps) for shown in ways]
    return [
        Cell(name, network, shown, n, replica, steps, p.seed)
        for name in p.sets
        for n in sorted(p.sizes)
        if n + images.HELD_OUT <= len(pictures(name).values)
        for network, shown, steps in kinds
        for replica in range(p.replicas)
    ]


def cell(at: Cell) -> pd.DataFrame:
    """Rows: pictures, network, shown, n, replica, level, index, measure, value, picture.

    - looked: the share of squared derivatives of a network by pixels at a distance, `index`, at noise `level`, in the
      places that pixels have in pictures; grid: in those where the network sees them.
    - alike (index −1): the cosine of a network's mean derivatives and those of Wiener's filter of the training
      pictures, by other pixels alone.
    - loss (index −1): the mean square of D − x a pixel.
    - made: what a network makes, by picture (`index`), in bytes; window: what windows make from the same noise, at each
      noise the nearest to the network.

    Without a network: looked and loss of Wiener's filter, what it makes (made), the exact score (exact), and the
    largest windows below ln n (window).
    """
    rows = (_trained if at.network else _known)(at)
    table = pd.DataFrame(rows, columns=["level", "index", "measure", "value", "picture"])
    names = dict(zip(("pictures", "network", "shown", "n", "replica"), at[:5], strict=True))
    return table.assign(**names)[[*names, "level", "index", "measure", "value", "picture"]]


def _inside(at: Cell) -> images.Cell:
    network = at.network or "unet"  # what is not trained starts from the noise of the U-Nets
    return images.Cell(at.pictures, network, at.shown, at.n, at.replica, at.steps, at.seed, "cpu")


class _Wiener:
    """The best linear denoiser of the training pictures; `slope` has its derivatives (d, d)."""

    def __init__(self, at: Cell) -> None:
        x = training(_inside(at)).double()
        self._mean, self._covariance = x.mean(0), torch.cov(x.T)

    def __call__(self, u: Tensor, tau: float) -> Tensor:
        return gaussian(u.double(), tau, self._mean, self._covariance).to(u.dtype)

    def slope(self, tau: float) -> np.ndarray:
        units = torch.eye(len(self._mean), dtype=torch.float64)
        found: np.ndarray = gaussian(units, tau, torch.zeros_like(self._mean), self._covariance).numpy()
        return found


def _known(at: Cell) -> list[tuple]:
    x, of, shape, rows = training(_inside(at)), law(at.pictures), pictures(at.pictures).shape, []
    seen, wiener, exact = {k: Windows(x, shape, k) for k in reaches(shape)}, _Wiener(at), EmpiricalBayes(x)
    for level in LEVELS:
        clean, noisy = noised(_inside(at), level, "sensitivity")
        rows += _looked(wiener.slope(level) ** 2, shape, level, "looked")
        rows.append((level, -1, "loss", float((wiener(noisy, level) - clean).square().mean()), b""))
    rows += _made(wiener, at, "made") + _made(exact.denoise, at, "exact")
    return rows + _made(lambda u, tau: seen[largest(of, at.n, tau)](u, tau), at, "window")


def _trained(at: Cell) -> list[tuple]:
    x, shape = training(_inside(at)), pictures(at.pictures).shape
    there = np.arange(x.shape[1]) if at.shown == "once" else scrambled_order(x.shape[1])
    back = np.argsort(there)
    model, trained = images.start(_inside(at))

    def say(u: Tensor, tau: float) -> Tensor:
        """What the network says in the places that pixels have in pictures."""
        return model(u[:, there], tau)[:, back]

    trained.run(at.steps)
    rows, wiener, nearest = [], _Wiener(at), {}
    windows = {k: Windows(x, shape, k) for k in reaches(shape)} if at.shown == "once" else {}
    for level in LEVELS:
        clean, noisy = noised(_inside(at), level, "sensitivity")
        if level in LOOKED:
            found = sensitivity(say, noisy[:DERIVED], level)
            rows += _looked(found.square, shape, level, "looked")
            rows += _looked(found.square[np.ix_(there, there)], shape, level, "grid")
            rows.append((level, -1, "alike", likeness(found.mean, wiener.slope(level)), b""))
        with torch.no_grad():
            said = say(noisy, level)
        rows.append((level, -1, "loss", float((said - clean).square().mean()), b""))
        apart = {k: float((window(noisy, level) - said).square().mean()) for k, window in windows.items()}
        if apart:
            nearest[level] = min(apart, key=apart.__getitem__)
    if not nearest:
        return rows
    logs, chosen = np.log(LEVELS), np.array([nearest[level] for level in LEVELS])

    def window(u: Tensor, tau: float) -> Tensor:
        return windows[int(chosen[np.argmin(np.abs(logs - np.log(tau)))])](u, tau)

    return rows + _made(say, at, "made") + _made(window, at, "window")


def _looked(square: np.ndarray, shape: tuple[int, int], level: float, measure: str) -> list[tuple]:
    return [(level, k, measure, float(share), b"") for k, share in enumerate(by_distance(square, shape))]


def _made(denoise: Callable[[Tensor, float], Tensor], at: Cell, measure: str) -> list[tuple]:
    made = images.generate(denoise, _inside(at)._replace(network="unet"), MADE)
    return [(np.nan, k, measure, np.nan, images.as_bytes(picture)) for k, picture in enumerate(made)]
