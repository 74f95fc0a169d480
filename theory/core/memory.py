"""What one process of a run of all tests has found, kept for the others: proofs, and what checks observed.

That is for `make test`, whose notebooks show the same formulas at two presets: it names a fresh folder in
`MEMGEN_PROVED`. Without this variable nothing is kept. tests/test_derivations.py proves every formula and
tests/test_checks.py simulates every check all the same. Only what could be computed is kept, under a key that is every
byte of `theory` and `memgen` and the versions of what they compute with.
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

FOLDER = "MEMGEN_PROVED"


@cache
def _state() -> str:
    """A digest of the source of both packages and of the versions of Python and the libraries below them."""
    root = Path(__file__).parents[2]
    digest = sha256(" ".join([sys.version, *map(version, ("sympy", "mpmath", "numpy", "scipy"))]).encode())
    for path in sorted([*root.glob("theory/**/*.py"), *root.glob("memgen/**/*.py")]):
        digest.update(f"\0{path.relative_to(root)}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def remembered(name: str, make: Callable[[], list]) -> list:
    """What `make` returns, a list that JSON can hold, or what it returned earlier in this run of the tests."""
    if not (folder := os.environ.get(FOLDER)):
        return make()
    path = Path(folder) / f"{name}.{_state()}.json"
    if (earlier := _recalled(path)) is not None:
        return earlier
    found = make()
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(f".{os.getpid()}")  # others read and write the same folder
    part.write_text(json.dumps(found), encoding="utf-8")
    part.replace(path)
    return found


def _recalled(path: Path) -> list | None:
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
