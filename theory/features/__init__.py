"""Random-feature denoisers: losses by ridge, losses in the course of training, and the spectrum behind both."""

from theory.features.flow import flow_losses, spectral_density
from theory.features.loss import features_test_loss, features_train_loss, sine_common

__all__ = ["features_test_loss", "features_train_loss", "flow_losses", "sine_common", "spectral_density"]
