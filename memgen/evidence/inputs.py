"""Bad input: whatever is put into the public functions and the command line ends in a sound value or in one line.

A case spoils one or two arguments of a function, a file, or a command line, in ways that Hypothesis chooses. Rows: one
for each case, with `failure` empty unless something else happened than `memgen.evidence.garbage.judge` allows.
"""

from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
import pandas as pd
from pydantic import Field

from memgen.errors import BadInput, printable
from memgen.runs.parameters import ChapterParams

VERSION = 1
_BLOCK = 100  # cases of a cell
# of a hundred cases, how many are of a group
SHARES = {
    "measures": 22, "statistics": 12, "laws": 10, "denoisers": 12, "tools": 4, "formulas": 22, "reading": 8,
    "commands": 10,
}  # fmt: skip


class Params(ChapterParams):
    """The number of cases in all groups together, each with its share, and the group to be run, or all."""

    presets: ClassVar = {"smoke": {"cases": 400}, "standard": {"cases": 2000}, "paper": {"cases": 16_000}}

    cases: int | None = Field(None, ge=100, multiple_of=100)
    group: Literal["all", *SHARES] = "all"  # type: ignore[valid-type]


class Cell(NamedTuple):
    """Cases of one group from one seed."""

    group: str
    seed: int
    cases: int


def grid(params: Params) -> list[Cell]:
    """The cells of each group, with up to a hundred cases each."""
    p = params.resolved()
    assert p.cases is not None
    cells = []
    for group, share in SHARES.items():
        if p.group in ("all", group):
            count = p.cases * share // 100
            starts = range(0, count, _BLOCK)
            cells += [Cell(group, p.seed + k, min(_BLOCK, count - start)) for k, start in enumerate(starts)]
    return cells


def cell(at: Cell) -> pd.DataFrame:
    """Rows: target, case, outcome, failure, group, seed."""
    rows = [tuple(map(printable, row)) for row in cases(at)]
    table = pd.DataFrame(rows, columns=["target", "case", "outcome", "failure"])
    return table.assign(group=at.group, seed=at.seed)


def cases(at: Cell) -> list[tuple[str, str, str, str]]:
    """Cases of a cell, (target, case, outcome, failure), the same from the same seed. BadInput without Hypothesis."""
    try:
        import hypothesis
        from hypothesis import strategies as st
    except ModuleNotFoundError:
        raise BadInput('Hypothesis is not installed, which chooses the cases: pip install "memgen[dev]"') from None
    from memgen.evidence.garbage.cases import case

    rows = []

    @hypothesis.seed(int(np.random.SeedSequence([at.seed, list(SHARES).index(at.group)]).generate_state(1)[0]))
    @hypothesis.settings(
        max_examples=at.cases,
        database=None,
        deadline=None,
        derandomize=False,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(st.data())
    def run(data: Any) -> None:
        number = data.draw(st.integers(0, 2**32 - 1))
        rows.append(case(at.group, lambda values: data.draw(st.sampled_from(values)), number))

    run()
    return rows
