"""Formula: a closed form that carries its regime, its source and its proof.

A `Formula` is a frozen record: a SymPy expression per phase, the variables with their meaning and domain,
and a derivation whose steps can be verified and can fail.
It is used in five ways::

    f.expr                   the SymPy expression (a Piecewise where there are phases)
    f.latex()                the same, typeset
    f(n=..., d=...)          float64, vectorised, exact phase at every point
    f.log(n=..., d=...)      ln f, where f itself would overflow or underflow
    f.mp(n=..., d=..., dps=50)   one point to any number of digits

A variable declared `spectrum=True` occupies the last axis of its argument and enters expressions only inside
`Mean(·, symbol)`.  What is defined by an equation rather than an expression names its `Unknown`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from operator import itemgetter
from typing import Any, Literal

import mpmath
import numpy as np
import sympy as sp

from theory.core.bounds import explained
from theory.core.evaluate import _at, _log, _mp_evaluate, _mp_root, _mpf, _numeric, _root, _show
from theory.core.memory import remembered
from theory.core.parts import Branch, DomainError, Layout, Unknown, Variable
from theory.core.steps import Evidence, Premise, Step, verify
from theory.core.typeset import display, laid_out

Kind = Literal["identity", "exact", "asymptotic", "bound", "heuristic", "empirical"]


@dataclass(frozen=True, eq=False)
class Formula:
    """A closed form with its regime, source and derivation.

    `variables` are in call order.  `count`, if given, is the symbol bound to the length of the spectrum.
    `derivation` maps the formula itself to its steps, so a mutated copy is held against the same proof; `bounds` does
    so for its conditions, bracket and restricted ends. It inherits the premises of the formulas that it `rests_on`.
    A `layout` names its parts where it is typeset.
    """

    name: str
    variables: tuple[Variable, ...]
    branches: tuple[Branch, ...]
    kind: Kind
    regime: str
    source: str
    derivation: Callable[[Formula], Iterable[Step]]
    unknown: Unknown | None = None
    count: sp.Symbol | None = None
    bounds: Callable[[Formula], Iterable[Step]] | None = None
    rests_on: tuple[Formula, ...] = ()
    layout: Layout | None = None

    @property
    def expr(self) -> sp.Expr:
        """The expression; phases as a Piecewise."""
        if len(self.branches) == 1:
            return self.branches[0].value
        return sp.Piecewise(*self.branches, evaluate=False)

    @property
    def absolute(self) -> str | None:
        """The function in it, if any, that is known to an absolute error only, so that its logarithm has no digits."""
        functions = sp.sympify(self.expr).atoms(sp.Function)
        return min((type(f).__name__ for f in functions if not getattr(f, "has_log", True)), default=None)

    @property
    def slow(self) -> bool:
        """Whether `.mp` takes seconds to minutes, for a function in the expression or in the equation."""
        parts = [self.expr, self.unknown.equation if self.unknown else 0]
        return any(getattr(f, "slow", False) for part in parts for f in sp.sympify(part).atoms(sp.Function))

    @property
    def equation(self) -> sp.Expr:
        """The expression that is 0 at the unknown. AttributeError if the formula has none."""
        if self.unknown is None:
            raise AttributeError(f"{self.name} is explicit: it has no equation")
        return self.unknown.equation

    def latex(self) -> str:
        """The expression typeset, the name on the left; the equation of the unknown, if any, below."""
        shown: list[Variable | Unknown] = [*self.variables, *([self.unknown] if self.unknown else [])]
        letters = {v.symbol: v.letter for v in shown if v.letter}
        name = self.name.replace("_", r"\_")
        if self.layout is not None:
            return laid_out(rf"\mathrm{{{name}}}", self.layout, letters)
        return display(rf"\mathrm{{{name}}}", self.branches, self.unknown.equation if self.unknown else None, letters)

    def verify(self) -> list[Evidence]:
        """Verify every step: where it holds, why, and what it rests on; raise `DerivationError` at one that fails."""
        module = sys.modules[self.derivation.__module__]
        if not module.__name__.startswith("theory.") or getattr(module, self.name, None) is not self:
            return self._prove()  # a mutated copy, say
        return [Evidence(*step) for step in remembered(f"{module.__name__}.{self.name}", self._prove)]

    def _prove(self) -> list[Evidence]:
        bounds = list(self.bounds(self)) if self.bounds else []
        where = [verify(step, self.name) for step in bounds]
        explained(self, bounds)
        why = [verify(step, self.name) for step in self.derivation(self)]
        inherited = [
            verify(step, self.name)._replace(kind=f"premise of {name}")
            for name, step in premises(self)
            if name != self.name
        ]
        return [*why, *where, *inherited]

    def card(self) -> str:
        """Markdown: the expression, its regime and source, and the derivation, verified as this is called."""
        steps = [[cell.replace("|", r"\|") for cell in step] for step in self.verify()]
        rows = "\n".join(f"| {kind} | {claim} | {found} |" for kind, claim, found in steps)
        head = f"$$ {self.latex()} $$\n\n*{self.kind}*: {self.regime}. Source: {self.source}."
        return f"{head}\n\n| step | claim | verified |\n|---|---|---|\n{rows}"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """float64 values; arguments broadcast, a spectrum over its last axis. Raises DomainError.

        Where float64 gives no number, or 0 or ∞ from arguments beyond 10^±100, because it left its range on the way,
        the value is computed by `.mp`.
        """
        return self._evaluate(self.branches, args, kwargs)

    def log(self, *args: Any, **kwargs: Any) -> Any:
        """The natural logarithm of the value, computed without forming the value. TypeError where it has no digits.

        Where parts of it leave the range of float64 all the same, it is computed by `.mp`, point by point.
        """
        if absolute := self.absolute:
            raise TypeError(f"{self.name}: {absolute} is known absolutely; its logarithm has no digits")
        return self._evaluate(tuple(Branch(_log(b.value), b.condition) for b in self.branches), args, kwargs, True)

    def mp(self, *args: Any, dps: int = 50, **kwargs: Any) -> mpmath.mpf:
        """One value to `dps` digits; floats are taken at their exact binary value."""
        bound = self._bind(args, kwargs)
        spectra = {v.symbol for v in self.variables if v.spectrum}
        for symbol, value in bound.items():
            if np.ndim(value) != (symbol in spectra):
                raise TypeError(f"{self.name}: .mp takes one point, {symbol} has shape {np.shape(value)}")
        found: list[mpmath.mpf] = []
        failed: ArithmeticError | None = None
        start = dps + 10 + _lost_beside_one(bound.values())
        # Cancellation costs an unknown number of digits: more of them until the result stands still, and is not 0.
        for working in (int(start * 1.5**k) for k in range(8)):
            with mpmath.workdps(working):
                try:
                    result, known = self._mp_value(
                        {s: [_mpf(x) for x in v] if s in spectra else _mpf(v) for s, v in bound.items()}
                    )
                except ArithmeticError as error:  # to these digits a denominator is 0, or an equation has no root
                    failed = error
                    continue
            with mpmath.workdps(dps):
                found.append(+mpmath.mpf(result))
            if known or (found[-1] and found[-1] in found[:-1]):
                break
        if not found:
            assert failed is not None
            if isinstance(failed, ZeroDivisionError):
                raise ZeroDivisionError(f"{self.name}: a denominator is 0 at {_show(bound)}")
            raise failed
        return found[-1]

    def phase(self, *args: Any, **kwargs: Any) -> int | None:
        """The number of the phase that float64 finds at one point; None where none covers it. Raises DomainError."""
        bound = self._bind(args, kwargs)
        arrays = {s: np.reshape(np.asarray(v, float), (1, -1)) for s, v in bound.items()}
        for k, (_, condition) in enumerate(self.branches):
            if condition == sp.true or _numeric(condition, arrays).item():
                return k
        return None

    def _mp_value(self, values: dict[sp.Symbol, Any]) -> tuple[mpmath.mpf, bool]:
        """The value, and whether it is known for certain: a number that a phase states, or a function that is `sure` of
        its digits."""
        for value, condition in self.branches:
            if _mp_evaluate(condition, values):
                zeros = {s: 0 for s, v in values.items() if not isinstance(v, list) and v == 0}
                if zeros and value.subs(zeros) == 0:  # and not for want of digits
                    return mpmath.mpf(0), True
                if self.unknown and value.has(self.unknown.symbol):
                    values[self.unknown.symbol] = _mp_root(self.name, self.unknown, values)
                return _mp_evaluate(value, values), value.is_number or getattr(type(value), "sure", False)
        raise DomainError(f"{self.name}: no phase covers {_show(values)}")

    # -- float64 ------------------------------------------------------------------------------------------------

    def _bind(self, args: tuple, kwargs: Mapping[str, Any]) -> dict[sp.Symbol, Any]:
        """Arguments by symbol, with defaults filled in and the length of the spectrum counted."""
        names = [v.symbol.name for v in self.variables]
        if len(args) > len(names):
            raise TypeError(f"{self.name}: takes {len(names)} arguments ({', '.join(names)}), got {len(args)}")
        given = dict(zip(names, args, strict=False))
        for name, value in kwargs.items():
            if name not in names or name in given:
                raise TypeError(f"{self.name}: unexpected or repeated argument '{name}' (takes {', '.join(names)})")
            given[name] = value
        bound = {}
        for variable in self.variables:
            value = given.get(variable.symbol.name, variable.default)
            if value is None:
                raise TypeError(f"{self.name}: missing argument '{variable.symbol.name}' ({variable.meaning})")
            _check_domain(self.name, variable, value)
            bound[variable.symbol] = value
            if variable.spectrum and self.count is not None:
                bound[self.count] = np.shape(value)[-1]
        return bound

    def _evaluate(self, branches: tuple[Branch, ...], args: tuple, kwargs: Mapping[str, Any], log: bool = False) -> Any:
        bound = self._bind(args, kwargs)
        spectra = {v.symbol for v in self.variables if v.spectrum}
        # Scalars get a trailing axis of length one, so that they broadcast against a spectrum on the last axis.
        arrays = {
            s: np.asarray(v, float) if s in spectra else np.asarray(v, float)[..., None] for s, v in bound.items()
        }
        try:
            shape = np.broadcast_shapes(*(a.shape[:-1] for a in arrays.values()))
        except ValueError:
            given = ", ".join(f"{s} {np.shape(v)}" for s, v in bound.items())
            raise ValueError(f"{self.name}: shapes do not broadcast: {given}") from None
        arrays = {s: np.broadcast_to(a, shape + a.shape[-1:]).reshape(-1, a.shape[-1]) for s, a in arrays.items()}
        out = np.empty(int(np.prod(shape)))
        left = np.arange(out.size)  # the points that no phase has covered yet
        for value, condition in branches:
            if not left.size:
                break
            rows, part = left, _at(left, arrays)
            if condition != sp.true:
                holds = _numeric(condition, part).reshape(-1)
                hits, left = np.flatnonzero(holds), left.take(np.flatnonzero(~holds))
                rows, part = rows.take(hits), _at(hits, part)
            else:
                left = left[:0]
            if not rows.size:
                continue
            if self.unknown and value.has(self.unknown.symbol):
                part = part | {self.unknown.symbol: _root(self.unknown, part)}
            out[rows] = _numeric(value, part).reshape(-1)
            if not value.is_number:
                doubtful = _doubtful(out[rows], part.values(), log)
                out[rows[doubtful]] = [self._exact(_at(np.array([k]), part), log) for k in doubtful]
        if left.size:
            first = {s: a[left[0]].squeeze() for s, a in arrays.items()}
            raise DomainError(f"{self.name}: no phase covers {_show(first)}")
        return out.reshape(shape)[()]

    def _exact(self, at: Mapping[sp.Symbol, np.ndarray], log: bool) -> float:
        """The value at one point, or its logarithm, by `.mp`."""
        spectra = {v.symbol for v in self.variables if v.spectrum}
        given = {
            s: at[s].reshape(-1).tolist() if s in spectra else at[s].item() for s in map(itemgetter(0), self.variables)
        }
        try:
            value = self.mp(**{s.name: v for s, v in given.items()}, dps=20)
        except (TypeError, ValueError, ZeroDivisionError):  # a complex number, say
            value = mpmath.nan
        if mpmath.isnan(value) or (log and value < 0):
            what = "the logarithm of a negative number" if value < 0 else "not a number"
            raise ArithmeticError(f"{self.name}: {what} at {_show(given)}")
        return float(value) if not log else float(mpmath.log(value)) if value else -np.inf


@cache
def premises(formula: Formula) -> tuple[tuple[str, Premise], ...]:
    """What a formula takes on trust, its own and that of the formulas it rests on: each with the name it comes from."""
    own = [(formula.name, step) for step in formula.derivation(formula) if isinstance(step, Premise)]
    found = {step: name for other in formula.rests_on for name, step in premises(other)}
    found |= {step: name for name, step in own}
    return tuple((name, step) for step, name in found.items())


# -- numerical back ends -----------------------------------------------------------------------------------------
def _doubtful(values: np.ndarray, arguments: Iterable[np.ndarray], log: bool) -> np.ndarray:
    """Indices where float64 left its range on the way: at what is not a number, at ln of what is 0, ∞ or has lost
    digits, and at what is 0, ∞ or nearly so if an argument, or a root, is itself so far out that its powers are."""
    with np.errstate(invalid="ignore"):
        at_end = np.isinf(values) | (np.abs(values + 722) < 24 if log else np.abs(values) < 1e-300)
        out = np.any([((np.abs(a) > 1e100) | ((np.abs(a) < 1e-100) & (a != 0))).any(-1) for a in arguments], axis=0)
    return np.flatnonzero(np.isnan(values) | (at_end & (out | log)))


def _lost_beside_one(values: Iterable[Any]) -> int:
    """Digits that the square of an argument beyond 10^±15 loses when 1 is added to it, or it to 1; up to there, 0."""
    parts = [_mpf(x) for value in values for x in (value if np.ndim(value) else [value])]
    sizes = [abs(int(mpmath.log10(abs(x)))) for x in parts if x and mpmath.isfinite(x)]
    return 2 * max((size for size in sizes if size > 15), default=0)


def _check_domain(name: str, variable: Variable, value: Any) -> None:
    symbol, domain = variable.symbol.name, variable.domain
    # What carries more digits than a float is compared as it is: 1 − 10⁻³⁰ is below 1.
    exact = isinstance(value, mpmath.mpf | sp.Basic)
    try:
        given = sp.Rational(value) if isinstance(value, str) else value
        if isinstance(given, np.ma.MaskedArray) or np.asarray(given).dtype.kind in "cMm":
            raise TypeError
        array = np.asarray(given, object if exact else float)
    except OverflowError:
        raise DomainError(f"{name}: {symbol} is beyond the largest number of float64 ({variable.meaning})") from None
    except Exception:  # whoever claims to be an array may raise anything
        shown = " ".join(repr(value).split())
        raise TypeError(f"{name}: {symbol} must be a real number or an array of them, got {shown:.60}") from None
    if variable.spectrum and (array.ndim == 0 or array.shape[-1] == 0):
        raise DomainError(f"{name}: {symbol} must be a non-empty spectrum along its last axis")
    low, high = float(domain.inf), float(domain.sup)
    above = (array > low) if domain.left_open else (array >= low)
    below = (array < high) if domain.right_open else (array <= high)
    bad = ~(np.asarray(above, bool) & np.asarray(below, bool))
    if bad.any():
        culprit = float(array[bad].flat[0] if array.ndim else array)
        brackets = "(["[not domain.left_open] + "{}, {}" + ")]"[not domain.right_open]
        raise DomainError(
            f"{name}: {symbol} = {culprit:g} is outside {brackets.format(domain.inf, domain.sup)} ({variable.meaning})"
        )
