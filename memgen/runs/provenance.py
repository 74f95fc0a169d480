"""What is recorded about the machine and the code that computed some rows."""

import functools
import importlib.metadata
import json
import os
import platform
import subprocess
from collections.abc import Iterable, Mapping
from typing import Any

from memgen.places import ROOT


def here(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The device that a cell with these parameters uses, the number of cores, the versions and the commit."""
    device = parameters.get("device", "cpu")
    if device != "cpu":
        import torch  # takes seconds, which is too much for those who only read

        device = torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"
    return {"device": device, "cores": os.cpu_count(), "versions": _versions(), "commit": commit()}


@functools.cache
def _versions() -> dict[str, str]:
    found = {name: importlib.metadata.version(name).partition("+")[0] for name in ("numpy", "scipy", "torch")}
    return {"python": platform.python_version(), **found}


@functools.cache  # the code of a process is that which stood there when it began
def commit() -> str | None:
    """The commit of this clone, with "+ changes" if the package differs from it; None outside a clone."""
    if not (ROOT / ".git").exists():  # an installed package must not take the commit of a repository around it
        return None
    try:
        changes = _git("status", "--porcelain", "--", "memgen")
        return _git("rev-parse", "HEAD") + (" + changes" if changes else "")
    except (OSError, subprocess.CalledProcessError):  # no git here, or it refuses this folder
        return None


def _git(*words: str) -> str:
    place = ["--git-dir", str(ROOT / ".git"), "--work-tree", str(ROOT)]  # whatever the environment says of others
    return subprocess.run(["git", *place, *words], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def merged(values: Iterable[Any]) -> Any:
    """The value, if it is the same everywhere; otherwise the list of the distinct ones."""
    distinct = list({json.dumps(value, sort_keys=True): value for value in values}.values())
    return distinct[0] if len(distinct) == 1 else distinct
