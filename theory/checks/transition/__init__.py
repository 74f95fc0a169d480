"""The checks of the chapter, in the modules that its formulas are in."""

from theory.checks.transition import condensed, distances, overlap

CHECKS = [*overlap.CHECKS, *condensed.CHECKS, *distances.CHECKS]
