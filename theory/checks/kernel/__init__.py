"""The checks of the chapter, in the modules that its formulas are in."""

from theory.checks.kernel import condensation, estimate

CHECKS = [*estimate.CHECKS, *condensation.CHECKS]
