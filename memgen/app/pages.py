"""Pages of the book that are generated: the answers, a page for each formula, and the reference of public names."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from functools import cached_property
from textwrap import fill
from types import ModuleType

from memgen.app import formulas
from theory import catalogue
from theory.catalogue import Entry
from theory.letters import GLOSSARY

# The rooms of the engine, as the reference shows them; formulas have pages of their own.
_ROOMS = (
    "laws",
    "denoisers",
    "measures",
    "statistics",
    "experiments",
    "figures",
    "runs",
    "places",
    "reading",
    "predict",
    "watch",
    "audit",
)

BAR = r"\|"  # in a cell of a table
_PAGE = 80  # letters of code on one line


def answers(readme: str) -> str:
    """The README from its answers up to its chapters, with links as from the book's first folder."""
    start, end = readme.index("## Answers\n"), readme.index("## Chapters\n")
    return readme[start:end].replace("](docs/", "](")


def reference() -> dict[str, str]:
    """Pages by file name: one for each formula, their list, the glossary, and the engine's names with docstrings."""
    found = {f"formulas/{name}.md": formula(entry) for name, entry in catalogue.entries().items()}
    return {**found, "formulas.md": overview(), "glossary.md": glossary(), "api.md": api()}


def glossary() -> str:
    """Every letter and term in one sentence."""
    rows = [f"| {term} | {meaning.replace('|', BAR)} |" for term, meaning in GLOSSARY.items()]
    return "\n".join(["# Glossary", "", "| letter or term | meaning |", "|---|---|", *rows, ""])


def overview() -> str:
    """The list of all formulas, by room, with what each says."""
    lines = [
        "# Formulas",
        "",
        "Every closed form of the suite, its derivation verified as this book was built.",
        "",
    ]
    groups: dict[str, list[Entry]] = {}
    for entry in catalogue.entries().values():
        groups.setdefault(entry.room, []).append(entry)
    for room, members in groups.items():
        lines += [f"## theory.{room}", ""]
        lines += [f"- [`{e.name}`](formulas/{e.name}.md) ({e.formula.kind}): {e.formula.regime}" for e in members]
        lines.append("")
    names = "\n".join(f"formulas/{name}" for name in catalogue.entries())
    return "\n".join([*lines, "```{toctree}", ":hidden:", "", names, "```", ""])


def formula(entry: Entry) -> str:
    """One formula: expression, regime, source, arguments, derivation, checks, claims, chapter, and how to call it."""
    arguments = [formulas.argument(variable) for variable in entry.formula.variables]
    rows = [f"| `{a['name']}` | {a['meaning'].replace('|', BAR)} | {a['unit']} | {a['domain']} |" for a in arguments]
    call = ", ".join(a["name"] for a in arguments)
    checks = ", ".join(f"`{check}`" for check in entry.checks) or "none"
    claims = ", ".join(catalogue.claims().get(entry.name, ())) or "none"
    number = formulas.chapters().get(entry.room)
    used = f"chapter {int(number)}" if number else "several chapters"
    module, _, name = entry.path.rpartition(".")
    logarithm = ["# its logarithm where it is positive, also beyond float64", _called(f"{name}.log", call)]
    slowly = ", in seconds to minutes" if entry.formula.slow else ""
    return "\n".join(
        [
            f"# {entry.name}",
            "",
            entry.formula.card(),
            "",
            "| argument | meaning | unit | domain |",
            "|---|---|---|---|",
            *rows,
            "",
            f"Checks: {checks}. Claims: {claims}. Used in {used}.",
            "",
            "```python",
            "from mpmath import nstr",
            f"from {module} import {name}",
            "",
            "# float64; arrays broadcast",
            _called(name, call),
            *([] if entry.formula.absolute else logarithm),
            f"# one point to fifty digits{slowly}",
            _called(f"value = {name}.mp", f"{call}, dps=50"),
            "print(nstr(value, 50))",
            "```",
            "",
        ]
    )


def _called(name: str, arguments: str) -> str:
    """The call in as many lines as it takes on a page."""
    line, indent = f"{name}({arguments})", " " * 4
    if len(line) <= _PAGE:
        return line
    return f"{name}(\n{fill(arguments, _PAGE, initial_indent=indent, subsequent_indent=indent)}\n)"


def api() -> str:
    """Every public class and function of the engine with its signature and docstring."""
    lines = ["# Names", "", "What can be imported from the engine. The closed forms are [formulas](formulas.md).", ""]
    for room in _ROOMS:
        for module in _modules(f"memgen.{room}"):
            if members := list(_members(module)):
                about = inspect.getdoc(module) or ""
                lines += [f"## {module.__name__}", "", "```text", about, "```", ""]
                for name, member in members:
                    lines += [f"### {name}", "", "```text", _described(name, member), "```", ""]
    return "\n".join(lines)


def _modules(name: str) -> Iterator[ModuleType]:
    module = importlib.import_module(name)
    yield module
    for inner in sorted(pkgutil.iter_modules(getattr(module, "__path__", ())), key=lambda found: found.name):
        yield from _modules(f"{name}.{inner.name}")


def _members(module: ModuleType) -> Iterator[tuple[str, object]]:
    """The public classes and functions that the module itself defines."""
    for name, member in vars(module).items():
        defined = inspect.isclass(member) or inspect.isfunction(member)
        if defined and not name.startswith("_") and member.__module__ == module.__name__:
            yield name, member


def _described(name: str, member: object) -> str:
    """Signature and docstring; of a class also those of its own public methods and properties."""
    kind = "class " if inspect.isclass(member) else ""
    parts = [f"{kind}{name}{_signature(member)}\n\n{inspect.getdoc(member) or ''}"]
    for inner, method in vars(member).items() if inspect.isclass(member) else ():
        named = f"{name}.{inner}"
        if inner.startswith("_") or not (about := inspect.getdoc(method)):
            continue
        if inspect.isfunction(method):
            parts.append(f"{named}{_signature(method)}\n\n{about}")
        elif isinstance(method, (property, cached_property)):
            parts.append(f"{named}\n\n{about}")
        elif isinstance(method, (classmethod, staticmethod)):
            parts.append(f"{named}{_signature(method.__func__)}\n\n{about}")
    return "\n\n\n".join(parts)


def _signature(member: object) -> str:
    try:
        signature = str(inspect.signature(member))  # type: ignore[arg-type]
    except ValueError:
        return "(…)"
    return re.sub(r"<(?:function )?([\w.<>]+)(?: object)? at 0x[0-9a-f]+>", r"\1", signature)
