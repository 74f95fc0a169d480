"""Check parameters against their model, whether they come from Python or from a command line."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from memgen.errors import BadInput, one_line

# pydantic's words, and shorter ones
_REWORDED = {
    r"^Value error, ": "",
    r"^Input should be ": "must be ",
    r"^(Tuple|List|String) should have": "must have",
    r" after validation": "",
    r"a valid (tuple|list)": "a list such as [1, 2]",
    r"(, unable to parse|, got a number).*": "",
    r"greater than or equal to": "at least",
    r"less than or equal to": "at most",
    r"a finite number": "finite",
}


def _distinct(values: tuple) -> tuple:
    if len(set(values)) < len(values):
        raise ValueError("a value is there twice, and its rows would be")
    return values


Distinct = AfterValidator(_distinct)  # for tuples that a grid runs over


class ChapterParams(BaseModel):
    """What the parameters of every chapter have; what is None in the rest of them is set by the preset."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    presets: ClassVar[Mapping[str, Mapping[str, Any]]]  # by preset and by name, for all that may be None

    preset: Literal["smoke", "standard", "paper"] = "standard"
    seed: int = Field(0, ge=0)

    def resolved(self) -> Self:
        """The same with every None filled in from the preset."""
        rest = {name: value for name, value in self.presets[self.preset].items() if getattr(self, name) is None}
        return self.model_copy(update=rest)


class ParameterError(BadInput):
    """A parameter that is not known, or a value that it cannot have."""


def coerce(model: type[BaseModel], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters as plain JSON values of the types that the model declares.

    A string is taken as the command line gives it: lists and null are read as JSON, the rest is left to the
    declared type, so that "64" is a number where a number is due and text where text is.
    """
    try:
        checked = model.model_validate({name: _read(value) for name, value in parameters.items()})
    except ValidationError as error:
        raise ParameterError(_explain(error, model)) from None
    return checked.model_dump(mode="json", include=set(parameters))


def _read(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if value == "None":
        return None
    try:
        parsed = json.loads(value)
    except (ValueError, RecursionError):
        return value
    return parsed if parsed is None or isinstance(parsed, list | dict) else value


def _explain(error: ValidationError, model: type[BaseModel]) -> str:
    """The first culprit, its value and what is wrong with it, on one line; and how many more there are."""
    errors = error.errors(include_url=False)
    place, value, reason = errors[0]["loc"], errors[0]["input"], errors[0]["msg"]
    for pattern, words in _REWORDED.items():
        reason = re.sub(pattern, words, reason)
    name = str(place[0]) if place else ""
    index = "".join(f"[{part}]" for part in place[1:] if isinstance(part, int))
    if errors[0]["type"] == "extra_forbidden":
        text = f"unknown parameter {one_line(name, 60)!r} (known: {', '.join(sorted(model.model_fields))})"
    elif name:
        text = f"{name}{index} = {one_line(value, 60)}: {reason}"
    else:  # the model's own check of several parameters together
        text = f"{', '.join(f'{key} = {one_line(given, 60)}' for key, given in value.items())}: {reason}"
    more = len({e["loc"][:1] for e in errors}) - 1
    return f"{text} (and {more} more)" if more else text
