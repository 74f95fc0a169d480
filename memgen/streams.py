"""Random streams keyed by what they are for, so that results do not depend on how the work is cut up."""

import hashlib
import json

import numpy as np


def stream(*key: object) -> np.random.Generator:
    """The generator of a key such as (seed, experiment, cell, replica): same key, same numbers, on any worker.

    TypeError if the key holds anything but numbers of Python, text, None and tuples of them, for NumPy's 3 is not 3.
    """
    text = json.dumps(key, sort_keys=True)
    digest = hashlib.sha256(text.encode()).digest()
    return np.random.Generator(np.random.SFC64(np.frombuffer(digest, np.uint64)))
