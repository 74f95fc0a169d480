"""At how many samples would each criterion of chapter 6 turn, for the linear denoiser on data with this spectrum?"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from memgen.predict.spectrum import Spectrum

Basis = Literal["rank", "spectrum", "heuristic"]


@dataclass(frozen=True)
class Criterion:
    """A criterion and the number of samples n* at which it turns, None where no formula applies (`note` says why).

    `basis`: "rank": the criterion does not change under affine maps, so that the formula for white data holds with the
    rank for d; "spectrum": a formula for any spectrum; "heuristic": a formula for white data, with a number of equal
    directions in place of d, which `note` names.  `met`: whether the n that was asked about is beyond n*.
    """

    name: str
    label: str
    turns: str
    n_star: float | None
    basis: Basis
    note: str
    met: bool | None


def criteria(spectrum: Spectrum, rows: int, n: int) -> tuple[Criterion, ...]:
    """All criteria in the order of n*; those for which no formula holds come last."""
    from theory import criteria as theory

    rank, effective = float(spectrum.rank), spectrum.participation
    unseen = rank >= rows - 1  # the rows span all that they can: there may be many more directions
    whole = f"at the rank, {spectrum.rank}" if not unseen else f"at the rank, {spectrum.rank} or more: too few rows"
    part = f"at the participation ratio, {effective:.3g}"
    overlap = f"{whole}, though its kernel is round: other spectra turn later"
    one_step, tau, why = _one_step(spectrum, rows)

    def at_rank(value: Callable[[float], float]) -> float:
        return np.inf if unseen else value(rank)

    table: list[tuple[str, Basis, str, Callable[[], float]]] = [
        ("nearest_ratio", "heuristic", "many equal directions", lambda: float(theory.flagged_samples())),
        ("wasserstein2", "heuristic", part, lambda: float(theory.wasserstein_samples(effective))),
        ("two_models", "heuristic", part, lambda: float(theory.consistency_samples(effective))),
        ("kl_generated_true", "rank", whole, lambda: at_rank(float)),
        ("kl_true_generated", "spectrum", why or f"one step at the noise {tau:.3g}", lambda: one_step),
        ("best_kernel", "heuristic", part, lambda: float(theory.best_kernel_samples(effective))),
        ("closest_record", "heuristic", part, lambda: theory.closest_record_crossing(effective)),
        ("membership", "rank", whole, lambda: at_rank(theory.membership_crossing)),
        ("overlap", "heuristic", overlap, lambda: at_rank(theory.overlap_crossing)),
        ("membership_known", "rank", whole, lambda: at_rank(_known)),
    ]
    found = [_criterion(*entry, n) for entry in table]
    return tuple(sorted(found, key=lambda one: np.inf if one.n_star is None else one.n_star))


def _criterion(name: str, basis: Basis, note: str, value: Callable[[], float], n: int) -> Criterion:
    from memgen.figures.criteria.crossings import CRITERIA

    about = CRITERIA[name].label, CRITERIA[name].turns
    try:
        n_star = value()
    except ValueError:  # out of the formula's domain, or, in very few directions, no crossing
        return Criterion(name, *about, None, basis, f"no formula for so few directions ({note})", None)
    if not np.isfinite(n_star):
        return Criterion(name, *about, None, basis, note, None)
    return Criterion(name, *about, n_star, basis, note, bool(n > n_star))


def _known(d: float) -> float:
    """Where membership turns for who knows the law: a formula for many dimensions. DomainError below 16 of them."""
    from theory.core.parts import DomainError
    from theory.criteria import membership_known_crossing

    if d < 16:
        raise DomainError(f"membership_known: d = {d:g} is outside [16, oo)")
    return membership_known_crossing(d)


def _one_step(spectrum: Spectrum, rows: int) -> tuple[float, float, str]:
    """(n*, noise, reason): where KL(O‖G) turns in one step at the noise of the data's own scale; if n* is ∞, the reason
    why.

    tr Σ⁻¹ is tr S⁻¹ but for a factor (N − d − 1)/N, exactly for a Gaussian law.
    """
    from theory.linear import likelihood_threshold

    tau = float(np.sqrt(spectrum.total / spectrum.rank))
    room = (rows - 1 - spectrum.rank - 1) / (rows - 1)
    if room <= 0:
        return np.inf, tau, "the rows are too few to estimate the small eigenvalues"
    return float(likelihood_threshold(spectrum.eigenvalues / room, tau)), tau, ""
