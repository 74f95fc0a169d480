"""Formula against simulation: the only part of theory that imports memgen.

`ALL` holds every check by name. `confront` puts a formula, or a wrong one, against what a check observes.
"""

from theory.checks import gaussians, linear, ou, spectra
from theory.checks.check import Check, Observation

ALL: dict[str, Check] = {check.name: check for chapter in (ou, gaussians, spectra, linear) for check in chapter.CHECKS}

__all__ = ["ALL", "Check", "Observation"]
