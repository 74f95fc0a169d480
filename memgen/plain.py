"""Results as documents: numbers and text that any program reads."""

from typing import Any

import numpy as np


def plain(value: Any) -> Any:
    """Arrays and tuples as lists, NumPy's numbers as Python's, None for what is not finite."""
    match value:
        case dict():
            return {key: plain(inner) for key, inner in value.items()}
        case list() | tuple():
            return [plain(inner) for inner in value]
        case np.ndarray() | np.generic():
            return plain(value.tolist())
        case float():
            return value if np.isfinite(value) else None
        case _:
            return value
