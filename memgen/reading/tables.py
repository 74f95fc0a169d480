"""Tables: .csv, .tsv and .parquet, every column a number."""

from __future__ import annotations

import csv as _csv
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from memgen.errors import BadInput, one_line
from memgen.reading.files import room
from memgen.reading.samples import Samples, finite

if TYPE_CHECKING:
    import pyarrow as pa

_LINE = 2**24  # characters of the first line at most
_MISSING = {"NA", "N/A", "#N/A", "NULL"}
_UNITS = "divide columns that differ in unit by their standard deviations"
_INDEX = re.compile(r"__index_level_\d+__")  # what pandas calls an index that it saves


def csv(path: Path) -> Samples:
    """A text file of numbers between commas, semicolons or tabs, with or without a line of names.

    A first column without a name, among others that have one, is an index that pandas saved, and left out.
    """
    import pyarrow as pa
    from pyarrow import csv as reader

    room(path, path.stat().st_size)  # a number takes about as many bytes in memory as digits in the file
    names, delimiter, header = _first_line(path)
    index = header and names[0] == "" and len(names) > 1
    kept = names[1:] if index else names
    try:
        table = reader.read_csv(
            path,
            reader.ReadOptions(column_names=names, skip_rows=int(header)),
            reader.ParseOptions(delimiter=delimiter),
            reader.ConvertOptions(column_types=dict.fromkeys(kept, pa.float64()), include_columns=kept),
        )
    except pa.ArrowInvalid as error:
        raise BadInput(f"{path}: {_cause(str(error), names)}") from error
    notes = ("the first column has no name: an index that was saved, and left out",) if index else ()
    if header and _counts(kept):
        notes = (*notes, f"the first line, {', '.join(kept[:3])} …, is taken for names")
    named = kept if header else None
    return _filled(path, table.to_batches(), table.num_rows, tuple(kept), np.dtype(float), named, notes)


def _first_line(path: Path) -> tuple[list[str], str, bool]:
    """Names of the columns, the delimiter, and whether the first line is one of names."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            line = file.readline(_LINE).rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise BadInput(f"{path}: not text in UTF-8") from error
    delimiter = "\t" if path.suffix.lower() == ".tsv" else next((c for c in ",;\t" if c in line), ",")
    fields = [field.strip() for field in next(_csv.reader([line], delimiter=delimiter), [])]
    if not any(fields):
        raise BadInput(f"{path}: the first line is empty")
    header = not all(map(_number, fields)) or _counts(fields) or (fields[0] == "" and _counts(fields[1:]))
    if not header:
        return [str(k) for k in range(len(fields))], delimiter, False
    if twice := [name for name in fields if fields.count(name) > 1]:
        raise BadInput(f"{path}: two columns are called {one_line(twice[0], 60)!r}")
    return fields, delimiter, True


def _counts(fields: list[str]) -> bool:
    """Whether these are the names that pandas gives to columns without one: numbers from 0 or 1 on."""
    return len(fields) > 1 and any(fields == [str(k + first) for k in range(len(fields))] for first in (0, 1))


def _number(field: str) -> bool:
    """Whether the field is a number, or says that there is none."""
    try:
        float(field or "nan")
    except ValueError:
        return field.upper() in _MISSING
    return True


def _cause(message: str, names: list[str]) -> str:
    """What is wrong with the file, from what the reader says of it."""
    if found := re.search(r"column #(\d+)(?:: Row #(\d+))?: .*invalid value '(.*)'", message, re.DOTALL):
        name, value = one_line(names[int(found[1])], 60), one_line(found[3], 60)
        return f"column {name!r} holds text, {value!r}, where numbers are needed; leave the column out or encode it"
    if "Empty CSV file" in message:
        return "there are no rows in it"
    return one_line(message, 160)


def parquet(path: Path) -> Samples:
    """The columns of a .parquet file; an index that pandas saved is left out."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
        schema = file.schema_arrow
        names = [name for name in schema.names if not _INDEX.fullmatch(name)]
        small = True
        for name in names:
            kind = schema.field(name).type
            small &= _single(pa.types, kind, path, name)
        dtype = np.dtype(np.float32 if small else np.float64)
        batches = file.iter_batches(2**16, columns=names)
        notes = ("the index that pandas saved is left out",) if len(names) < len(schema.names) else ()
        return _filled(path, batches, file.metadata.num_rows, tuple(names), dtype, names, notes)
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: cannot be read as .parquet: {one_line(error, 120)}") from error


def _single(types, kind: pa.DataType, path: Path, name: str) -> bool:  # type: ignore[no-untyped-def]
    """Whether single precision holds every value of this type. BadInput if it is not one of numbers."""
    if types.is_boolean(kind) or types.is_float16(kind) or types.is_float32(kind):
        return True
    if types.is_integer(kind):
        return bool(kind.bit_width <= 16)
    if types.is_float64(kind) or types.is_decimal(kind) or types.is_null(kind):
        return False
    raise BadInput(f"{path}: column {one_line(name, 60)!r} holds {kind} where numbers are needed")


def _filled(
    path: Path,
    batches: Iterable[pa.RecordBatch],
    count: int,
    columns: tuple[str, ...],
    dtype: np.dtype,
    names: list[str] | None,
    notes: tuple[str, ...] = (),
) -> Samples:
    import pyarrow as pa

    if not (count and columns):
        raise BadInput(f"{path}: there are no rows in it" if columns else f"{path}: there are no columns in it")
    room(path, count * len(columns) * dtype.itemsize)
    values, start = np.empty((count, len(columns)), dtype), 0
    for batch in batches:
        for k, column in enumerate(batch.columns):
            numbers = column.cast(pa.from_numpy_dtype(dtype), safe=False)
            values[start : start + len(column), k] = numbers.to_numpy(zero_copy_only=False)
        start += batch.num_rows
    finite(path, values, columns if names else None)
    for k, name in enumerate(names or []):
        if _counts_rows(values[:, k]):
            notes = (*notes, f"column {one_line(name, 60)!r} counts the rows: leave it out if it is no measurement")
    if names and (small := _negligible(values)):
        first = repr(one_line(names[small[0]], 60))
        some = f"column {first} has" if len(small) == 1 else f"{len(small)} columns, such as {first}, have together"
        notes = (*notes, f"{some} less than 1% of the variance, so that others decide every distance: {_UNITS}")
    return Samples(str(path), values, None, None, notes, tuple(names) if names else None)


def _negligible(values: np.ndarray) -> list[int]:
    """Columns that vary and yet count for nothing in a distance, if that is half of those that vary or more."""
    with np.errstate(under="ignore"):
        size = max(float(np.abs(column).max()) for column in values.T) or 1.0
        variances = np.array([(column / size).var() for column in values.T])
    varying = np.flatnonzero([column.min() < column.max() for column in values.T])
    order = varying[np.argsort(variances[varying], kind="stable")]
    small = order[np.cumsum(variances[order]) < 0.01 * variances.sum()]
    return sorted(small.tolist()) if 2 * len(small) >= len(order) else []


def _counts_rows(column: np.ndarray) -> bool:
    """Whether a column counts the rows, or rows of which these are some: whole numbers, each once, 20 of them."""
    if len(column) > 2 and (np.diff(column) == 1).all():
        return True
    return len(column) >= 20 and bool((column == np.round(column)).all()) and len(np.unique(column)) == len(column)
