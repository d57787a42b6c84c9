"""Rows found by short keys of their texts or names."""

import hashlib

import numpy as np
from numpy.typing import NDArray

from dxqa.types import Rows

KEY_BYTES = 16

Keys = NDArray[np.bytes_]
"""Dtype ``S16``: the first 128 bits of BLAKE2b of each text."""


def key_of(text: str) -> bytes:
    """Return the key of a text."""
    data = text.encode("utf-8", "surrogatepass")
    return hashlib.blake2b(data, digest_size=KEY_BYTES).digest()


class KeyTable:
    """Rows found by the keys of their texts."""

    def __init__(self, keys: Keys, rows: Rows | None = None) -> None:
        """Sort the keys, or take them as they were sorted and written before.

        Args:
            keys: of row 0, row 1, and so on; with ``rows``, ascending.
            rows: the row of each key.
        """
        if rows is None:
            rows = np.argsort(keys, kind="stable")
            keys = keys[rows]
        self.keys = keys
        self.rows_of_keys = rows

    def find(self, keys: Keys) -> Rows:
        """Return the row of each key, -1 for a key that is not known: ``(len(keys),)``."""
        if not len(self.keys):
            return np.full(len(keys), -1, dtype=np.intp)
        at = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        rows = self.rows_of_keys[at].astype(np.intp)  # written unsigned, which has no -1
        return np.where(self.keys[at] == keys, rows, -1)
