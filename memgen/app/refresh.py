"""Make the stored outputs: execute the chapters at their defaults, and tell the README what came out.

Stored outputs come about in no other way. A second refresh changes nothing.
"""

from __future__ import annotations

import base64
import copy
import hashlib
import re
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import nbformat
from nbconvert.preprocessors import CoalesceStreamsPreprocessor

from memgen.app.chapters import find
from memgen.app.notebooks import read, run_all
from memgen.app.outcome import Result
from memgen.errors import BadInput, one_line
from memgen.files import replacing
from memgen.places import NOTEBOOKS, ROOT

START, END = "<!-- chapters:start -->", "<!-- chapters:end -->"
HEADER = (
    "| chapter | question | largest \\|z\\| | seconds |\n"
    "|---|---|---|---|\n"
)  # fmt: skip
SAME_FACTOR, SAME_SECONDS = 1.5, 3  # a runtime this near to the last one counts as the same


def refresh(root: Path = ROOT, jobs: int = 2) -> list[Result]:
    """Execute every chapter; if they succeed and all their checks pass, store them, the table and the figure."""
    readme = root / "README.md"
    if not readme.is_file():
        raise BadInput(f"{root}: not a clone of memgen, where there are pages to renew")
    chapters = find(folder=root / NOTEBOOKS.name)
    before = readme.read_text(encoding="utf-8")
    if before.find(START) == -1 or before.find(END) < before.find(START):
        raise BadInput(f"{readme}: no lines {START} and {END}")
    with tempfile.TemporaryDirectory() as scratch:
        results = run_all(chapters, Path(scratch), jobs=jobs)
        if not any(result.problem or result.open for result in results):
            for chapter in chapters:
                notebook = canonicalise(read(Path(scratch) / chapter.name))
                _write(chapter, dumps(notebook))
                if (figure := readme_figure(notebook)) is not None:
                    _write(root / "docs" / "figure.png", figure)
                if (table := readme_table(notebook)) is not None:
                    before = with_block(before, readme, "criteria", table)
            _write(readme, with_table(before, results).encode())
    return results


def canonicalise(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The notebook without what differs from run to run: times, versions, parameters given, random ids."""
    canonical = copy.deepcopy(notebook)
    canonical.nbformat, canonical.nbformat_minor = 4, 5
    canonical.metadata.kernelspec = {"display_name": "Python 3", "language": "python", "name": "python3"}
    canonical.metadata.language_info = {"name": "python"}
    canonical.cells = [c for c in canonical.cells if "injected-parameters" not in c.metadata.get("tags", [])]
    seen, join_streams = Counter[str](), CoalesceStreamsPreprocessor()
    for cell in canonical.cells:
        digest = hashlib.sha256(cell.source.encode()).hexdigest()[:8]
        seen[digest] += 1
        cell.id = digest if seen[digest] == 1 else f"{digest}-{seen[digest]}"
        if cell.cell_type == "code":
            join_streams.preprocess_cell(cell, {}, 0)  # text printed in one go can arrive in pieces
        if not cell.metadata.get("tags"):
            cell.metadata.pop("tags", None)
    for part in (canonical, *canonical.cells):
        for noise in ("papermill", "execution"):
            part.metadata.pop(noise, None)
    return canonical


def dumps(notebook: nbformat.NotebookNode) -> bytes:
    """The bytes of a notebook file."""
    return (nbformat.writes(notebook).rstrip("\n") + "\n").encode()


def write_block(path: Path, name: str, content: str) -> None:
    """Renew what stands in a page between its lines <!-- name:start --> and <!-- name:end -->."""
    _write(path, with_block(path.read_text(encoding="utf-8"), path, name, content).encode())


def with_block(page: str, path: Path, name: str, content: str) -> str:
    """The text of the page at `path` with other content between these lines. BadInput if they are not there."""
    start, end = f"<!-- {name}:start -->", f"<!-- {name}:end -->"
    if page.find(start) == -1 or page.find(end) < page.find(start):
        raise BadInput(f"{path}: no lines {start} and {end}")
    head, rest = page.split(start)
    return f"{head}{start}\n{content}{end}{rest.split(end)[1]}"


def readme_table(notebook: nbformat.NotebookNode) -> str | None:
    """The Markdown displayed by the cell tagged readme-table, if there is such a cell."""
    return _last_shown(notebook, "readme-table", "text/markdown")


def readme_figure(notebook: nbformat.NotebookNode) -> bytes | None:
    """The picture made by the cell tagged readme-figure, if there is such a cell."""
    picture = _last_shown(notebook, "readme-figure", "image/png")
    return None if picture is None else base64.b64decode(picture)


def _last_shown(notebook: nbformat.NotebookNode, tag: str, kind: str) -> str | None:
    for cell in notebook.cells:
        if tag in cell.metadata.get("tags", []):
            shown = [o.data[kind] for o in cell.outputs if kind in o.get("data", {})]
            if not shown:
                raise BadInput(f"this cell is tagged {tag} and makes none: {one_line(cell.source, 60)}")
            return str(shown[-1])
    return None


def with_table(readme: str, results: Sequence[Result]) -> str:
    """The README with one row for each notebook between its two markers."""
    rows = "".join(_row(result, readme) for result in results)
    return with_block(readme, ROOT / "README.md", "chapters", HEADER + rows)


def _row(result: Result, old: str) -> str:
    name, found = result.notebook, result.summary
    assert found is not None, f"{name} has no summary: only successful runs come here"
    seconds = max(1, round(result.seconds))
    if match := re.search(rf"^\| \[{re.escape(name)}\].*\| (\d+) \|$", old, re.MULTILINE):
        last = int(match[1])
        if abs(seconds - last) <= SAME_SECONDS or 1 / SAME_FACTOR <= seconds / last <= SAME_FACTOR:
            seconds = last
    cells = [
        f"[{name}](notebooks/{name}.ipynb)",
        " ".join(found.question.split()).replace("|", "\\|"),
        "" if found.worst_z is None else f"{found.worst_z:.1f}",
        str(seconds),
    ]
    return f"| {' | '.join(cells)} |\n"


def _write(path: Path, content: bytes) -> None:
    """Replace the file if its content differs, in one step."""
    if path.exists() and path.read_bytes() == content:
        return
    with replacing(path) as partial:
        partial.write_bytes(content)
