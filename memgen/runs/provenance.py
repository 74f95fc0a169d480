"""What is recorded about the machine and the code that computed some rows."""

import functools
import importlib.metadata
import json
import os
import platform
import subprocess
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from memgen.errors import one_line
from memgen.places import ROOT


class _MadeBy(BaseModel):
    """What is stored about how a cell was made; `here` gives the last four fields."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False)

    chapter: str
    version: int
    parameters: dict[str, Any]
    cell: dict[str, Any]
    position: int = Field(ge=0)
    cells: int = Field(ge=1)
    command: str
    seconds: float = Field(ge=0)

    device: str
    cores: int | None
    versions: dict[str, str]
    commit: str | None


def malformed(made_by: Mapping[str, Any]) -> str:
    """The first thing that is wrong in what is stored about a cell, on one line; empty if nothing is."""
    try:
        _MadeBy.model_validate(made_by)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        given = "" if first["type"] == "missing" else f" = {one_line(repr(first['input']), 60)}"
        return f"{'.'.join(map(str, first['loc']))}{given}: {one_line(first['msg'])}"
    return ""


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
    """The commit of this clone, with "+ changes" if memgen or theory differ from it; None outside a clone."""
    if not (ROOT / ".git").exists():  # an installed package must not take the commit of a repository around it
        return None
    try:
        changes = _git("status", "--porcelain", "--", "memgen", "theory")
        return _git("rev-parse", "HEAD") + (" + changes" if changes else "")
    except (OSError, subprocess.CalledProcessError):  # no git here, or it refuses this folder
        return None


def _git(*words: str) -> str:
    place = ["--git-dir", str(ROOT / ".git"), "--work-tree", str(ROOT)]  # whatever the environment says of others
    # Without locks, so that nobody who works in the clone meanwhile finds its index locked.
    command = ["git", "--no-optional-locks", *place, *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def merged(values: Iterable[Any]) -> Any:
    """The value, if it is the same everywhere; otherwise the list of the distinct ones."""
    distinct = list({json.dumps(value, sort_keys=True): value for value in values}.values())
    return distinct[0] if len(distinct) == 1 else distinct


def difference(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    """The first sign that two cells are not of one sweep, with both values; empty if there is none."""
    words = {"chapter": "chapter", "VERSION": "version", "number of cells": "cells"}
    a, b = ({**m["parameters"], **{word: m[key] for word, key in words.items()}} for m in (found, wanted))
    differ = [name for name in {**b, **a} if a.get(name, "absent") != b.get(name, "absent")]
    return f"{differ[0]} = {a.get(differ[0], 'absent')}, not {b.get(differ[0], 'absent')}" if differ else ""
