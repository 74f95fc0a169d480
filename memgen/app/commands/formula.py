"""`memgen formula`."""

from __future__ import annotations

import click

_EXAMPLES = """\b
Examples:
  memgen formula                            every formula, by chapter
  memgen formula neighbour_ratio            one, with its derivation
  memgen formula neighbour_ratio --as c     its expression as code
"""
_LANGUAGES = ("text", "latex", "python", "c", "js")


@click.command(epilog=_EXAMPLES)
@click.argument("name", required=False)
@click.option("--as", "language", type=click.Choice(_LANGUAGES), help="Print the expression alone, in this language.")
def formula(name: str | None, language: str | None) -> int:
    """Show a formula: expression, regime, source, arguments, derivation and checks."""
    raise NotImplementedError
