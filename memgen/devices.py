"""Where tensors live: a device by name, refused before anything runs if it is not there."""

from typing import Annotated, Literal

import torch
from pydantic import AfterValidator


def _available(name: str) -> str:
    if name == "cuda" and not torch.cuda.is_available():
        raise ValueError("no CUDA device is available")
    return name


Device = Annotated[Literal["auto", "cpu", "cuda"], AfterValidator(_available)]


def resolve_device(name: str) -> torch.device:
    """The torch device of "auto" (CUDA if there is any), "cpu" or "cuda"."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(name)
