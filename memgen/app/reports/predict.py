"""A prediction as text, as JSON and as a page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from memgen.app.reports import page, predict_plots
from memgen.app.reports.page import aligned, listed, number
from memgen.predict import Prediction
from memgen.reading import Samples

_SHOWN = 8  # noise levels in the text
CANNOT = (
    "Whether your model learns the exact score. The collapse is that of the exact score of the training points, which a"
    " model comes near only if it is large and trained for long.",
    "When your architecture begins to memorize: the range of steps is of the networks that were measured.",
    "What duplicates, or near duplicates, of single points do: those are memorized at other sizes than the rest.",
    "Whether the criteria turn there for a nonlinear denoiser: their n* is that of a linear one.",
    "Whether a model copied. Generate points and run memgen audit.",
)


def text(prediction: Prediction, given: Samples) -> str:
    """The answer first, then noise levels, criteria, steps, exposed points, notes."""
    parts = [
        "",
        *prediction.words,
        "",
        "information on the data that a noise level leaves, in nats",
        _levels(prediction),
    ]
    rows = [["a linear denoiser stops memorizing when …", "n*", f"at n = {number(prediction.n)}"]]
    rows += [[one.turns, number(one.n_star), _met(one.met)] for one in prediction.criteria]
    parts += ["", aligned(rows)]
    exposed = [["exposed first, the exact score of these rows", "below σ", "95%", "nearest"]]
    for one in prediction.exposed[:5]:
        ends = f"{number(one.low)} … {number(one.high)}"
        exposed.append([page.name(given, one.row), number(one.sigma), ends, page.name(given, one.nearest)])
    parts += ["", aligned(exposed)]
    facts = [f"{one.method}: {number(one.value)}{_range(one.low, one.high)}" for one in prediction.dimensions]
    facts.append(
        f"spectrum: {prediction.spectrum.rank} directions, participation {number(prediction.spectrum.participation)}"
    )
    steps = [*prediction.training.words]
    if prediction.training.epochs:
        steps.insert(1, f"In passes over the data: {epochs(prediction)}.")
    parts += listed("dimension and spectrum", facts)
    parts += listed("training", steps)
    parts += listed("notes", [*given.notes, *prediction.notes])
    parts += listed("what this cannot tell", CANNOT)
    return "\n".join(parts)


def _levels(prediction: Prediction) -> str:
    rows = [["σ", "Gaussian", "by held-out error", "collapsed below n*"]]
    step = max(1, -(-len(prediction.levels) // _SHOWN))
    for level in prediction.levels[::step]:
        rows.append([number(level.sigma), number(level.gaussian), number(level.denoised), number(level.n_star)])
    return aligned(rows)


def _title(prediction: Prediction) -> str:
    known = [one.met for one in prediction.criteria if one.met is not None]
    return f"n = {number(prediction.n)}: beyond n* by {sum(known)} of {len(known)} criteria"


def _met(met: bool | None) -> str:
    return "–" if met is None else "turned" if met else "not yet"


def _range(low: float | None, high: float | None) -> str:
    return f" (95% from {number(low)} to {number(high)})" if low is not None and high is not None else ""


def epochs(prediction: Prediction) -> str:
    """The range of steps, in words, as passes over the data."""
    low, high = prediction.training.epochs or (None, None)
    return f"{number(low)} to {number(high)}"


def document(prediction: Prediction, given: Samples) -> dict[str, Any]:
    """The prediction in plain numbers and text, with names of rows and the file."""
    found = prediction.as_dict()
    for row, one in zip(found["exposed"], prediction.exposed, strict=True):
        row |= {"name": page.name(given, one.row), "nearest_name": page.name(given, one.nearest)}
    found["notes"] = [*given.notes, *found["notes"]]
    return found | {"file": given.name, "cannot": list(CANNOT)}


def write(path: Path, prediction: Prediction, given: Samples, command: str) -> None:
    """Write the prediction as an HTML page. BadInput if the file cannot be written."""
    pictures = page.Pictures({"train": given})
    page.write(
        path,
        "predict.html",
        prediction=prediction,
        title=_title(prediction),
        sizes=str(given),
        exposed=[_shown(one, given, pictures) for one in prediction.exposed],
        plots=predict_plots.plots(prediction),
        epochs=epochs(prediction) if prediction.training.epochs else "",
        notes=[*given.notes, *prediction.notes],
        cannot=CANNOT,
        command=command,
    )


def _shown(one: Any, given: Samples, pictures: page.Pictures) -> dict[str, Any]:
    """An exposed row beside its nearest one: pictures, or the columns that differ."""
    shown = [
        {"role": role, "name": page.name(given, row), "source": pictures.of("train", row) if pictures else ""}
        for role, row in (("exposed", one.row), ("nearest", one.nearest))
    ]
    differing = "" if pictures else page.differing(given, one.row, given, one.nearest)
    return {"shown": shown, "one": one, "differing": differing}
