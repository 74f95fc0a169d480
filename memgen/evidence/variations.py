"""Whole chapters under parameters that a reader may try: what comes of each.

At the smallest preset, one parameter or two at a time have values that are small, large, odd or of another kind. A run
passes, or leaves open what its data do not rule out, or is refused in one line; anything else is a failure.
"""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple

import pandas as pd
from pydantic import Field, field_validator

from memgen.app.chapters import Chapter
from memgen.errors import BadInput, one_line
from memgen.evidence.chapters import executed, known
from memgen.experiments import load
from memgen.places import NOTEBOOKS
from memgen.runs.parameters import ChapterParams, coerce

VERSION = 1
TRIED: Mapping[str, tuple[dict[str, Any], ...]] = MappingProxyType(
    {
        "01_kernel_width": (
            {"dims": [2]},
            {"dims": [1]},
            {"dims": [16, 4, 256]},
            {"dims": [32]},
            {"sizes": [2, 3]},
            {"sizes": [4096, 16]},
            {"path_size": 4},
            {"path_size": 512},
            {"replicas": 20},
            {"replicas": 400},
        ),
        "02_relaxation_time": (
            {"separation": 2.0},
            {"separation": 20.0},
            {"separation": 1000.0},
            {"separation": 0.5},
            {"replicas": 3},
            {"replicas": 64},
            {"draws": 1000},
            {"times": 3},
            {"times": 33},
        ),
        "03_linear_denoiser": (
            {"d": 2},
            {"d": 8},
            {"d": 48},
            {"replicas": 12},
            {"replicas": 120},
            {"rhos": [0.5]},
            {"rhos": [0.05, 0.95]},
            {"tau_spectrum": 0.05},
            {"tau_spectrum": 5.0},
            {"tau_digits": 0.1},
            {"tau_digits": 2.0},
            {"tau_digits": 8.0},
            {"device": "auto"},
        ),
        "04_transition_probability": (
            {"d": 2},
            {"d": 24},
            {"d": 64},
            {"replicas": 40},
            {"tau": 0.3},
            {"tau": 3.0},
            {"original": 100},
            {"original": 10_000},
            {"choices": ["float64 BBt equal multi-step"]},
            {"choices": ["float32 BBt equal multi-step"]},
        ),
        "05_network": (
            {"sizes": [20]},
            {"sizes": [2]},
            {"sizes": [150, 100]},
            {"replicas": 2},
            {"width": 24},
            {"width": 20},
            {"epochs": 1},
            {"precision": "bfloat16"},
        ),
        "06_criteria": (
            {"sizes": [8]},
            {"sizes": [36, 16]},
            {"spectra": ["power law"]},
            {"replicas": 8},
            {"generated": 20},
            {"generated": 1000},
            {"largest": 0.2},
            {"largest": 3.0},
        ),
        "07_membership": (
            {"dims": [4]},
            {"dims": [64, 16]},
            {"replicas": 3},
            {"sizes": [2]},
            {"sizes": [128, 64]},
            {"steps": 10},
            {"networks": 4},
        ),
        "08_speciation_and_collapse": (
            {"dims": [2]},
            {"dims": [64]},
            {"dims": [16_384, 1024]},
            {"pairs": 100},
            {"steps": 10},
            {"pairs": 100, "steps": 20},
            {"steps": 1600},
            {"draws": 100},
            {"draws": 1000},
        ),
        "09_discretised_sampling": (
            {"d": 2},
            {"d": 48},
            {"steps": [3, 4]},
            {"steps": [16, 64]},
            {"ratios": [8.0, 0.02]},
            {"ratios": [0.1, 0.05]},
            {"trajectories": 200},
            {"trajectories": 3200},
            {"sets": 30},
            {"sets": 2000},
        ),
        "10_features_and_kernels": (
            {"t": 0.01},
            {"t": 2.0},
            {"noises": [1]},
            {"noises": [3, 32]},
            {"dims": [16]},
            {"dims": [4, 32]},
            {"sets": 6},
            {"widths": 6},
            {"samples": [0.3]},
            {"samples": [2.0, 8.0]},
        ),
        "11_training_time": (
            {"dims": [4]},
            {"dims": [16, 32]},
            {"sizes": [8]},
            {"sizes": [128, 64]},
            {"hidden": [8]},
            {"hidden": [64, 32]},
            {"steps": 10},
            {"steps": 1000},
            {"replicas": 1},
        ),
        "12_intrinsic_dimension": (
            {"d": 8, "D": 4},
            {"d": 32, "D": 16},
            {"d": 8},
            {"D": 2},
            {"tau": 0.3},
            {"tau": 2.0},
            {"noises": [1]},
            {"noises": [3, 64]},
            {"sets": 3},
            {"sets": 24},
            {"sizes": 2},
            {"sizes": 5},
        ),
        "13_images": (
            {"sets": ["patches8"]},
            {"sets": ["mnist16"]},
            {"sizes": [150, 50]},
            {"sizes": [5000]},
            {"studies": ["unet"]},
            {"studies": ["places"]},
            {"studies": ["classes"]},
            {"steps": 400},
            {"replicas": 2},
        ),
        "14_your_model": (
            {"recipes": ["60 digits"]},
            {"recipes": ["10 digits"]},
            {"steps": 10},
            {"steps": 1000},
            {"replicas": 2},
        ),
        "15_windows": (
            {"sets": ["mnist16"]},
            {"sizes": [20]},
            {"sizes": [450, 150]},
            {"studies": ["law"]},
            {"studies": ["everywhere"]},
            {"studies": ["network"]},
            {"studies": ["made"]},
            {"replicas": 2},
            {"steps": 400},
        ),
    }
)


class Params(ChapterParams):
    """The notebooks, without their suffix; the preset sets them if they are None."""

    presets: ClassVar = {
        "smoke": {"notebooks": ("02_relaxation_time",)},
        "standard": {"notebooks": ("01_kernel_width", "02_relaxation_time", "05_network")},
        "paper": {"notebooks": tuple(TRIED)},
    }

    notebooks: tuple[str, ...] | None = Field(None, min_length=1)

    @field_validator("notebooks")
    @classmethod
    def _known(cls, names: tuple[str, ...] | None) -> tuple[str, ...] | None:
        return names and tuple(known(name) for name in names)


class Cell(NamedTuple):
    """A notebook and what it is given, as JSON."""

    notebook: str
    seed: int
    given: str


def grid(params: Params) -> list[Cell]:
    """One cell for each variation."""
    notebooks = params.resolved().notebooks
    assert notebooks is not None
    return [Cell(name, params.seed, json.dumps(given)) for name in notebooks for given in TRIED[name]]


def cell(at: Cell) -> pd.DataFrame:
    """One row: the outcome, which is passed, open, refused or failed, and what was said: statements, or the error."""
    given = {"preset": "smoke", "seed": at.seed, **json.loads(at.given)}
    chapter = Chapter(NOTEBOOKS / f"{at.notebook}.ipynb")
    try:
        coerce(load(chapter.experiment).Params, given)
    except BadInput as error:  # as by `memgen run`, before anything is computed
        outcome, said = "refused", str(error)
    else:
        outcome, said = outcome_of(at.notebook, given)
    return pd.DataFrame([{"notebook": at.notebook, "given": at.given, "outcome": outcome, "said": said}])


def outcome_of(notebook: str, given: Mapping[str, Any]) -> tuple[str, str]:
    """The outcome of a notebook under parameters that it accepts, and what was said."""
    try:
        report = executed(notebook, given)["report"]
    except Exception as error:
        return "failed", f"{type(error).__name__}: {one_line(error)}"
    judged = [(outcome.passed, outcome.name) for outcome in report.outcomes()]
    for passed, word in ((False, "failed"), (None, "open")):
        if names := [name for verdict, name in judged if verdict is passed]:
            return word, "; ".join(names)
    return "passed", f"{len(judged)} statements"
