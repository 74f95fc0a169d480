"""What a claim is found to be."""

from typing import Literal, NamedTuple, get_args

Verdict = Literal["holds", "holds with a correction", "fails", "undecided", "pending"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)


class Ruling(NamedTuple):
    """A verdict, the sentence that gives its reason, and the numbers in it."""

    verdict: Verdict
    reason: str
    numbers: dict[str, float]
