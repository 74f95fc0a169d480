"""A small diffusion model of handwritten digits, trained until it copies, and what is done about it.

The data are the 1797 scans of 8×8 pixels that come with scikit-learn, grey levels from 0 to 1. In each shuffle of them
600 are held out, and the training set is the first of the rest. A recipe is a size of the training set, a width of the
network, and whether it sees the digits moved by a pixel as well.
"""

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal, NamedTuple

import numpy as np
import pandas as pd
import torch
from pydantic import Field

from memgen.audit.decide import decide
from memgen.audit.power import KINDS, Power
from memgen.audit.records import prepare
from memgen.denoisers.levels import karras
from memgen.denoisers.mlp import MLP
from memgen.denoisers.sampling import Noise, heun
from memgen.denoisers.training import Training
from memgen.laws.pictures import pictures
from memgen.laws.schedules import LogUniform
from memgen.runs.parameters import ChapterParams, Distinct
from memgen.streams import stream
from memgen.watch import Watch

VERSION = 2
SIDE = 8  # pixels
HELD_OUT, GENERATED = 600, 500
COPIES = 0.05  # the stated share of copies that the power of an audit is for
LEVELS = (0.1, 0.2, 0.5)  # of the noise that the Watch looks at, in grey levels; pixels scatter by 0.38
_TRAINED, _BATCH, _LR, _DEPTH = LogUniform(0.02, 5.0), 64, 1e-3, 3
_WIDTHS = karras(5.0, 0.02, 18)  # of the sampler

Name = Literal["60 digits", "300 digits", "1197 digits", "16 units", "shifted"]


class Recipe(NamedTuple):
    """Digits in the training set, units in each layer, and whether each digit is shown in all nine places."""

    n: int
    hidden: int
    shifted: bool


RECIPES: dict[Name, Recipe] = {
    "60 digits": Recipe(60, 256, False),
    "300 digits": Recipe(300, 256, False),
    "1197 digits": Recipe(1197, 256, False),
    "16 units": Recipe(60, 16, False),
    "shifted": Recipe(60, 256, True),
}


class Params(ChapterParams):
    """Parameters of the chapter; what is None is set by the preset."""

    presets: ClassVar = {
        "smoke": {"recipes": ("60 digits",), "steps": 100, "replicas": 1},
        "standard": {"recipes": ("60 digits",), "steps": 1778, "replicas": 1},
        "paper": {"recipes": tuple(RECIPES), "steps": 4000, "replicas": 4},
    }

    recipes: Annotated[tuple[Name, ...], Distinct] | None = Field(None, min_length=1)
    steps: int | None = Field(None, ge=10)
    replicas: int | None = Field(None, ge=1)


class Cell(NamedTuple):
    """One network by a recipe, on one shuffle of the digits."""

    recipe: Name
    replica: int
    steps: int
    seed: int


def grid(params: Params) -> list[Cell]:
    """All cells of the chapter."""
    p = params.resolved()
    assert p.recipes and p.steps and p.replicas
    return [Cell(recipe, replica, p.steps, p.seed) for recipe in p.recipes for replica in range(p.replicas)]


class Sets(NamedTuple):
    """Training digits and held-out digits, and those that are left, (…, 64), in [0, 1]."""

    train: np.ndarray
    holdout: np.ndarray
    rest: np.ndarray


def split(at: Cell) -> Sets:
    """The digits of a cell: recipes of one shuffle share their holdout, and the smaller set is in the larger."""
    digits = pictures("digits").values
    digits = digits[stream(at.seed, "your model", "shuffle", at.replica).permutation(len(digits))]
    first, end = HELD_OUT, HELD_OUT + RECIPES[at.recipe].n
    return Sets(digits[first:end], digits[:first], digits[end:])


def shifts(digits: np.ndarray) -> np.ndarray:
    """Each digit where it is and moved by a pixel in eight directions, (n, 64) to (9n, 64); what leaves is lost."""
    padded = np.pad(digits.reshape(-1, SIDE, SIDE), ((0, 0), (1, 1), (1, 1)))
    moved = [padded[:, a : a + SIDE, b : b + SIDE] for a in range(3) for b in range(3)]
    return np.concatenate(moved).reshape(-1, SIDE**2)


def start(at: Cell) -> tuple[MLP, Training]:
    """The network of a cell, and its training before the first step."""
    train = split(at).train
    recipe, key = RECIPES[at.recipe], (at.seed, "your model", at.recipe, at.replica)
    centre, scale = float(train.mean()), float(train.std())
    model = MLP(SIDE**2, 1, recipe.hidden, _DEPTH, centre, scale, [key])
    seen = shifts(train) if recipe.shifted else train
    return model, Training(model, torch.from_numpy(seen), [key], _TRAINED, _BATCH, _LR)


def generate(model: MLP, at: Cell, count: int = GENERATED) -> np.ndarray:
    """Digits made by the model from noise, (count, 64)."""
    noise = Noise(range(count), at.seed, "your model", "samples", at.replica)
    begin = _WIDTHS[0] * noise(float(_WIDTHS[0]), torch.zeros(count, SIDE**2)) + model.centre
    return heun(model, begin, _WIDTHS).numpy()


def looked_at(steps: int) -> list[int]:
    """Steps at which the Watch looks: four a decade from 10 on, and the last."""
    spaced = (10 * 10 ** (np.arange(0, 4 * np.log10(max(steps, 10) / 10) + 1e-9) / 4)).round().astype(int)
    return sorted({*spaced.tolist(), steps})


def audited(steps: int) -> list[int]:
    """The steps at which generated digits are audited: 100, 316, 1000 and the last."""
    return [step for step in looked_at(steps) if step == steps or step in (100, 316, 1000)]


def cell(at: Cell) -> pd.DataFrame:
    """Rows: recipe, n, hidden, replica, step, level, measure, value, error.

    At noise `level` the measures are those of `memgen.watch.Watch.compute`. GENERATED digits (level NaN) have flagged,
    the share with d₁/d₂ < ⅓; p/NAME, the p-value of that test of the audit, adjusted for their number; power/KIND, the
    chance that the audit finds a share COPIES of such copies; and shifted/NAME, the adjusted p-values when training and
    held-out digits are all shown in nine places, those of one digit exchanged together (recipe shifted alone).
    """
    sets, (model, training) = split(at), start(at)
    watch = Watch(sets.train, sets.holdout, LEVELS, seed=at.seed)
    found = []
    for step in looked_at(at.steps):
        training.run(step - training.step)
        watch.update(model, step)
        if step in audited(at.steps):
            seen = _audited(generate(model, at), sets, at)
            found += [(step, np.nan, measure, value, 0.0) for measure, value in seen]
    table = watch.compute()
    table = pd.concat([table, pd.DataFrame(found, columns=table.columns)], ignore_index=True)
    recipe = RECIPES[at.recipe]
    table = table.assign(recipe=at.recipe, n=recipe.n, hidden=recipe.hidden, replica=at.replica)
    return table[["recipe", "n", "hidden", "replica", "step", "level", "measure", "value", "error"]]


def _audited(made: np.ndarray, sets: Sets, at: Cell) -> Iterator[tuple[str, float]]:
    decision = decide(prepare(sets.train, made, sets.holdout), at.seed)
    power = Power(decision, at.seed)
    yield "flagged", float(np.mean(decision.ratios()["generated"] < 1 / 3))
    yield from ((f"p/{test.name}", test.adjusted) for test in decision.tests)
    yield from ((f"power/{kind}", power.of(kind, round(COPIES * len(made)))["any"]) for kind in KINDS)
    if RECIPES[at.recipe].shifted:
        train, holdout = shifts(sets.train), shifts(sets.holdout)
        groups = [f"{name}{k}" for name, x in (("t", sets.train), ("h", sets.holdout)) for k in 9 * [*range(len(x))]]
        records = prepare(train, made, holdout, (groups[: len(train)], groups[len(train) :]))
        yield from ((f"shifted/{test.name}", test.adjusted) for test in decide(records, at.seed).tests)
