"""Ways to spoil an argument. What a sound function does with it depends on the way:

same     another form of the same numbers: the same value, or a refusal
unsound  there is no value: a refusal
odd      perhaps there is a value: a sound one, or a refusal
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch

Array = np.ndarray
Draws = np.random.Generator


class Way(NamedTuple):
    """A way to spoil a value, with the draws that it needs."""

    kind: str
    change: Callable[[Any, Draws], Any]


def _place(x: Array, value: complex, rng: Draws, dtype: type = float) -> Array:
    out: np.ndarray = np.array(x, dtype)
    out.reshape(-1)[rng.integers(out.size)] = value
    return out


def _strided(x: Array) -> Array:
    wide = np.zeros((*x.shape[:-1], 2 * x.shape[-1]))
    wide[..., ::2] = x
    return wide[..., ::2]


def _read_only(x: Array) -> Array:
    out = x.copy()
    out.setflags(write=False)
    return out


def _masked(x: Array, rng: Draws) -> Any:
    mask = np.zeros(x.shape, bool)
    mask.reshape(-1)[rng.integers(x.size)] = True
    return np.ma.masked_array(x, mask)


ARRAYS: dict[str, Way] = {
    "list": Way("same", lambda x, r: x.tolist()),
    "tuples": Way("same", lambda x, r: tuple(map(tuple, x)) if x.ndim == 2 else tuple(x)),
    "Fortran order": Way("same", lambda x, r: np.asfortranarray(x)),
    "strided": Way("same", lambda x, r: _strided(x)),
    "reversed": Way("same", lambda x, r: x[::-1].copy()[::-1]),
    "read-only": Way("same", lambda x, r: _read_only(x)),
    "big-endian": Way("same", lambda x, r: x.astype(">f8")),
    "long double": Way("same", lambda x, r: x.astype(np.longdouble)),
    "objects": Way("same", lambda x, r: x.astype(object)),
    "data frame": Way("same", lambda x, r: pd.DataFrame(x) if x.ndim == 2 else pd.Series(x)),
    "tensor": Way("same", lambda x, r: torch.tensor(x)),
    "tensor with gradient": Way("same", lambda x, r: torch.tensor(x, requires_grad=True)),
    "sparse tensor": Way("same", lambda x, r: torch.tensor(x).to_sparse()),
    "mask without masked": Way("same", lambda x, r: np.ma.masked_array(x)),
    "complex without imaginary part": Way("same", lambda x, r: x.astype(complex)),
    "numbers as text": Way("same", lambda x, r: x.astype(str)),
    "NaN": Way("unsound", lambda x, r: _place(x, np.nan, r)),
    "infinite": Way("unsound", lambda x, r: _place(x, np.inf, r)),
    "minus infinite": Way("unsound", lambda x, r: _place(x, -np.inf, r)),
    "NaN in a tensor": Way("unsound", lambda x, r: torch.tensor(_place(x, np.nan, r))),
    "complex": Way("unsound", lambda x, r: _place(x, 1 + 2j, r, complex)),
    "complex tensor": Way("unsound", lambda x, r: torch.tensor(_place(x, 1 + 2j, r, complex))),
    "masked": Way("unsound", _masked),
    "text": Way("unsound", lambda x, r: np.full(x.shape, "a")),
    "bytes": Way("unsound", lambda x, r: b"bytes"),
    "dates": Way("unsound", lambda x, r: np.zeros(x.shape, "datetime64[s]")),
    "None in it": Way("unsound", lambda x, r: _place(x, None, r, object)),  # type: ignore[arg-type]
    "a dictionary": Way("unsound", lambda x, r: {"a": 1}),
    "an object": Way("unsound", lambda x, r: object()),
    "a string": Way("unsound", lambda x, r: "word\n" * 300),
    "ragged": Way("unsound", lambda x, r: [[1.0, 2.0], [3.0]]),
    "a generator": Way("unsound", lambda x, r: (row for row in x)),
    "meta tensor": Way("unsound", lambda x, r: torch.empty(x.shape, device="meta")),
    "empty": Way("odd", lambda x, r: x[:0]),
    "no columns": Way("odd", lambda x, r: x[..., :0]),
    "zero-dimensional": Way("odd", lambda x, r: np.array(float(x.reshape(-1)[0]))),
    "a number": Way("odd", lambda x, r: 1.5),
    "an axis more": Way("odd", lambda x, r: x[None]),
    "an axis less": Way("odd", lambda x, r: x[0]),
    "a column less": Way("odd", lambda x, r: x[..., :-1]),
    "one row": Way("odd", lambda x, r: x[:1]),
    "large": Way("odd", lambda x, r: x * 1e160),
    "huge": Way("odd", lambda x, r: x * 1e307),
    "small": Way("odd", lambda x, r: x * 1e-160),
    "tiny": Way("odd", lambda x, r: x * 5e-324),
    "large and small": Way("odd", lambda x, r: _place(x * 1e-160, 1e160, r)),
    "far away": Way("odd", lambda x, r: x + 1e15),
    "negative": Way("odd", lambda x, r: -np.abs(x)),
    "zeros": Way("odd", lambda x, r: np.zeros_like(x)),
    "all the same": Way("odd", lambda x, r: np.ones_like(x)),
    "whole numbers": Way("odd", lambda x, r: np.round(x).astype(int)),
    "bytes of pixels": Way("odd", lambda x, r: np.abs(x).astype(np.uint8)),
    "booleans": Way("odd", lambda x, r: x > 0),
    "large whole numbers": Way("odd", lambda x, r: np.full(x.shape, 2**62)),
    "Python's large numbers": Way("odd", lambda x, r: np.full(x.shape, 10**400, object)),
    "half precision": Way("odd", lambda x, r: x.astype(np.float16)),
    "bfloat16": Way("odd", lambda x, r: torch.tensor(x).to(torch.bfloat16)),
    "single precision": Way("odd", lambda x, r: x.astype(np.float32)),
}

COVARIANCES: dict[str, Way] = ARRAYS | {
    "not symmetric": Way("unsound", lambda x, r: x + np.triu(np.ones_like(x), 1)),
    "indefinite": Way("unsound", lambda x, r: x - 3 * np.trace(x) * np.eye(len(x))[:, :1] * np.eye(len(x))[:1]),
    "slightly indefinite": Way(
        "unsound", lambda x, r: x - (np.linalg.eigvalsh(x)[0] + 1e-6 * np.trace(x)) * np.eye(len(x))
    ),
    "negative": Way("unsound", lambda x, r: -x),
    "singular": Way("odd", lambda x, r: np.ones_like(x)),
    "nearly singular": Way("odd", lambda x, r: np.ones_like(x) + 1e-15 * np.eye(len(x))),
    "ill-conditioned": Way("odd", lambda x, r: np.diag(np.logspace(-150, 150, len(x)))),
}
for _name in ("all the same", "far away", "bytes of pixels", "whole numbers", "booleans"):  # not so for covariances
    del COVARIANCES[_name]

SCALARS: dict[str, Way] = {
    "NumPy's": Way("same", lambda x, r: np.float64(x)),
    "zero-dimensional": Way("same", lambda x, r: np.array(x)),
    "a tensor": Way("same", lambda x, r: torch.tensor(x, dtype=torch.float64)),
    "decimal": Way("same", lambda x, r: Decimal(x)),
    "as text": Way("same", lambda x, r: str(x)),
    "complex without imaginary part": Way("same", lambda x, r: complex(x)),
    "NaN": Way("unsound", lambda x, r: float("nan")),
    "NumPy's NaN": Way("unsound", lambda x, r: np.float64("nan")),
    "complex": Way("unsound", lambda x, r: x + 2j),
    "text": Way("unsound", lambda x, r: "word\n" * 300),
    "a list of words": Way("unsound", lambda x, r: ["a", "b"]),
    "a dictionary": Way("unsound", lambda x, r: {}),
    "an object": Way("unsound", lambda x, r: object()),
    "None": Way("unsound", lambda x, r: None),
    "masked": Way("unsound", lambda x, r: np.ma.masked),
    "infinite": Way("odd", lambda x, r: float("inf")),
    "minus infinite": Way("odd", lambda x, r: float("-inf")),
    "zero": Way("odd", lambda x, r: 0),
    "minus zero": Way("odd", lambda x, r: -0.0),
    "negative": Way("odd", lambda x, r: -x),
    "huge": Way("odd", lambda x, r: 1e300),
    "tiny": Way("odd", lambda x, r: 5e-324),
    "large": Way("odd", lambda x, r: 1e155),
    "small": Way("odd", lambda x, r: 1e-155),
    "a large whole number": Way("odd", lambda x, r: 10**400),
    "a fraction": Way("odd", lambda x, r: 0.5),
    "true": Way("odd", lambda x, r: True),
    "a list": Way("odd", lambda x, r: [x, x]),
    "empty": Way("odd", lambda x, r: []),
}
COUNTS: dict[str, Way] = SCALARS | {
    "a fraction": Way("unsound", lambda x, r: x + 0.5),
    "infinite": Way("unsound", lambda x, r: float("inf")),
    "zero": Way("odd", lambda x, r: 0),
}
for _name in ("huge", "large", "a large whole number"):  # so much would be made that it may fill any memory
    del COUNTS[_name]
WAYS = {"array": ARRAYS, "covariance": COVARIANCES, "scalar": SCALARS, "count": COUNTS}
