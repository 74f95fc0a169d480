"""Results on disk: one Parquet file for a finished sweep, and a folder of shards for one that is still running.

A shard holds the rows of one cell. Whoever computes the cell writes its shard, whole or not at all, and nobody changes
it. When the last cell is done the shards are joined into CHAPTER/NAME.parquet and removed. One sweep at a time has a
folder of shards: it holds a lock in it.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from memgen.errors import BadInput, Failure, one_line
from memgen.files import temporary
from memgen.places import RESULTS
from memgen.runs import lock, parts
from memgen.runs.interrupts import interrupts_held
from memgen.runs.parts import Part
from memgen.runs.provenance import difference, here, malformed, merged


@dataclass(frozen=True)
class Store:
    """The file of one sweep, and what its cells have in common.

    `version` is that of the experiment's code, `parameters` are all parameters as JSON values, `command` is what a user
    would type to make the file. A cell is a NamedTuple of plain values. Rows depend on all of these but the command.
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

    def finished(self, grid: Sequence[Any]) -> bool:
        """Whether the file has each cell once, sound and in order. BadInput if it does not belong here."""
        found, damaged = self._in_file()
        return not damaged and len(found) == len(grid) and list(self._placed(grid, found)) == list(range(len(grid)))

    def survey(self, grid: Sequence[Any]) -> tuple[set[int], list[str]]:
        """Positions of the cells that are finished and sound, and a line for each that is damaged.

        BadInput names a file that does not belong here, such as the results of a sweep with other parameters.
        """
        joined, damaged = self._in_file()
        shards, more = self._in_shards(grid)
        return self._placed(grid, joined).keys() | shards.keys(), [*damaged, *more]

    def has(self, about: Mapping[str, Any]) -> bool:
        """Whether the shard of a cell is there and sound."""
        try:
            return not _read(self.shards / _name(about))[1]
        except BadInput:
            return False

    def write(self, table: pd.DataFrame, about: Mapping[str, Any], seconds: float) -> None:
        """Write the shard of a cell that took so many seconds; raise if Parquet would not give the same rows back."""
        made_by = {**about, "command": self.command, "seconds": round(seconds, 3), **here(self.parameters)}
        with interrupts_held():
            parts.write(self.shards / _name(about), [Part(table, made_by)])
        shutil.rmtree(self.scratch(about), ignore_errors=True)

    def scratch(self, about: Mapping[str, Any]) -> Path:
        """A folder in which a cell may keep what it has so far. The cell makes it; `write` removes it at the end."""
        return self.shards / f".{_name(about)}.unfinished"

    def join(self, grid: Sequence[Any]) -> pd.DataFrame:
        """Join the cells of a finished sweep into one file, remove the shards, and return all rows.

        A process that is killed in between leaves the whole file beside shards that are in it already.
        """
        if not self.finished(grid):
            found = self._in_shards(grid)[0] | self._placed(grid, self._in_file()[0])
            if gone := [k for k in range(len(grid)) if k not in found]:
                raise ValueError(f"cell {gone[0]} has been removed or damaged meanwhile")
            with interrupts_held():
                parts.write(self.path, [found[k] for k in range(len(grid))])
        self._remove_shards(grid)
        return read(self.path)[0]

    def tidy(self, grid: Sequence[Any]) -> None:
        """Remove what a killed process has left beside a finished file, if that can be done."""
        if self.shards.exists() or any(self._partials()):
            with suppress(OSError, BadInput, Failure), lock.alone(self.shards):
                self._remove_shards(grid)

    def _in_file(self) -> tuple[list[tuple[Path, Part]], list[str]]:
        try:
            self._check_length()
            if not self.path.exists():
                return [], []
        except OSError as error:  # a folder whose name is too long, or a loop of links
            raise BadInput(f"{self.path}: {error.strerror}") from None
        if self.path.is_dir():
            raise BadInput(f"{self.path}: a folder: choose another name")
        try:
            found, damaged = _read(self.path)
        except parts.ForeignFile as error:
            raise BadInput(f"{error}: choose another name") from None
        except BadInput as error:
            return [], [str(error)]
        return [(self.path, part) for part in found], damaged

    def _check_length(self) -> None:
        """BadInput if the disk takes no name as long as the one under which the file is first written."""
        folder = next(parent for parent in self.path.absolute().parents if parent.is_dir())
        most, first = os.pathconf(folder, "PC_NAME_MAX"), len(os.fsencode(temporary(self.path).name))
        if first > most:
            raise BadInput(f"{one_line(self.path.name, 60)}: File name too long, by {first - most} for this disk")

    def _in_shards(self, grid: Sequence[Any]) -> tuple[dict[int, Part], list[str]]:
        names = {_name(self.about(cell, k, len(grid))) for k, cell in enumerate(grid)}
        found, damaged = [], []
        for path in sorted(self.shards.glob("*.parquet")):
            if path.is_dir():
                raise BadInput(f"{path}: a folder: move it away")
            try:
                sound, lines = _read(path)
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
        placed: dict[int, Part] = {}
        for path, part in found:
            if wrong := difference(part.made_by, wanted[0]):
                raise BadInput(f"{path}: of another sweep, with {wrong}: choose another name or folder")
            if (name := _name(part.made_by)) not in places:
                raise BadInput(f"{path}: its cell is not in this grid: choose another name, or raise VERSION")
            placed.setdefault(places[name], part)
        return placed

    def _partials(self) -> Iterator[Path]:
        return self.path.parent.glob(f".{self.path.name}.*.partial")

    def _remove_shards(self, grid: Sequence[Any]) -> None:
        """Remove the shards of this grid and what killed workers were writing."""
        for partial in self._partials():
            partial.unlink(missing_ok=True)
        for partial in self.shards.glob(".*.partial"):
            partial.unlink(missing_ok=True)
        for unfinished in self.shards.glob(".*.unfinished"):
            shutil.rmtree(unfinished, ignore_errors=True)
        for k, cell in enumerate(grid):
            (self.shards / _name(self.about(cell, k, len(grid)))).unlink(missing_ok=True)


def load(chapter: str, name: str = "paper") -> tuple[pd.DataFrame, dict[str, Any]]:
    """All rows of a sweep that comes with memgen, and how they were made: `read` of results/CHAPTER/NAME.parquet."""
    return read(RESULTS / chapter / f"{name}.parquet")


def read(path: Path) -> tuple[pd.DataFrame, dict[str, Any]]:
    """All rows of a finished sweep in the order of its grid, and a dictionary of how they were made.

    It has chapter, version, parameters, number of cells and the sum of their seconds; and command, commit, device,
    cores and versions, each a list if cells differ in it. BadInput if cells are missing or damaged.
    """
    if not path.exists():
        unfinished = path.with_suffix(".shards").is_dir()
        raise BadInput(f"{path}: {'the sweep is not finished' if unfinished else 'no results here'}")
    found, damaged = _read(path)
    if damaged:
        raise BadInput(damaged[0])
    made = [part.made_by for part in found]
    if wrong := next(filter(None, (difference(made_by, made[0]) for made_by in made)), ""):
        raise BadInput(f"{path}: of two sweeps: {wrong}")
    positions, cells = [made_by["position"] for made_by in made], made[0]["cells"]
    if positions != list(range(cells)):
        there = len(set(positions) & set(range(cells)))
        if there < cells:
            raise BadInput(f"{path}: incomplete: {there} of {cells} cells are there")
        raise BadInput(f"{path}: its cells are out of order, or twice")
    sweep = {key: made[0][key] for key in ("chapter", "version", "parameters", "cells")}
    seconds = round(sum(made_by["seconds"] for made_by in made), 1)
    mixed = {key: merged(m[key] for m in made) for key in ("command", "commit", "device", "cores", "versions")}
    table = pd.concat([part.table for part in found], ignore_index=True)
    return table, {**sweep, "seconds": seconds, **mixed}


def _read(path: Path) -> tuple[list[Part], list[str]]:
    """The sound cells and a line for each damaged one; a cell that does not say how it was made counts as damaged."""
    sound, damaged = parts.read(path)
    wrong = [malformed(part.made_by) for part in sound]
    damaged += [f"{path}: a cell that does not say how it was made: {reason}" for reason in wrong if reason]
    return [part for part, reason in zip(sound, wrong, strict=True) if not reason], damaged


def _name(about: Mapping[str, Any]) -> str:
    """The name of a shard: its cell's position, and a digest of all that its rows depend on."""
    rows_depend_on = [about[key] for key in ("chapter", "version", "parameters", "cell")]
    digest = hashlib.sha256(json.dumps(rows_depend_on, sort_keys=True).encode()).hexdigest()
    digits = max(4, len(str(about["cells"] - 1)))  # as many as it takes to sort the whole grid
    return f"{about['position']:0{digits}}-{digest[:12]}.parquet"
