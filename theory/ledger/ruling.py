"""What a claim is found to be, and the rule that decides it, which is stated as data beside the evidence."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, Literal, NamedTuple, TypeVar, get_args

from memgen.statistics import Estimate

Verdict = Literal["holds", "holds with a correction", "fails", "undecided", "commentary", "pending"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
E = TypeVar("E")


class Range(NamedTuple):
    """A measured value with its 95% interval. In a condition "clearly" means: the whole interval."""

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, estimate: Estimate) -> "Range":
        """The estimate with its t interval."""
        return cls(estimate.value, *estimate.interval())

    def above(self, bound: float) -> bool:
        """Whether the interval lies above the bound."""
        return self.low > bound

    def below(self, bound: float) -> bool:
        """Whether the interval lies below the bound."""
        return self.high < bound

    def within(self, low: float, high: float) -> bool:
        """Whether the interval lies between the bounds."""
        return self.above(low) and self.below(high)

    def over(self, unit: float) -> "Range":
        """The range divided by a unit."""
        return Range(*(end / unit for end in self))

    def told(self, digits: int = 2) -> str:
        """The value with its interval, for a sentence."""
        return f"{self.value:.{digits}f} (95%: {self.low:.{digits}f} to {self.high:.{digits}f})"


@dataclass(frozen=True)
class Criterion(Generic[E]):
    """What would give a claim this verdict: a condition in words, and as a predicate of the evidence."""

    verdict: Verdict
    words: str
    met: Callable[[E], bool]


class Ruling(NamedTuple):
    """A verdict, the evidence in ten words at most, in full, and in numbers, and what would have given each verdict."""

    verdict: Verdict
    short: str
    reason: str
    numbers: dict[str, float]
    criteria: dict[str, str]


@dataclass(frozen=True)
class Question(Generic[E]):
    """How a claim is decided: what is computed as evidence, what would make it hold or fail, and the text.

    The first criterion that the evidence meets gives the verdict; if it meets none, the claim is undecided. A question
    without criteria is commentary: nothing that is computed can turn it.
    """

    evidence: Callable[[], E]
    criteria: tuple[Criterion[E], ...]
    say: Callable[[E], tuple[str, str]]

    def verdict(self, found: E) -> Verdict:
        """The verdict on this evidence."""
        if not self.criteria:
            return "commentary"
        return next((criterion.verdict for criterion in self.criteria if criterion.met(found)), "undecided")

    def rule(self) -> Ruling:
        """The verdict on what is found, computed anew."""
        found = self.evidence()
        conditions: dict[str, str] = {criterion.verdict: criterion.words for criterion in self.criteria}
        return Ruling(self.verdict(found), *self.say(found), dict(flat(found)), conditions)


def flat(found: Any, name: str = "") -> Iterator[tuple[str, float]]:
    """Yield the numbers in the evidence, each with a name; a range gives its value and its ends."""
    if isinstance(found, Range):
        yield name, found.value
        yield f"{name}_low", found.low
        yield f"{name}_high", found.high
    elif isinstance(found, tuple):
        names = getattr(found, "_fields", range(1, len(found) + 1))
        for part, value in zip(names, found, strict=True):
            yield from flat(value, f"{name}_{part}" if name else f"{part}")
    elif isinstance(found, int | float):
        yield name, found
