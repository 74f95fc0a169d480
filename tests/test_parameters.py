"""What is said of a bad value is our words for pydantic's error, whatever parameter of whatever chapter it is."""

import itertools
import pkgutil

import pytest
from pydantic import ValidationError

from memgen import experiments
from memgen.runs.parameters import _WORDS, ParameterError, coerce

BAD = [
    "x",
    "",
    "true",
    "[]",
    "[1, 1]",
    '["x"]',
    "[NaN]",
    "nan",
    "inf",
    "-1",
    "0",
    "1.5",
    "9" * 5000,
    True,
    3.7,
    {},
    None,
]


@pytest.mark.parametrize("chapter", [module.name for module in pkgutil.iter_modules(experiments.__path__)])
def test_every_error_of_a_chapters_parameters_has_words(chapter: str) -> None:
    model = experiments.load(chapter).Params
    refused = 0
    for name, value in itertools.product(model.model_fields, BAD):
        try:
            coerce(model, {name: value})
        except ParameterError as error:
            refused += 1
            assert isinstance(error.__context__, ValidationError)
            kind = error.__context__.errors()[0]["type"]
            assert kind in _WORDS and str(error).startswith(name), f"{kind}: {error}"
    assert refused > 3 * len(model.model_fields)
