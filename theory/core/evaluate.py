"""Numbers from expressions: vectorised float64 and any precision, roots of equations included."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

import mpmath
import numpy as np
import sympy as sp
from scipy.optimize import elementwise
from scipy.special import hyp2f1
from sympy.codegen.cfunctions import expm1, log1p

from theory.core.mean import Mean
from theory.core.parts import Unknown
from theory.core.roots import bracketed
from theory.core.special import log_expm1


def _log(value: sp.Expr) -> sp.Expr:
    return -sp.oo if value == 0 else sp.expand_log(sp.log(value), force=True)


def _hyper(a: tuple, b: tuple, z: Any) -> np.ndarray:
    """₂F₁; SciPy's is infinite next to its branch point for large or degenerate parameters: there by mpmath."""
    value = np.asarray(hyp2f1(*a, *b, z))
    if not np.isinf(value).any():
        return value
    points = np.broadcast_arrays(*a, *b, z)
    near = np.isinf(value) & (points[-1] < 1)
    value[near] = [float(mpmath.hyp2f1(*point)) for point in zip(*(p[near].tolist() for p in points), strict=True)]
    return value


def _special(parts: Iterable[sp.Basic], backend: str) -> dict[str, Any]:
    """Implementations that functions of ours bring along as attributes `numpy` and `mpmath`."""
    functions = {type(f) for part in parts for f in part.atoms(sp.Function)}
    found = {f.__name__: getattr(f, backend) for f in functions if hasattr(f, backend)}
    if backend == "numpy":
        found["hyper"] = _hyper
        found["spectral_mean"] = lambda f, s: np.mean(f, axis=-1, keepdims=True)
    return found


def upwards(expr: sp.Basic, rule: Callable[[sp.Basic], sp.Basic]) -> sp.Basic:
    """The expression with every part put through the rule, leaves first and each part once.

    SymPy's `replace` goes through a part as often as it occurs: tens of thousands of times in a long formula.
    """
    known: dict[sp.Basic, sp.Basic] = {}

    def changed(part: sp.Basic) -> sp.Basic:
        if part not in known:
            args = tuple(map(changed, part.args))
            known[part] = rule(part if args == part.args else part.func(*args))
        return known[part]

    return changed(expr)


def _log_of(argument: sp.Expr) -> sp.Expr:
    """ln of an argument, by log1p for 1 + x, and beyond the range of e^x for e^x − 1; SymPy's own rewriting costs
    digits."""
    if isinstance(argument, expm1):
        return log_expm1(*argument.args)
    return log1p(argument - 1) if argument.is_Add and sp.S.One in argument.args else sp.log(argument)


def _expm1_in(total: sp.Expr) -> sp.Expr:
    """The sum with c·e^u − c written as c·(e^u − 1). SymPy's own rewriting factors all it sees, for seconds."""
    left, found = list(total.args), []
    for term in total.args:
        powers, c = sp.sift(sp.Mul.make_args(term), lambda factor: isinstance(factor, sp.exp), binary=True)
        if len(powers) == 1 and term in left and -sp.Mul(*c) in left:
            left.remove(term)
            left.remove(-sp.Mul(*c))
            found.append(sp.Mul(*c, expm1(*powers[0].args)))
    return sp.Add(*left, *found) if found else total


def _one_less(total: sp.Expr) -> sp.Expr:
    """The sum with 1 − x, which is exact for x near 1, formed before anything else is added."""
    less = [term for term in total.args if (-term).is_Symbol]
    if len(less) != 1:
        return total
    return sp.Add(sp.UnevaluatedExpr(1 + less[0]), *(term for term in total.args if term not in (1, less[0])))


_INERT_MEAN = sp.Function("spectral_mean")


def prepared(expr: Any) -> Any:
    """An expression or a condition with e^x − 1 and ln(1 + x) as functions that keep their digits."""
    if isinstance(expr, sp.Expr):
        kept = upwards(expr, lambda e: _expm1_in(e) if e.is_Add else e)
        kept = upwards(kept, lambda e: _log_of(*e.args) if isinstance(e, sp.log) else e)
        return upwards(kept, lambda e: _one_less(e) if e.is_Add and len(e.args) > 2 and sp.S.One in e.args else e)
    if isinstance(expr, sp.core.relational.Relational):
        return expr.func(*map(prepared, expr.args), evaluate=False)
    if isinstance(expr, sp.And):
        return sp.And(*map(prepared, expr.args), evaluate=False)
    return expr


@lru_cache(maxsize=512)
def _compile(expr: Any, symbols: tuple[sp.Symbol, ...], backend: str) -> Callable[..., Any]:
    if backend == "numpy":
        # Shared subexpressions get names; a live Mean would take such a name for a constant and move it outside.
        expr = upwards(expr, lambda e: _INERT_MEAN(*e.args) if isinstance(e, Mean) else e)
    expr = prepared(expr)
    # By hand, for lambdify would first look through all that the names stand for.
    named, value = sp.cse(expr, list=False)
    functions = _special([part for _, part in named] + [value], backend)
    if backend == "mpmath":
        functions |= {"expm1": mpmath.expm1, "log1p": mpmath.log1p}
    return sp.lambdify(symbols, value, [functions, backend], cse=lambda value: (named, value))


def _at(rows: np.ndarray, arrays: dict[sp.Symbol, np.ndarray]) -> dict[sp.Symbol, np.ndarray]:
    """The arrays at these rows; without copies if these are all rows."""
    return {s: a if rows.size == a.shape[0] else a.take(rows, 0) for s, a in arrays.items()}


def _numeric(expr: Any, arrays: Mapping[sp.Symbol, np.ndarray]) -> np.ndarray:
    length = next(iter(arrays.values())).shape[0]
    # What is beyond float64 is ∞ there, also by way of a denominator that underflows, and finite under .log. What is
    # not a number, such as ∞·0, is computed exactly or refused by those who ask.
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        value = _compile(sp.sympify(expr), tuple(arrays), "numpy")(*arrays.values())
    if np.iscomplexobj(value):  # the logarithm of a negative number
        value = np.where(np.imag(value) == 0, np.real(value), np.nan)
    return np.broadcast_to(value, (length, 1))


def _root(unknown: Unknown, arrays: Mapping[sp.Symbol, np.ndarray]) -> np.ndarray:
    """The root at each point; not a number where float64 finds none."""
    rows = np.arange(next(iter(arrays.values())).shape[0])

    low, high = (_numeric(edge, arrays).reshape(-1) for edge in (unknown.lower, unknown.upper))
    # A positive bracket may span hundreds of decades: bisect its logarithm.
    positive = bool(np.all(low > 0))
    forward, backward = (np.log, np.exp) if positive else (np.asarray, np.asarray)

    def equation(y: np.ndarray, row: np.ndarray) -> np.ndarray:
        part = {s: a[row] for s, a in arrays.items()} | {unknown.symbol: backward(y).reshape(-1, 1)}
        return _numeric(unknown.equation, part).reshape(y.shape)

    tolerances = {"xatol": 1e-16 if positive else 0.0, "xrtol": 4e-16, "fatol": 0.0, "frtol": 0.0}
    with np.errstate(invalid="ignore"):  # 0·∞, where the equation is infinite at an end
        result = elementwise.find_root(
            equation, (forward(low), forward(high)), args=(rows,), tolerances=tolerances, maxiter=2000
        )
    # A change of sign beside ∞ is where the equation leaves the range of float64, and no root.
    found = result.success & np.isfinite(result.f_bracket).all(0)
    return np.where(found, backward(result.x), np.nan).reshape(-1, 1)


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
    known: dict[Mean, sp.Symbol] = {}
    for mean in sorted(expr.atoms(Mean), key=lambda mean: len(mean.atoms(Mean))):  # those within others first
        f, s = mean.args
        inner = _compile(f.xreplace(known), (*scalars, s), "mpmath")
        average = mpmath.fsum(inner(*scalars.values(), x) for x in values[s]) / len(values[s])
        known[mean] = _stand_in(mean)
        scalars[known[mean]] = average
    expr = expr.xreplace(known)
    return _compile(expr, tuple(scalars), "mpmath")(*scalars.values())


def _mp_root(name: str, unknown: Unknown, values: Mapping[sp.Symbol, Any]) -> mpmath.mpf:
    low, high = (_mp_evaluate(edge, values) for edge in (unknown.lower, unknown.upper))
    forward, backward = (mpmath.log, mpmath.exp) if low > 0 else (mpmath.mpf, mpmath.mpf)

    def inside(y: mpmath.mpf) -> mpmath.mpf:
        return min(max(backward(y), low), high)

    def equation(y: mpmath.mpf) -> mpmath.mpf:
        return _mp_evaluate(unknown.equation, {**values, unknown.symbol: inside(y)})

    root = bracketed(equation, forward(low), forward(high))
    if root is None:
        raise ArithmeticError(f"{name}: no root of {unknown.symbol} in its bracket at {_show(values)}")
    return inside(root)


def _show(values: Mapping[sp.Symbol, Any]) -> str:
    return ", ".join(f"{s} = {v}" if np.ndim(v) == 0 else f"{s} = spectrum" for s, v in values.items())
