"""Precision: every formula in float64 against high precision, over the whole of its stated domain.

Points are log-uniform between the ends of each variable, or as far as `REACH` where there is none; some lie at ends
and on both sides of boundaries between phases. Floats are taken at their exact value, so nothing is forgiven for being
ill-conditioned. Rows: one for the value and one for the logarithm of a formula at each point, with the error that is
allowed there (see `stated`).

The error of a value is relative; what leaves the range of float64 must be 0 or ∞ there, and below 10⁻³⁰⁸, where floats
have fewer digits, anything as small is right. The error of a logarithm is |ln f − reference| over the larger of 1 and
|reference|: where ln f is near 0 it is that of f.
"""

import json
import math
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, NamedTuple

import mpmath
import numpy as np
import pandas as pd
import sympy as sp
from pydantic import Field

from memgen.errors import one_line
from memgen.evidence.stated import SMALLEST, Point, allowed
from memgen.runs.parameters import ChapterParams
from memgen.streams import stream
from theory.catalogue import formulas
from theory.core.formula import DomainError, Formula, Variable
from theory.core.two_gaussians import class_entropy, class_information, negentropy, score_gap

VERSION = 1
DIGITS = 30
REACH = {
    **dict.fromkeys(("n", "n_original", "n_holdout", "n_generated", "inverse_trace"), (1e-12, 1e12)),
    **dict.fromkeys(("d", "D", "order"), (1e-12, 1e6)),
    "t": (1e-12, 700.0),
    "alpha": (1e-12, 30.0),  # ln n/d
    "a": (1e-12, 1e5),
    "guidance": (1e-12, 1e3),
    **dict.fromkeys(("features", "samples"), (1e-6, 1e6)),  # p/d and n/d
    **dict.fromkeys(("of_point", "of_noise", "common", "fresh"), (1e-9, 1.0)),  # parts of a mean square below 1
}
SIZES = {"sharpness": (50, 400)}  # of a spectrum: condensed sums have many directions
_FAR = (1e-12, 1e12)  # of every other letter
_LARGEST = 1.797e308
_EDGES, _BOUNDARIES = 0.15, 0.2  # shares of the values, and of the points
_TRIES = 40  # draws for a point at which the formula is defined


class Params(ChapterParams):
    """Every formula at `points` points, with `seconds` of processor time for each reference value."""

    presets: ClassVar = {
        "smoke": {"points": 2, "seconds": 1.0},
        "standard": {"points": 20, "seconds": 4.0},
        "paper": {"points": 100, "seconds": 8.0},
    }

    points: int | None = Field(None, ge=1)
    seconds: float | None = Field(None, gt=0)


class Cell(NamedTuple):
    """Points of one formula."""

    formula: str
    points: int
    seconds: float
    seed: int


def grid(params: Params) -> list[Cell]:
    """One cell for each formula; slow ones, whose reference values take about a second, have a tenth of the points."""
    p = params.resolved()
    assert p.points is not None and p.seconds is not None
    return [
        Cell(name, max(1, p.points // 10) if slow(formula) else p.points, p.seconds, p.seed)
        for name, formula in formulas().items()
    ]


def cell(at: Cell) -> pd.DataFrame:
    """Rows: formula, kind, point, value, reference, error, seconds of .mp, outcome; two for each point."""
    return measure(formulas()[at.formula], at.points, at.seconds, at.seed)


def slow(formula: Formula) -> bool:
    """Whether a reference value of this formula takes about a second: some integrals, and others in an equation."""
    equation = sp.sympify(formula.unknown.equation if formula.unknown else 0)
    return formula.slow or equation.has(class_information, class_entropy, negentropy, score_gap)


def measure(formula: Formula, count: int, seconds: float, seed: int, digits: int = DIGITS) -> pd.DataFrame:
    """The rows of a formula at `count` points drawn for it; it need not be in the catalogue."""
    return compare(formula, [draw(formula, seed, k) for k in range(count)], seconds, digits)


def compare(formula: Formula, points: list[Point], seconds: float, digits: int = DIGITS) -> pd.DataFrame:
    """The rows of a formula at these points."""
    if not points:
        raise ValueError(f"{formula.name}: no points, nothing is measured")
    rows = [row for point in points for row in _rows(formula, point, seconds, digits)]
    columns = ["formula", "kind", "point", "value", "reference", "error", "allowed", "seconds", "outcome"]
    return pd.DataFrame(rows, columns=columns)


# -- points --------------------------------------------------------------------------------------------------------
def draw(formula: Formula, seed: int, k: int) -> Point:
    """Point k of a formula: the first of some draws at which it is defined, or the last of them."""
    for attempt in range(_TRIES):
        rng = stream(seed, "precision", formula.name, k, attempt)
        point = _inside(formula, rng)
        if rng.random() < _BOUNDARIES:
            point = _boundary(formula, point, rng) or point
        if formula.phase(**point) is not None:
            break
    return point


def _inside(formula: Formula, rng: np.random.Generator) -> Point:
    return {v.symbol.name: _spectrum(v, rng) if v.spectrum else _number(v, rng) for v in formula.variables}


def _number(variable: Variable, rng: np.random.Generator) -> float:
    """A value of a variable: its distance from an end is log-uniform, or it is an end."""
    name, domain = variable.symbol.name, variable.domain
    least, most = REACH.get(name, _FAR)
    low, high = (float(end) for end in (domain.inf, domain.sup))
    size = float(np.exp(rng.uniform(np.log(least), np.log(most))))
    if math.isinf(low):  # the real line
        return rng.choice((-1.0, 1.0)) * size if rng.random() > _EDGES else 0.0
    if rng.random() < _EDGES:
        ends = [low + least if low == 0 else float(np.nextafter(low, np.inf))] if domain.left_open else [low]
        if math.isinf(high):
            ends.append(most)
        else:
            ends.append(float(np.nextafter(high, -np.inf)) if domain.right_open else high)
        return float(rng.choice(ends))
    if math.isinf(high):
        if low == 0:
            return size
        value = low + size if rng.random() < 0.25 else float(np.exp(rng.uniform(np.log(low), np.log(most))))
        return float(np.clip(round(value) if rng.random() < 0.5 else value, np.nextafter(low, np.inf), most))
    away = (high - low) / 2 * float(np.exp(rng.uniform(np.log(1e-15), 0)))
    return low + away if rng.random() < 0.5 else high - away


def _spectrum(variable: Variable, rng: np.random.Generator) -> list[float]:
    """The values of a spectrum: a few over many decades, or nearly or wholly the same."""
    size = int(rng.integers(*SIZES.get(variable.symbol.name, (1, 6))))
    if rng.random() < 0.6:
        return [_number(variable, rng) for _ in range(size)]
    one = _number(variable, rng)
    apart = rng.uniform(-1, 0, size) * np.exp(rng.uniform(np.log(1e-15), 0)) * rng.integers(0, 2)
    return [float(x) for x in one * (1 + apart) if variable.domain.contains(sp.Float(x))] or [one]


def _boundary(formula: Formula, start: Point, rng: np.random.Generator) -> Point | None:
    """A point within one rounding of a boundary between two phases, on either side; None if none was found."""
    end, here = _inside(formula, rng), formula.phase(**start)
    order = [v.symbol.name for v in formula.variables]
    if formula.count is not None:  # along a spectrum of one size
        order = [name for name in order if not isinstance(start[name], list)]
    for name in rng.permutation(order):
        moved = start | {str(name): end[name]}
        if np.shape(start[name]) == np.shape(moved[name]) and formula.phase(**moved) != here:
            return _bisected(formula, start, moved, str(name), bool(rng.integers(0, 2)))
    return None


def _bisected(formula: Formula, a: Point, b: Point, name: str, second: bool) -> Point:
    """The last point of the phase of a on the way to b along one variable; if `second`, the first one beyond."""
    here = formula.phase(**a)
    while True:
        middle = np.asarray(a[name]) + (np.asarray(b[name]) - np.asarray(a[name])) / 2
        if np.all((middle == a[name]) | (middle == b[name])):
            return b if second else a
        point = a | {name: middle.tolist()}
        if formula.phase(**point) == here:
            a = point
        else:
            b = point


# -- comparison ----------------------------------------------------------------------------------------------------
def _rows(formula: Formula, point: Point, seconds: float, digits: int) -> Iterator[tuple]:
    text = json.dumps(point)
    reference, spent, missing = _reference(formula, point, seconds, digits)
    for kind, function in (("value", formula), ("log", formula.log)):
        value, outcome = _attempt(function, point)
        shown, error, stated = "", math.nan, math.nan
        if reference is not None:
            stated = allowed(formula.name, kind, point, float(reference))
        if reference is not None and (kind == "value" or reference >= 0):
            with mpmath.workdps(digits):
                exact = reference if kind == "value" else _logarithm(reference)
                shown = mpmath.nstr(exact, digits - 5)
                if value is not None:
                    error = (_error if kind == "value" else _log_error)(value, exact)
        elif reference is not None:
            outcome = "refused: a negative number has no logarithm"
        elif value is not None:
            outcome = missing
        stored = math.nan if value is None else value
        yield formula.name, kind, text, stored, shown, error, stated, spent, outcome


def _attempt(function: Callable[..., Any], point: Point) -> tuple[float | None, str]:
    try:
        with np.errstate(all="ignore"):
            return float(function(**point)), "compared"
    except (DomainError, TypeError) as error:
        return None, f"refused: {one_line(error)}"
    except Exception as error:
        return None, f"failed: {type(error).__name__}: {one_line(error)}"


def _reference(formula: Formula, point: Point, seconds: float, digits: int) -> tuple[mpmath.mpf | None, float, str]:
    """The reference value, the processor time it took, and why there is none.

    A formula with a function that is known only to an absolute error is computed to half the digits.
    """
    if not all(getattr(function, "has_log", True) for function in sp.sympify(formula.expr).atoms(sp.Function)):
        digits = min(digits, DIGITS // 2)
    start = time.process_time()
    try:
        with _limit(seconds):
            return formula.mp(**point, dps=digits), time.process_time() - start, ""
    except _OutOfTime:
        return None, time.process_time() - start, "no reference in time"
    except (DomainError, TypeError) as error:
        return None, time.process_time() - start, f"refused by .mp: {one_line(error)}"
    except Exception as error:
        return None, time.process_time() - start, f"failed in .mp: {type(error).__name__}: {one_line(error)}"


def _logarithm(reference: mpmath.mpf) -> mpmath.mpf:
    return mpmath.log(reference) if reference else mpmath.mpf("-inf")


def _error(value: float, exact: mpmath.mpf) -> float:
    beyond = math.isinf(value) and value * mpmath.sign(exact) > 0 and abs(exact) >= _LARGEST
    if value == exact or beyond or (abs(exact) < SMALLEST and abs(value) < SMALLEST):
        return 0.0
    return float(abs(value - exact) / max(abs(exact), mpmath.mpf(SMALLEST)))


def _log_error(value: float, exact: mpmath.mpf) -> float:
    return 0.0 if value == exact else float(abs(value - exact) / max(1, abs(exact)))


class _OutOfTime(BaseException):  # not to be caught on the way
    pass


@contextmanager
def _limit(seconds: float) -> Iterator[None]:
    """Raise _OutOfTime after this much processor time; a busy machine does not count."""
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("the time of a reference value is limited by a signal, which takes the main thread")

    def stop(*_: Any) -> None:
        raise _OutOfTime

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
