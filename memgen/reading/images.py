"""A folder of images: all of one size, in the natural order of their paths."""

import os
import re
import stat
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from memgen.errors import BadInput, one_line, printable
from memgen.reading.files import opened, room
from memgen.reading.samples import Progress, Samples, beyond, pixels

SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif"}
_FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF")  # whatever the name says: others may start a program
_NAMES = {1: "grey", 2: "grey with a varying alpha", 3: "colour", 4: "colour with a varying alpha"}


class Found(NamedTuple):
    """What lies in a folder: paths of images, relative to it, in order; other files; links to folders."""

    images: list[str]
    others: list[str]
    links: list[str]


def folder(path: Path, progress: Progress = iter) -> Samples:
    """The images in a folder and in the folders in it, hidden ones left out, as float32 from 0 to 1."""
    found = _found(path)
    if not found.images:
        others = f"; it holds {len(found.others)} other files, such as {found.others[0]}" if found.others else ""
        raise BadInput(f"{path}: no images in this folder (PNG, JPEG, WebP, BMP, TIFF, GIF){others}")
    counted: dict[str, int] = {}
    shape, values = (), np.empty((0, 0), np.float32)
    for k, name in enumerate(progress(found.images)):
        array, done = _read(path / name, _expected(path, found.images, name, shape))
        if not k:
            shape = array.shape
            room(path, 4 * len(found.images) * array.size)
            values = np.empty((len(found.images), array.size), np.float32)
        elif array.shape != shape:
            first, this = (f"{_NAMES[s[2]]} in {n}" for s, n in ((shape, found.images[0]), (array.shape, name)))
            raise BadInput(f"{path}: images must be of one kind: {first}, {this}")
        values[k] = pixels(array).ravel()
        if array.dtype.kind == "f" and not np.isfinite(values[k]).all():
            raise BadInput(f"{path / name}: a pixel is not a finite number")
        for what in done:
            counted[what] = counted.get(what, 0) + 1
    notes = [*beyond(values)]
    notes += [f"{count} of {len(found.images)} images: {what}" for what, count in counted.items()]
    for kind, left in (("other files", found.others), ("links to folders", found.links)):
        if left:
            notes.append(f"{len(left)} {kind} left out, such as {left[0]}")
    return Samples(str(path), values, shape, tuple(map(printable, found.images)), tuple(notes))


def _found(path: Path) -> Found:
    def refuse(error: OSError) -> None:
        raise BadInput(f"{error.filename}: {error.strerror}")

    found = Found([], [], [])
    for place, folders, files in os.walk(path, onerror=refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        here = Path(place)
        found.links.extend(str((here / name).relative_to(path)) for name in folders if (here / name).is_symlink())
        for name in files:
            if name.startswith("."):
                continue
            kind = found.images if Path(name).suffix.lower() in SUFFIXES else found.others
            kind.append((here / name).relative_to(path).as_posix())
    for names in found:
        names.sort(key=_natural)
    return found


def _natural(name: str) -> list[tuple[tuple[int, int, str], ...]]:
    """A sort key for paths, folder by folder, that puts 2.png before 10.png."""
    parts = ((re.findall(r"\d+|\D+", part)) for part in name.split("/"))
    return [tuple((0, int(w), w) if w.isdecimal() else (1, 0, w) for w in part) for part in parts]


def _expected(path: Path, names: list[str], name: str, shape: tuple[int, ...]) -> Callable[[int, int], None]:
    """A check of an image's height and width before it is decoded: BadInput if they differ from those of the first
    image, or if all images would need more memory than there is."""

    def check(height: int, width: int) -> None:
        if not shape:
            room(path, 4 * len(names) * height * width)
        elif (height, width) != shape[:2]:
            sizes = f"{shape[0]} × {shape[1]} in {names[0]}, {height} × {width} in {name}"
            raise BadInput(f"{path}: images must be of one size: {sizes}")

    return check


def _read(path: Path, check: Callable[[int, int], None]) -> tuple[np.ndarray, list[str]]:
    """Pixels (h, w, c) of the first frame as stored, and what was done to them."""
    from PIL import Image

    with opened(path):
        found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise BadInput(f"{path}: not a file")
    if not found.st_size:
        raise BadInput(f"{path}: the file is empty")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=_FORMATS) as image:
                check(image.height, image.width)
                return _array(image)
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise BadInput(f"{path}: too many pixels for an image: {one_line(error, 160)}") from error
    except Image.UnidentifiedImageError as error:
        raise BadInput(f"{path}: not an image that can be read (PNG, JPEG, WebP, BMP, TIFF, GIF)") from error
    except BadInput:
        raise
    except MemoryError as error:
        raise BadInput(f"{path}: too large for the memory at hand") from error
    except Exception as error:  # decoders raise what they please on damaged data
        if isinstance(error, OSError) and error.strerror:
            raise BadInput(f"{path}: {error.strerror}") from error
        raise BadInput(f"{path}: a damaged image: {one_line(error, 120)}") from error


def _array(image) -> tuple[np.ndarray, list[str]]:  # type: ignore[no-untyped-def]
    done = ["the first frame of several"] if getattr(image, "n_frames", 1) > 1 else []
    mode, png = image.mode, image.format == "PNG"
    if mode in ("P", "PA"):
        done.append("a palette turned to colours")
        image = image.convert("RGBA" if mode == "PA" or "transparency" in image.info else "RGB")
    elif mode == "1":
        image = image.convert("L")
    elif mode not in ("L", "LA", "RGB", "RGBA", "F") and not mode.startswith("I"):
        done.append(f"{mode} turned to RGB")
        image = image.convert("RGB")
    array = np.asarray(image)
    if mode.startswith("I;16") or (mode == "I" and png):
        array = array.astype(np.uint16)
    array = array if array.ndim == 3 else array[..., None]
    if array.shape[2] in (2, 4) and (array[..., -1] == array[0, 0, -1]).all():
        done.append("a constant alpha left out")
        array = array[..., :-1]
    return array, done
