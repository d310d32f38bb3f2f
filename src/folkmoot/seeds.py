"""Random numbers: one root seed, and a generator of its own for every purpose.

Two purposes never share a stream, so adding a draw in one place changes nothing elsewhere.
"""

import hashlib

import numpy as np


def derive_seed(root: int, *purpose: str | int) -> int:
    """Return a 63-bit seed that depends on `root` and every part of `purpose`, on any machine."""
    text = "\x1f".join([str(root), *map(str, purpose)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def derive(root: int, *purpose: str | int) -> np.random.Generator:
    """Return the generator for one purpose, e.g. ``derive(seed, "train.preference", step)``."""
    return np.random.default_rng(derive_seed(root, *purpose))
