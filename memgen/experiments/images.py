"""Small networks trained on pictures, stopped at many times: how much they remember, and how good what they make is.

Networks see pixels in units of the set: less their mean, over their standard deviation. Sets of one shuffle share their
holdout, the smaller training set is in the larger, and where there are classes each has as many pictures as the others.
"""

from collections.abc import Callable, Iterator
from functools import cache
from typing import Annotated, ClassVar, Literal, NamedTuple, Self

import numpy as np
import pandas as pd
import torch
from pydantic import Field, model_validator
from torch import Tensor

from memgen.audit.decide import decide
from memgen.audit.records import prepare
from memgen.denoisers.exact import EmpiricalBayes
from memgen.denoisers.guidance import guided, told
from memgen.denoisers.levels import karras
from memgen.denoisers.mlp import MLP
from memgen.denoisers.sampling import Denoiser, Noise, heun
from memgen.denoisers.training import Training
from memgen.denoisers.unet import NoisePredictor, UNet
from memgen.devices import Device, resolve_device
from memgen.errors import BadInput
from memgen.laws.pictures import PLACES, SETS, Pictures, Places, pictures
from memgen.laws.schedules import Levels, LogNormal, LogUniform, cosine
from memgen.measures import mmd2
from memgen.measures.gaussians import wasserstein2_squared
from memgen.runs.parameters import ChapterParams, Distinct
from memgen.streams import stream
from memgen.watch import Watch

VERSION = 1
HELD_OUT, GENERATED, SHOWN = 250, 256, 8  # pictures held out, made by a network, and stored as pictures
LEVELS = (0.3, 1.0)  # of the noise at which losses are compared, in units of the set's pixels
FEATURES = 20  # principal components of the set, in which quality is measured
GUIDANCE = (0.0, 1.0)  # weights
CLASS = "with class"
_BATCH, _DEPTH = 64, 3
_LARGE = 256  # pixels; networks on larger pictures take half of the steps
_CHANNELS = {"digits": 16, "mnist16": 8}  # of the U-Nets, whose steps are half as many
_SHOWN = {"digits": ("mirrored", "shifted"), "patches16": ("turned",)}
_LABELLED = ("digits", "mnist16")
_TOLD = 9  # times that a picture is shown with its class, for each time without
UNETS = ("unet", "convolutions")  # with attention, and without
_NOISES = 4  # for each picture whose loss is measured

Study = Literal["perceptron", "unet", "places", "classes"]
Size = Annotated[int, Field(ge=10)]


class Params(ChapterParams):
    """Parameters of the chapter; what is None is set by the preset, and so are sizes that a set does not have.

    A set is one of `memgen.laws.pictures` or a folder of images of your own. Study perceptron is made for every set;
    unet and classes for digits and mnist16; places, which shows each picture in several places, for digits and
    patches16, and mirrored for folders.
    """

    presets: ClassVar = {
        "smoke": {"studies": ("perceptron",), "sets": ("digits",), "sizes": (50,), "steps": 100, "replicas": 1},
        "standard": {"studies": ("perceptron",), "sets": ("digits",), "sizes": (50,), "steps": 400, "replicas": 1},
        "paper": {
            "studies": ("perceptron", "unet", "places", "classes"),
            "sets": SETS,
            "sizes": (50, 150, 450, 1200, 3600),
            "steps": 6400,
            "replicas": 2,
        },
    }

    device: Device = "cpu"
    sets: Annotated[tuple[str, ...], Distinct] | None = Field(None, min_length=1)
    sizes: Annotated[tuple[Size, ...], Distinct] | None = Field(None, min_length=1)
    studies: Annotated[tuple[Study, ...], Distinct] | None = Field(None, min_length=1)
    steps: int | None = Field(None, ge=100)
    replicas: int | None = Field(None, ge=1)

    @model_validator(mode="after")
    def _there(self) -> Self:
        """Check before anything runs that the sets can be read and have these sizes and studies."""
        if self.sets or self.sizes or self.studies:
            grid(self)
        return self


class Cell(NamedTuple):
    """One network on n pictures of a set, each shown in some places, or with its class."""

    pictures: str
    network: str
    shown: str
    n: int
    replica: int
    steps: int
    seed: int
    device: str


def grid(params: Params) -> list[Cell]:
    """All cells of the chapter. BadInput names a set that cannot be used, and a size that is too large for it."""
    p = params.resolved()
    assert p.sets and p.sizes and p.studies and p.steps and p.replicas
    cells = []
    for name in p.sets:
        count = len(pictures(name).values)
        sizes = [n for n in p.sizes if n + HELD_OUT <= count]
        if not sizes or (params.sizes is not None and len(sizes) < len(p.sizes)):
            worst = max(p.sizes) if sizes else min(p.sizes)
            raise BadInput(f"{name}: {worst} pictures and {HELD_OUT} held out are more than the {count} of this set")
        most = p.steps if pictures(name).values.shape[1] <= _LARGE else p.steps // 2
        for study in p.studies:
            for network, shown, n, replicas, steps in _runs(study, name, sizes, p.replicas, most):
                rest = (steps, p.seed, p.device)
                cells += [Cell(name, network, shown, n, replica, *rest) for replica in range(replicas)]
    if not cells:
        raise BadInput(f"none of the sets {', '.join(p.sets)} has a study {', '.join(p.studies)}")
    return cells


def _runs(study: Study, name: str, sizes: list[int], replicas: int, steps: int) -> Iterator[tuple]:
    """Yield (network, way to show pictures, n, replicas, steps) for the runs of a study."""
    few = sorted({*sizes[::2], sizes[-1]})
    if study == "perceptron":
        yield from ((study, "once", n, replicas, steps) for n in sizes)
    elif study == "unet" and name in _CHANNELS:
        yield from ((study, "once", n, 1, steps // 2) for n in few)
    elif study == "places":
        shown = _SHOWN.get(name, () if name in SETS else ("mirrored",))
        yield from (("perceptron", place, n, replicas, steps) for place in shown for n in sizes)
    elif study == "classes" and name in _LABELLED:
        classes = pictures(name).classes
        if min(sizes) < 2 * classes:
            few_of = f"{name}: of n = {min(sizes)} pictures a class has only one"
            raise BadInput(f"{few_of}; {classes} classes need {2 * classes} or more")
        yield from (("perceptron", CLASS, n, replicas, steps) for n in sizes)


class Recipe(NamedTuple):
    """How a network is trained and sampled: units a layer (perceptrons), noise trained on, step size, largest noise."""

    hidden: int
    levels: Levels
    lr: float
    top: float

    @property
    def widths(self) -> np.ndarray:
        """The noise levels of the sampler, falling to 0."""
        return karras(self.top, 0.05, 18)


def recipe(at: Cell) -> Recipe:
    """The recipe of a cell's network.

    Larger pictures take wider perceptrons, smaller steps, and more noise: what tells them apart grows as √d.
    """
    if at.network in UNETS:
        return Recipe(0, LogUniform(0.04, 12.0), 1e-3, 10.0)
    d = pictures(at.pictures).values.shape[1]
    up = max(0.0, float(np.log(d / 64) / 2))
    hidden, lr = (256, 2e-3) if d <= 64 else (512, 1e-3)
    return Recipe(hidden, LogNormal(up - 0.5, 1.2), lr, 10.0 * float(np.exp(up)))


class Sets(NamedTuple):
    """Training pictures and held-out ones."""

    train: Pictures
    holdout: Pictures


def split(at: Cell) -> Sets:
    """The training and held-out pictures of a cell."""
    found = pictures(at.pictures)
    order = stream(at.seed, "images", at.pictures, at.replica).permutation(len(found.values))
    if found.labels is not None:  # one of each class after the other
        rank = pd.Series(order).groupby(found.labels[order]).cumcount().to_numpy()
        order = order[np.argsort(rank, kind="stable")]
    return Sets(found.part(order[HELD_OUT : HELD_OUT + at.n]), found.part(order[:HELD_OUT]))


class Unit(NamedTuple):
    """Mean and standard deviation of the pixels of a set."""

    mean: float
    std: float

    def of(self, values: np.ndarray) -> Tensor:
        """The values of pixels in this unit, in single precision."""
        return torch.from_numpy(((values - self.mean) / self.std).astype(np.float32))

    def pixels(self, z: Tensor) -> np.ndarray:
        """The pixel values of z, which is in this unit."""
        values: np.ndarray = z.cpu().numpy() * np.float32(self.std) + np.float32(self.mean)
        return values


@cache
def unit(name: str) -> Unit:
    """The `Unit` of the set of that name."""
    values = pictures(name).values
    return Unit(float(values.mean(dtype=float)), float(values.std(dtype=float)))


def start(at: Cell) -> tuple[MLP | NoisePredictor, Training]:
    """The network of a cell, in units of the set, and its training before the first step."""
    train, device, how = split(at).train, resolve_device(at.device), recipe(at)
    key = (at.seed, "images", *at[:5])
    d = train.values.shape[1]
    seen = unit(at.pictures).of(_places(at).of(train))
    if at.network in UNETS:
        unet = UNet(1, _CHANNELS[at.pictures], [key], attention=at.network == "unet")
        network = NoisePredictor(unet, cosine()).to(device)
        return network, Training(network, seen, [key], how.levels, _BATCH, how.lr)
    given = 0
    if at.shown == CLASS:
        label = indicators(train)
        given = label.shape[1]
        seen = torch.cat([torch.cat([seen, y], 1) for y in (*[label] * _TOLD, torch.zeros_like(label))])
    model = MLP(d, 1, how.hidden, _DEPTH, keys=[key], given=given).to(device)
    return model, Training(model, seen, [key], how.levels, _BATCH, how.lr)


def _places(at: Cell) -> Places:
    return PLACES["once" if at.shown == CLASS else at.shown]


def indicators(found: Pictures) -> Tensor:
    """The indicator of each picture's class, (n, classes), in single precision."""
    assert found.labels is not None
    return torch.eye(pictures(found.name).classes)[torch.from_numpy(found.labels)]


def generate(denoise: Denoiser, at: Cell, count: int = GENERATED) -> np.ndarray:
    """Pictures made by a denoiser in units of the set, (count, d): the noise is that of the set and the shuffle."""
    d, noise = pictures(at.pictures).values.shape[1], Noise(range(count), at.seed, "images", at.pictures, at.replica)
    widths = recipe(at).widths
    first = float(widths[0]) * noise(float(widths[0]), torch.zeros(count, d, device=resolve_device(at.device)))
    return unit(at.pictures).pixels(heun(denoise, first, widths))


def looked_at(steps: int) -> list[int]:
    """Steps at which a network is measured: 100, 200, 400 and so on, and the last."""
    return sorted({100 * 2**k for k in range(20) if 100 * 2**k <= steps} | {steps})


def cell(at: Cell) -> pd.DataFrame:
    """Rows: pictures, network, shown, n, replica, step, guidance, level, measure, value, picture.

    At noise `level` the measures are those of `memgen.watch.Watch.compute`; with classes, the share alone. GENERATED
    pictures (level NaN) have the measures flagged, the share that is less than a third as far from the nearest training
    picture, in any place, as from the next; frechet and kernel, the squared Fréchet distance to the holdout over the
    variance of the set, and the squared maximum mean discrepancy, both in FEATURES principal components; and p/NAME, at
    the last step, the adjusted p-value of that test of the audit. In the first shuffle the first SHOWN are stored, as
    generated, and their nearest training pictures, as nearest: the bytes `picture` are their pixels, 0 black and 255
    white. At step 0 frechet and kernel are those of as many draws from the training set.

    With classes `guidance` is the weight towards the class, and the pictures take classes in turn.
    """
    sets, (model, training) = split(at), start(at)
    plain = at.shown != CLASS
    rows: list[tuple] = [(0, 0.0, np.nan, *found, b"") for found in _quality(_copies(at, sets), sets.holdout)]
    one = unit(at.pictures)
    watch = Watch(one.of(sets.train.values), one.of(sets.holdout.values), LEVELS, seed=at.seed) if plain else None
    for step in looked_at(at.steps):
        training.run(step - training.step)
        if watch is not None:
            watch.update(model, step)
        for weight in (0.0,) if plain else GUIDANCE:
            made = generate(_denoiser(model, at, weight), at)
            rows += [(step, weight, np.nan, *found) for found in judged(made, sets, at, step == at.steps)]
        if not plain:
            rows += [(step, 0.0, level, "share", _told_share(model, sets, at, level), b"") for level in LEVELS]
    table = pd.DataFrame(rows, columns=["step", "guidance", "level", "measure", "value", "picture"])
    if watch is not None:
        seen = watch.compute().drop(columns="error").assign(guidance=0.0, picture=b"")
        table = pd.concat([table, seen], ignore_index=True)
    names = {"pictures": at.pictures, "network": at.network, "shown": at.shown, "n": at.n, "replica": at.replica}
    return table.assign(**names)[[*names, "step", "guidance", "level", "measure", "value", "picture"]]


def _denoiser(model: MLP | NoisePredictor, at: Cell, weight: float) -> Denoiser:
    if at.shown != CLASS:
        return model
    assert isinstance(model, MLP)
    label = torch.eye(model.given)[torch.arange(GENERATED) % model.given]
    return guided(told(model, label), told(model, torch.zeros_like(label)), weight)


def _told_share(model: MLP | NoisePredictor, sets: Sets, at: Cell, level: float) -> float:
    """The loss gap of a network that is told the class, over that of the exact denoisers of each class's pictures."""
    assert isinstance(model, MLP) and sets.train.labels is not None and sets.holdout.labels is not None
    one, labels = unit(at.pictures), sets.train.labels
    exact = {k: EmpiricalBayes(one.of(sets.train.values[labels == k])) for k in np.unique(labels)}
    losses = []
    for name, found in (("holdout", sets.holdout), ("train", sets.train.part(np.arange(min(at.n, HELD_OUT))))):
        x, label = (part.repeat(_NOISES, 1) for part in (one.of(found.values), indicators(found)))
        xi = stream(at.seed, "images", "losses", at.pictures, at.replica, name, level).standard_normal(tuple(x.shape))
        u, copy = x + level * torch.from_numpy(xi).float(), torch.empty_like(x)
        for k, denoiser in exact.items():
            rows = label[:, k] > 0
            copy[rows] = denoiser.denoise(u[rows], level)
        with torch.no_grad():
            seen = told(model, label)(u, level)
        losses.append([float((clean - x).square().mean()) for clean in (seen, copy)])
    (ours, copys), (ours_there, copys_there) = losses
    return (ours - ours_there) / (copys - copys_there)


def _copies(at: Cell, sets: Sets) -> np.ndarray:
    chosen = stream(at.seed, "images", "copies", at.pictures, at.n, at.replica).integers(at.n, size=GENERATED)
    drawn: np.ndarray = sets.train.values[chosen]
    return drawn


def judged(made: np.ndarray, sets: Sets, at: Cell, last: bool) -> Iterator[tuple[str, float, bytes]]:
    """Yield measure, value and picture of what was made, as in `cell`; with the tests of the audit at the last step."""
    near, index = nearest_two(made, sets.train, _places(at).of)
    ratio = near[:, 0] / near[:, 1]
    yield "flagged", float(np.mean(ratio < 1 / 3)), b""
    yield from ((name, value, b"") for name, value in _quality(made, sets.holdout))
    if last:
        for test in decide(prepare(sets.train.values, made, sets.holdout.values), at.seed).tests:
            yield f"p/{test.name}", test.adjusted, b""
    if at.replica == 0:
        for k in range(SHOWN):
            yield "generated", float(ratio[k]), as_bytes(made[k])
            yield "nearest", float(ratio[k]), as_bytes(index[k])


def nearest_two(
    made: np.ndarray, train: Pictures, show: Callable[[Pictures], np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Distances (m, 2) to the two nearest training pictures, in any place, and the nearest one as it is shown."""
    shown = show(train)
    apart = torch.cdist(torch.from_numpy(made).double(), torch.from_numpy(shown).double()).numpy()
    places = len(shown) // len(train.values)
    least = apart.reshape(len(made), places, -1).min(1)
    return np.sort(np.partition(least, 1, axis=1)[:, :2], axis=1), shown[apart.argmin(1)]


def as_bytes(values: np.ndarray) -> bytes:
    """The bytes in which a picture is stored: one for each pixel, 0 black and 255 white."""
    return (values.clip(0, 1) * 255).round().astype(np.uint8).tobytes()


def _quality(made: np.ndarray, holdout: Pictures) -> Iterator[tuple[str, float]]:
    axes, variance, width = _feature_space(holdout.name)
    ours, theirs = (torch.from_numpy(x.astype(float) @ axes) for x in (made, holdout.values))
    laws = [part for x in (ours, theirs) for part in (x.mean(0), torch.cov(x.T).reshape(axes.shape[1], -1))]
    yield "frechet", float(wasserstein2_squared(*laws)) / variance
    yield "kernel", mmd2(ours, theirs, width)


@cache
def _feature_space(name: str) -> tuple[np.ndarray, float, float]:
    """The principal axes of all pictures of a set (d, FEATURES), their variance in all, and √2 times its root."""
    values, vectors = np.linalg.eigh(np.cov(pictures(name).values.astype(float), rowvar=False))
    variance = float(values[-FEATURES:].sum())
    return vectors[:, -FEATURES:], variance, float(np.sqrt(2 * variance))
