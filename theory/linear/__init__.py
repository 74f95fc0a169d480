"""Chapter 3: the law that a linear denoiser, fitted by least squares, generates in one step."""

from theory.linear.determinants import generated_logdet, logdet_correction, shifted_logdet
from theory.linear.fluctuations import logdet_offset, logdet_variance
from theory.linear.hard_edge import inverse_trace_tail, kl_true_generated_scale, singular_density
from theory.linear.hellinger import hellinger2, log_affinity
from theory.linear.isotropic import generated_mean_error, generated_trace, kl_generated_true, kl_true_generated
from theory.linear.noises import noises_trace
from theory.linear.spectrum import (
    generated_logdet_spectrum,
    generated_trace_spectrum,
    kl_generated_true_spectrum,
    kl_true_generated_spectrum,
    likelihood_threshold,
)

__all__ = [
    "generated_logdet",
    "generated_logdet_spectrum",
    "generated_mean_error",
    "generated_trace",
    "generated_trace_spectrum",
    "hellinger2",
    "inverse_trace_tail",
    "kl_generated_true",
    "kl_generated_true_spectrum",
    "kl_true_generated",
    "kl_true_generated_scale",
    "kl_true_generated_spectrum",
    "likelihood_threshold",
    "log_affinity",
    "logdet_correction",
    "logdet_offset",
    "logdet_variance",
    "noises_trace",
    "shifted_logdet",
    "singular_density",
]
