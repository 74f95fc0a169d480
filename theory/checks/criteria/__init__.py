"""The criteria of chapter 6: their values for a perfect generator, and where each turns on the linear one."""

from theory.checks.criteria import crossings, nulls

CHECKS = [*nulls.CHECKS, *crossings.CHECKS]
