"""Point sets against point sets: Wasserstein-2 and the maximum mean discrepancy."""

import math

import torch
from torch import Tensor

from memgen import arrays
from memgen.arrays import Numbers

Points = Numbers
_SINGLE = (torch.float32, torch.float16, torch.bfloat16, torch.uint8, torch.int8, torch.int16, torch.bool)


def _checked(points: Points, name: str, least: int = 1) -> Tensor:
    values = arrays.tensor(name, points).detach()
    return arrays.points(name, values.to(torch.float32 if values.dtype in _SINGLE else torch.float64), least)


def pair(x: Points, y: Points, names: tuple[str, str], least: int = 1) -> tuple[Tensor, Tensor]:
    """Two point sets (n, d), the second with `least` points or more, on one device.

    Values of types that single precision holds are returned in it, all others in double: the caller takes care of
    differences. Raises ValueError, naming the set, on other shapes, values that are not finite and unequal dimensions.
    """
    a, b = _checked(x, names[0]), _checked(y, names[1], least)
    if a.shape[1] != b.shape[1]:
        raise ValueError(f"{names[0]} has {a.shape[1]} dimensions, {names[1]} has {b.shape[1]}")
    return a, b.to(a.device)


def wasserstein2(x: Points, y: Points) -> float:
    """W₂ of two point sets (n, d) and (m, d), each point of weight 1/n or 1/m: exact, by network simplex.

    In the units of the points; O(n²m) at worst, a second for a thousand points each.
    """
    import ot  # takes a second, which whoever measures something else need not wait

    a, b, unit = _scaled(*pair(x, y, ("x", "y")))
    squares = torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist").square().cpu().numpy()
    cost, log = ot.emd2(ot.unif(len(a)), ot.unif(len(b)), squares, numItermax=10_000_000, log=True)
    if log["warning"]:
        raise ArithmeticError(f"wasserstein2: the transport between x and y was not found: {log['warning']}")
    return unit * math.sqrt(max(0.0, float(cost)))


def _scaled(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor, float]:
    """Both sets in double precision, divided by a unit that keeps squares in range, and that unit."""
    unit = arrays.unit(a, b)
    return a.double() / unit, b.double() / unit, unit


def mmd2(x: Points, y: Points, width: float | None = None) -> float:
    """Squared maximum mean discrepancy with the kernel exp(−|x − y|²/2w²): without bias, 0 on average for
    equal laws and hence at times negative.

    w is the median distance between points of the two sets if none is given. Raises ValueError on fewer than two
    points, and on a width that is not positive.
    """
    a, b, unit = _scaled(*pair(x, y, ("x", "y"), least=2))
    if len(a) < 2:
        raise ValueError(f"x must be (n, d) with n ≥ 2 and d ≥ 1, got shape {tuple(a.shape)}")
    squares = [torch.cdist(p, q).square() for p, q in ((a, a), (b, b), (a, b))]
    chosen = arrays.positive("width", float(squares[2].median().sqrt()) if width is None else width)
    if width is not None:  # beyond these bounds the kernel is that of copies alone, or constant
        chosen = min(max(chosen / unit, arrays.SMALLEST), arrays.LARGEST)
    within = 0.0
    for s in squares[:2]:
        n = len(s)
        within += float((torch.exp(-s / (2 * chosen**2)).sum() - n) / (n * (n - 1)))
    return within - 2 * float(torch.exp(-squares[2] / (2 * chosen**2)).mean())
