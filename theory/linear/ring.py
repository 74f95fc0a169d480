"""The log-determinant by free probability: the noise of the fit has its eigenvalues in a disc, −c in it or outside.

A = √(1−ρ) (c + R), c² = ρ/(1−ρ), R = Z W^{−1/2}.  Z absorbs rotations on either side, so det(c + R) knows W by its
eigenvalues alone, and R is, for d → ∞, a product of free factors with a Haar rotation in between: R-diagonal.

Cited: the law of the radius of an R-diagonal element in terms of its S-transform (Haagerup, Larsen), and that the
eigenvalues of large matrices follow it (single ring theorem).  Proved here: the S-transform, hence the radius; that the
logarithm is integrable at every c, since Z is Gaussian, so that no annealed average stands for a typical value; the
integral, and that its phases meet where −c crosses the edge of the disc.
"""

from collections.abc import Iterator

import sympy as sp

from theory.core.bounds import relations
from theory.core.formula import Formula
from theory.core.steps import Identity, Limit, Premise, Quadrature, Step, shared
from theory.letters import gamma, rho

C2 = rho / (1 - rho)  # c²: the distance of −c from the centre of the disc, squared
EDGE2 = gamma / (1 - gamma)  # r₊²: the radius of the disc, squared

# Dummies: the argument of an S-transform, a resolvent, a share of the eigenvalues, a radius squared, a codimension.
z, m, part, r2, k = sp.symbols("z m part r2 k", positive=True)
odds_gamma, odds_rho = sp.symbols("odds_gamma odds_rho", positive=True)

# Parametrisations in which SymPy's logarithms combine: odds γ/(1−γ) and ρ/(1−ρ).
BOUNDED = {gamma: odds_gamma / (1 + odds_gamma), rho: odds_rho / (1 + odds_rho)}

RADIAL = r2 / (gamma * (1 + r2))  # F: the share of the eigenvalues within a radius
DENSITY = sp.diff(RADIAL, r2) / sp.pi  # eigenvalues, as a share of d, to the unit of area at that radius


def side(condition: object) -> sp.Expr:
    """The quantity that a condition on ρ asks to be on one side of 0; 0 if it asks nothing of ρ."""
    found = [r for r in relations(condition) if r.has(rho)]
    return found[0].gts - found[0].lts if len(found) == 1 and hasattr(found[0], "gts") else sp.S.Zero


@shared
def radial_law() -> Iterator[Step]:
    """Steps for F, from the resolvent of the Marchenko–Pastur law (theory/spectra.py): a = 1/m − 1/(1+γm)."""
    place = 1 / m - 1 / (1 + gamma * m)
    own, inverse = -z / (1 + gamma * z), (1 + z) / (1 - gamma - gamma * z)
    yield Identity("W/N: the moments sum to z where am = 1 + z", (place * m).subs(m, own), 1 + z)
    yield Identity("so its S-transform is 1/(1+γz)", -(1 + z) / (z * place.subs(m, own)), 1 / (1 + gamma * z))
    yield Identity("(W/N)⁻¹: they do so where am = −z", (place * m).subs(m, inverse), -z)
    of_inverse = -place.subs(m, inverse) * (1 + z) / z
    yield Identity("so its S-transform is 1−γ−γz", of_inverse, 1 - gamma - gamma * z)
    # ZZᵀ/d is W/N at γ = 1; W⁻¹ d is (W/N)⁻¹ times γ, which divides the S-transform.
    product = of_inverse / gamma * (1 / (1 + gamma * z)).subs(gamma, 1)
    yield Premise(
        "Z W⁻¹ᐟ² is a product of free factors, R-diagonal: S-transforms multiply, and 1/S(F−1) is the radius squared",
        "haagerup2000",
        "test_fluctuations.test_the_eigenvalues_fill_the_disc",
    )
    radius2 = 1 / product.subs(z, part - 1)
    yield Identity("the radius squared is γF/(1−γF)", radius2, gamma * part / (1 - gamma * part))
    yield Identity("that is, F = r²/(γ(1+r²))", radius2.subs(part, RADIAL), r2)
    yield Identity("which is 1 at the edge, r₊² = γ/(1−γ)", RADIAL.subs(r2, EDGE2), 1)


@shared
def integrable_logarithm() -> Iterator[Step]:
    """Given W, cW^½ + Z is Gaussian with a mean: its small singular values carry nothing of (1/d) ln det, at any c.

    Of its first d−k rows, each is at a distance from the others whose square exceeds a χ²_{k+1} (Anderson).  The sum of
    the inverse squared singular values of these rows is that of the inverse squared distances, and rows that are added
    lower no singular value in its place: E s⁻²_{d−2k} ≤ d/(k(k−1)).
    """
    density = r2 ** ((k - 1) / 2) * sp.exp(-r2 / 2) / (2 ** ((k + 1) / 2) * sp.gamma((k + 1) / 2))
    points = ({k: 2}, {k: 7})
    yield Quadrature("E 1/χ²_{k+1} = 1/(k−1)", density / r2, (r2, 0, 1, 10, 100, sp.oo), 1 / (k - 1), points)
    below = sp.integrate(sp.log(part**2), (part, 0, k))
    yield Limit("the smallest 2kd singular values, s²/d ≥ k²: their share of (1/d) ln det", 2 * below, k, 0, 0)
    x = sp.Symbol("x", positive=True)
    least = sp.sqrt(2 / sp.pi) * sp.integrate(x ** sp.Rational(-1, 2) * sp.exp(-(x**2) / 2), (x, 0, sp.oo))
    yield Limit("the least: E s^(−½) ≤ d E|χ₁|^(−½), so (1/d) ln s vanishes too", sp.log(least * k) / k, k, sp.oo, 0)


def ring(f: Formula) -> Iterator[Step]:
    """lim (1/d) ln det AAᵀ = ln(1−ρ) + 2 ∫ ln max(c, r) dF(r), phase by phase."""
    yield from radial_law()
    yield Premise(
        "the eigenvalues of R follow F: single ring theorem; (1/d) ln det(c+R) follows its logarithm",
        "guionnet2011",
        "linear.logdet",
    )
    yield Premise(
        "and is what the singular values of c + R have in the limit: rotations leave none too near 0",
        "rudelson2014",
        "linear.logdet",
    )
    yield from integrable_logarithm()
    plateau, fluctuating = f.branches[0], f.branches[1]
    yield Identity(
        "the plateau is where −c is not inside the disc, c² − r₊² ≥ 0",
        side(plateau.condition) / ((1 - rho) * (1 - gamma)),
        C2 - EDGE2,
    )
    whole = sp.log(1 - rho)
    yield Identity("there all radii are below c: ln(1−ρ) + ln c²", whole + sp.log(C2), plateau.value, BOUNDED)
    within = sp.cancel(RADIAL.subs(r2, C2))
    yield Identity("beyond, a share F(c) = ρ/γ of them is", within, rho / gamma)
    radii = part * sp.log(gamma * part) + (1 - gamma * part) * sp.log(1 - gamma * part) / gamma
    yield Identity(
        "∫ 2 ln r dF = F ln γF + (1−γF) ln(1−γF)/γ",
        sp.diff(radii, part),
        sp.log(gamma * part / (1 - gamma * part)),
        {gamma: odds_gamma / (part * (1 + odds_gamma))},
    )
    inside = within * sp.log(C2) + radii.subs(part, 1) - radii.subs(part, within)
    yield Identity(
        "so 2 ∫ ln max(c, r) dF = F(c) ln c² + ∫ ln r² beyond",
        whole + inside,
        fluctuating.value,
        BOUNDED,
    )
