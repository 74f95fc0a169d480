"""Read arrays of NumPy. The header is compared with the file and the memory before anything is allocated."""

import zipfile
import zlib
from pathlib import Path
from typing import IO

import numpy as np

from memgen.errors import BadInput, one_line
from memgen.reading.files import room
from memgen.reading.samples import Samples, numeric, samples, target

_NAMES = ("samples", "x", "arr_0", "images", "features")  # of arrays in an archive with several
_BROKEN = (ValueError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError)


def npy(path: Path) -> Samples:
    """The array of a .npy file."""
    with path.open("rb") as file:
        shape = _promised(path, file, path.stat().st_size)
    if 0 in shape:
        return samples(path, np.empty(shape))
    return samples(path, np.load(path, mmap_mode="r", allow_pickle=False))


def npz(path: Path) -> Samples:
    """The array of a .npz file: the only one, or the only one with a name in `_NAMES`."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = {m.filename.removesuffix(".npy"): m for m in archive.infolist() if m.filename.endswith(".npy")}
            name, notes = _chosen(path, list(members))
            with archive.open(members[name]) as file:
                _promised(path, file, members[name].file_size)
            with archive.open(members[name]) as file:
                array = np.lib.format.read_array(file, allow_pickle=False)
    except BadInput:
        raise
    except _BROKEN as error:
        raise BadInput(f"{path}: cannot be read as .npz: {one_line(error, 120)}") from error
    return samples(path, array, notes)


def _chosen(path: Path, names: list[str]) -> tuple[str, tuple[str, ...]]:
    known = [name for name in names if name in _NAMES]
    if len(names) == 1:
        return names[0], ()
    if len(known) == 1:
        others = ", ".join(name for name in names if name != known[0])
        return known[0], (f"of its arrays, {known[0]} is read, not {others}",)
    if not names:
        raise BadInput(f"{path}: there is no array in it")
    expected = f"{', '.join(_NAMES[:-1])} or {_NAMES[-1]}"
    raise BadInput(f"{path}: has the arrays {', '.join(names)}; save one alone, or name one of them {expected}")


def _promised(path: Path, file: IO[bytes], there: int) -> tuple[int, ...]:
    """The shape in the header. BadInput if it is not of real numbers, or of more than the file or the memory holds."""
    try:
        version = np.lib.format.read_magic(file)
        if version not in ((1, 0), (2, 0)):
            raise ValueError(f"format {version} is for records with names")
        header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = header(file)
    except Exception as error:  # NumPy parses the header as an expression of Python, with all that can go wrong there
        cause = "it does not begin like one; pickles are not opened" if "magic" in str(error) else one_line(error, 120)
        raise BadInput(f"{path}: not an array of NumPy: {cause}") from error
    numeric(path, dtype)
    if any(length < 0 for length in shape):
        raise BadInput(f"{path}: a damaged header, which promises the shape {shape}")
    count = 1
    for length in shape:
        count *= length
    room(path, count * max(dtype.itemsize, target(dtype).itemsize))
    if (left := there - file.tell()) < count * dtype.itemsize:
        raise BadInput(f"{path}: is cut off: {left} bytes where its header promises {count * dtype.itemsize}")
    return tuple(shape)
