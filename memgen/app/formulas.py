"""What `memgen formula` shows. PyTorch is not imported: checks are named here and run elsewhere."""

from __future__ import annotations

from functools import cache
from textwrap import wrap
from typing import Any

import sympy as sp

from memgen.app.chapters import Chapter, find
from memgen.errors import BadInput, Failure
from theory import catalogue
from theory.catalogue import Entry
from theory.core.formula import Formula
from theory.core.parts import Variable
from theory.core.steps import DerivationError

_WIDTH, _INDENT = 110, " " * 16


def named(name: str) -> Entry:
    """The formula of this name, with or without its module. BadInput offers the nearest names if there is none."""
    try:
        return catalogue.find(name)
    except LookupError as error:
        raise BadInput(str(error.args[0])) from None


def row(entry: Entry) -> dict[str, Any]:
    """The formula in plain values. Failure if a step of its derivation does not hold."""
    formula = entry.formula
    try:
        steps = formula.verify()
    except DerivationError as error:
        raise Failure(str(error)) from None
    return {
        **_head(entry),
        "source": formula.source,
        "expression": [
            {"value": str(value), "condition": None if condition == sp.true else str(condition)}
            for value, condition in formula.branches
        ],
        "equation": _equation(formula),
        "functions": _functions(formula),
        "latex": formula.latex(),
        "arguments": [argument(variable) for variable in formula.variables],
        "steps": [step._asdict() for step in steps],
        "checks": list(entry.checks),
    }


def rows() -> list[dict[str, Any]]:
    """Name, path, kind, regime and chapter of every formula; a formula that several chapters use has no chapter."""
    return [_head(entry) for entry in catalogue.entries().values()]


def _head(entry: Entry) -> dict[str, Any]:
    kind, regime = entry.formula.kind, entry.formula.regime
    return {
        "name": entry.name,
        "path": entry.path,
        "chapter": chapters().get(entry.room),
        "kind": kind,
        "regime": regime,
    }


def text(found: dict[str, Any]) -> str:
    """A formula's `row` as text for a terminal."""
    lines = [f"{found['path']}({', '.join(a['name'] for a in found['arguments'])})   {found['kind']}", ""]
    for branch in found["expression"]:
        lines += _indented(f"{branch['value']}{'   if ' + branch['condition'] if branch['condition'] else ''}")
    if found["equation"]:
        lines += _indented(f"with {found['equation']}")
    for meaning in found["functions"].values():
        lines += _indented(meaning)
    lines += ["", *_entry("regime", found["regime"]), *_entry("source", found["source"])]
    for argument in found["arguments"]:
        default = "" if argument["default"] is None else f"; default {argument['default']:g}"
        said = f"{argument['meaning']} [{argument['unit']}], in {argument['domain']}{default}"
        lines += _entry(argument["name"], said)
    lines += ["", "  derived in steps, verified just now"]
    for step in found["steps"]:
        lines += _entry(step["kind"], f"{step['claim']}: {step['found']}")
    lines += ["", *_entry("checks", ", ".join(found["checks"]) or "none")]
    if found["chapter"]:
        lines += _entry("chapter", found["chapter"])
    return "\n".join(lines)


def overview() -> str:
    """Every formula under the number of its chapter."""
    groups: dict[str, list[str]] = {}
    for found in rows():
        group = f"chapter {found['chapter']}" if found["chapter"] else "used by several chapters"
        line = f"  {found['name']:32} {found['kind']:10}  {found['regime']}"
        groups.setdefault(group, []).append(line if len(line) <= _WIDTH else f"{line[: _WIDTH - 1]}…")
    return "\n\n".join("\n".join([group, *lines]) for group, lines in sorted(groups.items()))


@cache
def chapters() -> dict[str, str]:
    """The number of each chapter by the name of its experiment, which is that of its room in theory."""
    return {chapter.experiment: chapter.number for chapter in map(Chapter, find())}


def _functions(formula: Formula) -> dict[str, str]:
    """The functions of the suite that stand in a formula, and what each of them is."""
    equation = () if formula.unknown is None else (formula.unknown.equation,)
    applied = {part for value in (*(b.value for b in formula.branches), *equation) for part in value.atoms(sp.Function)}
    ours = {type(part) for part in applied if type(part).__module__.startswith("theory.")}
    return {kind.__name__: (kind.__doc__ or "").partition("\n")[0] for kind in sorted(ours, key=lambda k: k.__name__)}


def _equation(formula: Formula) -> str | None:
    if formula.unknown is None:
        return None
    unknown = formula.unknown
    return f"{unknown.symbol} in ({unknown.lower}, {unknown.upper}) where 0 = {unknown.equation}"


def argument(variable: Variable) -> dict[str, Any]:
    """Name, meaning, unit, domain and default of an argument."""
    domain = sp.pretty(variable.domain, use_unicode=True)
    return {
        "name": str(variable.symbol),
        "meaning": variable.meaning,
        "unit": variable.unit,
        "domain": f"a spectrum of values in {domain}" if variable.spectrum else domain,
        "default": None if variable.default is None else float(variable.default),
    }


def _indented(line: str) -> list[str]:
    return wrap(line, _WIDTH, initial_indent="  ", subsequent_indent="    ")


def _entry(head: str, said: str) -> list[str]:
    return wrap(said, _WIDTH, initial_indent=f"  {head:12}  ", subsequent_indent=_INDENT)
