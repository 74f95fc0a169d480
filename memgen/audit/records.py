"""What an audit is given, made comparable: equal dimensions, no record twice, none in both training set and holdout."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import NamedTuple

import numpy as np

from memgen.arrays import LARGEST, SMALLEST, array, size, spread

Groups = tuple[Sequence[object], Sequence[object]]
LEAST = 10  # training records and generated points: with fewer nothing is tested
_UNLIKE = 10.0  # a factor between deviations beyond which two sets are not compared without a word


class Equals(NamedTuple):
    """How many rows are training rows, number for number: generated ones, and fresh ones, of so many."""

    generated: int
    of_generated: int
    fresh: int
    of_fresh: int


@dataclass(frozen=True)
class Records:
    """The pool of training and held-out records, each once; which are training records; and the generated points.

    pool is (N, d), in_train and group (N,), generated (m, d). `train` has for each record its row in the training set
    as given (−1 for a record of the holdout), `drawn` for each generated point its row in the generated set. Records of
    one group, such as pictures of one person, are exchanged together; without groups each has its own.

    A law of few values, such as one of categories, repeats itself: `equals` is None where it does not. Where it does, a
    fresh row may be a training row, and generated points that are have been left out, as such rows of the holdout are,
    unless hardly any are left (`crowded`).
    """

    pool: np.ndarray
    in_train: np.ndarray
    group: np.ndarray
    train: np.ndarray
    generated: np.ndarray
    drawn: np.ndarray
    notes: tuple[str, ...]
    equals: Equals | None = None
    unlike: bool = False  # whether generated points scatter so differently that they may be in another unit
    crowded: bool = False  # whether hardly any generated point would be left without those that are training rows

    @property
    def fresh(self) -> int:
        """How many records the holdout has."""
        return int((~self.in_train).sum())

    def without_holdout(self) -> "Records":
        """The same records, but for those of the holdout."""
        own = self.in_train
        return replace(self, pool=self.pool[own], in_train=own[own], group=self.group[own], train=self.train[own])


def prepare(train: object, generated: object, holdout: object = None, groups: Groups | None = None) -> Records:
    """Make the records of an audit. ValueError, naming the set, on what is not (n, d), finite and of one dimension."""
    sets = {"train": train, "generated": generated, "holdout": holdout}
    arrays = _comparable({name: values for name, values in sets.items() if values is not None})
    x, g, v = arrays["train"], arrays["generated"], arrays.get("holdout", arrays["train"][:0])
    labels = _labels(groups, len(x), len(v))
    notes: list[str] = []
    of_x, of_g, of_v = _digests(x), _digests(g), _digests(v)
    known, drawn, held = _firsts(of_x), _firsts(of_g), _firsts(of_v)
    first_x, first_g, first_v = (np.fromiter(rows.values(), int, len(rows)) for rows in (known, drawn, held))
    for name, kept, whole in (("train", first_x, x), ("generated", first_g, g), ("holdout", first_v, v)):
        if len(kept) < len(whole):
            notes.append(f"{name}: {len(whole) - len(kept)} of {len(whole)} rows are exact duplicates and count once")
    for name, rows in (("training", known), ("held-out", held)):
        if same := len(drawn.keys() & rows.keys()):
            notes.append(f"generated: {same} rows are {name} rows, number for number")
    equals = _equals(of_x, of_g, of_v)
    others = np.array([k for digest, k in drawn.items() if digest not in known], int)
    crowded = equals is not None and len(others) < min(LEAST, len(first_g))
    if equals and equals.generated and not crowded:
        first_g = others
        notes.append("these data repeat themselves: generated rows that are training rows are only counted")
    new = np.array([digest not in known for digest in held], bool)
    if not new.all():
        notes.append(f"holdout: {(~new).sum()} rows are in the training set as well and are left out")
    kept_v = first_v[new]
    own, other = labels[: len(x)][first_x], labels[len(x) :][kept_v]
    if (shared := np.isin(other, own)).any():
        notes.append(f"holdout: {shared.sum()} rows of groups that the training set has too are left out")
        kept_v, other = kept_v[~shared], other[~shared]
    if holdout is not None and not len(kept_v):
        notes.append("holdout: nothing is left of it; the audit goes on without one")
    unlike = not 1 / _UNLIKE <= (times := spread(g, x)) <= _UNLIKE
    if unlike:
        notes.append(f"generated: scatters {times:.3g} times as much as train: is one of them in another unit?")
    return Records(
        pool=np.concatenate([x[first_x], v[kept_v]]) if len(kept_v) or len(first_x) < len(x) else x,
        in_train=np.arange(len(first_x) + len(kept_v)) < len(first_x),
        group=np.unique(np.concatenate([own, other]), return_inverse=True)[1],
        train=np.concatenate([first_x, np.full(len(kept_v), -1)]),
        generated=g if len(first_g) == len(g) else g[first_g],
        drawn=first_g,
        notes=tuple(notes),
        equals=equals,
        unlike=unlike,
        crowded=crowded,
    )


def _equals(train: list[bytes], generated: list[bytes], holdout: list[bytes]) -> Equals | None:
    """Count rows that are training rows; None if neither held-out rows nor training rows repeat training rows.

    Fresh rows are those of the holdout. Without one they are training rows, each beside the others: half as many as
    there are, since equal ones come in pairs.
    """
    times = Counter(train)
    from_holdout = sum(digest in times for digest in holdout)
    if not from_holdout and len(times) == len(train):
        return None
    copied = sum(digest in times for digest in generated)
    if holdout:
        return Equals(copied, len(generated), from_holdout, len(holdout))
    repeated = sum(count for count in times.values() if count > 1)
    return Equals(copied, len(generated), repeated // 2, max(len(train) // 2, 1))


def _comparable(sets: dict[str, object]) -> dict[str, np.ndarray]:
    """Return the sets as arrays: in single precision if all fit into it, else in double. ValueError names the set."""
    arrays = {name: array(name, values) for name, values in sets.items()}
    for name, values in arrays.items():
        if values.ndim != 2 or not values.shape[0] or not values.shape[1]:
            raise ValueError(f"{name} must be (n, d) with n ≥ 1 and d ≥ 1, got shape {values.shape}")
    dimension = arrays["train"].shape[1]
    for name, values in arrays.items():
        if values.shape[1] != dimension:
            raise ValueError(f"{name} has {values.shape[1]} dimensions, train has {dimension}")
    small = all(values.dtype in (np.float32, np.float16, np.uint8, np.bool_) for values in arrays.values())
    arrays = {name: values.astype(np.float32 if small else np.float64, copy=False) for name, values in arrays.items()}
    for name, values in arrays.items():
        for start in range(0, len(values), 1000):  # in parts: a mask of the whole would be a quarter of it
            if not (fine := np.isfinite(values[start : start + 1000]).all(1)).all():
                raise ValueError(f"{name} holds a value that is not finite, in row {start + int(np.argmin(fine))}")
    largest = max(map(size, arrays.values()))
    for name, values in arrays.items():  # tiny beside the others is fine: those decide
        if size(values) > LARGEST or 0 < largest < SMALLEST:
            raise ValueError(f"{name} has values of the size {size(values):.3g}: give it in another unit, nearer to 1")
    return arrays


def _labels(groups: Groups | None, train: int, holdout: int) -> np.ndarray:
    if groups is None:
        return np.arange(train + holdout)
    for name, given, needed in (("training", groups[0], train), ("holdout", groups[1], holdout)):
        if len(given) != needed:
            raise ValueError(f"groups name {len(given)} {name} rows, there are {needed}")
    return np.unique([str(label) for part in groups for label in part], return_inverse=True)[1]


def _digests(rows: np.ndarray) -> list[bytes]:
    return [blake2b((row + 0.0).tobytes(), digest_size=16).digest() for row in rows]  # + 0.0: −0 and 0 are one number


def _firsts(digests: list[bytes]) -> dict[bytes, int]:
    """Return digest → index of the rows that are not equal to an earlier one, in their order."""
    seen: dict[bytes, int] = {}
    for k, digest in enumerate(digests):
        seen.setdefault(digest, k)
    return seen
