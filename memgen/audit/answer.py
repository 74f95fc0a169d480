"""The audit as a whole: sets of records in, verdict out."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from memgen.arrays import bare, count, shown
from memgen.audit import words
from memgen.audit.decide import Decision, decide, verbatim
from memgen.audit.neighbours import Progress, closeness
from memgen.audit.power import KINDS, POWER, Power
from memgen.audit.records import LEAST, Groups, prepare
from memgen.audit.result import Audit, Pair, Test, Verdict

_PAIRS = 12
_SHOWN = 2000


def audit(
    train: object,
    generated: object,
    holdout: object = None,
    *,
    groups: Groups | None = None,
    copies: float = 0.05,
    seed: int = 0,
    progress: Progress | None = None,
) -> Audit:
    """Test whether generated points (m, d) know the training set (n, d), by fresh points of the holdout (h, d).

    The verdict is "memorized" if a test speaks for it at the level 0.05, all tests counted; "no evidence" if none does
    and the audit finds a share `copies` of planted near copies in four trials of five; "undecidable" otherwise.

    The holdout must be drawn as the training set was; without one only copies of single records can be found. `groups`
    are labels of the rows of the training set and of the holdout: rows of one label, such as pictures of one person,
    are exchanged together. `progress` wraps an iterable, as tqdm does. The same seed gives the same audit.

    Raises ValueError, in a line that names the set, on unequal dimensions, on values that are not finite, on a share of
    copies outside (0, ½], and on groups that do not fit.
    """
    if not 0 < (share := bare(copies)) <= 0.5:
        raise ValueError(f"copies must be a share in (0, 0.5], got {shown(copies)}")
    copies, seed = share, count("seed", seed, 0)
    records = prepare(train, generated, holdout, groups)
    sizes = {
        "train": int(records.in_train.sum()),
        "generated": len(records.generated),
        "holdout": records.fresh,
        "dimension": records.pool.shape[1],
    }
    if min(sizes["train"], sizes["generated"]) < LEAST:
        return _bare("undecidable", words.too_few(sizes, LEAST), sizes, copies, (), records.notes)
    if records.equals and records.crowded:
        test = replace(verbatim(records.equals), power=dict.fromkeys(KINDS, 0.0))
        verdict: Verdict = "memorized" if test.significant else "undecidable"
        return _bare(verdict, words.crowded(test), sizes, copies, (test,), records.notes)
    decision = decide(records, seed, progress or iter)
    stated = max(1, round(copies * sizes["generated"]))
    power = Power(decision, seed)
    alone = {kind: power.of(kind, stated) for kind in KINDS}
    curves = {
        kind: tuple((count / sizes["generated"], found) for count, found in power.curve(kind, stated))
        for kind in (progress or iter)(KINDS)
    }
    whole = {kind: found["any"] for kind, found in alone.items()}
    tests = [
        replace(test, power={kind: alone[kind].get(test.name, 0.0) for kind in KINDS}, closed=closed)
        for test, closed in zip(decision.tests, words.closed(decision), strict=True)
    ]
    detectable = {kind: _least(curve) for kind, curve in curves.items()}
    verdict = _verdict(tests, whole, records.unlike)
    return Audit(
        verdict=verdict,
        answer=words.UNLIKE
        if records.unlike and verdict == "undecidable"
        else words.answer(verdict, tests, decision.scan, sizes, copies, whole, detectable),
        sizes=sizes,
        copies=copies,
        tests=tuple(tests),
        power=whole,
        detectable=detectable,
        curves=curves,
        pairs=_pairs(decision),
        ratios={name: tuple(map(float, r[:_SHOWN])) for name, r in decision.ratios().items()},
        notes=(*records.notes, *decision.around.notes, *((words.STRANGE,) if decision.strange else ())),
        cannot=words.cannot(sizes if decision.nulls else sizes | {"holdout": 0}, copies),
    )


def _bare(
    verdict: Verdict, answer: str, sizes: dict[str, int], copies: float, tests: tuple[Test, ...], notes: tuple[str, ...]
) -> Audit:
    """An audit without neighbours to compare: no power, no pairs, no ratios."""
    return Audit(verdict, answer, sizes, copies, tests, {}, {}, {}, (), {}, notes, words.cannot(sizes, copies))


def _verdict(tests: Sequence[Test], power: dict[str, float], unlike: bool) -> Verdict:
    if any(test.significant for test in tests):
        return "memorized"
    return "no evidence" if power["near"] >= POWER and not unlike else "undecidable"


def _least(curve: Sequence[tuple[float, float]]) -> float:
    """The least share of copies from which on the power is enough; NaN if none is."""
    enough = float("nan")
    for share, power in reversed(curve):
        if power < POWER:
            break
        enough = share
    return enough


def _pairs(decision: Decision) -> tuple[Pair, ...]:
    """The generated points that are closest to one training record alone."""
    records, lists = decision.around.records, decision.around.generated
    first, second, nearest = (a[0] for a in lists.first_two(records.in_train[None]))
    score, fresh = closeness(first, second, lists.dimension()), np.sort(decision.fresh_closeness())
    pairs = []
    for k in np.lexsort((first, score))[:_PAIRS]:
        others = [i for i in lists.indices[k] if records.in_train[i] and i != nearest[k]]
        pairs.append(
            Pair(
                generated=int(records.drawn[decision.around.kept[k]]),
                train=int(records.train[nearest[k]]),
                second=int(records.train[others[0]]) if others else -1,
                distance=float(first[k]),
                ratio=float(first[k] / second[k]) if second[k] > 0 else 1.0,
                fresh=float(np.searchsorted(fresh, score[k], "right") / len(fresh)),
            )
        )
    return tuple(pairs)
