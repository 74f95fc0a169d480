"""The checks of the chapter, in the modules that its formulas are in."""

from theory.checks.dimension import denoiser, subspace, torus

CHECKS = [*denoiser.CHECKS, *subspace.CHECKS, *torus.CHECKS]
