"""The steps of a derivation, and what it takes to believe each kind.

identity     SymPy reduces the residual to 0 (one that is not 0 at points tried first is refused at once)
limit        SymPy computes the limit, and the result is the stated one
quadrature   numerical integration agrees at the stated points to the stated digits
premise      cited, or argued in the text and met by a simulation: the check is named, and a test runs it
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from functools import cache, lru_cache, wraps
from typing import Any, NamedTuple

import mpmath
import sympy as sp


class DerivationError(AssertionError):
    """A step that does not hold; the message names the formula, the step and the residual."""


class Evidence(NamedTuple):
    """A verified step: its kind, its claim, and what was found."""

    kind: str
    claim: str
    found: str


@dataclass(frozen=True)
class Step:
    """One step of a derivation: its claim in words, and `found`: what was found, or None if the claim does not hold."""

    claim: str

    def found(self) -> str | None:
        """Return what was found, in words; None if the claim does not hold."""
        raise NotImplementedError


@dataclass(frozen=True)
class Identity(Step):
    """lhs = rhs, after the substitution `given` (a parametrisation in which logarithms of bounded symbols combine)."""

    lhs: Any
    rhs: Any
    given: Mapping[sp.Symbol, Any] = field(default_factory=dict)

    def found(self) -> str | None:
        return "residual 0" if vanishes(sp.sympify(self.lhs - self.rhs).subs(self.given)) else None


@dataclass(frozen=True)
class Limit(Step):
    """expr → value as variable → to (from the side `direction`)."""

    expr: sp.Expr
    variable: sp.Symbol
    to: Any
    value: Any
    direction: str = "+"

    def found(self) -> str | None:
        limit = sp.limit(self.expr, self.variable, self.to, self.direction)
        if limit == self.value or vanishes(limit - self.value):
            return f"limit {self.variable} → {self.to}"
        return None


@dataclass(frozen=True)
class Quadrature(Step):
    """∫ integrand over (variable, *breakpoints) = value at each of the points, to `digits` significant digits."""

    integrand: sp.Expr
    over: tuple
    value: sp.Expr
    points: tuple[Mapping[sp.Symbol, Any], ...]
    digits: int = 15

    def found(self) -> str | None:
        variable, *edges = self.over
        if not self.points:
            return None
        with mpmath.workdps(self.digits + 15):
            for point in self.points:
                exact = {s: mpmath.mpf(sp.Rational(v).p) / sp.Rational(v).q for s, v in point.items()}
                symbols = tuple(exact)
                integrand = sp.lambdify((variable, *symbols), self.integrand, "mpmath")
                at = [sp.lambdify(symbols, e, "mpmath")(*exact.values()) for e in (*edges, self.value)]
                integral = mpmath.quad(lambda x, f=integrand, p=exact: f(x, *p.values()), at[:-1])
                if not abs(integral - at[-1]) <= mpmath.mpf(10) ** (-self.digits) * max(abs(at[-1]), 1):
                    return None
        return f"{self.digits} digits at {len(self.points)} point{'s' * (len(self.points) > 1)}"


@dataclass(frozen=True)
class Premise(Step):
    """A statement not proved here: where it is proved or argued, and the simulation check that meets it."""

    source: str
    check: str

    def found(self) -> str | None:
        return f"{self.source}; met by {self.check}" if self.source and self.check else None


def verify(step: Step, name: str) -> Evidence:
    """Verify one step of the derivation of `name`; raise DerivationError if it does not hold."""
    kind = type(step).__name__.lower()
    found = _found(_Keyed(_key(step), step))
    if found is None:
        raise DerivationError(f"{name}: {kind} does not hold: {step.claim}")
    return Evidence(kind, step.claim, found)


def shared(steps: Callable[..., Iterable[Step]]) -> Callable[..., tuple[Step, ...]]:
    """Make steps only once: a decorator for those that several derivations share, and that do not depend on the
    formula."""

    @cache
    @wraps(steps)
    def made(*args: Any) -> tuple[Step, ...]:
        return tuple(steps(*args))

    return made


@dataclass(frozen=True)
class _Keyed:
    """A step that equals another one if all that it contains is equal."""

    key: tuple
    step: Step = field(compare=False)


@lru_cache(maxsize=4096)
def _found(keyed: _Keyed) -> str | None:
    """The result of `found`; a step that was verified once is not verified again, whatever formula it belongs to."""
    return keyed.step.found()


def _key(step: Step) -> tuple:
    return (type(step), *(_frozen(getattr(step, f.name)) for f in fields(step)))


def _frozen(value: Any) -> Any:
    if isinstance(value, Mapping):
        return tuple(value.items())
    if isinstance(value, tuple):
        return tuple(map(_frozen, value))
    return sp.ImmutableMatrix(value) if isinstance(value, sp.MatrixBase) else value


def vanishes(expr: Any) -> bool:
    """Whether SymPy reduces the expression (or every entry of a matrix) to zero."""
    if isinstance(expr, sp.MatrixBase):
        return all(vanishes(entry) for entry in expr)
    expr = sp.sympify(expr).doit()
    if _refuted(expr):
        return False
    if expr.is_rational_function():
        return sp.cancel(sp.together(expr)) == 0
    reductions = (
        sp.expand,
        lambda e: sp.simplify(sp.expand_log(sp.factor(e), force=True)),
        lambda e: sp.expand(sp.expand_log(e, force=True, factor=True)),
        lambda e: sp.simplify(sp.expand_log(sp.simplify(sp.logcombine(e, force=True)), force=True)),
    )
    return any(reduce(expr) == 0 for reduce in reductions)


# Trial values of residuals: symbols at numbers between 0 and 1, as γ and ρ are, spectra at three such numbers.
_TRIALS = tuple([sp.Rational(k * prime % 97, 97) for k in range(1, 33)] for prime in (5, 11, 31))


def _refuted(expr: sp.Expr) -> bool:
    """Whether the expression is a number other than 0 at every trial: SymPy takes minutes to give up on those."""
    expr = expr.replace(lambda e: hasattr(e, "over"), lambda e: e.over(_TRIALS[0][-3:]))
    symbols = sorted(expr.free_symbols, key=str)
    try:
        function = sp.lambdify(symbols, expr, [_implemented(expr), "mpmath"], cse=True)
        with mpmath.workdps(50):
            values = [mpmath.mpmathify(function(*map(mpmath.mpmathify, trial[: len(symbols)]))) for trial in _TRIALS]
        return all(mpmath.isfinite(value) and abs(value) > 1e-20 for value in values)
    except (ArithmeticError, NameError, TypeError, ValueError):
        return False  # not a number there: SymPy has to decide


def _implemented(expr: sp.Expr) -> dict[str, Any]:
    """Special functions in an expression that bring values of any precision, by name; not those that take minutes."""
    functions = {type(f) for f in expr.atoms(sp.Function)}
    return {f.__name__: f.mpmath for f in functions if hasattr(f, "mpmath") and not getattr(f, "slow", False)}
