"""Every symbol once: one letter, one meaning."""

import sympy as sp

from theory.core.formula import Variable

n, d, n_original, distance, probability, q = sp.symbols("n d n_original distance probability q", positive=True)

DIMENSION = Variable(d, "dimension", sp.Interval(1, sp.oo))
