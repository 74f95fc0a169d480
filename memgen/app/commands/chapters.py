"""`memgen list`, `memgen run`, `memgen refresh` and `memgen book`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from memgen.app.commands import options
from memgen.app.say import patience, show

_LIST = """\b
Examples:
  memgen list              the chapters, with what -p can set
  memgen list linear 05    the parameters of two chapters: types, bounds, presets
  memgen list --json       the same for programs
"""
_RUN = """\b
Examples:
  memgen run                             every chapter, into the folder out
  memgen run 03 -p preset smoke          a quick look at one
  memgen run linear -p d 32 -p seed 1    its own parameters, as memgen list linear explains them
"""
_REFRESH = """\b
Example:
  memgen refresh --jobs 2    then read the changes: git diff --stat
"""
_BOOK = """\b
Example:
  memgen run --out out && memgen book --from out --to out/book
"""


@click.command("list", epilog=_LIST)
@click.argument("names", nargs=-1, metavar="[CHAPTER]...")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_(names: tuple[str, ...], as_json: bool) -> int:
    """List the chapters, their questions, experiments and parameters with defaults.

    CHAPTER is a number or an experiment, such as 03 or linear: list the type, the bounds and the presets of each of its
    parameters. So for experiments without a chapter, such as rise. memgen formula lists the formulas.
    """
    from memgen.app import listing
    from memgen.app.chapters import Chapter, find

    chapters = [Chapter(path) for path in find()]
    if not names:
        show(
            json.dumps([listing.row(c) for c in chapters], indent=1, ensure_ascii=False)
            if as_json
            else listing.overview(chapters)
        )
        return 0
    others = listing.without_chapter(chapters)
    asked = [name if name in others else Chapter(*find([name])) for name in dict.fromkeys(names)]
    with patience("loading PyTorch"):
        rows = [listing.unnumbered(one) if isinstance(one, str) else listing.detailed(one) for one in asked]
    show(json.dumps(rows, indent=1, ensure_ascii=False) if as_json else "\n\n".join(listing.text(row) for row in rows))
    return 0


@click.command(epilog=_RUN)
@click.argument("notebooks", nargs=-1, metavar="[NOTEBOOK]...")
@click.option("--out", type=options.folder, default="out", show_default=True, help="The folder for what is executed.")
@options.parameters
@options.jobs
@click.option("--json", "as_json", is_flag=True, help="Print the closing table as JSON.")
def run(
    notebooks: tuple[str, ...], out: Path, parameters: tuple[tuple[str, str], ...], jobs: int, as_json: bool
) -> int:
    """Run notebooks, and say whether their checks pass.

    NOTEBOOK is a path, or the name, number or experiment of a chapter: 03_linear_denoiser, 03, linear.
    None means all. Parameters apply to each notebook that is run.
    """
    with patience("loading Jupyter"):
        from memgen.app.chapters import find
        from memgen.app.notebooks import run_all
        from memgen.app.outcome import table

    results = run_all(find(notebooks), out, options.each_once(parameters), jobs)
    show(json.dumps([result.row() for result in results], indent=1) if as_json else table(results))
    return 0 if not any(result.problem for result in results) else 1


@click.command(epilog=_REFRESH)
@options.jobs
def refresh(jobs: int) -> int:
    """Execute every chapter at its defaults, in place; renew what the pages of the clone say of the results."""
    with patience("loading Jupyter, PyTorch and SymPy"):
        from memgen.app import refresh
        from memgen.app.outcome import table
        from memgen.places import ROOT
        from theory import letters
        from theory.ledger.claims import rows
        from theory.ledger.pages import markdown

    results = refresh.refresh(jobs=jobs)
    show(table(results))
    if any(result.problem or result.open for result in results):
        return 1
    with patience("deciding claims"):
        ledger = markdown(rows())
    refresh.write_block(ROOT / "docs" / "claims.md", "claims", ledger)
    refresh.write_block(ROOT / "docs" / "conventions.md", "letters", letters.table())
    return 0


@click.command(epilog=_BOOK)
@click.option("--from", "executed", type=options.folder, default="out", show_default=True, help="Executed notebooks.")
@click.option("--to", "target", type=options.folder, default="out/book", show_default=True, help="The book's folder.")
def book(executed: Path, target: Path) -> int:
    """Build the book from docs/ and executed notebooks."""
    with patience("loading Jupyter"):
        from memgen.app.book import build

    with patience("building the book"):
        show(str(build(executed, target)))
    return 0


COMMANDS = (list_, run, refresh, book)
