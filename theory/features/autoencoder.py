"""A two-layer autoencoder that learns two classes from few points: where it puts them, and how wide it makes them.

Data x_1 = sμ + σz, s = ±1, |μ|² = d, z white; x_t = (1−t)x_0 + t x_1 with white x_0. The denoiser E(x_1 | x_t) is
b x_t + w φ(w·x_t/√d), with φ → ±1 far from 0. At each t, b and w make Σ|x_1 − denoised|² + λ_w|w|² least over n points
and m noises x_0 of each, the same noises at all t. Then dX/dt = (denoised − X)/(1−t) takes white X_0 to new data. The
setting, for m = 1, and the order 1/n are those of Cui et al. (2024).

As d → ∞ at fixed n, w·x_t is of the order d, so that φ is the sign s: b and w are a ridge regression on (x_t, s). All
directions that occur are orthogonal: μ, the means z̄ of sz and x̄_0 of sx_0 over the training set, and X_0. So the
generated law stays in closed form, X_1 = √r X_0 + s μ̂ with μ̂ = (μ + σz̄ − √r x̄_0) nm/(nm+λ_w): it remembers the noises
of training, the more the fewer there are. Noises drawn anew at each t would leave nothing of x̄_0.
"""

from collections.abc import Iterator

import sympy as sp

from theory.core.formula import Branch, Formula
from theory.core.steps import Identity, Limit, Premise, Step, shared
from theory.letters import n, noises, sigma, variable, weight_decay

_ROWS = n * noises
_HELD = _ROWS / (_ROWS + weight_decay)
# What is left of |x_1 − bx_t|² by a fit of w: of the part in x_1 and of that in x_0, each by nm d.
_CLEAN = 1 + sigma**2 - _HELD * (1 + sigma**2 / n)
_NOISE = 1 - _HELD / _ROWS
_RATIO = (weight_decay * (1 + sigma**2) + sigma**2 * noises * (n - 1)) / (_ROWS + weight_decay - 1)
_LOST = weight_decay / (_ROWS + weight_decay)
_ERROR = _LOST**2 + _HELD**2 * (sigma**2 + _RATIO / noises) / n


@shared
def _learnt() -> Iterator[Step]:
    yield Premise(
        "φ(w·x_t/√d) → s, and directions of single points, noises and classes are orthogonal, d → ∞ at fixed n",
        "argued here",
        "features.autoencoder_error",
    )
    # One coordinate: targets r_k = x_1 − b x_t of N = nm rows, w s_k fitted to them
    squares, total, weight = sp.symbols("squares total weight_w", real=True)
    loss = squares - 2 * weight * total + (_ROWS + weight_decay) * weight**2
    best = total / (_ROWS + weight_decay)
    yield Identity("w = Σ s(x_1 − b x_t)/(N+λ_w)", loss.diff(weight).subs(weight, best), 0)
    yield Identity(
        "and leaves Σr² − |Σsr|²/(N+λ_w)", loss.subs(weight, best), squares - total**2 / (_ROWS + weight_decay)
    )
    b, alpha, beta, clean, noise = sp.symbols("b alpha_t beta_t A_clean B_noise", positive=True)
    kept, taken = (1 - b * beta) ** 2, (b * alpha) ** 2
    whole = kept * (1 + sigma**2) + taken
    mean = kept * (1 + sigma**2 / n) + taken / _ROWS
    left = whole - _ROWS / (_ROWS + weight_decay) * mean
    yield Identity("by Nd: (1−bβ)²A + b²α²B", left, kept * _CLEAN + taken * _NOISE)
    objective = kept * clean + taken * noise
    skip = beta * clean / (beta**2 * clean + alpha**2 * noise)
    yield Identity("least at b = βA/(β²A+α²B)", objective.diff(b).subs(b, skip), 0)


@shared
def _flown() -> Iterator[Step]:
    """X_t = e_0 X_0 + s e_1 (μ+σz̄) + s e_2 x̄_0."""
    s, clean, noise, held = sp.symbols("s_time A_clean B_noise held", positive=True)  # s: t
    along = s**2 * clean + (1 - s) ** 2 * noise
    skip = s * clean / along
    root = sp.sqrt(along)
    for name, path, learnt in (
        ("e_0 = √(D/B), D = t²A+(1−t)²B", root / sp.sqrt(noise), 0),
        ("e_1 = tN/(N+λ_w)", held * s, held * (1 - skip * s)),
        ("e_2 = −(√(D/B)−(1−t))N/(N+λ_w)", -held * (root / sp.sqrt(noise) - (1 - s)), -held * skip * (1 - s)),
    ):
        yield Identity(f"the flow: {name}", (1 - s) * path.diff(s), (skip - 1) * path + learnt)
    yield Identity("r = A/B", _CLEAN / _NOISE, _RATIO)
    # s w·x_t of a training row is nm/(nm+λ_w) t(1−t)²/D times this, z̄ holding z_k with 1/n, and x̄_0 x_0 with 1/nm
    yield Identity(
        "the signs are those of the classes: s w·x_t ∝ B(1+σ²/n) − A/N, which is not negative, and 0 for N = 1 alone",
        _NOISE * (1 + sigma**2 / n) - _CLEAN / _ROWS,
        (_ROWS - 1 + sigma**2 * (noises - 1)) / _ROWS,
    )


def _autoencoder_variance(f: Formula) -> Iterator[Step]:
    yield from _learnt()
    yield from _flown()
    yield Identity("of X_1 about its mean: r", f.expr, _CLEAN / _NOISE)


def _autoencoder_error(f: Formula) -> Iterator[Step]:
    yield from _learnt()
    yield from _flown()
    found = (_HELD - 1) ** 2 + (_HELD * sigma) ** 2 / n + _HELD**2 * (_CLEAN / _NOISE) / _ROWS
    yield Identity("|e_1(μ+σz̄) + e_2 x̄_0 − μ|²/d at t = 1, |z̄|² = d/n, |x̄_0|² = d/nm", f.expr, found)
    bayes = sigma**2 / (n + sigma**2)  # of a mean with |μ|² = d, from n points
    yield Limit(
        "the Bayes error for m → ∞, λ_w = mσ²", f.expr.subs(weight_decay, noises * sigma**2), noises, sp.oo, bayes
    )


_VARIABLES = tuple(variable(x) for x in (n, noises, weight_decay, sigma))

autoencoder_error = Formula(
    name="autoencoder_error",
    variables=_VARIABLES,
    branches=(Branch(_ERROR),),
    kind="asymptotic",
    regime="|μ̂−μ|²/d of the classes' mean as generated by a two-layer autoencoder, d → ∞ at fixed n, the same m noises "
    "of each point at all times; σ²(1+1/m)/n for many points, of which σ²/n is the error of the mean of the points",
    source="derived here; the setting and the order 1/n for m = 1 in cui2024",
    derivation=_autoencoder_error,
)

autoencoder_variance = Formula(
    name="autoencoder_variance",
    variables=_VARIABLES,
    branches=(Branch(_RATIO),),
    kind="asymptotic",
    regime="r, the variance within a class as generated by the same; σ²(1−1/n) for many noises, 0 for one point",
    source="derived here; the setting for m = 1 in cui2024",
    derivation=_autoencoder_variance,
)
