"""Results on disk: one Parquet file for a finished sweep, and a folder of shards for one that is still running.

A shard holds the rows of one cell. Whoever computes the cell writes its shard, whole or not at all, and nobody changes
it. When the last cell is done the shards are joined into CHAPTER/NAME.parquet and removed.
"""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from memgen.errors import BadInput
from memgen.places import RESULTS
from memgen.runs import parts
from memgen.runs.parts import Part
from memgen.runs.provenance import here, merged


@dataclass(frozen=True)
class Store:
    """The file of one sweep, and what its cells have in common.

    `version` is that of the experiment's code, `parameters` are all of them, as JSON has them, `command` is what a
    reader would type. A cell is a NamedTuple of plain values. Rows depend on all of these but the command.
    """

    path: Path  # ends in .parquet
    chapter: str
    version: int
    parameters: dict[str, Any]
    command: str

    @property
    def shards(self) -> Path:
        """The folder of the finished cells until all are finished."""
        return self.path.with_suffix(".shards")

    def about(self, cell: Any, position: int, cells: int) -> dict[str, Any]:
        """What is known of a shard before it is made: its sweep, its cell, and the cell's position among `cells`."""
        sweep = {"chapter": self.chapter, "version": self.version, "parameters": self.parameters}
        return {**sweep, "cell": cell._asdict(), "position": position, "cells": cells}

    def prepare(self) -> None:
        """Make the folder of shards, if need be. BadInput if nothing can be written into it."""
        try:
            self.shards.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=self.shards).close()
        except OSError as error:
            raise BadInput(f"{self.shards}: nothing can be written there: {error.strerror}") from None

    def survey(self, grid: Sequence[Any]) -> tuple[set[int], list[str]]:
        """Positions of the cells that are finished and sound, and a line for each that is damaged.

        BadInput names a file that does not belong here, such as the results of a sweep with other parameters.
        """
        joined, damaged = self._in_file(grid)
        shards, more = self._in_shards(grid)
        return joined.keys() | shards.keys(), [*damaged, *more]

    def has(self, about: Mapping[str, Any]) -> bool:
        """Whether the shard of a cell is there and sound."""
        try:
            return not parts.read(self.shards / _name(about))[1]
        except BadInput:
            return False

    def write(self, table: pd.DataFrame, about: Mapping[str, Any], seconds: float) -> None:
        """Write the shard of a cell that took so many seconds; raise if Parquet would not give the same rows back."""
        made_by = {**about, "command": self.command, "seconds": round(seconds, 3), **here(self.parameters)}
        parts.write(self.shards / _name(about), [Part(table, made_by)])
        shutil.rmtree(self.scratch(about), ignore_errors=True)

    def scratch(self, about: Mapping[str, Any]) -> Path:
        """A folder in which a cell may keep what it has so far. The cell makes it; `write` removes it at the end."""
        return self.shards / f".{_name(about)}.unfinished"

    def join(self, grid: Sequence[Any]) -> pd.DataFrame:
        """Join the cells of a finished sweep into one file, remove the shards, and return all rows.

        A process that is killed in between leaves the whole file beside shards that are in it already.
        """
        joined, _ = self._in_file(grid)
        if len(joined) < len(grid):
            found = self._in_shards(grid)[0] | joined
            parts.write(self.path, [found[k] for k in range(len(grid))])
        self._remove_shards(grid)
        return read(self.path)[0]

    def _in_file(self, grid: Sequence[Any]) -> tuple[dict[int, Part], list[str]]:
        if not self.path.exists():
            return {}, []
        if self.path.is_dir():
            raise BadInput(f"{self.path}: a folder: choose another name")
        try:
            found, damaged = parts.read(self.path)
        except parts.ForeignFile as error:
            raise BadInput(f"{error}: choose another name") from None
        except BadInput as error:
            return {}, [str(error)]
        return self._placed(grid, ((self.path, part) for part in found)), damaged

    def _in_shards(self, grid: Sequence[Any]) -> tuple[dict[int, Part], list[str]]:
        names = {_name(self.about(cell, k, len(grid))) for k, cell in enumerate(grid)}
        found, damaged = [], []
        for path in sorted(self.shards.glob("*.parquet")):
            try:
                sound, lines = parts.read(path)
            except BadInput as error:
                sound, lines = [], [str(error)]
            if lines and path.name not in names:
                raise BadInput(f"{lines[0]}; and not of this sweep: move it away")
            if sound and path.name != (name := _name(sound[0].made_by)):
                raise BadInput(f"{path}: it holds what belongs into {name}")
            found += [(path, part) for part in sound]
            damaged += lines
        return self._placed(grid, found), damaged

    def _placed(self, grid: Sequence[Any], found: Iterable[tuple[Path, Part]]) -> dict[int, Part]:
        """The parts by their position. BadInput names the file of one that is not of this grid."""
        wanted = [self.about(cell, k, len(grid)) for k, cell in enumerate(grid)]
        places = {_name(about): k for k, about in enumerate(wanted)}
        placed = {}
        for path, part in found:
            if difference := _difference(part.made_by, wanted[0]):
                raise BadInput(f"{path}: of another sweep, with {difference}: choose another name or folder")
            if (name := _name(part.made_by)) not in places:
                raise BadInput(f"{path}: its cell is not in this grid: choose another name, or raise VERSION")
            placed[places[name]] = part
        return placed

    def _remove_shards(self, grid: Sequence[Any]) -> None:
        """Remove the shards of this grid and what killed workers were writing; and the folder, if that was all."""
        for partial in self.path.parent.glob(f".{self.path.name}.*.partial"):
            partial.unlink(missing_ok=True)
        for partial in self.shards.glob(".*.partial"):
            partial.unlink(missing_ok=True)
        for unfinished in self.shards.glob(".*.unfinished"):
            shutil.rmtree(unfinished, ignore_errors=True)
        for k, cell in enumerate(grid):
            (self.shards / _name(self.about(cell, k, len(grid)))).unlink(missing_ok=True)
        with suppress(OSError):
            self.shards.rmdir()


def load(chapter: str, name: str = "paper") -> tuple[pd.DataFrame, dict[str, Any]]:
    """All rows of a sweep that comes with memgen, and how they were made: `read` of results/CHAPTER/NAME.parquet."""
    return read(RESULTS / chapter / f"{name}.parquet")


def read(path: Path) -> tuple[pd.DataFrame, dict[str, Any]]:
    """All rows of a finished sweep in the order of its grid, and how they were made.

    That is: chapter, version, parameters, number of cells, the sum of their seconds; command, commit, device, cores and
    versions, each a list if cells differ in it. BadInput if cells are missing or damaged.
    """
    if not path.exists():
        unfinished = path.with_suffix(".shards").is_dir()
        raise BadInput(f"{path}: {'the sweep is not finished' if unfinished else 'no results here'}")
    found, damaged = parts.read(path)
    if damaged:
        raise BadInput(damaged[0])
    made = [part.made_by for part in found]
    if difference := next(filter(None, (_difference(made_by, made[0]) for made_by in made)), ""):
        raise BadInput(f"{path}: of two sweeps: {difference}")
    positions, cells = [made_by["position"] for made_by in made], made[0]["cells"]
    if positions != list(range(cells)):
        raise BadInput(f"{path}: incomplete: {len(set(positions))} of {cells} cells are there")
    sweep = {key: made[0][key] for key in ("chapter", "version", "parameters", "cells")}
    seconds = round(sum(made_by["seconds"] for made_by in made), 1)
    mixed = {key: merged(m[key] for m in made) for key in ("command", "commit", "device", "cores", "versions")}
    table = pd.concat([part.table for part in found], ignore_index=True)
    return table, {**sweep, "seconds": seconds, **mixed}


def _name(about: Mapping[str, Any]) -> str:
    """The name of a shard: its cell's position, and a digest of all that its rows depend on."""
    rows_depend_on = [about[key] for key in ("chapter", "version", "parameters", "cell")]
    digest = hashlib.sha256(json.dumps(rows_depend_on, sort_keys=True).encode()).hexdigest()
    digits = max(4, len(str(about["cells"] - 1)))  # as many as it takes to sort the whole grid
    return f"{about['position']:0{digits}}-{digest[:12]}.parquet"


def _difference(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    """The first thing in which two cells are not of one sweep, with both values; empty if there is none."""
    words = {"chapter": "chapter", "VERSION": "version", "number of cells": "cells"}
    a, b = ({**m["parameters"], **{word: m[key] for word, key in words.items()}} for m in (found, wanted))
    differ = [name for name in {**b, **a} if a.get(name, "absent") != b.get(name, "absent")]
    return f"{differ[0]} = {a.get(differ[0], 'absent')}, not {b.get(differ[0], 'absent')}" if differ else ""
