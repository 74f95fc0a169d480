"""A formula as a function in Python, C or JavaScript, for use where there is no SymPy."""

from __future__ import annotations

from typing import Any, NamedTuple

import sympy as sp
from sympy.printing.c import C99CodePrinter
from sympy.printing.codeprinter import CodePrinter
from sympy.printing.jscode import JavascriptCodePrinter
from sympy.printing.pycode import PythonCodePrinter

from memgen.errors import BadInput
from theory.core.evaluate import upwards
from theory.core.formula import Formula
from theory.core.mean import Mean
from theory.core.parts import Variable

# From as many operations on, what an expression uses twice gets a name, and an equation is a function of its own.
_LONG = 600


class _Averages(CodePrinter):
    """Averages over an array: outside the symbol names the array, within its name with _i each of the numbers."""

    _within: tuple[sp.Symbol, ...] = ()

    def _print_Symbol(self, symbol: sp.Symbol) -> str:
        return str(super()._print_Symbol(symbol)) + ("_i" if symbol in self._within else "")

    def _average(self, mean: Mean) -> tuple[str, str]:
        """What is averaged, as text, and the name of the array; averages can be within averages."""
        f, symbol = mean.args
        outside, self._within = self._within, ()
        name = self._print(symbol)
        self._within = (*outside, symbol)
        inside = self._print(f)
        self._within = outside
        return inside, name


class _Python(_Averages, PythonCodePrinter):
    comment = "# {}"
    head = "import math\n\n\n"

    def _print_positive_part(self, part: sp.Expr) -> str:
        return f"max({self._print(part.args[0])}, 0)"

    def _print_Mean(self, mean: Mean) -> str:
        f, s = self._average(mean)
        return f"(sum({f} for {s}_i in {s})/len({s}))"

    def function(self, name: str, arguments: list[str], steps: list[tuple[str, str]], value: str) -> str:
        named = "".join(f"    {part} = {formed}\n" for part, formed in steps)
        return f"def {name}({', '.join(arguments)}):\n{named}    return {value}"


class _C(C99CodePrinter):
    comment = "/* {} */"
    head = "#include <math.h>\n\n"

    def _print_EulerGamma(self, gamma: sp.Expr) -> str:
        return repr(float(gamma))

    def _print_positive_part(self, part: sp.Expr) -> str:
        return f"fmax({self._print(part.args[0])}, 0)"

    def _print_Mean(self, mean: Mean) -> str:
        raise BadInput("an average over a spectrum has no expression in C: --as python and --as js have one")

    def function(self, name: str, arguments: list[str], steps: list[tuple[str, str]], value: str) -> str:
        value = "\n    ".join(value.splitlines())
        taken = ", ".join(f"double {argument}" for argument in arguments)
        named = "".join(f"    const double {part} = {formed};\n" for part, formed in steps)
        return f"double {name}({taken})\n{{\n{named}    return {value};\n}}"


class JavaScript(_Averages, JavascriptCodePrinter):
    comment = "// {}"
    head = ""

    def _print_NaN(self, value: sp.Expr) -> str:
        return "NaN"

    def _print_EulerGamma(self, gamma: sp.Expr) -> str:
        return repr(float(gamma))

    def _print_positive_part(self, part: sp.Expr) -> str:
        return f"Math.max({self._print(part.args[0])}, 0)"

    def _print_Mean(self, mean: Mean) -> str:
        f, s = self._average(mean)
        return f"({s}.reduce((total, {s}_i) => total + {f}, 0)/{s}.length)"

    def function(self, name: str, arguments: list[str], steps: list[tuple[str, str]], value: str) -> str:
        value = "\n    ".join(value.splitlines())
        named = "".join(f"    const {part} = {formed};\n" for part, formed in steps)
        return f"function {name}({', '.join(arguments)}) {{\n{named}    return {value};\n}}"


class _Argument(NamedTuple):
    name: str
    meaning: str


_PRINTERS: dict[str, type[Any]] = {"python": _Python, "c": _C, "js": JavaScript}


def code(formula: Formula, language: str) -> str:
    """The source text of the formula as a function, under comments with its regime, source and arguments.

    BadInput if the language cannot express it.
    """
    printer: Any = _PRINTERS[language]({"allow_unknown_functions": True})
    expr = _plain(formula)
    arguments = [_Argument(str(v.symbol), _meaning(v)) for v in formula.variables]
    said = [f"{formula.name}: {' '.join(formula.regime.split())}. Source: {formula.source}."]
    if formula.count is not None and expr.has(formula.count):
        arguments.append(_Argument(str(formula.count), "number of eigenvalues"))
    functions, parts = [], [expr]  # what is printed
    if formula.unknown:
        symbol, equation, *edges = formula.unknown[:4]
        low, high = (printer.doprint(_elementary(edge)).replace("\n", " ") for edge in edges)
        equation = _elementary(equation)
        parts += [equation, *map(_elementary, edges)]
        if _long(equation):
            name, taken = f"{formula.name}_equation", [*(argument.name for argument in arguments), str(symbol)]
            functions.append(_function(printer, name, taken, equation))
            zero = f"{name}({', '.join(taken)})"
        else:
            zero = printer.doprint(equation).replace("\n", " ")
        arguments.append(_Argument(str(symbol), f"the root in ({low}, {high}) of {zero}"))
    said += [f"{argument.name}: {argument.meaning}" for argument in arguments]
    if needed := sorted(set().union(*map(_functions, parts)) - _known(printer)):
        said.append(f"to be supplied, see memgen formula {formula.name}: {', '.join(needed)}")
    if rewritten := sorted(_ours(formula.expr) - _ours(expr)):
        said.append(f"written out, with fewer digits than in memgen where they cancel: {', '.join(rewritten)}")
    functions.append(_function(printer, formula.name, [argument.name for argument in arguments], expr))
    return "\n".join([*(printer.comment.format(line) for line in said), printer.head + "\n\n\n".join(functions)])


def _distinct(expr: sp.Expr) -> set[sp.Basic]:
    """All parts of an expression, each once: a long one contains some of its parts ten thousand times."""
    found: set[sp.Basic] = set()
    left: list[sp.Basic] = [expr]
    while left:
        if (part := left.pop()) not in found:
            found.add(part)
            left.extend(part.args)
    return found


def _operations(expr: sp.Basic) -> int:
    """How many operations an expression takes if a part that it uses twice is computed twice."""
    known: dict[sp.Basic, int] = {}

    def counted(part: sp.Basic) -> int:
        if part not in known:
            known[part] = max(len(part.args) - 1, 1) + sum(map(counted, part.args)) if part.args else 0
        return known[part]

    return counted(expr)


def _long(expr: sp.Expr) -> bool:
    phases = any(isinstance(part, sp.Piecewise) for part in _distinct(expr))  # whose parts hold in their phase only
    return _operations(expr) >= _LONG and not phases


def _function(printer: Any, name: str, arguments: list[str], expr: sp.Expr) -> str:
    """The source text of an expression as a function; a long one computes shared parts first."""
    steps: list[tuple[str, str]] = []  # parts that it uses more than once: their names, and what they are
    if _long(expr):
        averaged = {part.args[1] for part in _distinct(expr) if isinstance(part, Mean)}
        shared, (expr,) = sp.cse(expr, symbols=sp.numbered_symbols("part", start=1), ignore=averaged)
        steps = [(str(part), printer.doprint(value)) for part, value in shared]
    return str(printer.function(name, arguments, steps, printer.doprint(expr)))


def _plain(formula: Formula) -> sp.Expr:
    """The formula's expression in elementary functions where these exist, and NaN where no phase holds."""
    branches = [(_elementary(value), condition) for value, condition in formula.branches]
    if len(branches) == 1:
        return branches[0][0]
    if branches[-1][1] != sp.true:
        branches.append((sp.nan, sp.true))
    return sp.Piecewise(*branches, evaluate=False)


def _functions(expr: sp.Expr) -> set[str]:
    return {type(part).__name__ for part in _distinct(expr) if isinstance(part, sp.Function)}


def _ours(expr: sp.Expr) -> set[str]:
    """The names of this suite's functions in an expression."""
    return {type(part).__name__ for part in _distinct(expr) if hasattr(part, "numpy")}


def _elementary(expr: Any) -> sp.Expr:
    def written_out(part: sp.Basic) -> sp.Basic:
        if not hasattr(part, "numpy"):
            return part
        out = part.doit()
        return part if out.has(type(part), sp.Integral, sp.Sum) else out

    def named(part: sp.Basic) -> sp.Basic:
        if not isinstance(part, sp.hyper):
            return part
        a, b, z = part.args
        return sp.Function("hyp2f1")(*a, *b, z)

    return upwards(upwards(sp.sympify(expr), written_out), named)


def _known(printer: CodePrinter) -> set[str]:
    methods = {name.removeprefix("_print_") for name in dir(printer) if name.startswith("_print_")}
    return methods | set(printer.known_functions)


def _meaning(variable: Variable) -> str:
    unit = "" if variable.unit == "1" else f", in units of {variable.unit}"
    return f"{'the numbers whose average is taken: ' if variable.spectrum else ''}{variable.meaning}{unit}"
