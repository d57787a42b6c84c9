"""BM25 scores of passages for the words of a question.

Formula: Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009),
in Lucene's variant.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Self

import numpy as np

from dxqa.lexical.hashes import Hashes
from dxqa.lexical.postings import Held, PostingLists, Spans
from dxqa.lexical.writer import write_index
from dxqa.types import Mask, Rows, Scores

Concept = Mapping[str, float]
"""Terms that stand for one word of a question, each with a weight 0..1."""

_PAIR_WEIGHT = 0.6
_FEW = 5_000  # rows that are quicker scored one and all than looked for
_READ = 400_000  # postings read besides champions: recall@10 .995 of a million passages, in 3 ms
_SAMPLED = 16  # one in so many scores is looked at to judge how high the others are
_RESCORED = 4  # times as many candidates as asked for have their scores completed


class LexicalIndex:
    """An inverted index on disk: no part of it is held as Python objects.

    Threads may search it at the same time.
    """

    def __init__(self, folder: Path) -> None:
        self._lists = PostingLists(folder)
        self._buffers: deque[Scores] = deque()  # of zeros, not in use

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
        return self._lists.size

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
        spans = self._lists.spans(chain(*concepts, pairs))
        among = None if rows is None else rows.astype(np.uint32)
        total = np.zeros(len(self) if rows is None else len(rows), dtype=np.float32)
        for terms in _parts(concepts, pairs):
            held = [(w, self._lists.held(spans[t], among)) for t, w in terms.items() if t in spans]
            if len(held) == 1:
                weight, (places, scores) = held[0]
                total[places] += np.float32(weight) * scores
            elif held:
                total += _best(held, len(total))
        total /= np.float32(1e-9 + sum(self._weight(concept, spans) for concept in concepts))
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

    def weights(self, concepts: Sequence[Concept], pairs: Sequence[str]) -> dict[str, float]:
        """Return the terms of a question that any passage holds, each with its weight times idf."""
        summed = _summed(concepts, pairs)
        spans = self._lists.spans(summed)
        return {term: summed[term] * self._lists.idf(span) for term, span in spans.items()}

    @property
    def average_length(self) -> float:
        """How many terms a passage has."""
        return self._lists.average_length

    def weight(self, concept: Concept) -> float:
        """Return the idf of the rarest known term of a concept, by weight; of none, the highest."""
        return self._weight(concept, self._lists.spans(concept))

    def knows(self, term: str) -> bool:
        """Whether any passage holds the term."""
        return term in self._lists.spans([term])

    def idf(self, term: str) -> float:
        """Return ``ln(1 + (N - df + 0.5) / (df + 0.5))``; df is 0 for an unknown term."""
        return self._lists.idf(self._lists.spans([term]).get(term))

    def forward(self, row: int) -> Hashes:
        """Return the hashes of a passage's terms, as often as they occur, in no set order."""
        return self._lists.forward(row)

    def _weight(self, concept: Concept, spans: Spans) -> float:
        idf = self._lists.idf
        known = [weight * idf(spans[term]) for term, weight in concept.items() if term in spans]
        return max(known) if known else idf(None)

    def _likely(
        self, concepts: Sequence[Concept], pairs: Sequence[str], k: int, allowed: Mask | None
    ) -> Rows:
        """Return about ``k`` rows with the highest sums of scores, synonyms summed as well.

        The postings of the rarest terms are read to the end, as many as can be; of the other terms
        only their champions.
        """
        weights = _summed(concepts, pairs)
        try:
            total = self._buffers.pop()
        except IndexError:
            total = np.zeros(len(self), dtype=np.float32)
        left = _READ
        spans = self._lists.spans(weights)
        for term, span in sorted(spans.items(), key=lambda item: item[1].end - item[1].start):
            left -= span.end - span.start
            rows, scores = self._lists.held(span, None) if left > 0 else self._lists.champions(span)
            np.add.at(total, rows.astype(np.intp), np.float32(weights[term]) * scores)
        if allowed is not None:
            total *= allowed
        found = np.flatnonzero(total > _threshold(total, k))
        total.fill(0)
        self._buffers.append(total)
        return found


def _parts(concepts: Sequence[Concept], pairs: Sequence[str]) -> Iterator[Concept]:
    yield from concepts
    yield from ({pair: _PAIR_WEIGHT} for pair in pairs)


def _summed(concepts: Sequence[Concept], pairs: Sequence[str]) -> dict[str, float]:
    weights: dict[str, float] = {}
    for terms in _parts(concepts, pairs):
        for term, weight in terms.items():
            weights[term] = weights.get(term, 0.0) + weight
    return weights


def _best(held: Sequence[tuple[float, Held]], size: int) -> Scores:
    """Return the highest of the terms' weighted scores at each of ``size`` places."""
    best = np.zeros(size, dtype=np.float32)
    weight, (places, scores) = held[0]
    best[places] = np.float32(weight) * scores
    for weight, (places, scores) in held[1:]:
        best[places] = np.maximum(best[places], np.float32(weight) * scores)
    return best


def _threshold(scores: Scores, k: int) -> np.float32:
    """Return about the ``k``-th highest of many scores, judged by a sample; at least 0."""
    sample = scores[::_SAMPLED]
    sample = sample[sample > 0]  # np.partition is slow over many equal numbers
    place = len(sample) - k // _SAMPLED - 1
    return np.float32(0) if place < 0 else np.partition(sample, place)[place]


def _highest(scores: Scores, k: int) -> Rows:
    """Return the places of the ``k`` highest scores above 0, ascending."""
    places = np.flatnonzero(scores > 0)
    if len(places) > k:
        places = np.sort(places[np.argpartition(-scores[places], k)[:k]])
    return places
