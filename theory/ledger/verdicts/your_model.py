"""What the networks of chapter 14, trained on pictures of digits, say of claims on real data."""

from typing import NamedTuple

from memgen.figures.your_model import FIXES, NAMES, best
from memgen.runs.store import load
from memgen.statistics import mean
from theory.ledger.ruling import Criterion, Question, Range

_CLEAR = 0.1  # of a copy's loss gap: by how much less memory has faded


class Recipe(NamedTuple):
    """Against a network trained to the end on few digits: by how much a recipe has less memory, and more quality."""

    name: str
    fades: Range  # share of a copy's loss gap, at the end
    gains: Range  # least loss on fresh digits, that of the other network less its own, over the other's


class Recipes(NamedTuple):
    """Every recipe of chapter 14, over shuffles of the digits."""

    all: tuple[Recipe, ...]


def _recipes() -> Recipes:
    rows, _ = load("your_model")
    found = best(rows)
    worst, made = found.loc["60 digits"], []
    for name in FIXES:
        own = found.loc[name]
        fades = mean((worst.last_share - own.last_share).to_numpy())
        gains = mean((1 - own.loss / worst.loss).to_numpy())
        made.append(Recipe(NAMES[name], Range.of(fades), Range.of(gains)))
    return Recipes(tuple(made))


def _faded(found: Recipes) -> list[Recipe]:
    return [recipe for recipe in found.all if recipe.fades.above(_CLEAR)]


def _say(found: Recipes) -> tuple[str, str]:
    faded = _faded(found)
    idle = [recipe for recipe in faded if recipe.gains.below(0)]
    told = "; ".join(
        f"{recipe.name}: {recipe.fades.told()} less of a copy's loss gap, "
        f"loss on fresh digits {-recipe.gains.value:+.0%} (95%: {-recipe.gains.high:+.0%} to {-recipe.gains.low:+.0%})"
        for recipe in found.all
    )
    return (
        f"Memory fades by {len(faded)} recipes, quality by {len(idle)}.",
        "On scans of handwritten digits of 8×8 pixels, against a network that was trained to the end on 60 of them, "
        f"and its own quality at its best step: {told}. Quality is the loss on digits that no network saw; other "
        "measures of quality were not taken.",
    )


memory_fades_alone = Question(
    _recipes,
    (
        Criterion(
            "holds",
            f"memory clearly fades, by {_CLEAR:g} of a copy's gap, with some recipe, and with none of these the loss "
            "on fresh digits clearly falls",
            lambda e: bool(_faded(e)) and not any(recipe.gains.above(0) for recipe in _faded(e)),
        ),
        Criterion(
            "holds with a correction",
            "with one of these the loss clearly does not fall, and with another it clearly does: it depends on how "
            "memory was made to fade",
            lambda e: (
                any(recipe.gains.below(0) for recipe in _faded(e))
                and any(recipe.gains.above(0) for recipe in _faded(e))
            ),
        ),
        Criterion(
            "fails",
            "with each of these the loss clearly falls, or with no recipe memory clearly fades",
            lambda e: all(recipe.gains.above(0) for recipe in _faded(e)),
        ),
    ),
    _say,
)
