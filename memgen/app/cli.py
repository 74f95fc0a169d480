"""The command line. Bad input ends it with status 2 and one line on stderr that names the culprit."""

# Commands import what they need when they are called: SymPy and torch take seconds, `memgen --help` must not.

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from memgen.errors import BadInput, Failure, one_line

_folder = click.Path(path_type=Path)
_parameters = click.option("-p", "parameters", nargs=2, multiple=True, metavar="NAME VALUE", help="Set a parameter.")
_jobs = click.option("--jobs", type=click.IntRange(min=1), default=2, help="Notebooks at a time.", show_default=True)


@click.group(no_args_is_help=False)
def cli() -> None:
    """How many samples does a diffusion model need before it stops memorizing, and by which criterion?"""


@cli.command()
@click.argument("notebooks", nargs=-1, metavar="[NOTEBOOK]...")
@click.option("--out", type=_folder, default="out", show_default=True, help="For the executed notebooks.")
@_parameters
@_jobs
@click.option("--json", "as_json", is_flag=True, help="Print the closing table as JSON.")
def run(
    notebooks: tuple[str, ...], out: Path, parameters: tuple[tuple[str, str], ...], jobs: int, as_json: bool
) -> int:
    """Run notebooks, and say whether their checks pass.

    NOTEBOOK is a path, or the name, number or experiment of a chapter: 03_linear_denoiser, 03, linear.
    None means all. Parameters apply to each notebook that is run.
    """
    from memgen.app.notebooks import find, run_all
    from memgen.app.outcome import table

    results = run_all(find(notebooks), out, _each_once(parameters), jobs)
    print(json.dumps([result.row() for result in results], indent=1) if as_json else table(results))
    return 0 if not any(result.problem for result in results) else 1


@cli.command()
@click.argument("chapter")
@click.option("--preset", type=click.Choice(["smoke", "standard", "paper"]), default="paper", show_default=True)
@click.option("--out", type=_folder, default="results", show_default=True, help="For the folder CHAPTER.")
@click.option("--executor", type=click.Choice(["processes", "dask"]), default="processes", show_default=True)
@click.option("--workers", type=click.IntRange(min=1), help="How many processes; 2 unless given.")
@click.option("--scheduler-address", metavar="ADDRESS", help="For dask, such as tcp://10.0.0.7:8786.")
@_parameters
def sweep(
    chapter: str,
    preset: str,
    out: Path,
    executor: str,
    workers: int | None,
    scheduler_address: str | None,
    parameters: tuple[tuple[str, str], ...],
) -> int:
    """Simulate the whole grid of a chapter, each cell into a file of its own in OUT/CHAPTER.

    Interrupted, killed or failed, the same command goes on from the cells that are there.
    """
    from memgen import experiments
    from memgen.runs.cluster import cluster
    from memgen.runs.parameters import coerce
    from memgen.runs.store import Store
    from memgen.runs.sweep import Workers
    from memgen.runs.sweep import sweep as run_sweep

    place = _place(executor, workers, scheduler_address)
    given = _each_once((("preset", preset), *parameters))
    experiment = experiments.load(chapter)
    params = experiment.Params(**coerce(experiment.Params, given))
    words = ["memgen", "sweep", chapter, "--preset", preset, *place]
    command = shlex.join([*words, *(word for pair in parameters for word in ("-p", *pair))])
    resolved = params.resolved().model_dump(mode="json")
    store = Store(out / chapter, chapter, experiment.VERSION, resolved, command)
    with cluster(scheduler_address) if scheduler_address else Workers(workers or 2) as pool:
        run_sweep(experiment.cell, experiment.grid(params), pool, store)
    print(store.folder)
    return 0


@cli.command()
@_jobs
def refresh(jobs: int) -> int:
    """Execute every chapter at its defaults, in place; renew the tables and the figure of the README."""
    from memgen.app import refresh
    from memgen.app.outcome import table
    from memgen.places import ROOT
    from theory.checks.claims import ledger, markdown

    results = refresh.refresh(jobs=jobs)
    print(table(results))
    if any(result.problem for result in results):
        return 1
    for page in ("README.md", "docs/claims.md"):
        refresh.write_block(ROOT / page, "claims", markdown(ledger()))
    return 0


@cli.command()
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option("--json", "as_json", is_flag=True, help="Print the ledger as JSON.")
def claims(ids: tuple[str, ...], as_json: bool) -> int:
    """Decide the claims of the seed and the questions of its reviewers, with the numbers that decide them.

    ID is that of a claim, such as C3 or R1.3. None means all.
    """
    from theory.checks.claims import ledger, text

    rows = ledger(ids)
    print(json.dumps(rows, indent=1, ensure_ascii=False) if as_json else text(rows))
    return 0


@cli.command()
@click.option("--from", "executed", type=_folder, default="out", show_default=True, help="Executed notebooks.")
@click.option("--to", "target", type=_folder, default="out/book", show_default=True, help="For the book.")
def book(executed: Path, target: Path) -> int:
    """Build the book from docs/ and executed notebooks."""
    from memgen.app.book import build

    print(build(executed, target))
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


def _each_once(parameters: Sequence[tuple[str, str]]) -> dict[str, str]:
    names = [name for name, _ in parameters]
    if twice := [name for name in names if names.count(name) > 1]:
        raise BadInput(f"parameter {twice[0]!r} is given twice")
    return dict(parameters)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit status."""
    try:
        return int(cli.main(arguments, prog_name="memgen", standalone_mode=False) or 0)
    except click.ClickException as error:  # a command line that cannot be parsed
        status, message = 2, error.format_message()
    except BadInput as error:
        status, message = 2, str(error)
    except Failure as error:
        status, message = 1, str(error)
    except click.Abort:
        status, message = 130, "interrupted"
    print(f"memgen: {one_line(message, 500)}", file=sys.stderr)
    return status
