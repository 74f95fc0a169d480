"""Every letter of the suite once: its symbol, meaning, unit, domain and how it is typeset.

As an argument of a formula, a letter has one meaning.

Formulas take their arguments from here: `variable(n)`, or `variable(n, at_least(2))` where a formula holds on part of
the domain only.  What a derivation integrates over, or solves for on its way, is a dummy: it never has a letter's name.
"""

import sympy as sp

from theory.core.formula import Unknown, Variable

POSITIVE, HALF_LINE, _LINE = sp.Interval.open(0, sp.oo), sp.Interval(0, sp.oo), sp.S.Reals
INSIDE = sp.Interval.open(0, 1)
# Of these SymPy must know that 0 is possible, since a formula has a phase there; elsewhere "positive" simplifies more.
_MAY_VANISH = {"t", "time", "tau2", "radius2", "distance2", "sample", "steps2", "tau_next", "t_next", "eta", "ridge"}
_LETTERS: dict[sp.Symbol, Variable] = {}


def at_least(low: float) -> sp.Set:
    """The interval [low, ∞), for a formula that needs as many points or dimensions."""
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
    sign = {"nonnegative": True} if name in _MAY_VANISH else {"positive": True}
    symbol = sp.Symbol(name, **(sign if domain.inf >= 0 else {"real": True}))
    _LETTERS[symbol] = Variable(symbol, meaning, domain, unit, default, spectrum, latex, domain)
    return symbol


# -- points and dimensions ---------------------------------------------------------------------------------------------

n = _letter("n", "n", "number of training points", at_least(1))
n_original = _letter("n_original", "n_O", "number of points of the original set", at_least(1))
n_holdout = _letter("n_holdout", "n_H", "number of points of the holdout", at_least(1))
n_generated = _letter("n_generated", "n_G", "number of points drawn from the generated law", at_least(1))
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
other_eigenvalue = _letter("other_eigenvalue", r"\lambda_k", "variance of the data along another one", unit="data²")
contrast4 = _letter(
    "contrast4",
    r"\overline{c^4}",
    "mean fourth power of the contrasts c by which points differ in scale, of mean square 1",
    at_least(1),
    default=1,
)
filled = _letter("filled", r"\beta", "D/d, the share of the dimensions that the data fill", INSIDE)
top_eigenvalue = _letter("top_eigenvalue", r"\Lambda", "largest eigenvalue of the data covariance", HALF_LINE, "data²")
separation = _letter(
    "separation", r"\lVert m\rVert", "half the distance between the means of a mixture", HALF_LINE, "data"
)
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
    r"\lVert m_1-m_2\rVert^2",
    "squared distance of two means, in the metric the formula names",
    HALF_LINE,
    default=0,
)

# -- who was in the training set ---------------------------------------------------------------------------------------

mahalanobis = _letter(
    "mahalanobis", "Q_G", "squared Mahalanobis distance of a point in the generated law N(x̄, S)", HALF_LINE
)
mahalanobis_true = _letter(
    "mahalanobis_true", "Q_O", "squared Mahalanobis distance of a point in the true law N(m, Σ)", HALF_LINE
)
level = _letter(
    "level", "A", "AUC: probability that a training point scores above a fresh one", sp.Interval.open(sp.S.Half, 1)
)

# -- kernels and overlaps ----------------------------------------------------------------------------------------------

width = _letter("width", r"\varepsilon", "standard deviation of a kernel", unit="data")
width2 = _letter("width2", r"\varepsilon^2", "its square, where it is the unknown", unit="data²")
q = _letter("q", "q", "σ²/(σ²+ε²): how sharp the kernel is against the data", INSIDE)
sharpness = _letter("sharpness", "q_j", "q of each direction: λ_j/(λ_j+ε²)", sp.Interval.Ropen(0, 1), spectrum=True)
distance = _letter("distance", "Q", "squared Mahalanobis distance of a fresh point in S + ε²I", HALF_LINE)
probability = _letter("probability", "p", "level of P(⟨G,H⟩ > ⟨G,T⟩)", sp.Interval.open(0, sp.Rational(1, 2)))
snr = _letter("snr", r"\chi", "signal-to-noise ratio of the points that carry a condensed sum")
beta_c = _letter("beta_c", r"\beta_c", "inverse temperature of the largest of n terms: where their sum condenses")
mu = _letter(
    "mu", r"\mu", "exponent of a condensed sum, a stable variable: the slope of ln of the number of terms", INSIDE
)
gap = _letter("gap", "g", "ln of how many times one of two sums is made larger", HALF_LINE)
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

# -- nearest neighbours ------------------------------------------------------------------------------------------------

ratio = _letter(
    "ratio",
    r"\vartheta",
    "ratio of the distances to the nearest and the second nearest training point below which a point is flagged",
    sp.Interval.Lopen(0, 1),
    default=sp.Rational(1, 3),
)
weights = _letter("weights", r"w_\pi", "points of the holdout in each cell, in any unit", spectrum=True)

# -- random features ---------------------------------------------------------------------------------------------------

features = _letter("features", r"\psi_p", "p/d, random features to a dimension")
samples = _letter("samples", r"\psi_n", "n/d, training points to a dimension")
ridge = _letter(
    "ridge",
    r"\lambda_A",
    "ridge: of random features, λ_A|A|² beside the mean square; of a kernel, what is added to its Gram matrix",
    HALF_LINE,
)
of_point = _letter("of_point", r"\mu_x^2", "square of the weight with which a feature holds the clean point")
of_noise = _letter("of_noise", r"\mu_\xi^2", "square of the weight with which a feature holds the noise")
common = _letter("common", "v^2", "variance of a feature beyond these that all noised copies of a point share")
fresh = _letter("fresh", r"s_\eta^2", "variance of a feature beyond these that is new in each copy")
effective_ridge = _letter(
    "effective_ridge", r"\kappa_A", "the ridge that a regression on random features has in units of their Gram matrix"
)

dimension_factor = _letter(
    "dimension_factor",
    r"\chi_d",
    "leave-one-out factor of a dimension: what of it a kernel regression leaves when the other dimensions are fitted",
    sp.Interval(0, 1),
)

weight_decay = _letter(
    "weight_decay", r"\lambda_w", "what |w|² of an autoencoder costs, over what |x−D|² of a noised point costs"
)

# -- places and classes ------------------------------------------------------------------------------------------------

order = _letter("order", r"\lvert G\rvert", "number of places in which a group shows each training point", at_least(1))
steps2 = _letter(
    "steps2",
    r"\lvert y - g y\rvert^2",
    "squared distances of a point from its images in the places of a group, itself included",
    HALF_LINE,
    "data²",
    spectrum=True,
)
guidance = _letter("guidance", r"\eta", "weight of guidance by class, D_c + η(D_c − D)", HALF_LINE)

# -- windows -----------------------------------------------------------------------------------------------------------

pixels = _letter("pixels", "N_w", "number of pixels in a row that a denoiser sees")
correlation = _letter("correlation", "C_1", "correlation of neighbouring pixels", INSIDE)

# -- steps of a sampler ------------------------------------------------------------------------------------------------

tau_next = _letter("tau_next", r"\tau'", "the noise τ that a step of a sampler leads to", HALF_LINE, "data")
t_next = _letter("t_next", "t'", "the diffusion time that a step of a sampler leads to", HALF_LINE)
eta = _letter(
    "eta", r"\eta_{\mathrm{DDIM}}", "noise of a sampler: 0 none (DDIM), 1 that of DDPM", sp.Interval(0, 1), default=0
)
steps = _letter("steps", "K", "number of steps of a sampler", at_least(1))
state = _letter("state", "v", "variance of a sampler's state along one eigenvector of the denoiser", HALF_LINE, "data²")
learnt = _letter("learnt", r"\hat\lambda", "variance that a denoiser has learnt along one eigenvector", unit="data²")
kept = _letter(
    "kept",
    r"\varphi",
    "weight of a noised point in a linear denoiser along one eigenvector: λ̂/(λ̂+τ²) if it has learnt λ̂",
    sp.Interval(0, 1),
)
kept_next = _letter("kept_next", r"\varphi'", "the same weight at the noise that a step leads to", sp.Interval(0, 1))
spacing = _letter(
    "spacing",
    r"\zeta",
    "exponent of a sampler's steps, τ − τ' ∝ τ^ζ; 1 − 1/ρ for the levels of Karras et al.",
    sp.Interval.open(-1, 3),
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
inverse_trace = _letter("inverse_trace", "Y", "tr (ZZᵀ)⁻¹/d of a square matrix Z of standard normals")
noises = _letter("noises", "m", "number of noises for each training point", at_least(1))
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
    """The letter as the unknown that solves equation = 0 between lower and upper."""
    return Unknown(symbol, equation, lower, upper, _LETTERS[symbol].letter)


def table() -> str:
    """Every letter as a row of a Markdown table: how it is typeset, its name in calls, meaning, unit and domain."""
    head = "| letter | in calls | meaning | unit | values |\n|---|---|---|---|---|\n"
    return head + "".join(
        f"| ${v.letter}$ | `{v.symbol.name}` | {_cell(v.meaning)} | {v.unit} | {_values(v)} |\n" for v in LETTERS
    )


def _cell(text: str) -> str:
    return text.replace("|", r"\|")


def _values(letter: Variable) -> str:
    domain = letter.domain
    if domain == _LINE:
        return "any real number"
    left, right = "(" if domain.left_open else "[", ")" if domain.right_open else "]"
    low, high = (str(edge).replace("oo", "∞") for edge in (domain.inf, domain.sup))
    return f"{left}{low}, {high}{right}" + (", a spectrum of them" if letter.spectrum else "")


# -- words -------------------------------------------------------------------------------------------------------------

_TERMS = {
    "audit": "Tests whether generated points know their training set, each with its null and its power.",
    "near copy, loose copy": "What an audit plants: a training record with noise of ¼, or 0.8, of the usual distance "
    "from a record to its nearest.",
    "local dimension": "The exponent with which the number of neighbours of a point grows with their distance.",
    "permutation null": "What a statistic is when the labels “training” and “held out” are dealt anew.",
    "power": "The probability that a test finds what is there, such as a given share of copies.",
    "annealed, quenched": "An annealed average of a logarithm is the logarithm of the average, which rare samples may "
    "dominate; the quenched one averages the logarithm itself, and says what a typical sample has.",
    "AUC": "The area under the curve of true against false positives: the probability that a training point scores "
    "above a fresh one. ½ is a guess.",
    "aspect ratio": "The dimension over the number of points, d/n.",
    "cloning probability": "The probability that two copies of one diffused sample, denoised independently from time t "
    "on, end in the same class.",
    "collapse": "Below the collapse time the exact score of a training set takes every sample to one training point.",
    "condensed": "A sum of many random terms is condensed if a finite number of the largest carry it.",
    "copy": "A generated point at least three times nearer to one training point than to any other.",
    "data frame": "The variable u = e^t x_t, in which the data stay where they are and only the noise grows.",
    "denoiser": "A function that estimates the clean point from a noised one; the best one is the mean of x_0 given u.",
    "epoch": "As many gradient steps as show every training point to the network once.",
    "exact score": "The score of the noised training points: a sampler that follows it ends at one of them.",
    "excess entropy": "By how much the entropy of n separate noised points exceeds that of the noised law, over ln n.",
    "generated law": "The law G of what a trained diffusion model generates, as distinct from the true law O.",
    "guidance": "Sampling with the denoiser D_c + η(D_c − D), D_c of one class and D of all points.",
    "held": "A training point is held at a noise at which it has at least half of the posterior weight, given itself "
    "with that noise: the exact score takes samples back to it.",
    "holdout": "Fresh points of the true law, as many as there are training points, which the model has not seen.",
    "Hellinger distance": "H² = 1 − ∫√(pq) between two densities: 0 if they are equal, 1 if they do not overlap.",
    "KL divergence": "The integral KL(p‖q) = ∫ p ln(p/q) in nats: what is lost by taking q for p. It is not symmetric.",
    "Λ": "The largest eigenvalue of the covariance of the data; half its logarithm is the speciation time.",
    "kernel estimate": "A density made of n equal Gaussians of standard deviation ε, one at each point of a set.",
    "linearisation": "The regression on a network's derivatives by its weights at the start of training.",
    "Marchenko–Pastur law": "The distribution of the eigenvalues of the sample covariance of white data, n and d being "
    "large at a fixed ratio.",
    "memorized fraction": "How far a denoiser, or a law, lies on the way from the truth (0) to what reproduces the "
    "training set (1).",
    "membership": "Whether a given point was in the training set. An attack scores points; a good one scores those "
    "that were above those that were not.",
    "minimum norm": "Among all least-squares solutions, the one with the smallest coefficients; it is taken if n ≤ d.",
    "mixture": "Here: two Gaussians of equal weight and covariance, at m and −m.",
    "noise level": "The standard deviation τ of the noise in the frame of the data.",
    "orbit": "The points that a group of maps, such as flips and shifts, makes of one.",
    "overlap": "The integral ⟨p, q⟩ of the product of two densities.",
    "overlap gap": "The difference ln⟨G, H⟩ − ln⟨G, T⟩: whether the generated law overlaps more with a holdout than "
    "with the training set. Without memory it is positive with probability ½.",
    "place": "One version of a picture, such as a flip, in which training shows it; also where a window lies.",
    "posterior weights": "The probabilities that a noised point came from each of the training points.",
    "random-energy model": "A sum of e^{−E} over independent random energies E; with too few terms it condenses.",
    "relaxation time": "The time after which the diffused law has forgotten its data, up to a Gaussian.",
    "renormalised noise": "The noise variance κ that acts on the population where τ² acts on a sample covariance.",
    "replica": "One repetition of a simulation, with its own training set and random numbers.",
    "resolvent": "The function m(a) = (1/d) tr (S + a)⁻¹, from which the spectrum of S and its averages follow.",
    "score": "The gradient of the logarithm of a density; a diffusion model learns that of the noised data.",
    "share of a copy's gap": "The gap of losses between held-out and training points, over that of the exact score.",
    "signal fraction": "The part ρ = σ²/(σ²+τ²) of the variance of a noised coordinate that is signal.",
    "spectrum": "The eigenvalues of a covariance.",
    "speciation": "The time at which diffused samples lose their class: later, they may end in another one.",
    "tangent score": "The linear function that has the value and the slope of the score at the centre of the data.",
    "training set, original law": "T and O: the points a model is trained on, and the law they were drawn from.",
    "typical place": "A point at the distance from a training point at which noise puts it: ε√d.",
    "Wasserstein distance": "W₂: the root of the least mean squared distance over which one law has to be moved to be "
    "the other.",
    "window": "The square of pixels around a pixel that a denoiser sees; its reach counts pixels to each side.",
}

GLOSSARY: dict[str, str] = {
    **{f"${letter.letter}$": f"{letter.meaning[0].upper()}{letter.meaning[1:]}." for letter in LETTERS},
    **dict(sorted(_TERMS.items(), key=lambda term: term[0].casefold())),
}
