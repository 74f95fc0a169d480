"""The formulas of the book's calculator as JavaScript, with the digits that they have in float64.

`memgen formula NAME --as js` writes the functions of this suite out, for readers.  Here they stay what they are, and
`docs/_static/calculator/runtime.js` supplies them, with the root of an equation in the Formula's own
bracket.  Outside the domain of an argument, where the Formula raises DomainError, the JavaScript gives NaN.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import sympy as sp

from memgen.app.code import JavaScript
from memgen.figures.criteria.crossings import CRITERIA
from theory.collapse import information
from theory.core.evaluate import prepared
from theory.core.formula import Formula
from theory.core.mean import Mean
from theory.core.parts import Unknown, Variable
from theory.criteria import best_kernel_samples, consistency_samples, flagged_samples, transitions, wasserstein_samples
from theory.criteria.transitions import LEVEL
from theory.kernel import kernel_width
from theory.linear import likelihood_threshold
from theory.mixture import mixture_information, speciation_time
from theory.ou import diffusion_time, noise_variance
from theory.relaxation import spectral_relaxation_time
from theory.transition import overlap_samples

FORMULAS = (
    noise_variance,
    diffusion_time,
    speciation_time,
    spectral_relaxation_time,
    information,
    mixture_information,
    wasserstein_samples,
    consistency_samples,
    likelihood_threshold,
    best_kernel_samples,
    kernel_width,
    overlap_samples,
)

_CRITERIA = tuple(transitions(512))  # by a limit; in fewer dimensions the overlap takes a quadrature


class _Exact(JavaScript):
    """Prints functions of the suite by their names, expm1 and log1p as those of Math, and squares as products."""

    def _print_Mean(self, mean: Mean) -> str:
        f, s = map(self._print, mean.args)
        return f"mean({s}, ({s}) => {f})"

    def _print_Pow(self, e: sp.Expr) -> str:
        square = e.base.is_Symbol and e.exp == 2  # in the loop over a spectrum Math.pow is what costs
        return f"({e.base}*{e.base})" if square else str(super()._print_Pow(e))

    def _print_expm1(self, e: sp.Expr) -> str:
        return f"Math.expm1({self._print(e.args[0])})"

    def _print_log1p(self, e: sp.Expr) -> str:
        return f"Math.log1p({self._print(e.args[0])})"

    def _print_hyper(self, e: sp.Expr) -> str:
        (a, b), (c,), z = e.args
        return f"hyp2f1({', '.join(map(self._print, (a, b, c, z)))})"


_PRINTER = _Exact({"allow_unknown_functions": True})


def script() -> str:
    """The text of the file that the calculator loads: constants, names of the criteria, and the formulas."""
    words = {name: {"label": CRITERIA[name].label, "turns": CRITERIA[name].turns} for name in _CRITERIA}
    constants = {"LEVEL": LEVEL, "NEAREST_RATIO": flagged_samples(), "CRITERIA": words}
    given = [f"const {name} = {json.dumps(value, ensure_ascii=False)};" for name, value in constants.items()]
    return "\n\n".join(["// Written by memgen/app/calculator.py.", *given, *map(javascript, FORMULAS), ""])


def javascript(formula: Formula) -> str:
    """The formula as a JavaScript function of numbers, a spectrum being an array; it calls functions of runtime.js."""
    lines = [f"if (!({' && '.join(map(_within, formula.variables))})) return NaN;"]
    if formula.count is not None:
        (spectrum,) = (v.symbol for v in formula.variables if v.spectrum)
        lines.append(f"const {formula.count} = {spectrum}.length;")
    for value, condition in formula.branches:
        found = f"return {_printed(value)};"
        if formula.unknown and value.has(formula.unknown.symbol):
            found = f"const {formula.unknown.symbol} = {_root(formula.unknown)}; {found}"
        lines.append(found if condition == sp.true else f"if ({_printed(condition)}) {{ {found} }}")
    if formula.branches[-1].condition != sp.true:
        lines.append("return NaN;")
    said = f"// {formula.kind}: {' '.join(formula.regime.split())}"
    head = f"function {formula.name}({', '.join(map(_argument, formula.variables))}) {{"
    return "\n".join([said, head, *(f"    {line}" for line in lines), "}"])


def _printed(expr: sp.Basic) -> str:
    return str(_PRINTER.doprint(prepared(sp.sympify(expr)))).replace("\n", " ")


def _root(unknown: Unknown) -> str:
    equation, low, high = map(_printed, (unknown.equation, unknown.lower, unknown.upper))
    return f"root(({unknown.symbol}) => {equation}, {low}, {high})"


def _argument(variable: Variable) -> str:
    default = "" if variable.default is None else f" = {_printed(sp.sympify(variable.default))}"
    return f"{variable.symbol}{default}"


def _within(variable: Variable) -> str:
    """A JavaScript condition: the argument is in its domain; false where it is not a number."""
    domain = variable.domain
    inside = " && ".join(_sides("x" if variable.spectrum else str(variable.symbol), domain))
    return f"{variable.symbol}.length > 0 && {variable.symbol}.every((x) => {inside})" if variable.spectrum else inside


def _sides(name: str, domain: sp.Interval) -> Iterator[str]:
    yield f"{name} {'>' if domain.left_open else '>='} {_printed(domain.inf)}"
    yield f"{name} {'<' if domain.right_open else '<='} {_printed(domain.sup)}"
