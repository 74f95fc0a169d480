"""Tools for people with data or a model (`audit`, `predict`, `watch`); experiments against which theory is held."""
