"""Distances between Gaussian laws: KL divergence, Hellinger, Wasserstein-2, L2.

Each reduces to a sum over directions in which both covariances are diagonal, and on the line it is an integral.
The formulas below are those sums; the functions at the end take means and covariances, batched, and work on
eigenvalues and logarithms throughout.  H² = 1 − ∫√(pq), so 0 ≤ H² ≤ 1.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import sympy as sp

from theory.core.averages import line_integral
from theory.core.bounds import Edge
from theory.core.formula import Branch, Formula
from theory.core.mean import Mean, single
from theory.core.special import ratio_divergence
from theory.core.steps import Identity, Limit, Premise, Quadrature, Step
from theory.letters import POSITIVE, d, distance2, eigenvalues, ratios, spreads, variable

# On the line: p = N(m, v), q = N(0, w).
_x, _m = sp.symbols("x m", real=True)

_v, _w = sp.symbols("v w", positive=True)


def _normal(x: sp.Expr, m: sp.Expr, v: sp.Expr) -> sp.Expr:
    return sp.exp(-((x - m) ** 2) / (2 * v)) / sp.sqrt(2 * sp.pi * v)


_LINE_POINTS = ({_m: 1, _v: 2, _w: 3}, {_m: sp.Rational(-1, 2), _v: 4, _w: sp.Rational(1, 3)})


def _kl(f: Formula) -> Iterator[Step]:
    p = _normal(_x, _m, _v)
    log_ratio = sp.log(_w / _v) / 2 - (_x - _m) ** 2 / (2 * _v) + _x**2 / (2 * _w)
    line = f.expr.subs({Mean(ratio_divergence(ratios), ratios): ratio_divergence(_v / _w), d: 1, distance2: _m**2 / _w})
    yield Identity(
        "on the line, ∫ p ln(p/q) by the moments of p",
        line_integral(sp.expand(p * log_ratio), _x),
        line,
    )
    yield Quadrature("the same integral by quadrature", p * log_ratio, (_x, -sp.oo, sp.oo), line.doit(), _LINE_POINTS)
    a, b, c, g = sp.symbols("first second third g", positive=True)
    mix = sp.Matrix([[1, g], [0, 1]])
    first, second = mix * sp.diag(a, b) * mix.T, mix * sp.diag(1, c) * mix.T
    matrix_form = (second.inv() * first).trace() - 2 - sp.log(first.det() / second.det())
    yield Identity(
        "trace and determinant of C2⁻¹C1 depend on its eigenvalues alone (two dimensions, any common congruence)",
        matrix_form,
        (ratio_divergence(a) + ratio_divergence(b / c)).doit(),
    )


kl_spectral = Formula(
    name="kl_spectral",
    variables=(variable(ratios), variable(distance2)),
    branches=(Branch(d * Mean(ratio_divergence(ratios), ratios) / 2 + distance2 / 2),),
    kind="exact",
    regime="any two Gaussians with invertible covariances",
    source="derived here",
    derivation=_kl,
    count=d,
)


def _affinity(f: Formula) -> Iterator[Step]:
    root_product = sp.sqrt(_normal(_x, _m, _v)) * sp.sqrt(_normal(_x, 0, _w))
    line = single(f.expr).subs({d: 1, ratios: _v / _w, distance2: _m**2 / (_v + _w)})
    # The exponent of √p√q is −a x² + b x − c; the Gaussian integral is √(π/a) exp(b²/4a − c).
    a, b, c = (1 / _v + 1 / _w) / 4, _m / (2 * _v), _m**2 / (4 * _v)
    gaussian_integral = (
        sp.sqrt(sp.pi / a) * sp.exp(b**2 / (4 * a) - c) / (2 * sp.pi * sp.sqrt(_v * _w)) ** sp.Rational(1, 2)
    )
    yield Identity("on the line, ∫√(pq), squared", sp.simplify((gaussian_integral / line) ** 2), 1)
    yield Quadrature("the same integral by quadrature", root_product, (_x, -sp.oo, sp.oo), line, _LINE_POINTS)
    yield Limit("equal laws have affinity 1", line.subs(_m, 0), _v, _w, 1)


affinity_spectral = Formula(
    name="affinity_spectral",
    variables=(
        variable(ratios),
        variable(distance2),
    ),
    branches=(
        Branch(
            sp.exp(
                -d * Mean(sp.log(1 + (sp.sqrt(ratios) - 1) ** 2 / (2 * sp.sqrt(ratios))), ratios) / 2 - distance2 / 4
            )
        ),
    ),
    kind="exact",
    regime="any two Gaussians with invertible covariances",
    source="derived here",
    derivation=_affinity,
    count=d,
)


def _overlap(f: Formula) -> Iterator[Step]:
    line = single(f.expr).subs({d: 1, eigenvalues: _v + _w, distance2: _m**2 / (_v + _w)})
    product = _normal(_x, _m, _v) * _normal(_x, 0, _w)
    yield Identity(
        "on the line, ∫ p q is the density of the difference at 0",
        sp.simplify(line_integral(product, _x) / line),
        1,
    )
    yield Quadrature("the same integral by quadrature", product, (_x, -sp.oo, sp.oo), line, _LINE_POINTS)


def _overlap_bounds(f: Formula) -> Iterator[Step]:
    yield Edge(
        "a sum of covariances that is flat somewhere has no density",
        f.variables[0],
        "lower",
        1 / single(f.expr).subs(d, 1),
        0,
    )


overlap_spectral = Formula(
    name="overlap_spectral",
    variables=(
        variable(eigenvalues, POSITIVE),
        variable(distance2),
    ),
    branches=(Branch(sp.exp(-d * Mean(sp.log(2 * sp.pi * eigenvalues), eigenvalues) / 2 - distance2 / 2)),),
    kind="exact",
    regime="any two Gaussians with C1+C2 invertible",
    source="derived here",
    derivation=_overlap,
    bounds=_overlap_bounds,
    count=d,
)


def _wasserstein(f: Formula) -> Iterator[Step]:
    z = sp.Symbol("z", real=True)
    cost = (_m + (sp.sqrt(_v) - sp.sqrt(_w)) * z) ** 2 * _normal(z, 0, 1)
    line = single(f.expr)
    line = line.subs({d: 1, distance2: _m**2}).subs(spreads, sp.sqrt(_v) - sp.sqrt(_w))
    yield Identity(
        "on the line the monotone coupling m + √v z, √w z is optimal; its cost",
        line_integral(sp.expand(cost), z),
        line,
    )
    yield Premise(
        "commuting covariances couple direction by direction; in general √s₁√s₂ becomes tr (C1^½ C2 C1^½)^½",
        "dowson1982",
        "test_gaussians.test_wasserstein_general",
    )


wasserstein2_spectral = Formula(
    name="wasserstein2_spectral",
    variables=(variable(spreads), variable(distance2, unit="data²")),
    branches=(Branch(d * Mean(spreads**2, spreads) + distance2),),
    kind="exact",
    regime="commuting covariances",
    source="derived here; general case dowson1982",
    derivation=_wasserstein,
    count=d,
)


# -- means and covariances in, numbers out ------------------------------------------------------------------------
def _pair(m1: Any, c1: Any, m2: Any, c2: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    m1, c1, m2, c2 = (np.asarray(a, float) for a in (m1, c1, m2, c2))
    size = c1.shape[-1] if c1.ndim else 0
    if not (
        c1.ndim >= 2 and c1.shape[-2:] == c2.shape[-2:] == (size, size) and m1.shape[-1:] == m2.shape[-1:] == (size,)
    ):
        raise ValueError(f"means and covariances do not match: {m1.shape}, {c1.shape}, {m2.shape}, {c2.shape}")
    for name, array in (("m1", m1), ("C1", c1), ("m2", m2), ("C2", c2)):
        if not np.all(np.isfinite(array)):
            raise ValueError(f"{name} holds a value that is not finite")
    for name, c in (("C1", c1), ("C2", c2)):
        if not np.allclose(c, np.swapaxes(c, -1, -2), rtol=1e-10, atol=1e-12 * np.max(np.abs(c))):
            raise ValueError(f"{name} is not symmetric")
    return m1 - m2, c1, c2


def _positive(c: np.ndarray, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues and eigenvectors; those that are zero to rounding are 0. ValueError on negative ones beyond that."""
    w, v = np.linalg.eigh(c)
    floor = c.shape[-1] * np.finfo(float).eps * np.max(np.abs(w), axis=-1, keepdims=True)
    if np.any(w < -floor):
        raise ValueError(f"{name} has the negative eigenvalue {w.min():.3g}")
    return np.where(w > floor, w, 0.0), v


def _relative(delta: np.ndarray, c1: np.ndarray, c2: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Eigenvalues of C2⁻¹C1, Mahalanobis distance² in C2, and where either covariance is singular."""
    w1, _ = _positive(c1, "C1")
    w2, v2 = _positive(c2, "C2")
    singular = np.any(w1 == 0, -1) | np.any(w2 == 0, -1)
    whiten = v2 / np.sqrt(np.where(singular[..., None], 1.0, w2))[..., None, :]
    relative = np.linalg.eigvalsh(np.swapaxes(whiten, -1, -2) @ c1 @ whiten)
    shift = np.einsum("...ij,...i->...j", whiten, delta)
    return np.where(singular[..., None], 1.0, relative), np.sum(shift**2, -1), singular


def kl(m1: Any, c1: Any, m2: Any, c2: Any) -> Any:
    """KL(N(m1, C1) ‖ N(m2, C2)) in nats, (...): means (..., d), covariances (..., d, d); ∞ where one is singular.

    Batches broadcast. Raises ValueError, naming the argument, on shapes that do not match, values that are not finite,
    and covariances that are not symmetric or have a negative eigenvalue.
    """
    spectrum, mahalanobis, singular = _relative(*_pair(m1, c1, m2, c2))
    return np.where(singular, np.inf, kl_spectral(spectrum, mahalanobis))[()]


def hellinger2(m1: Any, c1: Any, m2: Any, c2: Any) -> Any:
    """The squared Hellinger distance 1 − ∫√(pq), (...): means (..., d), covariances (..., d, d); 1 where one is
    singular.

    Batches broadcast. Raises ValueError as `kl` does.
    """
    delta, c1, c2 = _pair(m1, c1, m2, c2)
    spectrum, _, singular = _relative(delta, c1, c2)
    w, v = _positive(c1 + c2, "C1+C2")
    shift = np.einsum("...ij,...i->...j", v / np.sqrt(np.where(w > 0, w, 1.0))[..., None, :], delta)
    return np.where(singular, 1.0, -np.expm1(affinity_spectral.log(spectrum, np.sum(shift**2, -1))))[()]


def wasserstein2_squared(m1: Any, c1: Any, m2: Any, c2: Any) -> Any:
    """The squared 2-Wasserstein distance (Bures form), (...), in squared units of the means (..., d).

    Covariances are (..., d, d), and may be singular. Batches broadcast. Raises ValueError as `kl` does.
    """
    delta, c1, c2 = _pair(m1, c1, m2, c2)
    w1, v1 = _positive(c1, "C1")
    w2, v2 = _positive(c2, "C2")
    # tr (C1^½ C2 C1^½)^½ is the sum of the singular values of C1^½ C2^½: no square root of a rounding error.
    root1, root2 = v1 * np.sqrt(w1)[..., None, :], v2 * np.sqrt(w2)[..., None, :]
    cross = np.linalg.svd(np.swapaxes(root1, -1, -2) @ root2, compute_uv=False).sum(-1)
    return np.clip(w1.sum(-1) + w2.sum(-1) - 2 * cross, 0, None) + np.sum(delta**2, -1)


def l2_squared(m1: Any, c1: Any, m2: Any, c2: Any) -> Any:
    """∫(p − q)², (...), an inverse volume: means (..., d), covariances (..., d, d); ∞ where one is singular.

    Batches broadcast. Raises ValueError as `kl` does.
    """
    delta, c1, c2 = _pair(m1, c1, m2, c2)
    w1, _ = _positive(2 * c1, "C1")
    w2, _ = _positive(2 * c2, "C2")
    w, v = _positive(c1 + c2, "C1+C2")
    singular = np.any(w1 == 0, -1) | np.any(w2 == 0, -1)
    safe1, safe2, safe = (np.where(singular[..., None], 1.0, a) for a in (w1, w2, w))
    shift = np.einsum("...ij,...i->...j", v / np.sqrt(safe)[..., None, :], delta)
    cross = overlap_spectral(safe, np.sum(shift**2, -1))
    return np.where(singular, np.inf, overlap_spectral(safe1) + overlap_spectral(safe2) - 2 * cross)[()]
