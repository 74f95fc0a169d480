"""What pictures, and the networks of chapter 13 trained on them, say of claims on real data."""

from typing import NamedTuple

import numpy as np

from memgen.experiments.dimension import ALL
from memgen.figures.curves import together
from memgen.figures.dimension import felt, part
from memgen.figures.images.exposure import NAMES, RULES, rules
from memgen.figures.images.networks import LEVEL, of_perceptrons, routes
from memgen.laws.pictures import pictures
from memgen.runs.store import load
from memgen.statistics import Estimate
from theory.ledger.ruling import Criterion, Question, Range
from theory.ledger.verdicts.your_model import Recipe, recipes

_CLEAR = 0.1  # of a copy's loss gap
_NEAR = 1.25  # a factor by which a rule may miss the noise of the collapse
_FAR = 4.0  # n/d from which n counts as much larger than d


# -- R1.1 ------------------------------------------------------------------------------------------------------------


class Ways(NamedTuple):
    """Every way in which memory was reduced: recipes of chapter 14, routes of chapter 13 (over sets of pictures).

    Gains are those of the loss on fresh pictures; `fidelity` those of the Fréchet distance, of the routes alone.
    """

    all: tuple[Recipe, ...]
    fidelity: tuple[Range, ...]


def _ways() -> Ways:
    found = routes(load("images")[0])
    made = tuple(Recipe(one.name, Range.of(one.fades), _gain(one.loss)) for one in found)
    return Ways((*recipes(), *made), tuple(Range.of(one.frechet._replace(value=-one.frechet.value)) for one in found))


def _gain(log_loss: Estimate) -> Range:
    """The relative decrease of the loss, from the change of its logarithm."""
    value, low, high = Range.of(log_loss)
    return Range(*(float(-np.expm1(end)) for end in (value, high, low)))


def _faded(found: Ways) -> list[Recipe]:
    return [way for way in found.all if way.fades.above(_CLEAR)]


def _say_ways(found: Ways) -> tuple[str, str]:
    faded = _faded(found)
    better = [way.name for way in faded if way.gains.above(0)]
    worse = [way.name for way in faded if way.gains.below(0)]
    told = "; ".join(f"{way.name}: memory −{way.fades.told()}, quality {way.gains.value:+.0%}" for way in found.all)
    fidelity = "; ".join(
        f"{way.name} {gain.told()}" for way, gain in zip(found.all[-len(found.fidelity) :], found.fidelity, strict=True)
    )
    return (
        f"Memory fades in {len(faded)} ways; in {len(better)} quality rises.",
        f"Quality is the loss on fresh pictures. It rises with: {', '.join(better) or 'none'}. It falls with: "
        f"{', '.join(worse) or 'none'}. All: {told}. The first {len(found.all) - len(found.fidelity)} are networks on "
        "handwritten digits of 8×8 pixels, against one on 60, all at the end of their training; the others are means "
        f"over the sets of chapter 13, against 50 pictures to the end. "
        f"Of these, −ln of the Fréchet distance² changes by: {fidelity}.",
    )


memory_fades_alone = Question(
    _ways,
    (
        Criterion(
            "holds",
            f"memory clearly fades, by {_CLEAR:g} of a copy's gap, in some way, and in none of these the loss on fresh "
            "pictures clearly falls",
            lambda e: bool(_faded(e)) and not any(way.gains.above(0) for way in _faded(e)),
        ),
        Criterion(
            "holds with a correction",
            "in one of these the loss clearly does not fall, and in another it clearly does: it depends on how memory "
            "was made to fade",
            lambda e: any(way.gains.below(0) for way in _faded(e)) and any(way.gains.above(0) for way in _faded(e)),
        ),
        Criterion(
            "fails",
            "in each of these the loss clearly falls, or in no way memory clearly fades",
            lambda e: all(way.gains.above(0) for way in _faded(e)),
        ),
    ),
    _say_ways,
)


# -- R3.1 ------------------------------------------------------------------------------------------------------------


class Predicted(NamedTuple):
    """Predictions over measurements: the noise of the collapse by each of RULES, by set; and the dimension that counts
    for linear denoisers on digits, with one noise for each picture and with all, over the ambient one."""

    ambient: tuple[Range, ...]
    intrinsic: tuple[Range, ...]
    spectrum: tuple[Range, ...]
    contrast: tuple[Range, ...]
    one_noise: Range
    all_noises: Range


def _predicted() -> Predicted:
    found = rules(load("exposure")[0])
    ambient, intrinsic, spectrum, contrast = (tuple(Range.of(one.ratios[rule]) for one in found) for rule in RULES)
    digits = part(load("dimension")[0], "pictures", "digits")
    counts, d = felt(digits), float(digits["d"].iloc[0])
    one, every = (Range.of(counts[m]).over(d) for m in (1, ALL))
    return Predicted(ambient, intrinsic, spectrum, contrast, one, every)


def _near(ratios: tuple[Range, ...]) -> bool:
    return all(ratio.within(1 / _NEAR, _NEAR) for ratio in ratios)


def _misses(ratios: tuple[Range, ...]) -> bool:
    return any(ratio.above(_NEAR) or ratio.below(1 / _NEAR) for ratio in ratios)


def _say_predicted(found: Predicted) -> tuple[str, str]:
    worst = {
        rule: max(np.exp(abs(np.log(r.value))) for r in ratios) for rule, ratios in zip(RULES, found[:4], strict=True)
    }
    told = ", ".join(f"{rule} up to a factor {factor:.2f}" for rule, factor in worst.items())
    return (
        "Neither: spectrum and contrast set the exact score's collapse.",
        f"On {len(found.ambient)} sets of pictures of 64 to 1024 pixels the rules miss the noise at which the exact "
        f"score holds half of the training set: {told}. For linear denoisers the number of noises decides: n times the "
        f"excess of their error on digits is {found.one_noise.told()} of the ambient dimension with one noise for each "
        f"picture, and {found.all_noises.told()} with all (chapter 12).",
    )


which_dimension = Question(
    _predicted,
    (
        Criterion(
            "holds",
            f"the intrinsic dimension alone predicts the collapse within a factor {_NEAR:g} on every set of pictures, "
            "and a linear denoiser with one noise a picture counts less than half of the ambient one",
            lambda e: _near(e.intrinsic) and e.one_noise.below(0.5),
        ),
        Criterion(
            "fails",
            f"the ambient dimension alone predicts it within {_NEAR:g} on every set, and a linear denoiser with all "
            "noises counts more than half of it",
            lambda e: _near(e.ambient) and e.all_noises.above(0.5),
        ),
        Criterion(
            "holds with a correction",
            f"both clearly miss by more than {_NEAR:g} on some set, spectrum and contrast do not, on any, and the "
            "number of noises decides which one a linear denoiser counts",
            lambda e: (
                _misses(e.ambient)
                and _misses(e.intrinsic)
                and not _misses(e.contrast)
                and e.one_noise.above(0.5)
                and e.all_noises.below(0.5)
            ),
        ),
    ),
    _say_predicted,
)


# -- R3.2 ------------------------------------------------------------------------------------------------------------


class Memorized(NamedTuple):
    """What perceptrons memorize: by set and size, its name, n/d and the share of a copy's loss gap at the end, with 95%
    for all of these together; and, at equal n and d, the share on digits less that on patches of photographs, a mean
    over sizes."""

    far: tuple[tuple[str, float, Range], ...]
    digits_less_patches: Range


def _memorized() -> Memorized:
    rows, _ = load("images")
    shares = []
    for name, word in NAMES.items():
        d = pictures(name).values.shape[1]
        shares += [(word, n / d, share) for n, share in of_perceptrons(rows, name).items() if n >= _FAR * d]
    level = 1 - 0.05 / len(shares)
    far = [(word, ratio, Range(share.value, *share.interval(level))) for word, ratio, share in shares]
    digits, patches = (of_perceptrons(rows, name) for name in ("digits", "patches8"))
    sizes = digits.index.intersection(patches.index)
    one, other = together(digits[sizes]), together(patches[sizes])
    error, freedom = float(np.hypot(one.error, other.error)), min(one.freedom, other.freedom)
    return Memorized(tuple(far), Range.of(Estimate(one.value - other.value, error, freedom)))


def _say_memorized(found: Memorized) -> tuple[str, str]:
    name, ratio, most = max(found.far, key=lambda one: one[2].low)
    some, much = (sum(share.above(bound) for *_, share in found.far) for bound in (0, _CLEAR))
    return (
        f"n ≥ 4d: memory in {some} of {len(found.far)}; complexity counts.",
        f"Perceptrons saw at least {_FAR:g}d pictures in {len(found.far)} cases (sets and sizes). In {some} they "
        f"clearly remember something, in {much} clearly more than {_CLEAR:g} of a copy's loss gap at noise {LEVEL:g} "
        f"(95% for all cases together); most surely {name} at n/d = {ratio:.1f}, {most.value:.2f} ({most.low:.2f} to "
        f"{most.high:.2f}). At equal n and 64 pixels, the share on digits less that on patches of photographs is "
        f"{found.digits_less_patches.told()}, a mean over n: the same n and d, other pictures. The exact score holds "
        "pictures at any n, at noise that falls with n (chapter 13).",
    )


complexity = Question(
    _memorized,
    (
        Criterion(
            "holds",
            f"a network with n ≥ {_FAR:g}d is clearly more than {_CLEAR:g} of the way to a copy (95% for all such "
            "together), and at equal n and d two sets of pictures clearly differ",
            lambda e: (
                any(share.above(_CLEAR) for *_, share in e.far)
                and (e.digits_less_patches.above(0) or e.digits_less_patches.below(0))
            ),
        ),
        Criterion(
            "holds with a correction",
            "at equal n and d two sets clearly differ, but no network that was trained here clearly is at such n",
            lambda e: e.digits_less_patches.above(0) or e.digits_less_patches.below(0),
        ),
        Criterion(
            "fails",
            f"at equal n and d the sets are the same to {_CLEAR:g}",
            lambda e: e.digits_less_patches.within(-_CLEAR, _CLEAR),
        ),
    ),
    _say_memorized,
)
