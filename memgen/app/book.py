"""Build the book from docs/, the executed chapters and the catalogue of formulas; check that it stands by itself."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from fnmatch import fnmatch
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat
from bs4 import BeautifulSoup

from memgen.app import calculator, pages
from memgen.app.links import Links
from memgen.app.notebooks import make_folder, read
from memgen.errors import BadInput, Failure
from memgen.evidence import page as evidence
from memgen.places import ROOT
from memgen.reading.files import opened

# What a browser loads by itself. Links (<a href>) are not among it, nor are rel=canonical and the like.
_LOADED = ("src", "poster", "background", "data", "codebase", "href", "xlink:href")  # of any element, SVG's included
_LINKS = {"a", "area"}  # whose href is followed only by whoever clicks
_LOADED_RELATIONS = set("stylesheet preload prefetch modulepreload preconnect dns-prefetch icon manifest".split())
_REMOTE = re.compile(r"\s*(?:(?:https?|wss?|ftp):)?[/\\]{2}", re.IGNORECASE)
_CANDIDATE = re.compile(r"(?:^|[\s,])((?:https?:)?//[^\s,]+)", re.IGNORECASE)  # of a srcset
_REFRESH = re.compile(r"url\s*=\s*[\"']?\s*((?:https?:)?//[^\"'\s]+)", re.IGNORECASE)
_CSS_URL = re.compile(r"""(?:url\(|@import|image-set\()\s*["']?((?:https?:)?//[^"')\s]+)""", re.IGNORECASE)
_SCRIPT_URL = re.compile(r"""["']((?:https?:)?//[^"'\s]+\.(?:m?js|css|woff2?))["']""", re.IGNORECASE)


def build(executed: Path, target: Path) -> Path:
    """Build the book with the executed notebooks in `executed` into `target`; return the first page.

    Failure names a warning of Sphinx, a link that leads nowhere, or what would be loaded from the network.
    """
    with opened(executed):
        chapters = [path for path in sorted(executed.glob("[0-9]*.ipynb")) if not path.stem.endswith(".failed")]
    if not chapters:
        raise BadInput(f"no executed notebooks in {executed}: memgen run puts them there")
    for chapter in chapters:  # before what takes minutes
        if not read(chapter).cells:
            raise BadInput(f"{chapter}: not a chapter: it has no cells")
    make_folder(target)
    with tempfile.TemporaryDirectory() as scratch:
        source, html = Path(scratch) / "source", Path(scratch) / "html"
        write_source(source, chapters)
        sphinx = [sys.executable, "-m", "sphinx", "--quiet", "--fail-on-warning", "--keep-going"]
        if subprocess.run([*sphinx, source, html]).returncode:
            raise Failure("the book does not build: see the warnings of Sphinx above")
        if remote := remote_resources(html):
            raise Failure(f"the book loads from the network: {', '.join(remote)}")
        if broken := broken_links(html):
            raise Failure(f"links that lead nowhere: {', '.join(broken[:10])}")
        shutil.copytree(html, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".doctrees"))
    return target / "index.html"


def write_source(source: Path, chapters: list[Path]) -> None:
    """Write the folder that Sphinx takes: docs/, generated pages and chapters, with links between them."""
    shutil.copytree(ROOT / "docs", source)
    links = Links([chapter.stem for chapter in chapters])
    generated = {"answers.md": pages.answers((ROOT / "README.md").read_text(encoding="utf-8")), **pages.reference()}
    generated["evidence.md"] = evidence.page()
    generated["_static/calculator/formulas.js"] = calculator.script()
    for name, text in generated.items():
        (source / name).parent.mkdir(exist_ok=True)
        (source / name).write_text(text, encoding="utf-8")
    for page in source.rglob("*.md"):
        folder = "../" * (len(page.relative_to(source).parts) - 1)
        page.write_text(links.in_page(page.read_text(encoding="utf-8"), folder), encoding="utf-8")
    index = (source / "index.md").read_text(encoding="utf-8").splitlines(keepends=True)
    there = [line for line in index if not line.startswith("notebooks/") or _any_of(line.strip(), chapters)]
    (source / "index.md").write_text("".join(there), encoding="utf-8")
    (source / "notebooks").mkdir()
    for chapter in chapters:
        notebook = read(chapter)
        title, *rest = notebook.cells[0].source.split("\n", 1)
        number = chapter.stem.partition("_")[0].lstrip("0")
        notebook.cells[0].source = "\n".join([title.replace("# ", f"# {number}. ", 1), *rest])
        links.in_notebook(notebook)
        nbformat.write(notebook, source / "notebooks" / chapter.name)


def _any_of(pattern: str, chapters: list[Path]) -> bool:
    return any(fnmatch(f"notebooks/{chapter.stem}", pattern) for chapter in chapters)


def remote_resources(book: Path) -> list[str]:
    """Every script, style, font or picture that the pages and style sheets load from another machine.

    What a script file loads while it runs is not found.
    """
    found = []
    for page in sorted(book.rglob("*.html")):
        found += [f"{page.relative_to(book)}: {url}" for url in _remote_in(_parse(page))]
    for sheet in sorted(book.rglob("*.css")):
        urls = _CSS_URL.findall(sheet.read_text(encoding="utf-8"))
        found += [f"{sheet.relative_to(book)}: {url}" for url in urls]
    return found


def _parse(page: Path) -> BeautifulSoup:
    return BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")


def _remote_in(page: BeautifulSoup) -> list[str]:
    found: list[str] = []
    for tag in page.find_all(True):
        relations = str(tag.get("rel", "")).lower()
        if tag.name != "link" or any(relation in relations for relation in _LOADED_RELATIONS):
            loaded = [str(tag.get(name, "")) for name in _LOADED if not (tag.name in _LINKS and "href" in name)]
            found += [url for url in loaded if _REMOTE.match(url)]
        for name in ("srcset", "imagesrcset"):
            found += _CANDIDATE.findall(str(tag.get(name, "")))
        if tag.name == "meta" and str(tag.get("http-equiv", "")).lower() == "refresh":
            found += _REFRESH.findall(str(tag.get("content", "")))
        found += _remote_in(BeautifulSoup(str(tag.get("srcdoc", "")), "html.parser")) if tag.get("srcdoc") else []
        found += _CSS_URL.findall(str(tag.get("style", "")))
    found += [url for style in page.find_all("style") for url in _CSS_URL.findall(style.get_text())]
    return found + [url for script in page.find_all("script") for url in _SCRIPT_URL.findall(script.get_text())]


def broken_links(book: Path) -> list[str]:
    """Every link inside the book to a page, or to a place on a page, that is not there."""
    book = book.resolve()
    parsed = {page: _parse(page) for page in sorted(book.rglob("*.html"))}
    places = {page: {tag["id"] for tag in soup.find_all(id=True)} for page, soup in parsed.items()}
    found = []
    for page, soup in parsed.items():
        for link in soup.find_all("a", href=True):
            url = urlsplit(str(link["href"]))
            if url.scheme or url.netloc:
                continue
            target = (page.parent / unquote(url.path)).resolve() if url.path else page
            place = unquote(url.fragment)
            if not target.exists() or (place and target in places and place not in places[target]):
                found.append(f"{page.relative_to(book)}: {link['href']}")
    return found
