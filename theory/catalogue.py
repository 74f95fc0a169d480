"""Every formula and every check by name; `checks` alone imports the simulations."""

import importlib
import pkgutil
from collections.abc import Iterator
from functools import cache
from types import ModuleType
from typing import TYPE_CHECKING

import theory
from theory.core.formula import Formula

if TYPE_CHECKING:
    from theory.checks.check import Check

_FOUNDATIONS = ("ou", "gaussians", "spectra", "mixture")
_CHAPTERS = ("kernel", "relaxation", "linear", "transition", "collapse", "training")


def _modules(name: str) -> Iterator[ModuleType]:
    """A module, and those in it if it is a package."""
    module = importlib.import_module(name)
    yield module
    for inner in pkgutil.iter_modules(getattr(module, "__path__", ())):
        yield from _modules(f"{name}.{inner.name}")


@cache
def formulas() -> dict[str, Formula]:
    """Every formula of the suite by its name."""
    modules = [m for name in (*_FOUNDATIONS, *_CHAPTERS) for m in _modules(f"{theory.__name__}.{name}")]
    found = {id(f): f for module in modules for f in vars(module).values() if isinstance(f, Formula)}
    by_name = {f.name: f for f in found.values()}
    if len(by_name) != len(found):
        raise RuntimeError("two formulas have one name")
    return by_name


@cache
def checks() -> dict[str, "Check"]:
    """Every check of a formula against a simulation by its name; imports torch."""
    modules = [importlib.import_module(f"theory.checks.{name}") for name in (*_FOUNDATIONS, *_CHAPTERS)]
    return {check.name: check for module in modules for check in module.CHECKS}
