"""The house: one list of versions, arrows that point one way, a tree that stays clean."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from memgen.runs.store import load

ROOT = Path(__file__).resolve().parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT = PYPROJECT["project"]
LOCK = (ROOT / "requirements.lock").read_text().splitlines()
PINS = {canonicalize_name(name): pin for name, _, pin in (line.partition("==") for line in LOCK)}
EXTRAS = PROJECT["optional-dependencies"]
REQUIREMENTS = [*PROJECT["dependencies"], *(line for lines in EXTRAS.values() for line in lines)]
REQUIREMENTS = [line for line in REQUIREMENTS if not line.startswith("memgen[")]  # an extra in another


def test_the_lock_is_plain_pins() -> None:
    assert len(LOCK) == len(PINS) > 100
    odd = [line for line in LOCK if not re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][0-9a-z.]*", line)]
    assert odd == []  # no options, hashes, paths or local tags such as +cpu


def test_the_lock_keeps_sympy_and_mpmath_together() -> None:
    assert PINS["sympy"].startswith("1.14.")
    assert Version(PINS["mpmath"]) < Version("1.4")
    assert PINS["torch"] == "2.13.0"


@pytest.mark.parametrize("line", [*REQUIREMENTS, *PYPROJECT["build-system"]["requires"]])
def test_the_lock_meets_every_bound(line: str) -> None:
    requirement = Requirement(line)
    assert PINS[canonicalize_name(requirement.name)] in requirement.specifier


@pytest.mark.parametrize("line", REQUIREMENTS)
def test_the_tests_run_on_the_locked_version(line: str) -> None:
    name = Requirement(line).name
    assert Version(version(name)).public == PINS[canonicalize_name(name)]


def test_environment_yml_supplies_python_and_leaves_the_rest_to_the_lock() -> None:
    *supplied, rest = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    python, pip = supplied
    assert python.startswith("python=") and pip == "pip"
    assert Version(python.removeprefix("python=")) in SpecifierSet(PROJECT["requires-python"])
    assert rest == {"pip": ["-r requirements.lock", "-e ."]}


def test_dev_has_every_extra_in_it() -> None:
    def within(extra: str) -> set[str]:
        inner = {name for line in EXTRAS[extra] if line.startswith("memgen[") for name in line[7:-1].split(",")}
        return {extra}.union(*map(within, inner))

    assert within("dev") == set(EXTRAS)
    assert within("notebooks") == {"notebooks", "audit", "simulation"}


def test_the_hooks_before_a_commit_are_those_of_make_lint() -> None:
    (repository,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert repository["repo"] == "local"
    assert all(hook["language"] == "system" and not hook["pass_filenames"] for hook in repository["hooks"])
    environment = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MFLAGS")}
    command = ["make", "--no-print-directory", "--just-print", "--old-file=.venv/.ready", "lint"]
    lint = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout
    assert [hook["entry"] for hook in repository["hooks"]] == lint.splitlines()


def test_one_version_stands_everywhere() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == PROJECT["version"] and citation["license"] == PROJECT["license"]
    assert f"\n## {PROJECT['version']}" in (ROOT / "CHANGELOG.md").read_text()


# One import each that must not be, and the contract that it breaks.
@pytest.mark.parametrize(
    ("module", "line", "broken"),
    [
        ("theory/linear.py", "import memgen.laws.data", "theory never imports memgen"),
        ("theory/core/formula.py", "import memgen.laws.data", "theory never imports memgen"),
        ("theory/linear.py", "import theory.checks.linear", "the checks and the ledger stand on top"),
        ("theory/linear.py", "import theory.ledger.claims", "the checks and the ledger stand on top"),
        ("memgen/laws/data.py", "import theory.ledger.claims", "the checks and the ledger stand on top"),
        ("theory/linear.py", "import torch", "theory does not need torch"),
        ("memgen/laws/data.py", "import theory.linear", "the engine and the experiments never import theory"),
        ("memgen/experiments/linear.py", "from theory import linear", "the engine and the experiments never"),
        ("theory/core/formula.py", "import theory.letters", "within theory arrows point down"),
        ("theory/letters.py", "import theory.spectra", "within theory arrows point down"),
        ("theory/spectra.py", "import theory.linear", "within theory arrows point down"),
        ("theory/linear.py", "import theory.catalogue", "within theory arrows point down"),
        ("theory/checks/linear.py", "import theory.ledger.claims", "within theory arrows point down"),
    ],
)
def test_a_forbidden_import_breaks_its_contract(tmp_path: Path, module: str, line: str, broken: str) -> None:
    lines = {
        "theory/__init__.py": "",
        "theory/core/__init__.py": "",
        "theory/core/formula.py": "import sympy",
        "theory/letters.py": "import theory.core.formula",
        "theory/spectra.py": "import theory.letters",
        "theory/linear.py": "import theory.spectra, theory.core.formula",
        "theory/catalogue.py": "import theory.linear",
        "theory/checks/__init__.py": "",
        "theory/checks/linear.py": "import torch, theory.linear, memgen.experiments.linear",
        "theory/ledger/__init__.py": "",
        "theory/ledger/claims.py": "import torch, theory.linear, memgen.experiments.linear",
        "memgen/__init__.py": "",
        "memgen/laws/__init__.py": "",
        "memgen/laws/data.py": "import torch",
        "memgen/app/__init__.py": "",
        "memgen/app/cli.py": "import theory.ledger.claims, memgen.laws.data",
        "memgen/figures/__init__.py": "",
        "memgen/figures/linear.py": "import theory.checks.linear, memgen.laws.data",
        "memgen/evidence/__init__.py": "",
        "memgen/experiments/__init__.py": "",
        "memgen/experiments/linear.py": "import memgen.laws.data",
    }
    (tmp_path / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text())
    for name, text in lines.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert "0 broken" in contracts(tmp_path)
    (tmp_path / module).write_text(line)
    report = contracts(tmp_path)
    assert re.search(rf"{broken}.* BROKEN", report)


def contracts(folder: Path) -> str:
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache"]
    environment = os.environ | {"COLUMNS": "200"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True).stdout


@pytest.mark.parametrize(
    "path",
    [
        ".venv/bin/python",
        "out/book/index.html",
        "memgen/__pycache__/x.pyc",
        ".pytest_cache/x",
        ".mypy_cache/x",
    ],
)
def test_what_the_targets_leave_is_ignored_by_git(path: str) -> None:
    assert subprocess.run(["git", "check-ignore", "--quiet", path], cwd=ROOT).returncode == 0


def test_results_are_not_ignored_by_git() -> None:
    ignored = subprocess.run(["git", "check-ignore", "--quiet", "results/linear/0000.parquet"], cwd=ROOT)
    assert ignored.returncode == 1


def test_continuous_integration_runs_make_test() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert script.read_text().splitlines()[-1] == "exec make test"


def test_the_readme_is_short_and_its_first_command_is_on_the_first_screen() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.split()) <= 900
    before = text[: text.index("    make run")]
    assert "## Answers" not in before and len(before.split()) < 150


def test_the_list_of_results_names_each_and_says_how_long_it_took() -> None:
    text = (ROOT / "results" / "README.md").read_text(encoding="utf-8")
    listed = dict(re.findall(r"^\| `(\w+/[\w-]+)` \|.* \| ([\d.]+) \| [^|]+ \|$", text, re.MULTILINE))
    many = {"alarms", "chapters", "speed"}  # their rows stand for many files
    stored = {path: path.parent.name for path in (ROOT / "results").glob("*/*.parquet")}
    minutes = {
        f"{at}/{path.stem}": load(at, path.stem)[1]["seconds"] / 60 for path, at in stored.items() if at not in many
    }
    assert listed == {name: f"{m:.0f}" if m >= 1 else f"{m:.1f}" for name, m in minutes.items()}


def test_a_docstring_begins_with_what_it_is_about() -> None:
    headless = re.compile(r"(Of|That of|Those of|So many|As above)\b")
    named = (ast.Module, ast.ClassDef, ast.FunctionDef)
    found = {}
    for path in [*(ROOT / "memgen").rglob("*.py"), *(ROOT / "theory").rglob("*.py")]:
        nodes = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, named)]
        found |= {f"{path.name}: {text[:60]}": text for node in nodes if (text := ast.get_docstring(node))}
    assert len(found) > 1500
    assert [where for where, text in found.items() if headless.match(text)] == []


def test_links_of_the_readme_lead_somewhere() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    targets = [target.partition("#")[0] for target in re.findall(r"\]\(([^)]+)\)", text)]
    assert len(targets) > 15
    assert [target for target in targets if not target.startswith("http") and not (ROOT / target).exists()] == []
