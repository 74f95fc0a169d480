"""Denoisers of one class, and guidance towards it.

A labelled point is the point, followed by the indicator of its class; if all of the indicator is zero, no class is
given.
"""

import torch
from torch import Tensor

from memgen.denoisers.mlp import MLP
from memgen.denoisers.sampling import Denoiser


def told(model: MLP, indicator: Tensor) -> Denoiser:
    """A denoiser u (m, d), τ → (m, d): the network, of one model, with the class of each point given, indicators (m,
    k)."""
    return lambda u, tau: model(torch.cat([u, indicator.to(u)], -1), tau)[..., : model.d]


def guided(of_class: Denoiser, plain: Denoiser, weight: float) -> Denoiser:
    """The guided denoiser D_c + w(D_c − D), away from what points of all classes share. Ho & Salimans 2022, eq. (6).

    Where the noised point has decided for a class D_c = D, and guidance does nothing.
    """

    def denoise(u: Tensor, tau: float) -> Tensor:
        clean = of_class(u, tau)
        return clean + weight * (clean - plain(u, tau)) if weight else clean

    return denoise
