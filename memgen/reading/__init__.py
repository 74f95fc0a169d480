"""What a file or a folder of yours holds, as rows of numbers.

Arrays (.npy, .npz), tables (.csv, .tsv, .parquet) and folders of images.  Nothing is fetched, no pickle is opened, and
what a file promises is compared with the memory at hand before any of it is taken.
"""

from collections.abc import Callable
from pathlib import Path

from memgen.errors import BadInput, one_line
from memgen.reading import arrays, images, tables
from memgen.reading.files import opened, status
from memgen.reading.samples import Progress, Samples

__all__ = ["Samples", "read"]

_READERS: dict[str, Callable[[Path], Samples]] = {
    ".npy": arrays.npy,
    ".npz": arrays.npz,
    ".csv": tables.csv,
    ".tsv": tables.csv,
    ".parquet": tables.parquet,
}
_PICKLES = {".pkl", ".pickle", ".pt", ".pth", ".ckpt", ".joblib"}


def read(path: Path | str, progress: Progress | None = None) -> Samples:
    """Rows (n, d) with n, d ≥ 1, all of them finite, from a file or a folder of images.

    `progress` wraps the list of images, as tqdm does.  Raises BadInput, in one line that names the file and the cause.
    """
    path = Path(path)
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise BadInput(f"{one_line(path)}: its name is not text in UTF-8: rename it") from None
    if status(path).is_folder:
        return images.folder(path, progress or iter)
    suffix = path.suffix.lower()
    if suffix in images.SUFFIXES:
        raise BadInput(f"{path}: this is one image; name the folder that holds it")
    if suffix in _PICKLES:
        raise BadInput(f"{path}: pickles are not opened, since they can run code; save the array with numpy.save")
    if suffix not in _READERS:
        raise BadInput(f"{path}: unknown kind of file; known are {', '.join(_READERS)} and folders of images")
    if status(path).bytes == 0:
        raise BadInput(f"{path}: the file is empty")
    with opened(path):
        return _READERS[suffix](path)
