"""Options that several commands have."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import click

from memgen.errors import BadInput

folder = click.Path(path_type=Path)
parameters = click.option("-p", "parameters", nargs=2, multiple=True, metavar="NAME VALUE", help="Set a parameter.")
jobs = click.option("--jobs", type=click.IntRange(min=1), default=2, help="Notebooks at a time.", show_default=True)


def each_once(given: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Parameters by name. BadInput if one is given twice."""
    names = [name for name, _ in given]
    if twice := [name for name in names if names.count(name) > 1]:
        raise BadInput(f"parameter {twice[0]!r} is given twice")
    return dict(given)


def strict_json(document: object) -> str:
    """JSON that every program reads: without NaN, which is a mistake of ours."""
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False)
