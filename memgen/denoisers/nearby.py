"""The posterior of points x_i with weights p_i, where few of them weigh: found in single precision, summed in double.

An exponent is e_i/τ², e_i = z·x_i − |x_i|²/2 + τ² ln p_i. One product in single precision gives every e_i, wrong by no
more than a bound on its rounding. If e_i is below the largest by more than twice that and τ² ln(2⁵⁴ n), the share of
x_i is less than 2⁻⁵⁴/n; all such points together move the mean by less than a rounding in double. Where noise is small
few others are left. Their exponents are computed again in double, relative to the x_0 among them that is nearest to z:

    e_i − e_0 = (x_i − x_0)·(z − (x_i + x_0)/2) + τ² ln(p_i/p_0),

which is good to the rounding of x and z at any distance. Copies share equally, and so do two points that z is midway
between.
"""

import math
from itertools import pairwise

import torch
from torch import Tensor
from torch.nn.functional import pad

_FEW = 16  # if more than one in 16 groups has weight, summing all points in double takes less time
_TRIED = 32  # rows tried first; each part is tried only if few points weigh at half of the rows before
_KEPT = 2**24  # largest exponents kept at once
_PART = 2**18  # numbers at once where differences are taken
_LOST = 2.0**-54  # share of the weight that is not summed


class Nearby:
    """Points (n, d), centred and of the order of 1, in double and in single precision, and their ln p (n,)."""

    def __init__(self, points: Tensor, single: Tensor, log_p: Tensor, tile: tuple[int, int]) -> None:
        self._x, self._single, self._log_p, self._tile = points, single, log_p, tile
        self._half_norm = points.square().sum(1) / 2
        # Consecutive points form a group, summed whole or not at all. Small groups are faster to sum, slower to find.
        self._size = min(16, max(4, 2 ** round(math.log2(len(points) / points.shape[1]) / 2)))
        self._groups = -(-len(points) // self._size)

    def fill(self, mean: Tensor, log_sum: Tensor, z: Tensor, tau: float) -> Tensor:
        """Fill in mean (m, d) and log_sum (m,), ln Σ p_i exp(−|z − x_i|²/2τ²), at the rows of z (m, d) where few points
        weigh.

        Returns which rows these are, (m,).
        """
        # If PyTorch was told to round products of float32 to fewer digits, they are taken in float64.
        x = self._single if torch.get_float32_matmul_precision() == "highest" else self._x
        bias = self._log_p * tau**2
        key = bias - self._half_norm
        margin = 2 * self._rounding(z, key, x.dtype) + tau**2 * math.log(len(x) / _LOST)
        bias, key = pad(bias, (0, -len(x) % self._size), value=-math.inf), key.to(x.dtype)
        found, few = torch.zeros_like(log_sum, dtype=torch.bool), self._groups // _FEW
        step = max(1, min(self._tile[0], _KEPT // self._groups))
        first = min(step, len(z) if len(z) < 8 * _TRIED else _TRIED)
        for start, stop in pairwise([0, *range(first, len(z), step), len(z)]) if few else ():
            if 2 * int(found.sum()) < start:
                break
            largest = self._largest(x, key, z[start:stop].T.to(x.dtype).contiguous())
            floor = (largest.amax(0) - margin[start:stop]).to(x.dtype)
            count, k = (~(largest < floor)).sum(0), 1
            while k <= few:
                rows = torch.where((count <= k) & (count > k // 2))[0]
                groups, part = largest[:, rows].T.contiguous().topk(k).indices, self._part(k)
                for at, near in zip((start + rows).split(part), groups.split(part), strict=True):
                    mean[at], log_sum[at] = self._sums(z[at], tau, bias, near)
                found[start + rows] = True
                k *= 2
        return found

    def _part(self, k: int) -> int:
        return max(1, _PART // (k * self._size * self._x.shape[1]))

    def _rounding(self, z: Tensor, key: Tensor, dtype: torch.dtype) -> Tensor:
        """A bound, for each z, on the error of e: from the product, from rounding x, z and the keys before it, and
        underflow."""
        steps = (z.shape[1] + 8) * torch.finfo(dtype).eps / 2
        loss = steps / (1 - steps) if steps < 0.5 else math.inf  # of a sum's terms, in whatever order it is taken
        size = torch.linalg.vector_norm(z, dim=1)
        terms = size * (2 * self._half_norm.max()).sqrt() + key.abs().max()
        return loss * terms.where(size < 1e15, math.inf)  # beyond, products may overflow

    def _largest(self, x: Tensor, key: Tensor, z: Tensor) -> Tensor:
        """The largest e of each group at each z (d, m): (groups, m)."""
        step = self._tile[1]
        largest, buffer = z.new_empty(self._groups, z.shape[1]), z.new_empty(step, z.shape[1])
        for j in range(0, len(x), step):
            part, at = x[j : j + step], j // self._size
            groups = -(-len(part) // self._size)
            tile = buffer[: groups * self._size]
            torch.mm(part, z, out=tile[: len(part)]).add_(key[j : j + step, None])
            tile[len(part) :] = -math.inf
            torch.amax(tile.view(groups, self._size, -1), 1, out=largest[at : at + groups])
        return largest

    def _sums(self, z: Tensor, tau: float, bias: Tensor, groups: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and ln Σ of rows z (m, d), of all points in groups (m, k)."""
        members = (self._size * groups[..., None] + torch.arange(self._size, device=z.device)).flatten(1)
        x = self._x[members.clamp(max=len(self._x) - 1)]
        nearest = (x - z[:, None]).square_().sum(2).argmin(1)
        origin = x[torch.arange(len(z), device=z.device), nearest]
        x, z = x.sub_(origin[:, None]), z - origin
        e = (z[:, None] - x / 2).mul_(x).sum(2).add_(bias[members])
        # Divided by τ² after the largest is off: small τ cannot overflow.
        top = e.amax(1, keepdim=True)
        w = e.sub_(top).mul_(min(1 / tau / tau, torch.finfo(e.dtype).max)).exp_()
        total = w.sum(1)
        mean = origin + torch.bmm(w[:, None], x).squeeze(1) / total[:, None]
        return mean, (top.squeeze(1) - z.square().sum(1) / 2) / tau / tau + total.log()
