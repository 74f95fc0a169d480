"""What a claim is found to be."""

from typing import Literal, NamedTuple, get_args

Verdict = Literal["holds", "holds with a correction", "fails", "undecided", "pending"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)


class Ruling(NamedTuple):
    """A verdict, what decided it in ten words at most, the reason in full, and the numbers in it."""

    verdict: Verdict
    short: str
    reason: str
    numbers: dict[str, float]
