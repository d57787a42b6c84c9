"""Query to Hits: dense and lexical evidence at the level of passages and of sentences, fused.

A passage's score is a weighted sum of

- the best cosine of the question with one of its sentences (a fact stands in one sentence; a vector
  of the whole passage drowns it), and that with the passage itself;
- how much of the question's words the passage covers.

Being sums of the same quantities for every question, scores compare across questions as well.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dxqa.retrieval.conditions import Filters, matches
from dxqa.retrieval.kana import KanaLexicon
from dxqa.retrieval.names import Gazetteer
from dxqa.retrieval.query import Query
from dxqa.retrieval.thesaurus import load_thesaurus
from dxqa.retrieval.understanding import understand
from dxqa.store import Store
from dxqa.tokenizer import terms
from dxqa.types import Encoder, Hit, Metadata

Scores = NDArray[np.float32]

_SENTENCE_COSINE = 2.0


@dataclass(frozen=True, slots=True)
class Weights:
    """How much each signal counts; see docs/retrieval.md for what each adds."""

    passage_cosine: float = 2.0
    sentence_cosine: float = 2.0
    coverage: float = 1.0
    place: float = 2.0
    any_case: float = 0.3
    asked_kind: float = 0.2


@dataclass(frozen=True, slots=True)
class Retrieval:
    """What search found: hits, and the scores of all sentences for choosing evidence.

    Attributes:
        sentence_scores: ``(sentences,)``, on the scale of one question.
        sentence_coverage: ``(sentences,)``, 0..1.
        sentence_cosine: ``(sentences,)``, -1..1.
        passage_scores: ``(passages,)``; filtered passages are -inf.
        relevance: ``(passages,)``, the scores without what places and filters add.
    """

    query: Query
    hits: tuple[Hit, ...]
    sentence_scores: Scores
    sentence_coverage: Scores
    sentence_cosine: Scores
    passage_scores: Scores
    relevance: Scores


class Retriever:
    """The first half of the question line over one store."""

    def __init__(self, store: Store, encoder: Encoder, weights: Weights | None = None) -> None:
        self.store = store
        self.encoder = encoder
        self.weights = weights or Weights()
        self.gazetteer = Gazetteer(store.municipalities, self._occurs)

    def understand(self, question: str, history: Sequence[str] = ()) -> Query:
        """Question and earlier questions to Query."""
        return understand(question, history, self.gazetteer, self.lexicon)

    @cached_property
    def lexicon(self) -> KanaLexicon:
        """The words of the index and the thesaurus by their readings."""
        return KanaLexicon([*load_thesaurus().phrases, *(p.text for p in self.store.passages)])

    def search(self, query: Query, k: int, filters: Filters | None = None) -> Retrieval:
        """Score every passage and return the ``k`` best, best first."""
        store, weights = self.store, self.weights
        vectors = self.encoder.encode_queries(list(dict.fromkeys([query.own_text, query.text])))
        passage_cosine = _mean_scores(store.dense.vectors, vectors)
        sentence_cosine = _mean_scores(store.sentence_dense.vectors, vectors)
        passage_coverage = store.lexical.coverage(query.concepts, query.pairs)
        sentence_coverage = store.sentence_lexical.coverage(query.concepts, query.pairs)
        dense = weights.passage_cosine * passage_cosine
        dense += weights.sentence_cosine * self._best_sentence(sentence_cosine)
        lexical = weights.coverage * passage_coverage
        relevance = dense + lexical
        scores = relevance + self._place_scores(query)
        scores[~self._allowed(filters or {})] = -np.inf
        return Retrieval(
            query=query,
            hits=self._hits(query, k, scores, (dense, lexical)),
            sentence_scores=_SENTENCE_COSINE * sentence_cosine + sentence_coverage,
            sentence_coverage=sentence_coverage,
            sentence_cosine=sentence_cosine,
            passage_scores=scores,
            relevance=relevance,
        )

    def _occurs(self, word: str) -> bool:
        return any(self.store.lexical.knows(term) for term in terms(word))

    def _best_sentence(self, sentence_scores: Scores) -> Scores:
        best = np.full(len(self.store.passages), -1, dtype=np.float32)
        np.maximum.at(best, self.store.sentence_owner, sentence_scores)
        return best

    def _place_scores(self, query: Query) -> Scores:
        """Lift passages about the places asked for, and sink those about excluded ones."""
        scores = np.zeros(len(self.store.passages), dtype=np.float32)
        for name, rows in self.store.municipalities.items():
            scores[rows] += self._place_score(query, name, self.store.passages[rows[0]].metadata)
        return scores

    def _place_score(self, query: Query, name: str, metadata: Metadata) -> float:
        weights = self.weights
        if name in query.excluded:
            return -weights.place
        condition = query.condition
        asked = (
            name in query.places
            or any(name.startswith(p) for p in query.mentions.prefectures)
            or (condition is not None and condition.holds(metadata))
        )
        kind = bool(query.asked_kind) and metadata.get("kind") == query.asked_kind
        any_case = query.kind == "list"
        return weights.place * asked + weights.asked_kind * kind + weights.any_case * any_case

    def _allowed(self, filters: Filters) -> NDArray[np.bool_]:
        passages = self.store.passages
        return np.array([matches(p.metadata, filters) for p in passages], dtype=np.bool_)

    def _hits(
        self, query: Query, k: int, scores: Scores, parts: tuple[Scores, Scores]
    ) -> tuple[Hit, ...]:
        order = [int(row) for row in np.argsort(-scores, kind="stable") if np.isfinite(scores[row])]
        if query.kind in ("list", "compare"):
            order = self._spread(order, k)
        dense, lexical = parts
        return tuple(
            Hit(
                passage=self.store.passages[row],
                rank=rank,
                score=float(scores[row]),
                dense_score=float(dense[row]),
                lexical_score=float(lexical[row]),
            )
            for rank, row in enumerate(order[:k], start=1)
        )

    def _spread(self, order: list[int], k: int) -> list[int]:
        """Put the best passage of each municipality first, so that the hits cover the cases."""
        first: dict[str, int] = {}
        for row in order:
            place = self.store.passages[row].municipality or ""
            first.setdefault(place or f"#{row}", row)
        leading = set(list(first.values())[:k])
        return [r for r in order if r in leading] + [r for r in order if r not in leading]


def _mean_scores(vectors: Scores, queries: Scores) -> Scores:
    """Return the mean cosine of each row with the queries: ``(n,)``."""
    scores: Scores = (vectors @ queries.T).mean(axis=1)
    return scores
