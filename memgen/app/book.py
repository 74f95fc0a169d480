"""Build the book from docs/ and the executed chapters, and check that it can be read without a network."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from html.parser import HTMLParser
from pathlib import Path

from memgen.app.notebooks import make_folder
from memgen.errors import BadInput, Failure
from memgen.places import ROOT

# What a browser loads by itself. Links (<a href>) are not among it, nor are rel=canonical and the like.
_LOADED = {
    "script": "src", "img": "src", "iframe": "src", "source": "src", "video": "src", "audio": "src",
    "embed": "src", "object": "data", "link": "href",
}  # fmt: skip
_LOADED_RELATIONS = set("stylesheet preload prefetch modulepreload preconnect dns-prefetch icon".split())
_REMOTE = re.compile(r"\s*(https?:)?//", re.IGNORECASE)
_CSS_URL = re.compile(r"""(?:url\(|@import)\s*["']?((?:https?:)?//[^"')\s]+)""", re.IGNORECASE)
_SCRIPT_URL = re.compile(r"""["']((?:https?:)?//[^"'\s]+\.(?:m?js|css|woff2?))["']""", re.IGNORECASE)


def build(executed: Path, target: Path) -> Path:
    """Build docs/ with the executed notebooks in `executed` into `target`; return the first page."""
    chapters = [path for path in sorted(executed.glob("[0-9]*.ipynb")) if not path.stem.endswith(".failed")]
    if not chapters:
        raise BadInput(f"no executed notebooks in {executed}: memgen run puts them there")
    make_folder(target)
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch) / "source"
        shutil.copytree(ROOT / "docs", source)
        (source / "notebooks").mkdir()
        for chapter in chapters:
            shutil.copy(chapter, source / "notebooks")
        html = Path(scratch) / "html"
        sphinx = [sys.executable, "-m", "sphinx", "--quiet", "--fail-on-warning", "--keep-going"]
        if subprocess.run([*sphinx, source, html]).returncode:
            raise Failure("the book does not build: see the warnings of Sphinx above")
        if remote := remote_resources(html):
            raise Failure(f"the book loads from the network: {', '.join(remote)}")
        shutil.copytree(html, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".doctrees"))
    return target / "index.html"


def remote_resources(book: Path) -> list[str]:
    """Every script, style, font or picture that the pages and style sheets load from another machine.

    What a script file might load in the course of its work is beyond this.
    """
    found = []
    for page in sorted(book.rglob("*.html")):
        scanner = _Scanner()
        scanner.feed(page.read_text(encoding="utf-8"))
        found += [f"{page.relative_to(book)}: {url}" for url in scanner.remote]
    for sheet in sorted(book.rglob("*.css")):
        urls = _CSS_URL.findall(sheet.read_text(encoding="utf-8"))
        found += [f"{sheet.relative_to(book)}: {url}" for url in urls]
    return found


class _Scanner(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.remote: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        relations = set(given.get("rel", "").lower().split())
        if tag == "link" and not relations & _LOADED_RELATIONS:
            return
        url = given.get(_LOADED.get(tag, ""), "")
        if _REMOTE.match(url):
            self.remote.append(url)
        self.remote += _CSS_URL.findall(given.get("style", ""))

    def handle_data(self, data: str) -> None:
        if self.lasttag == "style":
            self.remote += _CSS_URL.findall(data)
        elif self.lasttag == "script":
            self.remote += _SCRIPT_URL.findall(data)
