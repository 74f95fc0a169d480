"""Where a denoiser is between the two that are known: the population's and the training set's, in function space.

For data of known law both limits are at hand: D_pop, which has generalized perfectly, and D_emp, the posterior mean
over the training points, which has memorized perfectly. With ⟨f, g⟩ = E f(u)·g(u) over noised points u,

    a = ⟨D − D_pop, D_emp − D_pop⟩/‖D_emp − D_pop‖²,   b² = ‖D − D_pop‖²/‖D_emp − D_pop‖² − a².

a is the memorized fraction: 1 for D_emp, 0 for D_pop and for any error that is unrelated to the training set. b²
measures that error. A smaller a is less memorization, a smaller b² is better generalization, and neither implies the
other.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from memgen import arrays
from memgen.arrays import Numbers


class Fractions(NamedTuple):
    """a, b² and ‖D_emp − D_pop‖² per dimension, each of the leading shape (...) of what was given."""

    a: Tensor
    b_squared: Tensor
    separation: Tensor


def fractions(denoised: Numbers, population: Numbers, empirical: Numbers) -> Fractions:
    """Return a, b² and the separation, (...), from outputs (..., m, d) of three denoisers at the same m noised points.

    Leading axes broadcast. Raises ValueError on shapes that differ in m or d, values that are not finite or whose
    squares are not, and where D_emp and D_pop agree.
    """
    given = {"denoised": denoised, "population": population, "empirical": empirical}
    outputs = {name: arrays.finite(name, arrays.tensor(name, values)) for name, values in given.items()}
    shape = outputs["denoised"].shape
    for name, values in outputs.items():
        if values.ndim < 2 or 0 in values.shape or values.shape[-2:] != shape[-2:]:
            raise ValueError(f"{name} is {tuple(values.shape)}, denoised {tuple(shape)}: both must be (…, m, d)")
        arrays.squares(name, values)
    try:
        torch.broadcast_shapes(*(values.shape for values in outputs.values()))
    except RuntimeError:
        shapes = ", ".join(str(tuple(values.shape)) for values in outputs.values())
        raise ValueError(f"denoised, population and empirical do not broadcast: {shapes}") from None
    denoised, population, empirical = (v if v.is_floating_point() else v.double() for v in outputs.values())
    error, apart = (denoised - population).double(), (empirical - population).double()
    separation = apart.square().mean((-2, -1))
    if bool((separation == 0).any()):
        raise ValueError("the empirical and the population denoiser agree: nothing is between them")
    a = (error * apart).mean((-2, -1)) / separation
    rest = (error - a[..., None, None] * apart).square().mean((-2, -1))  # not a difference: b² may be tiny
    return Fractions(a, rest / separation, separation)
