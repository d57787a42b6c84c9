"""Arrays on disk: .npy files read by memory map, and written block by block."""

import os
import weakref
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.lib import format as npy
from numpy.typing import DTypeLike, NDArray


def open_array(path: Path) -> NDArray[Any]:
    """Map a .npy file into memory, read-only."""
    mapped: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    return mapped.view(np.ndarray)  # slices of np.memmap itself are slow to make


class RowReader:
    """Copies rows of a .npy file from wherever they stand in it.

    Taken out of a memory map, each would leave the 64 KB around it mapped, as Linux does at a
    fault: gigabytes, after some questions to a large index. Threads may read at the same time.
    """

    def __init__(self, path: Path) -> None:
        self._mapped = open_array(path)
        self._file = path.open("rb", buffering=0)
        self._start = path.stat().st_size - self._mapped.nbytes
        weakref.finalize(self, self._file.close)

    def take(self, rows: NDArray[np.intp]) -> NDArray[Any]:
        """Return a copy of these rows; neighbours that follow one another are read at once."""
        if not hasattr(os, "preadv") or not len(rows):  # Windows
            return self._mapped[rows]
        found = np.empty((len(rows), *self._mapped.shape[1:]), dtype=self._mapped.dtype)
        width = found[:1].nbytes
        into, handle = memoryview(found.data).cast("B"), self._file.fileno()
        firsts = np.concatenate([[0], np.flatnonzero(np.diff(rows) != 1) + 1])
        starts = (width * firsts).tolist()
        offsets = (self._start + width * rows[firsts]).tolist()
        for start, end, at in zip(starts, [*starts[1:], found.nbytes], offsets, strict=True):
            os.preadv(handle, (into[start:end],), at)
        return found


class ArrayWriter:
    """Appends blocks of rows to a .npy file; its length is written on close.

    NumPy leaves room for that in the header, so that the data need not move.
    """

    def __init__(self, path: Path, dtype: DTypeLike, row_shape: tuple[int, ...] = ()) -> None:
        self.count = 0
        self._dtype = np.dtype(dtype)
        self._row_shape = row_shape
        self._file = path.open("wb")
        self._write_header()
        self._header_size = self._file.tell()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def append(self, block: NDArray[Any]) -> None:
        """Write ``(m, *row_shape)`` rows, converted to the file's type."""
        rows = np.ascontiguousarray(block, dtype=self._dtype)
        if rows.shape[1:] != self._row_shape:
            raise ValueError(f"rows of shape {rows.shape[1:]} in a file of {self._row_shape}")
        self._file.write(rows.data)
        self.count += len(rows)

    def close(self) -> None:
        """Write the length and close the file."""
        if self._file.closed:
            return
        with self._file:  # closed on a full disk, too
            self._file.seek(0)
            self._write_header()
            if self._file.tell() != self._header_size:
                raise RuntimeError(f"NumPy's header of {self._file.name} has grown")

    def _write_header(self) -> None:
        shape = (self.count, *self._row_shape)
        header = {"descr": npy.dtype_to_descr(self._dtype), "fortran_order": False, "shape": shape}
        npy.write_array_header_1_0(self._file, header)
