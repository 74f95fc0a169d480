"""Check parameters against their model, whether they come from Python or from a command line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from memgen.errors import BadInput, one_line

# What is wrong with a value, by the type of pydantic's error; its context fills in the braces.
_WORDS = {
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "finite_number": "must be finite",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "greater_than": "must be greater than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "int_from_float": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "must be a whole number, and not so long",
    "int_type": "must be a whole number",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "literal_error": "must be {expected}",
    "multiple_of": "must be a multiple of {multiple_of}",
    "string_type": "must be text",
    "string_unicode": "must be text in UTF-8",
    "too_long": "must have at most {max_length} values, not {actual_length}",
    "too_short": "must have at least {min_length} values, not {actual_length}",
    "tuple_type": "must be a list such as [1, 2]",
    "value_error": "{error}",
}


def _distinct(values: tuple) -> tuple:
    if len(set(values)) < len(values):
        raise ValueError("must not hold a value twice")
    return values


Distinct = AfterValidator(_distinct)  # for tuples that a grid runs over


class ChapterParams(BaseModel):
    """The parameters that every chapter has. Those of a chapter that are None are set by the preset."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    presets: ClassVar[Mapping[str, Mapping[str, Any]]]  # by preset: a value for each parameter that may be None

    preset: Literal["smoke", "standard", "paper"] = "standard"
    seed: int = Field(0, ge=0)

    def resolved(self) -> Self:
        """A copy in which the preset has replaced every None."""
        rest = {name: value for name, value in self.presets[self.preset].items() if getattr(self, name) is None}
        return self.model_copy(update=rest)


class ParameterError(BadInput):
    """An unknown parameter, or a value that a parameter cannot have."""


def coerce(model: type[BaseModel], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters as plain JSON values of the types that the model declares.

    A string is read as on the command line. Lists and null are JSON; anything else is converted to the declared type,
    so that "64" becomes a number where the model declares a number, and stays text where it declares text.
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
    place, value = errors[0]["loc"], errors[0]["input"]
    words = _WORDS.get(errors[0]["type"])
    reason = words.format(**errors[0].get("ctx", {})) if words else errors[0]["msg"]
    name = str(place[0]) if place else ""
    index = "".join(f"[{part}]" for part in place[1:] if isinstance(part, int))
    if errors[0]["type"] == "missing":
        text = f"parameter {name} must be given"
    elif errors[0]["type"] == "extra_forbidden":
        text = f"unknown parameter {one_line(name, 60)!r} (known: {', '.join(sorted(model.model_fields))})"
    elif name:
        text = f"{name}{index} = {one_line(value, 60)}: {reason}"
    else:  # the model's own check of several parameters together
        text = f"{', '.join(f'{key} = {one_line(given, 60)}' for key, given in value.items())}: {reason}"
    more = len({e["loc"][:1] for e in errors}) - 1
    return f"{text} (and {more} more)" if more else text
