"""Checkpoints: tensors and a few lines of text about them, as safetensors, a format that cannot run code."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from memgen.errors import BadInput, one_line
from memgen.files import replacing

_KIND = "memgen checkpoint 2"


def write(path: Path, tensors: Mapping[str, Tensor], about: Mapping[str, str]) -> None:
    """Write a file, whole or not at all. BadInput if nothing can be written there."""
    whole = {name: t.detach().cpu().contiguous() for name, t in tensors.items()}
    try:
        with replacing(path) as partial:
            save_file(whole, partial, {**about, "kind": _KIND, "sha256": _digest(whole, about)})
    except (OSError, SafetensorError) as error:
        raise BadInput(f"{path}: cannot be written: {one_line(error)}") from None


def read(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors, on the CPU, and the text about them. BadInput if the file is missing, damaged or something else."""
    try:
        with safe_open(path, framework="pt") as file:
            about = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}
    except (OSError, SafetensorError) as error:
        raise BadInput(f"{path}: not a checkpoint, or damaged: {one_line(error)}") from None
    if (kind := about.pop("kind", "")) != _KIND:
        what = f"a {one_line(kind, 60)!r}" if kind.startswith(_KIND[:-1]) else "safetensors"
        raise BadInput(f"{path}: {what}, but not a {_KIND!r}")
    if about.pop("sha256", None) != _digest(tensors, about):
        raise BadInput(f"{path}: damaged: its content does not match its checksum")
    return tensors, about


def _digest(tensors: Mapping[str, Tensor], about: Mapping[str, str]) -> str:
    """A digest of the text and of all tensors, which must be contiguous and on the CPU."""
    digest = hashlib.sha256(json.dumps(sorted(about.items())).encode())
    for name in sorted(tensors):
        digest.update(f"{name} {tensors[name].dtype} {tuple(tensors[name].shape)}".encode())
        digest.update(tensors[name].reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def same_shapes(path: Path, found: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    """BadInput names the first tensor that is missing, of another shape or precision, or too many."""
    for name, tensor in expected.items():
        if name not in found:
            raise BadInput(f"{path}: a checkpoint of another network: {name} is missing")
        if (found[name].shape, found[name].dtype) != (tensor.shape, tensor.dtype):
            is_, wanted = (f"{tuple(t.shape)} {str(t.dtype)[6:]}" for t in (found[name], tensor))
            raise BadInput(f"{path}: a checkpoint of another network: {name} is {is_}, not {wanted}")
    if extra := sorted(found.keys() - expected.keys()):
        raise BadInput(f"{path}: a checkpoint of another network: {extra[0]} does not belong")
