"""Check numbers from outside: type, shape, finiteness, definiteness. An error message names the argument.

Whatever is no array of real numbers is refused: text, objects, complex numbers, masked arrays, sparse tensors. The rest
is taken in any form: lists become double precision, and byte order, strides and gradients do not matter. PyTorch is
imported only for tensors.
"""

from __future__ import annotations

import math
import operator
import sys
from numbers import Real
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

Array = TypeVar("Array", np.ndarray, "Tensor")
Numbers = Any  # an array, a tensor, a table or lists of numbers
LARGEST, SMALLEST = 1e150, 1e-150  # beyond them a square leaves double precision
FARTHEST = 1e307
_LOOKED_AT = 2000  # rows, to see how a set is scaled


def array(name: str, values: Numbers) -> np.ndarray:
    """Return values as an array of real numbers, in their own precision. Raises ValueError on anything else."""
    if isinstance(values, np.ma.MaskedArray):
        raise ValueError(f"{name} is a masked array: fill or drop what is masked")
    try:
        found = np.asarray(_dense(name, values).detach().cpu() if _is_tensor(values) else values)
    except ValueError as error:
        raise error if _is_tensor(values) else _no_numbers(name, type(values).__name__) from None
    except Exception:  # whoever claims to be an array may raise anything
        raise _no_numbers(name, type(values).__name__) from None
    if found.dtype.kind not in "fiub":
        raise _no_numbers(
            name, type(values).__name__ if found.dtype.kind == "O" and not found.ndim else str(found.dtype)
        )
    if found.dtype.itemsize > 8:
        with np.errstate(over="ignore"):  # infinite then, and refused
            return found.astype(float)
    return found if found.dtype.isnative else found.astype(found.dtype.newbyteorder("="))


def _no_numbers(name: str, what: str) -> ValueError:
    return ValueError(f"{name} must be an array of real numbers, got {what}")


def _is_tensor(values: object) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(values, torch.Tensor)


def _dense(name: str, values: Tensor) -> Tensor:
    import torch

    if values.layout != torch.strided or values.is_quantized or values.is_complex():
        kind = "complex" if values.is_complex() else str(values.layout).removeprefix("torch.")
        raise _no_numbers(name, f"a {kind} tensor")
    return values.float() if values.dtype == torch.bfloat16 else values


def tensor(name: str, values: Numbers) -> Tensor:
    """Return values as a tensor where they are, in their own precision, with their gradient. Raises as `array`."""
    import torch

    if _is_tensor(values):
        return _dense(name, values)
    found = array(name, values)
    if not found.flags.writeable or any(stride < 0 for stride in found.strides):  # torch takes neither
        found = found.copy()
    return torch.from_numpy(found)


def double(name: str, values: Numbers) -> Tensor:
    """Return values as a tensor in double precision, with their gradient. Raises as `array` and `finite`."""
    return finite(name, tensor(name, values).double())


def finite(name: str, values: Array) -> Array:
    """The values. Raises ValueError if one is infinite or not a number."""
    if isinstance(values, np.ndarray | np.generic):
        fine = bool(np.isfinite(values).all())
    else:  # its extremes: without copies of what may be a large part of the memory
        import torch

        if values.is_meta:
            raise _no_numbers(name, "a meta tensor")
        fine = values.numel() == 0 or bool(torch.isfinite(torch.stack(values.detach().aminmax())).all())
    if not fine:
        raise ValueError(f"{name} holds a value that is not finite")
    return values


def points(name: str, values: Array, least: int = 1) -> Array:
    """Return the values unchanged. Raises ValueError unless they are at least `least` points (n, d), all finite."""
    if values.ndim != 2 or values.shape[0] < least or values.shape[1] < 1:
        raise ValueError(f"{name} must be (n, d) with n ≥ {least} and d ≥ 1, got shape {tuple(values.shape)}")
    if size(finite(name, values)) > FARTHEST:
        raise ValueError(f"{name} has values beyond {FARTHEST:g}, whose differences leave double precision")
    return values


def vector(name: str, values: Numbers, least: int = 1) -> np.ndarray:
    """Return at least `least` finite numbers, (n,), in double precision. Raises ValueError on anything else."""
    found = array(name, values).astype(float)
    if found.ndim != 1 or len(found) < least:
        raise ValueError(f"{name} must be {least} or more numbers in a row, got shape {found.shape}")
    return finite(name, found)


def squares(name: str, values: Array) -> Array:
    """The values. Raises ValueError if the square of the largest leaves double precision."""
    largest = size(values)
    if largest > LARGEST or 0 < largest < SMALLEST:
        raise ValueError(
            f"{name} has values of the size {largest:.3g}: squares are out of the range of double precision"
        )
    return values


def size(values: Array) -> float:
    """Return the largest absolute value; 0 if there are no values."""
    if isinstance(values, np.ndarray | np.generic):
        return float(max(values.max(), -values.min())) if values.size else 0.0
    low, high = values.detach().aminmax() if values.numel() else (0.0, 0.0)
    return max(float(high), -float(low))


def unit(*values: Array) -> float:
    """Return a power of two near the largest value if that is far from 1, else 1: values/unit have safe squares."""
    largest = max(map(size, values))
    return 1.0 if largest == 0 or 1e-4 < largest < 1e8 else 2.0 ** (math.frexp(largest)[1] - 1)


def spread(values: np.ndarray, other: np.ndarray) -> float:
    """How much more the rows of one set scatter than those of another: the median ratio of the columns' deviations.

    Of the first 2000 rows, and of columns that vary in both; 1 if there are none.
    """
    ours, theirs = (part[:_LOOKED_AT].std(0, dtype=float) for part in (values, other))
    both = (ours > 0) & (theirs > 0)
    return float(np.median(ours[both] / theirs[both])) if both.any() else 1.0


def symmetric(name: str, values: Tensor) -> Tensor:
    """Matrices (..., d, d). Raises ValueError on other shapes, and on one that is not symmetric up to rounding."""
    if values.ndim < 2 or values.shape[-1] != values.shape[-2] or not values.shape[-1]:
        raise ValueError(f"{name} must be (..., d, d) with d ≥ 1, got shape {tuple(values.shape)}")
    scale = values.detach().abs().amax((-1, -2))
    if bool(((values - values.mT).detach().abs().amax((-1, -2)) > 1e-10 * scale).any()):
        raise ValueError(f"{name} is not symmetric")
    return values


def semidefinite(name: str, values: Tensor) -> Tensor:
    """Symmetric matrices (..., d, d). Raises ValueError if one has an eigenvalue that is negative beyond rounding."""
    import torch

    d = values.shape[-1]
    known = values.detach()
    rounding = d**2 * torch.finfo(values.dtype).eps * known.abs().amax((-1, -2))
    # A Cholesky factor is proof enough, at a third of the time of the eigenvalues.
    eye = torch.eye(d, dtype=values.dtype, device=values.device)
    failed = torch.linalg.cholesky_ex(known + rounding[..., None, None] * eye).info > 0
    if bool(failed.any()):
        lowest = torch.linalg.eigvalsh(known[failed])[..., 0]
        if bool((lowest < -rounding[failed]).any()):
            raise ValueError(f"{name} has the negative eigenvalue {float(lowest.min()):.3g}")
    return values


def scalar(name: str, value: Any) -> float:
    """The value as a number, which may be infinite. Raises ValueError if it is none."""
    found = bare(value)
    if math.isnan(found):
        raise ValueError(f"{name} must be a number, got {shown(value)}")
    return found


def number(name: str, value: Any, least: float = -math.inf) -> float:
    """Return the value as a finite number, not below `least`. Raises ValueError if it is none."""
    found = scalar(name, value)
    if not math.isfinite(found):
        raise ValueError(f"{name} must be finite, got {found}")
    if found < least:
        raise ValueError(f"{name} must be at least {least:g}, got {found:g}")
    return found


def positive(name: str, value: Any) -> float:
    """The value as a number. Raises ValueError if it is not positive and finite."""
    found = bare(value)
    if not 0 < found < math.inf:
        raise ValueError(f"{name} must be positive and finite, got {shown(value)}")
    return found


def scale(name: str, value: Any) -> float:
    """Return the value as a positive number whose square is in double precision. Raises ValueError if it is none."""
    if not SMALLEST < (found := positive(name, value)) < LARGEST:
        raise ValueError(f"{name} = {found:.3g} is out of range: its square leaves double precision")
    return found


def count(name: str, value: Any, least: int = 1, most: int = 2**62) -> int:
    """Return the value as a whole number from `least` to `most`. Raises ValueError if it is none."""
    try:
        found = operator.index(value)
    except (TypeError, ValueError, RuntimeError):  # of tensors that are none
        raise ValueError(f"{name} must be a whole number, got {shown(value)}") from None
    if not least <= found <= most:
        bounds = f"at least {least}" if found < least else f"at most {most}"
        raise ValueError(f"{name} must be {bounds}, got {shown(value)}")
    return found


def bare(value: Any) -> float:
    """Return a number, also one in an array or a tensor without axes, as a float; NaN if it is none."""
    if isinstance(value, np.generic | np.ndarray) or _is_tensor(value):
        if value.ndim or isinstance(value, np.ma.MaskedArray):
            return math.nan
        try:
            value = array("", value).item()
        except ValueError:
            return math.nan
    if not isinstance(value, Real):
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf  # type: ignore[operator]


def shown(value: object) -> str:
    """The value for a message, or its type if there is no short way to write it."""
    if isinstance(value, int) and value.bit_length() > 100:
        return f"a number of {value.bit_length()} bits"
    text = (
        " ".join(repr(value).split())
        if isinstance(value, Real | str | list | tuple | np.generic)
        else type(value).__name__
    )
    return text if len(text) <= 40 else f"{text[:39]}…"
