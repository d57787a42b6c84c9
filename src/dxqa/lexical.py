"""The lexical side of search: BM25 over terms of the morphological analyser.

Formula: Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009),
in Lucene's variant, as bm25s computes it.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Self

import bm25s
import numpy as np
from numpy.typing import NDArray


class LexicalIndex:
    """BM25 scores of passages for the terms of a question."""

    def __init__(self, index: bm25s.BM25) -> None:
        self._index = index

    @classmethod
    def build(cls, passages: Sequence[Sequence[str]]) -> Self:
        """Index the terms of each passage, repeated as often as they occur."""
        index = bm25s.BM25()
        index.index([list(terms) or [""] for terms in passages], show_progress=False)
        return cls(index)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what ``save`` wrote."""
        return cls(bm25s.BM25.load(folder))

    def save(self, folder: Path) -> None:
        """Write the index below ``folder``."""
        self._index.save(folder, show_progress=False)

    def scores(self, terms: Sequence[str]) -> NDArray[np.float32]:
        """Return the score of every passage, ``(n,)``, 0 or higher; unknown terms score 0."""
        known = [term for term in terms if term in self._index.vocab_dict]
        if not known:
            return np.zeros(self._index.scores["num_docs"], dtype=np.float32)
        scores: NDArray[np.float32] = self._index.get_scores(known)
        return scores

    def idf(self, term: str) -> float:
        """Return ``ln(1 + (N - df + 0.5) / (df + 0.5))``; df is 0 for an unknown term."""
        total = self._index.scores["num_docs"]
        row = self._index.vocab_dict.get(term)
        pointers = self._index.scores["indptr"]
        frequency = 0 if row is None else int(pointers[row + 1] - pointers[row])
        return float(np.log1p((total - frequency + 0.5) / (frequency + 0.5)))
