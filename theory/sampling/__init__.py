"""Chapter 9: the law that a linear denoiser generates in finitely many steps, and what the steps cost."""

from theory.sampling.estimate import unbiased_kl
from theory.sampling.filters import SpectralFilter, ddim_variance, excess_kl, filtered_kl, steps_kl
from theory.sampling.levels import best_steps, least_loss, spacing_loss, spacing_slope
from theory.sampling.multistep import kl_multistep, kl_multistep_reverse
from theory.sampling.steps import ddim_loss, ddpm_deficit, euler_maruyama_step, heun_step, reverse_step

__all__ = [
    "SpectralFilter",
    "best_steps",
    "ddim_loss",
    "ddim_variance",
    "ddpm_deficit",
    "euler_maruyama_step",
    "excess_kl",
    "filtered_kl",
    "heun_step",
    "kl_multistep",
    "kl_multistep_reverse",
    "least_loss",
    "reverse_step",
    "spacing_loss",
    "spacing_slope",
    "steps_kl",
    "unbiased_kl",
]
