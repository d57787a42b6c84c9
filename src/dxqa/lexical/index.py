"""BM25 scores of passages for the words of a question.

Formula: Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009),
in Lucene's variant.
"""

import math
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from dxqa.arrays import open_array
from dxqa.lexical.hashes import Hashes, term_hashes
from dxqa.lexical.writer import CHAMPIONS, write_index
from dxqa.types import Mask, Rows, Scores

Concept = Mapping[str, float]
"""Terms that stand for one word of a question, each with a weight 0..1."""

_PAIR_WEIGHT = 0.6
_FEW = 20_000  # rows that are quicker scored one and all than looked for
_RESCORED = 4  # times as many candidates as asked for have their scores completed

Postings = tuple[NDArray[np.integer], Scores]
Spans = Mapping[str, Sequence[int]]
"""Number, first posting and end of each term that the index holds."""


class LexicalIndex:
    """An inverted index whose files are memory-mapped; see ``writer`` for what they hold.

    Threads may search it at the same time.
    """

    def __init__(self, folder: Path) -> None:
        self._terms: Hashes = open_array(folder / "terms.npy")
        self._offsets = open_array(folder / "offsets.npy")
        self._rows = open_array(folder / "rows.npy")
        self._scores = open_array(folder / "scores.npy")
        self._champion_terms = open_array(folder / "champion_terms.npy")
        self._champion_rows = open_array(folder / "champion_rows.npy")
        self._champion_scores = open_array(folder / "champion_scores.npy")
        self._forward = open_array(folder / "forward.npy")
        self._forward_offsets = open_array(folder / "forward_offsets.npy")
        self._buffers: deque[tuple[Scores, Scores]] = deque()  # of zeros, not in use

    @staticmethod
    def build(folder: Path, passages: Iterable[Hashes]) -> None:
        """Write an index below ``folder``, in bounded memory.

        Args:
            folder: it is made; some 12 bytes a posting and 4 a term are written.
            passages: the hashes of the terms of each, as often as they occur.
        """
        write_index(folder, passages)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Map what ``build`` wrote."""
        return cls(folder)

    def __len__(self) -> int:
        return len(self._forward_offsets) - 1

    def coverage(
        self, concepts: Sequence[Concept], pairs: Sequence[str] = (), rows: Rows | None = None
    ) -> Scores:
        """Return how much of a question each passage covers: 0..1, more with ``pairs``.

        A concept is what one word of the question may be called: its terms with weights 0..1. Its
        score is that of its best term; the scores are summed and divided by the sum of the
        concepts' idf, which is the most that BM25 in Lucene's variant can reach. Pairs of words
        that follow one another in both add to that.

        Args:
            concepts: of the question.
            pairs: terms of two words each.
            rows: only these passages, ascending; what it costs then does not grow with the index.
        """
        spans = self._spans(chain(*concepts, pairs))
        among = None if rows is None else rows.astype(np.uint32)
        total = np.zeros(len(self) if rows is None else len(rows), dtype=np.float32)
        for terms in _parts(concepts, pairs):
            held = [(w, self._postings(spans[t], among)) for t, w in terms.items() if t in spans]
            if len(held) == 1:
                weight, (places, scores) = held[0]
                total[places] += np.float32(weight) * scores
            elif held:
                total += _best(held, len(total))
        total /= np.float32(self._most(concepts, spans))
        return total

    def candidates(
        self, concepts: Sequence[Concept], pairs: Sequence[str], k: int, allowed: Mask | None = None
    ) -> Rows:
        """Return about the ``k`` passages that cover most of a question, ascending.

        Of a common term only the passages with the highest scores are looked at.

        Args:
            concepts: as in ``coverage``.
            pairs: as in ``coverage``.
            k: at least 1; fewer are returned where fewer hold any of the terms.
            allowed: whether each passage may be returned.
        """
        if len(self) <= _FEW and allowed is None:
            return _highest(self.coverage(concepts, pairs), k)
        if allowed is not None and np.count_nonzero(allowed) <= _FEW:
            rows = np.flatnonzero(allowed)
        else:
            rows = self._likely(concepts, pairs, _RESCORED * k, allowed)
        scores = self.coverage(concepts, pairs, rows)
        return rows[_highest(scores, k)]

    def weight(self, concept: Concept) -> float:
        """Return the idf of the rarest known term of a concept, by weight; of none, the highest."""
        return self._weight(concept, self._spans(concept))

    def knows(self, term: str) -> bool:
        """Whether any passage holds the term."""
        return term in self._spans([term])

    def idf(self, term: str) -> float:
        """Return ``ln(1 + (N - df + 0.5) / (df + 0.5))``; df is 0 for an unknown term."""
        return self._idf(term, self._spans([term]))

    def forward(self, row: int) -> Hashes:
        """Return the hashes of a passage's terms, as often as they occur, in no set order."""
        start, end = self._forward_offsets[row : row + 2]
        hashes: Hashes = self._terms[self._forward[start:end]]
        return hashes

    def _spans(self, terms: Iterable[str]) -> Spans:
        names = list(terms)
        if not names or not len(self._terms):
            return {}
        hashes = term_hashes(names)
        numbers = np.minimum(np.searchsorted(self._terms, hashes), len(self._terms) - 1)
        known = self._terms[numbers] == hashes
        columns = (known, numbers, self._offsets[numbers], self._offsets[numbers + 1])
        spans = zip(names, *(column.tolist() for column in columns), strict=True)
        return {name: span for name, held, *span in spans if held}

    def _idf(self, term: str, spans: Spans) -> float:
        _, start, end = spans.get(term, (0, 0, 0))
        frequency = end - start
        return math.log1p((len(self) - frequency + 0.5) / (frequency + 0.5))

    def _weight(self, concept: Concept, spans: Spans) -> float:
        known = [weight * self._idf(t, spans) for t, weight in concept.items() if t in spans]
        return max(known) if known else self._idf("", {})

    def _most(self, concepts: Sequence[Concept], spans: Spans) -> float:
        return 1e-9 + sum(self._weight(concept, spans) for concept in concepts)

    def _postings(self, span: Sequence[int], among: NDArray[np.uint32] | None) -> Postings:
        """Return where a term is held and its scores there: rows, or places in ``among``."""
        _, start, end = span
        rows, scores = self._rows[start:end], self._scores[start:end]
        if among is None or not len(among):
            return (rows, scores) if among is None else (rows[:0], scores[:0])
        if len(rows) < len(among):
            places = np.minimum(np.searchsorted(among, rows), len(among) - 1)
            held = among[places] == rows
            return places[held], scores[held]
        places = np.minimum(np.searchsorted(rows, among), len(rows) - 1)
        held = rows[places] == among
        return np.flatnonzero(held), scores[places[held]]

    def _champions(self, span: Sequence[int], allowed: Mask | None) -> Postings:
        """Return rows that hold a term, those with the highest scores if many do, and scores."""
        number, start, end = span
        rows, scores = self._rows[start:end], self._scores[start:end]
        if end - start > CHAMPIONS:
            first = CHAMPIONS * int(np.searchsorted(self._champion_terms, np.uint32(number)))
            rows = self._champion_rows[first : first + CHAMPIONS]
            scores = self._champion_scores[first : first + CHAMPIONS]
        if allowed is None:
            return rows, scores
        kept = allowed[rows]
        return rows[kept], scores[kept]

    def _likely(
        self, concepts: Sequence[Concept], pairs: Sequence[str], k: int, allowed: Mask | None
    ) -> Rows:
        """Return the ``k`` rows with the highest sums of scores, as far as champions tell."""
        spans = self._spans(chain(*concepts, pairs))
        try:
            total, best = self._buffers.pop()
        except IndexError:
            total, best = np.zeros((2, len(self)), dtype=np.float32)
        touched: list[Rows] = [np.empty(0, dtype=np.intp)]
        for terms in _parts(concepts, pairs):
            held = [(w, self._champions(spans[t], allowed)) for t, w in terms.items() if t in spans]
            rows, scores = _union(held, best)
            before = total[rows]
            touched.append(rows[before == 0])
            total[rows] = before + scores
        found = np.concatenate(touched)
        scores = total[found]
        total[found] = 0
        self._buffers.append((total, best))
        return np.unique(found[_highest(scores, k)])  # a weight of 0 can touch a row twice


def _parts(concepts: Sequence[Concept], pairs: Sequence[str]) -> Iterator[Concept]:
    yield from concepts
    yield from ({pair: _PAIR_WEIGHT} for pair in pairs)


def _best(held: Sequence[tuple[float, Postings]], size: int) -> Scores:
    """Return the highest of the terms' weighted scores at each of ``size`` places."""
    best = np.zeros(size, dtype=np.float32)
    weight, (places, scores) = held[0]
    best[places] = np.float32(weight) * scores
    for weight, (places, scores) in held[1:]:
        best[places] = np.maximum(best[places], np.float32(weight) * scores)
    return best


def _union(held: Sequence[tuple[float, Postings]], best: Scores) -> tuple[Rows, Scores]:
    """Return the rows that hold any of the terms, once each, and the highest weighted score.

    Args:
        held: weight, rows and scores of each term.
        best: zeros for all rows, and again on return.
    """
    if len(held) == 1:
        weight, (rows, scores) = held[0]
        return rows.astype(np.intp), np.float32(weight) * scores
    found: list[Rows] = [np.empty(0, dtype=np.intp)]
    for weight, (numbers, scores) in held:
        rows = numbers.astype(np.intp)
        before = best[rows]
        found.append(rows[before == 0])
        best[rows] = np.maximum(before, np.float32(weight) * scores)
    union = np.concatenate(found)
    highest = best[union]
    best[union] = 0
    return union, highest


def _highest(scores: Scores, k: int) -> Rows:
    """Return the places of the ``k`` highest scores above 0, ascending."""
    places = np.flatnonzero(scores > 0)
    if len(places) > k:
        places = np.sort(places[np.argpartition(-scores[places], k)[:k]])
    return places
