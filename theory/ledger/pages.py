"""The ledger as text for a terminal and as a table with reasons below for a page."""

from collections import Counter
from collections.abc import Mapping, Sequence
from textwrap import wrap
from typing import Any

from theory.ledger.ruling import VERDICTS


def text(rows: Sequence[Mapping[str, Any]]) -> str:
    """The ledger for a terminal."""
    entries = []
    for row in rows:
        lines = [f"{row['id']:6}{row['verdict']}: {row['statement']} ({row['source']})"]
        if row["verdict"] != "pending":
            lines += [*wrap(row["reason"], 110), *wrap(_conditions(row), 110)]
        entries.append("\n      ".join(lines))
    return "\n".join([*entries, *([_counted(rows)] if len(rows) > 1 else [])])


def markdown(rows: Sequence[Mapping[str, Any]]) -> str:
    """A table of verdicts, ten words each, and below it the reasons with links to the chapters, as a page in docs/."""
    settled = [row for row in rows if row["verdict"] != "pending"]
    lines = [_counted(rows), "", "| | claim | verdict | in short |", "|---|---|---|---|"]
    for row in rows:
        name = f"[{row['id']}](#{row['id'].lower().replace('.', '')})" if row in settled else row["id"]
        lines.append(f"| {name} | {row['statement']} *{row['source']}* | {row['verdict']} | {row['short']} |")
    for row in settled:
        chapter = f"[Chapter {row['chapter'][:2].lstrip('0')}](../notebooks/{row['chapter']}.ipynb)"
        lines += ["", f"## {row['id']}", "", f"*{row['statement']}* ({row['source']})", ""]
        lines += [f"**{row['verdict'].capitalize()}.** {row['reason']} {chapter}.", "", _conditions(row)]
    return "\n".join(lines) + "\n"


def _conditions(row: Mapping[str, Any]) -> str:
    """The rule by which the verdict was found."""
    if not row["criteria"]:
        return "Nothing computed here could turn this: it is counted apart."
    said = "; ".join(f"it {verdict} if {words}" for verdict, words in row["criteria"].items())
    return f"The rule: {said}. The first that is true decides; else it is undecided."


def _counted(rows: Sequence[Mapping[str, Any]]) -> str:
    """How many claims there are of each verdict; commentary is no verdict, and counted apart."""
    found = Counter(row["verdict"] for row in rows)
    apart = ("commentary", "pending")
    decided = [f"{found[verdict]} {verdict}" for verdict in VERDICTS if verdict not in apart and found[verdict]]
    total = sum(count for verdict, count in found.items() if verdict not in apart)
    rest = "".join(f"; {found[verdict]} {verdict}" for verdict in apart if found[verdict])
    return f"{total} ruled on: {', '.join(decided)}{rest}."
