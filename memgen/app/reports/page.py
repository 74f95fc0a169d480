"""One self-contained page: text that is escaped, pictures within, no script, nothing fetched."""

from __future__ import annotations

import math
import platform
from base64 import b64encode
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from memgen.errors import BadInput
from memgen.files import replacing
from memgen.reading import Samples

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_THUMBNAIL = 160  # pixels of the longer side at most


class Plot(NamedTuple):
    """A figure as an SVG in a data URI, what it shows for those who do not see it, and its caption."""

    source: str
    alternative: str
    caption: str


def write(path: Path, template: str, **content: Any) -> None:
    """Render a template of this folder into the file. BadInput if it cannot be written."""
    import jinja2

    loader = jinja2.FileSystemLoader(Path(__file__).parent)
    environment = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    environment.filters |= {"number": number, "percent": percent}
    text = environment.get_template(template).render(versions=versions(), **content)
    try:
        with replacing(path) as partial:
            partial.write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadInput(f"--report {path}: {error.strerror}") from error


def number(value: float | None, digits: int = 3) -> str:
    """The number to this many digits; a dash if it is not defined."""
    if value is None or not math.isfinite(value):
        return "–"
    if abs(value) < 1e9 and (value == round(value) or abs(value) >= 10**digits):
        return f"{round(value):,}".replace("-", "−")
    return f"{value:.{digits}g}".replace("-", "−")


def percent(value: float | None) -> str:
    """A share in percent; a dash for what is not defined."""
    if value is None or not math.isfinite(value):
        return "–"
    return f"{value:.0%}" if value >= 0.1 or value == 0 else f"{100 * value:.2g}%"


def versions() -> str:
    """A line on what computed the page, and when."""
    found = []
    for package in ("memgen", "numpy", "scipy"):
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:  # run from a folder, without having been installed
            found.append(package)
    when = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return f"{', '.join(found)}, Python {platform.python_version()}, {platform.system()}, {when}"


def plot(figure: Figure, alternative: str, caption: str) -> Plot:
    """Draw a figure and close it."""
    from matplotlib import pyplot as plt

    made = BytesIO()
    figure.savefig(made, format="svg", metadata={"Date": None, "Creator": None})
    plt.close(figure)
    return Plot(_uri("svg+xml", made.getvalue()), alternative, caption)


class Pictures:
    """Rows as small PNGs in data URIs, all on the grey scale of the training set; none for tables."""

    def __init__(self, sets: dict[str, Samples]) -> None:
        self._sets = sets
        self._shape = next((one.shape for one in sets.values() if one.shape), None)
        train = sets["train"].values
        low, high = (0.0, 1.0) if self._shape is None else (float(train.min()), float(train.max()))
        self._low, self._high = (0.0, 1.0) if 0 <= low and high <= 1 else (low, max(high, low + 1e-9))

    def __bool__(self) -> bool:
        return self._shape is not None

    def of(self, role: str, row: int) -> str:
        """The picture in a row of a set."""
        from PIL import Image

        assert self._shape is not None
        unit = (self._sets[role].values[row].reshape(self._shape).astype(float) - self._low) / (self._high - self._low)
        bytes_ = np.round(255 * unit.clip(0, 1)).astype(np.uint8)
        bytes_ = bytes_[..., 0] if bytes_.shape[2] < 3 else bytes_
        image, made = Image.fromarray(bytes_), BytesIO()
        image.thumbnail((_THUMBNAIL, _THUMBNAIL))
        image.save(made, "PNG", optimize=True)
        return _uri("png", made.getvalue())


def _uri(kind: str, content: bytes) -> str:
    return f"data:image/{kind};base64,{b64encode(content).decode()}"


def name(one: Samples, row: int) -> str:
    """The file of an image, or the number of a row."""
    return one.rows[row] if one.rows else f"row {row}"


def differing(one: Samples, row: int, other: Samples, of_other: int, most: int = 3) -> str:
    """The columns in which two rows of tables differ most, in standard deviations of the second set."""
    spread = other.values.std(0, dtype=float)
    a, b = one.values[row].astype(float), other.values[of_other].astype(float)
    away = np.abs(a - b) / np.where(spread > 0, spread, 1)
    largest = [k for k in np.argsort(-away)[:most] if away[k] > 0]
    names = other.columns or tuple(f"column {k}" for k in range(len(a)))
    return ", ".join(f"{names[k]} {number(a[k])} | {number(b[k])}" for k in largest) or "no column differs"


def aligned(rows: list[list[str]], indent: str = "  ") -> str:
    """Columns of text: the first to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            cell.rjust(width) if k else cell.ljust(width)
            for k, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    return "\n".join((indent + line).rstrip() for line in lines)


def listed(title: str, lines: Sequence[str]) -> list[str]:
    """A heading and its lines as text; nothing without lines."""
    return ["", f"{title}:", *(f"  - {line}" for line in lines)] if lines else []
