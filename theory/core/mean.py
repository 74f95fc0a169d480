"""Averages over a spectrum, left unevaluated in expressions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sympy as sp


class Mean(sp.Function):
    """Mean(f, s): the average of f over the spectrum s, a linear functional left unevaluated in expressions."""

    nargs = 2

    @classmethod
    def eval(cls, f: sp.Expr, s: sp.Symbol) -> sp.Expr | None:
        f = sp.expand(f) if f.is_polynomial(s) else f
        if f.is_Add:
            return sp.Add(*[cls(term, s) for term in f.args])
        if not f.has(s):
            return f
        constant, rest = f.as_independent(s, as_Add=False)
        return None if constant == 1 else constant * cls(rest, s)

    def over(self, values: Iterable[Any]) -> sp.Expr:
        """The average over these numbers."""
        f, s = self.args
        terms = [f.subs(s, value) for value in values]
        return sp.Add(*terms) / len(terms)

    def _eval_derivative(self, symbol: sp.Symbol) -> sp.Expr:
        f, s = self.args
        return Mean(sp.diff(f, symbol), s)

    def _latex(self, printer: Any, exp: str = "") -> str:
        inner, over = map(printer._print, self.args)
        return rf"\left\langle {inner} \right\rangle_{{{over}}}" + (f"^{{{exp}}}" if exp else "")


def single(expr: sp.Expr) -> sp.Expr:
    """A spectral expression for one direction alone: ⟨f⟩ is f. Derivatives and sums commute with the average."""
    return expr.replace(lambda e: isinstance(e, Mean), lambda e: e.args[0])
