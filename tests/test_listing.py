"""`memgen list` and `memgen formula`: what they show is what is there."""

from __future__ import annotations

import ast
import json
import math
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from scipy import optimize

from memgen import experiments
from memgen.app.chapters import Chapter, find
from memgen.app.cli import main
from memgen.app.code import code
from memgen.app.formulas import named
from memgen.app.listing import described
from memgen.app.pages import api, formula
from memgen.errors import BadInput
from theory.catalogue import entries, formulas
from theory.core import special

Capture = pytest.CaptureFixture[str]


def printed(arguments: str, capsys: Capture) -> str:
    assert main(arguments.split()) == 0
    return capsys.readouterr().out


def test_list_shows_every_chapter_with_the_defaults_of_its_experiment(capsys: Capture) -> None:
    rows = json.loads(printed("list --json", capsys))
    assert [row["notebook"] for row in rows] == [path.stem for path in find()]
    assert all(row["question"].endswith("?") and not row["question"].startswith("#") for row in rows)
    for row in rows:
        defaults = experiments.load(row["experiment"]).Params().model_dump(mode="json")
        assert {p["name"]: p["default"] for p in row["parameters"]} == defaults
    text = printed("list", capsys)
    assert all(f"{row['number']}  {row['experiment']} " in text and row["question"] in text for row in rows)
    assert max(map(len, text.splitlines())) <= 120


def test_list_of_a_chapter_explains_its_parameters(capsys: Capture) -> None:
    (row,) = json.loads(printed("list 03 --json", capsys))
    (d,) = (p for p in row["parameters"] if p["name"] == "d")
    assert d["type"] == "integer ≥ 2" and d["meaning"]
    assert d["presets"] == {preset: v["d"] for preset, v in experiments.load("linear").Params.presets.items()}
    text = printed("list linear 05", capsys)
    assert "03  linear: " in text and "05  network: " in text and "integer ≥ 2" in text


def test_experiments_without_a_chapter_are_listed_and_explained(capsys: Capture) -> None:
    chapters = {Chapter(path).experiment for path in find()}
    others = experiments.names() - chapters
    assert "rise" in others and all(name in printed("list", capsys) for name in others)
    text = printed(f"list {' '.join(sorted(others))}", capsys)
    assert all(f"–  {name}: " in text for name in others) and "integer" in text
    (row,) = json.loads(printed("list rise --json", capsys))
    assert {p["name"]: p["default"] for p in row["parameters"]} == experiments.load("rise").Params().model_dump(
        mode="json"
    )


def test_the_page_of_names_has_methods_and_no_addresses() -> None:
    page = api()
    assert "EmpiricalBayes.denoise(self, u: Any, tau: float)" in page and "EmpiricalBayes.score(" in page
    assert " at 0x" not in page


@pytest.mark.parametrize(
    ("name", "at", "absolute"),
    [
        ("noise_variance", {"t": 1e-200, "lam": 1.0}, False),
        ("generated_trace", {"n": 128, "d": 64, "rho": 0.3}, False),
        ("membership_auc", {"n": 50, "d": 20}, True),
    ],
)
def test_the_code_on_the_page_of_a_formula_runs(name: str, at: dict, absolute: bool, capsys: Capture) -> None:
    (shown,) = re.findall(r"```python\n(.*?)```", formula(entries()[name]), re.DOTALL)
    assert (f"{name}.log(" in shown) == (not absolute)
    exec(shown, dict(at))
    assert len(re.findall(r"\d", capsys.readouterr().out.split("e")[0].lstrip("0."))) >= 49


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "integer", "minimum": 8, "multipleOf": 8}, "integer ≥ 8, a multiple of 8"),
        ({"anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"type": "null"}]}, "number > 0"),
        ({"type": "array", "items": {"type": "integer", "minimum": 10}}, "list of integer ≥ 10"),
        ({"enum": ["cpu", "cuda"], "type": "string"}, "cpu | cuda"),
        ({"type": "string"}, "string"),
    ],
)
def test_a_type_is_said_in_words(schema: dict[str, object], words: str) -> None:
    assert described(schema) == words


def test_the_comments_of_a_parameters_cell_are_the_meanings(tmp_path: Path) -> None:
    source = 'preset: str = "a # b"  # which\nn = None  # points\nsizes: list = [\n    1,\n]\n'
    cell = {"cell_type": "code", "metadata": {"tags": ["parameters"]}, "source": source}
    path = tmp_path / "09_x.ipynb"
    path.write_text(json.dumps({"cells": [cell], "metadata": {"memgen": {"experiment": "x"}}}))
    found = [(p.name, p.default, p.meaning) for p in Chapter(path).parameters]
    assert found == [("preset", "a # b", "which"), ("n", None, "points"), ("sizes", [1], "")]


def test_a_formula_is_shown_with_all_that_is_known_of_it(capsys: Capture) -> None:
    f = named("kl_generated_true").formula
    row = json.loads(printed("formula theory.linear.kl_generated_true --json", capsys))
    assert row["name"] == f.name and row["path"] == "theory.linear.kl_generated_true"
    assert row["regime"] == f.regime and row["source"] == f.source and row["latex"] == f.latex()
    assert [a["name"] for a in row["arguments"]] == [v.symbol.name for v in f.variables]
    assert [s["claim"] for s in row["steps"]] == [e.claim for e in f.verify()]
    assert row["chapter"] == "03" and row["checks"]
    text = printed("formula kl_generated_true", capsys)
    assert all(
        said[:20] in text for said in (f.regime, f.source, row["checks"][0], *(s["claim"] for s in row["steps"]))
    )
    assert max(map(len, text.splitlines())) <= 120


def test_formulas_are_listed_under_their_chapters(capsys: Capture) -> None:
    text = printed("formula", capsys)
    rows = json.loads(printed("formula --json", capsys))
    assert {row["name"] for row in rows} == set(formulas())
    assert all(f"  {name} " in text for name in formulas())
    assert {row["chapter"] for row in rows if row["path"].startswith("theory.linear.")} == {"03"}
    assert {row["chapter"] for row in rows if row["path"].startswith("theory.ou.")} == {None}


@pytest.mark.parametrize(
    ("given", "offered"),
    [
        ("neigbour_ratio", "the nearest: neighbour_ratio"),
        ("KL_Generated_True", "the nearest: kl_generated_true"),
        ("theory.kernel.kl_generated_true", "the nearest: kl_generated_true"),
        ("qqqq", "known: noise_variance"),
    ],
)
def test_an_unknown_formula_offers_the_nearest(given: str, offered: str, capsys: Capture) -> None:
    assert main(["formula", given]) == 2
    out, err = capsys.readouterr()
    assert out == "" and f"memgen: no formula '{given}' ({offered}" in err


def test_the_expression_alone(capsys: Capture) -> None:
    f = named("generated_trace").formula
    assert printed("formula generated_trace --as latex", capsys).strip() == f.latex()
    assert printed("formula generated_trace --as text", capsys).strip() == str(f.expr)


# Formulas with phases, special functions, an average over a spectrum, a count, a root; and arguments for each.
POINTS = [
    ("kl_generated_true", {"gamma": 0.7, "rho": 0.5}),
    ("kl_generated_true", {"gamma": 0.3, "rho": 0.5}),
    ("generated_trace", {"n": 40, "d": 24, "rho": 0.3}),
    ("kde_mise", {"n": 20, "d": 3, "width": 0.4, "sigma": 1.0}),
    ("neighbour_ratio", {"n": 100, "d": 5}),
    ("mp_moment", {"a": -0.8, "gamma": 0.4}),
    ("relaxation_kl", {"t": 0.5, "eigenvalues": [1.0, 2.0, 4.0], "lam": 1.0}),
    ("early_stopped_error", {"sample": [0.5, 1.0, 2.0], "rho": 0.5, "time": 1.0}),  # averages within averages
    ("logdet_offset", {"d": 40, "gamma": 0.7, "rho": 0.5}),  # Euler's constant
]


@pytest.mark.parametrize(("name", "given"), POINTS)
def test_the_python_code_is_the_formula(name: str, given: dict[str, object]) -> None:
    f = formulas()[name]
    count = {str(f.count): 3} if f.count is not None else {}
    space: dict[str, object] = {"hyp2f1": special.special.hyp2f1}
    exec(code(f, "python"), space)
    assert math.isclose(space[name](**given, **count), float(f(**given)), rel_tol=1e-9)  # type: ignore[operator]


def test_the_code_of_a_long_formula_goes_in_steps_and_gives_its_value() -> None:
    f = formulas()["features_test_loss"]
    given = {"features": 4.0, "samples": 2.0, "noises": 3.0, "ridge": 0.1}
    given |= {"of_point": 0.36, "of_noise": 0.07, "common": 0.03, "fresh": 0.02}
    text = code(f, "python")
    assert "    part1 = 1/noises" in text
    assert len(text) < 10_000 and "to be supplied" not in text
    space: dict[str, Callable[..., float]] = {}
    exec(text, space)
    low, high = 0.1 / 0.43, 1e3
    root = optimize.brentq(
        lambda kappa: space["features_test_loss_equation"](**given, effective_ridge=kappa), low, high
    )
    found = space["features_test_loss"](**given, effective_ridge=root)
    assert math.isclose(found, float(f(**given)), rel_tol=1e-9)


def _called(text: str) -> set[str]:
    """The names of functions that the code calls, and the equation of its root, and that it does not define."""
    parts = [text, *re.findall(r"the root in .* of (.*)", text)]
    nodes = [node for part in parts for node in ast.walk(ast.parse(part))]
    defined = {node.name for node in nodes if isinstance(node, ast.FunctionDef)}
    return {node.func.id for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)} - defined


def _supplied(text: str) -> set[str]:
    return {
        name for names in re.findall(r"^# to be supplied.*: (.*)", text, re.MULTILINE) for name in names.split(", ")
    }


@pytest.mark.parametrize("language", ["python", "c", "js"])
def test_every_formula_has_code_or_says_why_not(language: str) -> None:
    refused = []
    for f in formulas().values():
        try:
            text = code(f, language)
        except BadInput as error:
            assert language == "c" and "average over a spectrum" in str(error)
            refused.append(f.name)
        else:
            assert f"{f.name}(" in text and "upported" not in text and "Piecewise" not in text
            assert not re.search("return (const|var)", text)
            if language == "python":
                assert _called(text) - {"sum", "len", "max", "min", "abs", "float"} - _supplied(text) == set(), f.name
    assert len(refused) == (0 if language != "c" else len(refused)) < len(formulas()) / 2


# How a language is run, and what prints the value; those whose compiler is there. Only Python is there everywhere.
RUN = {
    "python": ([sys.executable, "x"], "{}\nprint(generated_trace(40, 24, 0.3))"),
    "js": (["node", "x"], "{}\nconsole.log(generated_trace(40, 24, 0.3))"),
    "c": (
        ["sh", "-c", "cc -x c x -lm -o run && ./run"],
        '#include <stdio.h>\n{}\nint main(void) {{ printf("%.17g", generated_trace(40, 24, 0.3)); }}\n',
    ),
}
THERE = ["python", *(language for language, tool in (("js", "node"), ("c", "cc")) if shutil.which(tool))]


@pytest.mark.parametrize("language", THERE)
def test_the_code_gives_the_value(language: str, tmp_path: Path) -> None:
    command, program = RUN[language]
    (tmp_path / "x").write_text(program.format(code(formulas()["generated_trace"], language)))
    found = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert math.isclose(float(found), formulas()["generated_trace"](n=40, d=24, rho=0.3), rel_tol=1e-14)
