"""One letter, one meaning: every symbol is defined in theory/letters.py, and nowhere else."""

import ast
from pathlib import Path

import pytest

import theory
from theory import letters
from theory.catalogue import formulas

ROOT = Path(theory.__path__[0])
MODULES = [path for path in ROOT.rglob("*.py") if path != ROOT / "letters.py" and "core" not in path.parts]
NAMES = {letter.symbol.name for letter in letters.LETTERS}


def _called(source: str) -> list[tuple[str, list[str]]]:
    """The calls in a module, by the name of the function, with the strings among their arguments."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    return [
        (ast.unparse(call.func), [arg.value for arg in call.args if isinstance(arg, ast.Constant)]) for call in calls
    ]


def wrongly_defined(source: str) -> list[str]:
    """Arguments of formulas that a module defines by itself, and dummies of it that have the name of a letter."""
    found = []
    for function, arguments in _called(source):
        if function in ("Variable", "Unknown"):
            found.append(function)
        if function in ("sp.Symbol", "sp.symbols"):
            words = [word for argument in arguments for word in str(argument).replace(",", " ").split()]
            found += [word for word in words if word in NAMES]
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_letters_are_defined_in_one_place(path: Path) -> None:
    assert wrongly_defined(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("line", ['x, n = sp.symbols("x n")', 'q = sp.Symbol("q", real=True)', "Variable(z, 'points')"])
def test_a_second_definition_is_found(line: str) -> None:
    assert wrongly_defined(line)


def test_no_two_letters_look_alike() -> None:
    for attribute in ("letter", "meaning"):
        values = [getattr(letter, attribute) for letter in letters.LETTERS]
        assert len(set(values)) == len(values)
    assert len(NAMES) == len(letters.LETTERS)


def test_every_formula_takes_its_arguments_from_the_letters() -> None:
    known = {letter.symbol: letter for letter in letters.LETTERS}
    used = set()
    for formula in formulas().values():
        for variable in formula.variables:
            letter = known[variable.symbol]
            assert (variable.meaning, variable.letter) == (letter.meaning, letter.letter), formula.name
            assert variable.domain.is_subset(letter.domain), (formula.name, variable.symbol)
            assert variable.spectrum == letter.spectrum
            used.add(variable.symbol)
        if formula.unknown:
            assert formula.unknown.letter == known[formula.unknown.symbol].letter
            used.add(formula.unknown.symbol)
        free = set().union(*(branch.value.free_symbols for branch in formula.branches))
        assert free <= used | {formula.count}, formula.name
    assert set(known) == used


def test_a_letter_keeps_its_meaning_on_part_of_its_domain() -> None:
    few = letters.variable(letters.n, letters.at_least(8))
    assert few.meaning == letters.variable(letters.n).meaning
    assert (few.domain.inf, letters.variable(letters.n).domain.inf) == (8, 1)


def test_the_conventions_show_the_letters() -> None:
    page = (ROOT.parent / "docs" / "conventions.md").read_text(encoding="utf-8")
    shown = page.split("<!-- letters:start -->\n")[1].split("<!-- letters:end -->")[0]
    assert shown == letters.table()
    assert all(row.replace(r"\|", "").count("|") == 6 for row in shown.splitlines())


def test_the_glossary_says_each_thing_in_one_sentence() -> None:
    for term, meaning in letters.GLOSSARY.items():
        assert meaning[0].isupper() or not meaning[0].isalpha() or meaning.startswith(("Σ", "ln ", "Ln ")), term
        assert meaning.endswith(".") and len(meaning) < 260, term
    wanted = "copy epoch speciation collapse score denoiser holdout overlap condensed Λ replica".split()
    assert set(wanted) | {"signal fraction", "noise level", "Marchenko–Pastur law"} <= set(letters.GLOSSARY)
    assert any("quenched" in term for term in letters.GLOSSARY)
