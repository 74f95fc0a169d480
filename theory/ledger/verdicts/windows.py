"""Why networks do not copy, by windows or by the law of the pictures: `results/sensitivity` on two theories."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd

from memgen.figures.windows.networks import predicted, ratios, together
from memgen.runs.store import load
from memgen.statistics import Estimate, median
from theory.ledger.ruling import Criterion, Question, Range

_SAID, _HALF = 0.9, 0.5  # squared correlations; Kamb and Ganguli print 0.94 to 0.96


class Made(NamedTuple):
    """Squared correlations with what networks make, pixel by pixel: medians over pictures, of the worst of the sets."""

    windows: Range  # of the posterior mean over windows, at each noise the nearest to a U-Net without attention
    attention: Range  # the same of U-Nets with attention
    over_linear: Range  # windows less the linear denoiser, picture by picture, U-Nets without attention
    over_exact: Range  # windows less the exact score


def _made() -> Made:
    found = predicted(load("sensitivity")[0])
    plain = found[found.network == "convolutions"]
    return Made(
        _worst(plain, lambda one: one["windows"]),
        _worst(found[found.network == "unet"], lambda one: one["windows"]),
        _worst(plain, lambda one: one["windows"] - one["linear"]),
        _worst(plain, lambda one: one["windows"] - one["exact score"]),
    )


def _worst(found: pd.DataFrame, score: Callable[[pd.DataFrame], pd.Series]) -> Range:
    """The least of the sets' medians."""
    return min(Range(*median(score(one))) for _, one in found.groupby("pictures"))


def _say_made(found: Made) -> tuple[str, str]:
    return (
        "Windows say most of it; no more than the linear denoiser.",
        f"Pixel by pixel, the median squared correlation with what U-Nets without attention make is "
        f"{found.windows.told()} on the worse of two sets, and {found.attention.told()} with attention. Windows less "
        f"the exact score: {found.over_exact.told()}; less the best linear denoiser: {found.over_linear.told()}. "
        "Kamb and Ganguli print 0.94 to 0.96, for networks trained on whole data sets.",
    )


what_networks_make = Question(
    _made,
    (
        Criterion(
            "holds",
            f"the median squared correlation is clearly above {_SAID:g} on both sets, windows are clearly nearer than "
            "the exact score, and the linear denoiser is not clearly nearer than they are",
            lambda e: e.windows.above(_SAID) and e.over_exact.above(0) and not e.over_linear.below(0),
        ),
        Criterion(
            "holds with a correction",
            f"it is clearly above {_HALF:g} on both, and windows are clearly nearer than the exact score",
            lambda e: e.windows.above(_HALF) and e.over_exact.above(0),
        ),
        Criterion(
            "fails",
            f"it is clearly below {_HALF:g} on one of them, or the exact score is clearly nearer",
            lambda e: e.windows.below(_HALF) or e.over_exact.below(0),
        ),
    ),
    _say_made,
)


class Looked(NamedTuple):
    """How far the other pixels are that networks look at, over those of the best linear denoiser, at noises at which
    they are better than it: geometric means over noises and sets."""

    perceptron: Range
    unet: Range
    convolutions: Range
    scrambled: Range  # U-Nets with attention that see all pixels in another order, in the pictures' own places
    scrambled_convolutions: Range
    seen: Range  # the last, in the places where they see them
    sets: tuple[Range, ...]  # perceptrons, set by set


def _looked() -> Looked:
    found = ratios(load("sensitivity")[0])

    def ratio(network: str, shown: str = "once", measure: str = "looked") -> Range:
        return _factor(together(found.xs((network, shown, measure), level=(1, 2, 3))))

    return Looked(
        ratio("perceptron"),
        ratio("unet"),
        ratio("convolutions"),
        ratio("unet", "scrambled"),
        ratio("convolutions", "scrambled"),
        ratio("convolutions", "scrambled", "grid"),
        tuple(_factor(one) for one in found.xs(("perceptron", "once", "looked"), level=(1, 2, 3))),
    )


def _factor(log: Estimate) -> Range:
    return Range(*np.exp(Range.of(log)).tolist())


def _say_looked(found: Looked) -> tuple[str, str]:
    each = " and ".join(one.told() for one in found.sets)
    return (
        "U-Nets look as far; perceptrons, and scrambled pixels, do not.",
        f"By squared derivatives, the other pixels that a U-Net looks at are {found.unet.told()} times as far as those "
        f"of the linear denoiser of the same pictures, and without attention {found.convolutions.told()} times. "
        f"Perceptrons, which know no places: {each} times, by set. U-Nets on scrambled pixels should find the places "
        f"of the pictures, and look {found.scrambled.told()} times as far there; without attention "
        f"{found.scrambled_convolutions.told()}, and {found.seen.told()} where they see the pixels. "
        "So the law of the pictures says how far, and the architecture that it is not farther.",
    )


from_the_pictures = Question(
    _looked,
    (
        Criterion(
            "holds",
            "pixels are clearly within a factor 1.25 as far as those of the linear denoiser, in perceptrons, in U-Nets "
            "with and without attention, and in both where pixels are scrambled",
            lambda e: all(of.within(1 / 1.25, 1.25) for of in e[:5]),
        ),
        Criterion(
            "holds with a correction",
            "so in perceptrons, which know no places, within a factor 1.5, and a U-Net on scrambled pixels clearly "
            "looks nearer in the pictures than where it sees them; or not all are within 1.25",
            lambda e: e.perceptron.within(1 / 1.5, 1.5) and e.scrambled_convolutions.high < e.seen.low,
        ),
        Criterion(
            "fails",
            "in perceptrons they are clearly more than 1.5 times as far; or U-Nets on scrambled pixels clearly look no "
            "nearer in the pictures than where they see them",
            lambda e: e.perceptron.above(1.5) or e.seen.high < e.scrambled_convolutions.low,
        ),
    ),
    _say_looked,
)
