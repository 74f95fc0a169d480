"""The book: it builds without warnings, shows what the runs gave, and loads nothing from the network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from memgen.app.book import build, remote_resources
from memgen.app.notebooks import run


@pytest.mark.parametrize(
    "tag",
    [
        '<script src="https://cdn.org/x.js"></script>',
        "<script src='//cdn.org/x.js'></script>",
        '<link rel="stylesheet" href="http://cdn.org/x.css">',
        '<link rel="preload" href="https://cdn.org/x.woff2">',
        '<img src="HTTPS://cdn.org/x.png">',
        "<p style=\"background: url('https://cdn.org/x.png')\">",
        "<style>@import url(https://cdn.org/x.css);</style>",
        '<script>require(["https://cdn.org/x.js"])</script>',
    ],
)
def test_a_remote_resource_is_found(tmp_path: Path, tag: str) -> None:
    (tmp_path / "page.html").write_text(f"<html><head></head><body>{tag}</body></html>")
    (found,) = remote_resources(tmp_path)
    assert found.startswith("page.html: ") and "cdn.org/x." in found


def test_a_remote_font_is_found_in_a_style_sheet(tmp_path: Path) -> None:
    (tmp_path / "x.css").write_text("@font-face { src: url(https://cdn.org/x.woff2) }")
    assert remote_resources(tmp_path) == ["x.css: https://cdn.org/x.woff2"]


def test_links_and_local_resources_are_not_remote(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(
        '<link rel="canonical" href="https://x.org"><a href="https://x.org">x</a><img src="x.png">'
        '<script src="x.js"></script><script>// see https://x.org</script><svg xmlns="http://www.w3.org/2000/svg"/>'
    )
    assert remote_resources(tmp_path) == []


def test_the_book_builds_from_docs_and_executed_notebooks(chapter: Callable[..., Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    figure = "import matplotlib.pyplot as plt\nplt.plot(grid)\nplt.show()"
    assert run(chapter("print(f'{n = }')", figure), out, {"n": 42}).problem is None
    (out / "02_bad.failed.ipynb").write_text("not a chapter")
    first = build(out, out / "book")
    assert "Does it run?" in first.read_text()
    page = (out / "book" / "notebooks" / "01_tiny.html").read_text()
    assert "n = 42" in page and "2 checks" in page and "<img" in page
    assert (out / "book" / "_static" / "mathjax" / "tex-chtml.js").exists()
