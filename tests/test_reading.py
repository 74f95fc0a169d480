"""What files and folders hold, and how those that cannot be used are refused: in one line that names file and cause."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from memgen.errors import BadInput
from memgen.reading import files as memory
from memgen.reading import read

X = np.arange(12.0).reshape(4, 3) ** 2
GREY = np.random.default_rng(0).integers(0, 256, (6, 6, 5)).astype(np.uint8)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def header(shape: str, dtype: str = "<f8") -> bytes:
    text = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}}}".ljust(117).encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


def text(content: str | bytes, name: str = "a.csv") -> str:
    Path(name).write_bytes(content.encode() if isinstance(content, str) else content)
    return name


def array(values: object, name: str = "a.npy") -> str:
    np.save(name, values)
    return name


def archive(**arrays: object) -> str:
    np.savez("a.npz", **arrays)
    return "a.npz"


def parquet(**columns: object) -> str:
    pd.DataFrame(columns).to_parquet("a.parquet")
    return "a.parquet"


def images(*pictures: object, suffix: str = ".png", folder: str = "pictures") -> str:
    Path(folder).mkdir(exist_ok=True)
    for k, picture in enumerate(pictures):
        image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
        image.save(f"{folder}/{k}{suffix}")
    return folder


def beside(name: str, content: bytes = b"x") -> str:
    """A folder with two good images and another file."""
    folder = images(GREY[0], GREY[1])
    (Path(folder) / name).parent.mkdir(parents=True, exist_ok=True)
    (Path(folder) / name).write_bytes(content)
    return folder


def linked() -> str:
    os.symlink("one", "two")
    os.symlink("two", "one")
    return "one"


def pipe() -> str:
    os.mkfifo("pipe.csv")
    return "pipe.csv"


def half_an_archive() -> str:
    Path("a.npz").write_bytes(Path(archive(x=X)).read_bytes()[:200])
    return "a.npz"


def bomb_in_an_archive() -> str:
    with zipfile.ZipFile("a.npz", "w") as made:
        made.writestr("x.npy", header("(1000000, 100000000)") + bytes(100))
    return "a.npz"


def bomb_in_a_folder() -> str:
    """A PNG of 2 kB whose header promises 40,000 × 40,000 pixels."""
    import struct
    import zlib

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    size = struct.pack(">IIBBBBB", 40000, 40000, 8, 0, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + chunk(b"IDAT", zlib.compress(bytes(9999))) + chunk(b"IEND", b"")
    Path("bomb").mkdir()
    Path("bomb/0.png").write_bytes(png)
    return "bomb"


POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 4 5\n%%EndComments\nshowpage\n"

BAD: list[tuple[Callable[[], str], str]] = [
    (lambda: "none.npy", "none.npy: No such file or directory"),
    (linked, "one: Too many levels of symbolic links"),
    (pipe, "pipe.csv: neither a file nor a folder"),
    (lambda: text("", "a.npy"), "a.npy: the file is empty"),
    (lambda: text("x", "a.xlsx"), "a.xlsx: unknown kind of file; known are .npy"),
    (lambda: text(pickle.dumps(X), "a.pkl"), "a.pkl: pickles are not opened, since they can run code"),
    (lambda: text(pickle.dumps(X), "a.npy"), "a.npy: not an array of NumPy: it does not begin like one; pickles"),
    (lambda: array(np.array([{}], object)), "a.npy: holds Python objects (a pickle, which is not opened)"),
    (lambda: array(X.astype(complex)), "a.npy: holds complex numbers"),
    (lambda: array(np.array([["a"]])), "a.npy: holds text"),
    (lambda: array(np.zeros(3, [("a", int)])), "a.npy: holds records"),
    (lambda: array(X[0]), "a.npy: has the shape (3,)"),
    (lambda: array(np.zeros((2, 5, 5, 5))), "a.npy: has the shape (2, 5, 5, 5); images have at most 4 channels"),
    (lambda: array(np.zeros((0, 3))), "a.npy: has the shape (0, 3): there is nothing in it"),
    (lambda: array(np.zeros((3, 0))), "a.npy: has the shape (3, 0): there is nothing in it"),
    (
        lambda: array(np.where(X == 25, np.nan, X)),
        "a.npy: a value is missing or not a number in row 1 (the first is 0)",
    ),
    (lambda: array(np.where(X == 25, -np.inf, X)), "a.npy: a value is infinite in row 1 (the first is 0), column 2"),
    (
        lambda: text(header("(10, 10)") + bytes(80), "a.npy"),
        "a.npy: is cut off: 80 bytes where its header promises 800",
    ),
    (lambda: text(header("(1000000, 100000000)"), "a.npy"), "a.npy: needs 745,058.1 GiB of memory"),
    (lambda: text(header("(10**9,)"), "a.npy"), "a.npy: not an array of NumPy"),
    (lambda: text(header("(-1, 3)"), "a.npy"), "a.npy: a damaged header"),
    (lambda: text(header("((-1, 3)"), "a.npy"), "a.npy: not an array of NumPy"),
    (bomb_in_an_archive, "a.npz: needs 745,058.1 GiB of memory"),
    (half_an_archive, "a.npz: cannot be read as .npz"),
    (lambda: archive(x=np.array([{}], object)), "a.npz: holds Python objects (a pickle, which is not opened)"),
    (lambda: archive(x_train=X, y=X), "a.npz: has the arrays x_train, y; save one alone, or name one of them samples"),
    (lambda: archive(x=X, features=X), "a.npz: has the arrays x, features"),
    (lambda: text("\n"), "a.csv: the first line is empty"),
    (lambda: text("a,b\n"), "a.csv: there are no rows in it"),
    (lambda: text("a,b\n1,2\n3\n"), "a.csv: CSV parse error: Expected 2 columns, got 1"),
    (lambda: text("a,b\n1,2\n3,\n"), "a.csv: a value is missing or not a number in row 1 (the first is 0), column 'b'"),
    (lambda: text("name,b\nx,2\n"), "a.csv: column 'name' holds text, 'x'"),
    (lambda: text("a,a\n1,2\n"), "a.csv: two columns are called 'a'"),
    (lambda: text(b"\xff\xfea,b\n"), "a.csv: not text in UTF-8"),
    (lambda: text("x", "a.parquet"), "a.parquet: cannot be read as .parquet"),
    (lambda: parquet(a=[1.0], name=["x"]), "a.parquet: column 'name' holds"),
    (
        lambda: parquet(a=[1.0, None]),
        "a.parquet: a value is missing or not a number in row 1 (the first is 0), column 'a'",
    ),
    (lambda: parquet(a=[]), "a.parquet: there are no rows in it"),
    (lambda: images(GREY[0]) + "/0.png", "pictures/0.png: this is one image; name the folder that holds it"),
    (images, "pictures: no images in this folder"),
    (lambda: beside("2.png", b""), "pictures/2.png: the file is empty"),
    (lambda: beside("2.png", b"GIF89a?"), "pictures/2.png: "),
    (lambda: beside("2.png", POSTSCRIPT), "pictures/2.png: not an image that can be read"),
    (lambda: beside("2.png", Path(images(GREY[0]), "0.png").read_bytes()[:60]), "pictures/2.png: "),
    (lambda: images(GREY[0], GREY[1, 1:]), "pictures: images must be of one size: 6 × 5 in 0.png, 5 × 5 in 1.png"),
    (
        lambda: images(GREY[0], np.stack([GREY[0]] * 3, 2)),
        "pictures: images must be of one kind: grey in 0.png, colour in 1.png",
    ),
    (
        lambda: images(np.full((2, 2), np.nan, np.float32), suffix=".tif"),
        "pictures/0.tif: a pixel is not a finite number",
    ),
    (bomb_in_a_folder, "bomb/0.png: too many pixels for an image"),
]


@pytest.mark.parametrize(("make", "line"), BAD)
def test_what_cannot_be_used_is_named_with_its_cause(make: Callable[[], str], line: str) -> None:
    with pytest.raises(BadInput) as error:
        read(make())
    assert str(error.value).startswith(line) and len(str(error.value).splitlines()) == 1


def test_a_file_that_may_not_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*of: object) -> None:  # whoever runs this may be root, who may read all
        raise PermissionError(13, "Permission denied")

    array(X)
    images(GREY[0])
    monkeypatch.setattr(Path, "open", refuse)
    monkeypatch.setattr("builtins.open", refuse)
    for name, line in (("a.npy", "a.npy: Permission denied"), ("pictures", "pictures/0.png: Permission denied")):
        with pytest.raises(BadInput) as error:
            read(name)
        assert str(error.value) == line


@pytest.mark.parametrize(
    ("dtype", "kept"),
    [("f4", "f4"), ("f2", "f4"), ("f8", "f8"), (">f4", "f4"), ("?", "f4"), ("u1", "f4"), ("i2", "f4"), ("i8", "f8")],
)
def test_numbers_keep_their_precision(dtype: str, kept: str) -> None:
    values = read(array(np.asfortranarray(X.astype(dtype)))).values
    assert values.dtype == np.dtype(kept) and values.flags.c_contiguous and type(values) is np.ndarray
    assert (values == X.astype(dtype)).all()


def test_one_row_one_column_constants_and_duplicates_are_read_as_they_are() -> None:
    assert read(array(X[:1])).values.shape == (1, 3)
    assert str(read(array(X[:1, :1]))) == "1 row of 1 number, from a.npy"
    assert (read(array(np.ones((3, 2)))).values == 1).all()


def test_every_kind_of_table_gives_the_same_numbers() -> None:
    lines = [",".join(map(repr, row)) for row in X.tolist()]
    plain, named = text("\n".join(lines), "plain.csv"), text("\r\n".join(["a, b,c", *lines]), "named.csv")
    tabs = text("\ufeffa\tb\tc\n" + "\n".join(lines).replace(",", "\t"), "a.tsv")
    counted = text("\n".join(["0,1,2", *lines]), "counted.csv")
    semicolons = text("\n".join(["a;b;c", *lines]).replace(",", ";"), "a.csv")
    frame = parquet(**{name: X[:, k] for k, name in enumerate("abc")})
    for name in (plain, named, tabs, counted, semicolons, frame, array(X), archive(x=X), archive(data=X)):
        assert (read(name).values == X).all(), name
    assert read(plain).columns is None and read(named).columns == read(tabs).columns == ("a", "b", "c")
    small = read(parquet(a=np.float32([1, 2]), b=[True, False], c=np.int8([1, 2]))).values
    assert small.dtype == np.float32 and small.tolist() == [[1, 1, 1], [2, 0, 2]]


def test_what_looks_like_an_id_is_said_and_kept_but_for_a_saved_index() -> None:
    found = read(text("id,a\n0,5\n1,4\n2,9\n"))
    assert found.values.shape == (3, 2)
    assert found.notes == ("column 'id' counts the rows: leave it out if it is no measurement",)
    mixed = "".join(f"{7 * k % 31},{k / 4}\n" for k in range(24))
    assert read(text(f"id,a\n{mixed}")).notes == found.notes
    found = read(text(f",a\n{mixed}"))
    assert found.values.tolist() == [[k / 4] for k in range(24)] and found.columns == ("a",)
    assert found.notes == ("the first column has no name: an index that was saved, and left out",)
    pd.DataFrame({"a": [5.0, 4.0]}, index=[3, 1]).to_parquet("a.parquet")
    found = read("a.parquet")
    assert found.values.shape == (2, 1) and found.notes == ("the index that pandas saved is left out",)


def test_columns_that_count_for_nothing_in_a_distance_are_said_to() -> None:
    rng = np.random.default_rng(0)
    income, age, height = rng.normal(0, 1e4, 30), rng.normal(0, 20, 30), rng.normal(0, 0.1, 30)
    told = "less than 1% of the variance, so that others decide every distance"
    (note,) = read(parquet(age=age, income=income)).notes
    assert note.startswith(f"column 'age' has {told}: divide columns")
    (note,) = read(parquet(none=0 * age, income=income, age=age, height=height)).notes
    assert note.startswith(f"2 columns, such as 'age', have together {told}")
    assert any(note.startswith(f"column 'age' has {told}") for note in read(parquet(a=1e300 * income, age=age)).notes)
    for alike in (
        {"a": age, "b": 4 * income / 1e4},
        {"a": 0 * age, "b": income},
        {"a": income, "b": -income, "c": age},
    ):
        assert read(parquet(**alike)).notes == ()
    assert read(array(np.stack([income, age], 1))).notes == ()  # features without names: of one network, in one unit


@pytest.mark.parametrize("first", ["0,1", "1,2", ",0,1", ",1,2"])
def test_names_that_pandas_counts_are_names(first: str) -> None:
    rows = "0.5,0.25\n1.5,2.5\n" if first[0] != "," else "0,0.5,0.25\n1,1.5,2.5\n"
    found = read(text(f"{first}\n{rows}"))
    assert found.values.tolist() == [[0.5, 0.25], [1.5, 2.5]]
    assert any("is taken for names" in note for note in found.notes)


@pytest.mark.parametrize("missing", ["NA", "n/a", "NULL", "nan", ""])
def test_a_missing_value_in_the_first_row_makes_no_names_of_it(missing: str) -> None:
    with pytest.raises(BadInput, match="row 0"):
        read(text(f"0.5,{missing},0.25\n1.5,2.5,3.5\n"))


def test_a_million_rows_take_seconds() -> None:
    text("a,b,c,d\n" + "0.52,-1.25,31,-0.0071\n" * 10**6)
    start = time.process_time()
    assert (read("a.csv").values == [0.52, -1.25, 31, -0.0071]).all()
    assert time.process_time() - start < 5


def test_images_in_arrays_are_the_images_in_files() -> None:
    colour = np.stack([GREY, GREY[::-1], GREY // 2], 3)
    folder = read(images(*colour))
    assert folder.shape == (6, 5, 3) and folder.values.dtype == np.float32
    assert folder.rows == tuple(f"{k}.png" for k in range(6))
    first = read(array(np.moveaxis(colour, 3, 1)))
    for same in (read(array(colour)), first, read(archive(images=colour, labels=[0, 1]))):
        assert same.shape == folder.shape and (same.values == folder.values).all()
    grey = read(images(*GREY, folder="grey"))
    assert grey.shape == (6, 5, 1) and (grey.values == GREY.reshape(6, 30).astype(np.float32) / np.float32(255)).all()
    assert (read(array(GREY)).values == grey.values).all()
    assert str(grey) == "6 images of 6 × 5, from grey" and str(folder) == "6 images of 6 × 5 × 3, from pictures"
    assert read(array(GREY * 1.0)).notes == ("pixel values go from 0 to 255, as they are stored",)


def test_images_are_converted_and_that_is_said() -> None:
    colour = np.repeat(GREY[0][..., None], 3, 2)
    opaque = np.concatenate([colour, np.full((6, 5, 1), 200, np.uint8)], 2)
    palette = Image.fromarray(colour).quantize(256)
    found = read(images(colour, opaque, palette))
    assert (found.values == found.values[0]).all()
    assert found.notes == ("1 of 3 images: a constant alpha left out", "1 of 3 images: a palette turned to colours")
    varying = opaque.copy()
    varying[0, 0, 3] = 0
    assert read(images(varying, folder="varying")).shape == (6, 5, 4)
    deep = np.arange(30, dtype=np.uint16).reshape(6, 5) * 2000
    for suffix in (".png", ".tif"):
        sixteen = read(images(deep, suffix=suffix, folder=f"deep{suffix}"))
        assert np.allclose(sixteen.values * 65535, deep.reshape(1, 30), rtol=1e-6)
    frames = [Image.fromarray(grey) for grey in GREY]
    Path("moving").mkdir()
    frames[0].save("moving/a.gif", save_all=True, append_images=frames[1:])
    moving = read("moving")
    assert (moving.values == GREY[0].repeat(3) / np.float32(255)).all()
    assert moving.notes[0] == "1 of 1 images: the first frame of several"
    assert read(images(Image.fromarray(GREY[0] > 99), folder="bits")).values.tolist() == [
        (GREY[0] > 99).ravel().tolist()
    ]


def test_a_folder_is_searched_in_natural_order_and_the_rest_is_said() -> None:
    for name in ("10.png", "9.png", "b/2.PNG", "b/a/1.jpg", ".hidden.png", ".hidden/1.png"):
        Path("mixed", name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(GREY[0]).save(f"mixed/{name}")
    Path("mixed/labels.csv").write_text("1\n")
    Path("mixed/<script>.txt").write_text("1\n")
    os.symlink("..", "mixed/b/up")
    found = read("mixed")
    assert found.rows == ("9.png", "10.png", "b/2.PNG", "b/a/1.jpg")
    assert found.notes == ("2 other files left out, such as <script>.txt", "1 links to folders left out, such as b/up")
    os.symlink("mixed", "linked")
    assert read("linked").rows == found.rows


def test_what_memory_cannot_hold_is_refused_before_it_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    assert 2**20 < memory.available() < 2**50
    made = [images(*GREY), array(X), archive(x=X), parquet(a=X[:, 0]), text("1,2\n")]
    monkeypatch.setattr(memory, "available", lambda: 2)
    for name in made:
        with pytest.raises(BadInput, match=r"needs 0\.0 MiB of memory, there are 0\.0 MiB"):
            read(name)


def test_reading_is_imported_in_no_time() -> None:
    code = "import sys; import memgen.reading; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"torch", "sklearn", "skdim", "matplotlib", "sympy", "pandas", "pyarrow", "PIL"} & set(loaded)
