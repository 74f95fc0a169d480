"""Are generated points copies?  Criteria that use the distance to the nearest training point.

Each has a value that a perfect generator reaches as well, derived in `theory.criteria`: without it no criterion says
anything.
"""

from functools import cached_property
from typing import NamedTuple

import numpy as np
from scipy import stats
from torch import Tensor

from memgen import arrays
from memgen.measures.nearest import search
from memgen.measures.points import Points, pair


class DataCopying(NamedTuple):
    """The score C_T, negative for copies; its standard deviation for a perfect generator; how many cells count in
    it."""

    score: float
    deviation: float
    cells: int

    @property
    def z(self) -> float:
        """The score in its standard deviations: nearly standard normal for a perfect generator."""
        return self.score / self.deviation


def copying_score(own: np.ndarray, cell: np.ndarray, others: np.ndarray, cells: np.ndarray) -> DataCopying:
    """Return C_T from distances to the training set: `own` (m,) of generated points, `others` (h,) of held-out points.

    `cell` and `cells` say which cell each of them is in. Raises ValueError if no cell has both, at distances that
    differ.
    """
    scores, weights = [], []
    for k in np.unique(cells):
        ours, theirs = own[cell == k], others[cells == k]
        ranks = stats.rankdata(np.concatenate([ours, theirs]))
        m, n = len(ours), len(theirs)
        variance = stats.tiecorrect(ranks) * m * n * (m + n + 1) / 12
        if variance > 0:  # without it the cell says nothing
            u = ranks[:m].sum() - m * (m + 1) / 2  # pairs in which the generated point is farther
            scores.append((u - m * n / 2) / np.sqrt(variance))
            weights.append(n)
    if not weights:
        raise ValueError("no cell has generated and held-out points whose distances to the training set differ")
    w = np.array(weights) / sum(weights)
    return DataCopying(float(w @ scores), float(np.linalg.norm(w)), len(w))


class Neighbours:
    """Generated points, training set and holdout with the distances among them, each found when first asked for.

    Keep it to ask for several criteria: they share the searches. Raises ValueError, naming the set, on values that are
    not finite, unequal dimensions, fewer than two training points and, for what needs it, no holdout.
    """

    def __init__(self, generated: Points, train: Points, holdout: Points | None = None) -> None:
        self._generated, self._train = pair(generated, train, ("generated", "train"), least=2)
        self._given = None if holdout is None else pair(holdout, self._train, ("holdout", "train"))[0]

    @property
    def _holdout(self) -> Tensor:
        if self._given is None:
            raise ValueError("holdout is missing: this criterion compares the training set with fresh points")
        return self._given

    @cached_property
    def to_train(self) -> tuple[np.ndarray, np.ndarray]:
        """Distances from each generated point to the two nearest training points, and their indices: (m, 2)."""
        return search(self._generated, self._train, 2)

    @cached_property
    def to_holdout(self) -> np.ndarray:
        """Distance from each generated point to the nearest of the holdout, (m,)."""
        return search(self._generated, self._holdout, 1)[0][:, 0]

    @cached_property
    def holdout_to_train(self) -> np.ndarray:
        """Distance from each point of the holdout to the nearest training point, (h,)."""
        return search(self._holdout, self._train, 1)[0][:, 0]

    def ratios(self) -> np.ndarray:
        """Distance ratios (m,), as `nearest_ratio` returns them."""
        first, second = self.to_train[0].T
        return np.divide(first, second, out=np.ones(len(first)), where=second > 0)

    def authenticity(self) -> float:
        """AuthPct, as the function `authenticity` returns it."""
        distances, indices = self.to_train
        which, place = np.unique(indices[:, 0], return_inverse=True)
        others = search(self._train[which], self._train, 2)[0][:, 1]  # the nearest but itself, which is at distance 0
        return 100 * float(np.mean(distances[:, 0] > others[place]))

    def closest_record_share(self) -> float:
        """The share closer to the training set, as the function `closest_record_share` returns it."""
        own = self.to_train[0][:, 0]
        return float(np.mean((own < self.to_holdout) + (own == self.to_holdout) / 2))

    def data_copying(self, cells: int = 1) -> DataCopying:
        """C_T, as the function `data_copying` returns it."""
        generated, fresh = self._cells(cells)
        return copying_score(self.to_train[0][:, 0], generated, self.holdout_to_train, fresh)

    def _cells(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """The cell of each generated point and of each point of the holdout."""
        sets = self._train, self._generated, self._holdout
        unit = arrays.unit(*sets)
        train, *others = (x.double().cpu().numpy() / unit for x in sets)
        count = arrays.count("cells", count, least=0)
        if count == 1:
            return np.zeros(len(others[0]), int), np.zeros(len(others[1]), int)
        different = len(np.unique(train, axis=0))
        if not 1 <= count <= different:
            raise ValueError(
                f"cells must be from 1 to {different}, the number of different training points, got {count}"
            )
        from sklearn.cluster import KMeans  # takes a second, which whoever measures something else need not wait

        found = KMeans(count, n_init=1, random_state=0).fit(train)
        return found.predict(others[0]), found.predict(others[1])


def nearest_ratio(generated: Points, train: Points) -> np.ndarray:
    """Distance of each generated point to its nearest training point, over that to the second nearest: (m,) in [0, 1].

    0 for a copy; 1 where both distances are 0, since a point that is there twice singles out neither. A ratio below ⅓
    is often called a copy; of new points of a smooth law in D dimensions 3^{−D} are below it
    (`theory.criteria.null_flag_rate`). Raises ValueError on fewer than two training points.
    """
    return Neighbours(generated, train).ratios()


def authenticity(generated: Points, train: Points) -> float:
    """AuthPct (Alaa et al. 2022): percent of the generated points that are authentic.

    A generated point is authentic if its nearest training point is nearer to some other training point than to it. A
    perfect generator does not come to 100 but to `theory.criteria.authpct_null`, and higher in many dimensions. Raises
    ValueError on fewer than two training points.
    """
    return Neighbours(generated, train).authenticity()


def closest_record_share(generated: Points, train: Points, holdout: Points) -> float:
    """Share of the generated points that are closer to the training set than to the holdout; equally close count ½.

    A perfect generator has `theory.criteria.closest_record_null`. Raises ValueError as `Neighbours` does.
    """
    return Neighbours(generated, train, holdout).closest_record_share()


def data_copying(generated: Points, train: Points, holdout: Points, cells: int = 1) -> DataCopying:
    """C_T (Meehan, Chaudhuri and Dasgupta 2020): do generated points lie nearer to training points than fresh ones?

    The data are divided into `cells` cells by k-means of the training set. Raises ValueError on more cells than
    different training points, and if no cell has both generated and held-out points at distances that differ.
    """
    return Neighbours(generated, train, holdout).data_copying(cells)
