"""The criteria of chapter 6: on a perfect generator, and where each turns on the linear one."""

from theory.checks.criteria import crossings, nulls

CHECKS = [*nulls.CHECKS, *crossings.CHECKS]
