"""Proofs that last one run of all tests: no process that shows a formula proves again what another one has proved.

That is for `make test`, whose notebooks show the same formulas at two presets: it names a fresh folder in
`MEMGEN_PROVED`. Without this variable nothing is kept, and tests/test_derivations.py proves everything all the same.
Only what holds is kept, under a key that is every byte of `theory` and the versions of SymPy and mpmath; and only for a
formula as `theory` defines it: a mutated copy is another object.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from theory.core.steps import Evidence

if TYPE_CHECKING:
    from theory.core.formula import Formula

FOLDER = "MEMGEN_PROVED"


@cache
def _state() -> str:
    """A digest of what a proof depends on: the source of `theory`, and the versions of Python, SymPy and mpmath."""
    theory = Path(__file__).parents[1]
    digest = sha256(f"{sys.version} {version('sympy')} {version('mpmath')}".encode())
    for path in sorted(theory.rglob("*.py")):
        digest.update(f"\0{path.relative_to(theory)}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def remembered(formula: Formula, prove: Callable[[], list[Evidence]]) -> list[Evidence]:
    """What `prove` finds, or what it found earlier in this run of the tests."""
    module = sys.modules[formula.derivation.__module__]
    defined = module.__name__.startswith("theory.") and getattr(module, formula.name, None) is formula
    if not defined or not (folder := os.environ.get(FOLDER)):
        return prove()
    path = Path(folder) / f"{module.__name__}.{formula.name}.{_state()}.json"
    if path.exists():
        return [Evidence(*step) for step in json.loads(path.read_text(encoding="utf-8"))]
    found = prove()
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(f".{os.getpid()}")  # others read and write the same folder
    part.write_text(json.dumps(found), encoding="utf-8")
    part.replace(path)
    return found
