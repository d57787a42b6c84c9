"""Query to Hits: dense and lexical evidence at the level of passages and of sentences, fused.

A passage's score is a weighted sum of

- the best cosine of the question with one of its sentences (a fact stands in one sentence; a vector
  of the whole passage drowns it), and that with the passage itself;
- how much of the question's words the passage covers, and how much of its runs of characters.

Being sums of the same quantities for every question, scores compare across questions as well.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

import numpy as np

from dxqa.dense import Rows, Scores
from dxqa.retrieval.conditions import Filters, matches
from dxqa.retrieval.kana import KanaLexicon
from dxqa.retrieval.names import Gazetteer
from dxqa.retrieval.query import Query
from dxqa.retrieval.thesaurus import load_thesaurus
from dxqa.retrieval.understanding import Knowledge, understand
from dxqa.store import Store
from dxqa.tokenizer import terms
from dxqa.types import Encoder, Hit, Metadata, Vectors

_ALL_LIMIT = 5000  # passages that are all scored
_CANDIDATES = 200  # from each side, in a larger index
_REMEMBERED = 64  # filters
_LEXICON_PASSAGES = 20_000  # whose words are known by their readings

_SENTENCE_COSINE = 2.0


@dataclass(frozen=True, slots=True)
class Weights:
    """How much each signal counts; see docs/retrieval.md for what each adds."""

    passage_cosine: float = 2.0
    sentence_cosine: float = 2.0
    coverage: float = 0.8
    trigrams: float = 0.5
    place: float = 2.0
    any_case: float = 0.6
    asked_kind: float = 0.2
    recent: float = 0.3


@dataclass(frozen=True)
class Retrieval:
    """What search found: hits, and the scores that evidence is chosen by.

    Arrays over passages or sentences hold -inf where a row was not considered, because a filter
    hides it or, in a large index, because it was not among the candidates.

    Attributes:
        passage_scores: ``(passages,)``.
        relevance: ``(passages,)``, the scores without what places add.
        sentence_cosine: ``(sentences,)``, -1..1.
    """

    query: Query
    store: Store
    hits: tuple[Hit, ...]
    passage_scores: Scores
    relevance: Scores
    sentence_cosine: Scores

    @cached_property
    def sentence_coverage(self) -> Scores:
        """How much of the question each sentence covers, ``(sentences,)``, 0..1."""
        return self.store.sentence_lexical.coverage(self.query.concepts, self.query.pairs)

    @cached_property
    def sentence_scores(self) -> Scores:
        """Cosine and coverage fused, ``(sentences,)``, on the scale of one question."""
        scores: Scores = _SENTENCE_COSINE * self.sentence_cosine + self.sentence_coverage
        return scores


class Retriever:
    """The first half of the question line over one store."""

    def __init__(self, store: Store, encoder: Encoder, weights: Weights | None = None) -> None:
        self.store = store
        self.encoder = encoder
        self.weights = weights or Weights()
        self.gazetteer = Gazetteer(store.municipalities, self._occurs)
        self._allowed_rows: dict[str, Rows] = {}

    def understand(
        self, question: str, history: Sequence[str] = (), filters: Filters | None = None
    ) -> Query:
        """Question, earlier questions and filters given to Query."""
        return understand(question, history, self._knowledge).filtered(filters or {})

    @cached_property
    def _knowledge(self) -> Knowledge:
        passages = self.store.passages
        texts = (p.text for p in passages[:_LEXICON_PASSAGES])
        return Knowledge(
            gazetteer=self.gazetteer,
            lexicon=KanaLexicon(chain(load_thesaurus().phrases, texts)),
            keys=frozenset(key for p in passages for key in p.metadata),
        )

    def search(self, query: Query, k: int) -> Retrieval:
        """Score the candidates and return the ``k`` best passages, best first."""
        store, weights = self.store, self.weights
        vectors = self.encoder.encode_queries(list(dict.fromkeys([query.own_text, query.text])))
        coverage = store.lexical.coverage(query.concepts, query.pairs)
        rows = self._candidates(query, vectors, coverage, query.filters)
        sentence_cosine, best_sentence = self._sentences(vectors, rows)
        dense = weights.passage_cosine * store.dense.cosines(vectors, rows)
        dense += weights.sentence_cosine * best_sentence
        lexical = weights.coverage * coverage[rows]
        lexical += weights.trigrams * self._trigrams(query)[rows]
        relevance = dense + lexical
        scores = relevance + self._place_scores(query)[rows]
        return Retrieval(
            query=query,
            store=store,
            hits=self._hits(query, k, rows, (scores, dense, lexical)),
            passage_scores=_spread_out(rows, scores, len(store.passages)),
            relevance=_spread_out(rows, relevance, len(store.passages)),
            sentence_cosine=sentence_cosine,
        )

    def _trigrams(self, query: Query) -> Scores:
        return self.store.trigrams.coverage([{trigram: 1.0} for trigram in query.trigrams])

    def _occurs(self, word: str) -> bool:
        return any(self.store.lexical.knows(term) for term in terms(word))

    def _candidates(
        self, query: Query, vectors: Vectors, coverage: Scores, filters: Filters
    ) -> Rows:
        """Return the passage rows to score, ascending: all in a small index, the likely in a large.

        The likely ones are the nearest by vector, those that cover most, and those about the
        places asked for.
        """
        allowed = self._allowed(filters)
        if len(allowed) <= _ALL_LIMIT:
            return allowed
        only = allowed if filters else None
        nearest = self.store.dense.nearest(vectors, _CANDIDATES, only)
        covering = allowed[np.argpartition(-coverage[allowed], _CANDIDATES)[:_CANDIDATES]]
        placed = [r for name in query.places for r in self.store.municipalities[name]]
        likely = np.concatenate([nearest, covering, np.array(placed[:_ALL_LIMIT], dtype=np.intp)])
        return np.intersect1d(np.unique(likely), allowed) if filters else np.unique(likely)

    def _allowed(self, filters: Filters) -> Rows:
        """Return the passage rows that fulfil the filters; remembered, as filters come again."""
        key = repr(sorted(filters.items(), key=repr))
        if key not in self._allowed_rows:
            if len(self._allowed_rows) > _REMEMBERED:
                self._allowed_rows.clear()
            passages = self.store.passages
            rows = [
                i for i, p in enumerate(passages) if not filters or matches(p.metadata, filters)
            ]
            self._allowed_rows[key] = np.array(rows, dtype=np.intp)
        return self._allowed_rows[key]

    def _sentences(self, vectors: Vectors, rows: Rows) -> tuple[Scores, Scores]:
        """Return the cosines of all sentences, and for each passage row that of its best one."""
        store = self.store
        spans = store.sentence_offsets
        sizes = spans[rows + 1] - spans[rows]
        starts = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.intp)
        numbers = np.repeat(spans[rows] - starts, sizes) + np.arange(int(sizes.sum()))
        cosines = store.sentence_dense.cosines(vectors, numbers)
        best: Scores = np.maximum.reduceat(cosines, starts) if len(rows) else cosines
        return _spread_out(numbers, cosines, len(store.sentences)), best

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
        asked = name in query.places
        kind = bool(query.asked_kind) and metadata.get("kind") == query.asked_kind
        any_case = query.kind == "list"
        score = weights.place * asked + weights.asked_kind * kind + weights.any_case * any_case
        return score + weights.recent * (name in query.recent)

    def _hits(
        self, query: Query, k: int, rows: Rows, parts: tuple[Scores, Scores, Scores]
    ) -> tuple[Hit, ...]:
        order = np.argsort(-parts[0], kind="stable")
        if query.kind in ("list", "compare"):
            order = self._spread(order, rows, k)
        return tuple(
            Hit(self.store.passages[rows[at]], rank, *(float(part[at]) for part in parts))
            for rank, at in enumerate(order[:k], start=1)
        )

    def _spread(self, order: Rows, rows: Rows, k: int) -> Rows:
        """Put the best passage of each municipality first, so that the hits cover the cases."""
        first: dict[str, int] = {}
        for at in order:
            place = self.store.passages[rows[at]].municipality or f"#{at}"
            first.setdefault(place, int(at))
            if len(first) == k:
                break
        leading = np.isin(order, list(first.values()))
        return np.concatenate([order[leading], order[~leading]])


def _spread_out(rows: Rows, values: Scores, size: int) -> Scores:
    """Return an array of ``size`` with these values at these rows and -inf elsewhere."""
    full = np.full(size, -np.inf, dtype=np.float32)
    full[rows] = values
    return full
