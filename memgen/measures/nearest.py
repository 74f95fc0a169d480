"""Nearest neighbours, exactly, at most of the rate of the matrix product that it takes to find them.

The search is one tiled matrix product: of points centred at the middle of the reference, x·y − |x|²/2 is largest where
|x − y| is least.  It keeps the largest of every eight products alone.  The k nearest lie in the k groups with the
largest of these; their distances are computed again from differences, so that a copy is one: its distance is 0, and
every other has the relative precision of float64, wherever the points lie.

Products round as |x||y| + |x|² does, which for close points is far more than their distance.  If by that rounding the
group after the k-th could hide one that is nearer than the k-th found, the point is searched anew among all
differences: what is returned is exact.  That is the rule for sets with more than k equal points, and rare elsewhere.
"""

import numpy as np
import torch
from torch import Tensor

from memgen.measures.points import Points, pair

_GROUP = 8
_ROWS, _COLUMNS = 256, 512  # reference points, and points, at once: a megabyte of products, which stays in cache
_PART = 2**16  # numbers at once where differences are taken, likewise


def nearest(points: Points, reference: Points, k: int = 2, exclude_self: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """The k nearest reference points (n, d) of each point (m, d): distances and indices, (m, k), the nearest first.

    With `exclude_self` the two sets are one, and no point is its own neighbour; another with the same coordinates is.
    Among equal distances any may come first. Raises ValueError on unequal dimensions, on values that are not finite and
    on fewer than k others.
    """
    y, x = pair(points, reference, ("points", "reference"), least=k + exclude_self)
    if exclude_self and len(x) != len(y):
        raise ValueError(f"points are {len(y)}, reference {len(x)}: not one set, whose own points could be excluded")
    return search(y, x, k, exclude_self)


def search(y: Tensor, x: Tensor, k: int, exclude_self: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """The same for sets that were checked before."""
    largest = max(float(x.max()), -float(x.min()))
    unit = 1.0 if largest == 0 or 1e-100 < largest < 1e100 else largest  # squares must not leave float64
    if unit != 1:
        x, y = x / unit, y / unit
    among = _Search(x, k, exclude_self)
    distances, indices = zip(*(among(part, start) for start, part in _tiles(y, _COLUMNS)), strict=True)
    return (unit * torch.cat(distances)).cpu().numpy(), torch.cat(indices).cpu().numpy()


def _tiles(x: Tensor, size: int) -> list[tuple[int, Tensor]]:
    return list(zip(range(0, len(x), size), x.split(size), strict=True))


class _Search:
    """The reference, centred and extended so that one product gives the score x·y − |x|²/2; −∞ beyond its end."""

    def __init__(self, reference: Tensor, k: int, exclude_self: bool) -> None:
        self.k, self.exclude_self, self.reference = k, exclude_self, reference
        n, d = reference.shape
        self.middle = reference.mean(0)
        rows = _GROUP**2 * max(-(-n // _GROUP**2), -(-(k + 1) // _GROUP))  # whole groups, k + 1 of them at least
        self.scored = reference.new_zeros(rows, d + 1)
        x = torch.sub(reference, self.middle, out=self.scored[:n, :d])
        size = torch.linalg.vector_norm(x, dim=1)
        self.reach = float(size.max())
        self.scored[:n, d], self.scored[n:, d] = -size.square() / 2, -torch.inf
        # kept from call to call: fresh memory costs as much as the product of a tile
        self.tile, self.largest = x.new_empty(_ROWS * _COLUMNS), x.new_empty(rows // _GROUP * _COLUMNS)

    def __call__(self, points: Tensor, start: int) -> tuple[Tensor, Tensor]:
        """Distances and indices of the k nearest to points which, if they are of the reference, begin at `start`."""
        y = points - self.middle
        best, score = _largest(self._products(y, start), self.k + 1)
        distances, indices = self._within(points, best[: self.k].T, start)
        # |x − y|² of all that was not looked at is above |y|² − 2·score, but for the rounding of both
        size = y.square().sum(1)
        rounding = (y.shape[1] + 8) * torch.finfo(y.dtype).eps * (size.sqrt() + self.reach) ** 2
        unsure = torch.nonzero(distances[:, -1].square() > size - 2 * score[-1] - rounding).flatten()
        for part in unsure.split(_COLUMNS):
            distances[part], indices[part] = self._among_all(points[part], start + part)
        return distances, indices

    def _products(self, y: Tensor, start: int) -> Tensor:
        """The largest score in each group, (groups, points)."""
        extended = torch.cat([y, torch.ones_like(y[:, :1])], 1).T
        largest = self.largest[: len(self.scored) // _GROUP * len(y)].view(-1, len(y))
        for first, part in _tiles(self.scored, _ROWS):
            tile = torch.mm(part, extended, out=self.tile[: len(part) * len(y)].view(-1, len(y)))
            if self.exclude_self:
                tile.diagonal(first - start).fill_(-torch.inf)  # none of a tile that its points are not in
            at = first // _GROUP
            torch.amax(tile.view(-1, _GROUP, len(y)), 1, out=largest[at : at + len(part) // _GROUP])
        return largest

    def _within(self, points: Tensor, groups: Tensor, start: int) -> tuple[Tensor, Tensor]:
        """The k nearest within these groups (m, k) of each point."""
        members = (_GROUP * groups[..., None] + torch.arange(_GROUP, device=points.device)).flatten(1)
        inside = members.clamp(max=len(self.reference) - 1)
        part = max(1, _PART // inside.shape[1] // points.shape[1])
        apart = torch.empty_like(inside, dtype=points.dtype)
        for y, own, out in zip(points.split(part), inside.split(part), apart.split(part), strict=True):
            torch.linalg.vector_norm(self.reference[own].sub_(y[:, None]), dim=-1, out=out)
        apart[members >= len(self.reference)] = torch.inf
        if self.exclude_self:
            apart[members == start + torch.arange(len(points), device=points.device)[:, None]] = torch.inf
        distances, which = apart.topk(self.k, dim=1, largest=False)
        return distances, members.gather(1, which)

    def _among_all(self, points: Tensor, own: Tensor) -> tuple[Tensor, Tensor]:
        distances = torch.cdist(points, self.reference, compute_mode="donot_use_mm_for_euclid_dist")
        if self.exclude_self:
            distances.scatter_(1, own[:, None], torch.inf)
        values, indices = distances.topk(self.k, dim=1, largest=False)
        return values, indices


def _largest(scores: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Indices and values of the k largest of each column, (k, m): they are in the k groups with the largest maxima."""
    count, m = scores.shape
    if count % _GROUP or count < 4 * k * _GROUP:
        values, indices = scores.topk(k, dim=0)
        return indices, values
    groups, _ = _largest(scores.view(-1, _GROUP, m).amax(1), k)
    members = (_GROUP * groups[:, None] + torch.arange(_GROUP, device=scores.device)[:, None]).flatten(0, 1)
    values, which = scores.gather(0, members).topk(k, dim=0)
    return members.gather(0, which), values
