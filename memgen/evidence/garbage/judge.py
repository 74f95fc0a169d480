"""What a call may do with bad input: refuse it in one line that names the culprit, or return a sound value.

Everything else is a failure: another exception, a message of several lines or that names nothing, NaN, ∞ where none is
documented, a warning, a value where there can be none, and a value that differs from that of the same input in its
plain form.
"""

import dataclasses
import re
import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import torch

from memgen.errors import BadInput, Failure, one_line

LONGEST = 500  # characters of a message
_DOCUMENTED = (ValueError, TypeError, BadInput, Failure)
_CLOSE = 1e-6


class Outcome(NamedTuple):
    """What became of a call: the kind of result or exception, the failure in words ("" if none), and the value."""

    kind: str
    failure: str
    value: Any = None


def judge(call: Callable[[], Any], names: tuple[str, ...], infinite: bool = False, may_be_nan: bool = False) -> Outcome:
    """Call it and judge the outcome. A message must have one of `names`; the rest says which values are documented."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            value = call()
        except Exception as error:
            return Outcome(type(error).__name__, _refusal(error, names))
    if said:
        return Outcome("warning", f"warns: {said[0].category.__name__}: {one_line(said[0].message, 160)}", value)
    numbers = list(_numbers(value))
    if not may_be_nan and any(np.isnan(n).any() for n in numbers):
        return Outcome("result", "returns what is not a number", value)
    if not infinite and any(np.isinf(n).any() for n in numbers):
        return Outcome("result", "returns an infinity that is not documented", value)
    return Outcome("result", "", value)


def _refusal(error: Exception, names: tuple[str, ...]) -> str:
    text = str(error)
    said = f"{type(error).__name__}: {one_line(text, 160)}"
    if not isinstance(error, _DOCUMENTED) and type(error) is not ArithmeticError:
        return f"raises {said}"
    if "\n" in text or not text.strip():
        return f"message of several lines or none: {said}"
    if len(text) > LONGEST:
        return f"message of {len(text)} characters: {said}"
    if not any(_named(name, text) for name in names):
        return f"message names no argument: {said}"
    return ""


def _named(name: str, text: str) -> bool:
    word = rf"(?<![^\W_]){re.escape(name)}(?![^\W_])" if name.isidentifier() else re.escape(name)
    return re.search(word, text) is not None


def same(one: Any, other: Any) -> bool:
    """Whether two values agree, up to rounding."""
    a, b = list(_numbers(one)), list(_numbers(other))
    return len(a) == len(b) and all(
        p.shape == q.shape and np.allclose(p, q, rtol=_CLOSE, atol=_CLOSE * _size(q), equal_nan=True)
        for p, q in zip(a, b, strict=True)
    )


def _size(values: np.ndarray) -> float:
    finite = values[np.isfinite(values)]
    return float(np.abs(finite).max()) if finite.size else 0.0


def _numbers(value: Any) -> Iterator[np.ndarray]:
    """Yield all numbers in a value as arrays, in the order of its parts."""
    match value:
        case torch.Tensor():
            yield value.detach().cpu().double().numpy()
        case np.ndarray() | np.generic() if np.asarray(value).dtype.kind in "fiub":
            yield np.asarray(value, float)
        case bool() | int() | float():
            yield np.asarray(value, float)
        case dict():
            for inner in value.values():
                yield from _numbers(inner)
        case tuple() | list():
            for inner in value:
                yield from _numbers(inner)
        case _ if dataclasses.is_dataclass(value) and not isinstance(value, type):
            for field in dataclasses.fields(value):
                yield from _numbers(getattr(value, field.name))
        case _:
            return
