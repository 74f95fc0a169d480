"""The prediction in words: what follows for this n, and what would change it."""

from collections.abc import Iterator, Sequence

from memgen.predict.criteria import Criterion
from memgen.predict.information import Width
from memgen.predict.levels import Collapse, Level
from memgen.predict.training import Training


def words(
    n: int,
    collapse: Collapse | None,
    levels: Sequence[Level],
    asked: bool,
    criteria: Sequence[Criterion],
    training: Training,
    augmentation: int,
) -> Iterator[str]:
    """Three to six sentences, the answer first; `asked`: the noise levels are those that were asked about."""
    if collapse is None:
        yield "One point is all that a model could learn from: at every noise the exact score takes samples to it."
    else:
        yield f"With n = {n}{_times(augmentation)} {_collapses(collapse)}."
        yield _agreement(collapse)
    yield from _between(n, criteria)
    if asked:
        yield from _final(levels[-1])
    yield training.words[0] + _placed(training)
    if collapse is not None:
        yield from _change(collapse, criteria)


def _times(augmentation: int) -> str:
    return f", each point in {augmentation} images (n·|G| for n: expected of the exact score only)," if augmentation > 1 else ""


def _collapses(collapse: Collapse) -> str:
    width = collapse.gaussian
    if width.sigma is None:
        return (
            "the exact score would take samples to single training points only at noise that so few rows tell nothing of"
            f" (by their own spectrum, uncorrected: below σ = {collapse.plug_in:.3g})"
        )
    return (
        "a model that learnt the exact score would take samples to single training points at noise below "
        f"σ = {width.sigma:.4g}{_range(width)}, for a Gaussian law with this covariance"
    )


def _range(width: Width) -> str:
    if width.low is None or width.high is None:
        return " (the 95% interval has no end within a factor 4)"
    return f" (95% from {width.low:.4g} to {width.high:.4g})"


def _agreement(collapse: Collapse) -> str:
    one, other = collapse.gaussian, collapse.denoised
    if other.sigma is None:
        return "The error of denoisers at held-out rows does not reach that information, so there is no second estimate."
    middle = f"By the error of denoisers at held-out rows it is σ = {other.sigma:.4g}{_range(other)}"
    bounds = "both are upper bounds, so that the lower one counts"
    if one.sigma is None or one.low is None or one.high is None or other.low is None or other.high is None:
        return f"{middle}; {bounds}."
    if other.high < one.low:
        return f"{middle}, lower: the data have structure beyond their covariance; {bounds}."
    if other.low > one.high:
        return f"{middle}, higher: the denoisers, fitted on fewer rows, are not good enough to tell; {bounds}."
    return f"{middle}: the two agree; {bounds}."


def _between(n: int, criteria: Sequence[Criterion]) -> Iterator[str]:
    known = [one for one in criteria if one.n_star is not None]
    met, open_ = [one for one in known if one.met], [one for one in known if not one.met]
    if met and open_:
        yield (
            f"A linear denoiser would have stopped memorizing by {len(met)} of {len(known)} criteria, the last "
            f"{met[-1].name} (n* = {met[-1].n_star:.3g}), and not yet by {open_[0].name} (n* = {open_[0].n_star:.3g})."
        )
    elif met:
        yield f"A linear denoiser would have stopped memorizing by all {len(known)} criteria that have a formula."
    elif open_:
        yield (
            f"A linear denoiser would memorize by all {len(known)} criteria that have a formula; "
            f"the first to turn is {open_[0].name} (n* = {open_[0].n_star:.3g})."
        )


def _final(level: Level) -> Iterator[str]:
    if level.n_star is not None:
        state = "collapsed" if level.collapsed else "not collapsed"
        yield f"At σ = {level.sigma:.3g} the exact score is {state}: it is for fewer than {level.n_star:.3g} points."


def _placed(training: Training) -> str:
    where = {"before": "before that range", "within": "within that range", "beyond": "beyond that range"}
    return f" The steps asked about end {where[training.place]}." if training.place else ""


def _change(collapse: Collapse, criteria: Sequence[Criterion]) -> Iterator[str]:
    left = [one for one in criteria if one.n_star is not None and not one.met]
    more = f"more points (n = {left[0].n_star:.3g} for {left[0].name})" if left else "more points"
    sentence = f"What would change it: {more}, fewer gradient steps, a smaller or slower model"
    if collapse.tenfold is not None and collapse.gaussian.sigma is not None:
        sentence += f"; ten times the points would move the collapse to σ = {collapse.tenfold:.3g} only"
    yield sentence + "."
