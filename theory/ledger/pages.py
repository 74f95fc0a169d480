"""The ledger as text for a terminal and as a table with reasons below for a page."""

from collections.abc import Mapping, Sequence
from textwrap import wrap
from typing import Any


def text(rows: Sequence[Mapping[str, Any]]) -> str:
    """The ledger for a terminal."""
    entries = []
    for row in rows:
        lines = [f"{row['id']:6}{row['verdict']}: {row['statement']} ({row['source']})"]
        if row["verdict"] != "pending":
            lines += wrap(row["reason"], 110)
        entries.append("\n      ".join(lines))
    return "\n".join(entries)


def markdown(rows: Sequence[Mapping[str, Any]]) -> str:
    """A table of verdicts, ten words each, and below it the reasons with links to the chapters, as a page in docs/."""
    settled = [row for row in rows if row["verdict"] != "pending"]
    lines = ["| | claim | verdict | in short |", "|---|---|---|---|"]
    for row in rows:
        name = f"[{row['id']}](#{row['id'].lower().replace('.', '')})" if row in settled else row["id"]
        lines.append(f"| {name} | {row['statement']} *{row['source']}* | {row['verdict']} | {row['short']} |")
    for row in settled:
        chapter = f"[Chapter {row['chapter'][:2].lstrip('0')}](../notebooks/{row['chapter']}.ipynb)"
        lines += ["", f"## {row['id']}", "", f"*{row['statement']}* ({row['source']})", ""]
        lines += [f"**{row['verdict'].capitalize()}.** {row['reason']} {chapter}."]
    return "\n".join(lines) + "\n"
