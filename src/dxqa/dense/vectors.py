"""Unit vectors on disk in half precision: cosines differ from those in full by 0.0003 at most."""

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from dxqa.arrays import ArrayWriter, RowReader, open_array
from dxqa.types import Rows, Scores, Vectors

Halves = NDArray[np.float16]

_KEPT = 50_000  # rows up to which all are kept in memory in full precision: 77 MB of 384 numbers
_BLOCK = 512  # rows widened at a time: what stays in the processor's cache


class HalfVectors:
    """Rows of unit length, on disk. Threads may read them at the same time."""

    def __init__(self, path: Path) -> None:
        self._halves: Halves = open_array(path)
        self._reader = RowReader(path)

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open a .npy file of shape ``(n, dim)``."""
        return cls(path)

    def __len__(self) -> int:
        return len(self._halves)

    @property
    def dimension(self) -> int:
        """Length of one vector."""
        return int(self._halves.shape[1])

    def rows(self, numbers: Rows | None = None) -> Vectors:
        """Return a copy of these rows, or of all: ``(n, dim)`` float32."""
        count = len(self) if numbers is None else len(numbers)
        if numbers is not None and len(self) <= _KEPT:
            return self._full[numbers]
        found = np.empty((count, self.dimension), dtype=np.float32)
        for span, block in self._blocks(numbers, count):
            found[span] = block
        return found

    def cosines(self, queries: Vectors, rows: Rows | None = None) -> Scores:
        """Return the mean cosine of each row with the queries ``(q, dim)``: ``(n,)``, -1..1."""
        return self.products(queries.mean(axis=0, keepdims=True), rows)[:, 0]

    def products(self, queries: Vectors, rows: Rows | None = None) -> Scores:
        """Return the cosine of each row with each of the queries ``(q, dim)``: ``(n, q)``."""
        if len(self) <= _KEPT:
            kept: Scores = (self._full if rows is None else self._full[rows]) @ queries.T
            return kept
        count = len(self) if rows is None else len(rows)
        found = np.empty((count, len(queries)), dtype=np.float32)
        for span, block in self._blocks(rows, count):
            np.matmul(block, queries.T, out=found[span])
        return found

    @cached_property
    def _full(self) -> Vectors:
        return widened(self._halves)

    def _blocks(self, rows: Rows | None, count: int) -> Iterator[tuple[slice, Vectors]]:
        for start in range(0, count, _BLOCK):
            span = slice(start, min(start + _BLOCK, count))
            halves = self._halves[span] if rows is None else self._reader.take(rows[span])
            yield span, widened(halves)


class HalfVectorsWriter(ArrayWriter):
    """Appends float32 rows ``(m, dim)`` to a file for ``HalfVectors``."""

    def __init__(self, path: Path, dimension: int) -> None:
        super().__init__(path, np.float16, (dimension,))


def widened(halves: Halves) -> Vectors:
    """Return finite numbers in single precision; ten times as fast as NumPy's own conversion.

    The bits of exponent and fraction are moved to where single precision has them; what then
    lacks is the difference between the two biases of the exponent, 127 - 15.
    """
    bits = halves.view(np.int16).astype(np.int32)
    bits <<= 13
    bits &= np.int32(-0x70002000)  # the sign was spread over the exponent
    found = bits.view(np.float32)
    found *= np.float32(2.0**112)
    return found
