"""Files and folders for `memgen.reading`: sound ones, and what is left of them when they are spoilt."""

import io
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

Draws = np.random.Generator


def _npy(x: np.ndarray) -> bytes:
    out = io.BytesIO()
    np.save(out, x, allow_pickle=True)
    return out.getvalue()


def _npz(**arrays: np.ndarray) -> bytes:
    out = io.BytesIO()
    np.savez(out, **arrays)  # type: ignore[arg-type]
    return out.getvalue()


def _parquet(table: pd.DataFrame) -> bytes:
    out = io.BytesIO()
    table.to_parquet(out)
    return out.getvalue()


def _png(x: np.ndarray) -> bytes:
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(x).save(out, "PNG")
    return out.getvalue()


def _numbers(rng: Draws) -> np.ndarray:
    kinds = (float, np.float32, np.float16, int, np.uint8, bool, complex, object, "U8", "datetime64[s]")
    shapes = ((4, 3), (2, 4, 3), (2, 3, 4, 1), (0, 3), (3, 0), (5,), (), (2, 1, 1, 1, 1))
    x = np.round(rng.standard_normal(shapes[rng.integers(len(shapes))]), 3)
    if x.size and rng.random() < 0.3:
        x = np.where(rng.random(x.shape) < 0.3, rng.choice([np.nan, np.inf, 1e300, 5e-324]), x)
    with np.errstate(all="ignore"):
        return (
            x.astype("datetime64[s]")
            if (kind := kinds[rng.integers(len(kinds))]) == "datetime64[s]"
            else x.astype(kind)
        )


_CELLS = (
    "1",
    "-2.5",
    "",
    "nan",
    "inf",
    "1e999",
    "abc",
    '"a,b"',
    "0x1",
    "1_000",
    "é",
    "\x00",
    "\x1b[31m",
    "１",
    "9" * 400,
)


def _table(rng: Draws, between: str) -> bytes:
    width = rng.integers(1, 4)
    rows = [
        [_CELLS[0 if rng.random() < 0.8 else rng.integers(len(_CELLS))] for _ in range(width + (rng.random() < 0.05))]
        for _ in range(4)
    ]
    head = [["a", "b", "a" * 5000, "\x1b[2J"][rng.integers(4)] + str(k) for k in range(width)]
    lines = [between.join(row) for row in ([head, *rows] if rng.random() < 0.5 else rows)]
    return (
        ("\r\n" if rng.random() < 0.2 else "\n")
        .join(lines)
        .encode(("utf-8", "latin-1", "utf-16")[rng.choice(3, p=(0.8, 0.1, 0.1))], "replace")
    )


def _frame(rng: Draws) -> bytes:
    x = pd.DataFrame(rng.standard_normal((4, 2)), columns=["a", "b\x1b[31m"])
    match rng.integers(5):
        case 0:
            x["c"] = list("wxyz")
        case 1:
            x["c"] = pd.array([1, None, 3, 4], dtype="Int64")
        case 2:
            x.index = pd.Index([4, 3, 2, 1])
        case 3:
            x["c"] = pd.Timestamp(0)
    return _parquet(x)


MAKERS: dict[str, Callable[[Draws], bytes]] = {
    ".npy": lambda r: _npy(_numbers(r)),
    ".npz": lambda r: _npz(**{name: _numbers(r) for name in ("x", "y\n", "arr_0")[: r.integers(0, 4)]}),
    ".csv": lambda r: _table(r, ",;\t|"[r.integers(4)]),
    ".tsv": lambda r: _table(r, "\t"),
    ".parquet": _frame,
    ".png": lambda r: _png(r.integers(0, 255, (4, 4), np.uint8)),
    ".pkl": lambda r: b"\x80\x04N.",
    ".txt": lambda r: b"1,2\n3,4\n",
    "": lambda r: b"",
}


def damaged(content: bytes, rng: Draws) -> bytes:
    """The content, at random as it is, cut off, with bytes changed, doubled, or replaced by content of another kind."""
    match rng.integers(6):
        case 0 | 1:
            return content
        case 2:
            return content[: rng.integers(0, len(content) + 1)]
        case 3:
            found = bytearray(content)
            for _ in range(min(len(found), int(rng.integers(1, 9)))):
                found[rng.integers(min(len(found), 200))] = rng.integers(256)
            return bytes(found)
        case 4:
            return content + content
        case _:
            return (b"", b"\x00" * 100, b"\xff\xfe" * 50, b"{}", b"PK\x03\x04" + content)[rng.integers(5)]


_NAMES = ("a", "ä", "a b", "a\nb", "\x1b[31mred", "{seed}", "-o", "\u202e", "\udcff", "x" * 200)


def written(folder: Path, rng: Draws) -> tuple[str, Path]:
    """Write a file, or a folder of images; return what it is, in words, and its path."""
    if rng.random() < 0.1:
        return _no_file(folder, rng)
    if rng.random() < 0.2:
        images = folder / "images"
        images.mkdir()
        for k in range(int(rng.integers(1, 4))):
            side = (4, 4) if rng.random() < 0.9 else (3, 5, 3)
            name = _NAMES[rng.integers(len(_NAMES))]
            (images / f"{name}{k}.png").write_bytes(damaged(_png(rng.integers(0, 255, side, np.uint8)), rng))
        return "a folder of images", images
    suffix = list(MAKERS)[rng.integers(len(MAKERS))]
    path = folder / f"{_NAMES[rng.integers(len(_NAMES))]}{suffix}"
    path.write_bytes(damaged(MAKERS[suffix](rng), rng))
    return f"a file {suffix}", path


def _no_file(folder: Path, rng: Draws) -> tuple[str, Path]:
    loop, pipe = folder / "loop.npy", folder / "pipe.npy"
    loop.symlink_to("loop.npy")
    os.mkfifo(pipe)
    (folder / "empty").mkdir()
    kinds = {
        "a link to itself": loop,
        "a pipe": pipe,
        "nothing": folder / "nothing.npy",
        "a long name": folder / ("x" * 5000 + ".npy"),
        "a name with NUL": folder / "a\0b.npy",
        "below a file": pipe / "a.npy",
        "an empty folder": folder / "empty",
        "a device": Path("/dev/zero"),
    }
    return list(kinds.items())[rng.integers(len(kinds))]
