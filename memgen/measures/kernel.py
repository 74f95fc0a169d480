"""The paper's distances (eqs. (10), (19), (21), reconstructed): smoothed points against a Gaussian law, in L2.

ρ_X = (1/n) Σ N(·; x_k, ε²I) with ε = σ n^{−1/d}.  In units of (4πσ²)^{−d/2}, the squared norm of N(m, σ²I),

    ‖ρ_X − G‖² = 1 + pair(X) − cross(X) + ‖G‖²,   pair(X) = (1/n) Σ_{i≠j} exp(−|x_i − x_j|²/4ε²),
    cross(X) = (2/n) (4πσ²)^{d/2} Σ_i N(x_i; μ, Σ_G + ε²I),

where the 1 is the overlap of every kernel with itself, the same at every n.  In Δ = ‖T − G‖² − ‖O − G‖² it cancels, and
so does ‖G‖²: both are left out, never subtracted.  What remains spans tens of decades, hence logarithms and float64.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from memgen import arrays
from memgen.arrays import Numbers
from memgen.measures.gaussians import gaussian_law

_TILE = 384  # rows and columns of pairs at once: a megabyte of exponents, which stays in cache
_PART = 100_000  # numbers of a point set at once, for the same reason
Points = Numbers
Exponents = Callable[[Tensor, Tensor, Tensor], None]  # fills a tile with exponents, in bits, of rows by columns


class KernelEstimate(NamedTuple):
    """A point set with what its kernel estimate needs once: points (n, d), variance ε², the scale σ, ln pair."""

    points: Tensor
    variance: float
    sigma: float
    log_pair: float


class Delta(NamedTuple):
    """Δ as its sign (−1, 0, 1) and ln|Δ|, in units of (4πσ²)^{−d/2}, and the logarithms of its four terms.

    `cancellation` is Σ|terms|/|Δ|: ln|Δ| is good to about 10⁻¹⁴ times it. Where the condition number of Σ_G + ε²I is
    large, as for the law of n = d + 1 points, up to that many roundings (2·10⁻¹⁶) take the place of 10⁻¹⁴.
    """

    sign: int
    log_abs: float
    cancellation: float
    log_pair_train: float
    log_pair_original: float
    log_cross_train: float
    log_cross_original: float

    @property
    def overlap_gap(self) -> float:
        """ln⟨G, O⟩ − ln⟨G, T⟩: the cross terms alone."""
        return self.log_cross_original - self.log_cross_train


def kernel_estimate(points: Points, sigma: float = 1.0, name: str = "points") -> KernelEstimate:
    """The kernel estimate of points (n, d), with its n(n−1)/2 pairs summed: keep it if the set is used again.

    Raises ValueError, naming the set, on n < 2, values that are not finite, a point that is there twice, and points so
    far apart that the logarithm of their overlap leaves double precision.
    """
    x = arrays.squares(name, arrays.points(name, arrays.double(name, points).detach(), least=2))
    sigma = arrays.scale("sigma", sigma)
    if (twice := _repeated(x)) is not None:
        raise ValueError(f"{name}: points {twice[0]} and {twice[1]} are the same")
    n, d = x.shape
    variance = sigma**2 * n ** (-2 / d)
    log_pair = _log_pairs(x, variance) - math.log(n) if variance > 0 else math.nan
    if not math.isfinite(log_pair):
        raise ValueError(f"{name} are too far apart beside sigma = {sigma:.3g} for the logarithm of their overlap")
    return KernelEstimate(x, variance, sigma, log_pair)


def _repeated(x: Tensor) -> tuple[int, int] | None:
    """Indices of two equal points, if there are any."""
    rows = x.cpu().numpy() + 0.0  # −0 and 0 are equal and have other bytes
    if len(np.unique(rows[:, 0])) == len(rows):  # the usual case at a tenth of the time
        return None
    seen: dict[bytes, int] = {}
    for k, row in enumerate(rows):
        if (first := seen.setdefault(row.tobytes(), k)) != k:
            return first, k
    return None


def _log_pairs(x: Tensor, variance: float) -> float:
    """ln Σ_{i≠j} exp(−|x_i − x_j|²/4ε²).

    The exponents are one matrix product: x·y − |x|²/2 − |y|²/2 = −|x − y|²/2, of centred points.
    """
    z = x - x.mean(0)
    half = z.square().sum(1, keepdim=True) / 2
    one = torch.ones_like(half)
    scale = 1 / (2 * math.log(2) * variance)  # to bits: torch takes half the time for exp2 that it takes for exp

    def log_sum(exponents: Exponents, left: Tensor, right: Tensor) -> float:
        largest, total = _sum(exponents, left, right)
        return largest / scale / (2 * variance) + math.log(total)  # what the scale has lost to rounding comes back

    log_pairs = log_sum(_products, torch.cat([z, -half, one], 1).mul_(scale), torch.cat([z, one, -half], 1))
    # It rounds as |x|²/4ε² does. In few dimensions, or where the points come in clusters, the pairs that count are much
    # nearer to each other than that, and their digits are lost.
    if float(half.max()) / (2 * variance) > 4 * max(16, -log_pairs):
        return log_sum(partial(_differences, scale), x, x)
    return log_pairs


def _products(rows: Tensor, columns: Tensor, out: Tensor) -> None:
    torch.mm(rows, columns.T, out=out)


def _differences(scale: float, rows: Tensor, columns: Tensor, out: Tensor) -> None:
    out.zero_()
    for a, b in zip(rows.T, columns.T, strict=True):
        out.sub_(torch.sub(a[:, None], b).square_(), alpha=scale / 2)


def _sum(exponents: Exponents, left: Tensor, right: Tensor) -> tuple[float, float]:
    """Largest e_ij and Σ_{i≠j} 2^(e_ij − largest): one triangle of tiles, what lies off the diagonal twice."""
    n = len(left)
    largest, total = -math.inf, 0.0
    buffer = left.new_empty(min(n, _TILE) ** 2)
    for i in range(0, n, _TILE):
        rows = left[i : i + _TILE]
        for j in range(i, n, _TILE):
            columns = right[j : j + _TILE]
            shape = (len(rows), len(columns))
            tile = buffer[: math.prod(shape)].view(shape)
            exponents(rows, columns, tile)
            if i == j:
                tile.fill_diagonal_(-math.inf)
            before, largest = largest, max(largest, float(tile.amax()))
            total *= 2 ** (before - largest)
            total += (1 if i == j else 2) * float(tile.sub_(largest).exp2_().sum())
    return largest, total


def log_overlaps(points: Numbers, mean: Numbers, covariance: Numbers) -> Tensor:
    """ln (4π)^{d/2} N(x_i; mean, covariance) for every point: (..., n, d), (..., d), (..., d, d) → (..., n).

    Raises ValueError on other shapes, on values that are not finite, and on a covariance that is not symmetric and
    positive definite.
    """
    points, mean, covariance = _matching(points, mean, covariance)
    return _overlaps(points, mean, covariance)


def _matching(points: Numbers, mean: Numbers, covariance: Numbers) -> tuple[Tensor, Tensor, Tensor]:
    """Return the arguments as tensors in double precision. Raises ValueError on shapes that do not match."""
    x, mu, cov = (
        arrays.double(name, given).detach()
        for name, given in (("points", points), ("mean", mean), ("covariance", covariance))
    )
    arrays.symmetric("covariance", cov)
    d = cov.shape[-1]
    try:
        fit = x.ndim >= 2 and x.shape[-1] == d and x.shape[-2] > 0 and mu.ndim >= 1 and mu.shape[-1] == d
        torch.broadcast_shapes(x.shape[:-2], mu.shape[:-1], cov.shape[:-2])
    except RuntimeError:
        fit = False
    if not fit:
        shapes = f"{tuple(x.shape)}, {tuple(mu.shape)} and {tuple(cov.shape)}"
        raise ValueError(f"points (..., n, d), mean (..., d) and covariance (..., d, d) do not match: {shapes}")
    return x, mu, cov


def _overlaps(points: Tensor, mean: Tensor, covariance: Tensor) -> Tensor:
    """`log_overlaps` of tensors that were checked."""
    n, d = points.shape[-2:]
    # Of the powers of 4π and 2π, hundreds of nats that would round and cancel, √2 a pivot is left: an exact halving.
    lower, failed = torch.linalg.cholesky_ex(covariance / 2)
    if bool(failed.any()):
        arrays.semidefinite("covariance", covariance[failed > 0])
        raise ValueError("covariance is so wide beside the kernels that with them it is still singular to rounding")
    eye = torch.eye(d, dtype=lower.dtype, device=lower.device)
    whiten = torch.linalg.solve_triangular(lower, eye, upper=False)
    log_volume = lower.diagonal(dim1=-2, dim2=-1).log().sum(-1)
    # Matrix products in parts that stay in cache take half the time of solving for all points, and have its digits;
    # without the quarter of the triangle that is zero they take still less, where fours fill the processor's registers.
    step, split = max(1, _PART // d), d // 8 * 4
    norms = []
    for i in range(0, n, step):
        apart = (points[..., i : i + step, :] - mean[..., None, :]).mT
        first, rest = whiten[..., :split, :split] @ apart[..., :split, :], whiten[..., split:, :] @ apart
        norms.append(first.square_().sum(-2) + rest.square_().sum(-2))
    found = -torch.cat(norms, -1) / 4 - log_volume[..., None]
    if not bool(found.isfinite().all()):
        raise ValueError(
            "points lie so far from the mean, in units of the covariance, that this leaves double precision"
        )
    return found


def log_cross(points: Numbers, mean: Numbers, covariance: Numbers, variance: float, sigma: float = 1.0) -> Tensor:
    """ln cross(X), (...), of points (..., n, d) smoothed with kernels of this variance, and G = N(mean, covariance).

    Raises ValueError as `log_overlaps`, but the covariance may be singular.
    """
    x, mu, cov = _matching(points, mean, covariance)
    arrays.semidefinite("covariance", cov)
    return _log_cross(x, mu, cov, arrays.positive("variance", variance), arrays.positive("sigma", sigma))


def _log_cross(points: Tensor, mean: Tensor, covariance: Tensor, variance: float, sigma: float) -> Tensor:
    """`log_cross` of tensors that were checked."""
    n, d = points.shape[-2:]
    smoothed = covariance + variance * torch.eye(d, dtype=covariance.dtype, device=covariance.device)
    return torch.logsumexp(_overlaps(points, mean, smoothed), -1) + math.log(2 / n) + d * math.log(sigma)


def kernel_l2_delta(
    train: Points | KernelEstimate,
    original: Points | KernelEstimate,
    mean: Points,
    covariance: Points,
    sigma: float = 1.0,
) -> Delta:
    """Δ = ‖T − G‖² − ‖O − G‖² for G = N(mean, covariance) against two point sets, each at its own width σ n^{−1/d}.

    A set is (n, d), or a `KernelEstimate` whose pairs are summed already. Σ_G may be singular (n ≤ d: what appears is
    Σ_G + ε²I). Raises ValueError on shapes that do not match, on what is not finite, on a covariance that is not
    symmetric or not positive semi-definite, on n < 2, and on a point that is there twice in one set.
    """
    t, o = _estimates(train, original, sigma)
    mu, cov = gaussian_law(mean, covariance, t.points)
    if o.points.shape[1] != t.points.shape[1]:
        raise ValueError(f"train has dimension {t.points.shape[1]}, original {o.points.shape[1]}")
    crosses = [float(_log_cross(x.points, mu, cov, x.variance, x.sigma)) for x in (t, o)]
    return combine(t.log_pair, o.log_pair, *crosses)


def _estimates(
    train: Points | KernelEstimate, original: Points | KernelEstimate, sigma: float
) -> tuple[KernelEstimate, KernelEstimate]:
    t, o = (
        given if isinstance(given, KernelEstimate) else kernel_estimate(given, sigma, name)
        for given, name in ((train, "train"), (original, "original"))
    )
    if t.sigma != o.sigma:
        raise ValueError(f"train and original were smoothed at different scales: sigma = {t.sigma:g} and {o.sigma:g}")
    return t, o


def points_l2_delta(
    train: Points | KernelEstimate, original: Points | KernelEstimate, generated: Points, sigma: float = 1.0
) -> Delta:
    """Δ for a G that is known by points (m, d) alone: the mean of N(x; g_j, ε²I) takes the place of its density.

    This estimates Δ without bias in the cross terms. Raises ValueError as `kernel_l2_delta`, but G may hold a point
    twice.
    """
    t, o = _estimates(train, original, sigma)
    g = arrays.double("generated", generated).detach().to(t.points.device)
    if g.ndim != 2 or len(g) < 1 or g.shape[1] != t.points.shape[1] or g.shape[1] != o.points.shape[1]:
        given = f"{tuple(g.shape)} beside {tuple(t.points.shape)} and {tuple(o.points.shape)}"
        raise ValueError(f"generated must be (m, d) with m ≥ 1 and the d of train and original, got {given}")
    arrays.squares("generated", g)
    return combine(t.log_pair, o.log_pair, _log_cross_points(t, g), _log_cross_points(o, g))


def _log_cross_points(known: KernelEstimate, generated: Tensor) -> float:
    """ln cross(X) for G the points themselves: (2/nm) (2σ²/ε²)^{d/2} Σ exp(−|x − g|²/2ε²)."""
    n, d = known.points.shape
    apart = torch.cdist(generated, known.points, compute_mode="donot_use_mm_for_euclid_dist")
    exponents = apart.square_().div_(-2 * known.variance)
    scale = math.log(2 / (n * len(generated))) + d / 2 * math.log(2 * known.sigma**2 / known.variance)
    return float(exponents.flatten().logsumexp(0)) + scale


def combine(*logs: float) -> Delta:
    """Δ = pair(T) − pair(O) − cross(T) + cross(O) from the logarithms of its terms, in this order.

    Δ = 0 has the sign 0, the logarithm −∞ and the cancellation ∞. Raises ValueError if one of the logarithms is not a
    number, or infinite, as for points whose squares are, and if there are not four.
    """
    if len(logs) != 4:
        raise ValueError(f"Δ has four logarithms, got {len(logs)}")
    logs = tuple(map(arrays.bare, logs))
    if not all(map(math.isfinite, logs)):
        raise ValueError(f"Δ has a term that is not finite: its logarithms are {', '.join(f'{log:g}' for log in logs)}")
    largest = max(logs)
    terms = [sign * math.exp(log - largest) for sign, log in zip((1, -1, -1, 1), logs, strict=True)]
    value = math.fsum(terms)
    size = math.fsum(abs(term) for term in terms)
    if value == 0:
        return Delta(0, -math.inf, math.inf, *logs)
    return Delta(1 if value > 0 else -1, largest + math.log(abs(value)), size / abs(value), *logs)
