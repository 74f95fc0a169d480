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
        yield f"With n = {_count(n)}{_times(augmentation)} {_collapses(collapse)}."
        yield _agreement(collapse)
    yield from _between(n, criteria)
    if asked:
        yield from _final(levels[-1])
    yield training.words[0] + _placed(training)
    if collapse is not None:
        yield from _change(collapse, criteria)


def _times(augmentation: int) -> str:
    """Words for n·|G| points in place of n, right for the exact score: measured with sign flips
    (tests/test_predict.py)."""
    if augmentation == 1:
        return ""
    return (
        f" points in {augmentation} images each, which count as {augmentation} times the points where they are as far "
        "from one another as points are, and for less where they are close,"
    )


def _collapses(collapse: Collapse) -> str:
    width = collapse.gaussian
    if width.sigma is None:
        return (
            "the exact score would take samples to single training points, at noise of which so few rows tell nothing"
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
        return (
            "The error of denoisers at held-out rows does not reach that information, so there is no second estimate."
        )
    middle = f"By the error of denoisers at held-out rows it is σ = {other.sigma:.4g}{_range(other)}"
    bounds = "both are upper bounds, but for a tenth or so with few rows, and the lower one counts"
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
            f"{_named(met[-1])}, and not yet by {_named(open_[0])}."
        )
    elif met:
        yield f"A linear denoiser would have stopped memorizing by all {len(known)} criteria that have a formula."
    elif open_:
        yield (
            f"A linear denoiser would memorize by all {len(known)} criteria that have a formula; "
            f"the first to turn is {_named(open_[0])}."
        )


def _named(criterion: Criterion) -> str:
    return f"{criterion.label}, n* = {_count(criterion.n_star)}"


def _count(n: float | None) -> str:
    return "unknown" if n is None else f"{n:,.0f}" if n < 1e7 else f"{n:.3g}"


def _final(level: Level) -> Iterator[str]:
    if level.n_star is not None:
        state = "collapsed" if level.collapsed else "not collapsed"
        most = _count(level.n_star)
        yield f"At σ = {level.sigma:.3g} the exact score is {state}: it is for any fewer than {most} points."


def _placed(training: Training) -> str:
    where = {"before": "before that range", "within": "within that range", "beyond": "beyond that range"}
    return f" The steps asked about end {where[training.place]}." if training.place else ""


def _change(collapse: Collapse, criteria: Sequence[Criterion]) -> Iterator[str]:
    left = [one for one in criteria if one.n_star is not None and not one.met]
    more = f"more points (beyond {_count(left[0].n_star)}, {left[0].label} would be met)" if left else "more points"
    sentence = f"What would change it: {more}, fewer gradient steps, a smaller or slower model"
    if collapse.tenfold is not None and collapse.gaussian.sigma is not None:
        sentence += f"; ten times the points would move the collapse to σ = {collapse.tenfold:.3g} only"
    yield sentence + "."
