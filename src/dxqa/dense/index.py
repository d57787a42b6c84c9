"""Nearest rows by FAISS, exactly or nearly, by how many rows there are.

Kinds, as FAISS's factory names them:

    Flat,SQfp16        all rows are compared, in half precision
    IVF…,PQ…x4fs       the likeliest clusters are, by codes of 2 bits a number; what they find is
                       ranked by half precision

A graph (HNSW32,SQ8) was slower and found less: docs/performance.md.
"""

import math
from pathlib import Path
from typing import Any, Self

import faiss
import numpy as np

from dxqa.dense import build
from dxqa.dense.vectors import HalfVectors
from dxqa.types import Mask, Progress, Rows, Vectors

FLAT_LIMIT = 20_000
"""Up to so many rows all are compared, which takes 1 ms for two queries."""

_FEW = 20_000  # allowed rows up to which comparing them all is as quick (6 ms), and exact
_FEWEST_CODES = 400  # rows found by codes, which are coarse, to be ranked
_PROBED = 256  # clusters searched, where there are so many


class DenseIndex:
    """Nearest rows by cosine.

    Threads may search it at the same time: FAISS only reads, from a memory map. The queries of one
    call are shared out among OMP_NUM_THREADS threads.

    Attributes:
        vectors: of the rows, in half precision. Without a FAISS index all of them are compared.
    """

    def __init__(self, vectors: HalfVectors, index: faiss.Index | None) -> None:
        self.vectors = vectors
        self._index: Any = index

    @staticmethod
    def build(vectors: HalfVectors, path: Path, progress: Progress | None = None) -> str:
        """Write the FAISS index of these rows and return its kind; the same rows give the same.

        Args:
            vectors: to be searched; they are read in blocks.
            path: of the file to write.
            progress: called with rows indexed and rows in all.
        """
        if len(vectors) <= FLAT_LIMIT:
            index = build.flat(vectors, progress)
        else:
            index = build.clustered(vectors, progress)
        faiss.write_index(index, str(path))
        return _kind(index)

    @classmethod
    def load(cls, vectors: HalfVectors, path: Path) -> Self:
        """Map what ``build`` wrote of these vectors; where it wrote nothing, do without."""
        if not path.exists():
            return cls(vectors, None)
        return cls(vectors, faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC))

    @property
    def kind(self) -> str:
        """As FAISS's factory names it, e.g. ``IVF4000,PQ192x4fs``."""
        return _kind(self._index)

    def __len__(self) -> int:
        return len(self.vectors)

    @property
    def dimension(self) -> int:
        """Length of one vector."""
        return self.vectors.dimension

    def nearest(self, queries: Vectors, k: int, allowed: Mask | None = None) -> Rows:
        """Return the rows nearest to any of the queries, at most ``k`` for each, ascending.

        Args:
            queries: ``(q, dim)``.
            k: at least 1.
            allowed: whether each row may be returned.
        """
        few = len(self) if allowed is None else int(np.count_nonzero(allowed))
        if self._index is None or (allowed is not None and few <= _FEW):
            rows = np.arange(len(self)) if allowed is None else np.flatnonzero(allowed)
            return self._ranked(queries, rows, k)
        if allowed is None:
            return self._ranked(queries, self._found(queries, k, few, None), k)
        stubs: Any = faiss  # the type stubs know neither arrays nor keyword arguments here
        selector = stubs.IDSelectorBitmap(np.packbits(allowed, bitorder="little"))
        return self._ranked(queries, self._found(queries, k, few, selector), k)

    def _found(
        self, queries: Vectors, k: int, among: int, selector: faiss.IDSelector | None
    ) -> Rows:
        """Return rows that FAISS finds, the more the less exactly it compares."""
        wanted = min(among, max(_FEWEST_CODES, k))
        if not wanted:
            return np.empty(0, dtype=np.intp)
        stubs: Any = faiss
        scarcity = len(self) / among  # as many allowed rows are compared as without a selector
        if isinstance(self._index, faiss.IndexIVF):
            clusters = self._index.nlist
            probed = min(clusters, math.ceil(scarcity * _PROBED))
            parameters = stubs.SearchParametersIVF(sel=selector, nprobe=probed)
        else:
            wanted = min(among, k)
            parameters = stubs.SearchParameters(sel=selector)
        _, rows = self._index.search(queries, wanted, params=parameters)
        found: Rows = np.unique(rows[rows >= 0]).astype(np.intp)
        return found

    def _ranked(self, queries: Vectors, rows: Rows, k: int) -> Rows:
        """Return those of the rows that are among the ``k`` nearest to any of the queries."""
        if len(rows) <= k:
            return rows
        cosines = self.vectors.products(queries, rows)
        return rows[np.unique(np.argpartition(-cosines, k - 1, axis=0)[:k])]


def _kind(index: faiss.Index) -> str:
    if isinstance(index, faiss.IndexIVFPQFastScan):
        return f"IVF{index.nlist},PQ{index.M}x4fs"
    return "Flat,SQfp16"
