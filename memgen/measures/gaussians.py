"""Distances between Gaussian laws, batched, in the log domain.

The same definitions as `theory.gaussians`, written independently for batches on any device; a check compares them.
A covariance counts as singular when a Cholesky pivot is zero to rounding: then KL is ∞ and H² is 1.

Means are (..., d) and covariances (..., d, d), arrays or tensors, and batches broadcast. All is in double precision and
differentiable for tensors. Raises ValueError, naming the argument, on other shapes, on values that are not finite, on a
covariance that is not symmetric or has an eigenvalue which is negative beyond rounding, and on scales so far apart that
the value leaves double precision without being known to be 0 or ∞.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from memgen import arrays
from memgen.arrays import Numbers


class Factor(NamedTuple):
    """Cholesky factor (..., d, d), log-determinant (...), and which members are singular."""

    lower: Tensor
    logdet: Tensor
    singular: Tensor


Law = tuple[Tensor, Tensor]


def _laws(m1: Numbers, c1: Numbers, m2: Numbers, c2: Numbers) -> tuple[Law, Law]:
    """Return both laws in double precision. ValueError unless they are of one dimension and their batches broadcast."""
    laws = []
    for mean, covariance, which in ((m1, c1, "1"), (m2, c2, "2")):
        m, c = arrays.double(f"m{which}", mean), _covariance(f"c{which}", covariance)
        if m.ndim < 1 or m.shape[-1] != c.shape[-1]:
            shapes = f"{tuple(m.shape)} beside {tuple(c.shape)}"
            raise ValueError(f"m{which} must be (..., d) and c{which} (..., d, d), got {shapes}")
        laws.append((m, c))
    one, other = laws
    try:
        torch.broadcast_shapes(one[0].shape[:-1], one[1].shape[:-2], other[0].shape[:-1], other[1].shape[:-2])
        same = one[0].shape[-1] == other[0].shape[-1]
    except RuntimeError:
        same = False
    if not same:
        shapes = " and ".join(str(tuple(m.shape)) for m, _ in laws)
        raise ValueError(f"m1, c1 and m2, c2 are laws of different dimensions or batches: the means are {shapes}")
    return one, other


def _covariance(name: str, covariance: Numbers) -> Tensor:
    return arrays.symmetric(name, arrays.double(name, covariance))


def _known(value: Tensor) -> Tensor:
    """Return the value. Raises ValueError if it is not a number."""
    if bool(value.isnan().any()):
        raise ValueError("m1, c1, m2 and c2 are on scales so far apart that the value leaves double precision")
    return value


def factor(covariance: Numbers) -> Factor:
    """Factorise a batch of covariances (..., d, d); singular members get the identity and log-determinant −∞."""
    return _factor("covariance", _covariance("covariance", covariance))


def _factor(name: str, covariance: Tensor) -> Factor:
    """`factor` of covariances that are known to be symmetric and finite."""
    d = covariance.shape[-1]
    scale = covariance.diagonal(dim1=-1, dim2=-2).amax(-1)
    lower, info = torch.linalg.cholesky_ex(covariance)
    pivots = lower.diagonal(dim1=-1, dim2=-2)
    floor = d * torch.finfo(covariance.dtype).eps * scale
    singular = (info > 0) | (scale <= 0) | ~(pivots.square().amin(-1) > floor)
    if bool(singular.any()):
        arrays.semidefinite(name, covariance[singular])
    eye = torch.eye(d, dtype=covariance.dtype, device=covariance.device)
    lower = torch.where(singular[..., None, None], eye, lower)
    logdet = 2 * lower.diagonal(dim1=-1, dim2=-2).log().sum(-1)
    return Factor(lower, torch.where(singular, -torch.inf, logdet), singular)


def _norm2(lower: Tensor, delta: Tensor) -> Tensor:
    return torch.linalg.solve_triangular(lower, delta[..., None], upper=False).square().sum((-1, -2))


def kl(m1: Numbers, c1: Numbers, m2: Numbers, c2: Numbers) -> Tensor:
    """KL(N(m1, C1) ‖ N(m2, C2)) in nats, (...); ∞ where a covariance is singular, and beyond 10³⁰⁸."""
    (m1, c1), (m2, c2) = _laws(m1, c1, m2, c2)
    f1, f2 = _factor("c1", c1), _factor("c2", c2)
    trace = torch.linalg.solve_triangular(f2.lower, f1.lower, upper=False).square().sum((-1, -2))
    value = (trace - c1.shape[-1] + _norm2(f2.lower, m1 - m2) + f2.logdet - f1.logdet) / 2
    return _known(torch.where(f1.singular | f2.singular, torch.inf, value))


def log_affinity(m1: Numbers, c1: Numbers, m2: Numbers, c2: Numbers) -> Tensor:
    """ln(1 − H²) = ln ∫√(pq), (...); −∞ where a covariance is singular, and below −10³⁰⁸."""
    (m1, c1), (m2, c2) = _laws(m1, c1, m2, c2)
    f1, f2, f = _factor("c1", c1), _factor("c2", c2), _factor("c1 and c2", c1 / 2 + c2 / 2)
    value = (f1.logdet + f2.logdet) / 4 - f.logdet / 2 - _norm2(f.lower, m1 - m2) / 8
    return _known(torch.where(f1.singular | f2.singular, -torch.inf, value))


def hellinger2(m1: Numbers, c1: Numbers, m2: Numbers, c2: Numbers) -> Tensor:
    """H² = 1 − ∫√(pq), (...); 1 where a covariance is singular."""
    return -torch.expm1(log_affinity(m1, c1, m2, c2))


def wasserstein2_squared(m1: Numbers, c1: Numbers, m2: Numbers, c2: Numbers) -> Tensor:
    """Squared 2-Wasserstein distance (Bures), (...); finite for singular laws too."""
    (m1, c1), (m2, c2) = _laws(m1, c1, m2, c2)
    arrays.squares("m1", m1), arrays.squares("m2", m2)
    arrays.semidefinite("c1", c1), arrays.semidefinite("c2", c2)
    cross = torch.linalg.svdvals(_root(c1).mT @ _root(c2)).sum(-1)  # tr (C1^½ C2 C1^½)^½
    trace = (c1 + c2).diagonal(dim1=-1, dim2=-2).sum(-1)
    value = _known((trace - 2 * cross).clamp(min=0) + (m1 - m2).square().sum(-1))
    if bool(value.isinf().any()):
        raise ValueError("c1 and c2 are so wide that the distance leaves double precision")
    return value


def _root(covariance: Tensor) -> Tensor:
    """R with RRᵀ = C, (..., d, d); eigenvalues that are zero to rounding are zero, or their roots would be 10⁻⁸."""
    values, vectors = torch.linalg.eigh(covariance)
    floor = values.shape[-1] * torch.finfo(values.dtype).eps * values.amax(-1, keepdim=True)
    return vectors * torch.where(values > floor, values, 0).sqrt()[..., None, :]


def log_overlap(m1: Numbers, c1: Numbers, m2: Numbers, c2: Numbers) -> Tensor:
    """ln ∫ p q = ln N(m1 − m2; 0, C1 + C2), (...); ∞ where C1 + C2 is singular."""
    (m1, c1), (m2, c2) = _laws(m1, c1, m2, c2)
    arrays.semidefinite("c1", c1), arrays.semidefinite("c2", c2)
    return _known(_overlap(m1, c1, m2, c2))


def _overlap(m1: Tensor, c1: Tensor, m2: Tensor, c2: Tensor) -> Tensor:
    f = _factor("c1 and c2", c1 + c2)
    dimension = c1.shape[-1]
    log_volume = dimension * torch.log(torch.tensor(2 * torch.pi, dtype=c1.dtype)) + f.logdet
    return -(log_volume + _norm2(f.lower, m1 - m2)) / 2


def l2_squared(m1: Numbers, c1: Numbers, m2: Numbers, c2: Numbers) -> Tensor:
    """∫(p − q)², (...), an inverse volume; ∞ where a covariance is singular, and beyond 10³⁰⁸."""
    (m1, c1), (m2, c2) = _laws(m1, c1, m2, c2)
    singular = _factor("c1", c1).singular | _factor("c2", c2).singular
    terms = [_overlap(m1, c1, m1, c1), _overlap(m2, c2, m2, c2), _overlap(m1, c1, m2, c2)]
    value = terms[0].exp() + terms[1].exp() - 2 * terms[2].exp()
    return _known(torch.where(singular, torch.inf, value))


def gaussian_law(mean: Numbers, covariance: Numbers, like: Tensor, which: str = "") -> Law:
    """Mean and covariance of a Gaussian law as tensors of the type, device and dimension of the points `like` (n, d).

    Raises ValueError, with `which` before the name of the argument, on other shapes, on values that are not finite, and
    on a covariance that is not symmetric or has an eigenvalue which is negative beyond rounding.
    """
    d = like.shape[1]
    mu, cov = (arrays.double(f"{which}{name}", a).to(like) for name, a in (("mean", mean), ("covariance", covariance)))
    if mu.shape != (d,) or cov.shape != (d, d):
        given = f"{tuple(mu.shape)} and {tuple(cov.shape)}"
        raise ValueError(f"{which}mean must be ({d},) and {which}covariance ({d}, {d}) to match train, got {given}")
    mu, cov = mu.detach(), cov.detach()
    return mu, arrays.semidefinite(f"{which}covariance", arrays.symmetric(f"{which}covariance", cov))
