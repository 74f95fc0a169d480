"""Links in the book: chapters, formulas, claims and references are linked wherever they are named."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from nbformat import NotebookNode

from memgen.places import DOCS

# What is left as it is: code blocks, display and inline mathematics, HTML tags, links, roles, and headings.
_LEAVE = re.compile(
    r"```.*?```|~~~.*?~~~|\$\$.*?\$\$|\$[^$\n]+\$|<[^>\n]+>"
    r"|\]\([^)\n]*\)|\[[^\]\n]*\](?=\()|\{\w+\}`[^`]*`|^\#+ [^\n]*$",
    re.DOTALL | re.MULTILINE,
)


class Links:
    """Turns names into links; `chapters` are the stems of the notebooks that the book has."""

    def __init__(self, chapters: Sequence[str]) -> None:
        from theory import catalogue
        from theory.ledger.claims import CLAIMS

        self._numbers = {stem.partition("_")[0].lstrip("0"): stem for stem in chapters}
        self._formulas = set(catalogue.entries())
        self._claims = {claim.id for claim in CLAIMS if claim.question}
        self._keys = set(re.findall(r"@\w+\{(\w+),", (DOCS / "references.bib").read_text(encoding="utf-8")))

    def in_page(self, text: str, folder: str) -> str:
        """The text of a page with links; `folder`, such as ../, leads from the page to the book's first folder."""
        text = re.sub(r"\[([^\]\n]*)\]\((?:\.\./)?notebooks/(\w+)\.ipynb\)", lambda m: self._notebook(m, folder), text)
        text = re.sub(r"\]\((?:\.\./)?docs/", f"]({folder}", text)
        return _outside(text, lambda part: self._linked(part, folder))

    def in_notebook(self, notebook: NotebookNode) -> None:
        """Link the prose of a chapter and the Markdown that its cells display."""
        for cell in notebook.cells:
            if cell.cell_type == "markdown":
                cell.source = self.in_page(cell.source.replace("](../docs/", "](docs/"), "../")
            for output in cell.get("outputs", []):
                data = output.get("data", {})
                if "text/markdown" in data:
                    data["text/markdown"] = self.in_page(data["text/markdown"], "../")

    def _linked(self, text: str, folder: str) -> str:
        text = re.sub(r"`(?:theory\.)?(?:\w+\.)?(\w+)`", lambda m: self._formula(m, folder), text)
        text = re.sub(r"\b(C\d|R\d\.\d)\b(?!`)", lambda m: self._claim(m, folder), text)
        text = re.sub(r"\b([Cc]hapter) (\d+)\b", lambda m: self._chapter(m, folder), text)
        return re.sub(r"(?<![\w{`])(?:[a-z]+[12][09]\d\d\w*)\b", self._reference, text)

    def _notebook(self, found: re.Match, folder: str) -> str:
        words, stem = found.groups()
        return f"[{words}]({folder}notebooks/{stem}.ipynb)" if stem in self._numbers.values() else words

    def _formula(self, found: re.Match, folder: str) -> str:
        return f"[{found[0]}]({folder}formulas/{found[1]}.md)" if found[1] in self._formulas else found[0]

    def _claim(self, found: re.Match, folder: str) -> str:
        name = found[1]
        place = name.lower().replace(".", "")
        return f"[{name}]({folder}claims.md#{place})" if name in self._claims else name

    def _chapter(self, found: re.Match, folder: str) -> str:
        stem = self._numbers.get(found[2])
        return f"[{found[0]}]({folder}notebooks/{stem}.ipynb)" if stem else found[0]

    def _reference(self, found: re.Match) -> str:
        return f"{{cite}}`{found[0]}`" if found[0] in self._keys else found[0]


def _outside(text: str, change: Callable[[str], str]) -> str:
    """The text, with `change` applied to all parts of it that `_LEAVE` does not match."""
    parts, end = [], 0
    for kept in _LEAVE.finditer(text):
        parts += [change(text[end : kept.start()]), kept[0]]
        end = kept.end()
    return "".join([*parts, change(text[end:])])
