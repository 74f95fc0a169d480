"""Formula against simulation: the only part of theory that imports memgen.

`ALL` holds every check by name. `confront` puts a formula, or a wrong one, against what a check observes.
"""

from theory.checks import (
    bisector,
    collapse,
    condensation,
    gaussians,
    kernel,
    late_time,
    linear,
    mixture,
    mixture_relaxation,
    ou,
    relaxation,
    spectra,
    training,
    transition,
)
from theory.checks.check import Check, Observation

_CHAPTERS = (
    ou,
    gaussians,
    spectra,
    kernel,
    bisector,
    relaxation,
    late_time,
    linear,
    transition,
    collapse,
    condensation,
    mixture,
    mixture_relaxation,
    training,
)
ALL: dict[str, Check] = {check.name: check for chapter in _CHAPTERS for check in chapter.CHECKS}

__all__ = ["ALL", "Check", "Observation"]
