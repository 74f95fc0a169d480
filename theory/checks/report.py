"""A report: what a notebook, a test or a verdict holds against simulations, and what came of it.

Statements are collected first and judged together, for the threshold of |z| depends on how many there are::

    report = Report("What law …?", r"$n^\\star = …$", "derived here")
    report.meets("generated trace", scores)          # theory and simulation agree
    report.rejects("threshold at n = d", z, side=1)  # a plausible wrong statement that the data must refuse
    report.holds("n* = 2d at unit noise", n_star == 2 * d)
    report.close()                                   # displays the outcome; raises if anything failed
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import BaseModel, Field, StrictBool

from memgen.statistics import threshold

if TYPE_CHECKING:
    from theory.checks.check import Check

MIME = "application/vnd.memgen.checks+json"
Side = Literal[-1, 0, 1]


class Outcome(BaseModel, frozen=True, extra="forbid", allow_inf_nan=False):
    """One statement, judged; `z` is the largest of its standard scores, None if it is exact or must be rejected.

    It has passed, or failed, or is open (None): the data do not rule out what must be rejected, for they are too few or
    it hardly differs at these parameters.
    """

    name: str
    z: float | None
    passed: StrictBool | None


class Summary(BaseModel, frozen=True, extra="forbid"):
    """What a notebook says of itself in its last code cell, under the MIME type `MIME`."""

    question: str
    formula: str
    source: str
    checks: tuple[Outcome, ...] = Field(min_length=1)

    @property
    def passed(self) -> int:
        """How many statements passed."""
        return sum(check.passed is True for check in self.checks)

    @property
    def worst_z(self) -> float | None:
        """The largest |z|; None where no statement has an error bar."""
        return max((abs(check.z) for check in self.checks if check.z is not None), default=None)


class Report:
    """Statements about theory and simulation, judged as one family of comparisons.

    `family` is the number of comparisons that share the error probability `level`. Left out, it is the number that
    `meets` has seen; a test that looks at one check of many passes the number of all.
    """

    def __init__(
        self, question: str = "", formula: str = "", source: str = "", *, family: int | None = None, level: float = 0.01
    ) -> None:
        self.question, self.formula, self.source = question, formula, source
        self._family, self._level = family, level
        self._met: dict[str, np.ndarray] = {}
        self._rejected: dict[str, tuple[np.ndarray, Side]] = {}
        self._exact: dict[str, bool] = {}

    def meets(self, name: str, scores: float | Iterable[float]) -> None:
        """State that theory and simulation agree: one standard score or several. ValueError if none, or not finite."""
        z = _scores(name, scores)
        if np.isinf(z).any():
            raise ValueError(f"{name}: an infinite score: is the standard error 0?")
        self._met[self._new(name)] = z

    def rejects(self, name: str, scores: float | Iterable[float], side: Side = 0) -> None:
        """State that the data refuse this: a score is beyond the threshold, above (1), below (−1) or either way (0).

        With none beyond it the statement is open; it fails if one lies beyond it on the other side alone.
        """
        self._rejected[self._new(name)] = _scores(name, scores), side

    def holds(self, name: str, condition: Any) -> None:
        """State something that is true or false without an error bar."""
        self._exact[self._new(name)] = bool(condition)

    def confronts(self, check: Check) -> None:
        """State that a check meets its formula and rejects each of its wrong variants."""
        self.meets(check.name, check.z())
        for mistake, predict in check.wrong.items():
            self.rejects(f"{check.name}: {mistake}", check.z(predict))

    @property
    def threshold(self) -> float:
        """The |z| that a family of true statements stays below with probability 1 − level."""
        return threshold(self._family or max(1, sum(z.size for z in self._met.values())), self._level)

    def outcomes(self) -> tuple[Outcome, ...]:
        """Every statement with its verdict: those met first, then those rejected, then the exact ones."""
        limit = self.threshold
        met = [(name, z[np.argmax(np.abs(z))]) for name, z in self._met.items()]
        found = [Outcome(name=name, z=round(float(z), 2), passed=bool(abs(z) < limit)) for name, z in met]
        for name, (z, side) in self._rejected.items():
            far, opposite = (np.max(z * side), np.max(-z * side)) if side else (np.max(np.abs(z)), 0)
            passed = True if far > limit else False if opposite > limit else None
            found.append(Outcome(name=f"rejected: {name}", z=None, passed=passed))
        found += [Outcome(name=name, z=None, passed=passed) for name, passed in self._exact.items()]
        return tuple(found)

    def failed(self) -> list[str]:
        """The names of the statements that did not pass, open ones too. AssertionError if nothing was stated."""
        if not (found := self.outcomes()):
            raise AssertionError("a report without statements decides nothing")
        return [outcome.name for outcome in found if not outcome.passed]

    def close(self) -> None:
        """Display the outcomes, for readers as text and for programs under `MIME`; AssertionError names what failed.

        What is open is no failure: a run with fewer data than the defaults may leave wrong formulas standing.
        """
        from IPython.display import display

        summary = Summary(
            question=self.question, formula=self.formula, source=self.source, checks=self.outcomes()
        ).model_dump(mode="json")
        display({MIME: summary, "text/plain": str(self)}, raw=True)
        if failed := [outcome.name for outcome in self.outcomes() if outcome.passed is False]:
            raise AssertionError(f"did not pass: {'; '.join(failed)}")

    def __str__(self) -> str:
        marks = {True: "ok  ", False: "FAIL", None: "open"}
        found = self.outcomes()
        lines = [f"{marks[o.passed]}  {o.name}" + ("" if o.z is None else f"   z = {o.z:+.2f}") for o in found]
        if any(o.passed is None for o in found):
            lines.append("open: not ruled out by these data")
        return "\n".join([*lines, f"|z| below {self.threshold:.2f}"])

    def _new(self, name: str) -> str:
        if name in {*self._met, *self._rejected, *self._exact}:
            raise ValueError(f"{name!r} is stated twice")
        return name


def _scores(name: str, scores: float | Iterable[float]) -> np.ndarray:
    z = np.atleast_1d(np.asarray(scores if np.ndim(scores) == 0 else list(scores), float))  # type: ignore[arg-type]
    if not z.size or np.isnan(z).any():
        raise ValueError(f"{name}: {z.size} scores, {np.isnan(z).sum()} of them not a number")
    return z
