"""Denoisers: maps from a noised point to an estimate of the clean one."""
