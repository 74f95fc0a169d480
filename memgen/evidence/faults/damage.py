"""What can happen to a file of results on disk, or be done to it by hand. A damaged file may still be sound Parquet."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from memgen.runs import parts
from memgen.runs.parts import Part

Random = np.random.Generator
Damage = Callable[[Path, Random], None]


def _truncated(path: Path, random: Random) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: int(random.integers(len(content)))])


def _flipped(path: Path, random: Random) -> None:
    content = bytearray(path.read_bytes())
    for _ in range(int(random.integers(1, 9))):
        content[int(random.integers(len(content)))] ^= 1 << int(random.integers(8))
    path.write_bytes(content)


def _zeros(path: Path, random: Random) -> None:
    """Write zeros over a stretch, as after a loss of power: the file has its length, the stretch was not written."""
    content = bytearray(path.read_bytes())
    first = int(random.integers(len(content)))
    length = len(content[first : first + 512])
    content[first : first + length] = bytes(length)
    path.write_bytes(content)


def _longer(path: Path, random: Random) -> None:
    path.write_bytes(path.read_bytes() + random.bytes(40))


def _holds(content: bytes) -> Damage:
    def write(path: Path, random: Random) -> None:
        path.write_bytes(content)

    return write


def _swapped(path: Path, random: Random) -> None:
    """Exchange two files of the folder, if there are two."""
    other = next((p for p in sorted(path.parent.glob("*.parquet")) if p != path), path)
    content = path.read_bytes()
    path.write_bytes(other.read_bytes())
    other.write_bytes(content)


def _folder(path: Path, random: Random) -> None:
    path.unlink()
    path.mkdir()


def _link(path: Path, random: Random) -> None:
    path.unlink()
    path.symlink_to(path.parent / "nowhere")


def _foreign(path: Path, random: Random) -> None:
    pd.DataFrame({"k": [1.0]}).to_parquet(path)


def _beside(path: Path, random: Random) -> None:
    """Put a file of somebody else into the same folder."""
    _foreign(path.with_name("mine.parquet"), random)


def _copied(path: Path, random: Random) -> None:
    """Copy the file under another name."""
    shutil.copy(path, path.with_name(f"copy-{path.name}"))


def _left(path: Path, random: Random) -> None:
    """Leave behind what a killed process was writing, and what another was computing."""
    path.with_name(f".{path.name}.0123456789abcdef.partial").write_bytes(random.bytes(99))
    if path.parent.suffix == ".shards":
        (unfinished := path.with_name(f".{path.name}.unfinished")).mkdir(exist_ok=True)
        (unfinished / ".0.txt.0123456789abcdef.partial").write_bytes(random.bytes(9))


def _made_by(**changes: Any) -> Damage:
    """Change the provenance of one cell, with a right checksum; an entry whose new value is `...` is taken away."""

    def rewrite(path: Path, random: Random) -> None:
        found = parts.read(path)[0]
        k = int(random.integers(len(found)))
        made_by = {key: value for key, value in {**found[k].made_by, **changes}.items() if value is not ...}
        parts.write(path, [*found[:k], Part(found[k].table, made_by), *found[k + 1 :]])

    return rewrite


def _metadata(text: str) -> Damage:
    """Replace the metadata of the whole file."""

    def rewrite(path: Path, random: Random) -> None:
        table = pq.read_table(path)
        schema = table.schema.remove_metadata()
        with pq.ParquetWriter(path, schema) as file:
            file.write_table(table.cast(schema))
            file.add_key_value_metadata({b"memgen": text})

    return rewrite


def _rows(change: Callable[[pd.DataFrame], pd.DataFrame]) -> Damage:
    """Change the rows of the first cell under the old metadata, as if by hand."""

    def rewrite(path: Path, random: Random) -> None:
        with pq.ParquetFile(path) as file:
            about = (file.metadata.metadata or {})[b"memgen"]
            groups = [file.read_row_group(k) for k in range(file.num_row_groups)]
        first = pa.Table.from_pandas(change(groups[0].to_pandas()), groups[0].schema, preserve_index=False)
        with pq.ParquetWriter(path, first.schema.remove_metadata()) as file:
            for group in (first, *groups[1:]):
                file.write_table(group.cast(file.schema), row_group_size=99)
            file.add_key_value_metadata({b"memgen": about})

    return rewrite


def _cells(change: Callable[[list[Part]], list[Part]]) -> Damage:
    """Change which cells are in the file."""
    return lambda path, random: parts.write(path, change(parts.read(path)[0]))


DAMAGES: dict[str, Damage] = {
    "truncated": _truncated,
    "bits flipped": _flipped,
    "zeros": _zeros,
    "longer": _longer,
    "emptied": _holds(b""),
    "text": _holds(b"?"),
    "missing": lambda path, random: path.unlink(),
    "swapped": _swapped,
    "a folder": _folder,
    "a broken link": _link,
    "a foreign file": _foreign,
    "a foreign file beside it": _beside,
    "copied": _copied,
    "leftovers": _left,
    "metadata null": _metadata("null"),
    "metadata a list": _metadata("[]"),
    "metadata without cells": _metadata('{"common": {}, "parts": []}'),
    "metadata of null cells": _metadata('{"common": {}, "parts": [null]}'),
    "metadata nested": _metadata("[" * 9000 + "]" * 9000),
    "metadata no JSON": _metadata("{"),
    "parameters nested": _made_by(parameters={"x": [[[[[[[[[[[[[[[[[[[[0]]]]]]]]]]]]]]]]]]]]}),
    "parameters null": _made_by(parameters=None),
    "parameters of another sweep": _made_by(parameters={"preset": "paper", "seed": 7}),
    "seconds text": _made_by(seconds="a while"),
    "seconds null": _made_by(seconds=None),
    "seconds infinite": _made_by(seconds=float("inf")),
    "no command": _made_by(command=...),
    "no cell": _made_by(cell=...),
    "cell null": _made_by(cell=None),
    "another cell": _made_by(cell={"k": 99}),
    "position text": _made_by(position="first"),
    "position negative": _made_by(position=-1),
    "another position": _made_by(position=999),
    "another number of cells": _made_by(cells=999),
    "versions a list": _made_by(versions=[]),
    "another version": _made_by(version=0),
    "more provenance": _made_by(note="mine"),
    "a value changed": _rows(lambda table: table.assign(value=table["value"] + 1e-9)),
    "a row less": _rows(lambda table: table[1:]),
    "a row twice": _rows(lambda table: pd.concat([table, table[:1]])),
    "rows reversed": _rows(lambda table: table[::-1]),
    "a cell twice": _cells(lambda found: [*found, found[0]]),
    "a cell less": _cells(lambda found: found[1:] or found),
    "cells reversed": _cells(lambda found: found[::-1]),
}
