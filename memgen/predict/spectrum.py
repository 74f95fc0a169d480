"""The covariance of rows: its eigenvalues, and how much each row weighs in what is estimated from them."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

LARGEST = 4096  # the most that the smaller of rows and columns may be: its square is kept in memory
_BLOCK = 2**22  # numbers at once


@dataclass(frozen=True)
class Spectrum:
    """Eigenvalues of the sample covariance (unbiased), in falling order, those that are 0 left out.

    `rank` is their number; `total` their sum; `participation` estimates (tr Σ)²/tr Σ² of the law: how many equal
    eigenvalues would spread as widely.
    """

    eigenvalues: np.ndarray
    rank: int
    total: float
    participation: float
    constant: int  # features that do not vary


def affordable(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The rows x (n, d), or 4096 of them, chosen at random, if both n and d are larger than that."""
    if min(x.shape) <= LARGEST:
        return x
    return x[np.sort(rng.choice(len(x), LARGEST, replace=False))]


class Covariance:
    """The principal axes of rows (n, d), n, d ≥ 1, in double precision and in blocks of rows.

    Works on the smaller of XᵀX and XXᵀ.  Raises ValueError if no feature varies by more than rounding.
    """

    def __init__(self, x: np.ndarray) -> None:
        self._x, (n, d) = x, x.shape
        self.freedom = n - 1
        self.mean = sum((part.sum(0, dtype=float) for part in _blocks(x)), np.zeros(d)) / n
        if d <= n:
            square = np.zeros((d, d))
            for part in _blocks(x):
                y = part - self.mean
                square += y.T @ y
        else:
            square = self._gram()
        values, vectors = np.linalg.eigh(square / self.freedom)
        values, vectors = values[::-1], vectors[:, ::-1]
        largest = max(float(x.max()), -float(x.min()))
        rounding = (float(np.finfo(x.dtype).eps) * largest) ** 2  # what numbers of this precision cannot tell from 0
        rank = int(np.sum(values > values[0] * max(n, d) * np.finfo(float).eps + rounding))
        if not rank:
            raise ValueError("all rows are equal but for rounding: there is no variance, and nothing to tell apart")
        self._axes, self._wide = vectors[:, :rank], d > n
        kept = values[:rank]
        variance = sum((((part - self.mean) ** 2).sum(0) for part in _blocks(x)), np.zeros(d))
        total = float(kept.sum())
        constant = int(np.sum(variance / n <= rounding))
        self.spectrum = Spectrum(kept, rank, total, self._participation(kept, total, d - constant), constant)

    def _participation(self, values: np.ndarray, total: float, most: int) -> float:
        """(tr Σ)²/tr Σ², without what few rows add to tr S² (exactly for a Gaussian law); at most all directions."""
        free = self.freedom
        if free < 2:
            return float(total**2 / (values**2).sum())
        squares = (float((values**2).sum()) - total**2 / free) * free**2 / ((free - 1) * (free + 2))
        return float(min(total**2 / squares, most)) if squares > 0 else float(most)

    def _gram(self) -> np.ndarray:
        n = len(self._x)
        gram = np.zeros((n, n))
        for _, y in self._columns():
            gram += y @ y.T
        return gram

    def _columns(self) -> Iterator[tuple[slice, np.ndarray]]:
        """Yield the centred features of all rows, some at a time: which they are, and their values."""
        n, d = self._x.shape
        step = max(1, _BLOCK // n)
        for start in range(0, d, step):
            at = slice(start, start + step)
            yield at, self._x[:, at] - self.mean[at]

    def squares(self) -> Iterator[np.ndarray]:
        """Squared coordinates of the centred rows along the axes, (rows of a block, rank), block by block."""
        if self._wide:
            yield self._axes**2 * (self.freedom * self.spectrum.eigenvalues)
        else:
            for part in _blocks(self._x):
                yield ((part - self.mean) @ self._axes) ** 2

    def typical_square(self) -> float:
        """The size of a typical row: the median over rows of the squared distance from the mean, without the first
        axis, over its average, divided by that ratio for a Gaussian law of the same eigenvalues.

        It is small for rows of very different size, and 1 if there is one axis.
        """
        if self.spectrum.rank == 1:
            return 1.0
        rest = np.concatenate([squares[:, 1:].sum(1) for squares in self.squares()])
        left = self.spectrum.eigenvalues[1:]
        axes = left.sum() ** 2 / (left**2).sum()  # of equal variance, which would scatter as much
        gaussian = (1 - 2 / (9 * axes)) ** 3  # Wilson and Hilferty 1931: the median of χ² over its mean
        return float(np.median(rest) / rest.mean() / gaussian)

    def parts(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Squared coordinates of other rows (m, d) along the axes, (m, rank), and squared distances from their span,
        (m,)."""
        y = x - self.mean
        if self._wide:
            scale = np.sqrt(self.freedom * self.spectrum.eigenvalues)
            along = (sum(y[:, at] @ part.T for at, part in self._columns()) @ self._axes / scale) ** 2
        else:
            along = (y @ self._axes) ** 2
        return along, ((y**2).sum(1) - along.sum(1)).clip(0)


def _blocks(x: np.ndarray) -> Iterator[np.ndarray]:
    step = max(1, _BLOCK // x.shape[1])
    for start in range(0, len(x), step):
        yield x[start : start + step].astype(float)
