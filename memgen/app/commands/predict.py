"""`memgen predict`."""

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
  memgen predict images/ --report prediction.html
  memgen predict features.npy --n 100000 --augmentation 2
  memgen predict table.csv --sigma 0.1 --sigma 0.5 --batch 128 --steps 50000 --parameters 1000000
"""
_COUNT = click.IntRange(min=1)


@click.command(epilog=_EXAMPLES)
@click.argument("data", type=options.folder)
@click.option("--n", type=_COUNT, help="Size of the training set asked about; the rows of DATA unless given.")
@click.option("--sigma", type=float, multiple=True, help="A noise to report, as a standard deviation; repeatable.")
@click.option("--batch", type=_COUNT, help="Points a batch: steps are then given as epochs too.")
@click.option("--steps", type=_COUNT, help="Gradient steps planned.")
@click.option("--parameters", type=_COUNT, help="Parameters of the model.")
@click.option(
    "--augmentation", type=_COUNT, default=1, show_default=True, help="In how many versions training shows each point."
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the random numbers.")
@click.option("--report", type=options.folder, metavar="FILE.html", help="Write a page with plots.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def predict(data: Path, report: Path | None, as_json: bool, **asked: Any) -> int:
    """Before training: will a model of this much data memorize, and by which criterion?

    DATA is a .npy, .npz, .csv, .tsv or .parquet file, or a folder of images.
    """
    from memgen.app import inputs

    inputs.writable(report)
    given = inputs.load({"data": data}, as_json)["data"]
    for note in given.notes:
        say(note)
    with patience("loading"):
        from tqdm import tqdm

        from memgen.app.reports import predict as pages
        from memgen.predict import predict as run
    with inputs.computing(given.name):
        found = run(given.values, **(asked | {"sigma": asked["sigma"] or None}), progress=partial(_staged, tqdm))
    show(options.strict_json(pages.document(found, given)) if as_json else pages.text(found, given))
    if report:
        pages.write(report, found, given, _command(data, asked))
    return 0


def _staged(tqdm: Any, stages: list[tuple[str, Any]]) -> Any:
    """Show which stage runs."""
    with tqdm(stages, delay=1, leave=False) as bar:
        for stage in bar:
            bar.set_description(stage[0])
            yield stage


def _command(data: Path, asked: dict[str, Any]) -> str:
    """The command line, without what is at its default."""
    words = ["memgen", "predict", str(data)]
    for name, value in asked.items():
        for one in value if isinstance(value, tuple) else (value,):
            if one is not None and (name, one) not in (("augmentation", 1), ("seed", 0)):
                words += [f"--{name}", str(one)]
    return shlex.join(words)
