"""One kernel of the estimate against all the others: which is heavier near a training point?

Z_1 is the term of the component a sample belongs to, Z_{1^c} the sum of all other terms, at a typical place x_1 + εz.
At the paper's width Z_1 outweighs the mean of Z_{1^c} at every n and d: there the estimate still consists of n separate
points.
"""

from collections.abc import Iterator

import sympy as sp

from theory.core.averages import normal_average
from theory.core.bounds import Bracket, Condition
from theory.core.formula import Branch, Formula
from theory.core.special import log_add
from theory.core.steps import Identity, Limit, Quadrature, Step, shared
from theory.kernel.estimate import kernel_width
from theory.letters import D, alpha, d, log_n, n, sigma, unknown, variable, width

# -- one component against all the others ----------------------------------------------------------------------------
_OWN = sp.exp(-d / 2)  # Z_1, the component's own term at a distance ε√d from its centre

_OTHERS = (width**2 / (sigma**2 + width**2)) ** (d / 2) * sp.exp(-d / 2)  # E of one other term at a typical place


@shared
def _annealed() -> Iterator[Step]:
    """Z_1 and the mean of one term of Z_{1^c}, at x = x_1 + εz typical of component 1: |z|² = d, |x|² = d(σ²+ε²)."""
    z, v, u = sp.Symbol("z", real=True), sp.Symbol("v", positive=True), sp.Symbol("u", real=True)
    # one direction: E exp(−(u−X)²/2ε²), X ~ N(0, σ²), by completing the square
    integral = sp.sqrt(2 * sp.pi * v) * sp.exp(u**2 * v / (2 * width**4) - u**2 / (2 * width**2))
    posterior = width**2 * sigma**2 / (width**2 + sigma**2)
    factor = integral.subs(v, posterior) / sp.sqrt(2 * sp.pi * sigma**2)
    typical = factor.subs(u, sp.sqrt(sigma**2 + width**2))
    yield Identity("one direction of another component's mean term", sp.simplify(typical**2), _OTHERS.subs(d, 2))
    k = sp.Symbol("k", positive=True)
    square = sp.exp(-(z**2) / (2 * k)) / sp.sqrt(2 * sp.pi * k)
    yield Quadrature("a normal density integrates to 1", square, (z, -sp.oo, sp.oo), k / k, ({k: 2},))


def _collapse_width(f: Formula) -> Iterator[Step]:
    yield from _annealed()
    finite = f.branches[1].value
    balance = sp.log(n) + d * sp.log(width**2 / (sigma**2 + width**2)) / 2
    yield Identity("n mean terms weigh as much as one's own", balance.subs(width, finite), 0)
    # The mean is carried by points of the posterior N(g x, g ε²), g = σ²/(σ²+ε²): KL from the law of the data,
    # d directions at |x|² = d(σ²+ε²).
    g = sigma**2 / (sigma**2 + width**2)
    ratio, shift = g * width**2 / sigma**2, g**2 * (sigma**2 + width**2) / sigma**2
    rate = (ratio - 1 - sp.log(ratio) + shift) / 2
    yield Identity(
        "one point in e^{d·rate} carries it, rate = ½ ln(1+σ²/ε²)", rate, sp.log(1 + sigma**2 / width**2) / 2
    )
    yield Identity(
        "and n = e^{d·rate} is the same balance: annealed = quenched up to here", sp.log(n) - d * rate, balance
    )


def _collapse_width_bounds(f: Formula) -> Iterator[Step]:
    yield Condition("there are no others", f.branches[0].condition, n - 1 <= 0)
    yield Limit("and few are not felt at any width", f.branches[1].value.subs(d, 2), n, 1, f.branches[0].value)


collapse_width = Formula(
    name="collapse_width",
    variables=(variable(n), variable(d), variable(sigma)),
    branches=(
        Branch(sp.oo, n <= 1),
        Branch(sigma * sp.exp(-sp.log(n) / d) / sp.sqrt(1 - sp.exp(-2 * sp.log(n) / d))),
    ),
    kind="asymptotic",
    regime="width at which all other kernels together weigh as much as a point's own, d → ∞; narrower: collapsed",
    source="derived here; biroli2024 for the exact score",
    derivation=_collapse_width,
    bounds=_collapse_width_bounds,
)


def _neighbour_ratio(f: Formula) -> Iterator[Step]:
    yield from _annealed()
    ratio = sp.log(n - 1) + sp.log(_OTHERS / _OWN)
    seed = ratio.subs(width, kernel_width.expr)
    yield Identity(
        "ln Z_{1^c}/Z_1 at ε = σ n^{−1/d}",
        sp.expand_log(sp.log(f.expr), force=True),
        sp.log(n - 1) - sp.log(n) - d * sp.log(1 + sp.exp(-2 * sp.log(n) / d)) / 2,
    )
    for dimension in (2, 4):
        yield Identity(
            f"which is that of the mean terms (d = {dimension})",
            sp.exp(seed).subs(d, dimension),
            f.expr.subs(d, dimension),
        )
    inside = kernel_width.expr**2 / collapse_width.branches[1].value ** 2
    yield Identity(
        "inside the collapsed phase at every n and d: (ε/ε_c)² = 1 − n^{−2/d}", inside, 1 - sp.exp(-2 * sp.log(n) / d)
    )
    at_rate = sp.expand_log(sp.log(f.expr.subs(n, sp.exp(alpha * d))), force=True)
    rate = sp.log(1 + sp.exp(-2 * alpha)) / 2
    yield Identity(
        "at fixed α = ln n/d it falls as e^{−d/2·ln(1+e^{−2α})}; all that is left is ln(1−1/n), no series in 1/d",
        at_rate + d * rate,
        sp.log(sp.exp(alpha * d) - 1) - alpha * d,
    )
    yield Limit(
        "so that it is e^{−d·rate} and goes to 0 at every fixed α: where n = e^{αd} there is no balance",
        sp.exp(at_rate + d * rate),
        d,
        sp.oo,
        1,
    )
    c = sp.Symbol("c", positive=True)
    crowd = sp.expand_log(sp.log(f.expr.subs(n, (c * d / 2) ** (d / 2))), force=True)
    yield Limit(
        "a balance takes n ~ (d/2)^{d/2}: at n = (cd/2)^{d/2} it goes to e^{−1/c}",
        sp.exp(crowd),
        d,
        sp.oo,
        sp.exp(-1 / c),
    )
    golden = sp.log((1 + sp.sqrt(5)) / 2) / 2
    yield Identity(
        "Z_{1^c}/Z_1 ~ e^{−d·rate} and 1/n = e^{−dα} are equal at α = ½ ln((1+√5)/2), n^{2/d} the golden ratio",
        sp.exp(2 * rate.subs(alpha, golden)),
        (1 + sp.sqrt(5)) / 2,
    )
    z, place = sp.symbols("z place", real=True)
    normal = sp.exp(-(z**2) / 2)
    ratio_here = sp.exp(-((z - place) ** 2) / 2) / normal  # one other point, at place·ε from x_1
    yield Identity(
        "not to be taken for the mean of the ratio: over z that is 1 for each point, n − 1, at every width",
        ratio_here * normal,
        normal.subs(z, z - place),
    )
    few = sp.log(f.expr * n / (n - 1)) + d * sp.log(2) / 2 - sp.log(n) / 2
    yield Limit(
        "at fixed n it is 2^{−d/2} √n (1−1/n), and the correction to the logarithm is −(ln n)²/4d",
        few.subs(n, sp.exp(alpha)) * d,
        d,
        sp.oo,
        -(alpha**2) / 4,
    )


neighbour_ratio = Formula(
    name="neighbour_ratio",
    variables=(variable(n), variable(d)),
    branches=(Branch((n - 1) / n * sp.exp(-d * sp.log(1 + sp.exp(-2 * sp.log(n) / d)) / 2)),),
    kind="exact",
    regime="mean of Z_{1^c} over the other points, by Z_1, at the paper's width and a typical place of component 1",
    source="derived here; Z_1 and Z_{1^c} of halder2024 eq. (11), reconstructed",
    derivation=_neighbour_ratio,
    rests_on=(kernel_width, collapse_width),
)


def _neighbour_spread(f: Formula) -> Iterator[Step]:
    # ln Z_{1^c}/Z_1 at x = x_1 + εz: const − |x|²/2(σ²+ε²) + |z|²/2, the x_i averaged. One direction, X = x/√(σ²+ε²):
    z, w, c = sp.symbols("z w c", real=True)
    place = c * z + sp.sqrt(1 - c**2) * w  # X, of correlation c with z

    log_ratio = (z**2 - place**2) / 2
    yield Identity("its mean is the value at the typical place, at every n and d", normal_average(log_ratio, z, w), 0)
    variance = normal_average(log_ratio**2, z, w)
    yield Identity("its variance in one direction is 1 − c²", variance, 1 - c**2)
    share = 1 - width**2 / (sigma**2 + width**2)
    at_seed = share.subs(width, kernel_width.expr)
    yield Identity("c² = ε²/(σ²+ε²), at the paper's width", sp.simplify(d * at_seed), sp.simplify(f.expr**2))
    yield Limit("few points: √(d/2)", f.expr, n, 1, sp.sqrt(d / 2))


neighbour_spread = Formula(
    name="neighbour_spread",
    variables=(variable(n), variable(d)),
    branches=(Branch(sp.sqrt(d / (1 + sp.exp(-2 * sp.log(n) / d)))),),
    kind="exact",
    regime="standard deviation of ln(Z_{1^c}/Z_1) over places x_1 + εz, the others averaged, at the paper's width",
    source="derived here",
    derivation=_neighbour_spread,
    rests_on=(kernel_width,),
)

# -- data of low dimension in a space of many ------------------------------------------------------------------------


def _intrinsic_ratio(f: Formula) -> Iterator[Step]:
    yield from _annealed()
    snr = sp.exp(2 * sp.log(n) / d)
    yield Identity("at the width of d dimensions σ²/ε² = n^{2/d}", (sigma / kernel_width.expr) ** 2, snr)
    spread = sp.Symbol("spread", positive=True)
    one = sp.log((_OTHERS / _OWN).subs(d, 1)).subs(width, sigma / sp.sqrt(spread))
    yield Identity("each of D directions: −½ ln(1+σ²/ε²)", sp.expand_log(one, force=True), -sp.log(1 + spread) / 2)
    value = f.branches[0].value
    logarithm = sp.expand_log(sp.log(value.doit()), force=True)
    exact = sp.log(n - 1) - D * sp.log(1 + snr) / 2
    yield Identity("noise off the subspace is the same for all terms", logarithm, exact)
    for dimension in (2, 3, 8):
        alone = sp.expand_log(sp.log(neighbour_ratio.expr), force=True).subs(d, dimension)
        whole = logarithm.subs({D: dimension, d: dimension})
        yield Identity(f"D = d is the neighbour ratio (d = {dimension})", sp.exp(whole - alone), 1)
    yield Limit("many points are not apart (D = 2, d = 4)", value.doit().subs({D: 2, d: 4}), n, sp.oo, sp.oo)


def _intrinsic_ratio_bounds(f: Formula) -> Iterator[Step]:
    yield Condition("at most all directions hold data", f.branches[0].condition, d - D >= 0)


intrinsic_ratio = Formula(
    name="intrinsic_ratio",
    variables=(variable(n), variable(d), variable(D)),
    branches=(Branch((n - 1) * sp.exp(-D * log_add(0, 2 * sp.log(n) / d) / 2), D <= d),),
    kind="exact",
    regime="neighbour_ratio for Gaussian data in D of d dimensions, at the paper's width of d dimensions; D ≤ d",
    source="derived here",
    derivation=_intrinsic_ratio,
    bounds=_intrinsic_ratio_bounds,
    rests_on=(kernel_width, neighbour_ratio),
)


def _isolated_samples(f: Formula) -> Iterator[Step]:
    ratio = sp.log(intrinsic_ratio.branches[0].value.doit())
    many = sp.expand_log(ratio - sp.log(n - 1) + sp.log(n), force=True)
    yield Identity(
        "n terms, as heavy as one's own",
        f.equation.doit(),
        many.subs(n, sp.exp(log_n)).subs(sp.log(sp.exp(log_n)), log_n),
    )
    yield Identity("n from its logarithm", sp.log(f.branches[0].value), log_n)
    yield Limit("d → ∞: n = 2^{D/2}, whatever d", f.equation.doit(), d, sp.oo, log_n - D * sp.log(2) / 2)


def _isolated_samples_bounds(f: Formula) -> Iterator[Step]:
    fewer, all_of_them = (b.condition for b in f.branches)
    gain = sp.limit(D * log_add(0, 2 * log_n / d).doit() / 2 / log_n, log_n, sp.oo)
    yield Condition(
        "with many points one's own term loses D/d of ln n: overtaken if that is less than 1", fewer, gain < 1
    )
    yield Condition("at most all directions hold data; with all, never overtaken", all_of_them, d - D >= 0)
    assert f.unknown
    edge = f.unknown.upper.subs(D, d * sp.Symbol("part", positive=True))
    yield Limit("as D → d the root leaves to ∞", edge, sp.Symbol("part", positive=True), 1, f.branches[1].value, "-")
    yield Bracket(
        "ln 2 ≤ ln(1+e^x) ≤ ln 2 + x: ln n is above (D/2) ln 2, here half of it, and (1−D/d) ln n at most that",
        f.unknown,
        (2 * log_n, D * sp.log(2) / 2),
        (log_n * (1 - D / d), D * sp.log(2) / 2),
        ({d: 10, D: 3}, {d: 1000, D: 2}, {d: 64, D: 63}),
    )


isolated_samples = Formula(
    name="isolated_samples",
    variables=(variable(d), variable(D)),
    branches=(Branch(sp.exp(log_n), D < d), Branch(sp.oo, D <= d)),
    kind="asymptotic",
    regime="n up to which the paper's width keeps points of D dimensions in a space of d apart, D ≫ 1; ∞ for D = d",
    source="derived here",
    derivation=_isolated_samples,
    bounds=_isolated_samples_bounds,
    rests_on=(intrinsic_ratio,),
    unknown=unknown(
        log_n,
        # log_n − (D/2) ln(1 + e^{2 log_n/d}), where D is nearly d and log_n large
        log_n * (d - D) / d - D * sp.log(1 + sp.exp(-2 * log_n / d)) / 2,
        D * sp.log(2) / 4,
        D * sp.log(2) / 2 * d / (d - D),
    ),
)
