"""Run the chapters: check their parameters, execute them, read what they found.

The fields of ``memgen.experiments.linear.Params`` are the parameters that the chapter of this experiment takes. They
are checked there and nowhere else.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping, Sequence
from multiprocessing.pool import ThreadPool
from pathlib import Path
from threading import Event
from typing import Any

import nbformat
import papermill
from ipykernel.kernelspec import get_kernel_dict
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.utils import ensure_event_loop
from nbformat.validator import normalize
from papermill.exceptions import PapermillExecutionError
from traitlets import default

from memgen import experiments
from memgen.app.chapters import Chapter
from memgen.app.outcome import Result, summarise
from memgen.app.say import say
from memgen.errors import BadInput, one_line
from memgen.runs.parameters import coerce


class _Kernels(KernelSpecManager):
    """The only kernel is the interpreter that runs memgen, whatever kernels a user has installed."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        environment = {
            # one thread a kernel: kernels side by side share the cores, and digits depend on no core count
            "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1"),
            # figures belong in the notebook, also where the caller has set another backend
            "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        }
        quiet = ["--log-level=CRITICAL"]  # or every kernel warns that its connection is not encrypted
        return KernelSpec(**get_kernel_dict(quiet), env=environment)


class _Kernel(AsyncKernelManager):
    @default("kernel_spec_manager")
    def _only_this_interpreter(self) -> KernelSpecManager:
        return _Kernels(parent=self)


def read(path: Path) -> nbformat.NotebookNode:
    """The notebook at `path`."""
    try:
        # nbformat.read only logs what it finds invalid
        found = nbformat.convert(nbformat.reader.reads(path.read_text(encoding="utf-8")), 4)
        notebook = normalize(found)[1]
        nbformat.validate(notebook)
    except Exception as error:  # upgrading what is no notebook can raise anything
        raise BadInput(f"{path}: not a readable notebook: {one_line(error, 160) or type(error).__name__}") from None
    return notebook


def validate(notebook: Path, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters as plain values of the types that the notebook's `Params` declares.

    BadInput also if there is nothing in the notebook to run.
    """
    try:
        found = coerce(experiments.load(Chapter(notebook).experiment).Params, parameters)
        if not any(cell.cell_type == "code" for cell in read(notebook).cells):
            raise BadInput("no code cells")
    except BadInput as error:
        raise type(error)(f"{notebook.stem}: {error}") from None
    return found


def _results(notebook: Path, out: Path) -> tuple[Path, Path]:
    """Paths of the executed notebook: if all goes well, and if not. BadInput if they are the notebook itself."""
    done, failed = out / f"{notebook.stem}.ipynb", out / f"{notebook.stem}.failed.ipynb"
    if _same(done, notebook):
        raise BadInput(f"{out}: the folder of {notebook.name} itself, which the result would overwrite")
    return done, failed


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:  # one is not there, or cannot be reached: `make_folder` says which
        return False


def run(notebook: Path, out: Path, parameters: Mapping[str, Any] | None = None) -> Result:
    """Execute a notebook into `out`: NAME.ipynb or, failed or interrupted, what there is of it as NAME.failed.ipynb.

    Removes those of an earlier run. BadInput if `out` is the folder of the notebook itself.
    """
    values = validate(notebook, parameters or {})
    name, start, error = notebook.stem, time.perf_counter(), None
    done, failed = _results(notebook, out)
    make_folder(out)
    for earlier in (done, failed):  # must not pass for the result of this run
        earlier.unlink(missing_ok=True)
    summary = None
    try:
        papermill.execute_notebook(
            _literal(notebook),
            _literal(failed),  # after each cell: an interrupt, too, leaves what there is
            values,
            kernel_name="python3",
            language="python",
            kernel_manager_class=_Kernel,
            progress_bar=False,
            # not papermill's cwd=, which changes the directory of this whole process, threads and all
            resources={"metadata": {"path": str(notebook.resolve().parent)}},
        )
        summary = summarise(read(failed))
        failed.replace(done)
    except PapermillExecutionError as e:
        error = f"{name}: cell [{e.exec_count}]: {one_line(f'{e.ename}: {e.evalue}')}"
    except RuntimeError as e:  # how nbclient and jupyter_client report a kernel that died
        error = f"{name}: {one_line(e)}"
    except BadInput as e:
        error = f"{name}: {e}"
    return Result(name, time.perf_counter() - start, summary, error)


def run_all(
    notebooks: Sequence[Path], out: Path, parameters: Mapping[str, Any] | None = None, jobs: int = 2
) -> list[Result]:
    """Run notebooks, at most `jobs` at a time; none is run unless all of them take the parameters."""
    for notebook in notebooks:
        validate(notebook, parameters or {})
        _results(notebook, out)
    make_folder(out)
    # An interrupt can catch a thread in a callback; tornado would log its traceback on top of our one line.
    logging.getLogger("tornado").setLevel(logging.CRITICAL)

    interrupted = Event()

    def run_one(notebook: Path) -> Result:
        say(f"{notebook.stem}: started")
        try:
            result = run(notebook, out, parameters)
        finally:
            ensure_event_loop().close()  # nbclient opens one in each thread and leaves it open
        if not interrupted.is_set():  # or each notebook would complain that its kernel died
            done = f"{notebook.stem}: done in {result.seconds:.0f} s"
            say(result.problem or "; ".join([done, *(f"open, not ruled out: {name}" for name in result.open)]))
        return result

    # Threads are enough: a notebook has its own process, the kernel. As daemons they end with an interrupt.
    with ThreadPool(min(jobs, len(notebooks))) as pool:
        try:
            return pool.map(run_one, notebooks, chunksize=1)
        except KeyboardInterrupt:
            interrupted.set()
            raise


def _literal(path: Path) -> str:
    """The path as text that papermill takes literally: it would fill in braces, and interpret some first signs."""
    return str(path.absolute()).replace("{", "{{").replace("}", "}}")


def make_folder(path: Path) -> None:
    """Make the folder, if need be; complain if nothing can be written into it."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"{path}: not a folder, and cannot become one: {error.strerror}") from None
    if not os.access(path, os.W_OK):
        raise BadInput(f"{path}: this folder cannot be written to")
