"""The lexical side of search: BM25 over terms of the morphological analyser.

Formula: Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009),
in Lucene's variant, as bm25s computes it.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

import bm25s
import numpy as np
from numpy.typing import NDArray

Concept = Mapping[str, float]
"""Terms that stand for one word of a question, each with a weight 0..1."""

# Passages are short: a word said twice says little more than once. Chosen on JSQuAD.
_K1, _B = 0.5, 0.5
_PAIR_WEIGHT = 0.6


class LexicalIndex:
    """BM25 scores of passages for the terms of a question."""

    def __init__(self, index: bm25s.BM25) -> None:
        self._index = index

    @classmethod
    def build(cls, passages: Sequence[Sequence[str]]) -> Self:
        """Index the terms of each passage, repeated as often as they occur."""
        index = bm25s.BM25(k1=_K1, b=_B)
        index.index([list(terms) or [""] for terms in passages], show_progress=False)
        return cls(index)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what ``save`` wrote."""
        return cls(bm25s.BM25.load(folder))

    def __len__(self) -> int:
        return int(self._index.scores["num_docs"])

    def save(self, folder: Path) -> None:
        """Write the index below ``folder``."""
        self._index.save(folder, show_progress=False)

    def coverage(
        self, concepts: Sequence[Concept], pairs: Sequence[str] = ()
    ) -> NDArray[np.float32]:
        """Return how much of a question each passage covers, ``(n,)``: 0..1, more with ``pairs``.

        A concept is what one word of the question may be called: its terms with weights 0..1. Its
        score is that of its best term; the scores are summed and divided by the sum of the
        concepts' idf, which is the most that BM25 in Lucene's variant can reach. Pairs of words
        that follow one another in both add to that.
        """
        total = np.zeros(len(self), dtype=np.float32)
        most = 1e-9
        for concept in concepts:
            best = np.zeros(len(self), dtype=np.float32)
            for term, weight in concept.items():
                rows, scores = self._postings(term)
                best[rows] = np.maximum(best[rows], weight * scores)
            total += best
            most += self.weight(concept)
        for pair in pairs:
            rows, scores = self._postings(pair)
            total[rows] += np.float32(_PAIR_WEIGHT) * scores
        return total / np.float32(most)

    def weight(self, concept: Concept) -> float:
        """Return the idf of the rarest known term of a concept, by weight; of none, the highest."""
        known = [weight * self.idf(t) for t, weight in concept.items() if self.knows(t)]
        return max(known, default=self.idf(""))

    def knows(self, term: str) -> bool:
        """Whether any passage holds the term."""
        return term in self._index.vocab_dict

    def _postings(self, term: str) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
        """Return the rows of the passages that hold a term, and their scores for it."""
        column = self._index.vocab_dict.get(term)
        if column is None or not term:  # bm25s keeps the empty string in its vocabulary
            return np.empty(0, dtype=np.intp), np.empty(0, dtype=np.float32)
        matrix = self._index.scores
        span = slice(int(matrix["indptr"][column]), int(matrix["indptr"][column + 1]))
        return matrix["indices"][span].astype(np.intp), matrix["data"][span]

    def idf(self, term: str) -> float:
        """Return ``ln(1 + (N - df + 0.5) / (df + 0.5))``; df is 0 for an unknown term."""
        frequency = len(self._postings(term)[0])
        return float(np.log1p((len(self) - frequency + 0.5) / (frequency + 0.5)))
