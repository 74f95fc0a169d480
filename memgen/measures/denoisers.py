"""Where a denoiser is between the two that are known: the population's and the training set's, in function space.

For data of known law both limits are at hand: D_pop, which has generalized perfectly, and D_emp, the posterior mean
over the training points, which has memorized perfectly. With ⟨f, g⟩ = E f(u)·g(u) over noised points u,

    a = ⟨D − D_pop, D_emp − D_pop⟩/‖D_emp − D_pop‖²,   b² = ‖D − D_pop‖²/‖D_emp − D_pop‖² − a².

a is the memorized fraction: 1 for D_emp, 0 for D_pop and for whatever error is unrelated to the training set. b² is
that error. Less of a is less memorization, less of b² is better generalization, and neither implies the other.
"""

from typing import NamedTuple

from torch import Tensor

from memgen.arrays import finite


class Fractions(NamedTuple):
    """a, b² and ‖D_emp − D_pop‖² per dimension, each of the leading shape (...) of what was given."""

    a: Tensor
    b_squared: Tensor
    separation: Tensor


def fractions(denoised: Tensor, population: Tensor, empirical: Tensor) -> Fractions:
    """Outputs (..., m, d) of three denoisers at the same m noised points; broadcasts over the leading axes.

    Raises ValueError on shapes that differ in m or d, values that are not finite, and where D_emp and D_pop agree.
    """
    for name, values in (("denoised", denoised), ("population", population), ("empirical", empirical)):
        if values.shape[-2:] != denoised.shape[-2:]:
            raise ValueError(f"{name} is (…, {values.shape[-2]}, {values.shape[-1]}), denoised {tuple(denoised.shape)}")
        finite(name, values)
    error, apart = (denoised - population).double(), (empirical - population).double()
    separation = apart.square().mean((-2, -1))
    if bool((separation == 0).any()):
        raise ValueError("the empirical and the population denoiser agree: nothing is between them")
    a = (error * apart).mean((-2, -1)) / separation
    rest = (error - a[..., None, None] * apart).square().mean((-2, -1))  # not a difference: b² may be tiny
    return Fractions(a, rest / separation, separation)
