"""The catalogue: every formula with its place, its checks and its claims, and no heavy import for it."""

import importlib
import subprocess
import sys

import pytest

from theory import catalogue
from theory.core.formula import Formula


def test_every_entry_is_found_by_its_name_and_by_its_path() -> None:
    for name, entry in catalogue.entries().items():
        assert name == entry.name == entry.formula.name
        assert catalogue.find(name) == catalogue.find(entry.path) == entry  # whether by its own room or by all
        module, _, attribute = entry.path.rpartition(".")
        assert getattr(importlib.import_module(module), attribute) is entry.formula
        assert entry.path.startswith(f"theory.{entry.room}.")
        assert entry.path.count(".") == 2  # a chapter offers its formulas itself, whatever modules it is made of


@pytest.mark.parametrize("path", ["kernel.neighbour_ratio", "theory.kernel.kde_mise", "linear.generated_logdet"])
def test_public_names_keep_their_paths(path: str) -> None:
    assert catalogue.find(path).path.endswith(path)


def test_checks_are_those_that_run() -> None:
    for check in catalogue.checks().values():
        assert check.name in catalogue.entries()[check.formula.name].checks
    assert sum(len(entry.checks) for entry in catalogue.entries().values()) == len(catalogue.checks())


def test_claims_name_the_formulas_they_compute_with() -> None:
    claims = catalogue.claims()
    assert "C1" in claims["neighbour_ratio"] and "C7" in claims["kl_generated_true"]
    assert set(claims) < set(catalogue.formulas())


@pytest.mark.parametrize(
    ("asked", "offered"),
    [("neighbor_ratio", "neighbour_ratio"), ("kde", "kde_mise"), ("linear.kde_mise", "kde_mise"), ("xyz", "known: ")],
)
def test_an_unknown_name_is_answered_with_the_nearest(asked: str, offered: str) -> None:
    with pytest.raises(LookupError, match=f"no formula .*{offered}") as caught:
        catalogue.find(asked)
    assert "\n" not in str(caught.value)


def test_two_formulas_of_one_name_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    twice = [
        *catalogue._definitions(catalogue.ROOMS),
        ("theory.linear.other", "linear", catalogue.formulas()["kde_mise"]),
    ]
    monkeypatch.setattr(catalogue, "_definitions", lambda rooms: iter(twice))
    with pytest.raises(RuntimeError, match=r"two formulas are called kde_mise: theory\.kernel\.kde_mise"):
        catalogue._entries.__wrapped__(catalogue.ROOMS)


def test_one_formula_is_found_without_importing_the_others() -> None:
    code = (
        "import sys; from theory import catalogue; "
        "print(catalogue.find('kernel_width').path, {'theory.windows', 'theory.images'} & set(sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "theory.kernel.kernel_width set()\n"


def test_the_catalogue_needs_neither_torch_nor_memgen() -> None:
    code = (
        "import sys; from theory import catalogue; catalogue.entries(); print({'torch', 'memgen'} & set(sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "set()\n"


def test_a_card_is_a_table_that_every_renderer_reads() -> None:
    """Bars in claims are escaped, so that every row has three cells."""
    for formula in catalogue.formulas().values():
        assert isinstance(formula, Formula)
    rows = catalogue.formulas()["local_information"].card().splitlines()
    table = [row for row in rows if row.startswith("|")]
    assert len(table) > 3
    for row in table:
        assert row.replace(r"\|", "").count("|") == 4
