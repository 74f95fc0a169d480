"""The command line. Bad input ends it with status 2 and one line on stderr that names the culprit."""

# Commands import what they need when they are called: SymPy and torch take seconds, `memgen --help` must not.

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from memgen.app.commands import audit, chapters, formula, ledger, predict, sweep
from memgen.app.extras import advice
from memgen.errors import LONGEST, BadInput, Failure, one_line

_EXAMPLES = """\b
Examples:
  memgen list                       the chapters, their experiments and parameters
  memgen run 03 --out out           run a chapter
  memgen formula neighbour_ratio    a formula, with its regime and source
  memgen claims C3                  decide a claim anew
  memgen predict images/            before training: will a model of these memorize?
  memgen audit --train images/ --generated samples/ --holdout unseen/
"""


@click.group(no_args_is_help=False, epilog=_EXAMPLES)
def cli() -> None:
    """How many samples does a diffusion model need before it stops memorizing, and by which criterion?"""


for _command in (*chapters.COMMANDS, formula.formula, sweep.sweep, ledger.claims, predict.predict, audit.audit):
    cli.add_command(_command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit status."""
    try:
        _decoded(sys.argv[1:] if arguments is None else arguments)
        return int(cli.main(arguments, prog_name="memgen", standalone_mode=False) or 0)
    except click.ClickException as error:  # a command line that cannot be parsed
        status, message = 2, error.format_message()
    except BadInput as error:
        status, message = 2, str(error)
    except ModuleNotFoundError as error:
        if (missing := advice(error)) is None:
            raise
        status, message = 2, missing
    except Failure as error:
        status, message = 1, str(error)
    except click.Abort:
        status, message = 130, "interrupted"
    print(f"memgen: {one_line(message, LONGEST)}", file=sys.stderr)
    return status


def _decoded(arguments: Sequence[str]) -> None:
    """BadInput if an argument is no text: it could not be kept in a notebook, a table or a page."""
    for argument in arguments:
        try:
            argument.encode()
        except UnicodeEncodeError:
            raise BadInput(f"argument {one_line(argument, 60)} is not text in UTF-8") from None
        if "\0" in argument:  # no system passes one, Python may
            raise BadInput(f"argument {one_line(argument, 60)} has a NUL in it")
