"""`memgen audit`."""

from __future__ import annotations

import shlex
from functools import partial
from pathlib import Path
from typing import Any

import click

from memgen.app.commands import options
from memgen.app.say import patience, say, show

_EXAMPLES = """\b
Examples:
  memgen audit --train train/ --generated samples/ --holdout unseen/ --report audit.html
  memgen audit --train train.npy --generated samples.npz --holdout unseen.npy --fail-on memorized
  memgen audit --train a.csv --generated b.csv --holdout c.csv --json
  memgen audit --train train/ --generated samples/ --features mymodule:embed
"""
_SHARE = click.FloatRange(0, 0.5, min_open=True)
_VERDICTS = ("memorized", "undecidable")


@click.command(epilog=_EXAMPLES)
@click.option("--train", type=options.folder, required=True, help="What the model was trained on.")
@click.option("--generated", type=options.folder, required=True, help="What it generated.")
@click.option("--holdout", type=options.folder, help="Drawn as the training set was, never trained on.")
@click.option(
    "--features", metavar="MODULE:FUNCTION", help="Compare features: a function of rows (n, d) that gives (n, p)."
)
@click.option(
    "--groups",
    type=options.folder,
    help="A text file: a label a line for the rows of train, then of holdout. Rows of one label belong together.",
)
@click.option(
    "--copies", type=_SHARE, default=0.05, show_default=True, help="The share of copies that power is stated for."
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the random numbers.")
@click.option("--report", type=options.folder, metavar="FILE.html", help="Write a page with pictures.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--fail-on", type=click.Choice(_VERDICTS), multiple=True, help="Exit with status 3 on this verdict.")
def audit(
    train: Path,
    generated: Path,
    holdout: Path | None,
    features: str | None,
    groups: Path | None,
    copies: float,
    seed: int,
    report: Path | None,
    as_json: bool,
    fail_on: tuple[str, ...],
) -> int:
    """Did a model copy its training set?

    Each set is a .npy, .npz, .csv, .tsv or .parquet file, or a folder of images. The verdict is memorized, no evidence
    or undecidable. The exit status is 0, or 3 for a verdict that --fail-on names.
    """
    from memgen.app import inputs

    inputs.writable(report)
    function = inputs.features(features) if features else None
    paths = {"train": train, "generated": generated} | ({"holdout": holdout} if holdout else {})
    sets = inputs.comparable(inputs.load(paths, as_json))
    counts = {role: len(one.values) for role, one in sets.items()}
    labels = inputs.labels(groups, counts["train"], counts.get("holdout", 0)) if groups else None
    for note in inputs.notes(sets):
        say(note)
    with patience("loading"):
        from tqdm import tqdm

        from memgen.app.reports import audit as pages
        from memgen.audit import audit as run

    rows = {role: one.values for role, one in sets.items()}
    if function and features:
        rows = {role: inputs.applied(function, features, role, one) for role, one in sets.items()}
    with inputs.computing("audit"):
        found = run(
            **rows, groups=labels, copies=copies, seed=seed, progress=partial(tqdm, desc="audit", delay=1, leave=False)
        )
    given = pages.Given(sets, features, _command(click.get_current_context().params))
    show(options.strict_json(pages.document(found, given)) if as_json else pages.text(found, given))
    if report:
        pages.write(report, found, given)
    return 3 if found.verdict in fail_on else 0


def _command(params: dict[str, Any]) -> str:
    """The command line, without what is at its default."""
    words = ["memgen", "audit"]
    for name in ("train", "generated", "holdout", "features", "groups", "copies", "seed"):
        if params[name] is not None and (name, params[name]) not in (("copies", 0.05), ("seed", 0)):
            words += [f"--{name}", str(params[name])]
    return shlex.join(words)
