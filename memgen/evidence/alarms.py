"""False alarms and power: every simulation check under other seeds.

A check that is right must pass at any seed, and its wrong variants must fail at any seed. Rows: one for each comparison
of the formula, `variant` empty, with its standard score; and one for each wrong variant, with its largest score.
"""

from difflib import get_close_matches
from functools import cache, partial
from typing import Any, ClassVar, NamedTuple

import numpy as np
import pandas as pd
from pydantic import Field, field_validator

from memgen.runs.parameters import ChapterParams
from memgen.streams import reseeded
from theory.catalogue import checks
from theory.checks.check import Check, Observation

VERSION = 1


class Params(ChapterParams):
    """The module of theory.checks whose checks are simulated, under `seeds` seeds from `seed` on."""

    presets: ClassVar = {"smoke": {"seeds": 2}, "standard": {"seeds": 20}, "paper": {"seeds": 200}}

    module: str
    seeds: int | None = Field(None, ge=1)

    @field_validator("module")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in modules():
            near = get_close_matches(name, modules(), cutoff=0.4) or list(modules())[:3]
            raise ValueError(f"no module of theory.checks simulates by this name, as {' or '.join(near)} do")
        return name


class Cell(NamedTuple):
    """The checks of one module, which share simulations, under one seed."""

    module: str
    seed: int


def grid(params: Params) -> list[Cell]:
    """One cell for each seed."""
    seeds = params.resolved().seeds
    assert seeds is not None
    return [Cell(params.module, params.seed + k) for k in range(seeds)]


@cache
def modules() -> dict[str, list[Check]]:
    """The checks by the module of theory.checks that simulates them."""
    found: dict[str, list[Check]] = {}
    for check in checks().values():
        simulate = check.simulate
        where = (simulate.func if isinstance(simulate, partial) else simulate).__module__
        found.setdefault(where.removeprefix("theory.checks."), []).append(check)
    return found


def cell(at: Cell) -> pd.DataFrame:
    """The scores of every check of the module under this seed."""
    with reseeded(at.seed):
        rows = [row for check in modules()[at.module] for row in scores(check)]
    table = pd.DataFrame(rows, columns=["check", "variant", "comparison", "z"])
    return table.assign(seed=at.seed)


def scores(check: Check) -> list[tuple[str, str, int, float]]:
    """Rows (check, variant, comparison, score), one for each comparison with the formula, its variant empty.

    Each wrong variant has one more, of the comparison with the largest |score|.
    """
    seen = check.observe()
    rows = [(check.name, "", k, o.estimate.z(_predicted(check, "", o))) for k, o in enumerate(seen)]
    for mistake in check.wrong:
        z = np.array([o.estimate.z(_predicted(check, mistake, o)) for o in seen])
        k = int(np.argmax(np.abs(z)))
        rows.append((check.name, mistake, k, float(z[k])))
    return rows


# Most arguments are the same under every seed, and some formulas take a second.
_PREDICTED: dict[tuple, float] = {}


def _predicted(check: Check, mistake: str, observation: Observation) -> float:
    key = (check.name, mistake, *((name, _key(value)) for name, value in observation.args.items()))
    if key not in _PREDICTED:
        predict = check.wrong[mistake] if mistake else check.predict or check.formula
        _PREDICTED[key] = float(predict(**observation.args))
    return _PREDICTED[key]


def _key(value: Any) -> Any:
    return (value.shape, value.tobytes()) if isinstance(value, np.ndarray) else value
