"""Typeset formulas fit a page and say the same as the expression."""

import os
import re
import subprocess
import sys

import pytest
import sympy as sp

from theory.catalogue import formulas
from theory.core.mean import single
from theory.core.typeset import _WIDE, _named, _plain, width

FORMULAS = formulas()


@pytest.mark.parametrize("name", FORMULAS)
def test_no_term_is_wider_than_a_line_and_nothing_is_lost(name: str) -> None:
    formula = FORMULAS[name]
    values = [_plain(branch.value) for branch in formula.branches]
    values += [_plain(formula.equation)] if formula.unknown else []
    if formula.layout:
        parts = [(symbol, part) for symbol, _, part in reversed(formula.layout.parts)]
        shown = [formula.layout.value, *([formula.layout.equation] if formula.unknown else [])]
    else:
        parts, shown = _named(values)
    # Arguments of one function, or one average, may be what they are; a fifth over the line is what MathJax can take.
    for expr in (*shown, *(part for _, part in parts)):
        assert max(width(term) for term in sp.Add.make_args(expr)) <= 1.25 * _WIDE, expr
    for value, expr in zip(values, shown, strict=True):
        for _ in parts:
            expr = expr.xreplace(dict(parts))
        assert expr == value or _agree(expr, value)


def _agree(one: sp.Expr, other: sp.Expr) -> bool:
    difference = single(one - other)
    at = {symbol: sp.Rational(k + 2, 19) for k, symbol in enumerate(sorted(difference.free_symbols, key=str))}
    return abs(sp.N(difference.subs(at), 40)) < 1e-30


@pytest.mark.parametrize("name", FORMULAS)
def test_latex_is_balanced_and_free_of_python_names(name: str) -> None:
    text = FORMULAS[name].latex()
    assert text.count("{") == text.count("}") and text.count(r"\left") == text.count(r"\right")
    body = text.partition("=")[2]
    named = {
        str(v.symbol)
        for v in FORMULAS[name].variables
        if len(str(v.symbol)) > 2 and not v.letter.endswith(str(v.symbol))
    }
    assert not {word for word in re.findall(r"(?<!\\)\b[a-z_]{3,}\d?\b", body)} & named
    assert "operatorname" not in body


def test_eulers_constant_is_not_the_aspect_ratio() -> None:
    for name in ("logdet_variance", "logdet_offset"):
        assert FORMULAS[name].latex().count(r"\gamma_{\mathrm{E}}") == 1


def test_the_logarithm_of_a_sum_is_undone() -> None:
    assert "log" not in FORMULAS["kde_mise"].latex() and r"\Phi" in FORMULAS["overlap_clt"].latex()


def test_the_same_letters_stand_in_the_same_places_in_every_run() -> None:
    """Stored cards are compared with fresh ones: names of parts must not follow the hashes of a process."""
    code = "from theory import dimension as d; print(d.denoiser_error.latex(), d.denoiser_scatter.latex())"
    shown = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(shown) == 1
