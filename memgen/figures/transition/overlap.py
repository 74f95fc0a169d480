"""Chapter 4: the overlap gap against its exact probability by quadrature, and the exponent of its transition."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import sympy as sp
from IPython.display import Markdown
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.optimize import brentq
from scipy.special import ndtri

from memgen.experiments.transition import REFERENCES, sharpness
from memgen.figures import plots
from memgen.figures.transition.style import INK, MANY_STEPS, label, series
from memgen.figures.transition.tables import MANY, Curve, curve, table
from memgen.statistics import mean
from theory import letters, transition
from theory.transition.influence import INFLUENCE
from theory.transition.limits import COMMON, SCATTER

SIZES = (16, 36, 64, 100, 180, 256, 512, 1024, 2048, 3000)  # dimensions at which n_1/4 is found
FEW_SIZES = (16, 36, 64, 100, 256, 1024)
FEWEST = 11  # training points at which the quadrature converges in any dimension
CONDENSED = 512  # dimensions from which the law of stable sums is given
MARKERS = ("o", "s", "^", "D", "v")


def quarter(d: int, start: float) -> float:
    """The n at which P(overlap gap > 0) is ¼ by quadrature, in steps from `start`, as its log-odds are nearly c/n."""
    log_n = np.log(start)
    for _ in range(6 if d < 256 else 3):
        n = np.exp(log_n)
        odds = np.log(1 / transition.overlap_probability(n, d, sharpness(n, d)) - 1)
        log_n = np.log(n * odds / np.log(3))
    return float(np.exp(log_n))


def quarters(sizes: Sequence[int] = SIZES) -> dict[int, float]:
    """The n at which P is ¼ in each of these growing dimensions, each found from the one before."""
    found: dict[int, float] = {}
    start, last = 300.0, sizes[0]
    for d in sizes:
        start = found[d] = quarter(d, start * (d / last) ** 1.3)
        last = d
    return found


def exponents(found: dict[int, float]) -> np.ndarray:
    """The local exponent d ln n_1/4 / d ln d, from each dimension to the next."""
    d, n = np.array(list(found.items())).T
    return np.diff(np.log(n)) / np.diff(np.log(d))


def nearest_decide(q: float = 0.5) -> float:
    """The dimension beyond which, at n = d^{3/2}, fewer points are drawn than would sample the overlap."""
    return float(brentq(lambda d: 1.5 * np.log(d) - d / 2 * (np.log(1 + q) - q / (1 + q)), 50, 1000))


def quarter_by_the_central_limit(d: int, n: float) -> float:
    """The n at which overlap_clt is ¼ with the kernel width of n points; its normal score goes as n^{−½}."""
    return n * float((ndtri(transition.overlap_clt(n, d, sharpness(n, d))) / ndtri(0.25)) ** 2)


def exponent_table(found: dict[int, float]) -> Markdown:
    """A table by dimension: n_1/4 over d and over d^{3/2}, the local exponent, and n_1/4 over d by the two limits.

    No number is given by the central limit where it is below d, and none by stable sums below 512 dimensions.
    """
    local = [f"{exponent:.2f}" for exponent in exponents(found)] + ["–"]
    rows = []
    for (d, n), exponent in zip(found.items(), local, strict=True):
        clt = quarter_by_the_central_limit(d, n)
        few = f"{clt / d:.0f}" if clt > d else "–"
        many = f"{transition.overlap_samples(0.25, d, sharpness(n, d)) / d:.0f}" if d >= CONDENSED else "–"
        rows.append((d, f"{n / d:.0f}", f"{n / d**1.5:.2f}", exponent, few, many))
    limits = "$n_{1/4}/d$ by the central limit", "by stable sums"
    return table(("d", "$n_{1/4}/d$", "$n_{1/4}/d^{3/2}$", "exponent from here to the next d", *limits), rows)


def draw_overlap(gap: pd.DataFrame, found: dict[int, float]) -> Figure:
    """Left, P of the overlap gap by n/d^{3/2}; right, n_1/4 over d^{3/2} by d, from quadrature and asymptotically."""
    fig, (left, right) = plots.figure(2, height=3.5)
    _by_samples(left, gap)
    d, n = np.array(list(found.items())).T
    scaled = n / d**1.5
    right.plot(d, scaled, "o-", color=MANY_STEPS, markersize=3)
    at = min(2, len(d) - 1)
    label(right, d[at], scaled[at], "quadrature", MANY_STEPS, (6, 2))
    large = np.geomspace(CONDENSED, 1e6, 60)
    law = transition.overlap_samples(0.25, large, 0.5) / large**1.5
    right.plot(large, law, "--", color=INK)
    label(right, large[36], law[36], "stable sums", INK, (-58, 8))
    plots.threshold(right, nearest_decide(), "sums condense\nbeyond")
    right.set(xscale="log", xlabel="dimension $d$", ylabel=r"$n_{1/4}/d^{3/2}$", ylim=(0, 5))
    return fig


def _by_samples(axes: Axes, gap: pd.DataFrame) -> None:
    sizes = sorted(gap["d"].unique())
    below = 1.0
    for k, d in reversed(list(enumerate(sizes))):
        found = curve(gap, MANY, d)
        strength = 0.35 + 0.65 * (k + 1) / len(sizes)  # the more dimensions, the darker
        fine = np.geomspace(max(0.4, FEWEST / d**1.5), 5, 12)
        law = transition.overlap_probability(fine * d**1.5, d, sharpness(fine * d**1.5, d))
        axes.plot(fine, law, "-", color=MANY_STEPS, alpha=strength, zorder=2)
        series(axes, found.n / d**1.5, found[1:4], MANY_STEPS, MARKERS[k % len(MARKERS)], alpha=strength)
        below = min(below - 0.025, float(law[-1]))  # names must not lie on each other
        label(axes, fine[-1], below, f"$d = {d}$", MANY_STEPS, (3, -3))
    axes.axhline(0.5, color="0.6", linewidth=0.8)
    label(axes, 0.4, 0.5, "no memory: ½", INK, (0, 3))
    axes.set(xscale="log", xlabel="$n/d^{3/2}$", ylabel=r"$P(\langle G,H\rangle > \langle G,T\rangle)$")
    axes.set(ylim=(0, 0.6), xlim=(0.37, 8.5), xticks=[0.5, 1, 2, 4], xticklabels=["½", "1", "2", "4"])
    axes.minorticks_off()


# -- theory against simulation -------------------------------------------------------------------------------------


def against(found: Curve, d: int) -> tuple[np.ndarray, np.ndarray]:
    """P of the overlap gap by quadrature at the simulated n, and the scores of the simulated shares against it."""
    law = np.asarray(transition.overlap_probability(found.n, d, sharpness(found.n, d)))
    return law, scores(found, law)


def scores(found: Curve, law: np.ndarray | float) -> np.ndarray:
    """Deviations of simulated shares from a probability, in binomial standard errors of that probability."""
    return (found.p - law) / np.sqrt(law * (1 - law) / found.replicas)


def null_scores(rows: pd.DataFrame, original: int) -> dict[tuple[str, int], np.ndarray]:
    """Scores of a perfect generator's overlap gap against its null, by references and dimension.

    With equal sizes the null is ½. With unequal sizes it is a quadrature, compared at a few n where it is not 1 to all
    digits, in the largest dimension.
    """
    kept = rows[rows["measure"].isin(["log_cross_train", "log_cross_original"]) & (rows["generator"] == "ideal")]
    found: dict[tuple[str, int], np.ndarray] = {}
    if kept.empty:
        return found
    wide = kept.pivot_table(index=["references", "d", "n", "replica"], columns="measure", values="value").reset_index()
    wide["positive"] = 1.0 * (wide["log_cross_original"] > wide["log_cross_train"])
    for (references, d), group in wide.groupby(["references", "d"]):
        counts = np.array([n for n in sorted(group["n"].unique()) if n >= 8])
        if references == "unequal":
            counts = counts[::4] if d == rows["d"].max() else counts[:0]
        chosen = [_null_score(group[group["n"] == n], references, original) for n in counts]
        if z := [score for score in chosen if score is not None]:
            found[references, d] = np.array(z)
    return found


def _null_score(draws: pd.DataFrame, references: str, original: int) -> float | None:
    """The score at one n; None with unequal sizes if under five exceptions are due or an original set is missing.

    Training sets share 30 original sets, and only the means of those are independent.
    """
    if references == "equal":
        return float((draws["positive"].mean() - 0.5) / np.sqrt(0.25 / len(draws)))
    law = float(transition.null_probability(draws["n"].iloc[0], original, draws["d"].iloc[0]))
    means = draws["positive"].groupby(draws["replica"] % REFERENCES).mean()
    return mean(means.to_numpy()).z(law) if (1 - law) * len(draws) >= 5 and len(means) == REFERENCES else None


# -- the central limit ---------------------------------------------------------------------------------------------

_V = sp.Symbol("V", positive=True)
_COMMON = letters.d * letters.q**2 / (2 * (1 + 2 * letters.q)) * (1 + letters.q**2 / ((1 + letters.q) ** 2 * _V))


def clt_in_parts() -> tuple[str, ...]:
    """`overlap_clt` in LaTeX lines: the gain A of a training point, its part C that is no evidence, the scatter V."""
    return (
        r"\mathrm{overlap\_clt} = \Phi\Big(-\frac{A-C}{\sqrt{2nV}}\Big)",
        "A = " + sp.latex(INFLUENCE),
        "C = " + sp.latex(_COMMON),
        "V = " + sp.latex(SCATTER, ln_notation=True),
    )


def mean_gain_excess(d: int, q: float = 0.5) -> float:
    """The factor A/(A − C) by which the mean gain A alone overstates ½ − P."""
    at = {letters.d: d, letters.q: sp.Rational(q)}
    gain, common = (float(part.subs(at)) for part in (INFLUENCE, COMMON))
    return gain / (gain - common)


def quadrature_excess(d: int, n: float = 1e6, q: float = 0.5) -> float:
    """The fraction by which the quadrature overstates ½ − P in few dimensions, where the central limit is right."""
    return float((0.5 - transition.overlap_probability(n, d, q)) / (0.5 - transition.overlap_clt(n, d, q))) - 1
