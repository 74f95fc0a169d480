"""`memgen claims`."""

from __future__ import annotations

import json
from functools import partial

import click

from memgen.app.say import patience, show

_EXAMPLES = """\b
Examples:
  memgen claims                every claim; computes for half a minute
  memgen claims C3 R5.1        two of them
  memgen claims --json C3      the verdict, the numbers and the rule that decide it
"""


@click.command(epilog=_EXAMPLES)
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option("--json", "as_json", is_flag=True, help="Print the ledger as JSON.")
def claims(ids: tuple[str, ...], as_json: bool) -> int:
    """Decide the claims of the paper and the questions of its reviewers, with the numbers and rules that decide them.

    ID is that of a claim, such as C3 or R1.3. None means all.
    """
    with patience("loading PyTorch and SymPy"):
        from tqdm import tqdm

        from theory.ledger.claims import rows
        from theory.ledger.pages import text

    decided = rows(ids, partial(tqdm, desc="deciding", unit="claim", delay=1, leave=False))
    show(json.dumps(decided, indent=1, ensure_ascii=False) if as_json else text(decided))
    return 0
