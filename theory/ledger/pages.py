"""The ledger as text for a terminal and as a table for a page."""

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
    """The ledger as a table."""
    head = "| | claim | verdict | because |\n|---|---|---|---|\n"
    return head + "".join(
        f"| {row['id']} | {row['statement']} *{row['source']}* | {row['verdict']} | "
        f"{row['reason'] if row['verdict'] != 'pending' else ''} |\n"
        for row in rows
    )
