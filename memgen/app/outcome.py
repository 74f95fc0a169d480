"""What a run of a notebook comes to: the checks that it displays, or the error that ended it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import nbformat
from pydantic import ValidationError

from memgen.errors import BadInput, one_line
from theory.checks.report import MIME, Summary


@dataclass(frozen=True)
class Result:
    """One run of one notebook: its summary, or the error that ended it."""

    notebook: str
    seconds: float
    summary: Summary | None
    error: str | None = None

    @property
    def problem(self) -> str | None:
        """The error, or the checks that failed; None if there are neither."""
        if self.summary is None:
            return self.error
        wrong = [check.name for check in self.summary.checks if check.passed is False]
        return f"{self.notebook}: checks not passed: {', '.join(wrong)}" if wrong else None

    @property
    def open(self) -> list[str]:
        """The checks that the data of the run leave open."""
        return [check.name for check in self.summary.checks if check.passed is None] if self.summary else []

    def row(self) -> dict[str, str | float | None]:
        """The result in one flat row."""
        found = self.summary
        return {
            "notebook": self.notebook,
            "seconds": round(self.seconds, 1),
            "passed": found.passed if found else 0,
            "checks": len(found.checks) if found else 0,
            "open": len(self.open),
            "worst_z": found.worst_z if found else None,
            "problem": self.problem,
        }


def summarise(notebook: nbformat.NotebookNode) -> Summary:
    """The summary that the last code cell of an executed notebook displays."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for output in reversed(code[-1].outputs if code else []):
        if MIME in output.get("data", {}):
            try:
                return Summary.model_validate(output.data[MIME])
            except ValidationError as error:
                raise BadInput(f"emits malformed checks: {one_line(error)}") from None
    raise BadInput("emits no checks")


def table(results: Sequence[Result]) -> str:
    """Notebook, seconds, checks passed of how many and how many are open, largest |z|."""
    lines = [f"{'notebook':32} {'seconds':>7}  {'checks':>13}  {'worst |z|':>9}"]
    for row in (result.row() for result in results):
        checks = "failed" if not row["checks"] else f"{row['passed']}/{row['checks']}"
        checks += f", {row['open']} open" if row["open"] else ""
        worst = "–" if row["worst_z"] is None else f"{row['worst_z']:.1f}"
        lines.append(f"{row['notebook']:32} {row['seconds']:7.1f}  {checks:>13}  {worst:>9}")
    return "\n".join(lines)
