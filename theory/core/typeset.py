"""Formulas as LaTeX that fits a page: sums are broken into rows, long parts get the names A₁, A₂, …"""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import sympy as sp

from theory.core.mean import Mean
from theory.core.parts import Branch, Layout
from theory.core.special import log_add, log_expm1, log_ndtr
from theory.core.stable import log_mills, log_stable_excess

_PHI, _MILLS, _ARCCOT = sp.Function(r"\Phi"), sp.Function("R"), sp.Function(r"\mathrm{arccot}")
_EXCESS = sp.Function(r"\mathrm{stable\_excess}")  # shown where the gap and the exponent are no letters
_EULER = sp.Dummy("euler", positive=True)  # SymPy sets Euler's constant as γ, which is a letter of ours
_WIDE = 64  # columns of SymPy's text form that fit a line of the book
_MOST = 1.25 * _WIDE  # columns that MathJax can still take


def display(name: str, branches: Sequence[Branch], equation: sp.Expr | None, letters: Mapping[sp.Symbol, str]) -> str:
    """LaTeX of a formula: name = the value of each phase, the equation of the unknown, and the parts that got names."""
    shown = {_EULER: r"\gamma_{\mathrm{E}}", **letters}
    style: dict[str, Any] = {"ln_notation": True, "inv_trig_style": "full", "symbol_names": shown}
    values = [_plain(branch.value) for branch in branches]
    parts, (*values, last) = _named([*values, sp.S.Zero if equation is None else _plain(equation)])
    for symbol, _ in parts:
        shown[symbol] = symbol.name
    rows = _cases(name, values, [branch.condition for branch in branches], style)
    if equation is not None:
        rows += _rows("0", last, style)
    for symbol, part in parts:
        rows += _rows(symbol.name, part, style)
    return rows[0].replace("&", "", 1) if len(rows) == 1 else r"\begin{aligned}" + r"\\ ".join(rows) + r"\end{aligned}"


def laid_out(name: str, layout: Layout, letters: Mapping[sp.Symbol, str]) -> str:
    """LaTeX of a formula with a layout, which says itself what parts have names."""
    shown = {**letters, **{symbol: letter for symbol, letter, _ in layout.parts}}
    style: dict[str, Any] = {"ln_notation": True, "inv_trig_style": "full", "symbol_names": shown}
    beside = 2 * _WIDE // 3  # the name of the formula stands before every row
    rows = _rows(name, layout.value, style, beside)
    if layout.equation is not None:
        rows += _rows("0", layout.equation, style, beside)
    for _, letter, part in layout.parts:
        rows += _rows(letter, part, style, beside)
    return r"\begin{aligned}" + r"\\ ".join(rows) + r"\end{aligned}"


@lru_cache(maxsize=4096)
def width(expr: Any) -> int:
    """Columns that an expression takes in SymPy's text form, every letter as one character."""
    symbols = sorted(sp.sympify(expr).atoms(sp.Symbol), key=str)
    short = {symbol: sp.Symbol(chr(ord("a") + k)) for k, symbol in enumerate(symbols)}
    text = sp.pretty(sp.sympify(expr).xreplace(short), use_unicode=True, wrap_line=False, num_columns=100_000)
    return max(map(len, text.splitlines()))


def _plain(value: sp.Expr) -> sp.Expr:
    """Write e to the logarithm of something as that thing: only arithmetic with floats needs the logarithm."""

    def undone(exponent: sp.Expr) -> sp.Expr:
        sums, rest = sp.S.One, sp.S.Zero
        for term in sp.Add.make_args(exponent):
            if isinstance(term, log_add):
                sums *= sp.Add(*map(sp.exp, term.args))
            elif isinstance(-term, log_add):
                sums /= sp.Add(*map(sp.exp, (-term).args))
            elif isinstance(term, log_ndtr):
                sums *= _PHI(*term.args)
            elif isinstance(-term, log_mills):
                sums /= _MILLS(*(-term).args)
            elif isinstance(term, log_expm1):
                sums *= sp.exp(term.args[0]) - 1
            elif isinstance(term, log_stable_excess):
                x, m = term.args
                arc = _ARCCOT((sp.exp(x) + sp.cos(sp.pi * m)) / sp.sin(sp.pi * m)) / (sp.pi * m)
                sums *= arc if m.is_Symbol else _EXCESS(x / m, m)
            else:
                rest += term
        return sums * sp.exp(rest)

    return sp.sympify(value).xreplace({sp.EulerGamma: _EULER}).replace(sp.exp, undone)


def _named(exprs: list[sp.Expr]) -> tuple[list[tuple[sp.Symbol, sp.Expr]], list[sp.Expr]]:
    """Give names to what is repeated in wide expressions, then to what alone is too wide; averages stay whole."""
    if all(width(expr) <= _WIDE for expr in exprs):
        return [], exprs
    means = {mean: sp.Dummy() for expr in exprs for mean in _in_order(expr.atoms(Mean))}
    back = {dummy: mean for mean, dummy in means.items()}
    names = (sp.Dummy(f"A_{{{k}}}") for k in range(1, 100))
    repeated, exprs = sp.cse([expr.xreplace(means) for expr in exprs], symbols=sp.numbered_symbols("A", sp.Dummy))
    small = {symbol: part for symbol, part in repeated if width(part) < _WIDE // 6}  # not worth a name
    parts: list[tuple[sp.Symbol, sp.Expr]] = []
    known: dict[sp.Symbol, sp.Expr] = {}
    for symbol, part in repeated:
        part = part.xreplace(known)
        if symbol in small:
            known[symbol] = part
        else:
            known[symbol] = name = next(names)
            parts.append((name, part))
    exprs = [expr.xreplace(known) for expr in exprs]
    changed = True
    while changed:
        changed = False
        for part in _too_wide([*exprs, *(value for _, value in parts)]):
            name = next(names)
            exprs = [expr.xreplace({part: name}) for expr in exprs]
            parts = [(symbol, value.xreplace({part: name})) for symbol, value in parts] + [(name, part)]
            changed = True
            break
    for dummy, mean in list(back.items()):  # if too wide, its constant part (of other averages) gets a name
        if width(mean) > _MOST:
            inside = {inner: sp.Dummy() for inner in _in_order(mean.args[0].atoms(Mean))}
            term = mean.args[0].xreplace(inside)
            constant = [e for e in sp.preorder_traversal(term) if e.has(*inside.values()) and not e.has(mean.args[1])]
            if constant:
                name = next(names)
                parts.append((name, constant[0].xreplace({d: m for m, d in inside.items()})))
                back[dummy] = Mean(term.xreplace({constant[0]: name}), mean.args[1])
    for dummy, mean in list(back.items()):  # an average gets a name where nothing else makes a line of it
        holders = [e for e in (*exprs, *(part for _, part in parts)) if e.has(dummy) and e != dummy]
        if any(width(term) > _MOST for e in holders for term in sp.Add.make_args(e.xreplace(back))):
            back[dummy] = name = next(names)
            parts.append((name, mean))
    return [(symbol, part.xreplace(back)) for symbol, part in parts], [expr.xreplace(back) for expr in exprs]


def _in_order(found: set[Any]) -> list[Any]:
    """The members of a set in SymPy's order; the order of hashes differs from run to run, and would show in the
    result."""
    return sorted(found, key=sp.default_sort_key)


def _too_wide(exprs: list[sp.Expr]) -> Iterator[sp.Expr]:
    """Yield, for each term that does not fit a line, the widest part of it that does."""
    for expr in exprs:
        for term in sp.Add.make_args(expr):
            if width(term) > _WIDE:
                inner = [e for e in sp.postorder_traversal(term) if isinstance(e, sp.Expr) and e.args and e != term]
                fitting = [e for e in inner if _WIDE // 4 < width(e) <= _WIDE]
                if fitting:
                    yield max(fitting, key=width)


def _cases(name: str, values: list[sp.Expr], conditions: list[Any], style: dict) -> list[str]:
    if len(values) == 1:
        return _rows(name, values[0], style)
    rows = []
    for value, condition in zip(values, conditions, strict=True):
        first, *more = _broken(value, style)
        holds = r"\text{otherwise}" if condition == sp.true else rf"\text{{for}}\: {sp.latex(condition, **style)}"
        rows += [rf"{first} & {holds if not more else ''}"]
        rows += [rf"\quad {row} & {holds if k == len(more) - 1 else ''}" for k, row in enumerate(more)]
    return [rf"{name} &= \begin{{cases}}" + r" \\ ".join(rows) + r"\end{cases}"]


def _rows(name: str, value: sp.Expr, style: dict, room: int = _WIDE) -> list[str]:
    first, *more = _broken(value, style, room)
    return [f"{name} &= {first}", *(rf"&\quad {row}" for row in more)]


def _broken(value: sp.Expr, style: dict, room: int = _WIDE) -> list[str]:
    """LaTeX of an expression, a sum being broken into as many lines as it needs."""
    if width(value) <= room or not value.is_Add:
        return [_typed(value, style)]
    lines: list[list[sp.Expr]] = [[]]
    for term in value.as_ordered_terms():
        if lines[-1] and width(sp.Add(*lines[-1], term, evaluate=False)) > room:
            lines.append([])
        lines[-1].append(term)
    shown = []
    for k, terms in enumerate(lines):
        row = _typed(sp.Add(*terms, evaluate=False) if len(terms) > 1 else terms[0], {**style, "order": "none"})
        shown.append(row if k == 0 or row.startswith("-") else f"+ {row}")
    return shown


def _typed(value: sp.Expr, style: dict) -> str:
    return str(sp.latex(value, **style)).replace(r"\operatorname{arsinh}", r"\mathrm{arsinh}\,")
