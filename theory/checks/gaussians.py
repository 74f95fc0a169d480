"""Distances between Gaussians against Monte-Carlo averages under one of the two laws."""

from typing import NamedTuple

import numpy as np

from memgen.statistics import mean
from memgen.streams import stream
from theory import gaussians
from theory.checks.check import Check, Observation

_DRAWS = 40_000


class _Pair(NamedTuple):
    m1: np.ndarray
    c1: np.ndarray
    m2: np.ndarray
    c2: np.ndarray


def _pairs() -> list[_Pair]:
    """Non-commuting covariances in two and four dimensions."""
    pairs = []
    for d in (2, 4):
        place = np.arange(d)
        apart = np.abs(place[:, None] - place)
        c1, c2 = np.diag(1 + place / 2) + 0.4**apart, np.diag(1.5 - place / 4) + (-0.6) ** apart
        pairs.append(_Pair(0.5 * (-1.0) ** place, c1, np.zeros(d), c2))
    return pairs


def _log_density(x: np.ndarray, m: np.ndarray, c: np.ndarray) -> np.ndarray:
    solved = np.linalg.solve(c, (x - m).T)
    return -(np.einsum("nd,dn->n", x - m, solved) + np.linalg.slogdet(2 * np.pi * c)[1]) / 2


def _average(name: str, statistic: str) -> list[Observation]:
    found = []
    for pair in _pairs():
        rng = stream("check", name, len(pair.m1))
        x = rng.multivariate_normal(pair.m1, pair.c1, _DRAWS)
        p, q = _log_density(x, pair.m1, pair.c1), _log_density(x, pair.m2, pair.c2)
        values = {"kl": p - q, "affinity": np.exp((q - p) / 2), "overlap": np.exp(q)}[statistic]
        found.append(Observation(pair._asdict(), mean(values)))
    return found


def _transport() -> list[Observation]:
    """The cost of the map T = C1^−½ (C1^½ C2 C1^½)^½ C1^−½, the gradient of a convex function, hence optimal."""
    found = []
    for pair in _pairs():
        rng = stream("check", "gaussians.transport", len(pair.m1))
        w, v = np.linalg.eigh(pair.c1)
        root, inverse = (v * np.sqrt(w)) @ v.T, (v / np.sqrt(w)) @ v.T
        s, o = np.linalg.eigh(root @ pair.c2 @ root)
        transport = inverse @ (o * np.sqrt(s)) @ o.T @ inverse
        x = rng.multivariate_normal(pair.m1, pair.c1, _DRAWS)
        y = pair.m2 + (x - pair.m1) @ transport
        found.append(Observation(pair._asdict(), mean(((x - y) ** 2).sum(1))))
    return found


def _overlap(m1: np.ndarray, c1: np.ndarray, m2: np.ndarray, c2: np.ndarray) -> float:
    delta, total = m1 - m2, c1 + c2
    return gaussians.overlap_spectral(np.linalg.eigvalsh(total), delta @ np.linalg.solve(total, delta))


CHECKS = [
    Check(
        "gaussians.kl",
        gaussians.kl_spectral,
        2,
        lambda: _average("gaussians.kl", "kl"),
        {
            "arguments exchanged": lambda m1, c1, m2, c2: gaussians.kl(m2, c2, m1, c1),
            "factor 2": lambda **pair: 2 * gaussians.kl(**pair),
            "no mean term": lambda m1, c1, m2, c2: gaussians.kl(m2, c1, m2, c2),
        },
        predict=gaussians.kl,
    ),
    Check(
        "gaussians.affinity",
        gaussians.affinity_spectral,
        2,
        lambda: _average("gaussians.affinity", "affinity"),
        {
            "H for H²": lambda **pair: 1 - np.sqrt(gaussians.hellinger2(**pair)),
            "½∫(√p−√q)² doubled": lambda **pair: 1 - 2 * gaussians.hellinger2(**pair),
        },
        predict=lambda **pair: 1 - gaussians.hellinger2(**pair),
    ),
    Check(
        "gaussians.overlap",
        gaussians.overlap_spectral,
        2,
        lambda: _average("gaussians.overlap", "overlap"),
        {
            "C1 alone for C1 + C2": lambda m1, c1, m2, c2: _overlap(m1, c1, m2, 0 * c2),
            "means ignored": lambda m1, c1, m2, c2: _overlap(m2, c1, m2, c2),
        },
        predict=_overlap,
    ),
    Check(
        "gaussians.wasserstein",
        gaussians.wasserstein2_spectral,
        2,
        _transport,
        {
            "commuting form": lambda m1, c1, m2, c2: float(
                ((m1 - m2) ** 2).sum()
                + ((np.sqrt(np.linalg.eigvalsh(c1)) - np.sqrt(np.linalg.eigvalsh(c2))) ** 2).sum()
            ),
            "distance for its square": lambda **pair: np.sqrt(gaussians.wasserstein2_squared(**pair)),
        },
        predict=gaussians.wasserstein2_squared,
    ),
]
