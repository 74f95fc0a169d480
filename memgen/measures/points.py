"""Point sets against point sets: nearest neighbours, Wasserstein-2 and the maximum mean discrepancy."""

import math

import numpy as np
import torch
from torch import Tensor

from memgen import arrays

Points = np.ndarray | Tensor
_TILE = 2048  # generated points at once


def _checked(points: Points, name: str, least: int = 1) -> Tensor:
    return arrays.points(name, torch.as_tensor(points), least).double()


def _pair(x: Points, y: Points, names: tuple[str, str], least: int = 1) -> tuple[Tensor, Tensor]:
    a, b = _checked(x, names[0]), _checked(y, names[1], least)
    if a.shape[1] != b.shape[1]:
        raise ValueError(f"{names[0]} has {a.shape[1]} dimensions, {names[1]} has {b.shape[1]}")
    return a, b.to(a.device)


def nearest_ratio(generated: Points, train: Points) -> np.ndarray:
    """Distance of each generated point to its nearest training point, by that to the second nearest: (m,) in [0, 1].

    0 for a copy; 1 where both distances are 0, since a point that is there twice singles out neither. A ratio below ⅓
    is often called a copy; of new points of a smooth law in D dimensions 3^{−D} are below it. From differences, not
    products: a copy is one to rounding. Raises ValueError on fewer than two training points.
    """
    g, t = _pair(generated, train, ("generated", "train"), least=2)
    ratios = []
    for part in g.split(_TILE):
        distances = torch.cdist(part, t, compute_mode="donot_use_mm_for_euclid_dist")
        first, second = distances.topk(2, dim=1, largest=False).values.unbind(1)
        ratios.append(torch.where(second > 0, first / second, torch.ones_like(first)))
    return torch.cat(ratios).cpu().numpy()


def wasserstein2(x: Points, y: Points) -> float:
    """W₂ of two point sets (n, d) and (m, d), each point of weight 1/n or 1/m: exact, by network simplex.

    In the units of the points; O(n²m) at worst, a second for a thousand points each.
    """
    import ot  # takes a second, which whoever measures something else need not wait

    a, b = _pair(x, y, ("x", "y"))
    squares = torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist").square().cpu().numpy()
    cost, log = ot.emd2(ot.unif(len(a)), ot.unif(len(b)), squares, numItermax=10_000_000, log=True)
    if log["warning"]:
        raise ArithmeticError(f"wasserstein2: the transport problem was not solved: {log['warning']}")
    return math.sqrt(max(0.0, float(cost)))


def mmd2(x: Points, y: Points, width: float | None = None) -> float:
    """Squared maximum mean discrepancy with the kernel exp(−|x − y|²/2w²): without bias, 0 on average for
    equal laws and hence at times negative.

    w is the median distance between points of the two sets if none is given. Raises ValueError on fewer than two
    points, and on a width that is not positive.
    """
    a, b = _pair(x, y, ("x", "y"), least=2)
    if len(a) < 2:
        raise ValueError(f"x must be (n, d) with n ≥ 2 and d ≥ 1, got shape {tuple(a.shape)}")
    squares = [torch.cdist(p, q).square() for p, q in ((a, a), (b, b), (a, b))]
    chosen = float(squares[2].median().sqrt()) if width is None else width
    if not (chosen > 0 and math.isfinite(chosen)):
        raise ValueError(f"width must be positive and finite, got {chosen}")
    within = 0.0
    for s in squares[:2]:
        n = len(s)
        within += float((torch.exp(-s / (2 * chosen**2)).sum() - n) / (n * (n - 1)))
    return within - 2 * float(torch.exp(-squares[2] / (2 * chosen**2)).mean())
