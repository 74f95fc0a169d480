"""A check: what a simulation observes, what the formula says of it, and what plausible wrong formulas would say."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from memgen.statistics import Estimate
from memgen.streams import are_reseeded, drawn_once
from theory.core.formula import Formula
from theory.core.memory import remembered


class Observation(NamedTuple):
    """The arguments at which the formula is confronted, and the simulated value with its error."""

    args: Mapping[str, Any]
    estimate: Estimate


@dataclass(frozen=True, eq=False)
class Check:
    """One confrontation. `predict` is the formula, or the formula turned into what was observed.

    `comparisons` is the number of observations, declared so that a family's threshold needs no simulation.
    `wrong` holds plausible wrong predictions by what is wrong with them; the same observations must reject each.
    """

    name: str
    formula: Formula
    comparisons: int
    simulate: Callable[[], list[Observation]]
    wrong: Mapping[str, Callable[..., Any]]
    predict: Callable[..., Any] | None = None

    def observe(self) -> list[Observation]:
        """The simulated values; made once, always the same ones. AssertionError if they are not as many as declared."""
        found = _observe(self)
        if not 0 < len(found) == self.comparisons:
            raise AssertionError(f"{self.name} observed {len(found)} values and declares {self.comparisons}")
        return found

    def z(self, predict: Callable[..., Any] | None = None) -> np.ndarray:
        """Standard normal scores of the observations against the formula (or another prediction)."""
        predict = predict or self.predict or self.formula
        return np.array([o.estimate.z(float(predict(**o.args))) for o in self.observe()])


@drawn_once
def _observe(check: Check) -> list[Observation]:
    where = getattr(check.simulate, "func", check.simulate).__module__
    if are_reseeded() or not where.startswith("theory.checks."):
        return check.simulate()
    rows = remembered(f"{where}.{check.name}", lambda: [_packed(*seen) for seen in check.simulate()])
    return [_unpacked(*row) for row in rows]


def _packed(args: Mapping[str, Any], estimate: Estimate) -> list:
    """An observation as JSON can hold it, to the last bit."""
    return [{name: _plain(value) for name, value in args.items()}, [*map(float, estimate)]]


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return {"dtype": value.dtype.str, "values": value.tolist()}
    return value.item() if isinstance(value, np.generic) else value


def _unpacked(args: Mapping[str, Any], estimate: list[float]) -> Observation:
    arrays = {k: np.array(v["values"], v["dtype"]) for k, v in args.items() if isinstance(v, dict)}
    return Observation({**args, **arrays}, Estimate(*estimate))
