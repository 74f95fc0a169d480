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

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, NamedTuple

import mpmath
import numpy as np
import sympy as sp
from scipy.optimize import elementwise
from scipy.special import hyp2f1
from sympy.codegen.cfunctions import log1p
from sympy.codegen.rewriting import expm1_opt, optimize

from theory.steps import Evidence, Step, verify

Kind = Literal["identity", "exact", "asymptotic", "bound", "heuristic", "empirical"]


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


class Variable(NamedTuple):
    """A named argument: symbol, meaning, unit, the set it must lie in, a default if it may be
    left out, and the letter it is typeset with, if not its name."""

    symbol: sp.Symbol
    meaning: str
    domain: sp.Set = sp.Interval.open(0, sp.oo)
    unit: str = "1"
    default: float | None = None
    spectrum: bool = False
    letter: str | None = None


class Branch(NamedTuple):
    """One phase: its value and the condition under which it holds; the first true condition wins."""

    value: sp.Expr
    condition: Any = sp.true


class Unknown(NamedTuple):
    """A symbol of the branches that solves `equation` = 0, the one sign change in (lower, upper)."""

    symbol: sp.Symbol
    equation: sp.Expr
    lower: sp.Expr
    upper: sp.Expr


class DomainError(ValueError):
    """An argument outside the regime of a formula; the message names the formula and the culprit."""


@dataclass(frozen=True, eq=False)
class Formula:
    """A closed form with its regime, source and derivation.

    `variables` are in call order.  `count`, if given, is the symbol bound to the length of the spectrum.
    `derivation` maps the formula itself to its steps, so a mutated copy is held against the same proof.
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

    @property
    def expr(self) -> sp.Expr:
        """The expression; phases as a Piecewise."""
        if len(self.branches) == 1:
            return self.branches[0].value
        return sp.Piecewise(*self.branches, evaluate=False)

    @property
    def equation(self) -> sp.Expr:
        """What the unknown solves, = 0."""
        if self.unknown is None:
            raise AttributeError(f"{self.name} is explicit: it has no equation")
        return self.unknown.equation

    def latex(self) -> str:
        """The expression typeset, the name on the left; the equation of the unknown, if any, below."""
        name = self.name.replace("_", r"\_")
        style = {"ln_notation": True, "symbol_names": {v.symbol: v.letter for v in self.variables if v.letter}}
        lines = [rf"\mathrm{{{name}}} = {sp.latex(self.expr, **style)}"]
        if self.unknown:
            lines.append(rf"{sp.latex(self.equation, **style)} = 0")
        return r",\qquad ".join(lines)

    def verify(self) -> list[Evidence]:
        """Verify every step of the derivation; raise `DerivationError` at the first that fails."""
        return [verify(step, self.name) for step in self.derivation(self)]

    def card(self) -> str:
        """Markdown: the expression, its regime and source, and the derivation, verified as this is called."""
        rows = "\n".join(f"| {e.kind} | {e.claim} | {e.found} |" for e in self.verify())
        head = f"$$ {self.latex()} $$\n\n*{self.kind}*: {self.regime}. Source: {self.source}."
        return f"{head}\n\n| step | claim | verified |\n|---|---|---|\n{rows}"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """float64 values; arguments broadcast, a spectrum over its last axis. Raises DomainError."""
        return self._evaluate(self.branches, args, kwargs)

    def log(self, *args: Any, **kwargs: Any) -> Any:
        """The natural logarithm of the value, computed without forming the value. TypeError where it has no digits."""
        for function in sp.sympify(self.expr).atoms(sp.Function):
            if not getattr(function, "has_log", True):
                raise TypeError(
                    f"{self.name}: {type(function).__name__} is known absolutely; its logarithm has no digits"
                )
        return self._evaluate(tuple(Branch(_log(b.value), b.condition) for b in self.branches), args, kwargs)

    def mp(self, *args: Any, dps: int = 50, **kwargs: Any) -> mpmath.mpf:
        """One value to `dps` digits; floats are taken at their exact binary value."""
        bound = self._bind(args, kwargs)
        spectra = {v.symbol for v in self.variables if v.spectrum}
        for symbol, value in bound.items():
            if np.ndim(value) != (symbol in spectra):
                raise TypeError(f"{self.name}: .mp takes one point, {symbol} has shape {np.shape(value)}")
        found: list[mpmath.mpf] = []
        # Cancellation costs an unknown number of digits: more of them until the result stands still, and is not 0.
        for working in (dps + 10 << k for k in range(5)):
            with mpmath.workdps(working):
                try:
                    result = self._mp_value(
                        {s: [_mpf(x) for x in v] if s in spectra else _mpf(v) for s, v in bound.items()}
                    )
                except ZeroDivisionError:  # a denominator that is 0 to these digits
                    continue
            with mpmath.workdps(dps):
                found.append(+mpmath.mpf(result))
            if found[-1] and found[-1] in found[:-1]:
                break
        if not found:
            raise ZeroDivisionError(f"{self.name}: a denominator is 0 at {_show(bound)}")
        return found[-1]

    def _mp_value(self, values: dict[sp.Symbol, Any]) -> mpmath.mpf:
        for value, condition in self.branches:
            if _mp_evaluate(condition, values):
                if self.unknown and value.has(self.unknown.symbol):
                    values[self.unknown.symbol] = _mp_root(self.unknown, values)
                return _mp_evaluate(value, values)
        raise DomainError(f"{self.name}: no phase covers {_show(values)}")

    # -- float64 ------------------------------------------------------------------------------------------------

    def _bind(self, args: tuple, kwargs: Mapping[str, Any]) -> dict[sp.Symbol, Any]:
        """Arguments by symbol, defaults filled in, the spectrum's length counted."""
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

    def _evaluate(self, branches: tuple[Branch, ...], args: tuple, kwargs: Mapping[str, Any]) -> Any:
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
                part = part | {self.unknown.symbol: _root(self.name, self.unknown, part)}
            values = _numeric(value, part).reshape(-1)
            if np.isnan(values).any():
                raise ArithmeticError(
                    f"{self.name}: not a number; use .log or .mp if the value leaves the range of float64"
                )
            out[rows] = values
        if left.size:
            first = {s: a[left[0]].squeeze() for s, a in arrays.items()}
            raise DomainError(f"{self.name}: no phase covers {_show(first)}")
        return out.reshape(shape)[()]


# -- numerical back ends -----------------------------------------------------------------------------------------


def _check_domain(name: str, variable: Variable, value: Any) -> None:
    symbol, domain = variable.symbol.name, variable.domain
    # What carries more digits than a float is compared as it is: 1 − 10⁻³⁰ is below 1.
    exact = isinstance(value, mpmath.mpf | sp.Basic)
    try:
        array = np.asarray(sp.Rational(value) if isinstance(value, str) else value, object if exact else float)
    except (TypeError, ValueError):
        raise TypeError(f"{name}: {symbol} must be a real number or an array of them, got {value!r:.60}") from None
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


def _log(value: sp.Expr) -> sp.Expr:
    return -sp.oo if value == 0 else sp.expand_log(sp.log(value), force=True)


def _special(expr: Any, backend: str) -> dict[str, Any]:
    """Implementations that functions of ours bring along as attributes `numpy` and `mpmath`."""
    functions = {type(f) for f in sp.sympify(expr).atoms(sp.Function)}
    found = {f.__name__: getattr(f, backend) for f in functions if hasattr(f, backend)}
    if backend == "numpy":
        found["hyper"] = lambda a, b, z: hyp2f1(*a, *b, z)
        found["spectral_mean"] = lambda f, s: np.mean(f, axis=-1, keepdims=True)
    return found


def _log_of(argument: sp.Expr) -> sp.Expr:
    """ln(1 + x) by log1p; SymPy's own rewriting factors the argument first, which costs digits."""
    return log1p(argument - 1) if argument.is_Add and sp.S.One in argument.args else sp.log(argument)


_INERT_MEAN = sp.Function("spectral_mean")


@lru_cache(maxsize=512)
def _compile(expr: Any, symbols: tuple[sp.Symbol, ...], backend: str) -> Callable[..., Any]:
    if backend == "numpy":
        # Shared subexpressions get names; a live Mean would take such a name for a constant and move it outside.
        expr = expr.replace(Mean, _INERT_MEAN)
        if isinstance(expr, sp.Expr):
            expr = optimize(expr, [expm1_opt]).replace(sp.log, _log_of)
        elif isinstance(expr, sp.core.relational.Relational):
            expr = expr.func(*(side.replace(sp.log, _log_of) for side in expr.args), evaluate=False)
        return sp.lambdify(symbols, expr, [_special(expr, "numpy"), "numpy"], cse=True)
    return sp.lambdify(symbols, expr, [_special(expr, "mpmath"), "mpmath"])


def _at(rows: np.ndarray, arrays: dict[sp.Symbol, np.ndarray]) -> dict[sp.Symbol, np.ndarray]:
    """The arrays at these rows; at all of them, no copies."""
    return {s: a if rows.size == a.shape[0] else a.take(rows, 0) for s, a in arrays.items()}


def _numeric(expr: Any, arrays: Mapping[sp.Symbol, np.ndarray]) -> np.ndarray:
    length = next(iter(arrays.values())).shape[0]
    # What is beyond float64 is ∞ there, also by way of a denominator that underflows, and finite under .log.
    with np.errstate(over="ignore", divide="ignore"):
        value = _compile(sp.sympify(expr), tuple(arrays), "numpy")(*arrays.values())
    return np.broadcast_to(value, (length, 1))


def _root(name: str, unknown: Unknown, arrays: Mapping[sp.Symbol, np.ndarray]) -> np.ndarray:
    rows = np.arange(next(iter(arrays.values())).shape[0])

    low, high = (_numeric(edge, arrays).reshape(-1) for edge in (unknown.lower, unknown.upper))
    # A positive bracket may span hundreds of decades: bisect its logarithm.
    positive = bool(np.all(low > 0))
    forward, backward = (np.log, np.exp) if positive else (np.asarray, np.asarray)

    def equation(y: np.ndarray, row: np.ndarray) -> np.ndarray:
        part = {s: a[row] for s, a in arrays.items()} | {unknown.symbol: backward(y).reshape(-1, 1)}
        return _numeric(unknown.equation, part).reshape(y.shape)

    tolerances = {"xatol": 1e-16 if positive else 0.0, "xrtol": 4e-16, "fatol": 0.0, "frtol": 0.0}
    result = elementwise.find_root(
        equation, (forward(low), forward(high)), args=(rows,), tolerances=tolerances, maxiter=2000
    )
    if not np.all(result.success):
        culprit = {s: a[np.argmin(result.success)].squeeze() for s, a in arrays.items()}
        raise ArithmeticError(f"{name}: no root of {unknown.symbol} in its bracket at {_show(culprit)}")
    return backward(result.x).reshape(-1, 1)


def _mpf(value: Any) -> mpmath.mpf:
    if isinstance(value, sp.Basic):
        return mpmath.mpf(sp.Rational(value).p) / mpmath.mpf(sp.Rational(value).q)
    return mpmath.mpf(value.item() if isinstance(value, np.generic | np.ndarray) else value)


@lru_cache(maxsize=512)
def _stand_in(mean: Mean) -> sp.Symbol:
    return sp.Dummy()


def _mp_evaluate(expr: Any, values: Mapping[sp.Symbol, Any]) -> Any:
    """Evaluate at the working precision; a Mean becomes the explicit average over its spectrum."""
    expr = sp.sympify(expr)
    scalars = {s: v for s, v in values.items() if not isinstance(v, list)}
    means = {}
    for mean in expr.atoms(Mean):
        f, s = mean.args
        inner = _compile(f, (*scalars, s), "mpmath")
        average = mpmath.fsum(inner(*scalars.values(), x) for x in values[s]) / len(values[s])
        means[mean] = (_stand_in(mean), average)
    expr = expr.xreplace({mean: dummy for mean, (dummy, _) in means.items()})
    scalars |= dict(means.values())
    return _compile(expr, tuple(scalars), "mpmath")(*scalars.values())


def _mp_root(unknown: Unknown, values: Mapping[sp.Symbol, Any]) -> mpmath.mpf:
    low, high = (_mp_evaluate(edge, values) for edge in (unknown.lower, unknown.upper))
    forward, backward = (mpmath.log, mpmath.exp) if low > 0 else (mpmath.mpf, mpmath.mpf)

    def equation(y: mpmath.mpf) -> mpmath.mpf:
        return _mp_evaluate(unknown.equation, {**values, unknown.symbol: backward(y)})

    bracket = (forward(low), forward(high))
    return backward(mpmath.findroot(equation, bracket, solver="bisect", tol=mpmath.eps, maxsteps=2000, verify=False))


def _show(values: Mapping[sp.Symbol, Any]) -> str:
    return ", ".join(f"{s} = {v}" if np.ndim(v) == 0 else f"{s} = spectrum" for s, v in values.items())
