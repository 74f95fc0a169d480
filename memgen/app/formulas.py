"""What `memgen formula` shows. PyTorch is not imported: checks are named here and run elsewhere."""

from __future__ import annotations

import ast
import sys
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from textwrap import wrap
from typing import Any

import sympy as sp

import theory
from memgen.app.chapters import Chapter, find
from memgen.errors import BadInput, Failure
from theory.catalogue import formulas
from theory.core.formula import Formula
from theory.core.parts import Variable
from theory.core.steps import DerivationError

_WIDTH, _INDENT = 110, " " * 16


def named(name: str) -> Formula:
    """The formula called so, also with its module. BadInput offers the nearest names if there is none."""
    known = formulas()
    if (last := name.rpartition(".")[2]) in known and name in (last, path := _path(known[last]), path[7:]):
        return known[last]
    near = get_close_matches(last.lower(), known, cutoff=0.4) or [other for other in known if last.lower() in other]
    offer = f"the nearest: {', '.join(near[:3])}" if near else "memgen formula lists all"
    raise BadInput(f"no formula {name!r} ({offer})")


def row(formula: Formula) -> dict[str, Any]:
    """The formula in plain values. Failure if a step of its derivation does not hold."""
    try:
        steps = formula.verify()
    except DerivationError as error:
        raise Failure(str(error)) from None
    chapter, path = _chapter(formula), _path(formula)
    return {
        "name": formula.name,
        "path": path,
        "kind": formula.kind,
        "expression": [
            {"value": str(value), "condition": None if condition == sp.true else str(condition)}
            for value, condition in formula.branches
        ],
        "equation": _equation(formula),
        "latex": formula.latex(),
        "regime": formula.regime,
        "source": formula.source,
        "arguments": [_argument(variable) for variable in formula.variables],
        "steps": [step._asdict() for step in steps],
        "checks": check_names().get(path.rpartition(".")[2], []),
        "chapter": chapter.number if chapter else None,
    }


def text(found: dict[str, Any]) -> str:
    """The same for a terminal."""
    lines = [f"{found['path']}({', '.join(a['name'] for a in found['arguments'])})   {found['kind']}", ""]
    for branch in found["expression"]:
        lines += _indented(f"{branch['value']}{'   if ' + branch['condition'] if branch['condition'] else ''}")
    if found["equation"]:
        lines += _indented(f"with {found['equation']}")
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


def rows() -> list[dict[str, Any]]:
    """Name, path, kind, regime and chapter of every formula; those that several chapters use have none."""
    found = []
    for formula in formulas().values():
        chapter = _chapter(formula)
        known = {"name": formula.name, "path": _path(formula), "kind": formula.kind, "regime": formula.regime}
        found.append({**known, "chapter": chapter.number if chapter else None})
    return found


def overview() -> str:
    """Every formula under the number of its chapter."""
    groups: dict[str, list[str]] = {}
    for found in rows():
        group = f"chapter {found['chapter']}" if found["chapter"] else "used by several chapters"
        line = f"  {found['name']:32} {found['kind']:10}  {found['regime']}"
        groups.setdefault(group, []).append(line if len(line) <= _WIDTH else f"{line[: _WIDTH - 1]}…")
    return "\n\n".join("\n".join([group, *lines]) for group, lines in sorted(groups.items()))


@cache
def check_names() -> dict[str, list[str]]:
    """The names of the checks by what the module of their formula calls it.

    Read from the source of theory/checks: importing it takes PyTorch.
    """
    found: dict[str, list[str]] = {}
    for path in sorted((Path(theory.__file__).parent / "checks").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=ast.Name("Check"), args=[ast.Constant(str() as check), formula, *_]):
                    found.setdefault(ast.unparse(formula).rpartition(".")[2], []).append(check)
    return found


def _path(formula: Formula) -> str:
    """Its shortest dotted name, theory.linear.generated_trace."""
    rooms = [(room, module) for room, module in sys.modules.items() if room.startswith("theory.")]
    paths = [f"{room}.{name}" for room, module in rooms for name, value in vars(module).items() if value is formula]
    return min(paths, key=lambda path: (path.rpartition(".")[2] != formula.name, path.count("."), path))


def _chapter(formula: Formula) -> Chapter | None:
    return _chapters().get(_path(formula).split(".")[1])


@cache
def _chapters() -> dict[str, Chapter]:
    return {chapter.experiment: chapter for chapter in map(Chapter, find())}


def _equation(formula: Formula) -> str | None:
    if formula.unknown is None:
        return None
    unknown = formula.unknown
    return f"{unknown.symbol} in ({unknown.lower}, {unknown.upper}) where 0 = {unknown.equation}"


def _argument(variable: Variable) -> dict[str, Any]:
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
