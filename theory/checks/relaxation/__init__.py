"""The checks of the chapter, in the modules that its formulas are in."""

from theory.checks.relaxation import gaussian, late_time, mixture

CHECKS = [*gaussian.CHECKS, *late_time.CHECKS, *mixture.CHECKS]
