"""The dense side of search: FAISS over unit vectors, scored by cosine."""

from pathlib import Path
from typing import Any, Self

import faiss
import numpy as np
from numpy.typing import NDArray

from dxqa.types import Vectors


class DenseIndex:
    """Exact inner-product search over rows numbered from 0."""

    def __init__(self, index: faiss.Index) -> None:
        self._index = index

    @classmethod
    def build(cls, vectors: Vectors) -> Self:
        """Index ``(n, dim)`` float32 rows of unit length."""
        index = faiss.IndexFlatIP(vectors.shape[1])
        index.add(np.ascontiguousarray(vectors, dtype=np.float32))
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
    def vectors(self) -> Vectors:
        """All rows, ``(n, dim)`` float32, without a copy."""
        flat: Any = faiss.downcast_index(self._index)
        view = faiss.rev_swig_ptr(flat.get_xb(), len(self) * self.dimension)
        rows: Vectors = view.reshape(len(self), self.dimension)
        return rows

    def scores(self, query: Vectors) -> NDArray[np.float32]:
        """Return the cosine of one query ``(1, dim)`` with every row: ``(n,)``, -1..1."""
        scores, rows = self._index.search(query, len(self))
        result = np.empty(len(self), dtype=np.float32)
        result[rows[0]] = scores[0]
        return result
