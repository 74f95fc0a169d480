"""`memgen formula`."""

from __future__ import annotations

import json

import click

from memgen.app.say import patience, show
from memgen.errors import BadInput

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
@click.option("--json", "as_json", is_flag=True, help="Print all that is known of it as JSON.")
def formula(name: str | None, language: str | None, as_json: bool) -> int:
    """Show a formula: expression, regime, source, arguments, derivation and checks; without NAME, list them all.

    The steps of the derivation are verified as they are shown.
    """
    if language and (as_json or not name):
        raise BadInput("--as is for one formula, without --json")
    with patience("loading SymPy and the formulas"):
        from memgen.app import formulas
        from memgen.app.code import code

        chosen = formulas.named(name) if name else None
    if chosen is None:
        show(json.dumps(formulas.rows(), indent=1, ensure_ascii=False) if as_json else formulas.overview())
        return 0
    if language == "latex":
        show(chosen.formula.latex())
    elif language == "text":
        show(str(chosen.formula.expr))
    elif language:
        show(code(chosen.formula, language))
    else:
        with patience("verifying the derivation"):
            found = formulas.row(chosen)
        show(json.dumps(found, indent=1, ensure_ascii=False) if as_json else formulas.text(found))
    return 0
