"""Every letter of the suite once: its symbol, meaning, unit, domain and how it is typeset. One letter, one meaning.

Formulas take their arguments from here: `variable(n)`, or `variable(n, at_least(2))` where a formula holds on part of
the domain only.  What a derivation integrates over, or solves for on its way, is a dummy: it never has a letter's name.
"""

import sympy as sp

from theory.core.formula import Unknown, Variable

POSITIVE, HALF_LINE, _LINE = sp.Interval.open(0, sp.oo), sp.Interval(0, sp.oo), sp.S.Reals
INSIDE = sp.Interval.open(0, 1)
# Of these SymPy must know that 0 is possible, since a formula has a phase there; elsewhere "positive" simplifies more.
_MAY_VANISH = {"t", "time", "tau2", "radius2", "distance2", "sample"}
_LETTERS: dict[sp.Symbol, Variable] = {}


def at_least(low: float) -> sp.Set:
    """[low, ∞): where a formula needs so many points or dimensions."""
    return sp.Interval(low, sp.oo)


def _letter(
    name: str,
    latex: str,
    meaning: str,
    domain: sp.Set = POSITIVE,
    unit: str = "1",
    default: float | None = None,
    spectrum: bool = False,
) -> sp.Symbol:
    sign = (
        {"nonnegative": True} if name in ("t", "time", "tau2", "radius2", "distance2", "sample") else {"positive": True}
    )
    symbol = sp.Symbol(name, **(sign if domain.inf >= 0 else {"real": True}))
    _LETTERS[symbol] = Variable(symbol, meaning, domain, unit, default, spectrum, latex)
    return symbol


# -- points and dimensions ---------------------------------------------------------------------------------------------

n = _letter("n", "n", "number of training points", at_least(1))
n_original = _letter("n_original", "n_O", "number of points of the original set", at_least(1))
d = _letter("d", "d", "dimension of the space that the data are in", at_least(1))
D = _letter("D", "D", "intrinsic dimension: that of the subspace which holds the data", at_least(1))
gamma = _letter("gamma", r"\gamma", "aspect ratio d/N of N = n − 1 degrees of freedom; d/n where the two agree")
alpha = _letter("alpha", r"\alpha", "ln n/d, the number of points as a rate")
log_n = _letter("log_n", r"\ell", "ln n, where it is the unknown")

# -- the forward process and its noise ---------------------------------------------------------------------------------

t = _letter("t", "t", "diffusion time, in relaxation times of the drift", HALF_LINE)
lam = _letter("lam", r"\lambda", "noise scale: the stationary variance of the forward process", default=1)
tau = _letter("tau", r"\tau", "standard deviation of the noise in the frame of the data", HALF_LINE, "data")
tau2 = _letter(
    "tau2",
    r"\tau^2",
    "variance of the noise in the frame of the data: the ridge it adds to a covariance",
    HALF_LINE,
    "data²",
)
tilt = _letter("tilt", r"\tau^{-2}", "1/τ² = e^{−2t}/Δ_t, the tilt of the late-time measure", HALF_LINE, "1/data²")
noised = _letter("noised", "u", "noised point u = x_0 + τξ = e^t x_t, one coordinate", _LINE, "data")
denoised = _letter("denoised", r"\hat{x}", "denoised point E(x_0 | u), the same coordinate", _LINE, "data")

# -- the law of the data -----------------------------------------------------------------------------------------------

sigma = _letter(
    "sigma", r"\sigma", "standard deviation of the data, of each class in a mixture", unit="data", default=1
)
eigenvalues = _letter("eigenvalues", r"\lambda_j", "eigenvalues of a covariance", HALF_LINE, "data²", spectrum=True)
eigenvalue = _letter("eigenvalue", r"\lambda_i", "variance of the data along one direction", unit="σ²")
top_eigenvalue = _letter("top_eigenvalue", r"\Lambda", "largest eigenvalue of the data covariance", HALF_LINE, "data²")
separation = _letter("separation", r"\|m\|", "half the distance between the means of a mixture", HALF_LINE, "data")
contrast = _letter("contrast", "b^2", "b² = |m|²/(σ²+τ²), squared separation in units of the noised spread", HALF_LINE)
radius2 = _letter(
    "radius2", "r", "|x_1|²/d, squared distance of a training point from the middle of the data", HALF_LINE, "σ²"
)
k2 = _letter("k2", r"\kappa_2", "variance of the data in one direction", HALF_LINE, "data²")
k3 = _letter("k3", r"\kappa_3", "third cumulant of the data in one direction", _LINE, "data³")
k4 = _letter("k4", r"\kappa_4", "fourth cumulant of the data in one direction", _LINE, "data⁴")
k5 = _letter("k5", r"\kappa_5", "fifth cumulant of the data in one direction", _LINE, "data⁵")
k6 = _letter("k6", r"\kappa_6", "sixth cumulant of the data in one direction", _LINE, "data⁶")

# -- two Gaussian laws -------------------------------------------------------------------------------------------------

ratios = _letter("ratios", "r_j", "variance ratios of two Gaussians: the eigenvalues of C2⁻¹C1", spectrum=True)
spreads = _letter(
    "spreads", r"\delta_j", "differences of the standard deviations of two Gaussians", _LINE, "data", spectrum=True
)
distance2 = _letter(
    "distance2",
    r"\|m_1-m_2\|^2",
    "squared distance of two means, in the metric the formula names",
    HALF_LINE,
    default=0,
)

# -- kernels and overlaps ----------------------------------------------------------------------------------------------

width = _letter("width", r"\varepsilon", "standard deviation of a kernel", unit="data")
width2 = _letter("width2", r"\varepsilon^2", "its square, where it is the unknown", unit="data²")
q = _letter("q", "q", "σ²/(σ²+ε²): how sharp the kernel is against the data", INSIDE)
distance = _letter("distance", "Q", "squared Mahalanobis distance of a fresh point in S + ε²I", HALF_LINE)
probability = _letter("probability", "p", "level of P(⟨G,H⟩ > ⟨G,T⟩)", sp.Interval.open(0, sp.Rational(1, 2)))
snr = _letter("snr", r"\chi", "signal-to-noise ratio of the points that carry a condensed sum")
delta = _letter("delta", r"\delta", "tolerance: the relative entropy in nats, or the squared error, that is allowed")

# -- between the truth and a copy --------------------------------------------------------------------------------------

memorized = _letter("memorized", "a", "memorized fraction: place on the line from the truth (0) to the copy (1)", _LINE)
orthogonal = _letter(
    "orthogonal", r"b_\perp^2", "squared distance from that line, in units of the squared length of the line", HALF_LINE
)
span = _letter(
    "span",
    "L^2",
    "squared distance between truth and copy: ‖T−O‖² of densities, ‖D_emp−D_pop‖² of denoisers",
    HALF_LINE,
    "1/volume or data²",
)

# -- linear denoisers and their spectra --------------------------------------------------------------------------------

rho = _letter("rho", r"\rho", "signal fraction σ²/(σ²+τ²)", sp.Interval.Lopen(0, 1))
fractions = _letter("fractions", r"\rho_j", "signal fractions λ_j/(λ_j+τ²)", sp.Interval.Lopen(0, 1), spectrum=True)
sample_eigenvalue = _letter("sample_eigenvalue", "s", "eigenvalue of a sample covariance of white data")
sample = _letter(
    "sample", "s_j", "eigenvalues of a sample covariance, zeros among them where n < d", HALF_LINE, "σ²", spectrum=True
)
a = _letter("a", r"\nu", "order of a moment", _LINE)
shift = _letter("shift", "y", "shift of a covariance, in units of σ²")
kappa = _letter("kappa", r"\kappa", "renormalised noise: what n points make of the ridge τ²", unit="data²")
omega = _letter("omega", r"\omega", "0 on the plateau of a log-determinant, positive beyond it")
share = _letter(
    "share", "w", "(1−γ) × resolvent of a sample covariance, where it is the unknown", sp.Interval.open(0, 1)
)
time = _letter("time", r"t_{\mathrm{train}}", "time of gradient flow on ½E|x−D|²", HALF_LINE, "1/σ²")

LETTERS: tuple[Variable, ...] = tuple(_LETTERS.values())


def variable(symbol: sp.Symbol, domain: sp.Set | None = None, unit: str | None = None) -> Variable:
    """The letter as an argument of a formula, on part of its domain or in units of σ if the formula says so."""
    found = _LETTERS[symbol]
    return found._replace(domain=domain or found.domain, unit=unit or found.unit)


def unknown(symbol: sp.Symbol, equation: sp.Expr, lower: sp.Expr, upper: sp.Expr) -> Unknown:
    """The letter as what solves equation = 0 between lower and upper."""
    return Unknown(symbol, equation, lower, upper, _LETTERS[symbol].letter)
