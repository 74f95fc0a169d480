"""Where notebooks, results and documents lie: beside the package in a clone, inside it when installed from a wheel."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_CLONE = _PACKAGE.parent
ROOT = _CLONE if (_CLONE / "pyproject.toml").is_file() else _PACKAGE / "shipped"
NOTEBOOKS, RESULTS, DOCS = ROOT / "notebooks", ROOT / "results", ROOT / "docs"
