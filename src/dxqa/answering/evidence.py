"""Choosing the sentences that answer: few, on the point, and each with its place in a document."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dxqa.answering.slots import asked_slots
from dxqa.japanese import normalize
from dxqa.lexical import Concept
from dxqa.retrieval import CONTEXT, Retrieval, RowScores
from dxqa.store import Sentence, Store

MARGIN = 0.22
"""A sentence this far below the best one still belongs to the answer."""

ON_TOPIC = 0.5
"""A sentence that covers this share of what the best one covers is about the same."""

_POINTS_BACK = re.compile(r"(?:この|これら|その|それら|こうした|そうした)")
_CLOSE = 0.08
_TELLING_MARGIN = 0.4
_NOTE_PENALTY = 0.3
NOTE_HEADINGS = ("注記", "注", "備考", "脚注", "補足")


@dataclass(frozen=True, slots=True)
class Evidence:
    """A sentence chosen.

    Attributes:
        score: its fused score; compares within one question.
        cosine: -1..1.
        coverage: share of the question's words that it holds, 0..1.
    """

    sentence: Sentence
    score: float
    cosine: float
    coverage: float


class Candidates:
    """The sentences of one retrieval, to be chosen from."""

    def __init__(self, retrieval: Retrieval, store: Store) -> None:
        self._retrieval = retrieval
        self._store = store

    def best(
        self,
        rows: Iterable[int],
        most: int,
        *,
        least: int = 1,
        margin: float = MARGIN,
        in_context: bool = False,
    ) -> list[Evidence]:
        """Choose up to ``most`` sentences out of these sentence rows, best first.

        After the best one, a sentence is taken if it is about as good, or if it is somewhat weaker
        but says a word of the question that none before it does. Where a question asks for a
        figure or a name that none of them tells, the best sentence that does is added.

        Args:
            rows: where to choose from.
            most: how many sentences at most, slots aside.
            least: how many are taken whatever they say, if they are within the margin.
            margin: how much weaker that may be.
            in_context: whether the score of a sentence's passage counts too.
        """
        scores = self._scores_in_context if in_context else self._retrieval.evidence_scores
        visible = [row for row in rows if scores.holds(row)]
        order = sorted(visible, key=lambda r: self._note_penalty(r) - scores[r])
        chosen: list[int] = []
        covered: set[int] = set()
        for row in order[: 4 * most]:
            gap = scores[order[0]] - scores[row]
            new = self._covered(row) - covered
            if not chosen or gap <= _CLOSE or (gap <= margin and (new or len(chosen) < least)):
                chosen.append(row)
                covered |= new
            if len(chosen) == most:
                break
        chosen += self._telling(order, chosen)
        chosen += self._referred_to(chosen)
        return [self.evidence(row) for row in chosen]

    def _referred_to(self, chosen: Sequence[int]) -> list[int]:
        """Find the sentences before those that begin with 「この本部は」 or 「これらを」."""
        before = [row - 1 for row in chosen if self._points_back(row)]
        return [row for row in dict.fromkeys(before) if row not in chosen]

    def _points_back(self, row: int) -> bool:
        sentence = self._store.sentence
        same = row > 0 and sentence(row - 1).passage == sentence(row).passage
        return same and bool(_POINTS_BACK.match(self._normal(row)))

    @cached_property
    def _scores_in_context(self) -> RowScores:
        found = self._retrieval
        rows = found.sentence_scores.rows
        of_passage = np.maximum(found.passage_scores[self._store.owners(rows)], 0)
        return found.sentence_scores + RowScores(rows, np.float32(CONTEXT) * of_passage)

    def _telling(self, order: Sequence[int], chosen: Sequence[int]) -> list[int]:
        """Find the best sentence telling each figure or name asked for and not yet told."""
        scores = self._retrieval.evidence_scores
        near = [
            r
            for r in self._on_topic(order, chosen)
            if scores[order[0]] - scores[r] <= _TELLING_MARGIN
        ]
        added: list[int] = []
        for slot in asked_slots(self._retrieval.query.own_text):
            if not any(slot.told(self._normal(row)) for row in [*chosen, *added]):
                added += [row for row in near if slot.told(self._normal(row))][:1]
        return added

    def _on_topic(self, rows: Sequence[int], chosen: Sequence[int]) -> list[int]:
        """Keep the sentences that say about as much of the question as the best one chosen."""
        coverage = self._retrieval.sentence_coverage
        least = ON_TOPIC * max((coverage[row] for row in chosen), default=0.0)
        return [row for row in rows if coverage[row] >= least]

    def _normal(self, row: int) -> str:
        return normalize(self._store.text(self._store.sentence(row))).text

    def of_passages(self, passages: Iterable[int]) -> list[int]:
        """Return the sentence rows of these passage rows."""
        spans = self._store.sentence_offsets
        return [row for p in passages for row in range(spans[p], spans[p + 1])]

    def of_place(self, name: str) -> list[int]:
        """Return the sentence rows about one municipality."""
        return self.of_passages(self._store.municipalities.get(name, ()))

    def _note_penalty(self, row: int) -> float:
        """How much a remark about the source counts less than what the source says."""
        passage = self._store.passages[self._store.sentence(row).passage]
        return _NOTE_PENALTY if passage.heading_path[-1] in NOTE_HEADINGS else 0.0

    def evidence(self, row: int) -> Evidence:
        """Return one sentence, by its row, with its scores."""
        found = self._retrieval
        return Evidence(
            sentence=self._store.sentence(row),
            score=found.evidence_scores[row],
            cosine=found.sentence_cosine[row],
            coverage=found.sentence_coverage[row],
        )

    def _covered(self, row: int) -> set[int]:
        """Which of the question's own concepts a sentence holds, by number."""
        query = self._retrieval.query
        own = query.concepts[: query.own_concepts]
        held = set(self._store.sentence_terms(row))
        return {i for i, concept in enumerate(own) if held.intersection(concept)}


def union_coverage(concepts: Sequence[Concept], chosen: Sequence[Evidence], store: Store) -> float:
    """Return the idf-weighted share of concepts that the evidence holds together, 0..1."""
    held = {term for e in chosen for term in store.sentence_terms(e.sentence.row)}
    weights = [store.lexical.weight(concept) for concept in concepts]
    reached = [
        w * max((v for t, v in c.items() if t in held), default=0.0)
        for w, c in zip(weights, concepts, strict=True)
    ]
    return sum(reached) / (sum(weights) or 1.0)
