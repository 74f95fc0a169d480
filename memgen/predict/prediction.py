"""The prediction as a whole: input checked, parts computed in stages, answer written."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from memgen.arrays import array, count
from memgen.arrays import shown as written
from memgen.plain import plain
from memgen.predict.criteria import Criterion, criteria
from memgen.predict.denoising import HELD_OUT, TRAINED
from memgen.predict.dimension import ROWS, Dimension, dimensions, disagreement
from memgen.predict.exposed import OTHERS, Exposed, exposed
from memgen.predict.information import Gaussian
from memgen.predict.levels import Collapse, Level, levels
from memgen.predict.rows import Rows, checked, part, threads
from memgen.predict.spectrum import Covariance, Spectrum, affordable
from memgen.predict.training import Training, training
from memgen.predict.words import words
from memgen.streams import stream

_UNEQUAL = 0.7  # the least `typical_square` without a note that rows differ in size


@dataclass(frozen=True)
class Moment:
    """A time t of the forward process of noise scale 1, and its noise σ, σ² = e^{2t} − 1, in units of the data."""

    time: float
    sigma: float


@dataclass(frozen=True)
class Prediction:
    """What `predict` found. Lengths and noises are in units of the data; a time t counts them as they are given.

    answer      the first of `words`: in which regime n is
    words       three to six sentences
    rows, dimension, n, augmentation    what was given; n is the number of distinct rows unless said
    spectrum    eigenvalues of the sample covariance, rank, total, participation ratio
    dimensions  two estimates of the intrinsic dimension
    levels      information against ln n, at falling noise
    collapse    where the exact score of n points collapses; None for one point
    relaxation, speciation    t_R = ½ ln(1 + λ) and t_S = ½ ln λ (0 for λ ≤ 1) of the largest eigenvalue λ
    criteria    where each criterion of chapter 6 turns for a linear denoiser
    exposed     the rows that the exact score of the given rows takes samples to first, as the noise falls
    training    steps to memorization
    notes       what was left out, sampled or not found, one line each
    """

    answer: str
    words: tuple[str, ...]
    rows: int
    dimension: int
    n: int
    augmentation: int
    spectrum: Spectrum
    dimensions: tuple[Dimension, ...]
    levels: tuple[Level, ...]
    collapse: Collapse | None
    relaxation: Moment
    speciation: Moment
    criteria: tuple[Criterion, ...]
    exposed: tuple[Exposed, ...]
    training: Training
    notes: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain numbers, text, lists and dictionaries; None for what is not finite."""
        document: dict[str, Any] = plain(asdict(self))
        return document


def predict(
    x: Any,
    *,
    n: int | None = None,
    sigma: float | Sequence[float] | None = None,
    batch: int | None = None,
    steps: int | None = None,
    parameters: int | None = None,
    augmentation: int = 1,
    seed: int = 0,
    progress: Callable[[Iterable[Any]], Iterable[Any]] | None = None,
) -> Prediction:
    """Predict how n points like the rows x (rows, d) are memorized; at least ten of the rows must be distinct.

        n             size of the training set asked about; the distinct rows of x unless said
        sigma         noise levels to report, in units of the data; twenty or more around the collapse unless said
        batch, steps, parameters    of a training, which is then compared with those measured
        augmentation  |G|: in how many versions (flips, shifts, …) each point is shown
        seed          of the random choice of rows, and of the noise
        progress      wraps the list of stages, each a name and a function, like tqdm

    Raises ValueError, in one line, on rows that cannot be used and on numbers out of range.
    """
    numbers = {"n": n, "batch": batch, "steps": steps, "parameters": parameters, "augmentation": augmentation}
    for name, value in numbers.items():
        if value is not None and not 1 <= count(name, value, -(2**70), 2**70) < 1e18:
            raise ValueError(f"{name} = {value} is out of range: 1 or more")
    seed, augmentation = count("seed", seed, 0), count("augmentation", augmentation)
    n, batch, steps, parameters = (v if v is None else int(v) for v in (n, batch, steps, parameters))
    wanted = np.unique(np.atleast_1d(array("sigma", () if sigma is None else sigma).astype(float)))
    if not (np.isfinite(wanted).all() and (wanted > 0).all()):
        raise ValueError(f"sigma = {written(sigma)} is out of range: positive and finite")
    rows = checked(x)
    size = len(rows.values) if n is None else n
    found: dict[str, Any] = {}
    stages = _stages(rows, size, wanted, augmentation, seed, found, (batch, steps, parameters))
    for name, stage in stages if progress is None else progress(stages):
        with threadpool_limits(threads(rows.values)):
            found[name] = stage()
    spectrum = found["spectrum"].covariance.spectrum
    shown, collapse = found["levels"]
    relaxation, speciation = _times(float(spectrum.eigenvalues[0]))
    sentences = tuple(words(size, collapse, shown, wanted.size > 0, found["criteria"], found["training"], augmentation))
    place = [int(number) for number in rows.numbers]
    return Prediction(
        answer=sentences[0],
        words=sentences,
        rows=len(x),
        dimension=rows.values.shape[1],
        n=size,
        augmentation=augmentation,
        spectrum=spectrum,
        dimensions=found["dimensions"],
        levels=shown,
        collapse=collapse,
        relaxation=relaxation,
        speciation=speciation,
        criteria=found["criteria"],
        exposed=tuple(replace(one, row=place[one.row], nearest=place[one.nearest]) for one in found["exposed"]),
        training=found["training"],
        notes=tuple(_notes(rows, size, found)),
    )


def _stages(
    rows: Rows,
    n: int,
    wanted: np.ndarray,
    augmentation: int,
    seed: int,
    found: dict[str, Any],
    asked: tuple[int | None, int | None, int | None],
) -> list[tuple[str, Callable[[], Any]]]:
    """Names and functions, in their order; each may use what those before it found."""
    x = rows.values

    def rng(name: str) -> np.random.Generator:
        return stream(seed, "predict", name)

    log_n = float(np.log(n) + np.log(augmentation))
    return [
        ("spectrum", lambda: Gaussian(Covariance(affordable(x, rng("spectrum"))))),
        ("levels", lambda: levels(x, found["spectrum"], log_n, wanted, rng("levels"))),
        ("dimensions", lambda: dimensions(x, rng("dimensions"))),
        ("exposed", lambda: exposed(x, rng("exposed"))),
        ("criteria", lambda: criteria(found["spectrum"].covariance.spectrum, found["spectrum"].rows, n)),
        ("training", lambda: training(n, *asked)),
    ]


def _times(top: float) -> tuple[Moment, Moment]:
    from theory.mixture import speciation_time
    from theory.relaxation import relaxation_time

    times = (float(relaxation_time([top])), float(speciation_time(top)))
    relaxation, speciation = (Moment(t, float(np.sqrt(np.expm1(2 * t)))) for t in times)
    return relaxation, speciation


def _notes(rows: Rows, n: int, found: dict[str, Any]) -> Iterable[str]:
    gaussian, (count, d) = found["spectrum"], rows.values.shape
    yield from rows.notes
    if gaussian.covariance.spectrum.constant:
        yield f"{gaussian.covariance.spectrum.constant} features do not vary"
    if gaussian.rows < count:
        yield f"spectrum: of {gaussian.rows} rows, chosen at random"
    if gaussian.least > 0:
        least = f"below σ = {gaussian.least:.3g} {gaussian.rows} rows tell nothing of the Gaussian information"
        yield f"{least}; more than {d} would"
    if (typical := gaussian.covariance.typical_square()) < _UNEQUAL:
        yield (
            f"rows differ in size: beyond the first axis their median square is {typical:.0%} of a Gaussian law's; the "
            "information is a mean over rows, in which large ones count most, and half of the rows collapse only at "
            "less noise than is said (chapter 13: patches of photographs, which differ in contrast)"
        )
    x = rows.values
    if count > part(x, TRAINED) + part(x, HELD_OUT):
        held, trained = min(part(x, HELD_OUT), count // 5), part(x, TRAINED)
        yield f"held-out error: at {held} rows, chosen at random, the denoiser of points with {trained} others"
    if count > part(x, ROWS):
        yield f"intrinsic dimension: of {part(x, ROWS)} rows, chosen at random; it depends on how dense the rows are"
    yield from disagreement(found["dimensions"])
    if count > OTHERS:
        yield f"exposed rows: ranked against {OTHERS} others, chosen at random, the first of them against all"
    if n != count:
        yield f"exposed rows are those of the {count} given, not of n = {n}"
    yield "criteria: of a linear denoiser sampled in many steps; networks that copy turn later (chapter 6)"
