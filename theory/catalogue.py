"""Every formula by name: where it is, which checks meet it, and which claims it decides.

Neither PyTorch nor memgen is imported here until `checks` or `claims` is called.
"""

import ast
import importlib
import pkgutil
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from types import CodeType, ModuleType
from typing import TYPE_CHECKING, NamedTuple

import theory
from theory.core.formula import Formula

if TYPE_CHECKING:
    from theory.checks.check import Check

FOUNDATIONS = ("ou", "gaussians", "spectra", "mixture")
CHAPTERS = (
    "kernel",
    "relaxation",
    "linear",
    "transition",
    "collapse",
    "training",
    "sampling",
    "dimension",
    "features",
    "membership",
    "criteria",
    "images",
    "windows",
)
ROOMS = (*FOUNDATIONS, *CHAPTERS)


class Entry(NamedTuple):
    """A formula with the dotted name under which it is imported, its room in theory, and the checks that meet it."""

    name: str
    formula: Formula
    path: str
    room: str
    checks: tuple[str, ...]


def _modules(name: str) -> Iterator[ModuleType]:
    """Yield a module and, if it is a package, the modules in it."""
    module = importlib.import_module(name)
    yield module
    for inner in pkgutil.iter_modules(getattr(module, "__path__", ())):
        yield from _modules(f"{name}.{inner.name}")


def _definitions(rooms: Sequence[str]) -> Iterator[tuple[str, str, Formula]]:
    """Yield dotted name, room and formula; a package comes before the module that it imports a formula from."""
    seen = set()
    for room in rooms:
        for module in _modules(f"{theory.__name__}.{room}"):
            for name, value in vars(module).items():
                if isinstance(value, Formula) and id(value) not in seen:
                    seen.add(id(value))
                    yield f"{module.__name__}.{name}", room, value


def entries() -> dict[str, Entry]:
    """The entry of every formula, by the formula's name."""
    return _entries(ROOMS)


@cache
def _entries(rooms: tuple[str, ...]) -> dict[str, Entry]:
    met = _check_names()
    found: dict[str, Entry] = {}
    for path, room, formula in _definitions(rooms):
        if formula.name in found:
            raise RuntimeError(f"two formulas are called {formula.name}: {found[formula.name].path} and {path}")
        found[formula.name] = Entry(formula.name, formula, path, room, met.get(path.rpartition(".")[2], ()))
    return found


@cache
def formulas() -> dict[str, Formula]:
    """Every formula by its name."""
    return {name: entry.formula for name, entry in entries().items()}


def find(name: str) -> Entry:
    """The entry of a formula, by its name with or without a module. LookupError offers the nearest names."""
    last = name.rpartition(".")[2]
    for rooms in (_rooms().get(last, ()), ROOMS):  # to import them all takes most of the time
        known = _entries(rooms)
        for entry in known.values():
            if name in (entry.name, entry.path, f"{entry.room}.{entry.name}", entry.path.removeprefix("theory.")):
                return entry
    near = get_close_matches(last.lower(), known, cutoff=0.4) or [other for other in known if last.lower() in other]
    offer = f"the nearest: {', '.join(near[:3])}" if near else f"known: {', '.join(known)}"
    raise LookupError(f"no formula {name!r} ({offer})")


@cache
def _rooms() -> dict[str, tuple[str, ...]]:
    """The rooms in whose source a formula is written, by its name."""
    folder, found = Path(theory.__path__[0]), defaultdict[str, set[str]](set)
    for path in folder.rglob("*.py"):
        for name in re.findall(r"^(\w+) = Formula\(", path.read_text(encoding="utf-8"), re.MULTILINE):
            found[name].add(path.relative_to(folder).parts[0].removesuffix(".py"))
    return {name: tuple(room for room in ROOMS if room in rooms) for name, rooms in found.items()}


@cache
def checks() -> dict[str, "Check"]:
    """Every check of a formula against a simulation, by its name; imports PyTorch."""
    modules = [importlib.import_module(f"theory.checks.{room}") for room in ROOMS]
    return {check.name: check for module in modules for check in module.CHECKS}


@cache
def claims() -> dict[str, tuple[str, ...]]:
    """The ids of the claims whose verdict computes with a formula, by the formula's name; imports memgen."""
    ledger = importlib.import_module("theory.ledger.claims")
    found: dict[str, list[str]] = {}
    for claim in ledger.CLAIMS:
        for name in _names(claim.question.evidence.__code__) & set(formulas()) if claim.question else ():
            found.setdefault(name, []).append(claim.id)
    return {name: tuple(ids) for name, ids in found.items()}


def _names(code: CodeType) -> set[str]:
    """The names that a function uses, those in the functions inside it included."""
    inner = (constant for constant in code.co_consts if isinstance(constant, CodeType))
    return set(code.co_names).union(*map(_names, inner))


@cache
def _check_names() -> dict[str, tuple[str, ...]]:
    """The names of the checks by the name of their formula, read from the source: importing it takes PyTorch."""
    found: dict[str, tuple[str, ...]] = {}
    for path in sorted((Path(theory.__path__[0]) / "checks").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=ast.Name("Check"), args=[ast.Constant(str() as check), formula, *_]):
                    name = ast.unparse(formula).rpartition(".")[2]
                    found[name] = (*found.get(name, ()), check)
    return found
