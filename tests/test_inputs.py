"""Bad input: a few hundred cases of the measurement, what it must find, and each thing that it once found."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from memgen import arrays, measures
from memgen.app.cli import main
from memgen.app.notebooks import run_all
from memgen.audit import audit
from memgen.denoisers.exact import EmpiricalBayes, mixture
from memgen.denoisers.linear import fit
from memgen.errors import BadInput, one_line, printable
from memgen.evidence.garbage import cases
from memgen.evidence.garbage.judge import judge
from memgen.evidence.garbage.target import Target, array
from memgen.evidence.inputs import SHARES, Cell, Params, cell, grid
from memgen.measures.membership import distances
from memgen.reading import read
from memgen.statistics import Estimate, mean, median, zero_of_line
from theory.core.parts import DomainError
from theory.gaussians import kl_spectral
from theory.ou import noise_variance

# -- the measurement ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("group", "count"),
    [("measures", 70), ("statistics", 50), ("laws", 40), ("denoisers", 50), ("reading", 50), ("commands", 10)],
)
def test_bad_input_ends_in_a_value_or_in_one_line(group: str, count: int) -> None:
    rows = cell(Cell(group, 0, count))
    failed = rows[rows.failure != ""]
    assert len(rows) == count
    assert failed.empty, failed.to_string(max_colwidth=120)


def test_formulas_end_in_a_value_or_in_one_line() -> None:
    """Of a few: each takes a moment to compile."""
    from memgen.evidence.garbage.calls import targets

    few = [t for t in targets("formulas") if t.name in ("noise_variance", "kl_spectral.log", "kernel_width")]
    assert len(few) == 3
    rng = np.random.default_rng(1)
    for number in range(90):
        row = cases.call(few[number % 3], lambda values: values[rng.integers(len(values))], number)
        assert row[-1] == "", row


def test_the_same_seed_makes_the_same_cases_and_another_others() -> None:
    one, same, other = (cell(Cell("statistics", seed, 12)) for seed in (3, 3, 4))
    assert one.equals(same) and list(one.case) != list(other.case)


def test_the_grid_has_every_group_and_all_cases() -> None:
    cells = grid(Params(preset="paper"))
    assert {at.group for at in cells} == set(SHARES) and sum(at.cases for at in cells) == 16_000
    assert len(set(cells)) == len(cells) and {at.group for at in grid(Params(group="laws"))} == {"laws"}


def _silent(x: Any) -> float:
    return float("nan")


def _blind(x: Any) -> float:
    return 1.0


def _key(x: Any) -> float:
    raise KeyError("x")


def _long(x: Any) -> float:
    raise ValueError("x is\nnot what it should be")


def _nameless(x: Any) -> float:
    raise ValueError("this is wrong")


def _endless(x: Any) -> float:
    raise ValueError("x" * 600 + " x")


def _infinite(x: Any) -> float:
    return float("inf")


def _lossy(x: Any) -> float:
    """The real part of what is complex, twice what is a list."""
    return float(np.real(np.asarray(x)).sum()) * (2 if isinstance(x, list) else 1)


@pytest.mark.parametrize(
    ("function", "found"),
    [
        (_silent, "not a number"),
        (_blind, "a value where there is none"),
        (_key, "raises KeyError"),
        (_long, "several lines"),
        (_nameless, "names no argument"),
        (_endless, "characters"),
        (_infinite, "infinity"),
        (_lossy, "another value"),
    ],
)
def test_a_careless_function_is_found(function: Callable[[Any], float], found: str) -> None:
    target, rng = Target("careless", function, {"x": array(4, 2)}), np.random.default_rng(0)
    failures = {cases.call(target, lambda values: values[rng.integers(len(values))], n)[-1] for n in range(60)}
    assert any(found in failure for failure in failures), failures


def test_a_careful_function_is_not() -> None:
    def careful(x: Any) -> float:
        return float(arrays.vector("x", x).max())

    target, rng = Target("careful", careful, {"x": array(4)}), np.random.default_rng(0)
    rows = [cases.call(target, lambda values: values[rng.integers(len(values))], n) for n in range(120)]
    assert {row[-1] for row in rows} == {""} and {"result", "ValueError"} <= {row[2] for row in rows}


def test_a_traceback_and_a_control_character_of_a_command_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from memgen.evidence.garbage import commands

    def bad(words: list[str]) -> int:
        if words == ["break"]:
            raise KeyError("x")
        print("memgen: \x1b[31mred" if words == ["red"] else "two\nlines", file=sys.stderr)
        return 2

    monkeypatch.setattr(commands, "main", bad)
    found = [commands.run([word], tmp_path).failure for word in ("break", "red", "other")]
    assert "raises KeyError" in found[0] and "control character" in found[1] and "line that says why" in found[2]


# -- arrays ------------------------------------------------------------------------------------------------------------

_X = np.array([[1.0, 2.0], [3.0, 5.0], [-1.0, 0.5]])
_C = np.array([[2.0, 0.5], [0.5, 1.0]])
_GAUSSIAN = ("kl", "hellinger2", "log_affinity", "log_overlap", "l2_squared", "wasserstein2_squared")


@pytest.mark.parametrize(
    "values",
    [_X.tolist(), _X[::-1][::-1], np.asfortranarray(_X), _X.astype(">f8"), torch.tensor(_X, requires_grad=True)],
    ids=["list", "reversed", "Fortran", "big-endian", "gradient"],
)
def test_every_form_of_the_same_numbers_is_the_same(values: Any) -> None:
    assert arrays.double("x", values).tolist() == _X.tolist()
    assert measures.wasserstein2(values, _X + 1) == measures.wasserstein2(_X, _X + 1)
    assert measures.kernel_estimate(values).log_pair == measures.kernel_estimate(_X).log_pair
    assert measures.nearest_ratio(values, 2 * _X).tolist() == measures.nearest_ratio(_X, 2 * _X).tolist()


def test_lists_and_read_only_arrays_are_in_double_precision() -> None:
    fixed = np.array([[0.1, 0.2], [0.3, 0.7]])
    fixed.setflags(write=False)
    assert arrays.tensor("x", fixed).dtype == arrays.tensor("x", [[0.1]]).dtype == torch.float64
    assert measures.wasserstein2([[0.1]], [[0.3]]) == pytest.approx(0.2, rel=1e-15)


@pytest.mark.parametrize(
    "values",
    [
        np.ma.masked_array(_X, _X > 4),
        _X + 1j,
        torch.tensor(_X + 1j),
        torch.tensor(_X).to_sparse(),
        _X.astype(str),
        _X.astype(object),
        [[1.0], [2.0, 3.0]],
        None,
        "text",
        {"a": 1},
    ],
    ids=["masked", "complex", "complex tensor", "sparse", "text", "objects", "ragged", "None", "string", "dictionary"],
)
def test_what_is_no_array_of_real_numbers_is_refused(values: Any) -> None:
    for call in (arrays.array, arrays.tensor, arrays.double):
        with pytest.raises(ValueError, match=r"^points (must be an array of real numbers|is a masked array)"):
            call("points", values)
    with pytest.raises(ValueError, match=r"^generated "):
        measures.authenticity(values, _X)


@pytest.mark.parametrize("name", _GAUSSIAN)
@pytest.mark.parametrize(
    ("covariance", "said"),
    [
        (np.full((2, 2), np.nan), "c2 holds a value that is not finite"),
        (_C + np.triu(np.ones((2, 2)), 1), "c2 is not symmetric"),
        (np.diag([1.0, -1.0]), "c2 has the negative eigenvalue -1"),
        (-_C, "c2 has the negative eigenvalue"),
        (np.ones((2, 3)), "c2 must be"),
        (np.eye(3), "m2 must be"),
    ],
)
def test_a_covariance_that_is_none_is_refused(name: str, covariance: np.ndarray, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        getattr(measures, name)(np.zeros(2), _C, np.zeros(2), covariance)


def test_a_singular_covariance_is_no_bad_one() -> None:
    laws = np.zeros(2), _C, np.zeros(2), np.ones((2, 2))
    assert measures.kl(*laws) == torch.inf and measures.hellinger2(*laws) == 1
    assert 0 < measures.wasserstein2_squared(*laws) < 3
    assert measures.factor(np.zeros((2, 2))).logdet == -torch.inf
    batch = np.stack([_C, np.ones((2, 2)), 2 * _C])
    assert torch.isinf(measures.kl(np.zeros(2), _C, np.zeros((3, 2)), batch)).tolist() == [False, True, False]
    with pytest.raises(ValueError, match="c2 has the negative eigenvalue"):
        measures.kl(np.zeros(2), _C, np.zeros((3, 2)), np.stack([_C, -_C, np.ones((2, 2))]))


def test_gradients_go_through_distances_of_laws() -> None:
    covariance = torch.tensor(_C, requires_grad=True)
    measures.kl(np.zeros(2), covariance, np.zeros(2), 2 * _C).backward()
    assert covariance.grad is not None and bool(covariance.grad.isfinite().all())


@pytest.mark.parametrize("scale", [1e-170, 1e-20, 1e20, 1e160, 1e300])
def test_the_scale_of_points_does_not_matter(scale: float) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((2, 9, 2))
    assert measures.wasserstein2(scale * x, scale * y) == pytest.approx(scale * measures.wasserstein2(x, y), rel=1e-12)
    assert measures.mmd2(scale * x, scale * y) == pytest.approx(measures.mmd2(x, y), rel=1e-9)
    assert measures.mmd2(scale * x, scale * y, scale) == pytest.approx(measures.mmd2(x, y, 1.0), rel=1e-9)
    assert measures.nearest_ratio(scale * x, scale * y) == pytest.approx(measures.nearest_ratio(x, y), rel=1e-12)
    assert measures.authenticity(scale * x, scale * y) == measures.authenticity(x, y)
    values = scale * x[:, 0]
    found, plain = mean(values), mean(x[:, 0])
    assert (found.value / scale, found.error / scale) == pytest.approx((plain.value, plain.error), rel=1e-12)


def test_far_points_among_near_ones_are_found() -> None:
    near = np.random.default_rng(0).standard_normal((20, 2))
    distances, indices = measures.nearest(np.array([[1e160, 0.0], near[3]]), near, 1)
    assert distances[:, 0] == pytest.approx([1e160, 0.0]) and indices[1, 0] == 3


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: measures.kernel_estimate(1e160 * _X), "points has values of the size 5e\\+160"),
        (lambda: measures.kernel_estimate(_X, 1e200), "sigma = 1e\\+200 is out of range"),
        (lambda: measures.kernel_estimate(1e140 * _X, 1e-140), "points are too far apart beside sigma"),
        (lambda: measures.marginal_estimate(_X * 1e200), "points has values"),
        (lambda: measures.fractions(_X * 1e160, _X, 2 * _X), "denoised has values"),
        (lambda: distances(_X, np.zeros(2), np.full((2, 2), np.nan)), "covariance holds a value"),
        (lambda: distances(_X, np.zeros(2), np.diag([1.0, -1.0])), "covariance has the negative eigenvalue"),
        (lambda: EmpiricalBayes(1e160 * _X), "points has values"),
        (lambda: mixture(_X, 1.0, 1e160 * _X, 1.0), "means has values"),
        (lambda: fit(1e160 * _X, _X), "x has values"),
        (lambda: audit(np.ma.masked_array(_X), _X), "train is a masked array"),
        (lambda: audit(_X, _X, seed=0.5), "seed must be a whole number"),  # type: ignore[arg-type]
        (lambda: Estimate(1.0, 0.0).z(2.0), "error is 0"),
        (lambda: median([1.0, np.nan, 2.0] * 9), "values must be replicas"),
        (lambda: zero_of_line([1.0, 2.0, 3.0], [Estimate(2.0, 1.0)] * 3), "a line that is flat"),
        (lambda: noise_variance(10**400), "t is beyond the largest number"),
        (lambda: noise_variance(np.ma.masked), "t must be a real number"),
        (lambda: kl_spectral(ratios=[1 + 2j], distance2=0.0), "ratios must be a real number"),
    ],
)
def test_what_leaves_double_precision_or_has_no_value_is_refused(call: Callable[[], Any], said: str) -> None:
    with pytest.raises((ValueError, TypeError), match=said) as caught:
        call()
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 300


def test_whole_numbers_that_no_float_holds_are_outside_every_domain() -> None:
    with pytest.raises(DomainError, match="noise_variance"):
        noise_variance(t=10**400)


# -- the command line --------------------------------------------------------------------------------------------------


def _refused(*words: str, status: int = 2) -> str:
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        assert main(list(words)) == status
    (line,) = err.getvalue().splitlines()
    assert line.startswith("memgen: ") and len(line) <= 500 and line.isprintable()
    return line


_LINEAR = {"metadata": {"memgen": {"experiment": "linear"}}}
_DEEP = "[" * 100_000 + "]" * 100_000


@pytest.mark.parametrize(
    "content",
    [
        *("null", "[]", "{}", "3", "", _DEEP, f'{{"cells": {_DEEP}}}'),
        *map(json.dumps, (_LINEAR, _LINEAR | {"cells": 3}, _LINEAR | {"cells": []}, _LINEAR | {"cells": [None]})),
    ],
    ids=["null", "[]", "{}", "3", "empty", "deep", "deep cells", "no cells", "3 as cells", "none", "null in cells"],
)
def test_what_is_no_notebook_is_refused(content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("01_bad.ipynb").write_text(content)
    assert "01_bad" in _refused("run", "01_bad.ipynb")
    assert not Path("out").exists()


def test_a_parameters_cell_that_does_not_parse_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for source in ("x = ((", "x = f(3)", "(" * 100_000):
        bad = {"cell_type": "code", "metadata": {"tags": ["parameters"]}, "source": source}
        Path("01_bad.ipynb").write_text(json.dumps(_LINEAR | {"cells": [bad]}))
        assert "its parameters cannot be read" in _refused("list", "01_bad.ipynb")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("run", "01", "-p", "seed", "\udcff"), "argument \\udcff is not text in UTF-8"),
        (("list", "a\0b"), "argument a\\u0000b has a NUL in it"),
        (("run", "x" * 5000), "unknown notebook 'xxx"),
        (("run", "x" * 5000 + ".ipynb"), "unknown notebook 'xxx"),
        (("run", "01", "--out", "loop"), "loop: not a folder"),
        (("book", "--from", "x" * 5000), "File name too long"),
        (("sweep", "__init__"), "unknown experiment '__init__'"),
        (("sweep", "garbage"), "unknown experiment 'garbage'"),
        (("sweep", ""), "unknown experiment ''"),
        (("sweep", "a.b"), "unknown experiment 'a.b'"),
        (("sweep", "linear", "--workers", "9" * 20), "'--workers'"),
        (("sweep", "alarms"), "parameter module must be given"),
        (("predict", "x" * 5000 + ".npy"), "File name too long"),
        (("predict", "x.npy", "--report", "x" * 5000), "File name too long"),
        (("predict", "x.npy", "--report", "/dev/null"), "neither a file nor a folder"),
        (("list", "\x1b[31mred"), "unknown notebook '\\u001b[31mred'"),
        (("claims", "\x9b2J"), "no claim '\\x9b2J'"),
    ],
)
def test_a_bad_word_is_named(
    words: tuple[str, ...], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    os.symlink("loop", "loop")
    assert said in _refused(*words)


@pytest.mark.parametrize("out", ["{seed}", "-o"])
def test_a_folder_can_have_any_name_and_more_jobs_than_notebooks_are_no_threads(
    out: str, chapter: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (found,) = run_all([chapter()], Path(out), jobs=10**9)
    assert found.problem is None and os.listdir(out) == ["01_tiny.ipynb"]


def test_nothing_that_is_printed_steers_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    title = {"cell_type": "markdown", "metadata": {}, "source": "# \x1b[31mred\x9b2J\u202e", "id": "a"}
    path = tmp_path / "01_\x1b[2J.ipynb"
    path.write_text(json.dumps(_LINEAR | {"cells": [title], "nbformat": 4, "nbformat_minor": 5}))
    for words in (["list", str(path)], ["list", str(path), "--json"], ["run", str(path)]):
        main(words)
        printed = "".join(capsys.readouterr())
        assert printed.replace("\n", "").isprintable() and "\\u001b[" in printed
    assert json.loads("[" + printable('"\x9b\u202e\x7f é"') + "]") == ["\x9b\u202e\x7f é"]
    assert one_line("a\tb\x07\r\nc\u2009d") == "a b\\u0007 c d"


def test_a_message_is_one_line_whatever_is_in_it(tmp_path: Path) -> None:
    path = tmp_path / "a\nb\x1b[31m.npy"
    path.write_bytes(b"no array")
    with pytest.raises(BadInput) as caught:
        read(path)
    assert str(caught.value).isprintable() and len(str(BadInput("x" * 9999))) < 500
    for bad in (tmp_path / ("x" * 5000), tmp_path / "a\0b.npy", tmp_path / "\udcff.npy"):
        assert judge(lambda bad=bad: read(bad), (one_line(bad)[:60],)).failure == ""
