"""The functions that decide the claims, by chapter."""
