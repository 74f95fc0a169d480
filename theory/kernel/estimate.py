"""The kernel estimate of a point set, and what the paper's L2 criterion can say with it.

The paper smooths n points with Gaussian kernels of width ε_n = σ n^{−1/d}: ρ_T from the training
set, ρ_O from points of the true law O = N(m, σ²I).  Norms are in units of ‖O‖² = (4πσ²)^{−d/2}.

Every kernel overlaps with itself, and at this width the self-overlaps alone add up to exactly 1 at every n: the
estimate never converges to O in L2.  Near a training point its own kernel is heavier than the mean of all others
together, at every n and d, by e^{O(d)} where d ≫ ln n: there the estimate still consists of n separate points.
"""

from collections.abc import Iterator

import sympy as sp

from theory.core.averages import gaussian_product
from theory.core.formula import Branch, Formula
from theory.core.special import log_add
from theory.core.steps import Identity, Limit, Step, shared
from theory.letters import d, n, sigma, variable, width


# -- the width and the self-overlap -------------------------------------------------------------------------------
def _kernel_width(f: Formula) -> Iterator[Step]:
    yield Identity("n kernels hold together the volume of one of width σ", n * f.expr**d, sigma**d)
    yield Limit("one point: the kernel is as wide as the data", f.expr, n, 1, sigma)


kernel_width = Formula(
    name="kernel_width",
    variables=(variable(n), variable(d), variable(sigma)),
    branches=(Branch(sigma * sp.exp(-sp.log(n) / d)),),
    kind="exact",
    regime="a definition, for every n and d",
    source="halder2024 eq. (10), reconstructed",
    derivation=_kernel_width,
)


def _self_overlap(f: Formula) -> Iterator[Step]:
    overlap = (4 * sp.pi * width**2) ** (-d / 2) / n  # (1/n²) Σ_i N(0; 0, 2ε²I): n terms
    yield from gaussian_product(*sp.symbols("k s", positive=True))
    unit = (4 * sp.pi * sigma**2) ** (-d / 2)
    yield Identity("(1/n²) Σ_i N(0; 0, 2ε²I) in units of ‖O‖²", sp.simplify(overlap / unit / f.expr), 1)
    yield Identity(
        "at the paper's width it is 1, whatever n and d", sp.simplify(f.expr.subs(width, kernel_width.expr)), 1
    )


self_overlap = Formula(
    name="self_overlap",
    variables=(variable(n), variable(d), variable(width), variable(sigma)),
    branches=(Branch(sp.exp(d * sp.log(sigma / width)) / n),),
    kind="exact",
    regime="overlaps of kernels with themselves in ‖ρ_T‖², in units of (4πσ²)^{−d/2}; 1 at ε = σ n^{−1/d}",
    source="derived here",
    derivation=_self_overlap,
    rests_on=(kernel_width,),
)


def _pair_overlap(f: Formula) -> Iterator[Step]:
    # Two points differ by N(0, 2σ²I), each is smoothed by ε²: E N(x_i − x_j; 0, 2ε²I) = N(0; 0, 2(σ²+ε²)I).
    expected = (1 - 1 / n) * (4 * sp.pi * (sigma**2 + width**2)) ** (-d / 2)
    unit = (4 * sp.pi * sigma**2) ** (-d / 2)
    yield from gaussian_product(*sp.symbols("k s", positive=True))
    yield Identity("(1/n²) Σ_{i≠j} E N(x_i − x_j; 0, 2ε²I) in units of ‖O‖²", sp.simplify(expected / unit / f.expr), 1)


pair_overlap = Formula(
    name="pair_overlap",
    variables=(variable(n), variable(d), variable(width), variable(sigma)),
    branches=(Branch((n - 1) / n * sp.exp(-d * sp.log(1 + width**2 / sigma**2) / 2)),),
    kind="exact",
    regime="mean over point sets of the overlaps of different kernels in ‖ρ_T‖², in units of (4πσ²)^{−d/2}",
    source="derived here",
    derivation=_pair_overlap,
)

# -- mean integrated squared error --------------------------------------------------------------------------------
_UNIT = (4 * sp.pi * sigma**2) ** (-d / 2)  # ‖O‖²
_e = width**2 / sigma**2

_A, _B = (1 + _e) ** (-d / 2), (1 + _e / 2) ** (-d / 2)

_LOG_A, _LOG_B = -d * sp.log(1 + _e) / 2, -d * sp.log(1 + _e / 2) / 2

# (1/n)((σ/ε)^d − A) and (1 − B)² + (A − B²), each without subtracting what is nearly equal
_VARIANCE = -d * sp.log(_e) / 2 - sp.log(n) + sp.log(1 - sp.exp(-d * sp.log(1 + 1 / _e) / 2))

_BIAS = (1 - sp.exp(_LOG_B)) ** 2 + sp.exp(_LOG_A) * (1 - sp.exp(-d * sp.log(1 + _e**2 / (4 * (1 + _e))) / 2))


@shared
def _errors() -> Iterator[Step]:
    """Variance and squared bias in units of ‖O‖², and where their sum tends at the paper's width."""
    own = (4 * sp.pi * width**2) ** (-d / 2) / n
    pairs = (1 - 1 / n) * (4 * sp.pi * (sigma**2 + width**2)) ** (-d / 2)
    cross = (2 * sp.pi * (2 * sigma**2 + width**2)) ** (-d / 2)
    sum_of_overlaps = (own + pairs - 2 * cross + _UNIT) / _UNIT
    split = ((sigma / width) ** d - _A) / n + _A - 2 * _B + 1
    yield Identity("‖T‖² − 2⟨T, O⟩ + ‖O‖², in units of ‖O‖²", sp.expand(sp.simplify(sum_of_overlaps - split)), 0)
    yield Identity("variance, written without cancellation", sp.exp(_VARIANCE), ((sigma / width) ** d - _A) / n)
    for dimension in (2, 4, 6):
        at = {d: dimension, width: sp.sqrt(sp.Symbol("e", positive=True)) * sigma}
        yield Identity(f"squared bias, likewise (d = {dimension})", _BIAS.subs(at), (_A - 2 * _B + 1).subs(at))
    at_width = (sum_of_overlaps.subs(d, 2)).subs(width, kernel_width.expr.subs(d, 2))
    yield Limit("at the paper's width it tends to ‖O‖², not to 0 (d = 2)", sp.simplify(at_width), n, sp.oo, 1)


def _kde_mise(f: Formula) -> Iterator[Step]:
    yield from gaussian_product(*sp.symbols("k s", positive=True))
    yield from _errors()
    yield Identity("variance plus bias, in the units of a density", f.expr.doit(), _UNIT * (sp.exp(_VARIANCE) + _BIAS))


kde_mise = Formula(
    name="kde_mise",
    variables=(variable(n), variable(d), variable(width), variable(sigma)),
    branches=(Branch(sp.exp(log_add(_VARIANCE, sp.log(_BIAS)) - d * sp.log(4 * sp.pi * sigma**2) / 2)),),
    kind="exact",
    regime="E‖ρ_T − O‖² over training sets, O = N(m, σ²I), an inverse volume; use .log where d is large",
    source="derived here",
    derivation=_kde_mise,
)


def _best_width(f: Formula) -> Iterator[Step]:
    h = sp.Symbol("h", positive=True)  # ε² in units of σ²
    variance, bias = sp.exp(_VARIANCE + sp.log(n) + d * sp.log(_e) / 2), _BIAS
    for dimension in (1, 2, 3):
        at = {d: dimension, sigma: 1, width: sp.sqrt(h)}
        yield Limit(f"narrow kernels: variance (σ/ε)^d/n (d = {dimension})", variance.subs(at), h, 0, 1)
        curvature = sp.Rational(dimension * (dimension + 2), 16)
        yield Limit(
            f"squared bias (ε⁴/4)‖∇²O‖²: d(d+2)/16 (ε/σ)⁴ (d = {dimension})", bias.subs(at) / h**2, h, 0, curvature
        )
    error = (sigma / width) ** d / n + d * (d + 2) * (width / sigma) ** 4 / 16
    falls, rises = d * (sigma / width) ** d / n, d * (d + 2) * (width / sigma) ** 4 / 4
    yield Identity("the slope of their sum in ln ε", width * sp.diff(error, width), rises - falls)
    balance = sp.expand_log(sp.log(rises) - sp.log(falls), force=True)
    best = sp.expand_log(sp.log(f.expr), force=True)
    yield Identity("is zero at the best width", balance.subs(sp.log(width), best), 0)


best_width = Formula(
    name="best_width",
    variables=(variable(n), variable(d), variable(sigma)),
    branches=(Branch(sigma * sp.exp(sp.log(4 / (n * (d + 2))) / (d + 4))),),
    kind="asymptotic",
    regime="width of least E‖ρ_T − O‖², n → ∞ at fixed d; narrower than the paper's below n = ((d+2)/4)^{d/4}",
    source="derived here; silverman1986 eq. (4.14)",
    derivation=_best_width,
)
