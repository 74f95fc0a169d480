"""Results on disk: a folder for each sweep, and in it a Parquet file, a shard, for each finished cell of its grid.

A shard is there whole or not at all, and never changes. It says how it was made. Its name is its place in the grid and
a digest of what its rows depend on; so in the order of their names shards are in the order of the grid.
"""

import hashlib
import importlib.metadata
import json
import os
import platform
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from memgen.errors import BadInput, one_line
from memgen.files import replacing

_KEY = b"memgen"
_PARQUET = {"version": "2.6", "compression": "zstd", "write_page_checksum": True, "write_statistics": False}


@dataclass(frozen=True)
class Store:
    """The folder of one sweep, and what its cells have in common.

    `version` is that of the experiment's code, `parameters` are all of them, as JSON has them, `command` is what a
    reader would type. A cell is a NamedTuple of plain values. Rows depend on all of these but the command.
    """

    folder: Path
    chapter: str
    version: int
    parameters: dict[str, Any]
    command: str

    def about(self, cell: Any, position: int, cells: int) -> dict[str, Any]:
        """What is known of a shard before it is made: its sweep, its cell, and its place among so many cells."""
        sweep = {"chapter": self.chapter, "version": self.version, "parameters": self.parameters}
        return {**sweep, "cell": cell._asdict(), "position": position, "cells": cells}

    def prepare(self) -> None:
        """Make the folder, if need be. BadInput if nothing can be written into it."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=self.folder).close()
        except OSError as error:
            raise BadInput(f"{self.folder}: nothing can be written there: {error.strerror}") from None

    def survey(self, grid: Sequence[Any]) -> tuple[set[int], list[str]]:
        """Positions of the cells whose shards are there and sound, and a line for each shard that is damaged.

        BadInput names a file that does not belong here, such as the shard of a sweep with other parameters.
        """
        wanted = [self.about(cell, k, len(grid)) for k, cell in enumerate(grid)]
        places = {_name(about): k for k, about in enumerate(wanted)}
        sound, damaged = set(), []
        for path in sorted(self.folder.glob("*.parquet")):
            try:
                _, made_by = _load(path)
            except BadInput as error:
                if path.name not in places:
                    raise BadInput(f"{error}; and not of this sweep: move it away") from None
                damaged.append(str(error))
                continue
            if difference := _difference(made_by, wanted[0]):
                raise BadInput(f"{path}: of another sweep, with {difference}: choose another folder")
            if path.name not in places:
                raise BadInput(f"{path}: its cell is not in this grid: choose another folder, or raise VERSION")
            sound.add(places[path.name])
        return sound, damaged

    def has(self, about: Mapping[str, Any]) -> bool:
        """Whether the shard of a cell is there and sound."""
        try:
            _load(self.folder / _name(about))
        except BadInput:
            return False
        return True

    def write(self, table: pd.DataFrame, about: Mapping[str, Any], seconds: float) -> None:
        """Write the shard of a cell that took so many seconds; raise if Parquet would not give the same rows back."""
        content = pa.Table.from_pandas(table, preserve_index=False)
        made_by = {**about, "command": self.command, "seconds": round(seconds, 3), **_here(self.parameters)}
        made_by["checksum"] = _checksum(content.schema, content.to_pandas(ignore_metadata=True), made_by)
        # Our metadata alone: those of pandas would tie the types of the rows to its version.
        content = content.replace_schema_metadata({_KEY: json.dumps(made_by, sort_keys=True)})
        with replacing(self.folder / _name(about)) as partial:
            pq.write_table(content, partial, **_PARQUET)
            _parse(partial)
        shutil.rmtree(self.scratch(about), ignore_errors=True)

    def scratch(self, about: Mapping[str, Any]) -> Path:
        """A folder for what a cell has got so far. It is the cell's to make; it goes when the shard is there."""
        return self.folder / f".{_name(about)}.unfinished"

    def tidy(self) -> None:
        """Remove what killed workers were writing."""
        for partial in self.folder.glob(".*.partial"):
            partial.unlink(missing_ok=True)
        for unfinished in self.folder.glob(".*.unfinished"):
            shutil.rmtree(unfinished, ignore_errors=True)


def read(folder: Path) -> tuple[pd.DataFrame, dict[str, Any]]:
    """All rows of a sweep in the order of its grid, and how they were made.

    That is: chapter, version, parameters, number of cells, the sum of their seconds; command, device, cores and
    versions, each a list if shards differ in it. BadInput if cells are missing, or a shard is damaged or does not fit.
    """
    if not (paths := sorted(folder.glob("*.parquet"))):
        raise BadInput(f"{folder}: no results here")
    tables, made = zip(*map(_load, paths), strict=True)
    columns = [[f"{name} ({dtype})" for name, dtype in table.dtypes.items()] for table in tables]
    for k, path in enumerate(paths):
        if difference := _difference(made[k], made[0]):
            raise BadInput(f"{path}: not of the sweep of {paths[0].name}: {difference}")
        if columns[k] != columns[0]:
            raise BadInput(f"{path}: columns {', '.join(columns[k])}, not {', '.join(columns[0])}")
    cells, found = made[0]["cells"], len({made_by["position"] for made_by in made})
    if not found == cells == len(paths):
        raise BadInput(f"{folder}: incomplete: {found} of {cells} cells are there, in {len(paths)} shards")
    sweep = {key: made[0][key] for key in ("chapter", "version", "parameters", "cells")}
    seconds = round(sum(made_by["seconds"] for made_by in made), 1)
    mixed = {key: _joined(made_by[key] for made_by in made) for key in ("command", "device", "cores", "versions")}
    return pd.concat(tables, ignore_index=True), {**sweep, "seconds": seconds, **mixed}


def _load(path: Path) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Rows and provenance of a shard. BadInput if it is damaged."""
    try:
        table, made_by = _parse(path)
        if path.name != _name(made_by):
            raise ValueError(f"it holds what belongs into {_name(made_by)}")
    except (pa.ArrowException, OSError, LookupError, TypeError, ValueError) as error:
        raise BadInput(f"{path}: damaged, or not a shard: {one_line(error)}") from None
    return table, made_by


def _parse(path: Path) -> tuple[pd.DataFrame, dict[str, Any]]:
    with pq.ParquetFile(path, page_checksum_verification=True) as file:
        content = file.read()
    table, made_by = content.to_pandas(ignore_metadata=True), json.loads((content.schema.metadata or {})[_KEY])
    if made_by.pop("checksum") != _checksum(content.schema, table, made_by):
        raise ValueError("rows or provenance do not match the checksum")
    return table, made_by


def _checksum(schema: pa.Schema, table: pd.DataFrame, made_by: Mapping[str, Any]) -> str:
    """Of the columns' names and types, of all rows in their order, and of the provenance."""
    columns = [(column.name, str(column.type)) for column in schema]
    digest = hashlib.sha256(json.dumps([columns, made_by], sort_keys=True).encode())
    digest.update(pd.util.hash_pandas_object(table, index=False).to_numpy("<u8").tobytes())
    return digest.hexdigest()


def _name(about: Mapping[str, Any]) -> str:
    rows_depend_on = [about[key] for key in ("chapter", "version", "parameters", "cell")]
    digest = hashlib.sha256(json.dumps(rows_depend_on, sort_keys=True).encode()).hexdigest()
    digits = max(4, len(str(about["cells"] - 1)))  # as many as it takes to sort the whole grid
    return f"{about['position']:0{digits}}-{digest[:12]}.parquet"


def _difference(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    """The first thing in which two shards are not of one sweep, with both values; empty if there is none."""
    words = {"chapter": "chapter", "VERSION": "version", "number of cells": "cells"}
    a, b = ({**m["parameters"], **{word: m[key] for word, key in words.items()}} for m in (found, wanted))
    differ = [name for name in {**b, **a} if a.get(name, "absent") != b.get(name, "absent")]
    return f"{differ[0]} = {a.get(differ[0], 'absent')}, not {b.get(differ[0], 'absent')}" if differ else ""


def _here(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The machine: the device that a cell with these parameters uses, cores, versions."""
    device = parameters.get("device", "cpu")
    if device != "cpu":
        import torch  # takes seconds, which is too much for those who only read

        device = torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"
    versions = {name: importlib.metadata.version(name).partition("+")[0] for name in ("numpy", "scipy", "torch")}
    return {"device": device, "cores": os.cpu_count(), "versions": {"python": platform.python_version(), **versions}}


def _joined(values: Iterable[Any]) -> Any:
    """The value, if it is the same everywhere; or the list of those that differ."""
    distinct = list({json.dumps(value, sort_keys=True): value for value in values}.values())
    return distinct[0] if len(distinct) == 1 else distinct
