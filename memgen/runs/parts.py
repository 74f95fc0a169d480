"""The file format of results: Parquet with one row group for each cell of a grid.

The file's metadata say, as JSON, how each cell was made, and carry a checksum of that and of the cell's rows. So damage
to some rows is found, and the other cells stay readable.
"""

import hashlib
import itertools
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic_core import from_json

from memgen.errors import BadInput, one_line
from memgen.files import replacing

_KEY = b"memgen"
_PARQUET = {"version": "2.6", "compression": "zstd", "write_page_checksum": True, "write_statistics": False}
_UNREADABLE = (pa.ArrowException, OSError, LookupError, TypeError, ValueError, AttributeError)


class ForeignFile(BadInput):
    """A Parquet file that is sound, but does not hold results of a sweep."""


class Part(NamedTuple):
    """The rows of one cell, and how they were made."""

    table: pd.DataFrame
    made_by: dict[str, Any]


def write(path: Path, parts: Sequence[Part]) -> None:
    """Write a file, whole or not at all.

    ValueError if columns differ between the parts; pyarrow's errors, or ValueError, if Parquet would not give the same
    tables back.
    """
    contents = [pa.Table.from_pandas(part.table, preserve_index=False) for part in parts]
    # Our metadata alone: those of pandas would tie the types of the rows to its version.
    schema = contents[0].schema.remove_metadata()
    for part, content in zip(parts, contents, strict=True):
        if content.schema.remove_metadata() != schema:
            columns = (", ".join(f"{column.name} ({column.type})" for column in s) for s in (content.schema, schema))
            raise ValueError("cell {} has the columns {}, not {}".format(part.made_by.get("position"), *columns))
    first = parts[0].made_by
    common = {key: first[key] for key in first if all(p.made_by.get(key, ...) == first[key] for p in parts)}
    own = []
    for part, content in zip(parts, contents, strict=True):
        back = content.to_pandas(ignore_metadata=True)
        if lost := _lost(part.table, back):
            raise ValueError(lost)
        digest = _checksum(schema, _hashes(back), part.made_by)
        own.append({**{k: v for k, v in part.made_by.items() if k not in common}, "checksum": digest})
    about = json.dumps({"common": common, "parts": own}, sort_keys=True)
    with replacing(path) as partial:
        with pq.ParquetWriter(partial, schema, **_PARQUET) as file:
            for content in contents:
                file.write_table(content.cast(schema), row_group_size=max(1, len(content)))
            file.add_key_value_metadata({_KEY: about})
        if damaged := read(partial)[1]:
            raise ValueError(damaged[0])


def _lost(given: pd.DataFrame, back: pd.DataFrame) -> str:
    """The first thing of a table that Parquet does not give back, in words; empty if there is none."""
    if given.index.names != [None] or not given.index.equals(pd.RangeIndex(len(given))):
        name = one_line(given.index.name or type(given.index).__name__, 60)
        return f"the index ({name}) would be lost: reset_index() makes a column of it, reset_index(drop=True) drops it"
    if odd := [name for name in given.columns if not isinstance(name, str)]:
        return f"the column {one_line(repr(odd[0]), 60)} would be renamed: names of columns must be text"
    if given.columns.names != [None]:
        return f"the name of the columns, {one_line(repr(given.columns.name), 60)}, would be lost"
    if len(given) != len(back):
        return "there are rows, but no columns"
    for name, before in given.items():
        after = back[name]
        text = before.dtype == object and all(isinstance(value, str) for value in before)
        if isinstance(before.dtype, pd.CategoricalDtype):
            return f"column {one_line(name, 60)}: its categories would be lost"
        if before.dtype != after.dtype and not text:
            return f"column {one_line(name, 60)}: {before.dtype} would come back as {after.dtype}"
        if not (list(before) == list(after) if text else before.equals(after)):
            return f"column {one_line(name, 60)}: other values would come back"
    return ""


def read(path: Path) -> tuple[list[Part], list[str]]:
    """The sound parts of a file, and a line for each damaged one.

    BadInput if the file as a whole cannot be read; ForeignFile if it can, but is something else.
    """
    try:
        # Not memory-mapped, and closed at the end: the file may be replaced meanwhile.
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            if (text := (file.metadata.metadata or {}).get(_KEY)) is None:
                raise ForeignFile(f"{path}: not results of a sweep")
            about = from_json(text)  # which refuses what is nested too deeply to be handled
            own, common = about["parts"], about["common"]
            if not len(own) == file.num_row_groups > 0:
                raise ValueError(f"{file.num_row_groups} row groups for {len(own)} cells")
            together = _together(file)
            found = [_part(path, file, k, {**common, **own[k]}, together.get(k)) for k in range(len(own))]
    except ForeignFile:
        raise
    except _UNREADABLE as error:
        raise BadInput(f"{path}: damaged, or not results of a sweep: {one_line(error)}") from None
    return [part for part in found if isinstance(part, Part)], [line for line in found if isinstance(line, str)]


class _Read(NamedTuple):
    """The rows of one cell, and their hashes, cut from those of the whole file."""

    table: pd.DataFrame
    hashes: np.ndarray


def _together(file: pq.ParquetFile) -> dict[int, _Read]:
    """All cells read at once, by position, which is several times as fast; none if any row cannot be read."""
    ends = np.cumsum([file.metadata.row_group(k).num_rows for k in range(file.num_row_groups)])
    try:
        table = file.read().to_pandas(ignore_metadata=True)
        hashes = _hashes(table)
    except _UNREADABLE:
        return {}
    pairs = enumerate(itertools.pairwise([0, *ends]))
    return {k: _Read(table.iloc[low:high].reset_index(drop=True), hashes[low:high]) for k, (low, high) in pairs}


def _part(path: Path, file: pq.ParquetFile, k: int, made_by: dict[str, Any], read: _Read | None) -> Part | str:
    checksum = made_by.pop("checksum", None)
    if read is not None and checksum == _checksum(file.schema_arrow, read.hashes, made_by):
        return Part(read.table, made_by)
    # Damaged, or read beside others its columns have another type, such as whole numbers beside a missing one.
    try:
        content = file.read_row_group(k)
        table = content.to_pandas(ignore_metadata=True)
        if checksum != _checksum(content.schema, _hashes(table), made_by):
            raise ValueError("rows or provenance do not match the checksum")
    except _UNREADABLE as error:
        return f"{path}: cell {one_line(made_by.get('position', '?'), 20)}: damaged: {one_line(error)}"
    return Part(table, made_by)


def _hashes(table: pd.DataFrame) -> np.ndarray:
    return pd.util.hash_pandas_object(table, index=False).to_numpy("<u8")


def _checksum(schema: pa.Schema, hashes: np.ndarray, made_by: Mapping[str, Any]) -> str:
    """A digest of the columns' names and types, of all rows in their order, and of the provenance."""
    columns = [(column.name, str(column.type)) for column in schema]
    digest = hashlib.sha256(json.dumps([columns, made_by], sort_keys=True).encode())
    digest.update(hashes.tobytes())
    return digest.hexdigest()
