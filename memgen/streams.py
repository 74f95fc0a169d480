"""Random streams keyed by their purpose, so that results do not depend on how the work is divided."""

import hashlib
import json

import numpy as np


def stream(*key: object) -> np.random.Generator:
    """The generator of a key such as (seed, experiment, cell, replica): the same numbers on any worker.

    A key holds plain Python numbers, text, None and tuples of them. Anything else raises TypeError: NumPy's 3, say,
    would be written as another key than Python's.
    """
    text = json.dumps(key, sort_keys=True)
    digest = hashlib.sha256(text.encode()).digest()
    return np.random.Generator(np.random.SFC64(np.frombuffer(digest, np.uint64)))
