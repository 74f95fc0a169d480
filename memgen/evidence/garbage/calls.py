"""The public functions that take numbers, by group."""

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

import numpy as np

from memgen.evidence.garbage.measured import of_measures, of_statistics
from memgen.evidence.garbage.simulated import of_denoisers, of_laws, of_tools
from memgen.evidence.garbage.target import Argument, Target, between
from theory import catalogue
from theory.core.formula import Formula


def _formulas() -> Iterable[Target]:
    for entry in catalogue.entries().values():
        f = entry.formula
        arguments = {str(v.symbol): _within(v) for v in f.variables}
        yield Target(f.name, f, arguments, True)
        yield Target(f"{f.name}.log", f.log, arguments, True)


def _within(variable: Any) -> Argument:
    low, high = float(variable.domain.inf), float(variable.domain.sup)
    if np.isinf(low):
        low, high = (high - 3, high) if np.isfinite(high) else (-2.0, 2.0)
    elif np.isinf(high):
        low, high = low + 0.5, low + 3
    return between(low, high, *((3,) if variable.spectrum else ()))


@cache
def targets(group: str) -> tuple[Target, ...]:
    """The functions of a group."""
    return tuple(GROUPS[group]())


GROUPS: dict[str, Callable[[], Iterable[Target]]] = {
    "measures": of_measures,
    "statistics": of_statistics,
    "laws": of_laws,
    "denoisers": of_denoisers,
    "tools": of_tools,
    "formulas": _formulas,
}


def names(target: Target) -> tuple[str, ...]:
    """The words of which a message about the target's arguments must have one."""
    of = target.call if isinstance(target.call, Formula) else getattr(target.call, "__self__", None)
    return (*target.arguments, *target.also, *((of.name,) if isinstance(of, Formula) else ()))
