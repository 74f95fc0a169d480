"""What commands read from the user: sets of rows that can be compared, labels, and a function for features."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from memgen.app.say import say, show
from memgen.arrays import spread
from memgen.errors import BadInput, Failure, one_line, printable
from memgen.reading import Samples, read
from memgen.reading.files import opened

_APART = 1.8  # a larger ratio of spreads is noted: −1 … 1 beside 0 … 1 makes 2

Sets = dict[str, Samples]  # by role: train, generated, holdout


def load(paths: dict[str, Path], quiet: bool) -> Sets:
    """Read each set and say what it is: on stdout, or on stderr if `quiet`."""
    importlib.import_module("jinja2")  # of this extra alone: if it is missing, the advice names the right one
    from tqdm import tqdm

    sets = {}
    for role, path in paths.items():
        wrapped = partial(tqdm, desc=f"reading {printable(path)}", unit="image", delay=1, leave=False)
        sets[role] = read(path, wrapped)
        (say if quiet else show)(f"{role}: {sets[role]}")
    return sets


def comparable(sets: Sets) -> Sets:
    """The sets, with columns in the order of the training set; notes say what looks odd. BadInput if sizes differ."""
    train = sets["train"]
    return {role: one if role == "train" else _like(train, role, one) for role, one in sets.items()}


def _like(train: Samples, role: str, one: Samples) -> Samples:
    size, other = one.values.shape[1], train.values.shape[1]
    if size != other or (one.shape and train.shape and one.shape != train.shape):
        sizes = (" × ".join(map(str, s.shape or s.values.shape[1:])) for s in (one, train))
        raise BadInput(f"{one.name}: {role} has the size {next(sizes)}, train has {next(sizes)} in {train.name}")
    if one.columns and train.columns and one.columns != train.columns:
        if missing := [name for name in train.columns if name not in one.columns]:
            raise BadInput(f"{one.name}: {role} has no column {one_line(missing[0], 60)!r}, which {train.name} has")
        order = [one.columns.index(name) for name in train.columns]
        notes = (*one.notes, "columns put in the order of the training set")
        one = replace(one, values=one.values[:, order], columns=train.columns, notes=notes)
    if not 1 / _APART <= spread(one.values, train.values) <= _APART:
        ranges = f"{_range(one)}, those of train {_range(train)}"
        warning = f"values go {ranges}: if they are scaled differently, no copy can be found"
        one = replace(one, notes=(*one.notes, warning))
    return one


def _range(one: Samples) -> str:
    return f"from {one.values.min():.4g} to {one.values.max():.4g}"


def notes(sets: Sets) -> list[str]:
    """The notes on each set, with its role before them."""
    return [f"{role}: {note}" for role, one in sets.items() for note in one.notes]


def labels(path: Path, train: int, holdout: int) -> tuple[list[str], list[str]]:
    """One label per line: first those of the training rows, then those of the holdout rows."""
    with opened(path):
        try:
            lines = [line.strip() for line in path.read_text(encoding="utf-8-sig").rstrip().split("\n")]
        except UnicodeDecodeError as error:
            raise BadInput(f"{path}: not text in UTF-8") from error
    if len(lines) != train + holdout:
        rows = f"{train} training rows" + (f" and {holdout} holdout rows" if holdout else "")
        raise BadInput(f"{path}: {len(lines)} labels for {rows}; one label a line is needed, and no header")
    if "" in lines:
        raise BadInput(f"{path}: line {lines.index('') + 1} has no label")
    return lines[:train], lines[train:]


Features = Callable[[np.ndarray], Any]


def features(name: str) -> Features:
    """The function MODULE:FUNCTION, found in the current folder or installed."""
    module, _, function = name.partition(":")
    if not (module and function):
        raise BadInput(f"--features {name}: must be MODULE:FUNCTION, such as mymodule:embed")
    sys.path.append(str(Path.cwd()))  # last, so that no file of yours stands in for a package of ours
    try:
        found = getattr(importlib.import_module(module), function, None)
    except Exception as error:  # it is not our code
        raise BadInput(f"--features {name}: {module} cannot be imported: {one_line(error, 160)}") from error
    if not callable(found):
        raise BadInput(f"--features {name}: {module} has no function {function}")
    return found


def applied(function: Features, name: str, role: str, one: Samples) -> np.ndarray:
    """Features (n, p) of the rows (n, d) of a set."""
    try:
        found = np.asarray(function(one.values))
    except Exception as error:
        raise Failure(f"--features {name}: failed on {role}: {type(error).__name__}: {one_line(error, 160)}") from error
    if found.ndim != 2 or len(found) != len(one.values) or not found.shape[1] or found.dtype.kind not in "fiub":
        wanted = f"numbers of the shape ({len(one.values)}, p)"
        raise BadInput(f"--features {name}: gives {found.dtype} of the shape {found.shape} for {role}, not {wanted}")
    if not np.isfinite(found).all():
        row = int(np.argmin(np.isfinite(found).all(1)))
        raise BadInput(f"--features {name}: gives a value that is not finite for row {row} of {role}")
    return found


def writable(path: Path | None) -> None:
    """Raise BadInput now, not after a long computation, if a report cannot be written there."""
    if path is None:
        return
    with opened(path):
        there, folder = path.exists(), path.is_dir()
    if folder:
        raise BadInput(f"--report {path}: this is a folder; name a file")
    if there and not path.is_file():
        raise BadInput(f"--report {path}: neither a file nor a folder")
    if not path.absolute().parent.is_dir():
        raise BadInput(f"--report {path}: there is no folder {path.parent}")
    if not os.access(path.absolute().parent, os.W_OK):
        raise BadInput(f"--report {path}: the folder {path.parent} cannot be written to")


@contextmanager
def computing(what: str) -> Iterator[None]:
    """Turn errors in this block into one line: ValueError into BadInput, no solution or no memory into Failure."""
    try:
        yield
    except np.linalg.LinAlgError as error:
        raise Failure(f"{what}: {one_line(error)}") from error
    except ValueError as error:
        raise BadInput(f"{what}: {one_line(error)}") from error
    except MemoryError as error:
        raise Failure(f"{what}: not enough memory; use fewer rows") from error
