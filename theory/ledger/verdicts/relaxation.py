"""What the theory of late times says of the claim that a linear score is enough."""

from typing import NamedTuple

from memgen.figures.relaxation import left_over, linear_errors, passes_half, relaxation_times
from theory.ledger.ruling import Criterion, Question


class Missed(NamedTuple):
    """What linear scores miss of the squared score, for two equal Gaussians at ±100 σ, and unequal ones."""

    at_relaxation: float  # the best linear score at the spectral t_R
    later: float  # and half a unit of time later
    tangent_at_relaxation: float  # the paper's
    tangent_later: float
    equal_time: float  # the spectral t_R
    unequal_time: float  # that of two of weights 4 : 1 with the same variance
    unequal_at_relaxation: float  # the best linear score then
    unequal_later: float  # and half a unit of time after the t_R of one Gaussian of that variance


def _missed() -> Missed:
    at, later = (left_over(100.0, late) for late in (0.0, 0.5))
    own, times = passes_half("skewed", 100.0), relaxation_times(100.0)
    unequal, unequal_later = (linear_errors("skewed", 100.0, t)[0] for t in (own, times["gaussian"] + 0.5))
    return Missed(
        at["best"], later["best"], at["tangent"], later["tangent"], times["mixture"], own, unequal, unequal_later
    )


gaussian_after_relaxation = Question(
    _missed,
    (
        Criterion(
            "holds",
            "the best linear score misses less than 0.001 at t_R, for equal classes and for unequal ones",
            lambda e: e.at_relaxation < 1e-3 and e.unequal_at_relaxation < 1e-3,
        ),
        Criterion(
            "holds with a correction",
            "it misses less than a tenth at t_R, and ten times less half a unit later, for equal classes, whatever it "
            "does for unequal ones",
            lambda e: e.at_relaxation < 0.1 and e.later < e.at_relaxation / 10,
        ),
        Criterion(
            "fails", "for equal classes it misses more than a tenth half a unit after t_R", lambda e: e.later > 0.1
        ),
    ),
    lambda e: (
        f"{e.at_relaxation:.3f} of the squared score missed; unequal classes: {e.unequal_at_relaxation:.1f}.",
        "For Gaussian data the score is linear at all times. For two Gaussians at ±100 σ the best linear score leaves "
        f"{e.at_relaxation:.3f} at t_R (the time at which the quadratic form is halved) of a squared score of order 1, "
        f"and {e.later:.1e} half a unit of time later: late, it falls as e^(−8t), and t_R is where it begins to. The "
        f"expansion's own linear score is the tangent at the centre and leaves {e.tangent_at_relaxation:.3f} and "
        f"{e.tangent_later:.1e}. For two classes of weights 4 to 1 and the variance of these two, t_R by the same "
        f"definition is {e.unequal_time:.2f}, long before the {e.equal_time:.2f} of equal ones, and there the best "
        f"linear score leaves {e.unequal_at_relaxation:.2f}. Half a unit of time after the t_R of one Gaussian of this "
        f"variance, it leaves {e.unequal_later:.3f}.",
    ),
)
