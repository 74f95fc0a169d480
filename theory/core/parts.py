"""What a formula is made of: variables, phases, an unknown; and the error for arguments outside its regime."""

from __future__ import annotations

from typing import Any, NamedTuple

import sympy as sp


class Variable(NamedTuple):
    """A named argument: symbol, meaning, the set that it must lie in, unit, and a default if it may be left out.

    `letter` is how it is typeset, if not by its name. `values` are all values that the letter can have: a formula with
    another domain has a step that says why.
    """

    symbol: sp.Symbol
    meaning: str
    domain: sp.Set = sp.Interval.open(0, sp.oo)
    unit: str = "1"
    default: float | None = None
    spectrum: bool = False
    letter: str | None = None
    values: sp.Set | None = None


class Branch(NamedTuple):
    """One phase: its value and the condition under which it holds; the first true condition wins."""

    value: sp.Expr
    condition: Any = sp.true


class Layout(NamedTuple):
    """How a long formula is typeset: its value and the equation of its unknown, both in terms of parts, and these
    parts.

    A part is (symbol, letter, expression in terms of those before it). Put in one by one they give the formula. The
    equation is None where there is no unknown.
    """

    value: sp.Expr
    equation: sp.Expr | None
    parts: tuple[tuple[sp.Symbol, str, sp.Expr], ...]


class Unknown(NamedTuple):
    """A symbol of the branches that solves `equation` = 0, the one sign change in (lower, upper)."""

    symbol: sp.Symbol
    equation: sp.Expr
    lower: sp.Expr
    upper: sp.Expr
    letter: str | None = None


class DomainError(ValueError):
    """An argument outside the regime of a formula; the message names the formula and the culprit."""
