"""The checks of the chapter, in the modules that its formulas are in."""

from theory.checks.sampling import levels, multistep, steps

CHECKS = [*multistep.CHECKS, *steps.CHECKS, *levels.CHECKS]
