"""The book: it builds without warnings, shows what the runs gave, and loads nothing from the network."""

from __future__ import annotations

import re
from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path

import pytest

from memgen.app.book import broken_links, build, remote_resources
from memgen.app.chapters import find
from memgen.app.links import Links
from memgen.app.notebooks import run
from memgen.places import ROOT
from theory import catalogue


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
        '<img srcset="a.png 1x, https://cdn.org/x.png 2x">',
        '<picture><source srcset="//cdn.org/x.png"></picture>',
        '<link rel="preload" imagesrcset="https://cdn.org/x.png 2x">',
        '<svg><image href="https://cdn.org/x.png"/></svg>',
        '<svg><use xlink:href="https://cdn.org/x.svg#a"/></svg>',
        '<video poster="https://cdn.org/x.png"></video>',
        '<base href="https://cdn.org/x.html">',
        '<meta http-equiv="Refresh" content="0; URL=https://cdn.org/x.html">',
        "<iframe srcdoc='&lt;img src=&quot;https://cdn.org/x.png&quot;&gt;'></iframe>",
        '<input type="image" src="https://cdn.org/x.png">',
        '<video><track src="https://cdn.org/x.vtt"></video>',
        '<body background="https://cdn.org/x.png">',
        "<style>p { background: image-set('https://cdn.org/x.png' 1x) }</style>",
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
        '<img srcset="a.png 1x, b.png 2x"><svg><use href="#a"/><a href="https://x.org">x</a></svg>'
        '<meta name="x" content="url=https://x.org"><meta http-equiv="refresh" content="0; url=b.html">'
    )
    assert remote_resources(tmp_path) == []


def test_a_link_that_leads_nowhere_is_found(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text('<p id="here"></p><a href="#here">x</a><a href="b.html#there">x</a>')
    assert broken_links(tmp_path) == ["a.html: b.html#there"]
    (tmp_path / "b.html").write_text('<a href="https://x.org/#y">x</a><a href="a.html#nowhere">x</a>')
    assert broken_links(tmp_path) == ["a.html: b.html#there", "b.html: a.html#nowhere"]


@pytest.mark.parametrize(
    ("text", "linked"),
    [
        ("see chapter 3 and chapter 9", "see [chapter 3](../notebooks/03_linear.ipynb) and chapter 9"),
        ("`kl_generated_true`", "[`kl_generated_true`](../formulas/kl_generated_true.md)"),
        (
            "`linear.kl_generated_true` and `x`",
            "[`linear.kl_generated_true`](../formulas/kl_generated_true.md) and `x`",
        ),
        ("(C7), not R9.1", "([C7](../claims.md#c7)), not R9.1"),  # there is no such claim
        ("R1.3 of halder2024", "[R1.3](../claims.md#r13) of {cite}`halder2024`"),
        ("$C7$, [chapter 3](x.md), `C7`", "$C7$, [chapter 3](x.md), `C7`"),
        ("```\nchapter 3\n```", "```\nchapter 3\n```"),
        ("[a](../notebooks/09_b.ipynb), [c](../docs/claims.md)", "a, [c](../claims.md)"),
    ],
)
def test_names_become_links_where_there_is_something(text: str, linked: str) -> None:
    assert Links(["03_linear"]).in_page(text, "../") == linked


def test_every_chapter_is_in_one_part_of_the_book() -> None:
    lines = (ROOT / "docs" / "index.md").read_text(encoding="utf-8").splitlines()
    patterns = [line for line in lines if line.startswith("notebooks/")]
    for chapter in find():
        assert sum(fnmatch(f"notebooks/{chapter.stem}", pattern) for pattern in patterns) == 1, chapter.stem


def test_the_book_builds_from_docs_and_executed_notebooks(
    chapter: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalogue.formulas(), catalogue.claims()  # kept: of all formulas
    few = {name: catalogue.entries()[name] for name in ("noise_variance", "kernel_width", "generated_trace")}
    monkeypatch.setattr(catalogue, "entries", lambda: few)
    out = tmp_path / "out"
    figure = "import matplotlib.pyplot as plt\nplt.plot(grid)\nplt.show()"
    assert run(chapter("print(f'{n = }')", figure), out, {"n": 42}).problem is None
    (out / "02_bad.failed.ipynb").write_text("not a chapter")
    first = build(out, out / "book")
    assert "Does it run?" in first.read_text() and "stops memorizing when" in first.read_text()
    page = (out / "book" / "notebooks" / "01_tiny.html").read_text()
    assert "1. Does it run?" in page and "n = 42" in page and "2 checks" in page and "<img" in page
    formula = (out / "book" / "formulas" / "generated_trace.html").read_text()
    assert "linear.trace" in formula and "residual 0" in formula and "fifty digits" in formula
    assert "one_step" in (out / "book" / "api.html").read_text()
    assert (out / "book" / "_static" / "mathjax" / "tex-chtml.js").exists()
    scripts = re.findall(r'src="(_static/calculator/\w+\.js)"', (out / "book" / "calculator.html").read_text())
    assert len(scripts) == 4 and all((out / "book" / script).exists() for script in scripts)
