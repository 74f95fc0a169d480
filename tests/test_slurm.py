"""The recipe of the page on clusters, word for word, on a Slurm of one node that two scripts stand for."""

import contextlib
import os
import re
import subprocess
import sys
from pathlib import Path

import psutil
from toy import Params, alive, same, wait

TESTS = Path(__file__).parent

# Slurm with one node. A job has a number and a file with its script, and is a process group once it has a node.
SBATCH = """#!{python}
import os, pathlib, subprocess, sys
job = pathlib.Path({jobs!r}, f"{{os.getpid()}}.sh")
job.write_bytes(pathlib.Path(sys.argv[1]).read_bytes())
try:
    job.with_name("node").mkdir()
except FileExistsError:
    pass
else:
    quiet = dict.fromkeys(["stdin", "stdout", "stderr"], subprocess.DEVNULL)
    process = subprocess.Popen(["bash", job], start_new_session=True, **quiet)
    job.with_suffix(".pid").write_text(str(process.pid))
print("Submitted batch job", os.getpid())
"""
SCANCEL = """#!{python}
import os, pathlib, signal, sys
job = pathlib.Path({jobs!r}, f"{{sys.argv[1]}}.pid")
if job.exists():
    os.killpg(int(job.read_text()), signal.SIGTERM)
"""


def members(group: int) -> list[psutil.Process]:
    """The living processes of a group."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(ProcessLookupError):
            found += [process] if os.getpgid(process.pid) == group and alive(process) else []
    return found


def test_the_page_on_slurm_says_what_happens(tmp_path: Path) -> None:
    page = (TESTS.parent / "docs" / "cluster.md").read_text()
    (recipe,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    header, directive = re.findall(r"```text\n(.*?)```", page, re.DOTALL)
    (more,) = re.findall(r"add `(job_extra_directives=.*?)`", page)
    assert recipe.count('walltime="04:00:00"') == 1
    recipe = recipe.replace('walltime="04:00:00"', f'walltime="04:00:00", {more}')
    (jobs := tmp_path / "jobs").mkdir()
    for name, script in (("sbatch", SBATCH), ("scancel", SCANCEL)):
        (tmp_path / name).write_text(script.format(python=sys.executable, jobs=str(jobs)))
        (tmp_path / name).chmod(0o755)
    here = {"host": "127.0.0.1", "dashboard_address": "127.0.0.1:0"}
    environment = {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "PYTHONPATH": str(TESTS),
        "TMPDIR": str(tmp_path),
        "DASK_JOBQUEUE__SLURM__SCHEDULER_OPTIONS": str(here),
    }
    script = "import sys, toy\nsys.modules['memgen.experiments.toy'] = toy\n" + recipe
    try:
        done = subprocess.run(
            [sys.executable, "-c", script, "toy", "--out", tmp_path, "-p", "cells", "9"],
            env=os.environ | environment, capture_output=True, text=True, timeout=200,
        )  # fmt: skip
        begun = [int(job.read_text()) for job in jobs.glob("*.pid")]
        wait(lambda: not any(map(members, begun)))  # the jobs were cancelled
    finally:
        for job in jobs.glob("*.pid"):
            for process in members(int(job.read_text())):
                process.kill()
    assert (done.returncode, done.stdout) == (0, f"{tmp_path}/toy/paper.parquet\n"), done.stderr
    scripts = [job.read_text() for job in sorted(jobs.glob("*.sh"))]
    assert len(scripts) == 8 and len(begun) == 1
    for said in (done.stderr, *scripts):
        assert header + directive in said and "--nthreads 1 " in said
    same(tmp_path, Params(preset="paper", cells=9))
