"""What anisotropic data and mixtures change, and how much of it the spectrum knows."""

from typing import NamedTuple

import pandas as pd

from memgen.experiments.dimension import ALL, PICTURES, TAU
from memgen.figures.dimension import by_moments, by_spectrum, felt, mixed, part
from memgen.runs.store import load
from memgen.statistics import mean
from theory.dimension import effective_dimension
from theory.ledger.ruling import Criterion, Question, Range
from theory.relaxation import mixture_negentropy

_NEAR = 1.25  # a prediction within this factor is right
_FAR = 4.0  # half the distance of the means of the mixture, in σ


class Anisotropic(NamedTuple):
    """Evidence on sets of pictures and on a mixture: measured values over several predictions.

    `white`, `spectrum`, `moments`: by set, the dimension that counts for linear denoisers that have seen all noises,
    over that of white data with as many dimensions and the same power, over that predicted by the spectrum, and over
    that predicted by fourth moments. `floor`: what a mixture of two Gaussians leaves of KL(O‖G) at the most points,
    over its negentropy.
    """

    sets: tuple[str, ...]
    white: tuple[Range, ...]
    spectrum: tuple[Range, ...]
    moments: tuple[Range, ...]
    floor: Range
    floor_nats: float  # the same, in nats
    rest: float  # of KL(O‖G), in nats, for a Gaussian of as many points


def _anisotropic() -> Anisotropic:
    return measured(load("dimension")[0])


def measured(rows: pd.DataFrame) -> Anisotropic:
    """The evidence in rows of the chapter's experiment, at its usual noise."""
    white, spectrum, moments = [], [], []
    for name in PICTURES:
        found = rows[(rows["part"] == "pictures") & (rows["at"] == name)]
        d = int(found["d"].iloc[0])
        seen = Range.of(felt(found)[ALL])
        white.append(seen.over(float(effective_dimension(ALL, TAU**2, [1.0] * d))))
        spectrum.append(seen.over(by_spectrum(name, ALL, d, d, TAU)))
        moments.append(seen.over(by_moments(name, TAU).at(ALL)))
    mixture = part(rows, "mixture", f"{_FAR:g}")
    n, d = int(mixture["n"].max()), int(mixture["d"].iloc[0])
    floor = float(mixture_negentropy(_FAR**2))
    rest = mixed(n, d, _FAR) - floor
    left = Range.of(mean(mixture[mixture["n"] == n]["value"] - rest))
    return Anisotropic(PICTURES, tuple(white), tuple(spectrum), tuple(moments), left.over(floor), left.value, rest)


def _say(found: Anisotropic) -> tuple[str, str]:
    told = "; ".join(
        f"{name}: {w.value:.2f}, {s.value:.2f}, {m.value:.2f}"
        for name, w, s, m in zip(found.sets, found.white, found.spectrum, found.moments, strict=True)
    )
    return (
        "It is; fourth moments mend the denoiser, negentropy the mixture.",
        "In many steps KL(G‖O) knows n and the rank alone, whatever the covariance. What a denoiser needs "
        "does not: n times the excess of its error, all noises seen, over that of white data of the same power, over "
        f"what the spectrum predicts, and over what the fourth moments predict, is {told}; where the first is near "
        "1, a small spread of variances and a large one of contrasts cancel. For two Gaussians at "
        f"±{_FAR:.0f} σ KL(O‖G) ends at a floor, {found.floor.told()} times the negentropy, to which learning the "
        f"covariance adds {found.rest:.2f} nats.",
    )


def _right(ratios: tuple[Range, ...]) -> bool:
    return all(1 / _NEAR < ratio.value < _NEAR for ratio in ratios)


def _misses(ratios: tuple[Range, ...]) -> bool:
    return any(ratio.above(_NEAR) or ratio.below(1 / _NEAR) for ratio in ratios)


isotropic_is_too_strong = Question(
    _anisotropic,
    (
        Criterion(
            "holds",
            f"white data clearly miss by more than {_NEAR:g} on some set, and what replaces them does too: the moments "
            "on some set, or the negentropy for the mixture",
            lambda e: _misses(e.white) and (_misses(e.moments) or _misses((e.floor,))),
        ),
        Criterion(
            "holds with a correction",
            f"white data clearly miss by more than {_NEAR:g} on some set, and the moments, and for the mixture the "
            "negentropy, are right within that factor",
            lambda e: _misses(e.white) and _right(e.moments) and _right((e.floor,)),
        ),
        Criterion(
            "fails",
            f"white data are right within {_NEAR:g} on every set, and the mixture's floor is less than what it costs "
            "to learn the covariance",
            lambda e: _right(e.white) and e.floor_nats < e.rest,
        ),
    ),
    _say,
)
