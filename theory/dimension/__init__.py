"""Ambient or intrinsic dimension: how many samples a denoiser needs where the data fill a part of their space.

`denoiser` has the error and the scatter of linear ones, for any spectrum and any number of noises; `subspace` the law
that they generate; `torus` what the exact score knows on a curved manifold.
"""

from theory.dimension.denoiser import denoiser_error, denoiser_scatter, effective_dimension
from theory.dimension.subspace import kl_subspace, subspace_logdet
from theory.dimension.torus import torus_information

__all__ = [
    "denoiser_error",
    "denoiser_scatter",
    "effective_dimension",
    "kl_subspace",
    "subspace_logdet",
    "torus_information",
]
