"""Two Gaussians at ±m: when do diffused samples decide for one of them?

Data ½N(m, σ²I) + ½N(−m, σ²I), diffused for a time t with λ = 1 (x_t = e^{−t}x_0 + √Δ_t ξ, Δ_t = 1 − e^{−2t}).  Two
copies of one diffused sample, each denoised by itself from t on, land in the same class with the cloning probability
φ(t): 1 at early times, ½ at late ones.  It depends on one number, the separation in units of the noised spread,
b² = |m|²/(σ²+τ²), τ² = e^{2t} − 1, and leaves ½ where b² is of order 1: the speciation time.
"""

from collections.abc import Iterator
from typing import Any

import mpmath
import numpy as np
import sympy as sp

from theory.formula import Branch, Formula, Variable
from theory.steps import Identity, Limit, Quadrature, Step

t, sigma, separation, top_eigenvalue = sp.symbols("t sigma separation top_eigenvalue", positive=True)

TIME = Variable(t, "diffusion time", sp.Interval(0, sp.oo))
SEPARATION = Variable(separation, "half the distance between the means", sp.Interval(0, sp.oo), "data", letter=r"|m|")
SIGMA = Variable(sigma, "standard deviation of each Gaussian in every direction", unit="data", default=1)


class mean_sech(sp.Function):
    """E sech(bw), w ~ N(0, 1), of b²."""

    nargs = 1

    def _latex(self, printer: Any) -> str:
        return rf"\mathbb{{E}}_w\,\mathrm{{sech}}\Big(w\,\sqrt{{{printer._print(self.args[0])}}}\Big)"

    @staticmethod
    def numpy(b2: np.ndarray) -> np.ndarray:
        """To rounding: the trapezoid rule on the line, its steps below both scales of the integrand, 1 and 1/b."""
        b = np.sqrt(np.asarray(b2, float))[..., None]
        step = 0.25 / np.maximum(1, b)
        w = step * np.arange(-160, 161)
        decay = np.exp(-np.abs(b * w))
        return (step * np.exp(-(w**2) / 2) * 2 * decay / (1 + decay**2)).sum(-1) / np.sqrt(2 * np.pi)

    @staticmethod
    def mpmath(b2: mpmath.mpf) -> mpmath.mpf:
        b = mpmath.sqrt(b2)
        edges = [mpmath.mpf(k) / (1 + b) for k in (0, 1, 4, 16, 64)] + [mpmath.inf]
        return 2 * mpmath.quad(lambda w: mpmath.npdf(w) / mpmath.cosh(b * w), edges)


def _speciation_time(f: Formula) -> Iterator[Step]:
    # ln density of x_t along m: −x²/2Γ + ln cosh(x|m|e^{−t}/Γ), Γ = σ²e^{−2t} + Δ_t. Flat at 0, two wells form.
    x = sp.Symbol("x", real=True)
    gamma = sigma**2 * sp.exp(-2 * t) + 1 - sp.exp(-2 * t)
    log_density = -(x**2) / (2 * gamma) + sp.log(sp.cosh(x * separation * sp.exp(-t) / gamma))
    curvature = sp.diff(log_density, x, 2).subs(x, 0)
    exact = sp.log(1 + separation**2 - sigma**2) / 2
    yield Identity("the density splits where |m|²e^{−2t} = Γ, t = ½ ln(1+|m|²−σ²)", curvature.subs(t, exact), 0)
    yield Limit(
        "which is ½ ln Λ, Λ = |m|²+σ² the top eigenvalue, at large separation",
        exact - f.branches[0].value.subs(top_eigenvalue, separation**2 + sigma**2),
        separation,
        sp.oo,
        0,
    )
    yield Limit("at Λ = 1 it vanishes", f.branches[0].value, top_eigenvalue, 1, f.branches[1].value)
    yield Identity("where Λ e^{−2t} = 1", sp.exp(-2 * f.branches[0].value) * top_eigenvalue, 1)


speciation_time = Formula(
    name="speciation_time",
    variables=(
        Variable(
            top_eigenvalue, "top eigenvalue of the data covariance", sp.Interval(0, sp.oo), "data²", letter=r"\Lambda"
        ),
    ),
    branches=(Branch(sp.log(top_eigenvalue) / 2, top_eigenvalue > 1), Branch(sp.S.Zero)),
    kind="asymptotic",
    regime="time at which diffused samples lose their class, Λ ≫ 1, noise scale λ = 1; 0 for Λ ≤ 1",
    source="biroli2024 eq. (9); derived here for two Gaussians",
    derivation=_speciation_time,
)


def _cloning_probability(f: Formula) -> Iterator[Step]:
    u, w = sp.symbols("u w", real=True)
    y, m, g, b = sp.symbols("y m g b", positive=True)
    plus = 1 / (1 + sp.exp(-2 * u))  # posterior of class + where ln(G₊/G₋) = 2u
    parting = sp.cosh(u).rewrite(sp.exp) ** -2 / 2
    yield Identity("two clones part with 2p₊p₋ = ½ sech²(u), u half the log-ratio", 2 * plus * (1 - plus), parting)
    log_ratio = -((y - m) ** 2) / (2 * g) + (y + m) ** 2 / (2 * g)
    scaled = (log_ratio / 2).subs({y: sp.sqrt(g) * w, m: sp.sqrt(g) * b})
    yield Identity("in units of the noised spread √Γ, y = √Γ w, m = √Γ b: u = bw", scaled, b * w)
    both = (sp.exp(-((w - b) ** 2) / 2) + sp.exp(-((w + b) ** 2) / 2)) / 2
    average = sp.exp(-(b**2) / 2) * sp.exp(-(w**2) / 2) * sp.cosh(b * w)
    yield Identity("the density of w is N(w) e^{−b²/2} cosh(bw)", both, average.rewrite(sp.exp))
    noised = separation**2 * sp.exp(-2 * t) / (sigma**2 * sp.exp(-2 * t) + 1 - sp.exp(-2 * t))
    b2 = separation**2 / (sigma**2 + sp.exp(2 * t) - 1)
    yield Identity("b² = m²/Γ, in the frame of the data", noised, b2)
    yield Identity("φ = 1 − ½ e^{−b²/2} E sech(bw)", f.expr, 1 - sp.exp(-b2 / 2) * mean_sech(b2) / 2)
    known = sp.exp(-(w**2) / 2) / sp.sqrt(2 * sp.pi)
    k = sp.Symbol("k", positive=True)
    yield Quadrature("E sech(0) = 1: φ → ½", known, (w, -sp.oo, sp.oo), k, ({k: 1},))


_B2 = separation**2 / (sigma**2 + sp.exp(2 * t) - 1)
cloning_probability = Formula(
    name="cloning_probability",
    variables=(TIME, SEPARATION, SIGMA),
    branches=(Branch(1 - sp.exp(-_B2 / 2) * mean_sech(_B2) / 2),),
    kind="exact",
    regime="P(two clones of one sample, taken at time t, end in the same class), λ = 1; ½ if the means coincide",
    source="derived here; defined in biroli2024",
    derivation=_cloning_probability,
)
