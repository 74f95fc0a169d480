"""Why networks do not copy, by windows or by the law of the pictures: `results/sensitivity` on two theories."""

from typing import NamedTuple

import pandas as pd

from memgen.figures.windows.networks import MEAN, lost, medians, places, predicted
from memgen.runs.store import load
from theory.ledger.ruling import Criterion, Question, Range

_SAID, _HALF = 0.9, 0.5  # squared correlations; Kamb and Ganguli print 0.94 to 0.96
_NEAR = 0.25  # on the scale from the linear denoiser, 0, to all pixels alike, 1


class Made(NamedTuple):
    """Squared correlations of predictions with what networks make, pixel by pixel: medians over pictures, of the worse
    of the sets."""

    windows: Range  # of the posterior mean over windows, at each noise the nearest to a U-Net without attention
    attention: Range  # the same of U-Nets with attention
    over_exact: Range  # windows less the exact score, picture by picture, U-Nets without attention
    over_mean: Range  # windows less the mean of training pictures
    over_linear: Range  # windows less the linear denoiser


def _made() -> Made:
    found = predicted(load("sensitivity")[0])

    def worst(network: str, less: str | None = None) -> Range:
        return min(Range.of(one) for one in medians(found, less)["windows"].xs(network, level=1))

    plain = (worst("convolutions", name) for name in ("exact score", MEAN, "linear"))
    return Made(worst("convolutions"), worst("unet"), *plain)


def _say_made(found: Made) -> tuple[str, str]:
    return (
        f"Squared correlation {found.windows.value:.2f}; less the linear denoiser's: {found.over_linear.value:z.2f}.",
        "Pixel by pixel, the median squared correlation of windows with what U-Nets without attention make is "
        f"{found.windows.told()} on the worse of two sets, and {found.attention.told()} with attention. Windows less "
        f"the exact score: {found.over_exact.told()}; less the mean picture: {found.over_mean.told()}; less the best "
        f"linear denoiser: {found.over_linear.told()}. Intervals are over two networks a set, scatter pooled. Kamb and "
        "Ganguli print 0.94 to 0.96 for the best of their machines, one of which takes windows from all places.",
    )


what_networks_make = Question(
    _made,
    (
        Criterion(
            "holds",
            f"the median squared correlation is clearly above {_SAID:g} on both sets, windows are clearly nearer than "
            "the exact score and the mean picture, and the linear denoiser is not clearly nearer than they are",
            lambda e: (
                e.windows.above(_SAID) and e.over_exact.above(0) and e.over_mean.above(0) and not e.over_linear.below(0)
            ),
        ),
        Criterion(
            "holds with a correction",
            f"it is clearly above {_HALF:g} on both, and windows are clearly nearer than the exact score and the mean "
            "picture",
            lambda e: e.windows.above(_HALF) and e.over_exact.above(0) and e.over_mean.above(0),
        ),
        Criterion(
            "fails",
            f"it is clearly below {_HALF:g} on one of them, or the exact score or the mean picture is clearly nearer",
            lambda e: e.windows.below(_HALF) or e.over_exact.below(0) or e.over_mean.below(0),
        ),
    ),
    _say_made,
)


class Looked(NamedTuple):
    """How far away the pixels are that networks use, set by set, on a logarithmic scale: 0 for those of the linear
    denoiser, 1 for all pixels alike; over noises at which networks are better than that denoiser."""

    perceptron: tuple[Range, ...]
    unet: tuple[Range, ...]
    convolutions: tuple[Range, ...]
    scrambled: tuple[Range, ...]  # U-Nets that see all pixels in another order, in the pictures' own places
    scrambled_convolutions: tuple[Range, ...]
    seen: tuple[Range, ...]  # the last, in the places where they see them
    lost: tuple[float, ...]  # the last's loss up to noise 1, over that of the same networks on pixels in place


def _looked() -> Looked:
    stored = load("sensitivity")[0]
    there, seen, quiet = places(stored), places(stored, "grid"), lost(stored).quiet.unstack((1, 2))

    def of(table: pd.Series, network: str, shown: str) -> tuple[Range, ...]:
        return tuple(Range.of(one) for one in table.xs((network, shown), level=(1, 2)))

    return Looked(
        of(there, "perceptron", "once"),
        of(there, "unet", "once"),
        of(there, "convolutions", "once"),
        of(there, "unet", "scrambled"),
        of(there, "convolutions", "scrambled"),
        of(seen, "convolutions", "scrambled"),
        tuple((quiet["convolutions", "scrambled"] / quiet["convolutions", "once"]).tolist()),
    )


def _told(sets: tuple[Range, ...]) -> str:
    return " and ".join(one.told() for one in sets)


def _say_looked(found: Looked) -> tuple[str, str]:
    perceptrons = ", ".join(f"{one.value:.2f}" for one in found.perceptron)
    more = " and ".join(f"{of:.1f}" for of in found.lost)
    return (
        f"From linear (0) to anywhere (1): perceptrons {perceptrons}.",
        "By squared derivatives at other pixels, from the linear denoiser of the same pictures (0) to all pixels alike "
        "(1), on digits and MNIST, at noises at which the network loses less and the linear one is local: "
        f"U-Nets {_told(found.unet)}, without attention {_told(found.convolutions)}; "
        f"perceptrons, which know no places, {_told(found.perceptron)}. U-Nets on scrambled pixels should find the "
        f"places of the pictures: {_told(found.scrambled)}, without attention {_told(found.scrambled_convolutions)}, "
        f"{_told(found.seen)} where they see the pixels. They lose {more} times as "
        "much as in place. The law of the pictures is more than its covariance: a denoiser that knew it might look "
        "farther than the linear one; but these networks saw the same pictures, and differ.",
    )


from_the_pictures = Question(
    _looked,
    (
        Criterion(
            "holds",
            "from the linear denoiser to all pixels alike, on both sets all networks, on scrambled pixels too, clearly "
            "stand within a quarter of the former",
            lambda e: all(one.within(-_NEAR, _NEAR) for of in e[:5] for one in of),
        ),
        Criterion(
            "holds with a correction",
            "on both sets perceptrons, and U-Nets on scrambled pixels, clearly stand nearer to the former than to the "
            "latter",
            lambda e: all(
                one.below(_HALF) for of in (e.perceptron, e.scrambled, e.scrambled_convolutions) for one in of
            ),
        ),
        Criterion(
            "fails",
            "on one set perceptrons, and on one set U-Nets on scrambled pixels, clearly stand nearer to the latter",
            lambda e: (
                any(one.above(_HALF) for one in e.perceptron)
                and any(one.above(_HALF) for one in (*e.scrambled, *e.scrambled_convolutions))
            ),
        ),
    ),
    _say_looked,
)
