"""Data, models, training, sampling and measuring: the experiments that theory is held against."""
