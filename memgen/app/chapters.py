"""The chapters: where their notebooks lie, and what each says of itself.

A notebook names its experiment in its metadata, ``{"memgen": {"experiment": "linear"}}``; its title is its question;
its cell tagged `parameters` has their defaults, each with a comment. The standard library is enough to read them.
"""

from __future__ import annotations

import ast
import io
import json
import re
import tokenize
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from memgen.errors import BadInput, one_line
from memgen.places import NOTEBOOKS


@dataclass(frozen=True)
class Parameter:
    """A parameter of a notebook; its default is None where the preset decides."""

    name: str
    default: Any
    meaning: str


class _Cell(NamedTuple):
    source: str
    tags: list[str]


@dataclass(frozen=True)
class Chapter:
    """The notebook of a chapter; its file is read when a property first needs it."""

    path: Path

    @property
    def number(self) -> str:
        """The number that its file begins with: 03."""
        return self.path.stem.partition("_")[0]

    @cached_property
    def experiment(self) -> str:
        """The name of its experiment: linear."""
        try:
            return str(self._content["metadata"]["memgen"]["experiment"])
        except (KeyError, TypeError):
            raise BadInput(f"{self.path.stem}: the metadata names no experiment") from None

    @property
    def question(self) -> str:
        """Its title, without the number."""
        title = (self._cells[0].source if self._cells else "").partition("\n")[0]
        return re.sub(r"^#\s*(\d+[.:]?\s+)?", "", title)

    @property
    def parameters(self) -> list[Parameter]:
        """The parameters that its cell tagged `parameters` assigns; none without such a cell. BadInput if
        unreadable."""
        for cell in self._cells:
            if "parameters" in cell.tags:
                try:
                    return _assigned(cell.source)
                except (SyntaxError, ValueError, RecursionError, MemoryError, tokenize.TokenError) as error:
                    said = one_line(error, 120) or type(error).__name__
                    raise BadInput(f"{self.path}: its parameters cannot be read: {said}") from None
        return []

    @cached_property
    def _cells(self) -> list[_Cell]:
        """The cells of the file. BadInput if it has none, or something else in their place."""
        try:
            return [
                _Cell("".join(cell["source"]), list(cell.get("metadata", {}).get("tags", [])))
                for cell in self._content["cells"]
            ]
        except (KeyError, TypeError, AttributeError):
            raise BadInput(
                f"{self.path}: not a readable notebook: it has no cells, or what is in them is none"
            ) from None

    @cached_property
    def _content(self) -> dict[str, Any]:
        try:
            content = json.loads(self.path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise BadInput(f"{self.path}: not a readable notebook: {one_line(error)}") from None
        if not isinstance(content, dict):
            raise BadInput(f"{self.path}: not a readable notebook: no JSON object")
        return content


def _assigned(source: str) -> list[Parameter]:
    comments = {
        token.start[0]: token.string.lstrip("# ")
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    }
    found = []
    for line in ast.parse(source).body:
        if isinstance(line, ast.Assign | ast.AnnAssign) and line.value is not None:
            target = line.target if isinstance(line, ast.AnnAssign) else line.targets[0]
            meaning = comments.get(line.end_lineno or line.lineno, "")
            found.append(Parameter(ast.unparse(target), ast.literal_eval(line.value), meaning))
    return found


def find(names: Sequence[str] = (), folder: Path = NOTEBOOKS) -> list[Path]:
    """The notebooks meant by paths, stems (03_linear_denoiser), numbers (03) or experiments (linear); none: all."""
    known = sorted(folder.glob("[0-9]*.ipynb"))
    if not names and not known:
        raise BadInput(f"no notebooks in {folder}")
    found = list(dict.fromkeys(_find_one(name, known) for name in names)) or known
    stems = [notebook.stem for notebook in found]
    if clash := [stem for stem in stems if stems.count(stem) > 1]:
        raise BadInput(f"two notebooks are called {clash[0]!r}: their results would overwrite each other")
    return found


def _find_one(name: str, known: list[Path]) -> Path:
    if name.endswith(".ipynb"):
        try:
            path = Path(name).resolve(strict=True)
        except (OSError, RuntimeError, ValueError):  # RuntimeError: a link that leads to itself
            path = Path(name)
        if not _is_file(path):
            raise BadInput(f"unknown notebook '{one_line(name, 100)}': no such file")
        return path
    for chapter in map(Chapter, known):
        if name in (chapter.path.stem, chapter.number, chapter.experiment):
            return chapter.path
    raise BadInput(
        f"unknown notebook '{one_line(name, 100)}' (known: {', '.join(path.stem for path in known) or 'none'})"
    )


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that no file can have
        return False
