"""Nearest neighbours, exactly, at nearly the speed of the product in single precision that finds them.

The search is one tiled matrix product: of points centred at the middle of the reference, x·y − |x|²/2 is largest where
|x − y| is least. It keeps the largest of every few products alone. The k nearest lie in the k groups with the largest
of these; their distances are computed again from differences in double precision, so that a copy is one: its distance
is 0, and every other has the relative precision of float64, wherever the points lie.

Products round as |x||y| does, which for close points is far more than their distance. So a few more groups are
searched, and then each group that by this rounding could still hide a point nearer than the k-th found: what is
returned is exact. For sets with more than k equal points those groups are many; elsewhere they are rare.
"""

import math
from collections.abc import Callable, Iterable

import numpy as np
import torch
from torch import Tensor

from memgen import arrays
from memgen.measures.points import Points, pair

_ROWS, _COLUMNS = 512, 512  # reference points, and points, at once: a megabyte of products, which stays in cache
_KEPT = 2**25  # largest products kept at once
_PART = 2**18  # numbers at once where differences are taken

Tiles = list[tuple[int, Tensor]]
Progress = Callable[[Tiles], Iterable[tuple[int, Tensor]]]


def nearest(
    points: Points,
    reference: Points,
    k: int = 2,
    exclude_self: bool = False,
    progress: Progress | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """The k nearest reference points (n, d) of each point (m, d): distances and indices, (m, k), the nearest first.

    With `exclude_self` the two sets are one, and no point is its own neighbour; another with the same coordinates is.
    Among equal distances any may come first. `progress` wraps the list of parts that are searched, as tqdm does.
    Memory: a copy of the reference in single precision and 0.3 GB. Raises ValueError on unequal dimensions, on values
    that are not finite and on fewer than k others.
    """
    k = arrays.count("k", k)
    y, x = pair(points, reference, ("points", "reference"), least=k + bool(exclude_self))
    if exclude_self and len(x) != len(y):
        raise ValueError(f"points are {len(y)}, reference {len(x)}: not one set, whose own points could be excluded")
    return search(y, x, k, exclude_self, progress)


def search(
    y: Tensor, x: Tensor, k: int, exclude_self: bool = False, progress: Progress | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """`nearest` for sets that were checked before."""
    unit = arrays.unit(x, y)
    if unit != 1:  # squares must leave neither single nor double precision
        x, y = x.double() / unit, y.double() / unit
    among = _Search(x, k, exclude_self)
    parts = _tiles(y, among.columns)
    found = [among(part, start) for start, part in (progress(parts) if progress else parts)]
    distances, indices = zip(*found, strict=True)
    return (unit * torch.cat(distances)).cpu().numpy(), torch.cat(indices).cpu().numpy()


def _tiles(x: Tensor, size: int) -> Tiles:
    return list(zip(range(0, len(x), size), x.split(size), strict=True))


class _Search:
    """The reference, centred and extended so that one product gives the score x·y − |x|²/2; −∞ beyond its end."""

    def __init__(self, reference: Tensor, k: int, exclude_self: bool) -> None:
        self.k, self.exclude_self, self.reference = k, exclude_self, reference
        n, d = reference.shape
        self.group = min(4, 2 ** max(0, 3 - (k - 1).bit_length()))  # with few members that are not among the k nearest
        self.groups = k + 2 + k // 8
        block = 64 * self.group
        rows = block * max(-(-n // block), -(-self.groups // 64))  # whole groups, of groups as well
        self.columns = max(32, min(_COLUMNS, _KEPT * self.group // rows))
        # if PyTorch was told to round products of float32 to fewer digits, they are taken in float64
        dtype = torch.float32 if torch.get_float32_matmul_precision() == "highest" else torch.float64
        steps = (d + 8) * torch.finfo(dtype).eps / 2
        self.loss = steps / (1 - steps) if steps < 0.5 else math.inf  # of a sum's terms, in whatever order it is taken
        self.middle = reference.mean(0)
        self.scored = reference.new_zeros(rows, d + 1, dtype=dtype)
        x = torch.sub(reference, self.middle, out=self.scored[:n, :d])
        size = torch.linalg.vector_norm(x, dim=1)
        self.reach = float(size.max()) * (1 + self.loss)
        self.scored[:n, d], self.scored[n:, d] = -size.square() / 2, -torch.inf
        # kept from call to call: fresh memory costs as much as the product of a tile
        self.tile, self.largest = x.new_empty(_ROWS * self.columns), x.new_empty(rows // self.group * self.columns)

    def __call__(self, points: Tensor, start: int) -> tuple[Tensor, Tensor]:
        """Distances and indices of the k nearest to points which, if they are part of the reference, begin there at
        `start`."""
        y = points.double() - self.middle
        own = start + torch.arange(len(points), device=points.device)
        scores = self._products(y, start)
        best, score = _largest(scores, self.groups)
        distances, indices = self._within(points, best.T, own)
        # The score of every point as near as the k-th is at least this, for all that both round
        size = y.square().sum(1)
        least = (size - distances[:, -1].square()) / 2 - self._rounding(size.sqrt(), y.shape[1])
        unsure = torch.nonzero(~(score[-1] < least)).flatten()
        for part in unsure.split(max(1, _KEPT // 16 // len(self.scored))) if len(unsure) else ():
            many = int((~(scores[:, part] < least[part])).sum(0).max())
            if many > self.groups:
                within = _largest(scores[:, part], many)[0].T
                distances[part], indices[part] = self._within(points[part], within, own[part])
        return distances, indices

    def _rounding(self, size: Tensor, d: int) -> Tensor:
        """A bound on the error of a score: from the product, |x|²/2 and centring, then from what is in double
        precision."""
        products = self.loss * (size + self.reach) * self.reach
        return products + (d + 8) * torch.finfo(size.dtype).eps * (size + self.reach) ** 2 + d * 1e-37  # underflow

    def _products(self, y: Tensor, start: int) -> Tensor:
        """The largest score in each group, (groups, points)."""
        extended = torch.cat([y, torch.ones_like(y[:, :1])], 1).to(self.scored.dtype).T
        largest = self.largest[: len(self.scored) // self.group * len(y)].view(-1, len(y))
        for first, part in _tiles(self.scored, _ROWS):
            tile = torch.mm(part, extended, out=self.tile[: len(part) * len(y)].view(-1, len(y)))
            if self.exclude_self:
                tile.diagonal(first - start).fill_(-torch.inf)  # empty for a tile without these points
            at = first // self.group
            torch.amax(tile.view(-1, self.group, len(y)), 1, out=largest[at : at + len(part) // self.group])
        return largest

    def _within(self, points: Tensor, groups: Tensor, own: Tensor) -> tuple[Tensor, Tensor]:
        """The k nearest within these groups (m, k) of each point."""
        members = (self.group * groups[..., None] + torch.arange(self.group, device=points.device)).flatten(1)
        inside = members.clamp(max=len(self.reference) - 1)
        part = max(1, _PART // inside.shape[1] // points.shape[1])
        apart = torch.empty_like(inside, dtype=torch.double)
        for y, near, out in zip(points.split(part), inside.split(part), apart.split(part), strict=True):
            torch.linalg.vector_norm(self.reference[near].double().sub_(y[:, None]), dim=-1, out=out)
        apart[members >= len(self.reference)] = torch.inf
        if self.exclude_self:
            apart[members == own[:, None]] = torch.inf
        distances, which = apart.topk(self.k, dim=1, largest=False)
        return distances, members.gather(1, which)


def _largest(scores: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Indices and values of the k largest of each column, (k, m): they are in the k groups with the largest maxima."""
    count, m = scores.shape
    if count % 8 or count < 32 * k:
        values, indices = scores.topk(k, dim=0)
        return indices, values
    groups, _ = _largest(scores.view(-1, 8, m).amax(1), k)
    members = (8 * groups[:, None] + torch.arange(8, device=scores.device)[:, None]).flatten(0, 1)
    values, which = scores.gather(0, members).topk(k, dim=0)
    return members.gather(0, which), values
