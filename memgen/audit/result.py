"""What an audit returns."""

from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple

from memgen.plain import plain

Verdict = Literal["memorized", "no evidence", "undecidable"]


@dataclass(frozen=True)
class Test:
    """A statistic and its null: what it is, at these sizes, for a generator that never saw the training set."""

    name: str
    question: str
    statistic: float
    null: float  # its mean under the null
    low: float  # 95% of its values under the null are from here …
    high: float  # … to there
    method: str  # how the null was found
    assumes: str  # what the p-value rests on
    p: float
    adjusted: float  # for all tests of the audit, by Holm
    power: dict[str, float]  # "near", "loose": the chance that this test alone finds such copies at its level
    closed: str = ""  # what is known of the null in closed form, and where that holds

    @property
    def significant(self) -> bool:
        """Whether the test speaks for memory at the level of the audit, all its tests counted."""
        return self.adjusted <= LEVEL


LEVEL = 0.05  # the chance at most that an audit calls a generator memorized which never saw the training set


class Pair(NamedTuple):
    """A generated point beside the training record that it is nearest to, as rows of what was given."""

    generated: int
    train: int
    second: int  # the second nearest training record
    distance: float
    ratio: float  # to the distance of the second nearest
    fresh: float  # share of fresh records that are as close to one training record and to no second


@dataclass(frozen=True)
class Audit:
    """The result of an audit: whether generated points know their training set, why, and what remains unknown."""

    verdict: Verdict
    answer: str
    sizes: dict[str, int]  # train, generated, holdout, dimension
    copies: float  # the stated fraction of copies that the power is for
    tests: tuple[Test, ...]
    power: dict[str, float]  # of the whole audit, for each kind of planted copies
    detectable: dict[str, float]  # the least fraction of copies that it finds in four cases of five; NaN if none
    curves: dict[str, tuple[tuple[float, float], ...]]  # fraction of copies and power, for each kind
    pairs: tuple[Pair, ...]
    ratios: dict[str, tuple[float, ...]]  # d₁/d₂ of generated and of fresh points, at most 2,000 of each
    notes: tuple[str, ...]
    cannot: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain numbers and text; None where a number is not defined."""
        document: dict[str, Any] = plain(asdict(self) | {"pairs": [pair._asdict() for pair in self.pairs]})
        return document
