"""Tables of results on disk: Parquet with the provenance in the file, written whole or not at all."""

import json
import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import scipy
import torch

from memgen.errors import BadInput, one_line

RESULTS = Path(__file__).resolve().parents[1] / "results"
_KEY = b"memgen"


def provenance(command: str, parameters: Mapping[str, Any], seconds: float, device: str) -> dict[str, Any]:
    """What made a table: command, parameters, duration, device, versions."""
    versions = {"python": platform.python_version(), "numpy": np.__version__, "scipy": scipy.__version__}
    versions["torch"] = str(torch.__version__).partition("+")[0]
    return {
        "command": command,
        "parameters": dict(parameters),
        "seconds": round(seconds, 1),
        "device": device,
        "cores": os.cpu_count(),
        "versions": versions,
    }


def write(table: pd.DataFrame, path: Path, made_by: Mapping[str, Any]) -> None:
    """Write the table with its provenance; an interrupted write leaves the old file as it was."""
    content = pa.Table.from_pandas(table, preserve_index=False)
    metadata = {**(content.schema.metadata or {}), _KEY: json.dumps(made_by, sort_keys=True).encode()}
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    pq.write_table(content.replace_schema_metadata(metadata), partial, compression="zstd", version="2.6")
    partial.replace(path)


def read(path: Path) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The table and its provenance. Raises BadInput on a file that is missing, damaged, or not one of ours."""
    try:
        content = pq.read_table(path)
        made_by = json.loads(content.schema.metadata[_KEY])
    except FileNotFoundError:
        raise BadInput(f"{path}: no such results") from None
    except (pa.ArrowException, OSError, KeyError, TypeError, ValueError) as error:
        raise BadInput(f"{path}: not a readable table of results: {one_line(error)}") from None
    return content.to_pandas(), made_by
