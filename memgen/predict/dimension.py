"""Intrinsic dimension: how many coordinates tell neighbours apart, by two estimators of scikit-dimension."""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType

import numpy as np

from memgen.predict.rows import part

ROWS, GROUPS, NEIGHBOURS = 2000, 10, 20
_T = 2.2621571627409915  # 97.5% of Student's t with 9 degrees of freedom


@dataclass(frozen=True)
class Dimension:
    """An estimate with its 95% interval; both None where ties leave it undefined.

    The interval is of the spread over samples alone.  Both estimators are biased down in many dimensions, where few
    points are close neighbours.
    """

    method: str
    value: float | None
    low: float | None
    high: float | None


def dimensions(x: np.ndarray, rng: np.random.Generator) -> tuple[Dimension, ...]:
    """Two estimates for x (rows, d), no two rows equal: by the two nearest distances, and by the likelihood of the 20
    nearest.

    They use at most 2000 rows, fewer if these are very wide. The interval is that of the jackknife: each of ten groups
    is left out in turn. A bootstrap would repeat points, which are then their own nearest neighbours.
    """
    import skdim
    from scipy.spatial.distance import cdist

    chosen = x[np.sort(rng.choice(len(x), part(x, ROWS), replace=False))].astype(float)
    distances = cdist(chosen, chosen)
    np.fill_diagonal(distances, np.inf)
    group = rng.permutation(np.arange(len(chosen)) % GROUPS)
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # ties, whose estimates are not finite
        for left_out in (None, *range(GROUPS)):
            kept = group != left_out if left_out is not None else np.ones(len(chosen), bool)
            k = min(NEIGHBOURS, int(kept.sum()) - 1)
            nearest = np.sort(np.partition(distances[np.ix_(kept, kept)], k - 1, axis=1)[:, :k], axis=1)
            found.append((_two(skdim, nearest[:, :2]), _likelihood(skdim, chosen[kept], nearest)))
    names = ("two nearest neighbours (TwoNN)", f"likelihood of {NEIGHBOURS} neighbours (MLE)")
    return tuple(_interval(name, values) for name, values in zip(names, np.array(found).T, strict=True))


def _two(skdim: ModuleType, nearest: np.ndarray) -> float:
    try:
        return float(skdim.id.TwoNN(dist=True).fit(nearest).dimension_)
    except ValueError:  # too few points are left without those whose nearest is at no distance
        return np.nan


def _likelihood(skdim: ModuleType, x: np.ndarray, nearest: np.ndarray) -> float:
    wide = np.pad(x[:, :2], ((0, 0), (0, max(0, 2 - x.shape[1]))))  # asked for by the library, used for its length
    return float(
        skdim.id.MLE().fit(wide, precomputed_knn_arrays=(nearest, None), n_neighbors=nearest.shape[1]).dimension_
    )


def _interval(method: str, values: np.ndarray) -> Dimension:
    whole, parts = values[0], values[1:]
    if not np.isfinite(values).all() or whole <= 0:
        return Dimension(method, None, None, None)
    error = np.sqrt((GROUPS - 1) / GROUPS * ((parts - parts.mean()) ** 2).sum()) * _T
    return Dimension(method, float(whole), float(max(0, whole - error)), float(whole + error))


def disagreement(found: tuple[Dimension, ...]) -> Iterator[str]:
    """Yield a line for each estimate that is undefined, and one if the two intervals do not meet."""
    for one in found:
        if one.value is None:
            yield f"intrinsic dimension by {one.method}: undefined, too many distances are equal"
    known = [one for one in found if one.low is not None and one.high is not None]
    if len(known) == 2 and (known[0].high < known[1].low or known[1].high < known[0].low):  # type: ignore[operator]
        yield (
            f"the two estimates of the intrinsic dimension disagree, {known[0].value:.3g} and {known[1].value:.3g}: "
            "it depends on the scale, and the second looks at larger distances"
        )
