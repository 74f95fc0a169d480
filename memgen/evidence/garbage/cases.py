"""One case of each kind: spoil something, use it, judge what happens."""

import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from memgen.errors import one_line
from memgen.evidence.garbage import commands, files
from memgen.evidence.garbage.calls import names, targets
from memgen.evidence.garbage.judge import Outcome, judge, same
from memgen.evidence.garbage.spoil import WAYS
from memgen.evidence.garbage.target import Target
from memgen.reading import read

Choose = Callable[[list], Any]  # one of a list
Case = tuple[str, str, str, str]  # what was used, how it was spoilt, the outcome, and the failure or ""

_BASES = 3  # sound sets of arguments of each function


def case(group: str, choose: Choose, number: int) -> Case:
    """Make a case of a group and judge it; the number is that of its random streams."""
    if group == "reading":
        return _reading(number)
    if group == "commands":
        return _command(choose(list(commands.COMMANDS)), number)
    return call(choose(list(targets(group))), choose, number)


def call(target: Target, choose: Choose, number: int) -> Case:
    """Call a function with one or two arguments spoilt, and judge what happens."""
    base = number % _BASES
    arguments, rng = _arguments(target, base), np.random.default_rng(number)
    spoilable = [name for name, argument in target.arguments.items() if argument.kind]
    chosen = {choose(spoilable)} | ({choose(spoilable)} if number % 4 == 0 else set())
    said, kinds = [], set()
    for name in sorted(chosen):
        ways = WAYS[target.arguments[name].kind or ""]
        label = choose(list(ways))
        kind = ways[label].kind
        try:
            with np.errstate(all="ignore"):
                arguments[name] = ways[label].change(arguments[name], rng)
        except (OverflowError, ValueError, TypeError):  # this value cannot be spoilt so
            kind = "odd"
        takes = label in target.takes or (label == "None" and name in target.optional)
        kinds.add("odd" if takes else kind)
        said.append(f"{name}: {label}")
    found = judge(lambda: target.call(**arguments), names(target), target.infinite, target.may_be_nan)
    failure = found.failure
    if found.kind == "result" and not failure:
        if "unsound" in kinds:
            failure = "returns a value where there is none"
        elif (
            kinds == {"same"}
            and (sound := _sound(target, base)).kind == "result"
            and not same(found.value, sound.value)
        ):
            failure = "returns another value than for the same numbers"
    return target.name, "; ".join(said), found.kind, failure


def _arguments(target: Target, base: int) -> dict[str, Any]:
    drawn = enumerate(target.arguments.items())
    return {name: argument.make(np.random.default_rng([base, k])) for k, (name, argument) in drawn}


@cache
def _known() -> dict[tuple[int, int], Outcome]:
    return {}


def _sound(target: Target, base: int) -> Outcome:
    """The outcome of the function for sound arguments, which may be outside the regime of a formula."""
    key = (id(target), base)
    if key not in _known():
        _known()[key] = judge(lambda: target.call(**_arguments(target, base)), ("",), True, True)
    return _known()[key]


def _reading(number: int) -> Case:
    with tempfile.TemporaryDirectory() as folder:
        what, path = files.written(Path(folder), np.random.default_rng(number))
        found = judge(lambda: read(path), (one_line(path)[:60], str(path)[:60]))
    return "read", what, found.kind, found.failure


def _command(command: str, number: int) -> Case:
    words = commands.line(command, np.random.default_rng(number))
    with tempfile.TemporaryDirectory() as folder:
        commands.prepare(Path(folder))
        found = commands.run(words, Path(folder))
    return f"memgen {command}".strip(), one_line(" ".join(words)), found.kind, found.failure
