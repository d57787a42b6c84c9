"""Query to Hits: dense and lexical evidence at the level of passages and of sentences, fused.

A passage's score is a weighted sum of

- the best cosine of the question with one of its sentences (a fact stands in one sentence; a vector
  of the whole passage drowns it), and that with the passage itself;
- how much of the question's words the passage covers, and how much of its runs of characters.

Being sums of the same quantities for every question, scores compare across questions as well.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain

import numpy as np

from dxqa.engines import Sought, Within
from dxqa.filters import Filters, checked, matches
from dxqa.retrieval.kana import KanaLexicon
from dxqa.retrieval.names import Gazetteer
from dxqa.retrieval.query import Query
from dxqa.retrieval.scores import RowScores
from dxqa.retrieval.thesaurus import load_thesaurus
from dxqa.retrieval.understanding import Knowledge, understand
from dxqa.store import Store
from dxqa.tokenizer import terms
from dxqa.types import Encoder, Hit, Mask, Metadata, Rows, Scores, Vectors

_ALL_LIMIT = 5000  # passages that are all scored
_CANDIDATES = 200  # from each side, in a larger index
_CANDIDATES_OF_FEW = 1000  # from a server, where another engine scores all
_REMEMBERED = 64  # filters
_PLACED = 2000  # passages about the places asked for that are all scored
_LEXICON_PASSAGES = 1000  # whose words are known by their readings

CONTEXT = 0.3
"""How much the score of a sentence's passage counts beside its own, where it counts."""

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

    A row that a filter hides or, in a large index, that is not among the candidates has no score.

    Attributes:
        passage_scores: of the passages considered.
        relevance: the same without what places add.
        dense: what of it vectors say.
        lexical: what of it words say.
        sentence_cosine: of their sentences, -1..1.
        moved: how much a re-ranker lifts each passage above its score here; None without one.
    """

    query: Query
    store: Store
    hits: tuple[Hit, ...]
    passage_scores: RowScores
    relevance: RowScores
    dense: RowScores
    lexical: RowScores
    sentence_cosine: RowScores
    moved: RowScores | None = None

    @cached_property
    def sentence_coverage(self) -> RowScores:
        """How much of the question each sentence covers, 0..1."""
        query, rows = self.query, self.sentence_cosine.rows
        lexical = self.store.sentence_lexical
        among = None if len(rows) == len(lexical) else rows
        return RowScores(rows, lexical.coverage(query.concepts, query.pairs, among))

    @cached_property
    def sentence_scores(self) -> RowScores:
        """Cosine and coverage fused, on the scale of one question; what confidence looks at."""
        return _SENTENCE_COSINE * self.sentence_cosine + self.sentence_coverage

    @cached_property
    def evidence_scores(self) -> RowScores:
        """What evidence is chosen by: the same, lifted by a share of what its passage is."""
        if self.moved is None:
            return self.sentence_scores
        rows = self.sentence_scores.rows
        lifted = RowScores(rows, self.moved[self.store.owners(rows)])
        return self.sentence_scores + CONTEXT * lifted

    @cached_property
    def places(self) -> tuple[str, ...]:
        """The municipalities that the passages considered are about, in the order of these."""
        passages = self.store.passages
        seen = {int(at): None for at in passages.metadata_rows[self.passage_scores.rows]}
        named = (self.store.metadata[at].get("municipality") for at in seen)
        return tuple(dict.fromkeys(str(name) for name in named if name))


class Retriever:
    """The first half of the question line over one store."""

    def __init__(self, store: Store, encoder: Encoder, weights: Weights | None = None) -> None:
        self.store = store
        self.encoder = encoder
        self.weights = weights or Weights()
        self.gazetteer = Gazetteer(store.municipalities, self._occurs)
        self._allowed_rows: dict[str, Mask] = {}

    def understand(
        self, question: str, history: Sequence[str] = (), filters: Filters | None = None
    ) -> Query:
        """Question, earlier questions and filters given to Query."""
        given = checked(filters or {})
        return understand(question, history, self._knowledge).filtered(given)

    @cached_property
    def _knowledge(self) -> Knowledge:
        passages = self.store.passages
        texts = (p.text for p in passages[:_LEXICON_PASSAGES])
        return Knowledge(
            gazetteer=self.gazetteer,
            lexicon=KanaLexicon(chain(load_thesaurus().phrases, texts)),
            keys=frozenset(key for metadata in self.store.metadata for key in metadata),
        )

    def search(self, query: Query, k: int) -> Retrieval:
        """Score the candidates and return the ``k`` best passages, best first."""
        store, weights = self.store, self.weights
        vectors = self.encoder.encode_queries(list(dict.fromkeys([query.own_text, query.text])))
        rows = self._candidates(query, vectors)
        among = None if len(rows) == len(store.passages) else rows
        sentences, best_sentence = self._sentences(vectors, rows)
        dense = weights.passage_cosine * store.dense.vectors.cosines(vectors, among)
        dense += weights.sentence_cosine * best_sentence
        lexical = weights.coverage * store.lexical.coverage(query.concepts, query.pairs, among)
        lexical += weights.trigrams * store.trigrams.coverage(
            [{trigram: 1.0} for trigram in query.trigrams], rows=among
        )
        relevance = dense + lexical
        scores = relevance + self._place_scores(query, rows)
        found = Retrieval(
            query=query,
            store=store,
            hits=(),
            passage_scores=RowScores(rows, scores),
            relevance=RowScores(rows, relevance),
            dense=RowScores(rows, dense),
            lexical=RowScores(rows, lexical),
            sentence_cosine=sentences,
        )
        return replace(found, hits=best_hits(found, k))

    def _occurs(self, word: str) -> bool:
        return any(self.store.lexical.knows(term) for term in terms(word))

    def _candidates(self, query: Query, vectors: Vectors) -> Rows:
        """Return the passage rows to score, ascending: all in a small index, the likely in a large.

        The likely ones are the nearest by vector, those that cover most, and those about the
        places asked for.
        """
        allowed = self._allowed(query.filters)
        size = len(self.store.passages) if allowed is None else int(np.count_nonzero(allowed))
        if size <= _ALL_LIMIT and self.store.engine.local:
            return np.arange(size) if allowed is None else np.flatnonzero(allowed)
        within = None if allowed is None else Within(query.filters, allowed)
        return np.unique(
            np.concatenate([self._likely(query, vectors, within), self._placed(query, vectors)])
        )

    def _likely(self, query: Query, vectors: Vectors, within: Within | None) -> Rows:
        sought = Sought(vectors, query.concepts, query.pairs)
        size = int(np.count_nonzero(within.allowed)) if within else len(self.store.passages)
        few = size <= _ALL_LIMIT and not self.store.engine.local
        return self.store.engine.candidates(
            sought, _CANDIDATES_OF_FEW if few else _CANDIDATES, within
        )

    def _placed(self, query: Query, vectors: Vectors) -> Rows:
        """Return the rows about the places asked for; of very many, the likely ones."""
        rows = [self.store.municipalities[name] for name in query.places]
        found: Rows = np.concatenate([np.empty(0, dtype=np.intp), *rows])
        allowed = self._allowed(query.filters)
        if allowed is not None:
            found = found[allowed[found]]
        if len(found) <= _PLACED:
            return found
        about = np.zeros(len(self.store.passages), dtype=np.bool_)
        about[found] = True
        filters = {**query.filters, "municipality": list(query.places)}
        return self._likely(query, vectors, Within(filters, about))

    def _allowed(self, filters: Filters) -> Mask | None:
        """Return which passages fulfil the filters, None for all; remembered, as they come again.

        Filters are over metadata, which many passages share.
        """
        if not filters:
            return None
        key = repr(sorted(filters.items(), key=repr))
        if key not in self._allowed_rows:
            if len(self._allowed_rows) > _REMEMBERED:
                self._allowed_rows.clear()
            fulfilled = np.array([matches(m, filters) for m in self.store.metadata], dtype=np.bool_)
            self._allowed_rows[key] = fulfilled[self.store.passages.metadata_rows]
        return self._allowed_rows[key]

    def _sentences(self, vectors: Vectors, rows: Rows) -> tuple[RowScores, Scores]:
        """Return the cosines of the sentences, and for each passage row that of its best one."""
        numbers, starts = self.store.sentence_rows(rows)
        among = None if len(numbers) == len(self.store.sentence_vectors) else numbers
        cosines = self.store.sentence_vectors.cosines(vectors, among)
        best: Scores = np.maximum.reduceat(cosines, starts) if len(rows) else cosines
        return RowScores(numbers, cosines), best

    def _place_scores(self, query: Query, rows: Rows) -> Scores:
        """Lift passages about the places asked for, and sink those about excluded ones."""
        named = query.places or query.excluded or query.recent or query.asked_kind
        if not named and query.kind != "list":
            return np.zeros(len(rows), dtype=np.float32)
        of_rows = self.store.passages.metadata_rows[rows]
        distinct, which = np.unique(of_rows, return_inverse=True)
        scores = [self._place_score(query, self.store.metadata[at]) for at in distinct]
        return np.array(scores, dtype=np.float32)[which]

    def _place_score(self, query: Query, metadata: Metadata) -> float:
        weights, name = self.weights, metadata.get("municipality")
        if not name:
            return 0.0
        if name in query.excluded:
            return -weights.place
        asked = name in query.places
        kind = bool(query.asked_kind) and metadata.get("kind") == query.asked_kind
        any_case = query.kind == "list"
        score = weights.place * asked + weights.asked_kind * kind + weights.any_case * any_case
        return score + weights.recent * (name in query.recent)


def best_hits(found: Retrieval, k: int) -> tuple[Hit, ...]:
    """Return the ``k`` passages with the best scores; of lists and comparisons, of many cases."""
    order = found.passage_scores.order
    if found.query.kind in ("list", "compare"):
        order = _spread(order, found.store, k)
    parts = (found.passage_scores, found.dense, found.lexical)
    return tuple(
        Hit(found.store.passages[row], rank, *(part[row] for part in parts))
        for rank, row in enumerate(order[:k].tolist(), start=1)
    )


def _spread(order: Rows, store: Store, k: int) -> Rows:
    """Put the best passage of each municipality first, so that the hits cover the cases."""
    first: dict[str, int] = {}
    for row in order.tolist():
        place = store.passages[row].municipality or f"#{row}"
        first.setdefault(place, row)
        if len(first) == k:
            break
    leading = np.isin(order, list(first.values()))
    return np.concatenate([order[leading], order[~leading]])
