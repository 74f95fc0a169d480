"""Random streams keyed by their purpose, so that results do not depend on how the work is divided."""

import hashlib
import json

import numpy as np

_text = json.JSONEncoder(sort_keys=True).encode  # of json.dumps, which makes an encoder at each call


def stream(*key: object) -> np.random.Generator:
    """The generator of a key such as (seed, experiment, cell, replica): the same numbers on any worker.

    A key holds plain Python numbers, text, None and tuples of them. Anything else raises TypeError: NumPy's 3, say,
    would be written as another key than Python's.
    """
    digest = hashlib.sha256(_text(key).encode()).digest()
    # The seed is four words of 64 bits. NumPy takes twice as long over these as over their halves, which mean the same
    # to it unless an upper half is 0, for that it leaves out.
    halves = np.frombuffer(digest, "<u4")
    seed = halves if halves[1::2].all() else np.frombuffer(digest, "<u8")
    return np.random.Generator(np.random.SFC64(seed))
