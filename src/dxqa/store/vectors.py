"""Vectors that need not be computed again: those of the index before, and those of a build cut off.

A vector belongs to a text, not to a place in a document: it is found by the text's key, wherever
the text has moved, as long as the encoder is the same.
"""

import hashlib
import zlib
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from dxqa.keys import KEY_BYTES, Keys, KeyTable
from dxqa.types import Encoder, Rows, Vectors


def journal_path(root: Path, encoder: Encoder) -> Path:
    """Return where, below ``root``, the vectors of an encoder are noted as they are computed."""
    digest = hashlib.sha256(encoder.fingerprint.encode()).hexdigest()[:16]
    return root / f"vectors-{digest}.journal"


class _Readable(Protocol):
    def rows(self, numbers: Rows) -> Vectors: ...


class KnownVectors(KeyTable):
    """Vectors found by the keys of their texts."""

    def __init__(self, keys: Keys, vectors: _Readable) -> None:
        super().__init__(keys)
        self._vectors = vectors

    def rows(self, numbers: Rows) -> Vectors:
        """Return ``(len(numbers), dim)`` float32."""
        return self._vectors.rows(numbers)


class Journal:
    """Vectors as they are computed, so that a build that is cut off goes on where it was.

    Records of one size are appended; each carries a checksum, so that one written in part, and
    whatever comes after it, counts for nothing.
    """

    def __init__(self, path: Path, dimension: int) -> None:
        """Open the journal at ``path``, or begin one.

        Args:
            path: of the file; it need not be there.
            dimension: length of one vector.
        """
        self._path = path
        self._record = np.dtype(
            [("key", f"S{KEY_BYTES}"), ("vector", "<f2", (dimension,)), ("crc", "<u4")]
        )
        self._drop_damaged()

    def append(self, keys: Keys, vectors: Vectors) -> None:
        """Write these to the disk before returning."""
        records = np.zeros(len(keys), dtype=self._record)
        records["key"], records["vector"] = keys, vectors
        records["crc"] = [_crc(record) for record in records]
        with self._path.open("ab") as file:
            file.write(records.tobytes())

    @property
    def keys(self) -> Keys:
        """The keys of what is in the journal now."""
        found: Keys = self._records()["key"].copy()
        return found

    def known(self) -> KnownVectors:
        """Return what is in the journal now."""
        return KnownVectors(self._records()["key"], _Records(self._records()))

    def _records(self) -> NDArray[np.void]:
        if not self._path.exists() or not self._path.stat().st_size:
            return np.zeros(0, dtype=self._record)
        return np.memmap(self._path, dtype=self._record, mode="r")

    def _drop_damaged(self) -> None:
        """Cut the file before the first record that is not whole."""
        if not self._path.exists():
            return
        size = self._record.itemsize
        whole = self._path.stat().st_size // size
        with self._path.open("r+b") as file:
            file.truncate(whole * size)
        damaged = [at for at, record in enumerate(self._records()) if _crc(record) != record["crc"]]
        if damaged:
            with self._path.open("r+b") as file:
                file.truncate(damaged[0] * size)


class _Records:
    def __init__(self, records: NDArray[np.void]) -> None:
        self._records = records

    def rows(self, numbers: Rows) -> Vectors:
        found: Vectors = self._records["vector"][numbers].astype(np.float32)
        return found


def _crc(record: np.void) -> int:
    return zlib.crc32(record.tobytes()[:-4])
