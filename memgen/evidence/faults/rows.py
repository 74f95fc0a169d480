"""What a sweep has lost, doubled or changed, by a reader that shares no code with it."""

from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pyarrow.parquet as pq


class Difference(NamedTuple):
    """How many rows were lost, doubled or changed; rows at another place count as changed."""

    lost: int
    doubled: int
    changed: int


def rows(path: Path) -> list[str]:
    """The rows of a Parquet file with all their digits."""
    table = pq.read_table(path)
    types = [f"{column.name} {column.type}" for column in table.schema]
    columns = [column.to_pylist() for column in table.columns]
    return [repr((types, row)) for row in zip(*columns, strict=True)]


def difference(found: list[str], whole: list[str]) -> Difference:
    """How the rows that were found differ from what they should be."""
    missing, extra = Counter(whole) - Counter(found), Counter(found) - Counter(whole)
    doubled = sum(count for row, count in extra.items() if row in set(whole))
    foreign = extra.total() - doubled
    changed = min(missing.total(), foreign)
    moved = 0 if missing or extra else sum(a != b for a, b in zip(found, whole, strict=True))
    return Difference(missing.total() - changed, doubled + foreign - changed, changed + moved)
