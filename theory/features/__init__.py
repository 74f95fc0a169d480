"""Random-feature denoisers: losses by ridge, losses in the course of training, and the spectrum behind both."""

from theory.features.flow import ALL_NOISES, Setting, flow_losses, half_times, halfway, sine_setting, spectral_density
from theory.features.loss import features_test_loss, features_train_loss, sine_common

__all__ = [
    "ALL_NOISES",
    "Setting",
    "features_test_loss",
    "features_train_loss",
    "flow_losses",
    "half_times",
    "halfway",
    "sine_common",
    "sine_setting",
    "spectral_density",
]
