"""Rows of numbers, and how arrays of any kind become them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from memgen.errors import BadInput
from memgen.reading.files import room

Progress = Callable[[Iterable[Any]], Iterable[Any]]

_KINDS = {
    "c": "complex numbers",
    "O": "Python objects (a pickle, which is not opened)",
    "U": "text",
    "S": "text",
    "M": "dates",
    "m": "times",
    "V": "records",
}
_BLOCK = 2**22  # numbers looked at at once


@dataclass(frozen=True)
class Samples:
    """What a file or folder holds: values (n, d), float32 or float64, finite.

    name     the path as it was given
    shape    (height, width, channels) of images, whose pixels are flattened; None for tables
    rows     file names of images; None for other rows
    notes    what was left out or converted, one line each
    columns  names of the columns of a table that has them
    """

    name: str
    values: np.ndarray
    shape: tuple[int, ...] | None
    rows: tuple[str, ...] | None
    notes: tuple[str, ...]
    columns: tuple[str, ...] | None = None

    def __str__(self) -> str:
        """A description such as: 1500 images of 28 × 28, from digits.npy"""
        count, d = self.values.shape
        if self.shape:
            height, width, channels = self.shape
            what = f"image{'s'[: count != 1]} of {height} × {width}" + (f" × {channels}" if channels > 1 else "")
        else:
            what = f"row{'s'[: count != 1]} of {d} number{'s'[: d != 1]}"
        return f"{count} {what}, from {self.name}"


def numeric(path: Path, dtype: np.dtype) -> None:
    """BadInput if an array of this type has no real numbers."""
    if dtype.kind not in "fiub":
        raise BadInput(f"{path}: holds {_KINDS.get(dtype.kind, dtype)} where real numbers are needed")


def target(dtype: np.dtype) -> np.dtype:
    """The type in which values are kept: float32 if it holds all values of `dtype` exactly, else float64."""
    return np.dtype(np.float32 if np.can_cast(dtype, np.float32) else np.float64)


def plain(values: np.ndarray) -> np.ndarray:
    """The values as floats in memory; those that are mapped from a file are copied."""
    return values.astype(target(values.dtype), order="C", copy=isinstance(values, np.memmap))


def pixels(values: np.ndarray) -> np.ndarray:
    """Pixel values as floats: 8-bit and 16-bit whole numbers scaled to 0 … 1, others as they are."""
    if values.dtype in (np.uint8, np.uint16):
        return np.divide(values, np.float32(np.iinfo(values.dtype).max), dtype=np.float32)
    return plain(values)


def samples(path: Path, array: np.ndarray, notes: tuple[str, ...] = ()) -> Samples:
    """An array of rows (n, d), or of images (n, h, w), (n, h, w, c) or (n, c, h, w), c ≤ 4, as Samples."""
    numeric(path, array.dtype)
    if array.ndim not in (2, 3, 4):
        raise BadInput(f"{path}: has the shape {array.shape}; rows (n, d) or images (n, h, w[, c]) are needed")
    if not array.size:
        raise BadInput(f"{path}: has the shape {array.shape}: there is nothing in it")
    images = array.ndim > 2
    if array.ndim == 3:
        array = array[..., None]
    if array.ndim == 4 and array.shape[3] > 4:
        if array.shape[1] > 4:
            raise BadInput(f"{path}: has the shape {array.shape}; images have at most 4 channels, last or first")
        array = np.moveaxis(array, 1, 3)
    room(path, array.size * target(array.dtype).itemsize)
    values = pixels(array) if images else plain(array)
    values = np.asarray(np.ascontiguousarray(values)).reshape(len(array), -1)
    finite(path, values)
    if images:
        notes = (*notes, *beyond(values))
    return Samples(str(path), values, tuple(array.shape[1:]) if images else None, None, notes)


def beyond(values: np.ndarray) -> tuple[str, ...]:
    """A note if pixel values are not all between 0 and 1."""
    low, high = values.min(), values.max()
    return () if 0 <= low and high <= 1 else (f"pixel values go from {low:.4g} to {high:.4g}, as they are stored",)


def finite(path: Path, values: np.ndarray, names: tuple[str, ...] | None = None) -> None:
    """BadInput that names the first row with a value that is missing or infinite."""
    step = max(1, _BLOCK // values.shape[1])
    for start in range(0, len(values), step):
        fine = np.isfinite(values[start : start + step])
        if not fine.all():
            row, column = divmod(int(np.argmin(fine)), values.shape[1])
            where = f"column {names[column]!r}" if names else f"column {column}"
            what = "missing or not a number" if np.isnan(values[start + row, column]) else "infinite"
            raise BadInput(f"{path}: a value is {what} in row {start + row} (the first is 0), {where}")
