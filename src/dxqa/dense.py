"""The dense side of search: FAISS over unit vectors, scored by cosine."""

import math
from pathlib import Path
from typing import Any, Self

import faiss
import numpy as np
from numpy.typing import NDArray

from dxqa.types import Vectors

FLAT_LIMIT = 20_000
"""Up to so many rows search is exact; beyond, rows are searched by their cluster (IVF)."""

_PROBED_SHARE = 16  # one cluster in so many is searched
_TRAIN_ROWS = 40  # per cluster; FAISS asks for 39

Rows = NDArray[np.intp]
Scores = NDArray[np.float32]


class DenseIndex:
    """Inner-product search over rows numbered from 0."""

    def __init__(self, index: faiss.Index) -> None:
        self._index = index

    @classmethod
    def build(cls, vectors: Vectors, *, searched: bool = True) -> Self:
        """Index ``(n, dim)`` float32 rows of unit length.

        Args:
            vectors: the rows.
            searched: False for rows that are only ever looked up by number.
        """
        rows = np.ascontiguousarray(vectors, dtype=np.float32)
        if not searched or len(rows) <= FLAT_LIMIT:
            index: faiss.Index = faiss.IndexFlatIP(rows.shape[1])
        else:
            index = _trained_clusters(rows)
        index.add(rows)
        return cls(index)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what ``save`` wrote."""
        return cls(faiss.read_index(str(path)))

    def save(self, path: Path) -> None:
        """Write the index to one file."""
        faiss.write_index(self._index, str(path))

    def __len__(self) -> int:
        return int(self._index.ntotal)

    @property
    def dimension(self) -> int:
        """Length of one vector."""
        return int(self._index.d)

    @property
    def kind(self) -> str:
        """The FAISS class, e.g. ``IndexFlatIP``."""
        return type(faiss.downcast_index(self._index)).__name__

    def vectors(self, rows: Rows | None = None) -> Vectors:
        """Return a copy of these rows, or of all: ``(n, dim)`` float32."""
        if rows is None or np.array_equal(rows, np.arange(len(self))):
            found: Vectors = self._index.reconstruct_n(0, len(self))
        else:
            found = self._index.reconstruct_batch(np.asarray(rows, dtype=np.int64))
        return found

    def cosines(self, queries: Vectors, rows: Rows | None = None) -> Scores:
        """Return the mean cosine of each row with the queries ``(q, dim)``: ``(n,)``, -1..1."""
        scores: Scores = self.vectors(rows) @ queries.mean(axis=0)
        return scores

    def nearest(self, queries: Vectors, k: int, allowed: Rows | None = None) -> Rows:
        """Return the rows nearest to any of the queries, at most ``k`` for each, unordered.

        Args:
            queries: ``(q, dim)``.
            k: at least 1.
            allowed: only among these rows, however few.
        """
        selector = None if allowed is None else faiss.IDSelectorBatch(allowed.astype(np.int64))
        _, rows = self._index.search(queries, k, params=self._parameters(selector))
        found: Rows = np.unique(rows[rows >= 0]).astype(np.intp)
        return found

    def _parameters(self, selector: faiss.IDSelector | None) -> faiss.SearchParameters | None:
        stubs: Any = faiss  # the type stubs know no keyword arguments
        found: faiss.SearchParameters | None = None
        index = faiss.downcast_index(self._index)
        if isinstance(index, faiss.IndexIVF):
            probed = max(8, math.ceil(index.nlist / _PROBED_SHARE))
            found = stubs.SearchParametersIVF(sel=selector, nprobe=probed)
        elif selector is not None:
            found = stubs.SearchParameters(sel=selector)
        return found


def _trained_clusters(rows: Vectors) -> faiss.Index:
    """Return an empty IVF index with its clusters trained on a sample of the rows."""
    clusters = 4 * int(math.sqrt(len(rows)))
    index = faiss.IndexIVFFlat(
        faiss.IndexFlatIP(rows.shape[1]), rows.shape[1], clusters, faiss.METRIC_INNER_PRODUCT
    )
    index.cp.niter = 10
    sample = np.random.default_rng(0).permutation(len(rows))[: _TRAIN_ROWS * clusters]
    index.train(rows[np.sort(sample)])
    index.make_direct_map()
    return index
