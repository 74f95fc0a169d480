"""Defects of the store, each to be found by memgen.evidence.faults: a driver calls one of these before its command."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from memgen.runs import parts, store, sweep
from memgen.runs.parts import Part


def _joined_with(change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    """Change the rows of the first cell when shards are joined."""
    plain = parts.write

    def write(path: Path, found: list[Part]) -> None:
        if len(found) > 1:
            found = [Part(change(found[0].table).reset_index(drop=True), found[0].made_by), *found[1:]]
        plain(path, found)

    parts.write = write


def a_row_lost() -> None:
    _joined_with(lambda table: table[1:])


def a_row_doubled() -> None:
    _joined_with(lambda table: pd.concat([table, table[:1]]))


def rows_moved() -> None:
    _joined_with(lambda table: table[::-1])


def no_checksum() -> None:
    parts._checksum = lambda *_: ""


def a_traceback() -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("planted")

    sweep._compute = fail


def shards_left() -> None:
    store.Store._remove_shards = lambda *_: None
