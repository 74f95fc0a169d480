"""Where a formula ends: the steps behind every condition of a phase, bracket of an unknown and end of a variable.

condition    holds exactly where the quantity that decides is on its side of 0: the two differ by a positive factor
bracket      at each edge a stated quantity has a stated value, and the equation changes sign once in between
edge         a variable ends where a stated quantity takes a stated value, and the end belongs to the regime or not

Each reads what it explains from the formula, so that a formula with another condition, bracket or end fails in a step.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import sympy as sp

from theory.core.evaluate import _numeric
from theory.core.parts import Unknown, Variable
from theory.core.steps import DerivationError, Step, vanishes

if TYPE_CHECKING:
    from theory.core.formula import Formula

_NODES = 65  # at which an equation is evaluated inside its bracket


@dataclass(frozen=True)
class Condition(Step):
    """`condition`, read from a branch, holds exactly where `where` does; `given` is a parametrisation, as in Identity.

    Both are relations, or conjunctions of as many.
    """

    condition: Any
    where: Any
    given: Mapping[sp.Symbol, Any] = field(default_factory=dict)

    def found(self) -> str | None:
        stated, derived = relations(self.condition), relations(self.where)
        if not stated or len(stated) != len(derived):
            return None
        for relation in stated:
            match = next((other for other in derived if self._same(relation, other)), None)
            if match is None:
                return None
            derived.remove(match)
        return "the same sides, up to a positive factor"

    def _same(self, one: Any, other: Any) -> bool:
        (kind, first), (other_kind, second) = _side(one), _side(other)
        if kind != other_kind:
            return False
        ratio = sp.sympify(first / second).doit().subs(self.given)
        factor = sp.factor(sp.simplify(ratio))
        return bool(factor.is_nonzero if kind == "=" else factor.is_positive)


@dataclass(frozen=True)
class Bracket(Step):
    """The equation of `unknown` has one root between its edges, and these are where stated quantities take stated
    values.

    `lower` and `upper` are pairs (quantity, value): at that edge the quantity, in terms of the unknown, has this value.
    The quantity is the equation itself, or a bound on it. The sign of the equation is taken at `points`, from edge to
    edge; ends that are no numbers are approached.
    """

    unknown: Unknown
    lower: tuple[Any, Any]
    upper: tuple[Any, Any]
    points: tuple[Mapping[sp.Symbol, Any], ...]
    given: Mapping[sp.Symbol, Any] = field(default_factory=dict)

    def found(self) -> str | None:
        for edge, (quantity, value) in ((self.unknown.lower, self.lower), (self.unknown.upper, self.upper)):
            if not vanishes((sp.sympify(quantity).subs(self.unknown.symbol, edge) - value).subs(self.given)):
                return None
        if not self.points or not all(map(self._one_root, self.points)):
            return None
        return f"edges derived; one change of sign at {len(self.points)} point{'s' * (len(self.points) > 1)}"

    def _one_root(self, point: Mapping[sp.Symbol, Any]) -> bool:
        arrays = {s: np.atleast_2d(np.asarray(v, float)) for s, v in point.items()}
        low, high = (float(_numeric(edge, arrays)[0, 0]) for edge in (self.unknown.lower, self.unknown.upper))
        if not low < high:
            return False
        inside = np.linspace(1e-9, 1 - 1e-9, _NODES)  # at an edge itself the equation may be no number
        nodes = low * (high / low) ** inside if low > 0 else low + (high - low) * inside
        rows = {s: np.repeat(a, _NODES, 0) for s, a in arrays.items()} | {self.unknown.symbol: nodes[:, None]}
        with np.errstate(invalid="ignore"):  # outside an equation's own domain: NaN, which has no sign
            signs = np.sign(_numeric(self.unknown.equation, rows).reshape(-1))
        if np.isnan(signs).any():
            return False
        changes = np.flatnonzero(np.diff(signs[signs != 0]))
        return len(changes) == 1


@dataclass(frozen=True)
class Edge(Step):
    """The lower or upper end of `variable` is where `quantity` takes `value`, coming from inside."""

    variable: Variable
    side: Literal["lower", "upper"]
    quantity: Any
    value: Any
    included: bool = False

    def found(self) -> str | None:
        domain = self.variable.domain
        lower = self.side == "lower"
        end, is_open = (domain.inf, domain.left_open) if lower else (domain.sup, domain.right_open)
        if bool(is_open) == self.included or not _may_end(self.variable, end):
            return None
        if not sp.sympify(self.quantity).has(self.variable.symbol):  # what does not depend on it says nothing of it
            return None
        limit = sp.limit(sp.sympify(self.quantity), self.variable.symbol, end, "+" if lower else "-")
        if limit == self.value or vanishes(limit - self.value):
            return f"{self.variable.symbol} {'≥' if lower else '≤'} {end}" if self.included else f"not {end} itself"
        return None


def _may_end(variable: Variable, end: sp.Expr) -> bool:
    """Whether an end is inside, or at the end of, what the letter can be: beyond, limits are not defined."""
    return variable.values is None or (bool(variable.values.inf <= end) and bool(end <= variable.values.sup))


def relations(condition: Any) -> list[Any]:
    """The relations that a condition asks for together; none if it is something else."""
    parts = list(condition.args) if isinstance(condition, sp.And) else [condition]
    return parts if all(isinstance(part, sp.core.relational.Relational) for part in parts) else []


def _side(relation: Any) -> tuple[str, sp.Expr]:
    """The sense of a relation, and the expression that has to be on that side of 0."""
    if isinstance(relation, sp.Eq | sp.Ne):
        return "=" if isinstance(relation, sp.Eq) else "≠", relation.lhs - relation.rhs
    strict = isinstance(relation, sp.StrictLessThan | sp.StrictGreaterThan)
    return ">" if strict else "≥", relation.gts - relation.lts


def explained(formula: Formula, steps: Iterable[Step]) -> None:
    """Raise DerivationError if a condition, bracket or restricted end of a formula has no step among these."""
    conditions, brackets, edges = set(), set(), set()
    for step in steps:
        match step:
            case Condition():
                conditions.add(step.condition)
            case Bracket():
                brackets.add(step.unknown)
            case Edge():
                edges.add((step.variable, step.side))
    for k, branch in enumerate(formula.branches):
        last = k == len(formula.branches) - 1
        if branch.condition == sp.true and not last:
            raise DerivationError(f"{formula.name}: phase {k} leaves nothing to the next")
        if branch.condition != sp.true and branch.condition not in conditions:
            raise DerivationError(f"{formula.name}: no step says why phase {k} ends at {branch.condition}")
    if formula.unknown is not None and formula.unknown not in brackets:
        raise DerivationError(f"{formula.name}: no step explains the bracket of {formula.unknown.symbol}")
    for variable in formula.variables:
        for side in _restricted(variable):
            if (variable, side) not in edges:
                raise DerivationError(f"{formula.name}: no step says why {variable.symbol} has this {side} end")


def _restricted(variable: Variable) -> Iterator[Literal["lower", "upper"]]:
    """Yield the ends at which a formula allows less, or more, of a variable than its letter may be."""
    own, whole = variable.domain, variable.values
    if whole is None:
        return
    if own.inf != whole.inf or own.left_open != whole.left_open:
        yield "lower"
    if own.sup != whole.sup or own.right_open != whole.right_open:
        yield "upper"
