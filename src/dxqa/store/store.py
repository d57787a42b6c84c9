"""What an index holds in memory."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dxqa.dense import DenseIndex
from dxqa.lexical import LexicalIndex
from dxqa.tokenizer import terms
from dxqa.types import Document, Passage


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an index says of itself.

    Attributes:
        model: what ``--model`` took.
        dimension: length of one vector.
        fingerprint: of the encoder that made the vectors.
        created: UTC, ISO 8601.
        documents: count of documents.
        passages: count of passages.
        skipped: file name to the reason why it is not indexed.
    """

    model: str
    dimension: int
    fingerprint: str
    created: str
    documents: int
    passages: int
    skipped: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of a passage; ``row`` is its place in the sentence vectors."""

    row: int
    passage: int
    start: int
    end: int


@dataclass(frozen=True)
class Store:
    """Passages with the indexes over them; row i of each belongs to ``passages[i]``.

    ``lexical`` is over words, ``trigrams`` over characters. ``sentence_dense`` and
    ``sentence_lexical`` hold one row a sentence, in the order of ``sentences``.
    """

    manifest: Manifest
    documents: Mapping[str, Document]
    passages: Sequence[Passage]
    dense: DenseIndex
    sentence_dense: DenseIndex
    lexical: LexicalIndex
    trigrams: LexicalIndex
    sentence_lexical: LexicalIndex

    @cached_property
    def sentences(self) -> list[Sentence]:
        """All sentences of all passages, in order."""
        spans = [(i, *span) for i, p in enumerate(self.passages) for span in p.sentences]
        return [Sentence(row, *span) for row, span in enumerate(spans)]

    @cached_property
    def sentence_offsets(self) -> NDArray[np.intp]:
        """Row of the first sentence of each passage, and one past the last: ``(passages + 1,)``."""
        sizes = [len(p.sentences) for p in self.passages]
        return np.concatenate([[0], np.cumsum(sizes)]).astype(np.intp)

    @cached_property
    def sentence_owner(self) -> NDArray[np.intp]:
        """For each sentence row, the passage row: ``(sentences,)``."""
        return np.repeat(np.arange(len(self.passages)), np.diff(self.sentence_offsets))

    @cached_property
    def municipalities(self) -> dict[str, list[int]]:
        """Full names of the municipalities that have passages, with the passages' rows."""
        rows: dict[str, list[int]] = {}
        for row, passage in enumerate(self.passages):
            if passage.municipality:
                rows.setdefault(passage.municipality, []).append(row)
        return rows

    def sentences_of(self, passage: int) -> list[Sentence]:
        """The sentences of a passage, by its row."""
        start, end = self.sentence_offsets[passage : passage + 2]
        return self.sentences[start:end]

    def sentence_terms(self, row: int) -> list[str]:
        """The lexical terms of a sentence, by its row."""
        return terms(self.text(self.sentences[row]))

    def text(self, sentence: Sentence) -> str:
        """The characters of a sentence."""
        document = self.documents[self.passages[sentence.passage].doc_id]
        return document.text[sentence.start : sentence.end]
