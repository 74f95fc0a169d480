"""The noise at which the exact score singles out one training point, or the orbit that a group makes of it.

A set of n points, each shown in all places g y of a group, is noised at one of them, u = x_1 + εz.  The exact score
weighs g y by exp(−|u − g y|²/2ε²).  Three widths ε are those at which something holds half of the weight:

    point     x_1, against all other points
    others    x_1, against the points of all other orbits: those of its own are left out
    orbit     the orbit of x_1, against all other orbits

On the way from noise to data the orbit is recognised first and the point last.

The groups here permute coordinates and change signs.  Every array has the sets on its first axis.
"""

from typing import Literal, NamedTuple

import numpy as np
from scipy.special import logsumexp

Criterion = Literal["point", "others", "orbit"]
NARROW, WIDE, HALVINGS = 0.02, 50.0, 30  # between which widths are looked for: to 10⁻⁸


class Maps(NamedTuple):
    """A group of d-dimensional maps: the k-th image of x is signs[k]·x[places[k]]; the first is x itself."""

    places: np.ndarray  # (k, d)
    signs: np.ndarray  # (k,)


def identity(d: int) -> Maps:
    """The group of the identity alone."""
    return Maps(np.arange(d)[None], np.ones(1))


def mirror(d: int) -> Maps:
    """The group of two maps that take x to x and to −x."""
    return Maps(np.stack([np.arange(d)] * 2), np.array([1.0, -1.0]))


def ring_shifts(d: int, order: int) -> Maps:
    """Shifts of a ring of d sites by multiples of d/order sites. ValueError if order does not divide d."""
    if order < 1 or d % order:
        raise ValueError(f"a ring of {d} sites has no {order} equal shifts")
    return Maps((np.arange(d) - np.arange(0, d, d // order)[:, None]) % d, np.ones(order))


def picture_groups(side: int) -> dict[str, Maps]:
    """Groups of square pictures, pixels row by row: flips, flips and turns, and shifts along rows that wrap around."""
    pixels = np.arange(side**2).reshape(side, side)
    images = {
        "left-right": [pixels, pixels[:, ::-1]],
        "both flips": [pixels, pixels[:, ::-1], pixels[::-1], pixels[::-1, ::-1]],
        "flips, turns": [np.rot90(p, k) for p in (pixels, pixels[:, ::-1]) for k in range(4)],
        "shifts": [np.roll(pixels, k, axis=1) for k in range(side)],
    }
    return {name: Maps(np.stack(all_).reshape(len(all_), -1), np.ones(len(all_))) for name, all_ in images.items()}


class Paths(NamedTuple):
    """|u − g y|² − |u − x_1|² = squares + 2ε·along at u = x_1 + εz: each (sets, k, n), the first point being x_1."""

    squares: np.ndarray
    along: np.ndarray

    def first(self, n: int) -> "Paths":
        """The first n points only."""
        return Paths(self.squares[..., :n], self.along[..., :n])

    def log_weights(self, width: np.ndarray) -> np.ndarray:
        """ln of the weights relative to that of x_1, (sets, k, n), at one width for each set."""
        ratio = 1 / width[:, None, None]
        return -ratio * (self.along + self.squares * (ratio / 2))


def paths(x: np.ndarray, z: np.ndarray, maps: Maps) -> Paths:
    """The `Paths` of training sets x (sets, n, d) under the group `maps`; each set is noised at its first point, along
    z.

    z is (sets, d). All is in double precision.
    """
    pair = np.stack([x[:, 0], z], 1)
    turned = pair[:, :, maps.places] * maps.signs[:, None]  # x_1·g y = g⁻¹x_1·y, and with g a group has g⁻¹
    onto = np.einsum("rpkd,rnd->rpkn", turned, x, optimize=True)
    norms = (x**2).sum(-1)
    squares = (norms[:, :1] + norms)[:, None] - 2 * onto[:, 0]
    return Paths(squares, (pair[:, 0] * z).sum(-1)[:, None, None] - onto[:, 1])


def widths(seen: Paths, criterion: Criterion = "point", keep: np.ndarray | None = None) -> np.ndarray:
    """The widths ε (sets,) at which `criterion` holds half of the weight, by bisection from `NARROW` to `WIDE`.

    If `keep` (sets, n) is given, only the points in it count. No weight overflows: at any ε it is at most e^{|z|²/2}
    that of x_1.
    """
    low, high = np.full((2, len(seen.squares)), [[NARROW], [WIDE]])
    for _ in range(HALVINGS):
        middle = np.sqrt(low * high)
        weights = np.exp(seen.log_weights(middle))
        if keep is not None:
            weights *= keep[:, None]
        own, rest = weights[..., 0].sum(1), weights[..., 1:].sum((1, 2))
        if criterion == "point":
            lost = own - 1 + rest > 1
        else:
            lost = rest > (own if criterion == "orbit" else 1)
        low, high = np.where(lost, low, middle), np.where(lost, middle, high)
    return low


def hidden(pool: Paths, width: np.ndarray) -> np.ndarray:
    """−ln of the posterior probability, given u, of the identity among the maps, (sets,); the law is the points of
    `pool`."""
    each = logsumexp(pool.log_weights(width), axis=2)
    return logsumexp(each, axis=1) - each[:, 0]


def place(seen: Paths, width: np.ndarray) -> np.ndarray:
    """−ln of the posterior probability, given u, of x_1 within its own orbit, (sets,)."""
    return logsumexp(seen.log_weights(width)[..., 0], axis=1)
