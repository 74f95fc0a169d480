"""What `memgen list` shows of the chapters and of their parameters."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from textwrap import wrap
from typing import Any

from memgen.app.chapters import Chapter

_WIDTH = 110


def row(chapter: Chapter) -> dict[str, Any]:
    """A chapter and its parameters, as its notebook has them, in plain values."""
    return {
        "number": chapter.number,
        "experiment": chapter.experiment,
        "question": chapter.question,
        "notebook": chapter.path.stem,
        "parameters": [vars(parameter) for parameter in chapter.parameters],
    }


def detailed(chapter: Chapter) -> dict[str, Any]:
    """`row`, with the type of each parameter, and its value in each preset where the preset decides."""
    from memgen import experiments

    return _typed(row(chapter), experiments.load(chapter.experiment).Params)


def unnumbered(name: str) -> dict[str, Any]:
    """The same of an experiment that has no chapter, from its module; its parameters are explained there."""
    from memgen import experiments

    module = experiments.load(name)
    defaults = module.Params().model_dump(mode="json")
    found = {
        "number": None,
        "experiment": name,
        "question": (module.__doc__ or "").partition("\n")[0],
        "notebook": None,
        "parameters": [{"name": key, "default": value, "meaning": ""} for key, value in defaults.items()],
    }
    return _typed(found, module.Params)


def without_chapter(chapters: Sequence[Chapter]) -> set[str]:
    """The names of the experiments that none of these chapters shows."""
    from memgen import experiments

    return experiments.names() - {chapter.experiment for chapter in chapters}


def _typed(found: dict[str, Any], params: Any) -> dict[str, Any]:
    schemas = params.model_json_schema()["properties"]
    for parameter in found["parameters"]:
        name = parameter["name"]
        parameter["type"] = described(schemas[name])
        parameter["presets"] = {
            preset: values[name] for preset, values in params.presets.items() if values.get(name) is not None
        }
    return found


def described(schema: Mapping[str, Any]) -> str:
    """The values that a JSON schema allows, in words."""
    if "anyOf" in schema:
        return " or ".join(described(part) for part in schema["anyOf"] if part.get("type") != "null")
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if schema.get("type") == "array":
        return f"list of {described(schema.get('items', {})) or 'values'}"
    signs = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    bounds = [f"{sign} {schema[key]:g}" for key, sign in signs.items() if key in schema]
    if "multipleOf" in schema:
        bounds.append(f"a multiple of {schema['multipleOf']}")
    return f"{schema.get('type', '')} {', '.join(bounds)}".strip()


def overview(chapters: Sequence[Chapter]) -> str:
    """Number, experiment and question of each chapter, and the defaults of its parameters; the other experiments."""
    lines = []
    for chapter in chapters:
        lines.append(f"{chapter.number}  {chapter.experiment:12}  {chapter.question}")
        settings = [f"{p.name}={_shown(p.default)}" for p in chapter.parameters]
        lines += wrap("  ".join(settings), _WIDTH, initial_indent=" " * 18, subsequent_indent=" " * 18)
    lines += ["", "A value of … is set by the preset; memgen list CHAPTER explains the parameters."]
    others = ", ".join(sorted(without_chapter(chapters)))
    return "\n".join([*lines, *wrap(f"Without a chapter, for memgen sweep: {others}.", _WIDTH)])


def text(found: Mapping[str, Any]) -> str:
    """One chapter and its parameters: type, meaning and default of each."""
    lines = [f"{found['number'] or '–'}  {found['experiment']}: {found['question']}", ""]
    for parameter in found["parameters"]:
        lines.append(f"  {parameter['name']:13} {parameter['type']}")
        for line in (parameter["meaning"], _default(parameter)):
            lines += wrap(line, _WIDTH, initial_indent=" " * 16, subsequent_indent=" " * 16)
    return "\n".join(lines)


def _default(parameter: Mapping[str, Any]) -> str:
    shown = {preset: _shown(value) for preset, value in parameter["presets"].items()}
    if len(set(shown.values())) > 1:
        return "default: " + ", ".join(f"{value} ({preset})" for preset, value in shown.items())
    if shown:
        return f"default: {next(iter(shown.values()))}"
    return f"default: {'none' if parameter['default'] is None else _shown(parameter['default'])}"


def _shown(value: Any) -> str:
    if value is None:
        return "…"
    return value if isinstance(value, str) else json.dumps(value)
