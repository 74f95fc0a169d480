"""Which extra of this package brings a module that is not installed."""

from __future__ import annotations

import re
from collections import defaultdict
from importlib.metadata import PackageNotFoundError, requires

_PACKAGES = {"ot": "POT", "sklearn": "scikit-learn"}  # modules that are not called what their packages are


def advice(error: ModuleNotFoundError) -> str | None:
    """What to install, on one line; None if no extra brings the module, so that the mistake is ours."""
    module = (error.name or "").partition(".")[0]
    package = _PACKAGES.get(module, module)
    extras = [(len(names), extra) for extra, names in _extras().items() if _plain(package) in names]
    return f'this needs {package}: pip install "memgen[{min(extras)[1]}]"' if extras else None


def _extras() -> dict[str, set[str]]:
    """The packages of each extra, with those of the extras that it has in it."""
    found = defaultdict(set)
    try:
        lines = requires("memgen") or []
    except PackageNotFoundError:  # run from a folder, without having been installed
        lines = []
    for line in lines:
        if match := re.match(r"""([\w.-]+).*\bextra == ["'](\w+)["']""", line):
            found[match[2]].add(_plain(match[1]))
    return found


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
