"""`memgen sweep`."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click

from memgen.app.commands import options
from memgen.app.say import patience, show
from memgen.errors import BadInput

_EXAMPLES = """\b
Examples:
  memgen sweep linear --preset standard --out elsewhere
  memgen sweep linear --out elsewhere --name 32-dimensions -p d 32 -p replicas 100
  memgen sweep network --out elsewhere --executor dask --scheduler-address tcp://10.0.0.7:8786
"""
_MOST = 1024  # processes: a machine with more cores is a cluster


@click.command(epilog=_EXAMPLES)
@click.argument("chapter")
@click.option("--preset", type=click.Choice(["smoke", "standard", "paper"]), default="paper", show_default=True)
@click.option(
    "--out", type=options.folder, default="results", show_default=True, help="Where CHAPTER/NAME.parquet goes."
)
@click.option("--name", help="The name of the file; the preset unless given.")
@click.option("--executor", type=click.Choice(["processes", "dask"]), default="processes", show_default=True)
@click.option("--workers", type=click.IntRange(1, _MOST), help="How many processes; 2 unless given.")
@click.option("--scheduler-address", metavar="ADDRESS", help="For dask, such as tcp://10.0.0.7:8786.")
@options.parameters
def sweep(
    chapter: str,
    preset: str,
    out: Path,
    name: str | None,
    executor: str,
    workers: int | None,
    scheduler_address: str | None,
    parameters: tuple[tuple[str, str], ...],
) -> int:
    """Simulate the whole grid of a chapter into OUT/CHAPTER/NAME.parquet.

    CHAPTER is the experiment of a chapter, as memgen list shows it, or another one of memgen.experiments. Interrupted,
    killed or failed, the same command goes on from the cells that are there: they are in OUT/CHAPTER/NAME.shards until
    all are finished.
    """
    if name is not None and not re.fullmatch(r"\w[\w.-]*", name):
        raise BadInput(f"--name {name}: not the name of a file: letters, digits, and . _ - between them")
    with patience("loading PyTorch"):
        from memgen import experiments
        from memgen.runs.cluster import cluster
        from memgen.runs.parameters import coerce
        from memgen.runs.store import Store
        from memgen.runs.sweep import sweep as run_sweep
        from memgen.runs.workers import Workers

    place = _place(executor, workers, scheduler_address)
    given = options.each_once((("preset", preset), *parameters))
    with patience(f"loading the experiment {chapter}"):
        experiment = experiments.load(chapter)
    params = experiment.Params(**coerce(experiment.Params, given))
    words = ["memgen", "sweep", chapter, "--preset", preset, *(["--name", name] if name else []), *place]
    command = shlex.join([*words, *(word for pair in parameters for word in ("-p", *pair))])
    resolved = params.resolved().model_dump(mode="json")
    store = Store(out / chapter / f"{name or preset}.parquet", chapter, experiment.VERSION, resolved, command)
    with cluster(scheduler_address) if scheduler_address else Workers(workers or 2) as pool:
        run_sweep(experiment.cell, experiment.grid(params), pool, store)
    show(str(store.path))
    return 0


def _place(executor: str, workers: int | None, address: str | None) -> list[str]:
    """The options that say where cells are computed, if they fit together."""
    if executor == "processes":
        if address is not None:
            raise BadInput("--scheduler-address is for --executor dask")
        return ["--workers", str(workers or 2)]
    if workers is not None:
        raise BadInput("--workers is for --executor processes: a Dask cluster has workers of its own")
    if not address:
        raise BadInput("--executor dask needs --scheduler-address")
    return ["--executor", "dask", "--scheduler-address", address]
