"""The checks of the chapter, in the modules that its formulas are in."""

from theory.checks.transition import distances, overlap

CHECKS = [*overlap.CHECKS, *distances.CHECKS]
