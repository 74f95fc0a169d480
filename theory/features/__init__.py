"""Denoisers as regressions: random features and kernels, their losses and spectra; a two-layer autoencoder."""

from theory.features.autoencoder import autoencoder_error, autoencoder_variance
from theory.features.flow import ALL_NOISES, Setting, flow_losses, half_times, halfway, sine_setting, spectral_density
from theory.features.kernel import (
    ARCSINE,
    SINE,
    TANGENT,
    Bands,
    Kernel,
    gram_bands,
    gram_density,
    gram_trace,
    limit_block,
)
from theory.features.loss import features_test_loss, features_train_loss, sine_common
from theory.features.loss_parts import (
    features_bias,
    features_noise_variance,
    features_point_variance,
    features_weight_variance,
)

__all__ = [
    "ALL_NOISES",
    "ARCSINE",
    "SINE",
    "TANGENT",
    "Bands",
    "Kernel",
    "Setting",
    "autoencoder_error",
    "autoencoder_variance",
    "features_bias",
    "features_noise_variance",
    "features_point_variance",
    "features_test_loss",
    "features_train_loss",
    "features_weight_variance",
    "flow_losses",
    "gram_bands",
    "gram_density",
    "gram_trace",
    "half_times",
    "halfway",
    "limit_block",
    "sine_common",
    "sine_setting",
    "spectral_density",
]
