"""The transition probability: when is the generated law nearer to fresh data than to its training set?

The seed asks for P(Δ > 0) (E6).  Its pair terms do not know G, and at n ≈ d they decide the sign; the cross terms
alone, the overlap gap ln⟨G,H⟩ − ln⟨G,T⟩ with a holdout H as large as T, have the same null, ½ for a G independent of
both, and no such artefact.  For G = N(x̄, S), the linear model in many steps, a point overlaps with G as e^{−Q/2}, where
Q is its Mahalanobis distance in S + ε²I: q χ²_d for a fresh point, q = σ²/(σ²+ε²), and a little less for a point that G
was fitted to.  Everything here follows from how two sums of such terms compare.

Three regimes.  Few dimensions: both sums are normal, P → ½ as n^{−½}.  Very many: the largest terms decide, and P
crosses a given level at n ∝ d^{3/2} √ln n.  Between, from tens to several hundreds, neither holds and only the
quadrature knows: there the crossing is nearly proportional to d.
"""

from collections.abc import Iterator
from typing import Any

import mpmath
import sympy as sp
from scipy import special

from theory.bisector import INFLUENCE, SHARPNESS, chi2_average, influence, q
from theory.comparison import sum_exceeds
from theory.determinants import FRACTION, RATIO, shifted_logdet, y
from theory.formula import Branch, Formula, Unknown, Variable
from theory.gaussians import log_excess, ratio_divergence
from theory.kernel import DIMENSION, WIDTH, d, kernel_width, log_add, width
from theory.steps import Identity, Limit, Premise, Quadrature, Step

n, n_original = sp.symbols("n n_original", positive=True)
distance, probability, ell = sp.symbols("distance probability ell", positive=True)


class log_ndtr(sp.Function):
    """ln Φ of the standard normal law."""

    nargs = 1
    numpy = staticmethod(special.log_ndtr)

    def doit(self, **hints: Any) -> sp.Expr:
        return sp.log(sp.erfc(-self.args[0] / sp.sqrt(2)) / 2)

    @staticmethod
    def mpmath(x: mpmath.mpf) -> mpmath.mpf:
        return mpmath.log(mpmath.erfc(-x / mpmath.sqrt(2)) / 2)


POINTS = Variable(n, "number of training points, and of holdout points", sp.Interval(8, sp.oo))


# -- a point that G was fitted to ----------------------------------------------------------------------------------


def _leave_one_out(f: Formula) -> Iterator[Step]:
    yield from _refit()
    # With A' the matrix of the other n−1 points and Q' = yᵀA'⁻¹y, exactly (x_i−x̄)ᵀA⁻¹(x_i−x̄) = (1−1/n)² Q'/(1+Q'/n).
    # Q' differs from a fresh point's Q by (n−2)/(n−1) in front of S alone: by the factor 1 + q/n.
    s, k = sp.symbols("s k", positive=True)
    shrunk = (s + k) / (s * (1 - 1 / n) + k)
    yield Limit("S(1−1/n) for S: Q' = Q(1+q/n)", sp.cancel(n * (shrunk - 1)), n, sp.oo, s / (s + k))
    other = distance * (1 + q / n)
    exact = (1 - 1 / n) ** 2 * other / (1 + other / n)
    yield Limit("together, to order 1/n", sp.cancel(n * (exact / f.expr - 1)), n, sp.oo, 0)


def _refit() -> Iterator[Step]:
    """What adding one point does to mean, covariance and its own Mahalanobis distance, exactly."""
    x = sp.Matrix(sp.symbols("x1:5", real=True))
    size, point = len(x), x[-1]
    rest = x[:-1]
    mean_rest, mean = sum(rest) / (size - 1), sum(x) / size
    new = point - mean_rest
    scatter, scatter_rest = sum((v - mean) ** 2 for v in x), sum((v - mean_rest) ** 2 for v in rest)
    yield Identity("x_i − x̄ = (1−1/n) y, y from the mean of the others (n = 4)", point - mean, new * sp.Rational(3, 4))
    yield Identity("(n−1)S = (n−2)S' + (1−1/n) y² (n = 4)", scatter, scatter_rest + (1 - sp.Rational(1, size)) * new**2)
    a, b, c = sp.symbols("a b c", positive=True)
    A, v = sp.Matrix([[a, c], [c, b]]), sp.Matrix(sp.symbols("y1:3", real=True))
    inverse = (v.T * A.inv() * v)[0]
    yield Identity(
        "Sherman–Morrison: yᵀ(A + yyᵀ/n)⁻¹y = Q/(1+Q/n) (two dimensions)",
        (v.T * (A + v * v.T / n).inv() * v)[0],
        inverse / (1 + inverse / n),
    )


leave_one_out = Formula(
    name="leave_one_out",
    variables=(
        Variable(distance, "Mahalanobis distance² of a fresh point in S + ε²I", sp.Interval(0, sp.oo), letter="Q"),
        POINTS,
        SHARPNESS,
    ),
    branches=(Branch(distance * (1 - (2 - q) / n) / (1 + distance / n)),),
    kind="asymptotic",
    regime="Mahalanobis distance² of a training point, by that of the fresh point in its place; to order 1/n",
    source="derived here",
    derivation=_leave_one_out,
)


# -- the overlap gap, by quadrature --------------------------------------------------------------------------------


def _gil_pelaez() -> Step:
    s, m = sp.Symbol("s", positive=True), sp.Symbol("m", positive=True)
    return Quadrature(
        "P(D > 0) = ½ + (1/π) ∫ Im φ(s) ds/s, on a law where P is known, N(m, 1)",
        sp.exp(-(s**2) / 2) * sp.sin(m * s) / s,
        (s, 0, 4, 16),
        sp.pi * sp.erf(m / sp.sqrt(2)) / 2,
        ({m: sp.Rational(1, 2)}, {m: 2}),
    )


def _overlap_probability(f: Formula) -> Iterator[Step]:
    yield _gil_pelaez()
    x = sp.Symbol("x", positive=True)
    inside = leave_one_out.expr.subs(distance, q * x) / 2
    a, b = q * (1 - (2 - q) / n) / 2, q / n
    yield Identity("a training point's term is e^{−ax/(1+bx)} with", inside, a * x / (1 + b * x))
    yield Identity("n fresh terms against n of these", f.expr, sum_exceeds(d, n, q / 2, 0, n, a, b, 0))
    yield Premise(
        "given x̄ and S the terms count as independent, Q as q χ²_d: the spread of S moves both sums alike",
        "argued here",
        "transition.overlap_probability",
    )


overlap_probability = Formula(
    name="overlap_probability",
    variables=(POINTS, DIMENSION, SHARPNESS),
    branches=(Branch(sum_exceeds(d, n, q / 2, 0, n, q * (1 - (2 - q) / n) / 2, q / n, 0)),),
    kind="asymptotic",
    regime="P(⟨G,H⟩ > ⟨G,T⟩), G = N(x̄, S), H as large as T, n ≫ d ≫ 1; ½ would be no memory",
    source="derived here; inversion gilpelaez1951",
    derivation=_overlap_probability,
)


def _null_probability(f: Formula) -> Iterator[Step]:
    yield _gil_pelaez()
    # For G = O = N(m, I): ⟨G, ρ_X⟩ = (1/n) Σ N(x_i; m, (1+ε²)I), Q = q χ²_d exactly.
    one, two = (1 + kernel_width.expr.subs({kernel_width.variables[2].symbol: 1, n: k}) ** 2 for k in (n_original, n))
    shift = sp.log(n / n_original) - d * (sp.log(one) - sp.log(two)) / 2
    yield Identity(
        "n_O terms, each n/n_O times as heavy and with a narrower kernel",
        f.expr,
        sum_exceeds(d, n_original, 1 / (2 * one), 0, n, 1 / (2 * two), 0, shift),
    )


def _widened(k: sp.Expr) -> sp.Expr:
    return 1 + sp.exp(-2 * sp.log(k) / d)


null_probability = Formula(
    name="null_probability",
    variables=(
        Variable(n, "number of training points", sp.Interval(8, sp.oo)),
        Variable(n_original, "number of points of the original set", sp.Interval(8, sp.oo), letter="n_O"),
        DIMENSION,
    ),
    branches=(
        Branch(
            sum_exceeds(
                d,
                n_original,
                1 / (2 * _widened(n_original)),
                0,
                n,
                1 / (2 * _widened(n)),
                0,
                sp.log(n / n_original) - d * (sp.log(_widened(n_original)) - sp.log(_widened(n))) / 2,
            )
        ),
    ),
    kind="exact",
    regime="P(⟨G,O⟩ > ⟨G,T⟩) of the perfect generator, G the true law, each set at its own width; ½ if n_O = n",
    source="derived here; inversion gilpelaez1951",
    derivation=_null_probability,
)


def _exponential_moment() -> Step:
    k = sp.Symbol("k", positive=True)
    moment = chi2_average(lambda x: sp.exp(-k * x / 2))
    return Identity("E e^{−kx/2} = (1+k)^{−d/2}, x ~ χ²_d", sp.simplify(moment * (1 + k) ** (d / 2)), 1)


def _annealed_gap(f: Formula) -> Iterator[Step]:
    yield _exponential_moment()
    mean = chi2_average(lambda x: x)
    yield Identity("ln E e^{−Q/2} − E ln e^{−Q/2}", f.expr.doit(), -d * sp.log(1 + q) / 2 + q * mean / 2)


annealed_gap = Formula(
    name="annealed_gap",
    variables=(DIMENSION, SHARPNESS),
    branches=(Branch(d * log_excess(q) / 2),),
    kind="exact",
    regime="ln E − E ln of one point's overlap with a Gaussian, nats: what a small set lacks against an infinite one",
    source="derived here",
    derivation=_annealed_gap,
)


# -- few dimensions: the central limit theorem ---------------------------------------------------------------------

# E e^{−Q}/(E e^{−Q/2})² − 1, and its inverse where it would overflow
_EXCESS = d * sp.log(1 + q**2 / (1 + 2 * q)) / 2
SCATTER, _PER_SCATTER = sp.exp(_EXCESS) - 1, sp.exp(-_EXCESS) / (1 - sp.exp(-_EXCESS))
# Of the gain INFLUENCE, what goes with the difference of the two sums itself and is no evidence of memory.
COMMON = d * q**2 / (2 * (1 + 2 * q)) * (1 + q**2 / (1 + q) ** 2 * _PER_SCATTER)


def _overlap_clt(f: Formula) -> Iterator[Step]:
    """D = Σ_H f − Σ_T f at the fitted θ = (x̄, S) is √n Z + W: Z from f at the true θ₀, W = (θ−θ₀)·(Σ_H ∇f − Σ_T ∇f).

    W is of order 1 with mean −INFLUENCE.  P(D > 0) − ½ feels the mean of W where Z = 0, another number, for W and Z
    share the fluctuations of S.
    """
    yield from influence()
    yield _exponential_moment()
    second = ((1 + 2 * q) / (1 + q) ** 2) ** (-d / 2)
    yield Identity("E f²/(E f)² = ((1+q)²/(1+2q))^{d/2}", second, 1 + SCATTER)
    cx, cy, cz, cxz, cyz = sp.symbols("cx cy cz cxz cyz", positive=True)
    # X − Z cxz/cz and Y − Z cyz/cz are independent of Z: their covariance is that of X and Y given Z
    residual = cx * cy - 2 * cxz * cyz / cz + cz * (cxz / cz) * (cyz / cz)
    yield Identity("for normals E[XY | Z=0] = Cov(X,Y) − Cov(X,Z)Cov(Y,Z)/Var Z", residual, cx * cy - cxz * cyz / cz)
    # A direction, in units of E f and k = σ²+ε²: Cov(y² − s, f) and Cov(∂f/∂S, f), weights N(·; 0, v) and N(·; 0, v₂).
    v, v2 = q / (1 + q), q / (1 + 2 * q)
    moved, sloped = v - q, ((1 + SCATTER) * (v2 - 1) - (v - 1)) / 2
    yield Identity("their product over Var f, d directions", d * moved * sloped / SCATTER, COMMON)
    yield Premise("n terms on each side add up to normals", "argued here", "transition.overlap_clt")
    yield Identity("1/scatter, without overflow", _PER_SCATTER * SCATTER, 1)
    score = -(INFLUENCE - COMMON) * sp.sqrt(_PER_SCATTER / (2 * n))
    yield Identity("P = Φ(E[W | Z=0]/deviation of √n Z)", f.expr.doit(), sp.erfc(-score / sp.sqrt(2)) / 2)
    wide = (INFLUENCE - COMMON).subs(d, 1) / q
    yield Limit("wide kernels, one dimension: the mean alone is remembered", wide, q, 0, 1)


overlap_clt = Formula(
    name="overlap_clt",
    variables=(POINTS, DIMENSION, SHARPNESS),
    branches=(Branch(sp.exp(log_ndtr(-(INFLUENCE - COMMON) * sp.sqrt(_PER_SCATTER / (2 * n))))),),
    kind="asymptotic",
    regime="P(⟨G,H⟩ > ⟨G,T⟩) at fixed d as n → ∞; needs n ≫ clt_threshold(d, q)",
    source="derived here",
    derivation=_overlap_clt,
)


def _clt_threshold(f: Formula) -> Iterator[Step]:
    z = sp.Symbol("z", real=True)
    normal = sp.exp(-(z**2) / 2) / sp.sqrt(2 * sp.pi)
    tilted = normal * sp.exp(-q * z**2)
    variance = sp.integrate(z**2 * tilted, (z, -sp.oo, sp.oo)) / sp.integrate(tilted, (z, -sp.oo, sp.oo))
    r = 1 / (1 + 2 * q)
    yield Identity("E e^{−Q} is carried by points of variance σ²/(1+2q)", sp.simplify(variance), r)
    # d independent directions: KL divergence of that law from the law of the data, ½(r − 1 − ln r) a direction.
    rate = ratio_divergence(r).doit() / 2
    yield Identity("of which there is one among e^{d·KL}", f.expr.doit(), sp.exp(d * rate))


clt_threshold = Formula(
    name="clt_threshold",
    variables=(DIMENSION, SHARPNESS),
    branches=(Branch(sp.exp(d * ratio_divergence(1 / (1 + 2 * q)) / 2)),),
    kind="asymptotic",
    regime="number of points that sample the second moment of the overlap, to leading exponential order in d",
    source="derived here; the condensation of derrida1981",
    derivation=_clt_threshold,
)


# -- many dimensions: the largest terms ----------------------------------------------------------------------------

_EXTREME = q * d * (1 - 2 * sp.sqrt(sp.log(n) / d))  # Q of the nearest of n points
_GAP = _EXTREME**2 / (2 * n)
_SCALE = q * sp.sqrt(d / 2) / sp.sqrt(2 * sp.log(n))


def _extremes() -> Iterator[Step]:
    """Gap and Gumbel scale of the largest of n terms e^{−Q/2}."""
    moments = chi2_average(lambda x: x), chi2_average(lambda x: x**2)
    yield Identity("Var χ²_d = 2d", sp.expand(moments[1] - moments[0] ** 2), 2 * d)
    yield Premise(
        "the least of n normals lies √(2 ln n) deviations below the mean and scatters as a Gumbel, 1/√(2 ln n) of one",
        "leadbetter1983 Thm 1.5.3",
        "transition.condensed_probability",
    )
    deviation = q * sp.sqrt(2 * d)
    yield Identity("Q* = qd − √(2 ln n) q√(2d)", _EXTREME, q * d - sp.sqrt(2 * sp.log(n)) * deviation)
    yield Identity("scale of −Q/2: half a deviation over √(2 ln n)", _SCALE, deviation / 2 / sp.sqrt(2 * sp.log(n)))
    inside = (distance - leave_one_out.expr) / 2
    yield Limit("a training point gains Q²/2n, up to Q/n", n * inside, n, sp.oo, distance * (distance + 2 - q) / 2)
    g, u = sp.symbols("g u", positive=True)
    # P(X₁ > X₂ + g) = ∫ P(X₂ < x − g) dF(x) for Gumbel X₁, X₂; with u = e^{−x}: ∫₀^∞ exp(−u e^g) e^{−u} du
    yield Identity(
        "two Gumbels differ by a logistic",
        sp.integrate(sp.exp(-u * sp.exp(g) - u), (u, 0, sp.oo)),
        1 / (1 + sp.exp(g)),
    )


def _condensed_probability(f: Formula) -> Iterator[Step]:
    yield from _extremes()
    z = sp.Symbol("z", real=True)
    tilted = sp.exp(-(1 + q) * z**2 / 2)
    carried = sp.integrate(z**2 * tilted, (z, -sp.oo, sp.oo)) / sp.integrate(tilted, (z, -sp.oo, sp.oo))
    yield Identity("E e^{−Q/2} is carried by points of variance σ²/(1+q)", sp.simplify(carried), 1 / (1 + q))
    rate = ratio_divergence(1 / (1 + q)).doit() / 2
    condensed = f.branches[0].condition
    yield Identity(
        "not sampled, hence ruled by the largest term, for ln n < d·KL",
        condensed.rhs - condensed.lhs,
        d * rate - sp.log(n),
    )
    yield Identity("ln odds = gap/scale", _ODDS, _GAP / _SCALE)
    yield Identity("P = 1/(1 + e^{gap/scale})", f.branches[0].value.doit(), 1 / (1 + sp.exp(_ODDS)))


_ODDS = q * d ** sp.Rational(3, 2) * sp.sqrt(sp.log(n)) * (1 - 2 * sp.sqrt(sp.log(n) / d)) ** 2 / n
_CONDENSED = sp.log(n) < d * (sp.log(1 + q) - q / (1 + q)) / 2  # fewer points than sample that law: the nearest decide

condensed_probability = Formula(
    name="condensed_probability",
    variables=(POINTS, DIMENSION, SHARPNESS),
    branches=(Branch(sp.exp(-log_add(sp.S.Zero, _ODDS)), _CONDENSED),),
    kind="asymptotic",
    regime="P(⟨G,H⟩ > ⟨G,T⟩) as d → ∞ at n ~ d^{3/2}; needs ln n ≪ (d/2)[ln(1+q) − q/(1+q)]: d ≫ 225 at q = ½",
    source="derived here",
    derivation=_condensed_probability,
)


def _overlap_samples(f: Formula) -> Iterator[Step]:
    odds = sp.log(1 / probability - 1)
    solved = _GAP / _SCALE / odds
    yield from _extremes()
    yield Identity(
        "gap/scale = ln(1/p − 1), solved for the n in front",
        sp.log(n) - sp.expand_log(sp.log(solved * n), force=True),
        sp.expand_log(f.equation.subs(ell, sp.log(n)), force=True),
    )
    yield Identity("ell is ln n", f.expr, sp.exp(ell))
    yield Limit(
        "at fixed ln n the power of d is 3/2",
        solved * n / d ** sp.Rational(3, 2),
        d,
        sp.oo,
        q * sp.sqrt(sp.log(n)) / odds,
    )


overlap_samples = Formula(
    name="overlap_samples",
    variables=(
        Variable(probability, "level p of P(⟨G,H⟩ > ⟨G,T⟩)", sp.Interval.open(0, sp.Rational(1, 2)), letter="p"),
        DIMENSION._replace(domain=sp.Interval(256, sp.oo)),
        SHARPNESS._replace(domain=sp.Interval(sp.Rational(2, 5), 1, False, True)),
    ),
    branches=(Branch(sp.exp(ell)),),
    kind="asymptotic",
    regime="n_p at which P(⟨G,H⟩ > ⟨G,T⟩) = p: q d^{3/2} √ln n (1−2√(ln n/d))²/ln(1/p−1), d → ∞; d ≥ 256",
    source="derived here",
    derivation=_overlap_samples,
    unknown=Unknown(
        ell,
        ell
        - sp.log(q)
        - 3 * sp.log(d) / 2
        - sp.log(ell) / 2
        - 2 * sp.log(1 - 2 * sp.sqrt(ell / d))
        + sp.log(sp.log(1 / probability - 1)),
        sp.S.One,
        d * (sp.log(1 + q) - q / (1 + q)) / 2,
    ),
)


# -- why Δ itself is no use at n ≈ d -------------------------------------------------------------------------------


def _cross_overlap(f: Formula) -> Iterator[Step]:
    # E_x N(x; μ, Σ_G + ε²I) over x ~ N(m, σ²I), in units of (4πσ²)^{−d/2} and without the mean term, which is O(1/d).
    shift = 1 + width**2
    yield Identity(
        "½[ln 2 − (1/d) ln det((1+ε²)I + Σ_G/σ²)]", f.expr, (sp.log(2) - shifted_logdet.expr.subs(y, shift)) / 2
    )
    yield Identity("the saddle of shifted_logdet at y = 1 + ε²", f.equation, shifted_logdet.equation.subs(y, shift))


_shifted = shifted_logdet.unknown
assert _shifted is not None
cross_overlap = Formula(
    name="cross_overlap",
    variables=(
        WIDTH._replace(meaning="standard deviation of a kernel, in units of σ", unit="1"),
        RATIO._replace(domain=sp.Interval.open(0, 1)),
        FRACTION._replace(domain=sp.Interval.open(0, 1)),
    ),
    branches=(Branch((sp.log(2) - shifted_logdet.expr.subs(y, 1 + width**2)) / 2),),
    kind="asymptotic",
    regime="lim (1/d) ln ⟨G, ρ_O⟩ in units of (4πσ²)^{−d/2}, one-step model at d/(n−1) → γ < 1, many points of O",
    source="derived here",
    derivation=_cross_overlap,
    unknown=Unknown(_shifted.symbol, _shifted.equation.subs(y, 1 + width**2), _shifted.lower, _shifted.upper),
)
