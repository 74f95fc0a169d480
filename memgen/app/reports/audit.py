"""An audit as text, as JSON and as a page."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from memgen.app import inputs
from memgen.app.reports import audit_plots, page
from memgen.app.reports.page import aligned, listed, number, percent
from memgen.audit import Audit, Pair
from memgen.audit.result import LEVEL

TITLES = {"memorized": "Memorized", "no evidence": "No evidence of memory", "undecidable": "Undecidable"}
_SHOWN = 5  # pairs in the text


@dataclass(frozen=True)
class Given:
    """What was audited: the sets as they were read, the function of features if any, the command."""

    sets: inputs.Sets
    features: str | None
    command: str

    def describe(self) -> str:
        """The sizes in words."""
        sets = ", ".join(f"{role}: {one}" for role, one in self.sets.items())
        return f"{sets}; compared by features of {self.features}" if self.features else sets


def text(audit: Audit, given: Given) -> str:
    """The verdict first, then tests, pairs, notes, and what the audit cannot tell."""
    rows = [["test", "value", "null, 95%", "p", "adjusted", "power near", "loose"]]
    for test in audit.tests:
        null = f"{number(test.low)} … {number(test.high)}"
        power = (percent(test.power.get(kind)) for kind in ("near", "loose"))
        mark = "* " if test.significant else ""
        rows.append([mark + test.name, number(test.statistic), null, number(test.p), number(test.adjusted), *power])
    parts = ["", f"{TITLES[audit.verdict]}. {audit.answer}"]
    if audit.tests:
        whole = ", ".join(f"{percent(value)} for {kind} copies" for kind, value in audit.power.items())
        parts += ["", aligned(rows)]
        if whole:
            parts += [f"  power at a share of {number(audit.copies)} of copies; of the whole audit {whole}"]
        parts += [f"  * speaks for memory: adjusted p of {number(LEVEL)} or less"]
    if audit.pairs:
        shown = [["generated", "nearest of train", "distance", "ratio to second", "fresh as close"]]
        for pair in audit.pairs[:_SHOWN]:
            names = _names(pair, given)
            shown.append([*names[:2], number(pair.distance), number(pair.ratio), percent(pair.fresh)])
        parts += ["", "closest to one training record alone:", aligned(shown)]
    parts += listed("notes", [*inputs.notes(given.sets), *audit.notes])
    parts += listed("what this cannot tell", audit.cannot)
    return "\n".join(parts)


def document(audit: Audit, given: Given) -> dict[str, Any]:
    """The audit in plain numbers and text, with names of rows and files, without what only a plot needs."""
    found = audit.as_dict()
    del found["ratios"]
    for row, pair in zip(found["pairs"], audit.pairs, strict=True):
        row |= dict(zip(("generated_name", "train_name", "second_name"), _names(pair, given), strict=True))
    found["notes"] = [*inputs.notes(given.sets), *found["notes"]]
    return found | {"features": given.features, "files": {role: one.name for role, one in given.sets.items()}}


def _names(pair: Pair, given: Given) -> tuple[str, str, str]:
    train = given.sets["train"]
    second = page.name(train, pair.second) if pair.second >= 0 else "–"
    return page.name(given.sets["generated"], pair.generated), page.name(train, pair.train), second


def write(path: Path, audit: Audit, given: Given) -> None:
    """Write the audit as an HTML page. BadInput if the file cannot be written."""
    page.write(
        path,
        "audit.html",
        audit=audit,
        title=TITLES[audit.verdict],
        sizes=given.describe(),
        level=LEVEL,
        pairs=[_shown(pair, given, page.Pictures(given.sets)) for pair in audit.pairs],
        plots=audit_plots.plots(audit),
        notes=[*inputs.notes(given.sets), *audit.notes],
        command=given.command,
    )


def _shown(pair: Pair, given: Given, pictures: page.Pictures) -> dict[str, Any]:
    """A pair side by side: pictures of three rows, or the columns that differ."""
    train, names = given.sets["train"], _names(pair, given)
    places = [("generated", "generated", pair.generated), ("nearest", "train", pair.train)]
    if pair.second >= 0:
        places.append(("second nearest", "train", pair.second))
    shown = [
        {"role": label, "name": name, "source": pictures.of(role, row) if pictures else ""}
        for (label, role, row), name in zip(places, names, strict=False)
    ]
    differing = "" if pictures else page.differing(given.sets["generated"], pair.generated, train, pair.train)
    return {"shown": shown, "differing": differing, "pair": pair}
