"""Effects of the recipes of chapter 14, on pictures of digits, on memory and on quality; chapter 13 rules on them."""

from typing import NamedTuple

from memgen.figures.your_model import FIXES, NAMES, best
from memgen.runs.store import load
from memgen.statistics import mean
from theory.ledger.ruling import Range


class Recipe(NamedTuple):
    """By how much a recipe has less memory, and more quality, than a network on few digits, both trained to the end."""

    name: str
    fades: Range  # share of a copy's loss gap
    gains: Range  # loss on fresh digits, that of the other network less its own, over the other's


def recipes() -> tuple[Recipe, ...]:
    """Every recipe of chapter 14, over shuffles of the digits."""
    rows, _ = load("your_model")
    found = best(rows)
    worst, made = found.loc["60 digits"], []
    for name in FIXES:
        own = found.loc[name]
        fades = mean((worst.last_share - own.last_share).to_numpy())
        gains = mean((1 - own.last_loss / worst.last_loss).to_numpy())
        made.append(Recipe(NAMES[name], Range.of(fades), Range.of(gains)))
    return tuple(made)
